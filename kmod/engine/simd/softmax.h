/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * SOFTMAX: the elements of a row in the lanes. Their exponentials are kept in the workspace, so
 * an input that another thread is writing is read twice and no more: for the maximum and for
 * the distances from it.
 */
#ifndef NPU_SIMD_SOFTMAX_H
#define NPU_SIMD_SOFTMAX_H

#include "../softmax.h"
#include "activation.h"

/**
 * struct softmax - an instruction, prepared
 * @insn: the instruction
 * @exponential: of the elements of the current row
 * @known: of each distance from the maximum of int8 rows, if @table
 * @table: there are enough elements for that
 * @scale: of the distances of int16 rows
 */
struct softmax {
	const struct npu_insn *insn;
	__s32 exponential[NPU_MAX_SOFTMAX];
	__s32 known[256];
	bool table;
	struct lanes_scale scale;
};

_Static_assert(sizeof(struct softmax) <= NPU_WORKSPACE_BYTES, "fits the workspace");

static lanes_inline __s32 softmax_maximum(const void *in, __u32 length, const __u32 type)
{
	struct lanes max = lanes_set(type == NPU_TYPE_INT8 ? -128 : -32768);
	__u32 i;

	for (i = 0; i + 16 <= length; i += 16)
		max = lanes_max(max, lanes_load_type(lanes_at(in, i, type), type));
	if (i < length) {
		struct lanes x = lanes_load_part_type(lanes_at(in, i, type), type, length - i);

		max = lanes_max(max, lanes_select(lanes_first(length - i), x, max));
	}
	return lanes_greatest(max);
}

/* ------------------------------------------------------------- int8 input */

static lanes_inline struct lanes softmax_exponential8(const struct softmax *s,
						      struct lanes distance)
{
	struct lanes q5 = lanes_sub(lanes_set(0), distance);

	q5 = lanes_shift_left(q5, s->insn->softmax.shift);
	q5 = lanes_doubling_high_multiply(q5, lanes_set(s->insn->softmax.multiplier));
	return exponential_negative(q5, 5);
}

/* Exponentials of a row, 0 where the distance is over the limit, and their sum. */
static __s32 softmax_sum8(struct softmax *s, const __s8 *in, __u32 length, __s32 max)
{
	const struct lanes limit = lanes_set(-s->insn->softmax.diff_min), zero = lanes_set(0);
	struct lanes sum = zero;
	__u32 i, count;

	for (i = 0; i < length; i += count) {
		struct lanes distance, e;

		count = length - i < 16 ? length - i : 16;
		distance = lanes_sub(lanes_set(max), lanes_load_part_s8(in + i, count));
		distance = lanes_clamp(distance, zero, lanes_set(255));
		e = s->table ? lanes_lookup(s->known, distance) : softmax_exponential8(s, distance);
		e = lanes_select(lanes_greater(distance, limit), zero, e);
		e = lanes_select(lanes_first(count), e, zero);
		lanes_store(s->exponential + i, e);
		sum = lanes_add(sum, lanes_rounding_shift(e, 12));
	}
	return lanes_total(sum);
}

static lanes_inline void softmax_row8(struct softmax *s, const struct npu_softmax_row *row,
				      const __u32 out_type)
{
	const __s32 low = out_type == NPU_TYPE_INT8 ? -128 : -32768;
	__u32 length = s->insn->t[0].dim[3], i, count;
	__s32 max = softmax_maximum(row->in, length, NPU_TYPE_INT8);
	struct npu_reciprocal r = npu_softmax_reciprocal(softmax_sum8(s, row->in, length, max));
	__s32 shift = r.bits + (out_type == NPU_TYPE_INT8 ? 23 : 15);

	for (i = 0; i < length; i += count) {
		struct lanes y = lanes_doubling_high_multiply(lanes_load(s->exponential + i),
							      lanes_set(r.scale));

		count = length - i < 16 ? length - i : 16;
		y = shift > 31 ? lanes_set(0) : lanes_rounding_shift(y, shift > 0 ? shift : 0);
		y = lanes_clamp(lanes_add(y, lanes_set(low)), lanes_set(low), lanes_set(-1 - low));
		lanes_store_part_type(lanes_at(row->out, i, out_type), out_type, y, count);
	}
}

static void softmax_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		       __u32 count)
{
	struct softmax *s = exec->workspace;
	__s32 i;

	s->insn = insn;
	s->table = (__u64)count * insn->t[0].dim[3] > 512;
	for (i = 0; s->table && i < 256; i += 16)
		lanes_store(s->known + i,
			    softmax_exponential8(s, lanes_add(lanes_index(), lanes_set(i))));
	for (; count; first++, count--) {
		struct npu_softmax_row row = npu_softmax_row_at(exec, insn, first);

		if (insn->t[0].type == NPU_TYPE_INT8)
			softmax_row8(s, &row, NPU_TYPE_INT8);
		else
			softmax_row8(s, &row, NPU_TYPE_INT16);
	}
}

/* ------------------------------------------------------------ int16 input */

static __s32 softmax_sum16(struct softmax *s, const __s16 *in, __u32 length, __s32 max)
{
	const struct lanes low = lanes_set(-32768), high = lanes_set(32767);
	struct lanes sum = lanes_set(0);
	__u32 i, count;

	for (i = 0; i < length; i += count) {
		struct lanes x;

		count = length - i < 16 ? length - i : 16;
		x = lanes_sub(lanes_load_part_s16(in + i, count), lanes_set(max));
		x = lanes_add(lanes_rescale(x, &s->scale, false), high);
		x = activation_interpolate(npu_exp_samples, lanes_clamp(x, low, high));
		lanes_store(s->exponential + i, x);
		sum = lanes_add(sum, lanes_select(lanes_first(count), x, lanes_set(0)));
	}
	return lanes_total(sum);
}

static void softmax_row16(struct softmax *s, const struct npu_softmax_row *row)
{
	__u32 length = s->insn->t[0].dim[3], i, count;
	__s32 max = softmax_maximum(row->in, length, NPU_TYPE_INT16);
	struct npu_reciprocal r =
		npu_softmax_reciprocal_s16(softmax_sum16(s, row->in, length, max));
	const struct lanes half = lanes_set(1 << (r.bits - 1));

	for (i = 0; i < length; i += count) {
		struct lanes y = lanes_mul(lanes_load(s->exponential + i), lanes_set(r.scale));

		count = length - i < 16 ? length - i : 16;
		y = lanes_shift_right(lanes_add(y, half), r.bits);
		y = lanes_clamp(y, lanes_set(0), lanes_set(32767));
		lanes_store_part_s16((__s16 *)row->out + i, y, count);
	}
}

static void softmax_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			__u32 count)
{
	const struct npu_scale scale = { insn->softmax.multiplier, insn->softmax.shift };
	struct softmax *s = exec->workspace;

	s->insn = insn;
	lanes_scale_load(&s->scale, &scale, 0, 0);
	for (; count; first++, count--) {
		struct npu_softmax_row row = npu_softmax_row_at(exec, insn, first);

		softmax_row16(s, &row);
	}
}

#endif /* NPU_SIMD_SOFTMAX_H */
