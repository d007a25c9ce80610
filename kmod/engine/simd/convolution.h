/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* FULLY_CONNECTED, CONV_2D and TRANSPOSE_CONV_2D of int8 and int16, over dot.h. */
#ifndef NPU_CONVOLUTION_H
#define NPU_CONVOLUTION_H

#include "product.h"

/* ---------------------------------------------------------------- weights */

/*
 * Weights of a plane whose runs are no multiples of four: each run gets groups of its own, the
 * last filled up with zeros, so that runs can begin anywhere.
 */
static void convolution_pack(const struct window_strip *s, __s8 *to, const __s8 *w)
{
	__u32 groups = (s->depth + 3) / 4, k, g;

	for (k = 0; k < s->depth; k += s->run)
		for (g = 0; g < s->run; g += 4, to += 64) {
			__u32 at = (k + g) / 4, shift = (k + g) % 4 * 8, left = s->run - g;
			struct lanes x = lanes_load(w + at * 64);

			if (shift) {
				x = lanes_shift_right_logical(x, shift);
				if (at + 1 < groups)
					x = lanes_xor(
						x, lanes_shift_left(lanes_load(w + (at + 1) * 64),
								    32 - shift));
			}
			if (left < 4)
				x = lanes_and(x, lanes_set((1 << left * 8) - 1));
			lanes_store(to, x);
		}
}

/* Weights of @count blocks as dot_quads() takes them. */
static const __s8 *convolution_weights(struct window_strip *s, __u32 block, __u32 count)
{
	const __s8 *w = s->conv.weights + block * s->conv.block_bytes;
	__u32 i;

	if (!s->pack)
		return w;
	for (i = 0; i < count; i++)
		convolution_pack(s, s->memory->packed[i], w + i * s->conv.block_bytes);
	return s->memory->packed[0];
}

/* The sum of all weights of each channel of a block. */
static struct lanes convolution_total(const __s8 *w, __u32 depth)
{
	struct lanes total = lanes_set(0);
	__u32 k;

	for (k = 0; k < depth; k += 4, w += 64) {
		struct lanes x = lanes_load(w);

		if (depth - k < 4)
			x = lanes_and(x, lanes_set((1 << (depth - k) * 8) - 1));
		total = lanes_add(total, lanes_shift_right(x, 24));
		total = lanes_add(total, lanes_shift_right(lanes_shift_left(x, 8), 24));
		total = lanes_add(total, lanes_shift_right(lanes_shift_left(x, 16), 24));
		total = lanes_add(total, lanes_shift_right(lanes_shift_left(x, 24), 24));
	}
	return total;
}

/* What sums of @block start from; @w: its weights. */
static const __s32 *convolution_start(struct window_strip *s, __u32 block, const __s8 *w)
{
	struct strip_memory *memory = s->memory;
	__u32 slot = block % STRIP_STARTS, groups = (s->depth + 3) / 4, tail = s->depth % 4;
	struct lanes start;

	if (memory->block[slot] == block + 1)
		return memory->start[slot];
	if (s->pack) {
		groups = s->depth / s->run * ((s->run + 3) / 4);
		tail = 4;
	}
	start = dot_start(w, groups, tail ? tail : 4);
	if (s->conv.bias)
		start = lanes_add(start, lanes_load((const __s32 *)s->conv.bias + block * 16));
	if (s->conv.subtract)
		start = lanes_sub(start, lanes_mul(lanes_set(s->conv.subtract),
						   convolution_total(w, s->depth)));
	lanes_store(memory->start[slot], start);
	memory->block[slot] = block + 1;
	return memory->start[slot];
}

/* Scales of a block; of eight channels twice, for two outputs side by side. */
static void convolution_scale(const struct window_strip *s, __u32 block, struct lanes_scale *scale,
			      const struct product_output *o)
{
	const struct npu_scale *from = s->conv.scales + block * 16 * s->conv.scale_step;
	__s32 zero_point = s->wide ? 0 : s->conv.insn->t[0].zero_point;
	struct npu_scale twice[16];

	if (o->pairs && s->conv.scale_step) {
		__builtin_memcpy(twice, from, sizeof(twice) / 2);
		__builtin_memcpy(twice + 8, from, sizeof(twice) / 2);
		from = twice;
	}
	lanes_scale_load(scale, from, s->conv.scale_step, zero_point);
}

