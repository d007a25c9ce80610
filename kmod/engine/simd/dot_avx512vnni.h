/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * dot.h with AVX-512 VNNI. vpdpbusd multiplies unsigned by signed: inputs get 128 added,
 * and sums start from -128 * (sum of the weights). That sum is made from the weights that
 * are there when they are used: a stored one could disagree with weights that were never
 * honest, and this CPU would then answer what no other does.
 */
#ifndef NPU_DOT_AVX512VNNI_H
#define NPU_DOT_AVX512VNNI_H

#include "dot_words_avx512.h"

typedef __u8 dot_input;

#define DOT_QUADS 3
#define DOT_BLOCKS 2
#define DOT_QUADS_ALONE 6
#define DOT_ROW_BLOCKS 8
#define DOT_SLACK 64
#define DOT_OFFSET 0x80808080u

static lanes_inline __mmask64 dot_first(__u32 count)
{
	return count >= 64 ? ~0ull : (1ull << count) - 1;
}

static lanes_inline void dot_prepare(dot_input *to, const __s8 *from, __u32 count)
{
	const __m512i offset = _mm512_set1_epi32((int)DOT_OFFSET);
	__u32 i;

	for (i = 0; i + 64 <= count; i += 64)
		_mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), offset));
	if (i < count) {
		__mmask64 mask = dot_first(count - i);
		__m512i x = _mm512_maskz_loadu_epi8(mask, from + i);

		_mm512_storeu_si512(to + i,
				    _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(x, offset)));
	}
	__builtin_memset(to + count, 0, 3 * sizeof(*to));
}

static lanes_inline void dot_fill(dot_input *to, __s32 value, __u32 count)
{
	__m512i x = _mm512_set1_epi8((char)(value ^ 0x80));
	__u32 i;

	for (i = 0; i + 64 <= count; i += 64)
		_mm512_storeu_si512(to + i, x);
	_mm512_storeu_si512(to + i, _mm512_maskz_mov_epi8(dot_first(count - i), x));
	__builtin_memset(to + count, 0, 3 * sizeof(*to));
}

static lanes_inline struct lanes dot_start(const __s8 *w, __u32 groups, __u32 tail)
{
	const __m512i offset = _mm512_set1_epi32((int)DOT_OFFSET);
	__m512i sum[4];
	__u32 g, i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++)
		sum[i] = _mm512_setzero_si512();
	for (g = 0; g + 4 < groups; g += 4)
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			sum[i] = _mm512_dpbusd_epi32(sum[i], offset,
						     _mm512_loadu_si512(w + (g + i) * 64));
	for (; g + 1 < groups; g++)
		sum[0] = _mm512_dpbusd_epi32(sum[0], offset, _mm512_loadu_si512(w + g * 64));
	sum[1] = _mm512_dpbusd_epi32(sum[1],
				     _mm512_set1_epi32((int)(DOT_OFFSET >> (32 - 8 * tail))),
				     _mm512_loadu_si512(w + g * 64));
	sum[0] = _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]),
				  _mm512_add_epi32(sum[2], sum[3]));
	return lanes_of(_mm512_sub_epi32(_mm512_setzero_si512(), sum[0]));
}

/* Four prepared inputs in every lane. */
static lanes_inline __m512i dot_four(const dot_input *x)
{
	int four;

	__builtin_memcpy(&four, x, sizeof(four));
	return _mm512_set1_epi32(four);
}

