// SPDX-License-Identifier: MIT
/* The layers: convolution, and the transposed one, which swaps its forward and input gradient. */
#include <errno.h>

#include "conv.h"
#include "runtime/error.h"

#define MAX_UNITS (1u << 24)
#define MAX_WEIGHTS (1u << 30)

static bool is_transposed(const struct npu_node *node)
{
	return node->layer.kind == NPU_LAYER_CONV_TRANSPOSE;
}

struct npu_conv npu_conv_of(const struct npu_node *node)
{
	struct npu_conv conv = { .groups = node->layer.groups };

	npu_windows(node, conv.window);
	conv.channels = is_transposed(node) ? node->out_dim[2] : node->in_dim[2];
	conv.units = is_transposed(node) ? node->in_dim[2] : node->out_dim[2];
	return conv;
}

/* Inputs that reach an output, and outputs that an input reaches, edges and strides aside. */
static size_t fan(const struct npu_node *node, uint32_t channels)
{
	const struct npu_layer *layer = &node->layer;

	return (size_t)layer->kernel[0] * layer->kernel[1] * (channels / layer->groups);
}

static int check_groups(const struct npu_node *node, struct npu_error *err)
{
	const struct npu_layer *layer = &node->layer;

	if (!layer->units || layer->units > MAX_UNITS)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": units is %u; a convolution needs 1 to %u "
				     "output channels",
				     layer->name, layer->units, MAX_UNITS);
	if (node->in_dim[2] % layer->groups || layer->units % layer->groups)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": %u groups do not divide its %u input channels "
				     "and %u units; use a number that divides both",
				     layer->name, layer->groups, node->in_dim[2], layer->units);
	return 0;
}

static int check_weights(const struct npu_node *node, struct npu_error *err)
{
	const struct npu_layer *layer = &node->layer;
	uint64_t taps = (uint64_t)layer->kernel[0] * layer->kernel[1];
	uint64_t pairs = (uint64_t)(node->in_dim[2] / layer->groups) * layer->units;

	if (taps > MAX_WEIGHTS / pairs)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": a kernel of %u x %u for %u channels and %u "
				     "units is more than 2^30 weights; use fewer",
				     layer->name, layer->kernel[0], layer->kernel[1],
				     node->in_dim[2], layer->units);
	return 0;
}

static int conv_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	struct npu_layer *layer = &node->layer;
	uint32_t from, to;
	int ret;

	layer->groups = layer->groups ? layer->groups : 1;
	ret = check_groups(node, err);
	if (ret)
		return ret;
	node->out_dim[2] = layer->units;
	ret = npu_windows_shape(node, 1, err);
	if (!ret)
		ret = check_weights(node, err);
	if (ret)
		return ret;
	from = is_transposed(node) ? layer->units : node->in_dim[2];
	to = is_transposed(node) ? node->in_dim[2] : layer->units;
	ret = npu_node_declare(
		model, node, "weight", NPU_ROLE_WEIGHT,
		(uint32_t[4]){ layer->kernel[0], layer->kernel[1], from / layer->groups, to }, err);
	if (!ret && !layer->no_bias)
		ret = npu_node_declare(model, node, "bias", NPU_ROLE_BIAS,
				       (uint32_t[4]){ layer->units, 1, 1, 1 }, err);
	return ret;
}

static void conv_init(struct npu_model *model, const struct npu_node *node, struct npu_rng *rng)
{
	const struct npu_model_parameter *weights = &model->parameter[node->parameter];

	npu_init_weights(&node->layer, fan(node, node->in_dim[2]), fan(node, node->layer.units),
			 rng, model->value + weights->offset, weights->count);
}

/* Done at the store, while the values are at hand. */
static bool conv_activates(const struct npu_node *node)
{
	return node->layer.activation == NPU_RELU || node->layer.activation == NPU_RELU6;
}

