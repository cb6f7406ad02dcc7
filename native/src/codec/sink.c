#include "attar/sink.h"

enum { GRID_MAX = 1 << 20 }; /* float32(q) is exact, and the format allows no more */

static attar_status check_range(const int32_t *values, size_t n, int32_t low, int32_t high)
{
    int is_out = 0;
    for (size_t i = 0; i < n; i++)
        is_out |= (values[i] < low) | (values[i] > high);
    return is_out ? ATTAR_BAD_SYMBOL : ATTAR_OK;
}

#define WRITE_INTEGERS(name, type, low, high)                                                      \
    static attar_status name(const attar_sink *sink, uint64_t first, const int32_t *values, size_t n) \
    {                                                                                              \
        type *dst = (type *)sink->dst + (first - sink->from);                                                     \
        for (size_t i = 0; i < n; i++)                                                             \
            dst[i] = (type)values[i];                                                              \
        return check_range(values, n, low, high);                                                  \
    }

WRITE_INTEGERS(write_int32, int32_t, INT32_MIN, INT32_MAX)
WRITE_INTEGERS(write_int16, int16_t, INT16_MIN, INT16_MAX)
WRITE_INTEGERS(write_int8, int8_t, INT8_MIN, INT8_MAX)
WRITE_INTEGERS(write_uint16, uint16_t, 0, UINT16_MAX)
WRITE_INTEGERS(write_uint8, uint8_t, 0, UINT8_MAX)

static attar_status write_int4(const attar_sink *sink, uint64_t first, const int32_t *values, size_t n)
{
    uint8_t *dst = (uint8_t *)sink->dst + (first - sink->from) / 2;
    if (first % 2 != 0 || sink->from % 2 != 0)
        return ATTAR_BAD_ARGUMENT;
    for (size_t i = 0; i < n; i += 2) {
        uint32_t high = i + 1 < n ? (uint32_t)values[i + 1] : 0u;
        dst[i / 2] = (uint8_t)(((uint32_t)values[i] & 15u) | (high & 15u) << 4);
    }
    return check_range(values, n, -8, 7);
}

static uint32_t bits_of(float value)
{
    union {
        float number;
        uint32_t bits;
    } both;
    both.number = value;
    return both.bits;
}

/* Half to even; finite in, infinite out when it is too large. */
static uint16_t bfloat16_of(float value)
{
    uint32_t bits = bits_of(value);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static uint16_t float16_of(float value)
{
    uint32_t bits = bits_of(value);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude >= 0x47800000u) /* 65536: infinity, as is all that rounds up to it below */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude >= 0x38800000u) { /* normal from 2^-14 on: the exponent is lower by 112 */
        magnitude -= UINT32_C(112) << 23;
        return (uint16_t)(sign | (magnitude + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
    }
    uint32_t exponent = magnitude >> 23;
    if (exponent < 102) /* below half of the least subnormal number */
        return (uint16_t)sign;
    uint32_t shift = 126 - exponent; /* 14 to 24 bits fall off */
    uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    uint32_t rest = mantissa & ((UINT32_C(1) << shift) - 1u);
    uint32_t half = UINT32_C(1) << (shift - 1);
    mantissa >>= shift;
    mantissa += rest > half || (rest == half && (mantissa & 1u) != 0);
    return (uint16_t)(sign | mantissa);
}

static void scale_float32(void *dst, uint64_t first, const int32_t *values, size_t n, float scale)
{
    float *out = (float *)dst + first;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)values[i] * scale;
}

static void scale_float16(void *dst, uint64_t first, const int32_t *values, size_t n, float scale)
{
    uint16_t *out = (uint16_t *)dst + first;
    for (size_t i = 0; i < n; i++)
        out[i] = float16_of((float)values[i] * scale);
}

static void scale_bfloat16(void *dst, uint64_t first, const int32_t *values, size_t n, float scale)
{
    uint16_t *out = (uint16_t *)dst + first;
    for (size_t i = 0; i < n; i++)
        out[i] = bfloat16_of((float)values[i] * scale);
}

typedef void scale_run(void *dst, uint64_t first, const int32_t *values, size_t n, float scale);

