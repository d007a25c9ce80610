// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "import.h"

/**
 * struct known_op - an operator that can be read
 * @name: its op_type
 * @inputs_min: fewest inputs
 * @inputs_max: most
 * @attributes: those that are understood, each between blanks
 * @import: turns a node into a part of the model
 */
struct known_op {
	const char *name;
	size_t inputs_min, inputs_max;
	const char *attributes;
	npu_onnx_import_fn *import;
};

#define SLIDING " auto_pad dilations kernel_shape pads strides "
#define RECURRENT                                                                   \
	" activation_alpha activation_beta activations clip direction hidden_size " \
	"input_forget layout linear_before_reset "

static const struct known_op known_ops[] = {
	{ "Add", 2, 2, "", npu_onnx_import_arithmetic },
	{ "AveragePool", 1, 1, SLIDING "ceil_mode count_include_pad ", npu_onnx_import_pool },
	{ "BatchNormalization", 5, 5, " epsilon momentum spatial training_mode ",
	  npu_onnx_import_batch_norm },
	{ "Clip", 1, 3, " max min ", npu_onnx_import_clip },
	{ "Concat", 1, SIZE_MAX, " axis ", npu_onnx_import_concat },
	{ "ConstantOfShape", 1, 1, " value ", npu_onnx_import_zeros },
	{ "Conv", 2, 3, SLIDING "group ", npu_onnx_import_conv },
	{ "ConvTranspose", 2, 3, SLIDING "group output_padding output_shape ",
	  npu_onnx_import_conv_transpose },
	{ "Div", 2, 2, "", npu_onnx_import_arithmetic },
	{ "Dropout", 1, 3, " ratio seed ", npu_onnx_import_dropout },
	{ "Elu", 1, 1, " alpha ", npu_onnx_import_elu },
	{ "Expand", 2, 2, "", npu_onnx_import_zeros },
	{ "Flatten", 1, 1, " axis ", npu_onnx_import_flatten },
	{ "GRU", 3, 6, RECURRENT, npu_onnx_import_recurrent },
	{ "Gather", 2, 2, " axis ", npu_onnx_import_gather },
	{ "Gelu", 1, 1, " approximate ", npu_onnx_import_gelu },
	{ "Gemm", 2, 3, " alpha beta broadcast transA transB ", npu_onnx_import_gemm },
	{ "GlobalAveragePool", 1, 1, "", npu_onnx_import_global_pool },
	{ "GlobalMaxPool", 1, 1, "", npu_onnx_import_global_pool },
	{ "HardSigmoid", 1, 1, " alpha beta ", npu_onnx_import_hard_sigmoid },
	{ "HardSwish", 1, 1, "", npu_onnx_import_simple_activation },
	{ "Identity", 1, 1, "", npu_onnx_import_identity },
	{ "LSTM", 3, 8, RECURRENT, npu_onnx_import_recurrent },
	{ "LayerNormalization", 2, 3, " axis epsilon stash_type ", npu_onnx_import_layer_norm },
	{ "LeakyRelu", 1, 1, " alpha ", npu_onnx_import_leaky_relu },
	{ "MatMul", 2, 2, "", npu_onnx_import_matmul },
	{ "MaxPool", 1, 1, SLIDING "ceil_mode storage_order ", npu_onnx_import_pool },
	{ "Mul", 2, 2, "", npu_onnx_import_arithmetic },
	{ "Pad", 1, 4, " mode pads value ", npu_onnx_import_pad },
	{ "RNN", 3, 6, RECURRENT, npu_onnx_import_recurrent },
	{ "ReduceMax", 1, 2, " axes keepdims noop_with_empty_axes ", npu_onnx_import_reduce },
	{ "ReduceMean", 1, 2, " axes keepdims noop_with_empty_axes ", npu_onnx_import_reduce },
	{ "Relu", 1, 1, "", npu_onnx_import_simple_activation },
	{ "Reshape", 2, 2, " allowzero ", npu_onnx_import_reshape },
	{ "Selu", 1, 1, " alpha gamma ", npu_onnx_import_selu },
	{ "Shape", 1, 1, " end start ", npu_onnx_import_shape },
	{ "Sigmoid", 1, 1, "", npu_onnx_import_simple_activation },
	{ "Slice", 1, 5, " axes ends starts ", npu_onnx_import_slice },
	{ "Softmax", 1, 1, " axis ", npu_onnx_import_softmax },
	{ "Softplus", 1, 1, "", npu_onnx_import_simple_activation },
	{ "Squeeze", 1, 2, " axes ", npu_onnx_import_squeeze },
	{ "Sub", 2, 2, "", npu_onnx_import_arithmetic },
	{ "Sum", 1, SIZE_MAX, "", npu_onnx_import_sum },
	{ "Tanh", 1, 1, "", npu_onnx_import_simple_activation },
	{ "Transpose", 1, 1, " perm ", npu_onnx_import_transpose },
	{ "Unsqueeze", 1, 2, " axes ", npu_onnx_import_unsqueeze },
};

