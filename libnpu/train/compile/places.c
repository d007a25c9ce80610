// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "train/compile/lower.h"
#include "train/compile/places.h"
#include "train/nn/layer.h"

static size_t place_of(const struct npu_graph_value *value)
{
	return value->layer == NPU_NO_LAYER ? 0 : 1 + value->layer;
}

/* The value whose scale @value has, before anything is converted. */
static uint32_t root_of(const struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_node *maker = npu_graph_maker(graph, value);

	while (maker && npu_operation(maker->kind)->rule == NPU_SCALE_INPUT) {
		value = maker->input[0];
		maker = npu_graph_maker(graph, value);
	}
	return value;
}

/* Is there a kernel boundary at which training can round what the layer's activation reads? */
static bool shows_before(const struct npu_node *layer)
{
	const struct npu_layer_ops *ops = layer->ops;

	return !ops->identity && !ops->own_activation && !(ops->activates && ops->activates(layer));
}

static enum npu_fake_kind kind_of(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	switch (npu_operation(node->kind)->rule) {
	case NPU_SCALE_UNIT:
		/* The loss is taken from probabilities as they are. */
		return node->output == graph->output ? NPU_FAKE_NONE : NPU_FAKE_UNIT;
	case NPU_SCALE_SIGNED_UNIT:
		return node->output == graph->output ? NPU_FAKE_NONE : NPU_FAKE_SIGNED_UNIT;
	case NPU_SCALE_INPUT:
		/* All others pass on what is round already. */
		return node->kind == NPU_GRAPH_AVERAGE_POOL ? NPU_FAKE_LIKE : NPU_FAKE_NONE;
	default:
		return NPU_FAKE_TRACKED;
	}
}

static void add_place(const struct npu_graph *graph, const struct npu_graph_node *node,
		      struct npu_fake_place *places)
{
	const struct npu_graph_value *value = &graph->value[node->output];
	struct npu_fake_place *place = &places[place_of(value)];
	enum npu_fake_kind kind = kind_of(graph, node);
	const struct npu_graph_value *root;

	if (value->partial)
		return;
	if (kind == NPU_FAKE_LIKE) {
		root = &graph->value[root_of(graph, node->output)];
		/* Ranges of what activations read are not shared: it is rounded by its own. */
		kind = root->before || root->partial ? NPU_FAKE_TRACKED : NPU_FAKE_LIKE;
		place->like = place_of(root);
	}
	if (!value->before)
		place->after = kind;
	else if (shows_before(&graph->model->node[value->layer]))
		place->before = kind == NPU_FAKE_LIKE ? NPU_FAKE_TRACKED : kind;
}

/* A maximum that a convolution takes over: what it reads is not there to be rounded. */
static void move_taken(const struct npu_model *model, struct npu_fake_place *places)
{
	size_t i, k;

	for (i = 0; i < model->nodes; i++) {
		const struct npu_node *reader = npu_taken_reader(model, &model->node[i]);
		size_t to;

		if (!reader || places[1 + i].after == NPU_FAKE_NONE)
			continue;
		to = 1 + (size_t)(reader - model->node);
		places[to].after = places[1 + i].after;
		places[1 + i].after = NPU_FAKE_NONE;
		for (k = 0; k <= model->nodes; k++)
			if (places[k].after == NPU_FAKE_LIKE && places[k].like == 1 + i)
				places[k].like = to;
	}
}

static bool reads_numbers(const struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->nodes; i++)
		if (graph->node[i].kind == NPU_GRAPH_EMBEDDING &&
		    root_of(graph, graph->node[i].input[0]) == graph->input)
			return true;
	return false;
}

int npu_graph_places(const struct npu_model *model, struct npu_fake_place **places,
		     struct npu_error *err)
{
	const struct npu_compile_options options = { 0 };
	struct npu_graph graph;
	uint32_t i;
	int ret = npu_graph_build(&graph, model, &options, err);

	if (ret)
		return ret;
	*places = calloc(1 + model->nodes, sizeof(**places));
	if (!*places) {
		npu_graph_free(&graph);
		return npu_error_set(err, -ENOMEM, "no memory for %zu layers", model->nodes);
	}
	npu_graph_fuse(&graph);
	if (!reads_numbers(&graph))
		(*places)[0].after = NPU_FAKE_TRACKED;
	for (i = 0; i < graph.nodes; i++)
		add_place(&graph, &graph.node[i], *places);
	npu_graph_free(&graph);
	move_taken(model, *places);
	return 0;
}
