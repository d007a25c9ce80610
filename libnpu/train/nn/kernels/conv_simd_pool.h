/* SPDX-License-Identifier: MIT */
/* Pooling in vectors, along the channels; included after the other conv_simd headers. */
#ifndef NPU_NN_CONV_SIMD_POOL_H
#define NPU_NN_CONV_SIMD_POOL_H

#include "conv_simd.h"

/* Windows of the largest tile. */
#define POOL_PIXELS 8

/**
 * struct pool_tile - see struct npu_pool_row, moved to the tile's first window and channel
 * @mask: of its channels
 */
struct pool_tile {
	const struct npu_pool_row *row;
	float *x, *y, *winner;
	const float *output;
	vec_mask mask;
};

typedef void (*pool_tile_fn)(const struct pool_tile *t);

static inline __attribute__((always_inline)) void max_tile(const struct pool_tile *t,
							   const int pixels, const bool keep)
{
	const struct npu_pool_row *r = t->row;
	vec y[POOL_PIXELS], winner[POOL_PIXELS];
	size_t i, j;
	int p;

#pragma GCC unroll 8
	for (p = 0; p < pixels; p++) {
		y[p] = v_set(-INFINITY);
		winner[p] = v_set(r->number);
	}
	for (i = 0; i < r->taps[0]; i++) {
		for (j = 0; j < r->taps[1]; j++) {
			const float *x = t->x + i * r->x_tap[0] + j * r->x_tap[1];
			vec number = v_set(r->number + (float)i * r->number_row + (float)j);

#pragma GCC unroll 8
			for (p = 0; p < pixels; p++) {
				vec value = v_load_part(x + p * r->x_step, t->mask);
				if (keep)
					winner[p] =
						v_select(v_less(y[p], value), number, winner[p]);
				y[p] = v_max_or_nan(y[p], value);
			}
		}
	}
#pragma GCC unroll 8
	for (p = 0; p < pixels; p++) {
		v_store_part(t->y + p * r->channels, t->mask, y[p]);
		if (keep)
			v_store_part(t->winner + p * r->channels, t->mask, winner[p]);
	}
}

static inline __attribute__((always_inline)) void average_tile(const struct pool_tile *t,
							       const int pixels)
{
	const struct npu_pool_row *r = t->row;
	vec sum[POOL_PIXELS];
	size_t i, j;
	int p;

#pragma GCC unroll 8
	for (p = 0; p < pixels; p++)
		sum[p] = v_set(0);
	for (i = 0; i < r->taps[0]; i++) {
		for (j = 0; j < r->taps[1]; j++) {
			const float *x = t->x + i * r->x_tap[0] + j * r->x_tap[1];

#pragma GCC unroll 8
			for (p = 0; p < pixels; p++)
				sum[p] = v_add(sum[p], v_load_part(x + p * r->x_step, t->mask));
		}
	}
#pragma GCC unroll 8
	for (p = 0; p < pixels; p++)
		v_store_part(t->y + p * r->channels, t->mask, v_mul(sum[p], v_set(r->share)));
}

/* Give the gradient y to x: to the winner, or its share to every value. */
static inline __attribute__((always_inline)) void back_tile(const struct pool_tile *t,
							    const int pixels, const bool most)
{
	const struct npu_pool_row *r = t->row;
	vec y[POOL_PIXELS], winner[POOL_PIXELS];
	size_t i, j;
	int p;

#pragma GCC unroll 8
	for (p = 0; p < pixels; p++) {
		y[p] = v_load_part(t->y + p * r->channels, t->mask);
		if (most)
			winner[p] = v_load_part(t->winner + p * r->channels, t->mask);
		else
			y[p] = v_mul(y[p], v_set(r->share));
		if (most && t->output)
			y[p] = v_select(
				v_less(v_set(0), v_load_part(t->output + p * r->channels, t->mask)),
				y[p], v_set(0));
	}
	for (i = 0; i < r->taps[0]; i++) {
		for (j = 0; j < r->taps[1]; j++) {
			float *x = t->x + i * r->x_tap[0] + j * r->x_tap[1];
			vec number = v_set(r->number + (float)i * r->number_row + (float)j);

#pragma GCC unroll 8
			for (p = 0; p < pixels; p++) {
				float *to = x + p * r->x_step;
				vec value = y[p];

				if (most)
					value = v_select(v_less(v_abs(v_sub(winner[p], number)),
								v_set(0.5f)),
							 value, v_set(0));
				if (r->overlap)
					value = v_add(v_load_part(to, t->mask), value);
				v_store_part(to, t->mask, value);
			}
		}
	}
}

/* Tiles of 1, 2, 4 and 8 windows. */
#define POOL_TILES(name, tile, ...)                     \
	static void name##_1(const struct pool_tile *t) \
	{                                               \
		tile(t, 1, ##__VA_ARGS__);              \
	}                                               \
	static void name##_2(const struct pool_tile *t) \
	{                                               \
		tile(t, 2, ##__VA_ARGS__);              \
	}                                               \
	static void name##_4(const struct pool_tile *t) \
	{                                               \
		tile(t, 4, ##__VA_ARGS__);              \
	}                                               \
	static void name##_8(const struct pool_tile *t) \
	{                                               \
		tile(t, 8, ##__VA_ARGS__);              \
	}                                               \
	static const pool_tile_fn name[] = { name##_1, name##_2, name##_4, name##_8 }

POOL_TILES(max_keep_tiles, max_tile, true);
POOL_TILES(max_only_tiles, max_tile, false);
POOL_TILES(average_tiles, average_tile);
POOL_TILES(max_back_tiles, back_tile, true);
POOL_TILES(average_back_tiles, back_tile, false);

static void pool_tiles(const struct npu_pool_row *row, const pool_tile_fn tiles[4])
{
	size_t c, left, size;

	for (c = 0; c < row->channels; c += LANES) {
		struct pool_tile t = { row,
				       row->x + c,
				       row->y + c,
				       row->winner ? row->winner + c : NULL,
				       row->output ? row->output + c : NULL,
				       v_first(row->channels - c) };

		for (left = row->pixels; left; left -= (size_t)1 << size) {
			size_t step;

			size = left >= 8 ? 3 : left >= 4 ? 2 : left >= 2 ? 1 : 0;
			step = row->channels << size;
			tiles[size](&t);
			t.x += row->x_step << size;
			t.y += step;
			t.winner = t.winner ? t.winner + step : NULL;
			t.output = t.output ? t.output + step : NULL;
		}
	}
}

static void max_row(const struct npu_pool_row *row)
{
	pool_tiles(row, row->winner ? max_keep_tiles : max_only_tiles);
}

static void average_row(const struct npu_pool_row *row)
{
	pool_tiles(row, average_tiles);
}

static void max_back_row(const struct npu_pool_row *row)
{
	pool_tiles(row, max_back_tiles);
}

static void average_back_row(const struct npu_pool_row *row)
{
	pool_tiles(row, average_back_tiles);
}

#define NPU_CONV_VARIANT(variant)                            \
	const struct npu_conv_kernels npu_conv_##variant = { \
		.row = conv_row,                             \
		.depthwise_row = conv_depthwise_row,         \
		.patch = conv_patch,                         \
		.depthwise_patch = conv_depthwise_patch,     \
		.derive = conv_derive,                       \
		.max_row = max_row,                          \
		.average_row = average_row,                  \
		.max_back_row = max_back_row,                \
		.average_back_row = average_back_row,        \
	}

#endif /* NPU_NN_CONV_SIMD_POOL_H */
