// SPDX-License-Identifier: MIT
/* Nodes that only show values in another shape, or nothing new at all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

/* Is the node a layer of that kind to npu_model_save()? */
static bool is_layer(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     enum npu_layer_kind kind)
{
	return im->ours && npu_onnx_find_facts(im, node->name).kind == kind;
}

/* A layer that keeps the order of memory; output and view as @axes, of sizes @dim. */
static int add_identity(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			const struct npu_layer *layer, const struct npu_onnx_view *from,
			const uint64_t dim[3], const char *axes)
{
	struct npu_onnx_layer *added;
	struct npu_onnx_view view;
	int ret;

	if (!npu_onnx_in_order(im, from))
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"it mixes axes in an order that memory does not have (libnpu's "
			"is H, W, C); put a Transpose in front, or a dense layer behind "
			"a Flatten");
	added = npu_onnx_add_layer(im, node, layer, &from->layer, 1, dim, &ret);
	if (!added)
		return ret;
	view = npu_onnx_make_view(npu_onnx_layer_number(im, added), axes);
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}

/* Show @view as [batch, features]. */
static void flatten(struct npu_onnx_view *view)
{
	char all[8] = "";

	for (size_t i = 1; i < view->rank; i++)
		strcat(all, view->axis[i]);
	view->rank = 2;
	memcpy(view->axis[1], all, sizeof(all));
}

int npu_onnx_import_flatten(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_layer layer = { .kind = NPU_LAYER_FLATTEN };
	struct npu_onnx_view view;
	int64_t axis = 1;
	int ret = npu_onnx_get_int(im, node, "axis", &axis);

	if (!ret)
		ret = npu_onnx_flow(im, node, 0, &view);
	if (ret)
		return ret;
	if (axis < 0)
		axis += (int64_t)view.rank;
	if (axis != 1 || !npu_onnx_axis_is(im, &view, 0, "N"))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "attribute 'axis' is %lld of %zu dimensions; only 1, (batch, "
				     "features), can be read",
				     (long long)axis, view.rank);
	if (is_layer(im, node, NPU_LAYER_FLATTEN))
		return add_identity(im, node, &layer, &view,
				    (uint64_t[]){ 1, 1, npu_onnx_view_features(im, &view) }, "NC");
	flatten(&view);
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}

/* --------------------------------------------------------------- Reshape */

/**
 * struct target - the shape that a Reshape is to make
 * @rank: dimensions
 * @size: of each without the batch; 1 for the batch alone
 * @batch: the one that has the batch
 */
struct target {
	size_t rank;
	uint64_t size[NPU_ONNX_MAX_RANK];
	size_t batch;
};

/* Is @shape[@i] the batch and nothing else, as far as the number says? */
static bool names_batch(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			const int64_t *shape, size_t i, bool zero_copies)
{
	if (shape[i] == NPU_ONNX_BATCH)
		return true;
	if (shape[i] == 0)
		return zero_copies && i < view->rank && npu_onnx_axis_is(im, view, i, "N");
	return im->batch && shape[i] == (int64_t)im->batch;
}

/* Work the numbers of @shape out; false where they do not fit, or the batch cannot be told. */
static bool find_target(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			const int64_t *shape, size_t rank, bool zero_copies, struct target *to)
{
	uint64_t features = npu_onnx_view_features(im, view), known = 1;
	size_t left = rank;

	*to = (struct target){ .rank = rank, .batch = rank };
	for (size_t i = 0; i < rank; i++) {
		bool copied = shape[i] == 0 && zero_copies && i < view->rank;

		to->size[i] = 1;
		if (to->batch == rank && names_batch(im, view, shape, i, zero_copies)) {
			to->batch = i;
			continue;
		}
		if (shape[i] == -1 && left == rank) {
			left = i;
			continue;
		}
		to->size[i] = copied ? npu_onnx_view_size(im, view, i) : (uint64_t)shape[i];
		if (to->size[i] < 1 || to->size[i] > features || (known *= to->size[i]) > features)
			return false;
	}
	if (left < rank) {
		to->size[left] = features / known;
		if (to->batch == rank)
			to->batch = left;
	} else if (to->batch == rank) {
		return false;
	}
	known *= left < rank ? to->size[left] : 1;
	return known == features;
}

