// SPDX-License-Identifier: MIT
/* Bias correction: rounding weights must not move the mean of any output channel. */
#include <errno.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "train/compile/channels.h"
#include "train/nn/model.h"
#include "train/nn/reference.h"

/**
 * struct mean - of what a node's weights are multiplied by
 * @sum: [taps][C], a dense layer: [depth]; NULL for a node that is not corrected
 * @count: of what was added up: samples times the places of the output
 */
struct mean {
	double *sum;
	double count;
};

/**
 * struct correction - a pass of samples
 * @mean: [nodes]
 */
struct correction {
	struct npu_graph *graph;
	struct mean *mean;
};

static bool has_channels(const struct npu_graph_node *node)
{
	return node->kind == NPU_GRAPH_DENSE || node->kind == NPU_GRAPH_CONV ||
	       node->kind == NPU_GRAPH_DEPTHWISE || node->kind == NPU_GRAPH_CONV_TRANSPOSE;
}

static size_t taps_of(const struct npu_graph_node *node)
{
	return (size_t)node->window.kernel[0] * node->window.kernel[1];
}

/* Numbers that weights are multiplied by. */
static size_t places_of(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	if (node->kind == NPU_GRAPH_DENSE)
		return node->depth;
	return taps_of(node) * graph->value[node->input[0]].dim[3];
}

static void add_dense(struct mean *mean, const float *x, size_t n, size_t depth)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < depth; k++)
			mean->sum[k] += x[i * depth + k];
	mean->count += (double)n;
}

/* H and W of what a convolution makes, before a maximum that is fused. */
static void output_of(const struct npu_graph *graph, const struct npu_graph_node *node,
		      uint32_t dim[2])
{
	const uint32_t *out = graph->value[node->output].dim + 1;
	size_t from = node->weights_from;
	int d;

	for (d = 0; d < 2; d++)
		dim[d] = from == NPU_NO_LAYER ? out[d] : graph->model->node[from].out_dim[d];
}

/*
 * Along one axis: where tap @tap of output @at reads, or for a transposed convolution where input
 * @at writes; false if that is outside of [0, @size).
 */
static bool tap_at(const struct npu_graph_window *window, int axis, uint32_t at, uint32_t tap,
		   uint32_t size, uint32_t *to)
{
	int64_t position = (int64_t)at * window->stride[axis] + tap * window->dilation[axis] -
			   (int64_t)window->pad[axis];

	*to = (uint32_t)position;
	return position >= 0 && position < size;
}

/* One sample @x [H][W][C]; @sum: [taps][C]. */
static void add_taps(const struct npu_graph_node *node, const uint32_t in[3], const uint32_t out[2],
		     const float *x, double *sum)
{
	bool transposed = node->kind == NPU_GRAPH_CONV_TRANSPOSE;
	const struct npu_graph_window *w = &node->window;
	const uint32_t *walk = transposed ? in : out, *within = transposed ? out : in;
	uint32_t i, j, h, k, to[2], c;

	for (i = 0; i < w->kernel[0]; i++)
		for (j = 0; j < w->kernel[1]; j++, sum += in[2])
			for (h = 0; h < walk[0]; h++)
				for (k = 0; k < walk[1]; k++) {
					const float *at;

					if (!tap_at(w, 0, h, i, within[0], &to[0]) ||
					    !tap_at(w, 1, k, j, within[1], &to[1]))
						continue;
					at = transposed
						     ? x + ((size_t)h * in[1] + k) * in[2]
						     : x + ((size_t)to[0] * in[1] + to[1]) * in[2];
					for (c = 0; c < in[2]; c++)
						sum[c] += at[c];
				}
}

static void add_conv(const struct npu_graph *graph, const struct npu_graph_node *node,
		     struct mean *mean, const float *x, size_t n)
{
	const uint32_t *in = graph->value[node->input[0]].dim + 1;
	uint32_t out[2];
	size_t i;

	output_of(graph, node, out);
	for (i = 0; i < n; i++)
		add_taps(node, in, out, x + i * in[0] * in[1] * in[2], mean->sum);
	mean->count += (double)n * out[0] * out[1];
}

static int visit(void *context, size_t layer, size_t first, size_t n, const float *pre,
		 const float *post)
{
	struct correction *correction = context;
	struct npu_graph *graph = correction->graph;
	uint32_t i;

	(void)first;
	if (layer == NPU_REFERENCE_INPUT)
		layer = NPU_NO_LAYER;
	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		const struct npu_graph_value *in = &graph->value[node->input[0]];

		if (!correction->mean[i].sum || in->layer != layer)
			continue;
		if (node->kind == NPU_GRAPH_DENSE)
			add_dense(&correction->mean[i], in->before ? pre : post, n, node->depth);
		else
			add_conv(graph, node, &correction->mean[i], in->before ? pre : post, n);
	}
	return 0;
}

/*
 * Not where the reference does not show the input; nor where steps behind the ends of sequences
 * would count.
 */
static bool is_corrected(const struct npu_graph *graph, const struct npu_graph_node *node,
			 const uint32_t *lengths)
{
	const struct npu_graph_value *in = &graph->value[node->input[0]];
	int layer = in->layer == NPU_NO_LAYER ? NPU_MODEL_INPUT : (int)in->layer;

	return has_channels(node) && !in->partial && !in->state &&
	       !(lengths && npu_model_value_is_timed(graph->model, layer));
}

static int correct_node(const struct npu_graph *graph, struct npu_graph_node *node,
			const struct mean *mean, struct npu_error *err)
{
	struct npu_channel c = npu_channels_of(graph, node);
	size_t channels = graph->value[node->input[0]].dim[3], groups = node->groups;
	size_t own = groups ? channels / groups : node->depth, k;
	uint64_t o;

	c.quantised = malloc(node->depth);
	if (!c.quantised)
		return npu_error_set(err, -ENOMEM, "no memory for %llu quantised weights",
				     (unsigned long long)node->depth);
	for (o = 0; o < node->units; o++) {
		const float *weight = node->weight + o * node->depth;
		size_t skip = groups ? o / (node->units / groups) * own : 0;
		int64_t bias;
		double scale = npu_channel_quantise(&c, weight, node->bias[o], &bias), off = 0;

		for (k = 0; k < node->depth; k++)
			off += (scale * c.quantised[k] - (double)weight[k]) *
			       mean->sum[groups ? k / own * channels + skip + k % own : k];
		node->bias[o] = (float)(node->bias[o] - off / mean->count);
	}
	free(c.quantised);
	return 0;
}

int npu_graph_correct_biases(struct npu_graph *graph, const float *samples, size_t count,
			     const struct npu_compile_options *options, struct npu_error *err)
{
	struct correction correction = { graph, calloc(graph->nodes, sizeof(struct mean)) };
	uint32_t i;
	int ret = correction.mean ? 0 : -ENOMEM;

	for (i = 0; !ret && i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		if (!is_corrected(graph, node, options->lengths))
			continue;
		correction.mean[i].sum = calloc(places_of(graph, node), sizeof(double));
		if (!correction.mean[i].sum)
			ret = -ENOMEM;
	}
	if (ret)
		npu_error_set(err, ret, "no memory for the means of %u layers", graph->nodes);
	else
		ret = npu_reference_forward(graph->model, samples, options->lengths, count, visit,
					    &correction, err);
	for (i = 0; !ret && i < graph->nodes; i++)
		if (correction.mean[i].sum)
			ret = correct_node(graph, &graph->node[i], &correction.mean[i], err);
	for (i = 0; correction.mean && i < graph->nodes; i++)
		free(correction.mean[i].sum);
	free(correction.mean);
	return ret;
}