static lanes_inline void dot_quads(const struct dot_sums *sums, const struct dot_start *start,
				   const dot_input *const *x, const struct dot_walk *walk,
				   const __s8 *w, const int quads, const int blocks)
{
	const long a = walk->a, b = walk->b, ab = a + b;
	unsigned long block_bytes = walk->block_bytes;
	__m512i acc[DOT_QUADS_ALONE * 4];
	__u32 row, column, g;
	int q, r, k;

#pragma GCC unroll 24
	for (r = 0; r < quads * 4; r++)
#pragma GCC unroll 2
		for (k = 0; k < blocks; k++)
			acc[r * blocks + k] =
				_mm512_loadu_si512((const __u8 *)start->from + r * start->row_step +
						   k * start->block_step);
	for (row = 0; row < walk->rows; row++)
		for (column = 0; column < walk->columns; column++) {
			long at = row * walk->row_step + column * walk->column_step;
			const dot_input *p[DOT_QUADS_ALONE];

#pragma GCC unroll 6
			for (q = 0; q < quads; q++)
				p[q] = x[q] + at;
			for (g = walk->groups; g; g--) {
				__m512i weights[DOT_BLOCKS];

#pragma GCC unroll 2
				for (k = 0; k < blocks; k++)
					weights[k] = _mm512_loadu_si512(w + k * block_bytes);
				/* those of the next blocks come from further away */
				if (blocks > 1) {
					const char *next = (const char *)w + 2 * block_bytes;

					_mm_prefetch(next, _MM_HINT_T0);
					_mm_prefetch(next + block_bytes, _MM_HINT_T0);
				}
				w += 64;
#pragma GCC unroll 6
				for (q = 0; q < quads; q++) {
#pragma GCC unroll 4
					for (r = 0; r < 4; r++) {
						long o = r == 0 ? 0 : r == 1 ? a : r == 2 ? b : ab;
						__m512i in = dot_four(p[q] + o);

#pragma GCC unroll 2
						for (k = 0; k < blocks; k++) {
							__m512i *t = &acc[(q * 4 + r) * blocks + k];

							*t = _mm512_dpbusd_epi32(*t, in,
										 weights[k]);
						}
					}
					p[q] += 4;
					/* keep one pointer a quad, not one a row */
					asm("" : "+r"(p[q]));
				}
			}
		}
#pragma GCC unroll 24
	for (r = 0; r < quads * 4; r++)
#pragma GCC unroll 2
		for (k = 0; k < blocks; k++)
			_mm512_storeu_si512(sums->to + r * sums->row_step + k * sums->block_step,
					    acc[r * blocks + k]);
}

/*
 * Here the weights get 128 added, in registers, and 128 times the sum of the inputs is taken
 * off: each weight is used once, and the inputs can stay where they are.
 */
static lanes_inline void dot_row(struct lanes *sums, const __s8 *x, __u32 count, const __s8 *w,
				 unsigned long block_bytes, const int blocks)
{
	const __m512i offset = _mm512_set1_epi32((int)DOT_OFFSET);
	__m512i acc[DOT_ROW_BLOCKS], total = _mm512_setzero_si512();
	__u32 k, rest = count % 4;
	int b;

#pragma GCC unroll 8
	for (b = 0; b < blocks; b++)
		acc[b] = _mm512_setzero_si512();
	for (k = 0; k < count; k += 64) {
		__m512i in = _mm512_maskz_loadu_epi8(dot_first(count - k), x + k);

		total = _mm512_dpbusd_epi32(total, offset, in);
	}
	for (k = 0; k + 4 <= count; k += 4, w += 64) {
		__m512i in = dot_four((const dot_input *)x + k);

#pragma GCC unroll 8
		for (b = 0; b < blocks; b++) {
			__m512i weights = _mm512_loadu_si512(w + b * block_bytes);

			acc[b] = _mm512_dpbusd_epi32(acc[b], _mm512_xor_si512(weights, offset), in);
		}
	}
	if (rest) {
		__m128i last = _mm_maskz_loadu_epi8((1u << rest) - 1, x + k);
		__m512i in = _mm512_broadcastd_epi32(last);

#pragma GCC unroll 8
		for (b = 0; b < blocks; b++) {
			__m512i weights = _mm512_loadu_si512(w + b * block_bytes);

			acc[b] = _mm512_dpbusd_epi32(acc[b], _mm512_xor_si512(weights, offset), in);
		}
	}
	total = _mm512_set1_epi32(_mm512_reduce_add_epi32(total));
#pragma GCC unroll 8
	for (b = 0; b < blocks; b++)
		sums[b] = lanes_of(_mm512_sub_epi32(acc[b], total));
}

#endif /* NPU_DOT_AVX512VNNI_H */
