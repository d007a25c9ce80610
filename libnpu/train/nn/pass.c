// SPDX-License-Identifier: MIT
/* Forward and back, a node at a time, through the buffers that pass_plan.c has made. */
#include <string.h>

#include "pass.h"

/* What the readers of node @input see, or of the model's input. */
static const float *input_of(const struct npu_pass *pass, const struct npu_batch *batch, int input)
{
	if (pass->fake && pass->rounded[1 + input])
		return pass->rounded[1 + input];
	return input == NPU_MODEL_INPUT ? batch->x : pass->out[input];
}

/* Values @x of node @i, or of the model's input, as fake quantisation takes them. */
static struct npu_fake_values fake_values(const struct npu_model *model,
					  const struct npu_batch *batch, int i, const float *x)
{
	return (struct npu_fake_values){
		.place = (size_t)(1 + i),
		.x = x,
		.n = batch->n,
		.count = i == NPU_MODEL_INPUT ? model->features : model->node[i].out,
		.lengths = npu_model_value_is_timed(model, i) ? batch->lengths : NULL,
		.dim = npu_model_value_dim(model, i),
	};
}

/* Round what node @i has made, or the model's input, for its readers. */
static void round_output(struct npu_pass *pass, struct npu_pool *pool,
			 const struct npu_model *model, const struct npu_batch *batch, int i)
{
	struct npu_fake_values values;

	if (!pass->fake || pass->fake->place[1 + i].after == NPU_FAKE_NONE)
		return;
	values = fake_values(model, batch, i, i == NPU_MODEL_INPUT ? batch->x : pass->out[i]);
	if (pass->training)
		npu_fake_track(pass->fake, &values);
	npu_fake_round(pass->fake, pool, &values, pass->rounded[1 + i]);
}

/* Round what the activation of node @i reads, in its place, and keep what it was. */
static void round_before(struct npu_pass *pass, const struct npu_step *step,
			 const struct npu_batch *batch, size_t i, float *before)
{
	struct npu_fake_values values;

	if (!pass->fake || pass->fake->place[1 + i].before == NPU_FAKE_NONE)
		return;
	memcpy(pass->raw[i], before, step->n * step->node->out * sizeof(float));
	values = fake_values(step->model, batch, (int)i, pass->raw[i]);
	values.before = true;
	if (pass->training)
		npu_fake_track(pass->fake, &values);
	npu_fake_round(pass->fake, step->pool, &values, before);
}

static float *state_of(const struct npu_model *model, const struct npu_node *node)
{
	if (!node->state)
		return NULL;
	return model->predicting->state + node->state_at * model->predicting->samples;
}

/* What forward and backward of node @i have in common. */
static struct npu_step begin_step(struct npu_pass *pass, struct npu_pool *pool,
				  const struct npu_model *model, const struct npu_batch *batch,
				  size_t i)
{
	const struct npu_node *node = &model->node[i];
	bool timed = npu_model_value_is_timed(model, node->input[0]);
	size_t k;

	for (k = 0; k < node->inputs; k++)
		pass->pointer[k] = (float *)input_of(pass, batch, node->input[k]);
	return (struct npu_step){
		.pool = pool,
		.model = model,
		.node = node,
		.n = batch->n,
		.x = pass->pointer[0],
		.xs = (const float *const *)pass->pointer,
		.y = pass->out[i],
		.saved = pass->saved[i],
		.work = pass->work,
		.lengths = timed ? batch->lengths : NULL,
		.training = pass->training,
		.random = pass->training ? npu_rng_mix(pass->random, i) : 0,
		.statistic = pass->statistic,
		.state = state_of(model, node),
	};
}

static void run_forward(struct npu_pass *pass, const struct npu_step *step,
			const struct npu_batch *batch, size_t i)
{
	const struct npu_node *node = step->node;
	const float *before = step->y;

	if (npu_node_is_alias(node))
		return;
	if (node->ops->identity) {
		before = step->x;
		if (node->layer.activation == NPU_LINEAR)
			memcpy(step->y, step->x, step->n * node->out * sizeof(float));
	} else if (pass->training && pass->before[i]) {
		struct npu_step inner = *step;

		inner.y = pass->before[i];
		node->ops->forward(&inner);
		before = pass->before[i];
		round_before(pass, step, batch, i, pass->before[i]);
	} else {
		node->ops->forward(step);
		if (node->ops->activates && node->ops->activates(node))
			return;
		round_before(pass, step, batch, i, step->y);
	}
	if (!node->ops->own_activation)
		npu_activate(step->pool, step->model->f32, node, before, step->y, step->n);
}

const float *npu_pass_forward(struct npu_pass *pass, struct npu_pool *pool,
			      const struct npu_model *model, const struct npu_batch *batch)
{
	size_t i;

	round_output(pass, pool, model, batch, NPU_MODEL_INPUT);
	for (i = 0; i < model->nodes; i++) {
		const struct npu_node *reader = npu_taken_reader(model, &model->node[i]);
		struct npu_step step, inner;

		if (npu_taker(model, &model->node[i]))
			continue;
		if (reader)
			inner = begin_step(pass, pool, model, batch,
					   (size_t)(reader - model->node));
		step = begin_step(pass, pool, model, batch, i);
		step.reader = reader ? &inner : NULL;
		run_forward(pass, &step, batch, i);
		round_output(pass, pool, model, batch,
			     (int)(reader ? (size_t)(reader - model->node) : i));
	}
	return input_of(pass, batch, (int)model->nodes - 1);
}

