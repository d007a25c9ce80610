/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What every RESIZE_* shares: where the output's elements lie in the input. */
#ifndef NPU_RESIZE_H
#define NPU_RESIZE_H

#include "pieces.h"

/* Positions in the input have this many bits below the point. */
#define NPU_RESIZE_FRACTION 10

/**
 * struct npu_resize - an instruction, addresses resolved
 * @insn: the instruction
 * @in: its input
 */
struct npu_resize {
	const struct npu_insn *insn;
	const __u8 *in;
};

/**
 * struct npu_between - two neighbours in one dimension
 * @low, @high: their indices
 * @fraction: how far the output lies from the first, 0 to 2^NPU_RESIZE_FRACTION
 */
struct npu_between {
	__u32 low, high;
	__s32 fraction;
};

struct npu_between npu_resize_between(const struct npu_insn *insn, __u32 i, __u32 in, __u32 out);

/* The element of input row @y, column @x from which the first of a piece comes. */
const __u8 *npu_resize_element(const struct npu_resize *r, const struct npu_piece *piece, __u32 y,
			       __u32 x);

#endif /* NPU_RESIZE_H */
