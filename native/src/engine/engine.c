/* The life of an engine: memory and constants; runs are in run.c. */
#include "engine.h"

static attar_status checked(const attar_engine_options *options)
{
    const int fits = options->threads >= 1 && options->threads <= ATTAR_THREADS_MAX &&
                     (options->threads == 1 || options->pool != NULL) && (unsigned)options->most < ATTAR_ISA_COUNT;
    return fits ? ATTAR_OK : ATTAR_BAD_ARGUMENT;
}

/* Takes the memory of everything; with steps where there is a block. */
static attar_status lay_out(const attar_program *program, const attar_engine_options *options, memory *from,
                            attar_engine **engine)
{
    attar_status status = checked(options);
    attar_engine *made = attar_take(from, sizeof(attar_engine));
    attar_step *steps = attar_take(from, program->operator_count * sizeof(attar_step));
    attar_missing *missing = attar_take(from, program->operator_count * sizeof(attar_missing));
    for (uint32_t i = 0; status == ATTAR_OK && i < program->operator_count; i++) {
        attar_step alone;
        status = attar_prepare(program, &program->operators[i], options->most, from, steps == NULL ? &alone : &steps[i]);
    }
    if (status == ATTAR_OK && made != NULL) {
        const attar_engine fresh = {
            .program = program, .steps = steps, .missing = missing, .pool = options->pool, .threads = options->threads};
        *made = fresh;
        *engine = made;
    }
    return status;
}

attar_status attar_engine_bytes(const attar_program *program, const attar_engine_options *options, uint64_t *bytes)
{
    memory none = {NULL, 0};
    attar_engine *engine;
    const attar_status status = lay_out(program, options, &none, &engine);
    *bytes = none.used;
    return status;
}

static int is_of_table(const attar_program *program, uint32_t number)
{
    return number != ATTAR_NOTHING && program->constants[number].source <= ATTAR_TABLE_FLOATS;
}

static attar_missing expected(const attar_step *step)
{
    attar_missing missing = {0, 0, 0};
    if (attar_has_matrix(step->op) && is_of_table(step->program, step->op->weights)) {
        missing.weights = (uint64_t)step->matrix.rows * step->matrix.taps * step->matrix.channels;
        missing.scales = 1;
    }
    if (attar_has_matrix(step->op) && is_of_table(step->program, step->op->bias))
        missing.bias = 1;
    return missing;
}

attar_status attar_engine_open(const attar_program *program, const attar_engine_options *options, void *memory_,
                               uint64_t bytes, attar_engine **engine)
{
    uint64_t needed;
    attar_status status = attar_engine_bytes(program, options, &needed);
    if (status == ATTAR_OK && (bytes < needed || (uintptr_t)memory_ % 64 != 0))
        status = ATTAR_OUTPUT_TOO_SMALL;
    if (status != ATTAR_OK)
        return status;
    attar_clear(memory_, needed);
    memory from = {memory_, 0};
    status = lay_out(program, options, &from, engine);
    for (uint32_t i = 0; status == ATTAR_OK && i < program->operator_count; i++) {
        (*engine)->missing[i] = expected(&(*engine)->steps[i]);
        attar_prepare_inline(&(*engine)->steps[i]);
    }
    if (status == ATTAR_OK && attar_is_small(*engine))
        (*engine)->threads = 1;
    return status == ATTAR_OK && (*engine)->threads > 1 ? attar_pool_grow(options->pool, options->threads) : status;
}

/* The operator whose weights or bias a constant is; one that nobody has is not wanted. */
static int reader_of(const attar_engine *engine, uint32_t number, uint32_t *op)
{
    for (*op = 0; *op < engine->program->operator_count; ++*op) {
        const attar_operator *each = &engine->program->operators[*op];
        if (attar_has_matrix(each) && (each->weights == number || each->bias == number))
            return 1;
    }
    return 0;
}

