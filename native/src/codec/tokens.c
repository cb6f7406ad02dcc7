/* The portable kernel of the levels coder; those in the folders of architectures equal it token for token. */
#include "../cpu.h"
#include "levels.h"

/* The word is loaded whether it is needed or not: a branch here would be mispredicted every few symbols. */
static inline size_t turns(attar_lanes *lanes, unsigned count, const attar_levels_slot *slots, const uint8_t *tables,
                           uint8_t *tokens, size_t n)
{
    const uint8_t *at = lanes->words.at;
    size_t i = 0;
    while (n - i >= count && (size_t)(lanes->words.end - at) >= 2 * (size_t)count) {
        for (unsigned lane = 0; lane < count; lane++) {
            uint32_t x = lanes->states[lane];
            attar_levels_slot slot = slots[(uint32_t)tables[i + lane] << ATTAR_LEVELS_TOTAL_LOG2 |
                                           (x & (ATTAR_LEVELS_SLOTS - 1u))];
            tokens[i + lane] = (uint8_t)(slot & 255u);
            x = ((slot >> 8 & 4095u) + 1u) * (x >> ATTAR_LEVELS_TOTAL_LOG2) + (slot >> 20);
            uint32_t refilled = x << 16 | attar_load16(at);
            at += x < LEVELS_STATE_LOW ? 2 : 0;
            lanes->states[lane] = x < LEVELS_STATE_LOW ? refilled : x;
        }
        i += count;
    }
    lanes->words.at = at;
    return i;
}

size_t attar_tokens_turns_portable(attar_lanes *lanes, unsigned lanes_log2, const attar_levels_slot *slots,
                                   const uint8_t *tables, uint8_t *tokens, size_t n)
{
    switch (lanes_log2) { /* a constant number of lanes lets the compiler keep the states apart */
    case 5:
        return turns(lanes, 32, slots, tables, tokens, n);
    case 3:
        return turns(lanes, 8, slots, tables, tokens, n);
    default:
        return turns(lanes, 1u << lanes_log2, slots, tables, tokens, n);
    }
}

attar_tokens_turns *attar_tokens_turns_best(unsigned lanes_log2)
{
#ifdef ATTAR_HAS_AVX512
    if (lanes_log2 >= 4 && attar_cpu_has_avx512())
        return attar_tokens_turns_avx512;
#endif
#ifdef ATTAR_HAS_NEON
    if (lanes_log2 >= 2)
        return attar_tokens_turns_neon;
#endif
#ifdef ATTAR_HAS_AVX2
    if (lanes_log2 >= 3 && attar_cpu_has_avx2())
        return attar_tokens_turns_avx2;
#endif
    (void)lanes_log2;
    return attar_tokens_turns_portable;
}
