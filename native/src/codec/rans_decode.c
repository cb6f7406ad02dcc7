/* Interleaved rANS with 32-bit states and 16-bit words (Duda 2013; Giesen 2014 for the interleaving). */
#include "attar/codec.h"
#include "rans_header.h"

static void fill_slots(attar_rans_slot *slots, const attar_rans_header *header, const uint16_t *frequencies)
{
    for (uint32_t i = 0; i < header->size; i++)
        for (uint16_t offset = 0; offset < frequencies[i]; offset++, slots++) {
            slots->symbol = header->low + (int32_t)i;
            slots->frequency = frequencies[i];
            slots->offset = offset;
        }
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
            at += x < ATTAR_RANS_STATE_LOW ? 2 : 0;
            states[lane] = x < ATTAR_RANS_STATE_LOW ? refilled : x;
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

static attar_status decode_rest(attar_bytes *in, uint32_t *states, const attar_rans_header *header,
                                const attar_rans_slot *slots, int32_t *dst, size_t n, size_t done)
{
    const uint32_t mask = (UINT32_C(1) << header->total_log2) - 1u;
    for (size_t i = done; i < n; i++) {
        uint32_t x = states[i & (header->lanes - 1)];
        const attar_rans_slot *slot = &slots[x & mask];
        dst[i] = slot->symbol;
        x = slot->frequency * (x >> header->total_log2) + slot->offset;
        if (x < ATTAR_RANS_STATE_LOW) {
            if (attar_bytes_left(in) < 2)
                return ATTAR_TRUNCATED;
            x = x << 16 | attar_load16(in->at);
            in->at += 2;
        }
        states[i & (header->lanes - 1)] = x;
    }
    return ATTAR_OK;
}

attar_status attar_rans_decode(const uint8_t *src, size_t src_size, int32_t *dst, size_t n,
                               attar_rans_scratch *scratch)
{
    attar_bytes in = attar_bytes_of(src, src_size);
    uint32_t states[ATTAR_RANS_LANES_MAX];
    attar_rans_header header;
    attar_status status = attar_read_rans_header(&in, &header, scratch->frequencies);
    if (status == ATTAR_OK)
        status = attar_read_rans_states(&in, states, header.lanes);
    if (status != ATTAR_OK)
        return status;
    fill_slots(scratch->slots, &header, scratch->frequencies);
    size_t done = header.lanes == 8
                      ? decode_turns_8(&in, states, scratch->slots, header.total_log2, dst, n)
                      : decode_turns(&in, states, header.lanes, scratch->slots, header.total_log2, dst, n);
    status = decode_rest(&in, states, &header, scratch->slots, dst, n, done);
    return status == ATTAR_OK ? attar_check_rans_end(&in, states, header.lanes) : status;
}
