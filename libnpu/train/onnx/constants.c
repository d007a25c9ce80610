// SPDX-License-Identifier: MIT
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

static int compare(const void *a, const void *b)
{
	const struct npu_onnx_constant *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void add(struct npu_onnx_import *im, const struct npu_onnx_constant *constant)
{
	if (constant->name && *constant->name)
		im->constant[im->constants++] = *constant;
}

/* The value of a Constant node. */
static int add_node(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_constant constant = { .name = node->n_output ? node->output[0] : NULL };
	const NpuOnnx__Attribute *a = node->n_attribute == 1 ? node->attribute[0] : NULL;

	if (!a || !a->name)
		return npu_onnx_fail(im, node, -EINVAL,
				     "a constant has one attribute, this has %zu",
				     node->n_attribute);
	if (!strcmp(a->name, "value"))
		constant.tensor = a->t;
	else if (!strcmp(a->name, "value_float") || !strcmp(a->name, "value_floats") ||
		 !strcmp(a->name, "value_int") || !strcmp(a->name, "value_ints"))
		constant.attribute = a;
	if (!constant.tensor && !constant.attribute)
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"attribute '%.32s' cannot be read; a value of floats or whole numbers can",
			a->name);
	add(im, &constant);
	return 0;
}

static bool is_op(const NpuOnnx__Node *node, const char *op)
{
	return node->op_type && !strcmp(node->op_type, op);
}

int npu_onnx_list_constants(struct npu_onnx_import *im)
{
	const NpuOnnx__Graph *g = im->graph;
	size_t direct;
	int ret;

	im->constant = calloc(g->n_initializer + g->n_node + 1, sizeof(*im->constant));
	if (!im->constant)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu constants",
				     g->n_initializer + g->n_node);
	for (size_t i = 0; i < g->n_initializer; i++)
		add(im, &(struct npu_onnx_constant){ .name = g->initializer[i]->name,
						     .tensor = g->initializer[i] });
	for (size_t i = 0; i < g->n_node; i++) {
		if (!is_op(g->node[i], "Constant"))
			continue;
		ret = add_node(im, g->node[i]);
		if (ret)
			return ret;
	}
	qsort(im->constant, im->constants, sizeof(*im->constant), compare);
	/* Exporters copy a constant that serves twice; the copy is the same under another name. */
	direct = im->constants;
	for (size_t i = 0; i < g->n_node; i++) {
		const NpuOnnx__Node *node = g->node[i];
		struct npu_onnx_constant copy = { 0 }, *original;

		if (!is_op(node, "Identity") || node->n_input != 1 || node->n_output != 1)
			continue;
		copy.name = node->input[0];
		original = bsearch(&copy, im->constant, direct, sizeof(copy), compare);
		if (!original)
			continue;
		copy = *original;
		copy.name = node->output[0];
		add(im, &copy);
	}
	qsort(im->constant, im->constants, sizeof(*im->constant), compare);
	return 0;
}

const struct npu_onnx_constant *npu_onnx_find_constant(const struct npu_onnx_import *im,
						       const char *name)
{
	struct npu_onnx_constant key = { .name = name };

	return bsearch(&key, im->constant, im->constants, sizeof(key), compare);
}

/* Rank, dimensions and the count they multiply to; each dimension at least 1. */
static int read_shape(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		      const NpuOnnx__Tensor *t, struct npu_onnx_array *array)
{
	if (t->n_dims > NPU_ONNX_MAX_RANK)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "tensor '%.48s' has %zu dimensions; at most %d can be read",
				     npu_onnx_name(t->name), t->n_dims, NPU_ONNX_MAX_RANK);
	array->rank = t->n_dims;
	array->count = 1;
	for (size_t i = 0; i < t->n_dims; i++) {
		if (t->dims[i] < 1 ||
		    __builtin_mul_overflow(array->count, (uint64_t)t->dims[i], &array->count))
			return npu_onnx_fail(im, node, -EINVAL,
					     "tensor '%.48s' has a dimension of %lld; the file is "
					     "damaged: export it again",
					     npu_onnx_name(t->name), (long long)t->dims[i]);
		array->dim[i] = t->dims[i];
	}
	return 0;
}

/* Bytes of raw_data for an element; 0 if the data is in fields instead. */
static int check_data(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		      const NpuOnnx__Tensor *t, size_t count, size_t element, size_t fields)
{
	size_t held = t->has_raw_data ? t->raw_data.len / element : fields;

	if (t->data_location)
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"tensor '%.48s' lies in another file; export the model into one",
			npu_onnx_name(t->name));
	if (held != count || (t->has_raw_data && t->raw_data.len % element))
		return npu_onnx_fail(im, node, -EINVAL,
				     "tensor '%.48s' should hold %zu values and holds %zu; the "
				     "file is damaged: export it again",
				     npu_onnx_name(t->name), count, held);
	return 0;
}

