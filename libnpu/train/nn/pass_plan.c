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
 * @place: where values are rounded, or NULL
 * @last: [nodes], the last step that reads each node's output; forward steps are the nodes in their
 *	order, backward steps go on from there
 */
struct plan {
	struct npu_pass *pass;
	const struct npu_model *model;
	size_t threads;
	bool backward;
	const struct npu_fake_place *place;
	size_t *last;
	struct npu_arena arena;
};

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
		size_t until = npu_node_is_alias(node) ? plan->last[i] : i;

		for (k = 0; k < node->inputs; k++)
			if (node->input[k] != NPU_MODEL_INPUT && plan->last[node->input[k]] < until)
				plan->last[node->input[k]] = until;
	}
}

static bool keeps_before(const struct plan *plan, const struct npu_node *node)
{
	return plan->backward && !node->ops->identity && !node->ops->own_activation &&
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

		if (npu_node_is_alias(node) || npu_taken_reader(plan->model, node))
			continue;
		npu_arena_place(&plan->arena, &pass->out[i], n * node->out, runs_at(plan->model, i),
				until);
		if (keeps_before(plan, node))
			npu_arena_place(&plan->arena, &pass->before[i], n * node->out, i, SIZE_MAX);
	}
}

/* What is rounded, for all that read it; what it was is kept for the way back. */
static void place_rounded(struct plan *plan)
{
	struct npu_pass *pass = plan->pass;
	const struct npu_model *model = plan->model;
	size_t i, n = pass->capacity;

	if (plan->place[0].after != NPU_FAKE_NONE)
		npu_arena_place(&plan->arena, &pass->rounded[0], n * model->features, 0, SIZE_MAX);
	for (i = 0; i < model->nodes; i++) {
		size_t floats = n * model->node[i].out;

		if (plan->place[1 + i].after != NPU_FAKE_NONE)
			npu_arena_place(&plan->arena, &pass->rounded[1 + i], floats, 0, SIZE_MAX);
		if (plan->place[1 + i].before != NPU_FAKE_NONE)
			npu_arena_place(&plan->arena, &pass->raw[i], floats, 0, SIZE_MAX);
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

	for (i = 0; i < model->nodes; i++) {
		int input = model->node[i].input[0];

		if (!npu_node_is_alias(&model->node[i]))
			continue;
		pass->out[i] = pass->out[input];
		if (pass->rounded)
			pass->rounded[1 + i] = pass->rounded[1 + input];
	}
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
		   size_t threads, bool backward, const struct npu_fake_place *place, bool allocate)
{
	struct plan plan = { pass, model, threads, backward, place, NULL, { 0 } };
	size_t nodes = model->nodes, bytes = SIZE_MAX, pointers = 4 * nodes;

	if (place)
		pointers += 2 * nodes + 1;

	memset(pass, 0, sizeof(*pass));
	pass->capacity = capacity;
	pass->pointer = calloc(2 * most_inputs(model), sizeof(*pass->pointer));
	pass->out = calloc(pointers, sizeof(*pass->out));
	plan.last = calloc(nodes, sizeof(*plan.last));
	if (!pass->pointer || !pass->out || !plan.last || npu_arena_init(&plan.arena, pointers + 2))
		goto out;
	pass->before = pass->out + nodes;
	pass->delta = pass->before + nodes;
	pass->saved = pass->delta + nodes;
	if (place) {
		pass->rounded = pass->saved + nodes;
		pass->raw = pass->rounded + 1 + nodes;
	}
	find_last_readers(&plan);
	place_rooms(&plan);
	place_outputs(&plan);
	if (place)
		place_rounded(&plan);
	if (backward)
		place_deltas(&plan);
	if (allocate) {
		pass->arena = npu_floats_alloc(plan.arena.floats);
		if (!pass->arena)
			goto out;
		npu_arena_settle(&plan.arena, pass->arena);
		set_aliases(pass, model);
	}
	bytes = arena_bytes(&plan.arena) + (pointers + 2 * most_inputs(model)) * sizeof(float *);
out:
	npu_arena_free(&plan.arena);
	free(plan.last);
	if (!allocate || bytes == SIZE_MAX)
		npu_pass_free(pass);
	return bytes;
}

int npu_pass_create(struct npu_pass *pass, const struct npu_model *model, size_t capacity,
		    size_t threads, bool backward, const struct npu_fake_place *place,
		    struct npu_error *err)
{
	if (make(pass, model, capacity, threads, backward, place, true) != SIZE_MAX)
		return 0;
	return npu_error_set(err, -ENOMEM,
			     "out of memory for batches of %zu samples; use smaller ones",
			     capacity);
}

size_t npu_pass_bytes(const struct npu_model *model, size_t capacity, size_t threads, bool backward,
		      const struct npu_fake_place *place)
{
	struct npu_pass pass;

	return make(&pass, model, capacity, threads, backward, place, false);
}

void npu_pass_free(struct npu_pass *pass)
{
	free(pass->arena);
	free(pass->out);
	free(pass->pointer);
	memset(pass, 0, sizeof(*pass));
}
