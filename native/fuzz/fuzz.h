/* What the fuzz targets share: reading choices from the input, exact blocks, and the checks of a decoder. */
#ifndef ATTAR_FUZZ_H
#define ATTAR_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "attar/codec.h"

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_fail(__FILE__, __LINE__, #condition);                                             \
    } while (0)

/* What a target file defines, by the name that libFuzzer wants. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A decoder of n items of item_size bytes; scratch_size may be 0. */
typedef struct fuzz_decoder {
    attar_status (*decode)(const uint8_t *src, size_t src_size, void *dst, size_t n, void *scratch);
    size_t item_size;
    size_t scratch_size;
} fuzz_decoder;

/* The rest of an input; after its end there are zeros. */
typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;

void fuzz_fail(const char *file, int line, const char *condition);

/* The next 0 to 4 bytes, little-endian. */
uint32_t fuzz_take(fuzz_input *in, unsigned bytes);

/* Two bytes: up to 4095, or with the highest four bits set up to 2^16. */
size_t fuzz_take_count(fuzz_input *in);

/* Two bytes: 1 to 4096, small sizes as likely as large ones. */
uint32_t fuzz_take_size(fuzz_input *in);

/* A heap block of exactly that size, so that the sanitizer sees one byte too far; NULL for size 0. */
void *fuzz_block(size_t size);
void *fuzz_copy_of(const void *bytes, size_t size);
int fuzz_same(const void *left, const void *right, size_t size);

/* Decodes a count and a payload twice, over blocks and scratch of different contents: the outcome must not depend on
 * them, which is how an uninitialized read is found without a memory sanitizer. */
int fuzz_decode(const uint8_t *data, size_t size, const fuzz_decoder *decoder);

#endif
