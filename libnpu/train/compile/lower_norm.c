// SPDX-License-Identifier: MIT
/* Layer norm: its scales and shifts as integers beside each other. */
#include <errno.h>
#include <math.h>

#include "runtime/error.h"
#include "train/compile/lower.h"
#include "train/compile/scale.h"
#include "train/nn/model.h"

/* A shift has 24 fractional bits, and up to 2^6 times what the scales reach. */
#define SHIFT_UNIT 0x1p24
#define SHIFT_ROOM 64.0
#define SCALE_UNIT 0x1p31
#define MOST_EPSILON ((INT64_C(1) << 62) - 1)

int npu_layer_norm_reserve(struct npu_graph *graph, struct npu_graph_node *node,
			   struct npu_error *err)
{
	uint64_t vector = npu_align(node->units * sizeof(int32_t), NPU_SLOT_ALIGN);

	if (node->units > NPU_MAX_NORM)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\": it normalises rows of %llu, the NPU of at most "
				     "%u; use fewer channels",
				     npu_graph_node_name(graph, node),
				     (unsigned long long)node->units, NPU_MAX_NORM);
	node->weights_at = graph->weight_bytes;
	node->bias_at = node->weights_at + vector;
	graph->weight_bytes = node->bias_at + vector;
	node->consts_at = graph->const_bytes;
	graph->const_bytes += sizeof(struct npu_scale);
	return 0;
}

/* What both vectors are multiples of. */
static double unit_of(const struct npu_graph_node *node)
{
	double unit = 0;
	uint64_t c;

	for (c = 0; c < node->units; c++) {
		unit = fmax(unit, fabs((double)node->weight[c]));
		unit = fmax(unit, fabs((double)node->bias[c]) / SHIFT_ROOM);
	}
	return unit > 0 ? unit : 1;
}

static struct npu_tensor vector(const struct npu_graph *graph, const struct npu_graph_node *node,
				uint64_t at)
{
	return (struct npu_tensor){
		.slot = (uint8_t)npu_graph_slot(graph, NPU_FILE_SLOT_WEIGHTS),
		.type = NPU_TYPE_INT32,
		.offset = (uint32_t)at,
		.dim = { 1, 1, 1, (uint32_t)node->units },
	};
}

int npu_layer_norm_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
			 const struct npu_sections *sections, struct npu_insn *insn,
			 struct npu_error *err)
{
	int32_t *scale = (int32_t *)(sections->weights + node->weights_at);
	int32_t *shift = (int32_t *)(sections->weights + node->bias_at);
	double in_scale = graph->value[node->input[0]].scale, unit = unit_of(node);
	double real = graph->model->node[node->layer].layer.epsilon;
	double row = (double)node->units / in_scale;
	int64_t epsilon = npu_round_clamp(real * row * row, 0, MOST_EPSILON);
	uint64_t c;

	(void)err;
	for (c = 0; c < node->units; c++) {
		scale[c] = (int32_t)npu_round_clamp(node->weight[c] / unit * SCALE_UNIT, INT32_MIN,
						    INT32_MAX);
		shift[c] = (int32_t)npu_round_clamp(node->bias[c] / unit * SHIFT_UNIT, INT32_MIN,
						    INT32_MAX);
	}
	*(struct npu_scale *)(sections->consts + node->consts_at) =
		npu_scale_from_real(unit / (SHIFT_UNIT * graph->value[node->output].scale));
	npu_insn_begin(graph, node, insn, NPU_OP_LAYER_NORM);
	insn->t[2] = vector(graph, node, node->weights_at);
	insn->t[3] = vector(graph, node, node->bias_at);
	insn->norm.scales = (uint32_t)node->consts_at;
	npu_graph_clamp(graph, node, &insn->norm.act_min, &insn->norm.act_max);
	insn->norm.epsilon[0] = (uint32_t)epsilon;
	insn->norm.epsilon[1] = (uint32_t)(epsilon >> 32);
	return 0;
}
