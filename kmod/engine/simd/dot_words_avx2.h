/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * int16 inputs (dot.h) with AVX2: vpmaddwd on weights that are widened. A register holds four
 * inputs of each of four channels, so that a block is made in quarters.
 */
#ifndef NPU_DOT_WORDS_AVX2_H
#define NPU_DOT_WORDS_AVX2_H

#include "dot.h"

#define DOT_WORDS_QUADS 3

/* Four inputs of each of four channels: quarter @quarter of a group of weights. */
static lanes_inline __m256i dot_weights(const __s8 *w, const int quarter)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + quarter * 16)));
}

/* Pairs of rows, four channels each, of one quarter of a block. */
static lanes_inline void dot_quarter(__m256i *pairs, const __s16 *const *x,
				     const struct dot_walk *walk, const __s8 *w, const int quads,
				     const int quarter)
{
	const long a = walk->a, b = walk->b, ab = a + b;
	__m256i acc[DOT_WORDS_QUADS * 4];
	__u32 row, column, g;
	int q, r;

#pragma GCC unroll 12
	for (r = 0; r < quads * 4; r++)
		acc[r] = _mm256_setzero_si256();
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			long at = row * walk->row_step + column * walk->column_step;
			const __u8 *p[DOT_WORDS_QUADS];

#pragma GCC unroll 3
			for (q = 0; q < quads; q++)
				p[q] = (const __u8 *)x[q] + at;
			for (g = walk->groups; g; g--, w += 64) {
				__m256i weights = dot_weights(w, quarter);

#pragma GCC unroll 3
				for (q = 0; q < quads; q++) {
#pragma GCC unroll 4
					for (r = 0; r < 4; r++) {
						long o = r == 0 ? 0 : r == 1 ? a : r == 2 ? b : ab;
						__m256i in =
							_mm256_broadcastq_epi64(_mm_loadl_epi64(
								(const __m128i *)(p[q] + o)));

						acc[q * 4 + r] = _mm256_add_epi32(
							acc[q * 4 + r],
							_mm256_madd_epi16(in, weights));
					}
					p[q] += 4 * sizeof(__s16);
					/* keep one pointer a quad, not one a row */
					asm("" : "+r"(p[q]));
				}
			}
		}
#pragma GCC unroll 6
	for (r = 0; r < quads * 2; r++)
		pairs[r] = _mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[r * 2], acc[r * 2 + 1]),
						    0xd8);
}

/* Eight channels of a quad's rows, from pairs of rows of two quarters. */
static lanes_inline __m256i dot_eight(__m256i (*pairs)[DOT_WORDS_QUADS * 2], const int row)
{
	return row % 2 ? _mm256_permute2x128_si256(pairs[0][row / 2], pairs[1][row / 2], 0x31)
		       : _mm256_permute2x128_si256(pairs[0][row / 2], pairs[1][row / 2], 0x20);
}

static lanes_inline void dot_words(__s32 *sums, const __s16 *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads)
{
	__m256i pairs[2][DOT_WORDS_QUADS * 2];
	int half, r;

#pragma GCC unroll 2
	for (half = 0; half < 2; half++) {
		dot_quarter(pairs[0], x, walk, w, quads, half * 2);
		dot_quarter(pairs[1], x, walk, w, quads, half * 2 + 1);
#pragma GCC unroll 12
		for (r = 0; r < quads * 4; r++)
			_mm256_storeu_si256((__m256i *)(sums + r * 16 + half * 8),
					    dot_eight(pairs, r));
	}
}

#endif /* NPU_DOT_WORDS_AVX2_H */
