/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * dot.h with AVX2: vpmaddwd on inputs and weights of 16 bits, which is exact for every value
 * where vpmaddubsw would saturate.
 */
#ifndef NPU_DOT_AVX2_H
#define NPU_DOT_AVX2_H

#include "dot_words_avx2.h"

typedef __s16 dot_input;

#define DOT_QUADS DOT_WORDS_QUADS
#define DOT_BLOCKS 1
#define DOT_QUADS_ALONE DOT_WORDS_QUADS
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
	__builtin_memset(to + count, 0, 3 * sizeof(*to));
}

static lanes_inline void dot_fill(dot_input *to, __s32 value, __u32 count)
{
	__m256i x = _mm256_set1_epi16((short)value);
	__u32 i;

	for (i = 0; i < count; i += 16)
		_mm256_storeu_si256((__m256i *)(to + i), x);
	__builtin_memset(to + count, 0, 3 * sizeof(*to));
}

static lanes_inline struct lanes dot_start(const __s8 *w, __u32 groups, __u32 tail)
{
	(void)w;
	(void)groups;
	(void)tail;
	return lanes_set(0);
}

static lanes_inline void dot_quads(const struct dot_sums *sums, const struct dot_start *start,
				   const dot_input *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads, const int blocks)
{
	__m256i pairs[2][DOT_QUADS * 2];
	int half, r;

	(void)blocks;
#pragma GCC unroll 2
	for (half = 0; half < 2; half++) {
		dot_quarter(pairs[0], x, walk, w, quads, half * 2);
		dot_quarter(pairs[1], x, walk, w, quads, half * 2 + 1);
#pragma GCC unroll 12
		for (r = 0; r < quads * 4; r++) {
			const __u8 *from =
				(const __u8 *)start->from + half * 32 + r * start->row_step;
			__m256i sum = _mm256_add_epi32(dot_eight(pairs, r),
						       _mm256_loadu_si256((const __m256i *)from));

			_mm256_storeu_si256((__m256i *)(sums->to + r * sums->row_step + half * 32),
					    sum);
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
