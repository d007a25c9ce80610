// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/data/file.h"
#include "import.h"

/* Before it, Reshape and others had their shapes as attributes. */
#define OLDEST_OPSET 6

static int find_opset(struct npu_onnx_import *im, const NpuOnnx__Model *message)
{
	for (size_t i = 0; i < message->n_opset_import; i++) {
		const NpuOnnx__OperatorSet *set = message->opset_import[i];

		if (!set->domain || !*set->domain || !strcmp(set->domain, "ai.onnx"))
			im->opset = set->version;
	}
	if (im->opset >= OLDEST_OPSET)
		return 0;
	return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
			     "operator set %lld; %d and later can be read: export with opset 13",
			     (long long)im->opset, OLDEST_OPSET);
}

static bool is_ours(const NpuOnnx__Model *message)
{
	for (size_t i = 0; i < message->n_metadata_props; i++) {
		const NpuOnnx__Property *p = message->metadata_props[i];

		if (p->key && p->value && !strcmp(p->key, NPU_ONNX_LAYOUT))
			return !strcmp(p->value, NPU_ONNX_LAYOUT_NHWC);
	}
	return false;
}

static int compare_keys(const void *a, const void *b)
{
	const NpuOnnx__Property *x = *(NpuOnnx__Property *const *)a;
	const NpuOnnx__Property *y = *(NpuOnnx__Property *const *)b;

	return strcmp(x->key, y->key);
}

/* List what metadata say about layers. */
static int list_facts(struct npu_onnx_import *im)
{
	const NpuOnnx__Model *m = im->message;

	if (!im->ours)
		return 0;
	im->fact = calloc(m->n_metadata_props + 1, sizeof(*im->fact));
	if (!im->fact)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu properties",
				     m->n_metadata_props);
	for (size_t i = 0; i < m->n_metadata_props; i++) {
		const NpuOnnx__Property *p = m->metadata_props[i];

		if (p->key && p->value && !strncmp(p->key, NPU_ONNX_LAYER, strlen(NPU_ONNX_LAYER)))
			im->fact[im->facts++] = p;
	}
	qsort(im->fact, im->facts, sizeof(*im->fact), compare_keys);
	return 0;
}

/* The one input that is not an initializer; before IR 4 those are listed too. */
static int find_input(struct npu_onnx_import *im, const NpuOnnx__ValueInfo **input)
{
	*input = NULL;
	for (size_t i = 0; i < im->graph->n_input; i++) {
		const NpuOnnx__ValueInfo *value = im->graph->input[i];

		if (!value->name || npu_onnx_find_constant(im, value->name))
			continue;
		if (*input)
			return npu_onnx_fail(
				im, NULL, -EOPNOTSUPP,
				"two inputs, '%.48s' and '%.48s'; models with one can be read",
				(*input)->name, value->name);
		*input = value;
	}
	return *input ? 0 : npu_onnx_fail(im, NULL, -EINVAL, "the graph has no input");
}

/* The first node behind @name that tells what the dimensions mean; NULL if none does. */
static const NpuOnnx__Node *find_judge(const struct npu_onnx_import *im, const char *name)
{
	static const char *const silent[] = { "Add",	 "Sub",	     "Mul",  "Div",
					      "Relu",	 "Identity", "Cast", "Dropout",
					      "Sigmoid", "Tanh",     "Pad" };
	const size_t count = sizeof(silent) / sizeof(silent[0]);

	/* A circle of nodes is longer than there are nodes. */
	for (size_t steps = 0; steps <= im->graph->n_node; steps++) {
		const struct npu_onnx_value *value = npu_onnx_find_value(im, name);
		const NpuOnnx__Node *node;
		size_t i = 0;

		if (!value || value->consumer < 0)
			return NULL;
		node = im->graph->node[value->consumer];
		while (i < count && !npu_onnx_is_op(node, silent[i]))
			i++;
		if (i == count)
			return node;
		if (!node->n_output)
			return NULL;
		name = node->output[0];
	}
	return NULL;
}

