/* Chunks of floats: round trips, damage for the sanitizers to judge, and kernels that equal the portable code. */
#include "../src/codec/floats.h"
#include "attar/codec.h"
#include "check.h"

enum { COUNT_MAX = (1 << 16) + 100, BYTES_MAX = 8 * COUNT_MAX };

static attar_floats_scratch decode_scratch;
static attar_floats_encode_scratch encode_scratch;
/* Half of the bytes random, some few-valued and skewed, some constant: every plane coder finds its own. */
static void fill(uint8_t *elements, size_t n, unsigned itemsize)
{
    for (size_t i = 0; i < n; i++)
        for (unsigned k = 0; k < itemsize; k++) {
            uint32_t any = random_below(256);
            uint32_t skewed = 120u + random_below(2) * random_below(2) * random_below(5);
            elements[i * itemsize + k] = (uint8_t)(k + 1 == itemsize ? skewed : k == 1 ? 0 : k == 2 ? any & 3u : any);
        }
}

/* Allocations of the exact sizes, so that one byte too far is seen. */
static attar_status decode(const uint8_t *payload, size_t size, uint8_t *dst, size_t n, unsigned itemsize,
                           unsigned turn)
{
    uint8_t *copy = copy_of(payload, size);
    uint8_t *planes = exactly(n * itemsize);
    uint8_t *elements = exactly(n * itemsize);
    attar_status status = attar_floats_decode(copy, size, elements, n, itemsize, turn, planes, n * itemsize,
                                              &decode_scratch);
    memcpy(dst, elements, n * itemsize);
    free(elements);
    free(planes);
    free(copy);
    return status;
}

static size_t encode(const uint8_t *elements, size_t n, unsigned itemsize, unsigned turn, uint8_t *dst)
{
    size_t capacity = attar_floats_bound(n, itemsize);
    uint8_t *planes = exactly(n * itemsize);
    uint8_t *out = exactly(capacity);
    size_t written;
    CHECK(attar_floats_encode(elements, n, itemsize, turn, out, capacity, &written, planes, n * itemsize,
                              &encode_scratch) == ATTAR_OK);
    CHECK(written <= capacity);
    memcpy(dst, out, written);
    free(out);
    free(planes);
    return written;
}

static uint8_t elements[BYTES_MAX], decoded[BYTES_MAX], payload[BYTES_MAX + 64];

static void check_damage(size_t size, size_t n, unsigned itemsize)
{
    for (size_t cut = 0; cut < size; cut++)
        CHECK(decode(payload, cut, decoded, n, itemsize, 1) != ATTAR_OK);
    payload[size] = 0;
    CHECK(decode(payload, size + 1, decoded, n, itemsize, 1) == ATTAR_TRAILING_DATA);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        payload[bit / 8] = (uint8_t)(payload[bit / 8] ^ 1u << bit % 8);
        CHECK(decode(payload, size, decoded, n, itemsize, 1) < ATTAR_STATUS_COUNT);
        payload[bit / 8] = (uint8_t)(payload[bit / 8] ^ 1u << bit % 8);
    }
}

static void test_round_trips(void)
{
    static const size_t counts[] = {1, 2, 7, 64, 100, 4095, 4096, 1 << 14, COUNT_MAX};
    for (unsigned itemsize = 2; itemsize <= 8; itemsize *= 2)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (unsigned turn = 0; turn < 8; turn++) {
                size_t n = counts[i];
                fill(elements, n, itemsize);
                size_t size = encode(elements, n, itemsize, turn, payload);
                CHECK(decode(payload, size, decoded, n, itemsize, turn) == ATTAR_OK);
                CHECK(memcmp(decoded, elements, n * itemsize) == 0);
                if (n <= 100 && turn == 1)
                    check_damage(size, n, itemsize);
            }
}

static void test_random_bytes(void)
{
    for (int round = 0; round < 20000; round++) {
        size_t size = random_below(64);
        for (size_t i = 0; i < size; i++)
            payload[i] = (uint8_t)(random_below(3) == 0 ? random_below(256) : random_below(9));
        (void)decode(payload, size, decoded, 1 + random_below(20), 2u << random_below(3), random_below(8));
    }
}

static void test_arguments(void)
{
    size_t written;
    CHECK(attar_floats_encode(elements, 0, 4, 1, payload, 99, &written, decoded, 99, &encode_scratch) ==
          ATTAR_BAD_ARGUMENT);
    CHECK(attar_floats_encode(elements, 3, 3, 1, payload, 99, &written, decoded, 99, &encode_scratch) ==
          ATTAR_BAD_ARGUMENT);
    CHECK(attar_floats_encode(elements, 3, 4, 8, payload, 99, &written, decoded, 99, &encode_scratch) ==
          ATTAR_BAD_ARGUMENT);
    CHECK(attar_floats_encode(elements, 3, 4, 1, payload, 99, &written, decoded, 11, &encode_scratch) ==
          ATTAR_BAD_ARGUMENT);
    CHECK(attar_floats_encode(elements, 3, 4, 1, payload, attar_floats_bound(3, 4) - 1, &written, decoded, 12,
                              &encode_scratch) == ATTAR_OUTPUT_TOO_SMALL);
    CHECK(attar_floats_decode(payload, 5, elements, 3, 4, 8, decoded, 12, &decode_scratch) == ATTAR_BAD_ARGUMENT);
    CHECK(attar_floats_decode(payload, 5, elements, 3, 4, 1, decoded, 11, &decode_scratch) == ATTAR_BAD_ARGUMENT);
}

#ifdef ATTAR_HAS_AVX512

enum { TURNS = 300, SYMBOLS = TURNS * ATTAR_TURN };

