/* Operators that go number by number, of any format and any broadcasting, strip after strip. A strip's inputs are read
 * before its results are written, so that they may lie in the same place. Internal. */
#ifndef ATTAR_KERNELS_TEXT_ELEMENTWISE_H
#define ATTAR_KERNELS_TEXT_ELEMENTWISE_H

#include "spread.h"

/* Items begin at even places: two numbers of 4 bits share a byte. */
static inline uint64_t even_place(const attar_step *step, uint64_t item)
{
    const uint64_t elements = step_output(step)->elements, place = place_of_item(item, step->items, elements);
    return place == elements ? place : place & ~UINT64_C(1);
}

static inline uint64_t elementwise_items(const attar_step *step)
{
    enum { BLOCK = 4096 };
    return step_output(step)->elements / BLOCK + 1;
}

static inline uint32_t strip_length(uint64_t at, uint64_t last)
{
    return last - at < STRIP ? (uint32_t)(last - at) : STRIP;
}

/* Bytes to bytes are done faster by a table. */
static inline int is_beyond_bytes(const attar_step *step)
{
    return step_input(step, 0)->storage != 8 || step_output(step)->storage != 8;
}

/* Constants as 64 bits, one behind the other. */
static inline uint64_t constant_bytes(const attar_step *step)
{
    const uint32_t numbers[2] = {step->op->weights, step->op->bias};
    uint64_t count = 0;
    for (int i = 0; i < 2; i++)
        count += numbers[i] == ATTAR_NOTHING ? 0 : step->program->constants[numbers[i]].count;
    return 8 * count;
}

static inline void widen_constants(const attar_step *step)
{
    const uint32_t numbers[2] = {step->op->weights, step->op->bias};
    int64_t *to = step->packed;
    for (int i = 0; i < 2; i++)
        for (uint64_t at = 0; numbers[i] != ATTAR_NOTHING && at < step->program->constants[numbers[i]].count; at++)
            *to++ = constant_at(&step->program->constants[numbers[i]], at);
}

ATTAR_TEXT void text_product(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const spread in_a = spread_of_input(step, 0), in_b = spread_of_input(step, 1);
    const ending e = ending_of(step, step->scalings);
    const int is_narrow = step->op->accumulator_bits <= 32;
    const uint64_t last = even_place(step, end);
    for (uint64_t at = even_place(step, begin); at < last; at += STRIP) {
        const uint32_t count = strip_length(at, last);
        int32_t a[STRIP], b[STRIP];
        int64_t wide[STRIP];
        take_spread(step, arena, 0, &in_a, at, count, a);
        take_spread(step, arena, 1, &in_b, at, count, b);
        if (is_narrow) {
            for (uint32_t i = 0; i < count; i++)
                a[i] *= b[i];
            end_strip(a, &e, count, a);
        } else {
            for (uint32_t i = 0; i < count; i++)
                wide[i] = (int64_t)a[i] * b[i];
            end_wide_strip(wide, &e, count, a);
        }
        put(to, arena + to->offset, at, 1, count, a);
    }
}

ATTAR_TEXT void text_sum(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const spread in_a = spread_of_input(step, 0), in_b = spread_of_input(step, 1);
    const ending e = ending_of(step, step->scalings);
    const int64_t by_a = step->scalings[0].multiplier, by_b = step->scalings[1].multiplier;
    const uint64_t last = even_place(step, end);
    for (uint64_t at = even_place(step, begin); at < last; at += STRIP) {
        const uint32_t count = strip_length(at, last);
        int32_t a[STRIP], b[STRIP];
        take_spread(step, arena, 0, &in_a, at, count, a);
        take_spread(step, arena, 1, &in_b, at, count, b);
        for (uint32_t i = 0; i < count; i++)
            a[i] = ended((a[i] * by_a + b[i] * by_b + e.half) >> e.shift, &e);
        put(to, arena + to->offset, at, 1, count, a);
    }
}

ATTAR_TEXT void text_scale_shift(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const spread whole = spread_of_input(step, 0), in_weights = spread_of(to, step->op->weight_axes),
                 in_biases = spread_of(to, step->op->bias_axes);
    const int64_t *weights = step->packed;
    const int64_t *biases = weights + step->program->constants[step->op->weights].count;
    const ending e = ending_of(step, step->scalings);
    const int is_narrow = step->op->accumulator_bits <= 32;
    const uint64_t last = even_place(step, end);
    for (uint64_t at = even_place(step, begin); at < last; at += STRIP) {
        const uint32_t count = strip_length(at, last);
        int32_t x[STRIP];
        int64_t w[STRIP], b[STRIP];
        take_spread(step, arena, 0, &whole, at, count, x);
        take_constant(weights, &in_weights, at, count, w);
        take_constant(biases, &in_biases, at, count, b);
        if (is_narrow) {
            for (uint32_t i = 0; i < count; i++)
                x[i] = x[i] * (int32_t)w[i] + (int32_t)b[i];
            end_strip(x, &e, count, x);
        } else {
            for (uint32_t i = 0; i < count; i++)
                w[i] = x[i] * w[i] + b[i];
            end_wide_strip(w, &e, count, x);
        }
        put(to, arena + to->offset, at, 1, count, x);
    }
}

