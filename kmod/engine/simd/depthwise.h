/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * DEPTHWISE_CONV_2D with int8 inputs.
 *
 * A *word* is TAPS inputs or weights of each of sixteen channels, one below the other in the
 * image: as many rows of a column as the instruction set multiplies and adds at once. The
 * columns that the pixels of a strip see are made into words in the workspace, once for all
 * the pixels that share them, with the padding in its place; a pixel is then a dot product
 * for each word of its kernel, without a question. A variant's taps_*.h gives
 *	TAPS			rows of a word
 *	TAPS_OFFSET		what to flip in a word of inputs before it is multiplied: the sign
 *				bits where inputs are unsigned; their sum is 128 each too large
 *	taps_join(row, count)	the word of the first @count of TAPS rows of sixteen int8;
 *				what stands for the others is undefined
 *	taps_dot(sum, inputs, weights)
 *
 * Weights of rows past the kernel are zeros, so inputs there do not matter. Where there are but
 * eight channels, and neighbouring pixels lie side by side, a word is of two columns.
 */
#ifndef NPU_SIMD_DEPTHWISE_H
#define NPU_SIMD_DEPTHWISE_H

#include "../window.h"
#include "bytes.h"

#define DEPTHWISE_WORD 64	   /* bytes */
#define DEPTHWISE_KERNEL_WORDS 256 /* at most */
#define DEPTHWISE_PIXELS 4	   /* at once */

/**
 * struct depthwise_run - neighbouring pixels of a row, and the columns that they see
 * @in: bytes from the start of the input to the first column that lies in it, row 0
 * @y: the first row that they see
 * @column: the first column in the workspace
 * @left: columns left of the input
 * @inside: columns in it
 * @right: columns right of it
 */
struct depthwise_run {
	__u64 in;
	__s32 y;
	__u32 column;
	__u32 left, inside, right;
};

/**
 * struct depthwise_block - what the pixels of a block have in common
 * @scale: of its channels
 * @start: what sums start from
 * @outside: a word outside of the input
 * @lanes: its channels
 * @min, @max: of the output
 * @type: of the output
 */
struct depthwise_block {
	struct lanes_scale scale;
	struct lanes start, outside;
	struct npu_conv_lanes lanes;
	__s32 min, max;
	__u32 type;
};

/**
 * struct depthwise_memory - the workspace
 * @fill: sixteen times what lies outside of the input
 * @zeros: a row of weights past the kernel
 * @rest: rows at the end of the input
 * @block: the current one
 * @runs: of the strip
 * @from: of each slot, bytes to its first column; a slot is a pixel, or pixels side by side,
 *	in sixteen lanes
 * @to: bytes from the start of the output
 * @half: the slot has one pixel of two
 * @weights: of a block: words, column by column
 * @columns: for each word of a column, those words of all columns
 */
struct depthwise_memory {
	__u8 fill[16], zeros[16], rest[TAPS][16];
	struct depthwise_block block;
	struct depthwise_run runs[NPU_STRIP];
	__s32 from[NPU_STRIP + 16], to[NPU_STRIP + 16];
	bool half[NPU_STRIP];
	__u8 weights[DEPTHWISE_KERNEL_WORDS][DEPTHWISE_WORD] __attribute__((aligned(64)));
	__u8 columns[];
};

#define DEPTHWISE_COLUMN_BYTES (NPU_WORKSPACE_BYTES - sizeof(struct depthwise_memory))

/**
 * struct depthwise - an instruction, and how it is prepared
 * @conv: the instruction, addresses resolved
 * @memory: the workspace
 * @words: of a column
 * @span: columns that one pixel sees
 * @side: pixels side by side in a word, 1 or 2
 * @plane: bytes from the first words of all columns to the second
 * @end: the end of the input
 * @runs, @slots: of the part of a strip that is planned
 * @whole: no slot has fewer than @side pixels
 */