/* A table of `size` symbols with skewed frequencies, the first one the largest. */
static void make_spans(uint32_t *spans, uint32_t *slots, unsigned size, unsigned total_log2)
{
    uint32_t start = 0;
    for (unsigned i = 0; i < size; i++) {
        uint32_t left = (UINT32_C(1) << total_log2) - start - (size - 1 - i);
        uint32_t frequency = i + 1 == size ? left : 1 + (i == 0 ? left / 2 : random_below(1 + left / 4));
        spans[i] = frequency | start << 16;
        for (uint32_t offset = 0; offset < frequency; offset++)
            slots[start++] = i | frequency << 8 | offset << 20;
    }
}

static void start_states(uint32_t *states)
{
    for (unsigned lane = 0; lane < ATTAR_TURN; lane++)
        states[lane] = ATTAR_RANS_STATE_LOW;
}

/* By the page: with divisions. */
static void encode_plainly(const uint8_t *src, uint32_t *states, const uint32_t *spans, unsigned total_log2,
                           uint8_t **at)
{
    for (size_t i = SYMBOLS; i-- > 0;) {
        uint32_t frequency = spans[src[i]] & 0xffffu;
        uint32_t x = states[i % ATTAR_TURN];
        if (x >= (uint64_t)frequency << (32 - total_log2)) {
            *at -= 2;
            attar_store16(*at, x & 0xffffu);
            x >>= 16;
        }
        states[i % ATTAR_TURN] = (x / frequency << total_log2) + x % frequency + (spans[src[i]] >> 16);
    }
}

static void check_decoder(attar_decode_turns *turns, const uint8_t *from, size_t size, const uint32_t *first_states,
                          const uint32_t *slots, unsigned total_log2, const uint8_t *symbols)
{
    static uint8_t found[SYMBOLS];
    uint32_t states[ATTAR_TURN];
    uint8_t *words = exactly(size + ATTAR_TURN_BYTES); /* room for the last turn's unseen words */
    memcpy(words, from, size);
    memset(words + size, 0, ATTAR_TURN_BYTES);
    memcpy(states, first_states, sizeof states);
    attar_bytes in = attar_bytes_of(words, size + ATTAR_TURN_BYTES);
    CHECK(turns(&in, states, slots, total_log2, found, SYMBOLS) == SYMBOLS);
    CHECK(memcmp(found, symbols, SYMBOLS) == 0);
    CHECK((size_t)(in.at - words) == size);
    for (unsigned lane = 0; lane < ATTAR_TURN; lane++)
        CHECK(states[lane] == ATTAR_RANS_STATE_LOW);
    /* Too little room for a turn: nothing may happen. */
    in = attar_bytes_of(words, ATTAR_TURN_BYTES - 1);
    CHECK(turns(&in, states, slots, total_log2, found, SYMBOLS) == 0 && in.at == words);
    free(words);
}

static void check_encoder(const uint8_t *symbols, const uint32_t *spans, unsigned total_log2, const uint8_t *expected,
                          size_t size, const uint32_t *expected_states)
{
    static uint8_t out[2 * SYMBOLS];
    uint32_t states[ATTAR_TURN];
    uint8_t *at = out + sizeof out;
    start_states(states);
    CHECK(attar_encode_turns_avx512(symbols, SYMBOLS, states, spans, total_log2, out, &at) == 0);
    CHECK((size_t)(out + sizeof out - at) == size && memcmp(at, expected, size) == 0);
    CHECK(memcmp(states, expected_states, sizeof states) == 0);
    at = out + ATTAR_TURN_BYTES - 1;
    CHECK(attar_encode_turns_avx512(symbols, SYMBOLS, states, spans, total_log2, out, &at) == SYMBOLS);
}

static void check_kernels(unsigned size, unsigned total_log2)
{
    static uint8_t symbols[SYMBOLS], words[2 * SYMBOLS];
    static uint32_t slots[1 << ATTAR_FLOATS_RANS_LOG2_MAX], spans[256];
    uint32_t states[ATTAR_TURN];
    uint8_t *at = words + sizeof words;
    make_spans(spans, slots, size, total_log2);
    for (size_t i = 0; i < SYMBOLS; i++)
        symbols[i] = (uint8_t)(random_below(3) == 0 ? random_below(size) : slots[random_below(1u << total_log2)] & 0xffu);
    start_states(states);
    encode_plainly(symbols, states, spans, total_log2, &at);
    size_t written = (size_t)(words + sizeof words - at);
    if (attar_cpu_has_avx2())
        check_decoder(attar_decode_turns_avx2, at, written, states, slots, total_log2, symbols);
    if (attar_cpu_has_avx512())
        check_decoder(attar_decode_turns_avx512, at, written, states, slots, total_log2, symbols);
    if (attar_cpu_has_avx512() && total_log2 >= ATTAR_TURN_LOG2_MIN)
        check_encoder(symbols, spans, total_log2, at, written, states);
}

static void test_kernels(void)
{
    for (unsigned total_log2 = ATTAR_RANS_LOG2_MIN; total_log2 <= ATTAR_FLOATS_RANS_LOG2_MAX; total_log2++)
        for (unsigned size = 2; size <= 256; size = size < 20 ? size + 3 : 2 * size)
            check_kernels(size, total_log2);
    for (unsigned total_log2 = ATTAR_RANS_LOG2_MIN; total_log2 <= ATTAR_FLOATS_RANS_LOG2_MAX; total_log2++)
        check_kernels(256, total_log2);
}

#else

static void test_kernels(void)
{
    CHECK(attar_find_decode_turns() == NULL && attar_find_encode_turns() == NULL);
}

#endif

int main(void)
{
    test_round_trips();
    test_random_bytes();
    test_arguments();
    test_kernels();
    puts("ok");
    return 0;
}
