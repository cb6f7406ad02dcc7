#include "tiles.h"

#ifdef ATTAR_HAS_AVX512VNNI
typedef uint8_t strip[SPAN + 2 * VECTOR];

/* Numbers that lie otherwise are brought into a strip, a span at a time. */
static ATTAR_TARGET_AVX512VNNI const uint8_t *brought(const tile *t, uint64_t at, uint32_t count, uint8_t *to)
{
    if (!t->is_short)
        return spread_halves(t->input, at, count, to);
    strip narrow;
    const uint8_t *bytes = t->from->storage == 4 ? spread_halves(t->input, at, count, narrow) : t->input + at;
    for (uint32_t i = 0; i < count; i += 32) {
        const __m256i some = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i));
        _mm512_storeu_si512(to + 2 * i, _mm512_cvtepu8_epi16(some));
    }
    return to;
}

/* Where some numbers of a tap are for every place; those that there are too few of are the last one again. */
static void find_span(const tile *t, const uint64_t *at, uint32_t first, uint32_t count, strip *strips,
                      const uint8_t **from)
{
    const uint32_t own = t->is_short ? 16 : 8; /* numbers that lie as they are wanted */
    for (uint32_t p = 0; p < t->places; p++) {
        if (at[p] == ATTAR_NOWHERE)
            from[p] = t->border;
        else if (t->from->storage == own)
            from[p] = t->input + (at[p] + first) * (own / 8);
        else
            from[p] = brought(t, at[p] + first, count, strips[p]);
    }
    for (uint32_t p = t->places; p < TILE_PLACES; p++)
        from[p] = from[t->places - 1];
}

/* Adds the products of `words` words to every sum. */
VNNI_TEXT void add_words(const tile *t, __m512i sums[TILE_PLACES][TILE_BLOCKS], const uint8_t *const *from,
                         const int8_t *weights, uint64_t first, uint64_t last, const int is_short, const int places,
                         const int blocks)
{
    const __m512i flip = _mm512_set1_epi32((int32_t)t->flip);
    const uint64_t stride = t->stride;
    for (uint64_t word = first; word < last; word++) {
        __m512i w[TILE_BLOCKS];
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
            w[b] = _mm512_load_si512(weights + (uint64_t)b * stride + word * VECTOR);
#pragma GCC unroll 6
        for (int p = 0; p < places; p++) {
            const __m512i numbers = _mm512_set1_epi32((int32_t)attar_load32(from[p] + word * WORD));
            const __m512i x = is_short ? _mm512_xor_si512(numbers, flip) : numbers;
#pragma GCC unroll 4
            for (int b = 0; b < blocks; b++)
                sums[p][b] = is_short ? _mm512_dpwssd_epi32(sums[p][b], x, w[b]) : _mm512_dpbusd_epi32(sums[p][b], x, w[b]);
        }
    }
}

/* Sums as they lie in memory, for what is done once in many words or once a tile; there is one text of it for all. */
typedef struct sums_of_tile {
    __m512i of[TILE_PLACES][TILE_BLOCKS];
} sums_of_tile;

VNNI_TEXT void keep(__m512i sums[TILE_PLACES][TILE_BLOCKS], sums_of_tile *to, const int places, const int blocks)
{
#pragma GCC unroll 6
    for (int p = 0; p < places; p++)
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
            to->of[p][b] = sums[p][b];
}

VNNI_TEXT void set_all(__m512i sums[TILE_PLACES][TILE_BLOCKS], int32_t value, const int places, const int blocks)
{
#pragma GCC unroll 6
    for (int p = 0; p < places; p++)
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
            sums[p][b] = _mm512_set1_epi32(value);
}

/* Two times eight sums of 64 bits. A sum of shorts begins at -1, so that the one that would be 2^31, of two times -2^15
 * times -2^15, fits; here it gets its 1 back. */
VNNI_TEXT __m512i widened(__m512i sums, int odd)
{
    const __m512i wide = _mm512_srai_epi64(odd ? sums : _mm512_slli_epi64(sums, 32), 32);
    return _mm512_add_epi64(wide, _mm512_set1_epi64(1));
}

/* What sums of shorts came to before they began anew. */
typedef struct totals {
    __m512i of[TILE_PLACES][TILE_BLOCKS][2];
    int are_there;
} totals;

static ATTAR_TARGET_AVX512VNNI void add_to_totals(const tile *t, const sums_of_tile *sums, totals *all)
{
    for (uint32_t p = 0; p < t->places; p++)
        for (uint32_t b = 0; b < t->blocks; b++)
            for (int odd = 0; odd < 2; odd++) {
                const __m512i some = widened(sums->of[p][b], odd);
                all->of[p][b][odd] = all->are_there ? _mm512_add_epi64(all->of[p][b][odd], some) : some;
            }
    all->are_there = 1;
}

/* Shorts: `done` words have been added since the sums were last flushed. */
VNNI_TEXT uint32_t add_exactly(const tile *t, __m512i sums[TILE_PLACES][TILE_BLOCKS], totals *all, uint32_t done,
                               const uint8_t *const *from, const int8_t *weights, uint64_t words, const int places,
                               const int blocks)
{
    for (uint64_t word = 0, next; word < words; word = next) {
        next = words - word < t->steps - done ? words : word + (t->steps - done);
        add_words(t, sums, from, weights, word, next, 1, places, blocks);
        done += (uint32_t)(next - word);
        if (done == t->steps) {
            sums_of_tile kept;
            keep(sums, &kept, places, blocks);
            add_to_totals(t, &kept, all);
            set_all(sums, -1, places, blocks);
            done = 0;
        }
    }
    return done;
}

