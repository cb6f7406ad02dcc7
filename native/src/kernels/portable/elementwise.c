/* Operators that go number by number, Softmax, products of matrices and interpolation, for every processor. */
#include "../table.h"
#include "../text/kernels.h"

ATTAR_TEXT_KERNELS(portable, ATTAR_ISA_PORTABLE)
