// SPDX-License-Identifier: MIT
/* Activations, as the end of a layer and as a layer of their own, which passes its input on. */
#include <string.h>

#include "layer.h"

void npu_activate(const struct npu_f32 *f32, const struct npu_node *node, float *y, size_t n)
{
	size_t channels = node->out_dim[2];

	if (node->layer.activation == NPU_SOFTMAX)
		f32->softmax(y, y, n * node->out / channels, channels);
	else if (node->layer.activation != NPU_LINEAR)
		f32->activate(node->layer.activation, node->layer.alpha, y, n * node->out);
}

void npu_activate_backward(const struct npu_f32 *f32, const struct npu_node *node, const float *y,
			   float *dy, size_t n)
{
	size_t channels = node->out_dim[2];

	if (node->layer.activation == NPU_SOFTMAX)
		f32->softmax_backward(y, dy, n * node->out / channels, channels);
	else if (node->layer.activation != NPU_LINEAR)
		f32->activate_backward(node->layer.activation, node->layer.alpha, y, dy,
				       n * node->out);
}

static int activation_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	(void)model;
	(void)err;
	memcpy(node->out_dim, node->in_dim, sizeof(node->out_dim));
	return 0;
}

static void activation_init(const struct npu_node *node, struct npu_rng *rng, float *const *value)
{
	(void)node;
	(void)rng;
	(void)value;
}

static void activation_forward(struct npu_pool *pool, const struct npu_model *model,
			       const struct npu_node *node, const float *x, float *y, size_t n)
{
	(void)pool;
	(void)model;
	memcpy(y, x, n * node->out * sizeof(float));
}

static void activation_backward(struct npu_pool *pool, const struct npu_model *model,
				const struct npu_node *node, const float *x, const float *dy,
				float *dx, float *gradient, size_t n)
{
	(void)pool;
	(void)model;
	(void)x;
	(void)gradient;
	if (dx)
		memcpy(dx, dy, n * node->out * sizeof(float));
}

static void activation_reference(const struct npu_model *model, const struct npu_node *node,
				 const float *x, float *y, size_t n)
{
	activation_forward(NULL, model, node, x, y, n);
}

const struct npu_layer_ops npu_activation_ops = {
	.name = "activation",
	.shape = activation_shape,
	.init = activation_init,
	.forward = activation_forward,
	.backward = activation_backward,
	.reference = activation_reference,
};
