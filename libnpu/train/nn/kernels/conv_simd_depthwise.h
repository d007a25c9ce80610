/* SPDX-License-Identifier: MIT */
/*
 * Depthwise convolution in vectors, along the channels; included after conv_simd.h.
 */
#ifndef NPU_NN_CONV_SIMD_DEPTHWISE_H
#define NPU_NN_CONV_SIMD_DEPTHWISE_H

#include "conv_simd.h"

static inline __attribute__((always_inline)) void
depth_tile_run(const struct conv_tile *t, const int pixels, const int vectors, const int full)
{
	const struct npu_conv_row *r = t->row;
	const size_t step = r->x_step;
	vec acc[12][4], w[4];
	size_t i, j;
	int p, v;

#define LOAD(p) (full ? v_load(p) : v_load_part(p, t->mask))
#define STORE(p, x) (full ? v_store(p, x) : v_store_part(p, t->mask, x))
#pragma GCC unroll 4
	for (v = 0; v < vectors; v++) {
		vec start = t->bias ? LOAD(t->bias + v * LANES) : v_set(0);

#pragma GCC unroll 12
		for (p = 0; p < pixels; p++)
			acc[p][v] = start;
	}
	for (i = 0; i < r->taps[0]; i++) {
		const float *x = t->x + i * r->x_tap[0];
		const float *weight = t->weight + i * r->weight_tap[0];

		for (j = 0; j < r->taps[1]; j++) {
#pragma GCC unroll 4
			for (v = 0; v < vectors; v++)
				w[v] = LOAD(weight + v * LANES);
#pragma GCC unroll 12
			for (p = 0; p < pixels; p++)
#pragma GCC unroll 4
				for (v = 0; v < vectors; v++)
					acc[p][v] = v_fma(LOAD(x + p * step + v * LANES), w[v],
							  acc[p][v]);
			x += r->x_tap[1];
			weight += r->weight_tap[1];
		}
	}
#pragma GCC unroll 12
	for (p = 0; p < pixels; p++) {
#pragma GCC unroll 4
		for (v = 0; v < vectors; v++) {
			vec y = v_max(conv_floor(r->activation), acc[p][v]);

			if (r->activation == NPU_RELU6)
				y = conv_cut_at_6(y);
			STORE(t->y + p * r->y_step + v * LANES, y);
		}
	}
#undef LOAD
#undef STORE
}

#define DEPTH_TILE(pixels, vectors)                                            \
	static __attribute__((noinline)) void depth_tile_##pixels##_##vectors( \
		const struct conv_tile *t)                                     \
	{                                                                      \
		depth_tile_run(t, pixels, vectors, 1);                         \
	}
#define DEPTH_PART(pixels)                                                                   \
	static __attribute__((noinline)) void depth_part_##pixels(const struct conv_tile *t) \
	{                                                                                    \
		depth_tile_run(t, pixels, 1, 0);                                             \
	}

DEPTH_TILE(1, 1)
DEPTH_TILE(2, 1)
DEPTH_TILE(3, 1)
DEPTH_TILE(4, 1)
DEPTH_TILE(6, 1)
DEPTH_TILE(8, 1)
DEPTH_TILE(12, 1)
DEPTH_TILE(1, 2)
DEPTH_TILE(2, 2)
DEPTH_TILE(3, 2)
DEPTH_TILE(4, 2)
DEPTH_TILE(6, 2)
DEPTH_PART(1)
DEPTH_PART(2)
DEPTH_PART(4)
DEPTH_PART(8)
DEPTH_PART(12)
#if REGISTERS == 32
DEPTH_TILE(8, 2)
DEPTH_TILE(12, 2)
DEPTH_TILE(1, 4)
DEPTH_TILE(2, 4)
DEPTH_TILE(3, 4)
DEPTH_TILE(4, 4)
DEPTH_TILE(6, 4)
#endif

