// SPDX-License-Identifier: MIT
#include "layer.h"

static const struct npu_layer_ops *const kinds[NPU_LAYER_KINDS] = {
	[NPU_LAYER_DENSE] = &npu_dense_ops,
	[NPU_LAYER_ACTIVATION] = &npu_activation_ops,
};

const struct npu_layer_ops *npu_layer_ops(enum npu_layer_kind kind)
{
	return (unsigned int)kind < NPU_LAYER_KINDS ? kinds[kind] : NULL;
}
