// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
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
	int (*import)(struct npu_onnx_import *im, const NpuOnnx__Node *node);
};

static const NpuOnnx__Attribute *find_attribute(const NpuOnnx__Node *node, const char *name)
{
	for (size_t i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->name && !strcmp(node->attribute[i]->name, name))
			return node->attribute[i];
	return NULL;
}

static int get_int(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		   int64_t *value)
{
	const NpuOnnx__Attribute *a = find_attribute(node, name);

	if (!a)
		return 0;
	if (a->has_type ? a->type != NPU_ONNX_ATTRIBUTE_INT : !a->has_i)
		return npu_onnx_fail(im, node, -EINVAL, "attribute '%s' is not a whole number",
				     name);
	/* Some writers leave a zero out. */
	*value = a->i;
	return 0;
}

static int get_float(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		     float *value)
{
	const NpuOnnx__Attribute *a = find_attribute(node, name);

	if (!a)
		return 0;
	if (a->has_type ? a->type != NPU_ONNX_ATTRIBUTE_FLOAT : !a->has_f)
		return npu_onnx_fail(im, node, -EINVAL, "attribute '%s' is not a float", name);
	*value = a->f;
	return 0;
}

static bool has_input(const NpuOnnx__Node *node, size_t i)
{
	return i < node->n_input && *node->input[i];
}

/* That input @i is the output of the node before. */
static int check_flow(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i)
{
	if (!strcmp(node->input[i], im->current))
		return 0;
	if (npu_onnx_find_constant(im, node->input[i]))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "input %zu is the constant '%.48s' where the output of the "
				     "node before, '%.48s', is wanted",
				     i, node->input[i], im->current);
	return npu_onnx_fail(im, node, -EOPNOTSUPP,
			     "input %zu is '%.48s' and not '%.48s', the output of the node before; "
			     "only chains of layers can be read, no branches",
			     i, npu_onnx_name(node->input[i]), im->current);
}

static struct npu_onnx_layer *last_layer(const struct npu_onnx_import *im)
{
	return im->layers ? &im->layer[im->layers - 1] : NULL;
}

/* Becomes flat: C, H, W and H, W, C are one list from here on. */
static void flatten_flow(struct npu_onnx_import *im)
{
	im->rank = 2;
	im->dim[0] = im->features;
}

/* ------------------------------------------------------------------ dense */

/* Weights of the file, in [out][in], with columns in the model's order. */
static float *arrange_weights(const struct npu_onnx_import *im, const float *w, size_t in,
			      size_t out, bool transposed)
{
	size_t c = im->channels_first ? im->model_dim[2] : 1;
	size_t pixels = in / c;
	float *to = calloc(in, out * sizeof(*to));

	if (!to)
		return NULL;
	for (size_t o = 0; o < out; o++)
		for (size_t k = 0; k < c; k++)
			for (size_t p = 0; p < pixels; p++) {
				size_t i = k * pixels + p;

				to[o * in + p * c + k] = transposed ? w[o * in + i]
								    : w[i * out + o];
			}
	return to;
}

static void name_layer(struct npu_onnx_layer *layer, const NpuOnnx__Node *node, const char *weight)
{
	size_t length = weight ? strlen(weight) : 0, suffix = strlen(NPU_ONNX_WEIGHT);

	/* "fc1.weight" is what npu_model_save() and PyTorch call the weights of "fc1". */
	if (length > suffix && !strcmp(weight + length - suffix, NPU_ONNX_WEIGHT))
		layer->owned_name = strndup(weight, length - suffix);
	layer->name = layer->owned_name ? layer->owned_name : node->name;
}

