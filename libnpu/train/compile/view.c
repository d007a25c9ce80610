// SPDX-License-Identifier: MIT
/*
 * Values that are views of another's memory. A reshape has the same memory under other dimensions;
 * the inputs of a concatenation are made where they end up. What can't be, is copied.
 *
 * From the last node to the first: when an input of a concatenation gets its place, it is known
 * where the concatenation itself lies.
 */
#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/lower.h"

bool npu_graph_value_is_flat(const struct npu_graph_value *value)
{
	const uint32_t *dim = value->dim;

	return (dim[2] == 1 || value->stride[2] == dim[3]) &&
	       (dim[1] == 1 || value->stride[1] == (uint64_t)dim[2] * dim[3]);
}

/*
 * It has memory of its own, in which nothing else lies yet, and is neither an input of the program
 * nor kept from one request to the next.
 */
static bool is_free(const struct npu_graph *graph, uint32_t value)
{
	uint32_t i;

	if (value == graph->input || value == graph->lengths || graph->value[value].state ||
	    graph->value[value].base != value)
		return false;
	for (i = 0; i < graph->values; i++)
		if (i != value && graph->value[i].base == value)
			return false;
	return true;
}

/* @value as it would lie where @place does, each sample dense. */
static struct npu_graph_value alias_of(const struct npu_graph_value *value,
				       const struct npu_graph_value *place)
{
	struct npu_graph_value alias = *value;

	alias.base = place->base;
	alias.at = place->at;
	alias.stride[0] = place->stride[0];
	alias.stride[1] = (uint64_t)value->dim[2] * value->dim[3];
	alias.stride[2] = value->dim[3];
	return alias;
}

/* Elements from the start of its memory to behind its last. */
static uint64_t end_of(const struct npu_graph_value *value)
{
	uint64_t end = value->at + value->dim[3];
	int d;

	for (d = 0; d < 3; d++)
		end += (value->dim[d] - 1) * value->stride[d];
	return end;
}

static bool meet(const struct npu_graph_value *a, const struct npu_graph_value *b)
{
	return a->base == b->base && a->at < end_of(b) && b->at < end_of(a);
}

/*
 * Value @index can lie as @place says: no instruction would read and write ranges of bytes that
 * meet, as those of parts side by side do. Node @skip, which is at hand, disappears.
 */
static bool can_lie(const struct npu_graph *graph, uint32_t index,
		    const struct npu_graph_value *place, uint32_t skip)
{
	uint32_t i, k;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		for (k = 0; i != skip && k < node->inputs; k++) {
			if (node->input[k] == index && meet(place, &graph->value[node->output]))
				return false;
			if (node->output == index && meet(place, &graph->value[node->input[k]]))
				return false;
		}
	}
	return true;
}

/* Move @value to @place, and with it what is another view of all of it. */
static void lie(struct npu_graph *graph, uint32_t index, const struct npu_graph_value *place)
{
	uint32_t k;

	for (k = 0; k < graph->values; k++)
		if (k != index && graph->value[k].base == index)
			graph->value[k] = alias_of(&graph->value[k], place);
	graph->value[index] = *place;
}

/* Can @value and the views of all of it lie like @place? */
static bool can_all_lie(const struct npu_graph *graph, uint32_t value,
			const struct npu_graph_value *place, uint32_t skip)
{
	uint32_t k;

	for (k = 0; k < graph->values; k++) {
		struct npu_graph_value moved = alias_of(&graph->value[k], place);

		if (graph->value[k].base == value && !can_lie(graph, k, &moved, skip))
			return false;
	}
	return true;
}

/* Node @i is a reshape: its input is made where its output lies, or the other way round. */
static void view_reshape(struct npu_graph *graph, uint32_t i)
{
	uint32_t input = graph->node[i].input[0], output = graph->node[i].output;
	const struct npu_graph_value *in = &graph->value[input], *out = &graph->value[output];
	struct npu_graph_value from = alias_of(in, out), to = alias_of(out, in);

	if (is_free(graph, input) && npu_graph_value_is_flat(out) &&
	    can_lie(graph, input, &from, i)) {
		lie(graph, input, &from);
	} else if (out->base == output && output != graph->output &&
		   can_all_lie(graph, output, &to, i)) {
		lie(graph, output, &to);
	} else {
		graph->node[i].kind = NPU_GRAPH_COPY;
		return;
	}
	npu_graph_remove_node(graph, i);
}

/* It reads each sample as one row: such as a copy that was a reshape. */
static bool reads_flat(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	const uint32_t *in = graph->value[node->input[0]].dim;
	const uint32_t *out = graph->value[node->output].dim;

	return npu_operation(node->kind)->flat ||
	       (node->kind == NPU_GRAPH_COPY && memcmp(in, out, 4 * sizeof(*in)));
}

/* All that read @value can do so where a sample is not dense. */
static bool readers_step(const struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_node *node = npu_graph_reader(graph, value, 0);

	while (node) {
		if (reads_flat(graph, node))
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

/* One of two equal parts can't be made from the other: they may lie side by side. */
static bool appears_again(const struct npu_graph_node *node, uint32_t k)
{
	uint32_t j;

	for (j = 0; j < node->inputs; j++)
		if (j != k && node->input[j] == node->input[k])
			return true;
	return false;
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
		if (!is_free(graph, input) || appears_again(&graph->node[i], k) ||
		    !can_lie(graph, input, &part, i) ||
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
