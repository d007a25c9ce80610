// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Validation of instructions: one function for each group of opcodes. */
#include "kernels.h"
#include "validate.h"

/* Parameters that the opcode does not use are zero. */
bool npu_check_raw(struct npu_check *check, unsigned int used)
{
	static const char *const name[] = { "raw[0]", "raw[1]", "raw[2]",  "raw[3]",
					    "raw[4]", "raw[5]", "raw[6]",  "raw[7]",
					    "raw[8]", "raw[9]", "raw[10]", "raw[11]" };
	unsigned int i;

	for (i = used; i < 12; i++)
		if (check->insn->raw[i])
			return npu_refuse(check, name[i], "must be 0: the opcode does not use it");
	return true;
}

bool npu_check_constant(struct npu_check *check, const char *field, __u32 offset, __u64 bytes,
			__u32 alignment)
{
	if (offset % alignment)
		return npu_refuse(check, field, "is not aligned");
	if (offset + bytes > check->const_size)
		return npu_refuse(check, field, "reaches beyond the constant section");
	return true;
}

bool npu_check_scales(struct npu_check *check, const char *field, __u32 offset, __u32 count,
		      __s32 max_shift)
{
	const struct npu_scale *scale;
	__u32 i;

	if (!npu_check_constant(check, field, offset, (__u64)count * sizeof(*scale), 4))
		return false;
	scale = npu_scales(check->consts, offset);
	for (i = 0; i < count; i++) {
		if (scale[i].multiplier != 0 && scale[i].multiplier < 1 << 30)
			return npu_refuse(
				check, field,
				"names a multiplier that is neither 0 nor in [2^30, 2^31)");
		if (scale[i].shift < -31 || scale[i].shift > max_shift)
			return npu_refuse(check, field, "names a shift that is out of range");
	}
	return true;
}

bool npu_check_range(struct npu_check *check, const char *field, __s32 min, __s32 max)
{
	bool narrow = check->insn->t[0].type == NPU_TYPE_INT8;
	__s32 low = narrow ? -128 : -32768, high = narrow ? 127 : 32767;

	if (min < low || max > high)
		return npu_refuse(check, field, "is outside the output's type");
	if (min > max)
		return npu_refuse(check, field, "is an empty range");
	return true;
}

bool npu_check_same_type(struct npu_check *check, unsigned int index)
{
	if (check->insn->t[index].type != check->insn->t[0].type)
		return npu_refuse_type(check, index, "differs from that of the output");
	return true;
}

static bool check_nop(struct npu_check *check)
{
	return npu_check_unused(check, 0) && npu_check_raw(check, 0);
}

/* out and one input, element by element; unless @convert of one type. */
static bool check_unary(struct npu_check *check, __u32 out_types, __u32 in_types, bool convert)
{
	return npu_check_output(check, out_types) && npu_check_input(check, 1, in_types) &&
	       npu_check_unused(check, 2) && (convert || npu_check_same_type(check, 1)) &&
	       npu_check_same_dims(check, 1) && npu_check_overlap(check, 2, true);
}

static bool check_copy(struct npu_check *check)
{
	return check_unary(check, NPU_ANY_TYPE, NPU_ANY_TYPE, false) && npu_check_raw(check, 0);
}

static bool check_matrix(struct npu_check *check, unsigned int index)
{
	if (check->insn->t[index].dim[0] != 1)
		return npu_refuse_dim(check, index, 0, "must be 1 in a matrix");
	if (check->insn->t[index].dim[1] != 1)
		return npu_refuse_dim(check, index, 1, "must be 1 in a matrix");
	return true;
}

static bool check_fc_shapes(struct npu_check *check)
{
	const struct npu_tensor *t = check->insn->t;
	__u32 rows = t[0].dim[2], channels = t[0].dim[3], depth = t[1].dim[3];
	unsigned int d;

	if (!check_matrix(check, 0) || !check_matrix(check, 1))
		return false;
	if (t[1].dim[2] != rows)
		return npu_refuse_dim(check, 1, 2, "is not the number of output rows");
	if (depth > NPU_MAX_DEPTH)
		return npu_refuse_dim(check, 1, 3, "is a depth over 65536");
	if (t[2].dim[0] != channels)
		return npu_refuse_dim(check, 2, 0, "is not the number of output channels");
	if (t[2].dim[1] != 1)
		return npu_refuse_dim(check, 2, 1, "must be 1");
	if (t[2].dim[2] != 1)
		return npu_refuse_dim(check, 2, 2, "must be 1");
	if (t[2].dim[3] != depth)
		return npu_refuse_dim(check, 2, 3, "is not the depth of the input");
	if (t[3].type == NPU_TYPE_NONE)
		return true;
	for (d = 0; d < 3; d++)
		if (t[3].dim[d] != 1)
			return npu_refuse_dim(check, 3, d, "must be 1 in a vector");
	if (t[3].dim[3] != npu_round_up(channels, 16))
		return npu_refuse_dim(check, 3, 3, "is not the output channels rounded up to 16");
	return true;
}

