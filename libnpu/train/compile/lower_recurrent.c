// SPDX-License-Identifier: MIT
/*
 * Recurrent layers: one instruction runs all steps of one direction. Weights are packed so that all
 * gates of sixteen units lie together. How the fields are filled is said in
 * Documentation/recurrent-instructions.rst.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "train/compile/channels.h"
#include "train/compile/pack.h"
#include "train/compile/scale.h"
#include "train/nn/kernels/f32.h"
#include "train/nn/model.h"

#define LANES 16
#define GATE_UNIT 0x1p12 /* sums in front of sigmoid and tanh are Q3.12 */
#define TABLE_ENTRIES 513
#define TABLE_STEP 128

/* Powers of two that a cell state's scale can have: shifts of the instruction's tanh. */
#define LEAST_CELL_POWER (-27)
#define MOST_CELL_POWER 1
/* What cells of a stream may reach, which goes on longer than any sample for calibration. */
#define STREAM_REACH 8.0f

static uint32_t rows_of(const struct npu_graph_node *node)
{
	return node->gates * (uint32_t)npu_align(node->hidden, LANES);
}

static uint32_t row_of(const struct npu_graph_node *node, uint32_t gate, uint32_t unit)
{
	return (unit / LANES * node->gates + gate) * LANES + unit % LANES;
}

static bool is_wide(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return graph->value[node->output].type == NPU_TYPE_INT16;
}

static bool has_table(const struct npu_graph_node *node)
{
	return node->kind == NPU_GRAPH_RNN && node->activation != NPU_TANH &&
	       node->activation != NPU_SIGMOID && node->clamp == NPU_LINEAR;
}

/* Scales behind those of the rows. */
static uint32_t more_scales(const struct npu_graph_node *node)
{
	return node->kind == NPU_GRAPH_LSTM ? 3 : node->kind == NPU_GRAPH_GRU ? 2 : 1;
}

static uint64_t scale_bytes(const struct npu_graph_node *node)
{
	return (2 * (uint64_t)rows_of(node) + more_scales(node)) * sizeof(struct npu_scale);
}

/* Recurrent weights follow the others, the bias both. */
static uint64_t recurrent_at(const struct npu_graph_node *node)
{
	return node->weights_at +
	       npu_align(npu_packed_bytes(rows_of(node), node->depth), NPU_SLOT_ALIGN);
}

static int check_limits(const struct npu_graph *graph, const struct npu_graph_node *node,
			struct npu_error *err)
{
	uint64_t widest = node->depth > node->hidden ? node->depth : node->hidden;
	uint64_t steps = graph->value[node->input[0]].dim[2];
	uint64_t units = steps * graph->batch * (npu_align(node->hidden, LANES) / LANES);

	if (widest > NPU_MAX_RECURRENT)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\": %llu inputs and %u units, a recurrent NPU "
				     "instruction takes at most %u of each; use fewer",
				     npu_graph_node_name(graph, node),
				     (unsigned long long)node->depth, node->hidden,
				     NPU_MAX_RECURRENT);
	if (units > NPU_MAX_STEPS)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\": %llu steps of %u units for %u samples are more "
				     "than one NPU instruction does; compile for a smaller batch, "
				     "or shorter sequences",
				     npu_graph_node_name(graph, node), (unsigned long long)steps,
				     node->hidden, graph->batch);
	return 0;
}

int npu_recurrent_reserve(struct npu_graph *graph, struct npu_graph_node *node,
			  struct npu_error *err)
{
	uint64_t rows = rows_of(node);
	int ret = check_limits(graph, node, err);

	if (ret)
		return ret;
	if (node->kind == NPU_GRAPH_RNN &&
	    (node->activation == NPU_RELU || node->activation == NPU_RELU6))
		node->clamp = node->activation;
	node->weights_at = graph->weight_bytes;
	node->bias_at = recurrent_at(node) +
			npu_align(npu_packed_bytes(rows, node->hidden), NPU_SLOT_ALIGN);
	graph->weight_bytes = node->bias_at +
			      npu_align(2 * rows * (is_wide(graph, node) ? 8 : 4), NPU_SLOT_ALIGN);
	node->consts_at = graph->const_bytes;
	graph->const_bytes += scale_bytes(node);
	if (has_table(node))
		graph->const_bytes += npu_align(TABLE_ENTRIES * sizeof(int16_t), 4);
	return 0;
}

/* ---------------------------------------------------------------------------- weights */

/**
 * struct part - the input part of a recurrent node, or its recurrent part
 * @weight: [units][channel.depth]
 * @bias: [units]
 * @packed: where the weights go
 * @biases: [rows], int32 or int64
 * @scales: [rows]
 * @gate_unit: of the sums of both parts: they are real times this
 */
struct part {
	struct npu_channel channel;
	const float *weight, *bias;
	int8_t *packed;
	uint8_t *biases;
	struct npu_scale *scales;
	double gate_unit;
};

