/* All kernels, listed once, the faster ones of a kind first: declarations, choice at run time, tests and benchmarks come
 * from here. Internal. */
#ifndef ATTAR_KERNELS_TABLE_H
#define ATTAR_KERNELS_TABLE_H

#include "../cpu.h"
#include "kernel.h"

#ifdef ATTAR_HAS_AVX512VNNI
#define ATTAR_AVX512VNNI_KERNELS(X)                                                                \
    X(attar_avx512vnni_depthwise)                                                                  \
    X(attar_avx512vnni_convolution)                                                                \
    X(attar_avx512vnni_dense)                                                                      \
    X(attar_avx512vnni_sum)                                                                        \
    X(attar_avx512vnni_average_pool)                                                               \
    X(attar_avx512vnni_max_pool)                                                                   \
    X(attar_avx512vnni_any_depthwise)                                                              \
    X(attar_avx512vnni_any_convolution)                                                            \
    X(attar_avx512vnni_any_dense)                                                                  \
    X(attar_avx512vnni_transposed_convolution)                                                     \
    X(attar_avx512vnni_matrix_product)                                                             \
    X(attar_avx512vnni_any_matrix_product)                                                         \
    X(attar_avx512vnni_product)                                                                    \
    X(attar_avx512vnni_any_sum)                                                                    \
    X(attar_avx512vnni_scale_shift)                                                                \
    X(attar_avx512vnni_parametric_relu)                                                            \
    X(attar_avx512vnni_extreme)                                                                    \
    X(attar_avx512vnni_any_requantize)                                                             \
    X(attar_avx512vnni_interpolate)                                                                \
    X(attar_avx512vnni_softmax)
#else
#define ATTAR_AVX512VNNI_KERNELS(X)
#endif

/* The same kernels in two encodings; each fits where the processor has its own. */
#ifdef ATTAR_HAS_AVXVNNI
#define ATTAR_AVXVNNI_KERNELS(X)                                                                   \
    X(attar_avxvnni_depthwise)                                                                     \
    X(attar_avxvnni_convolution)                                                                   \
    X(attar_avxvnni_dense)
#else
#define ATTAR_AVXVNNI_KERNELS(X)
#endif
#ifdef ATTAR_HAS_AVX512VNNI
#define ATTAR_AVX512VL_KERNELS(X)                                                                  \
    X(attar_avx512vl_depthwise)                                                                    \
    X(attar_avx512vl_convolution)                                                                  \
    X(attar_avx512vl_dense)
#else
#define ATTAR_AVX512VL_KERNELS(X)
#endif

#ifdef ATTAR_HAS_AVX2
#define ATTAR_AVX2_KERNELS(X)                                                                      \
    X(attar_avx2_depthwise)                                                                        \
    X(attar_avx2_convolution)                                                                      \
    X(attar_avx2_dense)                                                                            \
    X(attar_avx2_sum)                                                                              \
    X(attar_avx2_average_pool)                                                                     \
    X(attar_avx2_max_pool)                                                                         \
    X(attar_avx2_any_matrix_product)                                                               \
    X(attar_avx2_product)                                                                          \
    X(attar_avx2_any_sum)                                                                          \
    X(attar_avx2_scale_shift)                                                                      \
    X(attar_avx2_parametric_relu)                                                                  \
    X(attar_avx2_extreme)                                                                          \
    X(attar_avx2_any_requantize)                                                                   \
    X(attar_avx2_interpolate)                                                                      \
    X(attar_avx2_softmax)
#else
#define ATTAR_AVX2_KERNELS(X)
#endif

/* A device that is short of memory leaves out what is there for speed alone. */
#ifdef ATTAR_SMALL
#define ATTAR_PORTABLE_KERNELS(X)
#else
#define ATTAR_PORTABLE_KERNELS(X)                                                                  \
    X(attar_portable_requantize)                                                                   \
    X(attar_portable_table)                                                                        \
    X(attar_portable_concat)                                                                       \
    X(attar_portable_transpose)                                                                    \
    X(attar_portable_pad)                                                                          \
    X(attar_portable_any_matrix_product)                                                           \
    X(attar_portable_product)                                                                      \
    X(attar_portable_any_sum)                                                                      \
    X(attar_portable_scale_shift)                                                                  \
    X(attar_portable_parametric_relu)                                                              \
    X(attar_portable_extreme)                                                                      \
    X(attar_portable_any_requantize)                                                               \
    X(attar_portable_pick)                                                                         \
    X(attar_portable_slice)                                                                        \
    X(attar_portable_interpolate)                                                                  \
    X(attar_portable_softmax)
#endif

#define ATTAR_REF_KERNELS(X)                                                                       \
    X(attar_ref_convolution)                                                                       \
    X(attar_ref_dense)                                                                             \
    X(attar_ref_scale_shift)                                                                       \
    X(attar_ref_product)                                                                           \
    X(attar_ref_sum)                                                                               \
    X(attar_ref_average_pool)                                                                      \
    X(attar_ref_max_pool)                                                                          \
    X(attar_ref_concat)                                                                            \
    X(attar_ref_requantize)                                                                        \
    X(attar_ref_table)                                                                             \
    X(attar_ref_transpose)                                                                         \
    X(attar_ref_pad)                                                                               \
    X(attar_ref_transposed_convolution)                                                            \
    X(attar_ref_slice)                                                                             \
    X(attar_ref_pick)                                                                              \
    X(attar_ref_interpolate)                                                                       \
    X(attar_ref_matrix_product)                                                                    \
    X(attar_ref_parametric_relu)                                                                   \
    X(attar_ref_extreme)                                                                           \
    X(attar_ref_softmax)

#define ATTAR_KERNEL_TABLE(X)                                                                      \
    ATTAR_AVX512VNNI_KERNELS(X) ATTAR_AVXVNNI_KERNELS(X) ATTAR_AVX512VL_KERNELS(X)                 \
    ATTAR_AVX2_KERNELS(X) ATTAR_PORTABLE_KERNELS(X) ATTAR_REF_KERNELS(X)

#define ATTAR_KERNEL_DECLARED(name) extern const attar_kernel name;
ATTAR_KERNEL_TABLE(ATTAR_KERNEL_DECLARED)
#undef ATTAR_KERNEL_DECLARED

#endif
