/* Rounding with error feedback: what it must do where the answer is known, numbers that are none, and kernels that
 * equal the portable ones. */
#include "../src/numerics/feedback.h"
#include "check.h"

enum { ROWS = 37, WIDTH = 11, PLACES = ROWS * WIDTH, REACH = 5, SPAN = 2 * REACH + 1, TABLES = 2 };

/* Every array on its own and of the exact size, so that one element too far is seen. */
typedef struct problem {
    float *weights, *targets, *lower, *curvature, *row_lower, *row_curvature, *bits, *errors, *from_rows, *missed;
    uint8_t *tables;
    int32_t *integers;
    attar_feedback feedback;
    attar_feedback_block block;
} problem;

static float uniform(float low, float high)
{
    return low + (high - low) * (float)random_below(1 << 20) / (1 << 20);
}

static float *floats(size_t count, float low, float high)
{
    float *values = exactly(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = uniform(low, high);
    return values;
}

/* A unit lower triangle, its elements up to `size`; what lies above must not matter, so it holds anything. */
static float *triangle(size_t n, float size)
{
    float *lower = floats(n * n, -size, size);
    for (size_t i = 0; i < n; i++)
        lower[i * n + i] = 1;
    return lower;
}

/* Independent rows, no price: what differs is set by each test. */
static problem random_problem(float triangle_size)
{
    problem p = {floats(PLACES, -1, 1), exactly(PLACES * sizeof(float)), triangle(WIDTH, triangle_size),
                 floats(WIDTH, 0.1f, 3), triangle(ROWS, triangle_size), floats(ROWS, 0.1f, 3),
                 floats(TABLES * SPAN, 0, 9), exactly(PLACES * sizeof(float)), floats(PLACES, 0, 0),
                 exactly(PLACES * sizeof(float)), exactly(PLACES), exactly(PLACES * sizeof(int32_t)), {0}, {0}};
    memcpy(p.targets, p.weights, PLACES * sizeof *p.targets);
    for (size_t i = 0; i < PLACES; i++)
        p.tables[i] = (uint8_t)random_below(TABLES);
    p.feedback = (attar_feedback){ROWS, NULL, p.row_curvature, 0.25f, 0, p.bits, TABLES, REACH};
    p.block = (attar_feedback_block){WIDTH, p.weights, p.targets, p.lower, p.curvature, p.tables, p.integers,
                                     p.errors, p.from_rows, p.missed};
    return p;
}

static void release(problem *p)
{
    void *arrays[] = {p->weights, p->targets, p->lower, p->curvature, p->row_lower, p->row_curvature, p->bits,
                      p->errors, p->from_rows, p->missed, p->tables, p->integers};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
}

static attar_status settle(const problem *p)
{
    return attar_feedback_round(&p->feedback, &p->block);
}

static float nan_value(void)
{
    const float infinity = 1e30f * 1e30f;
    return infinity - infinity;
}

static float infinity_value(void)
{
    volatile float large = 1e30f;
    return large * large;
}

static void test_arguments(void)
{
    const float steps[] = {0, -0.0f, -1, nan_value(), infinity_value()};
    const double rates[] = {-1, nan_value()};
    problem p = random_problem(0);
    CHECK(settle(&p) == ATTAR_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        p.feedback.step = steps[i];
        CHECK(settle(&p) == ATTAR_BAD_ARGUMENT);
    }
    p.feedback.step = 1;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        p.feedback.rate = rates[i];
        CHECK(settle(&p) == ATTAR_BAD_ARGUMENT);
    }
    p.feedback.rate = 0;
    p.feedback.reach = -1;
    CHECK(settle(&p) == ATTAR_BAD_ARGUMENT);
    p.feedback.reach = ATTAR_FEEDBACK_REACH_MAX + 1;
    CHECK(settle(&p) == ATTAR_BAD_ARGUMENT);
    release(&p);
}

static void test_tables_that_do_not_exist(void)
{
    for (size_t at = 0; at < PLACES; at += WIDTH + 1) {
        problem p = random_problem(0);
        p.tables[at] = TABLES;
        CHECK(settle(&p) == ATTAR_BAD_ARGUMENT);
        release(&p);
    }
}

