/* Convolution and Dense as one, for registers of 256 bits. A band of up to 24 places is worked on for up to 64 outputs:
 * some of what the windows hold is brought side by side on the stack (a window that reaches over the border reads a strip
 * of zero points there), then tiles of 6 places by 16 outputs are summed in registers, then comes the next of the windows.
 *
 * This is the text; a file that includes it has said before how to multiply:
 *   TARGET   the attribute of its functions
 *   WORDS    words of 32 bits that a place's four channels become
 *   spread   brings `count` times four channels of a place into `to`, and may write a register beyond them
 *   spread_one  the same for one, and writes nothing beyond
 *   unpack   makes ready the weights of some blocks from one quad on, in `room` where it needs any
 *   add      adds `quads` times four products to every sum of a tile
 *   add_alone  the same of one place, with weights as they were packed
 * Internal. */
#include "../quads.h"
#include "products.h"

/* Some places next to each other; where each window begins, and whether it lies inside. */
typedef struct places {
    int64_t tops[BAND], lefts[BAND];
    int is_inside[BAND];
    unsigned count;
} places;

static void find_places(const attar_view *v, uint64_t first, unsigned count, places *found)
{
    const attar_window *w = &v->window;
    const int64_t down = (int64_t)(w->kernel[0] - 1) * w->dilations[0], right = (int64_t)(w->kernel[1] - 1) * w->dilations[1];
    uint64_t y = first / v->out_width, x = first % v->out_width;
    found->count = count;
    for (unsigned p = 0; p < count; p++) {
        const int64_t top = (int64_t)(y * w->strides[0]) - w->begin[0], left = (int64_t)(x * w->strides[1]) - w->begin[1];
        found->tops[p] = top;
        found->lefts[p] = left;
        found->is_inside[p] = top >= 0 && left >= 0 && top + down < v->height && left + right < v->width;
        if (++x == v->out_width) {
            x = 0;
            y++;
        }
    }
}

typedef struct work {
    const attar_view *v;
    attar_packed from;
    const uint8_t *image; /* of the group */
    uint8_t *to;          /* the first output of the first place */
    uint64_t block;
    uint32_t blocks;
    uint32_t rows; /* outputs from the block on that are real */
    uint32_t pitch;
    limits clamp;
} work;

/* What a band is worked on with. */
typedef struct bench {
    __m256i sums[PANEL][BAND];
    uint32_t numbers[BAND * WORDS * ROW]; /* of place after place */
    int8_t weights[ROOM];
} bench;

/* The same as `gather` where each tap is one quad. */
static TARGET void gather_ones(const work *job, const places *at, unsigned place, uint64_t first, uint64_t count, uint32_t *to)
{
    const attar_view *v = job->v;
    const attar_window *w = &v->window;
    uint64_t ky = first / w->kernel[1], kx = first % w->kernel[1];
    for (; count > 0; ky++, kx = 0) {
        const int64_t y = at->tops[place] + (int64_t)(ky * w->dilations[0]), x = at->lefts[place] + (int64_t)(kx * w->dilations[1]);
        const uint8_t *pixel = job->image + (uint64_t)(y * v->width + x) * v->pitch;
        for (; kx < w->kernel[1] && count > 0; kx++, count--, to += WORDS, pixel += (uint64_t)w->dilations[1] * v->pitch)
            spread_one(to, pixel);
    }
}

/* Brings quads `first` to `first + count - 1` of one window side by side. */
static TARGET void gather(const work *job, const places *at, unsigned place, uint64_t first, uint64_t count, uint32_t *to)
{
    const attar_view *v = job->v;
    const attar_window *w = &v->window;
    /* Where a row of a window is one piece of memory, it is one long tap. */
    const int whole_rows = at->is_inside[place] && w->dilations[1] == 1 && v->quads * ATTAR_QUAD == v->pitch;
    const uint64_t taps = whole_rows ? 1 : w->kernel[1], quads = whole_rows ? (uint64_t)v->quads * w->kernel[1] : v->quads;
    if (quads == 1 && at->is_inside[place]) {
        gather_ones(job, at, place, first, count, to);
        return;
    }
    const uint64_t tap = first / quads;
    uint64_t ky = tap / taps, kx = tap % taps, away = first % quads;
    for (; count > 0; away = 0) {
        const uint64_t some = quads - away < count ? quads - away : count;
        const int64_t y = at->tops[place] + (int64_t)(ky * w->dilations[0]), x = at->lefts[place] + (int64_t)(kx * w->dilations[1]);
        const int is_inside = at->is_inside[place] || (y >= 0 && y < v->height && x >= 0 && x < v->width);
        const uint8_t *pixel = is_inside ? job->image + (uint64_t)(y * v->width + x) * v->pitch : job->from.border;
        spread(to, pixel + away * ATTAR_QUAD, some);
        to += some * WORDS;
        count -= some;
        if (++kx == taps) {
            kx = 0;
            ky++;
        }
    }
}

/* A tile: where its sums, its places' numbers and its outputs' weights are. */
typedef struct tile {
    __m256i *sums;
    const uint32_t *numbers;
    const int8_t *weights;
    uint64_t stride; /* of weights, from block to block */
    uint64_t quads;
    int is_first; /* nothing has been summed yet */
} tile;

