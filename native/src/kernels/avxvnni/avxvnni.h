/* vpdpbusd on 256 bits as AVX-VNNI has it, encoded as AVX is. Internal. */
#ifndef ATTAR_KERNELS_AVXVNNI_AVXVNNI_H
#define ATTAR_KERNELS_AVXVNNI_AVXVNNI_H

#include "../../cpu.h"

#ifdef ATTAR_HAS_AVXVNNI
#include <immintrin.h>

#define TARGET ATTAR_TARGET_AVXVNNI
#define TEXT static inline __attribute__((always_inline)) TARGET
#define FOUR_PRODUCTS _mm256_dpbusd_avx_epi32
#define IS_ENCODED attar_cpu_has_avxvnni
#endif

#endif
