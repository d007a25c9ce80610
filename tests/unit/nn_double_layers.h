/* SPDX-License-Identifier: MIT */
/* Part of nn_double.h: the layers that are neither convolutions nor recurrent, and the network. */
#ifndef NN_DOUBLE_LAYERS_H
#define NN_DOUBLE_LAYERS_H

#include "nn_double_conv.h"
#include "nn_double_recurrent.h"

static inline void nn_double_dense(const struct nn_double_step *s)
{
	const double *weight = nn_double_parameter(s, "weight");
	const double *bias = nn_double_parameter(s, "bias");
	size_t in = s->node->in, out = s->node->out, i, o, k;

	for (i = 0; i < s->d->n; i++) {
		for (o = 0; o < out; o++) {
			double sum = bias ? bias[o] : 0;

			for (k = 0; k < in; k++)
				sum += s->x[i * in + k] * weight[o * in + k];
			s->y[i * out + o] = sum;
		}
	}
}

/* Mean and variance of @count values, each @stride from the next. */
static inline void nn_double_moments(const double *x, size_t count, size_t stride, double *mean,
				     double *variance)
{
	size_t i;

	*mean = *variance = 0;
	for (i = 0; i < count; i++)
		*mean += x[i * stride] / (double)count;
	for (i = 0; i < count; i++)
		*variance += (x[i * stride] - *mean) * (x[i * stride] - *mean) / (double)count;
}

static inline void nn_double_batch_norm(const struct nn_double_step *s)
{
	const double *scale = nn_double_parameter(s, "scale");
	const double *shift = nn_double_parameter(s, "shift");
	size_t c = s->node->in_dim[2], rows = s->d->n * s->node->in / c, i, j;

	for (j = 0; j < c; j++) {
		double mean = nn_double_parameter(s, "mean")[j];
		double variance = nn_double_parameter(s, "variance")[j];

		if (s->d->training && !s->node->layer.frozen)
			nn_double_moments(s->x + j, rows, c, &mean, &variance);
		for (i = 0; i < rows; i++)
			s->y[i * c + j] = (s->x[i * c + j] - mean) /
						  sqrt(variance + s->node->layer.epsilon) *
						  scale[j] +
					  shift[j];
	}
}

static inline void nn_double_layer_norm(const struct nn_double_step *s)
{
	const double *scale = nn_double_parameter(s, "scale");
	const double *shift = nn_double_parameter(s, "shift");
	size_t c = s->node->in_dim[2], rows = s->d->n * s->node->in / c, i, j;

	for (i = 0; i < rows; i++) {
		double mean, variance;

		nn_double_moments(s->x + i * c, c, 1, &mean, &variance);
		for (j = 0; j < c; j++)
			s->y[i * c + j] = (s->x[i * c + j] - mean) /
						  sqrt(variance + s->node->layer.epsilon) *
						  scale[j] +
					  shift[j];
	}
}

static inline void nn_double_embedding(const struct nn_double_step *s)
{
	const double *weight = nn_double_parameter(s, "weight");
	size_t units = s->node->layer.units, i, j;

	for (i = 0; i < s->d->n * s->node->in; i++) {
		double row = fmin(fmax(0, s->x[i]), s->node->layer.vocabulary - 1.0);

		for (j = 0; j < units; j++)
			s->y[i * units + j] = weight[(size_t)row * units + j];
	}
}

static inline const double *nn_double_input(const struct nn_double_step *s, size_t k)
{
	int input = s->node->input[k];

	return input == NPU_MODEL_INPUT ? s->d->x : s->d->out[input];
}

static inline void nn_double_add(const struct nn_double_step *s)
{
	size_t i, k;

	for (i = 0; i < s->d->n * s->node->out; i++) {
		s->y[i] = 0;
		for (k = 0; k < s->node->inputs; k++)
			s->y[i] += nn_double_input(s, k)[i];
	}
}

/* Every element of every input has its place in the output, further along the axis. */
static inline void nn_double_concat(const struct nn_double_step *s)
{
	const uint32_t *to = s->node->out_dim;
	size_t i, k, place[3], begin = 0;

	for (k = 0; k < s->node->inputs; k++) {
		const uint32_t *from = npu_model_value_dim(s->d->model, s->node->input[k]);
		size_t volume = (size_t)from[0] * from[1] * from[2];

		for (i = 0; i < s->d->n * volume; i++) {
			place[2] = i % from[2];
			place[1] = i / from[2] % from[1];
			place[0] = i / from[2] / from[1] % from[0];
			place[npu_concat_dimension(&s->node->layer)] += begin;
			s->y[i / volume * s->node->out + (place[0] * to[1] + place[1]) * to[2] +
			     place[2]] = nn_double_input(s, k)[i];
		}
		begin += from[npu_concat_dimension(&s->node->layer)];
	}
}

/* What comes before the activation. */
static inline void nn_double_layer(const struct nn_double_step *s)
{
	switch (s->node->layer.kind) {
	case NPU_LAYER_DENSE:
		return nn_double_dense(s);
	case NPU_LAYER_CONV:
		return nn_double_conv(s);
	case NPU_LAYER_CONV_TRANSPOSE:
		return nn_double_conv_transpose(s);
	case NPU_LAYER_MAX_POOL:
	case NPU_LAYER_AVERAGE_POOL:
		return nn_double_pool(s);
	case NPU_LAYER_GLOBAL_MAX_POOL:
	case NPU_LAYER_GLOBAL_AVERAGE_POOL:
		return nn_double_global_pool(s);
	case NPU_LAYER_BATCH_NORM:
		return nn_double_batch_norm(s);
	case NPU_LAYER_LAYER_NORM:
		return nn_double_layer_norm(s);
	case NPU_LAYER_EMBEDDING:
		return nn_double_embedding(s);
	case NPU_LAYER_RNN:
	case NPU_LAYER_LSTM:
	case NPU_LAYER_GRU:
		return nn_double_recurrent(s);
	case NPU_LAYER_ADD:
		return nn_double_add(s);
	case NPU_LAYER_CONCAT:
		return nn_double_concat(s);
	default: /* those that pass their values on, dropout at inference among them */
		memcpy(s->y, s->x, s->d->n * s->node->out * sizeof(double));
	}
}

static inline const double *nn_double_forward(struct nn_double *d)
{
	const struct npu_model *model = d->model;
	size_t i, at;

	if (!d->out)
		d->out = calloc(model->nodes, sizeof(*d->out));
	for (i = 0; i < model->nodes; i++) {
		const struct npu_node *node = &model->node[i];
		struct nn_double_step s = { .d = d, .node = node };
		size_t count = d->n * node->out;

		if (!d->out[i])
			d->out[i] = malloc(count * sizeof(double));
		s.x = nn_double_input(&s, 0);
		s.y = d->out[i];
		if (d->lengths && node->in_dim[1] == model->dim[1])
			s.lengths = d->lengths;
		memset(s.y, 0, count * sizeof(double));
		nn_double_layer(&s);
		/* a recurrent layer's activation is within its formula */
		for (at = 0; !nn_double_is_recurrent(node) && at < count; at += node->out_dim[2])
			nn_double_activate(&node->layer, s.y + at, node->out_dim[2]);
	}
	return d->out[model->nodes - 1];
}

#endif /* NN_DOUBLE_LAYERS_H */
