// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* DEPTHWISE_CONV_2D: each output channel reads one input channel. */
#include "window.h"

/* The input channel of each lane of a block. */
static __u32 input_channels(const struct npu_conv *conv, __u32 block, __u32 channel[16])
{
	struct npu_conv_lanes lanes = npu_conv_lanes(conv, block);
	__u32 multiplier = conv->group_out / conv->group_in, lane;

	for (lane = 0; lane < lanes.count; lane++)
		channel[lane] = (lanes.channel + lane) / multiplier;
	return lanes.count;
}

static void unit_s8(const void *window, __u32 block, const struct npu_pixel *at)
{
	const struct npu_conv *conv = window;
	const struct npu_insn *insn = conv->insn;
	const __s8 *w = conv->weights + block * conv->block_bytes;
	__u32 channel[16], sum[16], lanes, lane, ky, kx;
	__s32 value[16];

	lanes = input_channels(conv, block, channel);
	npu_conv_start_s8(conv, block, sum);
	for (ky = 0; ky < insn->t[2].dim[1]; ky++) {
		__s32 y = npu_conv_index(insn, 0, at->y, ky);

		for (kx = 0; kx < insn->t[2].dim[2]; kx++, w += 16) {
			__s32 x = y < 0 ? -1 : npu_conv_index(insn, 1, at->x, kx);
			const __s8 *in;

			if (x < 0) {
				for (lane = 0; lane < lanes; lane++)
					sum[lane] += conv->outside * w[lane];
				continue;
			}
			in = (const __s8 *)conv->in + npu_pixel_offset(&insn->t[1], at->n, y, x);
			for (lane = 0; lane < lanes; lane++)
				sum[lane] += in[channel[lane]] * w[lane];
		}
	}
	npu_conv_scale_s8(conv, block, sum, value);
	npu_conv_store(conv, block, at, value);
}

static void unit_s16(const void *window, __u32 block, const struct npu_pixel *at)
{
	const struct npu_conv *conv = window;
	const struct npu_insn *insn = conv->insn;
	const __s8 *w = conv->weights + block * conv->block_bytes;
	__u32 channel[16], lanes, lane, ky, kx;
	__u64 sum[16];
	__s32 value[16];

	lanes = input_channels(conv, block, channel);
	npu_conv_start_s16(conv, block, sum);
	for (ky = 0; ky < insn->t[2].dim[1]; ky++) {
		__s32 y = npu_conv_index(insn, 0, at->y, ky);

		for (kx = 0; kx < insn->t[2].dim[2]; kx++, w += 16) {
			__s32 x = y < 0 ? -1 : npu_conv_index(insn, 1, at->x, kx);
			const __s16 *in;

			if (x < 0)
				continue;
			in = (const __s16 *)(conv->in + npu_pixel_offset(&insn->t[1], at->n, y, x));
			for (lane = 0; lane < lanes; lane++)
				sum[lane] += (__s64)(in[channel[lane]] * w[lane]);
		}
	}
	npu_conv_scale_s16(conv, block, sum, value);
	npu_conv_store(conv, block, at, value);
}

void npu_depthwise_conv_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			   __u32 count)
{
	struct npu_conv conv;

	npu_conv_resolve(exec, insn, &conv);
	npu_window_run(&insn->t[0], conv.all_blocks, first, count, unit_s8, &conv);
}

void npu_depthwise_conv_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			    __u32 count)
{
	struct npu_conv conv;

	npu_conv_resolve(exec, insn, &conv);
	npu_window_run(&insn->t[0], conv.all_blocks, first, count, unit_s16, &conv);
}