VNNI_TEXT void skip_tap(const tile *t, __m512i sums[TILE_PLACES][TILE_BLOCKS], uint64_t tap, const int places,
                        const int blocks)
{
#pragma GCC unroll 4
    for (int b = 0; b < blocks; b++) {
        const __m512i zeros = _mm512_loadu_si512(t->skipped + tap * t->skipped_stride + (unsigned)b * LANES);
#pragma GCC unroll 6
        for (int p = 0; p < places; p++)
            sums[p][b] = _mm512_add_epi32(sums[p][b], zeros);
    }
}

VNNI_TEXT __m512i wide_result(const tile *t, __m512i sums, const __m512i *total, const held *ends, uint32_t p, uint32_t b,
                              int odd)
{
    const int64_t low = (int64_t)t->clamp.low - t->clamp.zero, high = (int64_t)t->clamp.high - t->clamp.zero;
    const __m512i biases = _mm512_load_si512(t->biases[b].of[odd]);
    __m512i sum = _mm512_add_epi64(widened(sums, odd), _mm512_add_epi64(biases, _mm512_set1_epi64(t->wide_starts[p])));
    sum = total != NULL ? _mm512_add_epi64(sum, total[odd]) : sum;
    const __m512i product = _mm512_add_epi64(_mm512_mullo_epi64(sum, ends->multipliers[odd]), ends->halves[odd]);
    const __m512i result = _mm512_srav_epi64(product, ends->shifts[odd]);
    return _mm512_min_epi64(_mm512_max_epi64(result, _mm512_set1_epi64(low)), _mm512_set1_epi64(high));
}

static ATTAR_TARGET_AVX512VNNI void end_tile(const tile *t, const sums_of_tile *sums, const totals *all)
{
    for (uint32_t b = 0; b < t->blocks; b++) {
        const held ends = hold(&t->ends[b], &t->clamp);
        for (uint32_t p = 0; p < t->places; p++) {
            __m512i u;
            if (t->is_short) {
                const __m512i *total = all->are_there ? all->of[p][b] : NULL;
                const __m512i even = wide_result(t, sums->of[p][b], total, &ends, p, b, 0);
                const __m512i odd = wide_result(t, sums->of[p][b], total, &ends, p, b, 1);
                u = _mm512_add_epi32(_mm512_mask_shuffle_epi32(even, 0xaaaa, odd, _MM_PERM_CCAA), ends.zero);
            } else {
                u = finished(sums->of[p][b], &ends, (int)t->is_narrow);
            }
            put_lanes(t->to, t->output, t->to_places[p] + b * LANES, u, t->rows - b * LANES);
        }
    }
}

VNNI_TEXT void do_tile(const tile *t, const int is_short, const int places, const int blocks)
{
    const uint32_t span = is_short ? SPAN / 2 : SPAN, per_word = is_short ? 2 : 4;
    const int8_t *weights = t->weights;
    strip strips[TILE_PLACES];
    totals all;
    sums_of_tile kept;
    uint32_t done = 0;
    __m512i sums[TILE_PLACES][TILE_BLOCKS];
    all.are_there = 0;
#pragma GCC unroll 6
    for (int p = 0; p < places; p++)
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
            sums[p][b] = _mm512_set1_epi32(is_short ? -1 : t->starts[p]);
    for (uint64_t tap = 0; tap < t->taps; tap++, weights += (uint64_t)t->words * VECTOR) {
        uint64_t at[TILE_PLACES];
        if (!t->find(t, tap, at)) {
            skip_tap(t, sums, tap, places, blocks);
            continue;
        }
        for (uint32_t first = 0; first < t->channels; first += span) {
            const uint32_t count = t->channels - first < span ? t->channels - first : span;
            const uint64_t words = (count + per_word - 1) / per_word;
            const int8_t *part = weights + (uint64_t)first / per_word * VECTOR;
            const uint8_t *from[TILE_PLACES];
            find_span(t, at, first, count, strips, from);
            if (is_short)
                done = add_exactly(t, sums, &all, done, from, part, words, places, blocks);
            else
                add_words(t, sums, from, part, 0, words, 0, places, blocks);
        }
    }
    keep(sums, &kept, places, blocks);
    end_tile(t, &kept, &all);
}

typedef void tile_text(const tile *t);

#define TILE(places, blocks)                                                                       \
    static ATTAR_TARGET_AVX512VNNI void bytes_##places##_##blocks(const tile *t)                   \
    {                                                                                              \
        do_tile(t, 0, places, blocks);                                                             \
    }                                                                                              \
    static ATTAR_TARGET_AVX512VNNI void shorts_##places##_##blocks(const tile *t)                  \
    {                                                                                              \
        do_tile(t, 1, places, blocks);                                                             \
    }
#define TILES(places) TILE(places, 1) TILE(places, 2) TILE(places, 3) TILE(places, 4)
TILES(1)
TILES(2)
TILES(4)
TILES(6)
#define NAMES(kind, places) {kind##_##places##_1, kind##_##places##_2, kind##_##places##_3, kind##_##places##_4}
#define ALL(kind) {NAMES(kind, 1), NAMES(kind, 2), NAMES(kind, 4), NAMES(kind, 6)}
static tile_text *const texts[2][4][TILE_BLOCKS] = {ALL(bytes), ALL(shorts)};

void attar_avx512vnni_tile(const tile *t)
{
    texts[t->is_short][t->places == 1 ? 0 : (t->places + 1) / 2][t->blocks - 1](t);
}
#else
typedef int attar_tiles_nothing; /* C99 wants a declaration in every file */
#endif
