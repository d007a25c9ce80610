// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Validation of the tensors of an instruction. This is the only place where the extent
 * of an operand is computed.
 */
#include "kernels.h"
#include "validate.h"

/* Names of the fields of t[i]; the driver and the library put them into messages. */
struct field_names {
	const char *tensor, *slot, *type, *layout, *reserved, *offset, *zero_point;
	const char *dim[4], *stride[3];
};

#define FIELD_NAMES(t)                                                                             \
	{                                                                                          \
		t, t ".slot", t ".type", t ".layout", t ".reserved", t ".offset", t ".zero_point", \
			{ t ".dim[0]", t ".dim[1]", t ".dim[2]", t ".dim[3]" },                    \
		{                                                                                  \
			t ".stride[0]", t ".stride[1]", t ".stride[2]"                             \
		}                                                                                  \
	}

static const struct field_names names[NPU_INSN_TENSORS] = {
	FIELD_NAMES("t[0]"), FIELD_NAMES("t[1]"), FIELD_NAMES("t[2]"), FIELD_NAMES("t[3]"),
	FIELD_NAMES("t[4]"), FIELD_NAMES("t[5]"), FIELD_NAMES("t[6]"), FIELD_NAMES("t[7]"),
};

bool npu_refuse(struct npu_check *check, const char *field, const char *reason)
{
	check->fault->field = field;
	check->fault->reason = reason;
	return false;
}

bool npu_refuse_type(struct npu_check *check, unsigned int index, const char *reason)
{
	return npu_refuse(check, names[index].type, reason);
}

bool npu_refuse_dim(struct npu_check *check, unsigned int index, unsigned int d, const char *reason)
{
	return npu_refuse(check, names[index].dim[d], reason);
}

bool npu_refuse_zero_point(struct npu_check *check, unsigned int index, const char *reason)
{
	return npu_refuse(check, names[index].zero_point, reason);
}

bool npu_check_none(struct npu_check *check, unsigned int index)
{
	const struct npu_tensor *t = &check->insn->t[index];
	const struct field_names *n = &names[index];
	unsigned int d;

	if (t->type != NPU_TYPE_NONE)
		return npu_refuse(check, n->type, "must be 0: the opcode has no such tensor");
	if (t->slot)
		return npu_refuse(check, n->slot, "must be 0 in an unused tensor");
	if (t->layout)
		return npu_refuse(check, n->layout, "must be 0 in an unused tensor");
	if (t->reserved)
		return npu_refuse(check, n->reserved, "must be 0");
	if (t->offset)
		return npu_refuse(check, n->offset, "must be 0 in an unused tensor");
	if (t->zero_point)
		return npu_refuse(check, n->zero_point, "must be 0 in an unused tensor");
	for (d = 0; d < 4; d++)
		if (t->dim[d])
			return npu_refuse(check, n->dim[d], "must be 0 in an unused tensor");
	for (d = 0; d < 3; d++)
		if (t->stride[d])
			return npu_refuse(check, n->stride[d], "must be 0 in an unused tensor");
	return true;
}

bool npu_check_unused(struct npu_check *check, unsigned int first)
{
	unsigned int i;

	for (i = first; i < NPU_INSN_TENSORS; i++)
		if (!npu_check_none(check, i))
			return false;
	return true;
}

