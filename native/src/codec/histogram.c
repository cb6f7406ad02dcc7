#include "attar/codec.h"

attar_status attar_symbol_range(const int32_t *src, size_t n, int32_t *low, int32_t *high)
{
    if (n == 0)
        return ATTAR_BAD_ARGUMENT;
    int32_t least = src[0];
    int32_t most = src[0];
    for (size_t i = 1; i < n; i++) {
        least = src[i] < least ? src[i] : least;
        most = src[i] > most ? src[i] : most;
    }
    *low = least;
    *high = most;
    return ATTAR_OK;
}

attar_status attar_histogram(const int32_t *src, size_t n, int32_t low, uint64_t *counts, size_t size)
{
    for (size_t i = 0; i < size; i++)
        counts[i] = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t index = (uint32_t)src[i] - (uint32_t)low;
        if (index >= size)
            return ATTAR_BAD_SYMBOL;
        counts[index]++;
    }
    return ATTAR_OK;
}
