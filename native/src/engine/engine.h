/* What the files of the engine share. Internal. */
#ifndef ATTAR_ENGINE_ENGINE_H
#define ATTAR_ENGINE_ENGINE_H

#include "pool.h"
#include "prepare.h"

struct attar_engine {
    const attar_program *program;
    attar_pool *pool;
    attar_step *steps;
    uint64_t *missing; /* by operator: weights, scales and biases that are still to be loaded */
    uint8_t *arena;
    int is_ready;
};

#endif
