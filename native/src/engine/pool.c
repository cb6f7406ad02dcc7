/* Pieces of work are claimed from one counter, which the turn they belong to stands above: a thread that comes too late
 * claims nothing. Those that wait spin for a moment, for the next operator mostly comes within it, and then sleep. */
#include "attar/pool.h"

#include "../cpu.h"

#ifdef ATTAR_HAS_THREADS
#include <pthread.h>

enum { SPINS = 1500, LINE = 64 }; /* pauses before a thread sleeps: some 30 microseconds */

typedef struct worker {
    struct attar_pool *pool;
    pthread_t thread;
    pthread_cond_t woken;
    uint32_t number; /* from 1 on: the caller is the first */
    uint32_t sleeps;
} worker;

struct attar_pool {
    pthread_mutex_t lock; /* of those that sleep, and of `started` */
    pthread_cond_t done;
    uint32_t taken;
    uint32_t wanted, started; /* threads, the caller's counted */
    uint32_t is_over;
    uint32_t caller_sleeps;
    uint32_t threads; /* the work of this turn: written while its turn is odd, which nobody claims pieces of */
    uint32_t pieces;
    attar_work *work;
    void *context;
    uint8_t apart[LINE];
    uint64_t next; /* the turn, and below it the next piece */
    uint8_t farther[LINE];
    uint32_t unfinished; /* pieces of this turn */
    worker workers[ATTAR_THREADS_MAX];
};

#define LOAD(place) __atomic_load_n(&(place), __ATOMIC_SEQ_CST)
#define STORE(place, value) __atomic_store_n(&(place), value, __ATOMIC_SEQ_CST)

static uint32_t turn_of(uint64_t next)
{
    return (uint32_t)(next >> 32);
}

static void pause_a_little(void)
{
#if defined(__x86_64__)
    __asm__ volatile("pause");
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Does one piece of a turn; 0 where none is left, or the turn is over, or still being written. What was read of another
 * turn is of no harm: then nothing is claimed. */
static int do_piece(attar_pool *pool, uint32_t turn)
{
    uint64_t next = LOAD(pool->next);
    attar_work *work = LOAD(pool->work);
    void *context = LOAD(pool->context);
    const uint32_t pieces = LOAD(pool->pieces);
    do
        if (turn % 2 != 0 || turn_of(next) != turn || (uint32_t)next >= pieces)
            return 0;
    while (!__atomic_compare_exchange_n(&pool->next, &next, next + 1, 1, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    work(context, (uint32_t)next, pieces);
    if (__atomic_sub_fetch(&pool->unfinished, 1, __ATOMIC_SEQ_CST) == 0 && LOAD(pool->caller_sleeps)) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->lock);
    }
    return 1;
}

/* Whether a worker has something to do, or is to end. */
static int is_called(attar_pool *pool, uint32_t turn)
{
    return turn_of(LOAD(pool->next)) != turn || LOAD(pool->is_over);
}

static void wait_for_turn(worker *self, uint32_t turn)
{
    attar_pool *pool = self->pool;
    for (uint32_t spins = 0; spins < SPINS; spins++) {
        if (is_called(pool, turn))
            return;
        pause_a_little();
    }
    pthread_mutex_lock(&pool->lock);
    STORE(self->sleeps, 1);
    while (!is_called(pool, turn))
        pthread_cond_wait(&self->woken, &pool->lock);
    STORE(self->sleeps, 0);
    pthread_mutex_unlock(&pool->lock);
}

static void *serve(void *argument)
{
    worker *self = argument;
    attar_pool *pool = self->pool;
    for (uint32_t turn = 0; !LOAD(pool->is_over); wait_for_turn(self, turn)) {
        turn = turn_of(LOAD(pool->next));
        while (self->number < LOAD(pool->threads) && do_piece(pool, turn)) {
        }
    }
    return NULL;
}

size_t attar_pool_bytes(void)
{
    return (sizeof(attar_pool) + LINE - 1) / LINE * LINE;
}

static attar_status set_up(attar_pool *pool, uint32_t wanted)
{
    const attar_pool fresh = {.started = 1, .wanted = wanted};
    *pool = fresh;
    const int failed = pthread_mutex_init(&pool->lock, NULL) != 0 || pthread_cond_init(&pool->done, NULL) != 0;
    return failed ? ATTAR_NO_THREADS : ATTAR_OK;
}

attar_status attar_pool_open(void *memory, attar_pool **pool)
{
    *pool = memory;
    return set_up(*pool, 1);
}

void attar_pool_forked(attar_pool *pool)
{
    set_up(pool, pool->wanted);
}

/* Starts one more thread, the lock held. */
static int start(attar_pool *pool)
{
    worker *each = &pool->workers[pool->started];
    each->pool = pool;
    each->number = pool->started;
    if (pthread_cond_init(&each->woken, NULL) != 0)
        return 0;
    if (pthread_create(&each->thread, NULL, serve, each) != 0) {
        pthread_cond_destroy(&each->woken);
        return 0;
    }
    STORE(pool->started, pool->started + 1);
    return 1;
}

attar_status attar_pool_grow(attar_pool *pool, uint32_t threads)
{
    if (threads > ATTAR_THREADS_MAX)
        return ATTAR_BAD_ARGUMENT;
    pthread_mutex_lock(&pool->lock);
    STORE(pool->wanted, pool->wanted > threads ? pool->wanted : threads);
    while (pool->started < pool->wanted && start(pool)) {
    }
    const attar_status status = pool->started < threads ? ATTAR_NO_THREADS : ATTAR_OK;
    pthread_mutex_unlock(&pool->lock);
    return status;
}

void attar_pool_close(attar_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    STORE(pool->is_over, 1);
    for (uint32_t i = 1; i < pool->started; i++)
        pthread_cond_signal(&pool->workers[i].woken);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 1; i < pool->started; i++) {
        pthread_join(pool->workers[i].thread, NULL);
        pthread_cond_destroy(&pool->workers[i].woken);
    }
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
}

