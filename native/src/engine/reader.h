/* Fields of a program section. A reader that has failed gives zeros and keeps its first status, so that a sequence of
 * fields is checked once, at its end. Internal. */
#ifndef ATTAR_ENGINE_READER_H
#define ATTAR_ENGINE_READER_H

#include "../codec/bytes.h"

typedef struct reader {
    attar_bytes in;
    attar_status status;
} reader;

static inline void reader_fail(reader *r, attar_status status)
{
    if (r->status == ATTAR_OK)
        r->status = status;
}

static inline uint32_t read_u8(reader *r)
{
    uint32_t value = 0;
    if (r->status == ATTAR_OK)
        r->status = attar_read_u8(&r->in, &value);
    return r->status == ATTAR_OK ? value : 0;
}

/* A varint from `least` to `most`; `least` where it fails. */
static inline uint64_t read_number(reader *r, uint64_t least, uint64_t most)
{
    uint64_t value = 0;
    if (r->status == ATTAR_OK)
        r->status = attar_read_varint(&r->in, &value);
    if (r->status == ATTAR_OK && value >= least && value <= most)
        return value;
    reader_fail(r, ATTAR_BAD_PROGRAM);
    return least;
}

static inline uint32_t read_count(reader *r, uint32_t least, uint32_t most)
{
    return (uint32_t)read_number(r, least, most);
}

/* The next n bytes; NULL where they are not there. */
static inline const uint8_t *read_span(reader *r, uint64_t n)
{
    if (r->status == ATTAR_OK && n > attar_bytes_left(&r->in))
        r->status = ATTAR_TRUNCATED;
    if (r->status != ATTAR_OK)
        return NULL;
    const uint8_t *span = r->in.at;
    r->in.at += n;
    return span;
}

/* A float32 above 0 and finite. */
static inline float read_scale(reader *r)
{
    const uint8_t *bytes = read_span(r, 4);
    union {
        uint32_t bits;
        float value;
    } scale = {bytes != NULL ? attar_load32(bytes) : 0};
    if (scale.bits == 0 || scale.bits >= UINT32_C(0x7f800000)) {
        reader_fail(r, ATTAR_BAD_PROGRAM);
        return 1.0f;
    }
    return scale.value;
}

#endif
