/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * dot.h with the vector instructions that every AArch64 CPU has: products of bytes are 16 bits
 * wide, and pairs of them are added to sums of 32.
 */
#ifndef NPU_DOT_NEON_H
#define NPU_DOT_NEON_H

#include "dot_neon_bytes.h"

#define DOT_ROW_BLOCKS 2

/* Four inputs of each of two channels: each sum is half a channel's. */
static lanes_inline int32x4_t dot_pair(int32x4_t sum, int8x8_t in, int8x8_t weights)
{
	return vpadalq_s16(sum, vmull_s8(in, weights));
}

/* Eight channels of a quad. */
static lanes_inline void dot_half(const struct dot_sums *sums, const struct dot_start *start,
				  const dot_input *x, const struct dot_walk *walk, const __s8 *w,
				  const int half)
{
	const long offset[4] = { 0, walk->a, walk->b, walk->a + walk->b };
	__u32 row, column, g;
	int32x4_t acc[4][4];
	int r, c;

#pragma GCC unroll 4
	for (r = 0; r < 4; r++)
#pragma GCC unroll 4
		for (c = 0; c < 4; c++)
			acc[r][c] = vdupq_n_s32(0);
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			const dot_input *p = x + row * walk->row_step + column * walk->column_step;

			for (g = walk->groups; g; g--, w += 64, p += 4) {
				int8x16_t low = vld1q_s8(w + half * 32);
				int8x16_t high = vld1q_s8(w + half * 32 + 16);

#pragma GCC unroll 4
				for (r = 0; r < 4; r++) {
					int8x8_t in = vreinterpret_s8_s32(
						vdup_n_s32(dot_four(p + offset[r], 4)));

					acc[r][0] = dot_pair(acc[r][0], in, vget_low_s8(low));
					acc[r][1] = dot_pair(acc[r][1], in, vget_high_s8(low));
					acc[r][2] = dot_pair(acc[r][2], in, vget_low_s8(high));
					acc[r][3] = dot_pair(acc[r][3], in, vget_high_s8(high));
				}
			}
		}
#pragma GCC unroll 4
	for (r = 0; r < 4; r++) {
		const __s32 *from =
			(const __s32 *)((const __u8 *)start->from + r * start->row_step) + half * 8;
		__s32 *to = (__s32 *)(sums->to + r * sums->row_step) + half * 8;

		vst1q_s32(to, vaddq_s32(vld1q_s32(from), vpaddq_s32(acc[r][0], acc[r][1])));
		vst1q_s32(to + 4, vaddq_s32(vld1q_s32(from + 4), vpaddq_s32(acc[r][2], acc[r][3])));
	}
}

static lanes_inline void dot_quads(const struct dot_sums *sums, const struct dot_start *start,
				   const dot_input *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads, const int blocks)
{
	(void)quads;
	(void)blocks;
	dot_half(sums, start, x[0], walk, w, 0);
	dot_half(sums, start, x[0], walk, w, 1);
}

static lanes_inline void dot_row(struct lanes *sums, const __s8 *x, __u32 count, const __s8 *w,
				 unsigned long block_bytes, const int blocks)
{
	int32x4_t acc[DOT_ROW_BLOCKS][8];
	int b, c;
	__u32 k;

#pragma GCC unroll 2
	for (b = 0; b < blocks; b++)
#pragma GCC unroll 8
		for (c = 0; c < 8; c++)
			acc[b][c] = vdupq_n_s32(0);
	for (k = 0; k < count; k += 4, w += 64) {
		int8x8_t in = vreinterpret_s8_s32(vdup_n_s32(dot_four(x + k, count - k)));

#pragma GCC unroll 2
		for (b = 0; b < blocks; b++)
#pragma GCC unroll 8
			for (c = 0; c < 8; c++)
				acc[b][c] = dot_pair(acc[b][c], in,
						     vld1_s8(w + b * block_bytes + c * 8));
	}
#pragma GCC unroll 2
	for (b = 0; b < blocks; b++)
#pragma GCC unroll 4
		for (c = 0; c < 4; c++)
			sums[b].v[c] = vpaddq_s32(acc[b][c * 2], acc[b][c * 2 + 1]);
}

#endif /* NPU_DOT_NEON_H */
