/* SPDX-License-Identifier: MIT */
/*
 * Forward kernels of convolution in vectors; included after vector_avx2.h or its like.
 *
 * A tile of some pixels and one or two vectors of output channels stays in registers while taps and
 * depth run: an input is broadcast, the vectors of weights are read. Fewer vectors take more
 * pixels, so that the registers are always full.
 */
#ifndef NPU_NN_CONV_SIMD_H
#define NPU_NN_CONV_SIMD_H

#include <math.h>

#include "conv_kernels.h"

#if LANES == 8
#define REGISTERS 16 /* AVX2; the others have 32 */
#else
#define REGISTERS 32
#endif

/* Pixels of the largest tiles of one vector, and of two. */
#define PIXELS_1 (REGISTERS - 4)
#define PIXELS_2 (REGISTERS / 2 - 2)

/* Those that are used: NEON broadcasts from a register, and needs some for that. */
#define MOST_1 (LANES == 4 ? 24 : PIXELS_1)
#define MOST_2 (LANES == 4 ? 12 : PIXELS_2)

/* The least that is let through; a NaN stays one. */
static inline vec conv_floor(enum npu_activation activation)
{
	return v_set(activation == NPU_LINEAR ? -INFINITY : 0);
}

static inline vec conv_cut_at_6(vec y)
{
	return v_select(v_less(v_set(6), y), v_set(6), y);
}

/**
 * struct conv_tile - see struct npu_conv_row, moved to the tile's first pixel and column
 * @mask: of the columns of a tile that is not full, of one vector
 */
struct conv_tile {
	const struct npu_conv_row *row;
	const float *x, *weight, *bias;
	float *y;
	vec_mask mask;
};

typedef void (*conv_tile_fn)(const struct conv_tile *t);

#define HIDE(pointer) __asm__("" : "+r"(pointer))

/*
 * The accumulators of pixels 4 q to 4 q + 3 are fed from one pointer and three distances: with a
 * pointer for every pixel there would not be registers enough.
 */
static inline __attribute__((always_inline)) void
conv_tile_run(const struct conv_tile *t, const int pixels, const int vectors, const int full)
{
	const struct npu_conv_row *r = t->row;
	const size_t step = r->x_step, step3 = 3 * step, weight_step = r->weight_step;
	const size_t y_step = r->y_step;
	vec acc[REGISTERS][2], least;
	float *y = t->y;
	size_t i, j, k;
	int p, v;

#define LOAD(p) (full ? v_load(p) : v_load_part(p, t->mask))
#define STORE(p, x) (full ? v_store(p, x) : v_store_part(p, t->mask, x))
#pragma GCC unroll 2
	for (v = 0; v < vectors; v++) {
		vec start = t->bias ? LOAD(t->bias + v * LANES) : v_set(0);

#pragma GCC unroll 32
		for (p = 0; p < pixels; p++)
			acc[p][v] = start;
	}
	for (i = 0; i < r->taps[0]; i++) {
		for (j = 0; j < r->taps[1]; j++) {
			const float *x0 = t->x + i * r->x_tap[0] + j * r->x_tap[1];
			const float *w = t->weight + i * r->weight_tap[0] + j * r->weight_tap[1];
			const float *x4 = x0 + 4 * step, *x8 = x0 + 8 * step;
			const float *x12 = x0 + 12 * step, *x16 = x0 + 16 * step;
			const float *x20 = x0 + 20 * step, *x24 = x0 + 24 * step;

			HIDE(x4);
			HIDE(x8);
			HIDE(x12);
			HIDE(x16);
			HIDE(x20);
			HIDE(x24);
			for (k = 0; k < r->depth; k++) {
				vec w0 = LOAD(w), w1 = vectors > 1 ? LOAD(w + LANES) : w0;

#pragma GCC unroll 32
				for (p = 0; p < pixels; p++) {
					const float *base = p < 4    ? x0
							    : p < 8  ? x4
							    : p < 12 ? x8
							    : p < 16 ? x12
							    : p < 20 ? x16
							    : p < 24 ? x20
								     : x24;
					size_t offset = p % 4 == 3 ? step3 : (size_t)(p % 4) * step;
					vec a = v_set(base[offset]);

					acc[p][0] = v_fma(a, w0, acc[p][0]);
					if (vectors > 1)
						acc[p][1] = v_fma(a, w1, acc[p][1]);
				}
				w += weight_step;
				x0++, x4++, x8++, x12++, x16++, x20++, x24++;
			}
		}
	}
	least = conv_floor(r->activation);
	if (r->activation == NPU_RELU6) {
#pragma GCC unroll 32
		for (p = 0; p < pixels; p++)
#pragma GCC unroll 2
			for (v = 0; v < vectors; v++)
				acc[p][v] = conv_cut_at_6(acc[p][v]);
	}
#pragma GCC unroll 32
	for (p = 0; p < pixels; p++) {
#pragma GCC unroll 2
		for (v = 0; v < vectors; v++)
			STORE(y + v * LANES, v_max(least, acc[p][v]));
		y += y_step;
	}
#undef LOAD
#undef STORE
}

/* A tile of its own, so that each has the registers to itself. */
#define CONV_TILE(pixels, vectors)                                            \
	static __attribute__((noinline)) void conv_tile_##pixels##_##vectors( \
		const struct conv_tile *t)                                    \
	{                                                                     \
		conv_tile_run(t, pixels, vectors, 1);                         \
	}
#define CONV_PART(pixels)                                                                   \
	static __attribute__((noinline)) void conv_part_##pixels(const struct conv_tile *t) \
	{                                                                                   \
		conv_tile_run(t, pixels, 1, 0);                                             \
	}

