/* SPDX-License-Identifier: MIT */
/*
 * What dense layers and convolutions have in common: int8 weights, symmetric per output channel,
 * packed; a bias in the scale of the accumulator, into which -zero point * sum(w) is folded where
 * the instruction expects that; one multiplier a channel.
 */
#ifndef NPU_COMPILE_CHANNELS_H
#define NPU_COMPILE_CHANNELS_H

#include "lower.h"

/*
 * Lanes of @node: output channels of every group, each group's padded to whole blocks. Bias and
 * scales have an entry for each.
 */
uint64_t npu_channels_lanes(const struct npu_graph_node *node);

/* Reserve packed weights, bias and scales; check the depth. */
int npu_channels_reserve(struct npu_graph *graph, struct npu_graph_node *node,
			 struct npu_error *err);

/* Quantise and write them. */
int npu_channels_fill(const struct npu_graph *graph, const struct npu_graph_node *node,
		      const struct npu_sections *sections, struct npu_error *err);

/* Tensors of weights and bias; @dim of the weights as the instruction wants it. */
struct npu_tensor npu_channels_weights(const struct npu_graph *graph,
				       const struct npu_graph_node *node, const uint32_t dim[4]);
struct npu_tensor npu_channels_bias(const struct npu_graph *graph,
				    const struct npu_graph_node *node);

#endif
