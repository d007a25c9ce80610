/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * dot.h with AVX-VNNI: as with AVX-512 VNNI (dot_avx512vnni.h gives the reasons), in registers
 * of eight channels. There are sixteen of these, so that one half of a block is made after
 * the other.
 */
#ifndef NPU_DOT_AVXVNNI_H
#define NPU_DOT_AVXVNNI_H

#include "dot_words_avx2.h"

typedef __u8 dot_input;

#define DOT_QUADS 3
#define DOT_BLOCKS 1
#define DOT_QUADS_ALONE 3
#define DOT_ROW_BLOCKS 4
#define DOT_SLACK 32
#define DOT_OFFSET 0x80808080u

static lanes_inline void dot_prepare(dot_input *to, const __s8 *from, __u32 count)
{
	const __m256i offset = _mm256_set1_epi32((int)DOT_OFFSET);
	__u32 i;

	for (i = 0; i + 32 <= count; i += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(from + i));

		_mm256_storeu_si256((__m256i *)(to + i), _mm256_xor_si256(x, offset));
	}
	for (; i < count; i += 16) {
		struct npu_bytes x = npu_bytes_load(from + i, count - i < 16 ? count - i : 16);
		struct npu_bytes y = { 0x8080808080808080u, 0x8080808080808080u };

		if (count - i < 8) {
			y.low >>= 64 - 8 * (count - i);
			y.high = 0;
		} else if (count - i < 16) {
			y.high = count - i == 8 ? 0 : y.high >> (128 - 8 * (count - i));
		}
		x.low ^= y.low;
		x.high ^= y.high;
		__builtin_memcpy(to + i, &x, sizeof(x));
	}
	__builtin_memset(to + count, 0, 3 * sizeof(*to));
}

static lanes_inline void dot_fill(dot_input *to, __s32 value, __u32 count)
{
	__m256i x = _mm256_set1_epi8((char)(value ^ 0x80));
	__u32 i;

	for (i = 0; i < count; i += 32)
		_mm256_storeu_si256((__m256i *)(to + i), x);
	__builtin_memset(to + count, 0, 3 * sizeof(*to));
}

static lanes_inline struct lanes dot_start(const __s8 *w, __u32 groups, __u32 tail)
{
	const __m256i offset = _mm256_set1_epi32((int)DOT_OFFSET);
	__m256i last = _mm256_set1_epi32((int)(DOT_OFFSET >> (32 - 8 * tail)));
	__m256i low = _mm256_setzero_si256(), high = low;
	__u32 g;

	for (g = 0; g < groups; g++) {
		const __m256i *p = (const __m256i *)(w + g * 64);
		__m256i unit = g + 1 < groups ? offset : last;

		low = _mm256_dpbusd_avx_epi32(low, unit, _mm256_loadu_si256(p));
		high = _mm256_dpbusd_avx_epi32(high, unit, _mm256_loadu_si256(p + 1));
	}
	return lanes_sub(lanes_set(0), lanes_of(low, high));
}

/* Four prepared inputs in every lane. */
static lanes_inline __m256i dot_four(const dot_input *x)
{
	int four;

	__builtin_memcpy(&four, x, sizeof(four));
	return _mm256_set1_epi32(four);
}

static lanes_inline void dot_half(const struct dot_sums *sums, const struct dot_start *start,
				  const dot_input *const *x, const struct dot_walk *walk,
				  const __s8 *w, const int quads, const int half)
{
	const long a = walk->a, b = walk->b, ab = a + b;
	__m256i acc[DOT_QUADS * 4];
	__u32 row, column, g;
	int q, r;

#pragma GCC unroll 12
	for (r = 0; r < quads * 4; r++)
		acc[r] = _mm256_loadu_si256((const void *)((const __u8 *)start->from + half * 32 +
							   r * start->row_step));
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			long at = row * walk->row_step + column * walk->column_step;
			const dot_input *p[DOT_QUADS];

#pragma GCC unroll 3
			for (q = 0; q < quads; q++)
				p[q] = x[q] + at;
			for (g = walk->groups; g; g--, w += 64) {
				__m256i weights =
					_mm256_loadu_si256((const __m256i *)(w + half * 32));

#pragma GCC unroll 3
				for (q = 0; q < quads; q++) {
#pragma GCC unroll 4
					for (r = 0; r < 4; r++) {
						long o = r == 0 ? 0 : r == 1 ? a : r == 2 ? b : ab;

						acc[q * 4 + r] = _mm256_dpbusd_avx_epi32(
							acc[q * 4 + r], dot_four(p[q] + o),
							weights);
					}
					p[q] += 4;
					/* keep one pointer a quad, not one a row */
					asm("" : "+r"(p[q]));
				}
			}
		}
#pragma GCC unroll 12
	for (r = 0; r < quads * 4; r++)
		_mm256_storeu_si256((__m256i *)(sums->to + r * sums->row_step + half * 32), acc[r]);
}

static lanes_inline void dot_quads(const struct dot_sums *sums, const struct dot_start *start,
				   const dot_input *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads, const int blocks)
{
	(void)blocks;
	dot_half(sums, start, x, walk, w, quads, 0);
	dot_half(sums, start, x, walk, w, quads, 1);
}

static lanes_inline void dot_row(struct lanes *sums, const __s8 *x, __u32 count, const __s8 *w,
				 unsigned long block_bytes, const int blocks)
{
	const __m256i offset = _mm256_set1_epi32((int)DOT_OFFSET);
	__m256i acc[DOT_ROW_BLOCKS][2];
	__u32 k, total = 0;
	int b, half;

#pragma GCC unroll 4
	for (b = 0; b < blocks; b++)
		acc[b][0] = acc[b][1] = _mm256_setzero_si256();
	for (k = 0; k < count; k += 4, w += 64) {
		__u32 four = 0, i;
		__m256i in;

		if (count - k >= 4)
			__builtin_memcpy(&four, x + k, 4);
		else
			for (i = 0; i < count - k; i++)
				four |= (__u32)(__u8)x[k + i] << 8 * i;
		in = _mm256_set1_epi32((int)four);
#pragma GCC unroll 4
		for (b = 0; b < blocks; b++)
#pragma GCC unroll 2
			for (half = 0; half < 2; half++) {
				const __s8 *p = w + b * block_bytes + half * 32;
				__m256i weights = _mm256_loadu_si256((const __m256i *)p);

				acc[b][half] = _mm256_dpbusd_avx_epi32(
					acc[b][half], _mm256_xor_si256(weights, offset), in);
			}
	}
	for (k = 0; k < count; k++)
		total += x[k];
#pragma GCC unroll 4
	for (b = 0; b < blocks; b++)
		sums[b] =
			lanes_sub(lanes_of(acc[b][0], acc[b][1]), lanes_set((__s32)(total * 128)));
}

#endif /* NPU_DOT_AVXVNNI_H */