static bool check_fully_connected(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;
	bool wide = insn->t[1].type == NPU_TYPE_INT16;
	bool bias = insn->t[3].type != NPU_TYPE_NONE;

	if (!npu_check_output(check, NPU_ACTIVATION | NPU_TYPE_MASK(INT32)) ||
	    !npu_check_input(check, 1, NPU_ACTIVATION) ||
	    !npu_check_weights(check, 2, NPU_LAYOUT_BLOCK16X4, 1))
		return false;
	if (wide && insn->t[0].type == NPU_TYPE_INT32)
		return npu_refuse(check, "t[0].type", "is int32 with an int16 input");
	if (bias &&
	    !npu_check_input(check, 3, NPU_TYPE_MASK(INT32) | (wide ? NPU_TYPE_MASK(INT64) : 0)))
		return false;
	if (!npu_check_unused(check, bias ? 4 : 3) || !check_fc_shapes(check) ||
	    !npu_check_overlap(check, 4, false))
		return false;
	if (insn->t[1].zero_point)
		return npu_refuse_zero_point(check, 1, "must be 0: it belongs in the bias");
	if (insn->t[0].type == NPU_TYPE_INT32)
		return npu_check_raw(check, 0);
	if (!npu_check_raw(check, 4))
		return false;
	if (insn->fc.scale_count != 1 &&
	    insn->fc.scale_count != npu_round_up(insn->t[0].dim[3], 16))
		return npu_refuse(check, "fc.scale_count",
				  "is neither 1 nor the output channels rounded up to 16");
	return npu_check_scales(check, "fc.scales", insn->fc.scales, insn->fc.scale_count,
				wide ? NPU_MAX_SHIFT_64 : 30) &&
	       npu_check_range(check, "fc.act_min", insn->fc.act_min, insn->fc.act_max);
}

static bool check_clamp(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (!check_unary(check, NPU_ACTIVATION, NPU_ACTIVATION, false) || !npu_check_raw(check, 2))
		return false;
	if (insn->t[1].zero_point != insn->t[0].zero_point)
		return npu_refuse_zero_point(check, 1, "differs from that of the output");
	return npu_check_range(check, "clamp.min", insn->clamp.min, insn->clamp.max);
}

static bool check_requantise(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	return check_unary(check, NPU_ACTIVATION, NPU_ACTIVATION | NPU_TYPE_MASK(INT32), true) &&
	       npu_check_raw(check, 3) &&
	       npu_check_scales(check, "requantise.scales", insn->requantise.scales, 1, 30) &&
	       npu_check_range(check, "requantise.act_min", insn->requantise.act_min,
			       insn->requantise.act_max);
}

static bool check_table(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	return check_unary(check, NPU_ACTIVATION, NPU_ACTIVATION, false) &&
	       npu_check_raw(check, 1) &&
	       npu_check_constant(check, "table.offset", insn->table.offset,
				  insn->t[0].type == NPU_TYPE_INT8 ? 256 : 513 * 2, 2);
}

bool npu_check_sigmoid_s16(struct npu_check *check, const char *multiplier_field,
			   const char *shift_field, __s32 multiplier, __s32 shift)
{
	if (multiplier < 0 || multiplier > 32767)
		return npu_refuse(check, multiplier_field, "is outside [0, 32767]");
	if (shift < 0 || shift > 15)
		return npu_refuse(check, shift_field, "is outside [0, 15]");
	if (multiplier == 0 && shift > 13)
		return npu_refuse(check, shift_field, "is over 13 with multiplier 0");
	return true;
}

static bool check_sigmoid_s16(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (insn->sigmoid.radius)
		return npu_refuse(check, "sigmoid.radius", "must be 0 for int16");
	return npu_check_sigmoid_s16(check, "sigmoid.multiplier", "sigmoid.shift",
				     insn->sigmoid.multiplier, insn->sigmoid.shift);
}

static bool check_sigmoid(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (!check_unary(check, NPU_ACTIVATION, NPU_ACTIVATION, false) || !npu_check_raw(check, 3))
		return false;
	if (insn->t[0].type == NPU_TYPE_INT16)
		return check_sigmoid_s16(check);
	if (insn->t[0].zero_point != (insn->opcode == NPU_OP_SIGMOID ? -128 : 0))
		return npu_refuse_zero_point(check, 0, "must be -128 for sigmoid, 0 for tanh");
	if (insn->sigmoid.multiplier < 1 << 30)
		return npu_refuse(check, "sigmoid.multiplier", "is outside [2^30, 2^31)");
	if (insn->sigmoid.shift < 0 || insn->sigmoid.shift > 30)
		return npu_refuse(check, "sigmoid.shift", "is outside [0, 30]");
	if (insn->sigmoid.radius < 0 || insn->sigmoid.radius > 255)
		return npu_refuse(check, "sigmoid.radius", "is outside [0, 255]");
	return true;
}