struct depthwise {
	struct npu_conv conv;
	struct depthwise_memory *memory;
	__u32 words, span, side, plane;
	const __u8 *end;
	__u32 runs, slots;
	bool whole;
};

/* Bytes of the words of one column. */
static lanes_inline __u32 depthwise_column(const struct depthwise *d)
{
	return DEPTHWISE_WORD / d->side;
}

/* False if the kernel is too large for the workspace, or input and output channels differ. */
static bool depthwise_prepare(struct depthwise *d, const struct npu_exec *exec,
			      const struct npu_insn *insn)
{
	const struct npu_tensor *out = &insn->t[0], *in = &insn->t[1];
	const __u32 *kernel = insn->t[2].dim;
	__u64 span = (__u64)(kernel[2] - 1) * insn->conv.dilation[1] + 1;

	npu_conv_resolve(exec, insn, &d->conv);
	d->words = (kernel[1] - 1) / TAPS + 1;
	if (d->conv.group_in != d->conv.group_out || kernel[2] > DEPTHWISE_KERNEL_WORDS ||
	    d->words > DEPTHWISE_KERNEL_WORDS || kernel[2] * d->words > DEPTHWISE_KERNEL_WORDS)
		return false;
	d->plane = DEPTHWISE_COLUMN_BYTES / d->words / DEPTHWISE_WORD * DEPTHWISE_WORD;
	/* one more word, for pixels side by side past the last column */
	if ((span + 1) * DEPTHWISE_WORD > d->plane)
		return false;
	d->span = (__u32)span;
	d->side = out->dim[3] == 8 && in->stride[2] == 8 && out->stride[2] == 8 &&
				  out->type == NPU_TYPE_INT8 && insn->conv.stride[1] == 1
			  ? 2
			  : 1;
	d->end = d->conv.in + npu_pixel_offset(in, in->dim[0] - 1, in->dim[1] - 1, in->dim[2] - 1) +
		 in->dim[3];
	d->memory = exec->workspace;
	lanes_store_s8(d->memory->fill, lanes_set(d->conv.outside));
	lanes_store_s8(d->memory->zeros, lanes_set(0));
	return true;
}

/* ------------------------------------------------------------------- plan */

static void depthwise_plan_slots(struct depthwise *d, __u32 column, __u32 pixels, __u32 to)
{
	const struct npu_insn *insn = d->conv.insn;
	struct depthwise_memory *m = d->memory;
	const __u32 from_step = insn->conv.stride[1] * DEPTHWISE_WORD;
	const __u32 to_step = insn->t[0].stride[2] * d->side;
	struct lanes from_at = lanes_set((__s32)(column * depthwise_column(d)));
	struct lanes to_at = lanes_set((__s32)to);
	__u32 slots = (pixels - 1) / d->side + 1, i;

	from_at = lanes_add(from_at, lanes_mul(lanes_index(), lanes_set((__s32)from_step)));
	to_at = lanes_add(to_at, lanes_mul(lanes_index(), lanes_set((__s32)to_step)));
	for (i = 0; i < slots; i += 16) {
		lanes_store(m->from + d->slots + i, from_at);
		lanes_store(m->to + d->slots + i, to_at);
		from_at = lanes_add(from_at, lanes_set((__s32)(16 * from_step)));
		to_at = lanes_add(to_at, lanes_set((__s32)(16 * to_step)));
	}
	d->slots += slots;
	if (pixels % d->side) {
		m->half[d->slots - 1] = true;
		d->whole = false;
	}
}

