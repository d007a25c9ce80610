// SPDX-License-Identifier: MIT
/* Graphs of others beyond chains: what becomes of them, and what is refused with which sentence. */
#include <errno.h>
#include <math.h>

#include "onnx_build.h"

#define DIM(...) ((const int64_t[]){ __VA_ARGS__ })
#define VALUES(...) ((const float[]){ __VA_ARGS__ })

/* Outputs of the model for one sample, freed with it. */
static void assert_predicts(struct npu_model *model, const float *x, const float *y, size_t outputs)
{
	float got[32];
	struct npu_error err;

	assert_int_equal(npu_model_outputs(model), outputs);
	if (npu_model_predict(model, x, 1, 1, got, &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; i < outputs; i++)
		if (!(fabsf(got[i] - y[i]) < 1e-5f))
			fail_msg("output %zu is %g instead of %g", i, (double)got[i], (double)y[i]);
	npu_model_free(model);
}

static void assert_kinds(const struct npu_model *model, size_t count,
			 const enum npu_layer_kind *kind)
{
	assert_int_equal(npu_model_layers(model), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(npu_model_layer(model, i)->kind, kind[i]);
}

#define KINDS(...) ((const enum npu_layer_kind[]){ __VA_ARGS__ })

/* x + relu(x W), where a Relu that nobody reads is left out. */
static void test_residual(void **state)
{
	struct npu_model *model;
	const int *input;
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "w", 2, DIM(2, 2), VALUES(1, 2, 3, 4));
	build_node(&b, "MatMul", "m", "x w");
	build_node(&b, "Relu", "unused", "m");
	build_node(&b, "Relu", "r", "m");
	build_node(&b, "Sum", "y", "x r x");
	build_end(&b, "y");
	model = load_built();
	/* The product has two readers: its activation is a layer of its own. */
	assert_kinds(model, 3, KINDS(NPU_LAYER_DENSE, NPU_LAYER_ACTIVATION, NPU_LAYER_ADD));
	assert_int_equal(npu_model_layer_inputs(model, 2, &input), 3);
	assert_int_equal(input[0], NPU_MODEL_INPUT);
	assert_int_equal(input[1], 1);
	assert_int_equal(input[2], NPU_MODEL_INPUT);
	assert_predicts(model, VALUES(1, -1), VALUES(2, -2), 2);
}

/* x * sigmoid(x) and the like are one activation, of the layer before where it alone is read. */
static void test_gated(void **state)
{
	static const enum npu_activation wanted[] = { NPU_SWISH, NPU_HARD_SWISH };
	static const char *const op[] = { "Sigmoid", "HardSigmoid" };
	struct npu_model *model;
	NpuOnnx__Node *gate;
	struct build b;

	(void)state;
	for (int i = 0; i < 2; i++)
		for (int reversed = 0; reversed < 2; reversed++) {
			build_begin(&b, 13, 2, DIM(0, 1));
			build_initializer(&b, "w", 2, DIM(1, 1), VALUES(1));
			build_node(&b, "MatMul", "m", "x w");
			gate = build_node(&b, op[i], "g", "m");
			if (i) {
				build_float(&b, gate, "alpha", 1.0f / 6);
				build_float(&b, gate, "beta", .5f);
			}
			build_node(&b, "Mul", "y", reversed ? "g m" : "m g");
			build_end(&b, "y");
			model = load_built();
			assert_int_equal(npu_model_layers(model), 1);
			assert_int_equal(npu_model_layer(model, 0)->activation, wanted[i]);
			assert_predicts(model, VALUES(1), VALUES(i ? 4.0f / 6 : 1 / (1 + expf(-1))),
					1);
		}
}

/* Each a node, "op output inputs", up to a NULL. */
static void build_gelu(struct build *b, const char *const (*node)[3])
{
	build_begin(b, 13, 2, DIM(0, 1));
	build_initializer(b, "root", 0, NULL, VALUES((float)M_SQRT2));
	build_initializer(b, "inverse", 0, NULL, VALUES((float)M_SQRT1_2));
	build_initializer(b, "one", 0, NULL, VALUES(1));
	build_initializer(b, "half", 0, NULL, VALUES(.5f));
	build_initializer(b, "two", 1, DIM(1), VALUES(2));
	for (; (*node)[0]; node++)
		build_node(b, (*node)[0], (*node)[1], (*node)[2]);
	build_end(b, "y");
}

/* The orders in which exporters write gelu. */
static void test_gelu(void **state)
{
	static const char *const form[][7][3] = {
		{ { "Div", "d", "x root" },
		  { "Erf", "e", "d" },
		  { "Add", "p", "e one" },
		  { "Mul", "t", "x p" },
		  { "Mul", "y", "t half" } },
		{ { "Mul", "d", "inverse x" },
		  { "Erf", "e", "d" },
		  { "Add", "p", "one e" },
		  { "Mul", "t", "p x" },
		  { "Div", "y", "t two" } },
		{ { "Mul", "h", "half x" },
		  { "Mul", "d", "x inverse" },
		  { "Erf", "e", "d" },
		  { "Add", "p", "e one" },
		  { "Mul", "y", "h p" } },
		{ { "Div", "d", "x root" },
		  { "Erf", "e", "d" },
		  { "Add", "p", "e one" },
		  { "Mul", "t", "half p" },
		  { "Mul", "y", "x t" } },
		{ { "Gelu", "y", "x" } },
	};
	struct npu_model *model;
	struct build b;

	(void)state;
	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		build_gelu(&b, form[i]);
		model = load_built();
		assert_int_equal(npu_model_layers(model), 1);
		assert_int_equal(npu_model_layer(model, 0)->activation, NPU_GELU);
		assert_predicts(model, VALUES(1), VALUES(.5f * (1 + erff((float)M_SQRT1_2))), 1);
	}
	/* Nearly the same, but another sum: no gelu, and Erf alone is nothing. */
	build_gelu(&b, (const char *const[][3]){ { "Div", "d", "x root" },
						 { "Erf", "e", "d" },
						 { "Add", "p", "e half" },
						 { "Mul", "t", "x p" },
						 { "Mul", "y", "t half" },
						 { NULL } });
	refuse_built(-EOPNOTSUPP, "node 'e' (Erf): this operator cannot be read");
}

