/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * FULLY_CONNECTED and convolutions: sums of a strip times some blocks, and what they become.
 */
#ifndef NPU_PRODUCT_H
#define NPU_PRODUCT_H

#include "window_strip.h"

/* ------------------------------------------------------------------- sums */

#define PRODUCT_QUADS(quads, blocks)                                                   \
	static __attribute__((__noinline__)) void product_##quads##x##blocks(          \
		const struct dot_sums *sums, const struct dot_start *start,            \
		const dot_input *const *x, const struct dot_walk *walk, const __s8 *w) \
	{                                                                              \
		dot_quads(sums, start, x, walk, w, quads, blocks);                     \
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

typedef void (*product_quads)(const struct dot_sums *sums, const struct dot_start *start,
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

/* Sums of @count quads, from those that start[] holds. */
static void product_sums(struct dot_sums sums, const struct quad *quad, __u32 count,
			 const struct dot_walk *walk, const __s8 *w, const struct dot_start *start,
			 __u32 blocks)
{
	__u32 most = blocks > 1 ? DOT_QUADS : DOT_QUADS_ALONE, done = 0;
	__u32 parts = (count + most - 1) / most;

	for (; parts; parts--) {
		const dot_input *x[DOT_QUADS_ALONE] = { NULL };
		__u32 n = (count - done + parts - 1) / parts, i;

		for (i = 0; i < n; i++)
			x[i] = (const dot_input *)quad[done + i].x;
		product_of[blocks - 1][n - 1](&sums, start, x, walk, w);
		sums.to += n * 4 * sums.row_step;
		done += n;
	}
}

/* Into the workspace, of at most STRIP_QUADS quads. */
static inline struct dot_sums product_kept(struct strip_memory *memory)
{
	return (struct dot_sums){ (__u8 *)memory->sums[0], sizeof(memory->sums[0][0]),
				  sizeof(memory->sums[0]) };
}

/* ------------------------------------------------------------ int16 inputs */

#define PRODUCT_WORDS(quads)                                                                    \
	static __attribute__((__noinline__)) void product_words_##quads(                        \
		__s32 *sums, const __s16 *const *x, const struct dot_walk *walk, const __s8 *w) \
	{                                                                                       \
		dot_words(sums, x, walk, w, quads);                                             \
	}

PRODUCT_WORDS(1)
#if DOT_WORDS_QUADS > 1
PRODUCT_WORDS(2)
PRODUCT_WORDS(3)
#endif

typedef void (*product_words)(__s32 *sums, const __s16 *const *x, const struct dot_walk *walk,
			      const __s8 *w);

static const product_words product_words_of[DOT_WORDS_QUADS] = {
	product_words_1,
#if DOT_WORDS_QUADS > 1
	product_words_2,
	product_words_3,
#endif
};

/* Add at most DOT_WORDS_GROUPS groups, @at bytes behind the inputs of each quad. */
static void product_words_add(struct strip_memory *memory, const struct quad *quad, __u32 count,
			      long at, const struct dot_walk *walk, const __s8 *w)
{
	__u32 parts = (count + DOT_WORDS_QUADS - 1) / DOT_WORDS_QUADS, done = 0, i;

	for (; parts; parts--) {
		__u32 n = (count - done + parts - 1) / parts;
		const __s16 *x[DOT_WORDS_QUADS] = { NULL };

		for (i = 0; i < n; i++)
			x[i] = (const __s16 *)(quad[done + i].x + at);
		product_words_of[n - 1](memory->words[done * 4], x, walk, w);
		done += n;
	}
	for (i = 0; i < count * 4; i++) {
		struct lanes64 total = lanes64_load(memory->totals[i]);

		total = lanes64_add(total, lanes64_widen(lanes_load(memory->words[i])));
		lanes64_store(memory->totals[i], total);
	}
}

/* Add the products of all inputs of @count quads, in parts that do not overflow. */
static void product_words_sums(struct strip_memory *memory, const struct quad *quad, __u32 count,
			       const struct dot_walk *walk, const __s8 *w)
{
	__u32 line = walk->columns * walk->groups, row, column, g;
	struct dot_walk part = *walk;

	if (line <= DOT_WORDS_GROUPS) {
		__u32 most = DOT_WORDS_GROUPS / line;

		for (row = 0; row < walk->rows; row += part.rows, w += part.rows * line * 64) {
			part.rows = walk->rows - row < most ? walk->rows - row : most;
			product_words_add(memory, quad, count, row * walk->row_step, &part, w);
		}
		return;
	}
	part.rows = part.columns = 1;
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++)
			for (g = 0; g < walk->groups; g += part.groups, w += part.groups * 64) {
				long at = row * walk->row_step + column * walk->column_step + g * 8;

				part.groups = walk->groups - g < DOT_WORDS_GROUPS
						      ? walk->groups - g
						      : DOT_WORDS_GROUPS;
				product_words_add(memory, quad, count, at, &part, w);
			}
}

/* ---------------------------------------------------------------- outputs */

/**
 * struct product_output - where sums of a block go
 * @scale: prepared
 * @way: to rescale by it
 * @scaled: sums are results already, but for the clamp
 * @pairs: eight channels of int8 that are all of an output: two outputs are sixteen lanes
 * @type: of the output
 * @min: least output
 * @max: greatest output
 * @lanes: channels of the block
 * @at: bytes from channel 0 of an output to the first of these
 * @step: bytes from one output of a quad to the next
 */
