/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* RESIZE_BILINEAR of int8: the channels of a pixel in the lanes. Sums of int16 need 64 bits. */
#ifndef NPU_SIMD_RESIZE_H
#define NPU_SIMD_RESIZE_H

#include "../resize.h"

/* As blend() of ../resize.c: the weights are at most 2^20 together. */
static lanes_inline struct lanes resize_blend(const struct lanes value[4], const __s32 weight[4])
{
	struct lanes sum = lanes_mul(value[0], lanes_set(weight[0])), sign;
	int i;

#pragma GCC unroll 3
	for (i = 1; i < 4; i++)
		sum = lanes_add(sum, lanes_mul(value[i], lanes_set(weight[i])));
	sign = lanes_shift_right(sum, 31);
	sum = lanes_add(lanes_abs(sum), lanes_set(1 << (2 * NPU_RESIZE_FRACTION - 1)));
	sum = lanes_shift_right(sum, 2 * NPU_RESIZE_FRACTION);
	return lanes_sub(lanes_xor(sum, sign), sign);
}

static void resize_bilinear_piece(const void *context, const struct npu_piece *piece)
{
	const struct npu_resize *r = context;
	const __u32 *in = r->insn->t[1].dim, *out = r->insn->t[0].dim;
	struct npu_between y = npu_resize_between(r->insn, piece->index[1], in[1], out[1]);
	struct npu_between x = npu_resize_between(r->insn, piece->index[2], in[2], out[2]);
	const __u8 *from[4] = {
		npu_resize_element(r, piece, y.low, x.low),
		npu_resize_element(r, piece, y.low, x.high),
		npu_resize_element(r, piece, y.high, x.low),
		npu_resize_element(r, piece, y.high, x.high),
	};
	const __s32 one = 1 << NPU_RESIZE_FRACTION;
	const __s32 weight[4] = {
		(one - y.fraction) * (one - x.fraction),
		(one - y.fraction) * x.fraction,
		y.fraction * (one - x.fraction),
		y.fraction * x.fraction,
	};
	__u32 i, j, count;

	for (i = 0; i < piece->length; i += count) {
		struct lanes value[4];

		count = piece->length - i < 16 ? piece->length - i : 16;
#pragma GCC unroll 4
		for (j = 0; j < 4; j++)
			value[j] = count == 16 ? lanes_load_s8(from[j] + i)
					       : lanes_load_part_s8(from[j] + i, count);
		lanes_store_part_s8(piece->out + i, resize_blend(value, weight), count);
	}
}

static void resize(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count)
{
	struct npu_resize r = { .insn = insn, .in = npu_tensor_address(exec, &insn->t[1]) };

	if (insn->opcode == NPU_OP_RESIZE_NEAREST || insn->t[1].type != NPU_TYPE_INT8)
		npu_resize(exec, insn, first, count);
	else
		npu_pieces_run(exec, insn, first, count, resize_bilinear_piece, &r);
}

#endif /* NPU_SIMD_RESIZE_H */
