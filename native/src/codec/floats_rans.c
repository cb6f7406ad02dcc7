/* rANS (docs/format.md, 8.3) over bytes: the portable code, and around it the kernels for whole turns of 64 lanes. */
#include "floats.h"

static attar_status read_table(attar_bytes *in, attar_rans_header *header, attar_floats_scratch *scratch)
{
    attar_status status = attar_read_rans_header(in, header, scratch->frequencies);
    if (status != ATTAR_OK)
        return status;
    if (header->total_log2 > ATTAR_FLOATS_RANS_LOG2_MAX)
        return ATTAR_BAD_HEADER;
    /* One symbol alone would have a frequency of 13 bits; such a plane is packed. */
    if (header->low < 0 || header->low > 255 || header->size < 2 || header->size > 256u - (uint32_t)header->low)
        return ATTAR_BAD_ALPHABET;
    uint32_t *slot = scratch->slots;
    for (uint32_t i = 0; i < header->size; i++) {
        uint32_t entry = ((uint32_t)header->low + i) | (uint32_t)scratch->frequencies[i] << 8;
        for (uint32_t offset = 0; offset < scratch->frequencies[i]; offset++)
            *slot++ = entry | offset << 20;
    }
    return ATTAR_OK;
}

static inline uint32_t decode_one(uint32_t x, const uint32_t *slots, unsigned total_log2, uint8_t *symbol)
{
    uint32_t slot = slots[x & ((UINT32_C(1) << total_log2) - 1u)];
    *symbol = (uint8_t)(slot & 0xffu);
    return (slot >> 8 & 0xfffu) * (x >> total_log2) + (slot >> 20);
}

/* As long as every lane of a turn could take a word unseen. The word is loaded whether it is needed or not: a branch
 * here would be mispredicted every few symbols. */
static size_t decode_turns(attar_bytes *in, uint32_t *states, unsigned lanes, const uint32_t *slots,
                           unsigned total_log2, uint8_t *dst, size_t n)
{
    const uint8_t *at = in->at;
    size_t i = 0;
    for (; n - i >= lanes && (size_t)(in->end - at) >= 2 * (size_t)lanes; i += lanes)
        for (unsigned lane = 0; lane < lanes; lane++) {
            uint32_t x = decode_one(states[lane], slots, total_log2, &dst[i + lane]);
            uint32_t refilled = x << 16 | attar_load16(at);
            at += x < ATTAR_RANS_STATE_LOW ? 2 : 0;
            states[lane] = x < ATTAR_RANS_STATE_LOW ? refilled : x;
        }
    in->at = at;
    return i;
}

