// SPDX-License-Identifier: MIT
/*
 * A round of tasks is announced by its number; threads take tasks by a counter. Between rounds of
 * one step there are microseconds, so a thread looks for the next one a while before it sleeps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "runtime/error.h"

#define LOOKS 4000

/**
 * struct npu_pool - see the file's comment
 * @round: number of the round announced last
 * @next: the next task to take
 * @left: threads that have not finished the round
 * @run, @context, @tasks: of the round; written before @round
 * @sleepers: threads that wait for @wake
 * @ending: the next round is the end
 */
struct npu_pool {
	size_t threads;
	pthread_t *thread;	/* [threads - 1] */
	atomic_uint round;
	atomic_size_t next, left;
	void (*run)(void *context, size_t task);
	void *context;
	size_t tasks;
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

static void take_tasks(struct npu_pool *pool)
{
	size_t task;

	while ((task = atomic_fetch_add(&pool->next, 1)) < pool->tasks)
		pool->run(pool->context, task);
}

static void await_round(struct npu_pool *pool, unsigned int seen)
{
	int i;

	for (i = 0; i < LOOKS; i++) {
		if (atomic_load(&pool->round) != seen)
			return;
		relax();
	}
	pthread_mutex_lock(&pool->lock);
	atomic_fetch_add(&pool->sleepers, 1);
	while (atomic_load(&pool->round) == seen)
		pthread_cond_wait(&pool->wake, &pool->lock);
	atomic_fetch_sub(&pool->sleepers, 1);
	pthread_mutex_unlock(&pool->lock);
}

static void *worker(void *arg)
{
	struct npu_pool *pool = arg;
	unsigned int seen = 0;

	for (;;) {
		await_round(pool, seen);
		seen = atomic_load(&pool->round);
		if (atomic_load(&pool->ending))
			return NULL;
		take_tasks(pool);
		atomic_fetch_sub(&pool->left, 1);
	}
}

static void announce(struct npu_pool *pool)
{
	atomic_fetch_add(&pool->round, 1);
	if (!atomic_load(&pool->sleepers))
		return;
	pthread_mutex_lock(&pool->lock);
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
}

static unsigned int usable_cpus(void)
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
		threads = usable_cpus();
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
	announce(pool);
	for (i = 0; i + 1 < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool->thread);
	free(pool);
}

size_t npu_pool_threads(const struct npu_pool *pool)
{
	return pool ? pool->threads : 1;
}

void npu_pool_run(struct npu_pool *pool, void (*run)(void *context, size_t task), void *context,
		  size_t tasks)
{
	size_t i;

	if (!pool || tasks == 1) {
		for (i = 0; i < tasks; i++)
			run(context, i);
		return;
	}
	pool->run = run;
	pool->context = context;
	pool->tasks = tasks;
	atomic_store(&pool->next, 0);
	atomic_store(&pool->left, pool->threads - 1);
	announce(pool);
	take_tasks(pool);
	for (i = 0; atomic_load(&pool->left); i++) {
		relax();
		if (i % 1024 == 1023)
			sched_yield();
	}
}
