/* What a kernel is, and what it is given. One operator has one kernel or several: the plain one in ref/, which can do
 * everything, and faster ones that say what they can do. Each equals ref/ bit for bit. Internal. */
#ifndef ATTAR_KERNELS_KERNEL_H
#define ATTAR_KERNELS_KERNEL_H

#include "attar/engine.h"

/* An output channel of a layer with weights, as it is made ready. */
typedef struct attar_channel {
    int64_t bias;       /* in units of the accumulator */
    int64_t sum;        /* of its weights */
    uint64_t magnitude; /* sum of their magnitudes */
    int32_t multiplier;
    int32_t shift;
    float scale;
    float real_bias;
} attar_channel;

/* Weights as a matrix: `rows` outputs, each with `taps` times `channels` columns; in a row of the file channels come
 * first, in memory taps do. */
typedef struct attar_matrix {
    uint32_t rows;
    uint32_t taps;
    uint32_t channels;
    uint32_t is_wide; /* some weight may take 16 bits */
} attar_matrix;

typedef struct attar_scaling {
    int32_t multiplier;
    int32_t shift;
} attar_scaling;

struct attar_kernel;

typedef struct attar_step {
    const attar_operator *op;
    const attar_program *program;
    const struct attar_kernel *kernel;
    attar_matrix matrix;
    attar_channel *channels;  /* of layers with weights */
    attar_scaling *scalings;  /* of others: one for each input, or for each place of an average */
    void *packed;             /* what the kernel asked for, aligned to 64 */
    uint64_t items;           /* that the work divides into */
} attar_step;

typedef struct attar_kernel {
    attar_kind kind;
    attar_isa isa;
    int (*fits)(const attar_step *step);              /* NULL: always */
    uint64_t (*bytes)(const attar_step *step);        /* of `packed`; NULL: none */
    /* Packs a weight: NULL where there are none. */
    void (*pack)(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values);
    void (*finish)(const attar_step *step);           /* after the last weight, channels ready; may be NULL */
    uint64_t (*items)(const attar_step *step);
    void (*run)(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end);
} attar_kernel;

/* The best kernel of a step that is `most` or plainer. */
const attar_kernel *attar_kernel_for(const attar_step *step, attar_isa most);

static inline const attar_tensor *step_output(const attar_step *step)
{
    return &step->program->tensors[step->op->output];
}

static inline const attar_tensor *step_input(const attar_step *step, uint32_t number)
{
    return &step->program->tensors[step->op->inputs[number]];
}

#endif
