/* Depthwise convolution of every width: 16 channels of one place at a time, in lanes of 32 bits, or two times eight of 64
 * where the accumulator is wider.
 *
 * Weights: for every 16 channels, tap after tap, 32 bits each. */
#include "../quads.h"
#include "numbers.h"

#ifdef ATTAR_HAS_AVX512VNNI
enum { VECTOR = 64, SIDE = 4 }; /* blocks of 16 channels that are summed side by side */

static int fits(const attar_step *step)
{
    const attar_tensor *from = step_input(step, 0);
    return step->op->groups == from->dims[2] && step->matrix.rows == from->dims[2];
}

static uint64_t blocks_of(const attar_step *step)
{
    return ((uint64_t)step->matrix.rows + LANES - 1) / LANES;
}

/* Endings of every block, its biases in 64 bits, its weights. */
typedef struct packed {
    endings *ends;
    int64_t (*biases)[2][LANES / 2];
    int32_t *weights;
} packed;

static uint64_t bytes(const attar_step *step)
{
    return blocks_of(step) * (sizeof(endings) + 2 * VECTOR + step->matrix.taps * (uint64_t)VECTOR);
}

static packed packed_of(const attar_step *step)
{
    uint8_t *biases = (uint8_t *)step->packed + blocks_of(step) * sizeof(endings);
    const packed found = {step->packed, (int64_t(*)[2][LANES / 2])(void *)biases,
                          (int32_t *)(void *)(biases + blocks_of(step) * 2 * VECTOR)};
    return found;
}

static void pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values)
{
    int32_t *to = packed_of(step).weights + row / LANES * step->matrix.taps * LANES + row % LANES;
    for (uint64_t i = 0; i < count; i++)
        to[(first + i) * LANES] = values[i];
}

/* The zero point is taken from every number: what lies outside adds nothing. */
static void finish(const attar_step *step)
{
    const packed into = packed_of(step);
    for (uint32_t row = 0; row < step->matrix.rows; row++) {
        attar_channel channel = step->channels[row];
        channel.sum = 0;
        attar_avx512vnni_end(&into.ends[row / LANES], row % LANES, step, &channel);
        into.biases[row / LANES][row % 2][row % LANES / 2] = channel.bias;
    }
}

typedef struct work {
    const attar_step *step;
    const attar_tensor *from;
    const uint8_t *image;
    const int32_t *weights;
    int64_t top, left;
} work;

/* The first number of the pixel of a tap; 0 where it lies outside. */
static inline int find_pixel(const work *job, uint32_t ky, uint32_t kx, uint64_t *pixel)
{
    const attar_window *w = &job->step->op->window;
    const int64_t y = job->top + (int64_t)ky * w->dilations[0], x = job->left + (int64_t)kx * w->dilations[1];
    *pixel = (uint64_t)(y * job->from->dims[1] + x) * job->from->dims[2];
    return y >= 0 && y < job->from->dims[0] && x >= 0 && x < job->from->dims[1];
}

VNNI_TEXT __m512i numbers_at(const work *job, const uint32_t storage, uint64_t at, uint64_t count)
{
    return _mm512_sub_epi32(take_stored(storage, job->image, at, count), _mm512_set1_epi32((int32_t)job->from->zero));
}

/* Some blocks of 16 channels at one place. */
VNNI_TEXT void sum_stored(const work *job, const uint32_t storage, uint64_t block, const int blocks, __m512i *sums)
{
    const attar_window *w = &job->step->op->window;
    const uint64_t channels = job->step->matrix.rows, stride = (uint64_t)job->step->matrix.taps * LANES;
    const int32_t *weights = job->weights + block * stride;
    __m512i own[SIDE] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    for (uint32_t ky = 0; ky < w->kernel[0]; ky++)
        for (uint32_t kx = 0; kx < w->kernel[1]; kx++, weights += LANES) {
            uint64_t pixel;
            if (!find_pixel(job, ky, kx, &pixel))
                continue;
#pragma GCC unroll 4
            for (int b = 0; b < blocks; b++) {
                const uint64_t first = (block + (unsigned)b) * LANES;
                const __m512i x = numbers_at(job, storage, pixel + first, channels - first);
                const __m512i by = _mm512_load_si512(weights + (unsigned)b * stride);
                own[b] = _mm512_add_epi32(own[b], _mm512_mullo_epi32(x, by));
            }
        }
#pragma GCC unroll 4
    for (int b = 0; b < blocks; b++)
        sums[b] = own[b];
}

VNNI_TEXT void sum_blocks(const work *job, uint64_t block, const int blocks, __m512i *sums)
{
    if (job->from->storage == 16)
        sum_stored(job, 16, block, blocks, sums);
    else if (job->from->storage == 8)
        sum_stored(job, 8, block, blocks, sums);
    else
        sum_stored(job, 4, block, blocks, sums);
}

