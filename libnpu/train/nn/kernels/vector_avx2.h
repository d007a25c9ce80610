/* SPDX-License-Identifier: MIT */
/* A vector of floats, as AVX2 and FMA have it. vector_avx512.h says what the functions do. */
#ifndef NPU_NN_VECTOR_H
#define NPU_NN_VECTOR_H

#include <immintrin.h>
#include <stddef.h>

#include "transpose_x86.h"

#define LANES 8

/* The largest tile of a matrix product that 16 registers hold, and X(rows, vectors) for each size.
 */
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define TILE_COLUMN(X, v) X(1, v) X(2, v) X(3, v) X(4, v) X(5, v) X(6, v)
#define TILES(X) TILE_COLUMN(X, 1) TILE_COLUMN(X, 2)

typedef __m256 vec;
typedef __m256i vec_mask;
typedef __m256 vec_test;

static inline vec_mask v_first(size_t n)
{
	__m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

	return _mm256_cmpgt_epi32(_mm256_set1_epi32(n >= LANES ? LANES : (int)n), lane);
}

static inline vec v_load(const float *p)
{
	return _mm256_loadu_ps(p);
}

static inline vec v_load_part(const float *p, vec_mask mask)
{
	return _mm256_maskload_ps(p, mask);
}

static inline void v_store(float *p, vec a)
{
	_mm256_storeu_ps(p, a);
}

static inline void v_store_part(float *p, vec_mask mask, vec a)
{
	_mm256_maskstore_ps(p, mask, a);
}

static inline vec v_set(float x)
{
	return _mm256_set1_ps(x);
}

static inline vec v_add(vec a, vec b)
{
	return _mm256_add_ps(a, b);
}

static inline vec v_sub(vec a, vec b)
{
	return _mm256_sub_ps(a, b);
}

static inline vec v_mul(vec a, vec b)
{
	return _mm256_mul_ps(a, b);
}

static inline vec v_div(vec a, vec b)
{
	return _mm256_div_ps(a, b);
}

static inline vec v_sqrt(vec a)
{
	return _mm256_sqrt_ps(a);
}

static inline vec v_fma(vec a, vec b, vec c)
{
	return _mm256_fmadd_ps(a, b, c);
}

static inline vec v_fnma(vec a, vec b, vec c)
{
	return _mm256_fnmadd_ps(a, b, c);
}

static inline vec v_max(vec a, vec b)
{
	return _mm256_max_ps(a, b);
}

/* A NaN where one of the two is. */
static inline vec v_max_or_nan(vec a, vec b)
{
	return _mm256_or_ps(_mm256_max_ps(b, a), _mm256_cmp_ps(b, b, _CMP_UNORD_Q));
}

static inline vec v_min(vec a, vec b)
{
	return _mm256_min_ps(a, b);
}

static inline vec v_abs(vec a)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

static inline vec_test v_less(vec a, vec b)
{
	return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

static inline vec v_select(vec_test test, vec yes, vec no)
{
	return _mm256_blendv_ps(no, yes, test);
}

static inline vec v_round(vec a)
{
	return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline vec v_scale2(vec a, vec k)
{
	__m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(k), 23);

	/* 2^k as a number: k = -126 is the smallest that is normal. */
	exponent = _mm256_add_epi32(exponent, _mm256_set1_epi32(127 << 23));
	return _mm256_mul_ps(a, _mm256_castsi256_ps(exponent));
}

static inline vec v_keep(vec_mask mask, vec a)
{
	return _mm256_and_ps(_mm256_castsi256_ps(mask), a);
}

static inline vec v_keep_or(vec_mask mask, vec a, vec other)
{
	return _mm256_blendv_ps(other, a, _mm256_castsi256_ps(mask));
}

static inline float v_sum(vec a)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline float v_largest(vec a)
{
	__m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

#endif /* NPU_NN_VECTOR_H */
