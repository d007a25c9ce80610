// SPDX-License-Identifier: MIT
/*
 * Types and scales that a node needs are brought to it: REQUANTISE where one reads another type, or
 * where values that must have one scale are bound to different ones. What then shares a scale is
 * noted in the values (like).
 */
#include <errno.h>

#include "runtime/error.h"
#include "train/compile/lower.h"

#define LARGEST_INT16_INDEX 32768 /* entries of a table */

static int no_memory(const struct npu_graph *graph, struct npu_error *err)
{
	return npu_error_set(err, -ENOMEM, "no memory for a graph of %u nodes", graph->nodes);
}

/* ---------------------------------------------------------------- values as indices */

/* The largest table that any embedding has: all indices can then be of one type. */
static enum npu_type index_type(const struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->nodes; i++)
		if (graph->node[i].kind == NPU_GRAPH_EMBEDDING &&
		    graph->node[i].units > LARGEST_INT16_INDEX)
			return NPU_TYPE_INT32;
	return NPU_TYPE_INT16;
}

/* The input, and what is merely another shape of it, holds whole numbers if @value does. */
static bool make_index(struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_node *maker = npu_graph_maker(graph, value);
	struct npu_graph_value *v = &graph->value[value];

	if (maker && maker->kind != NPU_GRAPH_RESHAPE && maker->kind != NPU_GRAPH_COPY)
		return false;
	if (maker && !make_index(graph, maker->input[0]))
		return false;
	v->type = index_type(graph);
	v->index = true;
	return true;
}

/* What embeddings read; numbers that are computed have to be requantised to whole ones. */
static int make_indices(struct npu_graph *graph, struct npu_error *err)
{
	uint32_t i;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		if (node->kind != NPU_GRAPH_EMBEDDING || make_index(graph, node->input[0]) ||
		    node->units <= LARGEST_INT16_INDEX)
			continue;
		return npu_error_set(err, -EOPNOTSUPP,
				     "layer \"%s\": numbers that a layer computes have 16 bits, "
				     "its vocabulary has %llu entries; feed it from the input, or "
				     "use at most %d",
				     npu_graph_node_name(graph, node),
				     (unsigned long long)node->units, LARGEST_INT16_INDEX);
	}
	return 0;
}

/* ------------------------------------------------------------------ type by type */

/* A REQUANTISE of @value into @like's type in front of node @at; its output in @made. */
static int insert_requantise(struct npu_graph *graph, uint32_t at, uint32_t value,
			     enum npu_type type, bool index, uint32_t *made, struct npu_error *err)
{
	struct npu_graph_value converted = graph->value[value];
	struct npu_graph_node *node;

	converted.type = type;
	converted.index = index;
	*made = npu_graph_add_value(graph, &converted);
	if (*made == NPU_NO_INDEX)
		return no_memory(graph, err);
	node = npu_graph_insert_node(graph, at, NPU_GRAPH_REQUANTISE, 0, 1);
	if (!node)
		return no_memory(graph, err);
	node->layer = graph->node[at + 1].layer;
	node->input[0] = value;
	node->output = *made;
	return 0;
}

/* One that an earlier reader needed, too. */
static bool find_converted(const struct npu_graph *graph, uint32_t at, uint32_t value,
			   enum npu_type type, bool index, uint32_t *made)
{
	uint32_t i;

	for (i = 0; i < at; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		const struct npu_graph_value *out = &graph->value[node->output];

		if (node->kind != NPU_GRAPH_REQUANTISE || node->input[0] != value ||
		    out->type != type || out->index != index)
			continue;
		*made = node->output;
		return true;
	}
	return false;
}

/* The one that makes @value can give it that type itself, if nobody else wants the other. */
static bool retype_maker(struct npu_graph *graph, uint32_t value, enum npu_type type, bool index)
{
	const struct npu_graph_node *maker = npu_graph_maker(graph, value);
	const struct npu_graph_node *reader = npu_graph_reader(graph, value, 0);
	uint32_t next = (uint32_t)(reader - graph->node) + 1;

	if (!maker || index || !npu_operation(maker->kind)->mixes ||
	    maker->kind == NPU_GRAPH_EMBEDDING || value == graph->output ||
	    npu_graph_reader(graph, value, next))
		return false;
	graph->value[value].type = type;
	return true;
}

/*
 * What input @k of node *@at must be, it becomes. Where a node is inserted in front, *@at moves
 * with its node.
 */
