/* What an encoder wants to know before it decides on levels and tables. */
#include "levels.h"

static uint64_t sum_of(const int32_t *src, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += attar_magnitude_of(src[i]);
    return sum;
}

static void add_each(const int32_t *src, size_t n, uint64_t *sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += attar_magnitude_of(src[i]);
}

attar_status attar_levels_sums(const int32_t *src, uint64_t first, size_t n, uint64_t stride, uint32_t length,
                               uint64_t *sums)
{
    if (stride < 1 || length < 1)
        return ATTAR_BAD_ARGUMENT;
    uint64_t index = first / stride % length;
    uint64_t left = stride - first % stride;
    for (size_t i = 0; i < n;) {
        size_t run = left < n - i ? (size_t)left : n - i;
        if (stride == 1) { /* consecutive elements have consecutive sums */
            run = length - index < n - i ? (size_t)(length - index) : n - i;
            add_each(src + i, run, sums + index);
            index += run;
        } else {
            sums[index++] += sum_of(src + i, run);
        }
        i += run;
        left = stride;
        index = index == length ? 0 : index;
    }
    return ATTAR_OK;
}

attar_status attar_levels_count(const attar_levels_model *model, const int32_t *src, uint64_t first, size_t n,
                                uint64_t *counts, size_t counts_size)
{
    uint8_t tables[LEVELS_BLOCK];
    if (model->tables > ATTAR_LEVELS_TABLES_MAX || counts_size < (size_t)model->tables * ATTAR_LEVELS_TOKENS_MAX)
        return ATTAR_BAD_ARGUMENT;
    for (size_t done = 0; done < n;) {
        const size_t count = n - done < LEVELS_BLOCK ? n - done : LEVELS_BLOCK;
        attar_levels_block(model, first + done, tables, count);
        for (size_t i = 0; i < count; i++) {
            const int32_t value = src[done + i];
            if (value == INT32_MIN)
                return ATTAR_BAD_SYMBOL;
            counts[(size_t)tables[i] * ATTAR_LEVELS_TOKENS_MAX + attar_token_of(value)]++;
        }
        done += count;
    }
    return ATTAR_OK;
}
