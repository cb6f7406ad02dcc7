/* Weights as the plain kernels want them: row after row, tap after tap, channel after channel, 16 bits each. */
#include "kernels.h"

uint64_t attar_ref_matrix_bytes(const attar_step *step)
{
    return 2 * (uint64_t)step->matrix.rows * step->matrix.taps * step->matrix.channels;
}

void attar_ref_matrix_pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values)
{
    const uint32_t taps = step->matrix.taps, channels = step->matrix.channels;
    int16_t *to = (int16_t *)step->packed + row * taps * channels;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t column = first + i;
        to[column % taps * channels + column / taps] = values[i];
    }
}