static void test_nothing_to_do(void)
{
    problem p = random_problem(0);
    p.feedback.rows = 0;
    CHECK(settle(&p) == ATTAR_OK);
    p.feedback.rows = ROWS;
    p.block.width = 0;
    CHECK(settle(&p) == ATTAR_OK);
    release(&p);
}

static float distance(float weight, int32_t q, float step)
{
    const float error = weight - (float)q * step;
    return error < 0 ? -error : error;
}

/* Without a price and with nothing that makes up for an error. */
static void test_nearest(void)
{
    for (int trial = 0; trial < 100; trial++) {
        problem p = random_problem(0);
        CHECK(settle(&p) == ATTAR_OK);
        for (size_t at = 0; at < PLACES; at++) {
            const float error = p.weights[at] - (float)p.integers[at] * p.feedback.step;
            CHECK(memcmp(&error, p.errors + at, sizeof error) == 0);
            for (int32_t q = -REACH; q <= REACH; q++)
                CHECK(distance(p.weights[at], p.integers[at], p.feedback.step) <=
                      distance(p.weights[at], q, p.feedback.step));
        }
        release(&p);
    }
}

/* What becomes of one weight in steps of 1 where each integer takes so many bits, at a price of 1. */
static int32_t settled(float weight, const float *bits, int32_t reach)
{
    const float one = 1;
    const uint8_t table = 0;
    float target = weight, error;
    int32_t q;
    const attar_feedback feedback = {1, NULL, &one, 1, 1, bits, 1, reach};
    const attar_feedback_block block = {1, &weight, &target, &one, &one, &table, &q, &error, NULL, NULL};
    CHECK(attar_feedback_round(&feedback, &block) == ATTAR_OK);
    return q;
}

static void test_ties(void)
{
    static const float free_of_charge[SPAN] = {0};
    static const float far_but_cheap[] = {4, 4, 0, 1, 0, 4, 4};
    CHECK(settled(0.5f, free_of_charge, REACH) == 0);
    CHECK(settled(-0.5f, free_of_charge, REACH) == 0);
    CHECK(settled(1.5f, free_of_charge, REACH) == 1);
    CHECK(settled(-1.5f, free_of_charge, REACH) == -2);
    CHECK(settled(0, far_but_cheap, 3) == 0);
    CHECK(settled(0.25f, far_but_cheap, 3) == 1);
}

/* Zero is tried however far it is; of the others two below the target's place and two above. */
static void test_prices(void)
{
    float bits[SPAN];
    for (int32_t q = -REACH; q <= REACH; q++)
        bits[q + REACH] = q == 0 ? 0 : 100;
    CHECK(settled(4.9f, bits, REACH) == 0);
    bits[REACH] = 100;
    for (int32_t q = -REACH; q <= REACH; q++) {
        bits[q + REACH] = 0;
        CHECK(settled(2.25f, bits, REACH) == (q >= 0 && q <= 4 ? q : 2));
        bits[q + REACH] = 100;
    }
}

static void test_reach(void)
{
    static const float bits[SPAN] = {0};
    for (int32_t reach = 0; reach <= REACH; reach++)
        for (float weight = -100; weight <= 100; weight += 0.375f) {
            const int32_t q = settled(weight, bits, reach);
            CHECK(weight < (float)reach ? weight > (float)-reach || q == -reach : q == reach);
        }
}

/* Where no int32_t holds what lies around the target. */
static void test_the_widest_reach(void)
{
    const int32_t reach = ATTAR_FEEDBACK_REACH_MAX;
    const size_t size = (2 * (size_t)reach + 1) * sizeof(float);
    float *bits = exactly(size);
    memset(bits, 0, size);
    CHECK(settled(3e7f, bits, reach) == reach);
    CHECK(settled(-3e7f, bits, reach) == -reach);
    CHECK(settled((float)reach, bits, reach) == reach);
    CHECK(settled(12345678, bits, reach) == 12345678);
    free(bits);
}

/* What a target gains is the errors of the columns behind it, the last one first; rows don't count in it. */
static void check_what_targets_gain(int coupled)
{
    problem p = random_problem(0.5f);
    p.feedback.rate = 0.01;
    p.feedback.row_lower = coupled ? p.row_lower : NULL;
    CHECK(settle(&p) == ATTAR_OK);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t column = 0; column < WIDTH; column++) {
            volatile float target = p.weights[column * ROWS + row];
            for (size_t behind = WIDTH; --behind > column;) {
                volatile float part = p.errors[behind * ROWS + row] * p.lower[behind * WIDTH + column];
                target = target + part;
            }
            CHECK(target == p.targets[column * ROWS + row]);
        }
    for (size_t at = 0; at < PLACES && coupled; at++)
        CHECK(p.missed[at] == p.targets[at] - (float)p.integers[at] * p.feedback.step);
    release(&p);
}

