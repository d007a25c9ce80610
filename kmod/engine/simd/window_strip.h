/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The inputs of a strip, prepared in the workspace: as a *plane*, the part of the image that
 * its windows reach with what surrounds it filled in; or in *rows*, a copy of each window,
 * one after another. A plane costs least where windows overlap; rows serve all else, a matrix
 * among it, whose rows are windows of one element.
 */
#ifndef NPU_WINDOW_STRIP_H
#define NPU_WINDOW_STRIP_H

#include "../window.h"
#include "dot.h"

#define STRIP_STARTS 32	  /* blocks whose start is kept */
#define STRIP_PACKED 4096 /* bytes of packed weights of one block */
#define STRIP_QUADS 16	  /* whose sums are made at once */
#define STRIP_SUMS (STRIP_QUADS * 4)

/**
 * struct quad - four rows of sums (dot.h) and the outputs that they become
 * @x: prepared inputs of the first
 * @out: output of the first, channel 0
 * @count: outputs, 1 to 4
 */
struct quad {
	const __u8 *x;
	__u8 *out;
	__u32 count;
};

/**
 * struct strip_memory - what is in the workspace
 * @start: what sums of a block start from, block b in entry b % STRIP_STARTS
 * @block: whose start that is, plus one
 * @sums: of STRIP_QUADS quads of two blocks
 * @best: the greatest so far, of windows of which the maximum is wanted
 * @words: of int16 inputs, one block: sums of some groups, and in the end results
 * @totals: their sums
 * @packed: weights of two blocks, rows of windows filled up to multiples of four
 * @quads: of the strip
 * @inputs: the prepared inputs
 */
struct strip_memory {
	__s32 start[STRIP_STARTS][16];
	union {
		struct {
			__s32 sums[2][STRIP_SUMS][16];
			__s32 best[2][STRIP_SUMS][16];
		};
		struct {
			__s32 words[STRIP_SUMS][16];
			__s64 totals[STRIP_SUMS][16];
		};
	};
	__s8 packed[2][STRIP_PACKED];
	struct lanes_scale scale[2];
	struct quad quads[NPU_STRIP];
	__u32 block[STRIP_STARTS];
	__u8 inputs[] __attribute__((aligned(64)));
};

/* Bytes of prepared inputs that there is room for. */
#define STRIP_INPUTS (NPU_WORKSPACE_BYTES - sizeof(struct strip_memory) - 2 * DOT_SLACK)

/**
 * struct window_strip - an instruction, and the strip that is being worked on
 * @conv: the instruction, resolved
 * @memory: the workspace
 * @kernel: H, W
 * @pool: windows along H, W of which an output is the maximum
 * @step: input elements from one output to the next
 * @origin: where the window of output 0 begins, negative in the padding
 * @dilation: between taps
 * @within: input elements between the two windows of a pair of which the maximum is wanted,
 *	0 if a quad is four outputs
 * @depth: inputs of a sum
 * @simple: windows are single elements, all of them inside the input
 * @flat: and outputs, and inputs, lie at equal distances
 * @transpose: inputs are spread over the output
 * @wide: inputs are int16
 * @narrow: their accumulators are int32
 * @element: bytes of an input
 * @prepared: bytes of a prepared one
 * @plane: prepared as a plane
 * @run: inputs that are dense in a plane
 * @pack: weights must be packed anew, as runs are no multiples of four
 * @walk: for dot_quads()
 */
struct window_strip {
	struct npu_conv conv;
	struct strip_memory *memory;
	__u32 kernel[2];
	__u32 pool[2];
	__s32 step[2], origin[2], dilation[2], within[2];
	__u32 depth, run;
	bool plane, pack, simple, flat, transpose, wide, narrow;
	unsigned long element, prepared;
	struct dot_walk walk;
};

/* @count inputs, three zeros after them. int16 stay as they are. */
static lanes_inline void strip_prepare(const struct window_strip *s, __u8 *to, const __u8 *from,
				       __u32 count)
{
	if (!s->wide) {
		dot_prepare((dot_input *)to, (const __s8 *)from, count);
		return;
	}
	__builtin_memcpy(to, from, count * 2);
	__builtin_memset(to + count * 2, 0, 3 * 2);
}

/* The same with what surrounds the input; int16 has no zero point. */
static lanes_inline void strip_fill(const struct window_strip *s, __u8 *to, __u32 count)
{
	if (s->wide)
		__builtin_memset(to, 0, (count + 3) * 2);
	else
		dot_fill((dot_input *)to, s->conv.insn->t[1].zero_point, count);
}

/* One line of a plane: @count pixels from column @x on, of channels from @channel on. */
static void strip_line(const struct window_strip *s, __u8 *to, const __u8 *line, __s32 x,
		       __s32 count, __u32 channel)
{
	const struct npu_tensor *in = &s->conv.insn->t[1];
	__s32 width = in->dim[2], end = x + count < width ? x + count : width;
	__u32 ic = s->conv.group_in;
	unsigned long pixel = ic * s->prepared;

	if (!line || end <= 0 || x >= width) {
		strip_fill(s, to, count * ic);
		return;
	}
	if (x < 0) {
		strip_fill(s, to, -x * ic);
		to += -x * pixel;
		count += x;
		x = 0;
	}
	count -= end - x;
	line += (unsigned long)x * in->stride[2] + channel * s->element;
	if (in->stride[2] == ic * s->element) {
		strip_prepare(s, to, line, (end - x) * ic);
		to += (end - x) * pixel;
	} else {
		for (; x < end; x++, to += pixel, line += in->stride[2])
			strip_prepare(s, to, line, ic);
	}
	if (count)
		strip_fill(s, to, count * ic);
}

