// SPDX-License-Identifier: MIT
/* From the layers of a model to nodes and values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/build.h"
#include "train/nn/layer.h"
#include "train/nn/layers/window.h"

int npu_build_no_memory(const struct npu_builder *b)
{
	return npu_error_set(b->err, -ENOMEM, "no memory for the graph of %zu layers",
			     b->graph->model->nodes);
}

int npu_build_value(struct npu_builder *b, size_t layer, bool before, const uint32_t dim[3],
		    uint32_t *index)
{
	struct npu_graph *graph = b->graph;
	struct npu_graph_value value = {
		.layer = layer,
		.before = before,
		.type = graph->precision == NPU_PRECISION_INT16 ? NPU_TYPE_INT16 : NPU_TYPE_INT8,
		.dim = { graph->batch, dim[0], dim[1], dim[2] },
	};
	uint64_t elements = graph->batch;
	int d;

	for (d = 0; d < 3; d++) {
		elements *= dim[d];
		if (dim[d] > NPU_MAX_DIM || graph->batch > NPU_MAX_DIM ||
		    elements > NPU_MAX_SLOT_BYTES)
			return npu_error_set(
				b->err, -E2BIG,
				"layer \"%s\": %u samples of shape %u x %u x %u are more than the "
				"NPU can address; compile for a smaller batch, or use fewer units",
				layer == NPU_NO_LAYER ? "input"
						      : npu_model_layer(graph->model, layer)->name,
				graph->batch, dim[0], dim[1], dim[2]);
	}
	*index = npu_graph_add_value(graph, &value);
	return *index == NPU_NO_INDEX ? npu_build_no_memory(b) : 0;
}

struct npu_graph_node *npu_build_node(struct npu_builder *b, enum npu_graph_kind kind, size_t layer,
				      const uint32_t *input, uint32_t inputs)
{
	struct npu_graph_node *node =
		npu_graph_insert_node(b->graph, b->graph->nodes, kind, layer, inputs);

	if (node)
		memcpy(node->input, input, inputs * sizeof(*input));
	return node;
}

static enum npu_graph_kind activation_kind(enum npu_activation activation)
{
	switch (activation) {
	case NPU_LINEAR:
		return NPU_GRAPH_COPY;
	case NPU_RELU:
	case NPU_RELU6:
		return NPU_GRAPH_RELU;
	case NPU_SIGMOID:
		return NPU_GRAPH_SIGMOID;
	case NPU_TANH:
		return NPU_GRAPH_TANH;
	case NPU_SOFTMAX:
		return NPU_GRAPH_SOFTMAX;
	default:
		return NPU_GRAPH_TABLE;
	}
}

static bool is_depthwise(const struct npu_node *layer)
{
	return layer->layer.groups > 1 && layer->layer.groups == layer->in_dim[2];
}

/* What a layer computes before its activation. */
static enum npu_graph_kind layer_kind(const struct npu_node *layer)
{
	switch (layer->layer.kind) {
	case NPU_LAYER_DENSE:
		return NPU_GRAPH_DENSE;
	case NPU_LAYER_CONV:
		return is_depthwise(layer) ? NPU_GRAPH_DEPTHWISE : NPU_GRAPH_CONV;
	case NPU_LAYER_CONV_TRANSPOSE:
		return NPU_GRAPH_CONV_TRANSPOSE;
	case NPU_LAYER_MAX_POOL:
	case NPU_LAYER_GLOBAL_MAX_POOL:
		return NPU_GRAPH_MAX_POOL;
	case NPU_LAYER_AVERAGE_POOL:
		return NPU_GRAPH_AVERAGE_POOL;
	case NPU_LAYER_GLOBAL_AVERAGE_POOL:
		return NPU_GRAPH_MEAN;
	case NPU_LAYER_FLATTEN:
	case NPU_LAYER_RESHAPE:
		return NPU_GRAPH_RESHAPE;
	case NPU_LAYER_BATCH_NORM:
		return NPU_GRAPH_BATCH_NORM;
	case NPU_LAYER_LAYER_NORM:
		return NPU_GRAPH_LAYER_NORM;
	case NPU_LAYER_EMBEDDING:
		return NPU_GRAPH_EMBEDDING;
	case NPU_LAYER_RNN:
		return NPU_GRAPH_RNN;
	case NPU_LAYER_LSTM:
		return NPU_GRAPH_LSTM;
	case NPU_LAYER_GRU:
		return NPU_GRAPH_GRU;
	case NPU_LAYER_ADD:
		return layer->inputs > 1 ? NPU_GRAPH_ADD : NPU_GRAPH_COPY;
	case NPU_LAYER_CONCAT:
		return layer->inputs > 1 ? NPU_GRAPH_CONCAT : NPU_GRAPH_COPY;
	default:
		return NPU_GRAPH_COPY;
	}
}

