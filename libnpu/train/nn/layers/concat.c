// SPDX-License-Identifier: MIT
/*
 * Inputs side by side along an axis. Seen from there an array is rows of pieces: as many rows as
 * the dimensions before the axis make, each piece what the axis and those behind it make.
 */
#include <errno.h>
#include <string.h>

#include "train/nn/layer.h"
#include "runtime/error.h"

static int check_dim(const struct npu_node *node, const uint32_t *dim, struct npu_error *err)
{
	unsigned int d, along = npu_concat_dimension(&node->layer);

	for (d = 0; d < 3; d++)
		if (d != along && dim[d] != node->in_dim[d])
			return npu_error_set(err, -EINVAL,
					     "layer \"%s\": it joins %u x %u x %u to %u x %u x %u "
					     "along %c; all other dimensions must be equal",
					     node->layer.name, dim[0], dim[1], dim[2],
					     node->in_dim[0], node->in_dim[1], node->in_dim[2],
					     "HWC"[along]);
	return 0;
}

static int concat_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	unsigned int axis = npu_concat_dimension(&node->layer);
	uint64_t length = 0;
	size_t k;

	if (axis > 2)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": axis %d; use one of enum npu_axis",
				     node->layer.name, (int)node->layer.axis);
	for (k = 0; k < node->inputs; k++) {
		const uint32_t *dim = npu_model_value_dim(model, node->input[k]);
		int ret = check_dim(node, dim, err);

		if (ret)
			return ret;
		length += dim[axis];
	}
	memcpy(node->out_dim, node->in_dim, sizeof(node->out_dim));
	node->out_dim[axis] = (uint32_t)length;
	if (length > 1u << 24 || npu_volume(node->out_dim) > 1u << 28)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": its output would have more than 2^28 values",
				     node->layer.name);
	return 0;
}

/* Floats of a piece of an array of shape @dim. */
static size_t piece(const struct npu_node *node, const uint32_t *dim)
{
	size_t floats = 1;
	unsigned int d;

	for (d = npu_concat_dimension(&node->layer); d < 3; d++)
		floats *= dim[d];
	return floats;
}

static void concat_forward(const struct npu_step *step)
{
	const struct npu_node *node = step->node;
	size_t width = piece(node, node->out_dim), rows = step->n * node->out / width, at = 0, k, r;

	for (k = 0; k < node->inputs; k++) {
		size_t own = piece(node, npu_model_value_dim(step->model, node->input[k]));

		for (r = 0; r < rows; r++)
			memcpy(step->y + r * width + at, step->xs[k] + r * own,
			       own * sizeof(float));
		at += own;
	}
}

static void concat_backward(const struct npu_step *step)
{
	const struct npu_node *node = step->node;
	size_t width = piece(node, node->out_dim), rows = step->n * node->out / width, at = 0, k, r;

	for (k = 0; k < node->inputs; k++) {
		size_t own = piece(node, npu_model_value_dim(step->model, node->input[k]));

		for (r = 0; r < rows && step->dxs[k]; r++)
			memcpy(step->dxs[k] + r * own, step->dy + r * width + at,
			       own * sizeof(float));
		at += own;
	}
}

const struct npu_layer_ops npu_concat_ops = {
	.name = "concat",
	.shape = concat_shape,
	.forward = concat_forward,
	.backward = concat_backward,
	.reference = concat_forward,
};