/* Layer normalisation as PyTorch wrote it before opset 17, with a power in place of a product. */
static void test_layer_norm(void **state)
{
	struct npu_model *model;
	NpuOnnx__Node *mean;
	struct build b;

	(void)state;
	for (int power = 0; power < 2; power++) {
		build_begin(&b, 13, 3, DIM(0, 2, 2));
		build_initializer(&b, "two", 0, NULL, VALUES(2));
		build_initializer(&b, "epsilon", 0, NULL, VALUES(1));
		build_initializer(&b, "scale", 1, DIM(2), VALUES(1, 2));
		build_initializer(&b, "shift", 1, DIM(2), VALUES(0, 1));
		mean = build_node(&b, "ReduceMean", "m", "x");
		build_list(&b, mean, "axes", 1, DIM(-1));
		build_node(&b, "Sub", "d", "x m");
		build_node(&b, power ? "Pow" : "Mul", "q", power ? "d two" : "d d");
		mean = build_node(&b, "ReduceMean", "v", "q");
		build_list(&b, mean, "axes", 1, DIM(-1));
		build_node(&b, "Add", "w", "v epsilon");
		build_node(&b, "Sqrt", "s", "w");
		build_node(&b, "Div", "n", "d s");
		build_node(&b, "Mul", "t", "n scale");
		build_node(&b, "Add", "y", "t shift");
		build_end(&b, "y");
		model = load_built();
		assert_kinds(model, 1, KINDS(NPU_LAYER_LAYER_NORM));
		assert_true(npu_model_layer(model, 0)->epsilon == 1);
		assert_predicts(model, VALUES(0, 2, 5, 5), VALUES(-sqrtf(.5f), 1 + sqrtf(2), 0, 1),
				4);
	}
}

