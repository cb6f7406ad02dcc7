/* Runs: every operator in the arena of its caller, its items shared among threads where they are worth it. */
#include "engine.h"

enum {
    SLACK = 64, /* bytes behind an arena that a kernel may read, and does not use */
    /* In units of work, some five of which take a nanosecond: */
    WORTH_SHARING = 50000, /* an operator; below, the others come too late */
    WORTH_WAKING = 400000, /* all such operators together; below, threads that sleep do */
    PIECE = 10000,
    PIECES_MAX = 16, /* for each thread: a thread that is put aside keeps no more than one */
    SLOW = 16        /* how much longer plain kernels take */
};

/* Everything that an engine reads has been written before, hostile programs or not. */
void attar_clear(uint8_t *bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        bytes[i] = 0;
}

uint64_t attar_arena_bytes(const attar_program *program)
{
    return program->arena_bytes + SLACK;
}

void attar_arena_open(const attar_program *program, void *arena)
{
    attar_clear(arena, attar_arena_bytes(program));
}

/* About how long an operator takes. */
static uint64_t work_of(const attar_step *step)
{
    enum { PRODUCTS = 64 }; /* as long as putting one number in its place */
    uint64_t products = (uint64_t)step->matrix.taps * step->matrix.channels;
    if (step->op->kind == ATTAR_MATRIX_PRODUCT)
        products = step_input(step, 0)->dims[step_input(step, 0)->rank - 1];
    if (step->op->kind == ATTAR_AVERAGE_POOL || step->op->kind == ATTAR_MAX_POOL)
        products = (uint64_t)step->op->window.kernel[0] * step->op->window.kernel[1];
    const uint64_t work = step_output(step)->elements * (1 + products / PRODUCTS);
    return step->kernel->isa <= ATTAR_ISA_PORTABLE ? SLOW * work : work;
}

int attar_is_small(const attar_engine *engine)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < engine->program->operator_count && sum < WORTH_WAKING; i++) {
        const uint64_t work = work_of(&engine->steps[i]);
        sum += work >= WORTH_SHARING ? work : 0;
    }
    return sum < WORTH_WAKING;
}

static uint32_t pieces_of(const attar_step *step, uint32_t threads)
{
    uint64_t pieces = work_of(step) / PIECE;
    pieces = pieces < step->items ? pieces : step->items;
    return (uint32_t)(pieces < threads * PIECES_MAX ? pieces : threads * PIECES_MAX);
}

typedef struct job {
    const attar_step *step;
    uint8_t *arena;
} job;

static void do_piece(void *context, uint32_t piece, uint32_t pieces)
{
    const job *from = context;
    const attar_step *step = from->step;
    const uint64_t begin = step->items * piece / pieces, end = step->items * (piece + 1) / pieces;
    if (begin < end)
        step->kernel->run(step, from->arena, begin, end);
}

static void run_step(const attar_engine *engine, void *arena, uint32_t number, uint32_t threads)
{
    job one = {&engine->steps[number], arena};
    const int is_shared = threads > 1 && work_of(one.step) >= WORTH_SHARING;
    const uint32_t pieces = is_shared ? pieces_of(one.step, threads) : 1;
    if (pieces > 1)
        attar_pool_do(engine->pool, threads, do_piece, &one, pieces);
    else
        do_piece(&one, 0, 1);
}

/* Runs operators with as many threads as are free. */
static void run_steps(const attar_engine *engine, void *arena, uint32_t first, uint32_t count)
{
    const int is_helped = engine->threads > 1 && attar_pool_take(engine->pool);
    for (uint32_t i = 0; i < count; i++)
        run_step(engine, arena, first + i, is_helped ? engine->threads : 1);
    if (is_helped)
        attar_pool_leave(engine->pool);
}

attar_status attar_engine_run(const attar_engine *engine, void *arena)
{
    if (!engine->is_ready)
        return ATTAR_NOT_READY;
    run_steps(engine, arena, 0, engine->program->operator_count);
    return ATTAR_OK;
}

attar_status attar_engine_run_one(const attar_engine *engine, void *arena, uint32_t number)
{
    if (!engine->is_ready)
        return ATTAR_NOT_READY;
    if (number >= engine->program->operator_count)
        return ATTAR_BAD_ARGUMENT;
    run_steps(engine, arena, number, 1);
    return ATTAR_OK;
}

attar_isa attar_engine_isa(const attar_engine *engine, uint32_t number)
{
    return number < engine->program->operator_count ? engine->steps[number].kernel->isa : ATTAR_ISA_REF;
}
