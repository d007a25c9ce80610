/* SPDX-License-Identifier: MIT */
/*
 * Matrix products in vectors; included after a vector header.
 *
 * C is computed in tiles, see f32_simd_tile.h, a column of tiles after the other, DEPTH steps of k
 * at a time. Every element of C adds in the order of k, whatever the form; only a product of one
 * row with a transposed B has another. So neither tiles nor blocks show in the result.
 */
#ifndef NPU_NN_F32_SIMD_GEMM_H
#define NPU_NN_F32_SIMD_GEMM_H

#include <string.h>

#include "f32.h"
#include "f32_simd_dots.h"
#include "f32_simd_pack.h"
#include "f32_simd_tile.h"

/* Steps of k at a time: enough that loads and stores of C cost little, few enough for the stack. */
#define DEPTH 512

/* Rows of C at a time: their part of A shall stay in a cache while columns of tiles pass. */
#define ROWS (80 * TILE_ROWS)

/**
 * struct column - a column of tiles of the product @g
 * @row: its first row; @rows of them
 * @column: its first column; @columns of them
 * @k: its first step; @depth of them
 * @more: there is another column to the right
 * @panel: [DEPTH][WIDTH]
 */
struct column {
	const struct npu_gemm *g;
	size_t row, rows, column, columns, k, depth;
	bool more;
	float *panel;
};

/*
 * While a tile is computed, part of the next column's B comes into the cache: of the lines of its
 * rows, one line of some rows a tile, or some lines of one row where it lies transposed.
 */
static void prefetch_next(const struct column *c, size_t tile, struct tile *t)
{
	const struct npu_gemm *g = c->g;
	size_t column = c->column + c->columns, part = c->depth / STEPS, row, line;

	t->ahead = (const char *)c->panel;
	t->ahead_step = 0;
	if (!c->more)
		return;
	if (g->form == NPU_GEMM_NT) {
		if (tile >= c->columns || column + tile >= g->n)
			return;
		t->ahead = (const char *)(g->b + (column + tile) * g->ldb + c->k);
		t->ahead_step = STEPS * sizeof(float);
		return;
	}
	row = tile % STEPS * part;
	line = tile / STEPS * 16;
	if (line > c->columns || column + line >= g->n)
		return;
	t->ahead = (const char *)(g->b + (c->k + row) * g->ldb + column + line);
	t->ahead_step = g->ldb * sizeof(float);
}

static void run_column(const struct column *c, const float *start)
{
	const struct npu_gemm *g = c->g;
	const bool transposed = g->form == NPU_GEMM_TN, pack = g->form == NPU_GEMM_NT;
	const size_t vectors = (c->columns + LANES - 1) / LANES;
	size_t tiles = (c->rows + TILE_ROWS - 1) / TILE_ROWS, rows = c->rows, i;
	enum tile_source source = c->columns % LANES ? TILE_PART : TILE_WHOLE;
	struct tile t = {
		.a_row = transposed ? 1 : g->lda,
		.a_column = transposed ? g->lda : 1,
		.b = g->b + c->k * g->ldb + c->column,
		.ldb = g->ldb,
		.panel = c->panel,
		.c = g->c + c->row * g->ldc + c->column,
		.ldc = g->ldc,
		.k = c->depth,
		.columns = c->columns,
		.start = start,
	};

	t.a = g->a + c->row * t.a_row + c->k * t.a_column;
	if (pack) {
		pack_panel(g->b + c->column * g->ldb + c->k, g->ldb, c->depth, c->columns, c->panel,
			   vectors * LANES);
		source = TILE_PANEL;
	}
	for (i = 0; i < tiles; i++, source = TILE_PANEL) {
		size_t some = (rows + tiles - i - 1) / (tiles - i);

		prefetch_next(c, i, &t);
		tile_kernel[vectors - 1][some - 1][source](&t);
		t.a += some * t.a_row;
		t.c += some * t.ldc;
		rows -= some;
	}
}

/* Columns of the next tiles, of @left: the last two share what is left if it makes just two. */
static size_t next_columns(size_t left)
{
	if (left > WIDTH && left <= WIDTH + LANES)
		return (TILE_VECTORS + 1) / 2 * LANES;
	return left < WIDTH ? left : WIDTH;
}

/* The length of parts, all of them alike but the last, that are at most @most and multiples of
 * @step. */
static size_t even_parts(size_t length, size_t most, size_t step)
{
	size_t parts = (length + most - 1) / most;
	size_t part = parts ? (length + parts - 1) / parts : length;

	return (part + step - 1) / step * step;
}

/* Rows [c->row, c->row + c->rows) and steps [c->k, c->k + c->depth) of a block */
static void run_columns(struct column *c, const struct npu_gemm_block *block)
{
	const float *bias = c->g->bias;
	float start[WIDTH] = { 0 };

	for (c->column = block->column; c->column < block->column_end; c->column += c->columns) {
		c->columns = next_columns(block->column_end - c->column);
		c->more = c->column + c->columns < block->column_end;
		if (bias && !c->k)
			memcpy(start, bias + c->column, c->columns * sizeof(float));
		run_column(c, c->k ? NULL : start);
	}
}

static void gemm(const struct npu_gemm *g, const struct npu_gemm_block *block)
{
	const size_t rows = even_parts(block->row_end - block->row, ROWS, TILE_ROWS);
	const size_t depth = even_parts(g->k, DEPTH, STEPS);
	float panel[DEPTH * WIDTH] __attribute__((aligned(64)));
	struct column c = { .g = g, .panel = panel };

	if (g->m == 1 && g->form == NPU_GEMM_NT) {
		gemm_one_row(g, block);
		return;
	}
	for (c.row = block->row; c.row < block->row_end; c.row += rows) {
		c.rows = block->row_end - c.row < rows ? block->row_end - c.row : rows;
		c.k = 0;
		do { /* once where there is no k: C is the bias */
			c.depth = g->k - c.k < depth ? g->k - c.k : depth;
			run_columns(&c, block);
			c.k += depth;
		} while (c.k < g->k);
	}
}

#endif /* NPU_NN_F32_SIMD_GEMM_H */
