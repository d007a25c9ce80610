// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Walking over an output row by row, and how sums are cut into units. */
#include "pieces.h"

static void piece_at(const struct npu_exec *exec, const struct npu_insn *insn, __u32 row,
		     __u32 column, struct npu_piece *piece)
{
	const struct npu_tensor *t = &insn->t[0];
	__u64 offset = (__u64)column * npu_type_bytes(t->type);
	int d;

	for (d = 2; d >= 0; d--) {
		piece->index[d] = row % t->dim[d];
		row /= t->dim[d];
		offset += (__u64)piece->index[d] * t->stride[d];
	}
	piece->index[3] = column;
	piece->out = (__u8 *)npu_tensor_address(exec, t) + offset;
}

void npu_pieces_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count, npu_piece_function function, const void *context)
{
	__u32 total = npu_elementwise_total(insn), channels = insn->t[0].dim[3];
	__u64 end = ((__u64)first + count) * NPU_ELEMENTWISE_UNIT;
	__u32 element = first * NPU_ELEMENTWISE_UNIT;
	__u32 left = (end < total ? (__u32)end : total) - element;
	__u32 row = element / channels, column = element % channels;
	struct npu_piece piece;

	while (left) {
		piece.length = channels - column < left ? channels - column : left;
		piece_at(exec, insn, row, column, &piece);
		function(context, &piece);
		left -= piece.length;
		row++;
		column = 0;
	}
}

__u32 npu_sum_length(const struct npu_insn *insn)
{
	__u32 length = 1, d;

	if (insn->opcode == NPU_OP_BATCH_MATMUL)
		return insn->t[1].dim[3];
	/* at most NPU_MAX_DEPTH: the validator has seen to it */
	for (d = 0; d < 4; d++)
		if (insn->t[0].dim[d] == 1)
			length *= insn->t[1].dim[d];
	return length;
}

__u32 npu_lanes(const struct npu_insn *insn)
{
	return npu_sum_length(insn) > NPU_SHORT_SUM ? 1 : NPU_LANES;
}

__u32 npu_lanes_units(const struct npu_insn *insn)
{
	const __u32 *dim = insn->t[0].dim;
	__u32 lanes = npu_lanes(insn);

	return (dim[3] - 1) / lanes * dim[0] * dim[1] * dim[2] + dim[0] * dim[1] * dim[2];
}

void npu_lanes_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count, npu_piece_function function, const void *context)
{
	__u32 channels = insn->t[0].dim[3], lanes = npu_lanes(insn);
	__u32 blocks = (channels - 1) / lanes + 1, unit;
	struct npu_piece piece;

	for (unit = first; unit - first < count; unit++) {
		__u32 column = unit % blocks * lanes;

		piece.length = channels - column < lanes ? channels - column : lanes;
		piece_at(exec, insn, unit / blocks, column, &piece);
		function(context, &piece);
	}
}
