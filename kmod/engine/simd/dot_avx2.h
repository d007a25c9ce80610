/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * dot.h with AVX2: vpmaddwd on inputs and weights of 16 bits, which is exact for every value
 * where vpmaddubsw would saturate. A register holds four inputs of each of four channels, so
 * that a block is made in quarters.
 */
#ifndef NPU_DOT_AVX2_H
#define NPU_DOT_AVX2_H

#include "dot.h"

typedef __s16 dot_input;

#define DOT_QUADS 3
#define DOT_BLOCKS 1
#define DOT_QUADS_ALONE 3
#define DOT_ROW_BLOCKS 2
#define DOT_SLACK 64

static lanes_inline void dot_prepare(dot_input *to, const __s8 *from, __u32 count)
{
	__u32 i;

	for (i = 0; i + 16 <= count; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(from + i));

		_mm256_storeu_si256((__m256i *)(to + i), _mm256_cvtepi8_epi16(x));
	}
	if (i < count) {
		struct npu_bytes x = npu_bytes_load(from + i, count - i);
		__m128i bytes = _mm_set_epi64x((long long)x.high, (long long)x.low);

		_mm256_storeu_si256((__m256i *)(to + i), _mm256_cvtepi8_epi16(bytes));
	}
}

static lanes_inline void dot_fill(dot_input *to, __s32 value, __u32 count)
{
	__m256i x = _mm256_set1_epi16((short)value);
	__u32 i;

	for (i = 0; i < count; i += 16)
		_mm256_storeu_si256((__m256i *)(to + i), x);
	for (i = count; i % 4; i++)
		to[i] = 0;
}

static lanes_inline struct lanes dot_start(const __s8 *w, __u32 groups, __u32 tail)
{
	(void)w;
	(void)groups;
	(void)tail;
	return lanes_set(0);
}

/* Four inputs of each of four channels: quarter @quarter of a group of weights. */
static lanes_inline __m256i dot_weights(const __s8 *w, const int quarter)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + quarter * 16)));
}

/* Pairs of rows, four channels each, of one quarter of a block. */
static lanes_inline void dot_quarter(__m256i *pairs, const dot_input *const *x,
				     const struct dot_walk *walk, const __s8 *w, const int quads,
				     const int quarter)
{
	const long a = walk->a, b = walk->b, ab = a + b;
	__m256i acc[DOT_QUADS * 4];
	__u32 row, column, g;
	int q, r;

#pragma GCC unroll 12
	for (r = 0; r < quads * 4; r++)
		acc[r] = _mm256_setzero_si256();
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			long at = row * walk->row_step + column * walk->column_step;
			const __u8 *p[DOT_QUADS];

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
						__m256i in = _mm256_broadcastq_epi64(
							_mm_loadl_epi64(
								(const __m128i *)(p[q] + o)));

						acc[q * 4 + r] = _mm256_add_epi32(
							acc[q * 4 + r],
							_mm256_madd_epi16(in, weights));
					}
					p[q] += 4 * sizeof(dot_input);
					/* keep one pointer a quad, not one a row */
					asm("" : "+r"(p[q]));
				}
			}
		}
#pragma GCC unroll 6
	for (r = 0; r < quads * 2; r++)
		pairs[r] = _mm256_permute4x64_epi64(
			_mm256_hadd_epi32(acc[r * 2], acc[r * 2 + 1]), 0xd8);
}

static lanes_inline void dot_quads(__s32 *sums, unsigned long block_step,
				   const struct dot_start *start, const dot_input *const *x,
				   const struct dot_walk *walk, const __s8 *w, const int quads,
				   const int blocks)
{
	__m256i pairs[2][DOT_QUADS * 2];
	int half, r;

	(void)block_step;
	(void)blocks;
#pragma GCC unroll 2
	for (half = 0; half < 2; half++) {
		dot_quarter(pairs[0], x, walk, w, quads, half * 2);
		dot_quarter(pairs[1], x, walk, w, quads, half * 2 + 1);
#pragma GCC unroll 12
		for (r = 0; r < quads * 4; r++) {
			__m256i low = pairs[0][r / 2], high = pairs[1][r / 2];
			const __u8 *from =
				(const __u8 *)start->from + half * 32 + r * start->row_step;
			__m256i sum = r % 2 ? _mm256_permute2x128_si256(low, high, 0x31)
					    : _mm256_permute2x128_si256(low, high, 0x20);

			sum = _mm256_add_epi32(sum, _mm256_loadu_si256((const __m256i *)from));
			_mm256_storeu_si256((__m256i *)(sums + r * 16 + half * 8), sum);
		}
	}
}

static lanes_inline void dot_row(struct lanes *sums, const __s8 *x, __u32 count, const __s8 *w,
				 unsigned long block_bytes, const int blocks)
{
	__m256i acc[DOT_ROW_BLOCKS][4];
	int b, q;
	__u32 k;

#pragma GCC unroll 2
	for (b = 0; b < blocks; b++)
#pragma GCC unroll 4
		for (q = 0; q < 4; q++)
			acc[b][q] = _mm256_setzero_si256();
	for (k = 0; k < count; k += 4, w += 64) {
		__u32 four = 0, i;
		__m256i in;

		if (count - k >= 4)
			__builtin_memcpy(&four, x + k, 4);
		else
			for (i = 0; i < count - k; i++)
				four |= (__u32)(__u8)x[k + i] << 8 * i;
		in = _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128((int)four)));
#pragma GCC unroll 2
		for (b = 0; b < blocks; b++)
#pragma GCC unroll 4
			for (q = 0; q < 4; q++)
				acc[b][q] = _mm256_add_epi32(
					acc[b][q],
					_mm256_madd_epi16(in, dot_weights(w + b * block_bytes, q)));
	}
#pragma GCC unroll 2
	for (b = 0; b < blocks; b++)
		sums[b] = lanes_of(
			_mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[b][0], acc[b][1]), 0xd8),
			_mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[b][2], acc[b][3]), 0xd8));
}

#endif /* NPU_DOT_AVX2_H */
