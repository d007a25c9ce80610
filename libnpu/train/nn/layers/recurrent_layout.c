// SPDX-License-Identifier: MIT
/* Recurrent layers: where everything lies, and bringing it there. */
#include <string.h>

#include "recurrent.h"

#define BLOCK 16 /* rows; fixed, since the gradients of the weights add up block by block */

/* Directions' parameters and all sizes; nothing is placed yet. */
static void describe(struct npu_recurrent *run, const struct npu_node *node,
		     const struct npu_recurrent_cell *cell, size_t n, bool training)
{
	const struct npu_layer *layer = &node->layer;

	memset(run, 0, sizeof(*run));
	run->node = node;
	run->cell = cell;
	run->n = n;
	run->steps = node->in_dim[1];
	run->inputs = node->in_dim[2];
	run->units = layer->units;
	run->columns = cell->gates * run->units;
	run->stride = run->columns + (layer->reset_after ? run->units : 0);
	run->directions = layer->bidirectional ? 2 : 1;
	run->single = n == 1;
	run->training = training;
	run->kept = training ? run->steps : 1;
	run->slots = training || run->single ? run->steps : 1;
}

/* That before the first step, too; without a way back all steps share one. */
static size_t kept_states(const struct npu_recurrent *run)
{
	return run->training ? run->kept + 1 : 1;
}

/* Floats of a sample and direction, see struct npu_recurrent_block. */
static size_t trace_size(const struct npu_recurrent *run)
{
	return run->slots * (run->stride + run->inputs) +
	       (kept_states(run) * run->cell->states + run->kept * run->cell->extras) * run->units;
}

/* Are there so many multiplications that threads gain? */
static bool worth_sharing(const struct npu_recurrent *run)
{
	return run->n * run->steps >=
	       NPU_WORTH_SHARING / ((run->inputs + run->units) * run->columns) + 1;
}

void npu_recurrent_begin(struct npu_recurrent *run, const struct npu_step *step,
			 const struct npu_recurrent_cell *cell, const struct npu_f32 *f32,
			 struct npu_pool *pool)
{
	size_t count = npu_recurrent_parameters(&step->node->layer), d;

	describe(run, step->node, cell, step->n, step->saved);
	run->step = step;
	run->f32 = f32;
	run->kernels = f32->recurrent;
	run->pool = worth_sharing(run) ? pool : NULL;
	for (d = 0; d < run->directions; d++) {
		struct npu_recurrent_direction *direction = &run->direction[d];

		direction->weight = npu_step_values(step, d * count);
		direction->recurrent = npu_step_values(step, d * count + 1);
		direction->bias = count > 2 ? npu_step_values(step, d * count + 2) : NULL;
		direction->recurrent_bias = count > 3 ? npu_step_values(step, d * count + 3) : NULL;
		direction->backwards = d == 1 || step->node->layer.backwards;
		direction->trace = step->saved;
		if (step->saved)
			direction->trace += d * run->n * trace_size(run);
	}
}

/* The next @count floats of @base, or NULL where that is. */
static float *take(float *base, size_t *used, size_t count)
{
	float *p = base ? base + *used : NULL;

	*used += (count + 15) / 16 * 16;
	return p;
}

static size_t panels(size_t columns, size_t width)
{
	return (columns + width - 1) / width;
}

/* Room for @columns columns of @b in panels, to be filled by npu_recurrent_pack(). */
static float *take_panels(struct npu_recurrent *run, float *base, size_t *used,
			  struct npu_recurrent_panels matrix)
{
	size_t widest = panels(matrix.columns, NPU_RECURRENT_WIDTH_MAX) * NPU_RECURRENT_WIDTH_MAX;

	matrix.to = take(base, used, widest * matrix.k);
	run->panels[run->matrices++] = matrix;
	return matrix.to;
}

static void take_rows(struct npu_recurrent *run, float *base, size_t *used)
{
	run->row = (struct npu_recurrent_row *)take(base, used, 2 * run->n);
	run->place = (uint32_t *)take(base, used, run->steps + 1);
}

