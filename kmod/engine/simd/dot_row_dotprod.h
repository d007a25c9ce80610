/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* dot_row() of dot.h with the dot product of AArch64. */
#ifndef NPU_DOT_ROW_DOTPROD_H
#define NPU_DOT_ROW_DOTPROD_H

#include "dot_neon_bytes.h"

#define DOT_ROW_BLOCKS 4

static lanes_inline void dot_row(struct lanes *sums, const __s8 *x, __u32 count, const __s8 *w,
				 unsigned long block_bytes, const int blocks)
{
	int b, c;
	__u32 k;

#pragma GCC unroll 4
	for (b = 0; b < blocks; b++)
		sums[b] = lanes_set(0);
	for (k = 0; k < count; k += 4, w += 64) {
		int8x16_t in = vreinterpretq_s8_s32(vdupq_n_s32(dot_four(x + k, count - k)));

#pragma GCC unroll 4
		for (b = 0; b < blocks; b++)
#pragma GCC unroll 4
			for (c = 0; c < 4; c++)
				sums[b].v[c] = vdotq_s32(sums[b].v[c], in,
							 vld1q_s8(w + b * block_bytes + c * 16));
	}
}

#endif /* NPU_DOT_ROW_DOTPROD_H */
