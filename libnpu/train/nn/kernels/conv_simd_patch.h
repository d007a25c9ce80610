/* SPDX-License-Identifier: MIT */
/*
 * Weight gradients in vectors; included after conv_simd.h.
 *
 * A tile of some weight rows and one or two vectors of output channels stays in registers while
 * the pixels pass: the gradients of a pixel are read, its inputs broadcast. Rows of few inputs,
 * as those of images of one channel, would leave most registers empty: there, those of three taps
 * share a tile.
 */
#ifndef NPU_NN_CONV_SIMD_PATCH_H
#define NPU_NN_CONV_SIMD_PATCH_H

#include "conv_simd.h"

/**
 * struct patch_tile - see struct npu_conv_patch, moved to the tile's first row and column
 * @mask: of the columns of a tile that is not full, of one vector
 */
struct patch_tile {
	const struct npu_conv_patch *patch;
	const float *x, *dy;
	float *dweight;
	vec_mask mask;
};

/* @run: rows that lie side by side; @rows / @run taps share the tile */
static inline __attribute__((always_inline)) void patch_tile_run(const struct patch_tile *t,
								 const int rows, const int run,
								 const int vectors, const int full)
{
	const struct npu_conv_patch *p = t->patch;
	const size_t tap = p->x_tap, x_step = p->x_step, dy_step = p->dy_step;
	const size_t weight_tap = p->weight_tap, weight_step = p->weight_step;
	float *dweight = t->dweight;
	vec acc[REGISTERS][2];
	size_t h, w;
	int r, v;

#define LOAD(p) (full ? v_load(p) : v_load_part(p, t->mask))
#define STORE(p, x) (full ? v_store(p, x) : v_store_part(p, t->mask, x))
#define WEIGHT(r, v) (dweight + (r) / run * weight_tap + (r) % run * weight_step + (v)*LANES)
#pragma GCC unroll 32
	for (r = 0; r < rows; r++)
#pragma GCC unroll 2
		for (v = 0; v < vectors; v++)
			acc[r][v] = LOAD(WEIGHT(r, v));
	for (h = 0; h < p->rows; h++) {
		const float *x = t->x + h * p->x_row, *dy = t->dy + h * p->dy_row;

		for (w = 0; w < p->pixels; w++) {
			vec d0 = LOAD(dy), d1 = vectors > 1 ? LOAD(dy + LANES) : d0;

#pragma GCC unroll 32
			for (r = 0; r < rows; r++) {
				vec a = v_set(x[(size_t)(r / run) * tap + (size_t)(r % run)]);

				acc[r][0] = v_fma(a, d0, acc[r][0]);
				if (vectors > 1)
					acc[r][1] = v_fma(a, d1, acc[r][1]);
			}
			x += x_step;
			dy += dy_step;
		}
	}
#pragma GCC unroll 32
	for (r = 0; r < rows; r++)
#pragma GCC unroll 2
		for (v = 0; v < vectors; v++)
			STORE(WEIGHT(r, v), acc[r][v]);
#undef LOAD
#undef STORE
#undef WEIGHT
}

typedef void (*patch_tile_fn)(const struct patch_tile *t);

#define PATCH_TILE(rows, vectors)                                            \
	static __attribute__((noinline)) void patch_tile_##rows##_##vectors( \
		const struct patch_tile *t)                                  \
	{                                                                    \
		patch_tile_run(t, rows, rows, vectors, 1);                   \
	}
#define PATCH_PART(rows)                                                                    \
	static __attribute__((noinline)) void patch_part_##rows(const struct patch_tile *t) \
	{                                                                                   \
		patch_tile_run(t, rows, rows, 1, 0);                                        \
	}
/* Of three taps. */
#define PATCH_TAPS(run, vectors)                                            \
	static __attribute__((noinline)) void patch_taps_##run##_##vectors( \
		const struct patch_tile *t)                                 \
	{                                                                   \
		patch_tile_run(t, 3 * run, run, vectors, 1);                \
	}

