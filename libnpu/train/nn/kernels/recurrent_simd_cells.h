/* SPDX-License-Identifier: MIT */
/* Cells of the recurrent layers in vectors; included after recurrent_simd.h. */
#ifndef NPU_NN_RECURRENT_SIMD_CELLS_H
#define NPU_NN_RECURRENT_SIMD_CELLS_H

#include "recurrent_kernels.h"

/* A quotient whose division is still to come: several share one. */
struct ratio {
	vec top, bottom;
};

/*
 * tanh(x) = x p(x^2) / q(x^2), the quotient of polynomials whose greatest relative error on [-9, 9]
 * is least, 2e-8 before rounding. q is at most 417, so the product of four is no overflow.
 */
static inline struct ratio tangent(vec x)
{
	vec z, p = v_set(0x1.cad93p-27f), q = v_set(0x1.a17dd6p-21f);

	x = v_min(v_set(9), v_max(v_set(-9), x)); /* a NaN stays one */
	z = v_mul(x, x);
	p = v_fma(p, z, v_set(0x1.59c204p-16f));
	q = v_fma(q, z, v_set(0x1.588544p-12f));
	p = v_fma(p, z, v_set(0x1.ca2bd8p-9f));
	q = v_fma(q, z, v_set(0x1.a7f7a2p-6f));
	p = v_fma(p, z, v_set(0x1.120b08p-3f));
	q = v_fma(q, z, v_set(0x1.de5acep-2f));
	return (struct ratio){ v_mul(v_fma(p, z, v_set(1)), x), v_fma(q, z, v_set(1)) };
}

/* sigmoid(x) = (1 + tanh(x / 2)) / 2 */
static inline struct ratio half_tangent(vec x)
{
	return tangent(v_mul(x, v_set(0.5f)));
}

static inline vec sigmoid_of(vec tangent_of_half)
{
	return v_fma(tangent_of_half, v_set(0.5f), v_set(0.5f));
}

static inline vec divided(struct ratio a)
{
	return v_div(a.top, a.bottom);
}

/* Both quotients, by one division: 1 / a = b * (1 / ab) */
static inline void divide_two(struct ratio a, struct ratio b, vec *y, vec *z)
{
	vec inverse = v_div(v_set(1), v_mul(a.bottom, b.bottom));

	*y = v_mul(a.top, v_mul(b.bottom, inverse));
	*z = v_mul(b.top, v_mul(a.bottom, inverse));
}

static inline void divide_four(struct ratio a, struct ratio b, struct ratio c, struct ratio d,
			       vec *w, vec *x, vec *y, vec *z)
{
	vec ab = v_mul(a.bottom, b.bottom), cd = v_mul(c.bottom, d.bottom);
	vec inverse = v_div(v_set(1), v_mul(ab, cd));
	vec of_ab = v_mul(inverse, cd), of_cd = v_mul(inverse, ab);

	*w = v_mul(a.top, v_mul(b.bottom, of_ab));
	*x = v_mul(b.top, v_mul(a.bottom, of_ab));
	*y = v_mul(c.top, v_mul(d.bottom, of_cd));
	*z = v_mul(d.top, v_mul(c.bottom, of_cd));
}

/* y * (1 - y): the derivative of the sigmoid, from its value */
static inline vec sigmoid_slope(vec y)
{
	return v_fnma(y, y, y);
}

/* 1 - y * y: that of tanh */
static inline vec tangent_slope(vec y)
{
	return v_fnma(y, y, v_set(1));
}

static void lstm(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		for (u = 0; u < n; u += LANES) {
			vec_mask mask = v_first(n - u);
			float *gates = q->gates + r * q->stride + u;
			size_t at = r * n + u;
			vec i, o, f, g, c, t;

			divide_four(half_tangent(v_load_part(gates, mask)),
				    half_tangent(v_load_part(gates + n, mask)),
				    half_tangent(v_load_part(gates + 2 * n, mask)),
				    tangent(v_load_part(gates + 3 * n, mask)), &i, &o, &f, &g);
			i = sigmoid_of(i);
			o = sigmoid_of(o);
			f = sigmoid_of(f);
			c = v_fma(f, v_load_part(q->c_before + at, mask), v_mul(i, g));
			t = divided(tangent(c));
			v_store_part(q->c + at, mask, c);
			v_store_part(q->h + at, mask, v_mul(o, t));
			if (!q->extra)
				continue;
			v_store_part(q->extra + at, mask, t);
			v_store_part(gates, mask, i);
			v_store_part(gates + n, mask, o);
			v_store_part(gates + 2 * n, mask, f);
			v_store_part(gates + 3 * n, mask, g);
		}
	}
}

static void lstm_backward(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		for (u = 0; u < n; u += LANES) {
			vec_mask mask = v_first(n - u);
			float *gates = q->gates + r * q->stride + u;
			size_t at = r * n + u;
			vec i = v_load_part(gates, mask), o = v_load_part(gates + n, mask);
			vec f = v_load_part(gates + 2 * n, mask);
			vec g = v_load_part(gates + 3 * n, mask);
			vec t = v_load_part(q->extra + at, mask);
			vec dh = v_load_part(q->dh + at, mask);
			vec dc = v_fma(v_mul(dh, o), tangent_slope(t),
				       v_load_part(q->dc + at, mask));
			vec before = v_load_part(q->c_before + at, mask);

			v_store_part(gates, mask, v_mul(v_mul(dc, g), sigmoid_slope(i)));
			v_store_part(gates + n, mask, v_mul(v_mul(dh, t), sigmoid_slope(o)));
			v_store_part(gates + 2 * n, mask,
				     v_mul(v_mul(dc, before), sigmoid_slope(f)));
			v_store_part(gates + 3 * n, mask, v_mul(v_mul(dc, i), tangent_slope(g)));
			v_store_part(q->dc + at, mask, v_mul(dc, f));
		}
	}
}

