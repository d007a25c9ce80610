// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

static int compare_values(const void *a, const void *b)
{
	const struct npu_onnx_value *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct npu_onnx_value *npu_onnx_find_value(const struct npu_onnx_import *im, const char *name)
{
	struct npu_onnx_value key = { .name = name };

	return bsearch(&key, im->value, im->values, sizeof(key), compare_values);
}

const struct npu_onnx_constant *npu_onnx_find_constant(const struct npu_onnx_import *im,
						       const char *name)
{
	const struct npu_onnx_value *value = npu_onnx_find_value(im, name);

	return value && value->kind == NPU_ONNX_CONSTANT ? &value->constant : NULL;
}

static void add(struct npu_onnx_import *im, const char *name, struct npu_onnx_value value)
{
	if (!name || !*name)
		return;
	value.name = name;
	im->value[im->values++] = value;
}

/* What a Constant node holds. */
static int read_constant(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			 struct npu_onnx_constant *constant)
{
	const NpuOnnx__Attribute *a = node->n_attribute == 1 ? node->attribute[0] : NULL;

	if (!a || !a->name)
		return npu_onnx_fail(im, node, -EINVAL,
				     "a constant has one attribute, this has %zu",
				     node->n_attribute);
	if (!strcmp(a->name, "value"))
		constant->tensor = a->t;
	else if (!strcmp(a->name, "value_float") || !strcmp(a->name, "value_floats") ||
		 !strcmp(a->name, "value_int") || !strcmp(a->name, "value_ints"))
		constant->attribute = a;
	if (!constant->tensor && !constant->attribute)
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"attribute '%.32s' cannot be read; a value of floats or whole numbers can",
			a->name);
	return 0;
}

static int add_outputs(struct npu_onnx_import *im, size_t i)
{
	const NpuOnnx__Node *node = im->graph->node[i];
	struct npu_onnx_value value = { .producer = (int)i, .consumer = -1 };

	if (npu_onnx_is_op(node, "Constant")) {
		int ret = read_constant(im, node, &value.constant);

		if (ret)
			return ret;
		value.kind = NPU_ONNX_CONSTANT;
	}
	for (size_t k = 0; k < node->n_output; k++)
		add(im, node->output[k], value);
	return 0;
}

static void count_reader(struct npu_onnx_import *im, const char *name, int node)
{
	struct npu_onnx_value *value = npu_onnx_find_value(im, name);

	if (!value)
		return;
	value->readers++;
	value->consumer = node;
}

static size_t count_names(const NpuOnnx__Graph *g)
{
	size_t count = g->n_initializer + g->n_input;

	for (size_t i = 0; i < g->n_node; i++)
		count += g->node[i]->n_output;
	return count;
}

/* Each value is made once; an initializer may be listed as an input, too. */
static int check_unique(struct npu_onnx_import *im)
{
	size_t kept = 0;

	qsort(im->value, im->values, sizeof(*im->value), compare_values);
	for (size_t i = 0; i < im->values; i++) {
		struct npu_onnx_value *last = kept ? &im->value[kept - 1] : NULL;

		if (!last || strcmp(last->name, im->value[i].name)) {
			im->value[kept++] = im->value[i];
			continue;
		}
		if (last->producer >= 0 || im->value[i].producer >= 0)
			return npu_onnx_fail(im, NULL, -EINVAL,
					     "two nodes make the value '%.48s'; export it again",
					     last->name);
		if (im->value[i].kind == NPU_ONNX_CONSTANT)
			*last = im->value[i];
	}
	im->values = kept;
	return 0;
}

int npu_onnx_list_values(struct npu_onnx_import *im)
{
	const NpuOnnx__Graph *g = im->graph;
	size_t count = count_names(g);
	int ret;

	if (g->n_node > INT32_MAX)
		return npu_onnx_fail(im, NULL, -EFBIG, "more nodes than can be counted");
	im->value = calloc(count + 1, sizeof(*im->value));
	if (!im->value)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu values", count);
	for (size_t i = 0; i < g->n_initializer; i++)
		add(im, g->initializer[i]->name,
		    (struct npu_onnx_value){ .kind = NPU_ONNX_CONSTANT,
					     .producer = -1,
					     .consumer = -1,
					     .constant = { .tensor = g->initializer[i] } });
	for (size_t i = 0; i < g->n_input; i++)
		add(im, g->input[i]->name,
		    (struct npu_onnx_value){ .producer = -1, .consumer = -1 });
	for (size_t i = 0; i < g->n_node; i++) {
		ret = add_outputs(im, i);
		if (ret)
			return ret;
	}
	ret = check_unique(im);
	for (size_t i = 0; !ret && i < g->n_node; i++)
		for (size_t k = 0; k < g->node[i]->n_input; k++)
			count_reader(im, g->node[i]->input[k], (int)i);
	for (size_t i = 0; !ret && i < g->n_output; i++)
		if (g->output[i]->name)
			count_reader(im, g->output[i]->name, -1);
	return ret;
}

static int compare_facts(const void *name, const void *property)
{
	const NpuOnnx__Property *p = *(NpuOnnx__Property *const *)property;

	return strcmp(name, p->key + strlen(NPU_ONNX_LAYER));
}

struct npu_onnx_facts npu_onnx_find_facts(const struct npu_onnx_import *im, const char *name)
{
	const NpuOnnx__Property **p = NULL;

	if (name && *name && im->facts)
		p = bsearch(name, im->fact, im->facts, sizeof(*im->fact), compare_facts);
	return p ? npu_onnx_read_facts((*p)->value) : (struct npu_onnx_facts){ 0 };
}