/* Two rows in one column without a price: the upper one makes up for half of what the lower one missed. */
static void test_rows_make_up_for_each_other(void)
{
    static const float bits[SPAN] = {0}, one[2] = {1, 1};
    static const float weights[2] = {0.375f, 1.375f}, lower[4] = {1, 9, 0.5f, 1};
    static const uint8_t tables[2] = {0};
    float targets[2] = {weights[0], weights[1]}, errors[2], from_rows[2] = {0, 0}, missed[2];
    int32_t integers[2];
    const attar_feedback feedback = {2, lower, one, 1, 0, bits, 1, REACH};
    const attar_feedback_block block = {1, weights, targets, one, one, tables, integers, errors, from_rows, missed};
    CHECK(attar_feedback_round(&feedback, &block) == ATTAR_OK);
    CHECK(integers[1] == 1 && integers[0] == 1); /* 0.375 + 0.5 * 0.375 is nearer to 1 */
    CHECK(errors[1] == 0.375f && errors[0] == -0.625f);
    CHECK(targets[0] == weights[0] && targets[1] == weights[1]);
    CHECK(missed[1] == errors[1] && missed[0] == errors[0]);
    CHECK(from_rows[1] == 0 && from_rows[0] == 0.1875f);
}

static void test_rows_that_cannot_are_independent(void)
{
    problem p = random_problem(0.5f);
    int32_t alone[PLACES];
    p.feedback.rate = 0.01;
    CHECK(settle(&p) == ATTAR_OK);
    memcpy(alone, p.integers, sizeof alone);
    memcpy(p.targets, p.weights, PLACES * sizeof *p.targets);
    memset(p.row_lower, 0, ROWS * ROWS * sizeof *p.row_lower);
    for (size_t row = 0; row < ROWS; row++)
        p.row_lower[row * ROWS + row] = 1;
    p.feedback.row_lower = p.row_lower;
    CHECK(settle(&p) == ATTAR_OK);
    CHECK(memcmp(alone, p.integers, sizeof alone) == 0);
    release(&p);
}

/* The same problem in a unit so small that squares of distances would vanish. */
static void test_any_scale(void)
{
    const float small = 1.0f / (1u << 30) / (1u << 30);
    problem p = random_problem(0.5f);
    int32_t usual[PLACES];
    p.feedback.rate = 0.01;
    CHECK(settle(&p) == ATTAR_OK);
    memcpy(usual, p.integers, sizeof usual);
    for (size_t at = 0; at < PLACES; at++)
        p.targets[at] = p.weights[at] *= small;
    for (size_t column = 0; column < WIDTH; column++)
        p.curvature[column] *= small;
    p.feedback.step *= small;
    p.feedback.rate *= (double)small * small * small;
    CHECK(settle(&p) == ATTAR_OK);
    CHECK(memcmp(usual, p.integers, sizeof usual) == 0);
    release(&p);
}

static void check_within_reach(const problem *p)
{
    for (size_t at = 0; at < PLACES; at++)
        CHECK(p->integers[at] >= -REACH && p->integers[at] <= REACH);
}

/* One strange number in one of the arrays; whatever it leads to, integers stay within reach. */
static void test_numbers_that_are_none(void)
{
    const float strange[] = {nan_value(), infinity_value(), -infinity_value(), 3e38f, -3e38f, 0, -1, 1e-45f};
    for (size_t s = 0; s < sizeof strange / sizeof *strange; s++)
        for (int place = 0; place < 7; place++)
            for (int coupled = 0; coupled < 2; coupled++) {
                problem p = random_problem(0.5f);
                float *arrays[] = {p.weights + PLACES / 2, p.targets + PLACES / 2, p.lower + (WIDTH - 1) * WIDTH,
                                   p.curvature + WIDTH / 2, p.row_lower + (ROWS - 1) * ROWS,
                                   p.row_curvature + ROWS / 2, p.bits + REACH};
                p.feedback.rate = 0.01;
                p.feedback.row_lower = coupled ? p.row_lower : NULL;
                *arrays[place] = strange[s];
                CHECK(settle(&p) == ATTAR_OK);
                check_within_reach(&p);
                release(&p);
            }
}