static void convolution_output(const struct window_strip *s, __u32 block, struct lanes_scale *scale,
			       struct product_output *o)
{
	const struct npu_insn *insn = s->conv.insn;
	const struct npu_tensor *out = &insn->t[0];
	struct npu_conv_lanes lanes = npu_conv_lanes(&s->conv, block);

	o->type = out->type;
	o->min = insn->conv.act_min;
	o->max = insn->conv.act_max;
	o->lanes = lanes.count;
	o->at = (unsigned long)lanes.channel * npu_type_bytes(out->type);
	o->step = out->stride[2];
	o->scale = scale;
	o->scaled = s->wide || out->type == NPU_TYPE_INT32;
	o->way = LANES_ANY;
	o->pairs = !o->scaled && out->type == NPU_TYPE_INT8 && o->lanes == 8 && o->step == 8;
	if (out->type == NPU_TYPE_INT32 || (s->wide && !s->narrow))
		return;
	convolution_scale(s, block, scale, o);
	o->way = lanes_way(scale, out->zero_point, o->min);
}

/* ------------------------------------------------------------------ blocks */

/**
 * struct convolution_blocks - one or two blocks
 * @block: the first
 * @count: how many
 * @w: weights
 * @start: what sums start from
 * @out: where they go
 */
struct convolution_blocks {
	__u32 block, count;
	const __s8 *w;
	struct dot_start start;
	struct product_output out[2];
};

/* Also keeps what is there: strips of one or two blocks need it again and again. */
static void convolution_load(struct window_strip *s, __u32 block, __u32 count,
			     struct convolution_blocks *b)
{
	__u32 i;

	if (b->count == count && b->block == block)
		return;
	b->block = block;
	b->count = count;
	b->w = convolution_weights(s, block, count);
	b->start.row_step = 0;
	b->start.block_step = 0;
	for (i = 0; i < count; i++) {
		const __s32 *from = NULL;

		if (!s->wide)
			from = convolution_start(s, block + i, b->w + i * s->walk.block_bytes);
		if (!i)
			b->start.from = from;
		else
			b->start.block_step = (const __u8 *)from - (const __u8 *)b->start.from;
		convolution_output(s, block + i, &s->memory->scale[i], &b->out[i]);
	}
}

/* ------------------------------------------------------------ int16 inputs */

static void convolution_words_start(struct window_strip *s, __u32 rows)
{
	__u32 i;

	for (i = 0; i < rows; i++)
		lanes64_store(s->memory->totals[i], lanes64_set(0));
}

/* Totals to results where accumulators are int32: what they hold is the low half. */
static void convolution_words_narrow(struct window_strip *s, const struct convolution_blocks *b,
				     __u32 rows)
{
	const __s32 *bias = (const __s32 *)s->conv.bias + b->block * 16;
	struct lanes start = lanes_load(bias), zero = lanes_set(s->conv.insn->t[0].zero_point);
	__u32 i;

	for (i = 0; i < rows; i++) {
		struct lanes x = lanes64_low(lanes64_load(s->memory->totals[i]));

		x = lanes_rescale(lanes_add(x, start), b->out[0].scale, LANES_ANY);
		lanes_store(s->memory->words[i], lanes_add(x, zero));
	}
}

/* Totals of @rows rows to results, which take the place of int32 sums. */
static void convolution_words_scale(struct window_strip *s, const struct convolution_blocks *b,
				    __u32 rows)
{
	struct lanes64 bias = lanes64_set(0);
	struct lanes_scale64 scale;
	__u32 i;

	if (s->narrow) {
		convolution_words_narrow(s, b, rows);
		return;
	}
	if (s->conv.bias && s->conv.insn->t[3].type == NPU_TYPE_INT64)
		bias = lanes64_load((const __s64 *)s->conv.bias + b->block * 16);
	else if (s->conv.bias)
		bias = lanes64_widen(lanes_load((const __s32 *)s->conv.bias + b->block * 16));
	lanes_scale64_load(&scale, s->conv.scales + b->block * 16 * s->conv.scale_step,
			   s->conv.scale_step, s->conv.insn->t[0].zero_point);
	for (i = 0; i < rows; i++) {
		struct lanes64 total = lanes64_add(lanes64_load(s->memory->totals[i]), bias);

		lanes_store(s->memory->words[i], lanes64_rescale(total, &scale));
	}
}

