#include "arith.h"

/* range stays above 2^24, so a chance of 31 / 65536, the least there is, never vanishes. */
static const uint32_t RANGE_LOW = UINT32_C(1) << 24;
enum { MET_MAX = 30 };

void attar_arith_read(attar_arith *coder, attar_bytes in)
{
    attar_arith start = {0, 0, 0, UINT32_MAX, in.at, in.end, NULL, NULL, NULL, 0};
    *coder = start;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t byte = coder->from < coder->from_end ? *coder->from++ : 0u;
        coder->code = coder->code << 8 | byte;
    }
}

void attar_arith_write(attar_arith *coder, uint8_t *dst, size_t capacity)
{
    attar_arith start = {1, 0, 0, UINT32_MAX, NULL, NULL, dst, dst, dst + capacity, 0};
    *coder = start;
}

static void put_byte(attar_arith *coder)
{
    if (coder->low >> 32 != 0) /* a carry: at least one byte before is not 255 */
        for (uint8_t *at = coder->at; at-- > coder->begin && ++*at == 0;) {
        }
    if (coder->at < coder->end)
        *coder->at++ = (uint8_t)(coder->low >> 24 & 0xffu);
    else
        coder->is_full = 1;
    coder->low = coder->low << 8 & UINT32_MAX;
}

static void learn(attar_chance *chance, unsigned bit)
{
    unsigned rate = 1;
    while (chance->met + 2u >= 4u << (rate - 1))
        rate++;
    uint32_t gap = bit != 0 ? 65536u - chance->one : chance->one;
    chance->one = (uint16_t)(bit != 0 ? chance->one + (gap >> rate) : chance->one - (gap >> rate));
    if (chance->met < MET_MAX)
        chance->met++;
}

static void renormalize(attar_arith *coder)
{
    while (coder->range < RANGE_LOW) {
        coder->range <<= 8;
        if (coder->is_writing) {
            put_byte(coder);
        } else {
            uint32_t byte = coder->from < coder->from_end ? *coder->from++ : 0u;
            coder->code = coder->code << 8 | byte;
        }
    }
}

unsigned attar_arith_bit(attar_arith *coder, attar_chance *chance, unsigned bit)
{
    uint32_t bound = (coder->range >> 16) * chance->one;
    if (!coder->is_writing)
        bit = coder->code < bound;
    if (bit != 0) {
        coder->range = bound;
    } else {
        coder->low += bound;
        coder->code -= bound;
        coder->range -= bound;
    }
    learn(chance, bit);
    renormalize(coder);
    return bit;
}

attar_status attar_arith_finish_reading(const attar_arith *coder)
{
    return coder->from == coder->from_end ? ATTAR_OK : ATTAR_TRAILING_DATA;
}

/* The number of most trailing zeros in low .. low + range - 1; zeros at the end need not be written. */
static void settle(attar_arith *coder)
{
    uint64_t last = coder->low + coder->range - 1;
    for (unsigned zeros = 32; zeros > 0; zeros--) {
        uint64_t value = last >> zeros << zeros;
        if (value >= coder->low) {
            coder->low = value;
            return;
        }
    }
}

attar_status attar_arith_finish_writing(attar_arith *coder, size_t *written)
{
    settle(coder);
    for (unsigned i = 0; i < 4; i++)
        put_byte(coder);
    while (coder->at > coder->begin && coder->at[-1] == 0)
        coder->at--;
    *written = (size_t)(coder->at - coder->begin);
    return coder->is_full ? ATTAR_OUTPUT_TOO_SMALL : ATTAR_OK;
}

void attar_numbers_start(attar_numbers *numbers)
{
    const attar_chance even = {32768, 0};
    for (unsigned i = 0; i < 3; i++)
        numbers->is_nonzero[i] = even;
    numbers->is_negative = even;
    for (unsigned i = 0; i < ATTAR_NUMBER_STEPS; i++)
        numbers->goes_on[i] = even;
    numbers->last = 0;
}

int32_t attar_arith_number(attar_arith *coder, attar_numbers *numbers, int32_t number)
{
    uint32_t magnitude = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;
    attar_chance *is_nonzero = &numbers->is_nonzero[numbers->last < 2 ? numbers->last : 2];
    numbers->last = 0;
    if (attar_arith_bit(coder, is_nonzero, magnitude != 0) == 0)
        return 0;
    unsigned is_negative = attar_arith_bit(coder, &numbers->is_negative, number < 0);
    uint32_t met = 1;
    while (met <= ATTAR_NUMBER_MAX) {
        uint32_t step = met < ATTAR_NUMBER_STEPS ? met : ATTAR_NUMBER_STEPS;
        if (attar_arith_bit(coder, &numbers->goes_on[step - 1], met < magnitude) == 0)
            break;
        met++;
    }
    numbers->last = met;
    return is_negative != 0 ? -(int32_t)met : (int32_t)met;
}