/* Give the view those dimensions by moving its axes; false where one would have to be cut. */
static bool regroup(const struct npu_onnx_import *im, const struct target *to,
		    struct npu_onnx_view *view)
{
	struct npu_onnx_view new = { .layer = view->layer,
				     .rank = to->rank,
				     .version = view->version };
	char all[16] = "", *p = all;

	for (size_t i = 0; i < view->rank; i++)
		strcat(all, view->axis[i]);
	for (size_t i = 0; i < to->rank; i++) {
		bool need_batch = i == to->batch;
		uint64_t size = 1;
		size_t n = 0;

		/* Of axes of one element each dimension of one takes one, the last one all. */
		while (*p && (size < to->size[i] || need_batch || i + 1 == to->rank ||
			      (!n && npu_onnx_axis_size(im, view->layer, *p) == 1))) {
			if (*p == 'N' && !need_batch)
				return false;
			size *= npu_onnx_axis_size(im, view->layer, *p);
			need_batch = need_batch && *p != 'N';
			new.axis[i][n++] = *p++;
			if (size > to->size[i] || n == sizeof(new.axis[i]))
				return false;
		}
		if (size != to->size[i] || need_batch)
			return false;
	}
	if (*p)
		return false;
	*view = new;
	return true;
}

/* As a layer of the model, in the order of memory. */
static int add_reshape(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		       const struct npu_onnx_view *view, const struct target *to)
{
	static const char *const axes[] = { "", "N", "NC", "NWC", "NHWC" };
	struct npu_layer layer = { .kind = NPU_LAYER_RESHAPE };
	const struct npu_onnx_layer *from;
	uint64_t dim[3] = { 1, 1, 1 };
	int ret;

	if (to->batch != 0 || to->size[0] != 1)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "it mixes samples with other dimensions, which cannot be "
				     "read; keep the batch first");
	for (size_t i = 1; i < to->rank; i++)
		dim[3 - (to->rank - i)] = to->size[i];
	for (size_t i = 0; i < 3; i++)
		layer.dim[i] = (uint32_t)dim[i];
	ret = add_identity(im, node, &layer, view, dim, axes[to->rank]);
	from = view->layer < 0 ? NULL : &im->layer[view->layer];
	if (!ret && !im->ours && from && from->layer.kind == NPU_LAYER_DENSE)
		im->layer[im->layers - 1].movable = from->readers == 1;
	return ret;
}

/* The numbers of a Reshape's second input. */
static int get_shape(const struct npu_onnx_import *im, const NpuOnnx__Node *node, int64_t *shape,
		     size_t *rank)
{
	struct npu_onnx_sizes sizes;
	int ret = npu_onnx_get_sizes(im, node, 1, &sizes);

	if (ret)
		return ret;
	if (sizes.count > NPU_ONNX_MAX_RANK)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "it makes %zu dimensions; at most %d can be read", sizes.count,
				     NPU_ONNX_MAX_RANK);
	*rank = sizes.count;
	memcpy(shape, sizes.value, sizes.count * sizeof(*shape));
	return 0;
}

int npu_onnx_import_reshape(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t shape[NPU_ONNX_MAX_RANK], allow_zero = 0;
	bool ours = is_layer(im, node, NPU_LAYER_RESHAPE);
	struct npu_onnx_view view;
	struct target to;
	size_t rank = 0;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = npu_onnx_get_int(im, node, "allowzero", &allow_zero);
	if (!ret)
		ret = get_shape(im, node, shape, &rank);
	if (ret)
		return ret;
	if (!find_target(im, &view, shape, rank, !allow_zero, &to))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its shape does not give the %zu values of a sample other "
				     "dimensions and leave the batch; (batch, ...) would",
				     npu_onnx_view_features(im, &view));
	if (ours || !regroup(im, &to, &view))
		return add_reshape(im, node, &view, &to);
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}

/* ----------------------------------------- Transpose, Squeeze, Unsqueeze */

