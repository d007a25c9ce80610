/* SPDX-License-Identifier: MIT */
/*
 * Activations of a vector; included after vector_avx2.h or the like. Each does what
 * f32_reference.c does, to rounding.
 */
#ifndef NPU_NN_F32_SIMD_ACTIVATION_H
#define NPU_NN_F32_SIMD_ACTIVATION_H

#include "f32.h"
#include "vector_elementary.h"

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

#endif /* NPU_NN_F32_SIMD_ACTIVATION_H */
