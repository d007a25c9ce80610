// SPDX-License-Identifier: MIT
/*
 * DOC: constants in other shapes
 *
 * Reshape, Transpose, Squeeze, Unsqueeze, Flatten, Identity and Cast of a constant are another
 * view of it: dimensions and strides. Nothing is copied, so that a made-up file cannot multiply
 * what it holds.
 */
#include <errno.h>
#include <string.h>

#include "import.h"

static bool is_contiguous(const struct npu_onnx_constant *c)
{
	size_t step = 1;

	for (size_t i = c->rank; i-- > 0; step *= c->dim[i])
		if (c->dim[i] > 1 && c->stride[i] != step)
			return false;
	return true;
}

/* The same elements as @shape says, with 0 for what was and -1 for what is left. */
static int reshape(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		   struct npu_onnx_constant *c, const int64_t *shape, size_t rank)
{
	size_t count = 1, known = 1, left = rank, dim[NPU_ONNX_MAX_RANK];

	for (size_t i = 0; i < c->rank; i++)
		count *= c->dim[i];
	for (size_t i = 0; i < rank; i++) {
		dim[i] = shape[i] == 0 && i < c->rank ? c->dim[i] : (size_t)shape[i];
		if (shape[i] == -1 && left == rank) {
			left = i;
			continue;
		}
		if (dim[i] < 1 || dim[i] > count || (known *= dim[i]) > count)
			return npu_onnx_fail(im, node, -EINVAL,
					     "a constant of %zu values has no such shape", count);
	}
	if (left < rank)
		dim[left] = count / known;
	if (known * (left < rank ? dim[left] : 1) != count)
		return npu_onnx_fail(im, node, -EINVAL,
				     "a constant of %zu values has no such shape", count);
	if (!is_contiguous(c))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "a constant that was transposed cannot be reshaped; export "
				     "with constants folded");
	c->rank = rank;
	for (size_t i = rank, step = 1; i-- > 0; step *= dim[i]) {
		c->dim[i] = dim[i];
		c->stride[i] = step;
	}
	return 0;
}

static int fold_reshape(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			struct npu_onnx_constant *c)
{
	int64_t shape[NPU_ONNX_MAX_RANK];
	size_t rank;
	int ret = npu_onnx_constant_ints(im, node, node->input[1], shape, NPU_ONNX_MAX_RANK, &rank);

	return ret ? ret : reshape(im, node, c, shape, rank);
}

static int fold_flatten(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			struct npu_onnx_constant *c)
{
	int64_t axis = 1, shape[2] = { 1, -1 };
	int ret = npu_onnx_get_int(im, node, "axis", &axis);

	if (ret)
		return ret;
	if (axis < 0)
		axis += (int64_t)c->rank;
	for (int64_t i = 0; i < axis && i < (int64_t)c->rank; i++)
		shape[0] *= (int64_t)c->dim[i];
	return reshape(im, node, c, shape, 2);
}

static int fold_transpose(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  struct npu_onnx_constant *c)
{
	const struct npu_onnx_constant from = *c;
	int64_t perm[NPU_ONNX_MAX_RANK];
	unsigned int seen = 0;
	int ret;

	for (size_t i = 0; i < from.rank; i++)
		perm[i] = (int64_t)(from.rank - 1 - i);
	ret = npu_onnx_get_ints(im, node, "perm", from.rank, perm);
	for (size_t i = 0; !ret && i < from.rank; i++) {
		if (perm[i] < 0 || perm[i] >= (int64_t)from.rank || seen & 1u << perm[i])
			return npu_onnx_fail(im, node, -EINVAL,
					     "attribute 'perm' is no order of %zu dimensions",
					     from.rank);
		seen |= 1u << perm[i];
		c->dim[i] = from.dim[perm[i]];
		c->stride[i] = from.stride[perm[i]];
	}
	return ret;
}

static int fold_squeeze(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			struct npu_onnx_constant *c)
{
	unsigned int drop;
	size_t rank = 0;
	int ret = npu_onnx_get_axes(im, node, c->rank, &drop);

	for (size_t i = 0; !ret && i < c->rank; i++) {
		if (c->dim[i] == 1 && (!drop || drop & 1u << i))
			continue;
		c->dim[rank] = c->dim[i];
		c->stride[rank++] = c->stride[i];
	}
	c->rank = rank;
	return ret;
}

static int fold_unsqueeze(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  struct npu_onnx_constant *c)
{
	const struct npu_onnx_constant from = *c;
	size_t count, rank, k = 0;
	unsigned int put;
	int ret = npu_onnx_count_axes(im, node, &count);

	if (ret)
		return ret;
	rank = from.rank + count;
	if (rank > NPU_ONNX_MAX_RANK)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "it makes %zu dimensions; at most %d can be read", rank,
				     NPU_ONNX_MAX_RANK);
	ret = npu_onnx_get_axes(im, node, rank, &put);
	for (size_t i = 0; !ret && i < rank; i++) {
		bool new = put & 1u << i;

		c->dim[i] = new ? 1 : from.dim[k];
		c->stride[i] = new ? 1 : from.stride[k];
		k += !new;
	}
	c->rank = rank;
	return ret;
}

int npu_onnx_fold(struct npu_onnx_import *im, const NpuOnnx__Node *node, bool *folded)
{
	static const struct {
		const char *op;
		int (*fold)(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    struct npu_onnx_constant *c);
	} known[] = {
		{ "Identity", NULL },
		{ "Cast", NULL },
		{ "Reshape", fold_reshape },
		{ "Flatten", fold_flatten },
		{ "Transpose", fold_transpose },
		{ "Squeeze", fold_squeeze },
		{ "Unsqueeze", fold_unsqueeze },
	};
	const struct npu_onnx_constant *from =
		node->n_input ? npu_onnx_find_constant(im, node->input[0]) : NULL;
	struct npu_onnx_value *to = node->n_output ? npu_onnx_find_value(im, node->output[0])
						   : NULL;
	struct npu_onnx_constant c;
	size_t i = 0, count = sizeof(known) / sizeof(known[0]);
	int ret;

	while (i < count && !npu_onnx_is_op(node, known[i].op))
		i++;
	*folded = false;
	if (i == count || !from || !to || to->kind != NPU_ONNX_UNKNOWN)
		return 0;
	/* Whole numbers are shapes, whose own shape does not matter. */
	if (known[i].fold && from->tensor && from->tensor->data_type == NPU_ONNX_FLOAT) {
		if (known[i].fold == fold_reshape && node->n_input < 2)
			return npu_onnx_fail(im, node, -EINVAL, "it has one input instead of two");
		ret = npu_onnx_constant_shape(im, node, from, &c);
		if (!ret)
			ret = known[i].fold(im, node, &c);
		if (ret)
			return ret;
	} else {
		c = *from;
	}
	to->kind = NPU_ONNX_CONSTANT;
	to->constant = c;
	*folded = true;
	return 0;
}
