/* SPDX-License-Identifier: MIT */
/*
 * Recurrent layers written down a second time, in double and a sample at a time, for tests to
 * compare with.
 */
#ifndef NPU_RECURRENT_DEFINITION_H
#define NPU_RECURRENT_DEFINITION_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "npu_train.h"
#include "train/nn/layer.h"

#define MOST_UNITS 64

/**
 * struct trial - a layer, a batch and what they make
 * @layer: description; @steps, @inputs: its input; @n: samples
 * @x, @dy: random; @lengths: random or NULL; @before: of a stateful layer, the state at first
 * @y, @dx, @gradient, @after: what the layer made of it
 */
struct trial {
	struct npu_layer layer;
	struct npu_model *model;
	const struct npu_node *node;
	size_t n, steps, inputs, units, directions, states;
	float *x, *dy, *before;
	uint32_t *lengths;
	float *y, *dx, *gradient, *after;
};

struct definition {
	const struct trial *t;
	const double *weight, *recurrent, *bias, *recurrent_bias;
	double h[MOST_UNITS], c[MOST_UNITS];
};

static double sigmoid(double z)
{
	return 1 / (1 + exp(-z));
}

static double activated(const struct npu_layer *layer, double z)
{
	switch (layer->activation) {
	case NPU_RELU:
		return fmax(0, z);
	case NPU_SWISH:
		return z * sigmoid(z);
	case NPU_SIGMOID:
		return sigmoid(z);
	default:
		return tanh(z);
	}
}

/* Column @k of x W + b, or of @h R. */
static double input_part(const struct definition *d, const double *x, size_t gates, size_t k)
{
	double sum = d->bias ? d->bias[k] : 0;
	size_t c;

	for (c = 0; c < d->t->inputs; c++)
		sum += x[c] * d->weight[c * gates * d->t->units + k];
	return sum;
}

static double state_part(const struct definition *d, const double *h, size_t gates, size_t k)
{
	double sum = 0;
	size_t u;

	for (u = 0; u < d->t->units; u++)
		sum += h[u] * d->recurrent[u * gates * d->t->units + k];
	return sum;
}

static void rnn_step(struct definition *d, const double *x)
{
	double h[MOST_UNITS];
	size_t u;

	for (u = 0; u < d->t->units; u++)
		h[u] = activated(&d->t->layer, input_part(d, x, 1, u) + state_part(d, d->h, 1, u));
	memcpy(d->h, h, sizeof(h));
}

static void lstm_step(struct definition *d, const double *x)
{
	size_t n = d->t->units, u, g;
	double h[MOST_UNITS] = { 0 }, z[4];

	for (u = 0; u < n; u++) {
		for (g = 0; g < 4; g++)
			z[g] = input_part(d, x, 4, g * n + u) + state_part(d, d->h, 4, g * n + u);
		d->c[u] = sigmoid(z[2]) * d->c[u] + sigmoid(z[0]) * tanh(z[3]);
		h[u] = sigmoid(z[1]) * tanh(d->c[u]);
	}
	memcpy(d->h, h, sizeof(h));
}

static void gru_step(struct definition *d, const double *x)
{
	size_t n = d->t->units, u;
	double z[MOST_UNITS], r[MOST_UNITS], reset[MOST_UNITS], h[MOST_UNITS] = { 0 };

	for (u = 0; u < n; u++) {
		z[u] = sigmoid(input_part(d, x, 3, u) + state_part(d, d->h, 3, u));
		r[u] = sigmoid(input_part(d, x, 3, n + u) + state_part(d, d->h, 3, n + u));
		reset[u] = r[u] * d->h[u];
	}
	for (u = 0; u < n; u++) {
		double from_h = state_part(d, reset, 3, 2 * n + u);

		if (d->t->layer.reset_after)
			from_h = r[u] * (state_part(d, d->h, 3, 2 * n + u) +
					 (d->recurrent_bias ? d->recurrent_bias[u] : 0));
		h[u] = (1 - z[u]) * tanh(input_part(d, x, 3, 2 * n + u) + from_h) + z[u] * d->h[u];
	}
	memcpy(d->h, h, sizeof(h));
}

static void (*const steps_of[])(struct definition *d, const double *x) = {
	[NPU_LAYER_RNN] = rnn_step,
	[NPU_LAYER_LSTM] = lstm_step,
	[NPU_LAYER_GRU] = gru_step,
};

static struct definition parameters_of(const struct trial *t, const double *value, size_t direction)
{
	size_t count = t->node->parameters / t->directions;
	const struct npu_model_parameter *p =
		t->model->parameter + t->node->parameter + direction * count;

	return (struct definition){
		.t = t,
		.weight = value + p[0].offset,
		.recurrent = value + p[1].offset,
		.bias = count > 2 ? value + p[2].offset : NULL,
		.recurrent_bias = count > 3 ? value + p[3].offset : NULL,
	};
}

/* One sample in one direction: its part of @y, and the state behind it. */
static void define(const struct trial *t, const double *value, const double *x, size_t sample,
		   size_t direction, double *y, double *after)
{
	struct definition d = parameters_of(t, value, direction);
	size_t n = t->units, width = t->directions * n, s, u;
	size_t length = t->lengths && t->lengths[sample] < t->steps ? t->lengths[sample] : t->steps;
	bool backwards = direction || t->layer.backwards;

	for (u = 0; t->before && u < n; u++) {
		const float *state =
			t->before + sample * t->node->state + direction * t->states * n;

		d.h[u] = state[u];
		d.c[u] = t->states > 1 ? state[n + u] : 0;
	}
	for (s = 0; s < length; s++) {
		size_t time = backwards ? length - 1 - s : s;

		steps_of[t->layer.kind](&d, x + time * t->inputs);
		for (u = 0; t->layer.sequences && u < n; u++)
			y[time * width + direction * n + u] = d.h[u];
	}
	for (u = 0; !t->layer.sequences && u < n; u++)
		y[direction * n + u] = d.h[u];
	for (u = 0; u < n; u++) {
		after[direction * t->states * n + u] = d.h[u];
		if (t->states > 1)
			after[direction * t->states * n + n + u] = d.c[u];
	}
}

/* The loss of which dy is the gradient; @y [n][out] and @after [n][state] are filled in. */
static inline double loss_of(const struct trial *t, const double *value, const double *x, double *y,
			     double *after)
{
	size_t out = t->node->out, state = t->directions * t->states * t->units, i, d, k;
	double loss = 0;

	memset(y, 0, t->n * out * sizeof(*y));
	for (i = 0; i < t->n; i++)
		for (d = 0; d < t->directions; d++)
			define(t, value, x + i * t->steps * t->inputs, i, d, y + i * out,
			       after + i * state);
	for (k = 0; k < t->n * out; k++)
		loss += y[k] * t->dy[k];
	return loss;
}

#endif /* NPU_RECURRENT_DEFINITION_H */
