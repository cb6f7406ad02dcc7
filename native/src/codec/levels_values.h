/* From tokens to integers. Internal. */
#ifndef ATTAR_CODEC_LEVELS_VALUES_H
#define ATTAR_CODEC_LEVELS_VALUES_H

#include "bits.h"
#include "levels.h"

/* Fills decoder->codes. */
void attar_levels_codes(uint16_t *codes);

/* The integers of n tokens, which take some of their bits from `extra`. */
attar_status attar_levels_values(attar_bit_reader *extra, const attar_levels_decoder *decoder, const uint8_t *tables,
                                 const uint8_t *tokens, int32_t *values, size_t n);

/* Integers of tokens that take at most seven bits beside, in whole turns, until one takes more or the stream comes to
 * its end; returns how many. One such function for each kind of processor, chosen at run time. */
typedef size_t attar_values_turns(attar_bit_reader *extra, const uint16_t *codes, const uint8_t *tokens,
                                  int32_t *values, size_t n);

attar_values_turns attar_values_turns_portable;
attar_values_turns attar_values_turns_avx512;

/* The integers where no table has magnitudes that take bits beside their tokens. */
void attar_levels_small_values(const uint8_t *tokens, int32_t *values, size_t n);

#endif
