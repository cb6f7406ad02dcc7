/* Sixteen integers at a time: where each one's bits begin is a running sum, and all of them lie in sixteen bytes. */
#include "../../cpu.h"
#include "../levels_values.h"

#ifdef ATTAR_HAS_AVX512
#include <immintrin.h>

enum {
    TURN = 16,
    WINDOW = 16,       /* bytes: sixteen times seven bits from any bit of the first byte on */
    SHORT_TOKENS = 78, /* up to here a number takes at most seven bits beside its token */
};

/* A place in the stream: bit 0 to 7 of a byte. */
typedef struct place {
    const uint8_t *byte;
    unsigned bit;
} place;

static place place_of(const attar_bit_reader *extra)
{
    const place at = {extra->in.at - (extra->count + 7) / 8, (0u - extra->count) & 7u};
    return at;
}

static void go_to(attar_bit_reader *extra, place at)
{
    extra->in.at = at.byte + (at.bit > 0);
    extra->count = (0u - at.bit) & 7u;
    extra->window = at.bit > 0 ? (uint64_t)*at.byte >> at.bit : 0;
}

ATTAR_TARGET_AVX512 static inline __m512i running_sums(__m512i x)
{
    const __m512i zero = _mm512_setzero_si512();
    x = _mm512_add_epi32(x, _mm512_alignr_epi32(x, zero, 15));
    x = _mm512_add_epi32(x, _mm512_alignr_epi32(x, zero, 14));
    x = _mm512_add_epi32(x, _mm512_alignr_epi32(x, zero, 12));
    return _mm512_add_epi32(x, _mm512_alignr_epi32(x, zero, 8));
}

/* The bytes of a window from `bits` / 8 on, four for each number; their unused ends are cut off later. */
ATTAR_TARGET_AVX512 static inline __m512i bits_from(const uint8_t *window, __m512i bits)
{
    const __m512i four_times = _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0x00000000);
    const __m512i bytes = _mm512_shuffle_epi8(_mm512_srli_epi32(bits, 3), four_times);
    const __m512i window4 = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)window));
    const __m512i found = _mm512_shuffle_epi8(window4, _mm512_add_epi8(bytes, _mm512_set1_epi32(0x03020100)));
    return _mm512_srlv_epi32(found, _mm512_and_si512(bits, _mm512_set1_epi32(7)));
}

/* Returns how many bits were taken. */
ATTAR_TARGET_AVX512 static inline unsigned turn(place at, __m512i tokens, int32_t *values)
{
    const __m512i classes = _mm512_srli_epi32(_mm512_add_epi32(tokens, _mm512_set1_epi32(1)), 1);
    const __m512i over = _mm512_sub_epi32(classes, _mm512_set1_epi32(LEVELS_EXACT));
    const __mmask16 is_large = _mm512_cmpge_epi32_mask(over, _mm512_setzero_si512());
    const __m512i widths = _mm512_maskz_add_epi32(is_large, _mm512_srli_epi32(over, 2), _mm512_set1_epi32(2));
    const __m512i quarters = _mm512_or_si512(_mm512_and_si512(classes, _mm512_set1_epi32(3)), _mm512_set1_epi32(4));
    const __m512i bases = _mm512_mask_sllv_epi32(classes, is_large, quarters, widths);
    const __m512i ends = running_sums(widths);
    const __m512i bits = _mm512_add_epi32(_mm512_sub_epi32(ends, widths), _mm512_set1_epi32((int)at.bit));
    const __m512i beyond = _mm512_sllv_epi32(_mm512_set1_epi32(-1), widths);
    const __m512i magnitudes = _mm512_add_epi32(bases, _mm512_andnot_si512(beyond, bits_from(at.byte, bits)));
    const __mmask16 is_negative = _mm512_testn_epi32_mask(tokens, _mm512_set1_epi32(1));
    _mm512_storeu_si512(values, _mm512_mask_sub_epi32(magnitudes, is_negative, _mm512_setzero_si512(), magnitudes));
    return (unsigned)_mm_extract_epi32(_mm512_extracti32x4_epi32(ends, 3), 3);
}

ATTAR_TARGET_AVX512 size_t attar_values_turns_avx512(attar_bit_reader *extra, const uint16_t *codes,
                                                     const uint8_t *tokens, int32_t *values, size_t n)
{
    place at = place_of(extra);
    size_t i = 0;
    (void)codes;
    for (; n - i >= TURN && extra->in.end - at.byte >= WINDOW; i += TURN) {
        const __m128i some = _mm_loadu_si128((const __m128i *)(const void *)(tokens + i));
        if (_mm_cmpgt_epu8_mask(some, _mm_set1_epi8(SHORT_TOKENS)) != 0)
            break;
        at.bit += turn(at, _mm512_cvtepu8_epi32(some), values + i);
        at.byte += at.bit / 8;
        at.bit %= 8;
    }
    go_to(extra, at);
    return i;
}
#else
typedef int attar_values_avx512_nothing; /* C99 wants a declaration in every file */
#endif