static void test_a_target_that_is_no_number_becomes_zero(void)
{
    static const float bits[SPAN] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    CHECK(settled(nan_value(), bits, REACH) == 0);
    CHECK(settled(infinity_value(), bits, REACH) == 0);
    CHECK(settled(-infinity_value(), bits, REACH) == 0);
}

#ifdef ATTAR_HAS_AVX2
/* Both problems have the same numbers; floats are compared unless some may be none, whose bits say nothing. */
static void check_same(const problem *a, const problem *b, int with_floats)
{
    const size_t size = PLACES * sizeof(float);
    CHECK(memcmp(a->integers, b->integers, PLACES * sizeof *a->integers) == 0);
    if (!with_floats)
        return;
    CHECK(memcmp(a->errors, b->errors, size) == 0);
    CHECK(memcmp(a->targets, b->targets, size) == 0);
    CHECK(memcmp(a->from_rows, b->from_rows, size) == 0);
    if (a->feedback.row_lower != NULL)
        CHECK(memcmp(a->missed, b->missed, size) == 0);
}

/* A problem of its own for each kernel, made from the same random numbers. */
static void check_kernel(attar_feedback_kernel *kernel, attar_feedback_kernel *portable, int coupled, int32_t reach,
                         const float *strange)
{
    const uint32_t state = random_state;
    problem p[2];
    for (int k = 0; k < 2; k++) {
        random_state = state;
        p[k] = random_problem(0.5f);
        p[k].feedback.rate = 0.01;
        p[k].feedback.reach = reach;
        p[k].feedback.row_lower = coupled ? p[k].row_lower : NULL;
        if (strange != NULL)
            p[k].weights[PLACES / 2] = p[k].targets[PLACES / 3] = *strange;
        (k == 0 ? kernel : portable)(&p[k].feedback, &p[k].block);
    }
    check_same(p, p + 1, strange == NULL);
    release(p);
    release(p + 1);
}

static void test_kernels_equal_the_portable_ones(void)
{
    const float strange[] = {nan_value(), infinity_value(), -infinity_value(), 3e38f, -3e38f, 1e-45f};
    if (!attar_cpu_has_avx2())
        return;
    for (int32_t trial = 0; trial < 300; trial++) {
        const float *number = trial % 2 ? strange + trial / 2 % (int32_t)(sizeof strange / sizeof *strange) : NULL;
        const int32_t reach = trial % (REACH + 1); /* the tables have room for more */
        check_kernel(attar_feedback_independent_avx2, attar_feedback_independent_portable, 0, reach, number);
        check_kernel(attar_feedback_coupled_avx2, attar_feedback_coupled_portable, 1, reach, number);
    }
}
#endif

/* Rows are independent: what one holds is seen by no other. */
static void test_a_row_of_nan_harms_no_other(void)
{
    problem p = random_problem(0.5f), clean = p;
    int32_t usual[PLACES];
    CHECK(settle(&clean) == ATTAR_OK);
    memcpy(usual, p.integers, sizeof usual);
    memcpy(p.targets, p.weights, PLACES * sizeof *p.targets);
    for (size_t at = 2; at < PLACES; at += ROWS) {
        p.targets[at] = p.weights[at] = nan_value();
        usual[at] = 0;
    }
    CHECK(settle(&p) == ATTAR_OK);
    CHECK(memcmp(usual, p.integers, sizeof usual) == 0);
    release(&p);
}

int main(void)
{
    test_arguments();
    test_tables_that_do_not_exist();
    test_nothing_to_do();
    test_nearest();
    test_ties();
    test_prices();
    test_reach();
    test_the_widest_reach();
    check_what_targets_gain(0);
    check_what_targets_gain(1);
    test_rows_make_up_for_each_other();
    test_rows_that_cannot_are_independent();
    test_any_scale();
    test_numbers_that_are_none();
    test_a_target_that_is_no_number_becomes_zero();
    test_a_row_of_nan_harms_no_other();
#ifdef ATTAR_HAS_AVX2
    test_kernels_equal_the_portable_ones();
#endif
    puts("ok");
    return 0;
}
