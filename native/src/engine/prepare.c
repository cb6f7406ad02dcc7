#include "prepare.h"

#include "../kernels/integers.h"
#include "scaling.h"

enum { ALIGNMENT = 64 };

void *attar_take(memory *from, uint64_t bytes)
{
    void *place = from->block == NULL ? NULL : from->block + from->used;
    from->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return place;
}

static attar_matrix matrix_of(const attar_program *program, const attar_operator *op)
{
    const attar_tensor *from = &program->tensors[op->inputs[0]], *to = &program->tensors[op->output];
    const attar_source source = program->constants[op->weights].source;
    attar_matrix matrix = {to->dims[to->rank - 1], 1, 1, source != ATTAR_INLINE_INT8};
    if (op->kind == ATTAR_DENSE) {
        matrix.channels = op->channels;
        matrix.taps = from->dims[from->rank - 1] / op->channels;
    } else {
        matrix.taps = op->window.kernel[0] * op->window.kernel[1];
        matrix.channels = from->dims[2] / op->groups;
    }
    if (source == ATTAR_TABLE_INTEGERS)
        matrix.is_wide = op->weight_bits > 8;
    return matrix;
}

/* How many factors an operator without weights rescales by. */
static uint64_t scaling_count(const attar_program *program, const attar_operator *op)
{
    const attar_tensor *to = &program->tensors[op->output];
    switch (op->kind) {
    case ATTAR_AVERAGE_POOL:
        return (uint64_t)to->dims[0] * to->dims[1];
    case ATTAR_SUM:
    case ATTAR_CONCAT:
    case ATTAR_EXTREME:
        return op->input_count;
    case ATTAR_PARAMETRIC_RELU:
        return 2;
    case ATTAR_SCALE_SHIFT:
    case ATTAR_PRODUCT:
    case ATTAR_MATRIX_PRODUCT:
    case ATTAR_REQUANTIZE:
    case ATTAR_SOFTMAX:
        return 1;
    default:
        return 0;
    }
}

attar_status attar_prepare(const attar_program *program, const attar_operator *op, attar_isa most, memory *from,
                           attar_step *step)
{
    const attar_step fresh = {.op = op, .program = program};
    *step = fresh;
    if (attar_has_matrix(op))
        step->matrix = matrix_of(program, op);
    step->kernel = attar_kernel_for(step, most);
    if (step->kernel == NULL)
        return ATTAR_BAD_PROGRAM;
    step->items = step->kernel->items(step);
    step->channels = attar_take(from, step->matrix.rows * sizeof(attar_channel));
    step->scalings = attar_take(from, scaling_count(program, op) * sizeof(attar_scaling));
    step->packed = attar_take(from, step->kernel->bytes == NULL ? 0 : step->kernel->bytes(step));
    return ATTAR_OK;
}

static uint64_t columns_of(const attar_step *step)
{
    return (uint64_t)step->matrix.taps * step->matrix.channels;
}

enum { AT_ONCE = 1024 };

/* How many weights are packed at once: all taps of some times four channels, which kernels like best. */
static uint64_t at_once(const attar_step *step)
{
    const uint64_t unit = 4 * (uint64_t)step->matrix.taps;
    return unit <= AT_ONCE ? AT_ONCE / unit * unit : AT_ONCE;
}

/* At most AT_ONCE weights: their sums fit 32 bits. */
static void add_weights(attar_channel *channel, const int16_t *values, uint64_t count)
{
    int32_t sum = 0;
    uint32_t magnitude = 0;
    for (uint64_t i = 0; i < count; i++) {
        const int32_t weight = values[i];
        sum += weight;
        magnitude += (uint32_t)(weight < 0 ? -weight : weight);
    }
    channel->sum += sum;
    channel->magnitude += magnitude;
}

/* Taps that lie together where weights lie transposed: (inputs, outputs of a group, taps). A dense one's are inputs. */
static uint64_t taps_together(const attar_step *step)
{
    return step->op->kind == ATTAR_DENSE ? 1 : step->matrix.taps;
}

static uint32_t groups_of(const attar_step *step)
{
    return step->op->kind == ATTAR_DENSE ? 1 : step->op->groups;
}

