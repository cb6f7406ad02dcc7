/* The kernels that every processor has of the texts here, each compiled for itself. Internal. */
#ifndef ATTAR_KERNELS_TEXT_KERNELS_H
#define ATTAR_KERNELS_TEXT_KERNELS_H

#include "cells.h"
#include "elementwise.h"
#include "matrices.h"
#include "softmax.h"

#define ATTAR_TEXT_KERNELS(isa, code)                                                              \
    ATTAR_ELEMENTWISE_KERNELS(isa, code)                                                           \
    ATTAR_TEXT_RUN(softmax)                                                                        \
    ATTAR_TEXT_RUN(matrix_product)                                                                 \
    ATTAR_TEXT_RUN(interpolate)                                                                    \
    const attar_kernel attar_##isa##_softmax = {ATTAR_SOFTMAX, code, NULL, exponential_bytes, NULL,\
                                                align_exponentials, softmax_items, run_softmax};   \
    const attar_kernel attar_##isa##_any_matrix_product = {ATTAR_MATRIX_PRODUCT, code, NULL, NULL, \
                                                           NULL, NULL, matrix_product_items,       \
                                                           run_matrix_product};                    \
    const attar_kernel attar_##isa##_interpolate = {ATTAR_INTERPOLATE, code, interpolate_fits, NULL,\
                                                    NULL, NULL, interpolate_items, run_interpolate};

#endif