ATTAR_TEXT void text_slopes(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const spread whole = spread_of_input(step, 0), in_slopes = spread_of(to, step->op->weight_axes);
    const ending above = ending_of(step, &step->scalings[0]), below = ending_of(step, &step->scalings[1]);
    const uint64_t last = even_place(step, end);
    for (uint64_t at = even_place(step, begin); at < last; at += STRIP) {
        const uint32_t count = strip_length(at, last);
        int32_t x[STRIP];
        int64_t w[STRIP];
        take_spread(step, arena, 0, &whole, at, count, x);
        take_constant(step->packed, &in_slopes, at, count, w);
        for (uint32_t i = 0; i < count; i++) {
            const int64_t up = ((int64_t)x[i] * above.multiplier + above.half) >> above.shift;
            const int64_t down = (x[i] * w[i] * below.multiplier + below.half) >> below.shift;
            w[i] = x[i] < 0 ? down : up;
        }
        for (uint32_t i = 0; i < count; i++)
            x[i] = ended(w[i], &above);
        put(to, arena + to->offset, at, 1, count, x);
    }
}

/* One input rescaled to the output's steps, as an extreme has several and Requantize has one. */
ATTAR_TEXT void rescale_strip(const int32_t *x, const ending *e, uint32_t count, int64_t *results)
{
    for (uint32_t i = 0; i < count; i++)
        results[i] = ((int64_t)x[i] * e->multiplier + e->half) >> e->shift;
}

ATTAR_TEXT void text_extreme(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const uint64_t last = even_place(step, end);
    for (uint64_t at = even_place(step, begin); at < last; at += STRIP) {
        const uint32_t count = strip_length(at, last);
        const ending e = ending_of(step, step->scalings);
        int64_t best[STRIP], next[STRIP];
        int32_t x[STRIP];
        for (uint32_t input = 0; input < step->op->input_count; input++) {
            const spread in = spread_of_input(step, input);
            const ending own = ending_of(step, &step->scalings[input]);
            take_spread(step, arena, input, &in, at, count, x);
            rescale_strip(x, &own, count, input == 0 ? best : next);
            for (uint32_t i = 0; input > 0 && i < count; i++)
                best[i] = (next[i] < best[i]) == (step->op->is_least != 0) ? next[i] : best[i];
        }
        for (uint32_t i = 0; i < count; i++)
            x[i] = ended(best[i], &e);
        put(to, arena + to->offset, at, 1, count, x);
    }
}

/* The kernels of a processor: of a product, a sum, a scale and shift, slopes, extremes and changes of the format. */
#define ATTAR_TEXT_RUN(text)                                                                       \
    ATTAR_TEXT_FUNCTION void run_##text(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)\
    {                                                                                              \
        text_##text(step, arena, begin, end);                                                      \
    }
#define ATTAR_ELEMENTWISE_KERNELS(isa, code)                                                       \
    ATTAR_TEXT_RUN(product)                                                                        \
    ATTAR_TEXT_RUN(sum)                                                                            \
    ATTAR_TEXT_RUN(scale_shift)                                                                    \
    ATTAR_TEXT_RUN(slopes)                                                                         \
    ATTAR_TEXT_RUN(extreme)                                                                        \
    const attar_kernel attar_##isa##_product = {ATTAR_PRODUCT, code, NULL, NULL, NULL, NULL,       \
                                                elementwise_items, run_product};                   \
    const attar_kernel attar_##isa##_any_sum = {ATTAR_SUM, code, NULL, NULL, NULL, NULL,           \
                                                elementwise_items, run_sum};                       \
    const attar_kernel attar_##isa##_scale_shift = {ATTAR_SCALE_SHIFT, code, NULL, constant_bytes, \
                                                    NULL, widen_constants, elementwise_items,      \
                                                    run_scale_shift};                              \
    const attar_kernel attar_##isa##_parametric_relu = {ATTAR_PARAMETRIC_RELU, code, NULL, constant_bytes,\
                                                        NULL, widen_constants, elementwise_items,  \
                                                        run_slopes};                               \
    const attar_kernel attar_##isa##_extreme = {ATTAR_EXTREME, code, NULL, NULL, NULL, NULL,       \
                                                elementwise_items, run_extreme};                   \
    const attar_kernel attar_##isa##_any_requantize = {ATTAR_REQUANTIZE, code, is_beyond_bytes, NULL,\
                                                       NULL, NULL, elementwise_items, run_extreme};

#endif
