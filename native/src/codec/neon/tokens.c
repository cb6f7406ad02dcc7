/* Four lanes in a register; there is no gather, so the slots are loaded one by one. */
#include "../../cpu.h"
#include "../levels.h"

#ifdef ATTAR_HAS_NEON
#include <arm_neon.h>

/* For each set of lanes that take a word: which bytes of four 32-bit words go to each lane. */
#define WORD(rank) 4 * (rank), 4 * (rank) + 1, 4 * (rank) + 2, 4 * (rank) + 3
static const uint8_t SPREAD[16][16] = {
    {WORD(0), WORD(0), WORD(0), WORD(0)}, {WORD(0), WORD(0), WORD(0), WORD(0)},
    {WORD(0), WORD(0), WORD(0), WORD(0)}, {WORD(0), WORD(1), WORD(0), WORD(0)},
    {WORD(0), WORD(0), WORD(0), WORD(0)}, {WORD(0), WORD(0), WORD(1), WORD(0)},
    {WORD(0), WORD(0), WORD(1), WORD(0)}, {WORD(0), WORD(1), WORD(2), WORD(0)},
    {WORD(0), WORD(0), WORD(0), WORD(0)}, {WORD(0), WORD(0), WORD(0), WORD(1)},
    {WORD(0), WORD(0), WORD(0), WORD(1)}, {WORD(0), WORD(1), WORD(0), WORD(2)},
    {WORD(0), WORD(0), WORD(0), WORD(1)}, {WORD(0), WORD(0), WORD(1), WORD(2)},
    {WORD(0), WORD(0), WORD(1), WORD(2)}, {WORD(0), WORD(1), WORD(2), WORD(3)}};
#undef WORD

static inline uint32x4_t load_slots(uint32x4_t x, const attar_levels_slot *slots, const uint8_t *tables)
{
    uint32_t low12[4];
    uint32x4_t found = vdupq_n_u32(0);
    vst1q_u32(low12, vandq_u32(x, vdupq_n_u32(ATTAR_LEVELS_SLOTS - 1)));
    found = vsetq_lane_u32(slots[(uint32_t)tables[0] << ATTAR_LEVELS_TOTAL_LOG2 | low12[0]], found, 0);
    found = vsetq_lane_u32(slots[(uint32_t)tables[1] << ATTAR_LEVELS_TOTAL_LOG2 | low12[1]], found, 1);
    found = vsetq_lane_u32(slots[(uint32_t)tables[2] << ATTAR_LEVELS_TOTAL_LOG2 | low12[2]], found, 2);
    return vsetq_lane_u32(slots[(uint32_t)tables[3] << ATTAR_LEVELS_TOTAL_LOG2 | low12[3]], found, 3);
}

static inline uint32x4_t turn(uint32x4_t x, const attar_levels_slot *slots, const uint8_t *tables, uint8_t *tokens,
                              const uint8_t **at)
{
    static const uint32_t PLACES[4] = {1, 2, 4, 8};
    uint32x4_t slot = load_slots(x, slots, tables);
    tokens[0] = vgetq_lane_u8(vreinterpretq_u8_u32(slot), 0);
    tokens[1] = vgetq_lane_u8(vreinterpretq_u8_u32(slot), 4);
    tokens[2] = vgetq_lane_u8(vreinterpretq_u8_u32(slot), 8);
    tokens[3] = vgetq_lane_u8(vreinterpretq_u8_u32(slot), 12);
    uint32x4_t frequency = vandq_u32(vshrq_n_u32(slot, 8), vdupq_n_u32(ATTAR_LEVELS_SLOTS - 1));
    frequency = vaddq_u32(frequency, vdupq_n_u32(1));
    x = vmlaq_u32(vshrq_n_u32(slot, 20), frequency, vshrq_n_u32(x, ATTAR_LEVELS_TOTAL_LOG2));
    uint32x4_t is_low = vcltq_u32(x, vdupq_n_u32(1u << 16));
    uint32_t low = vaddvq_u32(vandq_u32(is_low, vld1q_u32(PLACES)));
    uint32x4_t words = vmovl_u16(vreinterpret_u16_u8(vld1_u8(*at)));
    words = vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(words), vld1q_u8(SPREAD[low])));
    *at += 2 * __builtin_popcount(low);
    return vbslq_u32(is_low, vorrq_u32(vshlq_n_u32(x, 16), words), x);
}

static inline size_t turns(attar_lanes *lanes, unsigned vectors, const attar_levels_slot *slots, const uint8_t *tables,
                           uint8_t *tokens, size_t n)
{
    const size_t count = 4u * (size_t)vectors;
    const uint8_t *at = lanes->words.at;
    uint32x4_t x[8];
    size_t i = 0;
    for (unsigned v = 0; v < vectors; v++)
        x[v] = vld1q_u32(lanes->states + 4 * v);
    for (; n - i >= count && (size_t)(lanes->words.end - at) >= 2 * count; i += count)
        for (unsigned v = 0; v < vectors; v++)
            x[v] = turn(x[v], slots, tables + i + 4 * v, tokens + i + 4 * v, &at);
    for (unsigned v = 0; v < vectors; v++)
        vst1q_u32(lanes->states + 4 * v, x[v]);
    lanes->words.at = at;
    return i;
}

size_t attar_tokens_turns_neon(attar_lanes *lanes, unsigned lanes_log2, const attar_levels_slot *slots,
                               const uint8_t *tables, uint8_t *tokens, size_t n)
{
    if (lanes_log2 == 5)
        return turns(lanes, 8, slots, tables, tokens, n);
    return turns(lanes, 1u << (lanes_log2 - 2), slots, tables, tokens, n);
}
#else
typedef int attar_tokens_neon_nothing; /* C99 wants a declaration in every file */
#endif
