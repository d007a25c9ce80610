/* SPDX-License-Identifier: MIT */
/*
 * Activations in vectors; included after vector_avx2.h or the like. Each does what
 * f32_reference.c does, to rounding.
 */
#ifndef NPU_NN_F32_SIMD_ACTIVATION_H
#define NPU_NN_F32_SIMD_ACTIVATION_H

#include "f32.h"

/* The smaller of @a and the constant @b; @a where it is NaN. */
static inline vec at_most(vec a, float b)
{
	return v_select(v_less(v_set(b), a), v_set(b), a);
}

/* The polynomial of e^r - 1 for |r| <= 0.35 without its factor r. */
static inline vec exponential_series(vec r)
{
	vec p = v_set(1.0f / 5040);

	p = v_fma(p, r, v_set(1.0f / 720));
	p = v_fma(p, r, v_set(1.0f / 120));
	p = v_fma(p, r, v_set(1.0f / 24));
	p = v_fma(p, r, v_set(1.0f / 6));
	p = v_fma(p, r, v_set(0.5f));
	return v_fma(p, r, v_set(1));
}

/* e^x, within 2 ulp for -87 <= x <= 88 and clamped to that. */
static inline vec exponential(vec x)
{
	vec k, r;

	x = at_most(v_max(v_set(-87), x), 88);
	k = v_round(v_mul(x, v_set(0x1.715476p+0f)));
	r = v_fnma(k, v_set(0x1.62e4p-1f), x); /* ln 2 in two parts */
	r = v_fnma(k, v_set(0x1.7f7d1cp-20f), r);
	return v_scale2(v_fma(exponential_series(r), r, v_set(1)), k);
}

