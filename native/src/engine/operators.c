/* The operators of a program section: fields, and what must hold between an operator and its tensors. */
#include "operators.h"

/* Accumulators: eq. 4 of Ge et al. beyond 48 bits leaves too little for a multiplier. */
enum { ACCUMULATOR_BITS_MIN = 2, ACCUMULATOR_BITS_MAX = 48 };

static void expect(reader *r, int holds)
{
    if (!holds)
        reader_fail(r, ATTAR_BAD_PROGRAM);
}

static const attar_tensor *input_of(const building *b, const attar_operator *op, uint32_t i)
{
    return &b->tensors[op->inputs[i]];
}

static int same_dims(const attar_tensor *a, const attar_tensor *b)
{
    int same = a->rank == b->rank;
    for (uint32_t axis = 0; same && axis < a->rank; axis++)
        same = a->dims[axis] == b->dims[axis];
    return same;
}

static int same_format(const attar_tensor *a, const attar_tensor *b)
{
    return a->bits == b->bits && a->zero == b->zero && a->scale == b->scale && a->is_signed == b->is_signed;
}

/* Whether every axis of `a` is 1 or that of `b`. */
static int broadcasts(const attar_tensor *a, const attar_tensor *b)
{
    int fits = a->rank == b->rank;
    for (uint32_t axis = 0; fits && axis < a->rank; axis++)
        fits = a->dims[axis] == b->dims[axis] || a->dims[axis] == 1;
    return fits;
}

static int apart(const attar_tensor *a, const attar_tensor *b)
{
    return a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
}

static int is_elementwise(attar_kind kind)
{
    return kind == ATTAR_SCALE_SHIFT || kind == ATTAR_PRODUCT || kind == ATTAR_SUM || kind == ATTAR_REQUANTIZE ||
           kind == ATTAR_TABLE;
}

/* An output may lie over an input only number by number. */
static void check_places(reader *r, const building *b, const attar_operator *op)
{
    const attar_tensor *to = &b->tensors[op->output];
    for (uint32_t i = 0; i < op->input_count; i++) {
        const attar_tensor *from = input_of(b, op, i);
        const int over = is_elementwise(op->kind) && from->offset == to->offset && from->storage == to->storage &&
                         from->elements == to->elements;
        expect(r, over || apart(from, to));
    }
}

static void read_operands(reader *r, building *b, attar_operator *op)
{
    op->output = read_count(r, 0, b->tensor_count - 1);
    op->input_count = read_count(r, 1, b->operands_left);
    if (r->status != ATTAR_OK)
        return;
    uint32_t *inputs = b->operands;
    for (uint32_t i = 0; i < op->input_count; i++)
        inputs[i] = read_count(r, 0, b->tensor_count - 1);
    op->inputs = inputs;
    b->operands += op->input_count;
    b->operands_left -= op->input_count;
}

static void read_limits(reader *r, const building *b, attar_operator *op)
{
    op->low = read_count(r, 0, b->tensors[op->output].top);
    op->high = read_count(r, op->low, b->tensors[op->output].top);
}

static void read_width(reader *r, attar_operator *op)
{
    op->accumulator_bits = read_count(r, ACCUMULATOR_BITS_MIN, ACCUMULATOR_BITS_MAX);
}

static uint32_t read_constant_of(reader *r, const building *b, unsigned sources)
{
    const uint32_t number = read_count(r, 0, b->constant_count);
    if (number == 0)
        return ATTAR_NOTHING;
    expect(r, (sources >> b->constants[number - 1].source & 1u) != 0);
    return number - 1;
}

/* Weights and their steps, which come with those of the table; a bias. */
static void read_weights(reader *r, const building *b, attar_operator *op)
{
    op->weight_bits = read_count(r, 2, ATTAR_BITS_MAX);
    const unsigned table = 1u << ATTAR_TABLE_INTEGERS;
    op->weights = read_constant_of(r, b, table | 1u << ATTAR_INLINE_INT8 | 1u << ATTAR_INLINE_INT16);
    op->scales = read_constant_of(r, b, 1u << ATTAR_INLINE_FLOAT32);
    op->bias = read_constant_of(r, b, 1u << ATTAR_TABLE_FLOATS | 1u << ATTAR_INLINE_FLOAT32 |
                                          1u << ATTAR_INLINE_INT32 | 1u << ATTAR_INLINE_INT64);
    expect(r, op->weights != ATTAR_NOTHING);
    if (r->status == ATTAR_OK)
        expect(r, (b->constants[op->weights].source == ATTAR_TABLE_INTEGERS) == (op->scales == ATTAR_NOTHING));
}

/* An inline constant has just so many numbers; one of the table is held against its tensor when it is loaded. */
static int holds(const building *b, uint32_t number, uint64_t count)
{
    if (number == ATTAR_NOTHING)
        return 1;
    const attar_constant *constant = &b->constants[number];
    return constant->source <= ATTAR_TABLE_FLOATS || constant->count == count;
}

