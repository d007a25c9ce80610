// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * FULLY_CONNECTED. A unit is sixteen output channels of one row, in the order of strips: that of a
 * convolution whose windows are single elements, in an image of one line.
 */
#include "window.h"
#include "fixedpoint.h"

static __u32 sum_s8(const struct npu_conv *conv, const __s8 *in, const __s8 *weights, __u32 lane)
{
	__u32 k, sum = 0;

	for (k = 0; k < conv->group_in; k++)
		sum += in[k] * weights[k / 4 * 64 + lane * 4 + k % 4];
	return sum;
}

static __s64 sum_s16(const struct npu_conv *conv, const __s16 *in, const __s8 *weights, __u32 lane)
{
	__s64 sum = 0;
	__u32 k;

	for (k = 0; k < conv->group_in; k++)
		sum += in[k] * weights[k / 4 * 64 + lane * 4 + k % 4];
	return sum;
}

static __s64 bias_of(const struct npu_conv *conv, __u32 channel)
{
	if (!conv->bias)
		return 0;
	if (conv->insn->t[3].type == NPU_TYPE_INT64)
		return ((const __s64 *)conv->bias)[channel];
	return ((const __s32 *)conv->bias)[channel];
}

/* What the sum of a channel becomes; int16 inputs have an accumulator of 64 bits. */
static __s32 value_of(const struct npu_conv *conv, const __u8 *in, __u32 block, __u32 lane)
{
	const __s8 *weights = conv->weights + block * conv->block_bytes;
	__u32 channel = block * 16 + lane;
	const struct npu_scale *scale = conv->scales + channel * conv->scale_step;
	__u64 bias = (__u64)bias_of(conv, channel);
	__s32 sum;

	if (conv->insn->t[1].type == NPU_TYPE_INT16)
		return npu_rescale64(
			(__s64)((__u64)sum_s16(conv, (const __s16 *)in, weights, lane) + bias),
			scale->multiplier, scale->shift);
	sum = (__s32)(sum_s8(conv, (const __s8 *)in, weights, lane) + (__u32)bias);
	if (conv->insn->t[0].type == NPU_TYPE_INT32)
		return sum;
	return npu_rescale(sum, scale->multiplier, scale->shift);
}

static void store(const struct npu_insn *insn, __u8 *out, __u32 channel, __s32 y)
{
	if (insn->t[0].type == NPU_TYPE_INT32) {
		((__s32 *)out)[channel] = y;
		return;
	}
	y = npu_clamp32(npu_add32(y, insn->t[0].zero_point), insn->fc.act_min, insn->fc.act_max);
	if (insn->t[0].type == NPU_TYPE_INT8)
		((__s8 *)out)[channel] = y;
	else
		((__s16 *)out)[channel] = y;
}

static void unit(const void *window, __u32 block, const struct npu_pixel *at)
{
	const struct npu_conv *conv = window;
	const struct npu_tensor *t = conv->insn->t;
	const __u8 *in = conv->in + npu_pixel_offset(&t[1], at->n, at->y, at->x);
	__u8 *out = conv->out + npu_pixel_offset(&t[0], at->n, at->y, at->x);
	__u32 lanes = npu_conv_lanes(conv, block).count, lane;

	for (lane = 0; lane < lanes; lane++)
		store(conv->insn, out, block * 16 + lane, value_of(conv, in, block, lane));
}

void npu_fully_connected(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			 __u32 count)
{
	struct npu_conv conv;

	npu_conv_resolve(exec, insn, &conv);
	npu_window_run(&insn->t[0], conv.all_blocks, first, count, unit, &conv);
}
