/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Windows over an image: what convolutions and pooling share.
 *
 * A unit is sixteen output channels (a *block*) of one output pixel, in the order of strips.
 */
#ifndef NPU_WINDOW_H
#define NPU_WINDOW_H

#include "kernels.h"

/**
 * struct npu_pixel - an output pixel
 * @n, @y, @x: its position in N, H, W
 */
struct npu_pixel {
	__u32 n, y, x;
};

/* One unit; @window is what the caller of npu_window_run() gave. */
typedef void (*npu_window_unit)(const void *window, __u32 block, const struct npu_pixel *at);

/* Call @unit for units [first, first + count) of an output of @blocks blocks with @out's pixels. */
void npu_window_run(const struct npu_tensor *out, __u32 blocks, __u32 first, __u32 count,
		    npu_window_unit unit, const void *window);

/* The @row-th pixel in the order of N, H, W. */
struct npu_pixel npu_pixel_at(const struct npu_tensor *out, __u32 row);

static inline void npu_pixel_next(const struct npu_tensor *out, struct npu_pixel *at)
{
	if (++at->x < out->dim[2])
		return;
	at->x = 0;
	if (++at->y < out->dim[1])
		return;
	at->y = 0;
	at->n++;
}

/* Element (n, y, x, 0). */
static inline unsigned long npu_pixel_offset(const struct npu_tensor *t, __u32 n, __u32 y, __u32 x)
{
	return (unsigned long)n * t->stride[0] + (unsigned long)y * t->stride[1] +
	       (unsigned long)x * t->stride[2];
}

/**
 * struct npu_conv - an instruction of the convolution family, addresses resolved
 * @insn: the instruction
 * @in: its input
 * @out: its output
 * @weights: packed
 * @block_bytes: weights of one block
 * @blocks: blocks of one group
 * @all_blocks: of all groups
 * @group_in: input channels of one group
 * @group_out: output channels of one group
 * @bias: of lane 0, or NULL
 * @scales: of lane 0
 * @scale_step: 1 if each lane has its own, else 0
 * @subtract: from each input element before it is multiplied
 * @outside: factor where a tap of the kernel meets no input element
 */
struct npu_conv {
	const struct npu_insn *insn;
	const __u8 *in;
	__u8 *out;
	const __s8 *weights;
	unsigned long block_bytes;
	__u32 blocks, all_blocks, group_in, group_out;
	const void *bias;
	const struct npu_scale *scales;
	__u32 scale_step;
	__s32 subtract, outside;
};

/*
 * Also for FULLY_CONNECTED: a convolution whose windows are single elements, and whose parameters
 * are the first ones of npu_insn.conv.
 */
void npu_conv_resolve(const struct npu_exec *exec, const struct npu_insn *insn,
		      struct npu_conv *conv);

/**
 * struct npu_conv_lanes - the channels of a block
 * @channel: the first output channel
 * @count: how many there are, at most 16
 */
struct npu_conv_lanes {
	__u32 channel, count;
};

static inline struct npu_conv_lanes npu_conv_lanes(const struct npu_conv *conv, __u32 block)
{
	__u32 first = block % conv->blocks * 16, left = conv->group_out - first;

	return (struct npu_conv_lanes){
		.channel = block / conv->blocks * conv->group_out + first,
		.count = left < 16 ? left : 16,
	};
}

/* Neighbours along H (@d = 0) or W of which an output is the maximum. */
static inline __u32 npu_conv_pool(const struct npu_insn *insn, __u32 d)
{
	return insn->opcode == NPU_OP_CONV_2D && insn->conv.pool[d] ? insn->conv.pool[d] : 1;
}

/* Where a tap lies in the input, -1 if outside; @d is 0 for H, 1 for W. */
static inline __s32 npu_conv_index(const struct npu_insn *insn, __u32 d, __u32 out, __u32 tap)
{
	__s32 at = (__s32)(out * insn->conv.stride[d] + tap * insn->conv.dilation[d]) -
		   (__s32)insn->conv.pad[d];

	return at < 0 || at >= (__s32)insn->t[1].dim[1 + d] ? -1 : at;
}

/* The same where the input is spread over the output. */
static inline __s32 npu_transpose_conv_index(const struct npu_insn *insn, __u32 d, __u32 out,
					     __u32 tap)
{
	__s32 at = (__s32)(out + insn->conv.pad[d]) - (__s32)(tap * insn->conv.dilation[d]);
	__s32 stride = insn->conv.stride[d];

	if (at < 0 || at % stride)
		return -1;
	at /= stride;
	return at >= (__s32)insn->t[1].dim[1 + d] ? -1 : at;
}

/* Sums of the sixteen lanes of a block, with the bias that they start from. */
void npu_conv_start_s8(const struct npu_conv *conv, __u32 block, __u32 sum[16]);
void npu_conv_start_s16(const struct npu_conv *conv, __u32 block, __u64 sum[16]);

/* What they become: scaled and clamped. */
void npu_conv_scale_s8(const struct npu_conv *conv, __u32 block, const __u32 sum[16], __s32 y[16]);
void npu_conv_scale_s16(const struct npu_conv *conv, __u32 block, const __u64 sum[16], __s32 y[16]);

/* Lanes of a block that exist, to the output. */
void npu_conv_store(const struct npu_conv *conv, __u32 block, const struct npu_pixel *at,
		    const __s32 y[16]);

/**
 * struct npu_extent - the part of a pooling window that lies inside the input, never empty
 * @from: the first row and column
 * @to: the first after it
 */
struct npu_extent {
	__u32 from[2], to[2];
};

static inline struct npu_extent npu_pool_inside(const struct npu_insn *insn,
						const struct npu_pixel *at)
{
	__u32 out[2] = { at->y, at->x }, d;
	struct npu_extent e;

	for (d = 0; d < 2; d++) {
		__s32 start = (__s32)(out[d] * insn->pool.stride[d]) - (__s32)insn->pool.pad[d];
		__u32 end = start + insn->pool.kernel[d];

		e.from[d] = start < 0 ? 0 : start;
		e.to[d] = end < insn->t[1].dim[1 + d] ? end : insn->t[1].dim[1 + d];
	}
	return e;
}

#endif /* NPU_WINDOW_H */
