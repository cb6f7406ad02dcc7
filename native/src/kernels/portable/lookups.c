/* Bytes to bytes by a table of 256: Requantize, Table, and Concat, which has a table for each of its inputs. */
#include "../integers.h"
#include "../table.h"

enum { ENTRIES = 256, BLOCK = 4096 };

static int fits(const attar_step *step)
{
    int all = step_output(step)->storage == 8;
    for (uint32_t i = 0; all && i < step->op->input_count; i++)
        all = step_input(step, i)->storage == 8;
    return all;
}

static uint64_t bytes(const attar_step *step)
{
    return (uint64_t)ENTRIES * step->op->input_count;
}

/* What an input's u becomes. A hostile program may let memory hold what its format does not: all 256 are answered. */
static uint8_t entry_of(const attar_step *step, uint32_t input, uint32_t u)
{
    if (step->op->kind == ATTAR_TABLE) {
        const uint32_t top = step_input(step, input)->top;
        return step->program->constants[step->op->weights].data[u < top ? u : top];
    }
    const attar_scaling *scaling = &step->scalings[input];
    const int64_t x = (int64_t)u - step_input(step, input)->zero;
    return (uint8_t)clamped(step->op, step_output(step), rescaled(x, scaling->multiplier, scaling->shift));
}

static void finish(const attar_step *step)
{
    uint8_t *to = step->packed;
    for (uint32_t i = 0; i < step->op->input_count; i++)
        for (uint32_t u = 0; u < ENTRIES; u++)
            *to++ = entry_of(step, i, u);
}

static void look_up(const uint8_t *table, const uint8_t *from, uint8_t *to, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = table[from[i]];
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const uint64_t elements = step_output(step)->elements;
    const uint64_t first = place_of_item(begin, step->items, elements), last = place_of_item(end, step->items, elements);
    look_up(step->packed, arena + step_input(step, 0)->offset + first, arena + step_output(step)->offset + first,
            last - first);
}

static uint64_t items(const attar_step *step)
{
    return step_output(step)->elements / BLOCK + 1;
}

/* The numbers of a tensor from the axis of a Concat on: what lies together. */
static uint64_t run_length(const attar_step *step, const attar_tensor *tensor)
{
    uint64_t count = 1;
    for (uint32_t axis = step->op->axis; axis < tensor->rank; axis++)
        count *= tensor->dims[axis];
    return count;
}

static void run_concat(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *joined = step_output(step);
    const uint64_t whole = run_length(step, joined);
    for (uint64_t row = begin; row < end; row++) {
        uint8_t *to = arena + joined->offset + row * whole;
        for (uint32_t i = 0; i < step->op->input_count; i++) {
            const attar_tensor *from = step_input(step, i);
            const uint64_t count = run_length(step, from);
            look_up((const uint8_t *)step->packed + ENTRIES * i, arena + from->offset + row * count, to, count);
            to += count;
        }
    }
}

static uint64_t rows(const attar_step *step)
{
    return step_output(step)->elements / run_length(step, step_output(step));
}

const attar_kernel attar_portable_requantize = {ATTAR_REQUANTIZE, ATTAR_ISA_PORTABLE, fits, bytes, NULL, finish,
                                                items, run};
const attar_kernel attar_portable_table = {ATTAR_TABLE, ATTAR_ISA_PORTABLE, fits, bytes, NULL, finish, items, run};
const attar_kernel attar_portable_concat = {ATTAR_CONCAT, ATTAR_ISA_PORTABLE, fits, bytes, NULL, finish, rows,
                                            run_concat};
