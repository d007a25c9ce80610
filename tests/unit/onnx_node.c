// SPDX-License-Identifier: MIT
/*
 * ONNX's own conformance cases, those whose form is a chain of layers. A case gives weights as
 * inputs; here they become initializers, as in a model. What cannot be read has to be refused
 * with its reason: these cases are counted as passed for the refusal, and named so.
 */
#include <errno.h>
#include <math.h>

#include "onnx_build.h"

/**
 * struct node_case - a conformance case
 * @name: of its folder
 * @refusal: NULL to be read and computed; else what the message says
 * @then_dense: put a dense layer that changes nothing behind, as a shape alone is no model; its
 *	weights go through the change of order from C, H, W
 * @input: axes of input and output, where they are not N, C, H, W nor in the model's order
 */
struct node_case {
	const char *name;
	const char *refusal;
	bool then_dense;
	const char *input;
};

static const struct node_case cases[] = {
	{ .name = "test_gemm_default_scalar_bias" },
	{ .name = "test_gemm_default_single_elem_vector_bias" },
	{ .name = "test_gemm_transposeB" },
	{ .name = "test_relu" },
	{ .name = "test_leakyrelu" },
	{ .name = "test_leakyrelu_default" },
	{ .name = "test_sigmoid_example" },
	{ .name = "test_tanh_example" },
	{ .name = "test_softmax_axis_2" },
	{ .name = "test_softmax_large_number" },
	{ .name = "test_softmax_negative_axis" },
	{ .name = "test_flatten_axis1", .then_dense = true },
	{ .name = "test_dropout_default", .refusal = "the graph has no layer" },
	{ .name = "test_dropout_random_old", .refusal = "the graph has no layer" },
	{ .name = "test_dropout_default_ratio", .refusal = "the graph has no layer" },
	{ .name = "test_gemm_all_attributes", .refusal = "attribute 'transA' is 1" },
	{ .name = "test_gemm_transposeA", .refusal = "attribute 'transA' is 1" },
	{ .name = "test_gemm_default_matrix_bias", .refusal = "a bias of 12 values for 4 outputs" },
	{ .name = "test_softmax_axis_0", .refusal = "attribute 'axis' is 0 of 3 dimensions" },
	{ .name = "test_flatten_axis0", .refusal = "attribute 'axis' is 0 of 4 dimensions" },
	{ .name = "test_flatten_axis3", .refusal = "attribute 'axis' is 3 of 4 dimensions" },
	{ .name = "test_flatten_negative_axis1",
	  .refusal = "attribute 'axis' is 3 of 4 dimensions" },
	{ .name = "test_flatten_negative_axis2",
	  .refusal = "attribute 'axis' is 2 of 4 dimensions" },
	{ .name = "test_identity_opt", .refusal = "is no tensor with a known shape" },
	{ .name = "test_sub_int8", .refusal = "ONNX type 3; 32-bit floats (1) can be read" },
	{ .name = "test_averagepool_2d_default" },
	{ .name = "test_averagepool_2d_precomputed_strides" },
	{ .name = "test_averagepool_2d_precomputed_same_upper" },
	{ .name = "test_averagepool_2d_pads" },
	{ .name = "test_averagepool_2d_precomputed_pads" },
	{ .name = "test_averagepool_2d_same_lower" },
	{ .name = "test_averagepool_2d_strides" },
	{ .name = "test_basic_conv_with_padding" },
	{ .name = "test_batchnorm_epsilon" },
	{ .name = "test_conv_with_strides_no_padding" },
	{ .name = "test_conv_with_strides_padding" },
	{ .name = "test_convtranspose" },
	{ .name = "test_convtranspose_1d", .input = "NCW" },
	{ .name = "test_convtranspose_autopad_same" },
	{ .name = "test_convtranspose_pads" },
	{ .name = "test_elu" },
	{ .name = "test_globalaveragepool" },
	{ .name = "test_globalmaxpool_precomputed" },
	{ .name = "test_hardswish" },
	{ .name = "test_layer_normalization_2d_axis_negative_1",
	  .refusal = "the graph has 3 outputs" },
	{ .name = "test_layer_normalization_4d_axis_negative_1",
	  .refusal = "the graph has 3 outputs" },
	{ .name = "test_lstm_defaults", .input = "WNC" },
	{ .name = "test_lstm_with_initial_bias", .input = "WNC" },
	{ .name = "test_gru_defaults", .input = "WNC" },
	{ .name = "test_gru_seq_length", .input = "WNC" },
	{ .name = "test_simple_rnn_defaults", .input = "WNC" },
	{ .name = "test_rnn_seq_length", .input = "WNC" },
	{ .name = "test_maxpool_1d_default", .input = "NCW" },
	{ .name = "test_maxpool_2d_ceil" },
	{ .name = "test_maxpool_2d_ceil_output_size_reduce_by_one" },
	{ .name = "test_maxpool_2d_precomputed_pads" },
	{ .name = "test_maxpool_2d_precomputed_strides" },
	{ .name = "test_maxpool_2d_same_lower" },
	{ .name = "test_maxpool_2d_same_upper" },
	{ .name = "test_softplus" },
	{ .name = "test_reduce_mean_do_not_keepdims_example" },
	{ .name = "test_reduce_mean_keepdims_random" },
	{ .name = "test_reduce_max_do_not_keepdims_example" },
	{ .name = "test_reduce_max_keepdims_example" },
	{ .name = "test_convtranspose_output_shape",
	  .refusal = "its 'output_padding' makes an output that is not" },
	{ .name = "test_convtranspose_pad",
	  .refusal = "its 'output_padding' makes an output that is not" },
	{ .name = "test_gelu_default_1" },
	{ .name = "test_gelu_tanh_1", .refusal = "attribute 'approximate' is not 'none'" },
	{ .name = "test_selu_example", .refusal = "'alpha' and 'gamma' are 2 and 3" },
	{ .name = "test_hardsigmoid_example", .refusal = "'alpha' and 'beta' are 0.5 and 0.6" },
	{ .name = "test_batchnorm_example_training_mode", .refusal = "it is in training mode" },
	{ .name = "test_averagepool_2d_dilations" },
	{ .name = "test_clip", .refusal = "its bounds are -1 and 1" },
	{ .name = "test_matmul_3d", .refusal = "weights 'b' have 3 dimensions instead of 2" },
	{ .name = "test_gather_1", .refusal = "at most 1 can be used here" },
	{ .name = "test_constant_pad", .refusal = "only zeros around all dimensions" },
	{ .name = "test_transpose_default", .refusal = "the graph has no layer" },
	{ .name = "test_unsqueeze_axis_1", .refusal = "the graph has no layer" },
	{ .name = "test_layer_normalization_3d_axis_negative_2_epsilon",
	  .refusal = "its axis is -2 of 3 dimensions" },
	{ .name = "test_layer_normalization_default_axis", .refusal = "the graph has 3 outputs" },
	{ .name = "test_add_bcast", .refusal = "the graph has no layer" },
	{ .name = "test_sum_example", .refusal = "input 1 is the constant 'data_1'" },
	{ .name = "test_concat_2d_axis_1", .refusal = "input 1 is the constant 'value1'" },
	{ .name = "test_concat_3d_axis_2", .refusal = "input 1 is the constant 'value1'" },
	{ .name = "test_prelu_example", .refusal = "(PRelu): this operator cannot be read" },
	{ .name = "test_mish", .refusal = "(Mish): this operator cannot be read" },
	{ .name = "test_operator_conv" },
	{ .name = "test_operator_maxpool", .input = "NCW" },
	{ .name = "test_operator_mm" },
	{ .name = "test_operator_selu" },
	{ .name = "test_operator_convtranspose",
	  .refusal = "its 'output_padding' makes an output" },
	{ .name = "test_operator_addconstant", .refusal = "ONNX type 11; 32-bit floats (1)" },
	{ .name = "test_operator_clip", .refusal = "its bounds are -0.5 and 0.5" },
	{ .name = "test_operator_flatten", .refusal = "the graph has no layer" },
	{ .name = "test_operator_pad", .refusal = "only zeros around all dimensions" },
	{ .name = "test_operator_permute2", .refusal = "has 6 dimensions; 1 to 4" },
	{ .name = "test_operator_reduced_mean", .refusal = "over just all of height and width" },
	{ .name = "test_operator_symbolic_override", .refusal = "(InstanceNormalization): this" },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static bool find_file(char path[512], const struct node_case *c, const char *file)
{
	const char *folder = getenv("NPU_DATA");

	snprintf(path, 512, "%s/%s/%s/%s", folder ? folder : "",
		 strstr(c->name, "operator") ? "onnx-pytorch-operator" : "onnx-node", c->name,
		 file);
	return folder && !access(path, R_OK);
}

/* Input or output @i of the case's first data set; the caller frees it. */
static NpuOnnx__Tensor *read_tensor(const struct node_case *c, const char *kind, size_t i)
{
	char path[512], file[64];
	NpuOnnx__Tensor *t;
	uint8_t *bytes;
	size_t size;

	snprintf(file, sizeof(file), "test_data_set_0/%s_%zu.pb", kind, i);
	if (!find_file(path, c, file))
		return NULL;
	bytes = read_bytes(path, &size);
	t = npu_onnx__tensor__unpack(NULL, size, bytes);
	free(bytes);
	assert_non_null(t);
	return t;
}

/* The values of a tensor of floats. */
static float *values_of(const NpuOnnx__Tensor *t, size_t *count)
{
	float *v;

	*count = t->has_raw_data ? t->raw_data.len / sizeof(float) : t->n_float_data;
	v = malloc(*count * sizeof(float));
	assert_non_null(v);
	memcpy(v, t->has_raw_data ? (void *)t->raw_data.data : t->float_data,
	       *count * sizeof(float));
	return v;
}

static bool is_initializer(const NpuOnnx__Graph *g, const char *name)
{
	for (size_t i = 0; i < g->n_initializer; i++)
		if (!strcmp(g->initializer[i]->name, name))
			return true;
	return false;
}

/* All inputs but the first become initializers, unless they are. */
static void fix_weights(NpuOnnx__Graph *g, const struct node_case *c)
{
	size_t inputs = g->n_input;

	g->n_input = 1;
	g->initializer = realloc(g->initializer, (g->n_initializer + inputs) * sizeof(void *));
	assert_non_null(g->initializer);
	for (size_t i = 1; i < inputs; i++) {
		if (!is_initializer(g, g->input[i]->name)) {
			NpuOnnx__Tensor *t = read_tensor(c, "input", i);

			assert_non_null(t);
			free(t->name);
			t->name = strdup(g->input[i]->name);
			g->initializer[g->n_initializer++] = t;
		}
		npu_onnx__value_info__free_unpacked(g->input[i], NULL);
	}
}

static void write_model(NpuOnnx__Model *m)
{
	size_t size = npu_onnx__model__get_packed_size(m);
	uint8_t *bytes = malloc(size);

	assert_non_null(bytes);
	npu_onnx__model__pack(m, bytes);
	write_bytes("f.onnx", bytes, size);
	free(bytes);
}

/* Behind the last node: y = x W with the unit matrix. */
static void write_with_dense(NpuOnnx__Model *m, struct build *b, int64_t features)
{
	NpuOnnx__Graph *g = m->graph;
	float *unit = calloc(features * features, sizeof(float));
	NpuOnnx__Node *node[8];
	NpuOnnx__Tensor *tensor[1];
	char inputs[128];

	assert_non_null(unit);
	for (int64_t i = 0; i < features; i++)
		unit[i * features + i] = 1;
	build_begin(b, 13, 1, (int64_t[]){ 0 });
	memcpy(node, g->node, g->n_node * sizeof(*node));
	snprintf(inputs, sizeof(inputs), "%s unit", g->output[0]->name);
	node[g->n_node] = build_node(b, "MatMul", "dense", inputs);
	tensor[0] = build_tensor(b, "unit", 2, (int64_t[]){ features, features }, unit);
	/* Parts of the builder in the case's message: packed, never freed with it. */
	b->graph = *g;
	b->graph.node = node;
	b->graph.n_node = g->n_node + 1;
	b->graph.initializer = tensor;
	b->graph.n_initializer = 1;
	b->graph.output = b->outputs;
	b->outputs[0] = build_value(b, "dense", 2, (int64_t[]){ 0, features });
	write_model(&b->model);
	while (b->blocks)
		free(b->block[--b->blocks]);
	free(unit);
}

/* Which of the file's dimensions is that axis; -1 for none. */
static int find(const char *axes, char axis)
{
	const char *at = strchr(axes, axis);

	return at ? (int)(at - axes) : -1;
}

/* Values in the order of the model, N, H, W, C. */
static void order_values(const struct node_case *c, float *x, const NpuOnnx__Tensor *t)
{
	const char *axes = c->input ? c->input : t->n_dims == 4 ? "NCHW" : NULL;
	size_t dim[4] = { 1, 1, 1, 1 }, stride[4] = { 0 }, count = 1, to = 0;
	float *copy;

	/* A last state, one direction, [1, N, C], is in order. */
	if (!axes || t->n_dims != strlen(axes) || (*axes == 'W' && t->dims[0] == 1))
		return;
	for (int i = (int)t->n_dims - 1; i >= 0; i--) {
		int k = find("NHWC", axes[i]);

		dim[k] = (size_t)t->dims[i];
		stride[k] = count;
		count *= dim[k];
	}
	copy = malloc(count * sizeof(*copy));
	assert_non_null(copy);
	memcpy(copy, x, count * sizeof(*copy));
	for (size_t n = 0; n < dim[0]; n++)
		for (size_t h = 0; h < dim[1]; h++)
			for (size_t w = 0; w < dim[2]; w++)
				for (size_t k = 0; k < dim[3]; k++)
					x[to++] = copy[n * stride[0] + h * stride[1] +
						       w * stride[2] + k * stride[3]];
	free(copy);
}

static void compute(const struct node_case *c, struct npu_model *model)
{
	NpuOnnx__Tensor *in = read_tensor(c, "input", 0), *out = read_tensor(c, "output", 0);
	size_t inputs, outputs;
	float *x = values_of(in, &inputs), *y = values_of(out, &outputs);
	size_t samples = (size_t)in->dims[c->input ? find(c->input, 'N') : 0];
	float *got = malloc(outputs * sizeof(*got));
	struct npu_error err;

	assert_non_null(got);
	assert_int_equal(npu_model_features(model) * samples, inputs);
	assert_int_equal(npu_model_outputs(model) * samples, outputs);
	order_values(c, x, in);
	order_values(c, y, out);
	if (npu_model_predict(model, x, samples, 1, got, &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; i < outputs; i++)
		if (!(fabsf(got[i] - y[i]) <= 1e-5f + 1e-5f * fabsf(y[i])))
			fail_msg("output %zu is %g instead of %g", i, (double)got[i], (double)y[i]);
	free(x);
	free(y);
	free(got);
	npu_onnx__tensor__free_unpacked(in, NULL);
	npu_onnx__tensor__free_unpacked(out, NULL);
}

static void test_case(void **state)
{
	const struct node_case *c = *state;
	struct npu_model *model;
	NpuOnnx__Model *m;
	struct npu_error err;
	struct build b;
	char path[512];
	uint8_t *bytes;
	size_t size;
	int ret;

	if (!find_file(path, c, "model.onnx")) {
		print_message("NPU_DATA has no %s\n", c->name);
		skip();
	}
	bytes = read_bytes(path, &size);
	m = npu_onnx__model__unpack(NULL, size, bytes);
	free(bytes);
	assert_non_null(m);
	fix_weights(m->graph, c);
	if (c->then_dense)
		write_with_dense(m, &b, 60);
	else
		write_model(m);
	npu_onnx__model__free_unpacked(m, NULL);
	ret = npu_model_load(&model, "f.onnx", &err);
	if (c->refusal) {
		assert_true(ret < 0);
		assert_says(&err, ret, c->refusal);
		return;
	}
	if (ret)
		fail_msg("%s", err.message);
	compute(c, model);
	npu_model_free(model);
}

int main(void)
{
	static struct CMUnitTest tests[CASES];
	static char names[CASES][80];

	for (size_t i = 0; i < CASES; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%s", cases[i].name,
			 cases[i].refusal ? " (refused)" : "");
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = test_case,
			.initial_state = (void *)&cases[i],
		};
	}
	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