static void depthwise_plan_run(struct depthwise *d, const struct npu_pixel *at, __u32 pixels,
			       __u32 column)
{
	const struct npu_insn *insn = d->conv.insn;
	const struct npu_tensor *in = &insn->t[1], *out = &insn->t[0];
	struct depthwise_run *run = &d->memory->runs[d->runs++];
	__s32 first = (__s32)(at->x * insn->conv.stride[1]) - (__s32)insn->conv.pad[1];
	__s32 columns = (__s32)((pixels - 1) * insn->conv.stride[1] + d->span);
	__s32 left = first < 0 ? -first : 0, right = (__s32)in->dim[2] - first;

	left = left < columns ? left : columns;
	right = right < columns ? right : columns;
	right = right < left ? left : right;
	run->left = left;
	run->inside = right - left;
	run->right = columns - right;
	run->column = column;
	run->y = (__s32)(at->y * insn->conv.stride[0]) - (__s32)insn->conv.pad[0];
	run->in = 0;
	if (run->inside)
		run->in = npu_pixel_offset(in, at->n, 0, first + left);
	depthwise_plan_slots(d, column, pixels, (__u32)npu_pixel_offset(out, at->n, at->y, at->x));
}

/* Rows from @row on, up to @rows, whose columns fit the workspace together: how many. */
static __u32 depthwise_plan(struct depthwise *d, __u32 row, __u32 rows)
{
	const struct npu_tensor *out = &d->conv.insn->t[0];
	__u32 stride = d->conv.insn->conv.stride[1], used = 0, done = 0, i;
	__u32 room = (d->plane - DEPTHWISE_WORD) / depthwise_column(d);
	struct npu_pixel at = npu_pixel_at(out, row);

	d->runs = 0;
	d->slots = 0;
	d->whole = true;
	for (i = 0; d->side > 1 && i < NPU_STRIP; i++)
		d->memory->half[i] = false;
	while (done < rows && room - used >= d->span) {
		__u32 pixels = rows - done, most = (room - used - d->span) / stride + 1;

		if (pixels > out->dim[2] - at.x)
			pixels = out->dim[2] - at.x;
		if (pixels > most)
			pixels = most;
		depthwise_plan_run(d, &at, pixels, used);
		used += (pixels - 1) * stride + d->span;
		done += pixels;
		at.x += pixels - 1;
		npu_pixel_next(out, &at);
	}
	return done;
}

/* --------------------------------------------------------------- weights */

static lanes_inline struct lanes depthwise_weights(const struct depthwise *d, __u32 block,
						   __u32 word, __u32 kx)
{
	const struct npu_conv *conv = &d->conv;
	const __u32 *kernel = conv->insn->t[2].dim;
	const __s8 *w = conv->weights + block * conv->block_bytes + kx * 16;
	__u8 two[TAPS][16];
	const void *row[TAPS];
	__u32 t;

#pragma GCC unroll 4
	for (t = 0; t < TAPS; t++) {
		__u32 ky = word * TAPS + t;

		row[t] = d->memory->zeros;
		if (ky < kernel[1])
			row[t] = w + (unsigned long)ky * kernel[2] * 16;
		if (d->side == 2) {
			__builtin_memcpy(two[t], row[t], 8);
			__builtin_memcpy(two[t] + 8, row[t], 8);
			row[t] = two[t];
		}
	}
	return taps_join(row, TAPS);
}

/* What the channels of a block start from, and their scales. */
static lanes_inline void depthwise_channels(const struct depthwise *d, struct depthwise_block *b,
					    __u32 block)
{
	const struct npu_conv *conv = &d->conv;
	__s32 zero_point = conv->insn->t[0].zero_point;
	const struct npu_scale *scale = conv->scales + block * 16 * conv->scale_step;
	const __s32 *bias = conv->bias;
	struct npu_scale two[16];
	__s32 start[16];

	b->lanes = npu_conv_lanes(conv, block);
	b->min = conv->insn->conv.act_min;
	b->max = conv->insn->conv.act_max;
	b->type = conv->insn->t[0].type;
	b->start = bias ? lanes_load(bias + block * 16) : lanes_set(0);
	if (d->side == 2) {
		b->lanes.count = 16;
		lanes_store(start, b->start);
		__builtin_memcpy(start + 8, start, 32);
		b->start = lanes_load(start);
		if (conv->scale_step) {
			__builtin_memcpy(two, scale, 64);
			__builtin_memcpy(two + 8, scale, 64);
			scale = two;
		}
	}
	lanes_scale_load(&b->scale, scale, conv->scale_step, zero_point);
}

