// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Validation of instructions that move a window over an image. */
#include "window.h"
#include "validate.h"

/* Names of a parameter for H and for W. */
struct direction_names {
	const char *stride, *pad, *dilation, *kernel, *pool;
};

static const struct direction_names conv_names[2] = {
	{ "conv.stride[0]", "conv.pad[0]", "conv.dilation[0]", NULL, "conv.pool[0]" },
	{ "conv.stride[1]", "conv.pad[1]", "conv.dilation[1]", NULL, "conv.pool[1]" },
};

static const struct direction_names pool_names[2] = {
	{ "pool.stride[0]", "pool.pad[0]", NULL, "pool.kernel[0]", NULL },
	{ "pool.stride[1]", "pool.pad[1]", NULL, "pool.kernel[1]", NULL },
};

static bool check_step(struct npu_check *check, const char *field, __u32 value)
{
	if (value < 1 || value > NPU_MAX_DIM)
		return npu_refuse(check, field, "is outside [1, 2^24]");
	return true;
}

/* Positions of taps fit in 32 bits, with room for the padding. */
static bool check_conv_direction(struct npu_check *check, unsigned int d)
{
	const struct npu_insn *insn = check->insn;
	const struct direction_names *name = &conv_names[d];
	bool transpose = insn->opcode == NPU_OP_TRANSPOSE_CONV_2D;
	__u64 positions = (__u64)insn->t[transpose ? 1 : 0].dim[1 + d] * npu_conv_pool(insn, d);
	__u64 along, across;

	if (!check_step(check, name->stride, insn->conv.stride[d]) ||
	    !check_step(check, name->dilation, insn->conv.dilation[d]))
		return false;
	if (insn->conv.pad[d] > NPU_MAX_DIM)
		return npu_refuse(check, name->pad, "is over 2^24");
	if (positions > NPU_MAX_REACH)
		return npu_refuse(check, name->pool, "makes over 2^30 positions");
	/* both below 2^54 */
	along = (positions - 1) * insn->conv.stride[d];
	across = (__u64)(insn->t[2].dim[1 + d] - 1) * insn->conv.dilation[d];
	if (across > NPU_MAX_REACH)
		return npu_refuse(check, name->dilation, "lets the kernel reach beyond 2^30");
	if (along + across > NPU_MAX_REACH)
		return npu_refuse(check, name->stride, "lets the kernel reach beyond 2^30");
	return true;
}

static bool check_pool_of_conv(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;
	const __u32 *kernel = insn->t[2].dim;
	/* at most 2^16 products of the kernel */
	__u64 products = (__u64)kernel[1] * kernel[2] * kernel[3];

	if (insn->opcode != NPU_OP_CONV_2D)
		return npu_check_raw(check, 11);
	if (!insn->conv.pool[0] != !insn->conv.pool[1])
		return npu_refuse(check, "conv.pool[1]", "is 0 or conv.pool[0] is, but not both");
	if (products * npu_conv_pool(insn, 0) * npu_conv_pool(insn, 1) > NPU_MAX_DEPTH)
		return npu_refuse(check, "conv.pool[1]", "makes an output of over 65536 products");
	return true;
}

/* @lanes: entries of a bias. */
static bool check_conv_shapes(struct npu_check *check, __u32 groups, __u32 lanes)
{
	const struct npu_tensor *t = check->insn->t;
	unsigned int d;

	if (t[1].dim[0] != t[0].dim[0])
		return npu_refuse_dim(check, 1, 0, "differs from that of the output");
	if (t[2].dim[0] != t[0].dim[3])
		return npu_refuse_dim(check, 2, 0, "is not the number of output channels");
	if (check->insn->opcode == NPU_OP_DEPTHWISE_CONV_2D) {
		if (t[2].dim[3] != 1)
			return npu_refuse_dim(check, 2, 3, "must be 1");
		if (t[0].dim[3] % t[1].dim[3])
			return npu_refuse_dim(check, 1, 3, "does not divide the output channels");
	} else if (t[1].dim[3] != (__u64)groups * t[2].dim[3]) {
		return npu_refuse_dim(check, 2, 3, "is not the input channels of a group");
	}
	if (t[3].type == NPU_TYPE_NONE)
		return true;
	for (d = 0; d < 3; d++)
		if (t[3].dim[d] != 1)
			return npu_refuse_dim(check, 3, d, "must be 1 in a vector");
	if (t[3].dim[3] != lanes)
		return npu_refuse_dim(check, 3, 3, "is not the number of lanes of the weights");
	return true;
}

