/* The levels coder: the kernels of all processors agree, payloads of random models come back, and damaged ones are for
 * the sanitizers to judge. */
#include "../src/codec/levels.h"
#include "../src/cpu.h"
#include "attar/levels.h"
#include "check.h"
#include "payload.h"

enum { COUNT_MAX = 5000, CAPACITY = 1 << 17, SMALL_MAX = 80 };

static attar_levels_decoder decoder;
static attar_levels_encoder encoder;
static attar_levels_model made;
static uint8_t payload[CAPACITY + 1];
static int32_t values[COUNT_MAX];

static int32_t random_within(int32_t limit)
{
    return (int32_t)random_below(2 * (uint32_t)limit + 1) - limit;
}

static void random_axes(attar_levels_model *model, size_t n)
{
    uint32_t first = 0;
    model->axes = random_below(ATTAR_LEVELS_AXES_MAX + 1);
    model->base = model->axes == 0 ? 0 : (int32_t)random_below(ATTAR_LEVELS_TABLES_MAX);
    for (uint32_t a = 0; a < model->axes; a++) {
        attar_level_axis axis = {first, 1 + random_below(40), random_below(2) == 0 ? 1 : 1 + random_below((uint32_t)n)};
        model->axis[a] = axis;
        for (uint32_t i = 0; i < axis.length; i++)
            model->levels[first + i] = (int8_t)(random_below(9) == 0 ? random_within(32) : random_within(4));
        first += axis.length;
    }
}

static void random_tables(attar_levels_model *model, uint32_t top_max)
{
    model->tables = 1 + random_below(ATTAR_LEVELS_TABLES_MAX);
    model->precision = random_below(ATTAR_LEVELS_PRECISION_MAX + 1);
    model->is_skewed = random_below(2) == 0;
    model->is_open = random_below(2) == 0;
    const int32_t limit = ATTAR_LEVELS_LOGIT_MAX >> model->precision;
    for (uint32_t k = 0; k < model->tables; k++) {
        model->top[k] = (uint8_t)random_below(top_max + 1);
        for (uint32_t j = 0; j < model->top[k]; j++)
            model->logits[k][j] = (int16_t)random_within(random_below(4) == 0 ? limit : limit / 4);
        model->skews[k] = (int16_t)(model->is_skewed && model->top[k] > 0 ? random_within(limit) : 0);
    }
}

static void random_model(attar_levels_model *model, size_t n, uint32_t top_max)
{
    random_axes(model, n);
    random_tables(model, top_max);
    model->lanes_log2 = random_below(ATTAR_LEVELS_LANES_LOG2_MAX + 1);
    model->chunk = n > 64 && random_below(3) != 0 ? 64 * (1 + random_below((uint32_t)(n - 1) / 64)) : n;
    CHECK(attar_levels_tables(model) == ATTAR_OK);
}

/* Any number that the table holds, the least and the greatest of a class more often than others. */
static int32_t random_value(const attar_levels_model *model, uint8_t table)
{
    const unsigned top = model->top[table];
    const int is_beyond = model->is_open && top > 0 && random_below(8) == 0;
    const unsigned class_ = is_beyond ? top + random_below(ATTAR_LEVELS_CLASS_MAX + 1 - top) : random_below(top + 1);
    const uint32_t last = (UINT32_C(1) << attar_class_bits(class_)) - 1;
    const uint32_t extra = random_below(3) == 0 ? 0 : random_below(2) == 0 ? last : random_state & last;
    const int32_t magnitude = (int32_t)(attar_class_base(class_) + extra);
    CHECK(attar_class_of((uint32_t)magnitude) == class_);
    return random_below(2) == 0 ? magnitude : -magnitude;
}

static void random_values(const attar_levels_model *model, size_t n)
{
    static uint8_t tables[COUNT_MAX];
    CHECK(attar_levels_table_of(model, 0, tables, n) == ATTAR_OK);
    for (size_t i = 0; i < n; i++)
        values[i] = random_value(model, tables[i]);
}

