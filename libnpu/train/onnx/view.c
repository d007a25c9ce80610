// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "import.h"

const uint32_t *npu_onnx_dim(const struct npu_onnx_import *im, int layer)
{
	return layer < 0 ? im->input_dim : im->layer[layer].dim;
}

size_t npu_onnx_axis_size(const struct npu_onnx_import *im, int layer, char axis)
{
	const uint32_t *dim = npu_onnx_dim(im, layer);
	uint32_t directions = layer < 0 ? 1 : im->layer[layer].directions;

	switch (axis) {
	case 'H':
		return dim[0];
	case 'W':
		return dim[1];
	case 'D':
		return directions;
	case 'C':
		return dim[2] / directions;
	default:
		return 1;
	}
}

size_t npu_onnx_view_size(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			  size_t i)
{
	size_t size = 1;

	for (const char *p = view->axis[i]; *p; p++)
		size *= npu_onnx_axis_size(im, view->layer, *p);
	return size;
}

size_t npu_onnx_view_features(const struct npu_onnx_import *im, const struct npu_onnx_view *view)
{
	const uint32_t *dim = npu_onnx_dim(im, view->layer);

	return (size_t)dim[0] * dim[1] * dim[2];
}

/* Distance of neighbours along an axis in the model's memory. */
static size_t axis_stride(const struct npu_onnx_import *im, int layer, char axis)
{
	const uint32_t *dim = npu_onnx_dim(im, layer);

	switch (axis) {
	case 'H':
		return (size_t)dim[1] * dim[2];
	case 'W':
		return dim[2];
	case 'D':
		return npu_onnx_axis_size(im, layer, 'C');
	default:
		return 1;
	}
}

size_t npu_onnx_locate(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
		       size_t feature)
{
	size_t at = 0;

	for (size_t i = view->rank; i-- > 0;)
		for (size_t k = strlen(view->axis[i]); k-- > 0;) {
			size_t size = npu_onnx_axis_size(im, view->layer, view->axis[i][k]);

			if (view->axis[i][k] == 'N')
				continue;
			at += feature % size * axis_stride(im, view->layer, view->axis[i][k]);
			feature /= size;
		}
	return at;
}

bool npu_onnx_in_order(const struct npu_onnx_import *im, const struct npu_onnx_view *view)
{
	static const char order[] = "HWDC";
	const char *last = order;

	if (!view->rank || !strchr(view->axis[0], 'N') || view->axis[0][0] != 'N')
		return false;
	for (size_t i = 0; i < view->rank; i++)
		for (const char *p = view->axis[i]; *p; p++) {
			const char *at = strchr(order, *p);

			if (!at || npu_onnx_axis_size(im, view->layer, *p) == 1)
				continue;
			if (at < last)
				return false;
			last = at;
		}
	return true;
}

/* The letters of more than one element, and N; 'C' in @axes may stand for 'D' and 'C'. */
static void normalise(const struct npu_onnx_import *im, int layer, const char *axes, bool expand,
		      char to[16])
{
	for (; *axes; axes++) {
		if (expand && *axes == 'C' && npu_onnx_axis_size(im, layer, 'D') > 1)
			*to++ = 'D';
		if (*axes == 'N' || npu_onnx_axis_size(im, layer, *axes) > 1)
			*to++ = *axes;
	}
	*to = '\0';
}

bool npu_onnx_axis_is(const struct npu_onnx_import *im, const struct npu_onnx_view *view, size_t i,
		      const char *axes)
{
	char is[16], wanted[16];

	if (i >= view->rank)
		return false;
	normalise(im, view->layer, view->axis[i], false, is);
	normalise(im, view->layer, axes, true, wanted);
	return !strcmp(is, wanted);
}

/* Directions right in front of the channels are channels to those who have no directions. */
static void join_directions(const struct npu_onnx_import *im, int layer, char *axes)
{
	char *d = strchr(axes, 'D');

	if (d && d[1] == 'C')
		memmove(d, d + 1, strlen(d));
	else if (d && npu_onnx_axis_size(im, layer, 'C') == 1)
		*d = 'C';
}

bool npu_onnx_same_axes(const struct npu_onnx_import *im, const struct npu_onnx_view *a,
			const struct npu_onnx_view *b, size_t i)
{
	char one[16], other[16];

	normalise(im, a->layer, a->axis[i], false, one);
	normalise(im, b->layer, b->axis[i], false, other);
	join_directions(im, a->layer, one);
	join_directions(im, b->layer, other);
	return !strcmp(one, other);
}

int npu_onnx_find_axis(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
		       char axis)
{
	const char axes[2] = { axis, '\0' };
	int found = -1;

	for (size_t i = 0; i < view->rank; i++) {
		if (!npu_onnx_axis_is(im, view, i, axes))
			continue;
		/* Axes of one element are alike: the letter tells which. */
		if (found < 0 || strchr(view->axis[i], axis))
			found = (int)i;
	}
	return found;
}

