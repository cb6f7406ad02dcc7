/* PRelu: numbers below zero times a slope, the others as they are. */
#include "places.h"

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const attar_constant *slopes = &step->program->constants[step->op->weights];
    const walk slope = walk_of(to, step->op->weight_axes);
    for (uint64_t i = place_of_item(begin, step->items, to->elements);
         i < place_of_item(end, step->items, to->elements); i++) {
        const int64_t x = number_at(from, arena + from->offset, i);
        const attar_scaling *scaling = &step->scalings[x < 0 ? 1 : 0];
        const int64_t sum = x < 0 ? x * constant_at(slopes, place_in(&slope, to, i)) : x;
        put_integer(to, arena + to->offset, i, clamped(step->op, to, rescaled(sum, scaling->multiplier, scaling->shift)));
    }
}

const attar_kernel attar_ref_parametric_relu = {ATTAR_PARAMETRIC_RELU, ATTAR_ISA_REF, NULL, NULL, NULL, NULL,
                                                items_of_blocks, run};
