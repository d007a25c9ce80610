/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What every SOFTMAX shares: where its rows are, and the reciprocal of their sum. */
#ifndef NPU_SOFTMAX_H
#define NPU_SOFTMAX_H

#include "kernels.h"

/* A row over C, which is a unit. */
struct npu_softmax_row {
	const void *in;
	void *out;
};

struct npu_softmax_row npu_softmax_row_at(const struct npu_exec *exec, const struct npu_insn *insn,
					  __u32 unit);

/**
 * struct npu_reciprocal - 1 / sum of exponentials
 * @scale: Q0.31 for int8 inputs, Q0.15 for int16
 * @bits: an exponential times @scale is to be shifted right by them, and for int8 inputs by
 *	the bits of the output's fraction more
 */
struct npu_reciprocal {
	__s32 scale, bits;
};

/* Any sum is legal: another thread may have spoilt it. */
struct npu_reciprocal npu_softmax_reciprocal(__s32 sum);
struct npu_reciprocal npu_softmax_reciprocal_s16(__s32 sum);

#endif /* NPU_SOFTMAX_H */
