/* Where decoded integers go: straight into the element type that is asked for, scaled or looked up. */
#ifndef ATTAR_SINK_H
#define ATTAR_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "attar/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of element, listed once. Integers are refused where they do not fit; int4 puts two in a byte, the first in the
 * low half. A float is float32(q) * scale, rounded half to even to its type. A lookup copies entry q + origin. */
#define ATTAR_ELEMENT_TABLE(X)                                                                     \
    X(ATTAR_ELEMENT_INT32, "int32", 32)                                                            \
    X(ATTAR_ELEMENT_INT16, "int16", 16)                                                            \
    X(ATTAR_ELEMENT_INT8, "int8", 8)                                                               \
    X(ATTAR_ELEMENT_INT4, "int4", 4)                                                               \
    X(ATTAR_ELEMENT_UINT16, "uint16", 16)                                                          \
    X(ATTAR_ELEMENT_UINT8, "uint8", 8)                                                             \
    X(ATTAR_ELEMENT_FLOAT32, "float32", 32)                                                        \
    X(ATTAR_ELEMENT_FLOAT16, "float16", 16)                                                        \
    X(ATTAR_ELEMENT_BFLOAT16, "bfloat16", 16)                                                      \
    X(ATTAR_ELEMENT_LOOKUP8, "lookup8", 8)                                                         \
    X(ATTAR_ELEMENT_LOOKUP16, "lookup16", 16)                                                      \
    X(ATTAR_ELEMENT_LOOKUP32, "lookup32", 32)                                                      \
    X(ATTAR_ELEMENT_LOOKUP64, "lookup64", 64)

#define ATTAR_ELEMENT_ENUM(code, name, bits) code,
typedef enum attar_element { ATTAR_ELEMENT_TABLE(ATTAR_ELEMENT_ENUM) ATTAR_ELEMENT_COUNT } attar_element;
#undef ATTAR_ELEMENT_ENUM

/* `dst` holds the elements `from` to `from + capacity - 1` of a tensor; others are left out, so that a reader can take a
 * slice. For int4, `from` is even. Element i of the tensor has the scale scales[i / stride mod scale_count]; the floats
 * alone read the scales, the lookups alone the book of `entries` elements. */
typedef struct attar_sink {
    attar_element element;
    void *dst;
    uint64_t from;
    uint64_t capacity;
    const float *scales;
    uint32_t scale_count;
    uint64_t stride;
    const void *book;
    uint32_t entries;
    uint32_t origin;
} attar_sink;

/* Writes n integers, the tensor's elements from `first` on. For int4, `first` is even. */
attar_status attar_sink_write(const attar_sink *sink, uint64_t first, const int32_t *values, size_t n);

#ifdef __cplusplus
}
#endif
#endif
