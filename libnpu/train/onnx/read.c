// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/data/dataset.h"
#include "train/data/file.h"
#include "import.h"

/* Before it, Gemm, Add and Mul had a broadcast attribute and other rules. */
#define OLDEST_OPSET 7

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

static int read_dimensions(struct npu_onnx_import *im, const NpuOnnx__ValueInfo *input,
			   const NpuOnnx__Shape *shape)
{
	im->rank = shape->n_dim;
	im->features = 1;
	if (im->rank < 1 || im->rank > NPU_ONNX_MAX_RANK)
		return npu_onnx_fail(
			im, NULL, -EOPNOTSUPP,
			"input '%.48s' has %zu dimensions; 1 to %d, batch first, can be read",
			input->name, im->rank, NPU_ONNX_MAX_RANK);
	if (shape->dim[0]->has_dim_value && shape->dim[0]->dim_value > 0)
		im->batch = shape->dim[0]->dim_value;
	for (size_t i = 1; i < im->rank; i++) {
		const NpuOnnx__Dimension *d = shape->dim[i];

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
		im->dim[i - 1] = d->dim_value;
		im->features *= d->dim_value;
	}
	return 0;
}

static int begin_flow(struct npu_onnx_import *im)
{
	const NpuOnnx__ValueInfo *input;
	const NpuOnnx__TensorType *type;
	int ret = find_input(im, &input);

	if (ret)
		return ret;
	type = input->type ? input->type->tensor_type : NULL;
	if (!type || !type->shape)
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "input '%.48s' is no tensor with a known shape", input->name);
	if (type->elem_type != NPU_ONNX_FLOAT)
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "input '%.48s' has ONNX type %d; 32-bit floats (1) can be "
				     "read: export the model in float32",
				     input->name, type->elem_type);
	ret = read_dimensions(im, input, type->shape);
	if (ret)
		return ret;
	im->current = input->name;
	im->channels_first = im->rank == 4 && !im->ours;
	for (size_t i = 0; i < 3; i++)
		im->model_dim[i] = 1;
	if (im->channels_first) {
		im->model_dim[0] = im->dim[1];
		im->model_dim[1] = im->dim[2];
		im->model_dim[2] = im->dim[0];
	} else {
		for (size_t i = 1; i < im->rank; i++)
			im->model_dim[3 - (im->rank - i)] = im->dim[i - 1];
	}
	memcpy(im->input_dim, im->model_dim, sizeof(im->input_dim));
	im->input_features = im->features;
	im->input_channels_first = im->channels_first;
	return 0;
}

static int walk(struct npu_onnx_import *im)
{
	const NpuOnnx__Graph *g = im->graph;
	const char *output;

	/* No node makes more than one layer. */
	im->layer = calloc(g->n_node + 1, sizeof(*im->layer));
	if (!im->layer)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu layers", g->n_node);
	for (size_t i = 0; i < g->n_node; i++) {
		const NpuOnnx__Node *node = g->node[i];
		int ret;

		if (node->n_output && npu_onnx_find_constant(im, node->output[0]))
			continue;
		ret = npu_onnx_import_node(im, node);
		if (ret)
			return ret;
		if (im->layers > NPU_ONNX_MAX_LAYERS)
			return npu_onnx_fail(im, node, -EFBIG, "more than %d layers",
					     NPU_ONNX_MAX_LAYERS);
	}
	output = g->n_output == 1 && g->output[0]->name ? g->output[0]->name : NULL;
	if (!output)
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "the graph has %zu outputs; models with one can be read",
				     g->n_output);
	if (strcmp(output, im->current))
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "the output is '%.48s' and not '%.48s', what the last node "
				     "makes; only chains of layers can be read",
				     output, im->current);
	if (!im->layers)
		return npu_onnx_fail(im, NULL, -EOPNOTSUPP,
				     "the graph has no layer, such as a Gemm or a Relu");
	return 0;
}

/* A name that an earlier layer has is no use: layers are told apart by theirs. */
static const char *unique_name(const struct npu_onnx_import *im, size_t i)
{
	const char *name = im->layer[i].name;

	if (!name || !*name)
		return NULL;
	for (size_t k = 0; k < i; k++)
		if (im->layer[k].name && !strcmp(im->layer[k].name, name))
			return NULL;
	return name;
}

