/* A program that is being read, and the operators of it. Internal. */
#ifndef ATTAR_ENGINE_OPERATORS_H
#define ATTAR_ENGINE_OPERATORS_H

#include "attar/program.h"
#include "reader.h"

typedef struct building {
    attar_tensor *tensors;
    attar_constant *constants;
    attar_operator *operators;
    attar_port *inputs;
    attar_port *outputs;
    uint32_t *operands; /* the next free one */
    uint32_t *numbers;
    uint32_t operands_left;
    uint32_t numbers_left;
    uint32_t tensor_count;
    uint32_t constant_count;
} building;

/* Reads one operator and holds it against the tensors and constants, all of which are there. */
void attar_read_operator(reader *r, building *b, attar_operator *op);

#endif
