#include "avxvnni.h"

#ifdef ATTAR_HAS_AVXVNNI
#include "depthwise_text.h"

static int fits(const attar_step *step)
{
    return IS_ENCODED() && attar_avx2_depthwise_fits(step);
}

const attar_kernel attar_avxvnni_depthwise = {ATTAR_CONVOLUTION, ATTAR_ISA_AVXVNNI, fits, bytes, pack,
                                              attar_avx2_finish_lined, attar_avx2_places, run};
#else
typedef int attar_depthwise_nothing; /* C99 wants a declaration in every file */
#endif
