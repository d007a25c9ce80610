// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <string.h>

#include "import.h"

/* Layers whose activation others write as a node of its own. */
static bool ends_in_activation(enum npu_layer_kind kind)
{
	switch (kind) {
	case NPU_LAYER_DENSE:
	case NPU_LAYER_CONV:
	case NPU_LAYER_CONV_TRANSPOSE:
	case NPU_LAYER_BATCH_NORM:
	case NPU_LAYER_ADD:
		return true;
	default:
		return false;
	}
}

/* Is the node part of the layer before it? Files of ours say so by its name. */
static bool is_fused(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *input,
		     const struct npu_onnx_layer *last)
{
	const struct npu_onnx_value *value = npu_onnx_find_value(im, input);
	const char *name = last->layer.name ? last->layer.name : "";
	size_t length = strlen(name);

	if (last->layer.activation != NPU_LINEAR || !value || value->readers != 1 || last->readers)
		return false;
	if (!im->ours)
		return ends_in_activation(last->layer.kind);
	return node->name && length && !strncmp(node->name, name, length) &&
	       !strcmp(node->name + length, NPU_ONNX_FUSED);
}

int npu_onnx_add_activation(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    const char *input, enum npu_activation activation, float alpha)
{
	struct npu_layer layer = {
		.kind = NPU_LAYER_ACTIVATION,
		.activation = activation,
		.alpha = alpha,
	};
	struct npu_onnx_layer *added, *last;
	struct npu_onnx_view view;
	uint32_t directions;
	uint64_t dim[3];
	int ret = npu_onnx_flow_of(im, node, 0, input, &view);

	if (ret)
		return ret;
	last = view.layer < 0 ? NULL : &im->layer[view.layer];
	if (last && is_fused(im, node, input, last)) {
		last->layer.activation = activation;
		last->layer.alpha = alpha;
		npu_onnx_change(im, &view);
		npu_onnx_set_flow(im, node, 0, &view);
		return 0;
	}
	directions = npu_onnx_copy_dim(im, &view, dim);
	added = npu_onnx_add_layer(im, node, &layer, &view.layer, 1, dim, &ret);
	if (!added)
		return ret;
	added->directions = directions;
	npu_onnx_look_at(im, added, &view);
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}

int npu_onnx_import_simple_activation(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	static const struct {
		const char *op;
		enum npu_activation activation;
	} known[] = {
		{ "Relu", NPU_RELU },	      { "Sigmoid", NPU_SIGMOID },      { "Tanh", NPU_TANH },
		{ "Softplus", NPU_SOFTPLUS }, { "HardSwish", NPU_HARD_SWISH },
	};
	size_t i = 0;

	while (!npu_onnx_is_op(node, known[i].op))
		i++;
	return npu_onnx_add_activation(im, node, node->input[0], known[i].activation, 0);
}

/* To struct npu_layer an alpha of 0 means the default; in both such activations it is relu. */
static int import_sloped(struct npu_onnx_import *im, const NpuOnnx__Node *node, float alpha,
			 enum npu_activation activation)
{
	int ret = npu_onnx_get_float(im, node, "alpha", &alpha);

	if (ret)
		return ret;
	if (!(alpha >= 0) || !isfinite(alpha))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attribute 'alpha' is %g; it can be 0 or more", (double)alpha);
	return npu_onnx_add_activation(im, node, node->input[0], alpha == 0 ? NPU_RELU : activation,
				       alpha);
}

int npu_onnx_import_leaky_relu(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	return import_sloped(im, node, 0.01f, NPU_LEAKY_RELU);
}

int npu_onnx_import_elu(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	return import_sloped(im, node, 1, NPU_ELU);
}

static bool is_near(float a, double b)
{
	return fabs((double)a - b) <= 1e-4 * fabs(b);
}