/* Padding of its own node, by auto_pad, by ceil_mode: all in the layer. */
static void test_padding(void **state)
{
	struct npu_model *model;
	const struct npu_layer *l;
	NpuOnnx__Node *node;
	struct build b;

	(void)state;
	build_begin(&b, 13, 4, DIM(0, 1, 1, 3));
	build_ints(&b, "pads", 8, DIM(0, 0, 0, 1, 0, 0, 1, 0));
	build_initializer(&b, "w", 4, DIM(1, 1, 2, 2), VALUES(1, 10, 100, 1000));
	build_initializer(&b, "c", 4, DIM(1, 1, 1, 1), VALUES(.5f));
	build_node(&b, "Pad", "p", "x pads");
	build_node(&b, "Conv", "v", "p w");
	build_node(&b, "Add", "y", "v c");
	build_end(&b, "y");
	model = load_built();
	l = npu_model_layer(model, 0);
	assert_int_equal(l->padding, NPU_EXPLICIT);
	assert_memory_equal(l->pad, ((const uint32_t[]){ 0, 1, 1, 0 }), sizeof(l->pad));
	assert_predicts(model, VALUES(1, 2, 3), VALUES(10.5f, 21.5f, 32.5f), 3);

	build_begin(&b, 13, 3, DIM(0, 1, 4));
	node = build_node(&b, "MaxPool", "m", "x");
	build_list(&b, node, "kernel_shape", 1, DIM(2));
	build_list(&b, node, "strides", 1, DIM(3));
	build_int(&b, node, "ceil_mode", 1);
	node = build_node(&b, "AveragePool", "y", "m");
	build_list(&b, node, "kernel_shape", 1, DIM(2));
	build_string(&b, node, "auto_pad", "SAME_LOWER");
	build_end(&b, "y");
	model = load_built();
	assert_memory_equal(npu_model_layer(model, 0)->pad, ((const uint32_t[]){ 0, 0, 0, 1 }), 16);
	assert_memory_equal(npu_model_layer(model, 1)->pad, ((const uint32_t[]){ 0, 1, 0, 0 }), 16);
	assert_predicts(model, VALUES(1, 2, 9, 4), VALUES(2, 3), 2);
}

/* NHWC as tf2onnx writes it: a Transpose in front and behind, rows flattened in that order. */
static void test_channels_last(void **state)
{
	struct npu_model *model;
	uint32_t dim[3];
	struct build b;

	(void)state;
	build_begin(&b, 11, 4, DIM(0, 2, 1, 3));
	build_list(&b, build_node(&b, "Transpose", "t", "x"), "perm", 4, DIM(0, 3, 1, 2));
	build_initializer(&b, "w", 4, DIM(2, 3, 1, 1), VALUES(1, 0, 0, 0, 1, 1));
	build_node(&b, "Conv", "c", "t w");
	build_list(&b, build_node(&b, "Transpose", "u", "c"), "perm", 4, DIM(0, 2, 3, 1));
	build_ints(&b, "shape", 2, DIM(-1, 4));
	build_node(&b, "Reshape", "f", "u shape");
	build_initializer(&b, "v", 2, DIM(4, 1), VALUES(1, 10, 100, 1000));
	build_node(&b, "MatMul", "y", "f v");
	build_end(&b, "y");
	model = load_built();
	npu_model_dim(model, dim);
	assert_memory_equal(dim, ((const uint32_t[]){ 2, 1, 3 }), sizeof(dim));
	assert_kinds(model, 2, KINDS(NPU_LAYER_CONV, NPU_LAYER_DENSE));
	assert_predicts(model, VALUES(1, 2, 3, 4, 5, 6), VALUES(1 + 50 + 400 + 11000), 1);
}

