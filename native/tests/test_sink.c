/* Every kind of element: what is written, where, and not a byte beside it. */
#include "attar/sink.h"
#include "check.h"

enum { COUNT = 301, CHANNELS = 5, ENTRIES = 7, ORIGIN = 2, GRID_MAX = 1 << 20 };

static const unsigned bits_of_element[] = {
#define BITS(code, name, bits) bits,
    ATTAR_ELEMENT_TABLE(BITS)
#undef BITS
};

static const float scales[CHANNELS] = {1.0f, 0.1f, 6e-8f, 700.0f, 1e-3f};
static const uint64_t book[ENTRIES] = {0, UINT64_MAX, UINT64_C(0x0123456789abcdef), 7, 8, 9, 10};

static int is_float(attar_element element)
{
    return element == ATTAR_ELEMENT_FLOAT32 || element == ATTAR_ELEMENT_FLOAT16 || element == ATTAR_ELEMENT_BFLOAT16;
}

static int is_lookup(attar_element element)
{
    return element >= ATTAR_ELEMENT_LOOKUP8 && element <= ATTAR_ELEMENT_LOOKUP64;
}

/* The least and the greatest integer that an element takes. */
static const int32_t limits[ATTAR_ELEMENT_COUNT][2] = {
    [ATTAR_ELEMENT_INT32] = {INT32_MIN, INT32_MAX},
    [ATTAR_ELEMENT_INT16] = {INT16_MIN, INT16_MAX},
    [ATTAR_ELEMENT_INT8] = {INT8_MIN, INT8_MAX},
    [ATTAR_ELEMENT_INT4] = {-8, 7},
    [ATTAR_ELEMENT_UINT16] = {0, UINT16_MAX},
    [ATTAR_ELEMENT_UINT8] = {0, UINT8_MAX},
    [ATTAR_ELEMENT_FLOAT32] = {-GRID_MAX, GRID_MAX},
    [ATTAR_ELEMENT_FLOAT16] = {-GRID_MAX, GRID_MAX},
    [ATTAR_ELEMENT_BFLOAT16] = {-GRID_MAX, GRID_MAX},
    [ATTAR_ELEMENT_LOOKUP8] = {-ORIGIN, ENTRIES - 1 - ORIGIN},
    [ATTAR_ELEMENT_LOOKUP16] = {-ORIGIN, ENTRIES - 1 - ORIGIN},
    [ATTAR_ELEMENT_LOOKUP32] = {-ORIGIN, ENTRIES - 1 - ORIGIN},
    [ATTAR_ELEMENT_LOOKUP64] = {-ORIGIN, ENTRIES - 1 - ORIGIN},
};

static attar_sink sink_of(attar_element element, void *dst, uint64_t from, uint64_t capacity)
{
    static uint8_t narrow[ENTRIES];
    static uint16_t middle[ENTRIES];
    static uint32_t wide[ENTRIES];
    const void *books[] = {narrow, middle, wide, book};
    for (int i = 0; i < ENTRIES; i++) {
        narrow[i] = (uint8_t)(book[i] & 0xffu);
        middle[i] = (uint16_t)(book[i] & 0xffffu);
        wide[i] = (uint32_t)(book[i] & 0xffffffffu);
    }
    attar_sink sink = {element, dst, from, capacity, scales, CHANNELS, 3, NULL, ENTRIES, ORIGIN};
    if (is_lookup(element))
        sink.book = books[element - ATTAR_ELEMENT_LOOKUP8];
    return sink;
}

static size_t bytes_of(attar_element element, uint64_t count)
{
    return (size_t)(count * bits_of_element[element] + 7) / 8;
}

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* 2^power times a whole number, which a double holds exactly. */
static double scaled(double value, int power)
{
    for (; power > 0; power--)
        value *= 2;
    for (; power < 0; power++)
        value /= 2;
    return value;
}

/* The magnitude of a pattern of so many mantissa bits, its exponents so biased; infinity is a number like others. */
static double magnitude_of(uint32_t pattern, int mantissa_bits, int bias)
{
    const int exponent = (int)(pattern >> mantissa_bits);
    const double mantissa = pattern & ((1u << mantissa_bits) - 1u);
    if (exponent == 0)
        return scaled(mantissa, 1 - bias - mantissa_bits);
    return scaled(mantissa + (1u << mantissa_bits), exponent - bias - mantissa_bits);
}