static void gru_reset(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		for (u = 0; u < n; u += LANES) {
			vec_mask mask = v_first(n - u);
			float *gates = q->gates + r * q->stride + u;
			size_t at = r * n + u;
			vec z, reset;

			divide_two(half_tangent(v_load_part(gates, mask)),
				   half_tangent(v_load_part(gates + n, mask)), &z, &reset);
			reset = sigmoid_of(reset);
			v_store_part(gates, mask, sigmoid_of(z));
			v_store_part(gates + n, mask, reset);
			v_store_part(q->extra + at, mask,
				     v_mul(reset, v_load_part(q->h_before + at, mask)));
		}
	}
}

/* (1 - z) * h + z * before */
static inline vec mix(vec z, vec h, vec before)
{
	return v_fma(z, v_sub(before, h), h);
}

static void gru_mix(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		for (u = 0; u < n; u += LANES) {
			vec_mask mask = v_first(n - u);
			float *gates = q->gates + r * q->stride + u;
			size_t at = r * n + u;
			vec h = divided(tangent(v_load_part(gates + 2 * n, mask)));

			v_store_part(gates + 2 * n, mask, h);
			v_store_part(q->h + at, mask,
				     mix(v_load_part(gates, mask), h,
					 v_load_part(q->h_before + at, mask)));
		}
	}
}

static void gru_mix_backward(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		for (u = 0; u < n; u += LANES) {
			vec_mask mask = v_first(n - u);
			float *gates = q->gates + r * q->stride + u;
			size_t at = r * n + u;
			vec z = v_load_part(gates, mask), h = v_load_part(gates + 2 * n, mask);
			vec dh = v_load_part(q->dh + at, mask), straight = v_mul(dh, z);
			vec difference = v_sub(v_load_part(q->h_before + at, mask), h);

			v_store_part(gates, mask, v_mul(v_mul(dh, difference), sigmoid_slope(z)));
			v_store_part(gates + 2 * n, mask,
				     v_mul(v_sub(dh, straight), tangent_slope(h)));
			v_store_part(q->dh + at, mask, straight);
		}
	}
}

static void gru_reset_backward(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		for (u = 0; u < n; u += LANES) {
			vec_mask mask = v_first(n - u);
			float *gates = q->gates + r * q->stride + u;
			size_t at = r * n + u;
			vec reset = v_load_part(gates + n, mask);
			vec d = v_load_part(q->dextra + at, mask);
			vec before = v_load_part(q->h_before + at, mask);

			v_store_part(gates + n, mask,
				     v_mul(v_mul(d, before), sigmoid_slope(reset)));
			v_store_part(q->dh + at, mask,
				     v_fma(d, reset, v_load_part(q->dh + at, mask)));
		}
	}
}

static void gru_after(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		for (u = 0; u < n; u += LANES) {
			vec_mask mask = v_first(n - u);
			float *gates = q->gates + r * q->stride + u;
			size_t at = r * n + u;
			vec z, reset, h;

			divide_two(half_tangent(v_load_part(gates, mask)),
				   half_tangent(v_load_part(gates + n, mask)), &z, &reset);
			z = sigmoid_of(z);
			reset = sigmoid_of(reset);
			h = v_fma(reset, v_load_part(gates + 3 * n, mask),
				  v_load_part(gates + 2 * n, mask));
			h = divided(tangent(h));
			v_store_part(gates, mask, z);
			v_store_part(gates + n, mask, reset);
			v_store_part(gates + 2 * n, mask, h);
			v_store_part(q->h + at, mask,
				     mix(z, h, v_load_part(q->h_before + at, mask)));
		}
	}
}

static void gru_after_backward(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		for (u = 0; u < n; u += LANES) {
			vec_mask mask = v_first(n - u);
			float *gates = q->gates + r * q->stride + u;
			size_t at = r * n + u;
			vec z = v_load_part(gates, mask), reset = v_load_part(gates + n, mask);
			vec h = v_load_part(gates + 2 * n, mask);
			vec apart = v_load_part(gates + 3 * n, mask);
			vec dh = v_load_part(q->dh + at, mask), straight = v_mul(dh, z);
			vec difference = v_sub(v_load_part(q->h_before + at, mask), h);
			vec d = v_mul(v_sub(dh, straight), tangent_slope(h));

			v_store_part(gates, mask, v_mul(v_mul(dh, difference), sigmoid_slope(z)));
			v_store_part(gates + n, mask, v_mul(v_mul(d, apart), sigmoid_slope(reset)));
			v_store_part(gates + 2 * n, mask, d);
			v_store_part(gates + 3 * n, mask, v_mul(d, reset));
			v_store_part(q->dh + at, mask, straight);
		}
	}
}

#define NPU_RECURRENT_VARIANT(variant)                                 \
	const struct npu_recurrent_kernels npu_recurrent_##variant = { \
		.width = WIDTH,                                        \
		.product = product,                                    \
		.row = row,                                            \
		.outer = outer,                                        \
		.lstm = lstm,                                          \
		.lstm_backward = lstm_backward,                        \
		.gru_reset = gru_reset,                                \
		.gru_mix = gru_mix,                                    \
		.gru_mix_backward = gru_mix_backward,                  \
		.gru_reset_backward = gru_reset_backward,              \
		.gru_after = gru_after,                                \
		.gru_after_backward = gru_after_backward,              \
	}

#endif /* NPU_NN_RECURRENT_SIMD_CELLS_H */
