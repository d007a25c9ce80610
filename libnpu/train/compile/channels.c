// SPDX-License-Identifier: MIT
#include "train/compile/channels.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/pack.h"
#include "train/compile/scale.h"

#define LANES 16 /* channels of a block */

/*
 * The share of the accumulator that a bias may take. int16: 64-bit accumulators, but their
 * requantisation multiplies by 16 bits more.
 */
#define BIAS_LIMIT_INT8 0x1p30
#define BIAS_LIMIT_INT16 0x1p40

static bool is_wide(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return graph->value[node->input[0]].type == NPU_TYPE_INT16;
}

/* Groups that are packed one after another; depthwise weights have a layout of their own. */
static uint64_t packed_groups(const struct npu_graph_node *node)
{
	return node->groups && node->kind != NPU_GRAPH_DEPTHWISE ? node->groups : 1;
}

static uint64_t group_lanes(const struct npu_graph_node *node)
{
	return npu_align(node->units / packed_groups(node), LANES);
}

uint64_t npu_channels_lanes(const struct npu_graph_node *node)
{
	return packed_groups(node) * group_lanes(node);
}

static uint64_t lane_of(const struct npu_graph_node *node, uint64_t channel)
{
	uint64_t rows = node->units / packed_groups(node);

	return channel / rows * group_lanes(node) + channel % rows;
}

static uint64_t weight_bytes(const struct npu_graph_node *node)
{
	if (node->kind == NPU_GRAPH_DEPTHWISE)
		return npu_packed_depthwise_bytes(node->units, node->depth);
	return packed_groups(node) *
	       npu_packed_bytes(node->units / packed_groups(node), node->depth);
}

int npu_channels_reserve(struct npu_graph *graph, struct npu_graph_node *node,
			 struct npu_error *err)
{
	uint64_t lanes = npu_channels_lanes(node);

	if (node->depth > NPU_MAX_DEPTH)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\": %llu inputs reach each of its outputs, an NPU "
				     "matrix product takes at most %u; make the layer in front of "
				     "it smaller",
				     npu_graph_node_name(graph, node),
				     (unsigned long long)node->depth, NPU_MAX_DEPTH);
	node->weights_at = graph->weight_bytes;
	node->bias_at = node->weights_at + npu_align(weight_bytes(node), NPU_SLOT_ALIGN);
	graph->weight_bytes =
		node->bias_at + npu_align(lanes * (is_wide(graph, node) ? 8 : 4), NPU_SLOT_ALIGN);
	node->consts_at = graph->const_bytes;
	graph->const_bytes += lanes * sizeof(struct npu_scale);
	return 0;
}

/* The scale of a channel's weights: they fit int8, and its bias fits the accumulator. */
static double weight_scale(const struct npu_channel *c, const float *weight, double bias)
{
	double limit = c->wide ? BIAS_LIMIT_INT16 : BIAS_LIMIT_INT8;
	double greatest = 0, scale, for_bias;
	uint64_t k;

	for (k = 0; k < c->depth; k++)
		greatest = fmax(greatest, fabs((double)weight[k]));
	scale = greatest / 127;
	for_bias = fabs(bias) / (c->in_scale * limit);
	scale = fmax(scale, for_bias);
	return scale > 0 ? scale : 1;
}

double npu_channel_quantise(const struct npu_channel *c, const float *weight, double real_bias,
			    int64_t *bias)
{
	double scale = weight_scale(c, weight, real_bias);
	int64_t limit = c->wide ? INT64_C(1) << 41 : INT32_MAX;

	for (;; scale *= 2) {
		int64_t sum = 0, magnitude = 0, worst;
		uint64_t k;

		for (k = 0; k < c->depth; k++) {
			c->quantised[k] = (int8_t)npu_round_clamp(weight[k] / scale, -127, 127);
			sum += c->quantised[k];
			magnitude += abs(c->quantised[k]);
		}
		*bias = npu_round_clamp(real_bias / (c->in_scale * scale), -limit, limit);
		*bias -= c->zero_point * sum;
		worst = llabs(*bias) + magnitude * c->reach;
		if (c->wide || worst <= limit)
			return scale;
	}
}

static void pack(const struct npu_graph_node *node, uint8_t *weights, uint64_t channel,
		 const int8_t *quantised)
{
	int8_t *packed = (int8_t *)weights + node->weights_at;
	uint64_t rows = node->units / packed_groups(node);

	if (node->kind == NPU_GRAPH_DEPTHWISE)
		npu_pack_depthwise_channel(packed, channel, quantised, node->depth);
	else
		npu_pack_channel(packed + channel / rows * npu_packed_bytes(rows, node->depth),
				 channel % rows, quantised, node->depth);
}

struct npu_channel npu_channels_of(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	const struct npu_graph_value *in = &graph->value[node->input[0]];
	struct npu_channel c = {
		.depth = node->depth,
		.wide = is_wide(graph, node),
		.in_scale = in->scale,
		.zero_point = in->zero_point,
		.reach = is_wide(graph, node) ? 32768 : 128,
	};

	/* Here the instruction takes it off itself. */
	if (node->kind == NPU_GRAPH_CONV_TRANSPOSE) {
		c.reach += abs(c.zero_point);
		c.zero_point = 0;
	}
	return c;
}

int npu_channels_fill(const struct npu_graph *graph, const struct npu_graph_node *node,
		      const struct npu_sections *sections, struct npu_error *err)
{
	struct npu_scale *scales = (struct npu_scale *)(sections->consts + node->consts_at);
	uint8_t *biases = sections->weights + node->bias_at;
	double out_scale = graph->value[node->output].scale;
	struct npu_channel c = npu_channels_of(graph, node);
	uint64_t o;

	c.quantised = malloc(node->depth);
	if (!c.quantised)
		return npu_error_set(err, -ENOMEM, "no memory for %llu quantised weights",
				     (unsigned long long)node->depth);
	for (o = 0; o < node->units; o++) {
		uint64_t lane = lane_of(node, o);
		int64_t bias;
		double scale = npu_channel_quantise(&c, node->weight + o * node->depth,
						    node->bias[o], &bias);

		pack(node, sections->weights, o, c.quantised);
		if (c.wide)
			((int64_t *)biases)[lane] = bias;
		else
			((int32_t *)biases)[lane] = (int32_t)bias;
		scales[lane] = npu_scale_from_real(c.in_scale * scale / out_scale);
	}
	free(c.quantised);
	return 0;
}

struct npu_tensor npu_channels_weights(const struct npu_graph *graph,
				       const struct npu_graph_node *node, const uint32_t dim[4])
{
	struct npu_tensor tensor = {
		.slot = (uint8_t)npu_graph_slot(graph, NPU_FILE_SLOT_WEIGHTS),
		.type = NPU_TYPE_INT8,
		.layout = node->kind == NPU_GRAPH_DEPTHWISE ? NPU_LAYOUT_DEPTHWISE16
							    : NPU_LAYOUT_BLOCK16X4,
		.offset = (uint32_t)node->weights_at,
	};

	memcpy(tensor.dim, dim, sizeof(tensor.dim));
	return tensor;
}

struct npu_tensor npu_channels_bias(const struct npu_graph *graph,
				    const struct npu_graph_node *node)
{
	return (struct npu_tensor){
		.slot = (uint8_t)npu_graph_slot(graph, NPU_FILE_SLOT_WEIGHTS),
		.type = is_wide(graph, node) ? NPU_TYPE_INT64 : NPU_TYPE_INT32,
		.offset = (uint32_t)node->bias_at,
		.dim = { 1, 1, 1, (uint32_t)npu_channels_lanes(node) },
	};
}
