// SPDX-License-Identifier: MIT
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

static bool is_scalar(const NpuOnnx__Attribute *a)
{
	return !strcmp(a->name, "value_float") || !strcmp(a->name, "value_int");
}

/* Elements of a tensor, each dimension at least 1; the file is no smaller than they are many. */
static int count_elements(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  const NpuOnnx__Tensor *t, size_t *count)
{
	if (t->data_location)
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"tensor '%.48s' lies in another file; export the model into one",
			npu_onnx_name(t->name));
	*count = 1;
	for (size_t i = 0; i < t->n_dims; i++) {
		if (t->dims[i] < 1 || (uint64_t)t->dims[i] > im->bytes / *count)
			return npu_onnx_fail(im, node, -EINVAL,
					     "tensor '%.48s' has a dimension of %lld; the file is "
					     "damaged: export it again",
					     npu_onnx_name(t->name), (long long)t->dims[i]);
		*count *= (size_t)t->dims[i];
	}
	return 0;
}

static void view_whole(struct npu_onnx_constant *c)
{
	size_t step = 1;

	for (size_t i = c->rank; i-- > 0; step *= c->dim[i])
		c->stride[i] = step;
	c->viewed = true;
}

int npu_onnx_constant_shape(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    const struct npu_onnx_constant *constant,
			    struct npu_onnx_constant *viewed)
{
	const NpuOnnx__Tensor *t = constant->tensor;
	const NpuOnnx__Attribute *a = constant->attribute;
	size_t count;
	int ret;

	*viewed = *constant;
	if (viewed->viewed)
		return 0;
	if (a) {
		viewed->rank = !is_scalar(a);
		viewed->dim[0] = strcmp(a->name, "value_ints") ? a->n_floats : a->n_ints;
		view_whole(viewed);
		return 0;
	}
	ret = count_elements(im, node, t, &count);
	if (ret)
		return ret;
	if (t->n_dims > NPU_ONNX_MAX_RANK)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "tensor '%.48s' has %zu dimensions; at most %d can be read",
				     npu_onnx_name(t->name), t->n_dims, NPU_ONNX_MAX_RANK);
	viewed->rank = t->n_dims;
	for (size_t i = 0; i < t->n_dims; i++)
		viewed->dim[i] = t->dims[i];
	view_whole(viewed);
	return 0;
}

/* Bytes of raw_data for an element; 0 if the data is in fields instead. */
static int check_data(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		      const NpuOnnx__Tensor *t, size_t count, size_t element, size_t fields)
{
	size_t held = t->has_raw_data ? t->raw_data.len / element : fields;

	if (held != count || (t->has_raw_data && t->raw_data.len % element))
		return npu_onnx_fail(im, node, -EINVAL,
				     "tensor '%.48s' should hold %zu values and holds %zu; the "
				     "file is damaged: export it again",
				     npu_onnx_name(t->name), count, held);
	return 0;
}

static float read_float(const NpuOnnx__Tensor *t, size_t i)
{
	uint32_t bits;
	float value;

	if (t->has_raw_data) {
		memcpy(&bits, t->raw_data.data + i * sizeof(bits), sizeof(bits));
		bits = le32toh(bits);
	} else {
		memcpy(&bits, &t->float_data[i], sizeof(bits));
	}
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* All elements in the order of the view. */
static void copy_floats(float *value, const struct npu_onnx_constant *c, size_t count)
{
	size_t index[NPU_ONNX_MAX_RANK] = { 0 }, at = 0;

	for (size_t k = 0; k < count; k++) {
		value[k] = c->tensor ? read_float(c->tensor, at)
			   : c->rank ? c->attribute->floats[at]
				     : c->attribute->f;
		for (size_t i = c->rank; i-- > 0;) {
			at += c->stride[i];
			if (++index[i] < c->dim[i])
				break;
			at -= c->stride[i] * c->dim[i];
			index[i] = 0;
		}
	}
}

/* That the constant is of floats, and holds as many as it says. */
static int check_floats(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			const struct npu_onnx_constant *c, size_t count)
{
	const NpuOnnx__Tensor *t = c->tensor;

	if (!t && strncmp(c->attribute->name, "value_float", 11))
		return npu_onnx_fail(im, node, -EOPNOTSUPP, "constant '%.32s' is not of floats",
				     c->attribute->name);
	if (!t)
		return 0;
	if (t->data_type != NPU_ONNX_FLOAT)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "tensor '%.48s' has ONNX type %d; 32-bit floats (1) can be "
				     "read: export the model in float32",
				     npu_onnx_name(t->name), t->data_type);
	return check_data(im, node, t, count, sizeof(float), t->n_float_data);
}

