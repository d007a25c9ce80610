// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Validation of instructions whose tensors differ in shape: broadcast, moves, sums. */
#include "kernels.h"
#include "pieces.h"
#include "validate.h"

/* Each dimension of t[index] is that of the output, or 1. */
static bool check_broadcast(struct npu_check *check, unsigned int index)
{
	const struct npu_tensor *t = check->insn->t;
	unsigned int d;

	for (d = 0; d < 4; d++)
		if (t[index].dim[d] != t[0].dim[d] && t[index].dim[d] != 1)
			return npu_refuse_dim(check, index, d,
					      "is neither that of the output nor 1");
	return true;
}

bool npu_check_binary(struct npu_check *check, __u32 scales, __s32 max_shift)
{
	const struct npu_insn *insn = check->insn;

	return npu_check_output(check, NPU_ACTIVATION) &&
	       npu_check_input(check, 1, NPU_ACTIVATION) &&
	       npu_check_input(check, 2, NPU_ACTIVATION) && npu_check_unused(check, 3) &&
	       npu_check_same_type(check, 1) && npu_check_same_type(check, 2) &&
	       check_broadcast(check, 1) && check_broadcast(check, 2) &&
	       npu_check_overlap(check, 3, true) && npu_check_raw(check, 3) &&
	       npu_check_scales(check, "binary.scales", insn->binary.scales, scales, max_shift) &&
	       npu_check_range(check, "binary.act_min", insn->binary.act_min, insn->binary.act_max);
}

/* out and one input of the same type that do not overlap, @raw parameters. */
static bool check_move(struct npu_check *check, __u32 types, unsigned int raw)
{
	return npu_check_output(check, types) && npu_check_input(check, 1, types) &&
	       npu_check_unused(check, 2) && npu_check_same_type(check, 1) &&
	       npu_check_overlap(check, 2, false) && npu_check_raw(check, raw);
}

bool npu_check_pad(struct npu_check *check)
{
	static const char *const name[] = { "pad.before[0]", "pad.before[1]", "pad.before[2]",
					    "pad.before[3]" };
	const struct npu_insn *insn = check->insn;
	unsigned int d;

	if (!check_move(check, NPU_ACTIVATION, 5))
		return false;
	for (d = 0; d < 4; d++)
		if ((__u64)insn->pad.before[d] + insn->t[1].dim[d] > insn->t[0].dim[d])
			return npu_refuse(check, name[d], "puts the input beyond the output");
	return npu_check_range(check, "pad.value", insn->pad.value, insn->pad.value);
}

bool npu_check_slice(struct npu_check *check)
{
	static const char *const begin[] = { "slice.begin[0]", "slice.begin[1]", "slice.begin[2]",
					     "slice.begin[3]" };
	static const char *const step[] = { "slice.step[0]", "slice.step[1]", "slice.step[2]",
					    "slice.step[3]" };
	const struct npu_insn *insn = check->insn;
	unsigned int d;

	if (!check_move(check, NPU_ANY_TYPE, 8))
		return false;
	for (d = 0; d < 4; d++) {
		__s64 last = (__s64)insn->slice.begin[d] +
			     (__s64)(insn->t[0].dim[d] - 1) * insn->slice.step[d];

		if (insn->slice.begin[d] >= insn->t[1].dim[d])
			return npu_refuse(check, begin[d], "is not an index of the input");
		if (last < 0 || last >= insn->t[1].dim[d])
			return npu_refuse(check, step[d], "leads out of the input");
	}
	return true;
}

bool npu_check_transpose(struct npu_check *check)
{
	static const char *const name[] = { "transpose.perm[0]", "transpose.perm[1]",
					    "transpose.perm[2]", "transpose.perm[3]" };
	const struct npu_insn *insn = check->insn;
	unsigned int seen = 0, d;

	if (!check_move(check, NPU_ANY_TYPE, 4))
		return false;
	for (d = 0; d < 4; d++) {
		__u32 from = insn->transpose.perm[d];

		if (from > 3)
			return npu_refuse(check, name[d], "is not a dimension");
		if (seen & 1u << from)
			return npu_refuse(check, name[d], "names a dimension twice");
		seen |= 1u << from;
		if (insn->t[0].dim[d] != insn->t[1].dim[from])
			return npu_refuse_dim(check, 0, d, "is not that of the input permuted");
	}
	return true;
}

bool npu_check_resize(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;
	bool blend = insn->opcode == NPU_OP_RESIZE_BILINEAR;

	if (!check_move(check, blend ? NPU_ACTIVATION : NPU_ANY_TYPE, 1))
		return false;
	if (insn->t[1].dim[0] != insn->t[0].dim[0])
		return npu_refuse_dim(check, 1, 0, "differs from that of the output");
	if (insn->t[1].dim[3] != insn->t[0].dim[3])
		return npu_refuse_dim(check, 1, 3, "differs from that of the output");
	if (insn->resize.flags & ~(NPU_RESIZE_ALIGN_CORNERS | NPU_RESIZE_HALF_PIXEL))
		return npu_refuse(check, "resize.flags", "has an undefined bit");
	if (insn->resize.flags == (NPU_RESIZE_ALIGN_CORNERS | NPU_RESIZE_HALF_PIXEL))
		return npu_refuse(check, "resize.flags", "has two bits that exclude each other");
	return true;
}

