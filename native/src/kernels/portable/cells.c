/* Pick and Slice of bytes and of shorts: what lies together is copied, cell after cell of the last axis that changes. */
#include "../text/cells.h"
#include "../table.h"

static int fits(const attar_step *step)
{
    return step_output(step)->storage >= 8 && step_output(step)->rank > 0;
}

/* The cell of the input for a place along an axis. */
static uint64_t cell_of(const attar_step *step, uint32_t axis, uint64_t place)
{
    if (step->op->kind == ATTAR_SLICE)
        return (uint64_t)(step->op->starts[axis] + (int64_t)place * step->op->steps[axis]);
    return step->op->cells[axis][ATTAR_NEARER] == ATTAR_NOTHING ? place : said_at(step, axis, ATTAR_NEARER, place);
}

static int stays(const attar_step *step, uint32_t axis)
{
    if (step->op->kind == ATTAR_SLICE) /* all that begins with the first cell is in order */
        return step_input(step, 0)->dims[axis] == step_output(step)->dims[axis] && step->op->starts[axis] == 0;
    return step->op->cells[axis][ATTAR_NEARER] == ATTAR_NOTHING;
}

/* The last axis that changes, or the first one. */
static uint32_t changed_axis(const attar_step *step)
{
    uint32_t axis = step_output(step)->rank - 1;
    while (axis > 0 && stays(step, axis))
        axis--;
    return axis;
}

static uint64_t walks(const attar_step *step)
{
    const attar_tensor *to = step_output(step);
    const uint32_t axis = changed_axis(step);
    return to->elements / together(to, axis) / to->dims[axis];
}

static void copy(const uint8_t *from, uint8_t *to, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = from[i];
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint32_t walked = changed_axis(step);
    const uint64_t bytes = together(to, walked) * to->storage / 8;
    for (uint64_t walk = begin; walk < end; walk++) {
        uint64_t rest = walk, stride = bytes * from->dims[walked], first = from->offset;
        for (uint32_t axis = walked; axis-- > 0; rest /= to->dims[axis]) {
            first += cell_of(step, axis, rest % to->dims[axis]) * stride;
            stride *= from->dims[axis];
        }
        uint8_t *write = arena + to->offset + walk * to->dims[walked] * bytes;
        for (uint32_t place = 0; place < to->dims[walked]; place++, write += bytes)
            copy(arena + first + cell_of(step, walked, place) * bytes, write, bytes);
    }
}

const attar_kernel attar_portable_pick = {ATTAR_PICK, ATTAR_ISA_PORTABLE, fits, NULL, NULL, NULL, walks, run};
const attar_kernel attar_portable_slice = {ATTAR_SLICE, ATTAR_ISA_PORTABLE, fits, NULL, NULL, NULL, walks, run};
