// SPDX-License-Identifier: MIT
/* Building a network, a layer at a time. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "runtime/error.h"
#include "spare.h"

#define NO_MEMORY(err) npu_error_set(err, -ENOMEM, "out of memory while building the model")

const uint32_t *npu_model_value_dim(const struct npu_model *model, int input)
{
	return input == NPU_MODEL_INPUT ? model->dim : model->node[input].out_dim;
}

bool npu_model_value_is_timed(const struct npu_model *model, int input)
{
	return input == NPU_MODEL_INPUT ? model->dim[1] > 1 : model->node[input].timed;
}

const struct npu_tracked *npu_model_tracked(const struct npu_model *model, int input)
{
	return input == NPU_MODEL_INPUT ? &model->tracked : &model->node[input].tracked;
}

/* A reshape may make as many steps of other values. */
static bool keeps_steps(const struct npu_model *model, const struct npu_node *node)
{
	size_t k;

	for (k = 0; k < node->inputs; k++)
		if (!npu_model_value_is_timed(model, node->input[k]))
			return false;
	return node->layer.kind != NPU_LAYER_RESHAPE && node->out_dim[0] == node->in_dim[0] &&
	       node->out_dim[1] == node->in_dim[1];
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
	if ((unsigned int)layer->activation >= NPU_ACTIVATIONS)
		return npu_error_set(
			err, -EINVAL,
			"layer %zu: unknown activation %d; use one of enum npu_activation",
			model->nodes, (int)layer->activation);
	if ((unsigned int)layer->init > NPU_INIT_CONSTANT)
		return npu_error_set(
			err, -EINVAL,
			"layer %zu: unknown initialiser %d; use one of enum npu_initializer",
			model->nodes, (int)layer->init);
	/* The derivative is told from the sign of the output. */
	if (!(layer->alpha >= 0) || !isfinite(layer->alpha))
		return npu_error_set(err, -EINVAL,
				     "layer %zu: alpha %g; the slope below 0 must be above 0",
				     model->nodes, (double)layer->alpha);
	if (layer->name && name_is_taken(model, layer->name))
		return npu_error_set(err, -EEXIST,
				     "two layers are called \"%s\"; names must differ",
				     layer->name);
	return 0;
}

static int check_inputs(const struct npu_model *model, const struct npu_layer_ops *ops,
			const int *input, size_t count, struct npu_error *err)
{
	size_t k;

	if (!count || (ops->inputs && count != ops->inputs))
		return npu_error_set(err, -EINVAL, "layer %zu, a %s: it reads %zu layers, not %zu",
				     model->nodes, ops->name, ops->inputs ? ops->inputs : 1, count);
	for (k = 0; k < count; k++)
		if (input[k] != NPU_MODEL_INPUT &&
		    (input[k] < 0 || (size_t)input[k] >= model->nodes))
			return npu_error_set(
				err, -EINVAL,
				"layer %zu, a %s: it can't read layer %d; name one that "
				"was added before, or NPU_MODEL_INPUT",
				model->nodes, ops->name, input[k]);
	return 0;
}

/* Undo describe_node(), of the last node; the values stay, unused. */
static void drop_node(struct npu_model *model, struct npu_node *node)
{
	while (model->parameters > node->parameter) {
		model->parameters--;
		model->values = model->parameter[model->parameters].offset;
		free(model->parameter[model->parameters].name);
	}
	free((char *)node->layer.name);
	free(node->input);
}

static void init_node(struct npu_model *model, const struct npu_node *node)
{
	struct npu_rng rng;

	if (!node->ops->init)
		return;
	npu_rng_seed(&rng, model->seed, 1 + model->nodes);
	node->ops->init(model, node, &rng);
}

static void set_alpha(struct npu_layer *layer)
{
	if (layer->alpha == 0)
		layer->alpha = layer->activation == NPU_ELU ? 1 : 0.01f;
}

