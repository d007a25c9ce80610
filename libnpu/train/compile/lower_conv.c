// SPDX-License-Identifier: MIT
/* Convolutions: in groups, of each channel alone, and transposed. */
#include <errno.h>

#include "runtime/error.h"
#include "train/compile/channels.h"

/* How far windows reach over the tensor that they slide along. */
static int check_reach(const struct npu_graph *graph, const struct npu_graph_node *node,
		       struct npu_error *err)
{
	bool transposed = node->kind == NPU_GRAPH_CONV_TRANSPOSE;
	const uint32_t *along = graph->value[transposed ? node->input[0] : node->output].dim;
	const struct npu_graph_window *window = &node->window;
	int axis;

	for (axis = 0; axis < 2; axis++) {
		uint64_t positions =
			(uint64_t)along[1 + axis] * (node->pool[axis] ? node->pool[axis] : 1);
		uint64_t reach = (positions - 1) * window->stride[axis] +
				 (uint64_t)(window->kernel[axis] - 1) * window->dilation[axis];

		if (reach > NPU_MAX_REACH)
			return npu_error_set(err, -E2BIG,
					     "layer \"%s\": its windows reach over %llu "
					     "positions, on the NPU over %u at most; use a smaller "
					     "stride or dilation",
					     npu_graph_node_name(graph, node),
					     (unsigned long long)reach, NPU_MAX_REACH);
	}
	return 0;
}

int npu_conv_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	int ret = check_reach(graph, node, err);

	return ret ? ret : npu_channels_reserve(graph, node, err);
}

static uint16_t opcode_of(const struct npu_graph_node *node)
{
	switch (node->kind) {
	case NPU_GRAPH_DEPTHWISE:
		return NPU_OP_DEPTHWISE_CONV_2D;
	case NPU_GRAPH_CONV_TRANSPOSE:
		return NPU_OP_TRANSPOSE_CONV_2D;
	default:
		return NPU_OP_CONV_2D;
	}
}

int npu_conv_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		   const struct npu_sections *sections, struct npu_insn *insn,
		   struct npu_error *err)
{
	const struct npu_graph_window *window = &node->window;
	uint64_t taps = (uint64_t)window->kernel[0] * window->kernel[1];
	const uint32_t dim[4] = {
		(uint32_t)node->units,
		window->kernel[0],
		window->kernel[1],
		(uint32_t)(node->depth / taps),
	};
	int axis;

	npu_insn_begin(graph, node, insn, opcode_of(node));
	insn->t[2] = npu_channels_weights(graph, node, dim);
	insn->t[3] = npu_channels_bias(graph, node);
	insn->conv.scales = (uint32_t)node->consts_at;
	insn->conv.scale_count = (uint32_t)npu_channels_lanes(node);
	npu_graph_clamp(graph, node, &insn->conv.act_min, &insn->conv.act_max);
	for (axis = 0; axis < 2; axis++) {
		insn->conv.stride[axis] = window->stride[axis];
		insn->conv.pad[axis] = window->pad[axis];
		insn->conv.dilation[axis] = window->dilation[axis];
		insn->conv.pool[axis] = (uint16_t)node->pool[axis];
	}
	insn->conv.groups = node->kind == NPU_GRAPH_DEPTHWISE ? 0 : node->groups;
	return npu_channels_fill(graph, node, sections, err);
}