/* Sums of @count quads, or with int16 inputs what they become. */
static void convolution_sums(struct window_strip *s, const struct convolution_blocks *b,
			     const struct quad *quad, __u32 count)
{
	if (!s->wide) {
		product_sums(product_kept(s->memory), quad, count, &s->walk, b->w, &b->start,
			     b->count);
		return;
	}
	convolution_words_start(s, count * 4);
	product_words_sums(s->memory, quad, count, &s->walk, b->w);
	convolution_words_scale(s, b, count * 4);
}

/* ------------------------------------------------------------------ strips */

/* Sums that are the output go there at once: how many whole quads that was. */
static __u32 convolution_direct(struct window_strip *s, const struct convolution_blocks *b,
				__u32 quads)
{
	const struct product_output *o = &b->out[b->count - 1];
	const struct quad *quad = s->memory->quads;
	__u32 whole = quads - (quad[quads - 1].count < 4);

	if (o->type != NPU_TYPE_INT32 || o->lanes < 16 || !s->flat || !whole)
		return 0;
	product_sums((struct dot_sums){ quad->out + b->out[0].at, o->step, 64 }, quad, whole,
		     &s->walk, b->w, &b->start, b->count);
	return whole;
}

/* Outputs of @quads prepared quads. */
static void convolution_quads(struct window_strip *s, const struct convolution_blocks *b,
			      __u32 quads)
{
	__u32 direct = convolution_direct(s, b, quads), i;
	const struct quad *quad = s->memory->quads + direct;

	quads -= direct;
	while (quads) {
		__u32 count = quads < STRIP_QUADS ? quads : STRIP_QUADS;

		convolution_sums(s, b, quad, count);
		for (i = 0; i < b->count; i++) {
			const __s32 *sums = s->memory->sums[i][0];

			if (s->within[0])
				product_finish_greatest(&b->out[i], sums, quad, count);
			else
				product_finish(&b->out[i], sums, quad, count);
		}
		quad += count;
		quads -= count;
	}
}

/* Of @blocks, how many at once. */
static inline __u32 convolution_most(const struct window_strip *s, __u32 blocks)
{
	__u32 most = s->wide ? 1 : DOT_BLOCKS;

	return blocks < most ? blocks : most;
}

static __u32 convolution_lay(struct window_strip *s, __u32 row, __u32 rows, __u32 block,
			     __u32 *quads)
{
	__u32 channel = block / s->conv.blocks * s->conv.group_in;

	if (s->plane)
		return strip_lay_plane(s, row, rows, channel, quads);
	return strip_lay_rows(s, row, rows, channel, quads);
}

/* Blocks [block, end) of one group. */
static void convolution_blocks_run(struct window_strip *s, struct convolution_blocks *b,
				   __u32 block, __u32 end, __u32 quads)
{
	for (; block < end; block += b->count) {
		convolution_load(s, block, convolution_most(s, end - block), b);
		convolution_quads(s, b, quads);
	}
}

static void convolution_strip(struct window_strip *s, struct convolution_blocks *b,
			      const struct npu_rectangle *r, __u32 block, __u32 end)
{
	__u32 row, done, quads;

	for (row = r->row; row < r->row + r->rows; row += done) {
		done = convolution_lay(s, row, r->row + r->rows - row, block, &quads);
		convolution_blocks_run(s, b, block, end, quads);
	}
}

/* ----------------------------------------- the maximum of windows, in general */

/* The greatest sums of all windows so far, or of what they become if that can be another order. */
static void convolution_keep_greatest(const struct product_output *o, const __s32 *sums,
				      __s32 *best, __u32 rows, bool first)
{
	__u32 i;

	for (i = 0; i < rows; i++, sums += 16, best += 16) {
		struct lanes x = lanes_load(sums);

		if (!o->scaled && o->way == LANES_ANY)
			x = lanes_rescale(x, o->scale, LANES_ANY);
		lanes_store(best, first ? x : lanes_max(x, lanes_load(best)));
	}
}

