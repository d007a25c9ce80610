// SPDX-License-Identifier: MIT
/*
 * A dense layer: int8 weights, symmetric per output channel, packed; a bias in the scale of the
 * accumulator, into which -zero point * sum(w) is folded; one multiplier a channel.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "train/compile/lower.h"
#include "train/compile/pack.h"
#include "train/compile/scale.h"

#define LANES 16 /* channels of a block: bias and scales are padded to whole ones */

/*
 * The share of the accumulator that a bias may take. int16: 64-bit accumulators, but their
 * requantisation multiplies by 16 bits more.
 */
#define BIAS_LIMIT_INT8 0x1p30
#define BIAS_LIMIT_INT16 0x1p40

/**
 * struct dense - a dense node with its shapes
 * @node: weights and bias
 * @in: value that it reads
 * @out: value that it makes
 * @depth: K
 * @channels: N
 * @wide: int16 activations, int64 bias
 */
struct dense {
	const struct npu_graph_node *node;
	const struct npu_graph_value *in, *out;
	uint64_t depth, channels;
	bool wide;
};

static struct dense dense_of(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	struct dense dense = {
		.node = node,
		.in = &graph->value[node->input[0]],
		.out = &graph->value[node->output],
	};

	dense.depth = npu_graph_value_elements(dense.in) / graph->batch;
	dense.channels = npu_graph_value_elements(dense.out) / graph->batch;
	dense.wide = dense.in->type == NPU_TYPE_INT16;
	return dense;
}

int npu_dense_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	struct dense dense = dense_of(graph, node);
	uint64_t padded = npu_align(dense.channels, LANES);

	if (dense.depth > NPU_MAX_DEPTH)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\" has %llu inputs, an NPU matrix "
				     "product takes at most %u; make the layer in front of it "
				     "smaller",
				     npu_graph_node_name(graph, node),
				     (unsigned long long)dense.depth, NPU_MAX_DEPTH);
	node->weights_at = graph->weight_bytes;
	node->bias_at = node->weights_at +
			npu_align(npu_packed_bytes(dense.channels, dense.depth), NPU_SLOT_ALIGN);
	graph->weight_bytes =
		node->bias_at + npu_align(padded * (dense.wide ? 8 : 4), NPU_SLOT_ALIGN);
	node->consts_at = graph->const_bytes;
	graph->const_bytes += padded * sizeof(struct npu_scale);
	return 0;
}

static int check_finite(const struct npu_graph *graph, const struct dense *dense,
			struct npu_error *err)
{
	const char *name = npu_graph_node_name(graph, dense->node);
	uint64_t i;

	for (i = 0; i < dense->channels * dense->depth; i++)
		if (!isfinite(dense->node->weight[i]))
			return npu_error_set(err, -EINVAL,
					     "layer \"%s\": weight [%llu][%llu] is "
					     "%s; train the model again, with a lower rate",
					     name, (unsigned long long)(i / dense->depth),
					     (unsigned long long)(i % dense->depth),
					     isnan(dense->node->weight[i]) ? "NaN" : "infinite");
	for (i = 0; dense->node->bias && i < dense->channels; i++)
		if (!isfinite(dense->node->bias[i]))
			return npu_error_set(err, -EINVAL,
					     "layer \"%s\": bias [%llu] is %s; train "
					     "the model again, with a lower rate",
					     name, (unsigned long long)i,
					     isnan(dense->node->bias[i]) ? "NaN" : "infinite");
	return 0;
}

/* The scale of a channel's weights: they fit int8, and its bias fits the accumulator. */
static double weight_scale(const struct dense *dense, const float *weight, double bias)
{
	double limit = dense->wide ? BIAS_LIMIT_INT16 : BIAS_LIMIT_INT8;
	double greatest = 0, scale, for_bias;
	uint64_t k;

	for (k = 0; k < dense->depth; k++)
		greatest = fmax(greatest, fabs((double)weight[k]));
	scale = greatest / 127;
	for_bias = fabs(bias) / (dense->in->scale * limit);
	scale = fmax(scale, for_bias);
	return scale > 0 ? scale : 1;
}

/**
 * quantise_channel - weights and bias of one output channel
 * @quantised: out: [depth]
 * @bias: in: real; out: integer with the zero point folded in
 *
 * The scale of the weights is doubled until no input can make the 32-bit accumulator wrap;
 * only very deep layers with weights all near their greatest need it.
 *
 * Return: the scale of the weights.
 */