static void set_window(struct npu_graph_node *node, const struct npu_node *layer)
{
	bool global = layer->layer.kind == NPU_LAYER_GLOBAL_MAX_POOL;
	struct npu_window window[2];
	int axis;

	if (!global)
		npu_windows(layer, window);
	for (axis = 0; axis < 2; axis++) {
		struct npu_graph_window *to = &node->window;

		to->kernel[axis] = global ? layer->in_dim[axis] : (uint32_t)window[axis].kernel;
		to->stride[axis] = global ? 1 : (uint32_t)window[axis].stride;
		to->dilation[axis] = global ? 1 : (uint32_t)window[axis].dilation;
		to->pad[axis] = global ? 0 : (uint32_t)window[axis].before;
	}
}

/* Sizes of what a layer has in weights. */
static void set_weights(struct npu_graph_node *node, const struct npu_node *layer, size_t i)
{
	const struct npu_layer *l = &layer->layer;
	uint64_t taps = (uint64_t)l->kernel[0] * l->kernel[1];

	node->weights_from = i;
	switch (node->kind) {
	case NPU_GRAPH_DENSE:
		node->units = l->units;
		node->depth = layer->in;
		break;
	case NPU_GRAPH_EMBEDDING:
		node->units = l->vocabulary;
		node->depth = l->units;
		break;
	case NPU_GRAPH_BATCH_NORM:
		node->weights_from = NPU_NO_LAYER;
		node->norm = i;
		node->units = layer->out_dim[2];
		node->depth = 1;
		break;
	case NPU_GRAPH_LAYER_NORM:
		node->units = layer->out_dim[2];
		node->depth = 1;
		break;
	default:
		node->units = layer->out_dim[2];
		node->groups = l->groups;
		node->depth = taps * (layer->in_dim[2] / l->groups);
	}
}

static void describe(struct npu_graph_node *node, const struct npu_node *layer, size_t i)
{
	switch (node->kind) {
	case NPU_GRAPH_CONV:
	case NPU_GRAPH_DEPTHWISE:
	case NPU_GRAPH_CONV_TRANSPOSE:
		set_window(node, layer);
		set_weights(node, layer, i);
		break;
	case NPU_GRAPH_MAX_POOL:
	case NPU_GRAPH_AVERAGE_POOL:
		set_window(node, layer);
		break;
	case NPU_GRAPH_DENSE:
	case NPU_GRAPH_EMBEDDING:
	case NPU_GRAPH_BATCH_NORM:
	case NPU_GRAPH_LAYER_NORM:
		set_weights(node, layer, i);
		break;
	case NPU_GRAPH_CONCAT:
		node->axis = 1 + npu_concat_dimension(&layer->layer);
		break;
	default:
		break;
	}
}

/* The sum of all inputs but the last, two by two; value of the sum in @sum. */
static int add_partial_sums(struct npu_builder *b, size_t i, uint32_t *sum)
{
	const struct npu_node *layer = &b->graph->model->node[i];
	uint32_t k;
	int ret = 0;

	*sum = b->input[0];
	for (k = 1; !ret && k + 1 < layer->inputs; k++) {
		uint32_t pair[2] = { *sum, b->input[k] };

		ret = npu_build_value(b, i, true, layer->out_dim, sum);
		if (ret)
			break;
		b->graph->value[*sum].partial = true;
		if (!npu_build_node(b, NPU_GRAPH_ADD, i, pair, 2))
			return npu_build_no_memory(b);
		b->graph->node[b->graph->nodes - 1].output = *sum;
	}
	return ret;
}

/* What layer @i computes before its activation; @to: the value that it makes. */
static int add_computation(struct npu_builder *b, size_t i, uint32_t *to)
{
	const struct npu_node *layer = &b->graph->model->node[i];
	enum npu_graph_kind kind = layer_kind(layer);
	uint32_t inputs = (uint32_t)layer->inputs, pair[2];
	const uint32_t *input = b->input;
	struct npu_graph_node *node;
	int ret = 0;

	if (kind == NPU_GRAPH_RNN || kind == NPU_GRAPH_LSTM || kind == NPU_GRAPH_GRU)
		return npu_build_recurrent(b, i, kind, to);
	if (kind == NPU_GRAPH_ADD) {
		ret = add_partial_sums(b, i, &pair[0]);
		pair[1] = b->input[inputs - 1];
		input = pair;
		inputs = 2;
	}
	if (!ret)
		ret = npu_build_value(b, i, layer->layer.activation != NPU_LINEAR, layer->out_dim,
				      to);
	if (ret)
		return ret;
	node = npu_build_node(b, kind, i, input, inputs);
	if (!node)
		return npu_build_no_memory(b);
	node->output = *to;
	describe(node, layer, i);
	return 0;
}

static int add_activation(struct npu_builder *b, size_t i, uint32_t from, uint32_t *to)
{
	const struct npu_node *layer = &b->graph->model->node[i];
	enum npu_activation activation = layer->layer.activation;
	struct npu_graph_node *node;
	int ret = npu_build_value(b, i, false, layer->out_dim, to);

	if (ret)
		return ret;
	node = npu_build_node(b, activation_kind(activation), i, &from, 1);
	if (!node)
		return npu_build_no_memory(b);
	node->output = *to;
	node->alpha = layer->layer.alpha;
	if (node->kind == NPU_GRAPH_RELU)
		node->clamp = activation;
	if (node->kind == NPU_GRAPH_TABLE)
		node->activation = activation;
	return 0;
}

