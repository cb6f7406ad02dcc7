/* The headers of symbol payloads, written from docs/format.md and sharing nothing with the library: for tests. */
#ifndef ATTAR_TESTS_PAYLOAD_H
#define ATTAR_TESTS_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

static inline size_t put_varint(uint8_t *dst, uint64_t value)
{
    size_t size = 0;
    for (; value >= 0x80u; value >>= 7)
        dst[size++] = (uint8_t)(value | 0x80u);
    dst[size++] = (uint8_t)value;
    return size;
}

static inline size_t put_zigzag(uint8_t *dst, int32_t value)
{
    int64_t twice = 2 * (int64_t)value;
    return put_varint(dst, (uint64_t)(value < 0 ? -twice - 1 : twice));
}

/* The field's bits from bit `at` on; a byte is cleared when its first bit is written. */
static inline size_t put_field(uint8_t *dst, size_t at, uint32_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++, at++) {
        if (at % 8 == 0)
            dst[at / 8] = 0;
        dst[at / 8] = (uint8_t)(dst[at / 8] | (value >> i & 1u) << at % 8);
    }
    return at;
}

/* `size` >= 1 symbols from low on with their code lengths. */
static inline size_t put_huffman(uint8_t *dst, int32_t low, const uint8_t *lengths, uint32_t size)
{
    size_t header = put_zigzag(dst, low);
    size_t bits = 0;
    header += put_varint(dst + header, size - 1);
    for (uint32_t i = 0; size > 1 && i < size; i++)
        bits = put_field(dst + header, bits, lengths[i], 4);
    return header + (bits + 7) / 8;
}

/* Exp-Golomb code of that order, which is itself the first field. */
static inline size_t put_frequencies(uint8_t *dst, unsigned order, const uint16_t *frequencies, uint32_t size)
{
    size_t bits = put_field(dst, 0, order, 4);
    for (uint32_t i = 0; i < size; i++) {
        uint32_t shifted = frequencies[i] + (UINT32_C(1) << order);
        unsigned width = order;
        while (shifted >> (width + 1) != 0)
            width++;
        bits = put_field(dst, bits, (UINT32_C(1) << (width - order)) - 1u, width - order + 1);
        bits = put_field(dst, bits, shifted, width);
    }
    return (bits + 7) / 8;
}

/* How many entries a relative payload needs: one per symbol that is not zero and one per gap beyond the bound. */
static inline uint64_t count_entries(const int32_t *symbols, size_t n, size_t bound)
{
    uint64_t entries = 0;
    size_t next = 0;
    for (size_t i = 0; i < n; i++)
        if (symbols[i] != 0) {
            entries += (i + bound - next) / bound;
            next = i + 1;
        }
    return entries;
}

#endif
