// SPDX-License-Identifier: MIT
/* Building a network: layers, their parameters, what is said about them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "runtime/error.h"

#define NO_MEMORY(err) npu_error_set(err, -ENOMEM, "out of memory while building the model")

float *npu_floats_alloc(size_t count)
{
	size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
	float *p;

	if (count > SIZE_MAX / sizeof(float) - 16)
		return NULL;
	p = aligned_alloc(64, bytes ? bytes : 64);
	if (p)
		memset(p, 0, bytes);
	return p;
}

static size_t product(const uint32_t dim[3])
{
	return (size_t)dim[0] * dim[1] * dim[2];
}

int npu_model_create(struct npu_model **out, const uint32_t dim[3], uint64_t seed,
		     struct npu_error *err)
{
	struct npu_model *model;
	int ret;

	if (!product(dim) || dim[0] > 1u << 20 || dim[1] > 1u << 20 || dim[2] > 1u << 24 ||
	    product(dim) > 1u << 28)
		return npu_error_set(err, -EINVAL,
				     "input %u x %u x %u: every dimension must be at least 1 and "
				     "their product at most 268435456",
				     dim[0], dim[1], dim[2]);
	model = calloc(1, sizeof(*model));
	if (!model)
		return NO_MEMORY(err);
	ret = npu_f32_select(&model->f32, err);
	if (ret) {
		free(model);
		return ret;
	}
	memcpy(model->dim, dim, sizeof(model->dim));
	model->features = product(dim);
	model->seed = seed;
	npu_rng_seed(&model->rng, seed, 0);
	*out = model;
	return 0;
}

static void free_class_names(struct npu_model *model)
{
	size_t i;

	for (i = 0; i < model->classes; i++)
		free(model->class_name[i]);
	free(model->class_name);
	model->class_name = NULL;
	model->classes = 0;
}

void npu_model_free(struct npu_model *model)
{
	size_t i;

	if (!model)
		return;
	for (i = 0; i < model->nodes; i++)
		free((char *)model->node[i].layer.name);
	for (i = 0; i < model->parameters; i++)
		free(model->parameter[i].name);
	free(model->node);
	free(model->parameter);
	free(model->value);
	free(model->gradient);
	npu_scaler_free(&model->scaler);
	free_class_names(model);
	free(model);
}

int npu_node_declare(struct npu_model *model, struct npu_node *node, const char *suffix,
		     const uint32_t dim[4], struct npu_error *err)
{
	size_t count = (size_t)dim[0] * dim[1] * dim[2] * dim[3];
	size_t values = model->values + (count + NPU_PARAMETER_ALIGN - 1) / NPU_PARAMETER_ALIGN *
						NPU_PARAMETER_ALIGN;
	struct npu_model_parameter *parameter;
	float *value = npu_floats_alloc(values);
	size_t length = strlen(node->layer.name) + strlen(suffix) + 2;

	parameter = realloc(model->parameter, (model->parameters + 1) * sizeof(*parameter));
	if (parameter)
		model->parameter = parameter;
	if (!parameter || !value) {
		free(value);
		return NO_MEMORY(err);
	}
	parameter += model->parameters;
	parameter->name = malloc(length);
	if (!parameter->name) {
		free(value);
		return NO_MEMORY(err);
	}
	snprintf(parameter->name, length, "%s.%s", node->layer.name, suffix);
	memcpy(parameter->dim, dim, sizeof(parameter->dim));
	parameter->count = count;
	parameter->offset = model->values;
	if (model->values)
		memcpy(value, model->value, model->values * sizeof(float));
	free(model->value);
	free(model->gradient);
	model->gradient = NULL;
	model->value = value;
	model->values = values;
	model->parameters++;
	node->parameters++;
	return 0;
}

const float *npu_node_values(const struct npu_model *model, size_t i, size_t k)
{
	const struct npu_node *node = &model->node[i];

	if (k >= node->parameters)
		return NULL;
	return model->value + model->parameter[node->parameter + k].offset;
}

static const struct npu_layer_ops *find_ops(enum npu_layer_kind kind)
{
	switch (kind) {
	case NPU_LAYER_DENSE:
		return &npu_dense_ops;
	case NPU_LAYER_ACTIVATION:
		return &npu_activation_ops;
	}
	return NULL;
}

static bool name_is_taken(const struct npu_model *model, const char *name)
{
	size_t i;

	for (i = 0; i < model->nodes; i++)
		if (!strcmp(name, model->node[i].layer.name))
			return true;
	return false;
}

/* The given name, or the kind's with the next number that is free. */
static char *layer_name(const struct npu_model *model, const struct npu_layer *layer,
			const struct npu_layer_ops *ops)
{
	char name[64];
	size_t i, n = 0;

	if (layer->name)
		return strdup(layer->name);
	for (i = 0; i < model->nodes; i++)
		n += model->node[i].ops == ops;
	do {
		snprintf(name, sizeof(name), "%s%zu", ops->name, ++n);
	} while (name_is_taken(model, name));
	return strdup(name);
}

static int check_layer(const struct npu_model *model, const struct npu_layer *layer,
		       struct npu_error *err)
{
	if (layer->activation > NPU_SOFTMAX)
		return npu_error_set(
			err, -EINVAL,
			"layer %zu: unknown activation %d; use one of enum npu_activation",
			model->nodes, (int)layer->activation);
	if (layer->init > NPU_INIT_CONSTANT)
		return npu_error_set(
			err, -EINVAL,
			"layer %zu: unknown initialiser %d; use one of enum npu_initializer",
			model->nodes, (int)layer->init);
	/* The derivative is told from the sign of the output. */
	if (!(layer->alpha >= 0) || !isfinite(layer->alpha))
		return npu_error_set(err, -EINVAL,
				     "layer %zu: alpha %g; the slope of leaky relu must be above 0",
				     model->nodes, (double)layer->alpha);
	if (layer->name && name_is_taken(model, layer->name))
		return npu_error_set(err, -EEXIST,
				     "two layers are called \"%s\"; names must differ",
				     layer->name);
	return 0;
}

