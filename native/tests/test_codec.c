/* Round trips of every payload, then the same payloads truncated and with bits flipped, for the sanitizers to judge. */
#include "attar/codec.h"
#include "check.h"
#include "payload.h"

enum { COUNT_MAX = 3000, CAPACITY = 1 << 16 };

typedef attar_status decode_call(const uint8_t *src, size_t size, int32_t *dst, size_t n);

static attar_relative_scratch relative_scratch;
static attar_rans_scratch rans_scratch;

static attar_status decode_relative(const uint8_t *src, size_t size, int32_t *dst, size_t n)
{
    return attar_relative_decode(src, size, dst, n, &relative_scratch);
}

static attar_status decode_rans(const uint8_t *src, size_t size, int32_t *dst, size_t n)
{
    return attar_rans_decode(src, size, dst, n, &rans_scratch);
}

/* The symbols -3..4; zero with a chance of 8 - density eighths. */
static void fill(int32_t *symbols, size_t n, uint32_t density)
{
    for (size_t i = 0; i < n; i++)
        symbols[i] = random_below(8) < density ? (int32_t)random_below(8) - 3 : 0;
}

static size_t make_packed(const int32_t *symbols, size_t n, uint8_t *dst)
{
    size_t size = put_zigzag(dst, -3);
    size_t body;
    dst[size++] = 3;
    CHECK(attar_packed_encode(symbols, n, -3, 3, dst + size, CAPACITY - size, &body) == ATTAR_OK);
    return size + body;
}

static const uint8_t three_bits[8] = {3, 3, 3, 3, 3, 3, 3, 3};

static size_t make_relative(const int32_t *symbols, size_t n, uint8_t *dst)
{
    static attar_relative_encode_scratch scratch;
    attar_code_lengths values = {-3, 8, three_bits};
    attar_code_lengths gaps = {1, 8, three_bits};
    uint64_t entries = count_entries(symbols, n, 8);
    size_t size = put_varint(dst, 8);
    size_t body = 0;
    size += put_varint(dst + size, entries);
    if (entries == 0)
        return size;
    size += put_huffman(dst + size, -3, three_bits, 8);
    size += put_huffman(dst + size, 1, three_bits, 8);
    CHECK(attar_relative_encode(symbols, n, 8, &values, &gaps, dst + size, CAPACITY - size, &body, &scratch) ==
          ATTAR_OK);
    return size + body;
}

static size_t make_rans(const int32_t *symbols, size_t n, unsigned lanes_log2, uint8_t *dst)
{
    static const uint16_t frequencies[8] = {16, 16, 16, 144, 16, 16, 16, 16};
    static attar_rans_encode_scratch scratch;
    attar_rans_model model = {-3, 8, frequencies, 8, lanes_log2};
    size_t body;
    size_t size = 1;
    dst[0] = (uint8_t)(8u | lanes_log2 << 4);
    size += put_zigzag(dst + size, -3);
    size += put_varint(dst + size, 7);
    size += put_frequencies(dst + size, 4, frequencies, 8);
    CHECK(attar_rans_encode(symbols, n, &model, dst + size, CAPACITY - size, &body, &scratch) == ATTAR_OK);
    return size + body;
}

static attar_status decode_copy(decode_call *decode, const uint8_t *payload, size_t size, size_t n)
{
    uint8_t *copy = copy_of(payload, size);
    int32_t *symbols = exactly((n + 1) * sizeof *symbols);
    attar_status status = decode(copy, size, symbols, n);
    free(symbols);
    free(copy);
    return status;
}

static void check_damage(decode_call *decode, uint8_t *payload, size_t size, size_t n)
{
    for (size_t cut = 0; cut < size; cut++)
        CHECK(decode_copy(decode, payload, cut, n) != ATTAR_OK);
    payload[size] = 0;
    CHECK(decode_copy(decode, payload, size + 1, n) != ATTAR_OK);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        payload[bit / 8] = (uint8_t)(payload[bit / 8] ^ 1u << bit % 8);
        CHECK(decode_copy(decode, payload, size, n) < ATTAR_STATUS_COUNT);
        payload[bit / 8] = (uint8_t)(payload[bit / 8] ^ 1u << bit % 8);
    }
}

static void check_payload(decode_call *decode, uint8_t *payload, size_t size, const int32_t *symbols, size_t n)
{
    int32_t decoded[COUNT_MAX];
    CHECK(decode(payload, size, decoded, n) == ATTAR_OK);
    CHECK(memcmp(decoded, symbols, n * sizeof *symbols) == 0);
    if (n <= 100)
        check_damage(decode, payload, size, n);
}

