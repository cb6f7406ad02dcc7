/* Making the steps of a program ready: kernels, multipliers, packed weights. Internal. */
#ifndef ATTAR_ENGINE_PREPARE_H
#define ATTAR_ENGINE_PREPARE_H

#include "../kernels/kernel.h"

/* Takes memory from a block, or only counts where there is none. */
typedef struct memory {
    uint8_t *block;
    uint64_t used;
} memory;

void *attar_take(memory *from, uint64_t bytes); /* aligned to 64 */

/* Sets up a step but for its weights, and takes its memory. */
attar_status attar_prepare(const attar_program *program, const attar_operator *op, attar_isa most, memory *from,
                           attar_step *step);

/* Weights that the section itself holds. */
void attar_prepare_inline(attar_step *step);

/* Weights as the file's table has them: rows are those of the tensor. */
uint64_t attar_tensor_columns(const attar_step *step);
void attar_prepare_rows(attar_step *step, uint64_t first, uint64_t count, const int16_t *values);
void attar_prepare_rows8(attar_step *step, uint64_t first, uint64_t count, const int8_t *values);
/* Steps, one for all outputs or one for each; a bias. */
void attar_prepare_scales(attar_step *step, const float *values, uint64_t count);
void attar_prepare_bias(attar_step *step, const float *values);

/* Multipliers, biases and the check of the accumulators. */
attar_status attar_prepare_finish(attar_step *step);

static inline int attar_has_matrix(const attar_operator *op)
{
    return op->kind == ATTAR_CONVOLUTION || op->kind == ATTAR_TRANSPOSED_CONVOLUTION || op->kind == ATTAR_DENSE;
}

#endif
