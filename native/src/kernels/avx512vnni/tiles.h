/* Tiles of up to 6 places by 64 outputs, for numbers of every width: what a product is of, and where its numbers are,
 * the kernels say that use it. Internal.
 *
 * Numbers come as words of four bytes, to be multiplied with signed bytes, or of two shorts, with signed shorts. Bytes
 * sum up in 32 bits, which may wrap, for the accumulator has no more. Shorts sum up in 32 bits as long as that is exact,
 * then in 64.
 *
 * Weights: for every 16 outputs, tap after tap and word after word, 16 times four bytes. */
#ifndef ATTAR_KERNELS_AVX512VNNI_TILES_H
#define ATTAR_KERNELS_AVX512VNNI_TILES_H

#include "numbers.h"

#ifdef ATTAR_HAS_AVX512VNNI
enum { TILE_PLACES = 6, TILE_BLOCKS = 4, WORD = 4, VECTOR = 64, SPAN_WORDS = 128, SPAN = SPAN_WORDS * WORD };

/* A place of numbers that is the border. */
#define ATTAR_NOWHERE UINT64_MAX

/* Biases of 16 outputs in 64 bits, those of the even lanes first. */
typedef struct wide_biases {
    int64_t of[2][LANES / 2];
} wide_biases;

struct tile;

/* Where the first number of a tap is for every place, counted along the input; 0 where no place meets the tap. */
typedef int find_numbers(const struct tile *t, uint64_t tap, uint64_t *at);

typedef struct tile {
    /* of all tiles */
    const attar_tensor *from, *to;
    const uint8_t *input;
    uint8_t *output;
    const uint8_t *border;  /* a span of zero points, bytes or shorts */
    find_numbers *find;
    const void *context;    /* of find */
    uint64_t taps;
    uint32_t is_short;
    uint32_t channels;      /* numbers of a tap, */
    uint32_t words;         /* which they take, the last one filled up */
    uint32_t flip;          /* makes signed shorts of unsigned ones */
    uint32_t steps;         /* words that add up in 32 bits */
    uint32_t is_narrow;
    uint32_t can_skip;      /* a tap may be left out: then `skipped` counts */
    uint64_t stride;        /* bytes from the weights of 16 outputs to the next */
    limits clamp;
    /* of 64 outputs */
    const int8_t *weights;
    const endings *ends;
    const wide_biases *biases; /* of shorts, else those of the endings count */
    const int32_t *skipped;    /* by tap: what the zero point would add where no place meets it; 16 for each block, */
    uint64_t skipped_stride;   /* so many from tap to tap */
    uint32_t rows;             /* outputs that are real */
    uint32_t blocks;
    /* of its own */
    int32_t starts[TILE_PLACES];      /* of the sums of bytes, */
    int64_t wide_starts[TILE_PLACES]; /* and of those of shorts */
    uint64_t to_places[TILE_PLACES];
    uint64_t y, x;               /* of the first place */
    uint32_t places;
} tile;

void attar_avx512vnni_tile(const tile *t);

/* How many tiles so many places take, and where one begins: at even places, of which there are texts. */
static inline uint64_t tiles_of(uint64_t places)
{
    return (places + TILE_PLACES - 1) / TILE_PLACES;
}

static inline uint64_t tile_begin(uint64_t places, uint64_t number)
{
    const uint64_t tiles = tiles_of(places);
    return number == tiles ? places : (places * number / tiles + 1) & ~UINT64_C(1);
}

/* How far a u of shorts is moved to be signed. */
static inline uint32_t short_offset(const attar_tensor *from)
{
    return from->storage == 16 && from->top > INT16_MAX ? 0x8000u : 0;
}
#endif

#endif
