// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* REDUCE_MEAN, REDUCE_SUM, REDUCE_MAX: over the dimensions that are 1 in the output. */
#include "reduce.h"
#include "fixedpoint.h"

static inline __s32 load(const struct npu_reduction *r, const __u8 *p, __u32 i)
{
	return r->insn->t[1].type == NPU_TYPE_INT8 ? ((const __s8 *)p)[i] : ((const __s16 *)p)[i];
}

static inline __s32 accumulate(const struct npu_reduction *r, __s32 acc, __s32 x)
{
	if (r->max)
		return acc > x ? acc : x;
	return npu_add32(acc, x - r->insn->t[1].zero_point);
}

/* One row of the input: into one sum each, or all into the first. */
static void reduce_row(const struct npu_reduction *r, const __u8 *row, __s32 *acc, __u32 length)
{
	__u32 i;

	if (r->count[3] == 1)
		for (i = 0; i < length; i++)
			acc[i] = accumulate(r, acc[i], load(r, row, i));
	else
		for (i = 0; i < r->count[3]; i++)
			acc[0] = accumulate(r, acc[0], load(r, row, i));
}

static void reduce_finish(const struct npu_reduction *r, const struct npu_piece *piece,
			  const __s32 *acc)
{
	const struct npu_insn *insn = r->insn;
	__u32 i;

	for (i = 0; i < piece->length; i++) {
		__s32 y = acc[i];

		if (!r->max) {
			y = npu_rescale(y, r->scale.multiplier, r->scale.shift);
			y = npu_clamp32(npu_add32(y, insn->t[0].zero_point), insn->reduce.act_min,
					insn->reduce.act_max);
		}
		if (insn->t[0].type == NPU_TYPE_INT8)
			((__s8 *)piece->out)[i] = y;
		else
			((__s16 *)piece->out)[i] = y;
	}
}

const __u8 *npu_reduction_input(const struct npu_reduction *r, const struct npu_piece *piece)
{
	const struct npu_tensor *t = &r->insn->t[1];
	const __u8 *in = r->in + (__u64)piece->index[3] * npu_type_bytes(t->type);
	__u32 d;

	for (d = 0; d < 3; d++)
		in += (__u64)piece->index[d] * t->stride[d];
	return in;
}

static void reduce_piece(const void *context, const struct npu_piece *piece)
{
	const struct npu_reduction *r = context;
	const struct npu_tensor *t = &r->insn->t[1];
	const __u8 *in = npu_reduction_input(r, piece);
	__s32 acc[NPU_LANES];
	__u32 n, h, w, i;

	for (i = 0; i < piece->length; i++)
		acc[i] = r->max ? -32768 : 0;
	for (n = 0; n < r->count[0]; n++)
		for (h = 0; h < r->count[1]; h++)
			for (w = 0; w < r->count[2]; w++)
				reduce_row(r,
					   in + (__u64)n * t->stride[0] + (__u64)h * t->stride[1] +
						   (__u64)w * t->stride[2],
					   acc, piece->length);
	reduce_finish(r, piece, acc);
}

/* The scale of a sum, divided by the number of its terms as the reference divides it. */
static void scale_of_mean(struct npu_scale *scale, __u32 terms)
{
	__s32 shift = 31 - __builtin_clz(terms);

	if (shift > 31 + scale->shift)
		shift = 31 + scale->shift;
	scale->multiplier = (__s32)(((__u64)scale->multiplier << shift) / terms);
	scale->shift -= shift;
}

void npu_reduction_resolve(const struct npu_exec *exec, const struct npu_insn *insn,
			   struct npu_reduction *r)
{
	__u32 d;

	r->insn = insn;
	r->in = npu_tensor_address(exec, &insn->t[1]);
	for (d = 0; d < 4; d++)
		r->count[d] = insn->t[0].dim[d] == 1 ? insn->t[1].dim[d] : 1;
	r->max = insn->opcode == NPU_OP_REDUCE_MAX;
	if (!r->max)
		r->scale = *npu_scales(exec->consts, insn->reduce.scales);
	if (insn->opcode == NPU_OP_REDUCE_MEAN)
		scale_of_mean(&r->scale, npu_sum_length(insn));
}

void npu_reduce(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	struct npu_reduction r;

	npu_reduction_resolve(exec, insn, &r);
	npu_lanes_run(exec, insn, first, count, reduce_piece, &r);
}