static void check_symbols(const int32_t *symbols, size_t n)
{
    static uint8_t payload[CAPACITY];
    check_payload(attar_packed_decode, payload, make_packed(symbols, n, payload), symbols, n);
    check_payload(decode_relative, payload, make_relative(symbols, n, payload), symbols, n);
    for (unsigned lanes_log2 = 0; lanes_log2 <= 6; lanes_log2++)
        check_payload(decode_rans, payload, make_rans(symbols, n, lanes_log2, payload), symbols, n);
}

static void test_round_trips(void)
{
    static const size_t counts[] = {1, 2, 7, 8, 9, 65, 100, COUNT_MAX};
    int32_t symbols[COUNT_MAX];
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (uint32_t density = 0; density <= 8; density += 2) {
            fill(symbols, counts[i], density);
            check_symbols(symbols, counts[i]);
        }
}

static void test_random_bytes(void)
{
    uint8_t bytes[64];
    for (int round = 0; round < 20000; round++) {
        size_t size = random_below(sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(random_below(3) == 0 ? random_below(256) : random_below(9));
        (void)decode_copy(attar_packed_decode, bytes, size, 20);
        (void)decode_copy(decode_relative, bytes, size, 20);
        (void)decode_copy(decode_rans, bytes, size, 20);
    }
}

static void test_extreme_range(void)
{
    const int32_t symbols[3] = {INT32_MIN, 0, INT32_MAX};
    int32_t decoded[3];
    uint8_t payload[32];
    size_t body;
    size_t size = put_zigzag(payload, INT32_MIN);
    payload[size++] = 32;
    CHECK(attar_packed_encode(symbols, 3, INT32_MIN, 32, payload + size, 12, &body) == ATTAR_OK);
    CHECK(attar_packed_decode(payload, size + body, decoded, 3) == ATTAR_OK);
    CHECK(memcmp(decoded, symbols, sizeof symbols) == 0);
    CHECK(attar_packed_encode(symbols, 3, INT32_MIN, 32, payload, 11, &body) == ATTAR_OUTPUT_TOO_SMALL);
    CHECK(attar_packed_encode(symbols, 3, INT32_MIN, 31, payload, 32, &body) == ATTAR_BAD_SYMBOL);
}

static void test_lengths(void)
{
    static attar_lengths_scratch scratch;
    static uint64_t counts[ATTAR_ALPHABET_MAX];
    static uint8_t lengths[ATTAR_ALPHABET_MAX];
    for (size_t size = 1; size <= ATTAR_ALPHABET_MAX; size = size < 40 ? size + 1 : size * 2) {
        for (size_t i = 0; i < size; i++)
            counts[i] = i < 40 ? UINT64_C(1) << i : UINT64_C(1) << 40;
        uint32_t kraft = 0;
        CHECK(attar_huffman_lengths(counts, size, lengths, &scratch) == ATTAR_OK);
        for (size_t i = 0; i < size; i++) {
            CHECK(lengths[i] <= ATTAR_CODE_BITS_MAX);
            kraft += UINT32_C(1) << (ATTAR_CODE_BITS_MAX - lengths[i]);
        }
        CHECK(kraft == UINT32_C(1) << ATTAR_CODE_BITS_MAX);
    }
}

static void test_small_output(void)
{
    static attar_rans_encode_scratch scratch;
    static const uint16_t frequencies[2] = {1, 255};
    const int32_t symbols[4] = {0, 0, 0, 0};
    attar_rans_model model = {0, 2, frequencies, 8, 0};
    uint8_t out[16];
    size_t written;
    CHECK(attar_rans_encode(symbols, 4, &model, out, 3, &written, &scratch) == ATTAR_OUTPUT_TOO_SMALL);
    CHECK(attar_rans_encode(symbols, 4, &model, out, 4, &written, &scratch) == ATTAR_OUTPUT_TOO_SMALL);
    CHECK(attar_rans_encode(symbols, 4, &model, out, 12, &written, &scratch) == ATTAR_OK);
}

static void test_names(void)
{
    CHECK(strcmp(attar_status_name(ATTAR_OK), "ok") == 0);
    CHECK(strcmp(attar_status_name(ATTAR_BAD_ARGUMENT), "bad argument") == 0);
    CHECK(strcmp(attar_status_name(ATTAR_STATUS_COUNT), "unknown") == 0);
}

int main(void)
{
    test_names();
    test_round_trips();
    test_random_bytes();
    test_extreme_range();
    test_lengths();
    test_small_output();
    puts("ok");
    return 0;
}