static void check_weights(reader *r, const building *b, const attar_operator *op, uint64_t rows, uint64_t columns)
{
    expect(r, columns <= ATTAR_REDUCTION_MAX && rows * columns <= ATTAR_ELEMENTS_MAX);
    expect(r, holds(b, op->weights, rows * columns) && holds(b, op->bias, rows));
    expect(r, holds(b, op->scales, rows) || holds(b, op->scales, 1));
}

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

static void read_convolution(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = &b->tensors[op->output];
    read_limits(r, b, op);
    read_width(r, op);
    read_window(r, &op->window);
    op->groups = read_count(r, 1, ATTAR_EXTENT_MAX);
    read_weights(r, b, op);
    check_images(r, from, to);
    if (r->status != ATTAR_OK)
        return;
    expect(r, op->input_count == 1 && from->dims[2] % op->groups == 0 && to->dims[2] % op->groups == 0);
    const uint64_t taps = (uint64_t)op->window.kernel[0] * op->window.kernel[1];
    expect(r, taps <= ATTAR_REDUCTION_MAX);
    if (r->status == ATTAR_OK)
        check_weights(r, b, op, to->dims[2], taps * (from->dims[2] / op->groups));
}

static void read_dense(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = &b->tensors[op->output];
    read_limits(r, b, op);
    read_width(r, op);
    op->channels = read_count(r, 1, ATTAR_EXTENT_MAX);
    op->is_transposed = read_count(r, 0, 1);
    read_weights(r, b, op);
    expect(r, op->input_count == 1 && from->rank >= 1 && from->rank == to->rank);
    if (r->status != ATTAR_OK)
        return;
    const uint32_t last = from->rank - 1;
    for (uint32_t axis = 0; axis < last; axis++)
        expect(r, from->dims[axis] == to->dims[axis]);
    expect(r, from->dims[last] % op->channels == 0);
    check_weights(r, b, op, to->dims[last], from->dims[last]);
}

static uint64_t spanned(const attar_tensor *tensor, uint32_t axes)
{
    uint64_t count = 1;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        count *= (axes >> axis & 1u) != 0 ? tensor->dims[axis] : 1;
    return count;
}

static void read_scale_shift(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *to = &b->tensors[op->output];
    read_limits(r, b, op);
    read_width(r, op);
    op->weight_axes = read_count(r, 0, (1u << ATTAR_RANK_MAX) - 1);
    op->bias_axes = read_count(r, 0, (1u << ATTAR_RANK_MAX) - 1);
    read_weights(r, b, op);
    expect(r, op->input_count == 1 && same_dims(input_of(b, op, 0), to));
    expect(r, op->scales != ATTAR_NOTHING && op->bias != ATTAR_NOTHING);
    if (r->status != ATTAR_OK)
        return;
    expect(r, b->constants[op->bias].source >= ATTAR_INLINE_INT32 && b->constants[op->bias].source != ATTAR_INLINE_FLOAT32);
    expect(r, holds(b, op->weights, spanned(to, op->weight_axes)) && holds(b, op->bias, spanned(to, op->bias_axes)));
    expect(r, holds(b, op->scales, 1));
}

static void read_two(reader *r, building *b, attar_operator *op)
{
    read_limits(r, b, op);
    if (op->kind == ATTAR_PRODUCT)
        read_width(r, op);
    else
        op->axes[0] = read_count(r, 0, 1); /* whether the second is taken away */
    expect(r, op->input_count == 2);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < 2; i++)
        expect(r, broadcasts(input_of(b, op, i), &b->tensors[op->output]));
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

static void read_average_pool(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = &b->tensors[op->output];
    read_limits(r, b, op);
    read_width(r, op);
    read_window(r, &op->window);
    check_images(r, from, to);
    expect(r, op->input_count == 1 && from->dims[2] == to->dims[2]);
    expect(r, (uint64_t)op->window.kernel[0] * op->window.kernel[1] <= ATTAR_REDUCTION_MAX);
    for (int i = 0; r->status == ATTAR_OK && i < 2; i++)
        op->counts[i] = read_counts_along(r, b, to->dims[i], op->window.kernel[i]);
}

/* Some cell of every window lies inside along one axis: the largest of none would be no number. */
static int meets(const attar_window *window, int axis, uint32_t from, uint32_t to)
{
    int all = 1;
    for (uint64_t place = 0; all && place < to; place++) {
        const int64_t first = (int64_t)(place * window->strides[axis]) - window->begin[axis];
        const int64_t step = window->dilations[axis];
        const int64_t skipped = first < 0 ? (-first + step - 1) / step : 0;
        all = skipped < window->kernel[axis] && first + skipped * step < from;
    }
    return all;
}

