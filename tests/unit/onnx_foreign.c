// SPDX-License-Identifier: MIT
/* ONNX files in the forms that other tools write: what becomes of them, and what is refused. */
#include <errno.h>
#include <math.h>

#include "onnx_build.h"

#define DIM(...) ((const int64_t[]){ __VA_ARGS__ })
#define VALUES(...) ((const float[]){ __VA_ARGS__ })

/* Outputs of the model for one sample, freed with it. */
static void assert_predicts(struct npu_model *model, const float *x, const float *y, size_t outputs)
{
	float got[16];
	struct npu_error err;

	assert_int_equal(npu_model_outputs(model), outputs);
	if (npu_model_predict(model, x, 1, 1, got, &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; i < outputs; i++)
		if (!(fabsf(got[i] - y[i]) < 1e-5f))
			fail_msg("output %zu is %g instead of %g", i, (double)got[i], (double)y[i]);
	npu_model_free(model);
}

/* MatMul and Add are one dense layer, and the Relu behind is its activation. */
static void test_matmul_add(void **state)
{
	struct npu_model *model;
	struct npu_parameter p;
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "w", 2, DIM(2, 3), VALUES(1, 2, 3, 4, 5, 6));
	build_initializer(&b, "b", 1, DIM(3), VALUES(10, 20, -100));
	build_node(&b, "MatMul", "m", "x w");
	build_node(&b, "Add", "s", "b m");
	build_node(&b, "Relu", "y", "s");
	build_end(&b, "y");
	model = load_built();
	assert_int_equal(npu_model_layers(model), 1);
	assert_int_equal(npu_model_layer(model, 0)->activation, NPU_RELU);
	assert_int_equal(npu_model_parameter(model, 0, &p), 0);
	assert_memory_equal(p.value, VALUES(1, 4, 2, 5, 3, 6), 6 * sizeof(float));
	assert_predicts(model, VALUES(1, 1), VALUES(15, 27, 0), 3);
}

static void test_gemm_attributes(void **state)
{
	NpuOnnx__Node *gemm;
	struct build b;

	(void)state;
	for (int transposed = 0; transposed < 2; transposed++) {
		build_begin(&b, 11, 2, DIM(1, 2));
		if (transposed)
			build_initializer(&b, "w", 2, DIM(3, 2), VALUES(1, 4, 2, 5, 3, 6));
		else
			build_initializer(&b, "w", 2, DIM(2, 3), VALUES(1, 2, 3, 4, 5, 6));
		build_initializer(&b, "c", 0, NULL, VALUES(8));
		gemm = build_node(&b, "Gemm", "y", "x w c");
		build_float(&b, gemm, "alpha", 2);
		build_float(&b, gemm, "beta", .5f);
		build_int(&b, gemm, "transB", transposed);
		build_int(&b, gemm, "transA", 0);
		build_end(&b, "y");
		assert_predicts(load_built(), VALUES(1, 1), VALUES(14, 18, 22), 3);
	}
	/* Without a third input, and with one of shape (1, n). */
	build_begin(&b, 11, 2, DIM(1, 1));
	build_initializer(&b, "w", 2, DIM(1, 2), VALUES(1, 2));
	build_node(&b, "Gemm", "h", "x w");
	build_initializer(&b, "v", 2, DIM(2, 2), VALUES(1, 0, 0, 1));
	build_initializer(&b, "c", 2, DIM(1, 2), VALUES(3, 4));
	build_node(&b, "Gemm", "y", "h v c");
	build_end(&b, "y");
	assert_predicts(load_built(), VALUES(1), VALUES(4, 6), 2);
}

