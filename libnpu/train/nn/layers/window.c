// SPDX-License-Identifier: MIT
#include <errno.h>

#include "runtime/error.h"
#include "window.h"

/* So that no product of these overflows. */
#define MAX_KERNEL (1u << 12)
#define MAX_STEP (1u << 12)   /* of stride and dilation */
#define MAX_LENGTH (1u << 20) /* of an axis, and of padding */
#define MAX_VALUES (1u << 28) /* of a sample, as of the model's input */

static const char *const axis_name[2] = { "height", "width" };

static bool is_transposed(const struct npu_node *node)
{
	return node->layer.kind == NPU_LAYER_CONV_TRANSPOSE;
}

static bool is_pooling(const struct npu_node *node)
{
	return node->layer.kind == NPU_LAYER_MAX_POOL || node->layer.kind == NPU_LAYER_AVERAGE_POOL;
}

/* What the windows are short of, at NPU_SAME: the zeros to add. */
static size_t same_padding(size_t in, size_t out, size_t stride, size_t extent)
{
	size_t covered = (out - 1) * stride + extent;

	return covered > in ? covered - in : 0;
}

void npu_windows(const struct npu_node *node, struct npu_window window[2])
{
	const struct npu_layer *layer = &node->layer;
	const uint32_t *in = is_transposed(node) ? node->out_dim : node->in_dim;
	const uint32_t *out = is_transposed(node) ? node->in_dim : node->out_dim;
	int axis;

	for (axis = 0; axis < 2; axis++) {
		struct npu_window *w = &window[axis];

		*w = (struct npu_window){
			.in = in[axis],
			.out = out[axis],
			.kernel = layer->kernel[axis],
			.stride = layer->stride[axis],
			.dilation = layer->dilation[axis],
		};
		if (layer->padding == NPU_EXPLICIT)
			w->before = layer->pad[axis];
		else if (layer->padding == NPU_SAME)
			w->before =
				same_padding(w->in, w->out, w->stride, npu_window_extent(w)) / 2;
	}
}

static uint32_t or_default(uint32_t value, uint32_t usual)
{
	return value ? value : usual;
}

static void set_defaults(struct npu_layer *layer, bool pooling, uint32_t kernel)
{
	int axis;

	for (axis = 0; axis < 2; axis++) {
		layer->kernel[axis] = or_default(layer->kernel[axis], kernel);
		layer->stride[axis] =
			or_default(layer->stride[axis], pooling ? layer->kernel[axis] : 1);
		layer->dilation[axis] = or_default(layer->dilation[axis], 1);
	}
}

static int check_layer(const struct npu_layer *layer, struct npu_error *err)
{
	int axis;

	if ((unsigned int)layer->padding > NPU_EXPLICIT)
		return npu_error_set(
			err, -EINVAL,
			"layer \"%s\": unknown padding %d; use one of enum npu_padding",
			layer->name, (int)layer->padding);
	for (axis = 0; axis < 2; axis++) {
		if (layer->kernel[axis] > MAX_KERNEL || layer->stride[axis] > MAX_STEP ||
		    layer->dilation[axis] > MAX_STEP)
			return npu_error_set(
				err, -EINVAL,
				"layer \"%s\": kernel %u, stride %u, dilation %u along "
				"the %s; none may be above %u",
				layer->name, layer->kernel[axis], layer->stride[axis],
				layer->dilation[axis], axis_name[axis], MAX_KERNEL);
		if (layer->padding == NPU_EXPLICIT &&
		    (layer->pad[axis] > MAX_LENGTH || layer->pad[axis + 2] > MAX_LENGTH))
			return npu_error_set(
				err, -EINVAL,
				"layer \"%s\": pad %u and %u along the %s; neither may be above %u",
				layer->name, layer->pad[axis], layer->pad[axis + 2],
				axis_name[axis], MAX_LENGTH);
	}
	return 0;
}

/* Windows along @axis; 0 where there is room for none. */
static uint64_t count_windows(const struct npu_node *node, int axis)
{
	const struct npu_layer *layer = &node->layer;
	uint64_t in = node->in_dim[axis], stride = layer->stride[axis], pads = 0;
	uint64_t extent = (uint64_t)layer->dilation[axis] * (layer->kernel[axis] - 1) + 1;

	if (layer->padding == NPU_EXPLICIT)
		pads = (uint64_t)layer->pad[axis] + layer->pad[axis + 2];
	if (layer->padding == NPU_SAME)
		return is_transposed(node) ? in * stride : (in + stride - 1) / stride;
	if (is_transposed(node)) {
		uint64_t whole = (in - 1) * stride + extent;

		return whole > pads ? whole - pads : 0;
	}
	return in + pads >= extent ? (in + pads - extent) / stride + 1 : 0;
}

/* A maximum or an average of nothing but padding does not exist. */
static int check_pooled(const struct npu_node *node, struct npu_error *err)
{
	struct npu_window window[2];
	size_t o, first, end;
	int axis;

	npu_windows(node, window);
	for (axis = 0; axis < 2; axis++) {
		for (o = 0; o < window[axis].out; o++) {
			npu_window_inside(&window[axis], o, &first, &end);
			if (first == end)
				return npu_error_set(
					err, -EINVAL,
					"layer \"%s\": window %zu along the %s is all padding; use "
					"less padding, or a smaller dilation",
					node->layer.name, o, axis_name[axis]);
		}
	}
	return 0;
}

int npu_windows_shape(struct npu_node *node, uint32_t kernel, struct npu_error *err)
{
	struct npu_layer *layer = &node->layer;
	uint64_t out[2];
	int axis, ret;

	set_defaults(layer, is_pooling(node), kernel);
	ret = check_layer(layer, err);
	if (ret)
		return ret;
	for (axis = 0; axis < 2; axis++) {
		out[axis] = count_windows(node, axis);
		if (!out[axis])
			return npu_error_set(
				err, -EINVAL,
				"layer \"%s\": along the %s, kernel %u with dilation %u does not "
				"fit an input of %u and its padding; use a smaller kernel, or "
				"NPU_SAME",
				layer->name, axis_name[axis], layer->kernel[axis],
				layer->dilation[axis], node->in_dim[axis]);
	}
	if (out[0] > MAX_LENGTH || out[1] > MAX_LENGTH ||
	    out[0] * out[1] > MAX_VALUES / node->out_dim[2])
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": %llu x %llu x %u outputs; they may be at most "
				     "268435456 in all, 1048576 along an axis",
				     layer->name, (unsigned long long)out[0],
				     (unsigned long long)out[1], node->out_dim[2]);
	node->out_dim[0] = (uint32_t)out[0];
	node->out_dim[1] = (uint32_t)out[1];
	return is_pooling(node) ? check_pooled(node, err) : 0;
}
