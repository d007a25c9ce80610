// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Windows over an image: the order of the units, and what sums become. */
#include "window.h"
#include "fixedpoint.h"

struct npu_pixel npu_pixel_at(const struct npu_tensor *out, __u32 row)
{
	struct npu_pixel at;

	at.x = row % out->dim[2];
	row /= out->dim[2];
	at.y = row % out->dim[1];
	at.n = row / out->dim[1];
	return at;
}

/**
 * struct window_run - how the scalar kernels go through a rectangle
 * @out: the output
 * @unit: called for each unit
 * @window: its argument
 */
struct window_run {
	const struct npu_tensor *out;
	npu_window_unit unit;
	const void *window;
};

static void run_rectangle(const void *context, const struct npu_rectangle *r)
{
	const struct window_run *run = context;
	__u32 block, row;

	for (block = r->block; block < r->block + r->blocks; block++) {
		struct npu_pixel at = npu_pixel_at(run->out, r->row);

		for (row = 0; row < r->rows; row++) {
			run->unit(run->window, block, &at);
			npu_pixel_next(run->out, &at);
		}
	}
}

void npu_window_run(const struct npu_tensor *out, __u32 blocks, __u32 first, __u32 count,
		    npu_window_unit unit, const void *window)
{
	struct window_run run = { out, unit, window };

	/* below 2^32: pixels are distinct elements of one slot */
	npu_strips_run(out->dim[0] * out->dim[1] * out->dim[2], blocks, first, count, run_rectangle,
		       &run);
}

void npu_conv_resolve(const struct npu_exec *exec, const struct npu_insn *insn,
		      struct npu_conv *conv)
{
	const struct npu_tensor *out = &insn->t[0], *in = &insn->t[1];
	const struct npu_tensor *weights = &insn->t[2], *bias = &insn->t[3];
	__u32 groups = insn->opcode == NPU_OP_CONV_2D || insn->opcode == NPU_OP_TRANSPOSE_CONV_2D
			       ? insn->conv.groups
			       : 1;
	__u32 depth = weights->dim[1] * weights->dim[2] * weights->dim[3];

	conv->insn = insn;
	conv->in = npu_tensor_address(exec, in);
	conv->out = npu_tensor_address(exec, out);
	conv->weights = npu_tensor_address(exec, weights);
	if (weights->layout == NPU_LAYOUT_DEPTHWISE16)
		conv->block_bytes = (unsigned long)depth * 16;
	else
		conv->block_bytes = (unsigned long)((depth + 3) / 4) * 64;
	conv->group_in = in->dim[3] / groups;
	conv->group_out = out->dim[3] / groups;
	conv->blocks = (conv->group_out + 15) / 16;
	conv->all_blocks = groups * conv->blocks;
	conv->bias = bias->type == NPU_TYPE_NONE ? NULL : npu_tensor_address(exec, bias);
	conv->scales = npu_scales(exec->consts, insn->conv.scales);
	conv->scale_step = insn->conv.scale_count > 1;
	conv->subtract = insn->opcode == NPU_OP_TRANSPOSE_CONV_2D ? in->zero_point : 0;
	conv->outside = in->zero_point - conv->subtract;
}

void npu_conv_start_s8(const struct npu_conv *conv, __u32 block, __u32 sum[16])
{
	const __s32 *bias = conv->bias;
	__u32 lane;

	for (lane = 0; lane < 16; lane++)
		sum[lane] = bias ? bias[block * 16 + lane] : 0;
}

void npu_conv_start_s16(const struct npu_conv *conv, __u32 block, __u64 sum[16])
{
	bool wide = conv->insn->t[3].type == NPU_TYPE_INT64;
	__u32 lane;

	for (lane = 0; lane < 16; lane++) {
		__u32 at = block * 16 + lane;

		if (!conv->bias)
			sum[lane] = 0;
		else if (wide)
			sum[lane] = ((const __s64 *)conv->bias)[at];
		else
			sum[lane] = (__s64)((const __s32 *)conv->bias)[at];
	}
}

/* Zero point and clamp. */
static __s32 output_of(const struct npu_insn *insn, __s32 y)
{
	return npu_clamp32(npu_add32(y, insn->t[0].zero_point), insn->conv.act_min,
			   insn->conv.act_max);
}

void npu_conv_scale_s8(const struct npu_conv *conv, __u32 block, const __u32 sum[16], __s32 y[16])
{
	__u32 lanes = npu_conv_lanes(conv, block).count, lane;

	for (lane = 0; lane < lanes; lane++) {
		const struct npu_scale *scale =
			conv->scales + (block * 16 + lane) * conv->scale_step;

		y[lane] = output_of(conv->insn,
				    npu_rescale((__s32)sum[lane], scale->multiplier, scale->shift));
	}
}

void npu_conv_scale_s16(const struct npu_conv *conv, __u32 block, const __u64 sum[16], __s32 y[16])
{
	__u32 lanes = npu_conv_lanes(conv, block).count, lane;

	for (lane = 0; lane < lanes; lane++) {
		const struct npu_scale *scale =
			conv->scales + (block * 16 + lane) * conv->scale_step;
		__s32 x;

		/* the low half of a sum is what int32 accumulators would hold */
		if (conv->insn->t[3].type == NPU_TYPE_INT32)
			x = npu_rescale((__s32)sum[lane], scale->multiplier, scale->shift);
		else
			x = npu_rescale64((__s64)sum[lane], scale->multiplier, scale->shift);
		y[lane] = output_of(conv->insn, x);
	}
}

void npu_conv_store(const struct npu_conv *conv, __u32 block, const struct npu_pixel *at,
		    const __s32 y[16])
{
	const struct npu_tensor *out = &conv->insn->t[0];
	struct npu_conv_lanes lanes = npu_conv_lanes(conv, block);
	__u8 *to = conv->out + npu_pixel_offset(out, at->n, at->y, at->x);
	__u32 lane;

	for (lane = 0; lane < lanes.count; lane++) {
		if (out->type == NPU_TYPE_INT8)
			((__s8 *)to)[lanes.channel + lane] = y[lane];
		else
			((__s16 *)to)[lanes.channel + lane] = y[lane];
	}
}
