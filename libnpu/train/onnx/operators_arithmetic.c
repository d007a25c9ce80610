// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

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

/* Do both show the same axes of the same sizes? */
static bool same_view(const struct npu_onnx_import *im, const struct npu_onnx_view *a,
		      const struct npu_onnx_view *b)
{
	if (a->rank != b->rank ||
	    memcmp(npu_onnx_dim(im, a->layer), npu_onnx_dim(im, b->layer), 3 * sizeof(uint32_t)))
		return false;
	for (size_t i = 0; i < a->rank; i++)
		if (!npu_onnx_same_axes(im, a, b, i))
			return false;
	return true;
}

/* The sum of all inputs, none of which is a constant. */
int npu_onnx_import_sum(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_layer layer = { .kind = NPU_LAYER_ADD };
	struct npu_onnx_layer *added;
	struct npu_onnx_view first, other;
	uint64_t dim[3];
	uint32_t directions;
	int *input = calloc(node->n_input, sizeof(*input));
	int ret = 0;

	if (!input)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu inputs", node->n_input);
	for (size_t i = 0; !ret && i < node->n_input; i++) {
		ret = npu_onnx_flow(im, node, i, i ? &other : &first);
		if (!ret && i && !same_view(im, &first, &other))
			ret = npu_onnx_fail(im, node, -EOPNOTSUPP,
					    "inputs 0 and %zu differ in shape; what is added must "
					    "be of the same",
					    i);
		if (!ret)
			input[i] = i ? other.layer : first.layer;
	}
	if (!ret) {
		directions = npu_onnx_copy_dim(im, &first, dim);
		added = npu_onnx_add_layer(im, node, &layer, input, node->n_input, dim, &ret);
		if (added) {
			added->directions = directions;
			npu_onnx_look_at(im, added, &first);
			npu_onnx_set_flow(im, node, 0, &first);
		}
	}
	free(input);
	return ret;
}

/* Can a constant be added to what the view shows as the bias of its layer? */
static bool takes_bias(const struct npu_onnx_import *im, const struct npu_onnx_view *view)
{
	const struct npu_onnx_layer *layer = view->layer < 0 ? NULL : &im->layer[view->layer];

	if (!layer || layer->layer.activation != NPU_LINEAR || layer->parameters != 1)
		return false;
	return layer->layer.kind == NPU_LAYER_DENSE || layer->layer.kind == NPU_LAYER_CONV ||
	       layer->layer.kind == NPU_LAYER_CONV_TRANSPOSE;
}

/* Is the operand one value, or one a channel where the view has them? */
static bool fits_channels(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			  const struct npu_onnx_array *operand, size_t channels)
{
	int at = npu_onnx_find_axis(im, view, 'C');
	size_t behind = at < 0 ? 0 : view->rank - 1 - (size_t)at;

	if (operand->rank > view->rank || at < 0)
		return false;
	return operand->count == 1 || (operand->count == channels && operand->rank > behind &&
				       operand->dim[operand->rank - 1 - behind] == channels);
}

/* @sign * @operand as the bias of the layer that the view shows. */
static int set_bias(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		    const struct npu_onnx_view *view, const struct npu_onnx_array *operand,
		    float sign)
{
	struct npu_onnx_layer *layer = &im->layer[view->layer];
	size_t n = operand->count, out = layer->layer.units;
	int ret = 0;
	float *to;

	if (!fits_channels(im, view, operand, out))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "a bias of %zu values for %zu outputs; one value or one an "
				     "output can be read",
				     n, out);
	to = npu_onnx_add_parameter(im, node, layer, out, &ret);
	for (size_t o = 0; to && o < out; o++)
		to[o] = sign * operand->value[n == 1 ? 0 : o];
	return ret;
}

/* A factor or a summand for each channel: a depthwise convolution of kernel 1. */
static int add_scale(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     struct npu_onnx_view *view, const struct npu_onnx_array *operand, char op)
{
	struct npu_layer layer = {
		.kind = NPU_LAYER_CONV,
		.kernel = { 1, 1 },
		.stride = { 1, 1 },
		.dilation = { 1, 1 },
	};
	bool sum = op == '+' || op == '-';
	struct npu_onnx_layer *added;
	uint32_t directions;
	uint64_t dim[3];
	float *factor, *summand;
	int ret;

	directions = npu_onnx_copy_dim(im, view, dim);
	if (!fits_channels(im, view, operand, dim[2]))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its constant of %zu values is not one value, or one for each "
				     "of %llu channels",
				     operand->count, (unsigned long long)dim[2]);
	layer.units = layer.groups = (uint32_t)dim[2];
	added = npu_onnx_add_layer(im, node, &layer, &view->layer, 1, dim, &ret);
	if (!added)
		return ret;
	added->directions = directions;
	factor = npu_onnx_add_parameter(im, node, added, dim[2], &ret);
	summand = factor && sum ? npu_onnx_add_parameter(im, node, added, dim[2], &ret) : NULL;
	if (!factor || (sum && !summand))
		return ret;
	for (size_t c = 0; c < dim[2]; c++) {
		float value = operand->value[operand->count == 1 ? 0 : c];

		factor[c] = sum ? 1 : op == '*' ? value : 1 / value;
		if (summand)
			summand[c] = op == '+' ? value : -value;
	}
	npu_onnx_look_at(im, added, view);
	npu_onnx_set_flow(im, node, 0, view);
	return 0;
}

/*
 * Add, Sub, Mul or Div: the sum of two; or of a constant the bias of the layer before,
 * preprocessing, or a layer of its own where others read the value without it.
 */
int npu_onnx_import_arithmetic(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	char op = arithmetic_symbol(node);
	bool sum = op == '+' || op == '-', either_order = op == '+' || op == '*';
	size_t flow = either_order && npu_onnx_find_constant(im, node->input[0]) ? 1 : 0;
	struct npu_onnx_array operand = { 0 };
	struct npu_onnx_view view;
	int ret = npu_onnx_flow(im, node, flow, &view);

	if (ret)
		return ret;
	if (op == '+' && !npu_onnx_find_constant(im, node->input[!flow]))
		return npu_onnx_import_sum(im, node);
	ret = npu_onnx_constant_floats(im, node, node->input[!flow], &operand);
	if (ret)
		return ret;
	if (!npu_onnx_can_change(im, node, flow, &view) || (view.layer >= 0 && !sum) ||
	    (view.layer >= 0 && !takes_bias(im, &view))) {
		ret = add_scale(im, node, &view, &operand, op);
		free(operand.value);
		return ret;
	}
	if (view.layer < 0)
		ret = npu_onnx_import_preprocessing(im, node, &view, &operand, op);
	else
		ret = set_bias(im, node, &view, &operand, op == '+' ? 1 : -1);
	free(operand.value);
	if (ret)
		return ret;
	npu_onnx_change(im, &view);
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}
