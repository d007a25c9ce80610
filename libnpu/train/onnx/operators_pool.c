// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "import.h"
#include "sliding.h"

static int check_pool(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		      const struct npu_onnx_sliding *s, bool average)
{
	int64_t count_pad = 0, order = 0;
	int ret = npu_onnx_get_int(im, node, "count_include_pad", &count_pad);

	if (!ret)
		ret = npu_onnx_get_int(im, node, "storage_order", &order);
	if (ret)
		return ret;
	if (average && count_pad && (s->pad[0] | s->pad[1] | s->pad[2] | s->pad[3]))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attribute 'count_include_pad' is %lld; zeros of padding do "
				     "not count in an average here: export with 0",
				     (long long)count_pad);
	for (size_t d = 0; d < 2; d++)
		if (s->pad[d] >= s->dilation[d] * (s->kernel[d] - 1) + 1 ||
		    s->pad[2 + d] >= s->dilation[d] * (s->kernel[d] - 1) + 1)
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "padding of %lld and %lld leaves windows of %lld "
					     "without an element",
					     (long long)s->pad[d], (long long)s->pad[2 + d],
					     (long long)s->kernel[d]);
	return 0;
}

static int get_input(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     struct npu_onnx_view *view)
{
	int ret = npu_onnx_flow(im, node, 0, view);

	if (ret)
		return ret;
	if (view->rank < 3)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its input has %zu dimensions; 3, (batch, C, W), or 4, "
				     "(batch, C, H, W), can be read",
				     view->rank);
	return npu_onnx_require(im, node, view, view->rank == 3 ? "NCW" : "NCHW");
}

static int show(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		const struct npu_layer *layer, const struct npu_onnx_view *view,
		const uint64_t dim[3])
{
	struct npu_onnx_layer *added;
	struct npu_onnx_view shown;
	int ret;

	added = npu_onnx_add_layer(im, node, layer, &view->layer, 1, dim, &ret);
	if (!added)
		return ret;
	shown = npu_onnx_make_view(npu_onnx_layer_number(im, added),
				   view->rank == 3 ? "NCW" : "NCHW");
	npu_onnx_set_flow(im, node, 0, &shown);
	return 0;
}

int npu_onnx_import_pool(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	bool average = npu_onnx_is_op(node, "AveragePool");
	struct npu_layer layer = { .kind = average ? NPU_LAYER_AVERAGE_POOL : NPU_LAYER_MAX_POOL };
	int64_t shape[2] = { 0 };
	size_t kernel[2];
	struct npu_onnx_sliding s;
	struct npu_onnx_view view;
	int ret = get_input(im, node, &view);

	if (!ret && node->n_output > 1 && *node->output[1])
		ret = npu_onnx_fail(im, node, -EOPNOTSUPP, "its output of indices cannot be read");
	if (!ret)
		ret = npu_onnx_get_ints(im, node, "kernel_shape", view.rank - 2, shape);
	if (ret)
		return ret;
	for (size_t d = 0; d < view.rank - 2; d++) {
		if (shape[d] < 1 || shape[d] > NPU_ONNX_MAX_FEATURES)
			return npu_onnx_fail(im, node, -EINVAL,
					     "attribute 'kernel_shape' is missing, or has %lld",
					     (long long)shape[d]);
		kernel[d] = (size_t)shape[d];
	}
	ret = npu_onnx_read_sliding(im, node, &view, kernel, false, &s);
	if (!ret)
		ret = check_pool(im, node, &s, average);
	if (ret)
		return ret;
	npu_onnx_describe_sliding(im, node, &s, &layer);
	s.out[2] = npu_onnx_dim(im, view.layer)[2];
	return show(im, node, &layer, &view, s.out);
}

int npu_onnx_import_global_pool(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_layer layer = { .kind = npu_onnx_is_op(node, "GlobalAveragePool")
						   ? NPU_LAYER_GLOBAL_AVERAGE_POOL
						   : NPU_LAYER_GLOBAL_MAX_POOL };
	struct npu_onnx_view view;
	int ret = get_input(im, node, &view);

	if (ret)
		return ret;
	return show(im, node, &layer, &view, (uint64_t[]){ 1, 1, npu_onnx_dim(im, view.layer)[2] });
}

/* ReduceMean and ReduceMax over all of height and width. */
int npu_onnx_import_reduce(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	bool mean = npu_onnx_is_op(node, "ReduceMean");
	struct npu_layer layer = { .kind = mean ? NPU_LAYER_GLOBAL_AVERAGE_POOL
						: NPU_LAYER_GLOBAL_MAX_POOL };
	struct npu_onnx_view view, shown = { 0 };
	struct npu_onnx_layer *added;
	unsigned int reduced;
	uint32_t directions;
	uint64_t dim[3];
	int64_t keep = 1;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = npu_onnx_get_int(im, node, "keepdims", &keep);
	if (!ret)
		ret = npu_onnx_get_axes(im, node, view.rank, &reduced);
	if (ret)
		return ret;
	for (size_t i = 0; i < view.rank; i++) {
		bool gone = reduced & 1u << i;

		for (const char *p = view.axis[i]; *p; p++)
			if (gone != (*p == 'H' || *p == 'W') &&
			    (*p == 'N' || npu_onnx_axis_size(im, view.layer, *p) > 1))
				return npu_onnx_fail(im, node, -EOPNOTSUPP,
						     "it does not run over just all of height and "
						     "width, or the steps of a sequence");
		if (gone && !keep)
			continue;
		if (!gone)
			memcpy(shown.axis[shown.rank], view.axis[i], sizeof(view.axis[i]));
		shown.rank++;
	}
	directions = npu_onnx_copy_dim(im, &view, dim);
	dim[0] = dim[1] = 1;
	added = npu_onnx_add_layer(im, node, &layer, &view.layer, 1, dim, &ret);
	if (!added)
		return ret;
	added->directions = directions;
	npu_onnx_look_at(im, added, &shown);
	npu_onnx_set_flow(im, node, 0, &shown);
	return 0;
}
