/* The operators of a program section: what all of them have; the fields of each are in operators_*.c. */
#include "fields.h"

static int apart(const attar_tensor *a, const attar_tensor *b)
{
    return a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
}

static int is_elementwise(attar_kind kind)
{
    return kind == ATTAR_SCALE_SHIFT || kind == ATTAR_PRODUCT || kind == ATTAR_SUM || kind == ATTAR_REQUANTIZE ||
           kind == ATTAR_TABLE || kind == ATTAR_PARAMETRIC_RELU || kind == ATTAR_EXTREME;
}

/* An output may lie over an input only number by number. */
static void check_places(reader *r, const building *b, const attar_operator *op)
{
    const attar_tensor *to = output_of(b, op);
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

void attar_read_operator(reader *r, building *b, attar_operator *op)
{
    static attar_read_fields *const fields[ATTAR_KIND_COUNT] = {
        [ATTAR_CONVOLUTION] = attar_read_convolution,
        [ATTAR_DENSE] = attar_read_dense,
        [ATTAR_SCALE_SHIFT] = attar_read_scale_shift,
        [ATTAR_PRODUCT] = attar_read_two,
        [ATTAR_SUM] = attar_read_two,
        [ATTAR_AVERAGE_POOL] = attar_read_average_pool,
        [ATTAR_MAX_POOL] = attar_read_max_pool,
        [ATTAR_CONCAT] = attar_read_concat,
        [ATTAR_REQUANTIZE] = attar_read_requantize,
        [ATTAR_TABLE] = attar_read_table,
        [ATTAR_TRANSPOSE] = attar_read_transpose,
        [ATTAR_PAD] = attar_read_pad,
        [ATTAR_TRANSPOSED_CONVOLUTION] = attar_read_convolution,
        [ATTAR_SLICE] = attar_read_slice,
        [ATTAR_PICK] = attar_read_pick,
        [ATTAR_INTERPOLATE] = attar_read_interpolate,
        [ATTAR_MATRIX_PRODUCT] = attar_read_matrix_product,
        [ATTAR_PARAMETRIC_RELU] = attar_read_parametric_relu,
        [ATTAR_EXTREME] = attar_read_extreme,
        [ATTAR_SOFTMAX] = attar_read_softmax,
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
