// SPDX-License-Identifier: MIT
/*
 * Scale and zero point of each value: int8 asymmetric, int16 symmetric. Real 0 always has an
 * exact integer. Scales are f32 in the file, so they are rounded to f32 before anything is
 * derived from them.
 */
#include <math.h>

#include "train/compile/lower.h"
#include "train/compile/scale.h"

/* Below this a range is taken as empty: its inverse would not be a normal f32. */
#define EMPTY_RANGE 1e-30

/**
 * struct demand - what the readers of a value make of it
 * @limit: further from 0 they don't distinguish
 * @least: the finest scale that they can use
 */
struct demand {
	float limit, least;
};

static struct demand demand_for(const struct npu_graph *graph, uint32_t value)
{
	bool wide = graph->precision == NPU_PRECISION_INT16;
	struct demand demand = { 0, 0 };
	const struct npu_graph_node *node = npu_graph_reader(graph, value, 0);

	if (value == graph->output)
		demand.limit = INFINITY;
	while (node) {
		const struct npu_operation *operation = npu_operation(node->kind);
		struct demand one = { operation->saturation[wide], operation->least_scale };

		if (operation->rule == NPU_SCALE_INPUT)
			one = demand_for(graph, node->output);
		else if (!one.limit)
			one.limit = INFINITY;
		demand.limit = fmaxf(demand.limit, one.limit);
		demand.least = fmaxf(demand.least, one.least);
		node = npu_graph_reader(graph, value, (uint32_t)(node - graph->node) + 1);
	}
	return demand;
}

static void from_range(const struct npu_graph *graph, uint32_t index)
{
	struct npu_graph_value *value = &graph->value[index];
	struct demand demand = demand_for(graph, index);
	double low = fmaxf(value->low, -demand.limit);
	double high = fminf(value->high, demand.limit);
	bool wide = value->type == NPU_TYPE_INT16;
	double steps = wide ? 32767 : 255;
	double range = wide ? fmax(-low, high) : high - low;

	value->scale = range < EMPTY_RANGE ? (float)(1 / steps) : (float)(range / steps);
	value->scale = fmaxf(value->scale, demand.least);
	value->zero_point = wide ? 0
				 : (int32_t)npu_round_clamp(-128 - low / value->scale, -128, 127);
}

static void fixed(struct npu_graph_value *value, float int8_scale, int32_t int8_zero_point)
{
	bool wide = value->type == NPU_TYPE_INT16;

	value->scale = wide ? 1.0f / 32768 : int8_scale;
	value->zero_point = wide ? 0 : int8_zero_point;
}

void npu_graph_quantise(struct npu_graph *graph)
{
	uint32_t i;

	from_range(graph, graph->input);
	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		struct npu_graph_value *value = &graph->value[node->output];

		switch (npu_operation(node->kind)->rule) {
		case NPU_SCALE_RANGE:
			from_range(graph, node->output);
			break;
		case NPU_SCALE_INPUT:
			value->scale = graph->value[node->input[0]].scale;
			value->zero_point = graph->value[node->input[0]].zero_point;
			break;
		case NPU_SCALE_UNIT:
			fixed(value, 1.0f / 256, -128);
			break;
		case NPU_SCALE_SIGNED_UNIT:
			fixed(value, 1.0f / 128, 0);
			break;
		}
	}
}