static void fill_part(const struct npu_graph_node *node, const struct part *part)
{
	const struct npu_channel *c = &part->channel;
	uint32_t gate, unit;

	for (gate = 0; gate < node->gates; gate++) {
		for (unit = 0; unit < node->hidden; unit++) {
			uint64_t k = (uint64_t)gate * node->hidden + unit;
			uint32_t row = row_of(node, gate, unit);
			int64_t bias;
			double scale = npu_channel_quantise(c, part->weight + k * c->depth,
							    part->bias[k], &bias);

			npu_pack_channel(part->packed, row, c->quantised, c->depth);
			if (c->wide)
				((int64_t *)part->biases)[row] = bias;
			else
				((int32_t *)part->biases)[row] = (int32_t)bias;
			part->scales[row] =
				npu_scale_from_real(c->in_scale * scale * part->gate_unit);
		}
	}
}

/* Sums are Q3.12, but where an RNN has another activation than sigmoid and tanh. */
static double gate_unit(const struct npu_graph_node *node)
{
	if (has_table(node) || node->clamp != NPU_LINEAR)
		return 32767 / (node->reach > 0 ? (double)node->reach : 1);
	return GATE_UNIT;
}

static int fill_weights(const struct npu_graph *graph, const struct npu_graph_node *node,
			const struct npu_sections *sections, struct npu_error *err)
{
	const struct npu_graph_value *in = &graph->value[node->input[0]];
	const struct npu_graph_value *out = &graph->value[node->output];
	struct npu_scale *scales = (struct npu_scale *)(sections->consts + node->consts_at);
	uint64_t widest = node->depth > node->hidden ? node->depth : node->hidden;
	uint32_t bias_bytes = is_wide(graph, node) ? 8 : 4;
	struct part part = {
		.channel = { .depth = node->depth,
			     .wide = is_wide(graph, node),
			     .in_scale = in->scale,
			     .zero_point = in->zero_point,
			     .reach = is_wide(graph, node) ? 32768 : 128,
			     .quantised = malloc(widest) },
		.weight = node->weight,
		.bias = node->bias,
		.packed = (int8_t *)sections->weights + node->weights_at,
		.biases = sections->weights + node->bias_at,
		.scales = scales,
		.gate_unit = gate_unit(node),
	};

	if (!part.channel.quantised)
		return npu_error_set(err, -ENOMEM, "no memory for %llu quantised weights",
				     (unsigned long long)widest);
	fill_part(node, &part);
	part.channel.depth = node->hidden;
	part.channel.in_scale = out->scale;
	part.channel.zero_point = out->zero_point;
	part.weight = node->recurrent;
	part.bias = node->recurrent_bias;
	part.packed = (int8_t *)sections->weights + recurrent_at(node);
	part.biases += (uint64_t)rows_of(node) * bias_bytes;
	part.scales += rows_of(node);
	fill_part(node, &part);
	free(part.channel.quantised);
	return 0;
}

static struct npu_tensor weights(const struct npu_graph *graph, const struct npu_graph_node *node,
				 uint64_t at, uint64_t depth)
{
	return (struct npu_tensor){
		.slot = (uint8_t)npu_graph_slot(graph, NPU_FILE_SLOT_WEIGHTS),
		.type = NPU_TYPE_INT8,
		.layout = NPU_LAYOUT_BLOCK16X4,
		.offset = (uint32_t)at,
		.dim = { rows_of(node), 1, 1, (uint32_t)depth },
	};
}

static struct npu_tensor biases(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	uint32_t row = rows_of(node) * (is_wide(graph, node) ? 8 : 4);

	return (struct npu_tensor){
		.slot = (uint8_t)npu_graph_slot(graph, NPU_FILE_SLOT_WEIGHTS),
		.type = is_wide(graph, node) ? NPU_TYPE_INT64 : NPU_TYPE_INT32,
		.offset = (uint32_t)node->bias_at,
		.dim = { 1, 1, 2, rows_of(node) },
		.stride = { 2 * row, 2 * row, row },
	};
}

/* ------------------------------------------------------------------------- activations */

/* The scale of what the table gives; it is filled. */
static double fill_table(const struct npu_graph_node *node, int16_t *table)
{
	double greatest = 0, scale;
	float y[TABLE_ENTRIES];
	int i;

	for (i = 0; i < TABLE_ENTRIES; i++)
		y[i] = (float)((i - TABLE_ENTRIES / 2) * TABLE_STEP / gate_unit(node));
	npu_f32_reference.activate(node->activation, node->alpha, y, y, TABLE_ENTRIES);
	for (i = 0; i < TABLE_ENTRIES; i++)
		greatest = fmax(greatest, fabs((double)y[i]));
	scale = greatest > 0 ? greatest / 32767 : 1;
	for (i = 0; i < TABLE_ENTRIES; i++)
		table[i] = (int16_t)npu_round_clamp(y[i] / scale, INT16_MIN, INT16_MAX);
	return scale;
}

