/* Elements to byte planes and back. Rotation and cut are one step on bytes, so that neither alignment nor the byte order
 * of the machine matters. */
#include "floats.h"

/* Itemsizes and turns that large tensors use: with constants, compilers make vector code that is five times as fast. */
#define FAST(X) X(2, 0) X(2, 1) X(4, 0) X(4, 1) X(8, 3) X(8, 4)

static inline void split(const uint8_t *restrict src, size_t n, unsigned size, unsigned turn, uint8_t *restrict planes)
{
    for (size_t i = 0; i < n; i++)
        for (unsigned k = 0; k < size; k++) {
            unsigned high = src[size * i + k];
            unsigned low = src[size * i + (k + size - 1) % size];
            planes[k * n + i] = (uint8_t)((high << turn | low >> (8 - turn)) & 0xffu);
        }
}

void attar_floats_split(const uint8_t *src, size_t n, unsigned itemsize, unsigned turn, uint8_t *planes)
{
#define SPLIT(SIZE, TURN)                                                                                              \
    if (itemsize == SIZE && turn == TURN) {                                                                            \
        split(src, n, SIZE, TURN, planes);                                                                             \
        return;                                                                                                        \
    }
    FAST(SPLIT)
    split(src, n, itemsize, turn, planes);
}

static inline uint8_t turned_back(const uint8_t *low, const uint8_t *high, size_t i, unsigned turn)
{
    return (uint8_t)((low[i] >> turn | high[i] << (8 - turn)) & 0xff);
}

/* Every plane has a name of its own, without which compilers would not believe that dst overlaps none. */
static inline void join(const uint8_t *const *planes, size_t n, unsigned size, unsigned turn, uint8_t *restrict dst)
{
    const unsigned last = size - 1;
    const uint8_t *restrict p0 = planes[0], *restrict p1 = planes[1 & last], *restrict p2 = planes[2 & last];
    const uint8_t *restrict p3 = planes[3 & last], *restrict p4 = planes[4 & last], *restrict p5 = planes[5 & last];
    const uint8_t *restrict p6 = planes[6 & last], *restrict p7 = planes[7 & last];
    for (size_t i = 0; i < n; i++) {
        uint8_t *to = dst + size * i;
        to[0] = turned_back(p0, p1, i, turn);
        to[1] = turned_back(p1, p2, i, turn);
        if (size == 2)
            continue;
        to[2] = turned_back(p2, p3, i, turn);
        to[3] = turned_back(p3, p4, i, turn);
        if (size == 4)
            continue;
        to[4] = turned_back(p4, p5, i, turn);
        to[5] = turned_back(p5, p6, i, turn);
        to[6] = turned_back(p6, p7, i, turn);
        to[7] = turned_back(p7, p0, i, turn);
    }
}

void attar_floats_join(const uint8_t *const *planes, size_t n, unsigned itemsize, unsigned turn, uint8_t *dst)
{
#define JOIN(SIZE, TURN)                                                                                               \
    if (itemsize == SIZE && turn == TURN) {                                                                            \
        join(planes, n, SIZE, TURN, dst);                                                                              \
        return;                                                                                                        \
    }
    FAST(JOIN)
    join(planes, n, itemsize, turn, dst);
}
