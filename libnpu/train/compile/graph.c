// SPDX-License-Identifier: MIT
/* From the layers of a model to nodes and values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/graph.h"
#include "train/nn/layer.h"

const char *npu_graph_node_name(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return npu_model_layer(graph->model, node->layer)->name;
}

uint64_t npu_graph_value_elements(const struct npu_graph_value *value)
{
	return (uint64_t)value->dim[0] * value->dim[1] * value->dim[2] * value->dim[3];
}

uint64_t npu_graph_value_bytes(const struct npu_graph_value *value)
{
	return npu_graph_value_elements(value) * (value->type == NPU_TYPE_INT16 ? 2 : 1);
}

const struct npu_graph_node *npu_graph_reader(const struct npu_graph *graph, uint32_t value,
					      uint32_t from)
{
	uint32_t i, k;

	for (i = from; i < graph->nodes; i++)
		for (k = 0; k < graph->node[i].inputs; k++)
			if (graph->node[i].input[k] == value)
				return &graph->node[i];
	return NULL;
}

static enum npu_graph_kind activation_kind(enum npu_activation activation)
{
	switch (activation) {
	case NPU_RELU:
		return NPU_GRAPH_RELU;
	case NPU_LEAKY_RELU:
		return NPU_GRAPH_LEAKY_RELU;
	case NPU_SIGMOID:
		return NPU_GRAPH_SIGMOID;
	case NPU_TANH:
		return NPU_GRAPH_TANH;
	case NPU_SOFTMAX:
		return NPU_GRAPH_SOFTMAX;
	default:
		return NPU_GRAPH_COPY;
	}
}

/* A value of shape @dim (H, W, C) for each sample of the batch. */
static int add_value(struct npu_graph *graph, size_t layer, bool before, const uint32_t dim[3],
		     struct npu_error *err)
{
	struct npu_graph_value *value = &graph->value[graph->values];
	const char *name = layer == NPU_NO_LAYER ? "input"
						 : npu_model_layer(graph->model, layer)->name;
	uint64_t elements = graph->batch;
	int d;

	for (d = 0; d < 3; d++) {
		elements *= dim[d];
		if (dim[d] > NPU_MAX_DIM || graph->batch > NPU_MAX_DIM ||
		    elements > NPU_MAX_SLOT_BYTES)
			return npu_error_set(err, -E2BIG,
					     "layer \"%s\": %u samples of shape "
					     "%u x %u x %u are more than the NPU can address; "
					     "compile for a smaller batch, or use fewer units",
					     name, graph->batch, dim[0], dim[1], dim[2]);
	}
	value->layer = layer;
	value->before = before;
	value->type = graph->precision == NPU_PRECISION_INT16 ? NPU_TYPE_INT16 : NPU_TYPE_INT8;
	value->dim[0] = graph->batch;
	memcpy(&value->dim[1], dim, 3 * sizeof(*dim));
	graph->values++;
	return 0;
}

static struct npu_graph_node *add_node(struct npu_graph *graph, enum npu_graph_kind kind,
				       size_t layer, uint32_t input)
{
	struct npu_graph_node *node = &graph->node[graph->nodes++];

	node->kind = kind;
	node->layer = layer;
	node->inputs = 1;
	node->input[0] = input;
	node->output = graph->values;
	return node;
}

/* The one or two nodes of layer @i, which reads value @from and makes @to. */
static int add_layer(struct npu_graph *graph, size_t i, uint32_t from, uint32_t *to,
		     struct npu_error *err)
{
	const struct npu_node *layer = &graph->model->node[i];
	enum npu_activation activation = layer->layer.activation;
	struct npu_graph_node *node;
	int ret = 0;

	if (layer->layer.kind == NPU_LAYER_DENSE) {
		node = add_node(graph, NPU_GRAPH_DENSE, i, from);
		node->weight = npu_node_values(graph->model, i, 0);
		node->bias = npu_node_values(graph->model, i, 1);
		ret = add_value(graph, i, activation != NPU_LINEAR, layer->out_dim, err);
		from = node->output;
	}
	if (!ret && (layer->layer.kind != NPU_LAYER_DENSE || activation != NPU_LINEAR)) {
		node = add_node(graph, activation_kind(activation), i, from);
		node->alpha = layer->layer.alpha;
		ret = add_value(graph, i, false, layer->out_dim, err);
		from = node->output;
	}
	*to = from;
	return ret;
}

/* What only passes its values on once training is over. */
static bool passes_on(const struct npu_node *node)
{
	return node->ops->identity || node->layer.kind == NPU_LAYER_DROPOUT;
}

/* What there are instructions for. */
static int check_layer(const struct npu_model *model, size_t i, struct npu_error *err)
{
	const struct npu_node *node = &model->node[i];

	if (node->layer.kind != NPU_LAYER_DENSE && !passes_on(node))
		return npu_error_set(err, -EOPNOTSUPP,
				     "layer \"%s\", a %s: the NPU's programs hold dense and "
				     "activation layers only; predict with the model itself",
				     node->layer.name, node->ops->name);
	if (node->layer.activation > NPU_SOFTMAX)
		return npu_error_set(err, -EOPNOTSUPP,
				     "layer \"%s\": the NPU's programs hold relu, leaky relu, "
				     "sigmoid, tanh and softmax only; predict with the model itself",
				     node->layer.name);
	return 0;
}

static int add_layers(struct npu_graph *graph, uint32_t *made, struct npu_error *err)
{
	size_t i;
	int ret = add_value(graph, NPU_NO_LAYER, false, graph->model->dim, err);

	for (i = 0; !ret && i < graph->model->nodes; i++) {
		int input = graph->model->node[i].input[0];

		ret = check_layer(graph->model, i, err);
		if (!ret)
			ret = add_layer(graph, i,
					input == NPU_MODEL_INPUT ? graph->input : made[input],
					&made[i], err);
		graph->output = made[i];
	}
	return ret;
}

int npu_graph_build(struct npu_graph *graph, const struct npu_model *model,
		    const struct npu_compile_options *options, struct npu_error *err)
{
	uint32_t *made;
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
	made = calloc(model->nodes, sizeof(*made));
	graph->node = calloc(2 * model->nodes, sizeof(*graph->node));
	graph->value = calloc(2 * model->nodes + 1, sizeof(*graph->value));
	if (made && graph->node && graph->value)
		ret = add_layers(graph, made, err);
	else
		ret = npu_error_set(err, -ENOMEM, "no memory for the graph of %zu layers",
				    model->nodes);
	free(made);
	if (ret)
		npu_graph_free(graph);
	return ret;
}

void npu_graph_free(struct npu_graph *graph)
{
	free(graph->node);
	free(graph->value);
	memset(graph, 0, sizeof(*graph));
}
