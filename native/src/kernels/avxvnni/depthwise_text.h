/* Depthwise convolution by products of 8 bits, four at a time and added. A file that includes this has said before which
 * instruction it is: TARGET, TEXT and FOUR_PRODUCTS. Internal. */
#include "../avx2/depthwise.h"

enum { WORDS = 1 };

TEXT __m256i multiply(__m256i sums, __m256i fours, const int8_t *weights)
{
    return FOUR_PRODUCTS(sums, fours, load(weights));
}

static void put(int8_t *to, unsigned lane, unsigned tap, int16_t weight)
{
    to[lane * QUAD + tap] = (int8_t)weight;
}

#include "../avx2/depthwise_text.h"
