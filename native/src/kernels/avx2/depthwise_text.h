/* Depthwise convolution, for registers of 256 bits: 32 channels of one place at a time. Four taps of each channel are
 * brought side by side by interleaving bytes, then 16 bits, so that a channel's four products make one sum. Interleaving works within
 * halves of a register: of either half's 16 channels the first four come to lie in the first register, the next four in
 * the second. Biases, weights and endings lie in that order too, and packing to bytes undoes it.
 *
 * This is the text; a file that includes it has said before how to multiply:
 *   TARGET    the attribute of its functions, TEXT the same for those that are put where they are called
 *   WORDS     registers of weights that eight channels' four taps become
 *   multiply  adds four products to every sum
 *   put       a weight of a channel in lane `lane`, tap `tap` of four
 * Internal. */
#include "../windows.h"
#include "depthwise.h"

/* Weights: for every 32 channels, four taps after four, four times the registers of eight channels. */
static int8_t *weights_at(const attar_step *step, const attar_lined *from, uint64_t block, uint64_t quad, unsigned number)
{
    return from->weights + ((block * attar_avx2_tap_quads(step) + quad) * QUAD + number) * WORDS * VECTOR;
}

static uint64_t bytes(const attar_step *step)
{
    return attar_avx2_lined_bytes(step) + attar_avx2_lines(step) * attar_avx2_tap_quads(step) * QUAD * WORDS * VECTOR;
}

static void pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values)
{
    const attar_lined into = attar_avx2_lined(step);
    for (uint64_t tap = first; tap < first + count; tap++)
        put(weights_at(step, &into, row / CHANNELS, tap / QUAD, attar_avx2_register(row)), attar_avx2_lane(row),
            (unsigned)(tap % QUAD), values[tap - first]);
}

/* Adds four taps; `t`: 32 channels of each. */
TEXT void add_four(__m256i sums[QUAD], const __m256i t[QUAD], const int8_t *weights)
{
    const __m256i low01 = _mm256_unpacklo_epi8(t[0], t[1]), high01 = _mm256_unpackhi_epi8(t[0], t[1]);
    const __m256i low23 = _mm256_unpacklo_epi8(t[2], t[3]), high23 = _mm256_unpackhi_epi8(t[2], t[3]);
    const __m256i fours[QUAD] = {_mm256_unpacklo_epi16(low01, low23), _mm256_unpackhi_epi16(low01, low23),
                                 _mm256_unpacklo_epi16(high01, high23), _mm256_unpackhi_epi16(high01, high23)};
#pragma GCC unroll 4
    for (int r = 0; r < QUAD; r++)
        sums[r] = multiply(sums[r], fours[r], weights + r * WORDS * VECTOR);
}

/* One place, 32 channels. `quads` is a constant where the compiler shall unroll. */
TEXT void do_block(const attar_step *step, const attar_lined *from, const uint8_t *const *pixels, uint64_t block,
                   uint64_t quads, const limits *clamp, uint8_t *to)
{
    const uint64_t channel = block * CHANNELS;
    __m256i sums[QUAD] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
    const int8_t *weights = weights_at(step, from, block, 0, 0);
#pragma GCC unroll 7
    for (uint64_t quad = 0; quad < quads; quad++) {
        const __m256i t[QUAD] = {load(pixels[quad * QUAD] + channel), load(pixels[quad * QUAD + 1] + channel),
                                 load(pixels[quad * QUAD + 2] + channel), load(pixels[quad * QUAD + 3] + channel)};
        add_four(sums, t, weights + quad * QUAD * WORDS * VECTOR);
    }
    attar_put_lined(sums, from, block, clamp, step->matrix.rows - channel, to + channel);
}

static TARGET void do_place(const attar_step *step, const attar_lined *from, const uint8_t *const *pixels,
                            const limits *clamp, uint8_t *to)
{
    enum { QUADS_OF_9 = 3, QUADS_OF_25 = 7 };
    const uint64_t quads = attar_avx2_tap_quads(step);
    for (uint64_t block = 0; block < attar_avx2_lines(step); block++) {
        if (quads == QUADS_OF_9)
            do_block(step, from, pixels, block, QUADS_OF_9, clamp, to);
        else if (quads == QUADS_OF_25)
            do_block(step, from, pixels, block, QUADS_OF_25, clamp, to);
        else
            do_block(step, from, pixels, block, quads, clamp, to);
    }
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_lined from = attar_avx2_lined(step);
    const attar_tensor *to = step_output(step);
    const attar_window *w = &step->op->window;
    const uint8_t *image = arena + step_input(step, 0)->offset, *pixels[TAPS_MAX];
    const limits clamp = limits_of(step);
    for (uint64_t place = begin; place < end; place++) {
        const int64_t top = (int64_t)(place / to->dims[1] * w->strides[0]) - w->begin[0];
        const int64_t left = (int64_t)(place % to->dims[1] * w->strides[1]) - w->begin[1];
        for (uint64_t tap = find_pixels(step, image, from.border, top, left, pixels); tap % QUAD != 0; tap++)
            pixels[tap] = from.border; /* where there is no tap */
        do_place(step, &from, pixels, &clamp, arena + to->offset + place * to->dims[2]);
    }
}
