/* Rounding with error feedback: the portable kernels; the plain form is numerics/feedback_reference.py. */
#include "feedback.h"

/* None: all are settled one by one. */
static size_t settle_no_rows(const attar_feedback *feedback, const attar_feedback_block *block, size_t column)
{
    (void)feedback, (void)block, (void)column;
    return 0;
}

void attar_feedback_independent_portable(const attar_feedback *feedback, const attar_feedback_block *block)
{
    feedback_round_independent(feedback, block, settle_no_rows);
}

void attar_feedback_coupled_portable(const attar_feedback *feedback, const attar_feedback_block *block)
{
    feedback_round_coupled(feedback, block);
}

static attar_feedback_kernel *best_kernel(int is_coupled)
{
#ifdef ATTAR_HAS_AVX2
    if (attar_cpu_has_avx2())
        return is_coupled ? attar_feedback_coupled_avx2 : attar_feedback_independent_avx2;
#endif
    return is_coupled ? attar_feedback_coupled_portable : attar_feedback_independent_portable;
}

attar_status attar_feedback_round(const attar_feedback *feedback, const attar_feedback_block *block)
{
    if (!(feedback->step > 0) || feedback->step - feedback->step != 0)
        return ATTAR_BAD_ARGUMENT;
    best_kernel(feedback->row_lower != NULL)(feedback, block);
    return ATTAR_OK;
}
