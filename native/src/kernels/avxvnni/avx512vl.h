/* vpdpbusd on 256 bits as AVX512-VNNI has it: another encoding of the same, for processors that lack AVX-VNNI's. Internal. */
#ifndef ATTAR_KERNELS_AVXVNNI_AVX512VL_H
#define ATTAR_KERNELS_AVXVNNI_AVX512VL_H

#include "../../cpu.h"

#ifdef ATTAR_HAS_AVX512VNNI
#include <immintrin.h>

#define TARGET ATTAR_TARGET_AVX512VL_VNNI
#define TEXT static inline __attribute__((always_inline)) TARGET
#define FOUR_PRODUCTS _mm256_dpbusd_epi32
#define IS_ENCODED attar_cpu_has_avx512vnni
#endif

#endif
