// SPDX-License-Identifier: MIT
/*
 * The sum of two values, each with a scale of its own: both are brought, shifted left by what the
 * type leaves, to twice the larger scale, added, and the sum brought to the output's. As the
 * reference prepares it.
 */
#include <math.h>

#include "train/compile/lower.h"
#include "train/compile/scale.h"

#define LEFT_INT8 20
#define LEFT_INT16 15

static int left_shift(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return graph->value[node->output].type == NPU_TYPE_INT16 ? LEFT_INT16 : LEFT_INT8;
}

static double twice_larger(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return 2 * fmax(graph->value[node->input[0]].scale, graph->value[node->input[1]].scale);
}

/* The output's scale may only shift right. Rounding it to f32 must not take it below that. */
float npu_add_finest(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return (float)ldexp(twice_larger(graph, node) * (1 + 0x1p-20), -left_shift(graph, node));
}

int npu_add_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	(void)err;
	node->consts_at = graph->const_bytes;
	graph->const_bytes += 3 * sizeof(struct npu_scale);
	return 0;
}

int npu_add_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		  const struct npu_sections *sections, struct npu_insn *insn, struct npu_error *err)
{
	struct npu_scale *scales = (struct npu_scale *)(sections->consts + node->consts_at);
	double shared = twice_larger(graph, node), out = graph->value[node->output].scale;
	int k;

	(void)err;
	npu_insn_begin(graph, node, insn, NPU_OP_ADD);
	insn->t[2] = npu_graph_value_tensor(graph, node->input[1]);
	for (k = 0; k < 2; k++)
		scales[k] = npu_scale_from_real(graph->value[node->input[k]].scale / shared);
	scales[2] = npu_scale_from_real(ldexp(shared / out, -left_shift(graph, node)));
	insn->binary.scales = (uint32_t)node->consts_at;
	npu_graph_clamp(graph, node, &insn->binary.act_min, &insn->binary.act_max);
	return 0;
}
