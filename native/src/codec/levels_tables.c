/* From logits to frequencies, in integers alone: every decoder must come to the same ones. */
#include "levels.h"

/* 65536 / (1 + exp(-i / 16)), rounded. */
static const uint16_t LOGISTIC[ATTAR_LEVELS_LOGIT_MAX + 1] = {
    32768, 33792, 34813, 35831, 36843, 37847, 38841, 39824, 40793, 41748, 42687, 43608,
    44511, 45393, 46254, 47094, 47911, 48704, 49474, 50220, 50941, 51638, 52310, 52957,
    53581, 54179, 54754, 55306, 55834, 56339, 56822, 57284, 57724, 58144, 58544, 58925,
    59287, 59632, 59959, 60270, 60565, 60844, 61109, 61360, 61598, 61823, 62036, 62238,
    62428, 62608, 62778, 62938, 63090, 63233, 63368, 63495, 63615, 63728, 63835, 63935,
    64030, 64119, 64203, 64283, 64357, 64427, 64494, 64556, 64614, 64669, 64721, 64770,
    64816, 64859, 64900, 64938, 64974, 65008, 65039, 65069, 65097, 65124, 65149, 65172,
    65194, 65215, 65234, 65252, 65269, 65285, 65300, 65315, 65328, 65341, 65352, 65364,
    65374, 65384, 65393, 65402, 65410, 65417, 65425, 65431, 65438, 65444, 65449, 65454,
    65459, 65464, 65468, 65472, 65476, 65480, 65483, 65486, 65489, 65492, 65495, 65497,
    65500, 65502, 65504, 65506, 65508, 65509, 65511, 65513, 65514};

static uint32_t chance_of(int32_t logit, unsigned precision)
{
    int32_t sixteenths = logit * (1 << precision);
    return sixteenths >= 0 ? LOGISTIC[sixteenths] : 65536u - LOGISTIC[-sixteenths];
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The frequency of a class, split between its two signs; zero has none. Each keeps at least one. */
static void put_class(uint16_t *frequencies, uint32_t class_, uint32_t frequency, uint32_t negative)
{
    if (class_ == 0) {
        frequencies[0] = (uint16_t)frequency;
        return;
    }
    uint32_t below = clamp(frequency * negative >> 16, 1, frequency - 1);
    frequencies[2 * class_ - 1] = (uint16_t)(frequency - below);
    frequencies[2 * class_] = (uint16_t)below;
}

/* Class by class, what is left is divided between this class and all above, which keep one for each of their tokens. */
static void share_out(const attar_levels_model *model, uint32_t k, uint16_t *frequencies)
{
    const uint32_t top = model->top[k];
    const uint32_t negative = chance_of(model->skews[k], model->precision);
    uint32_t left = ATTAR_LEVELS_SLOTS;
    for (uint32_t j = 0; j < top; j++) {
        uint32_t above = left * chance_of(model->logits[k][j], model->precision) >> 16;
        above = clamp(above, 2 * (top - j), left - (j == 0 ? 1 : 2));
        put_class(frequencies, j, left - above, negative);
        left = above;
    }
    put_class(frequencies, top, left, negative);
}

static int is_sound(const attar_levels_model *model, uint32_t k)
{
    const int32_t limit = ATTAR_LEVELS_LOGIT_MAX >> model->precision;
    if (model->top[k] > ATTAR_LEVELS_CLASS_MAX || model->skews[k] < -limit || model->skews[k] > limit)
        return 0;
    for (uint32_t j = 0; j < model->top[k]; j++)
        if (model->logits[k][j] < -limit || model->logits[k][j] > limit)
            return 0;
    return 1;
}

static int has_sound_axes(const attar_levels_model *model)
{
    uint64_t total = 0;
    if (model->axes > ATTAR_LEVELS_AXES_MAX || model->base < 0 || model->base >= ATTAR_LEVELS_TABLES_MAX ||
        (model->axes == 0 && model->base != 0))
        return 0;
    for (uint32_t a = 0; a < model->axes; a++) {
        const attar_level_axis *axis = &model->axis[a];
        if (axis->first != total || axis->length < 1 || axis->stride < 1)
            return 0;
        total += axis->length;
    }
    if (total > ATTAR_LEVELS_LENGTH_MAX)
        return 0;
    for (uint64_t i = 0; i < total; i++)
        if (model->levels[i] < -ATTAR_LEVEL_MAX || model->levels[i] > ATTAR_LEVEL_MAX)
            return 0;
    return 1;
}

attar_status attar_levels_tables(attar_levels_model *model)
{
    if (!has_sound_axes(model) || model->tables < 1 || model->tables > ATTAR_LEVELS_TABLES_MAX ||
        model->precision > ATTAR_LEVELS_PRECISION_MAX)
        return ATTAR_BAD_ARGUMENT;
    for (uint32_t k = 0; k < model->tables; k++) {
        uint16_t frequencies[ATTAR_LEVELS_TOKENS_MAX];
        if (!is_sound(model, k))
            return ATTAR_BAD_ARGUMENT;
        share_out(model, k, frequencies);
        uint32_t start = 0;
        for (uint32_t token = 0; token <= 2u * model->top[k]; token++) {
            model->starts[k][token] = (uint16_t)start;
            start += frequencies[token];
        }
        model->starts[k][2u * model->top[k] + 1u] = (uint16_t)start;
    }
    return ATTAR_OK;
}

int attar_levels_has_extra(const attar_levels_model *model)
{
    for (uint32_t k = 0; k < model->tables; k++)
        if (model->top[k] >= LEVELS_EXACT || (model->is_open && model->top[k] > 0))
            return 1;
    return 0;
}
