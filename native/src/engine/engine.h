/* What the files of the engine share. Internal. */
#ifndef ATTAR_ENGINE_ENGINE_H
#define ATTAR_ENGINE_ENGINE_H

#include "prepare.h"

/* What is still to be loaded for an operator: weights, loads of their steps, loads of the bias. */
typedef struct attar_missing {
    uint64_t weights;
    uint32_t scales;
    uint32_t bias;
} attar_missing;

struct attar_engine {
    const attar_program *program;
    attar_step *steps;
    attar_missing *missing; /* by operator */
    attar_pool *pool;
    uint32_t threads; /* 1 where the whole network is too small to share */
    int is_ready;
};

/* Whether a network takes so little time that other threads would come too late. */
int attar_is_small(const attar_engine *engine);

void attar_clear(uint8_t *bytes, uint64_t count);

#endif