int attar_pool_take(attar_pool *pool)
{
    if (__atomic_exchange_n(&pool->taken, 1, __ATOMIC_SEQ_CST) != 0)
        return 0;
    if (LOAD(pool->started) < LOAD(pool->wanted)) /* behind a fork; whoever does not start is not waited for */
        attar_pool_grow(pool, 1);
    return 1;
}

void attar_pool_leave(attar_pool *pool)
{
    STORE(pool->taken, 0);
}

/* Returns the turn. */
static uint32_t publish(attar_pool *pool, uint32_t threads, attar_work *work, void *context, uint32_t pieces)
{
    const uint32_t turn = turn_of(LOAD(pool->next)) + 2;
    STORE(pool->next, (uint64_t)(turn - 1) << 32);
    STORE(pool->threads, threads);
    STORE(pool->work, work);
    STORE(pool->context, context);
    STORE(pool->pieces, pieces);
    STORE(pool->unfinished, pieces);
    STORE(pool->next, (uint64_t)turn << 32);
    return turn;
}

static void wake(attar_pool *pool, uint32_t threads)
{
    for (uint32_t i = 1; i < threads && i < LOAD(pool->started); i++) {
        if (!LOAD(pool->workers[i].sleeps))
            continue;
        pthread_mutex_lock(&pool->lock);
        STORE(pool->workers[i].sleeps, 0); /* once is enough, however long it takes to come */
        pthread_cond_signal(&pool->workers[i].woken);
        pthread_mutex_unlock(&pool->lock);
    }
}

static void wait_for_others(attar_pool *pool)
{
    for (uint32_t spins = 0; spins < SPINS; spins++) {
        if (LOAD(pool->unfinished) == 0)
            return;
        pause_a_little();
    }
    pthread_mutex_lock(&pool->lock);
    STORE(pool->caller_sleeps, 1);
    while (LOAD(pool->unfinished) != 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    STORE(pool->caller_sleeps, 0);
    pthread_mutex_unlock(&pool->lock);
}

void attar_pool_do(attar_pool *pool, uint32_t threads, attar_work *work, void *context, uint32_t pieces)
{
    const uint32_t turn = publish(pool, threads, work, context, pieces);
    wake(pool, threads);
    while (do_piece(pool, turn)) {
    }
    wait_for_others(pool);
}

#else /* one thread: that of the caller */

struct attar_pool {
    uint32_t nothing;
};

size_t attar_pool_bytes(void)
{
    return 64;
}

attar_status attar_pool_open(void *memory, attar_pool **pool)
{
    *pool = memory;
    return ATTAR_OK;
}

attar_status attar_pool_grow(attar_pool *pool, uint32_t threads)
{
    (void)pool;
    return threads <= 1 ? ATTAR_OK : ATTAR_NO_THREADS;
}

void attar_pool_close(attar_pool *pool)
{
    (void)pool;
}

void attar_pool_forked(attar_pool *pool)
{
    (void)pool;
}

int attar_pool_take(attar_pool *pool)
{
    (void)pool;
    return 0;
}

void attar_pool_leave(attar_pool *pool)
{
    (void)pool;
}

void attar_pool_do(attar_pool *pool, uint32_t threads, attar_work *work, void *context, uint32_t pieces)
{
    (void)pool;
    (void)threads;
    for (uint32_t piece = 0; piece < pieces; piece++)
        work(context, piece, pieces);
}
#endif