/* Does an activation follow what the layer computes, or is it the layer? */
static bool has_activation(const struct npu_node *layer)
{
	return layer->layer.kind == NPU_LAYER_ACTIVATION ||
	       (layer->layer.activation != NPU_LINEAR && !layer->ops->own_activation);
}

/* The nodes of layer @i. */
static int add_layer(struct npu_builder *b, size_t i)
{
	const struct npu_node *layer = &b->graph->model->node[i];
	bool alone = layer->layer.kind == NPU_LAYER_ACTIVATION;
	uint32_t from;
	size_t k;
	int ret = 0;

	for (k = 0; k < layer->inputs; k++)
		b->input[k] = layer->input[k] == NPU_MODEL_INPUT ? b->graph->input
								 : b->made[layer->input[k]];
	from = b->input[0];
	if (!alone)
		ret = add_computation(b, i, &from);
	if (!ret && has_activation(layer))
		ret = add_activation(b, i, from, &from);
	b->made[i] = from;
	return ret;
}

/* What there is no instruction for. */
static int check_layer(const struct npu_graph *graph, size_t i, struct npu_error *err)
{
	const struct npu_node *node = &graph->model->node[i];
	bool global = node->layer.kind == NPU_LAYER_GLOBAL_MAX_POOL ||
		      node->layer.kind == NPU_LAYER_GLOBAL_AVERAGE_POOL;

	if (graph->lengths != NPU_NO_INDEX && global &&
	    npu_model_value_is_timed(graph->model, node->input[0]))
		return npu_error_set(err, -EOPNOTSUPP,
				     "layer \"%s\": no NPU instruction pools sequences of "
				     "different lengths; compile without them, or put a recurrent "
				     "layer that gives its last state in front",
				     node->layer.name);
	return 0;
}

/* The numbers of steps of a request's sequences, as a second input. */
static int add_lengths(struct npu_builder *b)
{
	struct npu_graph *graph = b->graph;
	const uint32_t one[3] = { 1, 1, 1 };
	int ret = npu_build_value(b, NPU_NO_LAYER, false, one, &graph->lengths);

	if (!ret) {
		graph->value[graph->lengths].type = NPU_TYPE_INT32;
		graph->value[graph->lengths].index = true;
		graph->value[graph->lengths].partial = true;
	}
	return ret;
}

/* What is kept from request to request is not the output itself. */
static int copy_state(struct npu_builder *b)
{
	struct npu_graph *graph = b->graph;
	uint32_t state = graph->output;
	struct npu_graph_value value = graph->value[state];
	struct npu_graph_node *node;

	if (!value.state)
		return 0;
	value.state = false;
	graph->output = npu_graph_add_value(graph, &value);
	node = graph->output == NPU_NO_INDEX
		       ? NULL
		       : npu_build_node(b, NPU_GRAPH_COPY, value.layer, &state, 1);
	if (!node)
		return npu_build_no_memory(b);
	node->output = graph->output;
	return 0;
}

static int add_layers(struct npu_builder *b, bool lengths)
{
	const struct npu_model *model = b->graph->model;
	size_t i;
	int ret = npu_build_value(b, NPU_NO_LAYER, false, model->dim, &b->graph->input);

	if (!ret && lengths)
		ret = add_lengths(b);
	for (i = 0; !ret && i < model->nodes; i++) {
		ret = check_layer(b->graph, i, b->err);
		if (!ret)
			ret = add_layer(b, i);
		b->graph->output = b->made[i];
	}
	return ret ? ret : copy_state(b);
}

static size_t most_inputs(const struct npu_model *model)
{
	size_t i, most = 1;

	for (i = 0; i < model->nodes; i++)
		most = model->node[i].inputs > most ? model->node[i].inputs : most;
	return most;
}

int npu_graph_build(struct npu_graph *graph, const struct npu_model *model,
		    const struct npu_compile_options *options, struct npu_error *err)
{
	struct npu_builder b = { .graph = graph, .err = err };
	int ret;

	memset(graph, 0, sizeof(*graph));
	if (!model->nodes)
		return npu_error_set(err, -EINVAL,
				     "the model has no layers to compile; add some "
				     "with npu_model_add()");
	if (model->nodes > NPU_MAX_INSNS / 2)
		return npu_error_set(err, -E2BIG,
				     "the model has %zu layers, a program holds %d "
				     "instructions; use fewer layers",
				     model->nodes, NPU_MAX_INSNS);
	graph->model = model;
	graph->precision = options->precision;
	graph->batch = options->batch ? options->batch : 1;
	graph->lengths = NPU_NO_INDEX;
	b.made = calloc(model->nodes, sizeof(*b.made));
	b.input = calloc(most_inputs(model), sizeof(*b.input));
	ret = b.made && b.input ? add_layers(&b, options->length_input) : npu_build_no_memory(&b);
	free(b.made);
	free(b.input);
	if (ret)
		npu_graph_free(graph);
	return ret;
}