/* Constant nodes in all forms, raw data, a copied bias, layer names from the weights' names. */
static void test_constants(void **state)
{
	static const uint8_t raw[] = { 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40 }; /* 1, 2 */
	struct npu_model *model;
	NpuOnnx__Attribute *a;
	NpuOnnx__Tensor *t;
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 1));
	t = build_initializer(&b, "fc1.weight", 2, DIM(2, 1), VALUES(0, 0));
	t->n_float_data = 0;
	t->has_raw_data = true;
	t->raw_data = (ProtobufCBinaryData){ sizeof(raw), (uint8_t *)raw };
	a = build_attribute(&b, build_node(&b, "Constant", "c", ""), "value_floats", 6);
	a->n_floats = 2;
	a->floats = (float[]){ 5, 6 };
	build_node(&b, "Identity", "c2", "c");
	build_int(&b, build_node(&b, "Gemm", "h", "x fc1.weight c2"), "transB", 1);
	a = build_attribute(&b, build_node(&b, "Constant", "w", ""), "value", 4);
	a->t = build_tensor(&b, "", 2, DIM(2, 1), VALUES(1, 1));
	a = build_attribute(&b, build_node(&b, "Constant", "s", ""), "value_float", 1);
	a->has_f = true;
	a->f = .5f;
	build_node(&b, "MatMul", "/fc2/MatMul", "h w");
	build_node(&b, "Sub", "y", "/fc2/MatMul s");
	build_end(&b, "y");
	model = load_built();
	assert_string_equal(npu_model_layer(model, 0)->name, "fc1");
	assert_string_equal(npu_model_layer(model, 1)->name, "/fc2/MatMul");
	assert_predicts(model, VALUES(10), VALUES(15 + 26 - .5f), 1);
}

static void test_nothing_to_do(void **state)
{
	struct npu_model *model;
	NpuOnnx__Node *dropout;
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 1));
	build_node(&b, "Identity", "i", "x");
	build_initializer(&b, "ratio", 0, NULL, VALUES(.5f));
	dropout = build_node(&b, "Dropout", "d", "i ratio");
	build_int(&b, dropout, "seed", 3);
	build_ints(&b, "shape", 2, DIM(-1, 1));
	build_node(&b, "Reshape", "r", "d shape");
	build_float(&b, build_node(&b, "LeakyRelu", "l", "r"), "alpha", 0);
	build_node(&b, "Identity", "y", "l");
	build_end(&b, "y");
	model = load_built();
	assert_int_equal(npu_model_layers(model), 1);
	assert_int_equal(npu_model_layer(model, 0)->activation, NPU_RELU);
	assert_predicts(model, VALUES(-3), VALUES(0), 1);
}

/* (x - mean) / deviation, one value a channel, in front of an image in C, H, W order. */
static void test_channels_first(void **state)
{
	/* C 2, H 2, W 3. Output o of the weights picks one feature in the file's order. */
	float w[12 * 12] = { 0 }, chw[12], hwc[12], expected[12];
	struct npu_model *model;
	uint32_t dim[3];
	struct build b;

	(void)state;
	for (int o = 0; o < 12; o++)
		w[o * 12 + o] = 1;
	for (int c = 0; c < 2; c++)
		for (int p = 0; p < 6; p++) {
			chw[c * 6 + p] = hwc[p * 2 + c] = 10 * c + p;
			expected[c * 6 + p] = (chw[c * 6 + p] - (c ? 10 : 0)) / (c ? 4 : 1);
		}
	for (int reshape = 0; reshape < 2; reshape++) {
		build_begin(&b, 13, 4, DIM(reshape, 2, 2, 3));
		build_initializer(&b, "mean", 4, DIM(1, 2, 1, 1), VALUES(0, 10));
		build_initializer(&b, "deviation", 3, DIM(2, 1, 1), VALUES(1, 4));
		build_initializer(&b, "w", 2, DIM(12, 12), w);
		build_ints(&b, "shape", 2, DIM(1, -1));
		build_node(&b, "Sub", "a", "x mean");
		build_node(&b, "Div", "d", "a deviation");
		if (reshape)
			build_node(&b, "Reshape", "f", "d shape");
		else
			build_node(&b, "Flatten", "f", "d");
		build_node(&b, "MatMul", "y", "f w");
		build_end(&b, "y");
		model = load_built();
		npu_model_dim(model, dim);
		assert_int_equal(dim[0], 2);
		assert_int_equal(dim[1], 3);
		assert_int_equal(dim[2], 2);
		assert_predicts(model, hwc, expected, 12);
	}
}