/* Constants that are reshaped and transposed on the way; steps as rows of a product. */
static void test_folded_constants(void **state)
{
	struct npu_model *model;
	struct build b;

	(void)state;
	build_begin(&b, 13, 3, DIM(0, 2, 2));
	build_initializer(&b, "w", 1, DIM(6), VALUES(1, 2, 3, 4, 5, 6));
	build_ints(&b, "shape", 2, DIM(3, -1));
	build_node(&b, "Reshape", "r", "w shape");
	build_node(&b, "Transpose", "t", "r");
	build_node(&b, "Identity", "i", "t");
	build_node(&b, "MatMul", "y", "x i");
	build_end(&b, "y");
	model = load_built();
	assert_kinds(model, 1, KINDS(NPU_LAYER_CONV));
	assert_predicts(model, VALUES(1, 1, 0, 1), VALUES(3, 7, 11, 2, 4, 6), 6);
}

/* Factors and summands for channels, in the middle and where others read the value without. */
static void test_scale(void **state)
{
	struct npu_model *model;
	struct build b;

	(void)state;
	build_begin(&b, 13, 4, DIM(0, 2, 1, 2));
	build_initializer(&b, "c", 3, DIM(2, 1, 1), VALUES(2, 4));
	build_initializer(&b, "half", 0, NULL, VALUES(.5f));
	build_node(&b, "Relu", "r", "x");
	build_node(&b, "Mul", "m", "c r");
	build_node(&b, "Sub", "s", "m c");
	build_node(&b, "Div", "d", "r half");
	build_node(&b, "Add", "y", "s d");
	build_end(&b, "y");
	model = load_built();
	/* The Sub is the bias of the layer that the Mul is. */
	assert_kinds(model, 4,
		     KINDS(NPU_LAYER_ACTIVATION, NPU_LAYER_CONV, NPU_LAYER_CONV, NPU_LAYER_ADD));
	assert_predicts(model, VALUES(1, 2, -1, 3), VALUES(2, 8, -2, 14), 4);

	/* x - c beside x is no preprocessing. */
	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "c", 0, NULL, VALUES(1));
	build_node(&b, "Sub", "s", "x c");
	build_node(&b, "Add", "y", "s x");
	build_end(&b, "y");
	model = load_built();
	assert_null(npu_model_scaler(model));
	assert_predicts(model, VALUES(3, 4), VALUES(5, 7), 2);
}

/* Vectors by number, from whole numbers. */
static void test_words(void **state)
{
	struct npu_model *model;
	uint32_t dim[3];
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 3));
	b.inputs[0]->type->tensor_type->elem_type = 7;
	build_initializer(&b, "w", 2, DIM(3, 2), VALUES(1, 2, 3, 4, 5, 6));
	build_node(&b, "Gather", "y", "w x");
	build_end(&b, "y");
	model = load_built();
	npu_model_dim(model, dim);
	assert_memory_equal(dim, ((const uint32_t[]){ 1, 3, 1 }), sizeof(dim));
	assert_predicts(model, VALUES(2, 0, 2), VALUES(5, 6, 1, 2, 5, 6), 6);
}

/* Names that layers get when the file has none are not those that later nodes have. */
static void test_names(void **state)
{
	struct npu_model *model;
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 1));
	build_node(&b, "Relu", "r", "x")->name = NULL;
	build_node(&b, "Tanh", "y", "r")->name = build_text(&b, "activation1");
	build_end(&b, "y");
	model = load_built();
	assert_int_equal(npu_model_layers(model), 2);
	assert_string_not_equal(npu_model_layer(model, 0)->name, npu_model_layer(model, 1)->name);
	npu_model_free(model);
}

