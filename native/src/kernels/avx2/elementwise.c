/* Operators that go number by number, Softmax, products of matrices, interpolation: the common texts, compiled for
 * registers of 256 bits. */
#include "../table.h"

#ifdef ATTAR_HAS_AVX2
#define ATTAR_TEXT_TARGET ATTAR_TARGET_AVX2
#include "../text/kernels.h"

ATTAR_TEXT_KERNELS(avx2, ATTAR_ISA_AVX2)
#else
typedef int attar_avx2_elementwise_nothing; /* C99 wants a declaration in every file */
#endif
