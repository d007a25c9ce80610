/* SPDX-License-Identifier: MIT */
/*
 * The product of one row with a B that lies transposed: dot products along k, since there is
 * nothing that tiles could share. Included after a vector header.
 */
#ifndef NPU_NN_F32_SIMD_DOTS_H
#define NPU_NN_F32_SIMD_DOTS_H

#include "f32.h"

/* Dot products of @a with @rows rows of B, side by side. */
static inline __attribute__((always_inline)) void
run_dots(const float *a, const float *b, size_t ldb, size_t k, const int rows, float *sum)
{
	vec acc[8][2];
	size_t i;
	int r;

#pragma GCC unroll 8
	for (r = 0; r < rows; r++) {
		acc[r][0] = v_set(0);
		acc[r][1] = v_set(0);
	}
	for (i = 0; i + 2 * LANES <= k; i += 2 * LANES) {
		vec a0 = v_load(a + i), a1 = v_load(a + i + LANES);

#pragma GCC unroll 8
		for (r = 0; r < rows; r++) {
			acc[r][0] = v_fma(a0, v_load(b + r * ldb + i), acc[r][0]);
			acc[r][1] = v_fma(a1, v_load(b + r * ldb + i + LANES), acc[r][1]);
		}
	}
	for (; i < k; i += LANES) {
		vec_mask mask = v_first(k - i);
		vec a0 = v_load_part(a + i, mask);

#pragma GCC unroll 8
		for (r = 0; r < rows; r++)
			acc[r][0] = v_fma(a0, v_load_part(b + r * ldb + i, mask), acc[r][0]);
	}
#pragma GCC unroll 8
	for (r = 0; r < rows; r++)
		sum[r] = v_sum(v_add(acc[r][0], acc[r][1]));
}

static void gemm_one_row(const struct npu_gemm *g, const struct npu_gemm_block *block)
{
	const float *b = g->b + block->column * g->ldb;
	float sum[4];
	size_t j, r;

	for (j = block->column; j < block->column_end; j += 4, b += 4 * g->ldb) {
		size_t rows = block->column_end - j < 4 ? block->column_end - j : 4;

		if (rows == 4)
			run_dots(g->a, b, g->ldb, g->k, 4, sum);
		else
			for (r = 0; r < rows; r++)
				run_dots(g->a, b + r * g->ldb, g->ldb, g->k, 1, sum + r);
		for (r = 0; r < rows; r++)
			g->c[j + r] = sum[r] + (g->bias ? g->bias[j + r] : 0);
	}
}

#endif /* NPU_NN_F32_SIMD_DOTS_H */