static ATTAR_TARGET_AVX512VNNI void do_narrow(const work *job, const packed *from, const limits *clamp, uint64_t block,
                                              uint64_t count, int is_narrow, uint8_t *to, uint64_t place)
{
    __m512i sums[SIDE];
    if (count == SIDE)
        sum_blocks(job, block, SIDE, sums);
    else if (count == 3)
        sum_blocks(job, block, 3, sums);
    else if (count == 2)
        sum_blocks(job, block, 2, sums);
    else
        sum_blocks(job, block, 1, sums);
    for (uint64_t b = 0; b < count; b++) {
        const held ends = hold(&from->ends[block + b], clamp);
        put_lanes(step_output(job->step), to, place + b * LANES, finished(sums[b], &ends, is_narrow),
                  (uint32_t)(job->step->matrix.rows - (block + b) * LANES));
    }
}

VNNI_TEXT __m512i wide_result(__m512i sums, const held *ends, const limits *clamp, int odd)
{
    const __m512i product = _mm512_add_epi64(_mm512_mullo_epi64(sums, ends->multipliers[odd]), ends->halves[odd]);
    const __m512i result = _mm512_srav_epi64(product, ends->shifts[odd]);
    const __m512i least = _mm512_set1_epi64((int64_t)clamp->low - clamp->zero);
    const __m512i most = _mm512_set1_epi64((int64_t)clamp->high - clamp->zero);
    return _mm512_min_epi64(_mm512_max_epi64(result, least), most);
}

static ATTAR_TARGET_AVX512VNNI void do_wide(const work *job, const packed *from, const limits *clamp, uint64_t block,
                                            uint8_t *to, uint64_t place)
{
    const attar_window *w = &job->step->op->window;
    const uint64_t channel = block * LANES, left = job->step->matrix.rows - channel;
    const int32_t *weights = job->weights + block * job->step->matrix.taps * LANES;
    __m512i even = _mm512_load_si512(from->biases[block][0]), odd = _mm512_load_si512(from->biases[block][1]);
    for (uint32_t ky = 0; ky < w->kernel[0]; ky++)
        for (uint32_t kx = 0; kx < w->kernel[1]; kx++, weights += LANES) {
            uint64_t pixel;
            if (!find_pixel(job, ky, kx, &pixel))
                continue;
            const __m512i x = numbers_at(job, job->from->storage, pixel + channel, left), by = _mm512_load_si512(weights);
            even = _mm512_add_epi64(even, _mm512_mul_epi32(x, by));
            odd = _mm512_add_epi64(odd, _mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(by, 32)));
        }
    const held ends = hold(&from->ends[block], clamp);
    const __m512i both = _mm512_mask_shuffle_epi32(wide_result(even, &ends, clamp, 0), 0xaaaa,
                                                   wide_result(odd, &ends, clamp, 1), _MM_PERM_CCAA);
    put_lanes(step_output(job->step), to, place, _mm512_add_epi32(both, ends.zero), (uint32_t)left);
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const attar_window *w = &step->op->window;
    const packed weights = packed_of(step);
    const limits clamp = limits_of(step);
    const uint64_t places = (uint64_t)to->dims[0] * to->dims[1], last = place_of_item(end, step->items, places);
    const int is_narrow = attar_is_narrow(step), is_wide = step->op->accumulator_bits > 32;
    for (uint64_t place = place_of_item(begin, step->items, places); place < last; place++) {
        const work job = {step, from, arena + from->offset, weights.weights, (int64_t)(place / to->dims[1] * w->strides[0]) - w->begin[0],
                          (int64_t)(place % to->dims[1] * w->strides[1]) - w->begin[1]};
        for (uint64_t block = 0, count; block < blocks_of(step); block += count) {
            const uint64_t first = place * to->dims[2] + block * LANES, left = blocks_of(step) - block;
            count = is_wide ? 1 : left < SIDE ? left : SIDE;
            if (is_wide)
                do_wide(&job, &weights, &clamp, block, arena + to->offset, first);
            else
                do_narrow(&job, &weights, &clamp, block, count, is_narrow, arena + to->offset, first);
        }
    }
}

static uint64_t items(const attar_step *step)
{
    const attar_tensor *to = step_output(step);
    const uint64_t places = (uint64_t)to->dims[0] * to->dims[1];
    return to->dims[2] % 2 == 0 ? places : items_unless_packed(step, places);
}

const attar_kernel attar_avx512vnni_any_depthwise = {ATTAR_CONVOLUTION, ATTAR_ISA_AVX512VNNI, fits, bytes, pack, finish,
                                                     items, run};
#else
typedef int attar_depthwise_any_nothing; /* C99 wants a declaration in every file */
#endif
