// SPDX-License-Identifier: MIT
/*
 * What the reference does not show of recurrent layers, which an instruction keeps in integers: the
 * hidden states of all steps where only the last is an output, the cell states of an LSTM, the sums
 * in front of an RNN's activation. The formulas are in npu_train/layers.h; in double, by plain
 * loops: the same bits on every CPU.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/graph.h"
#include "train/nn/elementary.h"
#include "train/nn/kernels/f32.h"
#include "train/nn/model.h"
#include "train/nn/reference.h"

/**
 * struct measuring - one pass of samples
 * @lengths: of the sequences, or NULL
 * @post: [1 + layers], what the layers have made of the block at hand, the input first
 * @sums: [gates * hidden] of the widest node, input part; @recurrent: likewise, recurrent part
 * @h, @c: [hidden], states of the node at hand
 * @reset: [hidden], r * h of a GRU
 * @states: h and c of all nodes, one after another
 */
struct measuring {
	struct npu_graph *graph;
	const uint32_t *lengths;
	const float **post;
	double *sums, *recurrent, *h, *c, *reset, *states;
};

/* y = W x, [rows][columns]. */
static void multiply(const float *weight, const double *x, uint64_t rows, uint64_t columns,
		     double *y)
{
	uint64_t i, k;

	for (i = 0; i < rows; i++) {
		double sum = 0;

		for (k = 0; k < columns; k++)
			sum += weight[i * columns + k] * x[k];
		y[i] = sum;
	}
}

static void multiply_input(const struct npu_graph_node *node, const float *x, double *y)
{
	uint64_t i, k;

	for (i = 0; i < node->units; i++) {
		double sum = node->bias[i];

		for (k = 0; k < node->depth; k++)
			sum += (double)node->weight[i * node->depth + k] * (double)x[k];
		y[i] = sum;
	}
}

static void note(float *reach, double value)
{
	*reach = fmaxf(*reach, (float)fabs(value));
}

static void step_rnn(struct measuring *m, struct npu_graph_node *node)
{
	bool relu = node->activation == NPU_RELU || node->activation == NPU_RELU6;
	uint32_t u;

	for (u = 0; u < node->hidden; u++) {
		float a = (float)(m->sums[u] + m->recurrent[u]), y;

		npu_f32_reference.activate(node->activation, node->alpha, &a, &y, 1);
		m->h[u] = y;
		/* Below 0 a relu needs no resolution. */
		note(&node->reach, relu ? y : a);
	}
}

static void step_lstm(struct measuring *m, struct npu_graph_node *node)
{
	uint32_t u, units = node->hidden;

	for (u = 0; u < units; u++) {
		double i = npu_sigmoid(m->sums[u] + m->recurrent[u]);
		double o = npu_sigmoid(m->sums[units + u] + m->recurrent[units + u]);
		double f = npu_sigmoid(m->sums[2 * units + u] + m->recurrent[2 * units + u]);
		double g = npu_tanh(m->sums[3 * units + u] + m->recurrent[3 * units + u]);

		m->c[u] = f * m->c[u] + i * g;
		m->h[u] = o * npu_tanh(m->c[u]);
		note(&node->reach, m->c[u]);
	}
}

static void step_gru(struct measuring *m, struct npu_graph_node *node, bool reset_after)
{
	uint32_t u, units = node->hidden;
	const float *last = node->recurrent + 2 * (uint64_t)units * units;

	for (u = 0; u < units; u++) {
		double r = npu_sigmoid(m->sums[units + u] + m->recurrent[units + u]);
		double after = m->recurrent[2 * units + u] + node->recurrent_bias[2 * units + u];

		m->reset[u] = r * (reset_after ? after : m->h[u]);
	}
	/* m->recurrent of gate h is free now. */
	if (!reset_after)
		multiply(last, m->reset, units, units, m->recurrent + 2 * units);
	for (u = 0; u < units; u++) {
		double z = npu_sigmoid(m->sums[u] + m->recurrent[u]);
		double part = reset_after ? m->reset[u] : m->recurrent[2 * units + u];
		double g = npu_tanh(m->sums[2 * units + u] + part);

		m->h[u] = (1 - z) * g + z * m->h[u];
	}
}

/* One sample's sequence @x [length][depth] through @node; a stateful one goes on. */
static void run_sequence(struct measuring *m, struct npu_graph_node *node, const float *x,
			 uint32_t length)
{
	const struct npu_layer *layer = &m->graph->model->node[node->layer].layer;
	struct npu_graph_value *out = &m->graph->value[node->output];
	bool reset_after = layer->reset_after;
	uint32_t t, u;

	if (!layer->stateful)
		memset(m->h, 0, 2 * node->hidden * sizeof(*m->h));
	for (t = 0; t < length; t++) {
		uint64_t at = node->backwards ? length - 1 - t : t;

		multiply_input(node, x + at * node->depth, m->sums);
		multiply(node->recurrent, m->h, node->units, node->hidden, m->recurrent);
		if (node->kind == NPU_GRAPH_RNN)
			step_rnn(m, node);
		else if (node->kind == NPU_GRAPH_LSTM)
			step_lstm(m, node);
		else
			step_gru(m, node, reset_after);
		for (u = 0; u < node->hidden; u++) {
			out->low = fminf(out->low, (float)m->h[u]);
			out->high = fmaxf(out->high, (float)m->h[u]);
		}
	}
}

