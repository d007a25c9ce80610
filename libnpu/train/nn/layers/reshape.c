// SPDX-License-Identifier: MIT
/* Flatten and reshape: the same values under another shape. */
#include <errno.h>
#include <string.h>

#include "train/nn/layer.h"
#include "runtime/error.h"

static int flatten_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	(void)model;
	(void)err;
	node->out_dim[0] = 1;
	node->out_dim[1] = 1;
	node->out_dim[2] = (uint32_t)node->in;
	return 0;
}

/* The dimension that is 0 takes what the others leave; -EINVAL where that does not come out even. */
static int work_out(struct npu_node *node, struct npu_error *err)
{
	uint32_t *dim = node->layer.dim;
	size_t rest = 1;
	int d, open = -1;

	for (d = 0; d < 3; d++) {
		if (!dim[d] && open >= 0)
			return npu_error_set(err, -EINVAL,
					     "layer \"%s\": %u x %u x %u; only one dimension of a "
					     "reshape can be worked out",
					     node->layer.name, dim[0], dim[1], dim[2]);
		if (!dim[d])
			open = d;
		else if (__builtin_mul_overflow(rest, dim[d], &rest))
			rest = SIZE_MAX;
	}
	if (open >= 0 && rest <= node->in && node->in % rest == 0) {
		dim[open] = (uint32_t)(node->in / rest);
		rest = node->in;
	}
	if (rest == node->in)
		return 0;
	return npu_error_set(err, -EINVAL,
			     "layer \"%s\": %u x %u x %u can't hold the %zu values of its input "
			     "exactly; give dimensions with that product",
			     node->layer.name, dim[0], dim[1], dim[2], node->in);
}

static int reshape_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	int ret = work_out(node, err);

	(void)model;
	memcpy(node->out_dim, node->layer.dim, sizeof(node->out_dim));
	return ret;
}

const struct npu_layer_ops npu_flatten_ops = {
	.name = "flatten",
	.inputs = 1,
	.identity = true,
	.shape = flatten_shape,
};

const struct npu_layer_ops npu_reshape_ops = {
	.name = "reshape",
	.inputs = 1,
	.identity = true,
	.shape = reshape_shape,
};
