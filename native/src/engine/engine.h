/* What the files of the engine share. Internal. */
#ifndef ATTAR_ENGINE_ENGINE_H
#define ATTAR_ENGINE_ENGINE_H

#include "pool.h"
#include "prepare.h"

/* What is still to be loaded for an operator: weights, loads of their steps, loads of the bias. */
typedef struct attar_missing {
    uint64_t weights;
    uint32_t scales;
    uint32_t bias;
} attar_missing;

struct attar_engine {
    const attar_program *program;
    attar_pool *pool;
    attar_step *steps;
    attar_missing *missing; /* by operator */
    uint8_t *arena;
    int is_ready;
};

#endif
