// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

/* Constant @name, one value a channel, as the layer's next parameter. */
static int add_values(struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t layer,
		      const char *name, size_t channels)
{
	struct npu_onnx_layer *l = &im->layer[layer];
	struct npu_onnx_array a;
	int ret = npu_onnx_constant_floats(im, node, name, &a);

	if (ret)
		return ret;
	if (a.count != channels || (a.rank && a.dim[a.rank - 1] != channels)) {
		free(a.value);
		return npu_onnx_fail(im, node, -EINVAL,
				     "'%.48s' has %zu values for %zu channels; it must have one "
				     "each",
				     name, a.count, channels);
	}
	l->count[l->parameters] = a.count;
	l->parameter[l->parameters++] = a.value;
	return 0;
}

/* To struct npu_layer an epsilon of 0 means the default. */
static int check_epsilon(const struct npu_onnx_import *im, const NpuOnnx__Node *node, float epsilon)
{
	if (epsilon > 0 && isfinite(epsilon))
		return 0;
	return npu_onnx_fail(im, node, -EOPNOTSUPP, "its epsilon is %g; it must be above 0",
			     (double)epsilon);
}

int npu_onnx_import_batch_norm(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_layer layer = { .kind = NPU_LAYER_BATCH_NORM,
				   .epsilon = 1e-5f,
				   .momentum = .9f };
	static const char *const axes[] = { "", "N", "NC", "NCW", "NCHW" };
	struct npu_onnx_layer *added;
	struct npu_onnx_view view;
	int64_t training = 0;
	uint64_t dim[3];
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = npu_onnx_get_float(im, node, "epsilon", &layer.epsilon);
	if (!ret)
		ret = npu_onnx_get_float(im, node, "momentum", &layer.momentum);
	if (!ret)
		ret = npu_onnx_get_int(im, node, "training_mode", &training);
	if (!ret && training)
		ret = npu_onnx_fail(im, node, -EOPNOTSUPP,
				    "it is in training mode; export the model for inference");
	if (!ret)
		ret = check_epsilon(im, node, layer.epsilon);
	if (!ret && view.rank < 2)
		ret = npu_onnx_fail(im, node, -EOPNOTSUPP, "its input has no channels");
	if (!ret)
		ret = npu_onnx_require(im, node, &view, axes[view.rank]);
	if (ret)
		return ret;
	/* A file that was never trained may say 0, which means the default here. */
	if (!(layer.momentum > 0 && layer.momentum < 1))
		layer.momentum = 0;
	npu_onnx_copy_dim(im, &view, dim);
	added = npu_onnx_add_layer(im, node, &layer, &view.layer, 1, dim, &ret);
	if (!added)
		return ret;
	npu_onnx_look_at(im, added, &view);
	for (size_t i = 1; !ret && i < 5; i++)
		ret = add_values(im, node, (size_t)view.layer, node->input[i], dim[2]);
	if (!ret)
		npu_onnx_set_flow(im, node, 0, &view);
	return ret;
}

int npu_onnx_add_layer_norm(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    const struct npu_onnx_pattern *pattern)
{
	struct npu_layer layer = { .kind = NPU_LAYER_LAYER_NORM, .epsilon = pattern->epsilon };
	struct npu_onnx_layer *added;
	struct npu_onnx_view view;
	uint32_t directions;
	uint64_t dim[3];
	int64_t axis;
	int ret = npu_onnx_flow_of(im, node, 0, pattern->input, &view);

	if (!ret)
		ret = check_epsilon(im, node, layer.epsilon);
	if (ret)
		return ret;
	axis = pattern->axis < 0 ? pattern->axis + (int64_t)view.rank : pattern->axis;
	if (axis < 1 || axis != (int64_t)view.rank - 1 ||
	    !npu_onnx_axis_is(im, &view, view.rank - 1, "C"))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its axis is %lld of %zu dimensions; only the last, which "
				     "must be the channels, can be normalised",
				     (long long)pattern->axis, view.rank);
	directions = npu_onnx_copy_dim(im, &view, dim);
	added = npu_onnx_add_layer(im, node, &layer, &view.layer, 1, dim, &ret);
	if (!added)
		return ret;
	added->directions = directions;
	npu_onnx_look_at(im, added, &view);
	npu_onnx_set_flow(im, node, 0, &view);
	ret = add_values(im, node, (size_t)view.layer, pattern->weight, dim[2]);
	if (ret || pattern->shift)
		return ret ? ret : add_values(im, node, (size_t)view.layer, pattern->shift, dim[2]);
	npu_onnx_add_parameter(im, node, &im->layer[view.layer], dim[2], &ret);
	return ret;
}

int npu_onnx_import_layer_norm(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_pattern pattern = {
		.input = node->input[0],
		.axis = -1,
		.epsilon = 1e-5f,
		.weight = node->input[1],
		.shift = npu_onnx_has_input(node, 2) ? node->input[2] : NULL,
	};
	int ret = npu_onnx_get_int(im, node, "axis", &pattern.axis);

	if (!ret)
		ret = npu_onnx_get_float(im, node, "epsilon", &pattern.epsilon);
	return ret ? ret : npu_onnx_add_layer_norm(im, node, &pattern);
}
