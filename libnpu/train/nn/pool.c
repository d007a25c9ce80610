// SPDX-License-Identifier: MIT
/*
 * Tasks are taken from a ticket: one word that holds how many tasks a round has and which is next,
 * so that a thread that wakes late finds an old ticket used up and can't take from it what belongs
 * to the next round. The caller waits for tasks, not for threads: one that sleeps, or that has lost
 * its CPU to another program, delays nobody unless it holds a task.
 *
 * Between the rounds of a training step there are microseconds, so a thread looks for the next one
 * a while before it sleeps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "runtime/error.h"

#define LOOKS 2000

/**
 * struct npu_pool - see the file's comment
 * @threads: with the caller
 * @thread: [threads - 1]
 * @ticket: tasks of the round << 32 | the next to take
 * @done: tasks of the round that have been run
 * @run, @context: of the round; written before @ticket, read by who has taken a task of it
 * @sleepers: threads that wait for @wake
 * @ending: there will be no further round
 */
struct npu_pool {
	size_t threads;
	pthread_t *thread;
	_Atomic uint64_t ticket;
	atomic_size_t done;
	void (*run)(void *context, size_t task);
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_uint sleepers;
	atomic_bool ending;
};

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static bool used_up(uint64_t ticket)
{
	return (uint32_t)ticket >= ticket >> 32;
}

static void take_tasks(struct npu_pool *pool)
{
	uint64_t ticket = atomic_load(&pool->ticket);

	while (!used_up(ticket)) {
		if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1))
			continue;
		pool->run(pool->context, (uint32_t)ticket);
		atomic_fetch_add(&pool->done, 1);
		ticket = atomic_load(&pool->ticket);
	}
}

static bool idle(struct npu_pool *pool)
{
	return used_up(atomic_load(&pool->ticket)) && !atomic_load(&pool->ending);
}

static void await_tasks(struct npu_pool *pool)
{
	int i;

	for (i = 0; i < LOOKS && idle(pool); i++)
		relax();
	if (!idle(pool))
		return;
	pthread_mutex_lock(&pool->lock);
	atomic_fetch_add(&pool->sleepers, 1);
	while (idle(pool))
		pthread_cond_wait(&pool->wake, &pool->lock);
	atomic_fetch_sub(&pool->sleepers, 1);
	pthread_mutex_unlock(&pool->lock);
}

static void *worker(void *arg)
{
	struct npu_pool *pool = arg;

	while (!atomic_load(&pool->ending)) {
		await_tasks(pool);
		take_tasks(pool);
	}
	return NULL;
}

/* After a change of @ticket or @ending: a thread either saw it or is counted in @sleepers. */
static void wake_sleepers(struct npu_pool *pool)
{
	if (!atomic_load(&pool->sleepers))
		return;
	pthread_mutex_lock(&pool->lock);
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
}

unsigned int npu_pool_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned int)CPU_COUNT(&set);
}

int npu_pool_create(struct npu_pool **out, unsigned int threads, struct npu_error *err)
{
	struct npu_pool *pool;
	int ret = 0;

	*out = NULL;
	if (!threads)
		threads = npu_pool_cpus();
	if (threads <= 1)
		return 0;
	pool = calloc(1, sizeof(*pool));
	if (pool)
		pool->thread = calloc(threads - 1, sizeof(*pool->thread));
	if (!pool || !pool->thread) {
		free(pool);
		return npu_error_set(err, -ENOMEM, "out of memory for %u threads", threads);
	}
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	for (pool->threads = 1; pool->threads < threads && !ret; pool->threads += !ret)
		ret = pthread_create(&pool->thread[pool->threads - 1], NULL, worker, pool);
	if (ret) {
		npu_pool_free(pool);
		return npu_error_set(err, -ret, "cannot start %u threads: %s; ask for fewer",
				     threads, strerror(ret));
	}
	*out = pool;
	return 0;
}

void npu_pool_free(struct npu_pool *pool)
{
	size_t i;

	if (!pool)
		return;
	atomic_store(&pool->ending, true);
	wake_sleepers(pool);
	for (i = 0; i + 1 < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool->thread);
	free(pool);
}

size_t npu_pool_bytes(unsigned int threads)
{
	if (!threads)
		threads = npu_pool_cpus();
	return threads > 1 ? sizeof(struct npu_pool) + (threads - 1) * sizeof(pthread_t) : 0;
}

size_t npu_pool_threads(const struct npu_pool *pool)
{
	return pool ? pool->threads : 1;
}

void npu_pool_run(struct npu_pool *pool, void (*run)(void *context, size_t task), void *context,
		  size_t tasks)
{
	size_t i;

	if (!pool || tasks <= 1) {
		for (i = 0; i < tasks; i++)
			run(context, i);
		return;
	}
	pool->run = run;
	pool->context = context;
	atomic_store(&pool->done, 0);
	atomic_store(&pool->ticket, (uint64_t)tasks << 32);
	wake_sleepers(pool);
	take_tasks(pool);
	for (i = 0; atomic_load(&pool->done) < tasks; i++) {
		relax();
		if (i % 1024 == 1023)
			sched_yield();
	}
}