static bool check_softmax_s16(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (insn->softmax.multiplier != 0 && insn->softmax.multiplier < 1 << 30)
		return npu_refuse(check, "softmax.multiplier", "is neither 0 nor in [2^30, 2^31)");
	if (insn->softmax.shift < -31 || insn->softmax.shift > 7)
		return npu_refuse(check, "softmax.shift", "is outside [-31, 7]");
	if (insn->softmax.diff_min)
		return npu_refuse(check, "softmax.diff_min", "must be 0 for int16");
	return true;
}

static bool check_softmax(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (!check_unary(check, NPU_ACTIVATION, NPU_ACTIVATION, true) || !npu_check_raw(check, 3))
		return false;
	if (insn->t[0].dim[3] > NPU_MAX_SOFTMAX)
		return npu_refuse_dim(check, 0, 3, "is a row over 4096");
	if (insn->t[1].type == NPU_TYPE_INT16 && insn->t[0].type != NPU_TYPE_INT16)
		return npu_refuse_type(check, 0, "must be int16 where the input is");
	if (insn->t[0].type == NPU_TYPE_INT8 && insn->t[0].zero_point != -128)
		return npu_refuse_zero_point(check, 0, "must be -128: probabilities start at 0");
	if (insn->t[1].type == NPU_TYPE_INT16)
		return check_softmax_s16(check);
	if (insn->softmax.multiplier < 1 << 30)
		return npu_refuse(check, "softmax.multiplier", "is outside [2^30, 2^31)");
	if (insn->softmax.shift < 0 || insn->softmax.shift > 30)
		return npu_refuse(check, "softmax.shift", "is outside [0, 30]");
	if (insn->softmax.diff_min < -(255 << 5) || insn->softmax.diff_min > 0)
		return npu_refuse(check, "softmax.diff_min", "is outside [-8160, 0]");
	return true;
}

static bool check_shape_opcode(struct npu_check *check)
{
	switch (check->insn->opcode) {
	case NPU_OP_ADD:
	case NPU_OP_SUB:
		return npu_check_binary(check, 3, 0);
	case NPU_OP_MUL:
		return npu_check_binary(check, 1, 30);
	case NPU_OP_MIN:
	case NPU_OP_MAX:
		return npu_check_binary(check, 2, 30);
	case NPU_OP_BATCH_MATMUL:
		return npu_check_batch_matmul(check);
	case NPU_OP_REDUCE_MEAN:
	case NPU_OP_REDUCE_SUM:
	case NPU_OP_REDUCE_MAX:
		return npu_check_reduce(check);
	case NPU_OP_PAD:
		return npu_check_pad(check);
	case NPU_OP_SLICE:
		return npu_check_slice(check);
	case NPU_OP_TRANSPOSE:
		return npu_check_transpose(check);
	case NPU_OP_RESIZE_NEAREST:
	case NPU_OP_RESIZE_BILINEAR:
		return npu_check_resize(check);
	case NPU_OP_EMBEDDING:
		return npu_check_embedding(check);
	case NPU_OP_LAYER_NORM:
		return npu_check_layer_norm(check);
	case NPU_OP_RNN:
	case NPU_OP_LSTM:
	case NPU_OP_GRU:
		return npu_check_recurrent(check);
	default:
		return npu_refuse(check, "opcode", "is not an opcode of this instruction set");
	}
}

static bool check_opcode(struct npu_check *check)
{
	switch (check->insn->opcode) {
	case NPU_OP_NOP:
		return check_nop(check);
	case NPU_OP_COPY:
		return check_copy(check);
	case NPU_OP_FULLY_CONNECTED:
		return check_fully_connected(check);
	case NPU_OP_CONV_2D:
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_TRANSPOSE_CONV_2D:
		return npu_check_conv(check);
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		return npu_check_pool(check);
	case NPU_OP_CLAMP:
		return check_clamp(check);
	case NPU_OP_REQUANTISE:
		return check_requantise(check);
	case NPU_OP_TABLE:
		return check_table(check);
	case NPU_OP_SIGMOID:
	case NPU_OP_TANH:
		return check_sigmoid(check);
	case NPU_OP_SOFTMAX:
		return check_softmax(check);
	default:
		return check_shape_opcode(check);
	}
}

bool npu_insn_validate(const struct npu_insn *insn, const void *consts, __u32 const_size,
		       __u32 slot_count, struct npu_slot_need *needs, __u64 *cost,
		       struct npu_fault *fault)
{
	struct npu_check check = {
		.insn = insn,
		.consts = consts,
		.const_size = const_size,
		.slot_count = slot_count,
		.needs = needs,
		.fault = fault,
	};
	__u64 total;

	if (insn->reserved)
		return npu_refuse(&check, "reserved", "must be 0");
	if (insn->flags)
		return npu_refuse(&check, "flags", "must be 0: no flag is defined");
	if (insn->reserved2)
		return npu_refuse(&check, "reserved2", "must be 0");
	if (!check_opcode(&check))
		return false;

	total = (__u64)npu_insn_units(insn) * npu_insn_unit_cost(insn);
	*cost = *cost + total < total ? ~0ull : *cost + total;
	return true;
}
