/* The largest or the least of numbers at the same place, each in the output's steps. */
#include "places.h"

enum { AT_ONCE = 64 }; /* places for which an input is walked; all are read before one is written over them */

static void compare(const attar_step *step, const uint8_t *arena, uint32_t input, uint64_t first, uint64_t count,
                    int64_t *best)
{
    const attar_tensor *from = step_input(step, input), *to = step_output(step);
    const attar_scaling *scaling = &step->scalings[input];
    const walk along = walk_of(to, axes_of(from));
    for (uint64_t i = 0; i < count; i++) {
        const int64_t x = number_at(from, arena + from->offset, place_in(&along, to, first + i));
        const int64_t result = rescaled(x, scaling->multiplier, scaling->shift);
        if (input == 0 || (step->op->is_least != 0 ? result < best[i] : result > best[i]))
            best[i] = result;
    }
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const uint64_t last = place_of_item(end, step->items, to->elements);
    int64_t best[AT_ONCE];
    for (uint64_t at = place_of_item(begin, step->items, to->elements); at < last; at += AT_ONCE) {
        const uint64_t count = last - at < AT_ONCE ? last - at : AT_ONCE;
        for (uint32_t input = 0; input < step->op->input_count; input++)
            compare(step, arena, input, at, count, best);
        for (uint64_t i = 0; i < count; i++)
            put_integer(to, arena + to->offset, at + i, clamped(step->op, to, best[i]));
    }
}

const attar_kernel attar_ref_extreme = {ATTAR_EXTREME, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks, run};
