/* Matrices of two tensors multiplied, by tiles. 64 columns of the right one at a time are packed as weights are, for
 * which each item has memory of its own.
 *
 * With a and b as they lie, moved to where bytes or shorts are signed, and their zero points moved as far:
 * sum (a - za)(b - zb) = sum a b - zb sum a - za sum b + terms za zb; sum a is a start of a row's sums, the last two a
 * column's bias. */
#include "../text/matrices.h"
#include "tiles.h"

#ifdef ATTAR_HAS_AVX512VNNI
enum { COLUMNS = TILE_BLOCKS * LANES };

typedef struct view {
    uint64_t rows, columns, terms, matrices;
    uint32_t is_short;
    uint32_t words;
    int32_t left_offset, right_offset; /* how far u are moved */
} view;

static view view_of(const attar_step *step)
{
    const attar_tensor *left = step_input(step, 0), *right = step_input(step, 1), *to = step_output(step);
    view v = {.rows = to->dims[to->rank - 2], .columns = to->dims[to->rank - 1], .terms = left->dims[left->rank - 1]};
    v.matrices = to->elements / v.rows / v.columns;
    v.is_short = left->storage == 16 || right->storage == 16 || step->op->accumulator_bits > 32;
    v.words = (uint32_t)(v.is_short ? (v.terms + 1) / 2 : (v.terms + 3) / 4);
    v.left_offset = v.is_short ? (int32_t)short_offset(left) : 0;
    v.right_offset = v.is_short ? (int32_t)short_offset(right) : INT8_MAX + 1;
    return v;
}

/* Packing pays with some rows. Sums of rows and of columns are kept in 32 bits. */
static int fits(const attar_step *step)
{
    enum { ROWS_MIN = 4, TERMS_MAX = 1 << 15 };
    const view v = view_of(step);
    return v.rows >= ROWS_MIN && v.terms < TERMS_MAX;
}

/* 64 columns of one matrix. */
typedef struct panel {
    endings *ends;
    wide_biases *biases;
    int8_t *weights;
} panel;

static uint64_t panels_of(const view *v)
{
    return (v->columns + COLUMNS - 1) / COLUMNS;
}

static uint64_t panel_bytes(const view *v)
{
    return TILE_BLOCKS * (sizeof(endings) + sizeof(wide_biases) + (uint64_t)v->words * VECTOR);
}

static uint64_t bytes(const attar_step *step)
{
    const view v = view_of(step);
    return SPAN + VECTOR + v.matrices * panels_of(&v) * panel_bytes(&v);
}

static panel panel_of(const attar_step *step, const view *v, uint64_t number)
{
    uint8_t *at = (uint8_t *)step->packed + SPAN + VECTOR + number * panel_bytes(v);
    panel found = {.ends = (endings *)(void *)at};
    at += TILE_BLOCKS * sizeof(endings);
    found.biases = (wide_biases *)(void *)at;
    found.weights = (int8_t *)at + TILE_BLOCKS * sizeof(wide_biases);
    return found;
}

/* All columns end alike but for their biases. */
static void finish(const attar_step *step)
{
    const view v = view_of(step);
    const attar_channel all = {.multiplier = step->scalings->multiplier, .shift = step->scalings->shift};
    for (uint64_t number = 0; number < v.matrices * panels_of(&v); number++)
        for (unsigned lane = 0; lane < COLUMNS; lane++)
            attar_avx512vnni_end(&panel_of(step, &v, number).ends[lane / LANES], lane % LANES, step, &all);
}

/* 16 numbers of a row of the right matrix, moved; none beyond its last row. */
VNNI_TEXT __m512i moved(const attar_tensor *right, const uint8_t *data, const view *v, uint64_t first, uint64_t term,
                        uint64_t count)
{
    if (term >= v->terms)
        return _mm512_setzero_si512();
    return _mm512_sub_epi32(take_lanes(right, data, first + term * v->columns, count), _mm512_set1_epi32(v->right_offset));
}

/* Four rows of bytes, then 16 times four bytes of a column. */
VNNI_TEXT __m512i word_of_bytes(const __m128i rows[4])
{
    const __m128i low01 = _mm_unpacklo_epi8(rows[0], rows[1]), high01 = _mm_unpackhi_epi8(rows[0], rows[1]);
    const __m128i low23 = _mm_unpacklo_epi8(rows[2], rows[3]), high23 = _mm_unpackhi_epi8(rows[2], rows[3]);
    __m512i word = _mm512_castsi128_si512(_mm_unpacklo_epi16(low01, low23));
    word = _mm512_inserti32x4(word, _mm_unpackhi_epi16(low01, low23), 1);
    word = _mm512_inserti32x4(word, _mm_unpacklo_epi16(high01, high23), 2);
    return _mm512_inserti32x4(word, _mm_unpackhi_epi16(high01, high23), 3);
}

/* Packs 16 columns and sums them up. */
static ATTAR_TARGET_AVX512VNNI void pack_columns(const attar_tensor *right, const uint8_t *data, const view *v,
                                                 uint64_t first, uint64_t count, int8_t *to, int32_t *columns)
{
    __m512i sums = _mm512_setzero_si512();
    for (uint64_t word = 0; word < v->words; word++) {
        __m512i made;
        if (v->is_short) {
            const __m512i even = moved(right, data, v, first, 2 * word, count);
            const __m512i odd = moved(right, data, v, first, 2 * word + 1, count);
            made = _mm512_mask_blend_epi16(0xaaaaaaaau, even, _mm512_slli_epi32(odd, 16));
            sums = _mm512_dpwssd_epi32(sums, _mm512_set1_epi16(1), made);
        } else {
            __m128i rows[4];
            for (unsigned i = 0; i < 4; i++)
                rows[i] = _mm512_cvtepi32_epi8(moved(right, data, v, first, 4 * word + i, count));
            made = word_of_bytes(rows);
            sums = _mm512_dpbusd_epi32(sums, _mm512_set1_epi8(1), made);
        }
        _mm512_store_si512(to + word * VECTOR, made);
    }
    _mm512_storeu_si512(columns, sums);
}

