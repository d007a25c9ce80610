/* SPDX-License-Identifier: MIT */
/* Pooling in vectors, along the channels; included after the other conv_simd headers. */
#ifndef NPU_NN_CONV_SIMD_POOL_H
#define NPU_NN_CONV_SIMD_POOL_H

#include "conv_simd.h"

/* Windows that a tile takes: enough to hide what a comparison waits for. */
#define POOL_PIXELS 4

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

#pragma GCC unroll 4
	for (p = 0; p < pixels; p++) {
		y[p] = v_load_part(t->x + p * r->x_step, t->mask);
		winner[p] = v_set(r->number);
	}
	for (i = 0; i < r->taps[0]; i++) {
		for (j = 0; j < r->taps[1]; j++) {
			const float *x = t->x + i * r->x_tap[0] + j * r->x_tap[1];
			vec number = v_set(r->number + (float)i * r->number_row + (float)j);

#pragma GCC unroll 4
			for (p = 0; p < pixels; p++) {
				vec value = v_load_part(x + p * r->x_step, t->mask);
				vec_test more = v_less(y[p], value);

				y[p] = v_select(more, value, y[p]);
				if (keep)
					winner[p] = v_select(more, number, winner[p]);
			}
		}
	}
#pragma GCC unroll 4
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

#pragma GCC unroll 4
	for (p = 0; p < pixels; p++)
		sum[p] = v_set(0);
	for (i = 0; i < r->taps[0]; i++) {
		for (j = 0; j < r->taps[1]; j++) {
			const float *x = t->x + i * r->x_tap[0] + j * r->x_tap[1];

#pragma GCC unroll 4
			for (p = 0; p < pixels; p++)
				sum[p] = v_add(sum[p], v_load_part(x + p * r->x_step, t->mask));
		}
	}
#pragma GCC unroll 4
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

#pragma GCC unroll 4
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

#pragma GCC unroll 4
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

static void max_keep_4(const struct pool_tile *t)
{
	max_tile(t, POOL_PIXELS, true);
}

static void max_keep_1(const struct pool_tile *t)
{
	max_tile(t, 1, true);
}

static void max_only_4(const struct pool_tile *t)
{
	max_tile(t, POOL_PIXELS, false);
}

static void max_only_1(const struct pool_tile *t)
{
	max_tile(t, 1, false);
}

static void average_4(const struct pool_tile *t)
{
	average_tile(t, POOL_PIXELS);
}

static void average_1(const struct pool_tile *t)
{
	average_tile(t, 1);
}

static void max_back_4(const struct pool_tile *t)
{
	back_tile(t, POOL_PIXELS, true);
}

static void max_back_1(const struct pool_tile *t)
{
	back_tile(t, 1, true);
}

static void average_back_4(const struct pool_tile *t)
{
	back_tile(t, POOL_PIXELS, false);
}

static void average_back_1(const struct pool_tile *t)
{
	back_tile(t, 1, false);
}

static void pool_tiles(const struct npu_pool_row *row, pool_tile_fn many, pool_tile_fn one)
{
	size_t c, p, done;

	for (c = 0; c < row->channels; c += LANES) {
		struct pool_tile t = { row,
				       row->x + c,
				       row->y + c,
				       row->winner ? row->winner + c : NULL,
				       row->output ? row->output + c : NULL,
				       v_first(row->channels - c) };

		for (p = 0; p < row->pixels; p += done) {
			done = row->pixels - p >= POOL_PIXELS ? POOL_PIXELS : 1;
			(done == 1 ? one : many)(&t);
			t.x += done * row->x_step;
			t.y += done * row->channels;
			t.winner = t.winner ? t.winner + done * row->channels : NULL;
			t.output = t.output ? t.output + done * row->channels : NULL;
		}
	}
}

static void max_row(const struct npu_pool_row *row)
{
	if (row->winner)
		pool_tiles(row, max_keep_4, max_keep_1);
	else
		pool_tiles(row, max_only_4, max_only_1);
}

static void average_row(const struct npu_pool_row *row)
{
	pool_tiles(row, average_4, average_1);
}

static void max_back_row(const struct npu_pool_row *row)
{
	pool_tiles(row, max_back_4, max_back_1);
}

static void average_back_row(const struct npu_pool_row *row)
{
	pool_tiles(row, average_back_4, average_back_1);
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
