/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * DEPTHWISE_CONV_2D with int8 inputs.
 *
 * A *word* is TAPS inputs or weights of each of sixteen channels, one below the other in the
 * image: as many rows of a column as the instruction set multiplies and adds at once. The
 * columns that a run of output pixels sees are made into words in the workspace, once for all
 * the pixels that share them, with the padding in its place; a pixel is then a dot product
 * for each word of its kernel, without a question. A variant's taps_*.h gives
 *	TAPS			rows of a word
 *	TAPS_OFFSET		what to flip in a word of inputs before it is multiplied: the sign
 *				bits where inputs are unsigned; their sum is 128 each too large
 *	taps_join(row, count)	the word of the first @count of TAPS rows of sixteen int8;
 *				what stands for the others is undefined
 *	taps_dot(sum, inputs, weights)
 *
 * Weights of rows past the kernel are zeros, so inputs there do not matter.
 */
#ifndef NPU_DEPTHWISE_H
#define NPU_DEPTHWISE_H

#include "../window.h"
#include "bytes.h"

#define DEPTHWISE_WORD 64	  /* bytes */
#define DEPTHWISE_MOST_WORDS 256  /* of a kernel */
#define DEPTHWISE_ROWS_BYTES 1024 /* rows of padding, and of inputs at the end of a tensor */
#define DEPTHWISE_COLUMNS \
	((NPU_WORKSPACE_BYTES - DEPTHWISE_ROWS_BYTES) / DEPTHWISE_WORD - DEPTHWISE_MOST_WORDS)

/**
 * struct depthwise - an instruction, and how it is prepared
 * @conv: the instruction, addresses resolved
 * @fill: sixteen times what lies outside of the input, then sixteen zeros
 * @rest: TAPS rows of sixteen
 * @weights: words of a block's kernel, column by column
 * @columns: words of the input's columns that a run sees
 * @words: of a column
 * @span: columns that one pixel sees
 * @most: pixels of a run
 * @end: the end of the input
 */
struct depthwise {
	struct npu_conv conv;
	__u8 *fill, *rest, *weights, *columns;
	__u32 words, span, most;
	const __u8 *end;
};

/**
 * struct depthwise_block - what the pixels of a block have in common
 * @scale: of its channels
 * @start: what sums start from
 * @lanes: its channels
 */
struct depthwise_block {
	struct lanes_scale scale;
	struct lanes start;
	struct npu_conv_lanes lanes;
};

/* False if the kernel is too large for the workspace, or input and output channels differ. */
static bool depthwise_prepare(struct depthwise *d, const struct npu_exec *exec,
			      const struct npu_insn *insn)
{
	const __u32 *kernel = insn->t[2].dim;
	const struct npu_tensor *in = &insn->t[1];
	__u64 span = (__u64)(kernel[2] - 1) * insn->conv.dilation[1] + 1;

	npu_conv_resolve(exec, insn, &d->conv);
	if (d->conv.group_in != d->conv.group_out)
		return false;
	d->words = (kernel[1] - 1) / TAPS + 1;
	if (kernel[2] > DEPTHWISE_MOST_WORDS || d->words > DEPTHWISE_MOST_WORDS ||
	    kernel[2] * d->words > DEPTHWISE_MOST_WORDS || span * d->words > DEPTHWISE_COLUMNS)
		return false;
	d->span = (__u32)span;
	d->most = (DEPTHWISE_COLUMNS / d->words - d->span) / insn->conv.stride[1] + 1;
	d->fill = exec->workspace;
	d->rest = d->fill + 64;
	d->weights = d->fill + DEPTHWISE_ROWS_BYTES;
	d->columns = d->weights + DEPTHWISE_MOST_WORDS * DEPTHWISE_WORD;
	d->end = d->conv.in + npu_pixel_offset(in, in->dim[0] - 1, in->dim[1] - 1, in->dim[2] - 1) +
		 in->dim[3];
	lanes_store_s8(d->fill, lanes_set(d->conv.outside));
	lanes_store_s8(d->fill + 16, lanes_set(0));
	return true;
}

/* --------------------------------------------------------------- weights */

