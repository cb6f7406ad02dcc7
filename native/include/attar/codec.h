/* Symbol payloads: packed, relative index + canonical Huffman, and rANS (docs/format.md, "Tensor streams").
 * No allocation and no I/O: the caller owns every buffer, and each pointer travels with its capacity.
 * Decoders read a whole payload with its header and trust nothing in it; encoders write the part after the header. */
#ifndef ATTAR_CODEC_H
#define ATTAR_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "attar/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ATTAR_ALPHABET_MAX = 4096,   /* span + 1 of any coded alphabet */
    ATTAR_BOUND_MAX = 4096,      /* largest relative-index bound */
    ATTAR_CODE_BITS_MAX = 15,    /* longest Huffman code */
    ATTAR_RANS_LOG2_MIN = 8,     /* log2 of the sum of the rANS frequencies */
    ATTAR_RANS_LOG2_MAX = 14,
    ATTAR_RANS_LANES_LOG2_MAX = 6
};

/* A consecutive alphabet low .. low + size - 1 with one canonical code length per symbol (0 = absent).
 * size 1 means the one symbol of length 0. */
typedef struct attar_code_lengths {
    int32_t low;
    uint32_t size;
    const uint8_t *lengths;
} attar_code_lengths;

/* Lookup by the next `bits` bits of a stream: symbol index << 4 | code length. */
typedef struct attar_huffman_table {
    int32_t low;
    uint32_t size;
    unsigned bits;
    uint16_t entries[1 << ATTAR_CODE_BITS_MAX];
} attar_huffman_table;

typedef struct attar_relative_scratch {
    uint8_t lengths[ATTAR_ALPHABET_MAX];
    attar_huffman_table values;
    attar_huffman_table gaps;
} attar_relative_scratch;

typedef struct attar_relative_encode_scratch {
    uint16_t value_codes[ATTAR_ALPHABET_MAX];
    uint16_t gap_codes[ATTAR_ALPHABET_MAX];
} attar_relative_encode_scratch;

/* Everything a decoder needs to know about one slot of a rANS table, in one 8-byte load. */
typedef struct attar_rans_slot {
    int32_t symbol;
    uint16_t frequency;
    uint16_t offset; /* slot - first slot of the symbol */
} attar_rans_slot;

typedef char attar_rans_slot_is_8_bytes[sizeof(attar_rans_slot) == 8 ? 1 : -1];

typedef struct attar_rans_scratch {
    uint16_t frequencies[ATTAR_ALPHABET_MAX];
    attar_rans_slot slots[1 << ATTAR_RANS_LOG2_MAX];
} attar_rans_scratch;

typedef struct attar_rans_encode_scratch {
    uint32_t starts[ATTAR_ALPHABET_MAX];
} attar_rans_encode_scratch;

/* The frequencies of low .. low + size - 1, summing to 1 << total_log2. */
typedef struct attar_rans_model {
    int32_t low;
    uint32_t size;
    const uint16_t *frequencies;
    unsigned total_log2;
    unsigned lanes_log2;
} attar_rans_model;

enum { ATTAR_PACKAGES_MAX = 2 * ATTAR_ALPHABET_MAX };

typedef struct attar_lengths_scratch {
    uint64_t weights[2][ATTAR_PACKAGES_MAX];
    uint8_t is_leaf[ATTAR_CODE_BITS_MAX][ATTAR_PACKAGES_MAX];
} attar_lengths_scratch;

enum {
    ATTAR_FLOATS_ITEMSIZE_MAX = 8,
    ATTAR_FLOATS_CHUNK_LOG2_MIN = 10,
    ATTAR_FLOATS_CHUNK_LOG2_MAX = 20,
    ATTAR_FLOATS_RANS_LOG2_MAX = 12, /* so that a slot of a byte table fits 32 bits */
    ATTAR_BYTE_COUNTS = 4 * 256
};

typedef struct attar_floats_scratch {
    uint16_t frequencies[ATTAR_ALPHABET_MAX];
    uint32_t slots[1 << ATTAR_FLOATS_RANS_LOG2_MAX];
} attar_floats_scratch;

typedef struct attar_floats_encode_scratch {
    uint32_t counts[ATTAR_BYTE_COUNTS];
    uint64_t reciprocals[256];
    uint32_t limits[256];
    uint32_t spans[256];
} attar_floats_encode_scratch;

/* Smallest and largest of n >= 1 symbols. */
attar_status attar_symbol_range(const int32_t *src, size_t n, int32_t *low, int32_t *high);

/* counts[i] = how often low + i occurs in src; ATTAR_BAD_SYMBOL for a symbol outside. */
attar_status attar_histogram(const int32_t *src, size_t n, int32_t low, uint64_t *counts, size_t size);

/* Optimal prefix code lengths of at most 15 bits for `size` positive counts in ascending order
 * (package-merge; Larmore and Hirschberg 1990). One symbol gets length 0. */
attar_status attar_huffman_lengths(const uint64_t *counts, size_t size, uint8_t *lengths,
                                   attar_lengths_scratch *scratch);

/* n symbols from a complete payload. On an error the contents of dst mean nothing. */
attar_status attar_packed_decode(const uint8_t *src, size_t src_size, int32_t *dst, size_t n);
attar_status attar_relative_decode(const uint8_t *src, size_t src_size, int32_t *dst, size_t n,
                                   attar_relative_scratch *scratch);
attar_status attar_rans_decode(const uint8_t *src, size_t src_size, int32_t *dst, size_t n,
                               attar_rans_scratch *scratch);

/* The fields of a packed payload: `width` bits for every symbol - low. */
attar_status attar_packed_encode(const int32_t *src, size_t n, int32_t low, unsigned width, uint8_t *dst,
                                 size_t dst_capacity, size_t *written);

/* The bit stream of a relative payload: for every entry the gap's code, then the value's. */
attar_status attar_relative_encode(const int32_t *src, size_t n, uint32_t bound,
                                   const attar_code_lengths *values, const attar_code_lengths *gaps,
                                   uint8_t *dst, size_t dst_capacity, size_t *written,
                                   attar_relative_encode_scratch *scratch);

/* The states and words of a rANS payload; 4 * lanes + 2 * n bytes of capacity always suffice. */
attar_status attar_rans_encode(const int32_t *src, size_t n, const attar_rans_model *model, uint8_t *dst,
                               size_t dst_capacity, size_t *written, attar_rans_encode_scratch *scratch);

/* One chunk of a floats payload: n >= 1 elements of itemsize 2, 4 or 8 bytes, little-endian and of any alignment, turned
 * left by `turn` < 8 bits before they are cut into byte planes.
 * `planes` is room for n * itemsize bytes that mean nothing afterwards; the chunk takes at most attar_floats_bound. */
size_t attar_floats_bound(size_t n, unsigned itemsize);
attar_status attar_floats_encode(const uint8_t *src, size_t n, unsigned itemsize, unsigned turn, uint8_t *dst,
                                 size_t dst_capacity, size_t *written, uint8_t *planes, size_t planes_capacity,
                                 attar_floats_encode_scratch *scratch);
attar_status attar_floats_decode(const uint8_t *src, size_t src_size, uint8_t *dst, size_t n, unsigned itemsize,
                                 unsigned turn, uint8_t *planes, size_t planes_capacity,
                                 attar_floats_scratch *scratch);

#ifdef __cplusplus
}
#endif
#endif
