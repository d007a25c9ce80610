// SPDX-License-Identifier: MIT
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "write.h"

struct npu_onnx_block {
	struct npu_onnx_block *next;
	max_align_t data[];
};

void *npu_onnx_take(struct npu_onnx_writer *w, size_t count, size_t size)
{
	struct npu_onnx_block *block;
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - sizeof(*block) ||
	    !(block = calloc(1, sizeof(*block) + bytes))) {
		w->failed = true;
		return NULL;
	}
	block->next = w->blocks;
	w->blocks = block;
	return block->data;
}

void npu_onnx_release(struct npu_onnx_writer *w)
{
	while (w->blocks) {
		struct npu_onnx_block *next = w->blocks->next;

		free(w->blocks);
		w->blocks = next;
	}
}

char *npu_onnx_text(struct npu_onnx_writer *w, const char *format, ...)
{
	va_list args;
	int length;
	char *s;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	s = npu_onnx_take(w, (size_t)length + 1, 1);
	if (!s)
		return NULL;
	va_start(args, format);
	vsnprintf(s, (size_t)length + 1, format, args);
	va_end(args);
	return s;
}

/*
 * The list of @count pointers with @item behind; NULL where memory ran out. It grows to powers of
 * two, when its length is one.
 */
static void *append(struct npu_onnx_writer *w, void *list, size_t *count, void *item)
{
	void **to = list;

	if (!item)
		return list;
	if (!(*count & (*count - 1))) {
		to = npu_onnx_take(w, *count ? 2 * *count : 1, sizeof(*to));
		if (!to)
			return list;
		if (*count)
			memcpy(to, list, *count * sizeof(*to));
	}
	to[(*count)++] = item;
	return to;
}

NpuOnnx__Node *npu_onnx_add_node(struct npu_onnx_writer *w, const char *op, char *name,
				 char *output, char *const *inputs)
{
	NpuOnnx__Node *node = npu_onnx_take_message(w, NpuOnnx__Node, npu_onnx__node__init);

	if (!node)
		return NULL;
	node->op_type = (char *)op;
	node->name = name;
	for (; *inputs; inputs++)
		node->input = append(w, node->input, &node->n_input, *inputs);
	npu_onnx_add_output(w, node, output);
	w->graph.node = append(w, w->graph.node, &w->graph.n_node, node);
	return node;
}

void npu_onnx_add_output(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *output)
{
	if (node)
		node->output = append(w, node->output, &node->n_output, output);
}

static NpuOnnx__Attribute *add_attribute(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name,
					 enum npu_onnx_attribute_type type)
{
	NpuOnnx__Attribute *a =
		node ? npu_onnx_take_message(w, NpuOnnx__Attribute, npu_onnx__attribute__init)
		     : NULL;

	if (!a)
		return NULL;
	a->name = name;
	a->has_type = true;
	a->type = type;
	node->attribute = append(w, node->attribute, &node->n_attribute, a);
	return a;
}

void npu_onnx_add_int(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, int64_t value)
{
	NpuOnnx__Attribute *a = add_attribute(w, node, name, NPU_ONNX_ATTRIBUTE_INT);

	if (!a)
		return;
	a->has_i = true;
	a->i = value;
}

void npu_onnx_add_ints(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, size_t count,
		       const int64_t *value)
{
	NpuOnnx__Attribute *a = add_attribute(w, node, name, NPU_ONNX_ATTRIBUTE_INTS);

	if (!a)
		return;
	a->ints = npu_onnx_take(w, count, sizeof(*value));
	if (!a->ints)
		return;
	memcpy(a->ints, value, count * sizeof(*value));
	a->n_ints = count;
}

void npu_onnx_add_float(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, float value)
{
	NpuOnnx__Attribute *a = add_attribute(w, node, name, NPU_ONNX_ATTRIBUTE_FLOAT);

	if (!a)
		return;
	a->has_f = true;
	a->f = value;
}

void npu_onnx_add_floats(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, size_t count,
			 const float *value)
{
	NpuOnnx__Attribute *a = add_attribute(w, node, name, NPU_ONNX_ATTRIBUTE_FLOATS);

	if (!a)
		return;
	a->floats = npu_onnx_take(w, count, sizeof(*value));
	if (!a->floats)
		return;
	memcpy(a->floats, value, count * sizeof(*value));
	a->n_floats = count;
}