static void depthwise_block_prepare(const struct depthwise *d, struct depthwise_block *b,
				    __u32 block)
{
	const struct npu_conv *conv = &d->conv;
	const __u32 *kernel = conv->insn->t[2].dim;
	const __s8 *w = conv->weights + block * conv->block_bytes;
	__u8 *out = d->weights;
	__u32 kx, word, t;

	b->lanes = npu_conv_lanes(conv, block);
	b->start = conv->bias ? lanes_load((const __s32 *)conv->bias + block * 16) : lanes_set(0);
	for (kx = 0; kx < kernel[2]; kx++)
		for (word = 0; word < d->words; word++, out += DEPTHWISE_WORD) {
			const void *row[TAPS];
			struct lanes weights;

			for (t = 0; t < TAPS; t++) {
				__u32 ky = word * TAPS + t;

				row[t] = ky < kernel[1] ? w + (ky * kernel[2] + kx) * 16
							: (const __s8 *)d->fill + 16;
			}
			weights = taps_join(row, TAPS);
			lanes_store(out, weights);
			if (TAPS_OFFSET)
				b->start = lanes_sub(
					b->start, taps_dot(lanes_set(0),
							   lanes_set((__s32)TAPS_OFFSET), weights));
		}
	lanes_scale_load(&b->scale, conv->scales + block * 16 * conv->scale_step, conv->scale_step,
			 conv->insn->t[0].zero_point);
}

/* --------------------------------------------------------------- columns */

/**
 * struct depthwise_rows - rows of the input that a word is made of
 * @at: sixteen channels of the first column in each
 * @step: bytes to the next column, 0 for a row outside the input
 */
struct depthwise_rows {
	const __u8 *at[TAPS];
	unsigned long step[TAPS];
};

/* @count columns, all readable. */
static lanes_inline void depthwise_join(const struct depthwise *d,
					const struct depthwise_rows *rows, __u8 *out, __u32 count,
					const int taps)
{
	unsigned long bytes = (unsigned long)d->words * DEPTHWISE_WORD;
	const __u8 *at[TAPS];
	__u32 c;
	int t;

#pragma GCC unroll 4
	for (t = 0; t < taps; t++)
		at[t] = rows->at[t];
	for (c = 0; c < count; c++, out += bytes) {
		const void *row[TAPS] = { NULL };

#pragma GCC unroll 4
		for (t = 0; t < taps; t++) {
			row[t] = at[t];
			at[t] += rows->step[t];
		}
		lanes_store(out, lanes_xor(taps_join(row, taps), lanes_set((__s32)TAPS_OFFSET)));
	}
}

static void depthwise_join_any(const struct depthwise *d, const struct depthwise_rows *rows,
			       __u8 *out, __u32 count, __u32 taps)
{
	switch (taps) {
	case 1:
		depthwise_join(d, rows, out, count, 1);
		break;
	case 2:
		depthwise_join(d, rows, out, count, 2);
		break;
#if TAPS > 2
	case 3:
		depthwise_join(d, rows, out, count, 3);
		break;
	default:
		depthwise_join(d, rows, out, count, TAPS);
		break;
#endif
	}
}

/* One column next to the end of the input, of which only the first @lanes channels exist. */
static void depthwise_join_rest(const struct depthwise *d, const struct depthwise_rows *rows,
				__u32 column, __u8 *out, __u32 lanes, __u32 taps)
{
	struct depthwise_rows rest = { 0 };
	__u32 t;

	for (t = 0; t < taps; t++) {
		rest.at[t] = d->fill;
		if (rows->step[t]) {
			rest.at[t] = d->rest + t * 16;
			npu_bytes_store(d->rest + t * 16,
					npu_bytes_load(rows->at[t] + column * rows->step[t], lanes),
					16);
		}
	}
	depthwise_join_any(d, &rest, out, 1, taps);
}

