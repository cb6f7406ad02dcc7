/* What the plain kernels share. Internal. */
#ifndef ATTAR_KERNELS_REF_KERNELS_H
#define ATTAR_KERNELS_REF_KERNELS_H

#include "../integers.h"
#include "../table.h"

uint64_t attar_ref_matrix_bytes(const attar_step *step);
void attar_ref_matrix_pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values);

#endif
