/* Depthwise convolution: 64 channels of one place at a time. Four taps of each channel are brought side by side by
 * interleaving bytes, then 16 bits, so that a channel's four products make one sum. Interleaving works within quarters of
 * a register: of every quarter's 16 channels the first four come to lie in the first register, the next four in the
 * second. Biases, weights and endings lie in that order too, and packing to bytes undoes it.
 *
 * Weights: for every 64 channels, four taps after four: four registers of 16 times four bytes. */
#include "../quads.h"
#include "../windows.h"
#include "finish.h"

#ifdef ATTAR_HAS_AVX512VNNI
enum { CHANNELS = 64, QUAD = 4, VECTOR = 64, QUARTER = 16, TAPS_MAX = 64 };

typedef struct packed {
    endings *ends; /* by block, four each */
    uint8_t *border;
    int8_t *weights; /* by block */
    uint32_t *is_narrow;
} packed;

static uint64_t blocks_of(const attar_step *step)
{
    return (step->matrix.rows + CHANNELS - 1) / CHANNELS;
}

static uint64_t quads_of(const attar_step *step)
{
    return (step->matrix.taps + QUAD - 1) / QUAD;
}

static int fits(const attar_step *step)
{
    const attar_tensor *from = step_input(step, 0);
    return is_in_bytes(step) && step->op->groups == from->dims[2] && step->matrix.rows == from->dims[2] &&
           step->matrix.taps <= TAPS_MAX;
}

static packed packed_of(const attar_step *step)
{
    uint8_t *at = step->packed;
    packed found;
    found.ends = (endings *)(void *)at;
    at += blocks_of(step) * QUAD * sizeof(endings);
    found.is_narrow = (uint32_t *)(void *)at;
    found.border = at + VECTOR;
    found.weights = (int8_t *)at + VECTOR + blocks_of(step) * CHANNELS;
    return found;
}

static uint64_t bytes(const attar_step *step)
{
    return blocks_of(step) * (QUAD * sizeof(endings) + CHANNELS + quads_of(step) * QUAD * VECTOR) + VECTOR;
}

/* Which of a block's four registers holds a channel, and in which lane. */
static unsigned register_of(uint64_t channel)
{
    return (unsigned)(channel % QUARTER / QUAD);
}

static unsigned lane_of(uint64_t channel)
{
    return (unsigned)(channel % CHANNELS / QUARTER * QUAD + channel % QUAD);
}

static void pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values)
{
    int8_t *to = packed_of(step).weights + row / CHANNELS * quads_of(step) * QUAD * VECTOR;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t tap = first + i;
        to[(tap / QUAD * QUAD + register_of(row)) * VECTOR + lane_of(row) * QUAD + tap % QUAD] = (int8_t)values[i];
    }
}

static void finish(const attar_step *step)
{
    const packed into = packed_of(step);
    for (uint64_t i = 0; i < blocks_of(step) * CHANNELS; i++)
        into.border[i] = (uint8_t)step_input(step, 0)->zero;
    for (uint64_t row = 0; row < step->matrix.rows; row++)
        attar_avx512vnni_end(&into.ends[row / CHANNELS * QUAD + register_of(row)], lane_of(row), step,
                             &step->channels[row]);
    *into.is_narrow = (uint32_t)attar_is_narrow(step);
}

/* Adds four taps; `t`: 64 channels of each. */
VNNI_TEXT void add_four(__m512i sums[QUAD], const __m512i t[QUAD], const int8_t *weights)
{
    const __m512i low01 = _mm512_unpacklo_epi8(t[0], t[1]), high01 = _mm512_unpackhi_epi8(t[0], t[1]);
    const __m512i low23 = _mm512_unpacklo_epi8(t[2], t[3]), high23 = _mm512_unpackhi_epi8(t[2], t[3]);
    const __m512i fours[QUAD] = {_mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
                                 _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23)};
#pragma GCC unroll 4
    for (int r = 0; r < QUAD; r++)
        sums[r] = _mm512_dpbusd_epi32(sums[r], fours[r], _mm512_load_si512(weights + r * VECTOR));
}

