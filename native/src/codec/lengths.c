/* Package-merge (Larmore and Hirschberg 1990): every level merges the leaves with the pairs of the level below; a
 * leaf's code length is the number of levels whose cheapest items contain it. */
#include "attar/codec.h"

/* Leaves win ties, which keeps the result independent of how the packages came about. */
static size_t merge_level(const uint64_t *leaves, size_t size, const uint64_t *below, size_t below_size,
                          uint64_t *merged, uint8_t *is_leaf)
{
    size_t packages = below_size / 2;
    size_t leaf = 0;
    size_t package = 0;
    for (size_t i = 0; i < size + packages; i++) {
        uint64_t pair = package < packages ? below[2 * package] + below[2 * package + 1] : UINT64_MAX;
        int take_leaf = leaf < size && (package == packages || leaves[leaf] <= pair);
        merged[i] = take_leaf ? leaves[leaf] : pair;
        is_leaf[i] = (uint8_t)take_leaf;
        leaf += take_leaf ? 1 : 0;
        package += take_leaf ? 0 : 1;
    }
    return size + packages;
}

static void count_lengths(attar_lengths_scratch *scratch, unsigned levels, size_t size, uint8_t *lengths)
{
    size_t taken = 2 * size - 2;
    for (unsigned level = levels; level-- > 0;) {
        size_t leaves = 0;
        for (size_t i = 0; i < taken; i++)
            leaves += scratch->is_leaf[level][i];
        for (size_t i = 0; i < leaves; i++)
            lengths[i]++;
        taken = 2 * (taken - leaves);
    }
}

static attar_status check_counts(const uint64_t *counts, size_t size)
{
    if (size == 0 || size > ATTAR_ALPHABET_MAX || counts[0] == 0)
        return ATTAR_BAD_ARGUMENT;
    for (size_t i = 1; i < size; i++)
        if (counts[i] < counts[i - 1])
            return ATTAR_BAD_ARGUMENT;
    /* A package sums at most ATTAR_CODE_BITS_MAX copies of all counts. */
    return counts[size - 1] >> 44 == 0 ? ATTAR_OK : ATTAR_BAD_ARGUMENT;
}

attar_status attar_huffman_lengths(const uint64_t *counts, size_t size, uint8_t *lengths,
                                   attar_lengths_scratch *scratch)
{
    attar_status status = check_counts(counts, size);
    if (status != ATTAR_OK)
        return status;
    for (size_t i = 0; i < size; i++)
        lengths[i] = 0;
    /* No code is longer than size - 1 bits, so more levels would change nothing. */
    unsigned levels = size > ATTAR_CODE_BITS_MAX ? ATTAR_CODE_BITS_MAX : (unsigned)size - 1u;
    size_t below = 0;
    for (unsigned level = 0; level < levels; level++)
        below = merge_level(counts, size, scratch->weights[(level + 1) % 2], below, scratch->weights[level % 2],
                            scratch->is_leaf[level]);
    count_lengths(scratch, levels, size, lengths);
    return ATTAR_OK;
}
