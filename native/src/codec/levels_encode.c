/* The encoder runs backwards through a chunk, so it fills its buffer from the end and moves the result to the front. */
#include "arith.h"
#include "bits.h"
#include "levels.h"

/* x < frequency * 2^20 when it is divided, so 20 + 2 log2(frequency) bits of the reciprocal make the quotient exact. */
static attar_levels_symbol symbol_of(uint32_t start, uint32_t frequency)
{
    unsigned log2 = 0;
    while (UINT32_C(1) << log2 < frequency)
        log2++;
    const unsigned shift = 20 + 2 * log2;
    attar_levels_symbol symbol = {((UINT64_C(1) << shift) + frequency - 1) / frequency, (uint16_t)frequency,
                                  (uint16_t)start, (uint8_t)shift};
    return symbol;
}

attar_status attar_levels_prepare(attar_levels_encoder *encoder, const attar_levels_model *model)
{
    if (model->tables < 1 || model->tables > ATTAR_LEVELS_TABLES_MAX ||
        model->lanes_log2 > ATTAR_LEVELS_LANES_LOG2_MAX)
        return ATTAR_BAD_ARGUMENT;
    encoder->model = model;
    for (uint32_t k = 0; k < model->tables; k++)
        for (uint32_t token = 0; token <= 2u * model->top[k]; token++) {
            uint32_t start = model->starts[k][token];
            encoder->symbols[k][token] = symbol_of(start, model->starts[k][token + 1] - start);
        }
    return ATTAR_OK;
}

typedef struct chunk_writer {
    const attar_levels_encoder *encoder;
    uint32_t states[LEVELS_LANES_MAX];
    uint8_t *begin;
    uint8_t *at;
} chunk_writer;

static uint32_t greatest_magnitude(const int32_t *src, size_t n)
{
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++)
        most |= attar_magnitude_of(src[i]);
    return most;
}

/* Nearly all blocks hold small numbers alone, whose tokens need no search. */
static void find_tokens(const int32_t *src, size_t n, uint8_t *tokens)
{
    if (greatest_magnitude(src, n) < LEVELS_EXACT)
        for (size_t i = 0; i < n; i++)
            tokens[i] = (uint8_t)(2u * attar_magnitude_of(src[i]) - (src[i] > 0 ? 1u : 0u));
    else
        for (size_t i = 0; i < n; i++)
            tokens[i] = (uint8_t)(src[i] == INT32_MIN ? ATTAR_LEVELS_TOKENS_MAX : attar_token_of(src[i]));
}

/* The one of the two highest tokens that has the sign of another one; 0 if the table holds zero alone. */
static inline unsigned top_token(unsigned last, unsigned token)
{
    return last == 0 ? 0 : last - (token & 1u);
}

/* Which symbol each element is; what a closed table lacks is refused. */
static attar_status find_symbols(const attar_levels_encoder *encoder, const int32_t *src, uint64_t first, size_t n,
                                 const attar_levels_symbol **symbols)
{
    uint8_t tables[LEVELS_BLOCK];
    uint8_t tokens[LEVELS_BLOCK];
    unsigned is_bad = 0;
    attar_levels_block(encoder->model, first, tables, n);
    find_tokens(src, n, tokens);
    for (size_t i = 0; i < n; i++) {
        const unsigned last = 2u * encoder->model->top[tables[i]];
        const unsigned is_above = tokens[i] > last;
        is_bad |= is_above & (tokens[i] == ATTAR_LEVELS_TOKENS_MAX || last == 0 || !encoder->model->is_open);
        symbols[i] = &encoder->symbols[tables[i]][is_above ? top_token(last, tokens[i]) : tokens[i]];
    }
    return is_bad ? ATTAR_BAD_SYMBOL : ATTAR_OK;
}

