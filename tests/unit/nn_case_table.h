/* SPDX-License-Identifier: MIT */
/* The table of nn_cases.h. */
#ifndef NN_CASE_TABLE_H
#define NN_CASE_TABLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "npu_train.h"

#define NN_CASE_LAYERS 3

enum nn_case_options {
	NN_LAST = 1,	 /* nothing comes behind the layers */
	NN_LABELS = 2,	 /* the data has labels, else targets */
	NN_ONE_HOT = 4,	 /* targets of 0 and 1 */
	NN_LENGTHS = 8,	 /* sequences of different lengths; they come through a convolution */
	NN_NUMBERS = 16, /* the input is whole numbers, which the layers read themselves */
};

/**
 * struct nn_case - layers to be checked
 * @dim: H, W, C that they read
 * @layer: one after another; kind 0 ends
 * @branch: for add and concat: makes the second of their inputs from the first
 * @loss: 0 for MSE
 * @options: enum nn_case_options
 */
struct nn_case {
	const char *name;
	uint32_t dim[3];
	struct npu_layer layer[NN_CASE_LAYERS];
	struct npu_layer branch;
	enum npu_loss loss;
	unsigned int options;
};

#define ROW             \
	{               \
		1, 1, 7 \
	}
#define IMAGE           \
	{               \
		5, 6, 4 \
	}
#define SEQUENCE        \
	{               \
		1, 6, 3 \
	}

#define ACTIVATION(text, ...)                                                                    \
	{ .name = "dense, " text, .dim = ROW, .layer = { npu_dense(.units = 6, __VA_ARGS__) } }, \
	{                                                                                        \
		.name = "activation, " text, .dim = { 2, 2, 5 }, .layer = {                      \
			npu_activation(__VA_ARGS__)                                              \
		}                                                                                \
	}
#define CONV(text, ...)                                                                   \
	{                                                                                 \
		.name = "conv, " text, .dim = IMAGE, .layer = { npu_conv2d(__VA_ARGS__) } \
	}
#define TRANSPOSE(text, ...)                                                    \
	{                                                                       \
		.name = "conv transpose, " text, .dim = { 3, 4, 4 }, .layer = { \
			npu_conv_transpose2d(__VA_ARGS__)                       \
		}                                                               \
	}
#define MAX_POOL(text, ...)                                                                     \
	{                                                                                       \
		.name = "max pool, " text, .dim = IMAGE, .layer = { npu_max_pool(__VA_ARGS__) } \
	}
#define AVERAGE_POOL(text, ...)                                         \
	{                                                               \
		.name = "average pool, " text, .dim = IMAGE, .layer = { \
			npu_average_pool(__VA_ARGS__)                   \
		}                                                       \
	}
