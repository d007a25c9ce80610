/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* fixedpoint.h for sixteen lanes of an AVX-512 register, the same bits. */
#ifndef NPU_AVX512VNNI_H
#define NPU_AVX512VNNI_H

#ifdef __KERNEL__
/* the intrinsics would pull in malloc() */
#define _MM_MALLOC_H_INCLUDED 1
#endif
#include <immintrin.h>

#include "kernels.h"

/* Scales of sixteen channels, taken apart. */
struct npu_scale16 {
	__m512i multiplier, shift;
};

/* Sixteen neighbouring scales, or @step 0: sixteen times the same. */
static inline struct npu_scale16 npu_scale16_load(const struct npu_scale *scale, __u32 step)
{
	const __m512i even =
		_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
	__m512i low, high;

	if (!step)
		return (struct npu_scale16){ _mm512_set1_epi32(scale->multiplier),
					     _mm512_set1_epi32(scale->shift) };
	low = _mm512_loadu_si512(scale);
	high = _mm512_loadu_si512(scale + 8);
	return (struct npu_scale16){ _mm512_permutex2var_epi32(low, even, high),
				     _mm512_permutex2var_epi32(low, odd, high) };
}

static inline __m512i npu_doubling_high_multiply16(__m512i a, __m512i b)
{
	const __m512i half = _mm512_set1_epi64(1 << 30);
	__m512i even = _mm512_mul_epi32(a, b);
	__m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));

	even = _mm512_srli_epi64(_mm512_add_epi64(even, half), 31);
	odd = _mm512_slli_epi64(_mm512_add_epi64(odd, half), 1);
	return _mm512_mask_mov_epi32(even, 0xaaaa, odd);
}

static inline __m512i npu_rescale16(__m512i x, const struct npu_scale16 *scale)
{
	const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi32(1);
	__m512i left = _mm512_max_epi32(scale->shift, zero);
	__m512i right = _mm512_max_epi32(_mm512_sub_epi32(zero, scale->shift), zero);
	__m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
	__m512i threshold;
	__mmask16 up;

	x = npu_doubling_high_multiply16(_mm512_sllv_epi32(x, left), scale->multiplier);
	threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(x, 31));
	up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(x, mask), threshold);
	x = _mm512_srav_epi32(x, right);
	return _mm512_mask_add_epi32(x, up, x, one);
}

/* Eight 64-bit sums; shifts are at most 7. */
static inline __m256i npu_rescale64_8(__m512i x, __m256i multiplier, __m256i shift)
{
	__m256i reduced =
		_mm256_srli_epi32(_mm256_add_epi32(multiplier, _mm256_set1_epi32(1 << 15)), 16);
	__m512i factor =
		_mm512_cvtepi32_epi64(_mm256_min_epi32(reduced, _mm256_set1_epi32(0x7fff)));
	__m512i total = _mm512_cvtepi32_epi64(_mm256_sub_epi32(_mm256_set1_epi32(15), shift));
	__m512i high = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), factor);
	__m512i one = _mm512_set1_epi64(1);

	x = _mm512_add_epi64(_mm512_mul_epu32(x, factor), _mm512_slli_epi64(high, 32));
	x = _mm512_add_epi64(x, _mm512_sllv_epi64(one, _mm512_sub_epi64(total, one)));
	return _mm512_cvtepi64_epi32(_mm512_srav_epi64(x, total));
}

/* A mask of the first @count of 64 lanes, all if there are more. */
static inline __mmask64 npu_first_lanes(__u32 count)
{
	return count >= 64 ? ~0ull : (1ull << count) - 1;
}

/* Zero point, clamp, and the channels of @block that exist, to memory. */
static inline void npu_fc_store16(const struct npu_fc *fc, __u32 block, __u32 row, __m512i x)
{
	__u8 *out = fc->out + (__u64)row * fc->out_stride;
	__mmask16 lanes = npu_first_lanes(npu_fc_lanes(fc, block));

	x = _mm512_add_epi32(x, _mm512_set1_epi32(fc->out_zero));
	x = _mm512_max_epi32(x, _mm512_set1_epi32(fc->act_min));
	x = _mm512_min_epi32(x, _mm512_set1_epi32(fc->act_max));
	if (fc->out_type == NPU_TYPE_INT8)
		_mm512_mask_cvtepi32_storeu_epi8(out + block * 16, lanes, x);
	else
		_mm512_mask_cvtepi32_storeu_epi16(out + (__u64)block * 32, lanes, x);
}

#endif /* NPU_AVX512VNNI_H */
