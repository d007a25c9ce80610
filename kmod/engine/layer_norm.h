/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* LAYER_NORM: what its scalar and its vector kernels share. */
#ifndef NPU_LAYER_NORM_H
#define NPU_LAYER_NORM_H

#include "kernels.h"

/**
 * struct npu_layer_norm - how the elements of one row are normalised
 * @length: C
 * @sum: of the elements
 * @inverse: of the square root of C^2 * variance, 31 bits
 * @shift: right shift, in [7, 37], of ((@length * x - @sum) * @inverse) to Q7.24
 */
struct npu_layer_norm {
	__u32 length;
	__s32 sum;
	__s32 inverse;
	__u32 shift;
};

/* @sum, @squares: sums of the elements of a row and of their squares. */
void npu_layer_norm_prepare(const struct npu_insn *insn, __s64 sum, __u64 squares,
			    struct npu_layer_norm *norm);

/* One row over C. */
typedef void (*npu_layer_norm_row)(const struct npu_exec *exec, const struct npu_insn *insn,
				   const void *in, void *out);

void npu_layer_norm_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			__u32 count, npu_layer_norm_row function);

#endif /* NPU_LAYER_NORM_H */