/* A dense layer with the weights @w, of shape [out][in] if @transposed. Input 1 of @node. */
static int add_dense(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     const struct npu_onnx_array *w, bool transposed)
{
	struct npu_onnx_layer *layer = &im->layer[im->layers];
	size_t in, out;

	if (w->rank != 2)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "weights '%.48s' have %zu dimensions instead of 2",
				     node->input[1], w->rank);
	in = w->dim[transposed];
	out = w->dim[!transposed];
	if (im->rank != 2)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its input has %zu dimensions instead of 2, (batch, "
				     "features); put a Flatten in front",
				     im->rank);
	if (in != im->features)
		return npu_onnx_fail(im, node, -EINVAL,
				     "weights '%.48s' take %zu features and a sample has %zu here",
				     node->input[1], in, im->features);
	if (out > NPU_ONNX_MAX_FEATURES)
		return npu_onnx_fail(im, node, -EFBIG, "%zu outputs; at most %u can be read", out,
				     NPU_ONNX_MAX_FEATURES);
	*layer = (struct npu_onnx_layer){ .kind = NPU_LAYER_DENSE, .in = in, .out = out };
	layer->weight = arrange_weights(im, w->value, in, out, transposed);
	if (!layer->weight)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu weights", in * out);
	im->layers++;
	name_layer(layer, node, node->input[1]);
	im->features = im->dim[0] = out;
	im->model_dim[0] = im->model_dim[1] = 1;
	im->model_dim[2] = out;
	im->channels_first = false;
	return 0;
}

/* Set the bias of the last layer to @sign * @operand; one value, one an output. */
static int set_bias(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		    const struct npu_onnx_array *operand, float sign)
{
	struct npu_onnx_layer *layer = last_layer(im);
	size_t n = operand->count;

	if ((n != 1 && n != layer->out) || operand->rank > 2 ||
	    (operand->rank && operand->dim[operand->rank - 1] != n))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "a bias of %zu values for %zu outputs; one value or one an "
				     "output can be read",
				     n, layer->out);
	layer->bias = calloc(layer->out, sizeof(*layer->bias));
	if (!layer->bias)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu biases", layer->out);
	for (size_t o = 0; o < layer->out; o++)
		layer->bias[o] = sign * operand->value[n == 1 ? 0 : o];
	return 0;
}

static int import_gemm(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t trans_a = 0, trans_b = 0;
	float alpha = 1, beta = 1;
	struct npu_onnx_array array;
	int ret = check_flow(im, node, 0);

	if (!ret)
		ret = get_int(im, node, "transA", &trans_a);
	if (!ret)
		ret = get_int(im, node, "transB", &trans_b);
	if (!ret)
		ret = get_float(im, node, "alpha", &alpha);
	if (!ret)
		ret = get_float(im, node, "beta", &beta);
	if (ret)
		return ret;
	if (trans_a)
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"attribute 'transA' is %lld, which mixes samples; only 0 can be read",
			(long long)trans_a);
	ret = npu_onnx_constant_floats(im, node, 1, &array);
	if (ret)
		return ret;
	/* Not by 1: even that would turn one NaN into another. */
	for (size_t i = 0; alpha != 1 && i < array.count; i++)
		array.value[i] *= alpha;
	ret = add_dense(im, node, &array, trans_b != 0);
	free(array.value);
	if (ret || !has_input(node, 2))
		return ret;
	ret = npu_onnx_constant_floats(im, node, 2, &array);
	if (!ret)
		ret = set_bias(im, node, &array, beta);
	free(array.value);
	return ret;
}

static int import_matmul(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_array array;
	int ret = check_flow(im, node, 0);

	if (!ret)
		ret = npu_onnx_constant_floats(im, node, 1, &array);
	if (ret)
		return ret;
	ret = add_dense(im, node, &array, false);
	free(array.value);
	return ret;
}

/* ------------------------------------------------------------- arithmetic */

static char arithmetic_symbol(const NpuOnnx__Node *node)
{
	switch (*node->op_type) {
	case 'A':
		return '+';
	case 'S':
		return '-';
	case 'M':
		return '*';
	default:
		return '/';
	}
}

