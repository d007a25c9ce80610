// SPDX-License-Identifier: MIT
/*
 * Every case of nn_case_table.h, and networks beyond single layers, written as ONNX and read back.
 * With NPU_EXPORT=DIR they are left there for onnx-runtime.sh, with a file "names": a line each,
 * the file's name and the case's.
 */
#include "onnx_compare.h"
#include "nn_cases.h"

#define SAMPLES 3

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

#define ADD(...)                                            \
	do {                                                \
		ret = npu_model_add(model, __VA_ARGS__, err); \
		if (ret < 0)                                \
			return ret;                         \
	} while (0)
#define ADD_FROM(layer, ...)                                                                     \
	do {                                                                                     \
		const int from_[] = { __VA_ARGS__ };                                             \
		ret = npu_model_add_from(model, layer, from_, sizeof(from_) / sizeof(from_[0]),  \
					 err);                                                   \
		if (ret < 0)                                                                     \
			return ret;                                                              \
	} while (0)

#define CONV3(n, ...) \
	npu_conv2d(.units = n, .kernel = { 3, 3 }, .padding = NPU_SAME, __VA_ARGS__)

/* A block of a residual network (He et al. 2016), as in resnet8 of MLPerf Tiny. */
static int add_residual(struct npu_model *model, int from, uint32_t units, uint32_t stride,
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

static int build_residual(struct npu_model *model, struct npu_error *err)
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
static int build_mobile(struct npu_model *model, struct npu_error *err)
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
static int build_branches(struct npu_model *model, struct npu_error *err)
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
static int build_decoder(struct npu_model *model, struct npu_error *err)
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

static int build_sequences(struct npu_model *model, struct npu_error *err)
{
	int ret, a;

	ADD(npu_conv1d(.units = 5, .kernel = { 1, 3 }, .padding = NPU_SAME));
	a = ret;
	ADD(npu_lstm(.units = 4, .sequences = true, .bidirectional = true));
	ADD_FROM(npu_concat(), a, ret);
	ADD(npu_layer_norm());
	ADD(npu_gru(.units = 3, .sequences = true, .reset_after = true));
	ADD(npu_rnn(.units = 3, .sequences = true, .backwards = true,
		    .activation = NPU_LEAKY_RELU, .alpha = .1f));
	ADD(npu_max_pool(.kernel = { 1, 2 }));
	ADD(npu_gru(.units = 3, .stateful = true));
	ADD(npu_dense(.units = 2, .init = NPU_INIT_HE_NORMAL));
	return ret;
}

static int build_words(struct npu_model *model, struct npu_error *err)
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
static int build_ones(struct npu_model *model, struct npu_error *err)
{
	int ret, a;

	a = NPU_MODEL_INPUT;
	ADD(npu_conv2d(.units = 1));
	ADD_FROM(NPU_LAYER(.kind = NPU_LAYER_CONCAT, .axis = 1), a, ret, a);
	ADD_FROM(NPU_LAYER(.kind = NPU_LAYER_CONCAT, .axis = 0), ret, ret);
	ADD(npu_reshape(.dim = { 1, 6, 1 }));
	ADD(npu_conv2d(.units = 2, .kernel = { 3, 3 }, .padding = NPU_SAME));
	ADD(npu_reshape(.dim = { 6, 1, 2 }));
	ADD(npu_reshape(.dim = { 1, 1, 12 }));
	ADD(npu_batch_norm(.momentum = .9f));
	ADD(npu_activation(.activation = NPU_LINEAR));
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
};

#define NETWORKS (sizeof(networks) / sizeof(networks[0]))
#define ALL (NN_CASES + NETWORKS)

static const char *name_of(size_t i)
{
	return i < NN_CASES ? nn_cases[i].name : networks[i - NN_CASES].name;
}

static unsigned int numbers_of(size_t i)
{
	if (i >= NN_CASES)
		return networks[i - NN_CASES].numbers;
	return nn_cases[i].options & NN_NUMBERS ? nn_cases[i].layer[0].vocabulary : 0;
}

static struct npu_model *make_model(size_t i)
{
	const struct network *n = &networks[i - NN_CASES];
	struct npu_model *model = NULL;
	uint32_t random = 5;
	struct npu_error err;

	if (i < NN_CASES ? nn_case_model(&nn_cases[i], &model, &err)
			 : npu_model_create(&model, n->dim, 42, &err))
		fail_msg("%s: %s", name_of(i), err.message);
	if (i < NN_CASES)
		return model;
	if (n->build(model, &err) < 0)
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

static void test_round_trip(void **state)
{
	size_t i = (size_t)*state;
	struct npu_model *model = make_model(i), *back;
	float *x = make_inputs(model, SAMPLES, numbers_of(i));

	back = round_trip(name_of(i), model, x, SAMPLES);
	npu_model_free(back);
	npu_model_free(model);
	free(x);
}

static int export(const char *folder)
{
	char path[512], name[32];
	FILE *names;

	snprintf(path, sizeof(path), "%s/names", folder);
	names = fopen(path, "w");
	if (!names)
		return 1;
	for (size_t i = 0; i < ALL; i++) {
		struct npu_model *model = make_model(i);
		float *x = make_inputs(model, SAMPLES, numbers_of(i));

		snprintf(name, sizeof(name), "layers%03zu", i);
		fprintf(names, "%s %s\n", name, name_of(i));
		if (export_model(folder, name, model, x, SAMPLES))
			return 1;
		npu_model_free(model);
		free(x);
	}
	return fclose(names);
}

int main(void)
{
	static struct CMUnitTest tests[ALL];

	if (getenv("NPU_EXPORT"))
		return export(getenv("NPU_EXPORT"));
	for (size_t i = 0; i < ALL; i++)
		tests[i] = (struct CMUnitTest){
			.name = name_of(i),
			.test_func = test_round_trip,
			.initial_state = (void *)i,
		};
	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
