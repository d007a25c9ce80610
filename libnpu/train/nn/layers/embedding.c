// SPDX-License-Identifier: MIT
/* Vectors by number. */
#include <errno.h>
#include <string.h>

#include "train/nn/layer.h"
#include "runtime/error.h"

static int embedding_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	const struct npu_layer *layer = &node->layer;

	if (node->in_dim[0] != 1 || node->in_dim[2] != 1)
		return npu_error_set(
			err, -EINVAL,
			"layer \"%s\": an embedding takes a sequence of numbers, 1 x T "
			"x 1, not %u x %u x %u; reshape",
			layer->name, node->in_dim[0], node->in_dim[1], node->in_dim[2]);
	/* Of larger numbers f32 holds every other one. */
	if (!layer->units || !layer->vocabulary || layer->units > 1u << 16 ||
	    layer->vocabulary > 1u << 24 || layer->vocabulary > (1u << 28) / layer->units)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": a vocabulary of %u vectors of %u units; both "
				     "must be at least 1, the vectors at most 2^24, units at most "
				     "65536, their product 2^28",
				     layer->name, layer->vocabulary, layer->units);
	node->out_dim[0] = 1;
	node->out_dim[1] = node->in_dim[1];
	node->out_dim[2] = layer->units;
	return npu_node_declare(model, node, "weight", NPU_ROLE_WEIGHT,
				(uint32_t[4]){ layer->vocabulary, layer->units, 1, 1 }, err);
}

static void embedding_init(struct npu_model *model, const struct npu_node *node,
			   struct npu_rng *rng)
{
	const struct npu_model_parameter *weight = &model->parameter[node->parameter];
	float *value = model->value + weight->offset;
	size_t i;

	if (node->layer.init != NPU_INIT_DEFAULT) {
		npu_init_weights(&node->layer, node->layer.vocabulary, node->layer.units, rng,
				 value, weight->count);
		return;
	}
	for (i = 0; i < weight->count; i++)
		value[i] = (float)(npu_rng_normal(rng) * 0.05);
}

/* Row of the weights that @x stands for; one that is no number stands for the first. */
static size_t row_of(const struct npu_node *node, float x)
{
	uint32_t last = node->layer.vocabulary - 1;

	if (!(x > 0))
		return 0;
	return x < (float)last ? (size_t)x : last;
}

static void embedding_forward(const struct npu_step *step)
{
	const struct npu_node *node = step->node;
	const float *weight = npu_step_values(step, 0);
	size_t units = node->layer.units, i;

	for (i = 0; i < step->n * node->in; i++)
		memcpy(step->y + i * units, weight + row_of(node, step->x[i]) * units,
		       units * sizeof(float));
}

/* Numbers have no derivative: dx is 0. */
static void embedding_backward(const struct npu_step *step)
{
	const struct npu_node *node = step->node;
	const struct npu_model_parameter *weight = &step->model->parameter[node->parameter];
	float *gradient = npu_step_gradient(step, 0);
	size_t units = node->layer.units, i;

	if (step->dx)
		memset(step->dx, 0, step->n * node->in * sizeof(float));
	if (!gradient)
		return;
	memset(gradient, 0, weight->count * sizeof(float));
	for (i = 0; i < step->n * node->in; i++)
		step->model->f32->add(step->dy + i * units,
				      gradient + row_of(node, step->x[i]) * units, units);
}

const struct npu_layer_ops npu_embedding_ops = {
	.name = "embedding",
	.inputs = 1,
	.shape = embedding_shape,
	.init = embedding_init,
	.forward = embedding_forward,
	.backward = embedding_backward,
	.reference = embedding_forward,
};
