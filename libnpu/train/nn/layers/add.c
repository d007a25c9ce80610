// SPDX-License-Identifier: MIT
/* The sum of inputs of equal shape. */
#include <errno.h>
#include <string.h>

#include "train/nn/layer.h"
#include "runtime/error.h"

static int add_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	size_t k;

	memcpy(node->out_dim, node->in_dim, sizeof(node->out_dim));
	for (k = 1; k < node->inputs; k++) {
		const uint32_t *dim = npu_model_value_dim(model, node->input[k]);

		if (memcmp(dim, node->in_dim, sizeof(node->in_dim)))
			return npu_error_set(err, -EINVAL,
					     "layer \"%s\": it adds %u x %u x %u to %u x %u x %u; "
					     "its inputs must have the same shape",
					     node->layer.name, dim[0], dim[1], dim[2],
					     node->in_dim[0], node->in_dim[1], node->in_dim[2]);
	}
	return 0;
}

static void sum(const struct npu_step *step, const struct npu_f32 *f32)
{
	size_t count = step->n * step->node->out, k;

	memcpy(step->y, step->xs[0], count * sizeof(float));
	for (k = 1; k < step->node->inputs; k++)
		f32->add(step->xs[k], step->y, count);
}

static void add_forward(const struct npu_step *step)
{
	sum(step, step->model->f32);
}

static void add_backward(const struct npu_step *step)
{
	size_t k;

	for (k = 0; k < step->node->inputs; k++)
		if (step->dxs[k])
			memcpy(step->dxs[k], step->dy, step->n * step->node->out * sizeof(float));
}

static void add_reference(const struct npu_step *step)
{
	sum(step, &npu_f32_reference);
}

const struct npu_layer_ops npu_add_ops = {
	.name = "add",
	.shape = add_shape,
	.forward = add_forward,
	.backward = add_backward,
	.reference = add_reference,
};
