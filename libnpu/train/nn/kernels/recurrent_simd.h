/* SPDX-License-Identifier: MIT */
/*
 * Kernels of the recurrent layers in vectors; included after a vector_*.h. Each does what
 * recurrent_reference.c does, to rounding.
 *
 * The sums of a tile of up to MR rows and two vectors of columns stay in registers while k runs.
 * The panel of B that it reads stays in the nearest cache for the next rows.
 */
#ifndef NPU_NN_RECURRENT_SIMD_H
#define NPU_NN_RECURRENT_SIMD_H

#include "recurrent_kernels.h"

#define WIDTH (2 * LANES)

/* Rows of a tile, and vectors of columns of a row that is alone: what the registers hold. */
#if LANES == 8
#define MR 6
#define STREAM 8
#else
#define MR 12
#define STREAM 16
#endif

/**
 * struct strip - some k of a product, for a tile
 * @a: its first element; @a_row and @a_step floats to the next row and the next k
 * @b: [k][WIDTH]
 */
struct strip {
	const float *a;
	size_t a_row, a_step;
	const float *b;
	size_t k;
};

/**
 * struct tile - rows of C
 * @strip: one after the other
 * @c: its first element; @ldc floats to the next row
 * @columns: up to WIDTH
 * @start: what it starts from, @start_row floats to the next row; NULL for zeros
 */
struct tile {
	struct strip strip[2];
	float *c;
	size_t ldc, columns;
	const float *start;
	size_t start_row;
};

static inline __attribute__((always_inline)) void run_strip(const struct strip *s, const int rows,
							    vec acc[MR][2])
{
	const float *a = s->a, *b = s->b;
	size_t k;
	int r;

	for (k = 0; k < s->k; k++, a += s->a_step, b += WIDTH) {
		vec b0 = v_load(b), b1 = v_load(b + LANES);

#pragma GCC unroll 12
		for (r = 0; r < rows; r++) {
			vec x = v_set(a[r * s->a_row]);

			acc[r][0] = v_fma(x, b0, acc[r][0]);
			acc[r][1] = v_fma(x, b1, acc[r][1]);
		}
	}
}

static inline __attribute__((always_inline)) void run_tile(const struct tile *t, const int rows)
{
	vec_mask low = v_first(t->columns);
	vec_mask high = v_first(t->columns > LANES ? t->columns - LANES : 0);
	const bool full = t->columns == WIDTH;
	vec acc[MR][2];
	int r;

#pragma GCC unroll 12
	for (r = 0; r < rows; r++) {
		const float *from = t->start + r * t->start_row;

		if (!t->start) {
			acc[r][0] = v_set(0);
			acc[r][1] = v_set(0);
		} else if (full) {
			acc[r][0] = v_load(from);
			acc[r][1] = v_load(from + LANES);
		} else {
			acc[r][0] = v_load_part(from, low);
			acc[r][1] = v_load_part(from + LANES, high);
		}
	}
	run_strip(&t->strip[0], rows, acc);
	run_strip(&t->strip[1], rows, acc);
#pragma GCC unroll 12
	for (r = 0; r < rows; r++) {
		float *to = t->c + r * t->ldc;

		if (full) {
			v_store(to, acc[r][0]);
			v_store(to + LANES, acc[r][1]);
		} else {
			v_store_part(to, low, acc[r][0]);
			v_store_part(to + LANES, high, acc[r][1]);
		}
	}
}

#define TILE(n)                                    \
	static void tile_##n(const struct tile *t) \
	{                                          \
		run_tile(t, n);                    \
	}
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#if MR == 12
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
#endif

static void (*const tiles[MR])(const struct tile *t) = {
	tile_1, tile_2, tile_3, tile_4,	 tile_5,  tile_6,
#if MR == 12
	tile_7, tile_8, tile_9, tile_10, tile_11, tile_12,
#endif
};

/*
 * @t, which is used up, for all rows, in tiles as equal as they can be: small ones make poor use of
 * the registers. It is not copied, since the tile would have to wait for the copy.
 */
static void run_rows(struct tile *t, size_t rows)
{
	size_t left = (rows + MR - 1) / MR;

	for (; rows; left--) {
		size_t some = (rows + left - 1) / left;

		tiles[some - 1](t);
		rows -= some;
		t->strip[0].a += some * t->strip[0].a_row;
		t->strip[1].a += some * t->strip[1].a_row;
		t->c += some * t->ldc;
		if (t->start)
			t->start += some * t->start_row;
	}
}

/* The k of @term that lie in [from, to) when counted from @first on; none: a strip of 0. */
static void set_strip(struct strip *s, const struct npu_recurrent_term *term, size_t first,
		      size_t from, size_t to, size_t column)
{
	size_t begin = from > first ? from - first : 0, end = to > first ? to - first : 0;

	if (end > term->k)
		end = term->k;
	s->a_row = term->lda;
	s->a_step = 1;
	s->k = begin < end ? end - begin : 0;
	s->a = s->k ? term->a + begin : NULL;
	s->b = s->k ? term->b + column * term->k + begin * WIDTH : NULL;
	if (!s->k)
		s->a_row = 0;
}

