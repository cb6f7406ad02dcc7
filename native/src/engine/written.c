/* Whether every tensor that is read, or handed out, was written before: by who fills inputs, or by an operator. */
#include "operators.h"

/* By place in the arena; several tensors may be other words for one place. */
static int is_before(const attar_tensor *a, const attar_tensor *b)
{
    return a->offset != b->offset ? a->offset < b->offset : a->bytes < b->bytes;
}

static void sift(const attar_tensor *tensors, uint32_t *order, uint64_t at, uint64_t count)
{
    const uint32_t held = order[at];
    for (uint64_t next; (next = 2 * at + 1) < count; at = next) {
        if (next + 1 < count && is_before(&tensors[order[next]], &tensors[order[next + 1]]))
            next++;
        if (!is_before(&tensors[held], &tensors[order[next]]))
            break;
        order[at] = order[next];
    }
    order[at] = held;
}

/* Heapsort: a hostile program may have its tensors in any order. */
static void sort(const attar_tensor *tensors, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count / 2; i-- > 0;)
        sift(tensors, order, i, count);
    for (uint32_t left = count; left-- > 1;) {
        const uint32_t last = order[0];
        order[0] = order[left];
        order[left] = last;
        sift(tensors, order, 0, left);
    }
}

/* The first in order of those at the same place stands for all of them. */
static void find_places(const building *b)
{
    uint32_t first = 0;
    sort(b->tensors, b->order, b->tensor_count);
    for (uint32_t i = 0; i < b->tensor_count; i++) {
        if (is_before(&b->tensors[b->order[first]], &b->tensors[b->order[i]]))
            first = i;
        b->places[b->order[i]].first = first;
    }
}

static void write_to(const building *b, uint32_t tensor)
{
    b->places[b->places[tensor].first].is_written = 1;
}

static int was_written(const building *b, uint32_t tensor)
{
    return b->places[b->places[tensor].first].is_written != 0;
}

attar_status attar_check_written(const building *b, uint32_t inputs, uint32_t outputs, uint32_t operators)
{
    int is_right = 1;
    find_places(b);
    for (uint32_t i = 0; i < inputs; i++)
        write_to(b, b->inputs[i].tensor);
    for (uint32_t i = 0; i < operators; i++) {
        for (uint32_t k = 0; k < b->operators[i].input_count; k++)
            is_right &= was_written(b, b->operators[i].inputs[k]);
        write_to(b, b->operators[i].output);
    }
    for (uint32_t i = 0; i < outputs; i++)
        is_right &= was_written(b, b->outputs[i].tensor);
    return is_right ? ATTAR_OK : ATTAR_NOT_WRITTEN;
}
