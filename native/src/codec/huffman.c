#include "huffman.h"

typedef struct code_counter {
    uint32_t next[ATTAR_CODE_BITS_MAX + 1]; /* the next code of each length */
    unsigned longest;
} code_counter;

/* One symbol has length 0 and no code; otherwise the Kraft sum must be exactly one. */
static attar_status count_codes(const uint8_t *lengths, uint32_t size, code_counter *counter)
{
    uint32_t counts[ATTAR_CODE_BITS_MAX + 1] = {0};
    for (uint32_t i = 0; i < size; i++) {
        if (lengths[i] > ATTAR_CODE_BITS_MAX)
            return ATTAR_BAD_LENGTHS;
        counts[lengths[i]]++;
    }
    counts[0] = 0;
    counter->longest = 0;
    counter->next[0] = 0;
    uint32_t code = 0;
    for (unsigned bits = 1; bits <= ATTAR_CODE_BITS_MAX; bits++) {
        code = (code + counts[bits - 1]) << 1;
        counter->next[bits] = code;
        if (counts[bits] != 0)
            counter->longest = bits;
    }
    uint32_t end = code + counts[ATTAR_CODE_BITS_MAX];
    int is_complete = size == 1 ? end == 0 : end == UINT32_C(1) << ATTAR_CODE_BITS_MAX;
    return is_complete ? ATTAR_OK : ATTAR_BAD_LENGTHS;
}

static uint32_t reversed(uint32_t code, unsigned bits)
{
    uint32_t result = 0;
    for (unsigned i = 0; i < bits; i++)
        result |= (code >> i & 1u) << (bits - 1 - i);
    return result;
}

static uint32_t next_code(code_counter *counter, unsigned bits)
{
    return reversed(counter->next[bits]++, bits);
}

attar_status attar_canonical_codes(const uint8_t *lengths, uint32_t size, uint16_t *codes)
{
    code_counter counter;
    attar_status status = count_codes(lengths, size, &counter);
    for (uint32_t i = 0; status == ATTAR_OK && i < size; i++)
        codes[i] = (uint16_t)(lengths[i] != 0 ? next_code(&counter, lengths[i]) : 0);
    return status;
}

static attar_status read_lengths(attar_bytes *in, uint8_t *lengths, uint32_t size)
{
    if (size == 1) {
        lengths[0] = 0;
        return ATTAR_OK;
    }
    if (attar_bytes_left(in) < (size + 1) / 2)
        return ATTAR_TRUNCATED;
    for (uint32_t i = 0; i < size; i++)
        lengths[i] = (uint8_t)((uint32_t)in->at[i / 2] >> (i % 2 * 4) & 15u);
    if (size % 2 != 0 && in->at[size / 2] >> 4 != 0)
        return ATTAR_BAD_PADDING;
    in->at += (size + 1) / 2;
    return lengths[0] != 0 && lengths[size - 1] != 0 ? ATTAR_OK : ATTAR_BAD_LENGTHS;
}

/* A complete code leaves no entry unset. */
static attar_status fill_table(const uint8_t *lengths, attar_huffman_table *table)
{
    code_counter counter;
    attar_status status = count_codes(lengths, table->size, &counter);
    if (status != ATTAR_OK)
        return status;
    table->bits = counter.longest;
    table->entries[0] = 0;
    for (uint32_t i = 0; i < table->size; i++) {
        unsigned bits = lengths[i];
        if (bits == 0)
            continue;
        for (uint32_t at = next_code(&counter, bits); at < UINT32_C(1) << table->bits; at += UINT32_C(1) << bits)
            table->entries[at] = (uint16_t)(i << 4 | bits);
    }
    return ATTAR_OK;
}

attar_status attar_read_huffman(attar_bytes *in, uint8_t *lengths, attar_huffman_table *table)
{
    attar_status status = attar_read_alphabet(in, &table->low, &table->size);
    if (status == ATTAR_OK)
        status = read_lengths(in, lengths, table->size);
    return status == ATTAR_OK ? fill_table(lengths, table) : status;
}
