/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * REDUCE_*: sixteen neighbouring outputs in the lanes, or, where the sum is over C, sixteen
 * neighbouring inputs of one.
 */
#ifndef NPU_SIMD_REDUCE_H
#define NPU_SIMD_REDUCE_H

#include "../reduce.h"

/**
 * struct reduce - an instruction, prepared
 * @r: addresses resolved
 * @scale: of a sum
 */
struct reduce {
	struct npu_reduction r;
	struct lanes_scale scale;
};

static lanes_inline struct lanes reduce_add(struct lanes acc, struct lanes x, struct lanes zero,
					    const bool max)
{
	return max ? lanes_max(acc, x) : lanes_add(acc, lanes_sub(x, zero));
}

/* One row of the input, @length of it, into as many sums or into all sixteen. */
static lanes_inline struct lanes reduce_row(const struct npu_reduction *r, const __u8 *row,
					    struct lanes acc, __u32 length, const __u32 type,
					    const bool max)
{
	const struct lanes zero = lanes_set(r->insn->t[1].zero_point);
	__u32 i;

	for (i = 0; i + 16 <= length; i += 16)
		acc = reduce_add(acc, lanes_load_type(lanes_at(row, i, type), type), zero, max);
	if (i < length) {
		struct lanes x = lanes_load_part_type(lanes_at(row, i, type), type, length - i);

		x = reduce_add(acc, x, zero, max);
		acc = lanes_select(lanes_first(length - i), x, acc);
	}
	return acc;
}

static lanes_inline struct lanes reduce_rows(const struct npu_reduction *r, const __u8 *in,
					     __u32 length, const __u32 type, const bool max)
{
	const struct npu_tensor *t = &r->insn->t[1];
	struct lanes acc = lanes_set(max ? -32768 : 0);
	__u32 n, h, w;

	for (n = 0; n < r->count[0]; n++)
		for (h = 0; h < r->count[1]; h++) {
			const __u8 *row = in + (__u64)n * t->stride[0] + (__u64)h * t->stride[1];

			for (w = 0; w < r->count[2]; w++, row += t->stride[2])
				acc = reduce_row(r, row, acc, length, type, max);
		}
	return acc;
}

static struct lanes reduce_all(const struct npu_reduction *r, const __u8 *in, __u32 length)
{
	if (r->insn->t[1].type == NPU_TYPE_INT8)
		return r->max ? reduce_rows(r, in, length, NPU_TYPE_INT8, true)
			      : reduce_rows(r, in, length, NPU_TYPE_INT8, false);
	return r->max ? reduce_rows(r, in, length, NPU_TYPE_INT16, true)
		      : reduce_rows(r, in, length, NPU_TYPE_INT16, false);
}

static void reduce_piece(const void *context, const struct npu_piece *piece)
{
	const struct reduce *reduce = context;
	const struct npu_reduction *r = &reduce->r;
	const struct npu_insn *insn = r->insn;
	bool across = r->count[3] > 1;
	struct lanes y =
		reduce_all(r, npu_reduction_input(r, piece), across ? r->count[3] : piece->length);

	if (across)
		y = lanes_set(r->max ? lanes_greatest(y) : lanes_total(y));
	if (!r->max)
		y = lanes_clamp(lanes_rescale(y, &reduce->scale, false),
				lanes_set(insn->reduce.act_min), lanes_set(insn->reduce.act_max));
	if (insn->t[0].type == NPU_TYPE_INT8)
		lanes_store_part_s8(piece->out, y, piece->length);
	else
		lanes_store_part_s16(piece->out, y, piece->length);
}

static void reduce(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count)
{
	struct reduce *reduce = exec->workspace;

	npu_reduction_resolve(exec, insn, &reduce->r);
	if (!reduce->r.max)
		lanes_scale_load(&reduce->scale, &reduce->r.scale, 0, insn->t[0].zero_point);
	npu_lanes_run(exec, insn, first, count, reduce_piece, reduce);
}

#endif /* NPU_SIMD_REDUCE_H */
