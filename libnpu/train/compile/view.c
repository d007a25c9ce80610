// SPDX-License-Identifier: MIT
/*
 * Values that are views of another's memory. A reshape has the same memory under other dimensions;
 * the inputs of a concatenation are made where they end up. What can't be, is copied.
 *
 * From the last node to the first: when an input of a concatenation gets its place, it is known
 * where the concatenation itself lies.
 */
#include <errno.h>

#include "runtime/error.h"
#include "train/compile/lower.h"

bool npu_graph_value_is_flat(const struct npu_graph_value *value)
{
	const uint32_t *dim = value->dim;

	return (dim[2] == 1 || value->stride[2] == dim[3]) &&
	       (dim[1] == 1 || value->stride[1] == (uint64_t)dim[2] * dim[3]);
}

/* It has memory of its own, in which nothing else lies yet, and it is no input of the program. */
static bool is_free(const struct npu_graph *graph, uint32_t value)
{
	uint32_t i;

	if (value == graph->input || graph->value[value].base != value)
		return false;
	for (i = 0; i < graph->values; i++)
		if (i != value && graph->value[i].base == value)
			return false;
	return true;
}

/* @value lies where @place does, each sample dense. */
static void alias(struct npu_graph_value *value, const struct npu_graph_value *place)
{
	value->base = place->base;
	value->at = place->at;
	value->stride[0] = place->stride[0];
	value->stride[1] = (uint64_t)value->dim[2] * value->dim[3];
	value->stride[2] = value->dim[3];
}

/* Node @i is a reshape: its input is made where its output lies, or the other way round. */
static void view_reshape(struct npu_graph *graph, uint32_t i)
{
	uint32_t input = graph->node[i].input[0], output = graph->node[i].output, k;
	struct npu_graph_value *in = &graph->value[input], *out = &graph->value[output];

	if (is_free(graph, input) && npu_graph_value_is_flat(out)) {
		alias(in, out);
	} else if (out->base == output && output != graph->output) {
		alias(out, in);
		for (k = 0; k < graph->values; k++)
			if (graph->value[k].base == output)
				alias(&graph->value[k], in);
	} else {
		graph->node[i].kind = NPU_GRAPH_COPY;
		return;
	}
	npu_graph_remove_node(graph, i);
}

/* All that read @value can do so where a sample is not dense. */
static bool readers_step(const struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_node *node = npu_graph_reader(graph, value, 0);

	while (node) {
		if (npu_operation(node->kind)->flat)
			return false;
		node = npu_graph_reader(graph, value, (uint32_t)(node - graph->node) + 1);
	}
	return true;
}

/* Where input @value of a concatenation, @along its axis, lies in @whole. */
static void place_part(struct npu_graph_value *value, const struct npu_graph_value *whole,
		       uint32_t axis, uint32_t along)
{
	int d;

	value->base = whole->base;
	value->at = whole->at + along * (axis == 3 ? 1 : whole->stride[axis]);
	for (d = 0; d < 3; d++)
		value->stride[d] = whole->stride[d];
}

/* A copy of input @k of node *@at in front of it, which moves by one. */
static int copy_part(struct npu_graph *graph, uint32_t *at, uint32_t k, struct npu_error *err)
{
	uint32_t value = graph->node[*at].input[k], like = graph->value[value].like, copy;
	struct npu_graph_value wanted = graph->value[value];
	struct npu_graph_node *node;

	copy = npu_graph_add_value(graph, &wanted);
	node = copy == NPU_NO_INDEX ? NULL
				    : npu_graph_insert_node(graph, *at, NPU_GRAPH_COPY,
							    graph->node[*at].layer, 1);
	if (!node)
		return npu_error_set(err, -ENOMEM, "no memory for a graph of %u nodes",
				     graph->nodes);
	graph->value[copy].like = like;
	node->input[0] = value;
	node->output = copy;
	graph->node[++*at].input[k] = copy;
	return 0;
}

/* Node @i is a concatenation: its inputs are made in its output, or copied there. */
static int view_concat(struct npu_graph *graph, uint32_t i, struct npu_error *err)
{
	uint32_t axis = graph->node[i].axis, output = graph->node[i].output, along = 0, k;
	int ret;

	for (k = 0; k < graph->node[i].inputs; k++) {
		uint32_t input = graph->node[i].input[k];
		struct npu_graph_value part = graph->value[input];

		place_part(&part, &graph->value[output], axis, along);
		if (!is_free(graph, input) ||
		    (!npu_graph_value_is_flat(&part) && !readers_step(graph, input))) {
			ret = copy_part(graph, &i, k, err);
			if (ret)
				return ret;
			input = graph->node[i].input[k];
		}
		place_part(&graph->value[input], &graph->value[output], axis, along);
		along += part.dim[axis];
	}
	npu_graph_remove_node(graph, i);
	return 0;
}

int npu_graph_view(struct npu_graph *graph, struct npu_error *err)
{
	uint32_t i = graph->nodes;
	int ret = 0;

	while (!ret && i-- > 0) {
		if (graph->node[i].kind == NPU_GRAPH_RESHAPE)
			view_reshape(graph, i);
		else if (graph->node[i].kind == NPU_GRAPH_CONCAT)
			ret = view_concat(graph, i, err);
	}
	return ret;
}