/* A file that makes much of the same constants takes memory that it did not bring. */
static int check_copied(struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t count)
{
	if (im->copied + count > NPU_ONNX_MAX_FEATURES + im->bytes)
		return npu_onnx_fail(im, node, -EFBIG,
				     "the constants are used for over %zu weights, more than the "
				     "file holds; export it again",
				     im->copied);
	im->copied += count;
	return 0;
}

static int find_input(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		      const struct npu_onnx_constant **constant)
{
	*constant = npu_onnx_find_constant(im, name);
	if (*constant)
		return 0;
	return npu_onnx_fail(im, node, -EOPNOTSUPP,
			     "input '%.48s' is not a constant, and only one can be used there",
			     npu_onnx_name(name));
}

int npu_onnx_constant_floats(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			     const char *name, struct npu_onnx_array *array)
{
	const struct npu_onnx_constant *found;
	struct npu_onnx_constant c;
	int ret = find_input(im, node, name, &found);

	memset(array, 0, sizeof(*array));
	if (!ret)
		ret = npu_onnx_constant_shape(im, node, found, &c);
	if (ret)
		return ret;
	array->rank = c.rank;
	array->count = 1;
	for (size_t i = 0; i < c.rank; i++) {
		array->dim[i] = c.dim[i];
		array->count *= c.dim[i];
	}
	ret = check_floats(im, node, &c, array->count);
	if (!ret && !array->count)
		ret = npu_onnx_fail(im, node, -EINVAL, "constant '%.48s' is empty", name);
	if (!ret)
		ret = check_copied(im, node, array->count);
	if (ret)
		return ret;
	array->value = calloc(array->count, sizeof(*array->value));
	if (!array->value)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu values", array->count);
	copy_floats(array->value, &c, array->count);
	return 0;
}

bool npu_onnx_constant_scalar(struct npu_onnx_import *im, const char *name, float *value)
{
	const struct npu_onnx_constant *c = npu_onnx_find_constant(im, name);
	const NpuOnnx__Tensor *t = c ? c->tensor : NULL;

	if (!c)
		return false;
	if (!t) {
		if (strcmp(c->attribute->name, "value_float"))
			return false;
		*value = c->attribute->f;
		return true;
	}
	for (size_t i = 0; i < t->n_dims; i++)
		if (t->dims[i] != 1)
			return false;
	if (t->data_type != NPU_ONNX_FLOAT || t->data_location ||
	    (t->has_raw_data ? t->raw_data.len != sizeof(float) : t->n_float_data != 1))
		return false;
	*value = read_float(t, 0);
	return true;
}

static int read_ints(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     const NpuOnnx__Tensor *t, int64_t *value, size_t limit, size_t *count)
{
	size_t element = t->data_type == NPU_ONNX_BOOL ? 1 : 8;
	size_t fields = element == 1 ? t->n_int32_data : t->n_int64_data;
	size_t elements;
	int ret = count_elements(im, node, t, &elements);

	if (!ret && t->data_type != NPU_ONNX_BOOL && t->data_type != NPU_ONNX_INT64)
		ret = npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"tensor '%.48s' has ONNX type %d where whole numbers (7) are wanted",
			npu_onnx_name(t->name), t->data_type);
	if (!ret && elements > limit)
		ret = npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"tensor '%.48s' holds %zu numbers; at most %zu can be used here",
			npu_onnx_name(t->name), elements, limit);
	if (!ret)
		ret = check_data(im, node, t, elements, element, fields);
	if (ret)
		return ret;
	*count = elements;
	for (size_t k = 0; k < elements; k++) {
		if (!t->has_raw_data) {
			value[k] = element == 1 ? t->int32_data[k] : t->int64_data[k];
		} else if (element == 1) {
			value[k] = t->raw_data.data[k];
		} else {
			memcpy(&value[k], t->raw_data.data + 8 * k, 8);
			value[k] = (int64_t)le64toh((uint64_t)value[k]);
		}
	}
	return 0;
}

int npu_onnx_constant_ints(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			   const char *name, int64_t *value, size_t limit, size_t *count)
{
	const struct npu_onnx_constant *c;
	int ret = find_input(im, node, name, &c);
	bool scalar;

	if (ret)
		return ret;
	if (c->tensor)
		return read_ints(im, node, c->tensor, value, limit, count);
	scalar = is_scalar(c->attribute);
	*count = scalar ? 1 : c->attribute->n_ints;
	if (strncmp(c->attribute->name, "value_int", 9) || !*count || *count > limit)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "constant '%.32s' does not hold 1 to %zu whole numbers",
				     c->attribute->name, limit);
	memcpy(value, scalar ? &c->attribute->i : c->attribute->ints, *count * sizeof(*value));
	return 0;
}
