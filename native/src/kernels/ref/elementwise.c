/* Operators that compute each number from numbers at the same place. */
#include "places.h"

static void run_scale_shift(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const attar_constant *weights = &step->program->constants[step->op->weights];
    const attar_constant *biases = &step->program->constants[step->op->bias];
    const walk weight = walk_of(to, step->op->weight_axes), bias = walk_of(to, step->op->bias_axes);
    for (uint64_t i = place_of_item(begin, step->items, to->elements);
         i < place_of_item(end, step->items, to->elements); i++) {
        const int64_t sum = number_at(from, arena + from->offset, i) * constant_at(weights, place_in(&weight, to, i)) +
                            constant_at(biases, place_in(&bias, to, i));
        const int64_t result = rescaled(sum, step->scalings->multiplier, step->scalings->shift);
        put_integer(to, arena + to->offset, i, clamped(step->op, to, result));
    }
}

static void run_two(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *left = step_input(step, 0), *right = step_input(step, 1), *to = step_output(step);
    const walk in_left = walk_of(to, axes_of(left)), in_right = walk_of(to, axes_of(right));
    const attar_scaling *scalings = step->scalings;
    for (uint64_t i = place_of_item(begin, step->items, to->elements);
         i < place_of_item(end, step->items, to->elements); i++) {
        const int64_t a = number_at(left, arena + left->offset, place_in(&in_left, to, i));
        const int64_t b = number_at(right, arena + right->offset, place_in(&in_right, to, i));
        const int64_t result =
            step->op->kind == ATTAR_PRODUCT
                ? rescaled(a * b, scalings->multiplier, scalings->shift)
                : rescaled(a * scalings[0].multiplier + b * scalings[1].multiplier, 1, scalings->shift);
        put_integer(to, arena + to->offset, i, clamped(step->op, to, result));
    }
}

static void run_requantize(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    for (uint64_t i = place_of_item(begin, step->items, to->elements);
         i < place_of_item(end, step->items, to->elements); i++) {
        const int64_t x = number_at(from, arena + from->offset, i);
        put_integer(to, arena + to->offset, i,
                    clamped(step->op, to, rescaled(x, step->scalings->multiplier, step->scalings->shift)));
    }
}

static void run_table(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const attar_constant *table = &step->program->constants[step->op->weights];
    const int is_wide = table->source == ATTAR_INLINE_INT16;
    for (uint64_t i = place_of_item(begin, step->items, to->elements);
         i < place_of_item(end, step->items, to->elements); i++) {
        const uint32_t u = integer_at(from, arena + from->offset, i);
        put_integer(to, arena + to->offset, i, is_wide ? attar_load16(table->data + 2 * u) : table->data[u]);
    }
}

const attar_kernel attar_ref_scale_shift = {ATTAR_SCALE_SHIFT, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks,
                                            run_scale_shift};
const attar_kernel attar_ref_product = {ATTAR_PRODUCT, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks, run_two};
const attar_kernel attar_ref_sum = {ATTAR_SUM, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks, run_two};
const attar_kernel attar_ref_requantize = {ATTAR_REQUANTIZE, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks,
                                           run_requantize};
const attar_kernel attar_ref_table = {ATTAR_TABLE, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks, run_table};
