/* Bit streams, least significant bit first. A reader never looks past its end; a writer never passes its capacity. */
#ifndef ATTAR_CODEC_BITS_H
#define ATTAR_CODEC_BITS_H

#include "bytes.h"

typedef struct attar_bit_reader {
    attar_bytes in;
    uint64_t window; /* the next bits; those above `count` are either zero or the true next bits */
    unsigned count;
} attar_bit_reader;

typedef struct attar_bit_writer {
    uint8_t *at;
    uint8_t *end;
    uint64_t window;
    unsigned count;
} attar_bit_writer;

static inline attar_bit_reader attar_bit_reader_of(attar_bytes in)
{
    attar_bit_reader reader = {in, 0, 0};
    return reader;
}

/* At least 56 bits afterwards, or all that are left. */
static inline void attar_bits_refill(attar_bit_reader *reader)
{
    if (attar_bytes_left(&reader->in) >= 8) {
        reader->window |= attar_load64(reader->in.at) << reader->count;
        reader->in.at += (63u - reader->count) >> 3;
        reader->count |= 56u;
        return;
    }
    while (reader->count <= 56 && reader->in.at < reader->in.end) {
        reader->window |= (uint64_t)*reader->in.at++ << reader->count;
        reader->count += 8;
    }
}

static inline uint32_t attar_bits_peek(const attar_bit_reader *reader, unsigned width)
{
    return (uint32_t)(reader->window & ((UINT64_C(1) << width) - 1u));
}

/* Zero when fewer than `width` bits are left; call attar_bits_refill before. */
static inline int attar_bits_skip(attar_bit_reader *reader, unsigned width)
{
    if (width > reader->count)
        return 0;
    reader->window >>= width;
    reader->count -= width;
    return 1;
}

/* What is left must be less than one byte, and zero. The unread bytes are told through *rest when it is not NULL:
 * then only the rest of the current byte is checked. */
static inline attar_status attar_bits_finish(const attar_bit_reader *reader, attar_bytes *rest)
{
    unsigned partial = reader->count & 7u;
    if (attar_bits_peek(reader, partial) != 0)
        return ATTAR_BAD_PADDING;
    attar_bytes left = {reader->in.at - (reader->count >> 3), reader->in.end};
    if (rest != NULL)
        *rest = left;
    else if (left.at != left.end)
        return ATTAR_TRAILING_DATA;
    return ATTAR_OK;
}

/* width <= 32; zero when the capacity is used up. */
static inline int attar_bits_put(attar_bit_writer *writer, uint32_t value, unsigned width)
{
    writer->window |= (uint64_t)value << writer->count;
    writer->count += width;
    while (writer->count >= 8) {
        if (writer->at == writer->end)
            return 0;
        *writer->at++ = (uint8_t)(writer->window & 0xffu);
        writer->window >>= 8;
        writer->count -= 8;
    }
    return 1;
}

static inline int attar_bits_put_varint(attar_bit_writer *writer, uint32_t value)
{
    for (; value >= 0x80u; value >>= 7)
        if (!attar_bits_put(writer, (value & 0x7fu) | 0x80u, 8))
            return 0;
    return attar_bits_put(writer, value, 8);
}

static inline int attar_bits_flush(attar_bit_writer *writer)
{
    return writer->count == 0 || attar_bits_put(writer, 0, 8u - writer->count);
}

#endif
