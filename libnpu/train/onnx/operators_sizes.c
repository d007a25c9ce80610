// SPDX-License-Identifier: MIT
/*
 * DOC: arithmetic of shapes
 *
 * Exporters work shapes out in the graph where the batch may vary: Shape, then Gather or Slice,
 * Concat, and a Reshape by the result; or zeros of such a shape as the states that a recurrent
 * layer starts from. Followed here with the batch as a number that is not known.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

static void set_sizes(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		      const struct npu_onnx_sizes *sizes)
{
	struct npu_onnx_value *value = npu_onnx_find_value(im, node->output[0]);

	if (!value)
		return;
	value->kind = NPU_ONNX_SHAPE;
	value->sizes = *sizes;
}

int npu_onnx_get_sizes(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		       struct npu_onnx_sizes *sizes)
{
	const struct npu_onnx_value *value = npu_onnx_find_value(im, node->input[i]);

	if (value && value->kind == NPU_ONNX_SHAPE) {
		*sizes = value->sizes;
		return 0;
	}
	sizes->columns = 0;
	return npu_onnx_constant_ints(im, node, node->input[i], sizes->value, NPU_ONNX_MAX_SIZES,
				      &sizes->count);
}

/* The dimensions of a flow. */
int npu_onnx_import_shape(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_sizes sizes = { 0 };
	struct npu_onnx_view view;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (ret)
		return ret;
	if (npu_onnx_find_attribute(node, "start") || npu_onnx_find_attribute(node, "end"))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "only the shape of all dimensions can be read");
	sizes.count = view.rank;
	for (size_t i = 0; i < view.rank; i++) {
		sizes.value[i] = (int64_t)npu_onnx_view_size(im, &view, i);
		if (!strchr(view.axis[i], 'N'))
			continue;
		if (!npu_onnx_axis_is(im, &view, i, "N"))
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "dimension %zu mixes the batch with others", i);
		sizes.value[i] = NPU_ONNX_BATCH;
	}
	set_sizes(im, node, &sizes);
	return 0;
}

static int gather_size(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_sizes from, index, to = { 0 };
	int ret = npu_onnx_get_sizes(im, node, 0, &from);

	if (!ret)
		ret = npu_onnx_constant_ints(im, node, node->input[1], index.value,
					     NPU_ONNX_MAX_SIZES, &index.count);
	for (size_t i = 0; !ret && i < index.count; i++) {
		int64_t at = index.value[i] < 0 ? index.value[i] + (int64_t)from.count
						: index.value[i];

		if (at < 0 || at >= (int64_t)from.count)
			return npu_onnx_fail(im, node, -EINVAL, "index %lld of %zu dimensions",
					     (long long)index.value[i], from.count);
		to.value[to.count++] = from.value[at];
	}
	if (!ret)
		set_sizes(im, node, &to);
	return ret;
}

/* Rows of a table, or numbers of a list, from @start to @end, or backwards over all. */
static int slice_size(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_sizes from, to = { 0 };
	int64_t start = 0, end = 0, axis = 0, step = 1, rows;
	size_t count, width;
	int ret = npu_onnx_get_sizes(im, node, 0, &from);

	if (!ret)
		ret = npu_onnx_constant_ints(im, node, node->input[1], &start, 1, &count);
	if (!ret)
		ret = npu_onnx_constant_ints(im, node, node->input[2], &end, 1, &count);
	if (!ret && npu_onnx_has_input(node, 3))
		ret = npu_onnx_constant_ints(im, node, node->input[3], &axis, 1, &count);
	if (!ret && npu_onnx_has_input(node, 4))
		ret = npu_onnx_constant_ints(im, node, node->input[4], &step, 1, &count);
	if (ret)
		return ret;
	width = from.columns ? from.columns : 1;
	rows = (int64_t)(from.count / width);
	start += start < 0 && start >= -rows ? rows : 0;
	end += end < 0 && end >= -rows ? rows : 0;
	if (axis || (step != 1 && (step != -1 || start < rows - 1 || end >= 0)))
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"its step is %lld; 1 along the first dimension, or -1 over all "
			"of it can be read",
			(long long)step);
	to.columns = from.columns;
	for (int64_t i = 0; i < rows; i++) {
		int64_t at = step < 0 ? rows - 1 - i : i;

		if (step > 0 && (at < start || at >= end))
			continue;
		memcpy(to.value + to.count, from.value + (size_t)at * width,
		       width * sizeof(*to.value));
		to.count += width;
	}
	set_sizes(im, node, &to);
	return 0;
}

