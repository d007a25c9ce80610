// SPDX-License-Identifier: MIT
#include "matmul.h"

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

void npu_matmul(struct npu_pool *pool, const struct npu_f32 *f32, const struct npu_gemm *gemm)
{
	struct job job = { f32, gemm, gemm->m, gemm->n, 1 };
	size_t threads = npu_pool_threads(pool);

	if (threads > 1 && gemm->m * gemm->n * gemm->k >= NPU_WORTH_SHARING) {
		/* a few blocks a thread, so that the slower one does fewer; columns first */
		job.columns = pieces(pieces(gemm->n, 2 * threads), f32->columns) * f32->columns;
		job.across = pieces(gemm->n, job.columns);
		if (job.across < threads)
			job.rows = pieces(gemm->m, threads);
	}
	npu_pool_run(pool, block, &job, job.across * pieces(gemm->m, job.rows));
}