static void test_preprocessing(void **state)
{
	struct build b;

	(void)state;
	/* ((2 x + 1) - 3) / 4, one value and one a feature. */
	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "two", 0, NULL, VALUES(2));
	build_initializer(&b, "one", 1, DIM(2), VALUES(1, 1));
	build_initializer(&b, "three", 2, DIM(1, 1), VALUES(3));
	build_initializer(&b, "four", 2, DIM(1, 2), VALUES(4, 8));
	build_node(&b, "Mul", "a", "two x");
	build_node(&b, "Add", "b", "a one");
	build_node(&b, "Sub", "c", "b three");
	build_node(&b, "Div", "d", "c four");
	build_node(&b, "Tanh", "y", "d");
	build_end(&b, "y");
	assert_predicts(load_built(), VALUES(3, 5), VALUES(tanhf(1), tanhf(1)), 2);
}

/* Initializers among the inputs, as before IR 4; names that come twice or are missing. */
static void test_old_style(void **state)
{
	struct npu_model *model;
	struct build b;

	(void)state;
	build_begin(&b, 7, 2, DIM(0, 1));
	b.inputs[b.graph.n_input++] = build_value(&b, "w", 2, DIM(1, 1));
	build_initializer(&b, "w", 2, DIM(1, 1), VALUES(3));
	build_node(&b, "MatMul", "h", "x w")->name = build_text(&b, "same");
	build_node(&b, "MatMul", "i", "h w")->name = build_text(&b, "same");
	build_node(&b, "MatMul", "j", "i w")->name = NULL;
	build_int(&b, build_node(&b, "Softmax", "y", "j"), "axis", 1);
	build_end(&b, "y");
	model = load_built();
	assert_int_equal(npu_model_layers(model), 3);
	assert_string_equal(npu_model_layer(model, 0)->name, "same");
	assert_string_not_equal(npu_model_layer(model, 1)->name, "same");
	assert_predicts(model, VALUES(2), VALUES(1), 1);
}

/* ---------------------------------------------------------------- refused */

static void test_refused_nodes(void **state)
{
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Det", "y", "x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP,
		     "f.onnx: node 'y' (Det): this operator cannot be read; Gemm, MatMul");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Relu", "y", "x")->domain = build_text(&b, "com.example");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "node 'y' (Relu): this operator cannot be read");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_int(&b, build_node(&b, "Relu", "y", "x"), "max", 6);
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "node 'y' (Relu): attribute 'max' is not known; known are: none");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_float(&b, build_node(&b, "Softmax", "y", "x"), "axis", 1);
	build_end(&b, "y");
	refuse_built(-EINVAL, "node 'y' (Softmax): attribute 'axis' is not a whole number");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_int(&b, build_node(&b, "Softmax", "y", "x"), "axis", 0);
	build_end(&b, "y");
	refuse_built(
		-EOPNOTSUPP,
		"attribute 'axis' is 0 of 2 dimensions; softmax can run over the channels only");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Relu", "y", "x x");
	build_end(&b, "y");
	refuse_built(-EINVAL, "2 inputs and 1 outputs; 1 to 1 inputs and an output are needed");

	build_begin(&b, 13, 4, DIM(0, 1, 2, 2));
	build_node(&b, "Flatten", "f", "x");
	build_node(&b, "Softmax", "y", "f");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "softmax over a flattened image");

	build_begin(&b, 13, 3, DIM(0, 2, 2));
	build_int(&b, build_node(&b, "Flatten", "y", "x"), "axis", 2);
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "attribute 'axis' is 2 of 3 dimensions; only 1");

	build_begin(&b, 13, 3, DIM(0, 2, 2));
	build_ints(&b, "shape", 3, DIM(0, 2, 3));
	build_node(&b, "Reshape", "y", "x shape");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "its shape does not give the 4 values of a sample other "
				  "dimensions and leave the batch");

	build_begin(&b, 13, 3, DIM(0, 2, 2));
	build_ints(&b, "shape", 2, DIM(2, -1));
	build_node(&b, "Reshape", "y", "x shape");
	build_end(&b, "y");
	refuse_built(
		-EOPNOTSUPP,
		"it mixes samples with other dimensions, which cannot be read; keep the batch");

	build_begin(&b, 13, 4, DIM(0, 2, 2, 3));
	build_ints(&b, "shape", 3, DIM(0, 4, 3));
	build_node(&b, "Relu", "r", "x");
	build_node(&b, "Reshape", "y", "r shape");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "the output 'y' is flattened in another order than H, W, C");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "r", 0, NULL, VALUES(.5f));
	build_ints(&b, "training", 1, DIM(1));
	build_node(&b, "Dropout", "y", "x r training");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP,
		     "it is in training mode, which is random; export the model for inference");
}

