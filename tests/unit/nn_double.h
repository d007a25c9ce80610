/* SPDX-License-Identifier: MIT */
/*
 * Every kind of layer a second time, in double, with libm and in the plainest of loops: what the
 * library's forward passes and gradients are checked against. Written from the formulas of
 * npu_train/layers.h; it shares nothing with the library but shapes and the places of parameters.
 */
#ifndef NN_DOUBLE_H
#define NN_DOUBLE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/nn/model.h"

/**
 * struct nn_double - a network and a batch
 * @value: parameters, as in the model's flat array
 * @n: samples
 * @x: [n][features]
 * @lengths: [n], or NULL
 * @training: batch norm uses the batch
 * @out: of each node, [n][out]
 */
struct nn_double {
	const struct npu_model *model;
	const double *value;
	size_t n;
	const double *x;
	const uint32_t *lengths;
	bool training;
	double **out;
};

/**
 * struct nn_double_step - one layer of it
 * @x, @y: the first input, the output
 * @lengths: of the input's steps, or NULL
 */
struct nn_double_step {
	const struct nn_double *d;
	const struct npu_node *node;
	const double *x;
	double *y;
	const uint32_t *lengths;
};

/* The layer's parameter "name.@suffix"; NULL where it has none of that name. */
static inline const double *nn_double_parameter(const struct nn_double_step *s, const char *suffix)
{
	const struct npu_model *model = s->d->model;
	size_t length = strlen(s->node->layer.name), i;

	for (i = 0; i < s->node->parameters; i++) {
		const struct npu_model_parameter *p = &model->parameter[s->node->parameter + i];

		if (!strcmp(p->name + length + 1, suffix))
			return s->d->value + p->offset;
	}
	return NULL;
}

/* Steps of sample @i. */
static inline size_t nn_double_length(const struct nn_double_step *s, size_t i)
{
	return s->lengths ? s->lengths[i] : s->node->in_dim[1];
}

static inline double nn_double_activated(const struct npu_layer *layer, double x)
{
	const double scale = 1.0507009873554804934193349852946;
	const double selu_alpha = 1.6732632423543772848170429916717;

	switch (layer->activation) {
	case NPU_RELU:
		return fmax(0, x);
	case NPU_LEAKY_RELU:
		return x < 0 ? layer->alpha * x : x;
	case NPU_SIGMOID:
		return 1 / (1 + exp(-x));
	case NPU_TANH:
		return tanh(x);
	case NPU_RELU6:
		return fmin(fmax(0, x), 6);
	case NPU_ELU:
		return x < 0 ? layer->alpha * (exp(x) - 1) : x;
	case NPU_SELU:
		return scale * (x < 0 ? selu_alpha * (exp(x) - 1) : x);
	case NPU_GELU:
		return x * erfc(-x / sqrt(2)) / 2;
	case NPU_SWISH:
		return x / (1 + exp(-x));
	case NPU_HARD_SWISH:
		return x * fmin(fmax(0, x + 3), 6) / 6;
	case NPU_HARD_SIGMOID:
		return fmin(fmax(0, x / 6 + 0.5), 1);
	case NPU_SOFTPLUS:
		return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
	default:
		return x;
	}
}

/* In place, over @channels values, which softmax makes one distribution. */
static inline void nn_double_activate(const struct npu_layer *layer, double *y, size_t channels)
{
	double sum = 0, max = y[0];
	size_t i;

	if (layer->activation != NPU_SOFTMAX) {
		for (i = 0; i < channels; i++)
			y[i] = nn_double_activated(layer, y[i]);
		return;
	}
	for (i = 0; i < channels; i++)
		max = fmax(max, y[i]);
	for (i = 0; i < channels; i++)
		sum += exp(y[i] - max);
	for (i = 0; i < channels; i++)
		y[i] = exp(y[i] - max) / sum;
}

/* The network's outputs, [n][outputs], which go with nn_double_free(). */
static inline const double *nn_double_forward(struct nn_double *d);

static inline void nn_double_free(struct nn_double *d)
{
	size_t i;

	for (i = 0; d->out && i < d->model->nodes; i++)
		free(d->out[i]);
	free(d->out);
	d->out = NULL;
}

/*
 * The loss of a sample with outputs @p and targets @t; with cross-entropy the mean over places of
 * @columns each.
 */
static inline double nn_double_loss(enum npu_loss loss, const double *p, const double *t,
				    size_t outputs, size_t columns)
{
	double sum = 0, e;
	size_t j;

	for (j = 0; j < outputs; j++) {
		e = fabs(p[j] - t[j]);
		if (loss == NPU_LOSS_MSE)
			sum += e * e / (double)outputs;
		else if (loss == NPU_LOSS_MAE)
			sum += e / (double)outputs;
		else if (loss == NPU_LOSS_HUBER) /* delta 1 */
			sum += (e < 1 ? e * e / 2 : e - 0.5) / (double)outputs;
		else if (loss == NPU_LOSS_CROSS_ENTROPY)
			sum -= t[j] * log(p[j]) * (double)columns / (double)outputs;
		else
			sum -= (t[j] * log(p[j]) + (1 - t[j]) * log(1 - p[j])) / (double)outputs;
	}
	return sum;
}

#include "nn_double_layers.h"

#endif /* NN_DOUBLE_H */