uint64_t attar_tensor_columns(const attar_step *step)
{
    return step->op->is_transposed ? step->matrix.rows / groups_of(step) * taps_together(step) : columns_of(step);
}

/* Some weights of one input, `at` on: taps of one output after another. */
static void put_transposed(attar_step *step, uint64_t input, uint64_t at, uint64_t count, const int16_t *values)
{
    const uint64_t taps = taps_together(step), inputs = columns_of(step) / taps; /* of a group */
    const uint64_t first_row = input / inputs * (step->matrix.rows / groups_of(step));
    for (uint64_t i = 0, n; i < count; i += n) {
        const uint64_t row = first_row + (at + i) / taps, tap = (at + i) % taps;
        n = taps - tap < count - i ? taps - tap : count - i;
        add_weights(&step->channels[row], values + i, n);
        step->kernel->pack(step, row, input % inputs * taps + tap, n, values + i);
    }
}

/* Some weights of one row of the tensor, `at` on; a row is an output's, or where they lie transposed an input's. */
static void put_weights(attar_step *step, uint64_t row, uint64_t at, uint64_t count, const int16_t *values)
{
    if (step->op->is_transposed) {
        put_transposed(step, row, at, count, values);
        return;
    }
    add_weights(&step->channels[row], values, count);
    step->kernel->pack(step, row, at, count, values);
}

/* Numbers of any kind, from the `first` on, in 16 bits. */
typedef void widen(const void *from, uint64_t first, uint64_t count, int16_t *to);

static void put_rows(attar_step *step, uint64_t first, uint64_t count, widen *widened, const void *from)
{
    const uint64_t columns = attar_tensor_columns(step), most = at_once(step);
    int16_t values[AT_ONCE];
    for (uint64_t row = 0; row < count; row++)
        for (uint64_t at = 0; at < columns; at += most) {
            const uint64_t n = columns - at < most ? columns - at : most;
            widened(from, row * columns + at, n, values);
            put_weights(step, first + row, at, n, values);
        }
}

static void widen_int16(const void *from, uint64_t first, uint64_t count, int16_t *to)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = ((const int16_t *)from)[first + i];
}

static void widen_int8(const void *from, uint64_t first, uint64_t count, int16_t *to)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = ((const int8_t *)from)[first + i];
}

static void widen_constant(const void *from, uint64_t first, uint64_t count, int16_t *to)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = (int16_t)constant_at(from, first + i);
}

void attar_prepare_rows(attar_step *step, uint64_t first, uint64_t count, const int16_t *values)
{
    put_rows(step, first, count, widen_int16, values);
}

void attar_prepare_rows8(attar_step *step, uint64_t first, uint64_t count, const int8_t *values)
{
    put_rows(step, first, count, widen_int8, values);
}

void attar_prepare_scales(attar_step *step, const float *values, uint64_t count)
{
    for (uint32_t row = 0; row < step->matrix.rows; row++)
        step->channels[row].scale = values[count == 1 ? 0 : row];
}

void attar_prepare_bias(attar_step *step, const float *values)
{
    for (uint32_t row = 0; row < step->matrix.rows; row++)
        step->channels[row].real_bias = values[row];
}

static float float_at(const uint8_t *data, uint64_t i)
{
    const union {
        uint32_t bits;
        float value;
    } found = {attar_load32(data + 4 * i)};
    return found.value;
}

void attar_prepare_inline(attar_step *step)
{
    const attar_constant *constants = step->program->constants;
    const attar_operator *op = step->op;
    if (!attar_has_matrix(op))
        return;
    if (constants[op->weights].source != ATTAR_TABLE_INTEGERS)
        put_rows(step, 0, constants[op->weights].count / attar_tensor_columns(step), widen_constant,
                 &constants[op->weights]);
    for (uint32_t row = 0; op->scales != ATTAR_NOTHING && row < step->matrix.rows; row++) {
        const attar_constant *scales = &constants[op->scales];
        step->channels[row].scale = float_at(scales->data, scales->count == 1 ? 0 : row);
    }
    for (uint32_t row = 0; op->bias != ATTAR_NOTHING && row < step->matrix.rows; row++) {
        const attar_constant *bias = &constants[op->bias];
        if (bias->source == ATTAR_INLINE_FLOAT32)
            step->channels[row].real_bias = float_at(bias->data, row);
        else if (bias->source != ATTAR_TABLE_FLOATS)
            step->channels[row].bias = constant_at(bias, row);
    }
}

