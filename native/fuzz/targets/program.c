/* A program section: read, made ready with constants of its table that are drawn, and run. Programs that ask for much
 * memory or work are passed over: how much is the caller's to limit. */
#define _POSIX_C_SOURCE 200112L

#include <stdlib.h>
#include <string.h>

#include "attar/engine.h"
#include "fuzz.h"

enum { MEMORY_MAX = 1 << 20, WORK_MAX = 1 << 20, CORNERS = 64, ALIGNMENT = 64 };

static uint32_t random_state;

static uint32_t random_bits(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static void *aligned_block(uint64_t size, int byte)
{
    void *block = NULL;
    FUZZ_CHECK(posix_memalign(&block, ALIGNMENT, (size_t)size + (size == 0)) == 0);
    memset(block, byte, (size_t)size);
    return block;
}

/* What one number of an operator's output costs, about. */
static uint64_t cost_of(const attar_program *program, const attar_operator *op)
{
    const attar_tensor *from = &program->tensors[op->inputs[0]];
    const uint64_t cells = (uint64_t)op->window.kernel[0] * op->window.kernel[1];
    switch (op->kind) {
    case ATTAR_CONVOLUTION:
    case ATTAR_TRANSPOSED_CONVOLUTION:
        return cells * (from->dims[2] / op->groups);
    case ATTAR_AVERAGE_POOL:
    case ATTAR_MAX_POOL:
        return cells;
    case ATTAR_DENSE:
    case ATTAR_MATRIX_PRODUCT:
        return from->dims[from->rank - 1];
    default:
        return CORNERS + op->input_count;
    }
}

static uint64_t work_of(const attar_program *program)
{
    uint64_t work = 0;
    for (uint32_t i = 0; i < program->operator_count && work <= WORK_MAX; i++)
        work += program->tensors[program->operators[i].output].elements * cost_of(program, &program->operators[i]);
    for (uint32_t i = 0; i < program->input_count && work <= WORK_MAX; i++)
        work += program->tensors[program->inputs[i].tensor].elements;
    for (uint32_t i = 0; i < program->output_count && work <= WORK_MAX; i++)
        work += program->tensors[program->outputs[i].tensor].elements;
    return work;
}

static void load_floats(attar_engine *engine, uint32_t number, uint64_t count, int is_bias)
{
    float *values = fuzz_block((size_t)count * sizeof(float));
    for (uint64_t i = 0; i < count; i++)
        values[i] = is_bias ? (float)(random_bits() % 64) / 8.0f - 4.0f : (float)(1 + random_bits() % 64) / 1024.0f;
    FUZZ_CHECK(attar_engine_load_floats(engine, number, values, count) == ATTAR_OK);
    free(values);
}

/* All rows, the last ones first; integers that fit any width. */
static void load_rows(attar_engine *engine, uint32_t number, const attar_wanted *wanted)
{
    int16_t *values = fuzz_block((size_t)wanted->columns * sizeof(int16_t));
    int8_t *narrow = fuzz_block((size_t)wanted->columns);
    for (uint64_t row = wanted->rows; row-- > 0;) {
        for (uint64_t i = 0; i < wanted->columns; i++)
            values[i] = narrow[i] = (int8_t)(random_bits() % 4) - 2;
        const attar_status status = row % 2 == 0 ? attar_engine_load_rows(engine, number, row, 1, values)
                                                 : attar_engine_load_rows8(engine, number, row, 1, narrow);
        FUZZ_CHECK(status == ATTAR_OK);
    }
    FUZZ_CHECK(attar_engine_load_rows8(engine, number, 0, 1, narrow) == ATTAR_BAD_ARGUMENT);
    free(values);
    free(narrow);
}

static void load(attar_engine *engine, const attar_program *program)
{
    for (uint32_t number = 0; number < program->constant_count; number++) {
        attar_wanted wanted;
        FUZZ_CHECK(attar_engine_wanted(engine, number, &wanted) == ATTAR_OK);
        if (wanted.index == ATTAR_NOTHING)
            continue;
        if (wanted.is_bias) {
            load_floats(engine, number, wanted.rows, 1);
            continue;
        }
        load_rows(engine, number, &wanted);
        load_floats(engine, number, random_bits() % 2 == 0 ? 1 : wanted.scales, 0);
    }
}

static void set_inputs(const attar_engine *engine, void *arena, const attar_program *program)
{
    for (uint32_t i = 0; i < program->input_count; i++) {
        const attar_tensor *tensor = &program->tensors[program->inputs[i].tensor];
        float *values = fuzz_block((size_t)tensor->elements * sizeof(float));
        for (uint64_t place = 0; place < tensor->elements; place++)
            values[place] = ((float)(random_bits() % 4096) - 2048.0f) / 16.0f;
        FUZZ_CHECK(attar_engine_set_floats(engine, arena, i, values) == ATTAR_OK);
        free(values);
    }
}

/* The outputs as integers, each of which its format has, joined to one number. */
static uint64_t outputs(const attar_engine *engine, const void *arena, const attar_program *program)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < program->output_count; i++) {
        const attar_tensor *tensor = &program->tensors[program->outputs[i].tensor];
        const int32_t least = tensor->is_signed ? -(int32_t)(tensor->top / 2) - 1 : 0;
        int32_t *integers = fuzz_block((size_t)tensor->elements * sizeof(int32_t));
        float *numbers = fuzz_block((size_t)tensor->elements * sizeof(float));
        FUZZ_CHECK(attar_engine_get_integers(engine, arena, i, integers) == ATTAR_OK);
        FUZZ_CHECK(attar_engine_get_floats(engine, arena, i, numbers) == ATTAR_OK);
        for (uint64_t place = 0; place < tensor->elements; place++) {
            FUZZ_CHECK(integers[place] >= least && integers[place] - least <= (int32_t)tensor->top);
            sum = sum * 31 + (uint32_t)integers[place];
        }
        free(integers);
        free(numbers);
    }
    return sum;
}

