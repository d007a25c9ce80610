// SPDX-License-Identifier: MIT
/* Nodes and values as arrays: what is in them, adding, removing. */
#include <stdlib.h>
#include <string.h>

#include "train/compile/graph.h"
#include "train/nn/model.h"

const char *npu_graph_node_name(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return npu_model_layer(graph->model, node->layer)->name;
}

uint64_t npu_graph_value_elements(const struct npu_graph_value *value)
{
	return (uint64_t)value->dim[0] * value->dim[1] * value->dim[2] * value->dim[3];
}

uint32_t npu_type_bytes(enum npu_type type)
{
	switch (type) {
	case NPU_TYPE_INT8:
		return 1;
	case NPU_TYPE_INT16:
		return 2;
	case NPU_TYPE_INT64:
		return 8;
	default:
		return 4;
	}
}

uint64_t npu_graph_value_bytes(const struct npu_graph_value *value)
{
	return npu_graph_value_elements(value) * npu_type_bytes(value->type);
}

const struct npu_graph_node *npu_graph_reader(const struct npu_graph *graph, uint32_t value,
					      uint32_t from)
{
	uint32_t i, k;

	for (i = from; i < graph->nodes; i++)
		for (k = 0; k < graph->node[i].inputs; k++)
			if (graph->node[i].input[k] == value)
				return &graph->node[i];
	return NULL;
}

struct npu_graph_node *npu_graph_maker(const struct npu_graph *graph, uint32_t value)
{
	uint32_t i;

	for (i = 0; i < graph->nodes; i++)
		if (graph->node[i].output == value)
			return &graph->node[i];
	return NULL;
}

/* Room for one more of @count elements of @size; doubled when it is full. */
static void *grow(void *array, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? 2 * *room : 16;
	void *larger;

	if (count < *room)
		return array;
	larger = realloc(array, more * size);
	if (larger)
		*room = more;
	return larger;
}

uint32_t npu_graph_add_value(struct npu_graph *graph, const struct npu_graph_value *like)
{
	struct npu_graph_value added = *like, *value;
	int d;

	value = grow(graph->value, graph->values, &graph->value_room, sizeof(*value));
	if (!value)
		return NPU_NO_INDEX;
	graph->value = value;
	added.like = added.base = graph->values;
	added.at = 0;
	for (d = 2; d >= 0; d--)
		added.stride[d] = added.dim[d + 1] * (d < 2 ? added.stride[d + 1] : 1);
	graph->value[graph->values] = added;
	return graph->values++;
}

struct npu_graph_node *npu_graph_insert_node(struct npu_graph *graph, uint32_t at,
					     enum npu_graph_kind kind, size_t layer,
					     uint32_t inputs)
{
	uint32_t *input = calloc(inputs, sizeof(*input));
	struct npu_graph_node *node;

	node = grow(graph->node, graph->nodes, &graph->node_room, sizeof(*node));
	if (node)
		graph->node = node;
	if (!node || !input) {
		free(input);
		return NULL;
	}
	node += at;
	memmove(node + 1, node, (graph->nodes++ - at) * sizeof(*node));
	*node = (struct npu_graph_node){
		.kind = kind,
		.layer = layer,
		.input = input,
		.inputs = inputs,
		.weights_from = NPU_NO_LAYER,
		.norm = NPU_NO_LAYER,
		.also = { NPU_NO_INDEX, NPU_NO_INDEX, NPU_NO_INDEX },
	};
	return node;
}

static void free_node(struct npu_graph_node *node)
{
	free(node->input);
	free(node->weight);
	free(node->bias);
	free(node->recurrent);
	free(node->recurrent_bias);
}

void npu_graph_remove_node(struct npu_graph *graph, uint32_t at)
{
	free_node(&graph->node[at]);
	graph->nodes--;
	memmove(&graph->node[at], &graph->node[at + 1],
		(graph->nodes - at) * sizeof(graph->node[0]));
}

void npu_graph_free(struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->nodes; i++)
		free_node(&graph->node[i]);
	free(graph->node);
	free(graph->value);
	memset(graph, 0, sizeof(*graph));
}