static int visit(void *context, size_t layer, size_t first, size_t n, const float *pre,
		 const float *post)
{
	struct measuring *m = context;
	const struct npu_model *model = m->graph->model;
	double *states = m->states;
	const struct npu_node *l;
	uint32_t i;
	size_t s;

	(void)pre;
	m->post[layer == NPU_REFERENCE_INPUT ? 0 : 1 + layer] = post;
	if (layer == NPU_REFERENCE_INPUT)
		return 0;
	l = &model->node[layer];
	for (i = 0; i < m->graph->nodes; i++) {
		struct npu_graph_node *node = &m->graph->node[i];
		bool timed = m->lengths && npu_model_value_is_timed(model, l->input[0]);

		if (!npu_graph_is_recurrent(node))
			continue;
		m->h = states;
		m->c = m->h + node->hidden;
		states += 2 * node->hidden;
		if (node->layer != layer)
			continue;
		for (s = 0; s < n; s++)
			run_sequence(m, node, m->post[1 + l->input[0]] + s * l->in,
				     timed ? m->lengths[first + s] : l->in_dim[1]);
	}
	return 0;
}

/* A stream goes on longer than any sample: its hidden states are taken to reach what they can. */
static void bound_streams(struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		struct npu_graph_value *out = &graph->value[node->output];

		if (!npu_graph_is_recurrent(node) ||
		    !graph->model->node[node->layer].layer.stateful)
			continue;
		if (node->kind == NPU_GRAPH_RNN && node->activation == NPU_SIGMOID) {
			out->high = 1;
		} else if (node->kind != NPU_GRAPH_RNN || node->activation == NPU_TANH) {
			out->low = -1;
			out->high = 1;
		}
	}
}

/* Is @value what @node makes, or the same numbers elsewhere? */
static bool shows(const struct npu_graph *graph, const struct npu_graph_node *node,
		  const struct npu_graph_value *value)
{
	return value->layer == node->layer && !value->partial &&
	       value->before == graph->value[node->output].before;
}

static bool is_tracked(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	const struct npu_tracked *tracked = npu_model_tracked(graph->model, (int)node->layer);
	const float *range = graph->value[node->output].before ? tracked->before : tracked->after;

	return range[1] > range[0];
}

/*
 * What the reference has shown of streams is measured here again, and rounds otherwise: only by
 * this alone are the scales of a program for pieces those of one for the whole. With @begin forget
 * it, else all that show the same numbers get their range.
 */
static void follow_streams(struct npu_graph *graph, bool begin)
{
	uint32_t i, k;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		const struct npu_graph_value *out = &graph->value[node->output];

		if (!npu_graph_is_recurrent(node) ||
		    !graph->model->node[node->layer].layer.stateful || is_tracked(graph, node))
			continue;
		for (k = 0; k < graph->values; k++) {
			struct npu_graph_value *value = &graph->value[k];

			if (!shows(graph, node, value))
				continue;
			value->low = begin ? 0 : fminf(value->low, out->low);
			value->high = begin ? 0 : fmaxf(value->high, out->high);
		}
	}
}

/* Widest of all recurrent nodes, 0 where there are none; and all their hidden units. */
static void widest(const struct npu_graph *graph, uint64_t *units, uint64_t *hidden, uint64_t *all)
{
	uint32_t i;

	*units = *hidden = *all = 0;
	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		if (!npu_graph_is_recurrent(node))
			continue;
		*units = node->units > *units ? node->units : *units;
		*hidden = node->hidden > *hidden ? node->hidden : *hidden;
		*all += node->hidden;
	}
}

int npu_graph_measure_sequences(struct npu_graph *graph, const float *samples, size_t count,
				const uint32_t *lengths, struct npu_error *err)
{
	struct measuring m = { .graph = graph, .lengths = lengths };
	uint64_t units, hidden, all;
	double *memory;
	int ret;

	widest(graph, &units, &hidden, &all);
	if (!units)
		return 0;
	m.post = calloc(1 + graph->model->nodes, sizeof(*m.post));
	memory = calloc(2 * units + hidden + 2 * all, sizeof(*memory));
	if (m.post && memory) {
		m.sums = memory;
		m.recurrent = m.sums + units;
		m.reset = m.recurrent + units;
		m.states = m.reset + hidden;
		follow_streams(graph, true);
		ret = npu_reference_forward(graph->model, samples, lengths, count, visit, &m, err);
		bound_streams(graph);
		follow_streams(graph, false);
	} else {
		ret = npu_error_set(err, -ENOMEM, "no memory to follow sequences");
	}
	free(memory);
	free(m.post);
	return ret;
}