bool npu_check_embedding(struct npu_check *check)
{
	const struct npu_tensor *t = check->insn->t;
	unsigned int d;

	if (!npu_check_output(check, NPU_ANY_TYPE) ||
	    !npu_check_input(check, 1, NPU_TYPE_MASK(INT16) | NPU_TYPE_MASK(INT32)) ||
	    !npu_check_input(check, 2, NPU_ANY_TYPE) || !npu_check_unused(check, 3) ||
	    !npu_check_same_type(check, 2) || !npu_check_overlap(check, 3, false) ||
	    !npu_check_raw(check, 0))
		return false;
	for (d = 0; d < 3; d++)
		if (t[1].dim[d] != t[0].dim[d])
			return npu_refuse_dim(check, 1, d, "differs from that of the output");
	if (t[1].dim[3] != 1)
		return npu_refuse_dim(check, 1, 3, "must be 1: an index for each row");
	if (t[2].dim[0] != 1)
		return npu_refuse_dim(check, 2, 0, "must be 1 in a table of rows");
	if (t[2].dim[1] != 1)
		return npu_refuse_dim(check, 2, 1, "must be 1 in a table of rows");
	if (t[2].dim[3] != t[0].dim[3])
		return npu_refuse_dim(check, 2, 3, "differs from that of the output");
	return true;
}

/* Each dimension of the output is that of the input, or 1: then it is summed over. */
static bool check_reduced(struct npu_check *check)
{
	const struct npu_tensor *t = check->insn->t;
	__u64 terms = 1;
	unsigned int d;

	/* a factor is at most 2^24, and the product is checked after each: no overflow */
	for (d = 0; d < 4; d++) {
		if (t[0].dim[d] == t[1].dim[d])
			continue;
		if (t[0].dim[d] != 1)
			return npu_refuse_dim(check, 0, d, "is neither that of the input nor 1");
		terms *= t[1].dim[d];
		if (terms > NPU_MAX_DEPTH)
			return npu_refuse_dim(check, 1, d, "makes over 65536 elements one");
	}
	return true;
}

bool npu_check_reduce(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (!check_move(check, NPU_ACTIVATION, insn->opcode == NPU_OP_REDUCE_MAX ? 0 : 3) ||
	    !check_reduced(check))
		return false;
	if (insn->opcode != NPU_OP_REDUCE_MAX)
		return npu_check_scales(check, "reduce.scales", insn->reduce.scales, 1, 30) &&
		       npu_check_range(check, "reduce.act_min", insn->reduce.act_min,
				       insn->reduce.act_max);
	if (insn->t[1].zero_point != insn->t[0].zero_point)
		return npu_refuse_zero_point(check, 1, "differs from that of the output");
	return true;
}

static bool check_product(struct npu_check *check)
{
	const struct npu_tensor *t = check->insn->t;
	unsigned int i, d;

	for (i = 1; i < 3; i++)
		for (d = 0; d < 2; d++)
			if (t[i].dim[d] != t[0].dim[d] && t[i].dim[d] != 1)
				return npu_refuse_dim(check, i, d,
						      "is neither that of the output nor 1");
	if (t[1].dim[2] != t[0].dim[2])
		return npu_refuse_dim(check, 1, 2, "is not the number of output rows");
	if (t[1].dim[3] > NPU_MAX_DEPTH)
		return npu_refuse_dim(check, 1, 3, "is a depth over 65536");
	if (t[2].dim[2] != t[0].dim[3])
		return npu_refuse_dim(check, 2, 2, "is not the number of output columns");
	if (t[2].dim[3] != t[1].dim[3])
		return npu_refuse_dim(check, 2, 3, "is not the depth of the left matrix");
	return true;
}

bool npu_check_batch_matmul(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;
	bool wide = insn->t[1].type == NPU_TYPE_INT16;

	if (!npu_check_output(check, NPU_ACTIVATION) ||
	    !npu_check_input(check, 1, NPU_ACTIVATION) ||
	    !npu_check_input(check, 2, NPU_ACTIVATION) || !npu_check_unused(check, 3))
		return false;
	if (insn->t[2].type != insn->t[1].type)
		return npu_refuse_type(check, 2, "differs from that of the left matrix");
	return check_product(check) && npu_check_overlap(check, 3, false) &&
	       npu_check_raw(check, 3) &&
	       npu_check_scales(check, "matmul.scales", insn->matmul.scales, 1,
				wide ? NPU_MAX_SHIFT_64 : 30) &&
	       npu_check_range(check, "matmul.act_min", insn->matmul.act_min, insn->matmul.act_max);
}