PATCH_TILE(1, 2)
PATCH_TILE(2, 2)
PATCH_TILE(3, 2)
PATCH_TILE(4, 2)
PATCH_TILE(5, 2)
PATCH_TILE(6, 2)
PATCH_TILE(1, 1)
PATCH_TILE(2, 1)
PATCH_TILE(3, 1)
PATCH_TILE(4, 1)
PATCH_TILE(5, 1)
PATCH_TILE(6, 1)
PATCH_TILE(7, 1)
PATCH_TILE(8, 1)
PATCH_TILE(9, 1)
PATCH_TILE(10, 1)
PATCH_TILE(11, 1)
PATCH_TILE(12, 1)
PATCH_PART(1)
PATCH_PART(2)
PATCH_PART(4)
PATCH_PART(8)
PATCH_PART(12)
PATCH_TAPS(1, 1)
PATCH_TAPS(2, 1)
PATCH_TAPS(3, 1)
#if REGISTERS == 32
PATCH_TILE(7, 2)
PATCH_TILE(8, 2)
PATCH_TILE(9, 2)
PATCH_TILE(10, 2)
PATCH_TILE(11, 2)
PATCH_TILE(12, 2)
PATCH_TILE(13, 2)
PATCH_TILE(14, 2)
PATCH_TILE(14, 1)
PATCH_TILE(16, 1)
PATCH_TILE(20, 1)
PATCH_TILE(24, 1)
PATCH_TILE(28, 1)
#endif

static const patch_tile_fn patch_tiles_1[PIXELS_1 + 1] = {
	[1] = patch_tile_1_1,	[2] = patch_tile_2_1,	[3] = patch_tile_3_1,
	[4] = patch_tile_4_1,	[5] = patch_tile_5_1,	[6] = patch_tile_6_1,
	[7] = patch_tile_7_1,	[8] = patch_tile_8_1,	[9] = patch_tile_9_1,
	[10] = patch_tile_10_1, [11] = patch_tile_11_1, [12] = patch_tile_12_1,
#if REGISTERS == 32
	[14] = patch_tile_14_1, [16] = patch_tile_16_1, [20] = patch_tile_20_1,
	[24] = patch_tile_24_1, [28] = patch_tile_28_1,
#endif
};

static const patch_tile_fn patch_tiles_2[PIXELS_2 + 1] = {
	[1] = patch_tile_1_2,	[2] = patch_tile_2_2,	[3] = patch_tile_3_2,
	[4] = patch_tile_4_2,	[5] = patch_tile_5_2,	[6] = patch_tile_6_2,
#if REGISTERS == 32
	[7] = patch_tile_7_2,	[8] = patch_tile_8_2,	[9] = patch_tile_9_2,
	[10] = patch_tile_10_2, [11] = patch_tile_11_2, [12] = patch_tile_12_2,
	[13] = patch_tile_13_2, [14] = patch_tile_14_2,
#endif
};

static const patch_tile_fn patch_parts[12 + 1] = {
	[1] = patch_part_1, [2] = patch_part_2,	  [4] = patch_part_4,
	[8] = patch_part_8, [12] = patch_part_12,
};

static const patch_tile_fn patch_taps[3 + 1] = {
	[1] = patch_taps_1_1,
	[2] = patch_taps_2_1,
	[3] = patch_taps_3_1,
};

/* Rows of the next tile: all tiles alike, so far as there are such. */
static size_t patch_rows(const patch_tile_fn *tiles, size_t most, size_t rows)
{
	size_t count = (rows + most - 1) / most, tile = (rows + count - 1) / count;

	while (!tiles[tile])
		tile--;
	return tile;
}

static void patch_tap(const patch_tile_fn *tiles, size_t most, struct patch_tile *t)
{
	size_t left = t->patch->depth, rows;
	float *dweight = t->dweight;
	const float *x = t->x;

	for (; left; left -= rows) {
		rows = patch_rows(tiles, most, left);
		tiles[rows](t);
		t->x += rows;
		t->dweight += rows * t->patch->weight_step;
	}
	t->x = x;
	t->dweight = dweight;
}