static const conv_tile_fn depth_tiles_1[13] = {
	[1] = depth_tile_1_1, [2] = depth_tile_2_1, [3] = depth_tile_3_1,   [4] = depth_tile_4_1,
	[6] = depth_tile_6_1, [8] = depth_tile_8_1, [12] = depth_tile_12_1,
};

static const conv_tile_fn depth_tiles_2[13] = {
	[1] = depth_tile_1_2, [2] = depth_tile_2_2,   [3] = depth_tile_3_2,
	[4] = depth_tile_4_2, [6] = depth_tile_6_2,
#if REGISTERS == 32
	[8] = depth_tile_8_2, [12] = depth_tile_12_2,
#endif
};

#if REGISTERS == 32
static const conv_tile_fn depth_tiles_4[7] = {
	[1] = depth_tile_1_4, [2] = depth_tile_2_4, [3] = depth_tile_3_4,
	[4] = depth_tile_4_4, [6] = depth_tile_6_4,
};
#endif

static const conv_tile_fn depth_parts[13] = {
	[1] = depth_part_1, [2] = depth_part_2,	  [4] = depth_part_4,
	[8] = depth_part_8, [12] = depth_part_12,
};

/* Vectors of the next channels, and the tiles of that width. */
static size_t depth_tiles(size_t left, const conv_tile_fn **tiles, size_t *most)
{
#if REGISTERS == 32
	if (left >= 4 * LANES) {
		*tiles = depth_tiles_4;
		*most = 6;
		return 4 * LANES;
	}
#endif
	if (left >= 2 * LANES) {
		*tiles = depth_tiles_2;
		*most = REGISTERS == 32 ? 12 : 6;
		return 2 * LANES;
	}
	*tiles = left >= LANES ? depth_tiles_1 : depth_parts;
	*most = 12;
	return left < LANES ? left : LANES;
}

static void depthwise_channels(const struct npu_conv_row *row)
{
	struct conv_tile t = { row, row->x, row->weight, row->bias, row->y, v_first(LANES) };
	size_t left = row->columns, done, most;
	const conv_tile_fn *tiles;

	for (; left; left -= done) {
		done = depth_tiles(left, &tiles, &most);
		t.mask = v_first(done);
		conv_tiles_run(tiles, most, &t);
		t.x += done;
		t.weight += done;
		t.y += done;
		t.bias = t.bias ? t.bias + done : NULL;
	}
}

/* Taps of which a row can be taken together. */
#define TOGETHER_TAPS 32

/* to[0 to LANES) = @from's @channels values, over and over */
static void repeat(const float *from, size_t channels, float *to)
{
	vec_mask mask = v_first(channels);
	size_t i;

	for (i = 0; i < LANES; i += channels)
		v_store_part(to + i, mask, v_load_part(from, mask));
}

/*
 * So few channels that some pixels fit into a vector: as if these were one pixel of more channels.
 * Returns how many pixels that took.
 */
static size_t depthwise_together(const struct npu_conv_row *row)
{
	float weight[TOGETHER_TAPS * LANES], bias[LANES];
	size_t channels = row->columns, pixels = LANES / channels, i, j;
	struct npu_conv_row wide = *row;

	if (LANES % channels || channels == LANES || row->x_step != channels ||
	    row->y_step != channels || row->taps[0] * row->taps[1] > TOGETHER_TAPS)
		return 0;
	for (i = 0; i < row->taps[0]; i++)
		for (j = 0; j < row->taps[1]; j++)
			repeat(row->weight + i * row->weight_tap[0] + j * row->weight_tap[1],
			       channels, weight + (i * row->taps[1] + j) * LANES);
	if (row->bias)
		repeat(row->bias, channels, bias);
	wide.weight = weight;
	wide.weight_tap[0] = row->taps[1] * LANES;
	wide.weight_tap[1] = LANES;
	wide.bias = row->bias ? bias : NULL;
	wide.pixels = row->pixels / pixels;
	wide.columns = wide.x_step = wide.y_step = LANES;
	if (wide.pixels)
		depthwise_channels(&wide);
	return wide.pixels * pixels;
}