int npu_onnx_import_selu(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	float alpha = NPU_ONNX_SELU_ALPHA, gamma = NPU_ONNX_SELU_GAMMA;
	int ret = npu_onnx_get_float(im, node, "alpha", &alpha);

	if (!ret)
		ret = npu_onnx_get_float(im, node, "gamma", &gamma);
	if (ret)
		return ret;
	if (!is_near(alpha, NPU_ONNX_SELU_ALPHA) || !is_near(gamma, NPU_ONNX_SELU_GAMMA))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attributes 'alpha' and 'gamma' are %g and %g; only 1.67326 "
				     "and 1.0507, those of the paper, can be read",
				     (double)alpha, (double)gamma);
	return npu_onnx_add_activation(im, node, node->input[0], NPU_SELU, 0);
}

int npu_onnx_import_gelu(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	if (!npu_onnx_attribute_is(node, "approximate", "none", true))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attribute 'approximate' is not 'none', the only form that "
				     "can be read");
	return npu_onnx_add_activation(im, node, node->input[0], NPU_GELU, 0);
}

int npu_onnx_import_hard_sigmoid(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	float alpha = .2f, beta = .5f;
	int ret = npu_onnx_get_float(im, node, "alpha", &alpha);

	if (!ret)
		ret = npu_onnx_get_float(im, node, "beta", &beta);
	if (ret)
		return ret;
	if (!is_near(alpha, 1.0 / 6) || !is_near(beta, .5))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attributes 'alpha' and 'beta' are %g and %g; only 1/6 and "
				     "0.5 can be read",
				     (double)alpha, (double)beta);
	return npu_onnx_add_activation(im, node, node->input[0], NPU_HARD_SIGMOID, 0);
}

int npu_onnx_import_softmax(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t axis = im->opset < 13 ? 1 : -1, last;
	struct npu_onnx_view view;
	int ret = npu_onnx_get_int(im, node, "axis", &axis);

	if (!ret)
		ret = npu_onnx_flow(im, node, 0, &view);
	if (ret)
		return ret;
	last = (int64_t)view.rank - 1;
	if (axis < 0)
		axis += (int64_t)view.rank;
	if (view.rank == 2 && axis == 1 && view.axis[1][0] && view.axis[1][1] &&
	    !npu_onnx_axis_is(im, &view, 1, "C"))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "softmax over a flattened image; it can run over channels, or "
				     "behind a dense layer");
	/* Before opset 13 it ran over all dimensions from the axis on: the same for the last. */
	if (axis < 1 || axis > last || !npu_onnx_axis_is(im, &view, (size_t)axis, "C") ||
	    (im->opset < 13 && axis != last))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attribute 'axis' is %lld of %zu dimensions; softmax can run "
				     "over the channels only",
				     (long long)axis, view.rank);
	return npu_onnx_add_activation(im, node, node->input[0], NPU_SOFTMAX, 0);
}

/* A bound of a Clip: input @i, before opset 11 the attribute @name; @otherwise where missing. */
static int get_bound(struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		     const char *name, float *value)
{
	if (im->opset < 11)
		return npu_onnx_get_float(im, node, name, value);
	if (!npu_onnx_has_input(node, i) || npu_onnx_constant_scalar(im, node->input[i], value))
		return 0;
	return npu_onnx_fail(im, node, -EOPNOTSUPP,
			     "its bound '%.48s' is not a constant of one float", node->input[i]);
}

int npu_onnx_import_clip(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	float least = -INFINITY, most = INFINITY;
	int ret = get_bound(im, node, 1, "min", &least);

	if (!ret)
		ret = get_bound(im, node, 2, "max", &most);
	if (ret)
		return ret;
	if (least == 0 && most == 6)
		return npu_onnx_add_activation(im, node, node->input[0], NPU_RELU6, 0);
	if (least == 0 && most >= 3e38f)
		return npu_onnx_add_activation(im, node, node->input[0], NPU_RELU, 0);
	return npu_onnx_fail(im, node, -EOPNOTSUPP,
			     "its bounds are %g and %g; 0 and 6, or 0 and none, can be read",
			     (double)least, (double)most);
}
