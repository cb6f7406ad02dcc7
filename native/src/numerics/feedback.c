/* Rounding with error feedback; the plain form is numerics/feedback_reference.py. */
#include "attar/feedback.h"

#include <math.h>
#include <string.h>

enum { BELOW = 1, ABOVE = 2 }; /* grid values tried around the target, beside zero */

/* The integer of least cost for one target; zero wins ties, then the lower. */
static int32_t cheapest(const attar_feedback *feedback, float target, float curvature, const float *bits)
{
    const float reach = (float)feedback->reach;
    float place = floorf(target / feedback->step);
    place = place < -reach ? -reach : place > reach ? reach : place;
    const int32_t floor = (int32_t)place;
    const int32_t low = floor - BELOW < -feedback->reach ? -feedback->reach : floor - BELOW;
    const int32_t high = floor + ABOVE > feedback->reach ? feedback->reach : floor + ABOVE;
    int32_t best = 0;
    float least = curvature * target * target + feedback->rate * bits[0];
    for (int32_t q = low; q <= high; q++) {
        const float error = (float)q * feedback->step - target;
        const float cost = curvature * error * error + feedback->rate * bits[q];
        if (cost < least) {
            least = cost;
            best = q;
        }
    }
    return best;
}

/* Rounds place (row, column) and carries its error to the columns of the block before it. */
static void settle(const attar_feedback *feedback, const attar_feedback_block *block, size_t row, size_t column,
                   float carried)
{
    const size_t at = row * block->width + column;
    const size_t span = 2 * (size_t)feedback->reach + 1;
    const float *bits = feedback->bits + block->tables[at] * span + feedback->reach;
    const float curvature = feedback->row_curvature[row] * block->curvature[column];
    const int32_t q = cheapest(feedback, block->targets[at] + carried, curvature, bits);
    const float error = block->weights[at] - (float)q * feedback->step;
    float *targets = block->targets + row * block->width;
    const float *lower = block->lower + column * block->width;
    block->integers[at] = q;
    block->errors[at] = error;
    for (size_t before = 0; before < column; before++)
        targets[before] += error * lower[before];
}

static void round_independent(const attar_feedback *feedback, const attar_feedback_block *block)
{
    for (size_t row = 0; row < feedback->rows; row++)
        for (size_t column = block->width; column-- > 0;)
            settle(feedback, block, row, column, 0.0f);
}

/* Column by column: what a row misses of its target goes to the rows before it, weighted by the rows' triangle. */
static void round_coupled(const attar_feedback *feedback, const attar_feedback_block *block)
{
    const size_t rows = feedback->rows;
    for (size_t column = block->width; column-- > 0;) {
        memset(block->row_feedback, 0, rows * sizeof *block->row_feedback);
        for (size_t row = rows; row-- > 0;) {
            const size_t at = row * block->width + column;
            settle(feedback, block, row, column, block->row_feedback[row]);
            const float missed = block->targets[at] - (float)block->integers[at] * feedback->step;
            const float *lower = feedback->row_lower + row * rows;
            for (size_t before = 0; before < row; before++)
                block->row_feedback[before] += missed * lower[before];
        }
    }
}

static int is_sound(const attar_feedback *feedback, const attar_feedback_block *block)
{
    if (!(feedback->step > 0) || !isfinite(feedback->step) || feedback->reach < 0)
        return 0;
    for (size_t at = 0; at < feedback->rows * block->width; at++)
        if (block->tables[at] >= feedback->tables)
            return 0;
    return 1;
}

attar_status attar_feedback_round(const attar_feedback *feedback, const attar_feedback_block *block)
{
    if (!is_sound(feedback, block))
        return ATTAR_BAD_ARGUMENT;
    if (feedback->row_lower == NULL)
        round_independent(feedback, block);
    else
        round_coupled(feedback, block);
    return ATTAR_OK;
}