struct product_output {
	const struct lanes_scale *scale;
	enum lanes_way way;
	bool scaled, pairs;
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

/* Any output. */
static void product_finish_some(const struct product_output *o, const __s32 *sums,
				const struct quad *quad, __u32 count)
{
	__u32 q, i;

	for (q = 0; q < count; q++, quad++, sums += 4 * 16)
		for (i = 0; i < quad->count; i++) {
			struct lanes x = lanes_load(sums + i * 16);

			if (!o->scaled && o->way == LANES_ANY)
				x = lanes_rescale(x, o->scale, LANES_ANY);
			else if (!o->scaled)
				x = lanes_rescale(x, o->scale, LANES_QUICK);
			product_store(o, quad->out + o->at + i * o->step, x);
		}
}

/* int8, sixteen channels; quads of fewer than four outputs are others'. */
static lanes_inline void product_finish_way(const struct product_output *o, const __s32 *sums,
					    const struct quad *quad, __u32 count, const int way)
{
	const struct lanes_scale scale = *o->scale;
	struct lanes x[4];
	__u32 q, i;

	for (q = 0; q < count; q++, quad++, sums += 4 * 16) {
		if (quad->count < 4) {
			product_finish_some(o, sums, quad, 1);
			continue;
		}
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			x[i] = lanes_rescale(lanes_load(sums + i * 16), &scale, way);
		lanes_store4_s8(quad->out + o->at, o->step, x, o->min, o->max);
	}
}

static __attribute__((__noinline__)) void product_finish_quick(const struct product_output *o,
							       const __s32 *sums,
							       const struct quad *quad, __u32 count)
{
	product_finish_way(o, sums, quad, count, LANES_QUICK);
}

static __attribute__((__noinline__)) void product_finish_positive(const struct product_output *o,
								  const __s32 *sums,
								  const struct quad *quad,
								  __u32 count)
{
	product_finish_way(o, sums, quad, count, LANES_POSITIVE);
}

/* Pairs of outputs: of two quads that lie side by side, eight. */
static lanes_inline void product_finish_pairs(const struct product_output *o, const __s32 *sums,
					      const struct quad *quad, __u32 count, const int way)
{
	const struct lanes_scale scale = *o->scale;
	struct lanes x[4];
	__u32 q, i;

	for (q = 0; q < count; q++, quad++, sums += 4 * 16) {
		if (count - q < 2 || quad[1].count < 4 || quad[1].out != quad->out + 4 * 8) {
			product_finish_some(o, sums, quad, 1);
			continue;
		}
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			x[i] = lanes_rescale(lanes_load_halves(sums + i * 32, sums + i * 32 + 16),
					     &scale, way);
		lanes_store4_s8(quad->out + o->at, 16, x, o->min, o->max);
		q++;
		quad++;
		sums += 4 * 16;
	}
}

static __attribute__((__noinline__)) void product_finish_eight(const struct product_output *o,
							       const __s32 *sums,
							       const struct quad *quad, __u32 count)
{
	if (o->way == LANES_POSITIVE)
		product_finish_pairs(o, sums, quad, count, LANES_POSITIVE);
	else
		product_finish_pairs(o, sums, quad, count, LANES_QUICK);
}

/* Sums as they are. */
static void product_finish_s32(const struct product_output *o, const __s32 *sums,
			       const struct quad *quad, __u32 count)
{
	__u32 q, i;

	for (q = 0; q < count; q++, quad++, sums += 4 * 16) {
		if (quad->count < 4) {
			product_finish_some(o, sums, quad, 1);
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
	else if (o->pairs && o->way != LANES_ANY)
		product_finish_eight(o, sums, quad, count);
	else if (o->scaled || o->way == LANES_ANY || o->type != NPU_TYPE_INT8 || o->lanes < 16)
		product_finish_some(o, sums, quad, count);
	else if (o->way == LANES_QUICK)
		product_finish_quick(o, sums, quad, count);
	else
		product_finish_positive(o, sums, quad, count);
}

/*
 * The greatest of the four sums of a quad, or of what they become: rescaling keeps the order
 * unless a left shift wraps.
 */
static lanes_inline struct lanes product_greatest(const struct product_output *o, const __s32 *sums)
{
	struct lanes x[4];
	__u32 i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
		x[i] = lanes_load(sums + i * 16);
		if (!o->scaled && o->way == LANES_ANY)
			x[i] = lanes_rescale(x[i], o->scale, LANES_ANY);
	}
	x[0] = lanes_max(lanes_max(x[0], x[1]), lanes_max(x[2], x[3]));
	return o->scaled || o->way == LANES_ANY ? x[0] : lanes_rescale(x[0], o->scale, LANES_QUICK);
}

/* One output a quad. */
static void product_finish_greatest(const struct product_output *o, const __s32 *sums,
				    const struct quad *quad, __u32 count)
{
	bool whole = o->lanes == 16 && o->type == NPU_TYPE_INT8 && !o->scaled &&
		     o->way != LANES_ANY;
	__u32 q = 0, i;

	while (q < count) {
		struct lanes x[4];

		if (whole && count - q >= 4 && quad[q + 3].out == quad[q].out + 3 * o->step) {
#pragma GCC unroll 4
			for (i = 0; i < 4; i++) {
				const __s32 *p = sums + i * 64;

				x[i] = lanes_max(lanes_max(lanes_load(p), lanes_load(p + 16)),
						 lanes_max(lanes_load(p + 32), lanes_load(p + 48)));
				x[i] = lanes_rescale(x[i], o->scale, LANES_QUICK);
			}
			lanes_store4_s8(quad[q].out + o->at, o->step, x, o->min, o->max);
			q += 4;
			sums += 4 * 64;
			continue;
		}
		product_store(o, quad[q].out + o->at, product_greatest(o, sums));
		q++;
		sums += 64;
	}
}

#endif /* NPU_PRODUCT_H */