static void lower_rnn(const struct npu_graph_node *node, const struct npu_sections *sections,
		      double out, struct npu_scale *more, struct npu_insn *insn)
{
	insn->opcode = NPU_OP_RNN;
	if (has_table(node)) {
		insn->rnn.activation = NPU_RNN_TABLE;
		insn->rnn.table = (uint32_t)(node->consts_at + scale_bytes(node));
		more[0] = npu_scale_from_real(
			fill_table(node, (int16_t *)(sections->consts + insn->rnn.table)) / out);
	} else if (node->clamp != NPU_LINEAR) {
		insn->rnn.activation = NPU_RNN_LINEAR;
		more[0] = npu_scale_from_real(1 / (gate_unit(node) * out));
	} else {
		insn->rnn.activation = node->activation == NPU_SIGMOID ? NPU_RNN_SIGMOID
								       : NPU_RNN_TANH;
		more[0] = npu_scale_from_real(0x1p-15 / out);
	}
}

/* The least power of two by which 15 bits reach as far as the cells do. */
static int cell_power(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	bool stream = graph->value[node->also[NPU_GRAPH_CELL]].state;
	double reach = stream ? fmaxf(node->reach, STREAM_REACH) : node->reach;
	int power = LEAST_CELL_POWER;

	while (power < MOST_CELL_POWER && ldexp(32767, power) < reach)
		power++;
	return power;
}

static void lower_lstm(const struct npu_graph *graph, const struct npu_graph_node *node, double out,
		       struct npu_scale *more, struct npu_insn *insn)
{
	int power = cell_power(graph, node);

	insn->opcode = NPU_OP_LSTM;
	more[0] = npu_scale_from_real(0x1p-15);
	more[1] = npu_scale_from_real(ldexp(1, -30 - power));
	more[2] = npu_scale_from_real(0x1p-30 / out);
	insn->lstm.cell_multiplier = power + 12 >= 0 ? 0 : 3;
	insn->lstm.cell_shift = abs(power + 12);
	insn->lstm.cell_clip = INT16_MAX;
}

/* ------------------------------------------------------------------------ instructions */

static void set_tensors(const struct npu_graph *graph, const struct npu_graph_node *node,
			struct npu_insn *insn)
{
	bool last = node->also[NPU_GRAPH_STEPS] != NPU_NO_INDEX;
	uint32_t steps = last ? node->also[NPU_GRAPH_STEPS] : node->output;
	uint32_t hidden = last ? node->output : node->also[NPU_GRAPH_HIDDEN];
	uint32_t cell = node->also[NPU_GRAPH_CELL];

	insn->t[0] = npu_graph_value_tensor(graph, steps);
	insn->t[1] = npu_graph_value_tensor(graph, node->input[0]);
	insn->t[1].zero_point = 0; /* it is in the bias */
	insn->t[2] = weights(graph, node, node->weights_at, node->depth);
	insn->t[3] = weights(graph, node, recurrent_at(node), node->hidden);
	insn->t[4] = biases(graph, node);
	if (hidden != NPU_NO_INDEX)
		insn->t[5] = npu_graph_value_tensor(graph, hidden);
	if (cell != NPU_NO_INDEX)
		insn->t[6] = npu_graph_value_tensor(graph, cell);
	if (node->inputs > 1)
		insn->t[7] = npu_graph_value_tensor(graph, node->input[1]);
	if (hidden != NPU_NO_INDEX && graph->value[hidden].state)
		insn->rnn.flags |= NPU_RECURRENT_INITIAL;
	if (node->backwards)
		insn->rnn.flags |= NPU_RECURRENT_BACKWARDS;
}

/* The three kinds have their first five parameters in common. */
int npu_recurrent_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
			const struct npu_sections *sections, struct npu_insn *insn,
			struct npu_error *err)
{
	struct npu_scale *scales = (struct npu_scale *)(sections->consts + node->consts_at);
	struct npu_scale *more = scales + 2 * rows_of(node);
	double out = graph->value[node->output].scale;

	set_tensors(graph, node, insn);
	insn->rnn.scales = (uint32_t)node->consts_at;
	insn->rnn.scale_count = rows_of(node);
	npu_graph_clamp(graph, node, &insn->rnn.act_min, &insn->rnn.act_max);
	if (node->kind == NPU_GRAPH_RNN) {
		lower_rnn(node, sections, out, more, insn);
	} else if (node->kind == NPU_GRAPH_LSTM) {
		lower_lstm(graph, node, out, more, insn);
	} else {
		insn->opcode = NPU_OP_GRU;
		if (graph->model->node[node->layer].layer.reset_after)
			insn->gru.flags |= NPU_RECURRENT_RESET_AFTER;
		more[0] = npu_scale_from_real(out * 0x1p15);
		more[1] = npu_scale_from_real(0x1p-30 / out);
	}
	return fill_weights(graph, node, sections, err);
}
