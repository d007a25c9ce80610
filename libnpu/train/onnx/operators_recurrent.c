// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

/**
 * struct recurrent - an RNN, LSTM or GRU on its way
 * @layer: its description
 * @gates: G
 * @directions: 1 or 2
 * @in: C
 * @w: [directions][G * units][C]
 * @r: [directions][G * units][units]
 * @b: [directions][2 * G * units], or no values
 */
struct recurrent {
	struct npu_layer layer;
	size_t gates, directions, in;
	struct npu_onnx_array w, r, b;
};

static int read_direction(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  struct recurrent *to)
{
	to->directions = 1;
	if (npu_onnx_attribute_is(node, "direction", "forward", true))
		return 0;
	if (npu_onnx_attribute_is(node, "direction", "reverse", false)) {
		to->layer.backwards = true;
		return 0;
	}
	if (!npu_onnx_attribute_is(node, "direction", "bidirectional", false))
		return npu_onnx_fail(im, node, -EINVAL,
				     "attribute 'direction' is not forward, reverse or "
				     "bidirectional");
	to->layer.bidirectional = true;
	to->directions = 2;
	return 0;
}

static bool string_is(const ProtobufCBinaryData *s, const char *wanted)
{
	/* ONNX does not care for case here. */
	return s->len == strlen(wanted) && !strncasecmp((const char *)s->data, wanted, s->len);
}

/* The one activation of an RNN, with its alpha and beta. */
static int read_rnn_activation(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			       struct recurrent *to, const NpuOnnx__Attribute *a)
{
	static const struct {
		const char *name;
		enum npu_activation activation;
		float alpha, beta; /* to ONNX, unless it says others */
	} known[] = {
		{ "Tanh", NPU_LINEAR, 0, 0 },
		{ "Relu", NPU_RELU, 0, 0 },
		{ "Sigmoid", NPU_SIGMOID, 0, 0 },
		{ "LeakyRelu", NPU_LEAKY_RELU, .01f, 0 },
		{ "Elu", NPU_ELU, 1, 0 },
		{ "Softplus", NPU_SOFTPLUS, 0, 0 },
		{ "HardSigmoid", NPU_HARD_SIGMOID, .2f, .5f },
	};
	const NpuOnnx__Attribute *alphas = npu_onnx_find_attribute(node, "activation_alpha");
	const NpuOnnx__Attribute *betas = npu_onnx_find_attribute(node, "activation_beta");
	size_t i = 0, count = sizeof(known) / sizeof(known[0]);
	float alpha, beta;

	while (i < count && !string_is(&a->strings[0], known[i].name))
		i++;
	for (size_t d = 0; i < count && d < a->n_strings; d++)
		if (!string_is(&a->strings[d], known[i].name) ||
		    (alphas && d < alphas->n_floats && alphas->floats[d] != alphas->floats[0]))
			i = count;
	if (i == count)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its activations are not Tanh, Relu, LeakyRelu, Sigmoid, Elu, "
				     "Softplus or HardSigmoid, the same in all directions");
	alpha = alphas && alphas->n_floats ? alphas->floats[0] : known[i].alpha;
	beta = betas && betas->n_floats ? betas->floats[0] : known[i].beta;
	to->layer.activation = known[i].activation;
	if (known[i].activation == NPU_LEAKY_RELU || known[i].activation == NPU_ELU) {
		if (!(alpha > 0) || !isfinite(alpha))
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "its activation has alpha %g; it must be above 0",
					     (double)alpha);
		to->layer.alpha = alpha;
	}
	if (known[i].activation == NPU_HARD_SIGMOID &&
	    (fabsf(alpha - 1.0f / 6) > 1e-5f || fabsf(beta - .5f) > 1e-5f))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its HardSigmoid has alpha %g and beta %g; only 1/6 and 0.5 "
				     "can be read",
				     (double)alpha, (double)beta);
	return 0;
}

