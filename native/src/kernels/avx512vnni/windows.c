/* Convolutions, transposed ones and matrices of every width, by tiles. Bytes where numbers and weights are no wider and
 * 32 bits hold the accumulator, else shorts.
 *
 * A tile of a transposed convolution has places that meet the same taps: those as far apart as the stride. What the zero
 * point would have added at the other taps is added as one number. */
#include "../quads.h"
#include "tiles.h"

#ifdef ATTAR_HAS_AVX512VNNI
/* All three seen in one way: windows of `taps` over an image; a matrix has one of a pixel that holds all columns. */
typedef struct view {
    attar_window window;
    uint32_t height, width; /* of the input */
    uint32_t pitch;         /* numbers from pixel to pixel */
    uint32_t rows;          /* of the output, */
    uint64_t columns;       /* and places in each */
    uint32_t is_short;
    uint32_t taps;
    uint32_t channels; /* of a group, in each tap */
    uint32_t words;    /* which they take, the last one filled up */
    uint32_t groups;
    uint32_t group_rows; /* outputs of a group */
    uint32_t blocks;     /* of 16 of them, the last one filled up */
} view;

static uint32_t per_word(const view *v)
{
    return v->is_short ? 2 : 4;
}

static view view_of(const attar_step *step)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const attar_window one = {{1, 1}, {1, 1}, {1, 1}, {0, 0}};
    view v = {.window = one, .height = 1, .rows = 1, .groups = 1, .taps = 1};
    v.is_short = from->storage == 16 || step->matrix.is_wide || step->op->accumulator_bits > 32;
    if (step->op->kind == ATTAR_DENSE) {
        v.columns = to->elements / step->matrix.rows;
        v.channels = v.pitch = step->matrix.taps * step->matrix.channels;
    } else {
        v.window = step->op->window;
        v.height = from->dims[0];
        v.width = from->dims[1];
        v.pitch = from->dims[2];
        v.rows = to->dims[0];
        v.columns = to->dims[1];
        v.taps = step->matrix.taps;
        v.channels = step->matrix.channels;
        v.groups = step->op->groups;
    }
    v.words = (v.channels + per_word(&v) - 1) / per_word(&v);
    v.group_rows = step->matrix.rows / v.groups;
    v.blocks = (v.group_rows + LANES - 1) / LANES;
    return v;
}

/* What is known of all weights once they are packed. */
typedef struct facts {
    uint32_t widest; /* magnitude of a weight */
    uint32_t steps;
    uint32_t is_narrow;
} facts;

typedef struct packed {
    endings *ends; /* by block */
    wide_biases *biases;
    facts *known;
    uint8_t *border;
    int32_t *skipped; /* by tap, then by block */
    int8_t *weights;  /* by block */
} packed;

static uint64_t block_bytes(const view *v)
{
    return (uint64_t)v->taps * v->words * VECTOR;
}

/* Whether there are taps that no place of a tile meets. */
static int has_skipped(const attar_step *step)
{
    return step->op->kind == ATTAR_TRANSPOSED_CONVOLUTION;
}

/* Where the parts of packed memory begin. */
typedef struct layout {
    uint64_t biases, known, border, skipped, weights, end;
} layout;

static layout layout_of(const attar_step *step, const view *v)
{
    const uint64_t blocks = (uint64_t)v->groups * v->blocks;
    layout found;
    found.biases = blocks * sizeof(endings);
    found.known = found.biases + (v->is_short ? blocks * sizeof(wide_biases) : 0);
    found.border = found.known + VECTOR;
    found.skipped = found.border + SPAN + VECTOR;
    found.weights = found.skipped + (has_skipped(step) ? v->taps * blocks * VECTOR : 0);
    found.end = found.weights + blocks * block_bytes(v);
    return found;
}

static packed packed_of(const attar_step *step, const view *v)
{
    const layout at = layout_of(step, v);
    uint8_t *start = step->packed;
    const packed found = {(endings *)(void *)start,
                          (wide_biases *)(void *)(start + at.biases),
                          (facts *)(void *)(start + at.known),
                          start + at.border,
                          (int32_t *)(void *)(start + at.skipped),
                          (int8_t *)start + at.weights};
    return found;
}

static uint64_t bytes(const attar_step *step)
{
    const view v = view_of(step);
    return layout_of(step, &v).end;
}

static uint64_t block_of(const view *v, uint64_t row)
{
    return row / v->group_rows * v->blocks + row % v->group_rows / LANES;
}