/* Columns [from, to) of the rows, which lie within the input. */
static void depthwise_inside(const struct depthwise *d, const struct depthwise_rows *rows,
			     __u32 from, __u32 to, __u8 *out, __u32 lanes, __u32 taps)
{
	unsigned long bytes = (unsigned long)d->words * DEPTHWISE_WORD;
	struct depthwise_rows first = *rows;
	__u32 safe = to - from, t;

	for (t = 0; t < taps; t++) {
		first.at[t] += (__u64)from * rows->step[t];
		if (lanes == 16 || !rows->step[t])
			continue;
		while (safe && first.at[t] + (__u64)(safe - 1) * rows->step[t] + 16 > d->end)
			safe--;
	}
	depthwise_join_any(d, &first, out, safe, taps);
	for (; safe < to - from; safe++)
		depthwise_join_rest(d, &first, safe, out + safe * bytes, lanes, taps);
}

/* The @word-th words of the columns that @pixels pixels from @at on see. */
static void depthwise_word(const struct depthwise *d, const struct depthwise_block *b,
			   const struct npu_pixel *at, __u32 pixels, __u32 word)
{
	const struct npu_insn *insn = d->conv.insn;
	const struct npu_tensor *in = &insn->t[1];
	__s32 first = (__s32)(at->x * insn->conv.stride[1]) - (__s32)insn->conv.pad[1];
	__u32 columns = (pixels - 1) * insn->conv.stride[1] + d->span;
	__s32 left = first < 0 ? -first : 0, right = (__s32)in->dim[2] - first;
	__u32 taps = insn->t[2].dim[1] - word * TAPS, t;
	__u8 *out = d->columns + word * DEPTHWISE_WORD;
	unsigned long bytes = (unsigned long)d->words * DEPTHWISE_WORD;
	struct depthwise_rows rows = { 0 }, outside = { 0 };

	taps = taps < TAPS ? taps : TAPS;
	left = left < (__s32)columns ? left : (__s32)columns;
	right = right < (__s32)columns ? right : (__s32)columns;
	right = right < left ? left : right;
	for (t = 0; t < taps; t++) {
		__s32 y = npu_conv_index(insn, 0, at->y, word * TAPS + t);

		outside.at[t] = d->fill;
		rows.at[t] = d->fill;
		if (y < 0)
			continue;
		rows.at[t] = d->conv.in + npu_pixel_offset(in, at->n, y, 0) + b->lanes.channel;
		rows.step[t] = in->stride[2];
	}
	depthwise_join_any(d, &outside, out, left, taps);
	if (right > left)
		depthwise_inside(d, &rows, first + left, first + right, out + left * bytes,
				 b->lanes.count, taps);
	depthwise_join_any(d, &outside, out + right * bytes, columns - right, taps);
}

/* ---------------------------------------------------------------- pixels */

/* The ways through the kernel that are worth code of their own. */
enum depthwise_way {
	DEPTHWISE_ANY,
	DEPTHWISE_3X3, /* without dilation */
};

#define DEPTHWISE_PIXELS 4 /* at once */

static lanes_inline void depthwise_sums(const struct depthwise *d, struct lanes *sum,
					const __u8 *columns, const int pixels,
					const enum depthwise_way way)
{
	const struct npu_insn *insn = d->conv.insn;
	const __u32 words = way == DEPTHWISE_3X3 ? 2 / TAPS + 1 : d->words;
	const __u32 width = way == DEPTHWISE_3X3 ? 3 : insn->t[2].dim[2];
	const __u32 dilation = way == DEPTHWISE_3X3 ? 1 : insn->conv.dilation[1];
	unsigned long pixel = (unsigned long)insn->conv.stride[1] * words * DEPTHWISE_WORD;
	const __u8 *weights = d->weights;
	__u32 kx, word;
	int p;

#pragma GCC unroll 3
	for (kx = 0; kx < width; kx++) {
		const __u8 *column =
			columns + (unsigned long)kx * dilation * words * DEPTHWISE_WORD;

#pragma GCC unroll 2
		for (word = 0; word < words; word++, weights += DEPTHWISE_WORD) {
			struct lanes w = lanes_load(weights);

#pragma GCC unroll 4
			for (p = 0; p < pixels; p++)
				sum[p] = taps_dot(
					sum[p],
					lanes_load(column + p * pixel + word * DEPTHWISE_WORD), w);
		}
	}
}