static bool check_conv_output(struct npu_check *check, __u32 lanes)
{
	const struct npu_insn *insn = check->insn;
	/* an int32 bias goes with int32 accumulators */
	bool wide = insn->t[1].type == NPU_TYPE_INT16 && insn->t[3].type != NPU_TYPE_INT32;

	if (insn->conv.scale_count != 1 && insn->conv.scale_count != lanes)
		return npu_refuse(check, "conv.scale_count",
				  "is neither 1 nor the lanes of the weights");
	return npu_check_scales(check, "conv.scales", insn->conv.scales, insn->conv.scale_count,
				wide ? NPU_MAX_SHIFT_64 : 30) &&
	       npu_check_range(check, "conv.act_min", insn->conv.act_min, insn->conv.act_max);
}

bool npu_check_conv(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;
	bool depthwise = insn->opcode == NPU_OP_DEPTHWISE_CONV_2D;
	bool wide = insn->t[1].type == NPU_TYPE_INT16;
	bool bias = insn->t[3].type != NPU_TYPE_NONE;
	__u32 groups = depthwise ? 1 : insn->conv.groups, lanes;

	if (depthwise && insn->conv.groups)
		return npu_refuse(check, "conv.groups", "must be 0 in a depthwise convolution");
	if (!check_step(check, "conv.groups", groups))
		return false;
	if (!npu_check_output(check, NPU_ACTIVATION) ||
	    !npu_check_input(check, 1, NPU_ACTIVATION) ||
	    !npu_check_weights(check, 2, depthwise ? NPU_LAYOUT_DEPTHWISE16 : NPU_LAYOUT_BLOCK16X4,
			       groups))
		return false;
	if (bias &&
	    !npu_check_input(check, 3, NPU_TYPE_MASK(INT32) | (wide ? NPU_TYPE_MASK(INT64) : 0)))
		return false;
	/* groups divides the output channels, so this is below 2^29 */
	lanes = groups * npu_round_up(insn->t[2].dim[0] / groups, 16);
	return npu_check_unused(check, bias ? 4 : 3) && check_conv_shapes(check, groups, lanes) &&
	       npu_check_overlap(check, 4, false) && check_pool_of_conv(check) &&
	       check_conv_direction(check, 0) && check_conv_direction(check, 1) &&
	       check_conv_output(check, lanes);
}

/* Each window meets the input, so that there is a greatest element and a mean. */
static bool check_pool_direction(struct npu_check *check, unsigned int d)
{
	const struct npu_insn *insn = check->insn;
	const struct direction_names *name = &pool_names[d];
	__u64 last;

	if (!check_step(check, name->kernel, insn->pool.kernel[d]) ||
	    !check_step(check, name->stride, insn->pool.stride[d]))
		return false;
	if (insn->pool.pad[d] >= insn->pool.kernel[d])
		return npu_refuse(check, name->pad, "is not below the kernel's size");
	last = (__u64)(insn->t[0].dim[1 + d] - 1) * insn->pool.stride[d];
	if (last >= (__u64)insn->t[1].dim[1 + d] + insn->pool.pad[d])
		return npu_refuse(check, name->stride, "puts a window beyond the input");
	return true;
}

bool npu_check_pool(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;
	const struct npu_tensor *t = insn->t;

	if (!npu_check_output(check, NPU_ACTIVATION) ||
	    !npu_check_input(check, 1, NPU_ACTIVATION) || !npu_check_unused(check, 2) ||
	    !npu_check_same_type(check, 1))
		return false;
	if (t[1].dim[0] != t[0].dim[0])
		return npu_refuse_dim(check, 1, 0, "differs from that of the output");
	if (t[1].dim[3] != t[0].dim[3])
		return npu_refuse_dim(check, 1, 3, "differs from that of the output");
	if (t[1].zero_point != t[0].zero_point)
		return npu_refuse_zero_point(check, 1, "differs from that of the output");
	if (!npu_check_overlap(check, 2, false) || !npu_check_raw(check, 8) ||
	    !check_pool_direction(check, 0) || !check_pool_direction(check, 1))
		return false;
	if ((__u64)insn->pool.kernel[0] * insn->pool.kernel[1] > NPU_MAX_DEPTH)
		return npu_refuse(check, "pool.kernel[1]", "makes a window of over 65536 elements");
	return npu_check_range(check, "pool.act_min", insn->pool.act_min, insn->pool.act_max);
}
