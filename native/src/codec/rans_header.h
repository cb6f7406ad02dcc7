/* The header of a rANS payload (docs/format.md, 8.3) and its two ends, for every decoder of it. Internal. */
#ifndef ATTAR_CODEC_RANS_HEADER_H
#define ATTAR_CODEC_RANS_HEADER_H

#include "bytes.h"

enum { ATTAR_RANS_LANES_MAX = 64 };
#define ATTAR_RANS_STATE_LOW (UINT32_C(1) << 16)

typedef struct attar_rans_header {
    unsigned total_log2;
    unsigned lanes;
    int32_t low;
    uint32_t size; /* of the alphabet, at most ATTAR_ALPHABET_MAX */
} attar_rans_header;

/* Everything up to the states; `frequencies` has room for ATTAR_ALPHABET_MAX and sums to 1 << total_log2. */
attar_status attar_read_rans_header(attar_bytes *in, attar_rans_header *header, uint16_t *frequencies);

/* One state per lane, each at least ATTAR_RANS_STATE_LOW. */
attar_status attar_read_rans_states(attar_bytes *in, uint32_t *states, unsigned lanes);

/* Nothing may be left, and every lane must be back where its encoder began. */
attar_status attar_check_rans_end(const attar_bytes *in, const uint32_t *states, unsigned lanes);

#endif
