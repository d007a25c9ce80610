// SPDX-License-Identifier: MIT
/*
 * A pass lays its buffers out in one arena. Where a backward follows, every output is kept, and the
 * gradients, which live only from the last reader of an output to its maker, share memory; where
 * none follows, the outputs do. Both are intervals of steps, placed first fit (arena.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "pass.h"
#include "runtime/error.h"

/**
 * struct plan - the layout while it is made
 * @backward: a backward can follow
 * @last: [nodes], the last step that reads each node's output; forward steps are the nodes in their
 *	order, backward steps go on from there
 */
struct plan {
	struct npu_pass *pass;
	const struct npu_model *model;
	size_t threads;
	bool backward;
	size_t *last;
	struct npu_arena arena;
};

/*
 * Does the node only hand its input on? Then its output is its input's memory. Not where that is
 * the model's input, which is the caller's.
 */
static bool is_alias(const struct npu_node *node)
{
	return node->ops->identity && node->layer.activation == NPU_LINEAR &&
	       node->input[0] != NPU_MODEL_INPUT;
}

static void find_last_readers(struct plan *plan)
{
	const struct npu_model *model = plan->model;
	size_t i, k;

	for (i = 0; i < model->nodes; i++)
		plan->last[i] = i;
	plan->last[model->nodes - 1] = SIZE_MAX;
	/* From the last on, so that an alias hands on what is known of it. */
	for (i = model->nodes; i--;) {
		const struct npu_node *node = &model->node[i];
		size_t until = is_alias(node) ? plan->last[i] : i;

		for (k = 0; k < node->inputs; k++)
			if (node->input[k] != NPU_MODEL_INPUT && plan->last[node->input[k]] < until)
				plan->last[node->input[k]] = until;
	}
}

static bool keeps_before(const struct plan *plan, const struct npu_node *node)
{
	return plan->backward && !node->ops->identity &&
	       npu_activation_needs_input(node->layer.activation);
}

/* The node at whose step node @i runs: its own, unless one takes its work. */
static size_t runs_at(const struct npu_model *model, size_t i)
{
	const struct npu_node *taker = npu_taker(model, &model->node[i]);

	return taker ? (size_t)(taker - model->node) : i;
}

static void place_outputs(struct plan *plan)
{
	struct npu_pass *pass = plan->pass;
	size_t i, n = pass->capacity;

	for (i = 0; i < plan->model->nodes; i++) {
		const struct npu_node *node = &plan->model->node[i];
		size_t until = plan->backward ? SIZE_MAX : plan->last[i];

		if (is_alias(node) || npu_taken_reader(plan->model, node))
			continue;
		npu_arena_place(&plan->arena, &pass->out[i], n * node->out, runs_at(plan->model, i),
				until);
		if (keeps_before(plan, node))
			npu_arena_place(&plan->arena, &pass->before[i], n * node->out, i, SIZE_MAX);
	}
}

