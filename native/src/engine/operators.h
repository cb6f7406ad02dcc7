/* A program that is being read, and the operators of it. Internal. */
#ifndef ATTAR_ENGINE_OPERATORS_H
#define ATTAR_ENGINE_OPERATORS_H

#include "attar/program.h"
#include "reader.h"

/* Where a tensor lies, beside others. */
typedef struct place {
    uint32_t first;      /* a number for all tensors of this place */
    uint32_t is_written; /* the place of this number */
} place;

typedef struct building {
    attar_tensor *tensors;
    attar_constant *constants;
    attar_operator *operators;
    attar_port *inputs;
    attar_port *outputs;
    place *places;      /* by tensor */
    uint32_t *order;    /* of tensors, by place */
    uint32_t *operands; /* the next free one */
    uint32_t *numbers;
    uint32_t operands_left;
    uint32_t numbers_left;
    uint32_t tensor_count;
    uint32_t constant_count;
} building;

/* Reads one operator and holds it against the tensors and constants, all of which are there. */
void attar_read_operator(reader *r, building *b, attar_operator *op);

/* Whether whatever is read, or put out, was written before. */
attar_status attar_check_written(const building *b, uint32_t inputs, uint32_t outputs, uint32_t operators);

/* The fields of a kind, behind output and inputs. */
typedef void attar_read_fields(reader *r, building *b, attar_operator *op);

attar_read_fields attar_read_convolution;
attar_read_fields attar_read_dense;
attar_read_fields attar_read_scale_shift;
attar_read_fields attar_read_two;
attar_read_fields attar_read_average_pool;
attar_read_fields attar_read_max_pool;
attar_read_fields attar_read_concat;
attar_read_fields attar_read_requantize;
attar_read_fields attar_read_table;
attar_read_fields attar_read_transpose;
attar_read_fields attar_read_pad;
attar_read_fields attar_read_slice;
attar_read_fields attar_read_pick;
attar_read_fields attar_read_interpolate;
attar_read_fields attar_read_matrix_product;
attar_read_fields attar_read_parametric_relu;
attar_read_fields attar_read_extreme;
attar_read_fields attar_read_softmax;

#endif
