// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * FULLY_CONNECTED. A unit is sixteen output channels of one row, in the order of strips.
 */
#include "kernels.h"
#include "fixedpoint.h"

void npu_fc_resolve(const struct npu_exec *exec, const struct npu_insn *insn, struct npu_fc *fc)
{
	const struct npu_tensor *out = &insn->t[0], *in = &insn->t[1];
	const struct npu_tensor *weights = &insn->t[2], *bias = &insn->t[3];

	fc->rows = out->dim[2];
	fc->depth = in->dim[3];
	fc->channels = out->dim[3];
	fc->groups = (fc->depth + 3) / 4;
	fc->in = npu_tensor_address(exec, in);
	fc->in_stride = in->stride[2];
	fc->out = npu_tensor_address(exec, out);
	fc->out_stride = out->stride[2];
	fc->out_type = out->type;
	fc->out_zero = out->zero_point;
	fc->weights = npu_tensor_address(exec, weights);
	fc->bias = bias->type == NPU_TYPE_NONE ? NULL : npu_tensor_address(exec, bias);
	fc->bias_wide = bias->type == NPU_TYPE_INT64;
	fc->scales = npu_scales(exec->consts, insn->fc.scales);
	fc->scale_step = insn->fc.scale_count > 1;
	fc->act_min = insn->fc.act_min;
	fc->act_max = insn->fc.act_max;
}

static void store(const struct npu_fc *fc, __u32 row, __u32 channel, __s32 y)
{
	__u8 *out = fc->out + (__u64)row * fc->out_stride;

	y = npu_clamp32(npu_add32(y, fc->out_zero), fc->act_min, fc->act_max);
	if (fc->out_type == NPU_TYPE_INT8)
		((__s8 *)out)[channel] = y;
	else
		((__s16 *)out)[channel] = y;
}

static void store_sum(const struct npu_fc *fc, __u32 row, __u32 channel, __s32 sum)
{
	((__s32 *)(fc->out + (__u64)row * fc->out_stride))[channel] = sum;
}

static void unit_s8(const struct npu_fc *fc, __u32 block, __u32 row)
{
	const __s8 *in = (const __s8 *)fc->in + (__u64)row * fc->in_stride;
	const __s8 *weights = fc->weights + block * npu_fc_block_bytes(fc);
	__u32 lanes = npu_fc_lanes(fc, block), lane, k;

	for (lane = 0; lane < lanes; lane++) {
		__u32 channel = block * 16 + lane;
		const struct npu_scale *scale = fc->scales + channel * fc->scale_step;
		__u32 sum = fc->bias ? ((const __s32 *)fc->bias)[channel] : 0;

		for (k = 0; k < fc->depth; k++)
			sum += in[k] * weights[k / 4 * 64 + lane * 4 + k % 4];
		if (fc->out_type == NPU_TYPE_INT32)
			store_sum(fc, row, channel, (__s32)sum);
		else
			store(fc, row, channel,
			      npu_rescale((__s32)sum, scale->multiplier, scale->shift));
	}
}

static __s64 wide_bias(const struct npu_fc *fc, __u32 channel)
{
	if (!fc->bias)
		return 0;
	if (fc->bias_wide)
		return ((const __s64 *)fc->bias)[channel];
	return ((const __s32 *)fc->bias)[channel];
}

static void unit_s16(const struct npu_fc *fc, __u32 block, __u32 row)
{
	const __s16 *in = (const __s16 *)(fc->in + (__u64)row * fc->in_stride);
	const __s8 *weights = fc->weights + block * npu_fc_block_bytes(fc);
	__u32 lanes = npu_fc_lanes(fc, block), lane, k;

	for (lane = 0; lane < lanes; lane++) {
		__u32 channel = block * 16 + lane;
		const struct npu_scale *scale = fc->scales + channel * fc->scale_step;
		__s64 sum = 0;

		for (k = 0; k < fc->depth; k++)
			sum += in[k] * weights[k / 4 * 64 + lane * 4 + k % 4];
		sum = (__s64)((__u64)sum + (__u64)wide_bias(fc, channel));
		store(fc, row, channel, npu_rescale64(sum, scale->multiplier, scale->shift));
	}
}

/* What goes through a rectangle. */
struct fc_run {
	struct npu_fc fc;
	const struct npu_fc_tiles *tiles;
};

static void run_rectangle(const void *context, const struct npu_rectangle *r)
{
	const struct fc_run *run = context;
	const struct npu_fc_tiles *tiles = run->tiles;
	__u32 block = r->block, end = block + r->blocks;

	if (r->rows == 1)
		for (; end - block >= tiles->blocks; block += tiles->blocks)
			tiles->wide(&run->fc, block, r->row);
	for (; block < end; block++) {
		__u32 row = r->row, last = row + r->rows;

		for (; last - row >= tiles->rows; row += tiles->rows)
			tiles->tall(&run->fc, block, row);
		for (; row < last; row++)
			tiles->one(&run->fc, block, row);
	}
}

void npu_fc_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count,
		const struct npu_fc_tiles *tiles)
{
	struct fc_run run = { .tiles = tiles };

	npu_fc_resolve(exec, insn, &run.fc);
	npu_strips_run(run.fc.rows, (run.fc.channels + 15) / 16, first, count, run_rectangle,
		       &run);
}

void npu_fully_connected_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			    __u32 count)
{
	static const struct npu_fc_tiles tiles = {
		.rows = 1,
		.blocks = 1,
		.one = unit_s8,
		.tall = unit_s8,
		.wide = unit_s8,
	};

	npu_fc_run(exec, insn, first, count, &tiles);
}

void npu_fully_connected_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			     __u32 count)
{
	static const struct npu_fc_tiles tiles = {
		.rows = 1,
		.blocks = 1,
		.one = unit_s16,
		.tall = unit_s16,
		.wide = unit_s16,
	};

	npu_fc_run(exec, insn, first, count, &tiles);
}