/* Backward steps are counted up: node i runs back at step nodes - 1 - i. */
static void place_deltas(struct plan *plan)
{
	const struct npu_model *model = plan->model;
	size_t i, k, n = plan->pass->capacity;
	struct npu_arena *arena = &plan->arena;

	npu_arena_new_time(arena);
	for (i = model->nodes; i--;) {
		size_t own = model->nodes - 1 - runs_at(model, i), first = model->nodes - 1 - i;

		if (npu_taken_reader(model, &model->node[i]))
			continue;
		for (k = i + 1; k < model->nodes; k++) {
			const struct npu_node *reader = &model->node[k];
			size_t j;

			for (j = 0; j < reader->inputs; j++)
				if (reader->input[j] == (int)i && model->nodes - 1 - k < first)
					first = model->nodes - 1 - k;
		}
		npu_arena_place(arena, &plan->pass->delta[i], n * model->node[i].out, first, own);
	}
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* What each layer asks for: @saved of each, the most of what is scratch. */
static void place_rooms(struct plan *plan)
{
	const struct npu_model *model = plan->model;
	struct npu_pass *pass = plan->pass;
	size_t work = 0, extra = 0, i;

	for (i = 0; i < model->nodes; i++) {
		const struct npu_node *node = &model->node[i];
		struct npu_room room = { 0 };

		if (node->ops->room)
			node->ops->room(model, node, pass->capacity, plan->threads, plan->backward,
					&room);
		work = larger(work, room.forward);
		if (!plan->backward)
			continue;
		work = larger(work, room.backward);
		npu_arena_place(&plan->arena, &pass->saved[i], room.saved, 0, SIZE_MAX);
		if (node->readers > 1)
			extra = larger(extra, pass->capacity * node->out);
	}
	npu_arena_place(&plan->arena, &pass->work, work, 0, SIZE_MAX);
	npu_arena_place(&plan->arena, &pass->extra, extra, 0, SIZE_MAX);
}

static size_t most_inputs(const struct npu_model *model)
{
	size_t i, most = 1;

	for (i = 0; i < model->nodes; i++)
		most = larger(most, model->node[i].inputs);
	return most;
}

/* Pointers of the aliases, once all others are known. */
static void set_aliases(struct npu_pass *pass, const struct npu_model *model)
{
	size_t i;

	for (i = 0; i < model->nodes; i++)
		if (is_alias(&model->node[i]))
			pass->out[i] = pass->out[model->node[i].input[0]];
}

/* What npu_floats_alloc() takes for it. */
static size_t arena_bytes(const struct npu_arena *arena)
{
	size_t bytes = (arena->floats * sizeof(float) + 63) / 64 * 64;

	return bytes ? bytes : 64;
}

/*
 * Lay the pass out. @allocate: and make it; otherwise the pass holds nothing afterwards. Returns
 * the bytes, or SIZE_MAX where memory has run out.
 */
static size_t make(struct npu_pass *pass, const struct npu_model *model, size_t capacity,
		   size_t threads, bool backward, bool allocate)
{
	struct plan plan = { pass, model, threads, backward, NULL, { 0 } };
	size_t nodes = model->nodes, bytes = SIZE_MAX;

	memset(pass, 0, sizeof(*pass));
	pass->capacity = capacity;
	pass->pointer = calloc(2 * most_inputs(model), sizeof(*pass->pointer));
	pass->out = calloc(4 * nodes, sizeof(*pass->out));
	plan.last = calloc(nodes, sizeof(*plan.last));
	if (!pass->pointer || !pass->out || !plan.last ||
	    npu_arena_init(&plan.arena, 4 * nodes + 2))
		goto out;
	pass->before = pass->out + nodes;
	pass->delta = pass->before + nodes;
	pass->saved = pass->delta + nodes;
	find_last_readers(&plan);
	place_rooms(&plan);
	place_outputs(&plan);
	if (backward)
		place_deltas(&plan);
	if (allocate) {
		pass->arena = npu_floats_alloc(plan.arena.floats);
		if (!pass->arena)
			goto out;
		npu_arena_settle(&plan.arena, pass->arena);
		set_aliases(pass, model);
	}
	bytes = arena_bytes(&plan.arena) + (4 * nodes + 2 * most_inputs(model)) * sizeof(float *);
out:
	npu_arena_free(&plan.arena);
	free(plan.last);
	if (!allocate || bytes == SIZE_MAX)
		npu_pass_free(pass);
	return bytes;
}

int npu_pass_create(struct npu_pass *pass, const struct npu_model *model, size_t capacity,
		    size_t threads, bool backward, struct npu_error *err)
{
	if (make(pass, model, capacity, threads, backward, true) != SIZE_MAX)
		return 0;
	return npu_error_set(err, -ENOMEM,
			     "out of memory for batches of %zu samples; use smaller ones",
			     capacity);
}

size_t npu_pass_bytes(const struct npu_model *model, size_t capacity, size_t threads, bool backward)
{
	struct npu_pass pass;

	return make(&pass, model, capacity, threads, backward, false);
}

void npu_pass_free(struct npu_pass *pass)
{
	free(pass->arena);
	free(pass->out);
	free(pass->pointer);
	memset(pass, 0, sizeof(*pass));
}

static const float *input_of(const struct npu_pass *pass, const struct npu_batch *batch, int input)
{
	return input == NPU_MODEL_INPUT ? batch->x : pass->out[input];
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
	bool timed = batch->lengths && node->in_dim[1] == model->dim[1];
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

static void run_forward(struct npu_pass *pass, const struct npu_step *step, size_t i)
{
	const struct npu_node *node = step->node;
	const float *before = step->y;

	if (is_alias(node))
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
	} else {
		node->ops->forward(step);
		if (node->ops->activates && node->ops->activates(node))
			return;
	}
	if (!node->ops->own_activation)
		npu_activate(step->pool, step->model->f32, node, before, step->y, step->n);
}

const float *npu_pass_forward(struct npu_pass *pass, struct npu_pool *pool,
			      const struct npu_model *model, const struct npu_batch *batch)
{
	size_t i;

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
		run_forward(pass, &step, i);
	}
	return pass->out[model->nodes - 1];
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

/* Is there a parameter to learn at node @i or before it? Otherwise the way back may end. */
static bool leads_to_learning(const struct npu_model *model, size_t i)
{
	size_t k;

	for (k = 0; k < model->parameters; k++)
		if (model->parameter[k].node <= i && npu_model_trains(model, &model->parameter[k]))
			return true;
	return false;
}

static void run_backward(struct npu_pass *pass, const struct npu_step *step)
{
	const struct npu_node *node = step->node;

	if (!node->ops->identity)
		node->ops->backward(step);
	else if (step->dx)
		memcpy(step->dx, step->dy, step->n * node->out * sizeof(float));
	(void)pass;
}

/*
 * Nodes with one input, nearly all: the gradient goes where it belongs, or beside it and is added
 * where another reader was there first.
 */
static void backward_one(struct npu_pass *pass, struct npu_step *step, size_t i)
{
	const struct npu_model *model = step->model;
	int input = step->node->input[0];
	bool first = input != NPU_MODEL_INPUT && is_last_reader(model, i, 0);

	if (input != NPU_MODEL_INPUT)
		step->dx = first ? pass->delta[input] : pass->extra;
	step->dxs = &step->dx;
	run_backward(pass, step);
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
	run_backward(pass, step);
	for (k = 0; k < node->inputs; k++) {
		if (node->input[k] == NPU_MODEL_INPUT || is_last_reader(model, i, k))
			continue;
		for (j = 0; j < node->inputs; j++)
			dx[j] = j == k ? pass->extra : NULL;
		step->dx = dx[0];
		run_backward(pass, step);
		model->f32->add(pass->extra, pass->delta[node->input[k]],
				step->n * model->node[node->input[k]].out);
	}
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
	size_t last = model->nodes - 1, i;

	npu_loss_gradient(objective, pass->out[last], batch, total, pass->delta[last]);
	for (i = model->nodes; i-- && leads_to_learning(model, i);) {
		const struct npu_node *reader = npu_taken_reader(model, &model->node[i]);
		struct npu_step step, inner;

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
		if (step.node->inputs == 1)
			backward_one(pass, &step, i);
		else
			backward_many(pass, &step, i);
	}
}
