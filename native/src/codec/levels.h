/* What the files of the levels coder share. Internal. */
#ifndef ATTAR_CODEC_LEVELS_H
#define ATTAR_CODEC_LEVELS_H

#include "attar/levels.h"
#include "bytes.h"

enum {
    LEVELS_BLOCK = 2048, /* elements from tables to values at a time: all of it stays in the nearest cache */
    LEVELS_LANES_MAX = 1 << ATTAR_LEVELS_LANES_LOG2_MAX,
    LEVELS_EXCESS_BITS_MAX = 31,
    LEVELS_EXACT = 16    /* magnitudes below are their own class; above there are four classes to an octave */
};

/* What the lanes of a chunk have come to. */
typedef struct attar_lanes {
    uint32_t states[LEVELS_LANES_MAX];
    attar_bytes words;
} attar_lanes;

static const uint32_t LEVELS_STATE_LOW = UINT32_C(1) << 16;

static inline unsigned attar_class_bits(unsigned class_)
{
    return class_ < LEVELS_EXACT ? 0u : (class_ - LEVELS_EXACT) / 4u + 2u;
}

static inline uint32_t attar_class_base(unsigned class_)
{
    return class_ < LEVELS_EXACT ? class_ : (4u + class_ % 4u) << attar_class_bits(class_);
}

static inline unsigned attar_class_of(uint32_t magnitude)
{
    unsigned bits = 0;
    if (magnitude < LEVELS_EXACT)
        return magnitude;
    while (magnitude >> bits >= 8)
        bits++;
    return LEVELS_EXACT + 4u * (bits - 2u) + (magnitude >> bits) - 4u;
}

static inline uint32_t attar_magnitude_of(int32_t value)
{
    return value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
}

/* Of any number but INT32_MIN, which has none. */
static inline unsigned attar_token_of(int32_t value)
{
    return 2u * attar_class_of(attar_magnitude_of(value)) - (value > 0 ? 1u : 0u);
}

/* What a magnitude takes beside its token: so many ones and a zero if it is an escape, and a field. */
typedef struct attar_extra {
    unsigned ones;
    int is_escape;
    unsigned width;
    uint32_t field;
} attar_extra;

attar_extra attar_extra_of(const attar_levels_model *model, uint32_t magnitude, uint8_t table);

/* Bits of a number with table k, in 16384ths; more than anything costs where the table cannot hold it. */
#define LEVELS_PRICE_OF_BIT UINT64_C(16384)
#define LEVELS_PRICE_OF_NEVER (LEVELS_PRICE_OF_BIT << 20)
uint64_t attar_levels_price(const attar_levels_model *model, uint32_t k, int32_t value);

/* The side section, in the direction of the coder; a reader checks what it reads. */
/* Logit j of table k as those before it make it expect. */
int32_t attar_levels_guess(const attar_levels_model *model, uint32_t k, uint32_t j);

/* Whether some magnitudes take bits beside their class. */
int attar_levels_has_extra(const attar_levels_model *model);

struct attar_arith;
attar_status attar_levels_side(struct attar_arith *coder, attar_levels_model *model);

/* The table of each of n <= LEVELS_BLOCK elements from `first` on. */
void attar_levels_block(const attar_levels_model *model, uint64_t first, uint8_t *tables, size_t n);

/* Decodes tokens in whole turns of all lanes as long as no lane could run out of words; returns how many. One such
 * function for each kind of processor, chosen at run time. */
typedef size_t attar_tokens_turns(attar_lanes *lanes, unsigned lanes_log2, const attar_levels_slot *slots,
                                  const uint8_t *tables, uint8_t *tokens, size_t n);

attar_tokens_turns attar_tokens_turns_portable;
attar_tokens_turns attar_tokens_turns_neon;   /* 4 lanes or more */
attar_tokens_turns attar_tokens_turns_avx2;   /* 8 lanes or more */
attar_tokens_turns attar_tokens_turns_avx512; /* 16 lanes or more */
attar_tokens_turns *attar_tokens_turns_best(unsigned lanes_log2);

#endif