/* The pattern of the nearest magnitude, by bisection, of two that are as near the even one. */
static uint32_t nearest(double magnitude, int mantissa_bits, int bias, uint32_t infinity)
{
    uint32_t low = 0;
    for (uint32_t step = 0x4000; step > 0; step /= 2)
        if (low + step < infinity && magnitude_of(low + step, mantissa_bits, bias) <= magnitude)
            low += step;
    const double below = magnitude - magnitude_of(low, mantissa_bits, bias);
    const double above = magnitude_of(low + 1, mantissa_bits, bias) - magnitude;
    return below < above || (below == above && low % 2 == 0) ? low : low + 1;
}

static uint64_t expected_float(attar_element element, float value)
{
    const uint32_t sign = float_bits(value) >> 31 << 15;
    const double magnitude = value < 0 ? -(double)value : (double)value;
    if (element == ATTAR_ELEMENT_FLOAT32)
        return float_bits(value);
    if (element == ATTAR_ELEMENT_FLOAT16)
        return sign | nearest(magnitude, 10, 15, 0x7c00);
    return sign | nearest(magnitude, 7, 127, 0x7f80);
}

/* The bits of the element that stands for an integer, in the low bits. */
static uint64_t expected(attar_element element, uint64_t index, int32_t value)
{
    const unsigned bits = bits_of_element[element];
    const uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    if (is_float(element))
        return expected_float(element, (float)value * scales[index / 3 % CHANNELS]);
    if (is_lookup(element))
        return book[value + ORIGIN] & mask;
    return (uint64_t)(int64_t)value & mask;
}

static uint64_t found(attar_element element, const uint8_t *dst, uint64_t index)
{
    uint8_t narrow;
    uint16_t middle;
    uint32_t wide;
    uint64_t widest;
    switch (bits_of_element[element]) {
    case 4:
        return (uint64_t)dst[index / 2] >> index % 2 * 4 & 15u;
    case 8:
        memcpy(&narrow, dst + index, 1);
        return narrow;
    case 16:
        memcpy(&middle, dst + 2 * index, 2);
        return middle;
    case 32:
        memcpy(&wide, dst + 4 * index, 4);
        return wide;
    default:
        memcpy(&widest, dst + 8 * index, 8);
        return widest;
    }
}

static void fill(attar_element element, int32_t *values)
{
    const int32_t low = limits[element][0];
    const int32_t high = limits[element][1];
    const uint32_t span = (uint32_t)high - (uint32_t)low;
    for (size_t i = 0; i < COUNT; i++) {
        const uint32_t any = random_below(1 << 24) << 8 | random_below(256);
        const uint32_t offset = span == UINT32_MAX ? any : any % (span + 1);
        const int64_t value = (int64_t)low + offset;
        const int32_t small = (int32_t)random_below(5) - 2;
        values[i] = i % 4 == 0 && small >= low && small <= high ? small : (int32_t)value;
    }
    values[1] = low;
    values[COUNT - 1] = high;
}

static void check_window(attar_element element, uint64_t from, uint64_t capacity, size_t block)
{
    int32_t values[COUNT];
    const size_t size = bytes_of(element, capacity);
    uint8_t *dst = exactly(size);
    attar_sink sink = sink_of(element, dst, from, capacity);
    fill(element, values);
    memset(dst, 0xaa, size);
    for (size_t first = 0; first < COUNT; first += block) {
        const size_t n = COUNT - first < block ? COUNT - first : block;
        CHECK(attar_sink_write(&sink, first, values + first, n) == ATTAR_OK);
    }
    for (uint64_t i = 0; i < capacity; i++) {
        const uint64_t untouched = 0xaaaaaaaaaaaaaaaau & (UINT64_MAX >> (64 - bits_of_element[element]));
        if (from < COUNT && from + i < COUNT)
            CHECK(found(element, dst, i) == expected(element, from + i, values[from + i]));
        else if (element != ATTAR_ELEMENT_INT4 || from + i != COUNT) /* the half byte after the last element is zero */
            CHECK(found(element, dst, i) == untouched);
    }
    free(dst);
}

static void test_windows(void)
{
    static const uint64_t froms[] = {0, 2, 64, 300, 302, 1000, UINT64_MAX - 1};
    static const uint64_t capacities[] = {0, 2, 64, 100, 302, 400};
    static const size_t blocks[] = {2, 64, 302};
    for (int element = 0; element < ATTAR_ELEMENT_COUNT; element++)
        for (size_t f = 0; f < sizeof froms / sizeof *froms; f++)
            for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++)
                check_window((attar_element)element, froms[f], capacities[c], blocks[(f + c) % 3]);
}