static void conv_depthwise_row(const struct npu_conv_row *row)
{
	size_t done = row->columns < LANES ? depthwise_together(row) : 0;
	struct npu_conv_row rest;

	if (!done) {
		depthwise_channels(row);
	} else if (done < row->pixels) {
		rest = *row;
		rest.x += done * row->x_step;
		rest.y += done * row->y_step;
		rest.pixels -= done;
		depthwise_channels(&rest);
	}
}

/* Some taps at a time, so that a gradient is read once for all of them. */
static inline __attribute__((always_inline)) void
depth_patch_run(const struct npu_conv_patch *p, const int taps, const int vectors, const int full)
{
	vec_mask mask = v_first(p->columns);
	vec acc[3][2];
	size_t h, w;
	int k, v;

#define LOAD(p) (full ? v_load(p) : v_load_part(p, mask))
#define STORE(p, x) (full ? v_store(p, x) : v_store_part(p, mask, x))
#pragma GCC unroll 3
	for (k = 0; k < taps; k++)
#pragma GCC unroll 2
		for (v = 0; v < vectors; v++)
			acc[k][v] = LOAD(p->dweight + k * p->weight_tap + v * LANES);
	for (h = 0; h < p->rows; h++) {
		const float *x = p->x + h * p->x_row, *dy = p->dy + h * p->dy_row;

		for (w = 0; w < p->pixels; w++, x += p->x_step, dy += p->dy_step) {
#pragma GCC unroll 2
			for (v = 0; v < vectors; v++) {
				vec d = LOAD(dy + v * LANES);

#pragma GCC unroll 3
				for (k = 0; k < taps; k++)
					acc[k][v] = v_fma(LOAD(x + k * p->x_tap + v * LANES), d,
							  acc[k][v]);
			}
		}
	}
#pragma GCC unroll 3
	for (k = 0; k < taps; k++)
#pragma GCC unroll 2
		for (v = 0; v < vectors; v++)
			STORE(p->dweight + k * p->weight_tap + v * LANES, acc[k][v]);
#undef LOAD
#undef STORE
}

static __attribute__((noinline)) void depth_patch_taps(const struct npu_conv_patch *p)
{
	depth_patch_run(p, 3, 2, 1);
}

static __attribute__((noinline)) void depth_patch_tap(const struct npu_conv_patch *p)
{
	depth_patch_run(p, 1, 2, 1);
}

static __attribute__((noinline)) void depth_patch_part_taps(const struct npu_conv_patch *p)
{
	depth_patch_run(p, 3, 1, 0);
}

static __attribute__((noinline)) void depth_patch_part_tap(const struct npu_conv_patch *p)
{
	depth_patch_run(p, 1, 1, 0);
}

static void conv_depthwise_patch(const struct npu_conv_patch *patch)
{
	size_t left = patch->columns, done, tap, taps;

	for (; left; left -= done) {
		bool full = left >= 2 * LANES;
		struct npu_conv_patch p = *patch;

		done = full ? 2 * LANES : left < LANES ? left : LANES;
		p.columns = done;
		p.x += patch->columns - left;
		p.dy += patch->columns - left;
		p.dweight += patch->columns - left;
		for (tap = 0; tap < patch->taps; tap += taps) {
			taps = patch->taps - tap >= 3 ? 3 : 1;
			if (taps == 3 && full)
				depth_patch_taps(&p);
			else if (taps == 3)
				depth_patch_part_taps(&p);
			else if (full)
				depth_patch_tap(&p);
			else
				depth_patch_part_tap(&p);
			p.x += taps * p.x_tap;
			p.dweight += taps * p.weight_tap;
		}
	}
}

#endif /* NPU_NN_CONV_SIMD_DEPTHWISE_H */
