// SPDX-License-Identifier: MIT
/*
 * Gated recurrent unit (Cho et al. 2014), gates z, r, h; layers.h has the formulas. The third gate
 * is computed after the others, from s(r) h, which is kept; or with reset_after from h R +
 * recurrent_bias, which is kept behind the gates, as a fourth.
 */
#include "recurrent.h"

static void before_forward(const struct npu_recurrent *run, const struct npu_recurrent_moment *at)
{
	npu_recurrent_gates(run, at, 0, at->first ? NULL : at->cells.h_before);
	run->kernels->gru_reset(&at->cells);
	npu_recurrent_gates(run, at, 1, at->first ? NULL : at->cells.extra);
	run->kernels->gru_mix(&at->cells);
}

static void before_backward(const struct npu_recurrent *run, const struct npu_recurrent_moment *at)
{
	run->kernels->gru_mix_backward(&at->cells);
	npu_recurrent_back(run, at, 1, 2 * run->units, at->cells.dextra, false);
	run->kernels->gru_reset_backward(&at->cells);
	if (!at->last)
		npu_recurrent_back(run, at, 0, 0, at->cells.dh, true);
}

static void after_forward(const struct npu_recurrent *run, const struct npu_recurrent_moment *at)
{
	const float *h = at->first ? NULL : at->cells.h_before;

	npu_recurrent_gates(run, at, 0, h);
	npu_recurrent_gates(run, at, 1, NULL);
	npu_recurrent_gates_apart(run, at, h);
	run->kernels->gru_after(&at->cells);
}

static void after_backward(const struct npu_recurrent *run, const struct npu_recurrent_moment *at)
{
	run->kernels->gru_after_backward(&at->cells);
	if (at->last)
		return;
	npu_recurrent_back(run, at, 0, 0, at->cells.dh, true);
	npu_recurrent_back(run, at, 1, 3 * run->units, at->cells.dh, true);
}

static const struct npu_recurrent_cell cells[] = {
	{
		.gates = 3,
		.states = 1,
		.extras = 1,
		.parts = 2,
		.forward = before_forward,
		.backward = before_backward,
	},
	{
		.gates = 3,
		.states = 1,
		.parts = 2,
		.forward = after_forward,
		.backward = after_backward,
	},
};

static const struct npu_recurrent_cell *cell_of(const struct npu_node *node)
{
	return &cells[node->layer.reset_after];
}

static int gru_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	return npu_recurrent_shape(model, node, cell_of(node), err);
}

static void gru_room(const struct npu_model *model, const struct npu_node *node, size_t n,
		     size_t threads, bool training, struct npu_room *room)
{
	(void)model;
	(void)threads;
	npu_recurrent_room(node, cell_of(node), n, training, room);
}

static void gru_forward(const struct npu_step *step)
{
	npu_recurrent_forward(step, cell_of(step->node));
}

static void gru_backward(const struct npu_step *step)
{
	npu_recurrent_backward(step, cell_of(step->node));
}

static void gru_reference(const struct npu_step *step)
{
	npu_recurrent_plain(step, cell_of(step->node));
}

const struct npu_layer_ops npu_gru_ops = {
	.name = "gru",
	.inputs = 1,
	.shape = gru_shape,
	.init = npu_recurrent_init,
	.room = gru_room,
	.forward = gru_forward,
	.backward = gru_backward,
	.reference = gru_reference,
};
