#include "rans_header.h"

#include "attar/codec.h"
#include "bits.h"

typedef char lanes_agree[ATTAR_RANS_LANES_MAX == 1 << ATTAR_RANS_LANES_LOG2_MAX ? 1 : -1];

enum { FREQUENCY_BITS_MAX = 15 };

/* Exp-Golomb: `order` more bits for every leading one; a prefix that no frequency needs is refused early. */
static attar_status read_frequency(attar_bit_reader *reader, unsigned order, uint32_t *frequency)
{
    unsigned width = order;
    attar_bits_refill(reader);
    while (attar_bits_peek(reader, 1) != 0) {
        if (++width > FREQUENCY_BITS_MAX)
            return ATTAR_BAD_FREQUENCIES;
        if (!attar_bits_skip(reader, 1))
            return ATTAR_TRUNCATED;
    }
    if (!attar_bits_skip(reader, 1))
        return ATTAR_TRUNCATED;
    *frequency = (UINT32_C(1) << width) + attar_bits_peek(reader, width) - (UINT32_C(1) << order);
    return attar_bits_skip(reader, width) ? ATTAR_OK : ATTAR_TRUNCATED;
}

static attar_status read_frequencies(attar_bit_reader *reader, uint32_t size, uint32_t total, uint16_t *frequencies)
{
    attar_bits_refill(reader);
    unsigned order = attar_bits_peek(reader, 4);
    if (!attar_bits_skip(reader, 4))
        return ATTAR_TRUNCATED;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t frequency;
        attar_status status = read_frequency(reader, order, &frequency);
        if (status != ATTAR_OK)
            return status;
        if (frequency > total - sum || (frequency == 0 && (i == 0 || i + 1 == size)))
            return ATTAR_BAD_FREQUENCIES;
        frequencies[i] = (uint16_t)frequency;
        sum += frequency;
    }
    return sum == total ? ATTAR_OK : ATTAR_BAD_FREQUENCIES;
}

attar_status attar_read_rans_header(attar_bytes *in, attar_rans_header *header, uint16_t *frequencies)
{
    uint32_t logs;
    attar_status status = attar_read_u8(in, &logs);
    if (status != ATTAR_OK)
        return status;
    header->total_log2 = logs & 15u;
    if (header->total_log2 < ATTAR_RANS_LOG2_MIN || header->total_log2 > ATTAR_RANS_LOG2_MAX ||
        logs >> 4 > ATTAR_RANS_LANES_LOG2_MAX)
        return ATTAR_BAD_HEADER;
    header->lanes = 1u << (logs >> 4);
    status = attar_read_alphabet(in, &header->low, &header->size);
    if (status != ATTAR_OK)
        return status;
    attar_bit_reader reader = attar_bit_reader_of(*in);
    status = read_frequencies(&reader, header->size, UINT32_C(1) << header->total_log2, frequencies);
    return status == ATTAR_OK ? attar_bits_finish(&reader, in) : status;
}

attar_status attar_read_rans_states(attar_bytes *in, uint32_t *states, unsigned lanes)
{
    if (attar_bytes_left(in) < 4 * (size_t)lanes)
        return ATTAR_TRUNCATED;
    for (unsigned lane = 0; lane < lanes; lane++) {
        states[lane] = attar_load32(in->at);
        if (states[lane] < ATTAR_RANS_STATE_LOW)
            return ATTAR_BAD_STATE;
        in->at += 4;
    }
    return ATTAR_OK;
}

attar_status attar_check_rans_end(const attar_bytes *in, const uint32_t *states, unsigned lanes)
{
    if (in->at != in->end)
        return ATTAR_TRAILING_DATA;
    for (unsigned lane = 0; lane < lanes; lane++)
        if (states[lane] != ATTAR_RANS_STATE_LOW)
            return ATTAR_BAD_STATE;
    return ATTAR_OK;
}