static void depthwise_block_prepare(const struct depthwise *d, struct depthwise_block *b,
				    __u32 block)
{
	const struct lanes offset = lanes_set((__s32)TAPS_OFFSET);
	const void *fill[TAPS];
	__u32 kx, word, i = 0;

	depthwise_channels(d, b, block);
	for (kx = 0; kx < d->conv.insn->t[2].dim[2]; kx++)
		for (word = 0; word < d->words; word++) {
			struct lanes weights = depthwise_weights(d, block, word, kx);

			lanes_store(d->memory->weights[i++], weights);
			if (TAPS_OFFSET)
				b->start = lanes_sub(b->start,
						     taps_dot(lanes_set(0), offset, weights));
		}
	for (i = 0; i < TAPS; i++)
		fill[i] = d->memory->fill;
	b->outside = lanes_xor(taps_join(fill, TAPS), offset);
}

/* --------------------------------------------------------------- columns */

/**
 * struct depthwise_rows - rows of the input that a word is made of
 * @at: sixteen channels of the first column in each
 * @step: bytes to the next word
 * @inside: the row lies in the input
 */
struct depthwise_rows {
	const __u8 *at[TAPS];
	unsigned long step[TAPS];
	bool inside[TAPS];
};

/* @count words, all of whose rows can be read. */
static lanes_inline void depthwise_join(const struct depthwise_rows *rows, __u8 *out, __u32 count,
					const int taps)
{
	unsigned long step[TAPS];
	const __u8 *at[TAPS];
	int t;

#pragma GCC unroll 4
	for (t = 0; t < taps; t++) {
		at[t] = rows->at[t];
		step[t] = rows->step[t];
	}
	for (; count; count--, out += DEPTHWISE_WORD) {
		const void *row[TAPS] = { NULL };

#pragma GCC unroll 4
		for (t = 0; t < taps; t++) {
			row[t] = at[t];
			at[t] += step[t];
		}
		lanes_store(out, lanes_xor(taps_join(row, taps), lanes_set((__s32)TAPS_OFFSET)));
	}
}

/* Words near the end of the input, which is read no further. */
static void depthwise_join_rest(const struct depthwise *d, const struct depthwise_rows *rows,
				__u8 *out, __u32 from, __u32 to)
{
	struct depthwise_rows rest = { 0 };
	__u32 t;

	for (; from < to; from++) {
		for (t = 0; t < TAPS; t++) {
			const __u8 *at = rows->at[t] + from * rows->step[t];

			rest.at[t] = rows->inside[t] ? d->memory->rest[t] : at;
			if (rows->inside[t])
				npu_bytes_store(
					d->memory->rest[t],
					npu_bytes_load(at, d->end - at < 16 ? d->end - at : 16),
					16);
		}
		depthwise_join(&rest, out + from * DEPTHWISE_WORD, 1, TAPS);
	}
}

/* The @word-th words of a run. */
static lanes_inline void depthwise_columns(const struct depthwise *d,
					   const struct depthwise_block *b,
					   const struct depthwise_run *run, __u32 word,
					   const int taps)
{
	const struct npu_insn *insn = d->conv.insn;
	const struct npu_tensor *in = &insn->t[1];
	const __u8 *base = d->conv.in + run->in + b->lanes.channel;
	__u32 size = depthwise_column(d), count = (run->inside + d->side - 1) / d->side, i, safe;
	__u8 *out = d->memory->columns + word * d->plane + run->column * size;
	struct depthwise_rows rows = { 0 };
	int t;

	for (i = 0; i < run->left; i++, out += size)
		lanes_store(out, b->outside);
	safe = count;
#pragma GCC unroll 4
	for (t = 0; t < TAPS; t++) {
		__s32 y = run->y + (__s32)((word * TAPS + t) * insn->conv.dilation[0]);

		rows.at[t] = d->memory->fill;
		if (t >= taps || y < 0 || y >= (__s32)in->dim[1])
			continue;
		rows.inside[t] = true;
		rows.at[t] = base + (unsigned long)y * in->stride[1];
		rows.step[t] = (unsigned long)in->stride[2] * d->side;
		while (safe && rows.at[t] + (safe - 1) * rows.step[t] + 16 > d->end)
			safe--;
	}
	depthwise_join(&rows, out, safe, taps);
	if (safe < count)
		depthwise_join_rest(d, &rows, out, safe, count);
	out += run->inside * size;
	for (i = 0; i < run->right; i++, out += size)
		lanes_store(out, b->outside);
}