/* In runs of one scale. */
static attar_status write_floats(const attar_sink *sink, uint64_t first, const int32_t *values, size_t n,
                                 scale_run *scale)
{
    if (sink->scale_count < 1 || sink->stride < 1)
        return ATTAR_BAD_ARGUMENT;
    uint64_t channel = first / sink->stride % sink->scale_count;
    uint64_t left = sink->stride - first % sink->stride;
    for (size_t i = 0; i < n;) {
        size_t run = left < n - i ? (size_t)left : n - i;
        scale(sink->dst, first - sink->from + i, values + i, run, sink->scales[channel]);
        i += run;
        left = sink->stride;
        channel = channel + 1 == sink->scale_count ? 0 : channel + 1;
    }
    return check_range(values, n, -GRID_MAX, GRID_MAX);
}

static attar_status check_entries(const attar_sink *sink, const int32_t *values, size_t n)
{
    int is_out = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t entry = (int64_t)values[i] + sink->origin;
        is_out |= (entry < 0) | (entry >= sink->entries);
    }
    return is_out ? ATTAR_BAD_SYMBOL : ATTAR_OK;
}

#define LOOK_UP(name, type)                                                                        \
    static attar_status name(const attar_sink *sink, uint64_t first, const int32_t *values, size_t n) \
    {                                                                                              \
        type *dst = (type *)sink->dst + (first - sink->from);                                                     \
        const type *book = (const type *)sink->book;                                               \
        attar_status status = check_entries(sink, values, n);                                      \
        for (size_t i = 0; status == ATTAR_OK && i < n; i++)                                       \
            dst[i] = book[(int64_t)values[i] + sink->origin];                                      \
        return status;                                                                             \
    }

LOOK_UP(look_up_8, uint8_t)
LOOK_UP(look_up_16, uint16_t)
LOOK_UP(look_up_32, uint32_t)
LOOK_UP(look_up_64, uint64_t)

static attar_status write_any(const attar_sink *sink, uint64_t first, const int32_t *values, size_t n)
{
    switch (sink->element) {
    case ATTAR_ELEMENT_INT32:
        return write_int32(sink, first, values, n);
    case ATTAR_ELEMENT_INT16:
        return write_int16(sink, first, values, n);
    case ATTAR_ELEMENT_INT8:
        return write_int8(sink, first, values, n);
    case ATTAR_ELEMENT_INT4:
        return write_int4(sink, first, values, n);
    case ATTAR_ELEMENT_UINT16:
        return write_uint16(sink, first, values, n);
    case ATTAR_ELEMENT_UINT8:
        return write_uint8(sink, first, values, n);
    case ATTAR_ELEMENT_FLOAT32:
        return write_floats(sink, first, values, n, scale_float32);
    case ATTAR_ELEMENT_FLOAT16:
        return write_floats(sink, first, values, n, scale_float16);
    case ATTAR_ELEMENT_BFLOAT16:
        return write_floats(sink, first, values, n, scale_bfloat16);
    case ATTAR_ELEMENT_LOOKUP8:
        return look_up_8(sink, first, values, n);
    case ATTAR_ELEMENT_LOOKUP16:
        return look_up_16(sink, first, values, n);
    case ATTAR_ELEMENT_LOOKUP32:
        return look_up_32(sink, first, values, n);
    case ATTAR_ELEMENT_LOOKUP64:
        return look_up_64(sink, first, values, n);
    case ATTAR_ELEMENT_COUNT:
        break;
    }
    return ATTAR_BAD_ARGUMENT;
}

attar_status attar_sink_write(const attar_sink *sink, uint64_t first, const int32_t *values, size_t n)
{
    const uint64_t end = sink->capacity < UINT64_MAX - sink->from ? sink->from + sink->capacity : UINT64_MAX;
    if (first < sink->from) {
        const uint64_t before = sink->from - first;
        if (n <= before)
            return ATTAR_OK;
        first += before;
        values += before;
        n -= (size_t)before;
    }
    if (first >= end)
        return ATTAR_OK;
    return write_any(sink, first, values, end - first < n ? (size_t)(end - first) : n);
}
