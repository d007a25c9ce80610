// SPDX-License-Identifier: MIT
/*
 * Recurrent layers: a node for each direction. Two directions are put side by side, which costs
 * nothing: each writes its half of the result.
 */
#include <errno.h>

#include "train/compile/build.h"
#include "train/nn/layer.h"

/* A value that the reference does not show. */
static int add_hidden_value(struct npu_builder *b, size_t i, const uint32_t dim[3], bool state,
			    uint32_t *index)
{
	int ret = npu_build_value(b, i, false, dim, index);

	if (!ret) {
		b->graph->value[*index].partial = true;
		b->graph->value[*index].state = state;
	}
	return ret;
}

/* What a direction writes besides its output. */
static int add_also(struct npu_builder *b, size_t i, enum npu_graph_kind kind,
		    uint32_t also[NPU_GRAPH_ALSO])
{
	const struct npu_node *layer = &b->graph->model->node[i];
	const struct npu_layer *l = &layer->layer;
	const uint32_t steps[3] = { 1, layer->in_dim[1], l->units }, one[3] = { 1, 1, l->units };
	int ret = 0;

	if (!l->sequences)
		ret = add_hidden_value(b, i, steps, false, &also[NPU_GRAPH_STEPS]);
	else if (l->stateful)
		ret = add_hidden_value(b, i, one, true, &also[NPU_GRAPH_HIDDEN]);
	if (!ret && kind == NPU_GRAPH_LSTM) {
		ret = add_hidden_value(b, i, one, l->stateful, &also[NPU_GRAPH_CELL]);
		if (!ret)
			b->graph->value[also[NPU_GRAPH_CELL]].type = NPU_TYPE_INT16;
	}
	if (!ret && kind == NPU_GRAPH_GRU && !l->reset_after)
		ret = add_hidden_value(b, i, one, false, &also[NPU_GRAPH_CELL]);
	return ret;
}

static void describe(struct npu_graph_node *node, const struct npu_node *layer, size_t i,
		     uint32_t direction)
{
	const struct npu_layer *l = &layer->layer;

	node->gates = node->kind == NPU_GRAPH_LSTM ? 4 : node->kind == NPU_GRAPH_GRU ? 3 : 1;
	node->hidden = l->units;
	node->direction = direction;
	node->backwards = direction || l->backwards;
	node->weights_from = i;
	node->units = (uint64_t)node->gates * node->hidden;
	node->depth = layer->in_dim[2];
	if (node->kind == NPU_GRAPH_RNN) {
		node->activation = l->activation;
		node->alpha = l->alpha;
	}
}

static int add_direction(struct npu_builder *b, size_t i, enum npu_graph_kind kind,
			 uint32_t direction, uint32_t output)
{
	const struct npu_node *layer = &b->graph->model->node[i];
	uint32_t also[NPU_GRAPH_ALSO] = { NPU_NO_INDEX, NPU_NO_INDEX, NPU_NO_INDEX };
	uint32_t inputs[2] = { b->input[0], b->graph->lengths }, k;
	bool timed = b->graph->lengths != NPU_NO_INDEX &&
		     npu_model_value_is_timed(b->graph->model, layer->input[0]);
	struct npu_graph_node *node;
	int ret = add_also(b, i, kind, also);

	if (ret)
		return ret;
	node = npu_build_node(b, kind, i, inputs, timed ? 2 : 1);
	if (!node)
		return npu_build_no_memory(b);
	node->output = output;
	for (k = 0; k < NPU_GRAPH_ALSO; k++)
		node->also[k] = also[k];
	describe(node, layer, i, direction);
	return 0;
}

int npu_build_recurrent(struct npu_builder *b, size_t i, enum npu_graph_kind kind, uint32_t *to)
{
	const struct npu_node *layer = &b->graph->model->node[i];
	const struct npu_layer *l = &layer->layer;
	bool before = l->activation != NPU_LINEAR && !layer->ops->own_activation;
	const uint32_t half[3] = { 1, layer->out_dim[1], l->units };
	bool state = l->stateful && !l->sequences;
	uint32_t direction, parts[2];
	struct npu_graph_node *concat;
	int ret = npu_build_value(b, i, before, layer->out_dim, to);

	if (ret)
		return ret;
	if (!l->bidirectional) {
		b->graph->value[*to].state = state;
		return add_direction(b, i, kind, 0, *to);
	}
	for (direction = 0; !ret && direction < 2; direction++) {
		ret = add_hidden_value(b, i, half, state, &parts[direction]);
		if (!ret)
			ret = add_direction(b, i, kind, direction, parts[direction]);
	}
	if (ret)
		return ret;
	concat = npu_build_node(b, NPU_GRAPH_CONCAT, i, parts, 2);
	if (!concat)
		return npu_build_no_memory(b);
	concat->output = *to;
	concat->axis = 3;
	return 0;
}
