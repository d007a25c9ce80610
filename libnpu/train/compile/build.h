/* SPDX-License-Identifier: MIT */
/* What the files that build a graph have in common. */
#ifndef NPU_COMPILE_BUILD_H
#define NPU_COMPILE_BUILD_H

#include "graph.h"

/**
 * struct npu_builder - a graph that grows
 * @made: [layers], value that each layer makes
 * @input: of the layer at hand: values that it reads
 */
struct npu_builder {
	struct npu_graph *graph;
	uint32_t *made, *input;
	struct npu_error *err;
};

int npu_build_no_memory(const struct npu_builder *b);

/* A value of shape @dim (H, W, C) for each sample of the batch; its number in @index. */
int npu_build_value(struct npu_builder *b, size_t layer, bool before, const uint32_t dim[3],
		    uint32_t *index);

/* A node behind all others, with values @input[0..@inputs), which are copied; NULL: no memory. */
struct npu_graph_node *npu_build_node(struct npu_builder *b, enum npu_graph_kind kind, size_t layer,
				      const uint32_t *input, uint32_t inputs);

/* The nodes of recurrent layer @i, which reads b->input; @to: the value that it makes. */
int npu_build_recurrent(struct npu_builder *b, size_t i, enum npu_graph_kind kind, uint32_t *to);

#endif