static void test_refused_dense(void **state)
{
	static const float w[6] = { 1, 2, 3, 4, 5, 6 };
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "w", 2, DIM(2, 3), w);
	build_int(&b, build_node(&b, "Gemm", "y", "x w"), "transA", 1);
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP,
		     "node 'y' (Gemm): attribute 'transA' is 1, which mixes samples; only 0");

	build_begin(&b, 13, 2, DIM(0, 3));
	build_initializer(&b, "w", 2, DIM(2, 3), w);
	build_node(&b, "MatMul", "y", "x w");
	build_end(&b, "y");
	refuse_built(-EINVAL, "weights 'w' take 2 features and a sample has 3 here");

	build_begin(&b, 13, 3, DIM(0, 3, 2));
	build_initializer(&b, "w", 2, DIM(2, 3), w);
	build_int(&b, build_node(&b, "Gemm", "y", "x w"), "transB", 1);
	build_end(&b, "y");
	refuse_built(-EINVAL, "weights 'w' take 3 features and a sample has 2 here");

	build_begin(&b, 13, 4, DIM(0, 5, 3, 2));
	build_initializer(&b, "w", 2, DIM(1, 3), w);
	build_node(&b, "GlobalMaxPool", "g", "x");
	build_node(&b, "MatMul", "y", "g w");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP,
		     "its input has 4 dimensions instead of 2, (batch, features), and channels do "
		     "not come last; put a Flatten in front");

	build_begin(&b, 13, 2, DIM(0, 6));
	build_initializer(&b, "w", 1, DIM(6), w);
	build_node(&b, "MatMul", "y", "x w");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "weights 'w' have 1 dimensions instead of 2");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "w", 2, DIM(2, 3), w);
	build_initializer(&b, "c", 2, DIM(2, 3), w);
	build_node(&b, "Gemm", "y", "x w c");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "a bias of 6 values for 3 outputs; one value or one an output");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "w", 2, DIM(2, 3), w);
	build_node(&b, "MatMul", "y", "w x");
	build_end(&b, "y");
	refuse_built(
		-EOPNOTSUPP,
		"input 0 is the constant 'w' where the output of a node or the model's input is");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "MatMul", "y", "x x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "input 'x' is not a constant, and only one can be used there");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "c", 1, DIM(3), w);
	build_node(&b, "Relu", "r", "x");
	build_node(&b, "Mul", "y", "r c");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "node 'y' (Mul): its constant of 3 values is not one value, or "
				  "one for each of 2 channels");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "c", 1, DIM(3), w);
	build_node(&b, "Mul", "y", "x c");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "its constant of 3 values does not fit a sample of 2");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_initializer(&b, "c", 1, DIM(2), VALUES(1, 0));
	build_node(&b, "Div", "y", "x c");
	build_end(&b, "y");
	refuse_built(-ERANGE, "preprocessing of feature 1 becomes infinite or not a number; "
			      "correct its constant 0");
}

