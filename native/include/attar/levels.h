/* The levels coder (docs/format.md, 8.4): interleaved rANS with up to 32 tables. Every element has a level along up to
 * three axes of its tensor, a row's, a column's, and the sum of its levels picks the table: weights are nearly
 * independent once the scales of their row and column are known.
 * No allocation and no I/O: the caller owns every buffer, and each pointer travels with its capacity. */
#ifndef ATTAR_LEVELS_H
#define ATTAR_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#include "attar/sink.h"
#include "attar/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ATTAR_LEVELS_AXES_MAX = 3,
    ATTAR_LEVELS_LENGTH_MAX = 1 << 16, /* of all axes together */
    ATTAR_LEVEL_MAX = 32,              /* a base and three levels fit eight bits */
    ATTAR_LEVELS_TABLES_MAX = 32,
    ATTAR_LEVELS_CLASS_MAX = 123,      /* of a magnitude; 2^31 - 1 is in it */
    ATTAR_LEVELS_TOKENS_MAX = 2 * ATTAR_LEVELS_CLASS_MAX + 1,
    ATTAR_LEVELS_NAMES = 256,          /* of tokens, in slots */
    ATTAR_LEVELS_ESCAPE = 253,         /* in slots: a positive number of an open top class; 254 is a negative one */
    ATTAR_LEVELS_LOGIT_MAX = 128,      /* 8, in sixteenths */
    ATTAR_LEVELS_PRECISION_MAX = 3,
    ATTAR_LEVELS_LANES_LOG2_MAX = 5,
    ATTAR_LEVELS_TOTAL_LOG2 = 12,
    ATTAR_LEVELS_SLOTS = 1 << ATTAR_LEVELS_TOTAL_LOG2
};

/* Element i has the level `levels[first + (i / stride) mod length]` along the axis; the base and its levels add up to
 * its table. */
typedef struct attar_level_axis {
    uint32_t first;
    uint32_t length;
    uint64_t stride;
} attar_level_axis;

/* What is known before the first element: all of the header, and the frequencies that follow from it.
 * A table has the magnitude classes 0 to top; its logit j, in units of 2^precision sixteenths, is that of a class
 * above j among those from j on; its skew that of a negative sign. Token 0 is zero, tokens 2c - 1 and 2c are the
 * positive and the negative numbers of class c. If tables are open, the top class of each, 0 aside, holds all higher
 * ones too: rare numbers then take a few bits more, and all others the slots that these would hold. */
typedef struct attar_levels_model {
    unsigned lanes_log2;
    uint64_t chunk; /* elements of a chunk, the last one aside */
    uint32_t axes;
    int32_t base; /* 0 to 31, and 0 without axes */
    attar_level_axis axis[ATTAR_LEVELS_AXES_MAX];
    int8_t levels[ATTAR_LEVELS_LENGTH_MAX];
    uint32_t tables;
    unsigned precision;
    int is_skewed;
    int is_open;
    uint8_t top[ATTAR_LEVELS_TABLES_MAX];
    int16_t logits[ATTAR_LEVELS_TABLES_MAX][ATTAR_LEVELS_CLASS_MAX];
    int16_t skews[ATTAR_LEVELS_TABLES_MAX];
    uint16_t starts[ATTAR_LEVELS_TABLES_MAX][ATTAR_LEVELS_TOKENS_MAX + 1]; /* of each token, then 4096 */
} attar_levels_model;

/* One word for a slot of a table: token, frequency - 1 (12 bits), slot - first slot of the token (12 bits). */
typedef uint32_t attar_levels_slot;

/* A parsed payload: ready to decode any of its chunks, from several threads at once. */
typedef struct attar_levels_decoder {
    attar_levels_model model;
    const uint8_t *sizes; /* a varint for every chunk but the last */
    const uint8_t *chunks;
    const uint8_t *end;
    uint64_t n;
    uint64_t chunk_count;
    uint16_t codes[ATTAR_LEVELS_NAMES]; /* of tokens as slots name them: what magnitudes they stand for */
    attar_levels_slot slots[ATTAR_LEVELS_TABLES_MAX * ATTAR_LEVELS_SLOTS];
} attar_levels_decoder;

typedef struct attar_levels_symbol {
    uint64_t reciprocal; /* x / frequency is x * reciprocal >> shift for every state x that may meet it */
    uint16_t frequency;
    uint16_t start;
    uint8_t shift;
} attar_levels_symbol;

typedef struct attar_levels_encoder {
    const attar_levels_model *model;
    attar_levels_symbol symbols[ATTAR_LEVELS_TABLES_MAX][ATTAR_LEVELS_TOKENS_MAX];
} attar_levels_encoder;

/* Reads the header of a payload of n >= 1 elements; `src` must outlive the decoder. */
attar_status attar_levels_open(attar_levels_decoder *decoder, const uint8_t *src, size_t src_size, uint64_t n);

/* Decodes chunks first .. first + count - 1 into the sink, whose element 0 is the tensor's first. */
attar_status attar_levels_decode(const attar_levels_decoder *decoder, uint64_t first, uint64_t count,
                                 const attar_sink *sink);

/* Fills model->starts from top, logits and skews. */
attar_status attar_levels_tables(attar_levels_model *model);

/* The payload up to the sizes of the chunks. */
attar_status attar_levels_encode_header(attar_levels_model *model, uint64_t n, uint8_t *dst, size_t dst_capacity,
                                        size_t *written);

/* Prepares the encoder of chunks; the model must outlive it. */
attar_status attar_levels_prepare(attar_levels_encoder *encoder, const attar_levels_model *model);

/* One chunk, elements first .. first + n - 1; `src` points to the first of them. */
attar_status attar_levels_encode(const attar_levels_encoder *encoder, const int32_t *src, uint64_t first, size_t n,
                                 uint8_t *dst, size_t dst_capacity, size_t *written);

/* sums[(first + i) / stride mod length] += |src[i]|, for the n elements from `first` on. */
attar_status attar_levels_sums(const int32_t *src, uint64_t first, size_t n, uint64_t stride, uint32_t length,
                               uint64_t *sums);

/* counts[table][token] += 1 for every element; `counts` holds tables * 247 numbers. */
attar_status attar_levels_count(const attar_levels_model *model, const int32_t *src, uint64_t first, size_t n,
                                uint64_t *counts, size_t counts_size);

typedef enum attar_levels_kind { ATTAR_LEVELS_CLOSED, ATTAR_LEVELS_OPEN, ATTAR_LEVELS_EITHER } attar_levels_kind;

/* Sets all that makes tables to what codes `counts` in the fewest bits, told without those of the header. */
attar_status attar_levels_fit(attar_levels_model *model, attar_levels_kind kind, const uint64_t *counts,
                              size_t counts_size, uint64_t *bits);

/* bits[table * (2 reach + 1) + value + reach]: what each value from -reach to reach costs with each table; 2^20 for one
 * that a closed table cannot hold. */
attar_status attar_levels_rates(const attar_levels_model *model, int32_t reach, float *bits, size_t bits_size);

/* costs[i] = the bits of values[i] with tables[i], looked up in what attar_levels_rates gave. */
attar_status attar_levels_cost(const float *bits, size_t bits_size, int32_t reach, const uint8_t *tables,
                               const int32_t *values, size_t n, float *costs);

/* The table of each of the n elements from `first` on. */
attar_status attar_levels_table_of(const attar_levels_model *model, uint64_t first, uint8_t *tables, size_t n);

#ifdef __cplusplus
}
#endif
#endif