static void begin_lstm(struct build *b, const char *inputs)
{
	static const float zeros[8];

	build_begin(b, 13, 3, DIM(3, 0, 2));
	build_initializer(b, "w", 3, DIM(1, 4, 2), zeros);
	build_initializer(b, "r", 3, DIM(1, 4, 1), zeros);
	build_initializer(b, "b", 2, DIM(1, 8), zeros);
	build_initializer(b, "h", 3, DIM(1, 1, 1), VALUES(1));
	build_node(b, "LSTM", "y", inputs)->name = build_text(b, "lstm");
}

static void test_refused_recurrent(void **state)
{
	struct build b;

	(void)state;
	begin_lstm(&b, "x w r b lengths");
	build_initializer(&b, "lengths", 1, DIM(1), VALUES(1));
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "node 'lstm' (LSTM): input 4, 'sequence_lens', cannot be read");

	begin_lstm(&b, "x w r b h");
	b.nodes[0]->input[4] = build_text(&b, "");
	b.nodes[0]->input[5] = build_text(&b, "h");
	b.nodes[0]->n_input = 6;
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "input 5 is not zero; only states and weights of zero");

	begin_lstm(&b, "x w r b");
	b.nodes[0]->output = build_take(&b, 2 * sizeof(char *));
	b.nodes[0]->output[0] = build_text(&b, "all");
	b.nodes[0]->output[1] = build_text(&b, "last");
	b.nodes[0]->n_output = 2;
	build_node(&b, "Add", "y", "all last");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "more than one of its outputs is used");

	begin_lstm(&b, "x w w b");
	build_end(&b, "y");
	refuse_built(-EINVAL, "shapes of W, R, B, 'hidden_size' and an input of 2 do not fit");

	begin_lstm(&b, "x w r b");
	build_string(&b, b.nodes[0], "direction", "sideways");
	build_end(&b, "y");
	refuse_built(-EINVAL, "'direction' is not forward, reverse or bidirectional");

	begin_lstm(&b, "x w r b");
	build_int(&b, b.nodes[0], "layout", 1);
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "'layout', 'input_forget' and 'clip' cannot be read");
}

static void begin_conv(struct build *b, NpuOnnx__Node **conv)
{
	static const float zeros[18];

	build_begin(b, 13, 4, DIM(0, 2, 4, 4));
	build_initializer(b, "w", 4, DIM(1, 2, 3, 3), zeros);
	*conv = build_node(b, "Conv", "y", "x w");
}

static void test_refused_convolution(void **state)
{
	NpuOnnx__Node *conv;
	struct build b;

	(void)state;
	begin_conv(&b, &conv);
	build_int(&b, conv, "group", 2);
	build_end(&b, "y");
	refuse_built(
		-EINVAL,
		"node 'y' (Conv): weights 'w' are for 2 channels in 2 groups, to 1; there are 2");

	begin_conv(&b, &conv);
	build_list(&b, conv, "dilations", 2, DIM(2, 1));
	build_end(&b, "y");
	refuse_built(-EINVAL, "a kernel of 3 reaching over 5 does not fit 4 and its padding");

	begin_conv(&b, &conv);
	build_list(&b, conv, "pads", 4, DIM(0, -1, 0, 0));
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "attribute 'pads' has -1; it can be 0 to 16777216");

	begin_conv(&b, &conv);
	build_list(&b, conv, "pads", 4, DIM(1 << 24, 1 << 24, 1 << 24, 1 << 24));
	build_end(&b, "y");
	refuse_built(-EFBIG, "its output is 33554434 x 33554434 x 1; every dimension can be 1 to");

	begin_conv(&b, &conv);
	build_list(&b, conv, "strides", 1, DIM(1));
	build_end(&b, "y");
	refuse_built(-EINVAL, "attribute 'strides' has 1 whole numbers instead of 2");

	begin_conv(&b, &conv);
	build_list(&b, conv, "kernel_shape", 2, DIM(3, 2));
	build_end(&b, "y");
	refuse_built(-EINVAL, "attribute 'kernel_shape' says 2 where weights 'w' have 3");

	begin_conv(&b, &conv);
	conv = build_node(&b, "AveragePool", "z", "y");
	build_list(&b, conv, "kernel_shape", 2, DIM(2, 2));
	build_list(&b, conv, "pads", 4, DIM(1, 1, 1, 1));
	build_int(&b, conv, "count_include_pad", 1);
	build_end(&b, "z");
	refuse_built(-EOPNOTSUPP, "'count_include_pad' is 1; zeros of padding do not count");
}

