/* Operators over windows of (height, width, channels). */
#include "fields.h"

static void read_window(reader *r, attar_window *window)
{
    for (int i = 0; i < 2; i++) {
        window->kernel[i] = read_count(r, 1, ATTAR_EXTENT_MAX);
        window->strides[i] = read_count(r, 1, ATTAR_EXTENT_MAX);
        window->dilations[i] = read_count(r, 1, ATTAR_EXTENT_MAX);
        window->begin[i] = read_count(r, 0, ATTAR_EXTENT_MAX);
    }
}

/* Places of windows, in int64, stay far from its ends: output times stride is at most 2^48. */
static void check_images(reader *r, const attar_tensor *from, const attar_tensor *to)
{
    expect(r, from->rank == 3 && to->rank == 3);
}

/* Of a transposed one as well: its weights are counted alike. */
void attar_read_convolution(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    read_limits(r, b, op);
    read_width(r, op);
    read_window(r, &op->window);
    op->groups = read_count(r, 1, ATTAR_EXTENT_MAX);
    attar_read_weights(r, b, op);
    check_images(r, from, to);
    if (r->status != ATTAR_OK)
        return;
    expect(r, op->input_count == 1 && from->dims[2] % op->groups == 0 && to->dims[2] % op->groups == 0);
    const uint64_t taps = (uint64_t)op->window.kernel[0] * op->window.kernel[1];
    expect(r, taps <= ATTAR_REDUCTION_MAX);
    if (r->status == ATTAR_OK)
        attar_check_weights(r, b, op, to->dims[2], taps * (from->dims[2] / op->groups));
    if (r->status == ATTAR_OK && op->kind == ATTAR_TRANSPOSED_CONVOLUTION) /* a graph has them so; the section does not */
        op->is_transposed = b->constants[op->weights].source == ATTAR_TABLE_INTEGERS;
}

static const uint32_t *read_counts_along(reader *r, building *b, uint32_t positions, uint32_t taps)
{
    uint32_t *counts = b->numbers;
    expect(r, positions <= b->numbers_left);
    if (r->status != ATTAR_OK)
        return NULL;
    for (uint32_t i = 0; i < positions; i++)
        counts[i] = read_count(r, 1, taps);
    b->numbers += positions;
    b->numbers_left -= positions;
    return counts;
}

void attar_read_average_pool(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    read_limits(r, b, op);
    read_width(r, op);
    read_window(r, &op->window);
    check_images(r, from, to);
    expect(r, op->input_count == 1 && from->dims[2] == to->dims[2]);
    expect(r, (uint64_t)op->window.kernel[0] * op->window.kernel[1] <= ATTAR_REDUCTION_MAX);
    for (int i = 0; r->status == ATTAR_OK && i < 2; i++)
        op->counts[i] = read_counts_along(r, b, to->dims[i], op->window.kernel[i]);
}

/* Whether those windows that begin before an image meet it though their taps are farther apart than it is wide. */
static int border_meets(const attar_window *window, int axis, uint32_t from, uint32_t to)
{
    enum { WINDOWS_MAX = 4096 }; /* that are looked at */
    const int64_t stride = window->strides[axis], step = window->dilations[axis];
    int64_t before = window->begin[axis];
    uint32_t looked = 0;
    for (; before > 0 && looked < to && looked < WINDOWS_MAX; looked++, before -= stride)
        if ((step - before % step) % step >= from)
            return 0;
    return before <= 0 || looked == to;
}

/* Some cell of every window lies inside along one axis: the largest of none would be no number. */
static int meets(const attar_window *window, int axis, uint32_t from, uint32_t to)
{
    const uint64_t last = ((uint64_t)to - 1) * window->strides[axis];
    const uint64_t reach = (uint64_t)(window->kernel[axis] - 1) * window->dilations[axis];
    if (window->begin[axis] > reach || last >= (uint64_t)from + window->begin[axis])
        return 0;
    return window->dilations[axis] <= from || border_meets(window, axis, from, to);
}

void attar_read_max_pool(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    read_window(r, &op->window);
    check_images(r, from, to);
    expect(r, op->input_count == 1 && from->dims[2] == to->dims[2] && same_format(from, to));
    expect(r, (uint64_t)op->window.kernel[0] * op->window.kernel[1] <= ATTAR_REDUCTION_MAX);
    for (int axis = 0; r->status == ATTAR_OK && axis < 2; axis++)
        expect(r, meets(&op->window, axis, from->dims[axis], to->dims[axis]));
}
