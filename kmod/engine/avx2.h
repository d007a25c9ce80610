/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * fixedpoint.h for eight lanes of an AVX2 register, the same bits. Multipliers come from
 * validated scales and are never negative, so that nothing saturates.
 */
#ifndef NPU_AVX2_H
#define NPU_AVX2_H

#ifdef __KERNEL__
/* the intrinsics would pull in malloc() */
#define _MM_MALLOC_H_INCLUDED 1
#endif
#include <immintrin.h>

#include "kernels.h"

/**
 * struct npu_scale8 - eight scales, taken apart
 * @multiplier: Q0.31
 * @left: shift before it
 * @right: shift after it
 * @mask: the bits that @right drops
 */
struct npu_scale8 {
	__m256i multiplier, left, right, mask;
};

static inline struct npu_scale8 npu_scale8_make(__m256i multiplier, __m256i shift)
{
	const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
	struct npu_scale8 scale = { .multiplier = multiplier };

	scale.left = _mm256_max_epi32(shift, zero);
	scale.right = _mm256_max_epi32(_mm256_sub_epi32(zero, shift), zero);
	scale.mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, scale.right), one);
	return scale;
}

static inline struct npu_scale8 npu_scale8_same(const struct npu_scale *scale)
{
	return npu_scale8_make(_mm256_set1_epi32(scale->multiplier),
			       _mm256_set1_epi32(scale->shift));
}

/* Multipliers and shifts of eight neighbouring scales. */
static inline void npu_scale8_load(const struct npu_scale *scale, __m256i *multiplier,
				   __m256i *shift)
{
	__m256 low = _mm256_loadu_ps((const float *)scale);
	__m256 high = _mm256_loadu_ps((const float *)(scale + 4));
	__m256i even = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
	__m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0xdd));

	*multiplier = _mm256_permute4x64_epi64(even, 0xd8);
	*shift = _mm256_permute4x64_epi64(odd, 0xd8);
}

static inline __m256i npu_doubling_high_multiply8(__m256i a, __m256i b)
{
	const __m256i half = _mm256_set1_epi64x(1 << 30);
	__m256i even = _mm256_mul_epi32(a, b);
	__m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));

	even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
	odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
	return _mm256_blend_epi32(even, odd, 0xaa);
}

static inline __m256i npu_rescale8(__m256i x, const struct npu_scale8 *scale)
{
	__m256i remainder, threshold;

	x = npu_doubling_high_multiply8(_mm256_sllv_epi32(x, scale->left), scale->multiplier);
	remainder = _mm256_and_si256(x, scale->mask);
	threshold = _mm256_sub_epi32(_mm256_srli_epi32(scale->mask, 1), _mm256_srai_epi32(x, 31));
	return _mm256_sub_epi32(_mm256_srav_epi32(x, scale->right),
				_mm256_cmpgt_epi32(remainder, threshold));
}

static inline __m256i npu_clamp8(__m256i x, __m256i min, __m256i max)
{
	return _mm256_min_epi32(_mm256_max_epi32(x, min), max);
}

/* Sixteen lanes that fit the type, to memory. */
static inline void npu_store16(void *out, __u32 type, __m256i low, __m256i high)
{
	__m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);

	if (type == NPU_TYPE_INT16)
		_mm256_storeu_si256(out, words);
	else
		_mm_storeu_si128(out, _mm_packs_epi16(_mm256_castsi256_si128(words),
						      _mm256_extracti128_si256(words, 1)));
}

#endif /* NPU_AVX2_H */