/* As convolution_quads() for outputs [row, row + rows), at most STRIP_QUADS, of windows @pool. */
static void convolution_greatest(struct window_strip *s, const struct convolution_blocks *b,
				 __u32 block, __u32 row, __u32 rows)
{
	struct strip_memory *memory = s->memory;
	const struct npu_insn *insn = s->conv.insn;
	__u32 width = s->pool[1], tap, i, d, quads = 0;
	__s32 start[2] = { s->origin[0], s->origin[1] };

	for (tap = 0; tap < s->pool[0] * width; tap++) {
		s->origin[0] = start[0] + (__s32)(tap / width * insn->conv.stride[0]);
		s->origin[1] = start[1] + (__s32)(tap % width * insn->conv.stride[1]);
		convolution_lay(s, row, rows, block, &quads);
		convolution_sums(s, b, memory->quads, quads);
		for (i = 0; i < b->count; i++)
			convolution_keep_greatest(&b->out[i], memory->sums[i][0],
						  memory->best[i + s->wide][0], quads * 4, !tap);
	}
	for (d = 0; d < 2; d++)
		s->origin[d] = start[d];
	for (i = 0; i < b->count; i++) {
		struct product_output o = b->out[i];

		o.scaled |= o.way == LANES_ANY;
		product_finish(&o, memory->best[i + s->wide][0], memory->quads, quads);
	}
}

static void convolution_greatest_strip(struct window_strip *s, struct convolution_blocks *b,
				       const struct npu_rectangle *r, __u32 block, __u32 end)
{
	__u32 row, rows, quads;

	for (; block < end; block += b->count) {
		convolution_load(s, block, convolution_most(s, end - block), b);
		for (row = r->row; row < r->row + r->rows; row += rows) {
			rows = r->row + r->rows - row;
			/* a quad for each output, at worst */
			rows = convolution_lay(s, row, rows < STRIP_QUADS ? rows : STRIP_QUADS,
					       block, &quads);
			convolution_greatest(s, b, block, row, rows);
		}
	}
}

/* ------------------------------------------------- windows that fit nowhere */

/*
 * Sums of one window, where the inputs of four are more than there is room for: they go on from
 * part to part. They are the first row of those of a quad.
 */
static void convolution_long_sums(struct window_strip *s, const struct convolution_blocks *b,
				  const struct npu_pixel *at, __u32 channel)
{
	const __u32 most = (__u32)(STRIP_INPUTS / s->prepared) / 64 * 64;
	struct strip_memory *memory = s->memory;
	struct dot_start start = b->start;
	__u32 k;

	s->walk.a = s->walk.b = 0;
	memory->quads[0].x = memory->inputs;
	if (s->wide)
		convolution_words_start(s, 1);
	for (k = 0; k < s->depth; k += most) {
		__u32 part = s->depth - k < most ? s->depth - k : most;

		strip_window(s, memory->inputs, at, channel, k, part);
		s->walk.groups = (part + 3) / 4;
		if (s->wide) {
			product_words_sums(memory, memory->quads, 1, &s->walk, b->w + k * 16);
			continue;
		}
		product_sums(product_kept(memory), memory->quads, 1, &s->walk, b->w + k * 16,
			     &start, 1);
		start.from = memory->sums[0][0];
		start.row_step = 64;
	}
	if (s->wide)
		convolution_words_scale(s, b, 1);
}

/* One output. */
static void convolution_long_output(struct window_strip *s, const struct convolution_blocks *b,
				    const struct npu_pixel *at, __u32 channel)
{
	const struct npu_insn *insn = s->conv.insn;
	__s32 start[2] = { s->origin[0], s->origin[1] };
	struct strip_memory *memory = s->memory;
	struct product_output o = b->out[0];
	__u32 width = s->pool[1], tap;

	for (tap = 0; tap < s->pool[0] * width; tap++) {
		s->origin[0] = start[0] + (__s32)(tap / width * insn->conv.stride[0]);
		s->origin[1] = start[1] + (__s32)(tap % width * insn->conv.stride[1]);
		convolution_long_sums(s, b, at, channel);
		convolution_keep_greatest(&b->out[0], memory->sums[0][0], memory->best[s->wide][0],
					  1, !tap);
	}
	s->origin[0] = start[0];
	s->origin[1] = start[1];
	memory->quads[0].out = s->conv.out + npu_pixel_offset(&insn->t[0], at->n, at->y, at->x);
	memory->quads[0].count = 1;
	o.scaled |= o.way == LANES_ANY;
	product_finish(&o, memory->best[s->wide][0], memory->quads, 1);
}

