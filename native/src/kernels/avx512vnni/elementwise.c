/* Operators that go number by number, Softmax, products of matrices, interpolation: the common texts, compiled for wide
 * registers. */
#include "../table.h"

#ifdef ATTAR_HAS_AVX512VNNI
#define ATTAR_TEXT_TARGET ATTAR_TARGET_AVX512VNNI
#include "../text/cells.h"
#include "../text/elementwise.h"
#include "../text/matrices.h"
#include "../text/softmax.h"

ATTAR_ELEMENTWISE_KERNELS(avx512vnni, ATTAR_ISA_AVX512VNNI)

ATTAR_TEXT_FUNCTION void run_softmax(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    text_softmax(step, arena, begin, end);
}

const attar_kernel attar_avx512vnni_softmax = {ATTAR_SOFTMAX, ATTAR_ISA_AVX512VNNI, NULL, exponential_bytes, NULL,
                                               align_exponentials, softmax_items, run_softmax};

ATTAR_TEXT_FUNCTION void run_matrix_product(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    text_matrix_product(step, arena, begin, end);
}

const attar_kernel attar_avx512vnni_any_matrix_product = {ATTAR_MATRIX_PRODUCT, ATTAR_ISA_AVX512VNNI, NULL, NULL, NULL, NULL,
                                                     matrix_product_items, run_matrix_product};

ATTAR_TEXT_FUNCTION void run_interpolate(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    text_interpolate(step, arena, begin, end);
}

const attar_kernel attar_avx512vnni_interpolate = {ATTAR_INTERPOLATE, ATTAR_ISA_AVX512VNNI, interpolate_fits, NULL, NULL,
                                                   NULL, interpolate_items, run_interpolate};
#else
typedef int attar_elementwise_nothing; /* C99 wants a declaration in every file */
#endif
