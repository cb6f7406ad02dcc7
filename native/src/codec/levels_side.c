/* The side section of the levels coder: levels, tops, logits and skews, each predicted from those before it. */
#include "arith.h"
#include "levels.h"

static attar_status within(int32_t value, int32_t low, int32_t high)
{
    return value >= low && value <= high ? ATTAR_OK : ATTAR_BAD_HEADER;
}

/* Whether differences of neighbors are smaller than the levels themselves. */
static unsigned follow_each_other(const int8_t *levels, uint32_t length)
{
    uint64_t from_zero = 0;
    uint64_t from_before = 0;
    int32_t before = 0;
    for (uint32_t i = 0; i < length; i++) {
        int32_t step = levels[i] - before;
        from_zero += (uint64_t)(levels[i] < 0 ? -levels[i] : levels[i]);
        from_before += (uint64_t)(step < 0 ? -step : step);
        before = levels[i];
    }
    return from_before < from_zero;
}

/* A flag says whether each level is predicted by the one before (neighbors alike) or by zero. */
static attar_status side_axis(attar_arith *coder, int8_t *levels, uint32_t length)
{
    attar_numbers numbers;
    attar_chance even = {32768, 0};
    attar_numbers_start(&numbers);
    unsigned follows = coder->is_writing ? follow_each_other(levels, length) : 0u;
    follows = attar_arith_bit(coder, &even, follows);
    int32_t guess = 0;
    for (uint32_t i = 0; i < length; i++) {
        int32_t level = guess + attar_arith_number(coder, &numbers, levels[i] - guess);
        if (within(level, -ATTAR_LEVEL_MAX, ATTAR_LEVEL_MAX) != ATTAR_OK)
            return ATTAR_BAD_HEADER;
        levels[i] = (int8_t)level;
        guess = follows != 0 ? level : 0;
    }
    return ATTAR_OK;
}

static attar_status side_tops(attar_arith *coder, attar_levels_model *model)
{
    attar_numbers numbers;
    attar_numbers_start(&numbers);
    int32_t guess = 0;
    for (uint32_t k = 0; k < model->tables; k++) {
        int32_t top = guess + attar_arith_number(coder, &numbers, model->top[k] - guess);
        if (within(top, 0, ATTAR_LEVELS_CLASS_MAX) != ATTAR_OK)
            return ATTAR_BAD_HEADER;
        model->top[k] = (uint8_t)top;
        guess = top;
    }
    return ATTAR_OK;
}

/* Left + above - above left where that is between left and above, else the nearer of the two (Weinberger 1996). */
static int32_t gradient(int32_t left, int32_t above, int32_t corner)
{
    int32_t low = left < above ? left : above;
    int32_t high = left < above ? above : left;
    int32_t middle = left + above - corner;
    return middle < low ? low : middle > high ? high : middle;
}

int32_t attar_levels_guess(const attar_levels_model *model, uint32_t k, uint32_t j)
{
    int has_above = k > 0 && j < model->top[k - 1];
    if (j == 0)
        return has_above ? model->logits[k - 1][0] : 0;
    int32_t left = model->logits[k][j - 1];
    return has_above ? gradient(left, model->logits[k - 1][j], model->logits[k - 1][j - 1]) : left;
}

static attar_status side_logit(attar_arith *coder, attar_numbers *numbers, int32_t guess, int32_t limit,
                               int16_t *logit)
{
    int32_t value = guess + attar_arith_number(coder, numbers, *logit - guess);
    *logit = (int16_t)value;
    return within(value, -limit, limit);
}

static attar_status side_logits(attar_arith *coder, attar_levels_model *model)
{
    attar_numbers numbers;
    attar_numbers_start(&numbers);
    attar_status status = ATTAR_OK;
    for (uint32_t k = 0; k < model->tables; k++)
        for (uint32_t j = 0; status == ATTAR_OK && j < model->top[k]; j++)
            status = side_logit(coder, &numbers, attar_levels_guess(model, k, j), ATTAR_LEVELS_LOGIT_MAX >> model->precision,
                                &model->logits[k][j]);
    return status;
}

static attar_status side_skews(attar_arith *coder, attar_levels_model *model)
{
    attar_numbers numbers;
    attar_numbers_start(&numbers);
    attar_status status = ATTAR_OK;
    int32_t guess = 0;
    for (uint32_t k = 0; status == ATTAR_OK && k < model->tables; k++) {
        if (!model->is_skewed || model->top[k] == 0) {
            model->skews[k] = 0;
            continue;
        }
        status = side_logit(coder, &numbers, guess, ATTAR_LEVELS_LOGIT_MAX >> model->precision, &model->skews[k]);
        guess = model->skews[k];
    }
    return status;
}

static attar_status side_base(attar_arith *coder, attar_levels_model *model)
{
    attar_numbers numbers;
    attar_numbers_start(&numbers);
    if (model->axes == 0)
        model->base = 0;
    else
        model->base = attar_arith_number(coder, &numbers, model->base);
    return within(model->base, 0, ATTAR_LEVELS_TABLES_MAX - 1);
}

attar_status attar_levels_side(attar_arith *coder, attar_levels_model *model)
{
    attar_status status = side_base(coder, model);
    for (uint32_t a = 0; status == ATTAR_OK && a < model->axes; a++)
        status = side_axis(coder, model->levels + model->axis[a].first, model->axis[a].length);
    if (status == ATTAR_OK)
        status = side_tops(coder, model);
    if (status == ATTAR_OK)
        status = side_logits(coder, model);
    return status == ATTAR_OK ? side_skews(coder, model) : status;
}