/* Undo npu_node_declare() of a node that failed; the values stay, unused. */
static void drop_node(struct npu_model *model, struct npu_node *node)
{
	while (model->parameters > node->parameter) {
		model->parameters--;
		model->values = model->parameter[model->parameters].offset;
		free(model->parameter[model->parameters].name);
	}
	free((char *)node->layer.name);
}

static void init_node(struct npu_model *model, const struct npu_node *node)
{
	struct npu_rng rng;

	if (!node->ops->init)
		return;
	npu_rng_seed(&rng, model->seed, 1 + model->nodes);
	node->ops->init(model, node, &rng);
}

int npu_model_add(struct npu_model *model, struct npu_layer layer, struct npu_error *err)
{
	const struct npu_layer_ops *ops = find_ops(layer.kind);
	struct npu_node *node;
	int ret;

	if (!ops)
		return npu_error_set(
			err, -EINVAL,
			"layer %zu: unknown kind %d; make it with npu_dense() or the like",
			model->nodes, (int)layer.kind);
	ret = check_layer(model, &layer, err);
	if (ret)
		return ret;
	node = realloc(model->node, (model->nodes + 1) * sizeof(*node));
	if (!node)
		return NO_MEMORY(err);
	model->node = node;
	node += model->nodes;
	memset(node, 0, sizeof(*node));
	node->layer = layer;
	node->layer.name = layer_name(model, &layer, ops);
	if (!node->layer.name)
		return NO_MEMORY(err);
	if (node->layer.alpha == 0)
		node->layer.alpha = 0.01f;
	node->ops = ops;
	node->input = (int)model->nodes - 1;
	memcpy(node->in_dim, model->nodes ? node[-1].out_dim : model->dim, sizeof(node->in_dim));
	node->in = product(node->in_dim);
	node->parameter = model->parameters;
	ret = ops->shape(model, node, err);
	if (ret) {
		drop_node(model, node);
		return ret;
	}
	node->out = product(node->out_dim);
	init_node(model, node);
	return (int)model->nodes++;
}

int npu_model_set_scaler(struct npu_model *model, const struct npu_scaler *scaler,
			 struct npu_error *err)
{
	struct npu_scaler copy = { .count = scaler ? scaler->count : 0 };

	if (copy.count && copy.count != model->features)
		return npu_error_set(
			err, -EINVAL,
			"the scaler has %zu features, the model %zu; fit it on data like "
			"the model's input",
			copy.count, model->features);
	if (copy.count) {
		copy.mean = malloc(copy.count * sizeof(float));
		copy.factor = malloc(copy.count * sizeof(float));
		if (!copy.mean || !copy.factor) {
			npu_scaler_free(&copy);
			return NO_MEMORY(err);
		}
		memcpy(copy.mean, scaler->mean, copy.count * sizeof(float));
		memcpy(copy.factor, scaler->factor, copy.count * sizeof(float));
	}
	npu_scaler_free(&model->scaler);
	model->scaler = copy;
	return 0;
}

int npu_model_set_class_names(struct npu_model *model, char *const *names, size_t count,
			      struct npu_error *err)
{
	char **copy = calloc(count + 1, sizeof(*copy));
	size_t i;

	for (i = 0; copy && i < count; i++) {
		copy[i] = strdup(names[i]);
		if (!copy[i])
			break;
	}
	if (!copy || i < count) {
		while (copy && i--)
			free(copy[i]);
		free(copy);
		return NO_MEMORY(err);
	}
	free_class_names(model);
	model->class_name = copy;
	model->classes = count;
	return 0;
}

size_t npu_model_layers(const struct npu_model *model)
{
	return model->nodes;
}

const struct npu_layer *npu_model_layer(const struct npu_model *model, size_t i)
{
	return i < model->nodes ? &model->node[i].layer : NULL;
}

size_t npu_model_features(const struct npu_model *model)
{
	return model->features;
}

size_t npu_model_outputs(const struct npu_model *model)
{
	return model->nodes ? model->node[model->nodes - 1].out : model->features;
}

size_t npu_model_parameter_count(const struct npu_model *model)
{
	size_t i, count = 0;

	for (i = 0; i < model->parameters; i++)
		count += model->parameter[i].count;
	return count;
}

const struct npu_scaler *npu_model_scaler(const struct npu_model *model)
{
	return model->scaler.count ? &model->scaler : NULL;
}

const char *npu_model_class_name(const struct npu_model *model, size_t i)
{
	return i < model->classes ? model->class_name[i] : NULL;
}

void npu_model_dim(const struct npu_model *model, uint32_t dim[3])
{
	memcpy(dim, model->dim, sizeof(model->dim));
}

size_t npu_model_parameters(const struct npu_model *model)
{
	return model->parameters;
}

int npu_model_parameter(struct npu_model *model, size_t i, struct npu_parameter *parameter)
{
	const struct npu_model_parameter *p;

	if (i >= model->parameters)
		return -EINVAL;
	p = &model->parameter[i];
	*parameter = (struct npu_parameter){
		.name = p->name,
		.count = p->count,
		.value = model->value + p->offset,
		.gradient = model->gradient ? model->gradient + p->offset : NULL,
	};
	memcpy(parameter->dim, p->dim, sizeof(p->dim));
	return 0;
}
