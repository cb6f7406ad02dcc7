/* Reading a program section: the counts first, then into memory of exactly the size that they ask for. */
#include "attar/program.h"

#include "operators.h"
#include "reader.h"

/* The least bytes that one of each takes, so that no count asks for more memory than its section could fill. */
enum { TENSOR_BYTES = 9, CONSTANT_BYTES = 2, OPERATOR_BYTES = 5, PORT_BYTES = 3 };

typedef struct counts {
    uint64_t arena;
    uint32_t tensors, constants, operators, inputs, outputs;
    uint32_t operands; /* inputs of all operators together */
    uint32_t numbers;  /* those of all average pools together */
} counts;

static uint32_t read_items(reader *r, uint32_t least, uint32_t bytes)
{
    const size_t most = attar_bytes_left(&r->in) / bytes;
    return read_count(r, least, most < UINT32_MAX / 2 ? (uint32_t)most : UINT32_MAX / 2);
}

static counts read_counts(reader *r)
{
    counts found;
    found.arena = read_number(r, 0, ATTAR_ARENA_MAX);
    found.tensors = read_items(r, 1, TENSOR_BYTES);
    found.constants = read_items(r, 0, CONSTANT_BYTES);
    found.operators = read_items(r, 0, OPERATOR_BYTES);
    found.inputs = read_items(r, 0, PORT_BYTES);
    found.outputs = read_items(r, 1, PORT_BYTES);
    found.operands = read_items(r, 0, 1);
    found.numbers = read_items(r, 0, 1);
    return found;
}

/* Takes `count` items of `size` bytes, a multiple of the alignment of all, from the memory; only counts where it is NULL. */
static void *take(uint8_t *memory, size_t *used, size_t count, size_t size)
{
    void *place = memory == NULL ? NULL : memory + *used;
    *used += (count * size + 7) / 8 * 8;
    return place;
}

static size_t lay_out(const counts *n, uint8_t *memory, building *into)
{
    size_t used = 0;
    into->tensors = take(memory, &used, n->tensors, sizeof(attar_tensor));
    into->constants = take(memory, &used, n->constants, sizeof(attar_constant));
    into->operators = take(memory, &used, n->operators, sizeof(attar_operator));
    into->inputs = take(memory, &used, n->inputs, sizeof(attar_port));
    into->outputs = take(memory, &used, n->outputs, sizeof(attar_port));
    into->places = take(memory, &used, n->tensors, sizeof(place));
    into->order = take(memory, &used, n->tensors, sizeof(uint32_t));
    into->operands = take(memory, &used, n->operands, sizeof(uint32_t));
    into->numbers = take(memory, &used, n->numbers, sizeof(uint32_t));
    into->operands_left = n->operands;
    into->numbers_left = n->numbers;
    return used;
}

static void read_tensor(reader *r, uint64_t arena, attar_tensor *tensor)
{
    const uint32_t form = read_u8(r);
    tensor->bits = (form & 15u) + 1;
    tensor->is_signed = form >> 4 & 1u;
    if (form >= 32 || tensor->bits < 2)
        reader_fail(r, ATTAR_BAD_PROGRAM);
    tensor->storage = tensor->bits <= 4 ? 4 : tensor->bits <= 8 ? 8 : 16;
    tensor->top = (UINT32_C(1) << tensor->bits) - 1;
    tensor->zero = read_count(r, 0, tensor->top);
    tensor->scale = read_scale(r);
    tensor->rank = read_count(r, 0, ATTAR_RANK_MAX);
    tensor->elements = 1;
    for (uint32_t axis = 0; axis < tensor->rank; axis++) {
        tensor->dims[axis] = read_count(r, 1, ATTAR_EXTENT_MAX);
        tensor->elements *= tensor->dims[axis]; /* at most 2^31 times 2^24 */
        if (tensor->elements > ATTAR_ELEMENTS_MAX) {
            reader_fail(r, ATTAR_BAD_PROGRAM);
            return;
        }
    }
    tensor->bytes = (tensor->elements * tensor->storage + 7) / 8;
    tensor->offset = read_number(r, 0, ATTAR_ARENA_MAX);
    if (tensor->offset + tensor->bytes > arena || tensor->offset * 8 % tensor->storage != 0)
        reader_fail(r, ATTAR_BAD_PROGRAM);
}