/* Lines [y, y + lines) of image @n into the workspace. */
static void strip_plane(const struct window_strip *s, __u32 n, __s32 y, __s32 lines, __s32 x,
			__s32 columns, __u32 channel)
{
	const struct npu_tensor *in = &s->conv.insn->t[1];
	__u8 *to = s->memory->inputs;
	__s32 i;

	for (i = 0; i < lines; i++, y++, to += columns * s->conv.group_in * s->prepared) {
		const __u8 *line = NULL;

		if (y >= 0 && y < (__s32)in->dim[1])
			line = s->conv.in + npu_pixel_offset(in, n, y, 0);
		strip_line(s, to, line, x, columns, channel);
	}
}

/* Where a tap of the window of output @out lies along direction @d, negative if nowhere. */
static inline __s32 strip_index(const struct window_strip *s, __u32 d, __u32 out, __u32 tap)
{
	__s32 at;

	if (s->transpose)
		return npu_transpose_conv_index(s->conv.insn, d, out, tap);
	at = (__s32)out * s->step[d] + s->origin[d] + (__s32)tap * s->dilation[d];
	return at >= (__s32)s->conv.insn->t[1].dim[1 + d] ? -1 : at;
}

/* Elements [from, from + count) of the window of the output @at. */
static void strip_window(const struct window_strip *s, __u8 *to, const struct npu_pixel *at,
			 __u32 channel, __u32 from, __u32 count)
{
	const struct npu_tensor *in = &s->conv.insn->t[1];
	__u32 ic = s->conv.group_in, tap = from / ic, c = from % ic;

	for (; count; tap++, c = 0) {
		__s32 y = strip_index(s, 0, at->y, tap / s->kernel[1]);
		__s32 x = strip_index(s, 1, at->x, tap % s->kernel[1]);
		__u32 part = ic - c < count ? ic - c : count;

		if (y < 0 || x < 0)
			strip_fill(s, to, part);
		else
			strip_prepare(s, to,
				      s->conv.in + npu_pixel_offset(in, at->n, y, x) +
					      (channel + c) * s->element,
				      part);
		to += part * s->prepared;
		count -= part;
	}
}

/* Bytes of a row that is prepared on its own. */
static inline unsigned long strip_row_bytes(const struct window_strip *s)
{
	return npu_round_up(s->depth, 4) * s->prepared;
}

/* @count rows, of outputs of a line from @at on. */
static void strip_rows(const struct window_strip *s, __u8 *to, const struct npu_pixel *at,
		       __u32 count, __u32 channel)
{
	const struct npu_tensor *in = &s->conv.insn->t[1];
	unsigned long size = strip_row_bytes(s), step;
	struct npu_pixel pixel = *at;
	const __u8 *from;
	__u32 i;

	if (!s->simple) {
		for (i = 0; i < count; i++, to += size) {
			strip_window(s, to, &pixel, channel, 0, s->depth);
			npu_pixel_next(&s->conv.insn->t[0], &pixel);
		}
		return;
	}
	step = (unsigned long)s->step[1] * in->stride[2];
	from = s->conv.in + channel * s->element +
	       npu_pixel_offset(in, at->n, at->y * s->step[0], at->x * s->step[1]);
	if (step == s->depth * s->element && s->depth % 4 == 0) {
		strip_prepare(s, to, from, count * s->depth);
		return;
	}
	for (i = 0; i < count; i++, to += size, from += step)
		strip_prepare(s, to, from, s->depth);
}

/* Of @rows, those that one of the fewest equal parts has where there is room for @room quads. */
static inline __u32 strip_part(__u32 rows, __u32 room)
{
	__u32 parts = (rows - 1) / (room * 4) + 1;

	return npu_round_up((rows - 1) / parts + 1, 4) < rows
		       ? npu_round_up((rows - 1) / parts + 1, 4)
		       : rows;
}

/* strip_lay_rows() where all is flat. */
static __u32 strip_lay_flat(struct window_strip *s, __u32 row, __u32 rows, __u32 channel,
			    __u32 *quads)
{
	unsigned long size = strip_row_bytes(s), step = s->conv.insn->t[1].stride[2];
	unsigned long out_step = s->conv.insn->t[0].stride[2];
	const __u8 *from = s->conv.in + channel * s->element + row * step;
	__u8 *to = s->memory->inputs, *x = to, *out = s->conv.out + row * out_step;
	struct quad *quad = s->memory->quads;
	__u32 i;

	rows = strip_part(rows, STRIP_INPUTS / (size * 4));
	if (step == s->depth * s->element && s->depth % 4 == 0)
		strip_prepare(s, to, from, rows * s->depth);
	else
		for (i = 0; i < rows; i++, to += size, from += step)
			strip_prepare(s, to, from, s->depth);
	*quads = (rows + 3) / 4;
	for (i = 0; i < *quads; i++, x += 4 * size, out += 4 * out_step)
		quad[i] = (struct quad){ x, out, 4 };
	quad[i - 1].count = rows - (i - 1) * 4;
	return rows;
}

