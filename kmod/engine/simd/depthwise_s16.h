/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DEPTHWISE_CONV_2D with int16 inputs: the sixteen channels of a block in the lanes. */
#ifndef NPU_DEPTHWISE_S16_H
#define NPU_DEPTHWISE_S16_H

#include "../window.h"

#define DEPTHWISE_S16_TAPS 256 /* products of at most 2^22 that fit a lane */

/**
 * struct depthwise_s16 - a block of an instruction, prepared
 * @conv: the instruction, addresses resolved
 * @start: what sums start from
 * @scale: of 32-bit sums, where the bias says that they are
 * @scale64: of 64-bit sums
 * @lanes: its channels
 */
struct depthwise_s16 {
	struct npu_conv conv;
	struct lanes64 start;
	struct lanes_scale scale;
	struct lanes_scale64 scale64;
	struct npu_conv_lanes lanes;
};

static void depthwise_s16_prepare(struct depthwise_s16 *d, __u32 block)
{
	const struct npu_conv *conv = &d->conv;
	const struct npu_scale *scale = conv->scales + block * 16 * conv->scale_step;
	__s32 zero_point = conv->insn->t[0].zero_point;

	d->lanes = npu_conv_lanes(conv, block);
	if (!conv->bias)
		d->start = lanes64_set(0);
	else if (conv->insn->t[3].type == NPU_TYPE_INT64)
		d->start = lanes64_load((const __s64 *)conv->bias + block * 16);
	else
		d->start = lanes64_widen(lanes_load((const __s32 *)conv->bias + block * 16));
	if (conv->insn->t[3].type == NPU_TYPE_INT32)
		lanes_scale_load(&d->scale, scale, conv->scale_step, zero_point);
	else
		lanes_scale64_load(&d->scale64, scale, conv->scale_step, zero_point);
}

static struct lanes64 depthwise_s16_sum(const struct depthwise_s16 *d, __u32 block,
					const struct npu_pixel *at)
{
	const struct npu_insn *insn = d->conv.insn;
	const __s8 *w = d->conv.weights + block * d->conv.block_bytes;
	const __u32 *kernel = insn->t[2].dim;
	struct lanes64 sum = d->start;
	struct lanes part = lanes_set(0);
	__u32 ky, kx, taps = 0;

	for (ky = 0; ky < kernel[1]; ky++) {
		__s32 y = npu_conv_index(insn, 0, at->y, ky);

		for (kx = 0; kx < kernel[2]; kx++, w += 16) {
			__s32 x = y < 0 ? -1 : npu_conv_index(insn, 1, at->x, kx);
			const __s16 *in;

			if (x < 0)
				continue;
			in = (const __s16 *)(d->conv.in +
					     npu_pixel_offset(&insn->t[1], at->n, y, x));
			part = lanes_add(part, lanes_mul(lanes_load_part_s16(in + d->lanes.channel,
									     d->lanes.count),
							 lanes_load_s8(w)));
			if (++taps % DEPTHWISE_S16_TAPS == 0) {
				sum = lanes64_add(sum, lanes64_widen(part));
				part = lanes_set(0);
			}
		}
	}
	return lanes64_add(sum, lanes64_widen(part));
}

static void depthwise_s16_rectangle(const void *context, const struct npu_rectangle *r)
{
	/* in the workspace of this thread */
	struct depthwise_s16 *d = (struct depthwise_s16 *)context;
	const struct npu_insn *insn = d->conv.insn;
	const struct npu_tensor *out = &insn->t[0];
	struct lanes min = lanes_set(insn->conv.act_min), max = lanes_set(insn->conv.act_max);
	__u32 block, row;

	for (block = r->block; block < r->block + r->blocks; block++) {
		struct npu_pixel at = npu_pixel_at(out, r->row);

		depthwise_s16_prepare(d, block);
		for (row = 0; row < r->rows; row++) {
			__u8 *to = d->conv.out + npu_pixel_offset(out, at.n, at.y, at.x);
			struct lanes64 sum = depthwise_s16_sum(d, block, &at);
			struct lanes y;

			if (insn->t[3].type == NPU_TYPE_INT32)
				y = lanes_rescale(lanes64_low(sum), &d->scale, false);
			else
				y = lanes64_rescale(sum, &d->scale64);
			y = lanes_clamp(y, min, max);
			if (out->type == NPU_TYPE_INT8)
				lanes_store_part_s8(to + d->lanes.channel, y, d->lanes.count);
			else
				lanes_store_part_s16(to + 2ul * d->lanes.channel, y,
						     d->lanes.count);
			npu_pixel_next(out, &at);
		}
	}
}

static void depthwise_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			  __u32 count)
{
	struct depthwise_s16 *d = exec->workspace;
	const __u32 *dim = insn->t[0].dim;

	npu_conv_resolve(exec, insn, &d->conv);
	if (d->conv.group_in != d->conv.group_out) {
		npu_depthwise_conv_s16(exec, insn, first, count);
		return;
	}
	npu_strips_run(dim[0] * dim[1] * dim[2], d->conv.all_blocks, first, count,
		       depthwise_s16_rectangle, d);
}

#endif /* NPU_DEPTHWISE_S16_H */