static bool is_any(const NpuOnnx__Node *node, const char *const *op)
{
	while (node && *op && !npu_onnx_is_op(node, *op))
		op++;
	return node && *op;
}

/*
 * What the input's dimensions are. Files of ours have the channels last. In those of others images
 * are N, C, H, W, unless a Transpose makes them so first; of three dimensions the first operator
 * that minds decides.
 */
static const char *choose_axes(const struct npu_onnx_import *im, const char *name, size_t rank,
			       bool numbers)
{
	static const char *const last[] = { "", "N", "NC", "NWC", "NHWC" };
	static const char *const channels_second[] = {
		"Conv",
		"ConvTranspose",
		"MaxPool",
		"AveragePool",
		"GlobalMaxPool",
		"GlobalAveragePool",
		"BatchNormalization",
		NULL,
	};
	static const char *const over_last[] = { "LayerNormalization", "MatMul", NULL };
	static const char *const time_first[] = { "RNN", "LSTM", "GRU", NULL };
	const NpuOnnx__Node *judge = im->ours ? NULL : find_judge(im, name);
	int64_t perm[4] = { 0, 0, 0, 0 };

	if (rank == 2 && numbers)
		return "NW";
	if (rank == 3 && is_any(judge, channels_second))
		return "NCW";
	if (rank == 3 && is_any(judge, time_first))
		return "WNC";
	if (rank != 4 || im->ours)
		return last[rank];
	if (is_any(judge, over_last) ||
	    (judge && npu_onnx_is_op(judge, "Transpose") &&
	     !npu_onnx_get_ints(im, judge, "perm", 4, perm) && perm[1] == 3 && perm[2] == 1))
		return "NHWC";
	return "NCHW";
}

static int read_dimensions(struct npu_onnx_import *im, const NpuOnnx__ValueInfo *input,
			   const NpuOnnx__Shape *shape, const char *axes)
{
	static const char order[] = "HWC";

	im->features = 1;
	for (size_t i = 0; i < 3; i++)
		im->input_dim[i] = 1;
	for (size_t i = 0; i < shape->n_dim; i++) {
		const NpuOnnx__Dimension *d = shape->dim[i];

		if (axes[i] == 'N') {
			if (d->has_dim_value && d->dim_value > 0)
				im->batch = (uint64_t)d->dim_value;
			continue;
		}
		if (!d->has_dim_value || d->dim_value < 1)
			return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
					     "input '%.48s': dimension %zu has no fixed size; "
					     "export the model with one, the batch alone may vary",
					     input->name, i);
		if ((uint64_t)d->dim_value > NPU_ONNX_MAX_FEATURES ||
		    im->features * (uint64_t)d->dim_value > NPU_ONNX_MAX_FEATURES)
			return npu_onnx_fail(im, NULL, -EFBIG,
					     "input '%.48s' has more than %u values a sample",
					     input->name, NPU_ONNX_MAX_FEATURES);
		im->input_dim[strchr(order, axes[i]) - order] = (uint32_t)d->dim_value;
		im->features *= (uint64_t)d->dim_value;
	}
	return 0;
}

static int begin_flow(struct npu_onnx_import *im)
{
	const NpuOnnx__ValueInfo *input;
	const NpuOnnx__TensorType *type;
	struct npu_onnx_value *value;
	bool numbers;
	const char *axes;
	int ret = find_input(im, &input);

	if (ret)
		return ret;
	type = input->type ? input->type->tensor_type : NULL;
	if (!type || !type->shape)
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "input '%.48s' is no tensor with a known shape", input->name);
	/* Whole numbers are for an embedding, which is what it is to us, too. */
	numbers = type->elem_type == NPU_ONNX_INT64 || type->elem_type == NPU_ONNX_INT32;
	value = npu_onnx_find_value(im, input->name);
	if (!value || (type->elem_type != NPU_ONNX_FLOAT &&
		       !(numbers && value->consumer >= 0 &&
			 npu_onnx_is_op(im->graph->node[value->consumer], "Gather"))))
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "input '%.48s' has ONNX type %d; 32-bit floats (1) can be "
				     "read: export the model in float32",
				     input->name, type->elem_type);
	if (type->shape->n_dim < 1 || type->shape->n_dim > NPU_ONNX_MAX_RANK)
		return npu_onnx_fail(
			im, NULL, -EOPNOTSUPP,
			"input '%.48s' has %zu dimensions; 1 to %d, batch first, can be read",
			input->name, type->shape->n_dim, NPU_ONNX_MAX_RANK);
	axes = choose_axes(im, input->name, type->shape->n_dim, numbers);
	ret = read_dimensions(im, input, type->shape, axes);
	if (ret)
		return ret;
	value->kind = NPU_ONNX_FLOW;
	value->view = npu_onnx_make_view(NPU_MODEL_INPUT, axes);
	return 0;
}

