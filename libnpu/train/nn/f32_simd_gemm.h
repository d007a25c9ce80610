/* SPDX-License-Identifier: MIT */
/*
 * Matrix products in vectors; included after vector_avx2.h or vector_avx512.h.
 *
 * A tile of MR rows and two vectors of columns stays in registers while k runs: one element of A
 * is broadcast, two vectors of B are read. B must lie [k][n] for that; where it lies transposed
 * it is first copied, PANEL_DEPTH rows of k at a time, into a panel on the stack. A product of one
 * row has nothing to share: there it is dot products along k.
 *
 * Every element of C adds in an order that depends on k and the form alone, so neither tiles nor
 * blocks show in the result.
 */
#ifndef NPU_NN_F32_SIMD_GEMM_H
#define NPU_NN_F32_SIMD_GEMM_H

#include "f32.h"

#define WIDTH (2 * LANES)
#define PANEL_DEPTH 256

#if LANES == 16
#define MR 12
#else
#define MR 6
#endif

/**
 * struct tile - operands of a tile
 * @a: its first element; @a_row and @a_column floats to the next row and the next k
 * @b: its first element; @ldb floats to the next k
 * @c: its first element; @ldc floats to the next row
 * @k: depth
 * @columns: up to WIDTH
 * @start: initial values of the columns, or NULL to go on from C
 */
struct tile {
	const float *a;
	size_t a_row, a_column;
	const float *b;
	size_t ldb;
	float *c;
	size_t ldc;
	size_t k, columns;
	const float *start;
};

static inline __attribute__((always_inline)) void run_tile(const struct tile *t, const int rows,
							   const int full)
{
	vec_mask low = v_first(t->columns);
	vec_mask high = v_first(t->columns > LANES ? t->columns - LANES : 0);
	vec acc[MR][2];
	size_t k;
	int r;

#define LOAD(p, mask) (full ? v_load(p) : v_load_part(p, mask))
#define STORE(p, mask, x) (full ? v_store(p, x) : v_store_part(p, mask, x))
#pragma GCC unroll 12
	for (r = 0; r < rows; r++) {
		const float *from = t->start ? t->start : t->c + r * t->ldc;

		acc[r][0] = LOAD(from, low);
		acc[r][1] = LOAD(from + LANES, high);
	}
	for (k = 0; k < t->k; k++) {
		vec b0 = LOAD(t->b + k * t->ldb, low);
		vec b1 = LOAD(t->b + k * t->ldb + LANES, high);

#pragma GCC unroll 12
		for (r = 0; r < rows; r++) {
			vec a = v_set(t->a[r * t->a_row + k * t->a_column]);

			acc[r][0] = v_fma(a, b0, acc[r][0]);
			acc[r][1] = v_fma(a, b1, acc[r][1]);
		}
	}
#pragma GCC unroll 12
	for (r = 0; r < rows; r++) {
		STORE(t->c + r * t->ldc, low, acc[r][0]);
		STORE(t->c + r * t->ldc + LANES, high, acc[r][1]);
	}
#undef LOAD
#undef STORE
}

static void run_tile_full(const struct tile *t)
{
	run_tile(t, MR, 1);
}

#define TILE_ROWS(n)                                   \
	static void run_tile_##n(const struct tile *t) \
	{                                              \
		run_tile(t, n, 0);                     \
	}
TILE_ROWS(1)
TILE_ROWS(2)
TILE_ROWS(3)
TILE_ROWS(4)
TILE_ROWS(6)
#if MR == 12
TILE_ROWS(12)
#endif

/* The largest tile of at most @rows rows, and its height. */
static size_t run_some_rows(const struct tile *t, size_t rows)
{
	if (rows >= MR && t->columns == WIDTH) {
		run_tile_full(t);
		return MR;
	}
#if MR == 12
	if (rows >= 12) {
		run_tile_12(t);
		return 12;
	}
#endif
	if (rows >= 6) {
		run_tile_6(t);
		return 6;
	}
	if (rows >= 4) {
		run_tile_4(t);
		return 4;
	}
	if (rows == 3)
		run_tile_3(t);
	else if (rows == 2)
		run_tile_2(t);
	else
		run_tile_1(t);
	return rows;
}

static void run_rows(struct tile t, size_t rows)
{
	while (rows) {
		size_t done = run_some_rows(&t, rows);

		t.a += done * t.a_row;
		t.c += done * t.ldc;
		rows -= done;
	}
}

