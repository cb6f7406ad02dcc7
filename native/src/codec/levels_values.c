/* From tokens to integers: small magnitudes are their tokens, larger ones take some bits beside them. */
#include "levels_values.h"

#include "../cpu.h"

/* A code is what a token says of a number that takes few bits: bits 0 to 2 how many it takes beside, bit 3 that it takes
 * more than that or is an escape, bits 4 to 13 its least magnitude. Eight such numbers need one look at the stream. */
enum { TURN = 8, WIDTH_MASK = 7, IS_LONG = 8, BASE_SHIFT = 4 };

void attar_levels_codes(uint16_t *codes)
{
    for (unsigned token = 0; token < ATTAR_LEVELS_NAMES; token++) {
        const unsigned class_ = (token + 1u) >> 1, width = attar_class_bits(class_);
        const int is_long = token >= ATTAR_LEVELS_ESCAPE || width > WIDTH_MASK;
        codes[token] = (uint16_t)(is_long ? IS_LONG : attar_class_base(class_) << BASE_SHIFT | width);
    }
}

static inline int32_t signed_by(uint8_t token, uint32_t magnitude)
{
    const int32_t value = (int32_t)magnitude;
    return (token & 1) != 0 ? value : -value;
}

static attar_status read_extra(attar_bit_reader *extra, unsigned width, uint64_t *bits)
{
    attar_bits_refill(extra);
    *bits = attar_bits_peek(extra, width);
    return attar_bits_skip(extra, width) ? ATTAR_OK : ATTAR_TRUNCATED;
}

/* Exp-Golomb of order 0: as many ones as there are bits to follow, and a zero. */
static attar_status read_excess(attar_bit_reader *extra, uint64_t *excess)
{
    uint64_t bit = 0;
    unsigned width = 0;
    attar_status status = read_extra(extra, 1, &bit);
    for (; status == ATTAR_OK && bit != 0; width++) {
        if (width == LEVELS_EXCESS_BITS_MAX)
            return ATTAR_BAD_SYMBOL;
        status = read_extra(extra, 1, &bit);
    }
    if (status == ATTAR_OK)
        status = read_extra(extra, width, excess);
    *excess += (UINT64_C(1) << width) - 1u;
    return status;
}

static attar_status any_value(attar_bit_reader *extra, const attar_levels_model *model, uint8_t table, uint8_t token,
                              int32_t *value)
{
    const int is_escape = token >= ATTAR_LEVELS_ESCAPE;
    const unsigned class_ = is_escape ? model->top[table] : (token + 1u) >> 1;
    uint64_t excess = 0;
    attar_status status =
        is_escape ? read_excess(extra, &excess) : read_extra(extra, attar_class_bits(class_), &excess);
    const uint64_t magnitude = attar_class_base(class_) + excess;
    if (status != ATTAR_OK || magnitude > INT32_MAX)
        return status != ATTAR_OK ? status : ATTAR_BAD_SYMBOL;
    *value = signed_by(token, (uint32_t)magnitude);
    return ATTAR_OK;
}

static attar_status any_values(attar_bit_reader *extra, const attar_levels_model *model, const uint8_t *tables,
                               const uint8_t *tokens, int32_t *values, size_t n)
{
    attar_status status = ATTAR_OK;
    for (size_t i = 0; status == ATTAR_OK && i < n; i++)
        status = any_value(extra, model, tables[i], tokens[i], &values[i]);
    return status;
}

static int is_short(const uint16_t *codes, const uint8_t *tokens)
{
    unsigned seen = 0;
    for (unsigned i = 0; i < TURN; i++)
        seen |= codes[tokens[i]];
    return (seen & IS_LONG) == 0;
}

/* A turn of short ones; 56 bits are there. No branch depends on what is read: it would be mispredicted. */
static void short_values(attar_bit_reader *extra, const uint16_t *codes, const uint8_t *tokens, int32_t *values)
{
    uint64_t window = extra->window;
    unsigned used = 0;
    for (unsigned i = 0; i < TURN; i++) {
        const unsigned code = codes[tokens[i]], width = code & WIDTH_MASK;
        const uint32_t bits = (uint32_t)window & ((1u << width) - 1u);
        window >>= width;
        used += width;
        values[i] = signed_by(tokens[i], (code >> BASE_SHIFT) + bits);
    }
    extra->window = window;
    extra->count -= used;
}

size_t attar_values_turns_portable(attar_bit_reader *extra, const uint16_t *codes, const uint8_t *tokens,
                                   int32_t *values, size_t n)
{
    size_t i = 0;
    for (; n - i >= TURN && is_short(codes, tokens + i); i += TURN) {
        attar_bits_refill(extra);
        if (extra->count < TURN * WIDTH_MASK)
            break;
        short_values(extra, codes, tokens + i, values + i);
    }
    return i;
}

static attar_values_turns *turns_best(void)
{
#ifdef ATTAR_HAS_AVX512
    if (attar_cpu_has_avx512())
        return attar_values_turns_avx512;
#endif
    return attar_values_turns_portable;
}

attar_status attar_levels_values(attar_bit_reader *extra, const attar_levels_decoder *decoder, const uint8_t *tables,
                                 const uint8_t *tokens, int32_t *values, size_t n)
{
    attar_values_turns *const turns = turns_best();
    attar_status status = ATTAR_OK;
    for (size_t i = 0; status == ATTAR_OK && i < n;) {
        i += turns(extra, decoder->codes, tokens + i, values + i, n - i);
        const size_t some = n - i < TURN ? n - i : TURN;
        status = any_values(extra, &decoder->model, tables + i, tokens + i, values + i, some);
        i += some;
    }
    return status;
}

void attar_levels_small_values(const uint8_t *tokens, int32_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = signed_by(tokens[i], (tokens[i] + 1u) >> 1);
}