/* All taps of columns that fill a tile's width, or less. */
static void patch_columns(const patch_tile_fn *tiles, size_t most, struct patch_tile *t)
{
	const struct npu_conv_patch *patch = t->patch;
	size_t left = patch->taps;
	float *dweight = t->dweight;
	const float *x = t->x;

	for (; left >= 3 && patch->depth <= 3 && tiles == patch_tiles_1; left -= 3) {
		patch_taps[patch->depth](t);
		t->x += 3 * patch->x_tap;
		t->dweight += 3 * patch->weight_tap;
	}
	for (; left; left--) {
		patch_tap(tiles, most, t);
		t->x += patch->x_tap;
		t->dweight += patch->weight_tap;
	}
	t->x = x;
	t->dweight = dweight;
}

static void conv_patch(const struct npu_conv_patch *patch)
{
	struct patch_tile t = { patch, patch->x, patch->dy, patch->dweight, v_first(LANES) };
	size_t left = patch->columns, done, widest = patch->depth <= 3 ? LANES : 2 * LANES;

	for (; left; left -= done) {
		done = left >= widest ? widest : left < LANES ? left : LANES;
		t.mask = v_first(done);
		if (done == 2 * LANES)
			patch_columns(patch_tiles_2, MOST_2, &t);
		else if (done == LANES)
			patch_columns(patch_tiles_1, MOST_1, &t);
		else
			patch_columns(patch_parts, 12, &t);
		t.dy += done;
		t.dweight += done;
	}
}

#define DERIVE_ROWS 4

/* Rows of a vector of columns: as many sums as rows, so that none waits for another. */
static inline __attribute__((always_inline)) void derive_rows(enum npu_activation activation,
							      const float *y, float *dy,
							      size_t columns, vec_mask mask,
							      const int rows, vec sum[DERIVE_ROWS])
{
	int r;

#pragma GCC unroll 4
	for (r = 0; r < rows; r++) {
		vec d = v_load_part(dy + r * columns, mask);

		if (activation != NPU_LINEAR) {
			vec value = v_load_part(y + r * columns, mask);

			d = v_select(v_less(v_set(0), value), d, v_set(0));
			if (activation == NPU_RELU6)
				d = v_select(v_less(value, v_set(6)), d, v_set(0));
			v_store_part(dy + r * columns, mask, d);
		}
		sum[r] = v_add(sum[r], d);
	}
}

static inline __attribute__((always_inline)) void derive_columns(enum npu_activation activation,
								 const float *y, float *dy,
								 size_t rows, size_t columns,
								 vec_mask mask, float *to)
{
	vec sum[DERIVE_ROWS] = { v_set(0), v_set(0), v_set(0), v_set(0) };
	size_t i = 0, step = DERIVE_ROWS * columns;

	for (; i + DERIVE_ROWS <= rows; i += DERIVE_ROWS, y = y ? y + step : y, dy += step)
		derive_rows(activation, y, dy, columns, mask, DERIVE_ROWS, sum);
	for (; i < rows; i++, y = y ? y + columns : y, dy += columns)
		derive_rows(activation, y, dy, columns, mask, 1, sum);
	sum[0] = v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3]));
	v_store_part(to, mask, v_add(v_load_part(to, mask), sum[0]));
}

static void conv_derive(enum npu_activation activation, const float *y, float *dy, size_t rows,
			size_t columns, float *sum)
{
	size_t j;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);

		if (activation == NPU_RELU)
			derive_columns(NPU_RELU, y + j, dy + j, rows, columns, mask, sum + j);
		else if (activation == NPU_RELU6)
			derive_columns(NPU_RELU6, y + j, dy + j, rows, columns, mask, sum + j);
		else
			derive_columns(NPU_LINEAR, NULL, dy + j, rows, columns, mask, sum + j);
	}
}

#endif /* NPU_NN_CONV_SIMD_PATCH_H */
