#include "pool.h"

#include "../cpu.h"

#ifdef ATTAR_HAS_THREADS
#include <pthread.h>
#include <sched.h>

enum { SPINS = 2000 }; /* before a waiting thread lets others run: some microseconds */

struct attar_pool;

typedef struct worker {
    struct attar_pool *pool;
    uint32_t share;
    pthread_t thread;
} worker;

struct attar_pool {
    uint32_t shares;
    uint32_t started;
    pthread_mutex_t lock; /* of `mornings` and `is_over`, for those that sleep */
    pthread_cond_t changed;
    uint32_t mornings; /* how often all were woken: one who oversleeps still lives through each of them */
    int is_over;
    attar_work *work;
    void *context;
    uint32_t turn;      /* raised when there is work, or when all shall rest */
    uint32_t unfinished; /* shares of this turn */
    worker workers[1];  /* as many as there are shares, really */
};

static void pause_a_little(uint32_t *spins)
{
#if defined(__x86_64__)
    __asm__ volatile("pause");
#endif
    if (++*spins > SPINS)
        sched_yield();
}

/* Returns whether there is more to come. */
static int sleep_until_morning(attar_pool *pool, uint32_t lived_through)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->mornings == lived_through && !pool->is_over)
        pthread_cond_wait(&pool->changed, &pool->lock);
    const int is_over = pool->is_over;
    pthread_mutex_unlock(&pool->lock);
    return !is_over;
}

static void *serve(void *argument)
{
    const worker *self = argument;
    attar_pool *pool = self->pool;
    uint32_t turn = 0;
    for (uint32_t mornings = 0; sleep_until_morning(pool, mornings); mornings++) {
        for (;;) {
            uint32_t spins = 0;
            while (__atomic_load_n(&pool->turn, __ATOMIC_ACQUIRE) == turn)
                pause_a_little(&spins);
            turn++;
            attar_work *work = pool->work;
            if (work != NULL)
                work(pool->context, self->share, pool->shares);
            __atomic_sub_fetch(&pool->unfinished, 1, __ATOMIC_RELEASE);
            if (work == NULL)
                break;
        }
    }
    return NULL;
}

size_t attar_pool_bytes(uint32_t threads)
{
    return (sizeof(attar_pool) + threads * sizeof(worker) + 63) / 64 * 64;
}

attar_status attar_pool_open(void *memory, uint32_t threads, attar_pool **pool)
{
    attar_pool *made = memory;
    const attar_pool fresh = {.shares = threads, .started = 1};
    *made = fresh;
    *pool = made;
    if (threads == 1)
        return ATTAR_OK;
    if (pthread_mutex_init(&made->lock, NULL) != 0 || pthread_cond_init(&made->changed, NULL) != 0)
        return ATTAR_NO_THREADS;
    for (; made->started < threads; made->started++) {
        worker *each = &made->workers[made->started];
        each->pool = made;
        each->share = made->started;
        if (pthread_create(&each->thread, NULL, serve, each) != 0) {
            attar_pool_close(made);
            return ATTAR_NO_THREADS;
        }
    }
    return ATTAR_OK;
}

void attar_pool_close(attar_pool *pool)
{
    if (pool->shares == 1)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_over = 1;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 1; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
}

void attar_pool_wake(attar_pool *pool)
{
    if (pool->shares == 1)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->mornings++;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

void attar_pool_rest(attar_pool *pool)
{
    if (pool->shares > 1)
        attar_pool_do(pool, NULL, NULL);
}

void attar_pool_do(attar_pool *pool, attar_work *work, void *context)
{
    if (pool->shares > 1) {
        pool->work = work;
        pool->context = context;
        __atomic_store_n(&pool->unfinished, pool->shares - 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&pool->turn, 1, __ATOMIC_RELEASE);
    }
    if (work != NULL)
        work(context, 0, pool->shares);
    uint32_t spins = 0;
    while (pool->shares > 1 && __atomic_load_n(&pool->unfinished, __ATOMIC_ACQUIRE) != 0)
        pause_a_little(&spins);
}

#else /* one thread: that of the caller */

struct attar_pool {
    uint32_t shares;
};

size_t attar_pool_bytes(uint32_t threads)
{
    (void)threads;
    return 64;
}

attar_status attar_pool_open(void *memory, uint32_t threads, attar_pool **pool)
{
    *pool = memory;
    (*pool)->shares = 1;
    return threads == 1 ? ATTAR_OK : ATTAR_NO_THREADS;
}

void attar_pool_close(attar_pool *pool)
{
    (void)pool;
}

void attar_pool_wake(attar_pool *pool)
{
    (void)pool;
}

void attar_pool_rest(attar_pool *pool)
{
    (void)pool;
}

void attar_pool_do(attar_pool *pool, attar_work *work, void *context)
{
    work(context, 0, pool->shares);
}
#endif
