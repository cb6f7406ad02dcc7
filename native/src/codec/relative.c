/* Relative index + canonical Huffman (Ge et al. 2017, eq. 3). */
#include "attar/codec.h"
#include "bits.h"
#include "huffman.h"

static int read_symbol(attar_bit_reader *reader, const attar_huffman_table *table, int32_t *symbol)
{
    uint32_t entry = table->entries[attar_bits_peek(reader, table->bits)];
    *symbol = table->low + (int32_t)(entry >> 4);
    return attar_bits_skip(reader, entry & 15u);
}

static attar_status read_entries(attar_bytes in, uint64_t entries, const attar_relative_scratch *tables,
                                 int32_t *dst, size_t n)
{
    attar_bit_reader reader = attar_bit_reader_of(in);
    size_t next = 0; /* the position after the last entry */
    for (uint64_t i = 0; i < entries; i++) {
        int32_t gap;
        int32_t value;
        attar_bits_refill(&reader);
        if (!read_symbol(&reader, &tables->gaps, &gap) || !read_symbol(&reader, &tables->values, &value))
            return ATTAR_TRUNCATED;
        if ((size_t)gap > n - next)
            return ATTAR_BAD_POSITION;
        next += (size_t)gap;
        dst[next - 1] = value;
    }
    return attar_bits_finish(&reader, NULL);
}

static attar_status read_tables(attar_bytes *in, uint64_t bound, attar_relative_scratch *scratch)
{
    attar_status status = attar_read_huffman(in, scratch->lengths, &scratch->values);
    if (status == ATTAR_OK)
        status = attar_read_huffman(in, scratch->lengths, &scratch->gaps);
    if (status != ATTAR_OK)
        return status;
    int64_t longest = (int64_t)scratch->gaps.low + scratch->gaps.size - 1;
    return scratch->gaps.low >= 1 && longest <= (int64_t)bound ? ATTAR_OK : ATTAR_BAD_ALPHABET;
}

attar_status attar_relative_decode(const uint8_t *src, size_t src_size, int32_t *dst, size_t n,
                                   attar_relative_scratch *scratch)
{
    attar_bytes in = attar_bytes_of(src, src_size);
    uint64_t bound;
    uint64_t entries;
    attar_status status = attar_read_varint(&in, &bound);
    if (status == ATTAR_OK)
        status = attar_read_varint(&in, &entries);
    if (status != ATTAR_OK)
        return status;
    if (bound < 1 || bound > ATTAR_BOUND_MAX)
        return ATTAR_BAD_HEADER;
    if (entries > n)
        return ATTAR_BAD_POSITION;
    for (size_t i = 0; i < n; i++)
        dst[i] = 0;
    if (entries == 0)
        return in.at == in.end ? ATTAR_OK : ATTAR_TRAILING_DATA;
    status = read_tables(&in, bound, scratch);
    return status == ATTAR_OK ? read_entries(in, entries, scratch, dst, n) : status;
}

static attar_status put_symbol(attar_bit_writer *writer, const attar_code_lengths *table, const uint16_t *codes,
                               int32_t symbol)
{
    uint32_t index = (uint32_t)symbol - (uint32_t)table->low;
    if (index >= table->size || (table->size > 1 && table->lengths[index] == 0))
        return ATTAR_BAD_SYMBOL;
    return attar_bits_put(writer, codes[index], table->lengths[index]) ? ATTAR_OK : ATTAR_OUTPUT_TOO_SMALL;
}

typedef struct entry_writer {
    attar_bit_writer bits;
    const attar_code_lengths *values;
    const attar_code_lengths *gaps;
    const attar_relative_encode_scratch *codes;
} entry_writer;

static attar_status put_entry(entry_writer *out, uint32_t gap, int32_t value)
{
    attar_status status = put_symbol(&out->bits, out->gaps, out->codes->gap_codes, (int32_t)gap);
    return status == ATTAR_OK ? put_symbol(&out->bits, out->values, out->codes->value_codes, value) : status;
}

static attar_status put_nonzero(entry_writer *out, size_t gap, int32_t value, uint32_t bound)
{
    attar_status status = ATTAR_OK;
    for (; status == ATTAR_OK && gap > bound; gap -= bound)
        status = put_entry(out, bound, 0);
    return status == ATTAR_OK ? put_entry(out, (uint32_t)gap, value) : status;
}

static attar_status make_codes(const attar_code_lengths *table, uint16_t *codes)
{
    if (table->size < 1 || table->size > ATTAR_ALPHABET_MAX)
        return ATTAR_BAD_ARGUMENT;
    return attar_canonical_codes(table->lengths, table->size, codes);
}

attar_status attar_relative_encode(const int32_t *src, size_t n, uint32_t bound,
                                   const attar_code_lengths *values, const attar_code_lengths *gaps,
                                   uint8_t *dst, size_t dst_capacity, size_t *written,
                                   attar_relative_encode_scratch *scratch)
{
    if (bound < 1 || bound > ATTAR_BOUND_MAX)
        return ATTAR_BAD_ARGUMENT;
    attar_status status = make_codes(values, scratch->value_codes);
    if (status == ATTAR_OK)
        status = make_codes(gaps, scratch->gap_codes);
    entry_writer out = {{dst, dst + dst_capacity, 0, 0}, values, gaps, scratch};
    size_t next = 0;
    for (size_t i = 0; status == ATTAR_OK && i < n; i++) {
        if (src[i] == 0)
            continue;
        status = put_nonzero(&out, i + 1 - next, src[i], bound);
        next = i + 1;
    }
    if (status == ATTAR_OK && !attar_bits_flush(&out.bits))
        status = ATTAR_OUTPUT_TOO_SMALL;
    *written = status == ATTAR_OK ? (size_t)(out.bits.at - dst) : 0;
    return status;
}
