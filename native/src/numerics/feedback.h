/* Rounding with error feedback: the text that is compiled for every kind of processor. Each place is settled by the same
 * operations in the same order, whatever the width of the registers, so that all kernels give the same bits. Internal. */
#ifndef ATTAR_NUMERICS_FEEDBACK_H
#define ATTAR_NUMERICS_FEEDBACK_H

#include "../cpu.h"
#include "attar/feedback.h"

/* A product and a sum in one operation are rounded once instead of twice; GCC makes them only of what isn't plain C99. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#ifdef __GNUC__
#define FEEDBACK_TEXT static inline __attribute__((always_inline)) /* into functions for other processors, too */
#else
#define FEEDBACK_TEXT static inline
#endif

enum { FEEDBACK_PANEL = 4 }; /* columns whose errors are carried to those before them in one go */

typedef void attar_feedback_kernel(const attar_feedback *feedback, const attar_feedback_block *block);

attar_feedback_kernel attar_feedback_independent_portable, attar_feedback_coupled_portable;
#ifdef ATTAR_HAS_AVX2
attar_feedback_kernel attar_feedback_independent_avx2, attar_feedback_coupled_avx2;
#endif

/* The integer nearest to a place within reach. What is left of the place beside its whole part is exact, so ties are seen:
 * they go to the integer nearer to zero, which is cheaper to code. */
FEEDBACK_TEXT int32_t feedback_nearest(float place)
{
    const float end = (float)ATTAR_FEEDBACK_REACH;
    const float finite = place - place == 0 ? place : 0;
    const float raised = finite > -end ? finite : -end;
    const float within = raised < end ? raised : end;
    const int32_t whole = (int32_t)within;
    const float rest = within - (float)whole;
    return whole + (rest > 0.5f) - (rest < -0.5f);
}

/* Rounds one place, `from_rows` added to its target. */
FEEDBACK_TEXT void feedback_settle(const attar_feedback *feedback, const attar_feedback_block *block, size_t at,
                                   float from_rows)
{
    const int32_t q = feedback_nearest((block->targets[at] + from_rows) / feedback->step);
    block->integers[at] = q;
    block->errors[at] = block->weights[at] - (float)q * feedback->step;
}

/* Carries the errors of a column to some columns before it. */
FEEDBACK_TEXT void feedback_carry(const attar_feedback *feedback, const attar_feedback_block *block, size_t column,
                                  size_t first, size_t stop)
{
    const size_t rows = feedback->rows;
    const float *errors = block->errors + column * rows;
    for (size_t before = first; before < stop; before++) {
        const float share = block->lower[column * block->width + before];
        float *targets = block->targets + before * rows;
        for (size_t row = 0; row < rows; row++)
            targets[row] += errors[row] * share;
    }
}

/* The same for all columns before a whole panel: each target is read and written once instead of four times. */
FEEDBACK_TEXT void feedback_carry_panel(const attar_feedback *feedback, const attar_feedback_block *block,
                                        size_t column)
{
    const size_t rows = feedback->rows;
    const size_t width = block->width;
    const float *errors = block->errors + column * rows;
    for (size_t before = 0; before < column; before++) {
        const float *lower = block->lower + column * width + before;
        const float s0 = lower[0], s1 = lower[width], s2 = lower[2 * width], s3 = lower[3 * width];
        float *targets = block->targets + before * rows;
        for (size_t row = 0; row < rows; row++) {
            const float with_last = targets[row] + errors[3 * rows + row] * s3;
            const float with_third = with_last + errors[2 * rows + row] * s2;
            targets[row] = with_third + errors[rows + row] * s1 + errors[row] * s0;
        }
    }
}

/* Carries what the columns from `first` to `stop` missed to all those before them. */
FEEDBACK_TEXT void feedback_carry_on(const attar_feedback *feedback, const attar_feedback_block *block, size_t first,
                                     size_t stop)
{
    if (stop - first == FEEDBACK_PANEL) {
        feedback_carry_panel(feedback, block, first);
        return;
    }
    for (size_t column = stop; column-- > first;)
        feedback_carry(feedback, block, column, 0, first);
}

/* Carries what one place missed to the columns of its own panel and to the rows before it. */
FEEDBACK_TEXT void feedback_spread(const attar_feedback *feedback, const attar_feedback_block *block, size_t first,
                                   size_t column, size_t row)
{
    const size_t rows = feedback->rows;
    const size_t at = column * rows + row;
    const float error = block->errors[at];
    const float missed = block->targets[at] - (float)block->integers[at] * feedback->step;
    const float *lower = feedback->row_lower + row * rows;
    float *from_rows = block->from_rows + column * rows;
    block->missed[at] = missed;
    for (size_t before = first; before < column; before++)
        block->targets[before * rows + row] += error * block->lower[column * block->width + before];
    for (size_t before = 0; before < row; before++)
        from_rows[before] += missed * lower[before];
}

/* Every place waits for those below it and those behind it, so the columns of a panel go side by side, each one row
 * behind the next: the processor works on four places at once. */
FEEDBACK_TEXT void feedback_panel_of_coupled(const attar_feedback *feedback, const attar_feedback_block *block,
                                             size_t first, size_t stop)
{
    const size_t rows = feedback->rows;
    for (size_t turn = 0; turn < rows + stop - first - 1; turn++)
        for (size_t column = stop; column-- > first;) {
            const size_t waited = turn - (stop - 1 - column); /* far beyond the rows before its own turn has come */
            if (waited >= rows)
                continue;
            const size_t row = rows - 1 - waited;
            const size_t at = column * rows + row;
            feedback_settle(feedback, block, at, block->from_rows[at]);
            feedback_spread(feedback, block, first, column, row);
        }
}

FEEDBACK_TEXT void feedback_round_coupled(const attar_feedback *feedback, const attar_feedback_block *block)
{
    for (size_t stop = block->width; stop > 0;) {
        const size_t first = stop < FEEDBACK_PANEL ? 0 : stop - FEEDBACK_PANEL;
        feedback_panel_of_coupled(feedback, block, first, stop);
        feedback_carry_on(feedback, block, first, stop);
        stop = first;
    }
}

/* `settle_rows` settles one column's rows from the first on, as many as it likes, and returns the first one left. */
typedef size_t feedback_settle_rows(const attar_feedback *feedback, const attar_feedback_block *block, size_t column);

FEEDBACK_TEXT void feedback_round_independent(const attar_feedback *feedback, const attar_feedback_block *block,
                                              feedback_settle_rows *settle_rows)
{
    for (size_t stop = block->width; stop > 0;) {
        const size_t first = stop < FEEDBACK_PANEL ? 0 : stop - FEEDBACK_PANEL;
        for (size_t column = stop; column-- > first;) {
            for (size_t row = settle_rows(feedback, block, column); row < feedback->rows; row++)
                feedback_settle(feedback, block, column * feedback->rows + row, 0.0f);
            feedback_carry(feedback, block, column, first, column);
        }
        feedback_carry_on(feedback, block, first, stop);
        stop = first;
    }
}

#endif
