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
#include "train/nn/model.h"

/* Parameters of a batch norm, as layers/batch_norm.c declares them. */
enum {
	SCALE,
	SHIFT,
	MEAN,
	VARIANCE
};

/* Convolution: [taps][C / groups][units] to [units][taps][C / groups]. */
static void turn_conv(struct npu_graph_node *node, const float *from)
{
	uint64_t o, k;

	for (o = 0; o < node->units; o++)
		for (k = 0; k < node->depth; k++)
			node->weight[o * node->depth + k] = from[k * node->units + o];
}

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
		turn_conv(node, weight);
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

static int check_finite(const struct npu_graph *graph, const struct npu_graph_node *node,
			struct npu_error *err)
{
	const char *name = npu_graph_node_name(graph, node);
	uint64_t i;

	for (i = 0; i < node->units * node->depth; i++)
		if (!isfinite(node->weight[i]))
			return npu_error_set(err, -EINVAL,
					     "layer \"%s\": a weight of output %llu is %s; train "
					     "the model again, with a lower rate",
					     name, (unsigned long long)(i / node->depth),
					     isnan(node->weight[i]) ? "NaN" : "infinite");
	for (i = 0; i < node->units; i++)
		if (!isfinite(node->bias[i]))
			return npu_error_set(err, -EINVAL,
					     "layer \"%s\": the bias of output %llu is %s; train "
					     "the model again, with a lower rate",
					     name, (unsigned long long)i,
					     isnan(node->bias[i]) ? "NaN" : "infinite");
	return 0;
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
	node->weight = malloc(node->units * node->depth * sizeof(*node->weight));
	node->bias = calloc(node->units, sizeof(*node->bias));
	if (!node->weight || !node->bias)
		return npu_error_set(err, -ENOMEM,
				     "no memory for the %llu weights of layer \"%s\"",
				     (unsigned long long)(node->units * node->depth),
				     npu_graph_node_name(graph, node));
	take_weights(graph, node);
	if (node->norm != NPU_NO_LAYER)
		fold_norm(graph, node);
	if (node->kind == NPU_GRAPH_EMBEDDING)
		activate_rows(node);
	return check_finite(graph, node, err);
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
