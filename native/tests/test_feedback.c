/* Rounding with error feedback: what it must do where the answer is known, numbers that are none, and kernels that
 * equal the portable ones. */
#include "../src/numerics/feedback.h"
#include "check.h"

enum { ROWS = 37, WIDTH = 11, PLACES = ROWS * WIDTH };

/* Every array on its own and of the exact size, so that one element too far is seen. */
typedef struct problem {
    float *weights, *targets, *lower, *row_lower, *errors, *from_rows, *missed;
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

/* Independent rows: what differs is set by each test. */
static problem random_problem(float triangle_size)
{
    problem p = {floats(PLACES, -1, 1), exactly(PLACES * sizeof(float)), triangle(WIDTH, triangle_size),
                 triangle(ROWS, triangle_size), exactly(PLACES * sizeof(float)), floats(PLACES, 0, 0),
                 exactly(PLACES * sizeof(float)), exactly(PLACES * sizeof(int32_t)), {0}, {0}};
    memcpy(p.targets, p.weights, PLACES * sizeof *p.targets);
    p.feedback = (attar_feedback){ROWS, NULL, 0.25f};
    p.block = (attar_feedback_block){WIDTH, p.weights, p.targets, p.lower, p.integers, p.errors, p.from_rows, p.missed};
    return p;
}

static void release(problem *p)
{
    void *arrays[] = {p->weights, p->targets, p->lower, p->row_lower, p->errors, p->from_rows, p->missed, p->integers};
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
    problem p = random_problem(0);
    CHECK(settle(&p) == ATTAR_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        p.feedback.step = steps[i];
        CHECK(settle(&p) == ATTAR_BAD_ARGUMENT);
    }
    release(&p);
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

/* With nothing that makes up for an error. */
static void test_nearest(void)
{
    for (int trial = 0; trial < 100; trial++) {
        problem p = random_problem(0);
        CHECK(settle(&p) == ATTAR_OK);
        for (size_t at = 0; at < PLACES; at++) {
            const float error = p.weights[at] - (float)p.integers[at] * p.feedback.step;
            CHECK(memcmp(&error, p.errors + at, sizeof error) == 0);
            for (int32_t q = -5; q <= 5; q++)
                CHECK(distance(p.weights[at], p.integers[at], p.feedback.step) <=
                      distance(p.weights[at], q, p.feedback.step));
        }
        release(&p);
    }
}

/* What becomes of one weight in steps of 1. */
static int32_t settled(float weight)
{
    const float one = 1;
    float target = weight, error;
    int32_t q;
    const attar_feedback feedback = {1, NULL, 1};
    const attar_feedback_block block = {1, &weight, &target, &one, &q, &error, NULL, NULL};
    CHECK(attar_feedback_round(&feedback, &block) == ATTAR_OK);
    return q;
}

static void test_ties(void)
{
    for (int32_t whole = 0; whole < 100; whole++) {
        CHECK(settled((float)whole + 0.5f) == whole);
        CHECK(settled(-(float)whole - 0.5f) == -whole);
    }
    CHECK(settled(0.49999997f) == 0);
    CHECK(settled(0.50000006f) == 1);
}

/* Where no int32_t holds what lies around the target. */
static void test_reach(void)
{
    const int32_t reach = ATTAR_FEEDBACK_REACH;
    CHECK(settled(3e7f) == reach);
    CHECK(settled(-3e38f) == -reach);
    CHECK(settled((float)reach) == reach);
    CHECK(settled(12345678) == 12345678);
}

/* What a target gains is the errors of the columns behind it, the last one first; rows don't count in it. */
static void check_what_targets_gain(int coupled)
{
    problem p = random_problem(0.5f);
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

/* Two rows in one column: the upper one makes up for half of what the lower one missed. */
static void test_rows_make_up_for_each_other(void)
{
    static const float one = 1, weights[2] = {0.375f, 1.375f}, lower[4] = {1, 9, 0.5f, 1};
    float targets[2] = {weights[0], weights[1]}, errors[2], from_rows[2] = {0, 0}, missed[2];
    int32_t integers[2];
    const attar_feedback feedback = {2, lower, 1};
    const attar_feedback_block block = {1, weights, targets, &one, integers, errors, from_rows, missed};
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

/* One strange number in one of the arrays; whatever it leads to, integers stay within reach. */
static void test_numbers_that_are_none(void)
{
    const float strange[] = {nan_value(), infinity_value(), -infinity_value(), 3e38f, -3e38f, 0, -1, 1e-45f};
    for (size_t s = 0; s < sizeof strange / sizeof *strange; s++)
        for (int place = 0; place < 4; place++)
            for (int coupled = 0; coupled < 2; coupled++) {
                problem p = random_problem(0.5f);
                float *arrays[] = {p.weights + PLACES / 2, p.targets + PLACES / 2, p.lower + (WIDTH - 1) * WIDTH,
                                   p.row_lower + (ROWS - 1) * ROWS};
                p.feedback.row_lower = coupled ? p.row_lower : NULL;
                *arrays[place] = strange[s];
                CHECK(settle(&p) == ATTAR_OK);
                for (size_t at = 0; at < PLACES; at++)
                    CHECK(p.integers[at] >= -ATTAR_FEEDBACK_REACH && p.integers[at] <= ATTAR_FEEDBACK_REACH);
                release(&p);
            }
}

static void test_a_target_that_is_no_number_becomes_zero(void)
{
    CHECK(settled(nan_value()) == 0);
    CHECK(settled(infinity_value()) == 0);
    CHECK(settled(-infinity_value()) == 0);
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
static void check_kernel(attar_feedback_kernel *kernel, attar_feedback_kernel *portable, int coupled,
                         const float *strange)
{
    const uint32_t state = random_state;
    problem p[2];
    for (int k = 0; k < 2; k++) {
        random_state = state;
        p[k] = random_problem(0.5f);
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
        check_kernel(attar_feedback_independent_avx2, attar_feedback_independent_portable, 0, number);
        check_kernel(attar_feedback_coupled_avx2, attar_feedback_coupled_portable, 1, number);
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
    test_nothing_to_do();
    test_nearest();
    test_ties();
    test_reach();
    check_what_targets_gain(0);
    check_what_targets_gain(1);
    test_rows_make_up_for_each_other();
    test_rows_that_cannot_are_independent();
    test_numbers_that_are_none();
    test_a_target_that_is_no_number_becomes_zero();
    test_a_row_of_nan_harms_no_other();
#ifdef ATTAR_HAS_AVX2
    test_kernels_equal_the_portable_ones();
#endif
    puts("ok");
    return 0;
}
