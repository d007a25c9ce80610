/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * FULLY_CONNECTED and CONV_2D of int8: sums of a strip times some blocks, and what they become.
 */
#ifndef NPU_PRODUCT_H
#define NPU_PRODUCT_H

#include "window_strip.h"

/* ------------------------------------------------------------------- sums */

#define PRODUCT_QUADS(quads, blocks)                                                          \
	static __attribute__((__noinline__)) void product_##quads##x##blocks(                     \
		__s32 *sums, const struct dot_start *start, const dot_input *const *x,        \
		const struct dot_walk *walk, const __s8 *w)                                   \
	{                                                                                     \
		dot_quads(sums, sizeof(((struct strip_memory *)0)->sums[0]), start, x, walk, w, \
			  quads, blocks);                                                     \
	}

PRODUCT_QUADS(1, 1)
#if DOT_QUADS_ALONE > 1
PRODUCT_QUADS(2, 1)
PRODUCT_QUADS(3, 1)
#endif
#if DOT_QUADS_ALONE > 3
PRODUCT_QUADS(4, 1)
PRODUCT_QUADS(5, 1)
PRODUCT_QUADS(6, 1)
#endif
#if DOT_BLOCKS > 1
PRODUCT_QUADS(1, 2)
PRODUCT_QUADS(2, 2)
PRODUCT_QUADS(3, 2)
#endif

typedef void (*product_quads)(__s32 *sums, const struct dot_start *start,
			      const dot_input *const *x, const struct dot_walk *walk,
			      const __s8 *w);

static const product_quads product_of[DOT_BLOCKS][DOT_QUADS_ALONE] = {
	{ product_1x1,
#if DOT_QUADS_ALONE > 1
	  product_2x1, product_3x1,
#endif
#if DOT_QUADS_ALONE > 3
	  product_4x1, product_5x1, product_6x1
#endif
	},
#if DOT_BLOCKS > 1
	{ product_1x2, product_2x2, product_3x2 },
#endif
};

/* Sums of @count quads, at most STRIP_QUADS, from those that start[] holds. */
static void product_sums(struct strip_memory *memory, const struct quad *quad, __u32 count,
			 const struct dot_walk *walk, const __s8 *w, const struct dot_start *start,
			 __u32 blocks)
{
	__u32 most = blocks > 1 ? DOT_QUADS : DOT_QUADS_ALONE, done = 0;
	__u32 parts = (count + most - 1) / most;

	for (; parts; parts--) {
		const dot_input *x[DOT_QUADS_ALONE];
		__u32 n = (count - done + parts - 1) / parts, i;

		for (i = 0; i < n; i++)
			x[i] = quad[done + i].x;
		product_of[blocks - 1][n - 1](memory->sums[0][done * 4], start, x, walk, w);
		done += n;
	}
}

/* ---------------------------------------------------------------- outputs */

/**
 * struct product_output - where sums of a block go
 * @scale: prepared
 * @type: of the output
 * @min: least output
 * @max: greatest output
 * @lanes: channels of the block
 * @at: bytes from channel 0 of an output to the first of these
 * @step: bytes from one output of a quad to the next
 */
struct product_output {
	const struct lanes_scale *scale;
	__u32 type;
	__s32 min, max;
	__u32 lanes;
	unsigned long at, step;
};

static lanes_inline struct lanes product_clamp(const struct product_output *o, struct lanes x)
{
	return lanes_min(lanes_max(x, lanes_set(o->min)), lanes_set(o->max));
}

static lanes_inline void product_store(const struct product_output *o, __u8 *out, struct lanes x)
{
	if (o->type == NPU_TYPE_INT32)
		lanes_store_part(out, x, o->lanes);
	else if (o->type == NPU_TYPE_INT16)
		lanes_store_part_s16(out, product_clamp(o, x), o->lanes);
	else
		lanes_store_part_s8(out, product_clamp(o, x), o->lanes);
}

