/* SPDX-License-Identifier: MIT */
/*
 * Every kind of layer a second time, in double, with libm and in the plainest of loops: what the
 * library's forward passes and gradients are checked against. Written from the formulas of
 * npu_train/layers.h, and sharing nothing with the library but the shapes.
 */
#ifndef NN_DOUBLE_H
#define NN_DOUBLE_H

#include <math.h>
#include <stddef.h>

#include "npu_train.h"

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

#endif /* NN_DOUBLE_H */
