// SPDX-License-Identifier: MIT
/* What brings numbers elsewhere: copies, other types and scales, rows of a table. */
#include <math.h>

#include "train/compile/lower.h"
#include "train/compile/scale.h"

/* Requantising makes the scale finer by at most this: 16 bits and a sign hold 15 of them. */
#define FINER 0x1p-15f

/* @tensor under the dimensions @dim of the same samples; it is flat. */
static void reshape(struct npu_tensor *tensor, const uint32_t dim[4])
{
	uint32_t stride = npu_type_bytes(tensor->type);
	int d;

	for (d = 3; d > 0; d--) {
		tensor->dim[d] = dim[d];
		if (d < 3)
			tensor->stride[d] = stride;
		stride *= dim[d];
	}
}

int npu_copy_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		   const struct npu_sections *sections, struct npu_insn *insn,
		   struct npu_error *err)
{
	const struct npu_graph_value *in = &graph->value[node->input[0]];
	const struct npu_graph_value *out = &graph->value[node->output];
	int d;

	(void)sections;
	(void)err;
	npu_insn_begin(graph, node, insn, NPU_OP_COPY);
	for (d = 1; d < 4; d++)
		if (in->dim[d] != out->dim[d])
			break;
	if (d < 4)
		reshape(&insn->t[1], out->dim);
	return 0;
}

/* ------------------------------------------------------------------------ requantise */

float npu_requantise_finest(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return graph->value[node->input[0]].scale * FINER;
}

int npu_requantise_reserve(struct npu_graph *graph, struct npu_graph_node *node,
			   struct npu_error *err)
{
	(void)err;
	node->consts_at = graph->const_bytes;
	graph->const_bytes += sizeof(struct npu_scale);
	return 0;
}

int npu_requantise_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
			 const struct npu_sections *sections, struct npu_insn *insn,
			 struct npu_error *err)
{
	struct npu_scale *scale = (struct npu_scale *)(sections->consts + node->consts_at);
	double ratio = (double)graph->value[node->input[0]].scale /
		       (double)graph->value[node->output].scale;

	(void)err;
	*scale = npu_scale_from_real(ratio);
	npu_insn_begin(graph, node, insn, NPU_OP_REQUANTISE);
	insn->requantise.scales = (uint32_t)node->consts_at;
	npu_graph_clamp(graph, node, &insn->requantise.act_min, &insn->requantise.act_max);
	return 0;
}

/* ------------------------------------------------------------------------- embedding */

int npu_embedding_reserve(struct npu_graph *graph, struct npu_graph_node *node,
			  struct npu_error *err)
{
	uint32_t bytes = npu_type_bytes(graph->value[node->output].type);

	(void)err;
	node->weights_at = graph->weight_bytes;
	graph->weight_bytes += npu_align(node->units * node->depth * bytes, NPU_SLOT_ALIGN);
	node->bias_at = graph->weight_bytes;
	return 0;
}

/* The table holds the rows as the output has them. */
int npu_embedding_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
			const struct npu_sections *sections, struct npu_insn *insn,
			struct npu_error *err)
{
	const struct npu_graph_value *out = &graph->value[node->output];
	int8_t *int8_table = (int8_t *)(sections->weights + node->weights_at);
	int16_t *int16_table = (int16_t *)(sections->weights + node->weights_at);
	uint32_t row = (uint32_t)node->depth * npu_type_bytes(out->type);
	uint64_t i;

	(void)err;
	for (i = 0; i < node->units * node->depth; i++) {
		double y = node->weight[i] / (double)out->scale + out->zero_point;

		if (out->type == NPU_TYPE_INT16)
			int16_table[i] = (int16_t)npu_round_clamp(y, INT16_MIN, INT16_MAX);
		else
			int8_table[i] = (int8_t)npu_round_clamp(y, INT8_MIN, INT8_MAX);
	}
	npu_insn_begin(graph, node, insn, NPU_OP_EMBEDDING);
	insn->t[2] = (struct npu_tensor){
		.slot = (uint8_t)npu_graph_slot(graph, NPU_FILE_SLOT_WEIGHTS),
		.type = (uint8_t)out->type,
		.offset = (uint32_t)node->weights_at,
		.zero_point = out->zero_point,
		.dim = { 1, 1, (uint32_t)node->units, (uint32_t)node->depth },
		.stride = { 0, 0, row },
	};
	return 0;
}
