// SPDX-License-Identifier: MIT
/*
 * Long short-term memory (Hochreiter and Schmidhuber 1997; the forget gate: Gers et al. 2000),
 * gates i, o, f, c; layers.h has the formulas. The state is h and c; tanh(c) is kept.
 */
#include "recurrent.h"

static void cell_forward(const struct npu_recurrent *run, const struct npu_recurrent_moment *at)
{
	struct npu_recurrent_cells cells = at->cells;

	npu_recurrent_gates(run, at, 0, at->first ? NULL : cells.h_before);
	if (!run->training)
		cells.extra = NULL;
	run->kernels->lstm(&cells);
}

static void cell_backward(const struct npu_recurrent *run, const struct npu_recurrent_moment *at)
{
	run->kernels->lstm_backward(&at->cells);
	if (!at->last)
		npu_recurrent_back(run, at, 0, 0, at->cells.dh, false);
}

static const struct npu_recurrent_cell cell = {
	.gates = 4,
	.states = 2,
	.extras = 1,
	.parts = 1,
	.forward = cell_forward,
	.backward = cell_backward,
};

static int lstm_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	return npu_recurrent_shape(model, node, &cell, err);
}

static void lstm_room(const struct npu_model *model, const struct npu_node *node, size_t n,
		      size_t threads, bool training, struct npu_room *room)
{
	(void)model;
	(void)threads;
	npu_recurrent_room(node, &cell, n, training, room);
}

static void lstm_forward(const struct npu_step *step)
{
	npu_recurrent_forward(step, &cell);
}

static void lstm_backward(const struct npu_step *step)
{
	npu_recurrent_backward(step, &cell);
}

static void lstm_reference(const struct npu_step *step)
{
	npu_recurrent_plain(step, &cell);
}

const struct npu_layer_ops npu_lstm_ops = {
	.name = "lstm",
	.inputs = 1,
	.shape = lstm_shape,
	.init = npu_recurrent_init,
	.room = lstm_room,
	.forward = lstm_forward,
	.backward = lstm_backward,
	.reference = lstm_reference,
};