static void read_max_pool(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = &b->tensors[op->output];
    read_window(r, &op->window);
    check_images(r, from, to);
    expect(r, op->input_count == 1 && from->dims[2] == to->dims[2] && same_format(from, to));
    expect(r, (uint64_t)op->window.kernel[0] * op->window.kernel[1] <= ATTAR_REDUCTION_MAX);
    for (int axis = 0; r->status == ATTAR_OK && axis < 2; axis++)
        expect(r, meets(&op->window, axis, from->dims[axis], to->dims[axis]));
}

static void read_concat(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *to = &b->tensors[op->output];
    uint64_t joined = 0;
    read_limits(r, b, op);
    op->axis = read_count(r, 0, ATTAR_RANK_MAX - 1);
    expect(r, op->axis < to->rank);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < op->input_count; i++) {
        const attar_tensor *from = input_of(b, op, i);
        expect(r, from->rank == to->rank);
        for (uint32_t axis = 0; axis < to->rank; axis++)
            expect(r, axis == op->axis || from->dims[axis] == to->dims[axis]);
        joined += from->dims[op->axis];
    }
    expect(r, r->status != ATTAR_OK || joined == to->dims[op->axis]);
}

static void read_requantize(reader *r, building *b, attar_operator *op)
{
    read_limits(r, b, op);
    expect(r, op->input_count == 1 && same_dims(input_of(b, op, 0), &b->tensors[op->output]));
}

static void read_table(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0);
    op->weights = read_constant_of(r, b, 1u << ATTAR_INLINE_INT8 | 1u << ATTAR_INLINE_INT16);
    expect(r, op->input_count == 1 && same_dims(from, &b->tensors[op->output]) && from->bits <= 12);
    expect(r, op->weights != ATTAR_NOTHING);
    expect(r, r->status != ATTAR_OK || holds(b, op->weights, (uint64_t)from->top + 1));
    if (r->status == ATTAR_OK && b->constants[op->weights].source == ATTAR_INLINE_INT16) {
        const uint8_t *entries = b->constants[op->weights].data;
        for (uint32_t i = 0; i <= from->top; i++)
            expect(r, attar_load16(entries + 2 * i) <= b->tensors[op->output].top);
    } else if (r->status == ATTAR_OK) {
        for (uint32_t i = 0; i <= from->top; i++)
            expect(r, b->constants[op->weights].data[i] <= b->tensors[op->output].top);
    }
}

static void read_transpose(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = &b->tensors[op->output];
    uint32_t seen = 0;
    expect(r, op->input_count == 1 && from->rank == to->rank && same_format(from, to));
    for (uint32_t axis = 0; r->status == ATTAR_OK && axis < to->rank; axis++) {
        op->axes[axis] = read_count(r, 0, from->rank - 1);
        expect(r, (seen >> op->axes[axis] & 1u) == 0 && to->dims[axis] == from->dims[op->axes[axis]]);
        seen |= 1u << op->axes[axis];
    }
}

static void read_pad(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = &b->tensors[op->output];
    op->value = read_count(r, 0, to->top);
    expect(r, op->input_count == 1 && from->rank == to->rank && same_format(from, to));
    for (uint32_t axis = 0; r->status == ATTAR_OK && axis < to->rank; axis++) {
        op->pads[axis][0] = read_count(r, 0, ATTAR_EXTENT_MAX);
        op->pads[axis][1] = read_count(r, 0, ATTAR_EXTENT_MAX);
        expect(r, to->dims[axis] == from->dims[axis] + op->pads[axis][0] + op->pads[axis][1]);
    }
}

typedef void read_fields(reader *r, building *b, attar_operator *op);

void attar_read_operator(reader *r, building *b, attar_operator *op)
{
    static read_fields *const fields[ATTAR_KIND_COUNT] = {
        [ATTAR_CONVOLUTION] = read_convolution, [ATTAR_DENSE] = read_dense,
        [ATTAR_SCALE_SHIFT] = read_scale_shift, [ATTAR_PRODUCT] = read_two,
        [ATTAR_SUM] = read_two,                 [ATTAR_AVERAGE_POOL] = read_average_pool,
        [ATTAR_MAX_POOL] = read_max_pool,       [ATTAR_CONCAT] = read_concat,
        [ATTAR_REQUANTIZE] = read_requantize,   [ATTAR_TABLE] = read_table,
        [ATTAR_TRANSPOSE] = read_transpose,     [ATTAR_PAD] = read_pad,
    };
    const uint32_t kind = read_u8(r);
    op->weights = op->scales = op->bias = ATTAR_NOTHING;
    expect(r, kind < ATTAR_KIND_COUNT);
    if (r->status != ATTAR_OK)
        return;
    op->kind = (attar_kind)kind;
    read_operands(r, b, op);
    if (r->status == ATTAR_OK)
        fields[kind](r, b, op);
    if (r->status == ATTAR_OK)
        check_places(r, b, op);
}
