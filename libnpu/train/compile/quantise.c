// SPDX-License-Identifier: MIT
/*
 * Scale and zero point of each value: int8 asymmetric, int16 symmetric. Real 0 always has an
 * exact integer. Scales are f32 in the file, so they are rounded to f32 before anything is
 * derived from them. Values that are like another share its scale: it covers the ranges of all.
 */
#include <math.h>

#include "train/compile/lower.h"
#include "train/compile/scale.h"

/* Below this a range is taken as empty: its inverse would not be a normal f32. */
#define EMPTY_RANGE 1e-30

/**
 * struct demand - what the readers of values make of them
 * @limit: further from 0 they don't distinguish
 * @least: the finest scale that they can use
 */
struct demand {
	float limit, least;
};

/*
 * What the readers of @value need. Those whose outputs are like it pass on what their own readers
 * need, but for a mean: numbers that are far out count in full.
 */
static void add_demand(const struct npu_graph *graph, uint32_t value, struct demand *demand)
{
	const struct npu_graph_node *node = npu_graph_reader(graph, value, 0);
	const struct npu_graph_value *v = &graph->value[value];
	bool wide = v->type == NPU_TYPE_INT16;

	if (value == graph->output)
		demand->limit = INFINITY;
	while (node) {
		const struct npu_operation *operation = npu_operation(node->kind);
		float limit = operation->saturation[wide];

		if (node->kind == NPU_GRAPH_AVERAGE_POOL)
			demand->limit = INFINITY;
		if (graph->value[node->output].like != v->like) {
			demand->limit = fmaxf(demand->limit, limit > 0 ? limit : INFINITY);
			demand->least = fmaxf(demand->least, operation->least_scale);
		}
		node = npu_graph_reader(graph, value, (uint32_t)(node - graph->node) + 1);
	}
}

/* The range of all values like @root, and what their readers need. */
static struct demand gather(const struct npu_graph *graph, uint32_t root, double *low, double *high)
{
	struct demand demand = { 0, 0 };
	uint32_t i;

	*low = *high = 0;
	for (i = 0; i < graph->values; i++) {
		const struct npu_graph_value *value = &graph->value[i];

		if (value->like != root)
			continue;
		*low = fmin(*low, value->low);
		*high = fmax(*high, value->high);
		add_demand(graph, i, &demand);
	}
	return demand;
}

/* The scale of @value, and the zero point that shows @low with it. */
static void set_scale(struct npu_graph_value *value, float scale, double low)
{
	bool wide = value->type == NPU_TYPE_INT16;

	value->scale = scale;
	value->zero_point = wide ? 0
				 : (int32_t)npu_round_clamp(-128 - low / value->scale, -128, 127);
}

static void from_range(struct npu_graph *graph, uint32_t root)
{
	struct npu_graph_value *value = &graph->value[root];
	double low, high;
	struct demand demand = gather(graph, root, &low, &high);
	bool wide = value->type == NPU_TYPE_INT16;
	double steps = wide ? 32767 : 255, range;
	float scale;

	low = fmax(low, -demand.limit);
	high = fmin(high, demand.limit);
	range = wide ? fmax(-low, high) : high - low;
	scale = range < EMPTY_RANGE ? (float)(1 / steps) : (float)(range / steps);
	set_scale(value, fmaxf(scale, demand.least), low);
}

static void fixed(struct npu_graph_value *value, float int8_scale, int32_t int8_zero_point)
{
	bool wide = value->type == NPU_TYPE_INT16;

	value->scale = wide ? 1.0f / 32768 : int8_scale;
	value->zero_point = wide ? 0 : int8_zero_point;
}

static void quantise_root(struct npu_graph *graph, uint32_t root)
{
	const struct npu_graph_node *maker = npu_graph_maker(graph, root);
	struct npu_graph_value *value = &graph->value[root];
	enum npu_scale_rule rule = maker ? npu_operation(maker->kind)->rule : NPU_SCALE_RANGE;

	if (value->index) {
		value->scale = 1;
		value->zero_point = 0;
	} else if (rule == NPU_SCALE_UNIT) {
		fixed(value, 1.0f / 256, -128);
	} else if (rule == NPU_SCALE_SIGNED_UNIT) {
		fixed(value, 1.0f / 128, 0);
	} else {
		from_range(graph, root);
	}
}

/* The same numbers have the same range; a sum that the reference does not show follows from it. */
static void follow_ranges(struct npu_graph *graph)
{
	uint32_t i, k;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		struct npu_graph_value *value = &graph->value[node->output];

		if (node->kind != NPU_GRAPH_REQUANTISE &&
		    (node->kind != NPU_GRAPH_ADD || !value->partial))
			continue;
		value->low = value->high = 0;
		for (k = 0; k < node->inputs; k++) {
			value->low += graph->value[node->input[k]].low;
			value->high += graph->value[node->input[k]].high;
		}
	}
}

/* Rows of a table are known, whether samples looked them up or not. */
static void bound_embeddings(struct npu_graph *graph)
{
	uint32_t i;
	uint64_t k;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		struct npu_graph_value *value = &graph->value[node->output];

		if (node->kind != NPU_GRAPH_EMBEDDING)
			continue;
		for (k = 0; node->weight && k < node->units * node->depth; k++) {
			value->low = fminf(value->low, node->weight[k]);
			value->high = fmaxf(value->high, node->weight[k]);
		}
	}
}

/* Make the outputs of instructions as coarse as these need; each coarser one may ask for more. */
static bool coarsen(struct npu_graph *graph)
{
	bool changed = false;
	uint32_t i;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		const struct npu_operation *operation = npu_operation(node->kind);
		struct npu_graph_value *root;
		float finest;

		if (!operation->finest)
			continue;
		root = &graph->value[graph->value[node->output].like];
		finest = operation->finest(graph, node);
		if (root->index || root->scale >= finest)
			continue;
		set_scale(root, finest, (-128 - root->zero_point) * (double)root->scale);
		changed = true;
	}
	return changed;
}

static void share(struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->values; i++) {
		struct npu_graph_value *value = &graph->value[i];

		value->scale = graph->value[value->like].scale;
		value->zero_point = graph->value[value->like].zero_point;
	}
}

void npu_graph_quantise(struct npu_graph *graph)
{
	uint32_t i;

	bound_embeddings(graph);
	follow_ranges(graph);
	for (i = 0; i < graph->values; i++)
		if (graph->value[i].like == i)
			quantise_root(graph, i);
	do
		share(graph);
	while (coarsen(graph));
}