/* Two rows' halves that lie 4 apart: b[0][0..4) and b[4][0..4) */
static inline __m256 load_halves(const float *b, size_t ldb)
{
	return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(b)),
				    _mm_loadu_ps(b + 4 * ldb), 1);
}

/* panel[k][j] = b[j][k], for j below 8 and k below 4 */
static inline void transpose_8x4(const float *b, size_t ldb, float *panel)
{
	__m256 r0 = load_halves(b, ldb), r1 = load_halves(b + ldb, ldb);
	__m256 r2 = load_halves(b + 2 * ldb, ldb), r3 = load_halves(b + 3 * ldb, ldb);
	__m256 low01 = _mm256_unpacklo_ps(r0, r1), high01 = _mm256_unpackhi_ps(r0, r1);
	__m256 low23 = _mm256_unpacklo_ps(r2, r3), high23 = _mm256_unpackhi_ps(r2, r3);

	_mm256_storeu_ps(panel, _mm256_shuffle_ps(low01, low23, 0x44));
	_mm256_storeu_ps(panel + WIDTH, _mm256_shuffle_ps(low01, low23, 0xee));
	_mm256_storeu_ps(panel + 2 * WIDTH, _mm256_shuffle_ps(high01, high23, 0x44));
	_mm256_storeu_ps(panel + 3 * WIDTH, _mm256_shuffle_ps(high01, high23, 0xee));
}

/* panel[k][0..columns) = b[column][k]; the rest of a row is not read */
static void pack_panel(const float *b, size_t ldb, size_t depth, size_t columns, float *panel)
{
	size_t j, k, strip;

	for (j = 0; j < columns; j += strip) {
		strip = columns - j < 8 ? columns - j : 8;
		for (k = 0; strip == 8 && k + 4 <= depth; k += 4)
			transpose_8x4(b + j * ldb + k, ldb, panel + k * WIDTH + j);
		k = strip == 8 ? depth / 4 * 4 : 0;
		for (; k < depth; k++) {
			size_t i;

			for (i = j; i < j + strip; i++)
				panel[k * WIDTH + i] = b[i * ldb + k];
		}
	}
}

/* The first values of columns [column, column + columns): the bias, or nothing. */
static const float *start_of(const struct npu_gemm *g, size_t column, size_t columns, float *start)
{
	size_t j;

	for (j = 0; j < columns; j++)
		start[j] = g->bias ? g->bias[column + j] : 0;
	return start;
}

static void gemm_columns(const struct npu_gemm *g, const struct npu_gemm_block *block,
			 size_t column, size_t columns)
{
	float start[WIDTH], panel[PANEL_DEPTH * WIDTH] __attribute__((aligned(64)));
	size_t depth_step = g->form == NPU_GEMM_NT ? PANEL_DEPTH : g->k, k;
	struct tile t = {
		.c = g->c + block->row * g->ldc + column,
		.ldc = g->ldc,
		.a_row = g->form == NPU_GEMM_TN ? 1 : g->lda,
		.a_column = g->form == NPU_GEMM_TN ? g->lda : 1,
		.columns = columns,
		.start = start_of(g, column, columns, start),
	};

	for (k = 0; k < g->k || t.start; k += depth_step) {
		t.k = g->k - k < depth_step ? g->k - k : depth_step;
		t.a = g->a + block->row * t.a_row + k * t.a_column;
		if (g->form == NPU_GEMM_NT) {
			pack_panel(g->b + column * g->ldb + k, g->ldb, t.k, columns, panel);
			t.b = panel;
			t.ldb = WIDTH;
		} else {
			t.b = g->b + k * g->ldb + column;
			t.ldb = g->ldb;
		}
		run_rows(t, block->row_end - block->row);
		t.start = NULL;
	}
}

/* Dot products of one row of A with rows of B, @rows of them side by side. */
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
	for (i = 0; i + WIDTH <= k; i += WIDTH) {
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

static void gemm(const struct npu_gemm *g, const struct npu_gemm_block *block)
{
	size_t column;

	if (g->m == 1 && g->form == NPU_GEMM_NT) {
		gemm_one_row(g, block);
		return;
	}
	for (column = block->column; column < block->column_end; column += WIDTH) {
		size_t columns = block->column_end - column;

		gemm_columns(g, block, column, columns < WIDTH ? columns : WIDTH);
	}
}

#endif /* NPU_NN_F32_SIMD_GEMM_H */