/* Each value around all halfway points of the small exponents, and around the ends of the range. */
static void test_rounding(void)
{
    static const float steps[] = {1.4e-45f, 5.9604645e-8f, 2.9802322e-8f, 1.4901161e-8f, 6.1e-5f, 1, 3.3f, 3e38f};
    static const attar_element elements[] = {ATTAR_ELEMENT_FLOAT16, ATTAR_ELEMENT_BFLOAT16};
    for (size_t e = 0; e < 2; e++)
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
            for (int32_t q = -4200; q <= 4200; q++) {
                uint16_t out;
                attar_sink sink = sink_of(elements[e], &out, 0, 1);
                sink.scales = steps + s;
                sink.scale_count = 1;
                CHECK(attar_sink_write(&sink, 0, &q, 1) == ATTAR_OK);
                const float value = (float)q * steps[s];
                const int is_finite = value - value == 0;
                const uint32_t infinity = elements[e] == ATTAR_ELEMENT_FLOAT16 ? 0x7c00u : 0x7f80u;
                CHECK(is_finite ? out == expected_float(elements[e], value) : (out & 0x7fffu) == infinity);
            }
}

static void test_integers_that_do_not_fit(void)
{
    for (int e = 0; e < ATTAR_ELEMENT_COUNT; e++) {
        uint64_t out[4];
        const int32_t low = limits[e][0];
        const int32_t high = limits[e][1];
        for (int side = 0; side < 2 && e != ATTAR_ELEMENT_INT32; side++) {
            const int32_t beyond = side == 0 ? low - 1 : high + 1;
            const int32_t values[4] = {low, high, beyond, 0};
            attar_sink sink = sink_of((attar_element)e, out, 0, 4);
            CHECK(attar_sink_write(&sink, 0, values, 4) == ATTAR_BAD_SYMBOL);
            CHECK(attar_sink_write(&sink, 0, values, 2) == ATTAR_OK);
            sink.capacity = 2; /* what is left out is not looked at */
            CHECK(attar_sink_write(&sink, 0, values, 4) == ATTAR_OK);
        }
    }
}

static void test_far_entries(void)
{
    const int32_t ends[2] = {INT32_MIN, INT32_MAX};
    uint8_t out[1];
    for (uint32_t origin = 0; origin < ENTRIES; origin++)
        for (int i = 0; i < 2; i++) {
            attar_sink sink = sink_of(ATTAR_ELEMENT_LOOKUP8, out, 0, 1);
            sink.origin = origin;
            CHECK(attar_sink_write(&sink, 0, ends + i, 1) == ATTAR_BAD_SYMBOL);
        }
}

static void test_arguments(void)
{
    const int32_t values[2] = {1, 2};
    uint64_t out[2];
    attar_sink sink = sink_of(ATTAR_ELEMENT_FLOAT32, out, 0, 2);
    sink.scale_count = 0;
    CHECK(attar_sink_write(&sink, 0, values, 2) == ATTAR_BAD_ARGUMENT);
    sink = sink_of(ATTAR_ELEMENT_FLOAT32, out, 0, 2);
    sink.stride = 0;
    CHECK(attar_sink_write(&sink, 0, values, 2) == ATTAR_BAD_ARGUMENT);
    sink = sink_of(ATTAR_ELEMENT_INT4, out, 0, 4);
    CHECK(attar_sink_write(&sink, 1, values, 2) == ATTAR_BAD_ARGUMENT);
    sink.from = 1;
    CHECK(attar_sink_write(&sink, 0, values, 2) == ATTAR_BAD_ARGUMENT);
    sink = sink_of(ATTAR_ELEMENT_COUNT, out, 0, 2);
    CHECK(attar_sink_write(&sink, 0, values, 2) == ATTAR_BAD_ARGUMENT);
    sink = sink_of(ATTAR_ELEMENT_INT32, NULL, 0, 0);
    CHECK(attar_sink_write(&sink, 0, values, 2) == ATTAR_OK);
    CHECK(attar_sink_write(&sink, 0, NULL, 0) == ATTAR_OK);
}

int main(void)
{
    test_windows();
    test_rounding();
    test_integers_that_do_not_fit();
    test_far_entries();
    test_arguments();
    puts("ok");
    return 0;
}
