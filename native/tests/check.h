/* What the tests of the native core share: a check that names its place, numbers that are the same at every run. */
#ifndef ATTAR_TESTS_CHECK_H
#define ATTAR_TESTS_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static uint32_t random_state = 1;

static inline uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

/* An exact allocation, so that one byte too far is seen; of one byte for none. */
static inline void *exactly(size_t size)
{
    void *memory = malloc(size + (size == 0));
    CHECK(memory != NULL);
    return memory;
}

static inline uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = exactly(size);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

#endif
