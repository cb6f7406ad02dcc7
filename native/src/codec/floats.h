/* What the files of the floats model share (docs/format.md, 7.6). A plane is one byte of every element of a chunk;
 * it is coded with 8.1 or 8.3, whose symbols are then bytes. Internal. */
#ifndef ATTAR_CODEC_FLOATS_H
#define ATTAR_CODEC_FLOATS_H

#include "../cpu.h"
#include "attar/codec.h"
#include "rans_header.h"

enum { ATTAR_PLANE_RAW = 0, ATTAR_PLANE_PACKED = 1, ATTAR_PLANE_RANS = 3 };

/* Whether n elements make a chunk and its planes have room. */
attar_status attar_floats_check(size_t n, unsigned itemsize, unsigned turn, size_t planes_capacity);

/* Planes from the least significant byte up of elements that are turned left by `turn` < 8 bits; n elements of little-endian bytes. Plane k of split lies at k * n. */
void attar_floats_split(const uint8_t *src, size_t n, unsigned itemsize, unsigned turn, uint8_t *planes);
void attar_floats_join(const uint8_t *const *planes, size_t n, unsigned itemsize, unsigned turn, uint8_t *dst);

/* The kernels: whole turns of all 64 lanes while the buffer has room for the words that a turn can take at most.
 * `decode` goes on from dst[0] and returns how many symbols it wrote. `encode` goes back from src[n - 1] with n a
 * multiple of 64, its words downwards from *at to `begin`, and returns how many symbols are left.
 * total_log2 is at most 12; for `encode` at least ATTAR_TURN_LOG2_MIN.
 * A slot is symbol | frequency << 8 | offset << 20; an entry of `spans` is frequency | start << 16. */
enum { ATTAR_TURN = ATTAR_RANS_LANES_MAX, ATTAR_TURN_BYTES = 2 * ATTAR_TURN, ATTAR_TURN_LOG2_MIN = 10 };
typedef size_t attar_decode_turns(attar_bytes *in, uint32_t *states, const uint32_t *slots, unsigned total_log2,
                                  uint8_t *dst, size_t n);
typedef size_t attar_encode_turns(const uint8_t *src, size_t n, uint32_t *states, const uint32_t *spans,
                                  unsigned total_log2, const uint8_t *begin, uint8_t **at);

/* Kernels of this machine, NULL where the portable code is all there is. */
attar_decode_turns *attar_find_decode_turns(void);
attar_encode_turns *attar_find_encode_turns(void);

#ifdef ATTAR_HAS_AVX2
attar_decode_turns attar_decode_turns_avx2;
#endif
#ifdef ATTAR_HAS_AVX512
attar_decode_turns attar_decode_turns_avx512;
attar_encode_turns attar_encode_turns_avx512;
#endif

/* n >= 1 bytes from a whole payload. */
attar_status attar_bytes_rans_decode(const uint8_t *src, size_t src_size, uint8_t *dst, size_t n,
                                     attar_floats_scratch *scratch);
attar_status attar_bytes_packed_decode(const uint8_t *src, size_t src_size, uint8_t *dst, size_t n);

/* A whole packed payload: `width` <= 8 bits for every symbol - low. */
attar_status attar_bytes_packed_encode(const uint8_t *src, size_t n, unsigned low, unsigned width, uint8_t *dst,
                                       size_t dst_capacity, size_t *written);

/* What a byte plane's counts say: the present symbols span low .. low + size - 1. */
typedef struct attar_byte_table {
    unsigned low;
    unsigned size;
    unsigned total_log2;
    uint16_t frequencies[256]; /* from `low` on */
    uint64_t code_bits;        /* of all symbols, rounded up */
} attar_byte_table;

/* The first 256 of ATTAR_BYTE_COUNTS entries tell how often each byte occurs. */
void attar_bytes_count(const uint8_t *src, size_t n, uint32_t *counts);

/* The same of a sixteenth of the bytes, in short runs; returns how many these are. */
size_t attar_bytes_sample(const uint8_t *src, size_t n, uint32_t *counts);

/* The range of the counts; then frequencies for one total from 2^8 up: every present symbol has at least 1. */
void attar_table_range(attar_byte_table *table, const uint32_t *counts);
void attar_table_fit(attar_byte_table *table, const uint32_t *counts, size_t n, unsigned total_log2);

/* The header of 8.3 for one of 2^lanes_log2 lanes. */
attar_status attar_table_write(const attar_byte_table *table, unsigned lanes_log2, uint8_t *dst, size_t dst_capacity,
                               size_t *written);

/* States and words, right-aligned in dst: they begin at *begin. */
attar_status attar_bytes_rans_encode(const uint8_t *src, size_t n, const attar_byte_table *table, unsigned lanes_log2,
                                     uint8_t *dst, size_t dst_capacity, uint8_t **begin,
                                     attar_floats_encode_scratch *scratch);

#endif
