/* SPDX-License-Identifier: MIT */
/* Elementary functions of vectors; included after a vector_*.h. */
#ifndef NPU_NN_VECTOR_ELEMENTARY_H
#define NPU_NN_VECTOR_ELEMENTARY_H

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

#endif /* NPU_NN_VECTOR_ELEMENTARY_H */
