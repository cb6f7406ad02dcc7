/* Operators that go number by number, Softmax and products of matrices, for every processor. */
#include "../table.h"
#include "../text/elementwise.h"
#include "../text/matrices.h"
#include "../text/softmax.h"

ATTAR_ELEMENTWISE_KERNELS(portable, ATTAR_ISA_PORTABLE)

ATTAR_TEXT_FUNCTION void run_softmax(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    text_softmax(step, arena, begin, end);
}

const attar_kernel attar_portable_softmax = {ATTAR_SOFTMAX, ATTAR_ISA_PORTABLE, NULL, exponential_bytes, NULL,
                                             align_exponentials, softmax_items, run_softmax};

ATTAR_TEXT_FUNCTION void run_matrix_product(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    text_matrix_product(step, arena, begin, end);
}

const attar_kernel attar_portable_any_matrix_product = {ATTAR_MATRIX_PRODUCT, ATTAR_ISA_PORTABLE, NULL, NULL, NULL, NULL,
                                                     matrix_product_items, run_matrix_product};
