/* Convolution and Dense as one: tiles of up to 6 places by up to 64 outputs, summed in registers. A place's numbers are
 * read where they lie, four channels at a time, each to all lanes; nothing is copied into columns first. A window that
 * reaches over the border reads a strip of zero points there. */
#include "../quads.h"
#include "finish.h"

#ifdef ATTAR_HAS_AVX512VNNI
enum { PLACES = 6, BLOCKS = 4, QUAD = 4, VECTOR = 64 };

static attar_view view_of(const attar_step *step)
{
    return attar_view_of(step, LANES, sizeof(endings));
}

static uint64_t bytes(const attar_step *step)
{
    const attar_view v = view_of(step);
    return attar_packed_bytes(&v);
}

static void pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values)
{
    const attar_view v = view_of(step);
    attar_pack_quads(step, &v, row, first, count, values);
}

static void finish(const attar_step *step)
{
    const attar_view v = view_of(step);
    endings *ends = step->packed;
    attar_finish_quads(step, &v);
    for (uint32_t row = 0; row < step->matrix.rows; row++)
        attar_avx512vnni_end(&ends[attar_block_of(&v, row)], attar_lane_of(&v, row), step, &step->channels[row]);
}

/* Some places next to each other, and where their windows begin. */
typedef struct tile {
    int64_t tops[PLACES], lefts[PLACES];
    const uint8_t *origins[PLACES]; /* of windows that lie inside */
    int is_inside;                  /* all of them */
} tile;

static tile tile_of(const attar_view *v, const uint8_t *image, uint64_t first, unsigned count)
{
    const attar_window *w = &v->window;
    const int64_t down = (int64_t)(w->kernel[0] - 1) * w->dilations[0], right = (int64_t)(w->kernel[1] - 1) * w->dilations[1];
    tile t = {.is_inside = 1};
    uint64_t y = first / v->out_width, x = first % v->out_width;
    for (unsigned p = 0; p < count; p++) {
        t.tops[p] = (int64_t)(y * w->strides[0]) - w->begin[0];
        t.lefts[p] = (int64_t)(x * w->strides[1]) - w->begin[1];
        t.is_inside &= t.tops[p] >= 0 && t.lefts[p] >= 0 && t.tops[p] + down < v->height && t.lefts[p] + right < v->width;
        t.origins[p] = t.is_inside ? image + (uint64_t)(t.tops[p] * v->width + t.lefts[p]) * v->pitch : image;
        if (++x == v->out_width) {
            x = 0;
            y++;
        }
    }
    return t;
}

/* Adds `quads` times four products to every sum. */
VNNI_TEXT void add_products(__m512i sums[PLACES][BLOCKS], const uint8_t *const *at, const int8_t *weights,
                            uint64_t stride, uint64_t quads, const int places, const int blocks)
{
    for (uint64_t q = 0; q < quads; q++) {
        __m512i w[BLOCKS];
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
            w[b] = _mm512_load_si512(weights + (uint64_t)b * stride + q * VECTOR);
#pragma GCC unroll 6
        for (int p = 0; p < places; p++) {
            const __m512i four = _mm512_set1_epi32((int32_t)attar_load32(at[p] + q * QUAD));
#pragma GCC unroll 4
            for (int b = 0; b < blocks; b++)
                sums[p][b] = _mm512_dpbusd_epi32(sums[p][b], four, w[b]);
        }
    }
}

/* One tap of windows that may reach over the border. */
static void find_tap(const attar_view *v, const tile *t, const uint8_t *image, const uint8_t *border, uint32_t ky, uint32_t kx,
                     unsigned places, const uint8_t **at)
{
    for (unsigned p = 0; p < places; p++) {
        const int64_t y = t->tops[p] + (int64_t)ky * v->window.dilations[0];
        const int64_t x = t->lefts[p] + (int64_t)kx * v->window.dilations[1];
        const int is_inside = y >= 0 && y < v->height && x >= 0 && x < v->width;
        at[p] = is_inside ? image + (uint64_t)(y * v->width + x) * v->pitch : border;
    }
}

typedef struct work {
    const attar_view *v;
    const attar_packed *from;
    const uint8_t *image; /* of the group */
    uint8_t *to;          /* the first output of the first place */
    uint64_t block;
    uint32_t rows; /* outputs from the block on that are real */
    uint32_t pitch;
    limits clamp;
} work;