static void test_refused_tensors(void **state)
{
	static const float w[6] = { 1, 2, 3, 4, 5, 6 };
	static const uint8_t raw[23];
	NpuOnnx__Tensor *t;
	struct build b;

	(void)state;
	build_begin(&b, 13, 2, DIM(0, 2));
	t = build_initializer(&b, "w", 2, DIM(2, 3), w);
	t->data_type = 10;
	build_node(&b, "MatMul", "y", "x w");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "tensor 'w' has ONNX type 10; 32-bit floats (1) can be read: "
				  "export the model in float32");

	build_begin(&b, 13, 2, DIM(0, 2));
	t = build_initializer(&b, "w", 2, DIM(2, 3), w);
	t->dims[1] = 1 << 30;
	build_node(&b, "MatMul", "y", "x w");
	build_end(&b, "y");
	refuse_built(-EINVAL, "tensor 'w' has a dimension of 1073741824; the file is damaged");

	build_begin(&b, 13, 2, DIM(0, 2));
	t = build_initializer(&b, "w", 2, DIM(2, 3), w);
	t->dims[0] = t->dims[1] = INT64_MAX;
	build_node(&b, "MatMul", "y", "x w");
	build_end(&b, "y");
	refuse_built(-EINVAL, "tensor 'w' has a dimension of 9223372036854775807");

	build_begin(&b, 13, 2, DIM(0, 2));
	t = build_initializer(&b, "w", 2, DIM(2, 3), w);
	t->dims[0] = -2;
	build_node(&b, "MatMul", "y", "x w");
	build_end(&b, "y");
	refuse_built(-EINVAL, "tensor 'w' has a dimension of -2");

	build_begin(&b, 13, 2, DIM(0, 2));
	t = build_initializer(&b, "w", 2, DIM(2, 3), w);
	t->has_raw_data = true;
	t->raw_data = (ProtobufCBinaryData){ sizeof(raw), (uint8_t *)raw };
	build_node(&b, "MatMul", "y", "x w");
	build_end(&b, "y");
	refuse_built(-EINVAL, "tensor 'w' should hold 6 values and holds 5");

	build_begin(&b, 13, 2, DIM(0, 2));
	t = build_initializer(&b, "w", 2, DIM(2, 3), w);
	t->has_data_location = true;
	t->data_location = 1;
	build_node(&b, "MatMul", "y", "x w");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "tensor 'w' lies in another file; export the model into one");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_attribute(&b, build_node(&b, "Constant", "c", ""), "value_string", 3);
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "node 'c' (Constant): attribute 'value_string' cannot be read");

	/* Two that copy each other. */
	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Identity", "p", "q");
	build_node(&b, "Identity", "q", "p");
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "y");
	refuse_built(-EINVAL, "node 'p' (Identity): input 0 is 'q', which no node before it makes");

	/* Two that make the same value. */
	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Relu", "y", "x");
	build_node(&b, "Tanh", "y", "x");
	build_end(&b, "y");
	refuse_built(-EINVAL, "two nodes make the value 'y'");
}

static void test_refused_graphs(void **state)
{
	struct build b;

	(void)state;
	build_begin(&b, 5, 2, DIM(0, 2));
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP,
		     "f.onnx: operator set 5; 6 and later can be read: export with opset 13");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "x");
	refuse_built(-EOPNOTSUPP, "the graph has no layer, such as a Gemm or a Relu");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "z");
	refuse_built(-EOPNOTSUPP, "the output 'z' is not what a node makes of the input");

	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Identity", "y", "x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "the graph has no layer, such as a Gemm or a Relu");

	build_begin(&b, 13, 2, DIM(0, 2));
	b.inputs[b.graph.n_input++] = build_value(&b, "x2", 2, DIM(0, 2));
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "two inputs, 'x' and 'x2'; models with one can be read");

	build_begin(&b, 13, 2, DIM(0, 0));
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP,
		     "input 'x': dimension 1 has no fixed size; export the model with one");

	build_begin(&b, 13, 3, DIM(0, 1 << 20, 1 << 20));
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "y");
	refuse_built(-EFBIG, "input 'x' has more than 16777216 values a sample");

	build_begin(&b, 13, 5, DIM(0, 1, 1, 1, 1));
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "input 'x' has 5 dimensions; 1 to 4, batch first, can be read");

	build_begin(&b, 13, 2, DIM(0, 2));
	b.inputs[0]->type->tensor_type->elem_type = 2;
	build_node(&b, "Relu", "y", "x");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "input 'x' has ONNX type 2; 32-bit floats (1) can be read");

	/* A name with a newline and a bell stays one line. */
	build_begin(&b, 13, 2, DIM(0, 2));
	build_node(&b, "Relu", "y", "x")->op_type = build_text(&b, "No\nsuch\a");
	build_end(&b, "y");
	refuse_built(-EOPNOTSUPP, "node 'y' (No?such?): this operator");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matmul_add),     cmocka_unit_test(test_gemm_attributes),
		cmocka_unit_test(test_constants),      cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_channels_first), cmocka_unit_test(test_preprocessing),
		cmocka_unit_test(test_old_style),      cmocka_unit_test(test_refused_nodes),
		cmocka_unit_test(test_refused_dense),  cmocka_unit_test(test_refused_tensors),
		cmocka_unit_test(test_refused_graphs),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
