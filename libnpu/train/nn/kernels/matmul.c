// SPDX-License-Identifier: MIT
#include "matmul.h"

/* A block so many times as wide as its variant likes, and one of so many rows, is worth packing. */
#define WIDE 6
#define HIGH 64

struct job {
	const struct npu_f32 *f32;
	const struct npu_gemm *gemm;
	size_t rows, columns; /* of a block */
	size_t across;	      /* blocks side by side */
};

static void block(void *context, size_t task)
{
	const struct job *job = context;
	const struct npu_gemm *gemm = job->gemm;
	struct npu_gemm_block b = {
		.row = task / job->across * job->rows,
		.column = task % job->across * job->columns,
	};

	b.row_end = b.row + job->rows < gemm->m ? b.row + job->rows : gemm->m;
	b.column_end = b.column + job->columns < gemm->n ? b.column + job->columns : gemm->n;
	job->f32->gemm(gemm, &b);
}

static size_t pieces(size_t length, size_t piece)
{
	return (length + piece - 1) / piece;
}

/*
 * Blocks side by side need no part of B twice, so columns are shared before rows, unless that
 * leaves narrow blocks of many rows. Two blocks a thread, if they are large enough, let the thread
 * that is held up do one less.
 */
static void share(struct job *job, size_t threads)
{
	const size_t m = job->gemm->m, n = job->gemm->n, step = job->f32->columns;
	const size_t blocks = n >= 2 * threads * WIDE * step ? 2 * threads : threads;

	job->columns = pieces(pieces(n, blocks), step) * step;
	if (job->columns < WIDE * step && m >= 2 * threads * HIGH) {
		job->columns = n;
		job->rows = pieces(m, 2 * threads);
	} else if (pieces(n, job->columns) < threads) {
		job->rows = pieces(m, threads);
	}
	job->across = pieces(n, job->columns);
}

void npu_matmul(struct npu_pool *pool, const struct npu_f32 *f32, const struct npu_gemm *gemm)
{
	struct job job = { f32, gemm, gemm->m, gemm->n, 1 };
	size_t threads = npu_pool_threads(pool);

	if (threads > 1 && gemm->m * gemm->n * gemm->k >= NPU_WORTH_SHARING)
		share(&job, threads);
	npu_pool_run(pool, block, &job, job.across * pieces(gemm->m, job.rows));
}
