/* Operators that go number by number, Softmax, products of matrices, interpolation: the common texts, compiled for
 * wide registers. */
#include "../table.h"

#ifdef ATTAR_HAS_AVX512VNNI
#define ATTAR_TEXT_TARGET ATTAR_TARGET_AVX512VNNI
#include "../text/kernels.h"

ATTAR_TEXT_KERNELS(avx512vnni, ATTAR_ISA_AVX512VNNI)
#else
typedef int attar_avx512vnni_elementwise_nothing; /* C99 wants a declaration in every file */
#endif