/* The last element first. A word is stored whether it is needed or not: a branch would be mispredicted too often. */
static inline uint8_t *put_symbols(uint32_t *states, size_t mask, const attar_levels_symbol **symbols, size_t n,
                                   uint8_t *at)
{
    for (size_t i = n; i-- > 0;) {
        const attar_levels_symbol symbol = *symbols[i];
        uint32_t x = states[i & mask];
        const int is_full = x >> 20 >= symbol.frequency;
        attar_store16(at - 2, x & 0xffffu);
        at -= is_full ? 2 : 0;
        x = is_full ? x >> 16 : x;
        const uint32_t quotient = (uint32_t)(x * symbol.reciprocal >> symbol.shift);
        states[i & mask] = x + quotient * (ATTAR_LEVELS_SLOTS - symbol.frequency) + symbol.start;
    }
    return at;
}

static attar_status put_block(chunk_writer *writer, const int32_t *src, uint64_t first, size_t n)
{
    const attar_levels_symbol *symbols[LEVELS_BLOCK];
    const size_t lanes = (size_t)1 << writer->encoder->model->lanes_log2;
    if ((size_t)(writer->at - writer->begin) < 2 * n)
        return ATTAR_OUTPUT_TOO_SMALL;
    attar_status status = find_symbols(writer->encoder, src, first, n, symbols);
    if (status == ATTAR_OK)
        writer->at = put_symbols(writer->states, lanes - 1, symbols, n, writer->at);
    return status;
}

/* Magnitudes below take no extra bits with any table. */
static uint32_t least_with_extra(const attar_levels_model *model)
{
    uint32_t least = LEVELS_EXACT;
    for (uint32_t k = 0; model->is_open && k < model->tables; k++)
        if (model->top[k] > 0 && model->top[k] < least)
            least = model->top[k];
    return least;
}

/* Counts the extra bits of a chunk, and writes them unless `bits` is NULL, which is given enough room. */
static uint64_t put_extra(const attar_levels_model *model, const int32_t *src, uint64_t first, size_t n,
                          attar_bit_writer *bits)
{
    uint8_t tables[LEVELS_BLOCK];
    uint64_t total = 0;
    const uint32_t least = least_with_extra(model);
    for (size_t i = 0; i < n; i++) {
        if (i % LEVELS_BLOCK == 0)
            attar_levels_block(model, first + i, tables, n - i < LEVELS_BLOCK ? n - i : LEVELS_BLOCK);
        if (attar_magnitude_of(src[i]) < least)
            continue;
        const attar_extra extra = attar_extra_of(model, attar_magnitude_of(src[i]), tables[i % LEVELS_BLOCK]);
        total += extra.ones + extra.width + (extra.is_escape ? 1u : 0u);
        if (bits == NULL)
            continue;
        (void)attar_bits_put(bits, (uint32_t)((UINT64_C(1) << extra.ones) - 1u), extra.ones);
        (void)attar_bits_put(bits, 0, extra.is_escape ? 1 : 0);
        (void)attar_bits_put(bits, extra.field, extra.width);
    }
    if (bits != NULL)
        (void)attar_bits_flush(bits);
    return total;
}

static attar_status put_words(chunk_writer *writer, const int32_t *src, uint64_t first, size_t n)
{
    const size_t lanes = (size_t)1 << writer->encoder->model->lanes_log2;
    for (size_t lane = 0; lane < lanes; lane++)
        writer->states[lane] = LEVELS_STATE_LOW;
    for (size_t end = n; end > 0;) {
        size_t count = (end - 1) % LEVELS_BLOCK + 1;
        end -= count;
        attar_status status = put_block(writer, src + end, first + end, count);
        if (status != ATTAR_OK)
            return status;
    }
    if ((size_t)(writer->at - writer->begin) < 4 * lanes)
        return ATTAR_OUTPUT_TOO_SMALL;
    for (size_t lane = lanes; lane-- > 0;) {
        writer->at -= 4;
        attar_store32(writer->at, writer->states[lane]);
    }
    return ATTAR_OK;
}

