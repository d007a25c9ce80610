/* SPDX-License-Identifier: MIT */
/* Convolutions and pooling made from cases with outputs computed by others. */
#ifndef GOLDEN_WINDOW_H
#define GOLDEN_WINDOW_H

#include "golden_case.h"

static inline bool golden_has(const struct golden *g, const char *key)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s_%s.bin", g->path, g->name, key);
	file = fopen(path, "rb");
	if (file)
		fclose(file);
	return file != NULL;
}

/* Cases of other ages name the same array differently. */
static inline void *golden_either(const struct golden *g, const char *key, const char *other,
				  size_t bytes)
{
	return golden_array(g, golden_has(g, key) ? key : other, bytes);
}

static inline struct engine_case *case_empty(uint16_t opcode, uint32_t slots)
{
	struct engine_case *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->insn.opcode = opcode;
	c->slots = slots;
	c->exec.insns = &c->insn;
	c->exec.insn_count = 1;
	case_workspace(c);
	return c;
}

/* Memory of tensor @i, filled with @data if there is any. */
static inline void *case_memory(struct engine_case *c, uint32_t i, uint64_t bytes, const void *data)
{
	guarded_make(&c->slot[i], bytes, true);
	c->insn.t[i].offset = c->slot[i].offset;
	c->exec.slot[i] = c->slot[i].page;
	if (data)
		memcpy(guarded_data(&c->slot[i]), data, bytes);
	return guarded_data(&c->slot[i]);
}

/* ----------------------------------------------------------- convolutions */

/* From rows of K (or, depthwise, from taps of all channels) into the packed layout. */
static inline void pack_weights(const struct npu_insn *insn, uint8_t *packed, const int8_t *weights)
{
	const uint32_t *dim = insn->t[2].dim;
	uint32_t taps = dim[1] * dim[2], depth = taps * dim[3], o, k;

	memset(packed, 0, conv_weight_bytes(insn));
	for (o = 0; o < dim[0]; o++)
		for (k = 0; k < depth; k++)
			if (insn->opcode == NPU_OP_DEPTHWISE_CONV_2D)
				packed[(o / 16 * taps + k) * 16 + o % 16] = weights[k * dim[0] + o];
			else
				packed[(o / 16 * ((depth + 3) / 4) + k / 4) * 64 + o % 16 * 4 +
				       k % 4] = weights[o * depth + k];
}

static inline int32_t weight_sum(const struct npu_insn *insn, const int8_t *weights, uint32_t o)
{
	const uint32_t *dim = insn->t[2].dim;
	uint32_t depth = dim[1] * dim[2] * dim[3], k;
	int32_t sum = 0;

	for (k = 0; k < depth; k++)
		sum += insn->opcode == NPU_OP_DEPTHWISE_CONV_2D ? weights[k * dim[0] + o]
								: weights[o * depth + k];
	return sum;
}

/* The bias, with the input's zero point folded in where the instruction wants that. */
static inline void conv_bias(struct engine_case *c, const struct golden *g, const int8_t *weights)
{
	static const char *const name[] = { "biases", "bias" };
	uint32_t size = type_bytes(c->insn.t[3].type), channels = c->insn.t[0].dim[3], o;
	uint8_t *bias = case_memory(c, 3, c->insn.t[3].dim[3] * size, NULL);
	uint8_t *data = NULL;
	unsigned int i;

	memset(bias, 0, c->slot[3].bytes);
	for (i = 0; i < 2 && !data; i++)
		if (golden_has(g, name[i]))
			data = golden_array(g, name[i], channels * size);
	if (data)
		memcpy(bias, data, channels * size);
	free(data);
	if (c->insn.opcode != NPU_OP_TRANSPOSE_CONV_2D && c->insn.t[1].zero_point)
		for (o = 0; o < channels; o++)
			((int32_t *)bias)[o] -=
				c->insn.t[1].zero_point * weight_sum(&c->insn, weights, o);
}

