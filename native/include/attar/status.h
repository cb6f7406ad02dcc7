/* Every outcome of the native core, listed once: the enum, the names and the Python errors come from this table. */
#ifndef ATTAR_STATUS_H
#define ATTAR_STATUS_H

#define ATTAR_STATUS_TABLE(X)                                                                      \
    X(ATTAR_OK, "ok")                                                                              \
    X(ATTAR_TRUNCATED, "truncated")                                                                \
    X(ATTAR_BAD_VARINT, "bad varint")                                                              \
    X(ATTAR_BAD_HEADER, "bad header")                                                              \
    X(ATTAR_BAD_ALPHABET, "bad alphabet")                                                          \
    X(ATTAR_BAD_LENGTHS, "bad code lengths")                                                       \
    X(ATTAR_BAD_FREQUENCIES, "bad frequencies")                                                    \
    X(ATTAR_BAD_POSITION, "position beyond the end")                                               \
    X(ATTAR_BAD_STATE, "bad state")                                                                \
    X(ATTAR_BAD_PADDING, "bad padding")                                                            \
    X(ATTAR_TRAILING_DATA, "trailing data")                                                        \
    X(ATTAR_OUTPUT_TOO_SMALL, "output too small")                                                  \
    X(ATTAR_BAD_SYMBOL, "symbol outside the alphabet")                                             \
    X(ATTAR_BAD_ARGUMENT, "bad argument")                                                          \
    X(ATTAR_BAD_PROGRAM, "bad program")                                                            \
    X(ATTAR_NO_THREADS, "threads cannot be started")                                               \
    X(ATTAR_NOT_READY, "constants are missing")                                                    \
    X(ATTAR_NOT_WRITTEN, "a tensor is read that nothing wrote")

#define ATTAR_STATUS_ENUM(code, name) code,
typedef enum attar_status { ATTAR_STATUS_TABLE(ATTAR_STATUS_ENUM) ATTAR_STATUS_COUNT } attar_status;
#undef ATTAR_STATUS_ENUM

#ifdef __cplusplus
extern "C" {
#endif

/* The name of a status; "unknown" for a value outside the table. Never NULL. */
const char *attar_status_name(attar_status status);

#ifdef __cplusplus
}
#endif
#endif
