// SPDX-License-Identifier: MIT
/* Kernels of the optimisers as plain loops: what the vector variants are checked against. */
#include <math.h>

#include "update.h"

static float moment(float x)
{
	return fabsf(x) < NPU_MOMENT_MIN ? 0 : x;
}

static void sgd(const struct npu_update *u, const struct npu_stretch *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		float step = s->g[i];

		if (s->first) {
			s->first[i] = moment(u->momentum * s->first[i] + s->g[i]);
			step = u->nesterov ? s->g[i] + u->momentum * s->first[i] : s->first[i];
		}
		s->w[i] -= u->rate * step;
	}
}

static void adam(const struct npu_update *u, const struct npu_stretch *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		float g = s->g[i];

		s->first[i] = moment(u->beta1 * s->first[i] + (1 - u->beta1) * g);
		s->second[i] = moment(u->beta2 * s->second[i] + (1 - u->beta2) * (g * g));
		s->w[i] -= u->rate * s->first[i] / (sqrtf(s->second[i]) * u->root + u->epsilon);
	}
}

static void rmsprop(const struct npu_update *u, const struct npu_stretch *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		float g = s->g[i], step;

		s->second[i] = moment(u->beta2 * s->second[i] + (1 - u->beta2) * (g * g));
		step = g / (sqrtf(s->second[i]) + u->epsilon);
		if (s->first)
			step = s->first[i] = moment(u->momentum * s->first[i] + step);
		s->w[i] -= u->rate * step;
	}
}

static void adagrad(const struct npu_update *u, const struct npu_stretch *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		s->second[i] = moment(s->second[i] + s->g[i] * s->g[i]);
		s->w[i] -= u->rate * s->g[i] / (sqrtf(s->second[i]) + u->epsilon);
	}
}

static float sign(float x)
{
	return x > 0 ? 1 : x < 0 ? -1 : 0;
}

static void penalise(const struct npu_update *u, const struct npu_stretch *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		float g = u->scale * s->g[i] + u->l2 * s->w[i] + u->l1 * sign(s->w[i]);

		if (s->anchor)
			g += u->proximal * (s->w[i] - s->anchor[i]);
		s->g[i] = g;
	}
}

static void shrink(const struct npu_update *u, const struct npu_stretch *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		s->w[i] *= u->shrink;
}

static void clamp(float *g, float limit, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (g[i] > limit)
			g[i] = limit;
		else if (g[i] < -limit)
			g[i] = -limit;
	}
}

static double square_sum(const float *g, size_t count)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < count; i++)
		sum += (double)g[i] * g[i];
	return sum;
}

const struct npu_update_ops npu_update_reference = {
	.sgd = sgd,
	.adam = adam,
	.rmsprop = rmsprop,
	.adagrad = adagrad,
	.penalise = penalise,
	.shrink = shrink,
	.clamp = clamp,
	.square_sum = square_sum,
};