static lanes_inline void depthwise_store(const struct depthwise *d, const struct depthwise_block *b,
					 __u8 *out, const struct lanes *x, const int pixels)
{
	const struct npu_insn *insn = d->conv.insn;
	struct lanes min = lanes_set(insn->conv.act_min), max = lanes_set(insn->conv.act_max);
	int p;

	if (pixels == 4 && b->lanes.count == 16 && insn->t[0].type == NPU_TYPE_INT8) {
		lanes_store4_s8(out, insn->t[0].stride[2], x, insn->conv.act_min,
				insn->conv.act_max);
		return;
	}
	for (p = 0; p < pixels; p++, out += insn->t[0].stride[2]) {
		struct lanes y = lanes_clamp(x[p], min, max);

		if (insn->t[0].type == NPU_TYPE_INT8)
			lanes_store_part_s8(out, y, b->lanes.count);
		else
			lanes_store_part_s16(out, y, b->lanes.count);
	}
}

static lanes_inline void depthwise_pixels(const struct depthwise *d,
					  const struct depthwise_block *b, __u8 *out,
					  const __u8 *columns, const int pixels,
					  const enum depthwise_way way, const bool quick)
{
	struct lanes sum[DEPTHWISE_PIXELS];
	int p;

#pragma GCC unroll 4
	for (p = 0; p < pixels; p++)
		sum[p] = b->start;
	depthwise_sums(d, sum, columns, pixels, way);
#pragma GCC unroll 4
	for (p = 0; p < pixels; p++)
		sum[p] = lanes_rescale(sum[p], &b->scale, quick);
	depthwise_store(d, b, out, sum, pixels);
}

static lanes_inline void depthwise_run(const struct depthwise *d, const struct depthwise_block *b,
				       __u8 *out, __u32 pixels, const enum depthwise_way way,
				       const bool quick)
{
	const struct npu_insn *insn = d->conv.insn;
	unsigned long step = (unsigned long)insn->conv.stride[1] * d->words * DEPTHWISE_WORD;
	const __u8 *columns = d->columns;

	for (; pixels >= DEPTHWISE_PIXELS; pixels -= DEPTHWISE_PIXELS) {
		depthwise_pixels(d, b, out, columns, DEPTHWISE_PIXELS, way, quick);
		out += (unsigned long)DEPTHWISE_PIXELS * insn->t[0].stride[2];
		columns += DEPTHWISE_PIXELS * step;
	}
	for (; pixels; pixels--) {
		depthwise_pixels(d, b, out, columns, 1, way, quick);
		out += insn->t[0].stride[2];
		columns += step;
	}
}

static void depthwise_run_any(const struct depthwise *d, const struct depthwise_block *b, __u8 *out,
			      __u32 pixels)
{
	const struct npu_insn *insn = d->conv.insn;
	bool small = insn->t[2].dim[1] == 3 && insn->t[2].dim[2] == 3 &&
		     insn->conv.dilation[1] == 1;

	if (small && b->scale.quick)
		depthwise_run(d, b, out, pixels, DEPTHWISE_3X3, true);
	else if (b->scale.quick)
		depthwise_run(d, b, out, pixels, DEPTHWISE_ANY, true);
	else
		depthwise_run(d, b, out, pixels, DEPTHWISE_ANY, false);
}

/* Pixels of one block, row of the output by row. */
static void depthwise_rectangle(const void *context, const struct npu_rectangle *r)
{
	const struct depthwise *d = context;
	const struct npu_tensor *out = &d->conv.insn->t[0];
	struct depthwise_block b;
	__u32 block, word;

	for (block = r->block; block < r->block + r->blocks; block++) {
		struct npu_pixel at = npu_pixel_at(out, r->row);
		__u32 left = r->rows, pixels;

		depthwise_block_prepare(d, &b, block);
		for (; left; left -= pixels) {
			__u32 row = out->dim[2] - at.x;

			pixels = left < row ? left : row;
			pixels = pixels < d->most ? pixels : d->most;
			for (word = 0; word < d->words; word++)
				depthwise_word(d, &b, &at, pixels, word);
			depthwise_run_any(d, &b,
					  d->conv.out + npu_pixel_offset(out, at.n, at.y, at.x) +
						  (__u64)b.lanes.channel *
							  npu_type_bytes(out->type),
					  pixels);
			at.x += pixels - 1;
			npu_pixel_next(out, &at);
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

#endif /* NPU_DEPTHWISE_H */