/* Add, Sub, Mul or Div: the bias of the layer before, or preprocessing. */
static int import_arithmetic(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	char op = arithmetic_symbol(node);
	bool sum = op == '+' || op == '-', either_order = op == '+' || op == '*';
	size_t flow = either_order && strcmp(node->input[0], im->current) ? 1 : 0;
	const struct npu_onnx_layer *last = last_layer(im);
	struct npu_onnx_array operand;
	int ret = check_flow(im, node, flow);

	if (!ret)
		ret = npu_onnx_constant_floats(im, node, !flow, &operand);
	if (ret)
		return ret;
	if (!last)
		ret = npu_onnx_import_preprocessing(im, node, &operand, op);
	else if (sum && last->kind == NPU_LAYER_DENSE && !last->bias &&
		 last->activation == NPU_LINEAR)
		ret = set_bias(im, node, &operand, op == '+' ? 1 : -1);
	else
		ret = npu_onnx_fail(im, node, -EOPNOTSUPP,
				    "constants can be added to a MatMul (its bias), or used in "
				    "front of the first layer (preprocessing), not here");
	free(operand.value);
	return ret;
}

/* ------------------------------------------------------------ activations */

/* Is the node part of the dense layer before it? In files of others always. */
static bool is_fused(const struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	const struct npu_onnx_layer *last = last_layer(im);
	size_t length;

	if (!last || last->kind != NPU_LAYER_DENSE || last->activation != NPU_LINEAR)
		return false;
	if (!im->ours)
		return true;
	length = last->name ? strlen(last->name) : 0;
	return node->name && length && !strncmp(node->name, last->name, length) &&
	       !strcmp(node->name + length, NPU_ONNX_FUSED);
}

static int add_activation(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  enum npu_activation activation, float alpha)
{
	int ret = check_flow(im, node, 0);

	if (ret)
		return ret;
	if (is_fused(im, node)) {
		last_layer(im)->activation = activation;
		last_layer(im)->alpha = alpha;
		return 0;
	}
	im->layer[im->layers++] = (struct npu_onnx_layer){
		.kind = NPU_LAYER_ACTIVATION,
		.name = node->name,
		.activation = activation,
		.alpha = alpha,
	};
	return 0;
}

static int import_relu(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	return add_activation(im, node, NPU_RELU, 0);
}

static int import_sigmoid(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	return add_activation(im, node, NPU_SIGMOID, 0);
}

static int import_tanh(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	return add_activation(im, node, NPU_TANH, 0);
}

static int import_leaky_relu(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	float alpha = 0.01f;
	int ret = get_float(im, node, "alpha", &alpha);

	if (ret)
		return ret;
	/* To struct npu_layer 0 means the default; a slope of 0 is relu. */
	return add_activation(im, node, alpha == 0 ? NPU_RELU : NPU_LEAKY_RELU, alpha);
}

static int import_softmax(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t axis = im->opset < 13 ? 1 : -1, channels, last;
	int ret = get_int(im, node, "axis", &axis);

	if (ret)
		return ret;
	if (axis < 0)
		axis += (int64_t)im->rank;
	last = (int64_t)im->rank - 1;
	channels = im->channels_first && im->rank == 4 ? 1 : last;
	/* Before opset 13 it ran over all dimensions from the axis on: the same for the last. */
	if (im->rank < 2 || axis != channels || (im->opset < 13 && axis != last))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attribute 'axis' is %lld of %zu dimensions; softmax can run "
				     "over the channels only",
				     (long long)axis, im->rank);
	if (im->rank == 2 && im->model_dim[0] * (uint64_t)im->model_dim[1] != 1)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "softmax over a flattened image; it can run over channels, or "
				     "behind a dense layer");
	return add_activation(im, node, NPU_SOFTMAX, 0);
}

/* ----------------------------------------------------------------- shapes */

static int import_flatten(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t axis = 1;
	int ret = get_int(im, node, "axis", &axis);

	if (!ret)
		ret = check_flow(im, node, 0);
	if (ret)
		return ret;
	if (axis < 0)
		axis += (int64_t)im->rank;
	if (axis != 1)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attribute 'axis' is %lld of %zu dimensions; only 1, (batch, "
				     "features), can be read",
				     (long long)axis, im->rank);
	flatten_flow(im);
	return 0;
}