static void pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values)
{
    const view v = view_of(step);
    const uint64_t taps = step->matrix.taps, lane = row % v.group_rows % LANES, block = block_of(&v, row);
    const int is_matrix = step->op->kind == ATTAR_DENSE;
    const packed into = packed_of(step, &v);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t tap = (first + i) % taps, channel = (first + i) / taps;
        if (is_matrix) { /* one long tap in the order of memory */
            channel += tap * step->matrix.channels;
            tap = 0;
        }
        int8_t *word = into.weights + block * block_bytes(&v) +
                       (tap * v.words + channel / per_word(&v)) * VECTOR + lane * WORD;
        const uint32_t magnitude = (uint32_t)(values[i] < 0 ? -values[i] : values[i]);
        into.known->widest = magnitude > into.known->widest ? magnitude : into.known->widest;
        if (v.is_short)
            attar_store16((uint8_t *)word + channel % 2 * 2, (uint16_t)values[i]);
        else
            word[channel % WORD] = (int8_t)values[i];
        if (has_skipped(step))
            into.skipped[((tap * v.groups * v.blocks) + block) * LANES + lane] += values[i];
    }
}

/* How many words of products add up in 32 bits: 2^31 at most, since sums of shorts begin at -1. */
static uint32_t steps_of(const attar_step *step, uint32_t widest)
{
    enum { MOST_MAGNITUDE = 65535, MOST = 1 << 15 };
    uint64_t most = 0;
    for (uint32_t row = 0; row < step->matrix.rows; row++)
        most = step->channels[row].magnitude > most ? step->channels[row].magnitude : most;
    return most <= MOST_MAGNITUDE ? UINT32_MAX : MOST / widest;
}

static void finish(const attar_step *step)
{
    const view v = view_of(step);
    const attar_tensor *from = step_input(step, 0);
    const packed into = packed_of(step, &v);
    for (uint32_t i = 0; i < (SPAN + VECTOR) / 2; i++)
        if (v.is_short)
            attar_store16(into.border + 2 * i, (uint16_t)from->zero);
        else
            into.border[2 * i] = into.border[2 * i + 1] = (uint8_t)from->zero;
    for (uint64_t i = 0; has_skipped(step) && i < (uint64_t)v.taps * v.groups * v.blocks * LANES; i++)
        into.skipped[i] = (int32_t)((uint32_t)into.skipped[i] * (from->zero - (v.is_short ? short_offset(from) : 0)));
    for (uint32_t row = 0; row < step->matrix.rows; row++) {
        const unsigned lane = row % v.group_rows % LANES;
        const attar_channel *channel = &step->channels[row];
        attar_avx512vnni_end(&into.ends[block_of(&v, row)], lane, step, channel);
        if (v.is_short)
            into.biases[block_of(&v, row)].of[lane % 2][lane / 2] =
                channel->bias + ((int64_t)short_offset(from) - from->zero) * channel->sum;
    }
    into.known->steps = steps_of(step, into.known->widest);
    into.known->is_narrow = (uint32_t)attar_is_narrow(step);
}

/* What finding numbers needs beside the tile. */
typedef struct windows {
    const view *v;
    uint64_t first_channel; /* of the group */
} windows;

static void find_row(const tile *t, const view *v, uint64_t first_channel, int64_t row, int64_t column, int64_t along,
                     uint64_t *at)
{
    for (uint32_t p = 0; p < t->places; p++, column += along) {
        const int is_inside = row >= 0 && row < v->height && column >= 0 && column < v->width;
        at[p] = is_inside ? ((uint64_t)row * v->width + (uint64_t)column) * v->pitch + first_channel : ATTAR_NOWHERE;
    }
}

static int find_pixels(const tile *t, uint64_t tap, uint64_t *at)
{
    const windows *w = t->context;
    const attar_window *window = &w->v->window;
    const uint32_t ky = (uint32_t)tap / window->kernel[1], kx = (uint32_t)tap % window->kernel[1];
    const int64_t row = (int64_t)(t->y * window->strides[0] + (uint64_t)ky * window->dilations[0]) - window->begin[0];
    const int64_t column = (int64_t)(t->x * window->strides[1] + (uint64_t)kx * window->dilations[1]) - window->begin[1];
    find_row(t, w->v, w->first_channel, row, column, window->strides[1], at);
    return 1;
}

/* A matrix has its samples one behind the other. */
static int find_samples(const tile *t, uint64_t tap, uint64_t *at)
{
    const windows *w = t->context;
    (void)tap;
    for (uint32_t p = 0; p < t->places; p++)
        at[p] = (t->x + p) * w->v->pitch;
    return 1;
}

static int find_cells(const tile *t, uint64_t tap, uint64_t *at)
{
    const windows *w = t->context;
    const attar_window *window = &w->v->window;
    const int64_t ky = (int64_t)tap / window->kernel[1], kx = (int64_t)tap % window->kernel[1];
    const int64_t down = (int64_t)t->y + window->begin[0] - ky * window->dilations[0];
    const int64_t right = (int64_t)t->x + window->begin[1] - kx * window->dilations[1];
    const int64_t strides[2] = {window->strides[0], window->strides[1]};
    const int is_met = down >= 0 && down % strides[0] == 0 && down / strides[0] < w->v->height && right % strides[1] == 0;
    if (is_met)
        find_row(t, w->v, w->first_channel, down / strides[0], right / strides[1], 1, at);
    else
        for (uint32_t p = 0; p < t->places; p++)
            at[p] = ATTAR_NOWHERE;
    return is_met || !t->can_skip;
}