static void copy_floats(float *value, const NpuOnnx__Tensor *t, size_t count)
{
	if (!t->has_raw_data) {
		memcpy(value, t->float_data, count * sizeof(*value));
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t bits;

		memcpy(&bits, t->raw_data.data + i * sizeof(bits), sizeof(bits));
		bits = le32toh(bits);
		memcpy(&value[i], &bits, sizeof(bits));
	}
}

static int alloc_array(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		       struct npu_onnx_array *array)
{
	array->value = calloc(array->count, sizeof(*array->value));
	if (!array->value)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu values", array->count);
	return 0;
}

static int read_tensor(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		       const NpuOnnx__Tensor *t, struct npu_onnx_array *array)
{
	int ret = read_shape(im, node, t, array);

	if (ret)
		return ret;
	if (t->data_type != NPU_ONNX_FLOAT)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "tensor '%.48s' has ONNX type %d; 32-bit floats (1) can be "
				     "read: export the model in float32",
				     npu_onnx_name(t->name), t->data_type);
	ret = check_data(im, node, t, array->count, sizeof(float), t->n_float_data);
	if (!ret)
		ret = alloc_array(im, node, array);
	if (!ret)
		copy_floats(array->value, t, array->count);
	return ret;
}

static int read_attribute(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  const NpuOnnx__Attribute *a, struct npu_onnx_array *array)
{
	bool scalar = !strcmp(a->name, "value_float");
	int ret;

	if (!scalar && (strcmp(a->name, "value_floats") || !a->n_floats))
		return npu_onnx_fail(im, node, -EOPNOTSUPP, "constant '%.32s' is not of floats",
				     a->name);
	array->rank = scalar ? 0 : 1;
	array->count = scalar ? 1 : a->n_floats;
	array->dim[0] = array->count;
	ret = alloc_array(im, node, array);
	if (!ret)
		memcpy(array->value, scalar ? &a->f : a->floats, array->count * sizeof(float));
	return ret;
}

static int find_input(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		      const struct npu_onnx_constant **constant)
{
	*constant = npu_onnx_find_constant(im, node->input[i]);
	if (*constant)
		return 0;
	return npu_onnx_fail(im, node, -EOPNOTSUPP,
			     "input %zu, '%.48s', is not a constant; only the output of the node "
			     "before and constants can be used",
			     i, npu_onnx_name(node->input[i]));
}

int npu_onnx_constant_floats(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
			     struct npu_onnx_array *array)
{
	const struct npu_onnx_constant *c;
	int ret = find_input(im, node, i, &c);

	memset(array, 0, sizeof(*array));
	if (ret)
		return ret;
	return c->tensor ? read_tensor(im, node, c->tensor, array)
			 : read_attribute(im, node, c->attribute, array);
}

static int read_ints(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     const NpuOnnx__Tensor *t, int64_t *value, size_t limit, size_t *count)
{
	size_t element = t->data_type == NPU_ONNX_BOOL ? 1 : 8;
	size_t fields = element == 1 ? t->n_int32_data : t->n_int64_data;
	struct npu_onnx_array array;
	int ret = read_shape(im, node, t, &array);

	if (!ret && t->data_type != NPU_ONNX_BOOL && t->data_type != NPU_ONNX_INT64)
		ret = npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"tensor '%.48s' has ONNX type %d where whole numbers (7) are wanted",
			npu_onnx_name(t->name), t->data_type);
	if (!ret && array.count > limit)
		ret = npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"tensor '%.48s' holds %zu numbers; at most %zu can be used here",
			npu_onnx_name(t->name), array.count, limit);
	if (!ret)
		ret = check_data(im, node, t, array.count, element, fields);
	if (ret)
		return ret;
	*count = array.count;
	for (size_t k = 0; k < array.count; k++) {
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

int npu_onnx_constant_ints(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
			   int64_t *value, size_t limit, size_t *count)
{
	const struct npu_onnx_constant *c;
	int ret = find_input(im, node, i, &c);
	bool scalar;

	if (ret)
		return ret;
	if (c->tensor)
		return read_ints(im, node, c->tensor, value, limit, count);
	scalar = !strcmp(c->attribute->name, "value_int");
	*count = scalar ? 1 : c->attribute->n_ints;
	if ((!scalar && strcmp(c->attribute->name, "value_ints")) || !*count || *count > limit)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "constant '%.32s' does not hold 1 to %zu whole numbers",
				     c->attribute->name, limit);
	memcpy(value, scalar ? &c->attribute->i : c->attribute->ints, *count * sizeof(*value));
	return 0;
}
