/* The four functions that a compiler may call without being asked: all that the core needs from outside. */
#include <stddef.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns") /* else each of these loops becomes a call of itself */
#endif

void *memcpy(void *dst, const void *src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int byte, size_t size);
int memcmp(const void *left, const void *right, size_t size);

void *memcpy(void *dst, const void *src, size_t size)
{
    unsigned char *to = dst;
    const unsigned char *from = src;
    for (size_t i = 0; i < size; i++)
        to[i] = from[i];
    return dst;
}

void *memmove(void *dst, const void *src, size_t size)
{
    unsigned char *to = dst;
    const unsigned char *from = src;
    if (to <= from)
        return memcpy(dst, src, size);
    while (size-- > 0)
        to[size] = from[size];
    return dst;
}

void *memset(void *dst, int byte, size_t size)
{
    unsigned char *to = dst;
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)byte;
    return dst;
}

int memcmp(const void *left, const void *right, size_t size)
{
    const unsigned char *a = left;
    const unsigned char *b = right;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}
