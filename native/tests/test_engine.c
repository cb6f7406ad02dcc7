/* The engine: multipliers as the oracle has them, threads, sections that are cut short, and no allocation once it is
 * ready. That it computes what the oracle does is tested in Python. */
#include "../src/engine/scaling.h"
#include "attar/engine.h"
#include "check.h"

enum { SECTION_MAX = 4096, STEPS = 60, SAMPLES = 4, THREADS = 4, EXTENT = 9000, ENTRIES = 256 };

/* Under the address sanitizer every allocation comes by here; elsewhere nobody calls it. */
static size_t allocations;

void __sanitizer_malloc_hook(const volatile void *block, size_t size);

void __sanitizer_malloc_hook(const volatile void *block, size_t size)
{
    (void)block;
    (void)size;
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
}

/* above / (below * times) beside an accumulator of so many bits: what numerics.requantize.scaling makes of it; a
 * multiplier of -1 where it refuses. */
static const struct {
    float above[2];
    float below;
    uint64_t times;
    unsigned bits;
    int32_t multiplier;
    int32_t shift;
} scalings[] = {
    /* powers of two: a shift alone, up to 2^30; 0 where 62 bits behind the point do not reach */
    {{0x1p+0f, 0}, 0x1p+0f, 1, 32, 1, 0},
    {{0x1p-1f, 0}, 0x1p+0f, 1, 32, 1, 1},
    {{0x1p+1f, 0}, 0x1p+0f, 1, 32, 2, 0},
    {{0x1p+30f, 0}, 0x1p+0f, 1, 32, 1073741824, 0},
    {{0x1p+31f, 0}, 0x1p+0f, 1, 32, -1, -1},
    {{0x1p-62f, 0}, 0x1p+0f, 1, 32, 1, 62},
    {{0x1p-63f, 0}, 0x1p+0f, 1, 32, 0, 0},
    {{0x1p-64f, 0}, 0x1p+0f, 1, 32, 0, 0},
    {{0x1p+0f, 0}, 0x1p+0f, 67108864, 40, 1, 26},
    /* half of the last bit, to even */
    {{0x1.8p-63f, 0}, 0x1p+0f, 1, 32, 1, 62},
    {{0x1.8p-62f, 0}, 0x1p+0f, 1, 32, 1, 61},
    {{0x1.0002p+15f, 0}, 0x1p+10f, 1, 48, 32, 0},
    {{0x1.0006p+15f, 0}, 0x1p+10f, 1, 48, 8193, 8},
    {{0x1.fffep+15f, 0}, 0x1p+10f, 1, 48, 64, 0},
    {{0x1.8002p+15f, 0}, 0x1p+10f, 1, 48, 48, 0},
    {{0x1.8006p+15f, 0}, 0x1p+10f, 1, 48, 12289, 8},
    {{0x1.fffap+15f, 0}, 0x1p+16f, 1, 48, 16383, 14},
    {{0x1.fffffep-17f, 0x1.fffffep+23f}, 0x1p+0f, 1, 33, 8388607, 15},
    {{0x1.000002p-17f, 0x1.000002p+23f}, 0x1p+0f, 1, 33, 4194305, 16},
    {{0x1.800002p-17f, 0x1.000002p+23f}, 0x1p+0f, 1, 33, 25165829, 18},
    /* rounded up to a bit more */
    {{0x1.fffffep+23f, 0}, 0x1p+20f, 1, 48, 16, 0},
    {{0x1.fffep+15f, 0}, 0x1p+16f, 1, 48, 1, 0},
    /* too large */
    {{0x1.fffffep+23f, 0x1.fffffep+23f}, 0x1p+23f, 1, 48, -1, -1},
    {{0x1.fffffep+23f, 0x1.fffffep+23f}, 0x1p+0f, 1, 32, -1, -1},
    {{0x1.fffffep+127f, 0}, 0x1p-149f, 1, 32, -1, -1},
    /* the least and the largest of float32 */
    {{0x1p-149f, 0}, 0x1p+0f, 1, 32, 0, 0},
    {{0x1p-149f, 0x1p-149f}, 0x1p-149f, 1, 32, 0, 0},
    {{0x1p-149f, 0}, 0x1p-149f, 1, 32, 1, 0},
    {{0x1p-149f, 0x1p+0f}, 0x1.fffffep+127f, 1, 32, 0, 0},
    {{0x1.fffffep+127f, 0x1p-149f}, 0x1p+0f, 1, 32, 16777215, 45},
    {{0x1.fffffep+127f, 0}, 0x1.fffffep+127f, 3, 32, 1431655765, 32},
    /* thirds and the like */
    {{0x1p+0f, 0}, 0x1.8p+1f, 1, 32, 1431655765, 32},
    {{0x1p+1f, 0}, 0x1.8p+1f, 1, 32, 1431655765, 31},
    {{0x1p+0f, 0}, 0x1p+0f, 9, 32, 954437177, 33},
    {{0x1p+0f, 0}, 0x1p+0f, 49, 25, 1402438301, 36},
    {{0x1.99999ap-4f, 0}, 0x1.99999ap-4f, 1, 32, 1, 0},
    {{0x1.99999ap-4f, 0x1.99999ap-3f}, 0x1.333334p-2f, 1, 32, 1145324601, 34},
    {{0x1.99999ap-4f, 0x1.99999ap-3f}, 0x1.333334p-2f, 1, 48, 4369, 16},
    {{0x1.99999ap-4f, 0x1.99999ap-3f}, 0x1.333334p-2f, 1, 40, 1118481, 24},
    /* anything */
    {{0x1.9e818ap+1f, 0x1.34f0dcp-3f}, 0x1.4d47bep-1f, 1, 17, 1611597245, 31},
    {{0x1.06cecap+3f, 0x1.818f74p-4f}, 0x1.2a63bcp-1f, 1, 40, 1390935, 20},
    {{0x1.12d054p+1f, 0x1.600b2ap-4f}, 0x1.ac36d8p-2f, 1, 24, 1895238087, 32},
    {{0x1.d0737ap-1f, 0x1.b2b55p-2f}, 0x1.a75964p-1f, 1, 17, 250039749, 29},
    {{0x1.2f2f14p+3f, 0x1.42e172p-1f}, 0x1.2a7f1ep-1f, 1, 17, 1375525777, 27},
    {{0x1.71588ep+2f, 0}, 0x1.9634fcp-2f, 463643, 17, 276001867, 43},
    {{0x1.6443fcp+2f, 0}, 0x1.10c28p-3f, 878999, 24, 836517333, 44},
    {{0x1.5a09fcp+2f, 0}, 0x1.244f5cp-1f, 379011, 17, 1758325821, 46},
    {{0x1.74396p+2f, 0}, 0x1.472024p-1f, 780975, 17, 1640411101, 47},
};