size_t npu_recurrent_place_forward(struct npu_recurrent *run, float *work)
{
	size_t used = 0, d, part;

	for (d = 0; d < run->directions; d++) {
		struct npu_recurrent_direction *direction = &run->direction[d];

		for (part = 0; part < run->cell->parts; part++) {
			size_t at = work ? npu_recurrent_part(run, part) : 0;
			struct npu_recurrent_panels matrix = {
				.b = work ? direction->weight + at : NULL,
				.ldb = run->columns,
				.k = run->inputs,
				.columns = npu_recurrent_part_columns(run, part),
			};

			direction->input[part] = take_panels(run, work, &used, matrix);
			matrix.b = work ? direction->recurrent + at : NULL;
			matrix.k = run->units;
			if (!run->single)
				direction->state[part] = take_panels(run, work, &used, matrix);
		}
		if (!run->training)
			direction->trace = take(work, &used, run->n * trace_size(run));
	}
	take_rows(run, work, &used);
	return used;
}

size_t npu_recurrent_place_backward(struct npu_recurrent *run, bool input, float *work)
{
	size_t used = 0, d, part;

	for (d = 0; d < run->directions; d++) {
		struct npu_recurrent_direction *direction = &run->direction[d];
		struct npu_recurrent_panels matrix = {
			.b = direction->weight,
			.ldb = run->columns,
			.transposed = true,
			.k = run->columns,
			.columns = run->inputs,
		};

		if (input)
			direction->back_input = take_panels(run, work, &used, matrix);
		matrix.columns = run->units;
		for (part = 0; part < run->cell->parts; part++) {
			matrix.b = work ? direction->recurrent + npu_recurrent_part(run, part)
					: NULL;
			matrix.k = npu_recurrent_part_columns(run, part);
			direction->back[part] = take_panels(run, work, &used, matrix);
		}
	}
	run->delta =
		take(work, &used, run->directions * run->n * (run->cell->states + 1) * run->units);
	run->dx = take(work, &used, run->n * run->inputs);
	take_rows(run, work, &used);
	return used;
}

static size_t forward_room(const struct npu_node *node, const struct npu_recurrent_cell *cell,
			   size_t n, bool training)
{
	struct npu_recurrent run;

	describe(&run, node, cell, n, training);
	return npu_recurrent_place_forward(&run, NULL);
}

void npu_recurrent_room(const struct npu_node *node, const struct npu_recurrent_cell *cell,
			size_t n, bool training, struct npu_room *room)
{
	size_t batch = forward_room(node, cell, n, training);
	size_t single = forward_room(node, cell, 1, training);
	struct npu_recurrent run;

	/* A batch may be smaller than that: one sample alone keeps all of its steps. */
	room->forward = batch > single ? batch : single;
	if (!training)
		return;
	describe(&run, node, cell, n, true);
	room->saved = run.directions * n * trace_size(&run);
	room->backward = npu_recurrent_place_backward(&run, true, NULL);
}

/* Rows by length, the longest first; equal ones as they come. */
void npu_recurrent_sort(struct npu_recurrent *run)
{
	const uint32_t *lengths = run->step->lengths;
	const uint32_t most = (uint32_t)run->steps;
	uint32_t *place = run->place, sum = 0;
	size_t i, t;

	memset(place, 0, (run->steps + 1) * sizeof(*place));
	for (i = 0; i < run->n; i++)
		place[lengths && lengths[i] < most ? lengths[i] : most]++;
	for (t = run->steps + 1; t--;) {
		uint32_t count = place[t];

		place[t] = sum;
		sum += count;
	}
	for (i = 0; i < run->n; i++) {
		uint32_t length = lengths && lengths[i] < most ? lengths[i] : most;

		run->row[place[length]++] = (struct npu_recurrent_row){ (uint32_t)i, length };
	}
}