/* A list as a table, or back. */
static int reshape_sizes(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_sizes sizes, shape;
	int ret = npu_onnx_get_sizes(im, node, 0, &sizes);

	if (!ret)
		ret = npu_onnx_get_sizes(im, node, 1, &shape);
	if (ret)
		return ret;
	if (shape.count > 2 ||
	    (shape.count == 2 && (shape.value[1] < 1 || shape.value[1] > (int64_t)sizes.count ||
				  sizes.count % (size_t)shape.value[1])))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "%zu numbers about a shape can be a list or a table only",
				     sizes.count);
	sizes.columns = shape.count == 2 ? (size_t)shape.value[1] : 0;
	set_sizes(im, node, &sizes);
	return 0;
}

static int transpose_sizes(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_sizes from, to;
	size_t width, rows;
	int ret = npu_onnx_get_sizes(im, node, 0, &from);

	if (ret)
		return ret;
	to = from;
	width = from.columns ? from.columns : 1;
	rows = from.count / width;
	for (size_t i = 0; i < from.count; i++)
		to.value[i % width * rows + i / width] = from.value[i];
	to.columns = from.columns ? rows : 0;
	set_sizes(im, node, &to);
	return 0;
}

static int concat_sizes(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_sizes from, to = { 0 };

	for (size_t i = 0; i < node->n_input; i++) {
		int ret = npu_onnx_get_sizes(im, node, i, &from);

		if (ret)
			return ret;
		if (to.count + from.count > NPU_ONNX_MAX_SIZES)
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "more than %d numbers about a shape",
					     NPU_ONNX_MAX_SIZES);
		memcpy(to.value + to.count, from.value, from.count * sizeof(*to.value));
		to.count += from.count;
	}
	set_sizes(im, node, &to);
	return 0;
}

static int pass_sizes(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_sizes sizes;
	int ret = npu_onnx_get_sizes(im, node, 0, &sizes);

	if (!ret)
		set_sizes(im, node, &sizes);
	return ret;
}

/* Does the node's input 0 say a list of so many numbers? */
static bool is_short_list(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  int64_t *count)
{
	size_t dims;

	return npu_onnx_find_constant(im, node->input[0]) &&
	       !npu_onnx_constant_ints(im, node, node->input[0], count, 1, &dims) && *count >= 0 &&
	       *count <= NPU_ONNX_MAX_SIZES;
}

/* ConstantOfShape of zeros, Expand of zeros. */
int npu_onnx_import_zeros(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	const NpuOnnx__Attribute *a = npu_onnx_find_attribute(node, "value");
	struct npu_onnx_value *value = npu_onnx_find_value(im, node->output[0]);
	bool expand = npu_onnx_is_op(node, "Expand");
	const NpuOnnx__Tensor *t = a ? a->t : NULL;
	struct npu_onnx_sizes sizes = { 0 };
	int64_t count;
	struct npu_onnx_array from;
	bool zero = true;
	int ret;

	for (size_t i = 0; t && i < t->raw_data.len; i++)
		zero = zero && !t->raw_data.data[i];
	for (size_t i = 0; t && i < t->n_float_data; i++)
		zero = zero && t->float_data[i] == 0;
	for (size_t i = 0; t && i < t->n_int64_data; i++)
		zero = zero && t->int64_data[i] == 0;
	if (expand) {
		const struct npu_onnx_value *source = npu_onnx_find_value(im, node->input[0]);

		if (source && source->kind != NPU_ONNX_ZERO) {
			ret = npu_onnx_constant_floats(im, node, node->input[0], &from);
			if (ret)
				return ret;
			for (size_t i = 0; i < from.count; i++)
				zero = zero && from.value[i] == 0;
			free(from.value);
		}
	}
	if (!zero)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "only zeros of a shape that the graph works out can be read");
	/* A list of whole numbers goes into a shape; all else is where a layer starts from. */
	if (t && t->data_type == NPU_ONNX_INT64 && is_short_list(im, node, &count)) {
		sizes.count = (size_t)count;
		set_sizes(im, node, &sizes);
	} else if (value) {
		value->kind = NPU_ONNX_ZERO;
	}
	return 0;
}

int npu_onnx_import_sizes(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	if (npu_onnx_is_op(node, "Gather"))
		return gather_size(im, node);
	if (npu_onnx_is_op(node, "Slice"))
		return slice_size(im, node);
	if (npu_onnx_is_op(node, "Concat"))
		return concat_sizes(im, node);
	if (npu_onnx_is_op(node, "Reshape"))
		return reshape_sizes(im, node);
	if (npu_onnx_is_op(node, "Transpose"))
		return transpose_sizes(im, node);
	if (npu_onnx_is_op(node, "Cast") || npu_onnx_is_op(node, "Unsqueeze") ||
	    npu_onnx_is_op(node, "Squeeze") || npu_onnx_is_op(node, "Identity"))
		return pass_sizes(im, node);
	return npu_onnx_fail(im, node, -EOPNOTSUPP,
			     "its input 0 is numbers about a shape; Gather, Slice, Concat, Cast, "
			     "Squeeze, Unsqueeze, Transpose and Reshape can use such");
}
