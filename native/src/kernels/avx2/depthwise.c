/* Depthwise convolution by products of 16 bits: of a channel's four taps the first and the third lie in one word, the
 * second and the fourth in another, and so do their weights. */
#include "../../cpu.h"

#ifdef ATTAR_HAS_AVX2
#include "depthwise.h"

#define TARGET ATTAR_TARGET_AVX2
#define TEXT AVX2_TEXT
enum { WORDS = 2 };

AVX2_TEXT __m256i multiply(__m256i sums, __m256i fours, const int8_t *weights)
{
    const __m256i first = _mm256_madd_epi16(_mm256_and_si256(fours, _mm256_set1_epi16(0xff)), load(weights));
    const __m256i second = _mm256_madd_epi16(_mm256_srli_epi16(fours, 8), load(weights + VECTOR));
    return _mm256_add_epi32(sums, _mm256_add_epi32(first, second));
}

static void put(int8_t *to, unsigned lane, unsigned tap, int16_t weight)
{
    int16_t *words = (int16_t *)(void *)(to + tap % WORDS * VECTOR);
    words[lane * 2 + tap / 2] = weight;
}

#include "depthwise_text.h"

const attar_kernel attar_avx2_depthwise = {ATTAR_CONVOLUTION, ATTAR_ISA_AVX2, attar_avx2_depthwise_fits, bytes, pack,
                                           attar_avx2_finish_lined, attar_avx2_places, run};
#else
typedef int attar_depthwise_nothing; /* C99 wants a declaration in every file */
#endif
