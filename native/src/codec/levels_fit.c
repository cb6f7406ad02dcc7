/* The tables that cost least, what they cost themselves included. */
#include "levels.h"

/* 1024 times the bits of an event whose chance has the logit i sixteenths, and of one with -i. */
static const uint16_t COST[2][ATTAR_LEVELS_LOGIT_MAX + 1] = {{
    1024, 979, 935, 892, 851, 811, 773, 736, 700, 666, 633, 602, 572, 543,
    515, 488, 463, 439, 415, 393, 372, 352, 333, 315, 298, 281, 266, 251,
    237, 223, 211, 199, 188, 177, 167, 157, 148, 139, 131, 124, 117, 110,
    103, 97, 92, 86, 81, 76, 72, 68, 64, 60, 56, 53, 50, 47,
    44, 41, 39, 37, 34, 32, 30, 29, 27, 25, 24, 22, 21, 20,
    18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 9, 9, 8,
    8, 7, 7, 6, 6, 6, 5, 5, 5, 4, 4, 4, 4, 3,
    3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 0
}, {
    1024, 1071, 1119, 1169, 1220, 1273, 1327, 1382, 1439, 1497, 1557, 1617, 1680, 1743,
    1807, 1873, 1940, 2008, 2077, 2148, 2219, 2291, 2364, 2438, 2514, 2589, 2666, 2744,
    2822, 2901, 2981, 3061, 3142, 3224, 3306, 3389, 3472, 3556, 3640, 3725, 3810, 3895,
    3981, 4067, 4154, 4241, 4328, 4416, 4504, 4592, 4680, 4769, 4858, 4947, 5036, 5125,
    5215, 5304, 5394, 5484, 5574, 5664, 5754, 5846, 5936, 6026, 6118, 6209, 6299, 6390,
    6481, 6573, 6664, 6755, 6848, 6939, 7030, 7123, 7212, 7304, 7395, 7489, 7582, 7672,
    7764, 7858, 7948, 8039, 8130, 8221, 8312, 8409, 8499, 8594, 8680, 8780, 8868, 8962,
    9052, 9148, 9239, 9324, 9427, 9509, 9611, 9704, 9786, 9874, 9967, 10066, 10150, 10240,
    10335, 10437, 10519, 10605, 10696, 10794, 10898, 10972, 11090, 11174, 11264, 11359, 11461, 11515,
    11629, 11752, 11818
}};

/* Bits of a difference to its guess, nearly what the adaptive side section comes to, in 1024ths. */
enum { COST_OF_ANY = 600, COST_OF_STEP = 1300 };

static uint64_t cost_of(int32_t logit, unsigned precision)
{
    const int32_t sixteenths = logit * (1 << precision);
    return sixteenths >= 0 ? COST[0][sixteenths] : COST[1][-sixteenths];
}

static uint64_t total_cost(int32_t logit, int32_t guess, unsigned precision, uint64_t yes, uint64_t no)
{
    const uint64_t steps = (uint64_t)(logit < guess ? guess - logit : logit - guess);
    return yes * cost_of(logit, precision) + no * cost_of(-logit, precision) + COST_OF_ANY + steps * COST_OF_STEP;
}

/* The cost is convex in the logit, so walking downhill from the guess finds the least. */
static uint64_t best_logit(int32_t guess, unsigned precision, uint64_t yes, uint64_t no, int16_t *logit)
{
    const int32_t limit = ATTAR_LEVELS_LOGIT_MAX >> precision;
    int32_t at = guess;
    uint64_t cost = total_cost(at, guess, precision, yes, no);
    for (int32_t step = -1; step <= 1; step += 2)
        while (at + step >= -limit && at + step <= limit) {
            const uint64_t next = total_cost(at + step, guess, precision, yes, no);
            if (next >= cost)
                break;
            cost = next;
            at += step;
        }
    *logit = (int16_t)at;
    return cost;
}

static uint64_t class_count(const uint64_t *counts, uint32_t class_)
{
    return class_ == 0 ? counts[0] : counts[2 * class_ - 1] + counts[2 * class_];
}

/* The highest class that occurs; a table that is never used repeats the one before. */
static uint8_t closed_top(const uint64_t *counts, uint8_t before)
{
    for (uint32_t class_ = ATTAR_LEVELS_CLASS_MAX; class_ > 0; class_--)
        if (class_count(counts, class_) > 0)
            return (uint8_t)class_;
    return counts[0] > 0 ? 0 : before;
}

/* The least class that, with all above, hardly fills the two slots that it gets in any case. */
static uint8_t open_top(const uint64_t *counts, uint8_t before)
{
    uint64_t total = 0;
    uint64_t above = 0;
    uint32_t top = closed_top(counts, before);
    if (top == 0)
        return 0;
    for (uint32_t class_ = 0; class_ <= top; class_++)
        total += class_count(counts, class_);
    if (total == 0)
        return (uint8_t)top;
    for (top++; top > 1; top--) {
        above += class_count(counts, top - 1);
        if (above > total / (ATTAR_LEVELS_SLOTS / 2))
            break;
    }
    return (uint8_t)(top < ATTAR_LEVELS_CLASS_MAX ? top : ATTAR_LEVELS_CLASS_MAX);
}

