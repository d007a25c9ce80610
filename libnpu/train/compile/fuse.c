// SPDX-License-Identifier: MIT
/*
 * Merge nodes that one instruction can do; drop nodes that do nothing. By shapes alone: what is
 * folded into weights is only noted here, and done by npu_graph_weigh().
 */
#include <string.h>

#include "train/compile/graph.h"
#include "train/compile/lower.h"
#include "train/nn/model.h"

/* Whoever read @old, and the request if it is the output, gets @new instead. */
static void redirect(struct npu_graph *graph, uint32_t old, uint32_t new)
{
	uint32_t i, k;

	for (i = 0; i < graph->nodes; i++)
		for (k = 0; k < graph->node[i].inputs; k++)
			if (graph->node[i].input[k] == old)
				graph->node[i].input[k] = new;
	if (graph->output == old)
		graph->output = new;
}

static bool read_once(const struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_node *first = npu_graph_reader(graph, value, 0);

	return first && value != graph->output &&
	       !npu_graph_reader(graph, value, (uint32_t)(first - graph->node) + 1);
}

/* The node in front of node @i, if nobody else reads what it makes. */
static struct npu_graph_node *only_maker(const struct npu_graph *graph, uint32_t i)
{
	const struct npu_graph_node *node = &graph->node[i];

	return node->inputs == 1 && read_once(graph, node->input[0])
		       ? npu_graph_maker(graph, node->input[0])
		       : NULL;
}

/* @maker does what node @i did, too. */
static void take_over(struct npu_graph *graph, struct npu_graph_node *maker, uint32_t i)
{
	maker->output = graph->node[i].output;
	npu_graph_remove_node(graph, i);
}

/* A linear activation, unless it is all there is between what must be apart. */
static bool drop_copy(struct npu_graph *graph, uint32_t i)
{
	struct npu_graph_node *node = &graph->node[i];
	uint32_t input = node->input[0], output = node->output;

	if (node->kind != NPU_GRAPH_COPY ||
	    ((input == graph->input || graph->value[input].state) && output == graph->output))
		return false;
	npu_graph_remove_node(graph, i);
	redirect(graph, output, input);
	return true;
}

/* Dense or convolution, then batch norm: other weights and another bias. */
static bool fuse_norm(struct npu_graph *graph, uint32_t i)
{
	struct npu_graph_node *node = &graph->node[i];
	struct npu_graph_node *maker = only_maker(graph, i);

	if (node->kind != NPU_GRAPH_BATCH_NORM || !maker || maker->norm != NPU_NO_LAYER ||
	    maker->clamp != NPU_LINEAR || maker->pool[0])
		return false;
	if (maker->kind != NPU_GRAPH_DENSE && maker->kind != NPU_GRAPH_CONV &&
	    maker->kind != NPU_GRAPH_DEPTHWISE && maker->kind != NPU_GRAPH_CONV_TRANSPOSE)
		return false;
	maker->norm = node->norm;
	take_over(graph, maker, i);
	return true;
}

/* Batch norm that stands alone is a convolution of each channel by one weight. */
static bool norm_by_convolution(struct npu_graph *graph, uint32_t i)
{
	static const struct npu_graph_window point = {
		.kernel = { 1, 1 },
		.stride = { 1, 1 },
		.dilation = { 1, 1 },
	};
	struct npu_graph_node *node = &graph->node[i];

	if (node->kind != NPU_GRAPH_BATCH_NORM)
		return false;
	node->kind = NPU_GRAPH_DEPTHWISE;
	node->groups = (uint32_t)node->units;
	node->window = point;
	return true;
}

/* An instruction that clamps its own output, then relu or relu6. */
static bool fuse_relu(struct npu_graph *graph, uint32_t i)
{
	struct npu_graph_node *node = &graph->node[i];
	struct npu_graph_node *maker = only_maker(graph, i);

	if (node->kind != NPU_GRAPH_RELU || !maker || !npu_operation(maker->kind)->clamps)
		return false;
	/* After relu6 neither changes anything, after relu only relu6 does. */
	if (maker->clamp != NPU_RELU6)
		maker->clamp = node->clamp;
	take_over(graph, maker, i);
	return true;
}

/* An activation of the rows of a table makes another table. */
static bool fuse_embedding(struct npu_graph *graph, uint32_t i)
{
	struct npu_graph_node *node = &graph->node[i];
	struct npu_graph_node *maker = only_maker(graph, i);

	if (node->kind != NPU_GRAPH_RELU && node->kind != NPU_GRAPH_TABLE &&
	    node->kind != NPU_GRAPH_SIGMOID && node->kind != NPU_GRAPH_TANH &&
	    node->kind != NPU_GRAPH_SOFTMAX)
		return false;
	if (!maker || maker->kind != NPU_GRAPH_EMBEDDING || maker->activation != NPU_LINEAR)
		return false;
	maker->activation = graph->model->node[node->layer].layer.activation;
	maker->alpha = node->alpha;
	take_over(graph, maker, i);
	return true;
}

static bool pools_without_overlap(const struct npu_graph_window *window)
{
	int axis;

	for (axis = 0; axis < 2; axis++)
		if (window->stride[axis] != window->kernel[axis] || window->dilation[axis] != 1 ||
		    window->pad[axis])
			return false;
	return true;
}

/* The windows that the last row and column of outputs look through are whole. */
static bool windows_are_whole(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	const uint32_t *in = graph->value[node->input[0]].dim;
	const uint32_t *out = graph->value[node->output].dim;
	int axis;

	for (axis = 0; axis < 2; axis++)
		if ((uint64_t)out[1 + axis] * node->window.kernel[axis] > in[1 + axis])
			return false;
	return true;
}

/* The sums that become one output of the pooled convolution are one matrix product. */
static bool is_small_enough(const struct npu_graph_node *conv, const uint32_t kernel[2])
{
	return kernel[0] <= UINT16_MAX && kernel[1] <= UINT16_MAX &&
	       conv->depth <= NPU_MAX_DEPTH / kernel[0] / kernel[1];
}

/* Convolution, then a maximum: a relu in between or behind is the same, as maxima keep order. */
static bool fuse_pool(struct npu_graph *graph, uint32_t i)
{
	struct npu_graph_node *node = &graph->node[i];
	struct npu_graph_node *maker = only_maker(graph, i);

	if (node->kind != NPU_GRAPH_MAX_POOL || !maker || maker->kind != NPU_GRAPH_CONV ||
	    maker->pool[0] || !pools_without_overlap(&node->window) ||
	    !windows_are_whole(graph, node) || !is_small_enough(maker, node->window.kernel))
		return false;
	memcpy(maker->pool, node->window.kernel, sizeof(maker->pool));
	if (maker->clamp == NPU_LINEAR || node->clamp == NPU_RELU6)
		maker->clamp = node->clamp;
	take_over(graph, maker, i);
	return true;
}

void npu_graph_fuse(struct npu_graph *graph)
{
	uint32_t i = 0;

	while (i < graph->nodes)
		if (!drop_copy(graph, i) && !fuse_norm(graph, i) &&
		    !norm_by_convolution(graph, i) && !fuse_embedding(graph, i) &&
		    !fuse_relu(graph, i) && !fuse_pool(graph, i))
			i++;
}
