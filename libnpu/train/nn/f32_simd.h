/* SPDX-License-Identifier: MIT */
/*
 * The f32 kernels but for the matrix product, in vectors; included after vector_avx2.h or
 * vector_avx512.h. Each does what f32_reference.c does, to rounding.
 */
#ifndef NPU_NN_F32_SIMD_H
#define NPU_NN_F32_SIMD_H

#include "f32.h"

/* e^x, within 2 ulp for -87 <= x <= 88 and clamped to that. */
static inline vec exponential(vec x)
{
	vec k, r, p;

	x = v_max(v_set(-87), x);
	x = v_select(v_less(v_set(88), x), v_set(88), x);
	k = v_round(v_mul(x, v_set(0x1.715476p+0f)));
	r = v_fnma(k, v_set(0x1.62e4p-1f), x); /* ln 2 in two parts */
	r = v_fnma(k, v_set(0x1.7f7d1cp-20f), r);
	p = v_set(1.0f / 5040);
	p = v_fma(p, r, v_set(1.0f / 720));
	p = v_fma(p, r, v_set(1.0f / 120));
	p = v_fma(p, r, v_set(1.0f / 24));
	p = v_fma(p, r, v_set(1.0f / 6));
	p = v_fma(p, r, v_set(0.5f));
	p = v_fma(p, r, v_set(1));
	p = v_fma(p, r, v_set(1));
	return v_scale2(p, k);
}

static inline vec sigmoid(vec x)
{
	return v_div(v_set(1), v_add(v_set(1), exponential(v_sub(v_set(0), x))));
}

/* 1 - 2 / (e^2x + 1); near 0, where that cancels, Taylor's series. */
static inline vec hyperbolic_tangent(vec x)
{
	vec e = exponential(v_add(x, x)), x2 = v_mul(x, x), series;
	vec far = v_sub(v_set(1), v_div(v_set(2), v_add(e, v_set(1))));

	series = v_set(-17.0f / 315);
	series = v_fma(series, x2, v_set(2.0f / 15));
	series = v_fma(series, x2, v_set(-1.0f / 3));
	series = v_fma(v_mul(series, x2), x, x);
	return v_select(v_less(v_abs(x), v_set(0.2f)), series, far);
}

static inline vec activated(enum npu_activation activation, float alpha, vec x)
{
	switch (activation) {
	case NPU_RELU:
		return v_max(v_set(0), x); /* a NaN stays one */
	case NPU_LEAKY_RELU:
		return v_select(v_less(x, v_set(0)), v_mul(v_set(alpha), x), x);
	case NPU_SIGMOID:
		return sigmoid(x);
	case NPU_TANH:
		return hyperbolic_tangent(x);
	default:
		return x;
	}
}

/* dy times the derivative at the output @y */
static inline vec derived(enum npu_activation activation, float alpha, vec y, vec dy)
{
	switch (activation) {
	case NPU_RELU:
		return v_select(v_less(v_set(0), y), dy, v_set(0));
	case NPU_LEAKY_RELU:
		return v_select(v_less(y, v_set(0)), v_mul(v_set(alpha), dy), dy);
	case NPU_SIGMOID:
		return v_mul(dy, v_mul(y, v_sub(v_set(1), y)));
	case NPU_TANH:
		return v_mul(dy, v_fnma(y, y, v_set(1)));
	default:
		return dy;
	}
}

static void activate(enum npu_activation activation, float alpha, const float *x, float *y,
		     size_t count)
{
	size_t i;

	for (i = 0; i < count; i += LANES) {
		vec_mask mask = v_first(count - i);

		v_store_part(y + i, mask, activated(activation, alpha, v_load_part(x + i, mask)));
	}
}

static void activate_backward(enum npu_activation activation, float alpha, const float *x,
			      const float *y, float *dy, size_t count)
{
	size_t i;

	(void)x;

	for (i = 0; i < count; i += LANES) {
		vec_mask mask = v_first(count - i);

		v_store_part(dy + i, mask,
			     derived(activation, alpha, v_load_part(y + i, mask),
				     v_load_part(dy + i, mask)));
	}
}

static float row_largest(const float *x, size_t columns)
{
	vec largest = v_set(x[0]);
	size_t j;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);

		largest = v_max(v_keep_or(mask, v_load_part(x + j, mask), largest), largest);
	}
	return v_largest(largest);
}

static void softmax(const float *x, float *y, size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, x += columns, y += columns) {
		vec largest = v_set(row_largest(x, columns)), sum = v_set(0), factor;

		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);
			vec e = exponential(v_sub(v_load_part(x + j, mask), largest));

			sum = v_add(sum, v_keep(mask, e));
			v_store_part(y + j, mask, e);
		}
		factor = v_set(1 / v_sum(sum));
		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);

			v_store_part(y + j, mask, v_mul(v_load_part(y + j, mask), factor));
		}
	}
}

static void softmax_backward(const float *y, float *dy, size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, y += columns, dy += columns) {
		vec sum = v_set(0);

		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);

			sum = v_fma(v_load_part(y + j, mask), v_load_part(dy + j, mask), sum);
		}
		sum = v_set(v_sum(sum));
		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);
			vec d = v_sub(v_load_part(dy + j, mask), sum);

			v_store_part(dy + j, mask, v_mul(v_load_part(y + j, mask), d));
		}
	}
}

static void column_sum(const float *x, size_t rows, size_t columns, float *sum)
{
	size_t i, j;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);
		vec s = v_set(0);

		for (i = 0; i < rows; i++)
			s = v_add(s, v_load_part(x + i * columns + j, mask));
		v_store_part(sum + j, mask, s);
	}
}

static void scale(const float *x, const float *mean, const float *factor, float *y, size_t count)
{
	size_t i;

	for (i = 0; i < count; i += LANES) {
		vec_mask mask = v_first(count - i);
		vec centred = v_sub(v_load_part(x + i, mask), v_load_part(mean + i, mask));

		v_store_part(y + i, mask, v_mul(centred, v_load_part(factor + i, mask)));
	}
}

static void add(const float *x, float *y, size_t count)
{
	size_t i;

	for (i = 0; i < count; i += LANES) {
		vec_mask mask = v_first(count - i);

		v_store_part(y + i, mask,
			     v_add(v_load_part(y + i, mask), v_load_part(x + i, mask)));
	}
}

#define NPU_F32_VARIANT(variant)                        \
	const struct npu_f32 npu_f32_##variant = {      \
		.name = #variant,                       \
		.columns = WIDTH,                       \
		.gemm = gemm,                           \
		.activate = activate,                   \
		.activate_backward = activate_backward, \
		.softmax = softmax,                     \
		.softmax_backward = softmax_backward,   \
		.column_sum = column_sum,               \
		.scale = scale,                         \
		.add = add,                             \
		.update = &npu_update_##variant,        \
		.norm = &npu_norm_##variant,            \
	}

#endif /* NPU_NN_F32_SIMD_H */
