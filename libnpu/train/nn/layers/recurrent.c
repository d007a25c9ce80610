// SPDX-License-Identifier: MIT
/* Recurrent layers: description, parameters, initial weights. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "recurrent.h"
#include "runtime/error.h"

#define MOST_WEIGHTS (1u << 30)

size_t npu_recurrent_parameters(const struct npu_layer *layer)
{
	if (layer->no_bias)
		return 2;
	return layer->kind == NPU_LAYER_GRU && layer->reset_after ? 4 : 3;
}

static int check(const struct npu_node *node, size_t gates, struct npu_error *err)
{
	const struct npu_layer *layer = &node->layer;
	size_t most = layer->units > node->in_dim[2] ? layer->units : node->in_dim[2];

	if (node->in_dim[0] != 1)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": its input is %u x %u x %u; a recurrent layer "
				     "reads a sequence, 1 x steps x values: put "
				     "npu_reshape(.dim = { 1, steps, values }) before it",
				     layer->name, node->in_dim[0], node->in_dim[1],
				     node->in_dim[2]);
	if (!layer->units)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": units is 0; a recurrent layer needs one at "
				     "least",
				     layer->name);
	if (most > MOST_WEIGHTS / gates / layer->units)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": %u inputs and %u units are more than 2^30 "
				     "weights; use fewer",
				     layer->name, node->in_dim[2], layer->units);
	if (layer->bidirectional && layer->backwards)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\" is both backwards and bidirectional, which goes "
				     "backwards, too; leave one out",
				     layer->name);
	if (layer->reset_after && layer->kind != NPU_LAYER_GRU)
		return npu_error_set(
			err, -EINVAL,
			"layer \"%s\": reset_after is of npu_gru() alone; leave it out",
			layer->name);
	return 0;
}

static int declare(struct npu_model *model, struct npu_node *node, size_t gates, const char *prefix,
		   struct npu_error *err)
{
	static const char *const names[] = { "weight", "recurrent", "bias", "recurrent_bias" };
	const uint32_t units = node->layer.units, columns = (uint32_t)(gates * units);
	const uint32_t dim[][4] = {
		{ node->in_dim[2], columns, 1, 1 },
		{ units, columns, 1, 1 },
		{ columns, 1, 1, 1 },
		{ units, 1, 1, 1 },
	};
	size_t k, count = npu_recurrent_parameters(&node->layer);
	char suffix[32];
	int ret = 0;

	for (k = 0; !ret && k < count; k++) {
		snprintf(suffix, sizeof(suffix), "%s%s", prefix, names[k]);
		ret = npu_node_declare(model, node, suffix, k < 2 ? NPU_ROLE_WEIGHT : NPU_ROLE_BIAS,
				       dim[k], err);
	}
	return ret;
}

int npu_recurrent_shape(struct npu_model *model, struct npu_node *node,
			const struct npu_recurrent_cell *cell, struct npu_error *err)
{
	struct npu_layer *layer = &node->layer;
	size_t directions = layer->bidirectional ? 2 : 1;
	int ret = check(node, cell->gates, err);

	if (ret)
		return ret;
	node->out_dim[0] = 1;
	node->out_dim[1] = layer->sequences ? node->in_dim[1] : 1;
	node->out_dim[2] = (uint32_t)directions * layer->units;
	if (layer->stateful)
		node->state = directions * cell->states * layer->units;
	if (!layer->bidirectional)
		return declare(model, node, cell->gates, "", err);
	ret = declare(model, node, cell->gates, "forward.", err);
	return ret ? ret : declare(model, node, cell->gates, "backward.", err);
}

static void scale_row(float *row, size_t length, double factor)
{
	size_t j;

	for (j = 0; j < length; j++)
		row[j] = (float)(row[j] * factor);
}

static double dot(const float *a, const float *b, size_t length)
{
	double sum[4] = { 0 }; /* so that an addition need not wait for the one before */
	size_t j, k;

	for (j = 0; j + 4 <= length; j += 4)
		for (k = 0; k < 4; k++)
			sum[k] += (double)a[j + k] * b[j + k];
	for (; j < length; j++)
		sum[0] += (double)a[j] * b[j];
	return sum[0] + sum[1] + sum[2] + sum[3];
}

/* Rows of length 1, at right angles to each other: random ones, by Gram and Schmidt. */
static void orthogonal(struct npu_rng *rng, float *value, size_t rows, size_t columns)
{
	size_t i, j, k;

	for (i = 0; i < rows * columns; i++)
		value[i] = (float)npu_rng_normal(rng);
	for (i = 0; i < rows; i++) {
		float *row = value + i * columns;

		for (k = 0; k < i; k++) {
			const float *other = value + k * columns;
			double along = dot(row, other, columns);

			for (j = 0; j < columns; j++)
				row[j] = (float)(row[j] - along * other[j]);
		}
		scale_row(row, columns, 1 / sqrt(dot(row, row, columns)));
	}
}

void npu_recurrent_init(struct npu_model *model, const struct npu_node *node, struct npu_rng *rng)
{
	const struct npu_layer *layer = &node->layer;
	size_t count = npu_recurrent_parameters(layer), units = layer->units, u, k;

	for (k = node->parameter; k < node->parameter + node->parameters; k += count) {
		const struct npu_model_parameter *p = &model->parameter[k];
		size_t columns = p[0].dim[1];

		npu_init_weights(layer, p[0].dim[0], columns, rng, model->value + p[0].offset,
				 p[0].count);
		if (layer->init == NPU_INIT_DEFAULT)
			orthogonal(rng, model->value + p[1].offset, units, columns);
		else
			npu_init_weights(layer, units, columns, rng, model->value + p[1].offset,
					 p[1].count);
		for (u = 0; layer->kind == NPU_LAYER_LSTM && count > 2 && u < units; u++)
			model->value[p[2].offset + 2 * units + u] = 1; /* do not forget at first */
	}
}
