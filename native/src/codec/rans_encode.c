/* The encoder runs backwards, so it fills its buffer from the end and moves the result to the front at last. */
#include "attar/codec.h"
#include "bytes.h"

enum { LANES_MAX = 1 << ATTAR_RANS_LANES_LOG2_MAX };

static attar_status sum_frequencies(const attar_rans_model *model, uint32_t *starts)
{
    if (model->size < 1 || model->size > ATTAR_ALPHABET_MAX || model->total_log2 < ATTAR_RANS_LOG2_MIN ||
        model->total_log2 > ATTAR_RANS_LOG2_MAX || model->lanes_log2 > ATTAR_RANS_LANES_LOG2_MAX)
        return ATTAR_BAD_ARGUMENT;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < model->size; i++) {
        starts[i] = sum;
        sum += model->frequencies[i];
    }
    return sum == UINT32_C(1) << model->total_log2 ? ATTAR_OK : ATTAR_BAD_FREQUENCIES;
}

static attar_status put_words(const int32_t *src, size_t n, const attar_rans_model *model, const uint32_t *starts,
                              uint32_t *states, const uint8_t *begin, uint8_t **end)
{
    const size_t lane_mask = ((size_t)1 << model->lanes_log2) - 1u;
    const unsigned log2 = model->total_log2;
    uint8_t *at = *end;
    for (size_t i = n; i-- > 0;) {
        uint32_t index = (uint32_t)src[i] - (uint32_t)model->low;
        if (index >= model->size || model->frequencies[index] == 0)
            return ATTAR_BAD_SYMBOL;
        uint32_t x = states[i & lane_mask];
        uint32_t frequency = model->frequencies[index];
        if (x >= (uint64_t)frequency << (32u - log2)) {
            if (at - begin < 2)
                return ATTAR_OUTPUT_TOO_SMALL;
            at -= 2;
            attar_store16(at, x & 0xffffu);
            x >>= 16;
        }
        states[i & lane_mask] = ((x / frequency) << log2) + x % frequency + starts[index];
    }
    *end = at;
    return ATTAR_OK;
}

static size_t move_front(uint8_t *dst, const uint8_t *from, const uint8_t *end)
{
    size_t size = (size_t)(end - from);
    for (size_t i = 0; i < size; i++)
        dst[i] = from[i];
    return size;
}

attar_status attar_rans_encode(const int32_t *src, size_t n, const attar_rans_model *model, uint8_t *dst,
                               size_t dst_capacity, size_t *written, attar_rans_encode_scratch *scratch)
{
    uint32_t states[LANES_MAX];
    *written = 0;
    attar_status status = sum_frequencies(model, scratch->starts);
    if (status != ATTAR_OK)
        return status;
    size_t lanes = (size_t)1 << model->lanes_log2;
    if (dst_capacity < 4 * lanes)
        return ATTAR_OUTPUT_TOO_SMALL;
    for (size_t lane = 0; lane < lanes; lane++)
        states[lane] = UINT32_C(1) << 16;
    uint8_t *words = dst + dst_capacity;
    status = put_words(src, n, model, scratch->starts, states, dst + 4 * lanes, &words);
    if (status != ATTAR_OK)
        return status;
    for (size_t lane = 0; lane < lanes; lane++)
        attar_store32(dst + 4 * lane, states[lane]);
    *written = 4 * lanes + move_front(dst + 4 * lanes, words, dst + dst_capacity);
    return ATTAR_OK;
}
