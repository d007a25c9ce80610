// SPDX-License-Identifier: MIT
/* Values side by side, and one out of many. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

/* Which of H, W and C dimension @i of the view is; -1 where it is none alone. */
static int axis_of(const struct npu_onnx_import *im, const struct npu_onnx_view *view, size_t i)
{
	static const char order[] = "HWC";
	static const int likely[] = { 2, 1, 0 };

	for (int k = 0; k < 3; k++)
		if (npu_onnx_axis_size(im, view->layer, order[k]) > 1 &&
		    npu_onnx_find_axis(im, view, order[k]) == (int)i)
			return k;
	if (!npu_onnx_axis_is(im, view, i, ""))
		return -1;
	/* One element: by its letter, or what is not elsewhere. */
	for (size_t k = 0; k < 3; k++)
		if (strchr(view->axis[i], order[likely[k]]))
			return likely[k];
	for (size_t k = 0; k < 3; k++)
		if (npu_onnx_axis_size(im, view->layer, order[likely[k]]) == 1 &&
		    npu_onnx_dim(im, view->layer)[likely[k]] == 1)
			return likely[k];
	return -1;
}

/* Are both alike but for H, W or C, number @axis, which is dimension @at of the file? */
static bool fit(const struct npu_onnx_import *im, const struct npu_onnx_view *a,
		const struct npu_onnx_view *b, int axis, size_t at)
{
	if (a->rank != b->rank ||
	    !npu_onnx_axis_is(im, b, at, (const char[2]){ "HWC"[axis], '\0' }))
		return false;
	for (int k = 0; k < 3; k++)
		if (k != axis && npu_onnx_dim(im, a->layer)[k] != npu_onnx_dim(im, b->layer)[k])
			return false;
	for (size_t i = 0; i < a->rank; i++)
		if (i != at && !npu_onnx_same_axes(im, a, b, i))
			return false;
	return true;
}

/* The inputs' layers and what their output will be. */
static int read_inputs(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		       const struct npu_onnx_view *first, int axis, size_t at, int *input,
		       uint64_t dim[3])
{
	struct npu_onnx_view view;
	int ret;

	npu_onnx_copy_dim(im, first, dim);
	dim[axis] = 0;
	for (size_t i = 0; i < node->n_input; i++) {
		ret = npu_onnx_flow(im, node, i, &view);
		if (ret)
			return ret;
		if (!fit(im, first, &view, axis, at))
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "inputs 0 and %zu differ in more than the dimension "
					     "in which they are joined",
					     i);
		input[i] = view.layer;
		dim[axis] += npu_onnx_dim(im, view.layer)[axis];
	}
	return 0;
}

int npu_onnx_import_concat(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	static const char *const letters[] = { "H", "W", "DC" };
	struct npu_onnx_facts facts = npu_onnx_find_facts(im, node->name);
	struct npu_layer layer = { .kind = NPU_LAYER_CONCAT };
	struct npu_onnx_layer *added = NULL;
	struct npu_onnx_view view;
	int64_t axis = -1;
	uint32_t directions;
	uint64_t dim[3];
	int *input, at, ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = npu_onnx_get_int(im, node, "axis", &axis);
	if (ret)
		return ret;
	if (axis < 0)
		axis += (int64_t)view.rank;
	at = axis < 0 || axis >= (int64_t)view.rank ? -1 : axis_of(im, &view, (size_t)axis);
	if (facts.kind == NPU_LAYER_CONCAT && at >= 0 &&
	    npu_onnx_axis_is(im, &view, (size_t)axis, (const char[2]){ "CWH"[facts.axis], '\0' }))
		at = NPU_AXIS_H - (int)facts.axis;
	if (at < 0 || npu_onnx_axis_is(im, &view, (size_t)axis, "N"))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attribute 'axis' is %lld of %zu dimensions; inputs can be "
				     "joined along height, width or channels",
				     (long long)axis, view.rank);
	input = calloc(node->n_input, sizeof(*input));
	if (!input)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu inputs", node->n_input);
	layer.axis = (enum npu_axis)(NPU_AXIS_H - at);
	directions = view.layer < 0 || at == 2 ? 1 : im->layer[view.layer].directions;
	ret = read_inputs(im, node, &view, at, (size_t)axis, input, dim);
	if (!ret)
		added = npu_onnx_add_layer(im, node, &layer, input, node->n_input, dim, &ret);
	free(input);
	if (!added)
		return ret;
	added->directions = directions;
	npu_onnx_look_at(im, added, &view);
	npu_onnx_set_axes(&view, (size_t)axis, letters[at]);
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}

/*
 * The last step of all states is the last state, if that is the only one read. @keep: the
 * dimension stays, of one step.
 */