static attar_status decode_rest(attar_bytes *in, uint32_t *states, const attar_rans_header *header,
                                const uint32_t *slots, uint8_t *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t x = decode_one(states[i & (header->lanes - 1)], slots, header->total_log2, &dst[i]);
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

attar_status attar_bytes_rans_decode(const uint8_t *src, size_t src_size, uint8_t *dst, size_t n,
                                     attar_floats_scratch *scratch)
{
    attar_bytes in = attar_bytes_of(src, src_size);
    uint32_t states[ATTAR_RANS_LANES_MAX];
    attar_rans_header header;
    attar_status status = read_table(&in, &header, scratch);
    if (status == ATTAR_OK)
        status = attar_read_rans_states(&in, states, header.lanes);
    if (status != ATTAR_OK)
        return status;
    attar_decode_turns *kernel = header.lanes == ATTAR_TURN ? attar_find_decode_turns() : NULL;
    size_t done = kernel != NULL
                      ? kernel(&in, states, scratch->slots, header.total_log2, dst, n)
                      : decode_turns(&in, states, header.lanes, scratch->slots, header.total_log2, dst, n);
    /* Whole turns are done, so that the rest begins with lane 0 again. */
    status = decode_rest(&in, states, &header, scratch->slots, dst + done, n - done);
    return status == ATTAR_OK ? attar_check_rans_end(&in, states, header.lanes) : status;
}

/* The reciprocal makes x * reciprocal >> (32 + total_log2) the exact quotient: it is less than `frequency` too large
 * after scaling, x is below frequency << (32 - total_log2), and the product of the two stays below 2^64. */
static void fill_codes(const attar_byte_table *table, attar_floats_encode_scratch *scratch)
{
    uint32_t start = 0;
    for (unsigned i = 0; i < table->size; i++) {
        uint32_t frequency = table->frequencies[i];
        unsigned symbol = table->low + i;
        if (frequency == 0)
            continue;
        uint64_t scale = UINT64_C(1) << (32u + table->total_log2);
        scratch->reciprocals[symbol] = (scale + frequency - 1) / frequency;
        scratch->limits[symbol] = frequency << (32u - table->total_log2);
        scratch->spans[symbol] = frequency | start << 16;
        start += frequency;
    }
}

static uint32_t encode_one(uint32_t x, unsigned symbol, const attar_floats_encode_scratch *codes, unsigned total_log2)
{
    uint32_t span = codes->spans[symbol];
    uint32_t quotient = (uint32_t)(x * codes->reciprocals[symbol] >> (32u + total_log2));
    return x + quotient * ((UINT32_C(1) << total_log2) - (span & 0xffffu)) + (span >> 16);
}

/* The last n symbols of a plane that begins with lane 0; a word is stored whether it counts or not, as in decode. */
static attar_status encode_symbols(const uint8_t *src, size_t from, size_t n, uint32_t *states, size_t lanes,
                                   unsigned total_log2, const attar_floats_encode_scratch *codes,
                                   const uint8_t *begin, uint8_t **end)
{
    uint8_t *at = *end;
    for (size_t i = n; i-- > from;) {
        uint32_t x = states[i & (lanes - 1)];
        if (at - begin < 2)
            return ATTAR_OUTPUT_TOO_SMALL;
        size_t full = x >= codes->limits[src[i]];
        attar_store16(at - 2, x & 0xffffu);
        at -= 2 * full;
        states[i & (lanes - 1)] = encode_one(x >> 16 * full, src[i], codes, total_log2);
    }
    *end = at;
    return ATTAR_OK;
}

static attar_status encode_all(const uint8_t *src, size_t n, uint32_t *states, size_t lanes, unsigned total_log2,
                               const attar_floats_encode_scratch *codes, const uint8_t *begin, uint8_t **at)
{
    attar_encode_turns *kernel = attar_find_encode_turns();
    if (kernel == NULL || lanes != ATTAR_TURN || total_log2 < ATTAR_TURN_LOG2_MIN)
        return encode_symbols(src, 0, n, states, lanes, total_log2, codes, begin, at);
    size_t turned = n - n % ATTAR_TURN;
    attar_status status = encode_symbols(src, turned, n, states, lanes, total_log2, codes, begin, at);
    if (status != ATTAR_OK)
        return status;
    turned = kernel(src, turned, states, codes->spans, total_log2, begin, at);
    return encode_symbols(src, 0, turned, states, lanes, total_log2, codes, begin, at);
}

attar_status attar_bytes_rans_encode(const uint8_t *src, size_t n, const attar_byte_table *table, unsigned lanes_log2,
                                     uint8_t *dst, size_t dst_capacity, uint8_t **begin,
                                     attar_floats_encode_scratch *scratch)
{
    uint32_t states[ATTAR_RANS_LANES_MAX];
    const size_t lanes = (size_t)1 << lanes_log2;
    uint8_t *at = dst + dst_capacity;
    if (dst_capacity < 4 * lanes)
        return ATTAR_OUTPUT_TOO_SMALL;
    for (size_t lane = 0; lane < lanes; lane++)
        states[lane] = ATTAR_RANS_STATE_LOW;
    fill_codes(table, scratch);
    attar_status status = encode_all(src, n, states, lanes, table->total_log2, scratch, dst + 4 * lanes, &at);
    if (status != ATTAR_OK)
        return status;
    at -= 4 * lanes;
    for (size_t lane = 0; lane < lanes; lane++)
        attar_store32(at + 4 * lane, states[lane]);
    *begin = at;
    return ATTAR_OK;
}
