/* SPDX-License-Identifier: MIT */
/*
 * Matrix products in vectors; included after a vector header.
 *
 * C is computed in tiles, see f32_simd_tile.h, a column of tiles after the other, some steps of k
 * at a time. Where B lies transposed, it costs less to compute the transposed C if C has few rows.
 *
 * Every element of C adds in the order of k, whatever the form; only a product of one row with a
 * transposed B has another. So neither tiles nor blocks show in the result.
 */
#ifndef NPU_NN_F32_SIMD_GEMM_H
#define NPU_NN_F32_SIMD_GEMM_H

#include <string.h>

#include "f32.h"
#include "f32_simd_dots.h"
#include "f32_simd_pack.h"
#include "f32_simd_tile.h"

/*
 * Steps of k at a time: enough that loads and stores of C cost little, few enough for the stack. If
 * A lies transposed, its rows fight for the nearest cache, and the panel should leave room there.
 */
#define DEPTH 512
#define DEPTH_TN 128

/* Rows of C at a time: their part of A shall stay in a cache while columns of tiles pass. */
#define ROWS (80 * TILE_ROWS)

/* Rows of a transposed C at a time: some tiles, which are some blocks for v_transpose(), too. */
#define GROUP 24

/**
 * struct column - a column of tiles of the product @g
 * @transpose: C lies transposed
 * @row: its first row; @rows of them
 * @column: its first column; @columns of them
 * @k: its first step; @depth of them
 * @more: there is another column to the right
 * @panel: [DEPTH][WIDTH]
 */
struct column {
	const struct npu_gemm *g;
	bool transpose;
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

/* @rows rows from that of @t on; @source of the topmost tile, and @first its number */
static void run_tiles(const struct column *c, struct tile *t, size_t rows, size_t first,
		      enum tile_source source)
{
	const size_t vectors = (c->columns + LANES - 1) / LANES;
	const unsigned int count = (unsigned int)rows; /* since a long division takes long */
	const unsigned int tiles = (count + TILE_ROWS - 1) / TILE_ROWS;
	const unsigned int least = count / tiles, larger = count % tiles;
	unsigned int i;

	t->ahead = (const char *)c->panel;
	t->ahead_step = 0;
	for (i = 0; i < tiles; i++, source = TILE_PANEL) {
		const size_t some = least + (i < larger);

		if (c->more)
			prefetch_next(c, first + i, t);
		tile_kernel[vectors - 1][some - 1][source](t);
		t->a += some * t->a_row;
		t->c += some * t->ldc;
	}
}

/* The same, by way of a few rows of C that do not lie transposed. */
static void run_transposed(const struct column *c, struct tile *t, size_t rows)
{
	float group[GROUP * WIDTH] __attribute__((aligned(64))), *to = t->c;
	const struct npu_gemm *g = c->g;
	size_t row, some, i, j;

	t->ldc = WIDTH;
	t->start = NULL;
	for (row = 0; row < rows; row += some, to += some) {
		some = rows - row < GROUP ? rows - row : GROUP;
		t->c = group;
		if (c->k)
			pack_panel(to, g->ldc, some, c->columns, group, WIDTH);
		else
			for (i = 0; i < some; i++)
				for (j = 0; j < WIDTH; j += LANES)
					v_store(group + i * WIDTH + j,
						v_set(g->bias ? g->bias[c->row + row + i] : 0));
		run_tiles(c, t, some, row / TILE_ROWS, TILE_PANEL);
		pack_panel(group, WIDTH, c->columns, some, to, g->ldc);
	}
}

static void run_column(const struct column *c, const float *start)
{
	const struct npu_gemm *g = c->g;
	const size_t vectors = (c->columns + LANES - 1) / LANES;
	const bool transposed = g->form == NPU_GEMM_TN;
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
	if (g->form != NPU_GEMM_NT) {
		run_tiles(c, &t, c->rows, 0, c->columns % LANES ? TILE_PART : TILE_WHOLE);
		return;
	}
	pack_panel(g->b + c->column * g->ldb + c->k, g->ldb, c->depth, c->columns, c->panel,
		   vectors * LANES);
	if (c->transpose) {
		t.c = g->c + c->column * g->ldc + c->row;
		run_transposed(c, &t, c->rows);
	} else {
		run_tiles(c, &t, c->rows, 0, TILE_PANEL);
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
		if (bias && !c->k && !c->transpose)
			memcpy(start, bias + c->column, c->columns * sizeof(float));
		run_column(c, c->k ? NULL : start);
	}
}

/*
 * Time of a product with a transposed B, for every step of k, in sixths of a cycle: a
 * multiplication takes half a cycle, the packing of an element a third. A single vector does not
 * fill a tile.
 */
static size_t cost(size_t rows, size_t columns)
{
	size_t vectors = (columns + LANES - 1) / LANES;

	return (vectors == 1 ? 4 : 3 * vectors) * rows + 2 * columns;
}

static bool transposing_pays(const struct npu_gemm *g, size_t rows, size_t columns)
{
	size_t packings_of_c = 2 * (g->k + DEPTH - 1) / DEPTH;

	return g->form == NPU_GEMM_NT && g->k &&
	       cost(columns, rows) + 2 * rows * columns * packings_of_c / g->k <
		       cost(rows, columns);
}

/* Not inline: a product of one row shall not have the frame of this. */
static __attribute__((noinline)) void run_rows(const struct npu_gemm *g,
					       const struct npu_gemm_block *block, bool transpose)
{
	const size_t rows = even_parts(block->row_end - block->row, ROWS, TILE_ROWS);
	const size_t depth = even_parts(g->k, g->form == NPU_GEMM_TN ? DEPTH_TN : DEPTH, STEPS);
	float panel[DEPTH * WIDTH] __attribute__((aligned(64)));
	struct column c = { .g = g, .transpose = transpose, .panel = panel };

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

/* C^T = B A^T, where both lie as this product wants them */
static void run_turned(const struct npu_gemm *g, const struct npu_gemm_block *block)
{
	struct npu_gemm turned = *g;

	turned.m = g->n;
	turned.n = g->m;
	turned.a = g->b;
	turned.lda = g->ldb;
	turned.b = g->a;
	turned.ldb = g->lda;
	run_rows(&turned,
		 &(struct npu_gemm_block){ block->column, block->column_end, block->row,
					   block->row_end },
		 true);
}

static void gemm(const struct npu_gemm *g, const struct npu_gemm_block *block)
{
	if (g->form == NPU_GEMM_NT && g->m == 1)
		gemm_one_row(g, block);
	else if (transposing_pays(g, block->row_end - block->row,
				  block->column_end - block->column))
		run_turned(g, block);
	else
		run_rows(g, block, false);
}

#endif /* NPU_NN_F32_SIMD_GEMM_H */