attar_status attar_engine_wanted(const attar_engine *engine, uint32_t number, attar_wanted *wanted)
{
    const attar_wanted nothing = {.index = ATTAR_NOTHING};
    uint32_t op;
    *wanted = nothing;
    if (number >= engine->program->constant_count)
        return ATTAR_BAD_ARGUMENT;
    if (!is_of_table(engine->program, number) || !reader_of(engine, number, &op))
        return ATTAR_OK;
    const attar_step *step = &engine->steps[op];
    const uint64_t columns = attar_tensor_columns(step);
    const uint64_t all = (uint64_t)step->matrix.rows * step->matrix.taps * step->matrix.channels;
    wanted->index = engine->program->constants[number].index;
    wanted->is_bias = step->op->bias == number;
    wanted->is_wide = step->matrix.is_wide;
    wanted->rows = wanted->is_bias ? step->matrix.rows : all / columns;
    wanted->columns = wanted->is_bias ? 1 : columns;
    wanted->scales = step->matrix.rows;
    return ATTAR_OK;
}

/* The operator that wants rows `first` to `first + count - 1` of a constant, and how many numbers they are; 0 where
 * none does, or not so many. */
static uint64_t wanted_of_rows(const attar_engine *engine, uint32_t number, uint64_t first, uint64_t count, uint32_t *op)
{
    attar_wanted wanted;
    if (attar_engine_wanted(engine, number, &wanted) != ATTAR_OK || wanted.index == ATTAR_NOTHING || wanted.is_bias)
        return 0;
    if (first > wanted.rows || count > wanted.rows - first || !reader_of(engine, number, op))
        return 0;
    return count * wanted.columns <= engine->missing[*op].weights ? count * wanted.columns : 0;
}

attar_status attar_engine_load_rows(attar_engine *engine, uint32_t number, uint64_t first, uint64_t count,
                                    const int16_t *values)
{
    uint32_t op;
    const uint64_t total = wanted_of_rows(engine, number, first, count, &op);
    if (total == 0)
        return ATTAR_BAD_ARGUMENT;
    for (uint64_t i = 0; !engine->steps[op].matrix.is_wide && i < total; i++)
        if (values[i] < INT8_MIN || values[i] > INT8_MAX)
            return ATTAR_BAD_SYMBOL;
    attar_prepare_rows(&engine->steps[op], first, count, values);
    engine->missing[op].weights -= total;
    return ATTAR_OK;
}

attar_status attar_engine_load_rows8(attar_engine *engine, uint32_t number, uint64_t first, uint64_t count,
                                     const int8_t *values)
{
    uint32_t op;
    const uint64_t total = wanted_of_rows(engine, number, first, count, &op);
    if (total == 0)
        return ATTAR_BAD_ARGUMENT;
    attar_prepare_rows8(&engine->steps[op], first, count, values);
    engine->missing[op].weights -= total;
    return ATTAR_OK;
}

attar_status attar_engine_load_floats(attar_engine *engine, uint32_t number, const float *values, uint64_t count)
{
    attar_wanted wanted;
    uint32_t op;
    const attar_status status = attar_engine_wanted(engine, number, &wanted);
    if (status != ATTAR_OK)
        return status;
    if (wanted.index == ATTAR_NOTHING || !reader_of(engine, number, &op) ||
        (count != wanted.scales && (count != 1 || wanted.is_bias)))
        return ATTAR_BAD_ARGUMENT;
    uint32_t *missing = wanted.is_bias ? &engine->missing[op].bias : &engine->missing[op].scales;
    if (*missing == 0)
        return ATTAR_BAD_ARGUMENT;
    if (wanted.is_bias)
        attar_prepare_bias(&engine->steps[op], values);
    else
        attar_prepare_scales(&engine->steps[op], values, count);
    --*missing;
    return ATTAR_OK;
}

static int is_complete(const attar_missing *missing)
{
    return missing->weights == 0 && missing->scales == 0 && missing->bias == 0;
}

attar_status attar_engine_ready(attar_engine *engine)
{
    attar_status status = ATTAR_OK;
    for (uint32_t i = 0; status == ATTAR_OK && i < engine->program->operator_count; i++)
        status = is_complete(&engine->missing[i]) ? attar_prepare_finish(&engine->steps[i]) : ATTAR_NOT_READY;
    engine->is_ready = status == ATTAR_OK;
    return status;
}
