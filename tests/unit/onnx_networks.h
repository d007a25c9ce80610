/* SPDX-License-Identifier: MIT */
/* Networks beyond single layers, to be written as ONNX and read back. */
#ifndef TESTS_ONNX_NETWORKS_H
#define TESTS_ONNX_NETWORKS_H

#include "onnx_compare.h"

/**
 * struct network - a network to write
 * @dim: H, W, C of a sample
 * @build: adds the layers; the last number or an error
 * @numbers: the input is whole numbers below it
 */
struct network {
	const char *name;
	uint32_t dim[3];
	int (*build)(struct npu_model *model, struct npu_error *err);
	unsigned int numbers;
};

#define ADD(...)                                              \
	do {                                                  \
		ret = npu_model_add(model, __VA_ARGS__, err); \
		if (ret < 0)                                  \
			return ret;                           \
	} while (0)
#define ADD_FROM(layer, ...)                                                                    \
	do {                                                                                    \
		const int from_[] = { __VA_ARGS__ };                                            \
		ret = npu_model_add_from(model, layer, from_, sizeof(from_) / sizeof(from_[0]), \
					 err);                                                  \
		if (ret < 0)                                                                    \
			return ret;                                                             \
	} while (0)

#define CONV3(n, ...) npu_conv2d(.units = n, .kernel = { 3, 3 }, .padding = NPU_SAME, __VA_ARGS__)

/* A block of a residual network (He et al. 2016), as in resnet8 of MLPerf Tiny. */
static inline int add_residual(struct npu_model *model, int from, uint32_t units, uint32_t stride,
			       struct npu_error *err)
{
	int ret, shortcut = from;

	ADD_FROM(CONV3(units, .stride = { stride, stride }), from);
	ADD(npu_batch_norm(.activation = NPU_RELU));
	ADD(CONV3(units));
	ADD(npu_batch_norm());
	if (stride > 1) {
		int main_way = ret;

		ADD_FROM(npu_conv2d(.units = units, .stride = { stride, stride }), from);
		shortcut = ret;
		ret = main_way;
	}
	ADD_FROM(npu_add(.activation = NPU_RELU), shortcut, ret);
	return ret;
}

static inline int build_residual(struct npu_model *model, struct npu_error *err)
{
	int ret;

	ADD(CONV3(6));
	ADD(npu_batch_norm(.activation = NPU_RELU));
	ret = add_residual(model, ret, 6, 1, err);
	if (ret >= 0)
		ret = add_residual(model, ret, 8, 2, err);
	if (ret < 0)
		return ret;
	ADD(npu_global_average_pool());
	ADD(npu_dense(.units = 4, .activation = NPU_SOFTMAX));
	return ret;
}

/* Depthwise and pointwise convolutions with an inverted bottleneck (Sandler et al. 2018). */
static inline int build_mobile(struct npu_model *model, struct npu_error *err)
{
	int ret, before;

	ADD(CONV3(8, .stride = { 2, 2 }, .no_bias = true));
	ADD(npu_batch_norm(.activation = NPU_HARD_SWISH));
	before = ret;
	ADD(npu_conv2d(.units = 16, .no_bias = true));
	ADD(npu_batch_norm(.activation = NPU_RELU6));
	ADD(CONV3(16, .groups = 16, .no_bias = true));
	ADD(npu_batch_norm(.activation = NPU_RELU6));
	ADD(npu_conv2d(.units = 8, .no_bias = true));
	ADD(npu_batch_norm());
	ADD_FROM(npu_add(), ret, before);
	ADD(npu_global_average_pool());
	ADD(npu_dropout(.rate = .2f));
	ADD(npu_conv2d(.units = 5));
	ADD(npu_flatten());
	ADD(npu_activation(.activation = NPU_SOFTMAX));
	return ret;
}

/* Features at three sizes side by side, then one after another. */
static inline int build_branches(struct npu_model *model, struct npu_error *err)
{
	int ret, a, b;

	ADD_FROM(npu_conv2d(.units = 3, .activation = NPU_SWISH), NPU_MODEL_INPUT);
	a = ret;
	ADD_FROM(CONV3(2, .activation = NPU_ELU, .alpha = .5f), NPU_MODEL_INPUT);
	b = ret;
	ADD_FROM(npu_max_pool(.kernel = { 3, 3 }, .stride = { 1, 1 }, .padding = NPU_SAME),
		 NPU_MODEL_INPUT);
	ADD_FROM(npu_concat(), a, b, ret, NPU_MODEL_INPUT);
	ADD(npu_layer_norm());
	a = ret;
	ADD(npu_activation(.activation = NPU_GELU));
	ADD_FROM(npu_add(), a, ret, a);
	ADD(npu_flatten(.activation = NPU_TANH));
	return ret;
}

/* Half the size and back: what is drawn behind is made of transposed convolutions. */
static inline int build_decoder(struct npu_model *model, struct npu_error *err)
{
	int ret;

	ADD(npu_dense(.units = 24, .activation = NPU_SOFTPLUS));
	ADD(npu_reshape(.dim = { 2, 3, 0 }));
	ADD(npu_conv_transpose2d(.units = 5, .kernel = { 3, 3 }, .stride = { 2, 2 },
				 .padding = NPU_SAME, .activation = NPU_SELU));
	ADD(npu_conv_transpose2d(.units = 1, .kernel = { 1, 1 }, .stride = { 2, 2 },
				 .padding = NPU_SAME, .activation = NPU_HARD_SIGMOID));
	return ret;
}