static void read_constant(reader *r, attar_constant *constant)
{
    static const uint8_t widths[ATTAR_SOURCE_COUNT] = {0, 0, 1, 2, 4, 8, 4};
    const uint32_t source = read_u8(r);
    if (source >= ATTAR_SOURCE_COUNT) {
        reader_fail(r, ATTAR_BAD_PROGRAM);
        return;
    }
    constant->source = (attar_source)source;
    if (widths[source] == 0) {
        constant->index = read_count(r, 0, UINT16_MAX);
        return;
    }
    constant->count = read_number(r, 1, attar_bytes_left(&r->in) / widths[source] + 1);
    constant->data = read_span(r, constant->count * widths[source]);
}

static void read_port(reader *r, const building *b, attar_port *port)
{
    uint32_t seen = 0;
    port->tensor = read_count(r, 0, b->tensor_count - 1);
    port->name_length = read_count(r, 1, ATTAR_NAME_MAX);
    port->name = read_span(r, port->name_length);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < b->tensors[port->tensor].rank; i++) {
        port->axes[i] = read_u8(r);
        if (port->axes[i] >= b->tensors[port->tensor].rank || (seen >> port->axes[i] & 1u) != 0)
            reader_fail(r, ATTAR_BAD_PROGRAM);
        else
            seen |= 1u << port->axes[i];
    }
}

static void read_all(reader *r, const counts *n, building *b)
{
    b->tensor_count = n->tensors;
    b->constant_count = n->constants;
    for (uint32_t i = 0; r->status == ATTAR_OK && i < n->tensors; i++)
        read_tensor(r, n->arena, &b->tensors[i]);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < n->constants; i++)
        read_constant(r, &b->constants[i]);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < n->inputs; i++)
        read_port(r, b, &b->inputs[i]);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < n->outputs; i++)
        read_port(r, b, &b->outputs[i]);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < n->operators; i++)
        attar_read_operator(r, b, &b->operators[i]);
    if (r->status == ATTAR_OK && (b->operands_left != 0 || b->numbers_left != 0))
        r->status = ATTAR_BAD_PROGRAM;
    if (r->status == ATTAR_OK && attar_bytes_left(&r->in) > 0)
        r->status = ATTAR_TRAILING_DATA;
    if (r->status == ATTAR_OK)
        r->status = attar_check_written(b, n->inputs, n->outputs, n->operators);
}

attar_status attar_program_bytes(const uint8_t *section, size_t size, size_t *bytes)
{
    reader r = {attar_bytes_of(section, size), ATTAR_OK};
    const counts n = read_counts(&r);
    building nothing;
    if (r.status == ATTAR_OK)
        *bytes = lay_out(&n, NULL, &nothing);
    return r.status;
}

attar_status attar_program_read(const uint8_t *section, size_t size, void *memory, size_t bytes,
                                attar_program *program)
{
    reader r = {attar_bytes_of(section, size), ATTAR_OK};
    const counts n = read_counts(&r);
    building b;
    if (r.status != ATTAR_OK)
        return r.status;
    if (lay_out(&n, NULL, &b) > bytes)
        return ATTAR_OUTPUT_TOO_SMALL;
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)memory)[i] = 0;
    lay_out(&n, memory, &b);
    read_all(&r, &n, &b);
    const attar_program found = {n.arena,     n.tensors, n.constants, n.operators, n.inputs,
                                 n.outputs,   b.tensors, b.constants, b.operators, b.inputs,
                                 b.outputs};
    *program = found;
    return r.status;
}

const char *attar_kind_name(attar_kind kind)
{
#define ATTAR_KIND_NAME(code, name) name,
    static const char *const names[] = {ATTAR_OPERATOR_TABLE(ATTAR_KIND_NAME)};
#undef ATTAR_KIND_NAME
    return (unsigned)kind < ATTAR_KIND_COUNT ? names[kind] : "unknown";
}
