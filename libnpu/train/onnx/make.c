// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "train/nn/model.h"
#include "import.h"
#include "ranges.h"

/* A name that an earlier layer has is no use: layers are told apart by theirs. */
static const char *unique_name(const struct npu_model *model, const char *name)
{
	if (!name || !*name)
		return NULL;
	for (size_t i = 0; i < model->nodes; i++)
		if (!strcmp(model->node[i].layer.name, name))
			return NULL;
	return name;
}

/* Count the layers that read each, from the output backwards: others are of no use. */
static void count_readers(struct npu_onnx_import *im, int output)
{
	for (size_t i = 0; i < im->layers; i++)
		im->layer[i].readers = 0;
	im->layer[output].readers = 1;
	for (size_t i = (size_t)output + 1; i-- > 0;) {
		const struct npu_onnx_layer *l = &im->layer[i];

		for (size_t k = 0; l->readers && k < l->inputs; k++)
			if (l->input[k] >= 0)
				im->layer[l->input[k]].readers++;
	}
}

/* Parameters as they were read, in place of those that the model began with. */
static int set_parameters(struct npu_onnx_import *im, const struct npu_onnx_layer *l,
			  struct npu_model *model, size_t number)
{
	const struct npu_node *node = &model->node[number];

	if (node->parameters != l->parameters)
		return npu_onnx_fail(im, NULL, -EINVAL, "layer \"%s\" has %zu parameters, not %zu",
				     node->layer.name, node->parameters, l->parameters);
	for (size_t k = 0; k < l->parameters; k++) {
		const struct npu_model_parameter *p = &model->parameter[node->parameter + k];

		if (p->count != l->count[k])
			return npu_onnx_fail(im, NULL, -EINVAL,
					     "parameter \"%s\" has %zu values, not %zu", p->name,
					     p->count, l->count[k]);
		memcpy(model->value + p->offset, l->parameter[k], p->count * sizeof(float));
	}
	return 0;
}

/* @number: of the layer's place in the file; @place: [layers] of the model's. */
static int add_layer(struct npu_onnx_import *im, struct npu_model *model, size_t number, int *place)
{
	struct npu_onnx_layer *l = &im->layer[number];
	struct npu_layer layer = l->layer;
	struct npu_node *node;
	int ret;

	for (size_t k = 0; k < l->inputs; k++)
		l->input[k] = l->input[k] < 0 ? NPU_MODEL_INPUT : place[l->input[k]];
	layer.name = unique_name(model, layer.name);
	layer.init = NPU_INIT_ZEROS;
	if (layer.kind == NPU_LAYER_DENSE || layer.kind == NPU_LAYER_CONV ||
	    layer.kind == NPU_LAYER_CONV_TRANSPOSE)
		layer.no_bias = l->parameters < 2;
	ret = npu_model_add_from(model, layer, l->input, l->inputs, im->err);
	if (ret < 0)
		return npu_onnx_prefix(im, ret);
	place[number] = ret;
	node = &model->node[ret];
	node->layer.init = l->layer.init;
	if (memcmp(node->out_dim, l->dim, sizeof(l->dim)))
		return npu_onnx_fail(im, NULL, -EINVAL,
				     "layer \"%s\" makes %u x %u x %u, the file has %u x %u x %u",
				     node->layer.name, node->out_dim[0], node->out_dim[1],
				     node->out_dim[2], l->dim[0], l->dim[1], l->dim[2]);
	return set_parameters(im, l, model, (size_t)ret);
}

/* All parameters at once. */
static int reserve(const struct npu_onnx_import *im, struct npu_model *model)
{
	size_t values = 0;

	for (size_t i = 0; i < im->layers; i++)
		for (size_t k = 0; im->layer[i].readers && k < im->layer[i].parameters; k++)
			values += (im->layer[i].count[k] + NPU_PARAMETER_ALIGN - 1) /
				  NPU_PARAMETER_ALIGN * NPU_PARAMETER_ALIGN;
	return npu_model_reserve(model, values, im->err);
}

static int add_layers(struct npu_onnx_import *im, int output, struct npu_model *model)
{
	int *place = calloc(im->layers, sizeof(*place));
	int ret = 0;

	if (!place)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu layers", im->layers);
	count_readers(im, output);
	ret = reserve(im, model);
	for (size_t i = 0; !ret && i <= (size_t)output; i++)
		if (im->layer[i].readers)
			ret = add_layer(im, model, i, place);
	free(place);
	return ret;
}

/* The preprocessing that was found. */
static int set_scaler(const struct npu_onnx_import *im, struct npu_model *model)
{
	struct npu_scaler scaler = { .count = im->features };
	int ret;

	if (!im->mean)
		return 0;
	scaler.mean = calloc(im->features, sizeof(*scaler.mean));
	scaler.factor = calloc(im->features, sizeof(*scaler.factor));
	if (!scaler.mean || !scaler.factor) {
		npu_scaler_free(&scaler);
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu features", im->features);
	}
	for (size_t i = 0; i < im->features; i++) {
		scaler.mean[i] = (float)im->mean[i];
		scaler.factor[i] = (float)im->factor[i];
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
		number = number * 10 + (size_t)(*p - '0');
		if (number >= limit)
			return limit;
	}
	return number;
}

static int set_class_names(const struct npu_onnx_import *im, struct npu_model *model)
{
	size_t outputs = npu_model_outputs(model), count = outputs == 1 ? 2 : outputs, found = 0;
	char **name = calloc(count, sizeof(*name));
	int ret = 0;

	if (!name)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu class names", count);
	for (size_t i = 0; i < im->message->n_metadata_props; i++) {
		const NpuOnnx__Property *p = im->message->metadata_props[i];
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

/* The seed of a model of ours; 0 of others. */
static uint64_t find_seed(const struct npu_onnx_import *im)
{
	for (size_t i = 0; im->ours && i < im->message->n_metadata_props; i++) {
		const NpuOnnx__Property *p = im->message->metadata_props[i];

		if (p->key && p->value && !strcmp(p->key, NPU_ONNX_SEED))
			return strtoull(p->value, NULL, 10);
	}
	return 0;
}

int npu_onnx_make_model(struct npu_onnx_import *im, int output, struct npu_model **model)
{
	int ret = npu_model_create(model, im->input_dim, find_seed(im), im->err);

	if (ret) {
		*model = NULL;
		return ret;
	}
	ret = add_layers(im, output, *model);
	if (!ret)
		ret = set_scaler(im, *model);
	if (!ret)
		ret = set_class_names(im, *model);
	if (!ret)
		npu_onnx_read_ranges(im, *model);
	if (ret) {
		npu_model_free(*model);
		*model = NULL;
	}
	return ret;
}
