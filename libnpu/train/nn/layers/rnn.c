// SPDX-License-Identifier: MIT
/* The simple recurrent layer (Elman 1990): h = f(x W + h R + b). */
#include <errno.h>
#include <string.h>

#include "recurrent.h"
#include "runtime/error.h"

static void cell_forward(const struct npu_recurrent *run, const struct npu_recurrent_moment *at)
{
	const struct npu_layer *layer = &run->node->layer;

	npu_recurrent_gates(run, at, 0, at->first ? NULL : at->cells.h_before);
	run->f32->activate(layer->activation, layer->alpha, at->cells.gates, at->cells.h,
			   at->cells.rows * run->units);
}

static void cell_backward(const struct npu_recurrent *run, const struct npu_recurrent_moment *at)
{
	const struct npu_layer *layer = &run->node->layer;
	size_t count = at->cells.rows * run->units;

	run->f32->activate_backward(layer->activation, layer->alpha, at->cells.gates, at->cells.h,
				    at->cells.dh, count);
	memcpy(at->cells.gates, at->cells.dh, count * sizeof(float));
	if (!at->last)
		npu_recurrent_back(run, at, 0, 0, at->cells.dh, false);
}

static const struct npu_recurrent_cell cell = {
	.gates = 1,
	.states = 1,
	.parts = 1,
	.forward = cell_forward,
	.backward = cell_backward,
};

static int rnn_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	if (node->layer.activation == NPU_LINEAR)
		node->layer.activation = NPU_TANH;
	if (node->layer.activation == NPU_SOFTMAX)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": a recurrent layer can't have softmax inside; "
				     "put npu_activation(.activation = NPU_SOFTMAX) behind it",
				     node->layer.name);
	return npu_recurrent_shape(model, node, &cell, err);
}

static void rnn_room(const struct npu_model *model, const struct npu_node *node, size_t n,
		     size_t threads, bool training, struct npu_room *room)
{
	(void)model;
	(void)threads;
	npu_recurrent_room(node, &cell, n, training, room);
}

static void rnn_forward(const struct npu_step *step)
{
	npu_recurrent_forward(step, &cell);
}

static void rnn_backward(const struct npu_step *step)
{
	npu_recurrent_backward(step, &cell);
}

static void rnn_reference(const struct npu_step *step)
{
	npu_recurrent_plain(step, &cell);
}

const struct npu_layer_ops npu_rnn_ops = {
	.name = "rnn",
	.inputs = 1,
	.own_activation = true,
	.shape = rnn_shape,
	.init = npu_recurrent_init,
	.room = rnn_room,
	.forward = rnn_forward,
	.backward = rnn_backward,
	.reference = rnn_reference,
};