static int convert_input(struct npu_graph *graph, uint32_t *at, uint32_t k, struct npu_error *err)
{
	const struct npu_graph_node *node = &graph->node[*at];
	const struct npu_graph_value *in = &graph->value[node->input[k]];
	bool index = node->kind == NPU_GRAPH_EMBEDDING || graph->value[node->output].index;
	enum npu_type type = index ? NPU_TYPE_INT16 : graph->value[node->output].type;
	uint32_t value = node->input[k], made;
	int ret;

	/* Besides their first input recurrent nodes read lengths, which are what they are. */
	if (node->kind == NPU_GRAPH_REQUANTISE || (index && in->index) ||
	    (k && npu_graph_is_recurrent(node)))
		return 0;
	if (!index && !in->index && (npu_operation(node->kind)->mixes || in->type == type))
		return 0;
	if (retype_maker(graph, value, type, index))
		return 0;
	if (!find_converted(graph, *at, value, type, index, &made)) {
		ret = insert_requantise(graph, *at, value, type, index, &made, err);
		if (ret)
			return ret;
		++*at;
	}
	graph->node[*at].input[k] = made;
	return 0;
}

/* ------------------------------------------------------------------ common scales */

static enum npu_scale_rule rule_of(const struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_node *maker = npu_graph_maker(graph, value);

	return maker ? npu_operation(maker->kind)->rule : NPU_SCALE_RANGE;
}

/* A scale that is not for calibration to choose. */
static bool is_fixed(const struct npu_graph *graph, uint32_t value)
{
	return graph->value[value].index || rule_of(graph, value) == NPU_SCALE_UNIT ||
	       rule_of(graph, value) == NPU_SCALE_SIGNED_UNIT;
}

static bool same_fixed(const struct npu_graph *graph, uint32_t a, uint32_t b)
{
	return is_fixed(graph, a) && is_fixed(graph, b) &&
	       graph->value[a].index == graph->value[b].index &&
	       (rule_of(graph, a) == rule_of(graph, b) || graph->value[a].type == NPU_TYPE_INT16);
}

/* Values like @a and those like @b become like one of them, the fixed one if there is one. */
static void unite(struct npu_graph *graph, uint32_t a, uint32_t b)
{
	uint32_t i, to = graph->value[a].like, from = graph->value[b].like;

	if (is_fixed(graph, from)) {
		i = to;
		to = from;
		from = i;
	}
	for (i = 0; i < graph->values; i++)
		if (graph->value[i].like == from)
			graph->value[i].like = to;
}

/* All inputs of a concatenation get one scale; fixed ones only if they all have the same. */
static int unite_concat(struct npu_graph *graph, uint32_t *at, struct npu_error *err)
{
	uint32_t k, first = graph->value[graph->node[*at].input[0]].like;
	bool all_same = true;

	for (k = 0; k < graph->node[*at].inputs; k++) {
		uint32_t like = graph->value[graph->node[*at].input[k]].like;

		all_same &= like == first || same_fixed(graph, first, like);
	}
	for (k = 0; k < graph->node[*at].inputs; k++) {
		uint32_t value = graph->node[*at].input[k], made;
		enum npu_type type = graph->value[value].type;
		int ret;

		if (!all_same && is_fixed(graph, graph->value[value].like)) {
			ret = insert_requantise(graph, *at, value, type, false, &made, err);
			if (ret)
				return ret;
			graph->node[++*at].input[k] = made;
		}
		unite(graph, graph->node[*at].output, graph->node[*at].input[k]);
	}
	return 0;
}

/* What a recurrent node writes besides has the type of its output, but for an LSTM's cells. */
static void type_also(struct npu_graph *graph)
{
	uint32_t i, k;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		for (k = 0; k < NPU_GRAPH_ALSO; k++)
			if (node->also[k] != NPU_NO_INDEX &&
			    !(node->kind == NPU_GRAPH_LSTM && k == NPU_GRAPH_CELL))
				graph->value[node->also[k]].type = graph->value[node->output].type;
	}
}

/* It has its scale, too. */
static void unite_also(struct npu_graph *graph, const struct npu_graph_node *node)
{
	uint32_t k;

	for (k = 0; k < NPU_GRAPH_ALSO; k++)
		if (node->also[k] != NPU_NO_INDEX &&
		    !(node->kind == NPU_GRAPH_LSTM && k == NPU_GRAPH_CELL))
			unite(graph, node->output, node->also[k]);
}

int npu_graph_convert(struct npu_graph *graph, struct npu_error *err)
{
	uint32_t i, k;
	int ret = make_indices(graph, err);

	type_also(graph);
	for (i = 0; !ret && i < graph->nodes; i++)
		for (k = 0; !ret && k < graph->node[i].inputs; k++)
			ret = convert_input(graph, &i, k, err);
	for (i = 0; !ret && i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		if (node->kind == NPU_GRAPH_CONCAT)
			ret = unite_concat(graph, &i, err);
		else if (npu_operation(node->kind)->rule == NPU_SCALE_INPUT)
			unite(graph, node->output, node->input[0]);
		else if (npu_graph_is_recurrent(node))
			unite_also(graph, node);
	}
	return ret;
}