/* Fill in the node; what it owns goes with drop_node(). */
static int describe_node(struct npu_model *model, struct npu_node *node,
			 const struct npu_layer_ops *ops, const int *input, size_t count,
			 struct npu_error *err)
{
	int ret;

	node->ops = ops;
	node->parameter = model->parameters;
	node->input = malloc(count * sizeof(*node->input));
	node->layer.name = layer_name(model, &node->layer, ops);
	if (!node->input || !node->layer.name)
		return NO_MEMORY(err);
	memcpy(node->input, input, count * sizeof(*node->input));
	node->inputs = count;
	memcpy(node->in_dim, npu_model_value_dim(model, input[0]), sizeof(node->in_dim));
	node->in = npu_volume(node->in_dim);
	set_alpha(&node->layer);
	ret = ops->shape(model, node, err);
	node->out = npu_volume(node->out_dim);
	node->timed = keeps_steps(model, node);
	return ret;
}

int npu_model_add_from(struct npu_model *model, struct npu_layer layer, const int *input,
		       size_t count, struct npu_error *err)
{
	const struct npu_layer_ops *ops = npu_layer_ops(layer.kind);
	struct npu_node *node;
	size_t k;
	int ret;

	if (!ops)
		return npu_error_set(
			err, -EINVAL,
			"layer %zu: unknown kind %d; make it with npu_dense() or the like",
			model->nodes, (int)layer.kind);
	ret = check_layer(model, &layer, err);
	if (!ret)
		ret = check_inputs(model, ops, input, count, err);
	if (ret)
		return ret;
	node = realloc(model->node, (model->nodes + 1) * sizeof(*node));
	if (!node)
		return NO_MEMORY(err);
	model->node = node;
	node += model->nodes;
	memset(node, 0, sizeof(*node));
	node->layer = layer;
	ret = describe_node(model, node, ops, input, count, err);
	if (ret) {
		drop_node(model, node);
		return ret;
	}
	init_node(model, node);
	for (k = 0; k < count; k++)
		if (input[k] != NPU_MODEL_INPUT)
			model->node[input[k]].readers++;
	node->state_at = model->states;
	model->states += node->state;
	model->predicting->samples = 0;
	npu_spare_drop(model);
	return (int)model->nodes++;
}

int npu_model_add(struct npu_model *model, struct npu_layer layer, struct npu_error *err)
{
	int last = (int)model->nodes - 1; /* before the first layer, NPU_MODEL_INPUT */

	return npu_model_add_from(model, layer, &last, 1, err);
}

int npu_model_remove_last(struct npu_model *model, struct npu_error *err)
{
	struct npu_node *node;
	size_t k;

	if (!model->nodes)
		return npu_error_set(err, -EINVAL, "the model has no layer to remove");
	node = &model->node[--model->nodes];
	for (k = 0; k < node->inputs; k++)
		if (node->input[k] != NPU_MODEL_INPUT)
			model->node[node->input[k]].readers--;
	model->states -= node->state;
	drop_node(model, node);
	free(model->gradient); /* it has the size of before */
	model->gradient = NULL;
	model->predicting->samples = 0;
	npu_spare_drop(model);
	return 0;
}

int npu_model_freeze(struct npu_model *model, size_t i, bool frozen, struct npu_error *err)
{
	if (i >= model->nodes)
		return npu_error_set(err, -EINVAL, "there is no layer %zu; the model has %zu", i,
				     model->nodes);
	model->node[i].layer.frozen = frozen;
	return 0;
}

int npu_model_check_whole(const struct npu_model *model, struct npu_error *err)
{
	size_t i;

	if (!model->nodes)
		return npu_error_set(err, -EINVAL, "the model has no layers; add some");
	for (i = 0; i + 1 < model->nodes; i++)
		if (!model->node[i].readers)
			return npu_error_set(
				err, -EINVAL,
				"nothing reads layer \"%s\"; let a later one do so, or "
				"leave it out",
				model->node[i].layer.name);
	return 0;
}