static void product_panel(const struct npu_recurrent_product *p, size_t column)
{
	const size_t left = p->columns - column, depth = p->term[0].k + p->term[1].k;
	const float *start = p->accumulate ? p->c + column : p->bias ? p->bias + column : NULL;
	size_t start_row = p->accumulate ? p->ldc : 0, k, end;
	struct tile t;

	t.ldc = p->ldc;
	t.columns = left < WIDTH ? left : WIDTH;
	for (k = 0; k < depth || !k; k = end) {
		end = k + NPU_RECURRENT_DEPTH;
		set_strip(&t.strip[0], &p->term[0], 0, k, end, column);
		set_strip(&t.strip[1], &p->term[1], p->term[0].k, k, end, column);
		t.c = p->c + column;
		t.start = start;
		t.start_row = start_row;
		run_rows(&t, p->rows);
		start = p->c + column;
		start_row = p->ldc;
	}
}

static void product(const struct npu_recurrent_product *p)
{
	size_t column;

	for (column = 0; column < p->columns; column += WIDTH)
		product_panel(p, column);
}

/* The sums of @wide vectors of columns, the last of them @mask. */
static inline __attribute__((always_inline)) void run_row(const float *a, size_t k, const float *b,
							  size_t ldb, float *c, const int wide,
							  vec_mask mask, const int full)
{
	vec acc[STREAM];
	size_t i;
	int v;

#define LOAD(p) (full || v < wide - 1 ? v_load(p) : v_load_part(p, mask))
#pragma GCC unroll 16
	for (v = 0; v < wide; v++)
		acc[v] = LOAD(c + v * LANES);
	for (i = 0; i < k; i++, b += ldb) {
		vec x = v_set(a[i]);

#pragma GCC unroll 16
		for (v = 0; v < wide; v++)
			acc[v] = v_fma(x, LOAD(b + v * LANES), acc[v]);
	}
#undef LOAD
#pragma GCC unroll 16
	for (v = 0; v < wide; v++) {
		if (full || v < wide - 1)
			v_store(c + v * LANES, acc[v]);
		else
			v_store_part(c + v * LANES, mask, acc[v]);
	}
}

/* The columns that are too few for a stream. */
static void run_row_end(const float *a, size_t k, const float *b, size_t ldb, float *c, size_t n)
{
	for (; n >= 4 * LANES; n -= 4 * LANES, b += 4 * LANES, c += 4 * LANES)
		run_row(a, k, b, ldb, c, 4, v_first(LANES), 1);
	if (n > 3 * LANES)
		run_row(a, k, b, ldb, c, 4, v_first(n - 3 * LANES), 0);
	else if (n > 2 * LANES)
		run_row(a, k, b, ldb, c, 3, v_first(n - 2 * LANES), 0);
	else if (n > LANES)
		run_row(a, k, b, ldb, c, 2, v_first(n - LANES), 0);
	else if (n)
		run_row(a, k, b, ldb, c, 1, v_first(n), 0);
}

static void row(const float *a, size_t k, const float *b, size_t ldb, float *c, size_t n,
		bool reversed)
{
	const size_t stream = STREAM * LANES, streams = n / stream, end = streams * stream;
	size_t i;

	if (reversed)
		run_row_end(a, k, b + end, ldb, c + end, n - end);
	for (i = 0; i < streams; i++) {
		size_t at = (reversed ? streams - 1 - i : i) * stream;

		run_row(a, k, b + at, ldb, c + at, STREAM, v_first(LANES), 1);
	}
	if (!reversed)
		run_row_end(a, k, b + end, ldb, c + end, n - end);
}

/* B side by side, and the sum of its rows on the way. */
static void take_panel(const struct npu_recurrent_outer *o, float *panel)
{
	vec_mask low = v_first(o->columns);
	vec_mask high = v_first(o->columns > LANES ? o->columns - LANES : 0);
	vec sum0 = v_set(0), sum1 = v_set(0);
	const float *b = o->b;
	size_t k;

	if (o->sum && !o->fresh) {
		sum0 = v_load_part(o->sum, low);
		sum1 = v_load_part(o->sum + LANES, high);
	}
	for (k = 0; k < o->k; k++, b += o->ldb, panel += WIDTH) {
		vec b0 = v_load_part(b, low), b1 = v_load_part(b + LANES, high);

		sum0 = v_add(sum0, b0);
		sum1 = v_add(sum1, b1);
		v_store(panel, b0);
		v_store(panel + LANES, b1);
	}
	if (o->sum) {
		v_store_part(o->sum, low, sum0);
		v_store_part(o->sum + LANES, high, sum1);
	}
}

static void outer(const struct npu_recurrent_outer *o)
{
	float panel[NPU_RECURRENT_DEPTH * WIDTH] __attribute__((aligned(64)));
	size_t i;

	take_panel(o, panel);
	for (i = 0; i < 2; i++) {
		const struct npu_recurrent_factor *f = &o->factor[i];
		struct tile t = {
			.strip = { { f->a + f->skip * f->lda, 1, f->lda, panel + f->skip * WIDTH,
				     o->k - f->skip } },
			.c = f->c,
			.ldc = f->ldc,
			.columns = o->columns,
			.start = o->fresh ? NULL : f->c,
			.start_row = o->fresh ? 0 : f->ldc,
		};

		if (f->m)
			run_rows(&t, f->m);
	}
}

#endif /* NPU_NN_RECURRENT_SIMD_H */