VNNI_TEXT void put_block(const __m512i sums[QUAD], const endings *ends, const limits *clamp, int is_narrow,
                         __mmask64 mask, uint8_t *to)
{
    __m512i u[QUAD];
#pragma GCC unroll 4
    for (int r = 0; r < QUAD; r++) {
        const held h = hold(&ends[r], clamp);
        u[r] = is_narrow ? finished(sums[r], &h, 1) : finished(sums[r], &h, 0);
    }
    const __m512i low = _mm512_packus_epi32(u[0], u[1]), high = _mm512_packus_epi32(u[2], u[3]);
    if (mask == ~UINT64_C(0))
        _mm512_storeu_si512(to, _mm512_packus_epi16(low, high));
    else if (mask == UINT32_MAX)
        _mm256_storeu_si256((__m256i *)(void *)to, _mm512_castsi512_si256(_mm512_packus_epi16(low, high)));
    else
        _mm512_mask_storeu_epi8(to, mask, _mm512_packus_epi16(low, high));
}

typedef struct work {
    const attar_step *step;
    packed from;
    const uint8_t *image;
    limits clamp;
} work;

/* The pixel of every tap of a window, four and four; the strip where there is no tap. */
static void find_taps(const work *job, int64_t top, int64_t left, const uint8_t **pixels)
{
    for (uint64_t tap = find_pixels(job->step, job->image, job->from.border, top, left, pixels); tap % QUAD != 0; tap++)
        pixels[tap] = job->from.border;
}

/* One place, 64 channels. `quads` is a constant where the compiler shall unroll. */
VNNI_TEXT void do_block(const work *job, const uint8_t *const *pixels, uint64_t block, uint64_t quads, uint8_t *to)
{
    const uint64_t channel = block * CHANNELS, left_over = job->step->matrix.rows - channel;
    const __mmask64 mask = left_over >= CHANNELS ? ~UINT64_C(0) : (UINT64_C(1) << left_over) - 1;
    const int8_t *weights = job->from.weights + block * quads * QUAD * VECTOR;
    __m512i sums[QUAD] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                          _mm512_setzero_si512()};
#pragma GCC unroll 7
    for (uint64_t quad = 0; quad < quads; quad++) {
        __m512i t[QUAD];
#pragma GCC unroll 4
        for (unsigned i = 0; i < QUAD; i++)
            t[i] = _mm512_maskz_loadu_epi8(mask, pixels[quad * QUAD + i] + channel);
        add_four(sums, t, weights + quad * QUAD * VECTOR);
    }
    put_block(sums, job->from.ends + block * QUAD, &job->clamp, (int)*job->from.is_narrow, mask, to + channel);
}

static ATTAR_TARGET_AVX512VNNI void do_place(const work *job, const uint8_t *const *pixels, uint8_t *to)
{
    enum { QUADS_OF_9 = 3, QUADS_OF_25 = 7 };
    const uint64_t quads = quads_of(job->step), blocks = blocks_of(job->step);
    for (uint64_t block = 0; block < blocks; block++) {
        if (quads == QUADS_OF_9)
            do_block(job, pixels, block, QUADS_OF_9, to);
        else if (quads == QUADS_OF_25)
            do_block(job, pixels, block, QUADS_OF_25, to);
        else
            do_block(job, pixels, block, quads, to);
    }
}

static uint64_t items(const attar_step *step)
{
    return (uint64_t)step_output(step)->dims[0] * step_output(step)->dims[1];
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const attar_window *w = &step->op->window;
    const work job = {step, packed_of(step), arena + step_input(step, 0)->offset, limits_of(step)};
    const uint8_t *pixels[TAPS_MAX];
    uint64_t y = begin / to->dims[1], x = begin % to->dims[1];
    for (uint64_t place = begin; place < end; place++) {
        find_taps(&job, (int64_t)(y * w->strides[0]) - w->begin[0], (int64_t)(x * w->strides[1]) - w->begin[1], pixels);
        do_place(&job, pixels, arena + to->offset + place * to->dims[2]);
        if (++x == to->dims[1]) {
            x = 0;
            y++;
        }
    }
}

const attar_kernel attar_avx512vnni_depthwise = {ATTAR_CONVOLUTION, ATTAR_ISA_AVX512VNNI, fits, bytes, pack, finish,
                                                 items, run};
#else
typedef int attar_depthwise_nothing; /* C99 wants a declaration in every file */
#endif