static attar_status scale_one(const float *above, unsigned n_above, const float *below, uint64_t times,
                              uint32_t accumulator_bits, attar_scaling *scaling)
{
    const factor f = attar_factor_of(above, n_above, below, 1, times);
    return attar_scale(&f, 1, attar_precision_for(accumulator_bits), &scaling->multiplier, &scaling->shift);
}

static int is_scale(float value)
{
    return value > 0 && value - value == 0;
}

/* The farthest that a number of a tensor lies from 0. */
static uint64_t reach(const attar_tensor *tensor)
{
    return tensor->zero > tensor->top - tensor->zero ? tensor->zero : tensor->top - tensor->zero;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value;
}

static int fits_accumulator(const attar_operator *op, uint64_t products, uint64_t bias)
{
    const uint64_t most = (UINT64_C(1) << (op->accumulator_bits - 1)) - 1;
    return products <= most && bias <= most - products;
}

static attar_status finish_channel(const attar_step *step, attar_channel *channel)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const float above[2] = {from->scale, channel->scale};
    attar_scaling scaling;
    if (!is_scale(channel->scale))
        return ATTAR_BAD_PROGRAM;
    attar_status status = ATTAR_OK;
    const attar_source source =
        step->op->bias == ATTAR_NOTHING ? ATTAR_INLINE_INT32 : step->program->constants[step->op->bias].source;
    if (source == ATTAR_TABLE_FLOATS || source == ATTAR_INLINE_FLOAT32)
        status = attar_in_units(channel->real_bias, from->scale, channel->scale, &channel->bias);
    if (status == ATTAR_OK && !fits_accumulator(step->op, channel->magnitude * reach(from), magnitude(channel->bias)))
        status = ATTAR_BAD_PROGRAM;
    if (status == ATTAR_OK)
        status = scale_one(above, 2, &to->scale, 1, step->op->accumulator_bits, &scaling);
    if (status != ATTAR_OK)
        return status;
    channel->multiplier = scaling.multiplier;
    channel->shift = scaling.shift;
    return ATTAR_OK;
}

static attar_status finish_matrix(attar_step *step)
{
    attar_status status = ATTAR_OK;
    for (uint32_t row = 0; status == ATTAR_OK && row < step->matrix.rows; row++)
        status = finish_channel(step, &step->channels[row]);
    return status;
}

static uint64_t largest_of(const attar_constant *constant)
{
    uint64_t most = 0;
    for (uint64_t i = 0; i < constant->count; i++) {
        const uint64_t found = magnitude(constant_at(constant, i));
        most = found > most ? found : most;
    }
    return most;
}

static attar_status finish_scale_shift(attar_step *step)
{
    const attar_constant *constants = step->program->constants;
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const float above[2] = {from->scale, float_at(constants[step->op->scales].data, 0)};
    const uint64_t products = largest_of(&constants[step->op->weights]) * reach(from);
    if (!is_scale(above[1]) || !fits_accumulator(step->op, products, largest_of(&constants[step->op->bias])))
        return ATTAR_BAD_PROGRAM;
    return scale_one(above, 2, &to->scale, 1, step->op->accumulator_bits, step->scalings);
}

static attar_status finish_product(attar_step *step)
{
    const attar_tensor *left = step_input(step, 0), *right = step_input(step, 1);
    const float above[2] = {left->scale, right->scale};
    const uint64_t terms = step->op->kind == ATTAR_PRODUCT ? 1 : left->dims[left->rank - 1];
    if (!fits_accumulator(step->op, terms * reach(left) * reach(right), 0))
        return ATTAR_BAD_PROGRAM;
    return scale_one(above, 2, &step_output(step)->scale, 1, step->op->accumulator_bits, step->scalings);
}

