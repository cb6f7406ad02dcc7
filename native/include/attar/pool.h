/* Threads that help whoever runs an engine. One pool serves any number of engines and of callers: the first that comes
 * is helped, others meanwhile work alone. */
#ifndef ATTAR_POOL_H
#define ATTAR_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "attar/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ATTAR_THREADS_MAX = 64 };

/* A piece of some work; which thread does it makes no difference. */
typedef void attar_work(void *context, uint32_t piece, uint32_t pieces);

typedef struct attar_pool attar_pool;

/* Bytes of a pool, aligned to 64. */
size_t attar_pool_bytes(void);

/* Makes a pool without threads. */
attar_status attar_pool_open(void *memory, attar_pool **pool);

/* Sees to it that `threads`, the caller's among them, can work together. */
attar_status attar_pool_grow(attar_pool *pool, uint32_t threads);

/* Ends the threads; nobody may be at work. */
void attar_pool_close(attar_pool *pool);

/* In the child of a fork, before anything else: the pool's threads are left behind, and start anew when there is work. */
void attar_pool_forked(attar_pool *pool);

/* Whether the pool is the caller's from now on, until it is left; else another has it. */
int attar_pool_take(attar_pool *pool);
void attar_pool_leave(attar_pool *pool);

/* Does all pieces of some work with at most `threads` threads, of a pool that was taken, and returns when they are done. A
 * thread that does not come is not waited for: the caller does what is left. */
void attar_pool_do(attar_pool *pool, uint32_t threads, attar_work *work, void *context, uint32_t pieces);

#ifdef __cplusplus
}
#endif
#endif