/* Any output; @scaled: the sums are rescaled already. */
static lanes_inline void product_finish_some(const struct product_output *o, const __s32 *sums,
					     const struct quad *quad, __u32 count, const bool scaled,
					     const bool quick)
{
	__u32 q, i;

	for (q = 0; q < count; q++, quad++, sums += 4 * 16)
		for (i = 0; i < quad->count; i++) {
			struct lanes x = lanes_load(sums + i * 16);

			if (!scaled)
				x = lanes_rescale(x, o->scale, quick);
			product_store(o, quad->out + o->at + i * o->step, x);
		}
}

/* int8, sixteen channels, shifts as usual; quads of fewer than four outputs are others'. */
static void product_finish_s8(const struct product_output *o, const __s32 *sums,
			      const struct quad *quad, __u32 count)
{
	const struct lanes_scale scale = *o->scale;
	struct lanes x[4];
	__u32 q, i;

	for (q = 0; q < count; q++, quad++, sums += 4 * 16) {
		if (quad->count < 4) {
			product_finish_some(o, sums, quad, 1, false, true);
			continue;
		}
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			x[i] = lanes_rescale(lanes_load(sums + i * 16), &scale, true);
		lanes_store4_s8(quad->out + o->at, o->step, x, o->min, o->max);
	}
}

/* Sums as they are. */
static void product_finish_s32(const struct product_output *o, const __s32 *sums,
			       const struct quad *quad, __u32 count)
{
	__u32 q, i;

	for (q = 0; q < count; q++, quad++, sums += 4 * 16) {
		if (quad->count < 4) {
			product_finish_some(o, sums, quad, 1, true, false);
			continue;
		}
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			lanes_store(quad->out + o->at + i * o->step, lanes_load(sums + i * 16));
	}
}

static void product_finish(const struct product_output *o, const __s32 *sums,
			   const struct quad *quad, __u32 count)
{
	if (o->type == NPU_TYPE_INT32 && o->lanes == 16)
		product_finish_s32(o, sums, quad, count);
	else if (o->type == NPU_TYPE_INT32)
		product_finish_some(o, sums, quad, count, true, false);
	else if (!o->scale->quick)
		product_finish_some(o, sums, quad, count, false, false);
	else if (o->type == NPU_TYPE_INT8 && o->lanes == 16)
		product_finish_s8(o, sums, quad, count);
	else
		product_finish_some(o, sums, quad, count, false, true);
}

/* The greatest of the four sums of a quad, or of what they become: rescaling keeps the order
 * unless a left shift wraps.
 */
static lanes_inline struct lanes product_greatest(const struct product_output *o, const __s32 *sums,
						  const bool quick)
{
	struct lanes x[4];
	__u32 i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
		x[i] = lanes_load(sums + i * 16);
		if (!quick)
			x[i] = lanes_rescale(x[i], o->scale, false);
	}
	x[0] = lanes_max(lanes_max(x[0], x[1]), lanes_max(x[2], x[3]));
	return quick ? lanes_rescale(x[0], o->scale, true) : x[0];
}

/* One output a quad. */
static void product_finish_greatest(const struct product_output *o, const __s32 *sums,
				    const struct quad *quad, __u32 count)
{
	bool quick = o->scale->quick, whole = o->lanes == 16 && o->type == NPU_TYPE_INT8;
	__u32 q = 0, i;

	while (q < count) {
		struct lanes x[4];

		if (quick && whole && count - q >= 4 &&
		    quad[q + 3].out == quad[q].out + 3 * o->step) {
#pragma GCC unroll 4
			for (i = 0; i < 4; i++)
				x[i] = product_greatest(o, sums + i * 64, true);
			lanes_store4_s8(quad[q].out + o->at, o->step, x, o->min, o->max);
			q += 4;
			sums += 4 * 64;
			continue;
		}
		x[0] = quick ? product_greatest(o, sums, true) : product_greatest(o, sums, false);
		product_store(o, quad[q].out + o->at, x[0]);
		q++;
		sums += 64;
	}
}

#endif /* NPU_PRODUCT_H */