static int read_activations(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    struct recurrent *to)
{
	static const char *const usual[][3] = {
		{ "Sigmoid", "Tanh", "Tanh" },
		{ "Sigmoid", "Tanh", NULL },
	};
	const NpuOnnx__Attribute *a = npu_onnx_find_attribute(node, "activations");
	bool lstm = to->layer.kind == NPU_LAYER_LSTM;
	size_t each = lstm ? 3 : 2;

	if (!a || !a->n_strings)
		return 0;
	if (to->layer.kind == NPU_LAYER_RNN)
		return read_rnn_activation(im, node, to, a);
	for (size_t i = 0; i < a->n_strings; i++)
		if (a->n_strings != each * to->directions ||
		    !string_is(&a->strings[i], usual[!lstm][i % each]))
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "its activations are not Sigmoid and Tanh, as usual");
	return 0;
}

static int read_attributes(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			   struct recurrent *to)
{
	int64_t before = 0, layout = 0, forget = 0;
	int ret = read_direction(im, node, to);

	if (!ret)
		ret = read_activations(im, node, to);
	if (!ret)
		ret = npu_onnx_get_int(im, node, "linear_before_reset", &before);
	if (!ret)
		ret = npu_onnx_get_int(im, node, "layout", &layout);
	if (!ret)
		ret = npu_onnx_get_int(im, node, "input_forget", &forget);
	if (ret)
		return ret;
	if (layout || forget || npu_onnx_find_attribute(node, "clip"))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attributes 'layout', 'input_forget' and 'clip' cannot be "
				     "read; export without");
	to->layer.reset_after = before != 0;
	return 0;
}

/* States to start from and sequence lengths: none, or zeros. */
static int check_states(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	if (npu_onnx_has_input(node, 4))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "input 4, 'sequence_lens', cannot be read; lengths are given "
				     "with the data");
	for (size_t i = 5; i < node->n_input; i++) {
		const struct npu_onnx_value *value = npu_onnx_find_value(im, node->input[i]);
		struct npu_onnx_array a;
		bool zero = true;
		int ret;

		if (!npu_onnx_has_input(node, i) || (value && value->kind == NPU_ONNX_ZERO))
			continue;
		ret = npu_onnx_constant_floats(im, node, node->input[i], &a);
		if (ret)
			return ret;
		for (size_t k = 0; k < a.count; k++)
			zero = zero && a.value[k] == 0;
		free(a.value);
		if (!zero || i > 6)
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "input %zu is not zero; only states and weights of "
					     "zero can be read there",
					     i);
	}
	return 0;
}

static int read_weights(struct npu_onnx_import *im, const NpuOnnx__Node *node, struct recurrent *to)
{
	size_t units, columns;
	int64_t hidden;
	int ret = npu_onnx_constant_floats(im, node, node->input[1], &to->w);

	if (!ret)
		ret = npu_onnx_constant_floats(im, node, node->input[2], &to->r);
	if (!ret && npu_onnx_has_input(node, 3))
		ret = npu_onnx_constant_floats(im, node, node->input[3], &to->b);
	if (ret)
		return ret;
	units = to->r.rank == 3 ? to->r.dim[2] : 0;
	hidden = (int64_t)units;
	columns = to->gates * units;
	ret = npu_onnx_get_int(im, node, "hidden_size", &hidden);
	if (ret)
		return ret;
	if (!units || hidden != (int64_t)units || to->r.dim[0] != to->directions ||
	    to->r.dim[1] != columns || to->w.rank != 3 || to->w.dim[0] != to->directions ||
	    to->w.dim[1] != columns || to->w.dim[2] != to->in ||
	    (to->b.value &&
	     (to->b.rank != 2 || to->b.dim[0] != to->directions || to->b.dim[1] != 2 * columns)))
		return npu_onnx_fail(im, node, -EINVAL,
				     "shapes of W, R, B, 'hidden_size' and an input of %zu do not "
				     "fit one another",
				     to->in);
	to->layer.units = (uint32_t)units;
	to->layer.no_bias = !to->b.value;
	return 0;
}

/* [G * units][rows] of the file as [rows][G * units]. */
static int add_matrix(struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t layer,
		      const struct npu_onnx_array *a, size_t direction)
{
	size_t columns = a->dim[1], rows = a->dim[2];
	const float *from = a->value + direction * columns * rows;
	int ret = 0;
	float *to = npu_onnx_add_parameter(im, node, &im->layer[layer], columns * rows, &ret);

	for (size_t c = 0; to && c < columns; c++)
		for (size_t r = 0; r < rows; r++)
			to[r * columns + c] = from[c * rows + r];
	return ret;
}