/**
 * strip_lay_rows - rows from output @row on, as many as there is room for
 * @rows: at most so many outputs
 * @channel: first input channel
 * @quads: set to the number of quads
 *
 * Return: how many outputs they are
 */
static __u32 strip_lay_rows(struct window_strip *s, __u32 row, __u32 rows, __u32 channel,
			    __u32 *quads)
{
	const struct npu_tensor *out = &s->conv.insn->t[0];
	unsigned long size = strip_row_bytes(s);
	__u32 room = STRIP_INPUTS / (size * 4), q, done = 0;
	__u8 *to = s->memory->inputs;
	struct npu_pixel at;

	if (s->flat)
		return strip_lay_flat(s, row, rows, channel, quads);
	at = npu_pixel_at(out, row);
	rows = strip_part(rows, room);
	for (q = 0; q < room && done < rows; q++, to += 4 * size) {
		struct quad *quad = &s->memory->quads[q];
		__u32 left = out->dim[2] - at.x, i;

		quad->count = rows - done < 4 ? rows - done : 4;
		if (quad->count > left)
			quad->count = left;
		quad->x = to;
		quad->out = s->conv.out + npu_pixel_offset(out, at.n, at.y, at.x);
		strip_rows(s, to, &at, quad->count, channel);
		for (i = 0; i < quad->count; i++)
			npu_pixel_next(out, &at);
		done += quad->count;
	}
	*quads = q;
	return done;
}

/* Lines or columns of a plane that @outputs neighbours along direction @d reach. */
static inline __u32 strip_reach(const struct window_strip *s, __u32 d, __u32 outputs)
{
	return (outputs - 1) * s->step[d] + s->within[d] + (s->kernel[d] - 1) * s->dilation[d] + 1;
}

/* Is there room for a plane? Of a quad with fewer than four outputs the inputs of four are read. */
static inline bool strip_plane_fits(const struct window_strip *s, __u32 lines, __u32 columns)
{
	const unsigned long most = STRIP_INPUTS / s->prepared;
	unsigned long after = 3 * (unsigned long)s->step[1];

	return lines <= most && columns <= most &&
	       ((unsigned long)lines * columns + after) * s->conv.group_in <= most;
}

/* As strip_lay_rows(), for a plane. */
static __u32 strip_lay_plane(struct window_strip *s, __u32 row, __u32 rows, __u32 channel,
			     __u32 *quads)
{
	const struct npu_tensor *out = &s->conv.insn->t[0];
	struct npu_pixel at = npu_pixel_at(out, row);
	__u32 left = (out->dim[1] - at.y) * out->dim[2] - at.x, per_quad = s->within[0] ? 1 : 4;
	unsigned long pixel = s->conv.group_in * s->prepared;
	__u32 columns, lines, x0, line, done = 0;
	struct quad *quad;
	__s32 y_first = (__s32)at.y * s->step[0] + s->origin[0];

	/* within one image, and of long lines only one */
	if (out->dim[2] >= NPU_STRIP)
		left = out->dim[2] - at.x;
	rows = rows < left ? rows : left;
	for (;; rows = (rows + 1) / 2) {
		lines = (at.x + rows - 1) / out->dim[2] + 1;
		x0 = lines > 1 ? 0 : at.x;
		columns = strip_reach(s, 1, lines > 1 ? out->dim[2] : rows);
		lines = strip_reach(s, 0, lines);
		if (rows == 1 || strip_plane_fits(s, lines, columns))
			break;
	}
	strip_plane(s, at.n, y_first, lines, (__s32)x0 * s->step[1] + s->origin[1], columns,
		    channel);
	s->walk.b = s->walk.a * 2;
	if (s->within[0])
		s->walk.b = (long)(s->within[0] * columns * pixel);
	s->walk.row_step = (long)(s->dilation[0] * columns * pixel);
	quad = s->memory->quads;
	for (line = 0; done < rows; line += s->step[0], at.x = 0, at.y++) {
		__u8 *to = s->conv.out + npu_pixel_offset(out, at.n, at.y, at.x);
		const __u8 *x = s->memory->inputs +
				((unsigned long)line * columns + (at.x - x0) * s->step[1]) * pixel;
		__u32 here = out->dim[2] - at.x < rows - done ? out->dim[2] - at.x : rows - done;

		for (done += here; here >= per_quad; here -= per_quad, quad++) {
			*quad = (struct quad){ x, to, per_quad };
			x += per_quad * s->step[1] * pixel;
			to += per_quad * out->stride[2];
		}
		if (here)
			*quad++ = (struct quad){ x, to, here };
	}
	*quads = quad - s->memory->quads;
	return done;
}

#endif /* NPU_WINDOW_STRIP_H */