static void test_multipliers(void)
{
    for (size_t i = 0; i < sizeof scalings / sizeof *scalings; i++) {
        const unsigned count = scalings[i].above[1] > 0 ? 2 : 1;
        const factor f = attar_factor_of(scalings[i].above, count, &scalings[i].below, 1, scalings[i].times);
        int32_t multiplier = -1, shift = -1;
        const attar_status status = attar_scale(&f, 1, attar_precision_for(scalings[i].bits), &multiplier, &shift);
        CHECK(status == (scalings[i].multiplier < 0 ? ATTAR_BAD_PROGRAM : ATTAR_OK));
        CHECK(multiplier == scalings[i].multiplier && shift == scalings[i].shift);
    }
}

/* numerics.requantize.shared_scaling: the larger factor decides. */
static const struct {
    float above[2];
    float below;
    int32_t multipliers[2];
    int32_t shift;
} shared[] = {
    {{0x1p+0f, 0x1p+0f}, 0x1p+0f, {1, 1}, 0},
    {{0x1p+0f, 0x1p-1f}, 0x1p+0f, {2, 1}, 1},
    {{0x1.99999ap-4f, 0x1.333334p-2f}, 0x1.666666p-1f, {306783388, 920350187}, 31},
    {{0x1p+0f, 0x1p-40f}, 0x1p+0f, {1, 0}, 0},
    {{0x1p+0f, 0x1p-80f}, 0x1p+0f, {1, 0}, 0},
    {{0x1p-149f, 0x1.8p+1f}, 0x1.333334p-2f, {0, 1342177227}, 27},
    {{0x1p-20f, 0x1.555556p-2f}, 0x1p+0f, {32, 11184811}, 25},
    {{0x1.fffffep+0f, 0x1p+0f}, 0x1.000002p+0f, {16777213, 8388607}, 23},
};

