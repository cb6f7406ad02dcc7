#include "quads.h"

#include "integers.h"

attar_view attar_view_of(const attar_step *step, uint32_t lanes, uint32_t ending_bytes)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint32_t quads = (step->matrix.channels + ATTAR_QUAD - 1) / ATTAR_QUAD;
    attar_view v = {.quads = quads, .groups = 1, .lanes = lanes, .group_rows = step->matrix.rows, .ending_bytes = ending_bytes};
    if (step->op->kind == ATTAR_CONVOLUTION) {
        v.window = step->op->window;
        v.height = from->dims[0];
        v.width = from->dims[1];
        v.out_width = to->dims[1];
        v.places = (uint64_t)to->dims[0] * to->dims[1];
        v.pitch = from->dims[2];
        v.groups = step->op->groups;
        v.group_rows = step->matrix.rows / v.groups;
    } else { /* an image of one row, windows of one pixel that holds all columns */
        const attar_window one = {{1, 1}, {1, 1}, {1, 1}, {0, 0}};
        v.window = one;
        v.places = to->elements / step->matrix.rows;
        v.height = 1;
        v.width = (int64_t)v.places;
        v.out_width = v.places;
        v.pitch = step->matrix.taps * step->matrix.channels;
        v.quads = (v.pitch + ATTAR_QUAD - 1) / ATTAR_QUAD;
    }
    v.blocks = (v.group_rows + lanes - 1) / lanes;
    return v;
}

static uint64_t border_bytes(const attar_view *v)
{
    return ((uint64_t)v->quads * ATTAR_QUAD + ATTAR_LINE - 1) / ATTAR_LINE * ATTAR_LINE + ATTAR_LINE;
}

static uint64_t ends_bytes(const attar_view *v)
{
    return (uint64_t)v->groups * v->blocks * v->ending_bytes;
}

attar_packed attar_packed_of(const attar_step *step, const attar_view *v)
{
    const uint8_t *flag = (const uint8_t *)step->packed + ends_bytes(v);
    const uint8_t *border = flag + ATTAR_LINE;
    const attar_packed found = {step->packed, (const uint32_t *)(const void *)flag, border,
                                (const int8_t *)border + border_bytes(v)};
    return found;
}

uint64_t attar_packed_bytes(const attar_view *v)
{
    return ends_bytes(v) + ATTAR_LINE + border_bytes(v) + (uint64_t)v->groups * v->blocks * attar_block_bytes(v);
}

int attar_is_narrow(const attar_step *step)
{
    int is_narrow = 1;
    for (uint32_t row = 0; is_narrow && row < step->matrix.rows; row++)
        is_narrow = stays_narrow(step, step->channels[row].multiplier, step->channels[row].shift);
    return is_narrow;
}

/* Four channels of every tap, the first at `values`: a store for four weights. */
static void pack_four(int8_t *to, uint64_t tap_bytes, uint64_t taps, const int16_t *values)
{
    for (uint64_t tap = 0; tap < taps; tap++) {
        uint32_t four = 0;
        for (unsigned i = 0; i < ATTAR_QUAD; i++)
            four |= (uint32_t)(uint8_t)values[i * taps + tap] << (8 * i);
        attar_store32((uint8_t *)to + tap * tap_bytes, four);
    }
}

/* Columns come channel after channel, in each tap after tap; a matrix's are one long tap, its channels in memory's order. */
void attar_pack_quads(const attar_step *step, const attar_view *v, uint64_t row, uint64_t first, uint64_t count,
                      const int16_t *values)
{
    const uint64_t taps = step->matrix.taps, quad_bytes = (uint64_t)v->lanes * ATTAR_QUAD;
    const int is_image = step->op->kind == ATTAR_CONVOLUTION;
    const uint64_t tap_bytes = is_image ? v->quads * quad_bytes : 0; /* from tap to tap */
    const uint64_t tap_columns = is_image ? 0 : step->matrix.channels;
    /* Where four channels of a tap lie in four columns of one quad, whatever the tap. */
    const int has_fours = is_image || taps == 1 || tap_columns % ATTAR_QUAD == 0;
    const uint64_t fours_bytes = is_image ? tap_bytes : tap_columns / ATTAR_QUAD * quad_bytes;
    int8_t *to = (int8_t *)(uintptr_t)attar_packed_of(step, v).weights + attar_block_of(v, row) * attar_block_bytes(v) +
                 attar_lane_of(v, row) * ATTAR_QUAD;
    uint64_t channel = first / taps, tap = first % taps;
    for (uint64_t i = 0; i < count; channel++, tap = 0) {
        if (tap == 0 && channel % ATTAR_QUAD == 0 && count - i >= ATTAR_QUAD * taps && has_fours) {
            pack_four(to + channel / ATTAR_QUAD * quad_bytes, fours_bytes, taps, values + i);
            i += ATTAR_QUAD * taps;
            channel += ATTAR_QUAD - 1;
            continue;
        }
        uint64_t column = tap * tap_columns + channel;
        int8_t *place = to + tap * tap_bytes;
        for (; tap < taps && i < count; tap++, i++, column += tap_columns, place += tap_bytes)
            place[column / ATTAR_QUAD * quad_bytes + column % ATTAR_QUAD] = (int8_t)values[i];
    }
}

void attar_finish_quads(const attar_step *step, const attar_view *v)
{
    const attar_packed into = attar_packed_of(step, v);
    uint8_t *border = (uint8_t *)(uintptr_t)into.border;
    for (uint64_t i = 0; i < border_bytes(v); i++)
        border[i] = (uint8_t)step_input(step, 0)->zero;
    *(uint32_t *)(uintptr_t)into.is_narrow = (uint32_t)attar_is_narrow(step);
}
