/* Counts of bytes to a table of frequencies. All in integers, so that every machine writes the same bytes. */
#include "bits.h"
#include "floats.h"

enum { LOG2_FRACTION_BITS = 10, SAMPLE_EVERY = 1024, SAMPLE_RUN = 64 };

static void clear(uint32_t *counts)
{
    for (unsigned entry = 0; entry < ATTAR_BYTE_COUNTS; entry++)
        counts[entry] = 0;
}

/* Four tables, because equal neighbors would wait for each other's increment in one. */
static void add(const uint8_t *src, size_t n, uint32_t *counts)
{
    size_t i = 0;
    for (; n - i >= 4; i += 4) {
        counts[src[i]]++;
        counts[256u + src[i + 1]]++;
        counts[512u + src[i + 2]]++;
        counts[768u + src[i + 3]]++;
    }
    for (; i < n; i++)
        counts[src[i]]++;
}

static void sum_up(uint32_t *counts)
{
    for (unsigned symbol = 0; symbol < 256; symbol++)
        counts[symbol] += counts[256 + symbol] + counts[512 + symbol] + counts[768 + symbol];
}

void attar_bytes_count(const uint8_t *src, size_t n, uint32_t *counts)
{
    clear(counts);
    add(src, n, counts);
    sum_up(counts);
}

size_t attar_bytes_sample(const uint8_t *src, size_t n, uint32_t *counts)
{
    size_t total = 0;
    clear(counts);
    for (size_t i = 0; n - i >= SAMPLE_EVERY; i += SAMPLE_EVERY, total += SAMPLE_RUN)
        add(src + i, SAMPLE_RUN, counts);
    sum_up(counts);
    return total;
}

void attar_table_range(attar_byte_table *table, const uint32_t *counts)
{
    unsigned low = 0;
    unsigned high = 255;
    while (low < 255 && counts[low] == 0)
        low++;
    while (high > low && counts[high] == 0)
        high--;
    table->low = low;
    table->size = high - low + 1;
}

/* log2 of 1 <= value < 2^15 by repeated squaring, a bit of the fraction at a time, rounded down. */
static uint32_t log2_of(uint32_t value)
{
    uint32_t result = 0;
    while (value >> (result + 1) != 0)
        result++;
    uint32_t x = value << (15 - result); /* 1 to 2, in units of 2^-15 */
    for (unsigned bit = 0; bit < LOG2_FRACTION_BITS; bit++) {
        x = x * x >> 15;
        result = result << 1 | x >> 16;
        x >>= x >> 16;
    }
    return result;
}

static uint64_t code_bits(const attar_byte_table *table, const uint32_t *counts)
{
    const uint32_t whole = (uint32_t)table->total_log2 << LOG2_FRACTION_BITS;
    uint64_t sum = 0;
    for (unsigned i = 0; i < table->size; i++)
        if (counts[i] != 0)
            sum += (uint64_t)counts[i] * (whole - log2_of(table->frequencies[i]));
    return (sum >> LOG2_FRACTION_BITS) + 1;
}

/* The symbol that gains most by one unit more, or loses least by one less (`less` 1): counts / (2 f + 1 or - 1), which
 * is log2(f + 1) - log2 f, or log2 f - log2(f - 1), but for the third order. */
static unsigned next_to_change(const attar_byte_table *table, const uint32_t *counts, unsigned less)
{
    unsigned best = 256;
    uint64_t best_count = 0;
    uint64_t best_weight = 1;
    for (unsigned i = 0; i < table->size; i++) {
        uint32_t frequency = table->frequencies[i];
        if (frequency <= less)
            continue;
        uint64_t weight = 2 * (uint64_t)frequency + 1 - 2 * less;
        uint64_t here = counts[i] * best_weight;
        uint64_t there = best_count * weight;
        if (best == 256 || (less != 0 ? here < there : here > there)) {
            best = i;
            best_count = counts[i];
            best_weight = weight;
        }
    }
    return best;
}

void attar_table_fit(attar_byte_table *table, const uint32_t *counts, size_t n, unsigned total_log2)
{
    const uint32_t total = UINT32_C(1) << total_log2;
    uint32_t sum = 0;
    for (unsigned i = 0; i < table->size; i++) {
        uint64_t share = ((uint64_t)counts[table->low + i] * total + n / 2) / n;
        uint32_t frequency = counts[table->low + i] == 0 ? 0 : share < 1 ? 1 : (uint32_t)share;
        table->frequencies[i] = (uint16_t)frequency;
        sum += frequency;
    }
    for (; sum > total; sum--)
        table->frequencies[next_to_change(table, counts + table->low, 1)]--;
    for (; sum < total; sum++)
        table->frequencies[next_to_change(table, counts + table->low, 0)]++;
    table->total_log2 = total_log2;
    table->code_bits = code_bits(table, counts + table->low);
}

static unsigned bits_of(uint32_t value)
{
    unsigned bits = 0;
    while (value >> bits != 0)
        bits++;
    return bits;
}

/* Bits of the frequencies in Exp-Golomb code. */
static uint32_t coded_bits(const attar_byte_table *table, unsigned order)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < table->size; i++)
        bits += 2 * bits_of(table->frequencies[i] + (UINT32_C(1) << order)) - 1 - order;
    return bits;
}

static unsigned best_order(const attar_byte_table *table)
{
    unsigned best = 0;
    uint32_t least = coded_bits(table, 0);
    for (unsigned order = 1; order <= table->total_log2; order++) {
        uint32_t bits = coded_bits(table, order);
        if (bits < least) {
            best = order;
            least = bits;
        }
    }
    return best;
}

static int put_frequency(attar_bit_writer *writer, uint32_t frequency, unsigned order)
{
    uint32_t shifted = frequency + (UINT32_C(1) << order);
    unsigned width = bits_of(shifted) - 1;
    uint32_t ones = (UINT32_C(1) << (width - order)) - 1u;
    return attar_bits_put(writer, ones, width - order + 1) &&
           attar_bits_put(writer, shifted - (UINT32_C(1) << width), width);
}

attar_status attar_table_write(const attar_byte_table *table, unsigned lanes_log2, uint8_t *dst, size_t dst_capacity,
                               size_t *written)
{
    attar_bit_writer writer = {dst, dst + dst_capacity, 0, 0};
    unsigned order = best_order(table);
    int ok = attar_bits_put(&writer, table->total_log2 | lanes_log2 << 4, 8) &&
             attar_bits_put_varint(&writer, 2 * table->low) && attar_bits_put_varint(&writer, table->size - 1) &&
             attar_bits_put(&writer, order, 4);
    for (unsigned i = 0; ok && i < table->size; i++)
        ok = put_frequency(&writer, table->frequencies[i], order);
    if (!ok || !attar_bits_flush(&writer))
        return ATTAR_OUTPUT_TOO_SMALL;
    *written = (size_t)(writer.at - dst);
    return ATTAR_OK;
}
