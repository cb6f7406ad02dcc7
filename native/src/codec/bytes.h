/* Little-endian loads and stores, and the header fields that the payloads share. Internal. */
#ifndef ATTAR_CODEC_BYTES_H
#define ATTAR_CODEC_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "attar/status.h"

typedef struct attar_bytes {
    const uint8_t *at;
    const uint8_t *end;
} attar_bytes;

static inline attar_bytes attar_bytes_of(const uint8_t *src, size_t size)
{
    attar_bytes in = {src, src};
    if (size > 0)
        in.end = src + size;
    return in;
}

static inline size_t attar_bytes_left(const attar_bytes *in)
{
    return (size_t)(in->end - in->at);
}

static inline uint32_t attar_load16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t attar_load32(const uint8_t *p)
{
    return attar_load16(p) | attar_load16(p + 2) << 16;
}

/* One expression, so that compilers see a single 8-byte load. */
static inline uint64_t attar_load64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline void attar_store16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value & 0xffu);
    p[1] = (uint8_t)(value >> 8 & 0xffu);
}

static inline void attar_store32(uint8_t *p, uint32_t value)
{
    attar_store16(p, value & 0xffffu);
    attar_store16(p + 2, value >> 16);
}

attar_status attar_read_u8(attar_bytes *in, uint32_t *value);

enum { ATTAR_VARINT_MAX = 10 }; /* bytes */

static inline size_t attar_varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >>= 7)
        size++;
    return size;
}

/* Takes attar_varint_size(value) bytes, which the caller has seen to be there. */
size_t attar_put_varint(uint8_t *dst, uint64_t value);

/* Unsigned LEB128 in its shortest form. */
attar_status attar_read_varint(attar_bytes *in, uint64_t *value);

/* A zigzag varint that fits 32 bits. */
attar_status attar_read_low(attar_bytes *in, int32_t *low);

/* low, then span <= 4095; size = span + 1, and low + span fits 32 bits. */
attar_status attar_read_alphabet(attar_bytes *in, int32_t *low, uint32_t *size);

#endif