static void test_shared_multipliers(void)
{
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        const factor factors[2] = {attar_factor_of(&shared[i].above[0], 1, &shared[i].below, 1, 1),
                                   attar_factor_of(&shared[i].above[1], 1, &shared[i].below, 1, 1)};
        int32_t multipliers[2], shift;
        CHECK(attar_scale(factors, 2, ATTAR_MULTIPLIER_BITS, multipliers, &shift) == ATTAR_OK);
        CHECK(multipliers[0] == shared[i].multipliers[0] && multipliers[1] == shared[i].multipliers[1]);
        CHECK(shift == shared[i].shift);
    }
}

/* value / (first * second), half to even. */
static const struct {
    float value, first, second;
    int64_t units;
} biases[] = {
    {0x0p+0f, 0x1p+0f, 0x1p+0f, 0},
    {0x1p-1f, 0x1p+0f, 0x1p+0f, 0},
    {0x1.8p+0f, 0x1p+0f, 0x1p+0f, 2},
    {0x1.4p+1f, 0x1p+0f, 0x1p+0f, 2},
    {-0x1.4p+1f, 0x1p+0f, 0x1p+0f, -2},
    {-0x1p-1f, 0x1p+0f, 0x1p+0f, 0},
    {0x1.cp+1f, 0x1p-1f, 0x1p+1f, 4},
    {0x1.4484cp-100f, 0x1p+0f, 0x1p+0f, 0},
    {0x1.99999ap-4f, 0x1.0624dep-10f, 0x1.89374cp-9f, 33333},
    {-0x1.81cd6cp+13f, 0x1p-10f, 0x1.333334p-2f, -42139912},
    {0x1p-149f, 0x1p-149f, 0x1p+0f, 1},
    {0x1p+0f, 0x1.8p+1f, 0x1.8p+1f, 0},
    {0x1.2p+2f, 0x1.8p+1f, 0x1.8p+1f, 0},
    {0x1.bp+3f, 0x1.8p+1f, 0x1.8p+1f, 2},
    {0x1p+40f, 0x1.333334p-2f, 0x1p+0f, INT64_C(3665038613618)},
    {0x1p+0f, 0x1p-59f, 0x1p+0f, INT64_C(576460752303423488)},
};

static void test_biases(void)
{
    int64_t units;
    for (size_t i = 0; i < sizeof biases / sizeof *biases; i++) {
        CHECK(attar_in_units(biases[i].value, biases[i].first, biases[i].second, &units) == ATTAR_OK);
        CHECK(units == biases[i].units);
    }
    const float none[2] = {0.0f, 1.0f};
    CHECK(attar_in_units(none[0] / none[0], 1.0f, 1.0f, &units) == ATTAR_BAD_PROGRAM);
    CHECK(attar_in_units(none[1] / none[0], 1.0f, 1.0f, &units) == ATTAR_BAD_PROGRAM);
    CHECK(attar_in_units(1.0f, 0x1p-61f, 1.0f, &units) == ATTAR_BAD_PROGRAM);
}

typedef struct section {
    uint8_t bytes[SECTION_MAX];
    size_t size;
} section;

static void put(section *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        to->bytes[to->size++] = (uint8_t)(value | 0x80);
    to->bytes[to->size++] = (uint8_t)value;
}

static void put_all(section *to, const uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(to, values[i]);
}

/* One tensor of bytes, which comes in, is `steps` times looked up and written over itself, and goes out. */
static section counting(uint32_t steps)
{
    const uint32_t counts[] = {EXTENT, 1, 1, steps, 1, 1, steps, 0};
    const uint32_t tensor[] = {7, 0, 0, 0, 0x80 ^ 0x80, 0x3f, 1, EXTENT, 0};
    const uint32_t port[] = {0, 1, 'x', 0}, look_up[] = {ATTAR_TABLE, 0, 1, 0, 1};
    section made = {.size = 0};
    put_all(&made, counts, 8);
    put_all(&made, tensor, 9);
    put(&made, ATTAR_INLINE_INT8);
    put(&made, ENTRIES);
    for (int i = 0; i < ENTRIES; i++)
        made.bytes[made.size++] = (uint8_t)(i + 1);
    put_all(&made, port, 4);
    put_all(&made, port, 4);
    for (uint32_t i = 0; i < steps; i++)
        put_all(&made, look_up, 5);
    return made;
}