TEXT void do_tile(const tile *t, const int count, const int blocks)
{
    __m256i *kept = t->sums, sums[PLACES][BLOCKS];
#pragma GCC unroll 6
    for (int p = 0; p < count; p++)
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            sums[p][b] = t->is_first ? _mm256_setzero_si256() : kept[b * BAND + p];
    if (count == 1)
        add_alone(sums[0], t->numbers, t->weights, t->stride, t->quads, blocks);
    else
        add(sums, t->numbers, t->weights, t->stride, t->quads, count, blocks);
#pragma GCC unroll 6
    for (int p = 0; p < count; p++)
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            kept[b * BAND + p] = sums[p][b];
}

typedef void tile_text(const tile *t);

#define TILE(count, blocks)                                                                        \
    static TARGET void tile_##count##_##blocks(const tile *t)                                      \
    {                                                                                              \
        do_tile(t, count, blocks);                                                                 \
    }
#define TILES(count) TILE(count, 1) TILE(count, 2)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
#define TILE_NAMES(count) {tile_##count##_1, tile_##count##_2}
static tile_text *const texts[PLACES][BLOCKS] = {TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3),
                                                 TILE_NAMES(4), TILE_NAMES(5), TILE_NAMES(6)};

/* All tiles of a band, for quads `first` to `first + quads - 1`. */
static TARGET void add_quads(const work *job, bench *on, unsigned count, uint64_t first, uint64_t quads)
{
    const unsigned tiles = (count + PLACES - 1) / PLACES;
    for (uint32_t block = 0; block < job->blocks; block += BLOCKS) {
        const uint32_t blocks = job->blocks - block < BLOCKS ? job->blocks - block : BLOCKS;
        tile t = {.quads = quads, .is_first = first == 0, .stride = attar_block_bytes(job->v)};
        const int8_t *weights = job->from.weights + (job->block + block) * t.stride + first * VECTOR;
        t.weights = count == 1 ? weights : unpack(weights, t.stride, quads, blocks, on->weights);
        for (unsigned number = 0; number < tiles; number++) {
            const unsigned begin = count * number / tiles, end = count * (number + 1) / tiles;
            t.sums = &on->sums[block][begin];
            t.numbers = on->numbers + begin * WORDS * ROW;
            texts[end - begin - 1][blocks - 1](&t);
        }
    }
}

static TARGET void put_band(const work *job, const bench *on, unsigned count)
{
    for (uint32_t block = 0; block < job->blocks; block++) {
        const endings *ends = (const endings *)job->from.ends + job->block + block;
        const uint32_t left = job->rows - block * LANES;
        if (*job->from.is_narrow != 0)
            attar_avx2_put(job->to + block * LANES, job->pitch, on->sums[block], count, ends, &job->clamp, left);
        else
            attar_avx2_put_wide(job->to + block * LANES, job->pitch, on->sums[block], count, ends, &job->clamp, left);
    }
}

static TARGET void do_band(const work *job, const places *at)
{
    const attar_window *w = &job->v->window;
    const uint64_t quads = (uint64_t)w->kernel[0] * w->kernel[1] * job->v->quads;
    /* A place alone may take the room of all: its weights, which no other needs, come in long pieces. */
    const uint64_t most = at->count == 1 ? BAND * ROW - LANES : CHUNK, chunks = (quads + most - 1) / most;
    bench on;
    for (uint64_t chunk = 0; chunk < chunks; chunk++) {
        const uint64_t first = quads * chunk / chunks, some = quads * (chunk + 1) / chunks - first;
        for (unsigned p = 0; p < at->count; p++)
            gather(job, at, p, first, some, on.numbers + p * WORDS * ROW);
        add_quads(job, &on, at->count, first, some);
    }
    put_band(job, &on, at->count);
}

/* Item by item: all bands of 64 outputs, then those of the next, so that their weights stay near. */
static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_view v = attar_view_of(step, LANES, sizeof(endings));
    const attar_tensor *input = step_input(step, 0), *output = step_output(step);
    const uint64_t bands = attar_avx2_bands(&v), panels = attar_avx2_panels(&v);
    work job = {.v = &v, .from = attar_packed_of(step, &v), .pitch = output->dims[output->rank - 1], .clamp = limits_of(step)};
    for (uint64_t item = begin; item < end; item++) {
        const uint64_t group = item / bands / panels, panel = item / bands % panels, number = item % bands;
        const uint64_t first = v.places * number / bands, stop = v.places * (number + 1) / bands;
        const uint64_t row = panel * PANEL * LANES; /* in the group */
        places at;
        job.image = arena + input->offset + group * step->matrix.channels;
        job.block = group * v.blocks + panel * PANEL;
        job.blocks = v.blocks - panel * PANEL < PANEL ? v.blocks - (uint32_t)panel * PANEL : PANEL;
        job.rows = (uint32_t)(v.group_rows - row);
        job.to = arena + output->offset + first * job.pitch + group * v.group_rows + row;
        find_places(&v, first, (unsigned)(stop - first), &at);
        do_band(&job, &at);
    }
}