/* The furthest byte of packed weights, plus one; false if a dimension is too large. */
static bool packed_end(struct npu_check *check, unsigned int index, __u32 groups, __u64 *end)
{
	const struct npu_tensor *t = &check->insn->t[index];
	const struct field_names *n = &names[index];
	__u64 depth = 1, blocks;
	unsigned int d;

	for (d = 0; d < 3; d++)
		if (t->stride[d])
			return npu_refuse(check, n->stride[d], "must be 0 in packed weights");
	/* every factor is below 2^25 and the product is checked after each: no overflow */
	for (d = 1; d < 4; d++) {
		depth *= t->dim[d];
		if (depth > NPU_MAX_DEPTH)
			return npu_refuse(check, n->dim[d], "makes the depth exceed 65536");
	}
	if (t->dim[0] % groups)
		return npu_refuse(check, n->dim[0], "is not a multiple of the groups");
	blocks = (__u64)groups * ((t->dim[0] / groups + 15) / 16);
	/* at most 2^24 blocks of 2^20 bytes */
	if (t->layout == NPU_LAYOUT_DEPTHWISE16)
		*end = t->offset + blocks * depth * 16;
	else
		*end = t->offset + blocks * ((depth + 3) / 4) * 64;
	return true;
}

/* In a written tensor each dimension must step over all that lies inside it. */
static bool check_distinct(struct npu_check *check, unsigned int index, __u64 row_bytes)
{
	const struct npu_tensor *t = &check->insn->t[index];
	__u64 inside = row_bytes;
	unsigned int done = 0, round, d;

	for (round = 0; round < 3; round++) {
		unsigned int least = 3;

		for (d = 0; d < 3; d++)
			if (!(done & 1u << d) && (least == 3 || t->stride[d] < t->stride[least]))
				least = d;
		done |= 1u << least;
		if (t->dim[least] == 1)
			continue;
		if (t->stride[least] < inside)
			return npu_refuse(check, names[index].stride[least],
					  "lets elements of a written tensor overlap");
		inside += (__u64)(t->dim[least] - 1) * t->stride[least];
	}
	return true;
}

/* The furthest byte of a strided tensor, plus one. */
static bool linear_end(struct npu_check *check, unsigned int index, bool written, __u64 *end)
{
	const struct npu_tensor *t = &check->insn->t[index];
	__u64 bytes = npu_type_bytes(t->type);
	__u64 row_bytes = t->dim[3] * bytes;
	unsigned int d;

	/* below 2^32 + 2^27 + 3 * 2^56: no overflow */
	*end = t->offset + row_bytes;
	for (d = 0; d < 3; d++) {
		if (t->stride[d] % bytes)
			return npu_refuse(check, names[index].stride[d],
					  "is not a multiple of the element size");
		*end += (__u64)(t->dim[d] - 1) * t->stride[d];
	}
	return !written || check_distinct(check, index, row_bytes);
}

static bool check_fields(struct npu_check *check, unsigned int index, __u32 types, __u32 layout)
{
	const struct npu_tensor *t = &check->insn->t[index];
	const struct field_names *n = &names[index];
	unsigned int d;

	if (t->type > NPU_TYPE_INT64 || t->type == NPU_TYPE_NONE || !(types & 1u << t->type))
		return npu_refuse(check, n->type, "is not a type that the opcode takes here");
	if (t->layout != layout)
		return npu_refuse(check, n->layout, "is not the layout that the opcode takes here");
	if (t->reserved)
		return npu_refuse(check, n->reserved, "must be 0");
	if (t->slot >= check->slot_count)
		return npu_refuse(check, n->slot, "is not below the program's slot count");
	if (t->offset % npu_type_bytes(t->type))
		return npu_refuse(check, n->offset, "is not a multiple of the element size");
	if (t->type != NPU_TYPE_INT8 && t->zero_point)
		return npu_refuse(check, n->zero_point, "must be 0 for this type");
	if (t->zero_point < -128 || t->zero_point > 127)
		return npu_refuse(check, n->zero_point, "is outside [-128, 127]");
	for (d = 0; d < 4; d++)
		if (t->dim[d] < 1 || t->dim[d] > NPU_MAX_DIM)
			return npu_refuse(check, n->dim[d], "is outside [1, 2^24]");
	return true;
}

