/* What comes in and what goes out: floats or integers in the order of the network's axes, u in that of the arena. */
#include "../kernels/integers.h"
#include "engine.h"

enum { AT_ONCE = 256 };

/* A tensor's numbers in the order of the network's user, some neighbors at a time, and where they lie in memory. */
typedef struct route {
    const attar_tensor *tensor;
    uint32_t count;                    /* axes, the user's last one excepted */
    uint64_t extents[ATTAR_RANK_MAX];  /* of these, in the user's order */
    uint64_t strides[ATTAR_RANK_MAX];  /* in memory */
    uint64_t positions[ATTAR_RANK_MAX];
    uint64_t extent, stride; /* of the user's last axis */
    uint64_t place;          /* in memory */
} route;

static route route_of(const attar_program *program, const attar_port *port)
{
    route found = {.tensor = &program->tensors[port->tensor], .extent = 1, .stride = 1};
    uint64_t stride = 1;
    const uint32_t rank = found.tensor->rank;
    for (uint32_t i = rank; i-- > 0; stride *= found.tensor->dims[i]) {
        found.extents[port->axes[i]] = found.tensor->dims[i];
        found.strides[port->axes[i]] = stride;
    }
    if (rank > 0) {
        found.count = rank - 1;
        found.extent = found.extents[rank - 1];
        found.stride = found.strides[rank - 1];
    }
    return found;
}

/* On to the next neighbors; 0 behind the last. */
static int step_on(route *at)
{
    for (uint32_t axis = at->count; axis-- > 0;) {
        at->place += at->strides[axis];
        if (++at->positions[axis] < at->extents[axis])
            return 1;
        at->place -= at->strides[axis] * at->extents[axis];
        at->positions[axis] = 0;
    }
    return 0;
}

/* Half to even, of a number below 2^22: beside 1.5 * 2^23 there is no room for a fraction. */
static int32_t nearest(float value)
{
    const union {
        float value;
        int32_t bits;
    } raised = {value + 12582912.0f};
    return raised.bits - 0x4b400000;
}

/* Quantizes up to AT_ONCE numbers; 0 where one of them is none. */
static int quantize(const attar_tensor *tensor, const float *values, uint64_t count, int32_t *u)
{
    const float low = -(float)tensor->zero, high = (float)(tensor->top - tensor->zero);
    int are_numbers = 1;
    for (uint64_t i = 0; i < count; i++) {
        const float steps = values[i] / tensor->scale;
        const float raised = steps > low ? steps : low;
        u[i] = (int32_t)tensor->zero + nearest(raised < high ? raised : high);
        are_numbers &= values[i] == values[i];
    }
    return are_numbers;
}

static void put_all(const route *at, uint8_t *arena, uint64_t first, uint64_t count, const int32_t *u)
{
    uint8_t *data = arena + at->tensor->offset;
    uint64_t place = at->place + first * at->stride;
    if (at->tensor->storage == 8)
        for (uint64_t i = 0; i < count; i++, place += at->stride)
            data[place] = (uint8_t)u[i];
    else
        for (uint64_t i = 0; i < count; i++, place += at->stride)
            put_integer(at->tensor, data, place, (uint32_t)u[i]);
}

/* The least integer of a format, as those outside write them. */
static int32_t least(const attar_tensor *tensor)
{
    return tensor->is_signed ? -(int32_t)(tensor->top / 2) - 1 : 0;
}

attar_status attar_engine_set_floats(const attar_engine *engine, void *arena, uint32_t input, const float *values)
{
    if (input >= engine->program->input_count)
        return ATTAR_BAD_ARGUMENT;
    route at = route_of(engine->program, &engine->program->inputs[input]);
    do {
        for (uint64_t first = 0; first < at.extent; first += AT_ONCE) {
            const uint64_t count = at.extent - first < AT_ONCE ? at.extent - first : AT_ONCE;
            int32_t u[AT_ONCE];
            if (!quantize(at.tensor, values + first, count, u))
                return ATTAR_BAD_SYMBOL;
            put_all(&at, arena, first, count, u);
        }
        values += at.extent;
    } while (step_on(&at));
    return ATTAR_OK;
}

attar_status attar_engine_set_integers(const attar_engine *engine, void *arena, uint32_t input, const int32_t *values)
{
    if (input >= engine->program->input_count)
        return ATTAR_BAD_ARGUMENT;
    route at = route_of(engine->program, &engine->program->inputs[input]);
    do {
        for (uint64_t i = 0; i < at.extent; i++) {
            const int64_t u = (int64_t)*values++ - least(at.tensor);
            if (u < 0 || u > at.tensor->top)
                return ATTAR_BAD_SYMBOL;
            put_integer(at.tensor, (uint8_t *)arena + at.tensor->offset, at.place + i * at.stride, (uint32_t)u);
        }
    } while (step_on(&at));
    return ATTAR_OK;
}

attar_status attar_engine_get_floats(const attar_engine *engine, const void *arena, uint32_t output, float *values)
{
    if (output >= engine->program->output_count)
        return ATTAR_BAD_ARGUMENT;
    route at = route_of(engine->program, &engine->program->outputs[output]);
    const uint8_t *data = (const uint8_t *)arena + at.tensor->offset;
    do {
        for (uint64_t i = 0; i < at.extent; i++)
            *values++ = (float)number_at(at.tensor, data, at.place + i * at.stride) * at.tensor->scale;
    } while (step_on(&at));
    return ATTAR_OK;
}

attar_status attar_engine_get_integers(const attar_engine *engine, const void *arena, uint32_t output, int32_t *values)
{
    if (output >= engine->program->output_count)
        return ATTAR_BAD_ARGUMENT;
    route at = route_of(engine->program, &engine->program->outputs[output]);
    const uint8_t *data = (const uint8_t *)arena + at.tensor->offset;
    do {
        for (uint64_t i = 0; i < at.extent; i++)
            *values++ = (int32_t)integer_at(at.tensor, data, at.place + i * at.stride) + least(at.tensor);
    } while (step_on(&at));
    return ATTAR_OK;
}