struct npu_onnx_view npu_onnx_make_view(int layer, const char *axes)
{
	struct npu_onnx_view view = { .layer = layer, .rank = strlen(axes) };

	for (size_t i = 0; i < view.rank; i++) {
		if (axes[i] == 'C')
			memcpy(view.axis[i], "DC", 3);
		else
			view.axis[i][0] = axes[i];
	}
	return view;
}

void npu_onnx_set_axes(struct npu_onnx_view *view, size_t i, const char *axes)
{
	for (size_t k = 0; k < view->rank; k++) {
		char kept[sizeof(view->axis[k])] = "", *to = kept;

		for (const char *p = view->axis[k]; *p; p++)
			if (!strchr(axes, *p))
				*to++ = *p;
		memcpy(view->axis[k], kept, sizeof(kept));
	}
	memset(view->axis[i], 0, sizeof(view->axis[i]));
	memcpy(view->axis[i], axes, strlen(axes));
}

static bool matches(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
		    const char *axes)
{
	if (view->rank != strlen(axes))
		return false;
	for (size_t i = 0; i < view->rank; i++)
		if (!npu_onnx_axis_is(im, view, i, (const char[2]){ axes[i], '\0' }))
			return false;
	return true;
}

/* H, W, C of the same memory when dimensions are what @axes says; false where they cannot be. */
static bool reinterpret(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			const char *axes, uint64_t dim[3])
{
	static const char order[] = "HWC";
	const char *last = order;

	if (view->rank != strlen(axes) || axes[0] != 'N' || !npu_onnx_axis_is(im, view, 0, "N") ||
	    !npu_onnx_in_order(im, view))
		return false;
	dim[0] = dim[1] = dim[2] = 1;
	for (size_t i = 1; i < view->rank; i++) {
		const char *at = strchr(order, axes[i]);

		if (!at)
			return false;
		dim[at - order] = npu_onnx_view_size(im, view, i);
		if (dim[at - order] > 1) {
			if (at < last)
				return false;
			last = at;
		}
	}
	return true;
}

/*
 * A dense layer's outputs that are reshaped to [batch, C, H, W] (the layer that @view shows, which
 * calls them H, W, C) become H, W, C by another order of its weights.
 */
static bool move_outputs(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			 struct npu_onnx_view *view, const char *axes, int *ret)
{
	struct npu_onnx_layer *layer = view->layer < 0 ? NULL : &im->layer[view->layer], *dense;
	size_t c, pixels, in;

	*ret = 0;
	if (!layer || !layer->movable || strcmp(axes, "NCHW") ||
	    !npu_onnx_can_change(im, node, 0, view) || !matches(im, view, "NHWC"))
		return false;
	dense = &im->layer[layer->input[0]];
	if (dense->readers != 1)
		return false;
	dense->version++;
	c = layer->dim[0];
	pixels = (size_t)layer->dim[1] * layer->dim[2];
	in = dense->count[0] / dense->layer.units;
	*ret = npu_onnx_move_rows(im, node, dense->parameter[0], c, pixels, in);
	if (!*ret && dense->parameters > 1)
		*ret = npu_onnx_move_rows(im, node, dense->parameter[1], c, pixels, 1);
	for (size_t i = 0; i < 3; i++)
		layer->layer.dim[i] = layer->dim[(i + 1) % 3];
	memcpy(layer->dim, layer->layer.dim, sizeof(layer->dim));
	*view = npu_onnx_make_view(view->layer, axes);
	npu_onnx_change(im, view);
	return true;
}

int npu_onnx_require(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     struct npu_onnx_view *view, const char *axes)
{
	struct npu_layer reshape = { .kind = NPU_LAYER_RESHAPE };
	struct npu_onnx_layer *layer;
	char shown[80] = "";
	uint64_t dim[3];
	int ret;

	if (matches(im, view, axes)) {
		unsigned int version = view->version;

		/* Letters of one element become what they are taken for. */
		*view = npu_onnx_make_view(view->layer, axes);
		view->version = version;
		return 0;
	}
	if (move_outputs(im, node, view, axes, &ret))
		return ret;
	if (!reinterpret(im, view, axes, dim)) {
		for (size_t i = 0; i < view->rank; i++)
			snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%s%s",
				 i ? ", " : "", *view->axis[i] ? view->axis[i] : "1");
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its input is (%s), the axes as libnpu has them, where one of "
				     "the order %s can be read",
				     shown, axes);
	}
	for (size_t i = 0; i < 3; i++)
		reshape.dim[i] = (uint32_t)dim[i];
	layer = npu_onnx_add_layer(im, NULL, &reshape, &view->layer, 1, dim, &ret);
	if (!layer)
		return ret;
	*view = npu_onnx_make_view(npu_onnx_layer_number(im, layer), axes);
	return 0;
}