CONV_TILE(1, 2)
CONV_TILE(2, 2)
CONV_TILE(3, 2)
CONV_TILE(4, 2)
CONV_TILE(5, 2)
CONV_TILE(6, 2)
CONV_TILE(1, 1)
CONV_TILE(2, 1)
CONV_TILE(3, 1)
CONV_TILE(4, 1)
CONV_TILE(5, 1)
CONV_TILE(6, 1)
CONV_TILE(7, 1)
CONV_TILE(8, 1)
CONV_TILE(9, 1)
CONV_TILE(10, 1)
CONV_TILE(11, 1)
CONV_TILE(12, 1)
CONV_PART(1)
CONV_PART(2)
CONV_PART(4)
CONV_PART(8)
CONV_PART(12)
#if REGISTERS == 32
CONV_TILE(7, 2)
CONV_TILE(8, 2)
CONV_TILE(9, 2)
CONV_TILE(10, 2)
CONV_TILE(11, 2)
CONV_TILE(12, 2)
CONV_TILE(13, 2)
CONV_TILE(14, 2)
CONV_PART(16)
CONV_PART(20)
CONV_PART(24)
CONV_TILE(13, 1)
CONV_TILE(14, 1)
CONV_TILE(15, 1)
CONV_TILE(16, 1)
CONV_TILE(18, 1)
CONV_TILE(20, 1)
CONV_TILE(22, 1)
CONV_TILE(24, 1)
CONV_TILE(26, 1)
CONV_TILE(28, 1)
#endif

/* By their pixels; the longer ones are not all there. */

static const conv_tile_fn conv_tiles_1[PIXELS_1 + 1] = {
	[1] = conv_tile_1_1,   [2] = conv_tile_2_1,   [3] = conv_tile_3_1,   [4] = conv_tile_4_1,
	[5] = conv_tile_5_1,   [6] = conv_tile_6_1,   [7] = conv_tile_7_1,   [8] = conv_tile_8_1,
	[9] = conv_tile_9_1,   [10] = conv_tile_10_1, [11] = conv_tile_11_1, [12] = conv_tile_12_1,
#if REGISTERS == 32
	[13] = conv_tile_13_1, [14] = conv_tile_14_1, [15] = conv_tile_15_1, [16] = conv_tile_16_1,
	[18] = conv_tile_18_1, [20] = conv_tile_20_1, [22] = conv_tile_22_1, [24] = conv_tile_24_1,
	[26] = conv_tile_26_1, [28] = conv_tile_28_1,
#endif
};

static const conv_tile_fn conv_tiles_2[PIXELS_2 + 1] = {
	[1] = conv_tile_1_2,   [2] = conv_tile_2_2,   [3] = conv_tile_3_2,   [4] = conv_tile_4_2,
	[5] = conv_tile_5_2,   [6] = conv_tile_6_2,
#if REGISTERS == 32
	[7] = conv_tile_7_2,   [8] = conv_tile_8_2,   [9] = conv_tile_9_2,   [10] = conv_tile_10_2,
	[11] = conv_tile_11_2, [12] = conv_tile_12_2, [13] = conv_tile_13_2, [14] = conv_tile_14_2,
#endif
};

static const conv_tile_fn conv_parts[PIXELS_1 + 1] = {
	[1] = conv_part_1,   [2] = conv_part_2,	  [4] = conv_part_4,
	[8] = conv_part_8,   [12] = conv_part_12,
#if REGISTERS == 32
	[16] = conv_part_16, [20] = conv_part_20, [24] = conv_part_24,
#endif
};

/* Pixels of the tiles that cover @pixels best: the fewest, all alike. */
static size_t conv_tile_pixels(const conv_tile_fn *tiles, size_t most, size_t pixels)
{
	size_t tile = pixels, count;

	if (pixels > most) {
		count = (pixels + most - 1) / most;
		tile = (pixels + count - 1) / count;
	}
	while (!tiles[tile])
		tile = tile < pixels && tile < most ? tile + 1 : (tile + 1) / 2;
	return tile;
}

/*
 * Tiles of @t's columns along the row. The last may overlap the one before: it writes the same
 * values again.
 */
static void conv_tiles_run(const conv_tile_fn *tiles, size_t most, struct conv_tile *t)
{
	const struct npu_conv_row *row = t->row;
	size_t tile = conv_tile_pixels(tiles, most, row->pixels), at = 0;
	const float *x = t->x;
	float *y = t->y;

	for (;;) {
		tiles[tile](t);
		if (at + tile >= row->pixels)
			break;
		at = at + 2 * tile > row->pixels ? row->pixels - tile : at + tile;
		t->x = x + at * row->x_step;
		t->y = y + at * row->y_step;
	}
	t->x = x;
	t->y = y;
}

static void conv_row(const struct npu_conv_row *row)
{
	struct conv_tile t = { row, row->x, row->weight, row->bias, row->y, v_first(LANES) };
	size_t left = row->columns, done;

	for (; left; left -= done) {
		done = left >= 2 * LANES ? 2 * LANES : left < LANES ? left : LANES;
		t.mask = v_first(done);
		if (done == 2 * LANES)
			conv_tiles_run(conv_tiles_2, MOST_2, &t);
		else if (done == LANES)
			conv_tiles_run(conv_tiles_1, MOST_1, &t);
		else
			conv_tiles_run(conv_parts, REGISTERS == 32 ? 24 : 12, &t);
		t.weight += done;
		t.y += done;
		t.bias = t.bias ? t.bias + done : NULL;
	}
}

#endif /* NPU_NN_CONV_SIMD_H */
