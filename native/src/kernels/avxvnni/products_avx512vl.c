#include "avx512vl.h"

#ifdef ATTAR_HAS_AVX512VNNI
#include "products_text.h"

static int fits(const attar_step *step)
{
    return IS_ENCODED() && is_in_bytes(step);
}

const attar_kernel attar_avx512vl_convolution = {ATTAR_CONVOLUTION, ATTAR_ISA_AVXVNNI, fits, attar_avx2_bytes,
                                                attar_avx2_pack, attar_avx2_finish, attar_avx2_items, run};
const attar_kernel attar_avx512vl_dense = {ATTAR_DENSE, ATTAR_ISA_AVXVNNI, fits, attar_avx2_bytes,
                                          attar_avx2_pack, attar_avx2_finish, attar_avx2_items, run};
#else
typedef int attar_products_nothing; /* C99 wants a declaration in every file */
#endif