static const struct known_op *find_op(const NpuOnnx__Node *node)
{
	if (node->domain && *node->domain && strcmp(node->domain, "ai.onnx"))
		return NULL;
	for (size_t i = 0; i < sizeof(known_ops) / sizeof(known_ops[0]); i++)
		if (npu_onnx_is_op(node, known_ops[i].name))
			return &known_ops[i];
	return NULL;
}

static int check_attributes(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    const struct known_op *op)
{
	for (size_t i = 0; i < node->n_attribute; i++) {
		const char *name = npu_onnx_name(node->attribute[i]->name);
		const char *at = strstr(op->attributes, name);

		while (at && (at[-1] != ' ' || at[strlen(name)] != ' '))
			at = strstr(at + 1, name);
		if (!at)
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "attribute '%.32s' is not known; known are:%s", name,
					     *op->attributes ? op->attributes : " none");
	}
	return 0;
}

/* Is it arithmetic of shapes? A Concat may begin with a constant, or join nothing else. */
static bool is_about_sizes(const struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	bool concat = npu_onnx_is_op(node, "Concat"), constants = concat && node->n_input;

	if (npu_onnx_is_op(node, "ConstantOfShape"))
		return false;
	for (size_t i = 0; i < node->n_input && (!i || concat); i++) {
		const struct npu_onnx_value *value = npu_onnx_find_value(im, node->input[i]);

		if (value && value->kind == NPU_ONNX_SHAPE)
			return true;
		constants = constants && value && value->kind == NPU_ONNX_CONSTANT;
	}
	return constants;
}

static int check_counts(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t least,
			size_t most)
{
	bool output = false;

	for (size_t i = 0; i < node->n_output; i++)
		output = output || *node->output[i];
	if (node->n_input >= least && node->n_input <= most && output)
		return 0;
	return npu_onnx_fail(
		im, node, -EINVAL,
		"%zu inputs and %zu outputs; %zu to %zu inputs and an output are needed",
		node->n_input, node->n_output, least, most);
}

static int import_pattern(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  const struct npu_onnx_pattern *p)
{
	switch (p->kind) {
	case NPU_LAYER_EMBEDDING:
		return npu_onnx_add_embedding(im, node, p->input, p->weight);
	case NPU_LAYER_LAYER_NORM:
		return npu_onnx_add_layer_norm(im, node, p);
	default:
		return npu_onnx_add_activation(im, node, p->input, p->activation, 0);
	}
}

int npu_onnx_import_node(struct npu_onnx_import *im, size_t i)
{
	const NpuOnnx__Node *node = im->graph->node[i];
	const struct known_op *op = find_op(node);
	bool done;
	int ret;

	if (im->pattern[i].absorbed || npu_onnx_is_op(node, "Constant"))
		return 0;
	if (im->pattern[i].kind)
		return import_pattern(im, node, &im->pattern[i]);
	ret = npu_onnx_fold(im, node, &done);
	if (ret || done)
		return ret;
	if (is_about_sizes(im, node)) {
		bool two = npu_onnx_is_op(node, "Gather") || npu_onnx_is_op(node, "Reshape");

		ret = check_counts(im, node, npu_onnx_is_op(node, "Slice") ? 3 : 1 + two, SIZE_MAX);
		return ret ? ret : npu_onnx_import_sizes(im, node);
	}
	if (!op)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "this operator cannot be read; Gemm, MatMul, Conv, pooling, "
				     "normalisation, RNN, LSTM, GRU, Add, Concat, Gather, "
				     "activations and what changes shapes can");
	ret = check_counts(im, node, op->inputs_min, op->inputs_max);
	if (!ret)
		ret = check_attributes(im, node, op);
	return ret ? ret : op->import(im, node);
}