VNNI_TEXT void do_tile(const work *job, const tile *t, const int places, const int blocks)
{
    const attar_view *v = job->v;
    const attar_window *w = &v->window;
    const uint64_t stride = attar_block_bytes(v);
    const int8_t *weights = job->from->weights + job->block * stride;
    const uint8_t *at[PLACES];
    __m512i sums[PLACES][BLOCKS];
#pragma GCC unroll 6
    for (int p = 0; p < places; p++)
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
            sums[p][b] = _mm512_setzero_si512();
    /* Where a row of a window is one piece of memory, it is one long tap. */
    const int whole_rows = t->is_inside && w->dilations[1] == 1 && v->quads * QUAD == v->pitch;
    const uint32_t taps = whole_rows ? 1 : w->kernel[1];
    const uint64_t quads = whole_rows ? (uint64_t)v->quads * w->kernel[1] : v->quads;
    for (uint32_t ky = 0; ky < w->kernel[0]; ky++)
        for (uint32_t kx = 0; kx < taps; kx++) {
            if (t->is_inside) {
                const uint64_t away = ((uint64_t)ky * w->dilations[0] * (uint64_t)v->width + (uint64_t)kx * w->dilations[1]) * v->pitch;
#pragma GCC unroll 6
                for (int p = 0; p < places; p++)
                    at[p] = t->origins[p] + away;
            } else {
                find_tap(v, t, job->image, job->from->border, ky, kx, (unsigned)places, at);
            }
            add_products(sums, at, weights, stride, quads, places, blocks);
            weights += quads * VECTOR;
        }
    const int is_narrow = (int)*job->from->is_narrow;
#pragma GCC unroll 4
    for (int b = 0; b < blocks; b++) {
        const held ends = hold((const endings *)job->from->ends + job->block + (unsigned)b, &job->clamp);
        const uint32_t left = job->rows - (unsigned)b * LANES;
#pragma GCC unroll 6
        for (int p = 0; p < places; p++) {
            const __m512i u = is_narrow ? finished(sums[p][b], &ends, 1) : finished(sums[p][b], &ends, 0);
            put_bytes(job->to + (unsigned)p * job->pitch + (unsigned)b * LANES, u, left);
        }
    }
}

typedef void tile_text(const work *job, const tile *t);

#define TILE(places, blocks)                                                                       \
    static ATTAR_TARGET_AVX512VNNI void tile_##places##_##blocks(const work *job, const tile *t)   \
    {                                                                                              \
        do_tile(job, t, places, blocks);                                                           \
    }
#define TILES(places) TILE(places, 1) TILE(places, 2) TILE(places, 3) TILE(places, 4)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
#define TILE_NAMES(places) {tile_##places##_1, tile_##places##_2, tile_##places##_3, tile_##places##_4}
static tile_text *const texts[PLACES][BLOCKS] = {TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3),
                                                 TILE_NAMES(4), TILE_NAMES(5), TILE_NAMES(6)};

static uint64_t tiles_of(const attar_view *v)
{
    return (v->places + PLACES - 1) / PLACES;
}

static uint64_t panels_of(const attar_view *v)
{
    return (v->blocks + BLOCKS - 1) / BLOCKS;
}

static uint64_t items(const attar_step *step)
{
    const attar_view v = view_of(step);
    return v.groups * panels_of(&v) * tiles_of(&v);
}

/* Item by item: all tiles of 64 outputs, then those of the next, so that their weights stay near. */
static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_view v = view_of(step);
    const attar_packed from = attar_packed_of(step, &v);
    const attar_tensor *input = step_input(step, 0), *output = step_output(step);
    const uint64_t tiles = tiles_of(&v), panels = panels_of(&v);
    work job = {.v = &v, .from = &from, .pitch = output->dims[output->rank - 1], .clamp = limits_of(step)};
    for (uint64_t item = begin; item < end; item++) {
        const uint64_t group = item / tiles / panels, panel = item / tiles % panels, number = item % tiles;
        const uint64_t first = v.places * number / tiles, stop = v.places * (number + 1) / tiles;
        const uint64_t row = panel * BLOCKS * LANES; /* in the group */
        const uint64_t blocks = v.blocks - panel * BLOCKS < BLOCKS ? v.blocks - panel * BLOCKS : BLOCKS;
        job.image = arena + input->offset + group * step->matrix.channels;
        job.block = group * v.blocks + panel * BLOCKS;
        job.rows = (uint32_t)(v.group_rows - row);
        job.to = arena + output->offset + first * job.pitch + group * v.group_rows + row;
        const tile t = tile_of(&v, job.image, first, (unsigned)(stop - first));
        texts[stop - first - 1][blocks - 1](&job, &t);
    }
}

const attar_kernel attar_avx512vnni_convolution = {ATTAR_CONVOLUTION, ATTAR_ISA_AVX512VNNI, is_in_bytes, bytes, pack,
                                                   finish, items, run};
const attar_kernel attar_avx512vnni_dense = {ATTAR_DENSE, ATTAR_ISA_AVX512VNNI, is_in_bytes, bytes, pack, finish,
                                             items, run};
#else
typedef int attar_products_nothing; /* C99 wants a declaration in every file */
#endif