static size_t make_payload(attar_levels_model *model, size_t n)
{
    static uint8_t chunks[CAPACITY];
    size_t size;
    size_t total = 0;
    size_t written;
    CHECK(attar_levels_encode_header(model, n, payload, CAPACITY, &size) == ATTAR_OK);
    CHECK(attar_levels_prepare(&encoder, model) == ATTAR_OK);
    for (size_t first = 0; first < n; first += model->chunk) {
        const size_t count = n - first < model->chunk ? n - first : (size_t)model->chunk;
        CHECK(attar_levels_encode(&encoder, values + first, first, count, chunks + total, CAPACITY - total, &written) ==
              ATTAR_OK);
        total += written;
        if (first + count < n)
            size += put_varint(payload + size, written);
    }
    CHECK(size + total <= CAPACITY);
    memcpy(payload + size, chunks, total);
    return size + total;
}

static attar_sink int32_sink(int32_t *dst, uint64_t from, uint64_t capacity)
{
    attar_sink sink = {ATTAR_ELEMENT_INT32, dst, from, capacity, NULL, 0, 1, NULL, 0, 0};
    return sink;
}

static attar_status decode_copy(const uint8_t *bytes, size_t size, size_t n)
{
    uint8_t *copy = copy_of(bytes, size);
    int32_t *decoded = exactly(n * sizeof *decoded);
    attar_sink sink = int32_sink(decoded, 0, n);
    attar_status status = attar_levels_open(&decoder, copy, size, n);
    if (status == ATTAR_OK)
        status = attar_levels_decode(&decoder, 0, decoder.chunk_count, &sink);
    free(decoded);
    free(copy);
    return status;
}

static void check_damage(size_t size, size_t n)
{
    for (size_t cut = 0; cut < size; cut++)
        CHECK(decode_copy(payload, cut, n) != ATTAR_OK);
    payload[size] = 0;
    CHECK(decode_copy(payload, size + 1, n) != ATTAR_OK);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        payload[bit / 8] = (uint8_t)(payload[bit / 8] ^ 1u << bit % 8);
        CHECK(decode_copy(payload, size, n) < ATTAR_STATUS_COUNT);
        payload[bit / 8] = (uint8_t)(payload[bit / 8] ^ 1u << bit % 8);
    }
}

/* Each chunk by itself, into a window that begins and ends within one. */
static void check_window(size_t n)
{
    const uint64_t from = random_below((uint32_t)n);
    const uint64_t capacity = random_below((uint32_t)(n - from) + 3);
    int32_t *window = exactly(capacity * sizeof *window);
    attar_sink sink = int32_sink(window, from, capacity);
    for (uint64_t chunk = decoder.chunk_count; chunk-- > 0;)
        CHECK(attar_levels_decode(&decoder, chunk, 1, &sink) == ATTAR_OK);
    for (uint64_t i = 0; i < capacity && from + i < n; i++)
        CHECK(window[i] == values[from + i]);
    free(window);
}

static void check_round_trip(size_t size, size_t n)
{
    static int32_t decoded[COUNT_MAX];
    uint8_t *copy = copy_of(payload, size);
    attar_sink sink = int32_sink(decoded, 0, n);
    CHECK(attar_levels_open(&decoder, copy, size, n) == ATTAR_OK);
    CHECK(memcmp(decoder.model.starts[0], made.starts[0], 2u * (2u * made.top[0] + 2u)) == 0);
    CHECK(attar_levels_decode(&decoder, 0, decoder.chunk_count, &sink) == ATTAR_OK);
    CHECK(memcmp(decoded, values, n * sizeof *values) == 0);
    CHECK(attar_levels_decode(&decoder, 1, decoder.chunk_count, &sink) == ATTAR_BAD_ARGUMENT);
    check_window(n);
    free(copy);
}

