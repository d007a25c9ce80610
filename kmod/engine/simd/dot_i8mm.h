/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * dot.h with the matrix products of AArch64: two rows of eight inputs by two channels of eight
 * weights, which two groups of packed weights give when they are zipped.
 */
#ifndef NPU_DOT_I8MM_H
#define NPU_DOT_I8MM_H

#include "dot_row_dotprod.h"

/* Eight inputs of two rows. */
static lanes_inline int8x16_t dot_two_rows(const dot_input *first, const dot_input *second)
{
	return vcombine_s8(vld1_s8(first), vld1_s8(second));
}

/* One or, if @pair, two groups: @acc[c] is of channels 2 c and 2 c + 1, [0] of rows 0 and 1. */
static lanes_inline void dot_groups(int32x4_t (*acc)[2], const dot_input *p, const long *offset,
				    const __s8 *w, const bool pair)
{
	int8x16_t in[2] = { dot_two_rows(p, p + offset[1]),
			    dot_two_rows(p + offset[2], p + offset[3]) };
	int c;

#pragma GCC unroll 4
	for (c = 0; c < 4; c++) {
		int32x4_t even = vreinterpretq_s32_s8(vld1q_s8(w + c * 16)), odd = vdupq_n_s32(0);
		int8x16_t low, high;

		if (pair)
			odd = vreinterpretq_s32_s8(vld1q_s8(w + 64 + c * 16));
		low = vreinterpretq_s8_s32(vzip1q_s32(even, odd));
		high = vreinterpretq_s8_s32(vzip2q_s32(even, odd));
		acc[c * 2][0] = vmmlaq_s32(acc[c * 2][0], in[0], low);
		acc[c * 2][1] = vmmlaq_s32(acc[c * 2][1], in[1], low);
		acc[c * 2 + 1][0] = vmmlaq_s32(acc[c * 2 + 1][0], in[0], high);
		acc[c * 2 + 1][1] = vmmlaq_s32(acc[c * 2 + 1][1], in[1], high);
	}
}

/* Four channels of one row, out of two pairs. */
static lanes_inline int32x4_t dot_join(int32x4_t first, int32x4_t second, const int row)
{
	if (row % 2)
		return vcombine_s32(vget_high_s32(first), vget_high_s32(second));
	return vcombine_s32(vget_low_s32(first), vget_low_s32(second));
}

static lanes_inline void dot_quads(const struct dot_sums *sums, const struct dot_start *start,
				   const dot_input *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads, const int blocks)
{
	const long offset[4] = { 0, walk->a, walk->b, walk->a + walk->b };
	__u32 row, column, g;
	int32x4_t acc[8][2];
	int r, c;

	(void)quads;
	(void)blocks;
#pragma GCC unroll 8
	for (c = 0; c < 8; c++)
		acc[c][0] = acc[c][1] = vdupq_n_s32(0);
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			const dot_input *p =
				x[0] + row * walk->row_step + column * walk->column_step;

			for (g = walk->groups; g > 1; g -= 2, w += 128, p += 8)
				dot_groups(acc, p, offset, w, true);
			if (g) {
				dot_groups(acc, p, offset, w, false);
				w += 64;
			}
		}
#pragma GCC unroll 4
	for (r = 0; r < 4; r++) {
		struct lanes from = lanes_load((const __u8 *)start->from + r * start->row_step);

#pragma GCC unroll 4
		for (c = 0; c < 4; c++)
			from.v[c] = vaddq_s32(
				from.v[c], dot_join(acc[c * 2][r / 2], acc[c * 2 + 1][r / 2], r));
		lanes_store(sums->to + r * sums->row_step, from);
	}
}

#endif /* NPU_DOT_I8MM_H */
