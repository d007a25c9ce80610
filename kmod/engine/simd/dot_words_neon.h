/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* int16 inputs (dot.h) with NEON: each register sums the products of one channel, row by row. */
#ifndef NPU_DOT_WORDS_NEON_H
#define NPU_DOT_WORDS_NEON_H

#include "dot.h"

#define DOT_WORDS_QUADS 1

static lanes_inline void dot_words_row(__s32 *sums, const __u8 *x, const struct dot_walk *walk,
				       const __s8 *w)
{
	__u32 row, column, g;
	int32x4_t acc[16];
	int c;

#pragma GCC unroll 16
	for (c = 0; c < 16; c++)
		acc[c] = vdupq_n_s32(0);
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			const __u8 *p = x + row * walk->row_step + column * walk->column_step;

			for (g = walk->groups; g; g--, w += 64, p += 8) {
				int16x4_t in = vreinterpret_s16_u8(vld1_u8(p));

#pragma GCC unroll 8
				for (c = 0; c < 8; c++) {
					int16x8_t two = vmovl_s8(vld1_s8(w + c * 8));

					acc[c * 2] = vmlal_s16(acc[c * 2], in, vget_low_s16(two));
					acc[c * 2 + 1] =
						vmlal_s16(acc[c * 2 + 1], in, vget_high_s16(two));
				}
			}
		}
#pragma GCC unroll 4
	for (c = 0; c < 4; c++)
		vst1q_s32(sums + c * 4, vpaddq_s32(vpaddq_s32(acc[c * 4], acc[c * 4 + 1]),
						   vpaddq_s32(acc[c * 4 + 2], acc[c * 4 + 3])));
}

static lanes_inline void dot_words(__s32 *sums, const __s16 *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads)
{
	const __u8 *p = (const __u8 *)x[0];

	(void)quads;
	dot_words_row(sums, p, walk, w);
	dot_words_row(sums + 16, p + walk->a, walk, w);
	dot_words_row(sums + 32, p + walk->b, walk, w);
	dot_words_row(sums + 48, p + walk->a + walk->b, walk, w);
}

#endif /* NPU_DOT_WORDS_NEON_H */
