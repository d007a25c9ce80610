/* SPDX-License-Identifier: MIT */
/* A vector of floats, as AVX-512 has it. vector_avx2.h defines the same names. */
#ifndef NPU_NN_VECTOR_H
#define NPU_NN_VECTOR_H

#include <immintrin.h>
#include <stddef.h>

#include "transpose_x86.h"

#define LANES 16

/* The largest tile of a matrix product that 32 registers hold, and X(rows, vectors) for each size.
 */
#define TILE_ROWS 9
#define TILE_VECTORS 3
#define TILE_COLUMN(X, v) X(1, v) X(2, v) X(3, v) X(4, v) X(5, v) X(6, v) X(7, v) X(8, v) X(9, v)
#define TILES(X) TILE_COLUMN(X, 1) TILE_COLUMN(X, 2) TILE_COLUMN(X, 3)

typedef __m512 vec;
typedef __mmask16 vec_mask; /* of the lanes in memory */
typedef __mmask16 vec_test; /* of a comparison */

/* The first @n lanes, all of them from LANES on. */
static inline vec_mask v_first(size_t n)
{
	return n >= LANES ? 0xffff : (vec_mask)((1u << n) - 1);
}

static inline vec v_load(const float *p)
{
	return _mm512_loadu_ps(p);
}

/* The other lanes are zero, and not read. */
static inline vec v_load_part(const float *p, vec_mask mask)
{
	return _mm512_maskz_loadu_ps(mask, p);
}

static inline void v_store(float *p, vec a)
{
	_mm512_storeu_ps(p, a);
}

static inline void v_store_part(float *p, vec_mask mask, vec a)
{
	_mm512_mask_storeu_ps(p, mask, a);
}

static inline vec v_set(float x)
{
	return _mm512_set1_ps(x);
}

static inline vec v_add(vec a, vec b)
{
	return _mm512_add_ps(a, b);
}

static inline vec v_sub(vec a, vec b)
{
	return _mm512_sub_ps(a, b);
}

static inline vec v_mul(vec a, vec b)
{
	return _mm512_mul_ps(a, b);
}

static inline vec v_div(vec a, vec b)
{
	return _mm512_div_ps(a, b);
}

static inline vec v_sqrt(vec a)
{
	return _mm512_sqrt_ps(a);
}

/* a * b + c, rounded once; v_fnma is c - a * b */
static inline vec v_fma(vec a, vec b, vec c)
{
	return _mm512_fmadd_ps(a, b, c);
}

static inline vec v_fnma(vec a, vec b, vec c)
{
	return _mm512_fnmadd_ps(a, b, c);
}

/* b where either is NaN; v_min likewise. */
static inline vec v_max(vec a, vec b)
{
	return _mm512_max_ps(a, b);
}

/* A NaN where one of the two is. */
static inline vec v_max_or_nan(vec a, vec b)
{
	/* Where b is a NaN of any kind (the two lowest tokens), that takes the maximum's place. */
	return _mm512_fixupimm_ps(_mm512_max_ps(b, a), b, _mm512_set1_epi32(0x22), 0);
}

static inline vec v_min(vec a, vec b)
{
	return _mm512_min_ps(a, b);
}

static inline vec v_abs(vec a)
{
	return _mm512_abs_ps(a);
}

static inline vec_test v_less(vec a, vec b)
{
	return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

static inline vec v_select(vec_test test, vec yes, vec no)
{
	return _mm512_mask_blend_ps(test, no, yes);
}

/* The nearest integer, halves to even. */
static inline vec v_round(vec a)
{
	return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* a * 2^k, for an integer k >= -126 and a normal result. */
static inline vec v_scale2(vec a, vec k)
{
	return _mm512_scalef_ps(a, k);
}

static inline vec v_keep(vec_mask mask, vec a)
{
	return _mm512_maskz_mov_ps(mask, a);
}

/* @other in the lanes that are not of @mask */
static inline vec v_keep_or(vec_mask mask, vec a, vec other)
{
	return _mm512_mask_blend_ps(mask, other, a);
}

static inline float v_sum(vec a)
{
	return _mm512_reduce_add_ps(a);
}

static inline float v_largest(vec a)
{
	return _mm512_reduce_max_ps(a);
}

#endif /* NPU_NN_VECTOR_H */