/* Reads a section out of an exact copy; the memory is the caller's to free. */
static attar_status read_section(const section *from, uint8_t **copy, void **memory, attar_program *program)
{
    size_t bytes;
    *copy = copy_of(from->bytes, from->size);
    *memory = NULL;
    attar_status status = attar_program_bytes(*copy, from->size, &bytes);
    if (status != ATTAR_OK)
        return status;
    *memory = exactly(bytes);
    return attar_program_read(*copy, from->size, *memory, bytes, program);
}

static void *aligned(uint8_t *block)
{
    return block + (64 - (uintptr_t)block % 64) % 64;
}

static void run_samples(const attar_engine *engine, void *arena, uint32_t steps)
{
    static int32_t values[EXTENT], results[EXTENT];
    for (int sample = 0; sample < SAMPLES; sample++) {
        for (int i = 0; i < EXTENT; i++)
            values[i] = (i + sample) % ENTRIES;
        CHECK(attar_engine_set_integers(engine, arena, 0, values) == ATTAR_OK);
        CHECK(attar_engine_run(engine, arena) == ATTAR_OK);
        CHECK(attar_engine_get_integers(engine, arena, 0, results) == ATTAR_OK);
        for (int i = 0; i < EXTENT; i++)
            CHECK(results[i] == (int32_t)(((uint32_t)values[i] + steps) % ENTRIES));
    }
}

static void *arena_of(const attar_program *program, uint8_t **block)
{
    *block = exactly(attar_arena_bytes(program) + 64);
    attar_arena_open(program, aligned(*block));
    return aligned(*block);
}

static void test_threads(const attar_program *program, attar_pool *pool, uint32_t threads)
{
    const attar_engine_options options = {ATTAR_ISA_AVX512VNNI, threads, pool};
    attar_engine *engine;
    uint64_t bytes;
    CHECK(attar_engine_bytes(program, &options, &bytes) == ATTAR_OK);
    uint8_t *block = exactly(bytes + 64), *beside;
    void *arena = arena_of(program, &beside);
    const attar_status status = attar_engine_open(program, &options, aligned(block), bytes, &engine);
    CHECK(status == ATTAR_OK || (status == ATTAR_NO_THREADS && threads > 1)); /* a device without them */
    if (status == ATTAR_OK) {
        CHECK(attar_engine_run(engine, arena) == ATTAR_NOT_READY);
        CHECK(attar_engine_ready(engine) == ATTAR_OK);
        run_samples(engine, arena, program->operator_count); /* the sanitizer allocates when a thread begins */
        const size_t before = __atomic_load_n(&allocations, __ATOMIC_RELAXED);
        run_samples(engine, arena, program->operator_count);
        CHECK(__atomic_load_n(&allocations, __ATOMIC_RELAXED) == before);
    }
    free(beside);
    free(block);
}

static void test_steps(attar_pool *pool, uint32_t steps)
{
    const section from = counting(steps);
    attar_program program;
    uint8_t *copy;
    void *memory;
    CHECK(read_section(&from, &copy, &memory, &program) == ATTAR_OK && program.operator_count == steps);
    for (uint32_t threads = 1; threads <= THREADS; threads++)
        test_threads(&program, pool, threads);
    free(memory);
    free(copy);
}

enum { PIECES = 500, TURNS = 300 };

static void count_one(void *context, uint32_t piece, uint32_t pieces)
{
    uint32_t *counts = context;
    CHECK(pieces == PIECES);
    __atomic_add_fetch(&counts[piece], 1, __ATOMIC_RELAXED);
}

/* Every piece is done once, before the turn is over, by however many threads come. */
static void test_turns(attar_pool *pool)
{
    static uint32_t counts[PIECES];
    const int is_ours = attar_pool_take(pool);
    CHECK(!attar_pool_take(pool)); /* another has it, or there are no threads */
    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        attar_pool_do(pool, 1 + turn % THREADS, count_one, counts, PIECES);
        for (uint32_t piece = 0; piece < PIECES; piece++)
            CHECK(counts[piece] == turn);
    }
    for (uint32_t piece = 0; piece < PIECES; piece++)
        counts[piece] = 0;
    if (is_ours)
        attar_pool_leave(pool);
}

