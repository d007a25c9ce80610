// SPDX-License-Identifier: MIT
/* A dense layer: each sample as one row, times a matrix. */
#include "train/compile/channels.h"

int npu_dense_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	return npu_channels_reserve(graph, node, err);
}

/* A value as the matrix that a dense layer sees: a row for each sample. */
static struct npu_tensor matrix(const struct npu_graph *graph, uint32_t value)
{
	struct npu_tensor tensor = npu_graph_value_tensor(graph, value);
	uint32_t row = tensor.stride[0];

	tensor.dim[3] = (uint32_t)(npu_graph_value_elements(&graph->value[value]) / graph->batch);
	tensor.dim[2] = graph->batch;
	tensor.dim[0] = tensor.dim[1] = 1;
	tensor.stride[2] = row;
	tensor.stride[0] = tensor.stride[1] = row * graph->batch;
	return tensor;
}

int npu_dense_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		    const struct npu_sections *sections, struct npu_insn *insn,
		    struct npu_error *err)
{
	const uint32_t dim[4] = { (uint32_t)node->units, 1, 1, (uint32_t)node->depth };

	insn->opcode = NPU_OP_FULLY_CONNECTED;
	insn->t[0] = matrix(graph, node->output);
	insn->t[1] = matrix(graph, node->input[0]);
	insn->t[1].zero_point = 0; /* it is in the bias */
	insn->t[2] = npu_channels_weights(graph, node, dim);
	insn->t[3] = npu_channels_bias(graph, node);
	insn->fc.scales = (uint32_t)node->consts_at;
	insn->fc.scale_count = (uint32_t)npu_channels_lanes(node);
	npu_graph_clamp(graph, node, &insn->fc.act_min, &insn->fc.act_max);
	return npu_channels_fill(graph, node, sections, err);
}