static double quantise_channel(const struct dense *dense, const float *weight, double real_bias,
			       int8_t *quantised, int64_t *bias)
{
	double scale = weight_scale(dense, weight, real_bias);
	int64_t limit = dense->wide ? INT64_C(1) << 41 : INT32_MAX;

	for (;; scale *= 2) {
		int64_t sum = 0, magnitude = 0, worst;
		uint64_t k;

		for (k = 0; k < dense->depth; k++) {
			quantised[k] = (int8_t)npu_round_clamp(weight[k] / scale, -127, 127);
			sum += quantised[k];
			magnitude += abs(quantised[k]);
		}
		*bias = npu_round_clamp(real_bias / (dense->in->scale * scale), -limit, limit);
		*bias -= dense->in->zero_point * sum;
		worst = llabs(*bias) + magnitude * (dense->wide ? 32768 : 128);
		if (dense->wide || worst <= limit)
			return scale;
	}
}

static int fill_channels(const struct dense *dense, const struct npu_sections *sections,
			 struct npu_error *err)
{
	const struct npu_graph_node *node = dense->node;
	struct npu_scale *scales = (struct npu_scale *)(sections->consts + node->consts_at);
	int8_t *quantised = malloc(dense->depth);
	uint64_t o;

	if (!quantised)
		return npu_error_set(err, -ENOMEM, "no memory for %llu quantised weights",
				     (unsigned long long)dense->depth);
	for (o = 0; o < dense->channels; o++) {
		int64_t bias;
		double scale = quantise_channel(dense, node->weight + o * dense->depth,
						node->bias ? node->bias[o] : 0, quantised, &bias);

		npu_pack_channel((int8_t *)sections->weights + node->weights_at, o, quantised,
				 dense->depth);
		if (dense->wide)
			((int64_t *)(sections->weights + node->bias_at))[o] = bias;
		else
			((int32_t *)(sections->weights + node->bias_at))[o] = (int32_t)bias;
		scales[o] = npu_scale_from_real(dense->in->scale * scale / dense->out->scale);
	}
	free(quantised);
	return 0;
}

/* A value as the matrix that a dense layer sees: a row for each sample. */
static struct npu_tensor matrix(const struct npu_graph *graph, uint32_t value)
{
	struct npu_tensor tensor = npu_graph_value_tensor(graph, value);

	tensor.dim[3] = (uint32_t)(npu_graph_value_elements(&graph->value[value]) / graph->batch);
	tensor.dim[2] = graph->batch;
	tensor.dim[0] = tensor.dim[1] = 1;
	tensor.stride[2] = tensor.dim[3] * (tensor.type == NPU_TYPE_INT16 ? 2 : 1);
	tensor.stride[0] = tensor.stride[1] = tensor.stride[2] * graph->batch;
	return tensor;
}

int npu_dense_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		    const struct npu_sections *sections, struct npu_insn *insn,
		    struct npu_error *err)
{
	struct dense dense = dense_of(graph, node);
	uint32_t padded = (uint32_t)npu_align(dense.channels, LANES);
	uint8_t slot = (uint8_t)npu_graph_slot(graph, NPU_FILE_SLOT_WEIGHTS);
	int ret = check_finite(graph, &dense, err);

	if (!ret)
		ret = fill_channels(&dense, sections, err);
	if (ret)
		return ret;
	insn->opcode = NPU_OP_FULLY_CONNECTED;
	insn->t[0] = matrix(graph, node->output);
	insn->t[1] = matrix(graph, node->input[0]);
	insn->t[1].zero_point = 0; /* it is in the bias */
	insn->t[2] = (struct npu_tensor){
		.slot = slot,
		.type = NPU_TYPE_INT8,
		.layout = NPU_LAYOUT_BLOCK16X4,
		.offset = (uint32_t)node->weights_at,
		.dim = { (uint32_t)dense.channels, 1, 1, (uint32_t)dense.depth },
	};
	insn->t[3] = (struct npu_tensor){
		.slot = slot,
		.type = dense.wide ? NPU_TYPE_INT64 : NPU_TYPE_INT32,
		.offset = (uint32_t)node->bias_at,
		.dim = { 1, 1, 1, padded },
	};
	insn->fc.scales = (uint32_t)node->consts_at;
	insn->fc.scale_count = padded;
	insn->fc.act_max = dense.wide ? INT16_MAX : INT8_MAX;
	insn->fc.act_min = dense.wide ? INT16_MIN : INT8_MIN;
	if (node->relu)
		insn->fc.act_min = dense.out->zero_point;
	return 0;
}
