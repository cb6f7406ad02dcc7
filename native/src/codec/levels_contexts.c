/* Which table an element is coded with: its levels along all axes, added up in runs of equal or consecutive ones. */
#include "levels.h"

static void add_one(int8_t *sums, size_t n, int8_t level)
{
    for (size_t i = 0; i < n; i++)
        sums[i] = (int8_t)(sums[i] + level);
}

static void add_each(int8_t *sums, size_t n, const int8_t *levels)
{
    for (size_t i = 0; i < n; i++)
        sums[i] = (int8_t)(sums[i] + levels[i]);
}

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

/* Stride one: the levels lie as the elements do. */
static void add_columns(const int8_t *levels, uint64_t at, uint32_t length, int8_t *sums, size_t n)
{
    uint64_t column = at % length;
    for (size_t i = 0; i < n;) {
        size_t run = least(length - column, n - i);
        add_each(sums + i, run, levels + column);
        i += run;
        column = 0;
    }
}

static void add_rows(const int8_t *levels, uint64_t at, const attar_level_axis *axis, int8_t *sums, size_t n)
{
    uint64_t row = at / axis->stride % axis->length;
    uint64_t left = axis->stride - at % axis->stride;
    for (size_t i = 0; i < n;) {
        size_t run = least(left, n - i);
        add_one(sums + i, run, levels[row]);
        i += run;
        left = axis->stride;
        row = row + 1 == axis->length ? 0 : row + 1;
    }
}

void attar_levels_block(const attar_levels_model *model, uint64_t first, uint8_t *tables, size_t n)
{
    int8_t sums[LEVELS_BLOCK];
    for (size_t i = 0; i < n; i++)
        sums[i] = (int8_t)model->base;
    for (uint32_t a = 0; a < model->axes; a++) {
        const attar_level_axis *axis = &model->axis[a];
        if (axis->stride == 1)
            add_columns(model->levels + axis->first, first, axis->length, sums, n);
        else
            add_rows(model->levels + axis->first, first, axis, sums, n);
    }
    const int8_t last = (int8_t)(model->tables - 1);
    for (size_t i = 0; i < n; i++) {
        int8_t table = sums[i] < 0 ? 0 : sums[i];
        tables[i] = (uint8_t)(table > last ? last : table);
    }
}

attar_status attar_levels_table_of(const attar_levels_model *model, uint64_t first, uint8_t *tables, size_t n)
{
    for (size_t done = 0; done < n;) {
        size_t count = n - done < LEVELS_BLOCK ? n - done : LEVELS_BLOCK;
        attar_levels_block(model, first + done, tables + done, count);
        done += count;
    }
    return ATTAR_OK;
}