/*
 * Both biases in one, but for what a GRU's reset gate acts on. A zero is not added: that could
 * change the sign of another.
 */
static int add_bias(struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t layer,
		    const struct recurrent *from, size_t direction)
{
	size_t units = from->layer.units, columns = from->gates * units;
	const float *input = from->b.value + direction * 2 * columns, *state = input + columns;
	size_t summed = from->layer.reset_after ? columns - units : columns;
	int ret = 0;
	float *to = npu_onnx_add_parameter(im, node, &im->layer[layer], columns, &ret);

	for (size_t c = 0; to && c < columns; c++)
		to[c] = c < summed && state[c] != 0 ? input[c] + state[c] : input[c];
	if (!to || !from->layer.reset_after)
		return ret;
	to = npu_onnx_add_parameter(im, node, &im->layer[layer], units, &ret);
	if (to)
		memcpy(to, state + summed, units * sizeof(*to));
	return ret;
}

static bool is_used(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t output)
{
	const struct npu_onnx_value *value =
		output < node->n_output ? npu_onnx_find_value(im, node->output[output]) : NULL;

	return value && value->readers;
}

static int add_layer(struct npu_onnx_import *im, const NpuOnnx__Node *node, struct recurrent *from,
		     const struct npu_onnx_view *view)
{
	bool all = is_used(im, node, 0);
	size_t steps = npu_onnx_axis_size(im, view->layer, 'W'), number;
	struct npu_onnx_layer *added;
	struct npu_onnx_view shown;
	int ret;

	from->layer.sequences = all;
	added = npu_onnx_add_layer(
		im, node, &from->layer, &view->layer, 1,
		(uint64_t[]){ 1, all ? steps : 1, from->directions * from->layer.units }, &ret);
	if (!added)
		return ret;
	added->directions = (uint32_t)from->directions;
	number = im->layers - 1;
	for (size_t d = 0; !ret && d < from->directions; d++) {
		ret = add_matrix(im, node, number, &from->w, d);
		if (!ret)
			ret = add_matrix(im, node, number, &from->r, d);
		if (!ret && from->b.value)
			ret = add_bias(im, node, number, from, d);
	}
	/* The directions are an axis of their own. */
	shown = npu_onnx_make_view((int)number, all ? "WDNC" : "DNC");
	memcpy(shown.axis[shown.rank - 1], "C\0", 3);
	npu_onnx_set_flow(im, node, !all, &shown);
	return ret;
}

int npu_onnx_import_recurrent(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	static const struct {
		const char *op;
		enum npu_layer_kind kind;
		size_t gates;
	} kinds[] = { { "RNN", NPU_LAYER_RNN, 1 },
		      { "LSTM", NPU_LAYER_LSTM, 4 },
		      { "GRU", NPU_LAYER_GRU, 3 } };
	struct recurrent r = { 0 };
	struct npu_onnx_view view;
	size_t i = 0;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = npu_onnx_require(im, node, &view, "WNC");
	if (ret)
		return ret;
	while (!npu_onnx_is_op(node, kinds[i].op))
		i++;
	r.layer.kind = kinds[i].kind;
	r.gates = kinds[i].gates;
	r.in = npu_onnx_axis_size(im, view.layer, 'D') * npu_onnx_axis_size(im, view.layer, 'C');
	if (is_used(im, node, 2) || (is_used(im, node, 0) && is_used(im, node, 1)))
		ret = npu_onnx_fail(im, node, -EOPNOTSUPP,
				    "more than one of its outputs is used; all states or the last "
				    "one can be, not both, nor a cell's");
	if (!ret)
		ret = read_attributes(im, node, &r);
	if (!ret)
		ret = check_states(im, node);
	if (!ret)
		ret = read_weights(im, node, &r);
	if (!ret)
		ret = add_layer(im, node, &r, &view);
	free(r.w.value);
	free(r.r.value);
	free(r.b.value);
	return ret;
}
