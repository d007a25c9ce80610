// SPDX-License-Identifier: MIT
#include "layer.h"

static const struct npu_layer_ops *const kinds[NPU_LAYER_KINDS] = {
	[NPU_LAYER_DENSE] = &npu_dense_ops,
	[NPU_LAYER_ACTIVATION] = &npu_activation_ops,
	[NPU_LAYER_CONV] = &npu_conv_ops,
	[NPU_LAYER_CONV_TRANSPOSE] = &npu_conv_transpose_ops,
	[NPU_LAYER_MAX_POOL] = &npu_max_pool_ops,
	[NPU_LAYER_AVERAGE_POOL] = &npu_average_pool_ops,
	[NPU_LAYER_GLOBAL_MAX_POOL] = &npu_global_max_pool_ops,
	[NPU_LAYER_GLOBAL_AVERAGE_POOL] = &npu_global_average_pool_ops,
	[NPU_LAYER_FLATTEN] = &npu_flatten_ops,
	[NPU_LAYER_RESHAPE] = &npu_reshape_ops,
	[NPU_LAYER_BATCH_NORM] = &npu_batch_norm_ops,
	[NPU_LAYER_LAYER_NORM] = &npu_layer_norm_ops,
	[NPU_LAYER_DROPOUT] = &npu_dropout_ops,
	[NPU_LAYER_EMBEDDING] = &npu_embedding_ops,
	[NPU_LAYER_RNN] = &npu_rnn_ops,
	[NPU_LAYER_LSTM] = &npu_lstm_ops,
	[NPU_LAYER_GRU] = &npu_gru_ops,
	[NPU_LAYER_ADD] = &npu_add_ops,
	[NPU_LAYER_CONCAT] = &npu_concat_ops,
};

const struct npu_layer_ops *npu_layer_ops(enum npu_layer_kind kind)
{
	return (unsigned int)kind < NPU_LAYER_KINDS ? kinds[kind] : NULL;
}

const struct npu_node *npu_taken_reader(const struct npu_model *model, const struct npu_node *node)
{
	const struct npu_node *reader = node + 1, *end = model->node + model->nodes;
	size_t k;

	if (!node->ops->takes || node->readers != 1)
		return NULL;
	for (; reader < end; reader++) {
		for (k = 0; k < reader->inputs; k++)
			if (reader->input[k] == (int)(node - model->node))
				return reader->inputs == 1 && node->ops->takes(model, node, reader)
					       ? reader
					       : NULL;
	}
	return NULL;
}

const struct npu_node *npu_taker(const struct npu_model *model, const struct npu_node *reader)
{
	const struct npu_node *node;

	if (reader->input[0] == NPU_MODEL_INPUT)
		return NULL;
	node = &model->node[reader->input[0]];
	return npu_taken_reader(model, node) == reader ? node : NULL;
}