static int take_last_step(struct npu_onnx_import *im, const NpuOnnx__Node *node, int64_t axis,
			  int64_t index, bool keep)
{
	struct npu_onnx_view view, shown = { 0 };
	struct npu_onnx_layer *layer;
	int64_t steps;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (ret)
		return ret;
	if (axis < 0)
		axis += (int64_t)view.rank;
	layer = view.layer < 0 ? NULL : &im->layer[view.layer];
	steps = layer ? (int64_t)layer->dim[1] : 0;
	if (index < 0)
		index += steps;
	if (!layer || axis < 0 || axis >= (int64_t)view.rank ||
	    !npu_onnx_axis_is(im, &view, (size_t)axis, "W") || layer->layer.kind < NPU_LAYER_RNN ||
	    layer->layer.kind > NPU_LAYER_GRU || !layer->layer.sequences ||
	    index != (layer->layer.backwards ? 0 : steps - 1) || layer->layer.bidirectional ||
	    !npu_onnx_can_change(im, node, 0, &view))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "only the last step of an RNN, LSTM or GRU of one direction, "
				     "of which nothing else is read, can be taken out");
	layer->layer.sequences = false;
	layer->dim[1] = 1;
	for (size_t i = 0; i < view.rank; i++)
		if (keep || i != (size_t)axis)
			memcpy(shown.axis[shown.rank++], view.axis[i], sizeof(view.axis[i]));
	shown.layer = view.layer;
	npu_onnx_change(im, &shown);
	npu_onnx_set_flow(im, node, 0, &shown);
	return 0;
}

int npu_onnx_import_gather(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	const struct npu_onnx_constant *data = npu_onnx_find_constant(im, node->input[0]);
	struct npu_onnx_constant shape;
	int64_t axis = 0, index = 0;
	size_t count;
	int ret = npu_onnx_get_int(im, node, "axis", &axis);

	if (ret)
		return ret;
	if (data) {
		if (axis)
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "attribute 'axis' is %lld; only 0, vectors by number, "
					     "can be read",
					     (long long)axis);
		return npu_onnx_add_embedding(im, node, node->input[1], node->input[0]);
	}
	ret = npu_onnx_constant_ints(im, node, node->input[1], &index, 1, &count);
	if (ret)
		return ret;
	ret = npu_onnx_constant_shape(im, node, npu_onnx_find_constant(im, node->input[1]), &shape);
	if (!ret && shape.rank)
		ret = npu_onnx_fail(im, node, -EOPNOTSUPP,
				    "its index is a list; one number can be read");
	return ret ? ret : take_last_step(im, node, axis, index, false);
}

/* Numbers of a Slice: attribute @name before opset 10, input @i from then on. */
static int get_slice(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		     size_t i, int64_t *value, size_t *count)
{
	if (!npu_onnx_has_input(node, i))
		return npu_onnx_get_list(im, node, name, NPU_ONNX_MAX_RANK, value, count);
	return npu_onnx_constant_ints(im, node, node->input[i], value, NPU_ONNX_MAX_RANK, count);
}

/* Of a flow: all of it, or the last step. */
int npu_onnx_import_slice(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t start[NPU_ONNX_MAX_RANK], end[NPU_ONNX_MAX_RANK], axis[NPU_ONNX_MAX_RANK];
	int64_t step[NPU_ONNX_MAX_RANK];
	size_t starts, ends, axes, steps;
	struct npu_onnx_view view;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = get_slice(im, node, "starts", 1, start, &starts);
	if (!ret)
		ret = get_slice(im, node, "ends", 2, end, &ends);
	if (!ret)
		ret = get_slice(im, node, "axes", 3, axis, &axes);
	if (!ret)
		ret = get_slice(im, node, "steps", 4, step, &steps);
	if (ret)
		return ret;
	if (starts != ends || (axes && axes != starts) || (steps && steps != starts))
		return npu_onnx_fail(im, node, -EINVAL, "%zu starts, %zu ends, %zu axes", starts,
				     ends, axes);
	for (size_t i = 0; i < starts; i++) {
		int64_t at = axes ? axis[i] : (int64_t)i, size;

		at += at < 0 ? (int64_t)view.rank : 0;
		if (at < 0 || at >= (int64_t)view.rank || (steps && step[i] != 1))
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "axis %lld is none, or its step is not 1",
					     (long long)at);
		/* Samples are as many as there are. */
		size = strchr(view.axis[at], 'N') ? INT32_MAX
						  : (int64_t)npu_onnx_view_size(im, &view, at);
		if (start[i] == 0 && end[i] >= size)
			continue;
		if (starts != 1 || end[i] < size)
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "it cuts dimension %lld; only the last step of a "
					     "recurrent layer can be taken out",
					     (long long)at);
		return take_last_step(im, node, at, start[i], true);
	}
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}