static void convolution_long(struct window_strip *s, struct convolution_blocks *b,
			     const struct npu_rectangle *r, __u32 block, __u32 end)
{
	__u32 channel = block / s->conv.blocks * s->conv.group_in, row;

	for (; block < end; block++) {
		convolution_load(s, block, 1, b);
		for (row = r->row; row < r->row + r->rows; row++) {
			struct npu_pixel at = npu_pixel_at(&s->conv.insn->t[0], row);

			convolution_long_output(s, b, &at, channel);
		}
	}
}

/* ---------------------------------------------------------------- one row */

static lanes_inline void convolution_row_blocks(struct window_strip *s, const __s8 *x, __u8 *out,
						__u32 block, const int blocks)
{
	struct lanes sums[DOT_ROW_BLOCKS];
	struct lanes_scale scale;
	struct product_output o;
	int i;

	dot_row(sums, x, s->depth, s->conv.weights + block * s->conv.block_bytes,
		s->conv.block_bytes, blocks);
#pragma GCC unroll 8
	for (i = 0; i < blocks; i++) {
		struct lanes y = sums[i];

		if (s->conv.bias)
			y = lanes_add(y,
				      lanes_load((const __s32 *)s->conv.bias + (block + i) * 16));
		convolution_output(s, block + i, &scale, &o);
		if (o.type != NPU_TYPE_INT32)
			y = o.way == LANES_ANY ? lanes_rescale(y, o.scale, LANES_ANY)
					       : lanes_rescale(y, o.scale, LANES_QUICK);
		product_store(&o, out + o.at, y);
	}
}

/* One row of inputs as they lie in memory, @blocks blocks of one group. */
static void convolution_row(struct window_strip *s, __u32 row, __u32 block, __u32 blocks)
{
	const struct npu_tensor *in = &s->conv.insn->t[1], *out = &s->conv.insn->t[0];
	struct npu_pixel at = npu_pixel_at(out, row);
	const __s8 *x = (const __s8 *)s->conv.in + block / s->conv.blocks * s->conv.group_in +
			npu_pixel_offset(in, at.n, at.y * s->step[0], at.x * s->step[1]);
	__u8 *to = s->conv.out + npu_pixel_offset(out, at.n, at.y, at.x);

	for (; blocks >= DOT_ROW_BLOCKS; blocks -= DOT_ROW_BLOCKS, block += DOT_ROW_BLOCKS)
		convolution_row_blocks(s, x, to, block, DOT_ROW_BLOCKS);
	for (; blocks; blocks--, block++)
		convolution_row_blocks(s, x, to, block, 1);
}

/* ---------------------------------------------------------------- kernels */

/* A call: what it works on. */
struct convolution_run {
	struct window_strip *strip;
	struct convolution_blocks *blocks;
};

static void convolution_rectangle(const void *context, const struct npu_rectangle *r)
{
	const struct convolution_run *run = context;
	struct convolution_blocks *b = run->blocks;
	struct window_strip *s = run->strip;
	__u32 block = r->block, end = block + r->blocks;

	while (block < end) {
		__u32 next = (block / s->conv.blocks + 1) * s->conv.blocks;

		if (next > end)
			next = end;
		if (r->rows == 1 && s->simple && !s->wide)
			convolution_row(s, r->row, block, next - block);
		else if (!s->plane && strip_row_bytes(s) * 4 > STRIP_INPUTS)
			convolution_long(s, b, r, block, next);
		else if (s->pool[0] * s->pool[1] > 1 && !s->within[0])
			convolution_greatest_strip(s, b, r, block, next);
		else
			convolution_strip(s, b, r, block, next);
		block = next;
	}
}

/* Are any two neighbours, in the order of N, H, W, at the same distance? */
static bool convolution_even(const struct npu_tensor *t)
{
	return (t->dim[1] == 1 || t->stride[1] == t->dim[2] * t->stride[2]) &&
	       (t->dim[0] == 1 || t->stride[0] == t->dim[1] * t->stride[1]);
}

