// SPDX-License-Identifier: MIT
/* Merge nodes that one instruction can do; drop nodes that do nothing. */
#include <string.h>

#include "train/compile/graph.h"

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

static void remove_node(struct npu_graph *graph, uint32_t i)
{
	graph->nodes--;
	memmove(&graph->node[i], &graph->node[i + 1], (graph->nodes - i) * sizeof(graph->node[0]));
}

static bool read_once(const struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_node *first = npu_graph_reader(graph, value, 0);

	return first && value != graph->output &&
	       !npu_graph_reader(graph, value, (uint32_t)(first - graph->node) + 1);
}

/* A linear activation, unless it is all there is between input and output. */
static bool drop_copy(struct npu_graph *graph, uint32_t i)
{
	struct npu_graph_node *node = &graph->node[i];
	uint32_t input = node->input[0], output = node->output;

	if (node->kind != NPU_GRAPH_COPY || (input == graph->input && output == graph->output))
		return false;
	remove_node(graph, i);
	redirect(graph, output, input);
	return true;
}

/* dense + relu: the dense clamps its own output. */
static bool fuse_relu(struct npu_graph *graph, uint32_t i)
{
	struct npu_graph_node *node = &graph->node[i];
	struct npu_graph_node *dense = NULL;
	uint32_t k, input = node->input[0];

	if (node->kind != NPU_GRAPH_RELU || !read_once(graph, input))
		return false;
	for (k = 0; k < i; k++)
		if (graph->node[k].output == input && graph->node[k].kind == NPU_GRAPH_DENSE)
			dense = &graph->node[k];
	if (!dense)
		return false;
	dense->relu = true;
	dense->output = node->output;
	remove_node(graph, i);
	return true;
}

void npu_graph_fuse(struct npu_graph *graph)
{
	uint32_t i = 0;

	while (i < graph->nodes)
		if (!drop_copy(graph, i) && !fuse_relu(graph, i))
			i++;
}