static void depthwise_all_columns(const struct depthwise *d, const struct depthwise_block *b)
{
	__u32 height = d->conv.insn->t[2].dim[1], r, word;

	for (r = 0; r < d->runs; r++)
		for (word = 0; word < d->words; word++) {
			const struct depthwise_run *run = &d->memory->runs[r];

			switch (height - word * TAPS) {
			case 1:
				depthwise_columns(d, b, run, word, 1);
				break;
#if TAPS > 3
			case 3:
				depthwise_columns(d, b, run, word, 3);
				break;
#endif
			default:
				depthwise_columns(d, b, run, word, TAPS);
				break;
			}
		}
}

/* ---------------------------------------------------------------- pixels */

/* The ways through the kernel that are worth code of their own. */
enum depthwise_kernel {
	DEPTHWISE_ANY,
	DEPTHWISE_3X3, /* without dilation */
};

static lanes_inline void depthwise_sums(const struct depthwise *d, struct lanes *sum,
					const __u8 *const *from, const int slots,
					const enum depthwise_kernel kernel)
{
	const struct npu_insn *insn = d->conv.insn;
	const __u32 words = kernel == DEPTHWISE_3X3 ? 2 / TAPS + 1 : d->words;
	const __u32 width = kernel == DEPTHWISE_3X3 ? 3 : insn->t[2].dim[2];
	const __u32 dilation = kernel == DEPTHWISE_3X3 ? 1 : insn->conv.dilation[1];
	const __u8(*weights)[DEPTHWISE_WORD] = d->memory->weights;
	__u32 kx, word;
	int p;

#pragma GCC unroll 3
	for (kx = 0; kx < width; kx++)
#pragma GCC unroll 2
		for (word = 0; word < words; word++, weights++) {
			unsigned long at = kx * dilation * depthwise_column(d) +
					   (unsigned long)word * d->plane;
			struct lanes w = lanes_load(weights);

#pragma GCC unroll 4
			for (p = 0; p < slots; p++)
				sum[p] = taps_dot(sum[p], lanes_load(from[p] + at), w);
		}
}

/* @count slots from the @first on; @whole: four, of sixteen channels of int8 each. */
static lanes_inline void depthwise_slots(const struct depthwise *d, const struct depthwise_block *b,
					 __u32 first, const int count,
					 const enum depthwise_kernel kernel, const int way,
					 const bool whole)
{
	const struct depthwise_memory *m = d->memory;
	__u8 *out = lanes_at(d->conv.out, b->lanes.channel, b->type), *to[DEPTHWISE_PIXELS];
	const __u8 *from[DEPTHWISE_PIXELS];
	struct lanes sum[DEPTHWISE_PIXELS];
	int p;

#pragma GCC unroll 4
	for (p = 0; p < count; p++) {
		from[p] = m->columns + m->from[first + p];
		to[p] = out + (__u32)m->to[first + p];
		sum[p] = b->start;
	}
	depthwise_sums(d, sum, from, count, kernel);
#pragma GCC unroll 4
	for (p = 0; p < count; p++)
		sum[p] = lanes_rescale(sum[p], &b->scale, way);
	if (whole) {
		lanes_store4_s8_at(to, sum, b->min, b->max);
		return;
	}
#pragma GCC unroll 4
	for (p = 0; p < count; p++) {
		bool half = d->side > 1 && m->half[first + p];
		__u32 lanes = half ? 8 : b->lanes.count;
		struct lanes y = lanes_clamp(sum[p], lanes_set(b->min), lanes_set(b->max));

		if (b->type == NPU_TYPE_INT8)
			lanes_store_part_s8(to[p], y, lanes);
		else
			lanes_store_part_s16(to[p], y, lanes);
	}
}