void npu_onnx_add_string(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name,
			 const char *value)
{
	NpuOnnx__Attribute *a = add_attribute(w, node, name, NPU_ONNX_ATTRIBUTE_STRING);

	if (!a)
		return;
	a->has_s = true;
	a->s = (ProtobufCBinaryData){ strlen(value), (uint8_t *)value };
}

void npu_onnx_add_strings(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, size_t count,
			  const char *const *value)
{
	NpuOnnx__Attribute *a = add_attribute(w, node, name, NPU_ONNX_ATTRIBUTE_STRINGS);

	if (!a)
		return;
	a->strings = npu_onnx_take(w, count, sizeof(*a->strings));
	if (!a->strings)
		return;
	for (; a->n_strings < count; a->n_strings++)
		a->strings[a->n_strings] = (ProtobufCBinaryData){ strlen(value[a->n_strings]),
								  (uint8_t *)value[a->n_strings] };
}

/* An initializer whose @count elements of @size bytes are for the caller to fill. */
static void *add_initializer(struct npu_onnx_writer *w, char *name, enum npu_onnx_type type,
			     size_t rank, const uint32_t *dim, size_t size)
{
	NpuOnnx__Tensor *t = npu_onnx_take_message(w, NpuOnnx__Tensor, npu_onnx__tensor__init);
	size_t count = 1;
	void *raw;

	for (size_t i = 0; i < rank; i++)
		count *= dim[i];
	raw = npu_onnx_take(w, count, size);
	if (!t || !raw)
		return NULL;
	t->dims = npu_onnx_take(w, rank, sizeof(*t->dims));
	if (!t->dims)
		return NULL;
	for (size_t i = 0; i < rank; i++)
		t->dims[i] = dim[i];
	t->n_dims = rank;
	t->name = name;
	t->has_data_type = true;
	t->data_type = type;
	t->has_raw_data = true;
	t->raw_data = (ProtobufCBinaryData){ count * size, raw };
	w->graph.initializer = append(w, w->graph.initializer, &w->graph.n_initializer, t);
	return raw;
}

float *npu_onnx_reserve_floats(struct npu_onnx_writer *w, char *name, size_t rank,
			       const uint32_t *dim)
{
	return add_initializer(w, name, NPU_ONNX_FLOAT, rank, dim, sizeof(float));
}

char *npu_onnx_add_floats_initializer(struct npu_onnx_writer *w, char *name, size_t rank,
				      const uint32_t *dim, const float *value)
{
	float *to = npu_onnx_reserve_floats(w, name, rank, dim);
	size_t count = 1;

	for (size_t i = 0; i < rank; i++)
		count *= dim[i];
	if (to)
		memcpy(to, value, count * sizeof(*to));
	return name;
}

char *npu_onnx_add_scalar(struct npu_onnx_writer *w, char *name, float value)
{
	return npu_onnx_add_floats_initializer(w, name, 0, NULL, &value);
}

char *npu_onnx_add_ints_initializer(struct npu_onnx_writer *w, char *name, size_t count,
				    const int64_t *value)
{
	int64_t *to = add_initializer(w, name, NPU_ONNX_INT64, 1, (uint32_t[]){ (uint32_t)count },
				      sizeof(*to));

	for (size_t i = 0; to && i < count; i++)
		to[i] = (int64_t)htole64((uint64_t)value[i]);
	return name;
}

void npu_onnx_finish_floats(struct npu_onnx_writer *w)
{
	for (size_t i = 0; i < w->graph.n_initializer; i++) {
		const NpuOnnx__Tensor *t = w->graph.initializer[i];
		uint32_t *raw = (uint32_t *)t->raw_data.data;

		for (size_t k = 0; t->data_type == NPU_ONNX_FLOAT && k < t->raw_data.len / 4; k++)
			raw[k] = htole32(raw[k]);
	}
}

void npu_onnx_add_property(struct npu_onnx_writer *w, char *key, char *value)
{
	NpuOnnx__Property *p =
		npu_onnx_take_message(w, NpuOnnx__Property, npu_onnx__property__init);

	if (!p)
		return;
	p->key = key;
	p->value = value;
	w->message.metadata_props =
		append(w, w->message.metadata_props, &w->message.n_metadata_props, p);
}
