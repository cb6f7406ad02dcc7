/* The program of an integer network, read from its section of a file (docs/format.md, section 12) and checked.
 *
 * A tensor's integers lie in the arena without their sign: u = q - (the least integer of the format), in 4, 8 or 16 bits.
 * Shapes are those of memory, channels last; docs/integer.md has the arithmetic. */
#ifndef ATTAR_PROGRAM_H
#define ATTAR_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "attar/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Operators, listed once: number in the file and name. */
#define ATTAR_OPERATOR_TABLE(X)                                                                    \
    X(ATTAR_CONVOLUTION, "convolution")                                                            \
    X(ATTAR_DENSE, "dense")                                                                        \
    X(ATTAR_SCALE_SHIFT, "scale shift")                                                            \
    X(ATTAR_PRODUCT, "product")                                                                    \
    X(ATTAR_SUM, "sum")                                                                            \
    X(ATTAR_AVERAGE_POOL, "average pool")                                                          \
    X(ATTAR_MAX_POOL, "max pool")                                                                  \
    X(ATTAR_CONCAT, "concat")                                                                      \
    X(ATTAR_REQUANTIZE, "requantize")                                                              \
    X(ATTAR_TABLE, "table")                                                                        \
    X(ATTAR_TRANSPOSE, "transpose")                                                                \
    X(ATTAR_PAD, "pad")                                                                            \
    X(ATTAR_TRANSPOSED_CONVOLUTION, "transposed convolution")                                      \
    X(ATTAR_SLICE, "slice")                                                                        \
    X(ATTAR_PICK, "pick")                                                                          \
    X(ATTAR_INTERPOLATE, "interpolate")                                                            \
    X(ATTAR_MATRIX_PRODUCT, "matrix product")                                                      \
    X(ATTAR_PARAMETRIC_RELU, "parametric relu")                                                    \
    X(ATTAR_EXTREME, "extreme")                                                                    \
    X(ATTAR_SOFTMAX, "softmax")

#define ATTAR_OPERATOR_ENUM(code, name) code,
typedef enum attar_kind { ATTAR_OPERATOR_TABLE(ATTAR_OPERATOR_ENUM) ATTAR_KIND_COUNT } attar_kind;
#undef ATTAR_OPERATOR_ENUM

/* What a constant holds, and where it is: a tensor of the file's table, or the bytes in the section itself. */
typedef enum attar_source {
    ATTAR_TABLE_INTEGERS, /* of a tensor on a grid, or of an integer type, with the grid's steps */
    ATTAR_TABLE_FLOATS,
    ATTAR_INLINE_INT8,
    ATTAR_INLINE_INT16,
    ATTAR_INLINE_INT32,
    ATTAR_INLINE_INT64,
    ATTAR_INLINE_FLOAT32,
    ATTAR_SOURCE_COUNT
} attar_source;

enum {
    ATTAR_RANK_MAX = 6,
    ATTAR_BITS_MAX = 16,
    ATTAR_NAME_MAX = 4096,
    ATTAR_EXTENT_MAX = 1 << 24, /* of an axis, a window's step or its border */
    ATTAR_REDUCTION_MAX = 1 << 26
};
/* What a softmax's table has for the largest number. */
#define ATTAR_SHARE_ONE (UINT32_C(1) << 30)
#define ATTAR_NOTHING UINT32_MAX /* an operand that is not there */
#define ATTAR_ELEMENTS_MAX (UINT64_C(1) << 31)
#define ATTAR_ARENA_MAX (UINT64_C(1) << 40)

typedef struct attar_tensor {
    uint64_t offset; /* bytes into the arena */
    uint64_t elements;
    uint64_t bytes;
    uint32_t dims[ATTAR_RANK_MAX];
    uint32_t rank;
    uint32_t bits;      /* 2 to 16 */
    uint32_t storage;   /* bits in memory: 4, 8 or 16 */
    uint32_t top;       /* the largest u, 2^bits - 1 */
    uint32_t zero;      /* the u that stands for 0.0 */
    uint32_t is_signed; /* what q is to those outside */
    float scale;
} attar_tensor;

typedef struct attar_constant {
    attar_source source;
    uint32_t index;      /* in the file's table */
    uint64_t count;      /* of an inline one */
    const uint8_t *data; /* of an inline one, little-endian, anyhow aligned */
} attar_constant;

/* Windows over (height, width, channels); what lies outside of the input stands for 0. */
typedef struct attar_window {
    uint32_t kernel[2];
    uint32_t strides[2];
    uint32_t dilations[2];
    uint32_t begin[2]; /* the border before; the output's extents say how far the windows reach */
} attar_window;

/* The constants of one axis that is looked up: a cell for each place; two, and how much the farther one weighs. */
enum { ATTAR_NEARER, ATTAR_FARTHER, ATTAR_SHARE, ATTAR_CELLS };

/* One operator. Those fields count that its kind has. */
typedef struct attar_operator {
    attar_kind kind;
    uint32_t output;
    uint32_t input_count;
    const uint32_t *inputs;
    uint32_t low; /* what results are clamped to, as u */
    uint32_t high;
    uint32_t accumulator_bits;
    attar_window window;
    uint32_t groups;
    uint32_t weight_bits; /* of layers with weights: 2 to 16; of those of cells: 0 to 15 */
    uint32_t weights; /* constants */
    uint32_t scales;
    uint32_t bias;
    uint32_t channels; /* of the image whose numbers, channels first, a dense layer's columns are; 1 where they lie in order */
    uint32_t is_transposed; /* weights lie as (inputs, outputs of a group, taps) */
    uint32_t weight_axes; /* of scale shift and slopes: bit i is set where the weights run along axis i, */
    uint32_t bias_axes;   /* and where the bias does */
    const uint32_t *counts[2]; /* of average pools: the cells that count, along the height and the width of the output */
    uint32_t is_least; /* of extremes: the least, not the largest */
    uint32_t axis;
    uint32_t axes[ATTAR_RANK_MAX];
    uint32_t pads[ATTAR_RANK_MAX][2];
    uint32_t value; /* of a pad's cells, as u */
    uint32_t starts[ATTAR_RANK_MAX]; /* of slices: the first cell along each axis, */
    int32_t steps[ATTAR_RANK_MAX];   /* and how far the next one is */
    uint32_t cells[ATTAR_RANK_MAX][ATTAR_CELLS]; /* nothing where an axis stays as it is */
} attar_operator;

/* An input or an output: `axes[i]` is the axis, as the network's user counts, that lies at place i in memory. */
typedef struct attar_port {
    uint32_t tensor;
    uint32_t name_length;
    const uint8_t *name; /* UTF-8, unchecked, without an end */
    uint32_t axes[ATTAR_RANK_MAX];
} attar_port;

typedef struct attar_program {
    uint64_t arena_bytes;
    uint32_t tensor_count, constant_count, operator_count, input_count, output_count;
    const attar_tensor *tensors;
    const attar_constant *constants;
    const attar_operator *operators;
    const attar_port *inputs;
    const attar_port *outputs;
} attar_program;

/* The memory that attar_program_read fills for this section. */
attar_status attar_program_bytes(const uint8_t *section, size_t size, size_t *bytes);

/* Reads a section, which has to live as long as the program does. `memory`: that many bytes, aligned to 8. */
attar_status attar_program_read(const uint8_t *section, size_t size, void *memory, size_t bytes,
                                attar_program *program);

/* The name of a kind; "unknown" for a value outside the table. Never NULL. */
const char *attar_kind_name(attar_kind kind);

#ifdef __cplusplus
}
#endif
#endif