static int import_reshape(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t shape[NPU_ONNX_MAX_RANK], allow_zero = 0;
	bool batch, features;
	size_t rank;
	int ret = check_flow(im, node, 0);

	if (!ret)
		ret = get_int(im, node, "allowzero", &allow_zero);
	if (!ret)
		ret = npu_onnx_constant_ints(im, node, 1, shape, NPU_ONNX_MAX_RANK, &rank);
	if (ret)
		return ret;
	/* One of the two may be -1, "what is left"; 0 is "as it was" unless allowzero. */
	batch = (shape[0] == 0 && !allow_zero) || (im->batch && shape[0] == (int64_t)im->batch) ||
		(shape[0] == -1 && rank == 2 && shape[1] == (int64_t)im->features);
	features = rank == 2 && (shape[1] == (int64_t)im->features || shape[1] == -1 ||
				 (shape[1] == 0 && !allow_zero && im->rank == 2));
	if (!batch || !features)
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"its shape is not (batch, %zu), all of a sample in one row; use a Flatten",
			im->features);
	flatten_flow(im);
	return 0;
}

/* ---------------------------------------------------------------- nothing */

static int import_identity(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	/* A linear activation is a layer to npu_model_save(); to others it is nothing. */
	if (im->ours)
		return add_activation(im, node, NPU_LINEAR, 0);
	return check_flow(im, node, 0);
}

static int import_dropout(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t training = 0;
	size_t count;
	int ret = check_flow(im, node, 0);

	if (!ret && has_input(node, 2))
		ret = npu_onnx_constant_ints(im, node, 2, &training, 1, &count);
	if (!ret && training)
		ret = npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"it is in training mode, which is random; export the model for inference");
	return ret;
}

static const struct known_op known_ops[] = {
	{ "Add", 2, 2, "", import_arithmetic },
	{ "Div", 2, 2, "", import_arithmetic },
	{ "Dropout", 1, 3, " ratio seed ", import_dropout },
	{ "Flatten", 1, 1, " axis ", import_flatten },
	{ "Gemm", 2, 3, " alpha beta transA transB ", import_gemm },
	{ "Identity", 1, 1, "", import_identity },
	{ "LeakyRelu", 1, 1, " alpha ", import_leaky_relu },
	{ "MatMul", 2, 2, "", import_matmul },
	{ "Mul", 2, 2, "", import_arithmetic },
	{ "Relu", 1, 1, "", import_relu },
	{ "Reshape", 2, 2, " allowzero ", import_reshape },
	{ "Sigmoid", 1, 1, "", import_sigmoid },
	{ "Softmax", 1, 1, " axis ", import_softmax },
	{ "Sub", 2, 2, "", import_arithmetic },
	{ "Tanh", 1, 1, "", import_tanh },
};

static const struct known_op *find_op(const NpuOnnx__Node *node)
{
	if (node->domain && *node->domain && strcmp(node->domain, "ai.onnx"))
		return NULL;
	for (size_t i = 0; node->op_type && i < sizeof(known_ops) / sizeof(known_ops[0]); i++)
		if (!strcmp(node->op_type, known_ops[i].name))
			return &known_ops[i];
	return NULL;
}

static int check_attributes(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    const struct known_op *op)
{
	for (size_t i = 0; i < node->n_attribute; i++) {
		const char *name = npu_onnx_name(node->attribute[i]->name);
		const char *at = strstr(op->attributes, name);

		if (!at || at[-1] != ' ' || at[strlen(name)] != ' ')
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "attribute '%.32s' is not known; known are:%s", name,
					     *op->attributes ? op->attributes : " none");
	}
	return 0;
}

int npu_onnx_import_node(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	const struct known_op *op = find_op(node);
	int ret;

	if (!op)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "this operator cannot be read; Gemm, MatMul, Add, Sub, Mul, "
				     "Div, Relu, LeakyRelu, Sigmoid, Tanh, Softmax, Flatten, "
				     "Reshape, Dropout, Identity and Constant can");
	if (node->n_input < op->inputs_min || node->n_input > op->inputs_max || !node->n_output ||
	    !*node->output[0])
		return npu_onnx_fail(
			im, node, -EINVAL,
			"%zu inputs and %zu outputs; %zu to %zu inputs and an output are needed",
			node->n_input, node->n_output, op->inputs_min, op->inputs_max);
	ret = check_attributes(im, node, op);
	if (!ret)
		ret = op->import(im, node);
	if (!ret)
		im->current = node->output[0];
	return ret;
}
