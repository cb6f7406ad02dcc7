/* What comes in and what goes out: floats or integers in the order of the network's axes, u in that of the arena. */
#include "../kernels/integers.h"
#include "engine.h"

/* A walk along a tensor in memory that knows where each number is for the network's user. */
typedef struct route {
    const attar_tensor *tensor;
    uint64_t strides[ATTAR_RANK_MAX]; /* of the user, by axis in memory */
    uint64_t positions[ATTAR_RANK_MAX];
    uint64_t outside;
} route;

static route route_of(const attar_program *program, const attar_port *port)
{
    route found = {.tensor = &program->tensors[port->tensor]};
    uint64_t extents[ATTAR_RANK_MAX], strides[ATTAR_RANK_MAX];
    for (uint32_t i = 0; i < found.tensor->rank; i++)
        extents[port->axes[i]] = found.tensor->dims[i];
    uint64_t stride = 1;
    for (uint32_t axis = found.tensor->rank; axis-- > 0; stride *= extents[axis])
        strides[axis] = stride;
    for (uint32_t i = 0; i < found.tensor->rank; i++)
        found.strides[i] = strides[port->axes[i]];
    return found;
}

static void step_on(route *at)
{
    for (uint32_t axis = at->tensor->rank; axis-- > 0;) {
        at->outside += at->strides[axis];
        if (++at->positions[axis] < at->tensor->dims[axis])
            return;
        at->outside -= at->strides[axis] * at->tensor->dims[axis];
        at->positions[axis] = 0;
    }
}

/* Half to even, of a number below 2^22: adding 1.5 * 2^23 leaves no room for a fraction. */
static int32_t nearest(float value)
{
    const volatile float shifted = value + 12582912.0f; /* volatile: stored as float, whatever the registers are */
    return (int32_t)(shifted - 12582912.0f);
}

static uint32_t quantized(const attar_tensor *tensor, float value)
{
    const float low = -(float)tensor->zero, high = (float)(tensor->top - tensor->zero);
    const float steps = value / tensor->scale;
    return (uint32_t)((int32_t)tensor->zero + nearest(steps < low ? low : steps > high ? high : steps));
}

/* The least integer of a format, as those outside write them. */
static int32_t least(const attar_tensor *tensor)
{
    return tensor->is_signed ? -(int32_t)(tensor->top / 2) - 1 : 0;
}

attar_status attar_engine_set_floats(attar_engine *engine, uint32_t input, const float *values)
{
    if (input >= engine->program->input_count)
        return ATTAR_BAD_ARGUMENT;
    route at = route_of(engine->program, &engine->program->inputs[input]);
    for (uint64_t i = 0; i < at.tensor->elements; i++, step_on(&at)) {
        const float value = values[at.outside];
        if (value != value)
            return ATTAR_BAD_SYMBOL;
        put_integer(at.tensor, engine->arena + at.tensor->offset, i, quantized(at.tensor, value));
    }
    return ATTAR_OK;
}

attar_status attar_engine_set_integers(attar_engine *engine, uint32_t input, const int32_t *values)
{
    if (input >= engine->program->input_count)
        return ATTAR_BAD_ARGUMENT;
    route at = route_of(engine->program, &engine->program->inputs[input]);
    for (uint64_t i = 0; i < at.tensor->elements; i++, step_on(&at)) {
        const int64_t u = (int64_t)values[at.outside] - least(at.tensor);
        if (u < 0 || u > at.tensor->top)
            return ATTAR_BAD_SYMBOL;
        put_integer(at.tensor, engine->arena + at.tensor->offset, i, (uint32_t)u);
    }
    return ATTAR_OK;
}

attar_status attar_engine_get_floats(const attar_engine *engine, uint32_t output, float *values)
{
    if (output >= engine->program->output_count)
        return ATTAR_BAD_ARGUMENT;
    route at = route_of(engine->program, &engine->program->outputs[output]);
    for (uint64_t i = 0; i < at.tensor->elements; i++, step_on(&at))
        values[at.outside] = (float)number_at(at.tensor, engine->arena + at.tensor->offset, i) * at.tensor->scale;
    return ATTAR_OK;
}

attar_status attar_engine_get_integers(const attar_engine *engine, uint32_t output, int32_t *values)
{
    if (output >= engine->program->output_count)
        return ATTAR_BAD_ARGUMENT;
    route at = route_of(engine->program, &engine->program->outputs[output]);
    for (uint64_t i = 0; i < at.tensor->elements; i++, step_on(&at))
        values[at.outside] = (int32_t)integer_at(at.tensor, engine->arena + at.tensor->offset, i) + least(at.tensor);
    return ATTAR_OK;
}