static inline int build_sequences(struct npu_model *model, struct npu_error *err)
{
	int ret, a;

	ADD(npu_conv1d(.units = 5, .kernel = { 1, 3 }, .padding = NPU_SAME));
	a = ret;
	ADD(npu_lstm(.units = 4, .sequences = true, .bidirectional = true,
		     .activation = NPU_SIGMOID));
	ADD_FROM(npu_concat(), a, ret);
	ADD(npu_layer_norm());
	ADD(npu_gru(.units = 3, .sequences = true, .reset_after = true));
	ADD(npu_rnn(.units = 3, .sequences = true, .backwards = true, .activation = NPU_LEAKY_RELU,
		    .alpha = .1f));
	ADD(npu_max_pool(.kernel = { 1, 2 }));
	ADD(npu_gru(.units = 3, .stateful = true, .activation = NPU_GELU));
	ADD(npu_dense(.units = 2, .init = NPU_INIT_HE_NORMAL));
	return ret;
}

static inline int build_words(struct npu_model *model, struct npu_error *err)
{
	int ret;

	ADD(npu_embedding(.vocabulary = 11, .units = 4, .init = NPU_INIT_CONSTANT,
			  .init_value = .25f));
	ADD(npu_lstm(.units = 6, .bidirectional = true, .name = "words/lstm"));
	ADD(npu_dense(.units = 3, .activation = NPU_SOFTMAX, .frozen = true,
		      .name = "words/output"));
	return ret;
}

/* Shapes of one element, where several axes look alike. */
static inline int build_ones(struct npu_model *model, struct npu_error *err)
{
	int ret, a;

	a = NPU_MODEL_INPUT;
	ADD(npu_conv2d(.units = 1));
	ADD_FROM(npu_concat(.axis = NPU_AXIS_W), a, ret, a);
	ADD_FROM(npu_concat(.axis = NPU_AXIS_H), ret, ret);
	ADD(npu_reshape(.dim = { 1, 6, 1 }));
	ADD(npu_conv2d(.units = 2, .kernel = { 3, 3 }, .padding = NPU_SAME));
	ADD(npu_reshape(.dim = { 6, 1, 2 }));
	ADD(npu_reshape(.dim = { 1, 1, 12 }));
	ADD(npu_batch_norm(.momentum = .9f));
	ADD(npu_activation(.activation = NPU_LINEAR));
	return ret;
}

/* A height of 1 that is made of padding alone. */
static inline int build_padded(struct npu_model *model, struct npu_error *err)
{
	int ret;

	ADD(npu_conv2d(.units = 2, .stride = { 4, 1 }, .padding = NPU_EXPLICIT,
		       .pad = { 1, 0, 2, 0 }));
	return ret;
}

/* Directions beside channels that have none. */
static inline int build_directions(struct npu_model *model, struct npu_error *err)
{
	int ret, a;

	ADD(npu_gru(.units = 3, .sequences = true, .bidirectional = true));
	a = ret;
	ADD(npu_conv1d(.units = 6));
	ADD_FROM(npu_add(), ret, a);
	ADD_FROM(npu_add(), a, ret);
	ADD_FROM(npu_concat(.axis = NPU_AXIS_W), ret, a);
	ADD(npu_rnn(.units = 1, .sequences = true, .bidirectional = true));
	a = ret;
	ADD(npu_conv1d(.units = 2));
	ADD_FROM(npu_add(), a, ret);
	return ret;
}

static const struct network networks[] = {
	{ "residual network", { 8, 8, 3 }, build_residual, 0 },
	{ "mobile network", { 9, 9, 3 }, build_mobile, 0 },
	{ "branches", { 5, 4, 3 }, build_branches, 0 },
	{ "decoder", { 1, 1, 7 }, build_decoder, 0 },
	{ "sequences", { 1, 8, 3 }, build_sequences, 0 },
	{ "words", { 1, 6, 1 }, build_words, 11 },
	{ "shapes of one", { 1, 1, 1 }, build_ones, 0 },
	{ "padding alone", { 1, 4, 3 }, build_padded, 0 },
	{ "directions", { 1, 5, 2 }, build_directions, 0 },
};

#define NETWORKS (sizeof(networks) / sizeof(networks[0]))

#undef ADD
#undef ADD_FROM
#undef CONV3

static inline struct npu_model *make_network(const struct network *n)
{
	struct npu_model *model;
	uint32_t random = 5;
	struct npu_error err;

	if (npu_model_create(&model, n->dim, 42, &err) || n->build(model, &err) < 0)
		fail_msg("%s: %s", n->name, err.message);
	/* Biases and moving averages that do something. */
	for (size_t k = 0; k < npu_model_parameters(model); k++) {
		struct npu_parameter p;

		assert_int_equal(npu_model_parameter(model, k, &p), 0);
		for (size_t j = 0; j < p.count; j++)
			p.value[j] += .3f * next_value(&random);
	}
	return model;
}

#endif
