/* An adaptive binary range coder for the few numbers of a header: nothing is stored beside the bits themselves.
 * One function serves both directions, so that what is written is what is read. Internal. */
#ifndef ATTAR_CODEC_ARITH_H
#define ATTAR_CODEC_ARITH_H

#include "bytes.h"

/* The chance of a one, in 65536ths, and how often it was met: it learns fast at first. Starts as {32768, 0}. */
typedef struct attar_chance {
    uint16_t one;
    uint8_t met;
} attar_chance;

typedef struct attar_arith {
    int is_writing;
    uint64_t low;   /* writing: carries into what was written */
    uint32_t code;  /* reading */
    uint32_t range;
    const uint8_t *from; /* reading; past the end there are zeros */
    const uint8_t *from_end;
    uint8_t *begin; /* writing */
    uint8_t *at;
    uint8_t *end;
    int is_full;
} attar_arith;

void attar_arith_read(attar_arith *coder, attar_bytes in);
void attar_arith_write(attar_arith *coder, uint8_t *dst, size_t capacity);

/* Codes a bit and returns it; a reader ignores its argument. */
unsigned attar_arith_bit(attar_arith *coder, attar_chance *chance, unsigned bit);

/* What a reader leaves unread, or has been given in vain, is refused; a writer is told where its bytes end. */
attar_status attar_arith_finish_reading(const attar_arith *coder);
attar_status attar_arith_finish_writing(attar_arith *coder, size_t *written);

/* The contexts of one kind of signed number: zero, by the magnitude of the one before, then sign and unary magnitude. */
enum { ATTAR_NUMBER_MAX = 256, ATTAR_NUMBER_STEPS = 24 };
typedef struct attar_numbers {
    attar_chance is_nonzero[3];
    attar_chance is_negative;
    attar_chance goes_on[ATTAR_NUMBER_STEPS];
    uint32_t last;
} attar_numbers;

void attar_numbers_start(attar_numbers *numbers);

/* Codes a number of magnitude at most 256 and returns it; a reader that meets a greater one gets 257. */
int32_t attar_arith_number(attar_arith *coder, attar_numbers *numbers, int32_t number);

#endif
