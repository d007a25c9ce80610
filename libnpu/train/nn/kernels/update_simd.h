/* SPDX-License-Identifier: MIT */
/*
 * Kernels of the optimisers in vectors; included after a vector_*.h. Each does what
 * update_reference.c does, to rounding.
 */
#ifndef NPU_NN_UPDATE_SIMD_H
#define NPU_NN_UPDATE_SIMD_H

#include "update.h"

static inline vec moment(vec x)
{
	return v_select(v_less(v_abs(x), v_set(NPU_MOMENT_MIN)), v_set(0), x);
}

static void sgd(const struct npu_update *u, const struct npu_stretch *s)
{
	const vec momentum = v_set(u->momentum), rate = v_set(u->rate);
	size_t i;

	for (i = 0; i < s->count; i += LANES) {
		vec_mask mask = v_first(s->count - i);
		vec g = v_load_part(s->g + i, mask), step = g;

		if (s->first) {
			step = moment(v_fma(momentum, v_load_part(s->first + i, mask), g));
			v_store_part(s->first + i, mask, step);
			if (u->nesterov)
				step = v_fma(momentum, step, g);
		}
		v_store_part(s->w + i, mask, v_fnma(rate, step, v_load_part(s->w + i, mask)));
	}
}

static void adam(const struct npu_update *u, const struct npu_stretch *s)
{
	const vec beta1 = v_set(u->beta1), rest1 = v_set(1 - u->beta1);
	const vec beta2 = v_set(u->beta2), rest2 = v_set(1 - u->beta2);
	const vec rate = v_set(u->rate), root = v_set(u->root), epsilon = v_set(u->epsilon);
	size_t i;

	for (i = 0; i < s->count; i += LANES) {
		vec_mask mask = v_first(s->count - i);
		vec g = v_load_part(s->g + i, mask), first, second, step;

		first = v_mul(beta1, v_load_part(s->first + i, mask));
		first = moment(v_fma(rest1, g, first));
		second = v_mul(beta2, v_load_part(s->second + i, mask));
		second = moment(v_fma(rest2, v_mul(g, g), second));
		v_store_part(s->first + i, mask, first);
		v_store_part(s->second + i, mask, second);
		step = v_div(v_mul(rate, first), v_fma(v_sqrt(second), root, epsilon));
		v_store_part(s->w + i, mask, v_sub(v_load_part(s->w + i, mask), step));
	}
}

static void rmsprop(const struct npu_update *u, const struct npu_stretch *s)
{
	const vec beta2 = v_set(u->beta2), rest2 = v_set(1 - u->beta2);
	const vec rate = v_set(u->rate), epsilon = v_set(u->epsilon);
	size_t i;

	for (i = 0; i < s->count; i += LANES) {
		vec_mask mask = v_first(s->count - i);
		vec g = v_load_part(s->g + i, mask), second, step;

		second = v_mul(beta2, v_load_part(s->second + i, mask));
		second = moment(v_fma(rest2, v_mul(g, g), second));
		v_store_part(s->second + i, mask, second);
		step = v_div(g, v_add(v_sqrt(second), epsilon));
		if (s->first) {
			step = moment(
				v_fma(v_set(u->momentum), v_load_part(s->first + i, mask), step));
			v_store_part(s->first + i, mask, step);
		}
		v_store_part(s->w + i, mask, v_fnma(rate, step, v_load_part(s->w + i, mask)));
	}
}

static void adagrad(const struct npu_update *u, const struct npu_stretch *s)
{
	const vec rate = v_set(u->rate), epsilon = v_set(u->epsilon);
	size_t i;

	for (i = 0; i < s->count; i += LANES) {
		vec_mask mask = v_first(s->count - i);
		vec g = v_load_part(s->g + i, mask), second, step;

		second = moment(v_fma(g, g, v_load_part(s->second + i, mask)));
		v_store_part(s->second + i, mask, second);
		step = v_div(v_mul(rate, g), v_add(v_sqrt(second), epsilon));
		v_store_part(s->w + i, mask, v_sub(v_load_part(s->w + i, mask), step));
	}
}

static void penalise(const struct npu_update *u, const struct npu_stretch *s)
{
	const vec zero = v_set(0), plus = v_set(u->l1), minus = v_set(-u->l1);
	size_t i;

	for (i = 0; i < s->count; i += LANES) {
		vec_mask mask = v_first(s->count - i);
		vec w = v_load_part(s->w + i, mask), g = v_load_part(s->g + i, mask);

		g = v_fma(v_set(u->l2), w, v_mul(v_set(u->scale), g));
		g = v_add(g,
			  v_select(v_less(zero, w), plus, v_select(v_less(w, zero), minus, zero)));
		if (s->anchor)
			g = v_fma(v_set(u->proximal), v_sub(w, v_load_part(s->anchor + i, mask)),
				  g);
		v_store_part(s->g + i, mask, g);
	}
}

static void shrink(const struct npu_update *u, const struct npu_stretch *s)
{
	const vec factor = v_set(u->shrink);
	size_t i;

	for (i = 0; i < s->count; i += LANES) {
		vec_mask mask = v_first(s->count - i);

		v_store_part(s->w + i, mask, v_mul(factor, v_load_part(s->w + i, mask)));
	}
}

static void clamp(float *g, float limit, size_t count)
{
	const vec most = v_set(limit), least = v_set(-limit);
	size_t i;

	for (i = 0; i < count; i += LANES) {
		vec_mask mask = v_first(count - i);
		vec x = v_load_part(g + i, mask);

		x = v_select(v_less(most, x), most, x);
		v_store_part(g + i, mask, v_select(v_less(x, least), least, x));
	}
}

/* Sums in f32 are short, so that they lose nothing worth mentioning; but they may overflow. */
static double square_sum(const float *g, size_t count)
{
	const size_t part = 16 * LANES;
	double total = 0;
	size_t i, j;

	for (i = 0; i < count; i += part) {
		size_t end = count - i < part ? count : i + part;
		vec sum = v_set(0);

		for (j = i; j < end; j += LANES) {
			vec x = v_load_part(g + j, v_first(end - j));

			sum = v_fma(x, x, sum);
		}
		total += (double)v_sum(sum);
	}
	return total;
}

#define NPU_UPDATE_VARIANT(variant)                          \
	const struct npu_update_ops npu_update_##variant = { \
		.sgd = sgd,                                  \
		.adam = adam,                                \
		.rmsprop = rmsprop,                          \
		.adagrad = adagrad,                          \
		.penalise = penalise,                        \
		.shrink = shrink,                            \
		.clamp = clamp,                              \
		.square_sum = square_sum,                    \
	}

#endif /* NPU_NN_UPDATE_SIMD_H */
