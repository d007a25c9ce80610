// SPDX-License-Identifier: MIT
#include "model.h"

/* How often a layer's weights are used on a sample. */
static size_t uses(const struct npu_node *node)
{
	switch (node->layer.kind) {
	case NPU_LAYER_CONV:
		return (size_t)node->out_dim[0] * node->out_dim[1];
	case NPU_LAYER_CONV_TRANSPOSE:
		return (size_t)node->in_dim[0] * node->in_dim[1];
	case NPU_LAYER_RNN:
	case NPU_LAYER_LSTM:
	case NPU_LAYER_GRU:
		return node->in_dim[1];
	case NPU_LAYER_EMBEDDING:
		return 0;
	default:
		return 1;
	}
}

size_t npu_model_work(const struct npu_model *model)
{
	size_t work = model->features, i;

	for (i = 0; i < model->nodes; i++)
		work += model->node[i].out;
	for (i = 0; i < model->parameters; i++)
		work += model->parameter[i].count * uses(&model->node[model->parameter[i].node]);
	return work;
}