/* 64 outputs at all places of a row that are `apart`, from place `x` on. */
static void run_places(tile *t, const view *v, uint64_t y, uint64_t x, uint64_t apart, uint64_t row)
{
    const uint64_t count = (v->columns - x + apart - 1) / apart;
    const uint64_t outputs = (uint64_t)v->groups * v->group_rows;
    t->y = y;
    for (uint64_t number = 0; number < tiles_of(count); number++) {
        const uint64_t first = tile_begin(count, number), stop = tile_begin(count, number + 1);
        t->x = x + first * apart;
        t->places = (uint32_t)(stop - first);
        for (uint32_t p = 0; p < t->places; p++)
            t->to_places[p] = (y * v->columns + t->x + p * apart) * outputs + row;
        attar_avx512vnni_tile(t);
    }
}

static tile tile_of(const attar_step *step, uint8_t *arena, const view *v, const packed *from)
{
    static find_numbers *const finds[ATTAR_KIND_COUNT] = {[ATTAR_CONVOLUTION] = find_pixels,
                                                          [ATTAR_DENSE] = find_samples,
                                                          [ATTAR_TRANSPOSED_CONVOLUTION] = find_cells};
    const attar_tensor *input = step_input(step, 0), *output = step_output(step);
    tile t = {.from = input, .to = output, .input = arena + input->offset, .output = arena + output->offset};
    t.border = from->border;
    t.find = finds[step->op->kind];
    t.taps = v->taps;
    t.is_short = v->is_short;
    t.channels = v->channels;
    t.words = v->words;
    t.flip = short_offset(input) * 0x10001u;
    t.steps = from->known->steps;
    t.can_skip = !v->is_short || t.steps == UINT32_MAX; /* what is skipped counts in 32 bits, too */
    t.is_narrow = from->known->is_narrow;
    t.stride = block_bytes(v);
    t.skipped_stride = (uint64_t)v->groups * v->blocks * LANES;
    t.clamp = limits_of(step);
    return t;
}

static uint64_t panels_of(const view *v)
{
    return (v->blocks + TILE_BLOCKS - 1) / TILE_BLOCKS;
}

static uint64_t parts_of(const view *v)
{
    return (uint64_t)v->groups * panels_of(v) * v->rows;
}

/* A row of places of 64 outputs each: all rows, then the next outputs, so that their weights stay near. */
static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const view v = view_of(step);
    const packed from = packed_of(step, &v);
    tile t = tile_of(step, arena, &v, &from);
    const uint64_t panels = panels_of(&v), last = place_of_item(end, step->items, parts_of(&v));
    const uint64_t apart = step->op->kind == ATTAR_TRANSPOSED_CONVOLUTION ? v.window.strides[1] : 1;
    for (uint64_t part = place_of_item(begin, step->items, parts_of(&v)); part < last; part++) {
        const uint64_t group = part / v.rows / panels, panel = part / v.rows % panels, y = part % v.rows;
        const uint64_t block = group * v.blocks + panel * TILE_BLOCKS, row = panel * TILE_BLOCKS * LANES;
        const windows context = {&v, group * v.channels};
        t.context = &context;
        t.weights = from.weights + block * t.stride;
        t.ends = from.ends + block;
        t.biases = from.biases + block;
        t.skipped = from.skipped + block * LANES;
        t.rows = (uint32_t)(v.group_rows - row);
        t.blocks = v.blocks - panel * TILE_BLOCKS < TILE_BLOCKS ? (uint32_t)(v.blocks - panel * TILE_BLOCKS) : TILE_BLOCKS;
        for (uint64_t x = 0; x < apart && x < v.columns; x++)
            run_places(&t, &v, y, x, apart, group * v.group_rows + row);
    }
}

/* Halves of one byte are of one item where all outputs of a group begin at even places. */
static uint64_t items(const attar_step *step)
{
    const view v = view_of(step);
    return v.group_rows % 2 == 0 ? parts_of(&v) : items_unless_packed(step, parts_of(&v));
}

const attar_kernel attar_avx512vnni_any_convolution = {ATTAR_CONVOLUTION, ATTAR_ISA_AVX512VNNI, NULL, bytes, pack,
                                                       finish, items, run};
const attar_kernel attar_avx512vnni_any_dense = {ATTAR_DENSE, ATTAR_ISA_AVX512VNNI, NULL, bytes, pack,
                                                 finish, items, run};
const attar_kernel attar_avx512vnni_transposed_convolution = {ATTAR_TRANSPOSED_CONVOLUTION, ATTAR_ISA_AVX512VNNI,
                                                              NULL, bytes, pack, finish, items, run};
#else
typedef int attar_windows_nothing; /* C99 wants a declaration in every file */
#endif