/* Numbers from 0 on as they are, those below it by their slopes. */
static attar_status finish_slopes(attar_step *step)
{
    const attar_constant *constants = step->program->constants;
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const float above[2] = {from->scale, float_at(constants[step->op->scales].data, 0)};
    const uint64_t steepest = largest_of(&constants[step->op->weights]);
    if (!is_scale(above[1]) || !fits_accumulator(step->op, (steepest > 1 ? steepest : 1) * reach(from), 0))
        return ATTAR_BAD_PROGRAM;
    const attar_status status = scale_one(above, 1, &to->scale, 1, step->op->accumulator_bits, &step->scalings[0]);
    return status == ATTAR_OK
               ? scale_one(above, 2, &to->scale, 1, step->op->accumulator_bits, &step->scalings[1])
               : status;
}

static attar_status finish_average(attar_step *step)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint64_t cells = (uint64_t)step->op->window.kernel[0] * step->op->window.kernel[1];
    attar_status status = fits_accumulator(step->op, cells * reach(from), 0) ? ATTAR_OK : ATTAR_BAD_PROGRAM;
    for (uint32_t y = 0; y < to->dims[0]; y++)
        for (uint32_t x = 0; status == ATTAR_OK && x < to->dims[1]; x++)
            status = scale_one(&from->scale, 1, &to->scale, (uint64_t)step->op->counts[0][y] * step->op->counts[1][x],
                               step->op->accumulator_bits, &step->scalings[(uint64_t)y * to->dims[1] + x]);
    return status;
}

static attar_status finish_sum(attar_step *step)
{
    const attar_tensor *to = step_output(step);
    factor factors[2];
    int32_t multipliers[2], shift;
    for (uint32_t i = 0; i < 2; i++)
        factors[i] = attar_factor_of(&step_input(step, i)->scale, 1, &to->scale, 1, 1);
    const attar_status status = attar_scale(factors, 2, ATTAR_MULTIPLIER_BITS, multipliers, &shift);
    const attar_scaling scalings[2] = {{multipliers[0], shift},
                                       {step->op->axes[0] != 0 ? -multipliers[1] : multipliers[1], shift}};
    for (uint32_t i = 0; status == ATTAR_OK && i < 2; i++)
        step->scalings[i] = scalings[i];
    return status;
}

/* What is no accumulator, integers of 16 bits or shares, takes no more than one of 32. */
enum { BITS = 32 };

static attar_status finish_shares(attar_step *step)
{
    const float share = 1.0f / (float)ATTAR_SHARE_ONE;
    return scale_one(&share, 1, &step_output(step)->scale, 1, BITS, step->scalings);
}

/* Every input by itself. */
static attar_status finish_each(attar_step *step)
{
    attar_status status = ATTAR_OK;
    for (uint32_t i = 0; status == ATTAR_OK && i < step->op->input_count; i++)
        status = scale_one(&step_input(step, i)->scale, 1, &step_output(step)->scale, 1, BITS, &step->scalings[i]);
    return status;
}

static attar_status finish_operator(attar_step *step)
{
    switch (step->op->kind) {
    case ATTAR_CONVOLUTION:
    case ATTAR_TRANSPOSED_CONVOLUTION:
    case ATTAR_DENSE:
        return finish_matrix(step);
    case ATTAR_SCALE_SHIFT:
        return finish_scale_shift(step);
    case ATTAR_PRODUCT:
    case ATTAR_MATRIX_PRODUCT:
        return finish_product(step);
    case ATTAR_PARAMETRIC_RELU:
        return finish_slopes(step);
    case ATTAR_AVERAGE_POOL:
        return finish_average(step);
    case ATTAR_SUM:
        return finish_sum(step);
    case ATTAR_CONCAT:
    case ATTAR_EXTREME:
    case ATTAR_REQUANTIZE:
        return finish_each(step);
    case ATTAR_SOFTMAX:
        return finish_shares(step);
    default:
        return ATTAR_OK;
    }
}

attar_status attar_prepare_finish(attar_step *step)
{
    const attar_status status = finish_operator(step);
    if (status == ATTAR_OK && step->kernel->finish != NULL)
        step->kernel->finish(step);
    return status;
}
