// SPDX-License-Identifier: MIT
/*
 * Weights and biases of the nodes, in f32: those of the model, in the order in which the
 * instructions sum, with batch norms folded in. From here on they are the graph's, so that what
 * prepares them for integers may change them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/graph.h"
#include "train/nn/kernels/f32.h"
#include "train/nn/layers/recurrent.h"
#include "train/nn/model.h"

/* Parameters of a batch norm, as layers/batch_norm.c declares them. */
enum {
	SCALE,
	SHIFT,
	MEAN,
	VARIANCE
};

/*
 * Transposed convolution: [taps][units / groups][C] to [units][taps][C / groups]; output channel o
 * reads the input channels of its group.
 */
static void turn_transposed(struct npu_graph_node *node, const float *from)
{
	uint64_t taps = (uint64_t)node->window.kernel[0] * node->window.kernel[1];
	uint64_t own = node->depth / taps, channels = own * node->groups;
	uint64_t rows = node->units / node->groups, o, tap, i;

	for (o = 0; o < node->units; o++)
		for (tap = 0; tap < taps; tap++)
			for (i = 0; i < own; i++)
				node->weight[(o * taps + tap) * own + i] =
					from[(tap * rows + o % rows) * channels + o / rows * own +
					     i];
}

/* [columns][rows] to [rows][columns]. */
static void turn(float *to, const float *from, uint64_t rows, uint64_t columns)
{
	uint64_t i, k;

	for (i = 0; i < rows; i++)
		for (k = 0; k < columns; k++)
			to[i * columns + k] = from[k * rows + i];
}

/* Those of one direction: weight, recurrent, bias and recurrent_bias, the last two if there. */
static void take_recurrent(const struct npu_graph *graph, struct npu_graph_node *node)
{
	const struct npu_node *layer = &graph->model->node[node->weights_from];
	size_t count = npu_recurrent_parameters(&layer->layer);
	const float *p[4] = { NULL, NULL, NULL, NULL };
	size_t k;

	for (k = 0; k < count; k++)
		p[k] = npu_node_values(graph->model, node->weights_from,
				       node->direction * count + k);
	turn(node->weight, p[0], node->units, node->depth);
	turn(node->recurrent, p[1], node->units, node->hidden);
	if (p[2])
		memcpy(node->bias, p[2], node->units * sizeof(float));
	if (p[3])
		memcpy(node->recurrent_bias + node->units - node->hidden, p[3],
		       node->hidden * sizeof(float));
}

static void take_weights(const struct npu_graph *graph, struct npu_graph_node *node)
{
	const float *weight = NULL, *bias = NULL;
	uint64_t i;

	if (node->weights_from != NPU_NO_LAYER) {
		weight = npu_node_values(graph->model, node->weights_from, 0);
		bias = npu_node_values(graph->model, node->weights_from, 1);
	}
	for (i = 0; !weight && i < node->units * node->depth; i++)
		node->weight[i] = 1;
	if (weight && node->kind == NPU_GRAPH_CONV_TRANSPOSE)
		turn_transposed(node, weight);
	else if (weight && (node->kind == NPU_GRAPH_CONV || node->kind == NPU_GRAPH_DEPTHWISE))
		turn(node->weight, weight, node->units, node->depth);
	else if (weight)
		memcpy(node->weight, weight, node->units * node->depth * sizeof(float));
	if (bias)
		memcpy(node->bias, bias, node->units * sizeof(float));
}

/* y = (x - mean) / sqrt(variance + epsilon) * scale + shift, x = w . input + bias. */
static void fold_norm(const struct npu_graph *graph, struct npu_graph_node *node)
{
	const float *scale = npu_node_values(graph->model, node->norm, SCALE);
	const float *shift = npu_node_values(graph->model, node->norm, SHIFT);
	const float *mean = npu_node_values(graph->model, node->norm, MEAN);
	const float *variance = npu_node_values(graph->model, node->norm, VARIANCE);
	double epsilon = graph->model->node[node->norm].layer.epsilon;
	uint64_t o, k;

	for (o = 0; o < node->units; o++) {
		double factor = scale[o] / sqrt(variance[o] + epsilon);

		for (k = 0; k < node->depth; k++)
			node->weight[o * node->depth + k] =
				(float)(node->weight[o * node->depth + k] * factor);
		node->bias[o] =
			(float)((node->bias[o] - (double)mean[o]) * factor + (double)shift[o]);
	}
}

/* @what: "weight" or "bias"; @row: numbers of an output. */
static int check_finite(const struct npu_graph *graph, const struct npu_graph_node *node,
			const char *what, const float *numbers, uint64_t row, struct npu_error *err)
{
	uint64_t i;

	for (i = 0; numbers && i < node->units * row; i++)
		if (!isfinite(numbers[i]))
			return npu_error_set(err, -EINVAL,
					     "layer \"%s\": a %s of output %llu is %s; train "
					     "the model again, with a lower rate",
					     npu_graph_node_name(graph, node), what,
					     (unsigned long long)(i / row),
					     isnan(numbers[i]) ? "NaN" : "infinite");
	return 0;
}

static int check_all_finite(const struct npu_graph *graph, const struct npu_graph_node *node,
			    struct npu_error *err)
{
	int ret = check_finite(graph, node, "weight", node->weight, node->depth, err);

	if (!ret)
		ret = check_finite(graph, node, "bias", node->bias, 1, err);
	if (!ret)
		ret = check_finite(graph, node, "recurrent weight", node->recurrent, node->hidden,
				   err);
	if (!ret)
		ret = check_finite(graph, node, "recurrent bias", node->recurrent_bias, 1, err);
	return ret;
}

/* The rows of an embedding's table after the activation behind it. */
static void activate_rows(struct npu_graph_node *node)
{
	const struct npu_f32 *f32 = &npu_f32_reference;

	if (node->activation == NPU_SOFTMAX)
		f32->softmax(node->weight, node->weight, node->units, node->depth);
	else if (node->activation != NPU_LINEAR)
		f32->activate(node->activation, node->alpha, node->weight, node->weight,
			      node->units * node->depth);
}

static int weigh_node(const struct npu_graph *graph, struct npu_graph_node *node,
		      struct npu_error *err)
{
	bool recurrent = npu_graph_is_recurrent(node);

	node->weight = malloc(node->units * node->depth * sizeof(*node->weight));
	node->bias = calloc(node->units, sizeof(*node->bias));
	if (recurrent) {
		node->recurrent = calloc(node->units * node->hidden, sizeof(*node->recurrent));
		node->recurrent_bias = calloc(node->units, sizeof(*node->recurrent_bias));
	}
	if (!node->weight || !node->bias ||
	    (recurrent && (!node->recurrent || !node->recurrent_bias)))
		return npu_error_set(err, -ENOMEM, "no memory for the %llu weights of layer \"%s\"",
				     (unsigned long long)(node->units * node->depth),
				     npu_graph_node_name(graph, node));
	if (recurrent)
		take_recurrent(graph, node);
	else
		take_weights(graph, node);
	if (node->norm != NPU_NO_LAYER)
		fold_norm(graph, node);
	if (node->kind == NPU_GRAPH_EMBEDDING)
		activate_rows(node);
	return check_all_finite(graph, node, err);
}

int npu_graph_weigh(struct npu_graph *graph, struct npu_error *err)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i < graph->nodes; i++)
		if (graph->node[i].units && !graph->node[i].weight)
			ret = weigh_node(graph, &graph->node[i], err);
	return ret;
}