/* A maximum right behind it: what it does not let through need never leave the cache. */
static bool conv_takes(const struct npu_model *model, const struct npu_node *node,
		       const struct npu_node *reader)
{
	return model->f32->conv && reader->layer.kind == NPU_LAYER_MAX_POOL &&
	       reader->layer.activation == NPU_LINEAR &&
	       (node->layer.activation == NPU_LINEAR || node->layer.activation == NPU_RELU);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void conv_room(const struct npu_model *model, const struct npu_node *node, size_t n,
		      size_t threads, bool training, struct npu_room *room)
{
	struct npu_conv conv = npu_conv_of(node);
	bool pooled = npu_taken_reader(model, node);
	size_t forward = npu_conv_forward_room(&conv, model->f32, threads, pooled);
	size_t input = npu_conv_input_room(&conv, model->f32, threads);

	room->forward = is_transposed(node) ? input : forward;
	if (training)
		room->backward = larger(
			is_transposed(node) ? forward : 0,
			npu_conv_learn_room(&conv, model->f32, n, node->layer.units, pooled));
}

static struct npu_conv_run run_of(const struct npu_step *step)
{
	const struct npu_node *node = step->node;

	return (struct npu_conv_run){
		.pool = step->pool,
		.f32 = step->model->f32,
		.conv = npu_conv_of(node),
		.n = step->n,
		.activation = conv_activates(node) ? node->layer.activation : NPU_LINEAR,
		.work = step->work,
	};
}

static struct npu_conv_pooled pooled_of(const struct npu_step *reader)
{
	return (struct npu_conv_pooled){
		.pooling = npu_pooling_of(reader->node),
		.out = reader->node->out,
		.y = reader->y,
		.winner = reader->saved,
		.dy = reader->dy,
	};
}

static void conv_forward(const struct npu_step *step)
{
	const float *weight = npu_step_values(step, 0), *bias = npu_step_values(step, 1);
	struct npu_conv_run run = run_of(step);
	struct npu_conv_pooled pooled;

	if (step->reader) {
		pooled = pooled_of(step->reader);
		npu_conv_forward_pooled(&run, step->x, weight, bias, &pooled);
	} else if (is_transposed(step->node)) {
		npu_conv_input(&run, step->x, weight, bias, step->y);
	} else {
		npu_conv_forward(&run, step->x, weight, bias, step->y);
	}
}

static void conv_backward(const struct npu_step *step)
{
	struct npu_conv_run run = run_of(step);
	struct npu_conv_gradients gradients = {
		.x = step->x,
		.dy = step->dy,
		.delta = (float *)step->dy,
		.y = step->y,
		.units = step->node->layer.units,
		.dweight = npu_step_gradient(step, 0),
		.dbias = npu_step_gradient(step, 1),
		.weight = npu_step_values(step, 0),
		.dx = step->dx,
	};
	struct npu_conv_pooled pooled;

	if (step->reader) {
		pooled = pooled_of(step->reader);
		gradients.pooled = &pooled;
	}
	npu_conv_learn(&run, &gradients);
}

static void conv_transpose_backward(const struct npu_step *step)
{
	struct npu_conv_run run = run_of(step);
	struct npu_conv_gradients gradients = {
		.x = step->dy,
		.dy = step->x,
		.delta = (float *)step->dy,
		.y = step->y,
		.units = step->node->layer.units,
		.dweight = npu_step_gradient(step, 0),
		.dbias = npu_step_gradient(step, 1),
	};

	npu_conv_learn(&run, &gradients);
	run.activation = NPU_LINEAR;
	if (step->dx)
		npu_conv_forward(&run, step->dy, npu_step_values(step, 0), NULL, step->dx);
}

static void conv_reference(const struct npu_step *step)
{
	const float *weight = npu_step_values(step, 0), *bias = npu_step_values(step, 1);
	const struct npu_node *node = step->node;
	struct npu_conv conv = npu_conv_of(node);
	size_t i;

	for (i = 0; i < step->n; i++) {
		const float *x = step->x + i * node->in;
		float *y = step->y + i * node->out;

		if (is_transposed(node))
			npu_conv_plain_input(&conv, x, weight, bias, y);
		else
			npu_conv_plain_forward(&conv, x, weight, bias, y);
	}
}

const struct npu_layer_ops npu_conv_ops = {
	.name = "conv",
	.inputs = 1,
	.activates = conv_activates,
	.undoes = true,
	.takes = conv_takes,
	.shape = conv_shape,
	.init = conv_init,
	.room = conv_room,
	.forward = conv_forward,
	.backward = conv_backward,
	.reference = conv_reference,
};

const struct npu_layer_ops npu_conv_transpose_ops = {
	.name = "conv_transpose",
	.inputs = 1,
	.activates = conv_activates,
	.undoes = true,
	.shape = conv_shape,
	.init = conv_init,
	.room = conv_room,
	.forward = conv_forward,
	.backward = conv_transpose_backward,
	.reference = conv_reference,
};
