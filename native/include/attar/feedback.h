/* Rounding with error feedback: a block of columns of a weight matrix to integers, from the last column to the first,
 * each target to the nearest integer, its error carried on to the columns before it. With the unit lower triangle of
 * the inputs' second moment this is the second-order rounding of Hassibi and Stork (1993) and Frantar et al. (GPTQ,
 * 2023) in the form of Chee et al. (QuIP, 2023).
 * No allocation and no I/O: the caller owns every buffer. */
#ifndef ATTAR_FEEDBACK_H
#define ATTAR_FEEDBACK_H

#include <stddef.h>
#include <stdint.h>

#include "attar/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ATTAR_FEEDBACK_REACH = 1 << 24 }; /* no integer lies farther from zero; up to here a float holds every one */

/* What does not change from block to block. Rows are independent unless there is a triangle for them too: then what a
 * row misses is carried on to the rows before it in the same way. */
typedef struct attar_feedback {
    size_t rows;
    const float *row_lower; /* rows x rows, unit lower triangle, row by row; NULL where rows are independent */
    float step;             /* weights are integers x step; finite and above zero */
} attar_feedback;

/* One block of columns; every array has width x rows elements, column by column, unless said otherwise.
 * targets: the weights plus what the columns behind the block feed back; the block's own feedback is added to them.
 * lower: width x width, the block's part of the columns' triangle, row by row.
 * integers, errors: out; errors are weights - integers x step.
 * from_rows: what rows that are already settled feed back; that of these rows is added. missed: out; targets - integers
 * x step, for the rows still to come. Both unused where rows are independent. */
typedef struct attar_feedback_block {
    size_t width;
    const float *weights;
    float *targets;
    const float *lower;
    int32_t *integers;
    float *errors;
    float *from_rows;
    float *missed;
} attar_feedback_block;

/* Ties go to the integer nearer to zero; a target that is not a finite number becomes 0. */
attar_status attar_feedback_round(const attar_feedback *feedback, const attar_feedback_block *block);

#ifdef __cplusplus
}
#endif
#endif
