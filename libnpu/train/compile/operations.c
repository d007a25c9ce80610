// SPDX-License-Identifier: MIT
/* The table of kinds of nodes. */
#include "train/compile/lower.h"

/* Finer input scales than this make no difference to sigmoid, tanh and softmax. */
#define FINE_SCALE 0x1p-20f

/*
 * Where sigmoid and tanh saturate. int8: from there on the result rounds to the last integer:
 * ln(511) and atanh(127.5 / 128). int16: the end of the reference's table, 32 / 3, of which
 * tanh takes half.
 */
static const struct npu_operation operations[NPU_GRAPH_KINDS] = {
	[NPU_GRAPH_COPY] = {
		.rule = NPU_SCALE_INPUT,
		.lower = npu_copy_lower,
	},
	/* One that is left is a copy; see npu_graph_view(). */
	[NPU_GRAPH_RESHAPE] = {
		.rule = NPU_SCALE_INPUT,
		.flat = true,
	},
	[NPU_GRAPH_CONCAT] = {
		.rule = NPU_SCALE_INPUT,
	},
	[NPU_GRAPH_DENSE] = {
		.rule = NPU_SCALE_RANGE,
		.clamps = true,
		.mixes = true,
		.flat = true,
		.reserve = npu_dense_reserve,
		.lower = npu_dense_lower,
	},
	[NPU_GRAPH_CONV] = {
		.rule = NPU_SCALE_RANGE,
		.clamps = true,
		.mixes = true,
		.reserve = npu_conv_reserve,
		.lower = npu_conv_lower,
	},
	[NPU_GRAPH_DEPTHWISE] = {
		.rule = NPU_SCALE_RANGE,
		.clamps = true,
		.mixes = true,
		.reserve = npu_conv_reserve,
		.lower = npu_conv_lower,
	},
	[NPU_GRAPH_CONV_TRANSPOSE] = {
		.rule = NPU_SCALE_RANGE,
		.clamps = true,
		.mixes = true,
		.reserve = npu_conv_reserve,
		.lower = npu_conv_lower,
	},
	[NPU_GRAPH_MAX_POOL] = {
		.rule = NPU_SCALE_INPUT,
		.clamps = true,
		.reserve = npu_pool_reserve,
		.lower = npu_pool_lower,
	},
	[NPU_GRAPH_AVERAGE_POOL] = {
		.rule = NPU_SCALE_INPUT,
		.clamps = true,
		.reserve = npu_pool_reserve,
		.lower = npu_pool_lower,
	},
	[NPU_GRAPH_MEAN] = {
		.rule = NPU_SCALE_RANGE,
		.clamps = true,
		.finest = npu_mean_finest,
		.reserve = npu_mean_reserve,
		.lower = npu_mean_lower,
	},
	[NPU_GRAPH_ADD] = {
		.rule = NPU_SCALE_RANGE,
		.clamps = true,
		.in_place = true,
		.finest = npu_add_finest,
		.reserve = npu_add_reserve,
		.lower = npu_add_lower,
	},
	[NPU_GRAPH_LAYER_NORM] = {
		.rule = NPU_SCALE_RANGE,
		.clamps = true,
		.mixes = true,
		.reserve = npu_layer_norm_reserve,
		.lower = npu_layer_norm_lower,
	},
	[NPU_GRAPH_EMBEDDING] = {
		.rule = NPU_SCALE_RANGE,
		.mixes = true,
		.reserve = npu_embedding_reserve,
		.lower = npu_embedding_lower,
	},
	[NPU_GRAPH_RELU] = {
		.rule = NPU_SCALE_INPUT,
		.in_place = true,
		.lower = npu_relu_lower,
	},
	[NPU_GRAPH_TABLE] = {
		.rule = NPU_SCALE_RANGE,
		.in_place = true,
		.reserve = npu_table_reserve,
		.lower = npu_table_lower,
	},
	[NPU_GRAPH_SIGMOID] = {
		.rule = NPU_SCALE_UNIT,
		.in_place = true,
		.saturation = { 6.2364f, 10.6667f },
		.least_scale = FINE_SCALE,
		.lower = npu_sigmoid_lower,
	},
	[NPU_GRAPH_TANH] = {
		.rule = NPU_SCALE_SIGNED_UNIT,
		.in_place = true,
		.saturation = { 3.1182f, 5.3334f },
		.least_scale = FINE_SCALE,
		.lower = npu_sigmoid_lower,
	},
	[NPU_GRAPH_SOFTMAX] = {
		.rule = NPU_SCALE_UNIT,
		.least_scale = FINE_SCALE,
		.reserve = npu_softmax_reserve,
		.lower = npu_softmax_lower,
	},
	[NPU_GRAPH_REQUANTISE] = {
		.rule = NPU_SCALE_RANGE,
		.clamps = true,
		.in_place = true,
		.mixes = true,
		.finest = npu_requantise_finest,
		.reserve = npu_requantise_reserve,
		.lower = npu_requantise_lower,
	},
	[NPU_GRAPH_RNN] = {
		.rule = NPU_SCALE_RANGE,
		.reserve = npu_recurrent_reserve,
		.lower = npu_recurrent_lower,
	},
	[NPU_GRAPH_LSTM] = {
		.rule = NPU_SCALE_RANGE,
		.reserve = npu_recurrent_reserve,
		.lower = npu_recurrent_lower,
	},
	[NPU_GRAPH_GRU] = {
		.rule = NPU_SCALE_RANGE,
		.reserve = npu_recurrent_reserve,
		.lower = npu_recurrent_lower,
	},
};

const struct npu_operation *npu_operation(enum npu_graph_kind kind)
{
	return &operations[kind];
}
