/* SPDX-License-Identifier: MIT */
/*
 * What dense layers and convolutions have in common: int8 weights, symmetric per output channel,
 * packed; a bias in the scale of the accumulator, into which -zero point * sum(w) is folded where
 * the instruction expects that; one multiplier a channel.
 */
#ifndef NPU_COMPILE_CHANNELS_H
#define NPU_COMPILE_CHANNELS_H

#include "lower.h"

/**
 * struct npu_channel - one output of a matrix product, while it is quantised
 * @depth: inputs that reach it
 * @wide: int16 activations, int64 bias
 * @in_scale: of the inputs
 * @zero_point: whose product with the weights goes into the bias; 0 for none
 * @reach: the largest number that a weight is multiplied by
 * @quantised: [depth], written
 */
struct npu_channel {
	uint64_t depth;
	bool wide;
	double in_scale;
	int32_t zero_point;
	int64_t reach;
	int8_t *quantised;
};

/**
 * npu_channel_quantise - weights and bias of one output
 * @weight: [depth], real
 * @real_bias: real
 * @bias: out: integer with the zero point folded in
 *
 * The scale of the weights is doubled until no input can make the 32-bit accumulator wrap;
 * only very deep layers with weights all near their greatest need it.
 *
 * Return: the scale of the weights.
 */
double npu_channel_quantise(const struct npu_channel *c, const float *weight, double real_bias,
			    int64_t *bias);

/* What the outputs of @node have in common; its @quantised is NULL. */
struct npu_channel npu_channels_of(const struct npu_graph *graph,
				   const struct npu_graph_node *node);

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
