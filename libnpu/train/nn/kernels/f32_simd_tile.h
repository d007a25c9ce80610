/* SPDX-License-Identifier: MIT */
/*
 * Tiles of a matrix product; included after a vector header.
 *
 * A tile is a block of C that stays in registers while k runs: for every k, the vectors of a row of
 * B are read, and an element of each row of A is broadcast and multiplied with them. The header of
 * the vectors says how large a tile the registers hold; there is one function for every smaller
 * size, too, so that no row or vector is computed in vain.
 *
 * The tiles of a column share its part of B. Only the topmost reads that where it lies; it copies
 * it to a panel, whose rows are dense and padded to whole vectors, for the tiles below.
 */
#ifndef NPU_NN_F32_SIMD_TILE_H
#define NPU_NN_F32_SIMD_TILE_H

#include <stddef.h>

#define WIDTH (TILE_VECTORS * LANES)

/* Steps of k between two prefetches. */
#define STEPS 2

/**
 * struct tile - operands of the tiles of one column
 * @a: element of the first row and first k; @a_row and @a_column floats to the next row and k
 * @b: its first element; @ldb floats to the next k
 * @panel: [k][vectors * LANES]
 * @c: its first element; @ldc floats to the next row
 * @k: depth
 * @columns: more than (vectors - 1) * LANES, up to vectors * LANES
 * @start: [vectors * LANES] initial values of a row of C; NULL to go on from what is there
 * @ahead: what to prefetch, a line in every STEPS steps of k, each @ahead_step bytes after the last
 */
struct tile {
	const float *a;
	size_t a_row, a_column;
	const float *b;
	size_t ldb;
	float *panel;
	float *c;
	size_t ldc;
	size_t k, columns;
	const float *start;
	const char *ahead;
	size_t ahead_step;
};

/* Where a tile finds B: packed, or in memory, there the last vector whole or in part. */
enum tile_source {
	TILE_PANEL,
	TILE_WHOLE,
	TILE_PART,
	TILE_SOURCES,
};

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Values of a row of C before the first k. */
static ALWAYS_INLINE void tile_begin(const struct tile *t, const int row, const int vectors, vec *c)
{
	size_t last = t->columns - (size_t)(vectors - 1) * LANES;
	const float *from = t->start ? t->start : t->c + (size_t)row * t->ldc;
	int v;

#pragma GCC unroll 4
	for (v = 0; v < vectors - 1; v++)
		c[v] = v_load(from + v * LANES);
	if (t->start || last == LANES)
		c[v] = v_load(from + v * LANES);
	else
		c[v] = v_load_part(from + v * LANES, v_first(last));
}

static ALWAYS_INLINE void tile_end(const struct tile *t, const int row, const int vectors,
				   const vec *c)
{
	size_t last = t->columns - (size_t)(vectors - 1) * LANES;
	float *to = t->c + (size_t)row * t->ldc;
	int v;

#pragma GCC unroll 4
	for (v = 0; v < vectors - 1; v++)
		v_store(to + v * LANES, c[v]);
	if (last == LANES)
		v_store(to + v * LANES, c[v]);
	else
		v_store_part(to + v * LANES, v_first(last), c[v]);
}

/* One k. */
static ALWAYS_INLINE void tile_step(const struct tile *t, const float *a, const float *b,
				    float *panel, const int rows, const int vectors,
				    const enum tile_source source, vec c[][TILE_VECTORS])
{
	vec bk[TILE_VECTORS];
	int r, v;

#pragma GCC unroll 4
	for (v = 0; v < vectors; v++) {
		if (source == TILE_PART && v == vectors - 1)
			bk[v] = v_load_part(b + v * LANES, v_first(t->columns - (size_t)v * LANES));
		else
			bk[v] = v_load(b + v * LANES);
		if (source != TILE_PANEL)
			v_store(panel + v * LANES, bk[v]);
	}
#pragma GCC unroll 16
	for (r = 0; r < rows; r++) {
		vec ak = v_set(a[(size_t)r * t->a_row]);

#pragma GCC unroll 4
		for (v = 0; v < vectors; v++)
			c[r][v] = v_fma(ak, bk[v], c[r][v]);
	}
}

static ALWAYS_INLINE void run_tile(const struct tile *t, const int rows, const int vectors,
				   const enum tile_source source)
{
	const size_t ldb = source == TILE_PANEL ? (size_t)vectors * LANES : t->ldb;
	const size_t a_column = t->a_column, ahead_step = t->ahead_step;
	const float *a = t->a, *b = source == TILE_PANEL ? t->panel : t->b;
	const char *ahead = t->ahead;
	float *panel = t->panel;
	vec c[TILE_ROWS][TILE_VECTORS];
	size_t k;
	int r, s;

#pragma GCC unroll 16
	for (r = 0; r < rows; r++)
		tile_begin(t, r, vectors, c[r]);
	/* Few tiles read B elsewhere: those are not worth more code. */
	for (k = source == TILE_PANEL ? t->k / STEPS : 0; k; k--) {
		__builtin_prefetch(ahead, 0, 2);
		ahead += ahead_step;
#pragma GCC unroll 2
		for (s = 0; s < STEPS; s++) {
			tile_step(t, a, b, panel, rows, vectors, source, c);
			a += a_column;
			b += ldb;
			panel += vectors * LANES;
		}
	}
#pragma GCC unroll 1
	for (k = source == TILE_PANEL ? t->k % STEPS : t->k; k; k--) {
		tile_step(t, a, b, panel, rows, vectors, source, c);
		a += a_column;
		b += ldb;
		panel += vectors * LANES;
	}
#pragma GCC unroll 16
	for (r = 0; r < rows; r++)
		tile_end(t, r, vectors, c[r]);
}

#define DEFINE_TILE(rows, vectors)                                      \
	static void tile_panel_##rows##_##vectors(const struct tile *t) \
	{                                                               \
		run_tile(t, rows, vectors, TILE_PANEL);                 \
	}                                                               \
	static void tile_whole_##rows##_##vectors(const struct tile *t) \
	{                                                               \
		run_tile(t, rows, vectors, TILE_WHOLE);                 \
	}                                                               \
	static void tile_part_##rows##_##vectors(const struct tile *t)  \
	{                                                               \
		run_tile(t, rows, vectors, TILE_PART);                  \
	}
TILES(DEFINE_TILE)

static void (*const tile_kernel[TILE_VECTORS][TILE_ROWS][TILE_SOURCES])(const struct tile *t) = {
#define TILE_ENTRY(rows, vectors)                                                                 \
	[vectors - 1][rows - 1] = { tile_panel_##rows##_##vectors, tile_whole_##rows##_##vectors, \
				    tile_part_##rows##_##vectors },
	TILES(TILE_ENTRY)
};

#endif /* NPU_NN_F32_SIMD_TILE_H */