/* The options that the three recurrent kinds share. */
#define RECURRENT(kind)                                                                            \
	{ .name = #kind, .dim = SEQUENCE, .layer = { npu_##kind(.units = 4) } },                   \
		{ .name = #kind ", sequences",                                                     \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .sequences = true) } },                        \
		{ .name = #kind ", backwards",                                                     \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .backwards = true) } },                        \
		{ .name = #kind ", backwards, sequences",                                          \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .backwards = true, .sequences = true) } },     \
		{ .name = #kind ", bidirectional",                                                 \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .bidirectional = true) } },                    \
		{ .name = #kind ", bidirectional, sequences",                                      \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .bidirectional = true, .sequences = true) } }, \
		{ .name = #kind ", no bias",                                                       \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .no_bias = true) } },                          \
		{ .name = #kind ", one step",                                                      \
		  .dim = { 1, 1, 3 },                                                              \
		  .layer = { npu_##kind(.units = 4) } },                                           \
		{ .name = #kind ", frozen",                                                        \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .frozen = true) } },                           \
		{ .name = #kind ", wide",                                                          \
		  .dim = { 1, 3, 19 },                                                             \
		  .layer = { npu_##kind(.units = 17) } },                                          \
		{ .name = #kind ", two of them",                                                   \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 3, .sequences = true, .bidirectional = true),     \
			     npu_##kind(.units = 2) } },                                           \
		{ .name = #kind ", lengths",                                                       \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4) },                                             \
		  .options = NN_LENGTHS },                                                         \
		{ .name = #kind ", lengths, sequences",                                            \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .sequences = true) },                          \
		  .options = NN_LENGTHS },                                                         \
		{ .name = #kind ", lengths, backwards",                                            \
		  .dim = SEQUENCE,                                                                 \
		  .layer = { npu_##kind(.units = 4, .backwards = true) },                          \
		  .options = NN_LENGTHS },                                                         \
	{                                                                                          \
		.name = #kind ", lengths, bidirectional, sequences", .dim = SEQUENCE,              \
		.layer = { npu_##kind(.units = 4, .bidirectional = true, .sequences = true) },     \
		.options = NN_LENGTHS                                                              \
	}

static const struct nn_case nn_cases[] = {
	ACTIVATION("linear", .activation = NPU_LINEAR),
	ACTIVATION("relu", .activation = NPU_RELU),
	ACTIVATION("leaky relu", .activation = NPU_LEAKY_RELU),
	ACTIVATION("leaky relu 0.2", .activation = NPU_LEAKY_RELU, .alpha = 0.2f),
	ACTIVATION("sigmoid", .activation = NPU_SIGMOID),
	ACTIVATION("tanh", .activation = NPU_TANH),
	ACTIVATION("softmax", .activation = NPU_SOFTMAX),
	ACTIVATION("relu6", .activation = NPU_RELU6),
	ACTIVATION("elu", .activation = NPU_ELU),
	ACTIVATION("elu 0.6", .activation = NPU_ELU, .alpha = 0.6f),
	ACTIVATION("selu", .activation = NPU_SELU),
	ACTIVATION("gelu", .activation = NPU_GELU),
	ACTIVATION("swish", .activation = NPU_SWISH),
	ACTIVATION("hard swish", .activation = NPU_HARD_SWISH),
	ACTIVATION("hard sigmoid", .activation = NPU_HARD_SIGMOID),
	ACTIVATION("softplus", .activation = NPU_SOFTPLUS),
	{ .name = "dense, no bias",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 6, .no_bias = true) } },
	{ .name = "dense, frozen", .dim = ROW, .layer = { npu_dense(.units = 6, .frozen = true) } },
	{ .name = "dense, of an image", .dim = { 2, 3, 5 }, .layer = { npu_dense(.units = 18) } },
	{ .name = "flatten", .dim = { 2, 3, 4 }, .layer = { npu_flatten() } },
	{ .name = "reshape",
	  .dim = { 2, 3, 4 },
	  .layer = { npu_reshape(.dim = { 4, 0, 2 }), npu_conv2d(.units = 3) } },

	CONV("1 x 1", .units = 3),
	CONV("3 x 3", .units = 5, .kernel = { 3, 3 }),
	CONV("3 x 3 same", .units = 5, .kernel = { 3, 3 }, .padding = NPU_SAME),
	CONV("2 x 4 same", .units = 3, .kernel = { 2, 4 }, .padding = NPU_SAME),
	CONV("stride 2", .units = 3, .kernel = { 3, 3 }, .stride = { 2, 2 }),
	CONV("stride 2 x 3 same", .units = 3, .kernel = { 3, 2 }, .stride = { 2, 3 },
	     .padding = NPU_SAME),
	CONV("stride 3 over 1", .units = 3, .stride = { 3, 3 }),
	CONV("dilated", .units = 3, .kernel = { 2, 3 }, .dilation = { 3, 2 }),
	CONV("dilated same", .units = 3, .kernel = { 3, 3 }, .dilation = { 2, 2 },
	     .padding = NPU_SAME),
	CONV("padded", .units = 3, .kernel = { 3, 3 }, .padding = NPU_EXPLICIT,
	     .pad = { 1, 2, 0, 3 }),
	CONV("padded, stride 2", .units = 3, .kernel = { 3, 3 }, .stride = { 2, 2 },
	     .padding = NPU_EXPLICIT, .pad = { 2, 0, 1, 1 }),
	CONV("2 groups", .units = 6, .kernel = { 3, 3 }, .groups = 2, .padding = NPU_SAME),
	CONV("depthwise", .units = 4, .kernel = { 3, 3 }, .groups = 4, .padding = NPU_SAME),
	CONV("depthwise, two of each", .units = 8, .kernel = { 3, 3 }, .groups = 4,
	     .stride = { 2, 2 }, .padding = NPU_SAME),
	CONV("no bias", .units = 3, .kernel = { 2, 2 }, .no_bias = true),
	CONV("frozen", .units = 3, .kernel = { 2, 2 }, .frozen = true),
	CONV("relu", .units = 3, .kernel = { 3, 3 }, .activation = NPU_RELU),
	CONV("gelu", .units = 3, .kernel = { 3, 3 }, .activation = NPU_GELU),
	CONV("hard swish", .units = 3, .kernel = { 3, 3 }, .activation = NPU_HARD_SWISH),
	CONV("softmax", .units = 3, .kernel = { 2, 2 }, .activation = NPU_SOFTMAX),
	{ .name = "conv, 17 to 19 channels",
	  .dim = { 3, 3, 17 },
	  .layer = { npu_conv2d(.units = 19, .kernel = { 2, 2 }, .activation = NPU_TANH) } },
	{ .name = "conv, depthwise 19",
	  .dim = { 3, 3, 19 },
	  .layer = { npu_conv2d(.units = 19, .kernel = { 3, 3 }, .groups = 19,
				.padding = NPU_SAME) } },
	{ .name = "conv1d",
	  .dim = { 1, 9, 3 },
	  .layer = { npu_conv1d(.units = 4, .kernel = { 1, 3 }) } },
	{ .name = "conv1d, dilated, stride 2",
	  .dim = { 1, 11, 3 },
	  .layer = { npu_conv1d(.units = 4, .kernel = { 1, 3 }, .dilation = { 1, 2 },
				.stride = { 1, 2 }, .padding = NPU_SAME) } },
	TRANSPOSE("1 x 1", .units = 3),
	TRANSPOSE("3 x 3", .units = 3, .kernel = { 3, 3 }),
	TRANSPOSE("stride 2", .units = 3, .kernel = { 3, 2 }, .stride = { 2, 2 }),
	TRANSPOSE("stride 2 same", .units = 3, .kernel = { 3, 4 }, .stride = { 2, 2 },
		  .padding = NPU_SAME),
	TRANSPOSE("padded", .units = 3, .kernel = { 3, 3 }, .stride = { 2, 1 },
		  .padding = NPU_EXPLICIT, .pad = { 1, 0, 0, 2 }),
	TRANSPOSE("dilated", .units = 3, .kernel = { 2, 3 }, .dilation = { 2, 2 }),
	TRANSPOSE("2 groups", .units = 6, .kernel = { 2, 2 }, .groups = 2),
	TRANSPOSE("depthwise", .units = 4, .kernel = { 3, 3 }, .groups = 4, .no_bias = true),
	TRANSPOSE("relu", .units = 3, .kernel = { 2, 2 }, .activation = NPU_RELU),

	MAX_POOL("2 x 2", .kernel = { 2, 2 }),
	MAX_POOL("3 x 2, stride 1", .kernel = { 3, 2 }, .stride = { 1, 1 }),
	MAX_POOL("3 x 3 same, stride 2", .kernel = { 3, 3 }, .stride = { 2, 2 },
		 .padding = NPU_SAME),
	MAX_POOL("dilated", .kernel = { 2, 2 }, .stride = { 1, 1 }, .dilation = { 2, 3 }),
	MAX_POOL("padded", .kernel = { 3, 3 }, .stride = { 2, 2 }, .padding = NPU_EXPLICIT,
		 .pad = { 1, 1, 0, 2 }),
	AVERAGE_POOL("2 x 2", .kernel = { 2, 2 }),
	AVERAGE_POOL("3 x 2, stride 1", .kernel = { 3, 2 }, .stride = { 1, 1 }),
	AVERAGE_POOL("3 x 3 same, stride 2", .kernel = { 3, 3 }, .stride = { 2, 2 },
		     .padding = NPU_SAME),
	AVERAGE_POOL("padded", .kernel = { 3, 3 }, .stride = { 2, 2 }, .padding = NPU_EXPLICIT,
		     .pad = { 1, 1, 0, 2 }),
	{ .name = "global max pool", .dim = IMAGE, .layer = { npu_global_max_pool() } },
	{ .name = "global average pool", .dim = IMAGE, .layer = { npu_global_average_pool() } },
	{ .name = "global max pool, lengths",
	  .dim = SEQUENCE,
	  .layer = { npu_global_max_pool() },
	  .options = NN_LENGTHS },
	{ .name = "global average pool, lengths",
	  .dim = SEQUENCE,
	  .layer = { npu_global_average_pool() },
	  .options = NN_LENGTHS },

	{ .name = "batch norm, of a row", .dim = ROW, .layer = { npu_batch_norm() } },
	{ .name = "batch norm, of an image",
	  .dim = IMAGE,
	  .layer = { npu_batch_norm(.activation = NPU_RELU) } },
	{ .name = "batch norm, gelu",
	  .dim = IMAGE,
	  .layer = { npu_batch_norm(.activation = NPU_GELU) } },
	{ .name = "batch norm, epsilon",
	  .dim = { 2, 3, 19 },
	  .layer = { npu_batch_norm(.epsilon = 0.1f) } },
	{ .name = "batch norm, frozen", .dim = IMAGE, .layer = { npu_batch_norm(.frozen = true) } },
	{ .name = "layer norm, of a row", .dim = ROW, .layer = { npu_layer_norm() } },
	{ .name = "layer norm, of an image",
	  .dim = IMAGE,
	  .layer = { npu_layer_norm(.activation = NPU_SWISH) } },
	{ .name = "layer norm, epsilon",
	  .dim = { 2, 3, 19 },
	  .layer = { npu_layer_norm(.epsilon = 0.1f) } },
	{ .name = "layer norm, frozen", .dim = ROW, .layer = { npu_layer_norm(.frozen = true) } },
	{ .name = "embedding",
	  .dim = { 1, 6, 1 },
	  .layer = { npu_embedding(.vocabulary = 5, .units = 3) },
	  .options = NN_NUMBERS },
	{ .name = "embedding, tanh",
	  .dim = { 1, 4, 1 },
	  .layer = { npu_embedding(.vocabulary = 3, .units = 18, .activation = NPU_TANH) },
	  .options = NN_NUMBERS },
	{ .name = "embedding, then gru",
	  .dim = { 1, 6, 1 },
	  .layer = { npu_embedding(.vocabulary = 5, .units = 3), npu_gru(.units = 4) },
	  .options = NN_NUMBERS },
	{ .name = "dropout of nothing", .dim = ROW, .layer = { npu_dropout(.rate = 0) } },
	{ .name = "add",
	  .dim = IMAGE,
	  .layer = { npu_add(.activation = NPU_RELU) },
	  .branch = npu_activation(.activation = NPU_TANH) },
	{ .name = "add, gelu",
	  .dim = ROW,
	  .layer = { npu_add(.activation = NPU_GELU) },
	  .branch = npu_dense(.units = 7) },
	{ .name = "concat along C",
	  .dim = IMAGE,
	  .layer = { npu_concat() },
	  .branch = npu_conv2d(.units = 3) },
	{ .name = "concat along W",
	  .dim = IMAGE,
	  .layer = { npu_concat(.axis = NPU_AXIS_W, .activation = NPU_SWISH) },
	  .branch = npu_average_pool(.kernel = { 1, 2 }) },
	{ .name = "concat along H",
	  .dim = IMAGE,
	  .layer = { npu_concat(.axis = NPU_AXIS_H) },
	  .branch = npu_average_pool(.kernel = { 2, 1 }) },

	RECURRENT(rnn),
	{ .name = "rnn, relu",
	  .dim = SEQUENCE,
	  .layer = { npu_rnn(.units = 4, .activation = NPU_RELU) } },
	RECURRENT(lstm),
	RECURRENT(gru),
	{ .name = "gru, reset after",
	  .dim = SEQUENCE,
	  .layer = { npu_gru(.units = 4, .reset_after = true) } },
	{ .name = "gru, reset after, no bias",
	  .dim = SEQUENCE,
	  .layer = { npu_gru(.units = 4, .reset_after = true, .no_bias = true) } },
	{ .name = "gru, reset after, bidirectional, sequences",
	  .dim = SEQUENCE,
	  .layer = { npu_gru(.units = 4, .reset_after = true, .bidirectional = true,
			     .sequences = true) } },
	{ .name = "gru, reset after, lengths, backwards",
	  .dim = SEQUENCE,
	  .layer = { npu_gru(.units = 4, .reset_after = true, .backwards = true) },
	  .options = NN_LENGTHS },

	{ .name = "labels, mse",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 1) },
	  .options = NN_LAST | NN_LABELS },
	{ .name = "labels, cross-entropy",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 4, .activation = NPU_SOFTMAX) },
	  .loss = NPU_LOSS_CROSS_ENTROPY,
	  .options = NN_LAST | NN_LABELS },
	{ .name = "one-hot, cross-entropy",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 4, .activation = NPU_SOFTMAX) },
	  .loss = NPU_LOSS_CROSS_ENTROPY,
	  .options = NN_LAST | NN_ONE_HOT },
	{ .name = "targets, cross-entropy",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 3), npu_activation(.activation = NPU_SOFTMAX) },
	  .loss = NPU_LOSS_CROSS_ENTROPY,
	  .options = NN_LAST },
	{ .name = "labels, binary cross-entropy",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 1, .activation = NPU_SIGMOID) },
	  .loss = NPU_LOSS_BINARY_CROSS_ENTROPY,
	  .options = NN_LAST | NN_LABELS },
	{ .name = "targets, binary cross-entropy",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 3), npu_activation(.activation = NPU_SIGMOID) },
	  .loss = NPU_LOSS_BINARY_CROSS_ENTROPY,
	  .options = NN_LAST },
	{ .name = "mae",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 3, .activation = NPU_TANH) },
	  .loss = NPU_LOSS_MAE },
	{ .name = "huber",
	  .dim = ROW,
	  .layer = { npu_dense(.units = 3, .activation = NPU_TANH) },
	  .loss = NPU_LOSS_HUBER },
	{ .name = "cross-entropy at every place",
	  .dim = { 2, 3, 4 },
	  .layer = { npu_conv2d(.units = 3, .activation = NPU_SOFTMAX) },
	  .loss = NPU_LOSS_CROSS_ENTROPY,
	  .options = NN_LAST },
	{ .name = "lengths, cross-entropy at every step",
	  .dim = SEQUENCE,
	  .layer = { npu_conv1d(.units = 4, .activation = NPU_SOFTMAX) },
	  .loss = NPU_LOSS_CROSS_ENTROPY,
	  .options = NN_LAST | NN_LENGTHS },
	{ .name = "lengths, mse of every step",
	  .dim = SEQUENCE,
	  .layer = { npu_gru(.units = 3, .sequences = true), npu_conv1d(.units = 2) },
	  .options = NN_LAST | NN_LENGTHS },
	{ .name = "lengths, binary cross-entropy of every step",
	  .dim = SEQUENCE,
	  .layer = { npu_conv1d(.units = 2, .activation = NPU_SIGMOID) },
	  .loss = NPU_LOSS_BINARY_CROSS_ENTROPY,
	  .options = NN_LAST | NN_LENGTHS },
	{ .name = "a small network for digits",
	  .dim = { 8, 8, 1 },
	  .layer = { npu_conv2d(.units = 4, .kernel = { 3, 3 }, .padding = NPU_SAME),
		     npu_batch_norm(.activation = NPU_RELU), npu_max_pool() } },
};

#define NN_CASES (sizeof(nn_cases) / sizeof(nn_cases[0]))

#undef ROW
#undef IMAGE
#undef SEQUENCE
#undef ACTIVATION
#undef CONV
#undef TRANSPOSE
#undef MAX_POOL
#undef AVERAGE_POOL
#undef RECURRENT

#endif /* NN_CASE_TABLE_H */
