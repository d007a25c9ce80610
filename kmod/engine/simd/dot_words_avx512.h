/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* int16 inputs (dot.h) with AVX-512 VNNI: vpdpwssd on weights that are widened. */
#ifndef NPU_DOT_WORDS_AVX512_H
#define NPU_DOT_WORDS_AVX512_H

#include "dot.h"

#define DOT_WORDS_QUADS 3

/* Four inputs in every 64 bits. */
static lanes_inline __m512i dot_four_words(const __u8 *x)
{
	return _mm512_broadcastq_epi64(_mm_loadl_epi64((const __m128i *)x));
}

/* Sixteen channels out of two times eight pairs. */
static lanes_inline __m512i dot_join_pairs(__m512i low, __m512i high)
{
	const __m512i even =
		_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));

	return _mm512_add_epi32(_mm512_permutex2var_epi32(low, even, high),
				_mm512_permutex2var_epi32(low, odd, high));
}

static lanes_inline void dot_words(__s32 *sums, const __s16 *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads)
{
	const long a = walk->a, b = walk->b, ab = a + b;
	__m512i acc[DOT_WORDS_QUADS * 4][2];
	__u32 row, column, g;
	int q, r;

#pragma GCC unroll 12
	for (r = 0; r < quads * 4; r++)
		acc[r][0] = acc[r][1] = _mm512_setzero_si512();
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			long at = row * walk->row_step + column * walk->column_step;
			const __u8 *p[DOT_WORDS_QUADS];

#pragma GCC unroll 3
			for (q = 0; q < quads; q++)
				p[q] = (const __u8 *)x[q] + at;
			for (g = walk->groups; g; g--, w += 64) {
				const __m256i *pair = (const __m256i *)w;
				__m512i low = _mm512_cvtepi8_epi16(_mm256_loadu_si256(pair));
				__m512i high = _mm512_cvtepi8_epi16(_mm256_loadu_si256(pair + 1));

#pragma GCC unroll 3
				for (q = 0; q < quads; q++) {
#pragma GCC unroll 4
					for (r = 0; r < 4; r++) {
						long o = r == 0 ? 0 : r == 1 ? a : r == 2 ? b : ab;
						__m512i in = dot_four_words(p[q] + o);
						__m512i *t = acc[q * 4 + r];

						t[0] = _mm512_dpwssd_epi32(t[0], in, low);
						t[1] = _mm512_dpwssd_epi32(t[1], in, high);
					}
					p[q] += 4 * sizeof(__s16);
					/* keep one pointer a quad, not one a row */
					asm("" : "+r"(p[q]));
				}
			}
		}
#pragma GCC unroll 12
	for (r = 0; r < quads * 4; r++)
		_mm512_storeu_si512(sums + r * 16, dot_join_pairs(acc[r][0], acc[r][1]));
}

#endif /* NPU_DOT_WORDS_AVX512_H */