static void test_round_trips(void)
{
    static const size_t counts[] = {1, 2, 31, 64, 65, 500, 2048, 2049, COUNT_MAX};
    static const uint32_t tops[] = {0, 1, 7, 15, 16, ATTAR_LEVELS_CLASS_MAX};
    for (unsigned round = 0; round < 10; round++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (size_t t = 0; t < sizeof tops / sizeof *tops; t++) {
                random_model(&made, counts[c], tops[t]);
                random_values(&made, counts[c]);
                check_round_trip(make_payload(&made, counts[c]), counts[c]);
            }
}

static void test_damage(void)
{
    for (unsigned round = 0; round < 40; round++) {
        const size_t n = round < 30 ? 1 + random_below(SMALL_MAX) : 65 + random_below(100);
        random_model(&made, n, round % 2 == 0 ? 3 : 19);
        made.tables = made.tables < 3 ? made.tables : 3;
        made.lanes_log2 %= 3;
        random_values(&made, n);
        check_damage(make_payload(&made, n), n);
    }
}

/* The extra bits of one negative number of an open table: none, too many ones, and a field that is missing. */
static void test_extra_bits_that_end_early(void)
{
    uint8_t bits[9];
    memset(&made, 0, sizeof made);
    made.tables = 1;
    made.is_open = 1;
    made.top[0] = 1;
    made.chunk = 1;
    values[0] = INT32_MIN + 1;
    CHECK(attar_levels_tables(&made) == ATTAR_OK);
    const size_t size = make_payload(&made, 1) - 8; /* 30 ones, a zero and a field of 30 bits */
    CHECK(payload[size - 5] == 8);
    for (unsigned ones = 0; ones <= 40; ones++)
        for (uint8_t count = 0; count <= sizeof bits; count++) {
            const uint64_t field = (UINT64_C(1) << ones) - 1;
            for (unsigned i = 0; i < sizeof bits; i++)
                bits[i] = (uint8_t)(i < 8 ? field >> 8 * i & 0xffu : 0u);
            payload[size - 5] = count;
            memcpy(payload + size, bits, count);
            const attar_status status = decode_copy(payload, size + count, 1);
            const int is_cut = 8u * count < 2 * ones + 1;
            CHECK(!is_cut || status == ATTAR_TRUNCATED || status == ATTAR_BAD_SYMBOL);
        }
}

static void test_random_bytes(void)
{
    uint8_t bytes[64];
    for (int round = 0; round < 20000; round++) {
        const size_t size = random_below(sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(random_below(3) == 0 ? random_below(256) : random_below(9));
        (void)decode_copy(bytes, size, 70);
    }
}

/* --- Kernels ------------------------------------------------------------------------------------------------------ */

typedef struct outcome {
    uint32_t states[LEVELS_LANES_MAX];
    size_t words;
    size_t done;
    uint8_t *tokens; /* n of them, zero from `done` on */
} outcome;

static outcome run_kernel(attar_tokens_turns *kernel, const attar_lanes *start, unsigned lanes_log2,
                          const uint8_t *tables, size_t n)
{
    attar_lanes lanes = *start;
    outcome found;
    memset(&found, 0, sizeof found);
    found.tokens = exactly(n);
    memset(found.tokens, 0, n);
    found.done = kernel(&lanes, lanes_log2, decoder.slots, tables, found.tokens, n);
    CHECK(found.done <= n && found.done % ((size_t)1 << lanes_log2) == 0);
    /* A kernel may stop early, and the portable one takes over. */
    found.done += attar_tokens_turns_portable(&lanes, lanes_log2, decoder.slots, tables + found.done,
                                              found.tokens + found.done, n - found.done);
    memcpy(found.states, lanes.states, sizeof found.states[0] << lanes_log2);
    found.words = (size_t)(lanes.words.at - start->words.at);
    return found;
}

static void check_same(attar_tokens_turns *kernel, const attar_lanes *start, unsigned lanes_log2,
                       const uint8_t *tables, size_t n)
{
    outcome expected = run_kernel(attar_tokens_turns_portable, start, lanes_log2, tables, n);
    outcome found = run_kernel(kernel, start, lanes_log2, tables, n);
    CHECK(found.done == expected.done && found.words == expected.words);
    CHECK(memcmp(found.states, expected.states, sizeof found.states) == 0);
    CHECK(n == 0 || memcmp(found.tokens, expected.tokens, n) == 0);
    free(found.tokens);
    free(expected.tokens);
}

static void check_kernels(const attar_lanes *start, unsigned lanes_log2, const uint8_t *tables, size_t n)
{
#ifdef ATTAR_HAS_AVX2
    if (lanes_log2 >= 3 && attar_cpu_has_avx2())
        check_same(attar_tokens_turns_avx2, start, lanes_log2, tables, n);
#endif
#ifdef ATTAR_HAS_AVX512
    if (lanes_log2 >= 4 && attar_cpu_has_avx512())
        check_same(attar_tokens_turns_avx512, start, lanes_log2, tables, n);
#endif
#ifdef ATTAR_HAS_NEON
    if (lanes_log2 >= 2)
        check_same(attar_tokens_turns_neon, start, lanes_log2, tables, n);
#endif
    check_same(attar_tokens_turns_best(lanes_log2), start, lanes_log2, tables, n);
}

/* One element and word after the other, as docs/format.md says it. */
static void check_portable(const attar_lanes *start, unsigned lanes_log2, const uint8_t *tables, size_t n)
{
    attar_lanes lanes = *start;
    const size_t mask = ((size_t)1 << lanes_log2) - 1;
    outcome found = run_kernel(attar_tokens_turns_portable, start, lanes_log2, tables, n);
    CHECK(n - found.done <= mask || (size_t)(start->words.end - start->words.at) - found.words < 2 * (mask + 1));
    for (size_t i = 0; i < found.done; i++) {
        const uint16_t *starts = decoder.model.starts[tables[i]];
        uint32_t token = 0;
        uint32_t x = lanes.states[i & mask];
        while (starts[token + 1] <= x % 4096)
            token++;
        x = (uint32_t)(starts[token + 1] - starts[token]) * (x / 4096) + x % 4096 - starts[token];
        if (x < 65536) {
            x = x << 16 | attar_load16(lanes.words.at);
            lanes.words.at += 2;
        }
        lanes.states[i & mask] = x;
        const int is_escape = decoder.model.is_open && token > 0 && (token + 1) / 2 == decoder.model.top[tables[i]];
        CHECK(found.tokens[i] == (is_escape ? ATTAR_LEVELS_ESCAPE + (token + 1) % 2 : token));
    }
    CHECK((size_t)(lanes.words.at - start->words.at) == found.words);
    CHECK(memcmp(lanes.states, found.states, sizeof lanes.states[0] << lanes_log2) == 0);
    free(found.tokens);
}

static void check_lanes(unsigned lanes_log2)
{
    const size_t n = random_below(400);
    const size_t size = random_below(3) == 0 ? random_below(80) : random_below(900);
    uint8_t *words = exactly(size);
    uint8_t *tables = exactly(n);
    attar_lanes start = {{0}, {words, words + size}};
    for (size_t i = 0; i < size; i++)
        words[i] = (uint8_t)random_below(256);
    for (size_t i = 0; i < n; i++)
        tables[i] = (uint8_t)random_below(decoder.model.tables);
    for (size_t lane = 0; lane < (size_t)1 << lanes_log2; lane++)
        start.states[lane] = (random_below(4) == 0 ? 1 : 1 + random_below(65535)) << 16 | random_below(65536);
    check_portable(&start, lanes_log2, tables, n);
    check_kernels(&start, lanes_log2, tables, n);
    free(tables);
    free(words);
}

static void test_kernels(void)
{
    for (unsigned round = 0; round < 40; round++) {
        random_model(&made, 1, round % 2 == 0 ? ATTAR_LEVELS_CLASS_MAX : 4);
        random_values(&made, 1);
        CHECK(attar_levels_open(&decoder, payload, make_payload(&made, 1), 1) == ATTAR_OK);
        for (unsigned lanes_log2 = 0; lanes_log2 <= ATTAR_LEVELS_LANES_LOG2_MAX; lanes_log2++)
            for (unsigned repeat = 0; repeat < 10; repeat++)
                check_lanes(lanes_log2);
    }
}

/* --- Models ------------------------------------------------------------------------------------------------------- */

/* A fitted model codes what it was fitted to, each element's table the same whatever part is asked for. */
static void test_fit(void)
{
    static uint64_t counts[ATTAR_LEVELS_TABLES_MAX * ATTAR_LEVELS_TOKENS_MAX];
    static uint8_t tables[2][COUNT_MAX];
    uint64_t bits;
    for (unsigned round = 0; round < 20; round++) {
        const uint32_t high = round % 2 == 0 ? 5 : 100000;
        random_model(&made, COUNT_MAX, 0);
        for (size_t i = 0; i < COUNT_MAX; i++)
            values[i] = (int32_t)(random_below(high) * random_below(2)) * (random_below(3) == 0 ? -1 : 1);
        memset(counts, 0, sizeof counts);
        CHECK(attar_levels_count(&made, values, 0, 100, counts, sizeof counts / sizeof *counts) == ATTAR_OK);
        CHECK(attar_levels_count(&made, values + 100, 100, COUNT_MAX - 100, counts, sizeof counts / sizeof *counts) ==
              ATTAR_OK);
        CHECK(attar_levels_fit(&made, round % 3, counts, sizeof counts / sizeof *counts, &bits) == ATTAR_OK);
        CHECK(round % 3 == ATTAR_LEVELS_EITHER || made.is_open == (round % 3 == ATTAR_LEVELS_OPEN));
        CHECK(attar_levels_table_of(&made, 0, tables[0], COUNT_MAX) == ATTAR_OK);
        CHECK(attar_levels_table_of(&made, 77, tables[1], COUNT_MAX - 77) == ATTAR_OK);
        CHECK(memcmp(tables[0] + 77, tables[1], COUNT_MAX - 77) == 0);
        check_round_trip(make_payload(&made, COUNT_MAX), COUNT_MAX);
    }
}

static void test_sums(void)
{
    const int32_t few[7] = {1, -2, 3, INT32_MIN, 5, -6, 7};
    uint64_t sums[3] = {0, 0, 0};
    CHECK(attar_levels_sums(few, 1, 7, 2, 3, sums) == ATTAR_OK); /* places 0 1 1 2 2 0 0 */
    CHECK(sums[0] == 14 && sums[1] == 5 && sums[2] == UINT64_C(2147483653));
    CHECK(attar_levels_sums(few, 0, 7, 1, 3, sums) == ATTAR_OK);
    CHECK(sums[0] == 14 + 1 + UINT64_C(2147483648) + 7 && sums[1] == 5 + 2 + 5 && sums[2] == UINT64_C(2147483653) + 9);
    CHECK(attar_levels_sums(few, 0, 7, 0, 3, sums) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_levels_sums(few, 0, 7, 1, 0, sums) == ATTAR_BAD_ARGUMENT);
}

static void plain_model(attar_levels_model *model)
{
    memset(model, 0, sizeof *model);
    model->tables = 1;
    model->top[0] = 2;
    model->chunk = 4;
    CHECK(attar_levels_tables(model) == ATTAR_OK);
}

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        plain_model(&made);                                                                        \
        change;                                                                                    \
        CHECK(attar_levels_tables(&made) == ATTAR_BAD_ARGUMENT);                                   \
    } while (0)

static void test_models_that_are_refused(void)
{
    REFUSED(made.tables = 0);
    REFUSED(made.tables = ATTAR_LEVELS_TABLES_MAX + 1);
    REFUSED(made.precision = ATTAR_LEVELS_PRECISION_MAX + 1);
    REFUSED(made.top[0] = ATTAR_LEVELS_CLASS_MAX + 1);
    REFUSED(made.logits[0][1] = ATTAR_LEVELS_LOGIT_MAX + 1);
    REFUSED(made.logits[0][0] = -ATTAR_LEVELS_LOGIT_MAX - 1);
    REFUSED(made.skews[0] = 129);
    REFUSED(made.base = -1);
    REFUSED(made.base = 1);
    REFUSED(made.base = ATTAR_LEVELS_TABLES_MAX);
    REFUSED(made.axes = ATTAR_LEVELS_AXES_MAX + 1);
    REFUSED(made.axes = 1); /* of length and stride 0 */
    REFUSED((made.axes = 1, made.axis[0].length = 1));
    REFUSED((made.axes = 1, made.axis[0].length = ATTAR_LEVELS_LENGTH_MAX + 1, made.axis[0].stride = 1));
    REFUSED((made.axes = 1, made.axis[0].length = made.axis[0].first = 1, made.axis[0].stride = 1));
    REFUSED((made.axes = 1, made.axis[0].length = 1, made.axis[0].stride = 1, made.levels[0] = 33));
    REFUSED((made.axes = 1, made.axis[0].length = 1, made.axis[0].stride = 1, made.levels[0] = -33));
}

static void test_arguments(void)
{
    static uint64_t counts[ATTAR_LEVELS_TOKENS_MAX];
    const int32_t least[1] = {INT32_MIN};
    const int32_t three[1] = {3};
    uint64_t bits;
    plain_model(&made);
    CHECK(attar_levels_fit(&made, ATTAR_LEVELS_OPEN, counts, ATTAR_LEVELS_TOKENS_MAX - 1, &bits) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_levels_count(&made, three, 0, 1, counts, ATTAR_LEVELS_TOKENS_MAX - 1) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_levels_count(&made, least, 0, 1, counts, ATTAR_LEVELS_TOKENS_MAX) == ATTAR_BAD_SYMBOL);
    CHECK(attar_levels_open(&decoder, payload, 10, 0) == ATTAR_BAD_ARGUMENT);
    size_t written;
    CHECK(attar_levels_prepare(&encoder, &made) == ATTAR_OK);
    CHECK(attar_levels_encode(&encoder, three, 0, 1, payload, CAPACITY, &written) == ATTAR_BAD_SYMBOL);
    CHECK(attar_levels_encode(&encoder, least, 0, 1, payload, CAPACITY, &written) == ATTAR_BAD_SYMBOL);
    made.lanes_log2 = ATTAR_LEVELS_LANES_LOG2_MAX + 1;
    CHECK(attar_levels_prepare(&encoder, &made) == ATTAR_BAD_ARGUMENT);
}

/* Every capacity from nothing on: refused, or enough. */
static void test_small_header(void)
{
    size_t size;
    size_t written;
    random_model(&made, 70, 30);
    CHECK(attar_levels_encode_header(&made, 70, payload, CAPACITY, &size) == ATTAR_OK);
    for (size_t capacity = 0; capacity < size + 24; capacity++) {
        uint8_t *out = exactly(capacity);
        attar_status status = attar_levels_encode_header(&made, 70, out, capacity, &written);
        CHECK(status == ATTAR_OK ? written == size : status == ATTAR_OUTPUT_TOO_SMALL && capacity < size + 16);
        free(out);
    }
}

static void test_small_output(size_t n, unsigned lanes_log2)
{
    size_t written;
    random_model(&made, n, 30);
    made.lanes_log2 = lanes_log2;
    random_values(&made, n);
    CHECK(attar_levels_prepare(&encoder, &made) == ATTAR_OK);
    for (size_t capacity = 0; capacity < 10 * n + 150; capacity++) {
        uint8_t *out = exactly(capacity);
        attar_status status = attar_levels_encode(&encoder, values, 0, n, out, capacity, &written);
        CHECK(status == ATTAR_OK || (status == ATTAR_OUTPUT_TOO_SMALL && capacity < 10 * n + 140));
        free(out);
    }
}

int main(void)
{
    test_kernels();
    test_round_trips();
    test_damage();
    test_extra_bits_that_end_early();
    test_random_bytes();
    test_fit();
    test_sums();
    test_models_that_are_refused();
    test_arguments();
    test_small_header();
    test_small_output(70, 0);
    test_small_output(1, 5);
    puts("ok");
    return 0;
}