/* Opened in memory full of one byte. */
static attar_status run_over(const attar_program *program, attar_isa most, uint64_t bytes, int byte, uint64_t *result)
{
    const attar_engine_options options = {most, 1, NULL};
    void *memory = aligned_block(bytes, byte), *arena = aligned_block(attar_arena_bytes(program), byte);
    attar_engine *engine;
    random_state = 1;
    *result = 0;
    attar_status status = attar_engine_open(program, &options, memory, bytes, &engine);
    FUZZ_CHECK(status == ATTAR_OK);
    attar_arena_open(program, arena);
    load(engine, program);
    status = attar_engine_ready(engine);
    FUZZ_CHECK(attar_engine_run(engine, arena) == (status == ATTAR_OK ? ATTAR_OK : ATTAR_NOT_READY));
    if (status == ATTAR_OK) {
        set_inputs(engine, arena, program);
        FUZZ_CHECK(attar_engine_run(engine, arena) == ATTAR_OK);
        *result = outputs(engine, arena, program);
    }
    free(arena);
    free(memory);
    return status;
}

/* What comes out must not depend on the memory. Kernels of different kinds may differ where a program reads bytes of
 * another format, so that they are not compared. */
static void run_with(const attar_program *program, attar_isa most)
{
    const attar_engine_options options = {most, 1, NULL};
    uint64_t bytes, once, again;
    if (attar_engine_bytes(program, &options, &bytes) != ATTAR_OK || bytes > MEMORY_MAX)
        return;
    const attar_status status = run_over(program, most, bytes, 0x00, &once);
    FUZZ_CHECK(status < ATTAR_STATUS_COUNT);
    FUZZ_CHECK(run_over(program, most, bytes, 0xff, &again) == status && once == again);
}

static void run_program(const attar_program *program)
{
    if (work_of(program) > WORK_MAX)
        return;
    run_with(program, ATTAR_ISA_REF);
    if (attar_isa_best() > ATTAR_ISA_REF)
        run_with(program, attar_isa_best());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *section = fuzz_copy_of(data, size);
    attar_program program;
    size_t bytes;
    if (attar_program_bytes(section, size, &bytes) == ATTAR_OK) {
        void *memory = fuzz_block(bytes);
        if (attar_program_read(section, size, memory, bytes, &program) == ATTAR_OK)
            run_program(&program);
        free(memory);
    }
    free(section);
    return 0;
}
