// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "import.h"

const NpuOnnx__Attribute *npu_onnx_find_attribute(const NpuOnnx__Node *node, const char *name)
{
	for (size_t i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->name && !strcmp(node->attribute[i]->name, name))
			return node->attribute[i];
	return NULL;
}

int npu_onnx_get_int(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		     int64_t *value)
{
	const NpuOnnx__Attribute *a = npu_onnx_find_attribute(node, name);

	if (!a)
		return 0;
	if (a->has_type ? a->type != NPU_ONNX_ATTRIBUTE_INT : !a->has_i)
		return npu_onnx_fail(im, node, -EINVAL, "attribute '%s' is not a whole number",
				     name);
	*value = a->i;
	return 0;
}

int npu_onnx_get_float(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		       const char *name, float *value)
{
	const NpuOnnx__Attribute *a = npu_onnx_find_attribute(node, name);

	if (!a)
		return 0;
	if (a->has_type ? a->type != NPU_ONNX_ATTRIBUTE_FLOAT : !a->has_f)
		return npu_onnx_fail(im, node, -EINVAL, "attribute '%s' is not a number", name);
	*value = a->f;
	return 0;
}

int npu_onnx_get_list(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		      size_t limit, int64_t *value, size_t *count)
{
	const NpuOnnx__Attribute *a = npu_onnx_find_attribute(node, name);

	*count = 0;
	if (!a)
		return 0;
	if ((a->has_type && a->type != NPU_ONNX_ATTRIBUTE_INTS) || a->n_ints > limit)
		return npu_onnx_fail(im, node, -EINVAL,
				     "attribute '%s' has %zu whole numbers; at most %zu can be "
				     "read",
				     name, a->n_ints, limit);
	*count = a->n_ints;
	if (*count)
		memcpy(value, a->ints, *count * sizeof(*value));
	return 0;
}

int npu_onnx_get_ints(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		      size_t count, int64_t *value)
{
	int64_t list[2 * NPU_ONNX_MAX_RANK];
	size_t found;
	int ret = npu_onnx_get_list(im, node, name, 2 * NPU_ONNX_MAX_RANK, list, &found);

	if (ret || !npu_onnx_find_attribute(node, name))
		return ret;
	if (found != count)
		return npu_onnx_fail(im, node, -EINVAL,
				     "attribute '%s' has %zu whole numbers instead of %zu", name,
				     found, count);
	memcpy(value, list, count * sizeof(*value));
	return 0;
}

bool npu_onnx_attribute_is(const NpuOnnx__Node *node, const char *name, const char *value,
			   bool otherwise)
{
	const NpuOnnx__Attribute *a = npu_onnx_find_attribute(node, name);

	if (!a)
		return otherwise;
	return a->has_s && a->s.len == strlen(value) && !memcmp(a->s.data, value, a->s.len);
}

int npu_onnx_get_axes(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t rank,
		      unsigned int *bits)
{
	int64_t axis[NPU_ONNX_MAX_RANK];
	size_t count;
	int ret;

	*bits = 0;
	if (npu_onnx_has_input(node, 1))
		ret = npu_onnx_constant_ints(im, node, node->input[1], axis, NPU_ONNX_MAX_RANK,
					     &count);
	else
		ret = npu_onnx_get_list(im, node, "axes", NPU_ONNX_MAX_RANK, axis, &count);
	for (size_t i = 0; !ret && i < count; i++) {
		int64_t at = axis[i] < 0 ? axis[i] + (int64_t)rank : axis[i];

		if (at < 0 || at >= (int64_t)rank || *bits & 1u << at)
			return npu_onnx_fail(im, node, -EINVAL,
					     "axis %lld is none of %zu dimensions, or named twice",
					     (long long)axis[i], rank);
		*bits |= 1u << at;
	}
	return ret;
}

int npu_onnx_count_axes(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t *count)
{
	int64_t axis[NPU_ONNX_MAX_RANK];

	if (npu_onnx_has_input(node, 1))
		return npu_onnx_constant_ints(im, node, node->input[1], axis, NPU_ONNX_MAX_RANK,
					      count);
	return npu_onnx_get_list(im, node, "axes", NPU_ONNX_MAX_RANK, axis, count);
}
