/* A few threads that work on one operator together. Internal. */
#ifndef ATTAR_ENGINE_POOL_H
#define ATTAR_ENGINE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "attar/status.h"

/* What each thread does: `share` of `shares`. */
typedef void attar_work(void *context, uint32_t share, uint32_t shares);

typedef struct attar_pool attar_pool;

/* Bytes of a pool, aligned to 64. */
size_t attar_pool_bytes(uint32_t threads);

/* Starts threads - 1 threads; the caller's is the first. */
attar_status attar_pool_open(void *memory, uint32_t threads, attar_pool **pool);
void attar_pool_close(attar_pool *pool);

/* Between these two the threads wait for work without giving up the processor, so that an operator of microseconds is
 * not waited for longer than it takes. */
void attar_pool_wake(attar_pool *pool);
void attar_pool_rest(attar_pool *pool);

/* Does all shares of a piece of work, and returns when they are done. */
void attar_pool_do(attar_pool *pool, attar_work *work, void *context);

#endif