/* Account for a tensor whose furthest byte plus one is @end. */
static bool check_extent(struct npu_check *check, unsigned int index, bool written, __u64 end)
{
	const struct npu_tensor *t = &check->insn->t[index];
	struct npu_slot_need *need;

	if (end > NPU_MAX_SLOT_BYTES)
		return npu_refuse(check, names[index].tensor, "ends beyond 4 GiB");

	check->end[index] = end;
	need = &check->needs[t->slot];
	if (end > need->bytes)
		need->bytes = end;
	need->access |= written ? NPU_SLOT_WRITE : NPU_SLOT_READ;
	return true;
}

static bool check_linear(struct npu_check *check, unsigned int index, __u32 types, bool written)
{
	__u64 end = 0;

	return check_fields(check, index, types, NPU_LAYOUT_LINEAR) &&
	       linear_end(check, index, written, &end) && check_extent(check, index, written, end);
}

bool npu_check_output(struct npu_check *check, __u32 types)
{
	return check_linear(check, 0, types, true);
}

bool npu_check_input(struct npu_check *check, unsigned int index, __u32 types)
{
	return check_linear(check, index, types, false);
}

bool npu_check_state(struct npu_check *check, unsigned int index, __u32 types, bool read)
{
	if (!check_linear(check, index, types, true))
		return false;
	if (read)
		check->needs[check->insn->t[index].slot].access |= NPU_SLOT_READ;
	return true;
}

bool npu_check_weights(struct npu_check *check, unsigned int index, __u32 layout, __u32 groups)
{
	__u64 end = 0;

	if (!check_fields(check, index, NPU_TYPE_MASK(INT8), layout) ||
	    !packed_end(check, index, groups, &end) || !check_extent(check, index, false, end))
		return false;
	if (check->insn->t[index].zero_point)
		return npu_refuse_zero_point(check, index, "must be 0: weights are symmetric");
	return true;
}

bool npu_check_same_dims(struct npu_check *check, unsigned int index)
{
	const struct npu_insn *insn = check->insn;
	unsigned int d;

	for (d = 0; d < 4; d++)
		if (insn->t[index].dim[d] != insn->t[0].dim[d])
			return npu_refuse_dim(check, index, d, "differs from that of the output");
	return true;
}

/* The same bytes, addressed the same way: element i of both is in one place. */
static bool same_view(const struct npu_tensor *a, const struct npu_tensor *b)
{
	unsigned int d;

	if (a->type != b->type || a->offset != b->offset || a->layout != b->layout)
		return false;
	for (d = 0; d < 4; d++)
		if (a->dim[d] != b->dim[d])
			return false;
	for (d = 0; d < 3; d++)
		if (a->dim[d] > 1 && a->stride[d] != b->stride[d])
			return false;
	return true;
}

bool npu_check_overlap(struct npu_check *check, unsigned int count, bool in_place)
{
	const struct npu_tensor *out = &check->insn->t[0];
	unsigned int i;

	for (i = 1; i < count; i++) {
		const struct npu_tensor *in = &check->insn->t[i];

		if (in->type == NPU_TYPE_NONE || in->slot != out->slot)
			continue;
		if (out->offset >= check->end[i] || in->offset >= check->end[0])
			continue;
		if (in_place && same_view(out, in))
			continue;
		return npu_refuse(
			check, names[i].offset,
			in_place ? "makes it overlap the output without being the same view"
				 : "makes it overlap the output");
	}
	return true;
}

bool npu_check_apart(struct npu_check *check, __u32 written)
{
	const struct npu_tensor *t = check->insn->t;
	unsigned int i, j;

	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		if (!(written & 1u << i) || t[i].type == NPU_TYPE_NONE)
			continue;
		for (j = 0; j < NPU_INSN_TENSORS; j++)
			if (j != i && t[j].type != NPU_TYPE_NONE && t[j].slot == t[i].slot &&
			    t[i].offset < check->end[j] && t[j].offset < check->end[i])
				return npu_refuse(check, names[j > i ? j : i].offset,
						  "makes it overlap another that is written");
	}
	return true;
}