/* Is the dimension one axis? Several in one come in another order in the file and the model. */
static bool is_one_axis(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			size_t i)
{
	return npu_onnx_axis_is(im, view, i, "N") || npu_onnx_axis_is(im, view, i, "H") ||
	       npu_onnx_axis_is(im, view, i, "W") || npu_onnx_axis_is(im, view, i, "C");
}

/* The layer that gives the graph's output. */
static int find_output(const struct npu_onnx_import *im, int *layer)
{
	const NpuOnnx__Graph *g = im->graph;
	const char *name = g->n_output == 1 && g->output[0]->name ? g->output[0]->name : NULL;
	const struct npu_onnx_value *output = name ? npu_onnx_find_value(im, name) : NULL;

	if (!name)
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "the graph has %zu outputs; models with one can be read",
				     g->n_output);
	if (!output || output->kind != NPU_ONNX_FLOW)
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "the output '%.48s' is not what a node makes of the input",
				     name);
	*layer = output->view.layer;
	if (*layer < 0)
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "the graph has no layer, such as a Gemm or a Relu");
	for (size_t i = 0; i < output->view.rank; i++)
		if (!is_one_axis(im, &output->view, i) && !npu_onnx_in_order(im, &output->view))
			return npu_onnx_fail(
				im, NULL, -EOPNOTSUPP,
				"the output '%.48s' is flattened in another order than "
				"H, W, C; leave the Flatten out",
				name);
	return 0;
}

static int walk(struct npu_onnx_import *im)
{
	for (size_t i = 0; i < im->graph->n_node; i++) {
		int ret = npu_onnx_import_node(im, i);

		if (ret)
			return ret;
	}
	return 0;
}

static void release(struct npu_onnx_import *im)
{
	npu_onnx_free_layers(im);
	free(im->fact);
	free(im->value);
	free(im->pattern);
	free(im->mean);
	free(im->factor);
}

static int import(const char *path, const NpuOnnx__Model *message, size_t size,
		  struct npu_model **model, struct npu_error *err)
{
	struct npu_onnx_import im = {
		.path = path,
		.message = message,
		.graph = message->graph,
		.err = err,
		.bytes = size,
		.ours = is_ours(message),
	};
	int output = 0, ret = find_opset(&im, message);

	if (!ret)
		ret = list_facts(&im);
	if (!ret)
		ret = npu_onnx_list_values(&im);
	if (!ret)
		ret = begin_flow(&im);
	if (!ret)
		ret = npu_onnx_find_patterns(&im);
	if (!ret)
		ret = walk(&im);
	if (!ret)
		ret = find_output(&im, &output);
	if (!ret)
		ret = npu_onnx_make_model(&im, output, model);
	release(&im);
	return ret;
}

int npu_model_load(struct npu_model **model, const char *path, struct npu_error *err)
{
	NpuOnnx__Model *message;
	char *bytes;
	size_t size;
	int ret;

	*model = NULL;
	ret = npu_file_read(path, NPU_ONNX_MAX_BYTES, &bytes, &size, err);
	if (ret)
		return ret;
	ret = npu_onnx_unpack(path, bytes, size, &message, err);
	free(bytes);
	if (ret)
		return ret;
	ret = import(path, message, size, model, err);
	npu_onnx__model__free_unpacked(message, NULL);
	return ret;
}
