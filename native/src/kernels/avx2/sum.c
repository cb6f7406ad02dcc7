/* Sum of two tensors of one shape, 16 numbers at a time. */
#include "finish.h"

#ifdef ATTAR_HAS_AVX2
enum { AT_ONCE = 16 };

static int fits(const attar_step *step)
{
    const attar_tensor *a = step_input(step, 0), *b = step_input(step, 1), *to = step_output(step);
    return a->storage == 8 && b->storage == 8 && to->storage == 8 && a->elements == to->elements &&
           b->elements == to->elements;
}

typedef struct constants {
    __m256i zeros[2];
    __m256i multipliers[2];
    __m256i half;
    __m256i moved; /* the zero point, less what comes from 2^62 */
    __m256i low, high;
    __m128i shift;
} constants;

static ATTAR_TARGET_AVX2 constants constants_of(const attar_step *step)
{
    const int32_t shift = step->scalings->shift;
    const limits clamp = limits_of(step);
    constants c;
    for (uint32_t i = 0; i < 2; i++) {
        c.zeros[i] = _mm256_set1_epi32((int32_t)step_input(step, i)->zero);
        c.multipliers[i] = _mm256_set1_epi64x(step->scalings[i].multiplier);
    }
    c.half = _mm256_set1_epi64x(half_of(shift));
    c.moved = _mm256_set1_epi32((int32_t)((uint32_t)clamp.zero - (uint32_t)origin_of(shift)));
    c.low = _mm256_set1_epi32(clamp.low);
    c.high = _mm256_set1_epi32(clamp.high);
    c.shift = _mm_cvtsi32_si128(shift);
    return c;
}

/* Whether the largest results fit 32 bits before they are clamped. */
static int is_narrow(const attar_step *step)
{
    int64_t most = 0;
    for (int i = 0; i < 2; i++) {
        const int64_t multiplier = step->scalings[i].multiplier;
        most += UINT8_MAX * (multiplier < 0 ? -multiplier : multiplier);
    }
    return rescaled(most, 1, step->scalings->shift) < INT64_C(1) << 30;
}

/* Four of the results: those in the even lanes. */
AVX2_TEXT __m256i four(__m256i a, __m256i b, const constants *c)
{
    const __m256i sums = _mm256_add_epi64(_mm256_mul_epi32(a, c->multipliers[0]), _mm256_mul_epi32(b, c->multipliers[1]));
    return _mm256_srl_epi64(_mm256_add_epi64(sums, c->half), c->shift);
}

AVX2_TEXT __m256i eight(const uint8_t *a, const uint8_t *b, const constants *c)
{
    const __m256i x = _mm256_sub_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)a)), c->zeros[0]);
    const __m256i y = _mm256_sub_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)b)), c->zeros[1]);
    const __m256i even = four(x, y, c), odd = four(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32), c);
    const __m256i both = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    return _mm256_min_epi32(_mm256_max_epi32(_mm256_add_epi32(both, c->moved), c->low), c->high);
}

static ATTAR_TARGET_AVX2 void add(const uint8_t *a, const uint8_t *b, uint8_t *to, uint64_t count, const constants *c)
{
    for (uint64_t i = 0; i < count; i += AT_ONCE) {
        const __m128i bytes = narrowed(eight(a + i, b + i, c), eight(a + i + LANES, b + i + LANES, c));
        put_first(to + i, bytes, count - i < AT_ONCE ? (uint32_t)(count - i) : AT_ONCE);
    }
}

static void add_wide(const attar_step *step, const uint8_t *a, const uint8_t *b, uint8_t *to, uint64_t count)
{
    const attar_scaling *scalings = step->scalings;
    for (uint64_t i = 0; i < count; i++) {
        const int64_t sum = (int64_t)number_at(step_input(step, 0), a, i) * scalings[0].multiplier +
                            (int64_t)number_at(step_input(step, 1), b, i) * scalings[1].multiplier;
        to[i] = (uint8_t)clamped(step->op, step_output(step), rescaled(sum, 1, scalings->shift));
    }
}

static ATTAR_TARGET_AVX2 void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const uint64_t first = place_of_item(begin, step->items, to->elements);
    const uint64_t count = place_of_item(end, step->items, to->elements) - first;
    const uint8_t *a = arena + step_input(step, 0)->offset + first, *b = arena + step_input(step, 1)->offset + first;
    if (is_narrow(step)) {
        const constants c = constants_of(step);
        add(a, b, arena + to->offset + first, count, &c);
    } else {
        add_wide(step, a, b, arena + to->offset + first, count);
    }
}

static uint64_t items(const attar_step *step)
{
    enum { BLOCK = 4096 };
    return step_output(step)->elements / BLOCK + 1;
}

const attar_kernel attar_avx2_sum = {ATTAR_SUM, ATTAR_ISA_AVX2, fits, NULL, NULL, NULL, items, run};
#else
typedef int attar_sum_nothing; /* C99 wants a declaration in every file */
#endif
