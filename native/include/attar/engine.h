/* The engine: runs a program in memory that its caller gives, one sample at a time, with the same bits for any number of
 * threads and any processor.
 *
 * Measure, open, load the constants of the file's table, get ready: from then on an engine does not change. What a run
 * works in is its arena, the caller's: set inputs, run and read outputs as often as wanted, in as many arenas at a time as
 * there are callers. Nothing is allocated here. */
#ifndef ATTAR_ENGINE_H
#define ATTAR_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "attar/pool.h"
#include "attar/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of processor that kernels are written for, from the plainest to the most able; listed once. */
#define ATTAR_ISA_TABLE(X)                                                                         \
    X(ATTAR_ISA_REF, "ref")                                                                        \
    X(ATTAR_ISA_PORTABLE, "portable")                                                              \
    X(ATTAR_ISA_AVX2, "avx2")                                                                      \
    X(ATTAR_ISA_AVXVNNI, "avxvnni")                                                                \
    X(ATTAR_ISA_AVX512VNNI, "avx512vnni")

#define ATTAR_ISA_ENUM(code, name) code,
typedef enum attar_isa { ATTAR_ISA_TABLE(ATTAR_ISA_ENUM) ATTAR_ISA_COUNT } attar_isa;
#undef ATTAR_ISA_ENUM

typedef struct attar_engine attar_engine;

typedef struct attar_engine_options {
    attar_isa most; /* kernels beyond this, and those that the processor cannot run, are not taken */
    uint32_t threads;
    attar_pool *pool; /* of these threads, which lives as long as the engine; NULL where the caller's is the only one */
} attar_engine_options;

/* What a constant of the file's table has to be loaded with. */
typedef struct attar_wanted {
    uint32_t index;  /* in the table */
    uint32_t is_bias; /* `rows` floats; else integers, */
    uint32_t is_wide; /* which may take 16 bits */
    uint64_t rows;    /* along the tensor's first axis */
    uint64_t columns; /* all others together */
    uint64_t scales;  /* how many steps are allowed beside a single one */
} attar_wanted;

/* What this processor can run. */
attar_isa attar_isa_best(void);
const char *attar_isa_name(attar_isa isa);

/* Bytes of memory, aligned to 64, for all but the arena: packed weights, what a step needs. */
attar_status attar_engine_bytes(const attar_program *program, const attar_engine_options *options, uint64_t *bytes);

/* Makes an engine in `memory`; the program and its section have to live as long. The pool grows to its threads. */
attar_status attar_engine_open(const attar_program *program, const attar_engine_options *options, void *memory,
                               uint64_t bytes, attar_engine **engine);

/* Bytes of an arena, aligned to 64; one for every run at a time, opened once. */
uint64_t attar_arena_bytes(const attar_program *program);
void attar_arena_open(const attar_program *program, void *arena);

/* What constant `number` of the program has to be loaded with; index is ATTAR_NOTHING where it is inline. */
attar_status attar_engine_wanted(const attar_engine *engine, uint32_t number, attar_wanted *wanted);

/* Rows `first` to `first + count - 1` of a tensor of integers; each row once, in any order. */
attar_status attar_engine_load_rows(attar_engine *engine, uint32_t number, uint64_t first, uint64_t count,
                                    const int16_t *values);
/* The same of integers that fit 8 bits. */
attar_status attar_engine_load_rows8(attar_engine *engine, uint32_t number, uint64_t first, uint64_t count,
                                     const int8_t *values);
/* Steps of a tensor of integers, or the numbers of a bias. */
attar_status attar_engine_load_floats(attar_engine *engine, uint32_t number, const float *values, uint64_t count);

/* Works out multipliers and biases, and holds the accumulators against their widths. */
attar_status attar_engine_ready(attar_engine *engine);

/* A sample's numbers in the order of the network's own axes. ATTAR_BAD_SYMBOL: one is not a number, or no integer of
 * the format. */
attar_status attar_engine_set_floats(const attar_engine *engine, void *arena, uint32_t input, const float *values);
attar_status attar_engine_set_integers(const attar_engine *engine, void *arena, uint32_t input, const int32_t *values);
attar_status attar_engine_run(const attar_engine *engine, void *arena);
attar_status attar_engine_get_floats(const attar_engine *engine, const void *arena, uint32_t output, float *values);
attar_status attar_engine_get_integers(const attar_engine *engine, const void *arena, uint32_t output, int32_t *values);

/* One operator alone, for whoever times it; what it reads is what the arena holds. */
attar_status attar_engine_run_one(const attar_engine *engine, void *arena, uint32_t number);
/* "avx512vnni": the kind of kernel of an operator. */
attar_isa attar_engine_isa(const attar_engine *engine, uint32_t number);

#ifdef __cplusplus
}
#endif
#endif