static uint64_t fit_logits(attar_levels_model *model, uint32_t k, const uint64_t *counts)
{
    uint64_t above = 0;
    uint64_t cost = 0;
    for (uint32_t class_ = 0; class_ <= ATTAR_LEVELS_CLASS_MAX; class_++)
        above += class_count(counts, class_);
    for (uint32_t j = 0; j < model->top[k]; j++) {
        const uint64_t here = class_count(counts, j);
        above -= here;
        cost += best_logit(attar_levels_guess(model, k, j), model->precision, above, here, &model->logits[k][j]);
    }
    return cost;
}

static uint64_t fit_skews(attar_levels_model *model, const uint64_t *counts)
{
    uint64_t cost = 0;
    int32_t guess = 0;
    for (uint32_t k = 0; k < model->tables; k++) {
        uint64_t positive = 0;
        uint64_t negative = 0;
        model->skews[k] = 0;
        for (uint32_t class_ = 1; class_ <= ATTAR_LEVELS_CLASS_MAX; class_++) {
            positive += counts[(size_t)k * ATTAR_LEVELS_TOKENS_MAX + 2 * class_ - 1];
            negative += counts[(size_t)k * ATTAR_LEVELS_TOKENS_MAX + 2 * class_];
        }
        if (model->is_skewed && model->top[k] > 0) {
            cost += best_logit(guess, model->precision, negative, positive, &model->skews[k]);
            guess = model->skews[k];
        } else {
            cost += 1024 * (positive + negative);
        }
    }
    return cost;
}

static uint64_t fit_all(attar_levels_model *model, const uint64_t *counts)
{
    uint64_t cost = 0;
    for (uint32_t k = 0; k < model->tables; k++)
        cost += fit_logits(model, k, counts + (size_t)k * ATTAR_LEVELS_TOKENS_MAX);
    return cost + fit_skews(model, counts);
}

/* What all elements take in the tables as they have become; an excess counts as that of its class's middle. */
static uint64_t coded_bits(const attar_levels_model *model, const uint64_t *counts)
{
    uint64_t units = 0;
    for (uint32_t k = 0; k < model->tables; k++)
        for (uint32_t token = 0; token < ATTAR_LEVELS_TOKENS_MAX; token++) {
            const uint64_t count = counts[(size_t)k * ATTAR_LEVELS_TOKENS_MAX + token];
            const unsigned class_ = (token + 1) / 2;
            const int32_t middle = (int32_t)(attar_class_base(class_) + (UINT32_C(1) << attar_class_bits(class_)) / 2);
            if (count > 0)
                units += count * attar_levels_price(model, k, (token & 1u) != 0 ? middle : -middle);
        }
    return units / LEVELS_PRICE_OF_BIT;
}

static attar_status fit_kind(attar_levels_model *model, int is_open, const uint64_t *counts, uint64_t *bits)
{
    uint64_t least = UINT64_MAX;
    unsigned best = 0;
    model->is_open = is_open;
    for (uint32_t k = 0; k < model->tables; k++) {
        const uint64_t *own = counts + (size_t)k * ATTAR_LEVELS_TOKENS_MAX;
        const uint8_t before = k > 0 ? model->top[k - 1] : 0;
        model->top[k] = is_open ? open_top(own, before) : closed_top(own, before);
    }
    for (unsigned choice = 0; choice < 2 * (ATTAR_LEVELS_PRECISION_MAX + 1); choice++) {
        model->precision = choice >> 1;
        model->is_skewed = (int)(choice & 1u);
        const uint64_t cost = fit_all(model, counts);
        if (cost < least) {
            least = cost;
            best = choice;
        }
    }
    model->precision = best >> 1;
    model->is_skewed = (int)(best & 1u);
    (void)fit_all(model, counts);
    attar_status status = attar_levels_tables(model);
    *bits = status == ATTAR_OK ? coded_bits(model, counts) : 0;
    return status;
}

attar_status attar_levels_fit(attar_levels_model *model, attar_levels_kind kind, const uint64_t *counts,
                              size_t counts_size, uint64_t *bits)
{
    uint64_t closed = 0;
    if (model->tables > ATTAR_LEVELS_TABLES_MAX || counts_size < (size_t)model->tables * ATTAR_LEVELS_TOKENS_MAX)
        return ATTAR_BAD_ARGUMENT;
    if (kind != ATTAR_LEVELS_EITHER)
        return fit_kind(model, kind == ATTAR_LEVELS_OPEN, counts, bits);
    attar_status status = fit_kind(model, 0, counts, &closed);
    if (status == ATTAR_OK)
        status = fit_kind(model, 1, counts, bits);
    if (status == ATTAR_OK && closed <= *bits)
        status = fit_kind(model, 0, counts, bits);
    return status;
}
