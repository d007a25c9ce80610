/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* BATCH_MATMUL: sixteen products of one output at a time, four outputs that share a row. */
#ifndef NPU_SIMD_BATCH_MATMUL_H
#define NPU_SIMD_BATCH_MATMUL_H

#include "../fixedpoint.h"
#include "../pieces.h"

#define MATMUL_OUTPUTS 4

/**
 * struct matmul - an instruction, addresses resolved
 * @insn: the instruction
 * @left, @right: its inputs
 * @scale: of the output
 */
struct matmul {
	const struct npu_insn *insn;
	const __u8 *left, *right;
	const struct npu_scale *scale;
};

/* The matrix of batch (n, h); a tensor with one of them has it for all. */
static const __u8 *matmul_matrix(const struct npu_tensor *t, const __u8 *base,
				 const struct npu_piece *piece)
{
	__u32 d;

	for (d = 0; d < 2; d++)
		if (t->dim[d] > 1)
			base += (__u64)piece->index[d] * t->stride[d];
	return base;
}

/* Elements [k, k + 16) of a row less its zero point, 0 past the @depth. */
static lanes_inline struct lanes matmul_load(const void *row, __u32 k, __u32 depth,
					     const __u32 type, struct lanes zero)
{
	const void *p = lanes_at(row, k, type);
	__u32 count = depth - k;

	if (count >= 16)
		return lanes_sub(lanes_load_type(p, type), zero);
	return lanes_select(lanes_first(count),
			    lanes_sub(lanes_load_part_type(p, type, count), zero), lanes_set(0));
}

/* Sums of @outputs neighbours; @b: their rows, @step bytes apart. */
static lanes_inline void matmul_sums_s8(const struct npu_insn *insn, const __u8 *a, const __u8 *b,
					__u64 step, __s32 *y, const int outputs)
{
	struct lanes zero_a = lanes_set(insn->t[1].zero_point);
	struct lanes zero_b = lanes_set(insn->t[2].zero_point), sum[MATMUL_OUTPUTS];
	__u32 depth = insn->t[1].dim[3], k;
	int i;

#pragma GCC unroll 4
	for (i = 0; i < outputs; i++)
		sum[i] = lanes_set(0);
	for (k = 0; k < depth; k += 16) {
		struct lanes x = matmul_load(a, k, depth, NPU_TYPE_INT8, zero_a);

#pragma GCC unroll 4
		for (i = 0; i < outputs; i++)
			sum[i] =
				lanes_add(sum[i], lanes_mul(x, matmul_load(b + i * step, k, depth,
									   NPU_TYPE_INT8, zero_b)));
	}
#pragma GCC unroll 4
	for (i = 0; i < outputs; i++)
		y[i] = lanes_total(sum[i]);
}

static __s64 matmul_sum_s16(const struct npu_insn *insn, const __u8 *a, const __u8 *b)
{
	struct lanes64 sum = lanes64_set(0);
	__u32 depth = insn->t[1].dim[3], k;
	__s64 part[16], total = 0;

	for (k = 0; k < depth; k += 16) {
		struct lanes x = matmul_load(a, k, depth, NPU_TYPE_INT16, lanes_set(0));
		struct lanes y = matmul_load(b, k, depth, NPU_TYPE_INT16, lanes_set(0));

		sum = lanes64_add(sum, lanes64_widen(lanes_mul(x, y)));
	}
	lanes64_store(part, sum);
	for (k = 0; k < 16; k++)
		total += part[k];
	return total;
}

static void matmul_store(const struct matmul *m, const struct npu_piece *piece, __u32 i, __s32 y)
{
	const struct npu_insn *insn = m->insn;

	y = npu_clamp32(npu_add32(y, insn->t[0].zero_point), insn->matmul.act_min,
			insn->matmul.act_max);
	if (insn->t[0].type == NPU_TYPE_INT8)
		((__s8 *)piece->out)[i] = y;
	else
		((__s16 *)piece->out)[i] = y;
}

static void matmul_piece_s8(const struct matmul *m, const struct npu_piece *piece, const __u8 *a,
			    const __u8 *b)
{
	__u64 step = m->insn->t[2].stride[2];
	__u32 i, j, count;

	for (i = 0; i < piece->length; i += count) {
		__s32 y[MATMUL_OUTPUTS];

		count = piece->length - i < MATMUL_OUTPUTS ? 1 : MATMUL_OUTPUTS;
		if (count == MATMUL_OUTPUTS)
			matmul_sums_s8(m->insn, a, b + i * step, step, y, MATMUL_OUTPUTS);
		else
			matmul_sums_s8(m->insn, a, b + i * step, step, y, 1);
		for (j = 0; j < count; j++)
			matmul_store(m, piece, i + j,
				     npu_rescale(y[j], m->scale->multiplier, m->scale->shift));
	}
}

static void matmul_piece(const void *context, const struct npu_piece *piece)
{
	const struct matmul *m = context;
	const struct npu_tensor *t = m->insn->t;
	const __u8 *a =
		matmul_matrix(&t[1], m->left, piece) + (__u64)piece->index[2] * t[1].stride[2];
	const __u8 *b =
		matmul_matrix(&t[2], m->right, piece) + (__u64)piece->index[3] * t[2].stride[2];
	__u32 i;

	if (t[1].type == NPU_TYPE_INT8) {
		matmul_piece_s8(m, piece, a, b);
		return;
	}
	for (i = 0; i < piece->length; i++, b += t[2].stride[2])
		matmul_store(m, piece, i,
			     npu_rescale64(matmul_sum_s16(m->insn, a, b), m->scale->multiplier,
					   m->scale->shift));
}

static void matmul(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count)
{
	struct matmul m = {
		.insn = insn,
		.left = npu_tensor_address(exec, &insn->t[1]),
		.right = npu_tensor_address(exec, &insn->t[2]),
		.scale = npu_scales(exec->consts, insn->matmul.scales),
	};

	npu_lanes_run(exec, insn, first, count, matmul_piece, &m);
}

#endif /* NPU_SIMD_BATCH_MATMUL_H */