static void test_pool(void)
{
    attar_pool *pool;
    uint8_t *block = exactly(attar_pool_bytes() + 64);
    CHECK(attar_pool_open(aligned(block), &pool) == ATTAR_OK);
    test_turns(pool);
    test_steps(pool, 0);
    test_steps(pool, 1);
    test_steps(pool, STEPS);
    test_turns(pool);
    attar_pool_close(pool);
    CHECK(attar_pool_open(aligned(block), &pool) == ATTAR_OK);
    attar_pool_forked(pool); /* as in a child, which has no threads yet */
    test_turns(pool);
    attar_pool_close(pool);
    free(block);
}

/* Whatever is missing at the end is missed, and what is more is seen. */
static void test_lengths(void)
{
    section from = counting(3);
    attar_program program;
    uint8_t *copy;
    void *memory;
    const size_t whole = from.size++;
    for (; from.size-- > 0;) {
        from.bytes[whole] = 0;
        const attar_status status = read_section(&from, &copy, &memory, &program);
        CHECK((status == ATTAR_OK) == (from.size == whole));
        free(memory);
        free(copy);
    }
    from.size = whole + 1;
    CHECK(read_section(&from, &copy, &memory, &program) == ATTAR_TRAILING_DATA);
    free(memory);
    free(copy);
}

static void test_arguments(void)
{
    const section from = counting(1);
    const attar_engine_options options = {ATTAR_ISA_REF, 1, NULL}, none = {ATTAR_ISA_REF, 0, NULL},
                               many = {ATTAR_ISA_REF, ATTAR_THREADS_MAX + 1, NULL}, other = {ATTAR_ISA_COUNT, 1, NULL},
                               poolless = {ATTAR_ISA_REF, 2, NULL};
    int32_t values[EXTENT] = {ENTRIES};
    float numbers[EXTENT] = {0};
    attar_program program;
    attar_engine *engine;
    attar_wanted wanted;
    uint8_t *copy;
    void *memory;
    uint64_t bytes;
    CHECK(read_section(&from, &copy, &memory, &program) == ATTAR_OK);
    CHECK(attar_engine_bytes(&program, &none, &bytes) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_engine_bytes(&program, &many, &bytes) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_engine_bytes(&program, &other, &bytes) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_engine_bytes(&program, &poolless, &bytes) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_engine_bytes(&program, &options, &bytes) == ATTAR_OK);
    uint8_t *block = exactly(bytes + 64), *beside;
    void *arena = arena_of(&program, &beside);
    CHECK(attar_engine_open(&program, &options, aligned(block), bytes - 1, &engine) == ATTAR_OUTPUT_TOO_SMALL);
    CHECK(attar_engine_open(&program, &options, aligned(block), bytes, &engine) == ATTAR_OK);
    CHECK(attar_engine_wanted(engine, 0, &wanted) == ATTAR_OK && wanted.index == ATTAR_NOTHING);
    CHECK(attar_engine_wanted(engine, 1, &wanted) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_engine_load_floats(engine, 0, numbers, 1) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_engine_ready(engine) == ATTAR_OK);
    CHECK(attar_engine_set_integers(engine, arena, 1, values) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_engine_set_integers(engine, arena, 0, values) == ATTAR_BAD_SYMBOL);
    values[0] = -1;
    CHECK(attar_engine_set_integers(engine, arena, 0, values) == ATTAR_BAD_SYMBOL);
    const float zero = 0.0f;
    numbers[EXTENT - 1] = zero / zero;
    CHECK(attar_engine_set_floats(engine, arena, 0, numbers) == ATTAR_BAD_SYMBOL);
    CHECK(attar_engine_get_floats(engine, arena, 1, numbers) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_engine_run_one(engine, arena, 0) == ATTAR_OK && attar_engine_run_one(engine, arena, 1) == ATTAR_BAD_ARGUMENT);
    free(beside);
    free(block);
    free(memory);
    free(copy);
}

int main(void)
{
    test_multipliers();
    test_shared_multipliers();
    test_biases();
    test_pool();
    test_lengths();
    test_arguments();
#ifdef __SANITIZE_ADDRESS__
    CHECK(allocations > 0);
#endif
    puts("ok");
    return 0;
}