int npu_onnx_import_transpose(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_view view, from;
	int64_t perm[NPU_ONNX_MAX_RANK];
	unsigned int seen = 0;
	int ret = npu_onnx_flow(im, node, 0, &from);

	if (ret)
		return ret;
	for (size_t i = 0; i < from.rank; i++)
		perm[i] = (int64_t)(from.rank - 1 - i);
	ret = npu_onnx_get_ints(im, node, "perm", from.rank, perm);
	if (ret)
		return ret;
	view = from;
	for (size_t i = 0; i < from.rank; i++) {
		if (perm[i] < 0 || perm[i] >= (int64_t)from.rank || seen & 1u << perm[i])
			return npu_onnx_fail(im, node, -EINVAL,
					     "attribute 'perm' is no order of %zu dimensions",
					     from.rank);
		seen |= 1u << perm[i];
		memcpy(view.axis[i], from.axis[perm[i]], sizeof(view.axis[i]));
	}
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}

int npu_onnx_import_squeeze(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_view view, from;
	unsigned int drop;
	int ret = npu_onnx_flow(im, node, 0, &from);

	if (!ret)
		ret = npu_onnx_get_axes(im, node, from.rank, &drop);
	if (ret)
		return ret;
	view = from;
	view.rank = 0;
	for (size_t i = 0; i < from.rank; i++) {
		bool one = npu_onnx_axis_is(im, &from, i, "");

		if (drop ? drop & 1u << i : one) {
			if (!one)
				return npu_onnx_fail(im, node, -EOPNOTSUPP,
						     "dimension %zu is the batch or has more than "
						     "one element",
						     i);
			continue;
		}
		memcpy(view.axis[view.rank++], from.axis[i], sizeof(from.axis[i]));
	}
	for (size_t i = view.rank; i < NPU_ONNX_MAX_RANK; i++)
		memset(view.axis[i], 0, sizeof(view.axis[i]));
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}

int npu_onnx_import_unsqueeze(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_view view, from;
	unsigned int put;
	size_t rank, count, k = 0;
	int ret = npu_onnx_flow(im, node, 0, &from);

	if (!ret)
		ret = npu_onnx_count_axes(im, node, &count);
	if (ret)
		return ret;
	rank = from.rank + count;
	if (rank > NPU_ONNX_MAX_RANK)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "it makes %zu dimensions; at most %d can be read", rank,
				     NPU_ONNX_MAX_RANK);
	ret = npu_onnx_get_axes(im, node, rank, &put);
	if (ret)
		return ret;
	view = from;
	view.rank = rank;
	for (size_t i = 0; i < rank; i++) {
		memset(view.axis[i], 0, sizeof(view.axis[i]));
		if (!(put & 1u << i))
			memcpy(view.axis[i], from.axis[k++], sizeof(view.axis[i]));
	}
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}

/* ---------------------------------------------------------------- nothing */

int npu_onnx_import_identity(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_view view;
	int ret;

	/* A linear activation is a layer to npu_model_save(); to others it is nothing. */
	if (im->ours)
		return npu_onnx_add_activation(im, node, node->input[0], NPU_LINEAR, 0);
	ret = npu_onnx_flow(im, node, 0, &view);
	if (!ret)
		npu_onnx_set_flow(im, node, 0, &view);
	return ret;
}

int npu_onnx_import_dropout(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_layer layer = { .kind = NPU_LAYER_DROPOUT, .rate = .5f };
	struct npu_onnx_layer *added;
	struct npu_onnx_view view;
	int64_t training = 0;
	uint32_t directions;
	uint64_t dim[3];
	size_t count;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret && npu_onnx_has_input(node, 2))
		ret = npu_onnx_constant_ints(im, node, node->input[2], &training, 1, &count);
	if (!ret && training)
		ret = npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"it is in training mode, which is random; export the model for inference");
	if (ret)
		return ret;
	if (is_layer(im, node, NPU_LAYER_DROPOUT)) {
		if (npu_onnx_has_input(node, 1) &&
		    !npu_onnx_constant_scalar(im, node->input[1], &layer.rate))
			return npu_onnx_fail(im, node, -EINVAL, "its ratio is not one float");
		directions = npu_onnx_copy_dim(im, &view, dim);
		added = npu_onnx_add_layer(im, node, &layer, &view.layer, 1, dim, &ret);
		if (!added)
			return ret;
		added->directions = directions;
		npu_onnx_look_at(im, added, &view);
	}
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}
