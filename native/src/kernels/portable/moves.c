/* Transpose and Pad of bytes: places are counted on from row to row instead of worked out for every number. */
#include "../integers.h"
#include "../table.h"

static int fits(const attar_step *step)
{
    return step_output(step)->storage == 8 && step_output(step)->rank > 0;
}

/* The output's last axis is a row. */
static uint64_t rows(const attar_step *step)
{
    const attar_tensor *to = step_output(step);
    return to->elements / to->dims[to->rank - 1];
}

static void strides_of(const attar_tensor *tensor, uint64_t *strides)
{
    uint64_t stride = 1;
    for (uint32_t axis = tensor->rank; axis-- > 0; stride *= tensor->dims[axis])
        strides[axis] = stride;
}

static void run_transpose(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint32_t last = to->rank - 1;
    uint64_t strides[ATTAR_RANK_MAX];
    strides_of(from, strides);
    const uint64_t step_along = strides[step->op->axes[last]];
    for (uint64_t row = begin; row < end; row++) {
        const uint8_t *read = arena + from->offset;
        uint64_t rest = row;
        for (uint32_t axis = last; axis-- > 0; rest /= to->dims[axis])
            read += rest % to->dims[axis] * strides[step->op->axes[axis]];
        uint8_t *write = arena + to->offset + row * to->dims[last];
        for (uint32_t i = 0; i < to->dims[last]; i++, read += step_along)
            write[i] = *read;
    }
}

static void fill(uint8_t *bytes, uint8_t value, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        bytes[i] = value;
}

/* Where the numbers of an output's row come from; NULL for a row of the border. */
static const uint8_t *source_of(const attar_step *step, const uint8_t *data, uint64_t row)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    uint64_t stride = from->dims[from->rank - 1];
    for (uint32_t axis = to->rank - 1; axis-- > 0; row /= to->dims[axis]) {
        const uint64_t position = row % to->dims[axis];
        if (position < step->op->pads[axis][0] || position - step->op->pads[axis][0] >= from->dims[axis])
            return NULL;
        data += (position - step->op->pads[axis][0]) * stride;
        stride *= from->dims[axis];
    }
    return data;
}

static void run_pad(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint32_t last = to->rank - 1, before = step->op->pads[last][0];
    const uint8_t value = (uint8_t)step->op->value;
    for (uint64_t row = begin; row < end; row++) {
        uint8_t *write = arena + to->offset + row * to->dims[last];
        const uint8_t *read = source_of(step, arena + from->offset, row);
        if (read == NULL) {
            fill(write, value, to->dims[last]);
            continue;
        }
        fill(write, value, before);
        for (uint32_t i = 0; i < from->dims[last]; i++)
            write[before + i] = read[i];
        fill(write + before + from->dims[last], value, step->op->pads[last][1]);
    }
}

const attar_kernel attar_portable_transpose = {ATTAR_TRANSPOSE, ATTAR_ISA_PORTABLE, fits, NULL, NULL, NULL, rows,
                                               run_transpose};
const attar_kernel attar_portable_pad = {ATTAR_PAD, ATTAR_ISA_PORTABLE, fits, NULL, NULL, NULL, rows, run_pad};