/* e^x - 1, without loss near 0 */
static inline vec exponential_minus_1(vec x)
{
	vec far = v_sub(exponential(x), v_set(1));

	return v_select(v_less(v_abs(x), v_set(0.3f)), v_mul(exponential_series(x), x), far);
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

/* log(1 + e) for 0 <= e <= 1: 2 artanh s, s = e / (2 + e) <= 1 / 3, by its series. */
static inline vec log_1_plus(vec e)
{
	vec s = v_div(e, v_add(v_set(2), e)), s2 = v_mul(s, s), p = v_set(2.0f / 13);

	p = v_fma(p, s2, v_set(2.0f / 11));
	p = v_fma(p, s2, v_set(2.0f / 9));
	p = v_fma(p, s2, v_set(2.0f / 7));
	p = v_fma(p, s2, v_set(2.0f / 5));
	p = v_fma(p, s2, v_set(2.0f / 3));
	p = v_fma(p, s2, v_set(2));
	return v_mul(s, p);
}

static inline vec softplus(vec x)
{
	vec e = exponential(v_sub(v_set(0), v_abs(x)));

	return v_add(v_max(v_set(0), x), log_1_plus(e));
}

/*
 * The share of the normal distribution below x, where @bell is e^(-x^2 / 2). Beyond |x| it is
 * t p(t) times that, t = 1 / (1 + 0.3 |x|), p fitted for |x| <= 13 to a relative 1.2e-7.
 */
static inline vec normal_share(vec x, vec bell)
{
	vec t = v_div(v_set(1), v_fma(v_abs(x), v_set(0.3f), v_set(1)));
	vec p = v_set(0.0361950301f), beyond;

	p = v_fma(p, t, v_set(-0.1593789834f));
	p = v_fma(p, t, v_set(0.2101194640f));
	p = v_fma(p, t, v_set(-0.0571682741f));
	p = v_fma(p, t, v_set(0.1304168967f));
	p = v_fma(p, t, v_set(0.0993470003f));
	p = v_fma(p, t, v_set(0.1208455485f));
	p = v_fma(p, t, v_set(0.1196232615f));
	beyond = v_mul(v_mul(p, t), bell);
	return v_select(v_less(x, v_set(0)), beyond, v_sub(v_set(1), beyond));
}

static inline vec normal_bell(vec x)
{
	return exponential(v_mul(v_mul(x, x), v_set(-0.5f)));
}

static inline vec gelu_slope(vec x)
{
	vec bell = normal_bell(x);

	return v_fma(v_mul(x, bell), v_set(NPU_NORMAL_DENSITY_0), normal_share(x, bell));
}

/* s + x s (1 - s) */
static inline vec swish_slope(vec x)
{
	vec s = sigmoid(x);

	return v_fma(v_mul(x, s), v_sub(v_set(1), s), s);
}

/* (2 x + 3) / 6 between -3 and 3 */
static inline vec hard_swish_slope(vec x)
{
	vec middle = v_fma(x, v_set(1.0f / 3), v_set(0.5f));

	middle = v_select(v_less(x, v_set(3)), middle, v_set(1));
	return v_select(v_less(v_set(-3), x), middle, v_set(0));
}

static inline vec activated(enum npu_activation activation, float alpha, vec x)
{
	const vec zero = v_set(0);

	switch (activation) {
	case NPU_RELU:
		return v_max(zero, x); /* a NaN stays one */
	case NPU_LEAKY_RELU:
		return v_select(v_less(x, zero), v_mul(v_set(alpha), x), x);
	case NPU_SIGMOID:
		return sigmoid(x);
	case NPU_TANH:
		return hyperbolic_tangent(x);
	case NPU_RELU6:
		return at_most(v_max(zero, x), 6);
	case NPU_ELU:
		return v_select(v_less(x, zero), v_mul(v_set(alpha), exponential_minus_1(x)), x);
	case NPU_SELU:
		return v_mul(v_set(NPU_SELU_SCALE),
			     v_select(v_less(x, zero),
				      v_mul(v_set(NPU_SELU_ALPHA), exponential_minus_1(x)), x));
	case NPU_GELU:
		return v_mul(x, normal_share(x, normal_bell(x)));
	case NPU_SWISH:
		return v_mul(x, sigmoid(x));
	case NPU_HARD_SWISH:
		return v_mul(x,
			     v_mul(at_most(v_max(zero, v_add(x, v_set(3))), 6), v_set(1.0f / 6)));
	case NPU_HARD_SIGMOID:
		return at_most(v_max(zero, v_fma(x, v_set(1.0f / 6), v_set(0.5f))), 1);
	case NPU_SOFTPLUS:
		return softplus(x);
	default:
		return x;
	}
}

/* dy where low < y < high, else 0 */
static inline vec between(vec y, float low, float high, vec dy)
{
	return v_select(v_less(v_set(low), y), v_select(v_less(y, v_set(high)), dy, v_set(0)),
			v_set(0));
}

/* dy times the derivative at the output @y, or at the input @x where y does not tell */
static inline vec derived(enum npu_activation activation, float alpha, vec x, vec y, vec dy)
{
	const vec zero = v_set(0), one = v_set(1);

	switch (activation) {
	case NPU_RELU:
		return v_select(v_less(zero, y), dy, zero);
	case NPU_LEAKY_RELU:
		return v_select(v_less(y, zero), v_mul(v_set(alpha), dy), dy);
	case NPU_SIGMOID:
		return v_mul(dy, v_mul(y, v_sub(one, y)));
	case NPU_TANH:
		return v_mul(dy, v_fnma(y, y, one));
	case NPU_RELU6:
		return between(y, 0, 6, dy);
	case NPU_ELU:
		return v_select(v_less(y, zero), v_mul(dy, v_add(y, v_set(alpha))), dy);
	case NPU_SELU:
		return v_mul(dy, v_select(v_less(y, zero),
					  v_add(y, v_set(NPU_SELU_SCALE * NPU_SELU_ALPHA)),
					  v_set(NPU_SELU_SCALE)));
	case NPU_GELU:
		return v_mul(dy, gelu_slope(x));
	case NPU_SWISH:
		return v_mul(dy, swish_slope(x));
	case NPU_HARD_SWISH:
		return v_mul(dy, hard_swish_slope(x));
	case NPU_HARD_SIGMOID:
		return between(y, 0, 1, v_mul(dy, v_set(1.0f / 6)));
	case NPU_SOFTPLUS:
		return v_sub(zero, v_mul(dy, exponential_minus_1(v_sub(zero, y))));
	default:
		return dy;
	}
}

/* A loop of its own for each activation, which is a constant within it. */
#define FOR_EACH_ACTIVATION(DO)                                                                 \
	DO(NPU_LINEAR)                                                                          \
	DO(NPU_RELU) DO(NPU_LEAKY_RELU) DO(NPU_SIGMOID) DO(NPU_TANH) DO(NPU_RELU6) DO(NPU_ELU)  \
		DO(NPU_SELU) DO(NPU_GELU) DO(NPU_SWISH) DO(NPU_HARD_SWISH) DO(NPU_HARD_SIGMOID) \
			DO(NPU_SOFTPLUS)

static inline __attribute__((always_inline)) void
activate_by(enum npu_activation activation, float alpha, const float *x, float *y, size_t count)
{
	size_t i;

	for (i = 0; i + LANES <= count; i += LANES)
		v_store(y + i, activated(activation, alpha, v_load(x + i)));
	if (i < count) {
		vec_mask mask = v_first(count - i);

		v_store_part(y + i, mask, activated(activation, alpha, v_load_part(x + i, mask)));
	}
}

static void activate(enum npu_activation activation, float alpha, const float *x, float *y,
		     size_t count)
{
#define CASE(name)                                     \
	case name:                                     \
		activate_by(name, alpha, x, y, count); \
		break;
	switch (activation) {
		FOR_EACH_ACTIVATION(CASE)
	default:
		break;
	}
#undef CASE
}

static inline __attribute__((always_inline)) void derive_by(enum npu_activation activation,
							    float alpha, const float *x,
							    const float *y, float *dy, size_t count)
{
	bool reads_x = npu_activation_needs_input(activation);
	vec y_part, x_part;
	size_t i;

	for (i = 0; i + LANES <= count; i += LANES) {
		y_part = v_load(y + i);
		x_part = reads_x ? v_load(x + i) : y_part;
		v_store(dy + i, derived(activation, alpha, x_part, y_part, v_load(dy + i)));
	}
	if (i < count) {
		vec_mask mask = v_first(count - i);

		y_part = v_load_part(y + i, mask);
		x_part = reads_x ? v_load_part(x + i, mask) : y_part;
		v_store_part(dy + i, mask,
			     derived(activation, alpha, x_part, y_part, v_load_part(dy + i, mask)));
	}
}

static void activate_backward(enum npu_activation activation, float alpha, const float *x,
			      const float *y, float *dy, size_t count)
{
#define CASE(name)                                       \
	case name:                                       \
		derive_by(name, alpha, x, y, dy, count); \
		break;
	switch (activation) {
		FOR_EACH_ACTIVATION(CASE)
	default:
		break;
	}
#undef CASE
}

#endif /* NPU_NN_F32_SIMD_ACTIVATION_H */