static int add_layers(const struct npu_onnx_import *im, struct npu_model *model)
{
	size_t parameter = 0;

	for (size_t i = 0; i < im->layers; i++) {
		const struct npu_onnx_layer *l = &im->layer[i];
		struct npu_layer layer = {
			.kind = l->kind,
			.name = unique_name(im, i),
			.units = l->out,
			.activation = l->activation,
			.alpha = l->alpha,
			.init = NPU_INIT_ZEROS,
			.no_bias = l->kind == NPU_LAYER_DENSE && !l->bias,
		};
		int ret = npu_model_add(model, layer, im->err);
		struct npu_parameter p;

		if (ret < 0)
			return ret;
		if (l->kind != NPU_LAYER_DENSE)
			continue;
		npu_model_parameter(model, parameter++, &p);
		memcpy(p.value, l->weight, l->in * l->out * sizeof(float));
		if (!l->bias)
			continue;
		npu_model_parameter(model, parameter++, &p);
		memcpy(p.value, l->bias, l->out * sizeof(float));
	}
	return 0;
}

/* The preprocessing that was found, in the order of the model's input. */
static int set_scaler(const struct npu_onnx_import *im, struct npu_model *model)
{
	size_t n = im->input_features, c = im->input_channels_first ? im->input_dim[2] : 1;
	struct npu_scaler scaler = { .count = n };
	int ret;

	if (!im->mean)
		return 0;
	scaler.mean = calloc(n, sizeof(*scaler.mean));
	scaler.factor = calloc(n, sizeof(*scaler.factor));
	if (!scaler.mean || !scaler.factor) {
		npu_scaler_free(&scaler);
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu features", n);
	}
	for (size_t k = 0; k < c; k++)
		for (size_t p = 0; p < n / c; p++) {
			scaler.mean[p * c + k] = (float)im->mean[k * (n / c) + p];
			scaler.factor[p * c + k] = (float)im->factor[k * (n / c) + p];
		}
	ret = npu_model_set_scaler(model, &scaler, im->err);
	npu_scaler_free(&scaler);
	return ret;
}

/* Number of the class that a metadata key names, or @limit. */
static size_t class_number(const char *key, size_t limit)
{
	const size_t prefix = strlen(NPU_ONNX_CLASS);
	size_t number = 0;

	if (!key || strncmp(key, NPU_ONNX_CLASS, prefix) || !key[prefix])
		return limit;
	for (const char *p = key + prefix; *p; p++) {
		if (*p < '0' || *p > '9')
			return limit;
		number = number * 10 + (*p - '0');
		if (number >= limit)
			return limit;
	}
	return number;
}

static int set_class_names(const struct npu_onnx_import *im, const NpuOnnx__Model *message,
			   struct npu_model *model)
{
	size_t outputs = npu_model_outputs(model), count = outputs == 1 ? 2 : outputs, found = 0;
	char **name = calloc(count, sizeof(*name));
	int ret = 0;

	if (!name)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu class names", count);
	for (size_t i = 0; i < message->n_metadata_props; i++) {
		const NpuOnnx__Property *p = message->metadata_props[i];
		size_t number = class_number(p->key, count);

		if (number == count || !p->value || name[number])
			continue;
		name[number] = p->value;
		found++;
	}
	if (found == count)
		ret = npu_model_set_class_names(model, name, count, im->err);
	free(name);
	return ret;
}

static int make_model(const struct npu_onnx_import *im, const NpuOnnx__Model *message,
		      struct npu_model **model)
{
	int ret = npu_model_create(model, im->input_dim, 0, im->err);

	if (ret)
		return ret;
	ret = add_layers(im, *model);
	if (!ret)
		ret = set_scaler(im, *model);
	if (!ret)
		ret = set_class_names(im, message, *model);
	if (ret) {
		npu_model_free(*model);
		*model = NULL;
	}
	return ret;
}

static void release(struct npu_onnx_import *im)
{
	for (size_t i = 0; i < im->layers; i++) {
		free(im->layer[i].owned_name);
		free(im->layer[i].weight);
		free(im->layer[i].bias);
	}
	free(im->layer);
	free(im->constant);
	free(im->mean);
	free(im->factor);
}

static int import(const char *path, const NpuOnnx__Model *message, struct npu_model **model,
		  struct npu_error *err)
{
	struct npu_onnx_import im = { .path = path, .graph = message->graph, .err = err };
	int ret;

	im.ours = is_ours(message);
	ret = find_opset(&im, message);
	if (!ret)
		ret = npu_onnx_list_constants(&im);
	if (!ret)
		ret = begin_flow(&im);
	if (!ret)
		ret = walk(&im);
	if (!ret)
		ret = make_model(&im, message, model);
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
	ret = import(path, message, model, err);
	npu_onnx__model__free_unpacked(message, NULL);
	return ret;
}
