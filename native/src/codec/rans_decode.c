/* Interleaved rANS with 32-bit states and 16-bit words (Duda 2013; Giesen 2014 for the interleaving). */
#include "attar/codec.h"
#include "bits.h"

enum { LANES_MAX = 1 << ATTAR_RANS_LANES_LOG2_MAX, FREQUENCY_BITS_MAX = 15 };
static const uint32_t STATE_LOW = UINT32_C(1) << 16;

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

static void fill_slots(attar_rans_slot *slots, int32_t symbol, uint32_t frequency)
{
    for (uint32_t i = 0; i < frequency; i++) {
        slots[i].symbol = symbol;
        slots[i].frequency = (uint16_t)frequency;
        slots[i].offset = (uint16_t)i;
    }
}

static attar_status read_frequencies(attar_bit_reader *reader, int32_t low, uint32_t size, uint32_t total,
                                     attar_rans_slot *slots)
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
        fill_slots(slots + sum, low + (int32_t)i, frequency);
        sum += frequency;
    }
    return sum == total ? ATTAR_OK : ATTAR_BAD_FREQUENCIES;
}

typedef struct rans_header {
    unsigned total_log2;
    unsigned lanes;
} rans_header;

static attar_status read_header(attar_bytes *in, rans_header *header, attar_rans_slot *slots)
{
    uint32_t logs;
    uint32_t size;
    int32_t low;
    attar_status status = attar_read_u8(in, &logs);
    if (status != ATTAR_OK)
        return status;
    header->total_log2 = logs & 15u;
    if (header->total_log2 < ATTAR_RANS_LOG2_MIN || header->total_log2 > ATTAR_RANS_LOG2_MAX ||
        logs >> 4 > ATTAR_RANS_LANES_LOG2_MAX)
        return ATTAR_BAD_HEADER;
    header->lanes = 1u << (logs >> 4);
    status = attar_read_alphabet(in, &low, &size);
    if (status != ATTAR_OK)
        return status;
    attar_bit_reader reader = attar_bit_reader_of(*in);
    status = read_frequencies(&reader, low, size, UINT32_C(1) << header->total_log2, slots);
    return status == ATTAR_OK ? attar_bits_finish(&reader, in) : status;
}

static attar_status read_states(attar_bytes *in, uint32_t *states, unsigned lanes)
{
    if (attar_bytes_left(in) < 4 * (size_t)lanes)
        return ATTAR_TRUNCATED;
    for (unsigned lane = 0; lane < lanes; lane++) {
        states[lane] = attar_load32(in->at);
        if (states[lane] < STATE_LOW)
            return ATTAR_BAD_STATE;
        in->at += 4;
    }
    return ATTAR_OK;
}

/* Turns as long as every lane could take a word unseen; inlined with a constant number of lanes where speed counts.
 * The word is loaded whether it is needed or not: a branch here would be mispredicted every few symbols. */
static inline size_t decode_turns(attar_bytes *in, uint32_t *states, unsigned lanes, const attar_rans_slot *slots,
                                  unsigned total_log2, int32_t *dst, size_t n)
{
    const uint32_t mask = (UINT32_C(1) << total_log2) - 1u;
    const uint8_t *at = in->at;
    size_t i = 0;
    while (n - i >= lanes && (size_t)(in->end - at) >= 2 * (size_t)lanes) {
        for (unsigned lane = 0; lane < lanes; lane++) {
            uint32_t x = states[lane];
            const attar_rans_slot *slot = &slots[x & mask];
            dst[i + lane] = slot->symbol;
            x = slot->frequency * (x >> total_log2) + slot->offset;
            uint32_t refilled = x << 16 | attar_load16(at);
            at += x < STATE_LOW ? 2 : 0;
            states[lane] = x < STATE_LOW ? refilled : x;
        }
        i += lanes;
    }
    in->at = at;
    return i;
}

static size_t decode_turns_8(attar_bytes *in, uint32_t *states, const attar_rans_slot *slots, unsigned total_log2,
                             int32_t *dst, size_t n)
{
    uint32_t local[8];
    for (unsigned lane = 0; lane < 8; lane++)
        local[lane] = states[lane];
    size_t done = decode_turns(in, local, 8, slots, total_log2, dst, n);
    for (unsigned lane = 0; lane < 8; lane++)
        states[lane] = local[lane];
    return done;
}

static attar_status decode_rest(attar_bytes *in, uint32_t *states, rans_header header, const attar_rans_slot *slots,
                                int32_t *dst, size_t n, size_t done)
{
    const uint32_t mask = (UINT32_C(1) << header.total_log2) - 1u;
    for (size_t i = done; i < n; i++) {
        uint32_t x = states[i & (header.lanes - 1)];
        const attar_rans_slot *slot = &slots[x & mask];
        dst[i] = slot->symbol;
        x = slot->frequency * (x >> header.total_log2) + slot->offset;
        if (x < STATE_LOW) {
            if (attar_bytes_left(in) < 2)
                return ATTAR_TRUNCATED;
            x = x << 16 | attar_load16(in->at);
            in->at += 2;
        }
        states[i & (header.lanes - 1)] = x;
    }
    return ATTAR_OK;
}

static attar_status check_end(const attar_bytes *in, const uint32_t *states, unsigned lanes)
{
    if (in->at != in->end)
        return ATTAR_TRAILING_DATA;
    for (unsigned lane = 0; lane < lanes; lane++)
        if (states[lane] != STATE_LOW)
            return ATTAR_BAD_STATE;
    return ATTAR_OK;
}

attar_status attar_rans_decode(const uint8_t *src, size_t src_size, int32_t *dst, size_t n,
                               attar_rans_scratch *scratch)
{
    attar_bytes in = attar_bytes_of(src, src_size);
    uint32_t states[LANES_MAX];
    rans_header header;
    attar_status status = read_header(&in, &header, scratch->slots);
    if (status == ATTAR_OK)
        status = read_states(&in, states, header.lanes);
    if (status != ATTAR_OK)
        return status;
    size_t done = header.lanes == 8
                      ? decode_turns_8(&in, states, scratch->slots, header.total_log2, dst, n)
                      : decode_turns(&in, states, header.lanes, scratch->slots, header.total_log2, dst, n);
    status = decode_rest(&in, states, header, scratch->slots, dst, n, done);
    return status == ATTAR_OK ? check_end(&in, states, header.lanes) : status;
}
