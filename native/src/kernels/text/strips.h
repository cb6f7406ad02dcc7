/* Numbers between memory and strips: some hundreds at a time as 32 bits each, whatever they take in memory. Loops over
 * strips see arrays that no store of bytes can change, and compilers make vectors of them. Internal.
 *
 * Files of this folder are texts: what ATTAR_TEXT marks is compiled into each kernel that uses it. A file of kernels for
 * other processors than the compiler's own defines ATTAR_TEXT_TARGET before it includes them. */
#ifndef ATTAR_KERNELS_TEXT_STRIPS_H
#define ATTAR_KERNELS_TEXT_STRIPS_H

#include "../integers.h"

#if defined(__GNUC__) && defined(ATTAR_TEXT_TARGET)
#define ATTAR_TEXT static inline __attribute__((always_inline)) ATTAR_TEXT_TARGET
#define ATTAR_TEXT_FUNCTION static ATTAR_TEXT_TARGET
#else
#define ATTAR_TEXT static inline /* and how often it is copied the compiler knows best */
#define ATTAR_TEXT_FUNCTION static
#endif

enum { STRIP = 256 };

/* Two numbers of 4 bits from each byte; `first` is even. */
ATTAR_TEXT void take_halves(const uint8_t *from, uint32_t top, int32_t zero, uint32_t count, int32_t *to)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        to[2 * i] = (int32_t)(from[i] & top) - zero;
        to[2 * i + 1] = (int32_t)((uint32_t)from[i] >> 4 & top) - zero;
    }
    if (count % 2 != 0)
        to[count - 1] = (int32_t)(from[count / 2] & top) - zero;
}

/* `count` numbers from the `first` on, `stride` apart, less `zero`. */
ATTAR_TEXT void take(const attar_tensor *tensor, const uint8_t *data, uint64_t first, uint64_t stride, int32_t zero,
                     uint32_t count, int32_t *to)
{
    const uint32_t top = tensor->top;
    if (tensor->storage == 8 && stride == 1) {
        for (uint32_t i = 0; i < count; i++)
            to[i] = (int32_t)(data[first + i] & top) - zero;
    } else if (tensor->storage == 16 && stride == 1) {
        const uint16_t *from = (const uint16_t *)(const void *)data + first;
        for (uint32_t i = 0; i < count; i++)
            to[i] = (int32_t)(from[i] & top) - zero;
    } else if (tensor->storage == 4 && stride == 1 && first % 2 == 0) {
        take_halves(data + first / 2, top, zero, count, to);
    } else {
        for (uint32_t i = 0; i < count; i++)
            to[i] = (int32_t)integer_at(tensor, data, first + i * stride) - zero;
    }
}

/* The way back, of u. The neighbor in a shared byte stays as it is. */
ATTAR_TEXT void put(const attar_tensor *tensor, uint8_t *data, uint64_t first, uint64_t stride, uint32_t count,
                    const int32_t *u)
{
    if (tensor->storage == 8 && stride == 1) {
        for (uint32_t i = 0; i < count; i++)
            data[first + i] = (uint8_t)u[i];
    } else if (tensor->storage == 16 && stride == 1) {
        uint16_t *to = (uint16_t *)(void *)data + first;
        for (uint32_t i = 0; i < count; i++)
            to[i] = (uint16_t)u[i];
    } else {
        uint32_t i = 0;
        if (tensor->storage == 4 && stride == 1 && first % 2 == 0)
            for (; i + 1 < count; i += 2)
                data[(first + i) / 2] = (uint8_t)(u[i] | u[i + 1] << 4);
        for (; i < count; i++)
            put_integer(tensor, data, first + i * stride, (uint32_t)u[i]);
    }
}

/* How all results of an operator become u. */
typedef struct ending {
    int64_t half;
    int64_t zero;
    int64_t low;
    int64_t high;
    int32_t multiplier;
    int32_t shift;
} ending;

static inline ending ending_of(const attar_step *step, const attar_scaling *scaling)
{
    const ending found = {scaling->shift > 0 ? INT64_C(1) << (scaling->shift - 1) : 0,
                          (int64_t)step_output(step)->zero,
                          step->op->low,
                          step->op->high,
                          scaling->multiplier,
                          scaling->shift};
    return found;
}

/* A result, rescaled already, as u. */
ATTAR_TEXT int32_t ended(int64_t result, const ending *e)
{
    const int64_t u = result + e->zero, raised = u < e->low ? e->low : u;
    return (int32_t)(raised > e->high ? e->high : raised);
}

ATTAR_TEXT void end_strip(const int32_t *sums, const ending *e, uint32_t count, int32_t *u)
{
    for (uint32_t i = 0; i < count; i++)
        u[i] = ended(((int64_t)sums[i] * e->multiplier + e->half) >> e->shift, e);
}

ATTAR_TEXT void end_wide_strip(const int64_t *sums, const ending *e, uint32_t count, int32_t *u)
{
    for (uint32_t i = 0; i < count; i++)
        u[i] = ended((sums[i] * e->multiplier + e->half) >> e->shift, e);
}

#endif
