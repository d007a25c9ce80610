/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* dot.h with the dot product of AArch64: signed by signed, weights as they lie in memory. */
#ifndef NPU_DOT_DOTPROD_H
#define NPU_DOT_DOTPROD_H

#include "dot_row_dotprod.h"

static lanes_inline void dot_quads(const struct dot_sums *sums, const struct dot_start *start,
				   const dot_input *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads, const int blocks)
{
	const long offset[4] = { 0, walk->a, walk->b, walk->a + walk->b };
	__u32 row, column, g;
	struct lanes acc[4];
	int r, c;

	(void)quads;
	(void)blocks;
#pragma GCC unroll 4
	for (r = 0; r < 4; r++)
		acc[r] = lanes_load((const __u8 *)start->from + r * start->row_step);
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			const dot_input *p =
				x[0] + row * walk->row_step + column * walk->column_step;

			for (g = walk->groups; g; g--, w += 64, p += 4) {
				int8x16_t weights[4];

#pragma GCC unroll 4
				for (c = 0; c < 4; c++)
					weights[c] = vld1q_s8(w + c * 16);
#pragma GCC unroll 4
				for (r = 0; r < 4; r++) {
					int8x16_t in = vreinterpretq_s8_s32(
						vdupq_n_s32(dot_four(p + offset[r], 4)));

#pragma GCC unroll 4
					for (c = 0; c < 4; c++)
						acc[r].v[c] =
							vdotq_s32(acc[r].v[c], in, weights[c]);
				}
			}
		}
#pragma GCC unroll 4
	for (r = 0; r < 4; r++)
		lanes_store(sums->to + r * sums->row_step, acc[r]);
}

#endif /* NPU_DOT_DOTPROD_H */