static void pack_rows(const struct npu_recurrent_panels *p, size_t column, size_t columns,
		      size_t width, float *to)
{
	size_t k;

	for (k = 0; k < p->k; k++, to += width)
		memcpy(to, p->b + k * p->ldb + column, columns * sizeof(float));
}

/* In pieces of a cache line of each row, so that each line is read once. */
static void pack_transposed(const struct npu_recurrent_panels *p, size_t column, size_t columns,
			    size_t width, float *to)
{
	size_t k, j, i, end;

	for (k = 0; k < p->k; k = end) {
		end = p->k - k < 16 ? p->k : k + 16;
		for (j = 0; j < columns; j++)
			for (i = k; i < end; i++)
				to[i * width + j] = p->b[(column + j) * p->ldb + i];
	}
}

static void pack_panel(void *context, size_t task)
{
	const struct npu_recurrent *run = context;
	const struct npu_recurrent_panels *p = run->panels;
	size_t width = run->kernels->width, columns, k;
	float *to;

	for (; task >= panels(p->columns, width); p++)
		task -= panels(p->columns, width);
	columns = p->columns - task * width < width ? p->columns - task * width : width;
	to = p->to + task * width * p->k;
	for (k = 0; columns < width && k < p->k; k++)
		memset(to + k * width + columns, 0, (width - columns) * sizeof(float));
	if (p->transposed)
		pack_transposed(p, task * width, columns, width, to);
	else
		pack_rows(p, task * width, columns, width, to);
}

void npu_recurrent_pack(struct npu_recurrent *run)
{
	size_t i, tasks = 0;

	for (i = 0; i < run->matrices; i++)
		tasks += panels(run->panels[i].columns, run->kernels->width);
	npu_pool_run(run->pool, pack_panel, run, tasks);
}

size_t npu_recurrent_blocks(const struct npu_recurrent *run)
{
	return (run->n + BLOCK - 1) / BLOCK;
}

struct npu_recurrent_block npu_recurrent_block(const struct npu_recurrent *run, size_t d, size_t b)
{
	size_t blocks = npu_recurrent_blocks(run), first = run->n * b / blocks, rows, s;
	struct npu_recurrent_block block;
	float *at = run->direction[d].trace + first * trace_size(run);

	rows = run->n * (b + 1) / blocks - first;
	block = (struct npu_recurrent_block){
		.first = first,
		.rows = rows,
		.steps = run->row[first].length,
		.gates_step = run->slots > 1 ? rows * run->stride : 0,
		.state_step = run->training ? rows * run->units : 0,
		.extra_step = run->training ? rows * run->units : 0,
		.x_step = run->slots > 1 ? rows * run->inputs : 0,
	};
	block.gates = at;
	at += run->slots * rows * run->stride;
	for (s = 0; s < run->cell->states; s++) {
		block.state[s] = at;
		at += kept_states(run) * rows * run->units;
	}
	block.extra = run->cell->extras ? at : NULL;
	at += run->cell->extras * run->kept * rows * run->units;
	block.x = at;
	return block;
}

struct npu_recurrent_moment npu_recurrent_at(const struct npu_recurrent *run,
					     const struct npu_recurrent_block *block, size_t d,
					     size_t s, size_t rows)
{
	struct npu_recurrent_moment at = {
		.direction = &run->direction[d],
		.step = s,
		.first = !s && !run->step->state,
		.x = block->x + s * block->x_step,
		.cells = { .rows = rows,
			   .units = run->units,
			   .gates = block->gates + s * block->gates_step,
			   .stride = run->stride },
	};

	at.cells.h_before = block->state[0] + s * block->state_step;
	at.cells.h = block->state[0] + s * block->state_step + block->state_step;
	if (run->cell->states > 1) {
		at.cells.c_before = block->state[1] + s * block->state_step;
		at.cells.c = block->state[1] + s * block->state_step + block->state_step;
	}
	if (run->cell->extras)
		at.cells.extra = block->extra + s * block->extra_step;
	return at;
}