static inline void conv_scales(struct engine_case *c, const struct golden *g)
{
	uint32_t lanes = conv_lanes(&c->insn), channels = c->insn.t[0].dim[3], o;
	struct npu_scale *scale = calloc(lanes, sizeof(*scale));
	int32_t *multiplier, *shift;

	assert_non_null(scale);
	multiplier = golden_either(g, "output_mult", "output_multiplier", channels * 4);
	shift = golden_array(g, "output_shift", channels * 4);
	for (o = 0; o < channels; o++)
		scale[o] = (struct npu_scale){ multiplier[o], shift[o] };
	guarded_make(&c->consts, lanes * sizeof(*scale), true);
	memcpy(guarded_data(&c->consts), scale, c->consts.bytes);
	c->exec.consts = guarded_data(&c->consts);
	c->insn.conv.scale_count = lanes;
	free(scale);
	free(multiplier);
	free(shift);
}

static inline void conv_parameters(struct engine_case *c, const struct golden *g)
{
	struct npu_insn *insn = &c->insn;

	insn->t[0].zero_point = golden_value(g, "OUTPUT_OFFSET");
	insn->t[1].zero_point = -golden_value(g, "INPUT_OFFSET");
	insn->conv.act_min = golden_value(g, "OUT_ACTIVATION_MIN");
	insn->conv.act_max = golden_value(g, "OUT_ACTIVATION_MAX");
	insn->conv.stride[0] = golden_value(g, "STRIDE_Y");
	insn->conv.stride[1] = golden_value(g, "STRIDE_X");
	insn->conv.pad[0] = golden_value(g, "PAD_Y");
	insn->conv.pad[1] = golden_value(g, "PAD_X");
	insn->conv.dilation[0] = golden_value(g, "DILATION_Y");
	insn->conv.dilation[1] = golden_value(g, "DILATION_X");
	insn->conv.groups = insn->opcode == NPU_OP_DEPTHWISE_CONV_2D ? 0 : 1;
}

/*
 * A convolution whose parameters are @values and whose arrays are @arrays, two names of the
 * same case where that is a network; @in may be NULL.
 */
static inline struct engine_case *conv_case(const struct golden *values,
					    const struct golden *arrays, uint16_t opcode,
					    uint32_t type, uint32_t bias_type, const void *in)
{
	bool depthwise = opcode == NPU_OP_DEPTHWISE_CONV_2D;
	struct engine_case *c = case_empty(opcode, 4);
	struct npu_insn *insn = &c->insn;
	uint32_t batches = golden_value(values, "INPUT_BATCHES");
	uint32_t out_dim[4] = { batches, golden_value(values, "OUTPUT_H"),
				golden_value(values, "OUTPUT_W"), golden_value(values, "OUT_CH") };
	uint32_t in_dim[4] = { batches, golden_value(values, "INPUT_H"),
			       golden_value(values, "INPUT_W"), golden_value(values, "IN_CH") };
	uint32_t weight_dim[4] = { out_dim[3], golden_value(values, "FILTER_Y"),
				   golden_value(values, "FILTER_X"), depthwise ? 1 : in_dim[3] };
	uint32_t bias_dim[4] = { 1, 1, 1, 0 };
	void *weights =
		golden_array(arrays, "weights",
			     (size_t)weight_dim[0] * weight_dim[1] * weight_dim[2] * weight_dim[3]);

	case_memory(c, 0, case_tensor(c, 0, type, out_dim, 0), NULL);
	case_memory(c, 1, case_tensor(c, 1, type, in_dim, 0), in);
	case_tensor(c, 2, NPU_TYPE_INT8, weight_dim, 0);
	memset(insn->t[2].stride, 0, sizeof(insn->t[2].stride));
	insn->t[2].layout = depthwise ? NPU_LAYOUT_DEPTHWISE16 : NPU_LAYOUT_BLOCK16X4;
	conv_parameters(c, values);
	bias_dim[3] = conv_lanes(insn);
	case_tensor(c, 3, bias_type, bias_dim, 0);
	pack_weights(insn, case_memory(c, 2, conv_weight_bytes(insn), NULL), weights);
	conv_bias(c, arrays, weights);
	conv_scales(c, arrays);
	free(weights);
	return c;
}

static inline void pool_window(struct npu_insn *insn, const struct golden *g)
{
	insn->pool.kernel[0] = golden_value(g, "FILTER_H");
	insn->pool.kernel[1] = golden_value(g, "FILTER_W");
	insn->pool.stride[0] = golden_value(g, "STRIDE_H");
	insn->pool.stride[1] = golden_value(g, "STRIDE_W");
}

#endif /* GOLDEN_WINDOW_H */
