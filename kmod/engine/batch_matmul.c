// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* BATCH_MATMUL: the product of two tensors of activations, batch by batch. */
#include "pieces.h"
#include "fixedpoint.h"

struct matmul {
	const struct npu_insn *insn;
	const __u8 *left, *right;
	const struct npu_scale *scale;
};

/* The matrix of batch (n, h); a tensor with one of them has it for all. */
static const __u8 *matrix(const struct npu_tensor *t, const __u8 *base,
			  const struct npu_piece *piece)
{
	__u32 d;

	for (d = 0; d < 2; d++)
		if (t->dim[d] > 1)
			base += (__u64)piece->index[d] * t->stride[d];
	return base;
}

static __s32 dot_s8(const struct npu_insn *insn, const __s8 *a, const __s8 *b)
{
	__s32 zero_a = insn->t[1].zero_point, zero_b = insn->t[2].zero_point, sum = 0;
	__u32 depth = insn->t[1].dim[3], k;

	for (k = 0; k < depth; k++)
		sum = npu_add32(sum, (a[k] - zero_a) * (b[k] - zero_b));
	return sum;
}

static __s64 dot_s16(const struct npu_insn *insn, const __s16 *a, const __s16 *b)
{
	__u32 depth = insn->t[1].dim[3], k;
	__s64 sum = 0;

	for (k = 0; k < depth; k++)
		sum += (__s32)a[k] * b[k];
	return sum;
}

static void matmul_piece(const void *context, const struct npu_piece *piece)
{
	const struct matmul *m = context;
	const struct npu_insn *insn = m->insn;
	const struct npu_tensor *t = insn->t;
	bool wide = t[1].type == NPU_TYPE_INT16;
	const __u8 *a = matrix(&t[1], m->left, piece) + (__u64)piece->index[2] * t[1].stride[2];
	const __u8 *b = matrix(&t[2], m->right, piece) + (__u64)piece->index[3] * t[2].stride[2];
	__u32 i;

	for (i = 0; i < piece->length; i++, b += t[2].stride[2]) {
		__s32 y;

		if (wide)
			y = npu_rescale64(dot_s16(insn, (const __s16 *)a, (const __s16 *)b),
					  m->scale->multiplier, m->scale->shift);
		else
			y = npu_rescale(dot_s8(insn, (const __s8 *)a, (const __s8 *)b),
					m->scale->multiplier, m->scale->shift);
		y = npu_clamp32(npu_add32(y, t[0].zero_point), insn->matmul.act_min,
				insn->matmul.act_max);
		if (t[0].type == NPU_TYPE_INT8)
			((__s8 *)piece->out)[i] = y;
		else
			((__s16 *)piece->out)[i] = y;
	}
}

void npu_batch_matmul(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
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
