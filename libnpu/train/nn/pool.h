/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_POOL_H
#define NPU_NN_POOL_H

#include <stddef.h>

#include "npu.h"

/*
 * Multiply-accumulates below which a second thread costs more than it gains, since it has to be
 * told, and the caller to hear that it is done.
 */
#define NPU_WORTH_SHARING (1u << 19)

/* Threads that live as long as a fit or a predict. A NULL pool is the calling thread alone. */
struct npu_pool;

/* @threads: 0 for the CPUs that the process may use. *@pool is NULL if that makes one. */
int npu_pool_create(struct npu_pool **pool, unsigned int threads, struct npu_error *err);
void npu_pool_free(struct npu_pool *pool);

size_t npu_pool_threads(const struct npu_pool *pool);

/* CPUs that the process may use. */
unsigned int npu_pool_cpus(void);

/* Memory of a pool, the stacks of its threads apart. */
size_t npu_pool_bytes(unsigned int threads);

/*
 * Run tasks 0 to @tasks - 1, fewer than 2^32, the caller taking part; returns when all are done.
 * One caller at a time.
 */
void npu_pool_run(struct npu_pool *pool, void (*run)(void *context, size_t task), void *context,
		  size_t tasks);

#endif /* NPU_NN_POOL_H */