static void convolution_geometry(struct window_strip *s, const struct npu_insn *insn)
{
	bool conv = insn->opcode != NPU_OP_FULLY_CONNECTED;
	const struct npu_tensor *out = &insn->t[0], *in = &insn->t[1];
	__u32 d;

	s->transpose = insn->opcode == NPU_OP_TRANSPOSE_CONV_2D;
	s->wide = in->type == NPU_TYPE_INT16;
	s->narrow = conv && insn->t[3].type == NPU_TYPE_INT32;
	s->element = s->wide ? 2 : 1;
	s->prepared = s->wide ? 2 : sizeof(dot_input);
	s->simple = !s->transpose;
	for (d = 0; d < 2; d++) {
		s->kernel[d] = insn->t[2].dim[1 + d];
		s->pool[d] = npu_conv_pool(insn, d);
		s->step[d] = conv ? insn->conv.stride[d] * s->pool[d] : 1;
		s->origin[d] = conv ? -(__s32)insn->conv.pad[d] : 0;
		s->dilation[d] = conv ? insn->conv.dilation[d] : 1;
		s->within[d] = 0;
		s->simple &= s->kernel[d] == 1 && !s->origin[d] && s->pool[d] == 1 &&
			     (out->dim[1 + d] - 1) * s->step[d] < in->dim[1 + d];
	}
	s->depth = s->kernel[0] * s->kernel[1] * insn->t[2].dim[3];
	s->flat = s->simple && s->step[0] == 1 && s->step[1] == 1 && out->dim[1] == in->dim[1] &&
		  out->dim[2] == in->dim[2] && convolution_even(out) && convolution_even(in);
}

static void convolution_plan(struct window_strip *s)
{
	const __u32 ic = s->conv.group_in, size = s->prepared;
	__u32 packed;

	s->run = s->dilation[1] == 1 || s->kernel[1] == 1 ? s->kernel[1] * ic : ic;
	packed = s->depth / s->run * npu_round_up(s->run, 4);
	/* a quad is one output, of a maximum of 2 x 2 */
	if (s->pool[0] == 2 && s->pool[1] == 2) {
		s->within[0] = s->conv.insn->conv.stride[0];
		s->within[1] = s->conv.insn->conv.stride[1];
	}
	s->plane = s->kernel[0] * s->kernel[1] > 1 && !s->transpose &&
		   strip_plane_fits(s, strip_reach(s, 0, 1), strip_reach(s, 1, 4)) &&
		   (s->run % 4 == 0 || packed * 16 <= STRIP_PACKED);
	if (!s->plane)
		s->within[0] = s->within[1] = 0;
	s->pack = s->plane && s->run % 4;
	s->walk = (struct dot_walk){
		.rows = 1,
		.columns = 1,
		.groups = (s->depth + 3) / 4,
		.block_bytes = s->pack ? STRIP_PACKED : s->conv.block_bytes,
	};
	if (!s->plane) {
		s->walk.a = (long)strip_row_bytes(s);
		s->walk.b = 2 * s->walk.a;
		return;
	}
	s->walk.a = (long)(s->within[1] ? s->within[1] : s->step[1]) * ic * size;
	s->walk.rows = s->kernel[0];
	s->walk.columns = s->depth / s->run / s->kernel[0];
	s->walk.column_step = (long)s->dilation[1] * ic * size;
	s->walk.groups = (s->run + 3) / 4;
}

static void convolution(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			__u32 count)
{
	const __u32 *dim = insn->t[0].dim;
	struct convolution_blocks blocks = { .count = 0 };
	struct window_strip strip, *s = &strip;
	struct convolution_run run = { s, &blocks };
	__u32 i;

	npu_conv_resolve(exec, insn, &strip.conv);
	strip.memory = exec->workspace;
	for (i = 0; i < STRIP_STARTS; i++)
		strip.memory->block[i] = 0;
	convolution_geometry(s, insn);
	convolution_plan(s);
	npu_strips_run(dim[0] * dim[1] * dim[2], strip.conv.all_blocks, first, count,
		       convolution_rectangle, &run);
}

#endif /* NPU_CONVOLUTION_H */