/* From the end of the buffer to its front: extra bits, words, states, and the size of the extra bits. */
attar_status attar_levels_encode(const attar_levels_encoder *encoder, const int32_t *src, uint64_t first, size_t n,
                                 uint8_t *dst, size_t dst_capacity, size_t *written)
{
    const int has_extra = attar_levels_has_extra(encoder->model);
    const uint64_t extra = has_extra ? (put_extra(encoder->model, src, first, n, NULL) + 7) / 8 : 0;
    *written = 0;
    if (extra + ATTAR_VARINT_MAX > dst_capacity)
        return ATTAR_OUTPUT_TOO_SMALL;
    chunk_writer writer;
    writer.encoder = encoder;
    writer.begin = dst + ATTAR_VARINT_MAX;
    writer.at = dst + (dst_capacity - (size_t)extra);
    attar_status status = put_words(&writer, src, first, n);
    if (status != ATTAR_OK)
        return status;
    if (has_extra) {
        attar_bit_writer bits = {dst + (dst_capacity - (size_t)extra), dst + dst_capacity, 0, 0};
        (void)put_extra(encoder->model, src, first, n, &bits);
        writer.at -= attar_varint_size(extra);
        (void)attar_put_varint(writer.at, extra);
    }
    *written = (size_t)(dst + dst_capacity - writer.at);
    for (size_t i = 0; i < *written; i++)
        dst[i] = writer.at[i];
    return ATTAR_OK;
}

/* The header is small, and written once: it goes to a buffer of its own, byte by byte. */
typedef struct header_writer {
    uint8_t *at;
    uint8_t *end;
    int is_full;
} header_writer;

static void put_u8(header_writer *out, uint32_t value)
{
    if (out->at < out->end)
        *out->at++ = (uint8_t)value;
    else
        out->is_full = 1;
}

static void put_number(header_writer *out, uint64_t value)
{
    uint8_t bytes[ATTAR_VARINT_MAX];
    size_t size = attar_put_varint(bytes, value);
    for (size_t i = 0; i < size; i++)
        put_u8(out, bytes[i]);
}

static void put_front(header_writer *out, const attar_levels_model *model, uint64_t n)
{
    const int is_chunked = model->chunk < n;
    put_u8(out, model->axes | model->lanes_log2 << 2 | (model->is_skewed ? 1u << 5 : 0u) | (is_chunked ? 1u << 6 : 0u));
    put_u8(out, (model->tables - 1) | model->precision << 5 | (model->is_open ? 1u << 7 : 0u));
    for (uint32_t a = 0; a < model->axes; a++) {
        put_number(out, model->axis[a].length);
        put_number(out, model->axis[a].stride);
    }
    if (is_chunked)
        put_number(out, model->chunk);
}

/* The side section is made behind a gap for its size, which is known afterwards, and then moved up to it. */
attar_status attar_levels_encode_header(attar_levels_model *model, uint64_t n, uint8_t *dst, size_t dst_capacity,
                                        size_t *written)
{
    attar_arith coder;
    header_writer out = {dst, dst + dst_capacity, 0};
    size_t size = 0;
    *written = 0;
    put_front(&out, model, n);
    if (out.is_full || (size_t)(out.end - out.at) < ATTAR_VARINT_MAX)
        return ATTAR_OUTPUT_TOO_SMALL;
    uint8_t *side = out.at + ATTAR_VARINT_MAX;
    attar_arith_write(&coder, side, (size_t)(out.end - side));
    attar_status status = attar_levels_side(&coder, model);
    if (status == ATTAR_OK)
        status = attar_arith_finish_writing(&coder, &size);
    if (status != ATTAR_OK)
        return status;
    put_number(&out, size);
    for (size_t i = 0; i < size; i++)
        *out.at++ = side[i];
    *written = (size_t)(out.at - dst);
    return ATTAR_OK;
}
