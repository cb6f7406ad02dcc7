/* Canonical Huffman codes: codes from lengths, and a lookup table from a payload's header. Internal. */
#ifndef ATTAR_CODEC_HUFFMAN_H
#define ATTAR_CODEC_HUFFMAN_H

#include "attar/codec.h"
#include "bytes.h"

/* codes[i] = the code of symbol i with its first bit lowest, ready for a bit stream; the lengths must be complete. */
attar_status attar_canonical_codes(const uint8_t *lengths, uint32_t size, uint16_t *codes);

/* Reads and checks one Huffman table; `lengths` holds ATTAR_ALPHABET_MAX bytes. */
attar_status attar_read_huffman(attar_bytes *in, uint8_t *lengths, attar_huffman_table *table);

#endif
