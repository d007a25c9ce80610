// SPDX-License-Identifier: MIT
#include "train/compile/graph.h"

void npu_graph_widen(struct npu_graph *graph, const struct npu_compile_options *options)
{
	uint32_t i;

	for (i = 0; options->wide && i < graph->values; i++) {
		struct npu_graph_value *value = &graph->value[i];
		size_t place = value->layer == NPU_NO_LAYER ? 0 : 1 + value->layer;

		if (options->wide[place] && value->type == NPU_TYPE_INT8)
			value->type = NPU_TYPE_INT16;
	}
}