/* The numbers of a row of the left matrix, moved. */
static ATTAR_TARGET_AVX512VNNI int64_t row_sum(const attar_tensor *left, const uint8_t *data, const view *v, uint64_t first)
{
    __m512i sums = _mm512_setzero_si512();
    for (uint64_t i = 0; i < v->terms; i += LANES)
        sums = _mm512_add_epi32(sums, take_lanes(left, data, first + i, v->terms - i));
    return (int64_t)(uint32_t)_mm512_reduce_add_epi32(sums) - (int64_t)v->terms * v->left_offset;
}

/* -za sum b + terms za zb of 16 columns. */
static void put_biases(const attar_step *step, const view *v, const int32_t *columns, endings *ends, wide_biases *biases)
{
    const int64_t left = (int64_t)step_input(step, 0)->zero - v->left_offset;
    const int64_t right = (int64_t)step_input(step, 1)->zero - v->right_offset;
    for (unsigned lane = 0; lane < LANES; lane++) {
        const int64_t bias = left * ((int64_t)v->terms * right - columns[lane]);
        ends->biases[lane] = (int32_t)(uint32_t)(uint64_t)bias;
        biases->of[lane % 2][lane / 2] = bias;
    }
}

static int find_rows(const tile *t, uint64_t tap, uint64_t *at)
{
    const uint64_t *first = t->context;
    (void)tap;
    for (uint32_t p = 0; p < t->places; p++)
        at[p] = *first + p * (uint64_t)t->channels;
    return 1;
}

static uint32_t steps_of(const attar_step *step, const view *v)
{
    const attar_tensor *left = step_input(step, 0), *right = step_input(step, 1);
    const uint64_t a = v->left_offset != 0 ? (uint64_t)v->left_offset : left->top;
    const uint64_t b = v->right_offset != 0 ? (uint64_t)v->right_offset : right->top;
    return (uint32_t)((UINT64_C(1) << 30) / (a * b));
}

/* All rows of 64 columns. */
static void run_panel(const attar_step *step, uint8_t *arena, const view *v, tile *t, uint64_t left_at, uint64_t to_at)
{
    const attar_tensor *left = step_input(step, 0);
    const int64_t right = (int64_t)step_input(step, 1)->zero - v->right_offset;
    for (uint64_t number = 0; number < tiles_of(v->rows); number++) {
        const uint64_t row = tile_begin(v->rows, number), first = left_at + row * v->terms;
        t->places = (uint32_t)(tile_begin(v->rows, number + 1) - row);
        t->context = &first;
        for (uint32_t p = 0; p < t->places; p++) {
            t->wide_starts[p] = -right * row_sum(left, arena + left->offset, v, first + p * v->terms);
            t->starts[p] = (int32_t)(uint32_t)(uint64_t)t->wide_starts[p];
            t->to_places[p] = to_at + (row + p) * v->columns;
        }
        attar_avx512vnni_tile(t);
    }
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const view v = view_of(step);
    const attar_tensor *left = step_input(step, 0), *right = step_input(step, 1), *to = step_output(step);
    const uint64_t panels = panels_of(&v), last = place_of_item(end, step->items, v.matrices * panels);
    tile t = {.from = left, .to = to, .input = arena + left->offset, .output = arena + to->offset};
    t.border = step->packed; /* which nobody meets */
    t.find = find_rows;
    t.taps = 1;
    t.is_short = v.is_short;
    t.channels = (uint32_t)v.terms;
    t.words = v.words;
    t.flip = (uint32_t)v.left_offset * 0x10001u;
    t.steps = v.is_short ? steps_of(step, &v) : 0;
    t.is_narrow = (uint32_t)stays_narrow(step, step->scalings->multiplier, step->scalings->shift);
    t.stride = (uint64_t)v.words * VECTOR;
    t.clamp = limits_of(step);
    for (uint64_t number = place_of_item(begin, step->items, v.matrices * panels); number < last; number++) {
        const uint64_t matrix = number / panels, column = number % panels * COLUMNS;
        const panel p = panel_of(step, &v, number);
        t.rows = (uint32_t)(v.columns - column);
        t.blocks = t.rows < COLUMNS ? (t.rows + LANES - 1) / LANES : TILE_BLOCKS;
        for (uint32_t block = 0; block < t.blocks; block++) {
            const uint64_t first = column + block * LANES;
            int32_t sums[LANES];
            pack_columns(right, arena + right->offset, &v, matrix_at(right, to, matrix) + first, v.columns - first,
                         p.weights + block * t.stride, sums);
            put_biases(step, &v, sums, &p.ends[block], &p.biases[block]);
        }
        t.weights = p.weights;
        t.ends = p.ends;
        t.biases = p.biases;
        run_panel(step, arena, &v, &t, matrix_at(left, to, matrix), matrix * v.rows * v.columns + column);
    }
}

static uint64_t items(const attar_step *step)
{
    const view v = view_of(step);
    const uint64_t count = v.matrices * panels_of(&v);
    return v.columns % 2 == 0 ? count : items_unless_packed(step, count);
}

const attar_kernel attar_avx512vnni_matrix_product = {ATTAR_MATRIX_PRODUCT, ATTAR_ISA_AVX512VNNI, fits, bytes, NULL,
                                                      finish, items, run};
#else
typedef int attar_matrices_nothing; /* C99 wants a declaration in every file */
#endif
