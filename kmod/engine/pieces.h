/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Walking over an output whose elements come from elsewhere than the same index of an input. */
#ifndef NPU_PIECES_H
#define NPU_PIECES_H

#include "kernels.h"

/* Up to this many additions or products an output, sixteen outputs of a row are one unit. */
#define NPU_SHORT_SUM 2048
#define NPU_LANES 16

/**
 * struct npu_piece - consecutive elements of one row (over C) of the output
 * @index: N, H, W of the row, C of the first element
 * @length: elements, at least 1
 * @out: the first element
 */
struct npu_piece {
	__u32 index[4];
	__u32 length;
	__u8 *out;
};

typedef void (*npu_piece_function)(const void *context, const struct npu_piece *piece);

/* Units of NPU_ELEMENTWISE_UNIT elements, in the order of N, H, W, C. */
void npu_pieces_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count, npu_piece_function function, const void *context);

/* Units of npu_lanes() elements of one row; the last of a row may have fewer. */
void npu_lanes_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count, npu_piece_function function, const void *context);

/* Inputs that one output of a reduction or of a batched matrix product sums. */
__u32 npu_sum_length(const struct npu_insn *insn);

/* Outputs of a unit of such an instruction, and how many units there are. */
__u32 npu_lanes(const struct npu_insn *insn);
__u32 npu_lanes_units(const struct npu_insn *insn);

#endif /* NPU_PIECES_H */
