/* Sum of two tensors of one shape, 16 numbers at a time. */
#include "finish.h"

#ifdef ATTAR_HAS_AVX512VNNI
static int fits(const attar_step *step)
{
    const attar_tensor *a = step_input(step, 0), *b = step_input(step, 1), *to = step_output(step);
    return a->storage == 8 && b->storage == 8 && to->storage == 8 && a->elements == to->elements &&
           b->elements == to->elements;
}

typedef struct constants {
    __m512i zeros[2];
    __m512i multipliers[2];
    __m512i half;
    __m512i low, high; /* of results, before the zero point is added */
    __m512i zero;
    int shift;
} constants;

static ATTAR_TARGET_AVX512VNNI constants constants_of(const attar_step *step)
{
    const attar_tensor *to = step_output(step);
    const int32_t shift = step->scalings->shift;
    constants c;
    for (uint32_t i = 0; i < 2; i++) {
        c.zeros[i] = _mm512_set1_epi32((int32_t)step_input(step, i)->zero);
        c.multipliers[i] = _mm512_set1_epi64(step->scalings[i].multiplier);
    }
    c.half = _mm512_set1_epi64(shift > 0 ? 1LL << (shift - 1) : 0LL);
    c.low = _mm512_set1_epi64((int64_t)step->op->low - to->zero);
    c.high = _mm512_set1_epi64((int64_t)step->op->high - to->zero);
    c.zero = _mm512_set1_epi32((int32_t)to->zero);
    c.shift = shift;
    return c;
}

/* Eight of the results: those in the even lanes. */
VNNI_TEXT __m512i eight(__m512i a, __m512i b, const constants *c)
{
    const __m512i sums = _mm512_add_epi64(_mm512_mul_epi32(a, c->multipliers[0]), _mm512_mul_epi32(b, c->multipliers[1]));
    const __m512i results = _mm512_sra_epi64(_mm512_add_epi64(sums, c->half), _mm_cvtsi32_si128(c->shift));
    return _mm512_min_epi64(_mm512_max_epi64(results, c->low), c->high);
}

VNNI_TEXT void add(const uint8_t *a, const uint8_t *b, uint8_t *to, uint32_t count, const constants *c)
{
    const __mmask16 mask = (__mmask16)(count >= LANES ? 0xffffu : (1u << count) - 1);
    const __m512i x = _mm512_sub_epi32(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, a)), c->zeros[0]);
    const __m512i y = _mm512_sub_epi32(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, b)), c->zeros[1]);
    const __m512i even = eight(x, y, c);
    const __m512i odd = eight(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(y, 32), c);
    const __m512i both = _mm512_mask_shuffle_epi32(even, 0xaaaa, odd, _MM_PERM_CCAA);
    put_bytes(to, _mm512_add_epi32(both, c->zero), count);
}

static ATTAR_TARGET_AVX512VNNI void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const uint8_t *a = arena + step_input(step, 0)->offset, *b = arena + step_input(step, 1)->offset;
    const constants c = constants_of(step);
    const uint64_t last = place_of_item(end, step->items, to->elements);
    for (uint64_t i = place_of_item(begin, step->items, to->elements); i < last; i += LANES) {
        const uint64_t left = last - i;
        add(a + i, b + i, arena + to->offset + i, left >= LANES ? LANES : (uint32_t)left, &c);
    }
}

static uint64_t items(const attar_step *step)
{
    enum { BLOCK = 4096 };
    return step_output(step)->elements / BLOCK + 1;
}

const attar_kernel attar_avx512vnni_sum = {ATTAR_SUM, ATTAR_ISA_AVX512VNNI, fits, NULL, NULL, NULL, items, run};
#else
typedef int attar_sum_nothing; /* C99 wants a declaration in every file */
#endif