static void test_refused_graphs(void **state)
{
	struct build b;

	(void)state;
	/* Preprocessing would reach the second reader, too. */
	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "c", 0, NULL, VALUES(1));
	build_node(&b, "Identity", "i", "x");
	build_node(&b, "Identity", "j", "x");
	build_node(&b, "Sub", "s", "i c");
	build_node(&b, "Add", "y", "s j");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP,
		     "input 1, 'j', was changed by a node that others do not go through");

	build_begin(&b, 13, 3, DIM(0, 2, 3));
	build_list(&b, build_node(&b, "Transpose", "t", "x"), "perm", 3, DIM(0, 2, 1));
	build_node(&b, "Add", "y", "x t");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "inputs 0 and 1 differ in shape");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_int(&b, build_node(&b, "Concat", "y", "x x"), "axis", 0);
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "attribute 'axis' is 0 of 2 dimensions; inputs can be joined");

	build_begin(&b, 13, 4, DIM(0, 2, 3, 1));
	build_node(&b, "Flatten", "f", "x");
	build_int(&b, build_node(&b, "Concat", "y", "f f"), "axis", 1);
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "attribute 'axis' is 1 of 2 dimensions; inputs can be joined");

	build_begin(&b, 13, 4, DIM(0, 2, 3, 1));
	build_list(&b, build_node(&b, "ReduceMean", "y", "x"), "axes", 1, DIM(1));
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "it does not run over just all of height and width");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_list(&b, build_node(&b, "Transpose", "y", "x"), "perm", 2, DIM(0, 0));
	build_end(&b, "y");
	refuse_built(-EINVAL, "attribute 'perm' is no order of 2 dimensions");
}

/* A constant of more values than the file has, whose other shape overflows to one of none. */
static void test_overflowing_shape(void **state)
{
	NpuOnnx__Tensor *t;
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 2));
	t = build_initializer(&b, "w", 1, DIM(1), VALUES(1));
	t->dims[0] = INT64_MAX;
	build_ints(&b, "shape", 4, DIM(INT64_C(1) << 31, INT64_C(1) << 31, 4, -1));
	build_node(&b, "Reshape", "r", "w shape");
	build_node(&b, "MatMul", "y", "x r");
	build_end(&b, "y");
	refuse_built(-EINVAL, "tensor 'w' has a dimension of 9223372036854775807");
}

/* A constant used thousands of times does not take thousands of times its memory. */
static void test_amplification(void **state)
{
	static float w[900 * 900];
	char name[16], inputs[32];
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 900));
	build_initializer(&b, "w", 2, DIM(900, 900), w);
	for (int i = 0; i < 28; i++) {
		snprintf(name, sizeof(name), "v%d", i);
		snprintf(inputs, sizeof(inputs), i ? "v%d w" : "x w", i - 1);
		build_node(&b, "MatMul", name, inputs);
	}
	build_end(&b, "v27");
	refuse_built(-EFBIG, "more than the file holds");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_residual),
		cmocka_unit_test(test_gated),
		cmocka_unit_test(test_gelu),
		cmocka_unit_test(test_layer_norm),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_channels_last),
		cmocka_unit_test(test_folded_constants),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused_recurrent),
		cmocka_unit_test(test_refused_convolution),
		cmocka_unit_test(test_refused_graphs),
		cmocka_unit_test(test_overflowing_shape),
		cmocka_unit_test(test_amplification),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
