/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What every REDUCE_* shares. */
#ifndef NPU_REDUCE_H
#define NPU_REDUCE_H

#include "pieces.h"

/**
 * struct npu_reduction - an instruction, addresses resolved
 * @insn: the instruction
 * @in: its input
 * @scale: of a sum; not of REDUCE_MAX
 * @count: elements along each dimension that one output takes
 * @max: it is REDUCE_MAX
 */
struct npu_reduction {
	const struct npu_insn *insn;
	const __u8 *in;
	struct npu_scale scale;
	__u32 count[4];
	bool max;
};

void npu_reduction_resolve(const struct npu_exec *exec, const struct npu_insn *insn,
			   struct npu_reduction *r);

/* The first input element of a piece of the output. */
const __u8 *npu_reduction_input(const struct npu_reduction *r, const struct npu_piece *piece);

#endif /* NPU_REDUCE_H */