/* Is node @i the first of the readers of @input that the way back meets: the last in order? */
static bool is_last_reader(const struct npu_model *model, size_t i, size_t k)
{
	int input = model->node[i].input[k];
	size_t j;

	for (j = k + 1; j < model->node[i].inputs; j++)
		if (model->node[i].input[j] == input)
			return false;
	for (i++; i < model->nodes; i++)
		for (j = 0; j < model->node[i].inputs; j++)
			if (model->node[i].input[j] == input)
				return false;
	return true;
}

/* The first node that learns; where there is none, all nodes are before it. */
static size_t first_learner(const struct npu_model *model)
{
	size_t first = model->nodes, k;

	for (k = 0; k < model->parameters; k++)
		if (model->parameter[k].node < first &&
		    npu_model_trains(model, &model->parameter[k]))
			first = model->parameter[k].node;
	return first;
}

static void run_backward(const struct npu_step *step)
{
	const struct npu_node *node = step->node;

	if (!node->ops->identity)
		node->ops->backward(step);
	else if (step->dx)
		memcpy(step->dx, step->dy, step->n * node->out * sizeof(float));
}

/*
 * Nodes with one input, nearly all: the gradient goes where it belongs, or beside it and is added
 * where another reader was there first. None is asked for that no node before the @learner needs.
 */
static void backward_one(struct npu_pass *pass, struct npu_step *step, size_t i, size_t learner)
{
	const struct npu_model *model = step->model;
	int input = step->node->input[0];
	bool first = input != NPU_MODEL_INPUT && is_last_reader(model, i, 0);

	if (input != NPU_MODEL_INPUT && (size_t)input >= learner)
		step->dx = first ? pass->delta[input] : pass->extra;
	step->dxs = &step->dx;
	run_backward(step);
	if (step->dx && !first)
		model->f32->add(pass->extra, pass->delta[input], step->n * model->node[input].out);
}

/*
 * Nodes with many inputs get the places of all that come first at once; the others, of which there
 * is one buffer, by another call each with that input alone.
 */
static void backward_many(struct npu_pass *pass, struct npu_step *step, size_t i)
{
	const struct npu_model *model = step->model;
	const struct npu_node *node = step->node;
	float **dx = pass->pointer + node->inputs;
	size_t k, j;

	for (k = 0; k < node->inputs; k++) {
		bool first = node->input[k] != NPU_MODEL_INPUT && is_last_reader(model, i, k);

		dx[k] = first ? pass->delta[node->input[k]] : NULL;
	}
	step->dxs = dx;
	step->dx = dx[0];
	run_backward(step);
	for (k = 0; k < node->inputs; k++) {
		if (node->input[k] == NPU_MODEL_INPUT || is_last_reader(model, i, k))
			continue;
		for (j = 0; j < node->inputs; j++)
			dx[j] = j == k ? pass->extra : NULL;
		step->dx = dx[0];
		run_backward(step);
		model->f32->add(pass->extra, pass->delta[node->input[k]],
				step->n * model->node[node->input[k]].out);
	}
}

/* The way back through the rounding of node @i's outputs, or of what its activation reads. */
static void undo_rounding(struct npu_pass *pass, struct npu_pool *pool,
			  const struct npu_model *model, const struct npu_batch *batch, size_t i,
			  bool before)
{
	struct npu_fake_values values;
	const struct npu_fake_place *place;

	if (!pass->fake)
		return;
	place = &pass->fake->place[1 + i];
	if ((before ? place->before : place->after) == NPU_FAKE_NONE)
		return;
	values = fake_values(model, batch, (int)i, before ? pass->raw[i] : pass->out[i]);
	values.before = before;
	npu_fake_pass_through(pass->fake, pool, &values, pass->delta[i]);
}

static void undo_activation(struct npu_pass *pass, const struct npu_step *step, size_t i)
{
	const struct npu_node *node = step->node;
	const float *before = node->ops->identity ? step->x : pass->before[i];

	if (node->ops->undoes && node->ops->activates(node))
		return;
	if (!node->ops->own_activation)
		npu_activate_backward(step->pool, step->model->f32, node, before, step->y,
				      pass->delta[i], step->n);
}

void npu_pass_backward(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		       const struct npu_batch *batch, const struct npu_objective *objective,
		       size_t total, float *gradient)
{
	size_t last = model->nodes - 1, learner = first_learner(model), i;

	npu_loss_gradient(objective, input_of(pass, batch, (int)last), batch, total,
			  pass->delta[last]);
	for (i = model->nodes; i-- > learner;) {
		const struct npu_node *reader = npu_taken_reader(model, &model->node[i]);
		struct npu_step step, inner;

		undo_rounding(pass, pool, model, batch, i, false);
		if (npu_taker(model, &model->node[i]))
			continue;
		if (reader) {
			inner = begin_step(pass, pool, model, batch,
					   (size_t)(reader - model->node));
			inner.dy = pass->delta[reader - model->node];
		}
		step = begin_step(pass, pool, model, batch, i);
		step.reader = reader ? &inner : NULL;
		step.dy = pass->delta[i];
		step.gradient = step.node->layer.frozen ? NULL : gradient;
		if (!reader && (i != last || !npu_loss_is_fused(objective->loss)))
			undo_activation(pass, &step, i);
		undo_rounding(pass, pool, model, batch, i, true);
		if (step.node->inputs == 1)
			backward_one(pass, &step, i, learner);
		else
			backward_many(pass, &step, i);
	}
}
