/* Rounding with error feedback; the plain form is numerics/feedback_reference.py. */
#include "attar/feedback.h"

enum { BELOW = 1, ABOVE = 2 }; /* grid values tried around the target, beside zero */

/* Never beyond the reach, where no int32_t might hold it; what is not a number goes to the lower end. */
static int32_t floor_within(float place, int32_t reach)
{
    const float end = (float)reach;
    const float within = place > -end ? place < end ? place : end : -end;
    const int32_t whole = (int32_t)within;
    return whole - ((float)whole > within);
}

/* The integer of least (distance in steps)^2 + price x bits for one target; zero wins ties, then the lower. Squares of
 * distances in the weights' own unit would be lost below 1e-38. */
static int32_t cheapest(float place, float price, const float *bits, int32_t reach)
{
    const int32_t floor = floor_within(place, reach);
    const int32_t low = floor - BELOW < -reach ? -reach : floor - BELOW;
    const int32_t high = floor + ABOVE > reach ? reach : floor + ABOVE;
    int32_t best = 0;
    float least = place * place + price * bits[0];
    for (int32_t q = low; q <= high; q++) {
        const float away = (float)q - place;
        const float cost = away * away + price * bits[q];
        if (cost < least) {
            least = cost;
            best = q;
        }
    }
    return best;
}

/* What a bit costs in squared steps. */
static float price_of(const attar_feedback *feedback, float row_curvature, float curvature)
{
    const double step = feedback->step;
    return (float)(feedback->rate / (step * step * row_curvature * curvature));
}

/* Rounds place (row, column) and carries its error to the columns of the block before it. */
static void settle(const attar_feedback *feedback, const attar_feedback_block *block, size_t row, size_t column,
                   float carried)
{
    const size_t at = row * block->width + column;
    const size_t span = 2 * (size_t)feedback->reach + 1;
    const float *bits = feedback->bits + block->tables[at] * span + feedback->reach;
    const float price = price_of(feedback, feedback->row_curvature[row], block->curvature[column]);
    const float place = (block->targets[at] + carried) / feedback->step;
    const int32_t q = cheapest(place, price, bits, feedback->reach);
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
        for (size_t row = 0; row < rows; row++)
            block->row_feedback[row] = 0.0f;
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
    if (!(feedback->step > 0) || feedback->step - feedback->step != 0 || !(feedback->rate >= 0))
        return 0;
    if (feedback->reach < 0 || feedback->reach > ATTAR_FEEDBACK_REACH_MAX)
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