static lanes_inline void depthwise_pixels(const struct depthwise *in,
					  const struct depthwise_block *of,
					  const enum depthwise_kernel kernel, const int way)
{
	/* a copy, which no store can change, where there are registers for it */
	const bool copied = kernel == DEPTHWISE_3X3 && sizeof(of->scale.left) == LANES_REGISTER;
	const struct depthwise_block copy = *of, *b = copied ? &copy : of;
	const struct depthwise d = *in;
	__u32 i = 0;

	if (d.whole && b->lanes.count == 16 && b->type == NPU_TYPE_INT8)
		for (; i + DEPTHWISE_PIXELS <= d.slots; i += DEPTHWISE_PIXELS)
			depthwise_slots(&d, b, i, DEPTHWISE_PIXELS, kernel, way, true);
	for (; i < d.slots; i++)
		depthwise_slots(&d, b, i, 1, kernel, way, false);
}

/* Functions of their own, for what each copies to its stack. */
#define DEPTHWISE_PIXELS_WAY(name, kernel, way)                                         \
	static __attribute__((__noinline__)) void name(const struct depthwise *d,       \
						       const struct depthwise_block *b) \
	{                                                                               \
		depthwise_pixels(d, b, kernel, way);                                    \
	}

DEPTHWISE_PIXELS_WAY(depthwise_3x3_positive, DEPTHWISE_3X3, LANES_POSITIVE)
DEPTHWISE_PIXELS_WAY(depthwise_3x3_quick, DEPTHWISE_3X3, LANES_QUICK)
DEPTHWISE_PIXELS_WAY(depthwise_any_quick, DEPTHWISE_ANY, LANES_QUICK)
DEPTHWISE_PIXELS_WAY(depthwise_any_any, DEPTHWISE_ANY, LANES_ANY)

static void depthwise_pixels_any(const struct depthwise *d, const struct depthwise_block *b,
				 bool small)
{
	enum lanes_way way = lanes_way(&b->scale, d->conv.insn->t[0].zero_point, b->min);

	if (small && way == LANES_POSITIVE)
		depthwise_3x3_positive(d, b);
	else if (small && way == LANES_QUICK)
		depthwise_3x3_quick(d, b);
	else if (way != LANES_ANY)
		depthwise_any_quick(d, b);
	else
		depthwise_any_any(d, b);
}

static void depthwise_rectangle(const void *context, const struct npu_rectangle *r)
{
	const struct npu_insn *insn = ((const struct depthwise *)context)->conv.insn;
	bool small = insn->t[2].dim[1] == 3 && insn->t[2].dim[2] == 3 &&
		     insn->conv.dilation[1] == 1;
	struct depthwise d = *(const struct depthwise *)context;
	struct depthwise_block *b = &d.memory->block;
	__u32 row, rows, block;

	for (row = 0; row < r->rows; row += rows) {
		rows = depthwise_plan(&d, r->row + row, r->rows - row);
		for (block = r->block; block < r->block + r->blocks; block++) {
			depthwise_block_prepare(&d, b, block);
			depthwise_all_columns(&d, b);
			depthwise_pixels_any(&d, b, small);
		}
	}
}

static void depthwise_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			 __u32 count)
{
	const __u32 *dim = insn->t[0].dim;
	struct depthwise d;

	if (!depthwise_prepare(&d, exec, insn)) {
		npu_depthwise_conv_s8(exec, insn, first, count);
		return;
	}
	npu_strips_run(dim[0] * dim[1] * dim[2], d.conv.all_blocks, first, count,
		       depthwise_rectangle, &d);
}

#endif /* NPU_SIMD_DEPTHWISE_H */
