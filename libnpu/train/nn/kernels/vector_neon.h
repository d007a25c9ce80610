/* SPDX-License-Identifier: MIT */
/* A vector of floats, as AArch64 has it. vector_avx512.h says what the functions do. */
#ifndef NPU_NN_VECTOR_H
#define NPU_NN_VECTOR_H

#include <arm_neon.h>
#include <stddef.h>

#define LANES 4

/* The largest tile of a matrix product that 32 registers hold, and X(rows, vectors) for each size.
 */
#define TILE_ROWS 6
#define TILE_VECTORS 4
#define TILE_COLUMN(X, v) X(1, v) X(2, v) X(3, v) X(4, v) X(5, v) X(6, v)
#define TILES(X) TILE_COLUMN(X, 1) TILE_COLUMN(X, 2) TILE_COLUMN(X, 3) TILE_COLUMN(X, 4)

/* So many rows and four columns of a matrix are transposed at a time. */
#define TRANSPOSED 4

typedef float32x4_t vec;
typedef unsigned int vec_mask; /* the number of lanes: no load or store has a mask */
typedef uint32x4_t vec_test;

static inline vec_mask v_first(size_t n)
{
	return n >= LANES ? LANES : (vec_mask)n;
}

static inline vec v_load(const float *p)
{
	return vld1q_f32(p);
}

static inline vec v_load_part(const float *p, vec_mask mask)
{
	vec a = vdupq_n_f32(0);

	switch (mask) {
	case 4:
		return vld1q_f32(p);
	case 3:
		a = vld1q_lane_f32(p + 2, a, 2);
		/* fall through */
	case 2:
		return vcombine_f32(vld1_f32(p), vget_high_f32(a));
	case 1:
		return vld1q_lane_f32(p, a, 0);
	default:
		return a;
	}
}

static inline void v_store(float *p, vec a)
{
	vst1q_f32(p, a);
}

static inline void v_store_part(float *p, vec_mask mask, vec a)
{
	switch (mask) {
	case 4:
		vst1q_f32(p, a);
		break;
	case 3:
		vst1q_lane_f32(p + 2, a, 2);
		/* fall through */
	case 2:
		vst1_f32(p, vget_low_f32(a));
		break;
	case 1:
		vst1q_lane_f32(p, a, 0);
		break;
	default:
		break;
	}
}

static inline vec v_set(float x)
{
	return vdupq_n_f32(x);
}

static inline vec v_add(vec a, vec b)
{
	return vaddq_f32(a, b);
}

static inline vec v_sub(vec a, vec b)
{
	return vsubq_f32(a, b);
}

static inline vec v_mul(vec a, vec b)
{
	return vmulq_f32(a, b);
}

static inline vec v_div(vec a, vec b)
{
	return vdivq_f32(a, b);
}

static inline vec v_sqrt(vec a)
{
	return vsqrtq_f32(a);
}

static inline vec v_fma(vec a, vec b, vec c)
{
	return vfmaq_f32(c, a, b);
}

static inline vec v_fnma(vec a, vec b, vec c)
{
	return vfmsq_f32(c, a, b);
}

static inline vec_test v_less(vec a, vec b)
{
	return vcltq_f32(a, b);
}

static inline vec v_select(vec_test test, vec yes, vec no)
{
	return vbslq_f32(test, yes, no);
}

/* Not vmaxq and vminq, which prefer a NaN to b. */
static inline vec v_max(vec a, vec b)
{
	return v_select(v_less(b, a), a, b);
}

/* A NaN where one of the two is. */
static inline vec v_max_or_nan(vec a, vec b)
{
	return vmaxq_f32(a, b);
}

static inline vec v_min(vec a, vec b)
{
	return v_select(v_less(a, b), a, b);
}

static inline vec v_abs(vec a)
{
	return vabsq_f32(a);
}

static inline vec v_round(vec a)
{
	return vrndnq_f32(a);
}

static inline vec v_scale2(vec a, vec k)
{
	int32x4_t exponent = vaddq_s32(vcvtnq_s32_f32(k), vdupq_n_s32(127));

	/* 2^k as a number: k = -126 is the smallest that is normal. */
	return vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
}

static inline vec_test v_test(vec_mask mask)
{
	static const uint32_t lane[LANES] = { 0, 1, 2, 3 };

	return vcltq_u32(vld1q_u32(lane), vdupq_n_u32(mask));
}

static inline vec v_keep_or(vec_mask mask, vec a, vec other)
{
	return v_select(v_test(mask), a, other);
}

static inline vec v_keep(vec_mask mask, vec a)
{
	return v_keep_or(mask, a, v_set(0));
}

static inline float v_sum(vec a)
{
	return vaddvq_f32(a);
}

static inline float v_largest(vec a)
{
	return vmaxvq_f32(a);
}

/* y[k][j] = x[j][k], for j below TRANSPOSED and k below 4 */
static inline void v_transpose(const float *x, size_t ldx, float *y, size_t ldy)
{
	float32x4x2_t r01 = vtrnq_f32(vld1q_f32(x), vld1q_f32(x + ldx));
	float32x4x2_t r23 = vtrnq_f32(vld1q_f32(x + 2 * ldx), vld1q_f32(x + 3 * ldx));

	vst1q_f32(y, vcombine_f32(vget_low_f32(r01.val[0]), vget_low_f32(r23.val[0])));
	vst1q_f32(y + ldy, vcombine_f32(vget_low_f32(r01.val[1]), vget_low_f32(r23.val[1])));
	vst1q_f32(y + 2 * ldy, vcombine_f32(vget_high_f32(r01.val[0]), vget_high_f32(r23.val[0])));
	vst1q_f32(y + 3 * ldy, vcombine_f32(vget_high_f32(r01.val[1]), vget_high_f32(r23.val[1])));
}

#endif /* NPU_NN_VECTOR_H */
