// SPDX-License-Identifier: MIT
/* Recurrent layers: through time. */
#include <string.h>

#include "recurrent.h"

void npu_recurrent_gates(const struct npu_recurrent *run, const struct npu_recurrent_moment *at,
			 size_t part, const float *h)
{
	const struct npu_recurrent_direction *direction = at->direction;
	size_t column = npu_recurrent_part(run, part);
	struct npu_recurrent_product product = {
		.rows = at->cells.rows,
		.columns = npu_recurrent_part_columns(run, part),
		.term = { { at->x, run->inputs, direction->input[part], run->inputs },
			  { h, run->units, direction->state[part], h ? run->units : 0 } },
		.c = at->cells.gates + column,
		.ldc = run->stride,
		.bias = direction->bias ? direction->bias + column : NULL,
	};

	if (!run->single)
		run->kernels->product(&product);
	else if (h)
		run->kernels->row(h, run->units, direction->recurrent + column, run->columns,
				  product.c, product.columns, at->step % 2);
}

void npu_recurrent_gates_apart(const struct npu_recurrent *run,
			       const struct npu_recurrent_moment *at, const float *h)
{
	const struct npu_recurrent_direction *direction = at->direction;
	size_t part = run->cell->parts - 1;
	struct npu_recurrent_product product = {
		.rows = at->cells.rows,
		.columns = run->units,
		.term = { { h, run->units, direction->state[part],
			    h && !run->single ? run->units : 0 } },
		.c = at->cells.gates + run->columns,
		.ldc = run->stride,
		.bias = direction->recurrent_bias,
	};

	run->kernels->product(&product);
	if (h && run->single)
		run->kernels->row(h, run->units,
				  direction->recurrent + npu_recurrent_part(run, part),
				  run->columns, product.c, run->units, at->step % 2);
}

/* The inputs of step @s side by side; zeros for rows that have ended, where they are kept. */
static void gather(const struct npu_recurrent *run, const struct npu_recurrent_direction *direction,
		   const struct npu_recurrent_block *block, size_t s, size_t rows)
{
	float *x = block->x + s * block->x_step;
	size_t r, inputs = run->inputs;

	for (r = 0; r < rows; r++) {
		const struct npu_recurrent_row *row = &run->row[block->first + r];
		size_t time = npu_recurrent_time(direction, row->length, s);

		memcpy(x + r * inputs, run->step->x + row->sample * run->node->in + time * inputs,
		       inputs * sizeof(float));
	}
	if (run->training)
		memset(x + rows * inputs, 0, (block->rows - rows) * inputs * sizeof(float));
}

/* All inputs of a sample that is alone, and what they give to the gates. */
static void project_all(const struct npu_recurrent *run,
			const struct npu_recurrent_direction *direction,
			const struct npu_recurrent_block *block)
{
	size_t s, part;

	for (s = 0; s < block->steps; s++)
		gather(run, direction, block, s, 1);
	for (part = 0; part < run->cell->parts; part++) {
		size_t column = npu_recurrent_part(run, part);
		struct npu_recurrent_product product = {
			.rows = block->steps,
			.columns = npu_recurrent_part_columns(run, part),
			.term = { { block->x, run->inputs, direction->input[part], run->inputs } },
			.c = block->gates + column,
			.ldc = run->stride,
			.bias = direction->bias ? direction->bias + column : NULL,
		};

		run->kernels->product(&product);
	}
}

/* Where the state @k of the sample in row @r goes on from one batch to the next. */
static float *lasting_state(const struct npu_recurrent *run, size_t d, size_t k, size_t r)
{
	return run->step->state + run->row[r].sample * run->node->state +
	       (d * run->cell->states + k) * run->units;
}

static void begin_states(const struct npu_recurrent *run, const struct npu_recurrent_block *block,
			 size_t d)
{
	size_t bytes = run->units * sizeof(float), k, r;

	for (k = 0; k < run->cell->states; k++) {
		if (!run->step->state) {
			memset(block->state[k], 0, block->rows * bytes);
			continue;
		}
		for (r = 0; r < block->rows; r++)
			memcpy(block->state[k] + r * run->units,
			       lasting_state(run, d, k, block->first + r), bytes);
	}
}

/* Outputs behind the end of a sequence are zero, and of one without steps as it began. */
static void begin_outputs(const struct npu_recurrent *run, const struct npu_recurrent_block *block,
			  size_t d)
{
	size_t width = run->directions * run->units, bytes = run->units * sizeof(float), r, t;

	for (r = 0; r < block->rows; r++) {
		const struct npu_recurrent_row *row = &run->row[block->first + r];
		float *y = run->step->y + row->sample * run->node->out + d * run->units;

		for (t = row->length; run->node->layer.sequences && t < run->steps; t++)
			memset(y + t * width, 0, bytes);
		if (!run->node->layer.sequences && !row->length)
			memcpy(y, block->state[0] + r * run->units, bytes);
	}
}

/* Hand out the states of step @s: all of them, or those of rows that end here. */
static void give_outputs(const struct npu_recurrent *run, const struct npu_recurrent_block *block,
			 const struct npu_recurrent_moment *at, size_t d)
{
	size_t width = run->directions * run->units, bytes = run->units * sizeof(float), r, k;

	for (r = 0; r < at->cells.rows; r++) {
		const struct npu_recurrent_row *row = &run->row[block->first + r];
		const float *state[2] = { at->cells.h, at->cells.c };
		float *y = run->step->y + row->sample * run->node->out + d * run->units;
		bool ends = at->step + 1 == row->length;

		if (run->node->layer.sequences)
			memcpy(y + npu_recurrent_time(at->direction, row->length, at->step) * width,
			       state[0] + r * run->units, bytes);
		else if (ends)
			memcpy(y, state[0] + r * run->units, bytes);
		for (k = 0; ends && run->step->state && k < run->cell->states; k++)
			memcpy(lasting_state(run, d, k, block->first + r),
			       state[k] + r * run->units, bytes);
	}
}

/* Rows that have ended leave nothing behind that a sum over all rows could stumble over. */
static void clear_ended(const struct npu_recurrent *run, const struct npu_recurrent_block *block,
			size_t s, size_t rows)
{
	size_t at = rows * run->units, bytes = (block->rows - rows) * run->units * sizeof(float);

	if (!run->training || !bytes)
		return;
	memset(block->state[0] + (s + 1) * block->state_step + at, 0, bytes);
	if (block->extra)
		memset(block->extra + s * block->extra_step + at, 0, bytes);
}

static void run_block(void *context, size_t task)
{
	const struct npu_recurrent *run = context;
	size_t d = task % run->directions, rows, s;
	struct npu_recurrent_block block = npu_recurrent_block(run, d, task / run->directions);

	begin_states(run, &block, d);
	begin_outputs(run, &block, d);
	if (run->single)
		project_all(run, &run->direction[d], &block);
	rows = block.rows;
	for (s = 0; s < block.steps; s++) {
		struct npu_recurrent_moment at;

		rows = npu_recurrent_running(run, &block, s, rows);
		at = npu_recurrent_at(run, &block, d, s, rows);
		if (!run->single)
			gather(run, at.direction, &block, s, rows);
		run->cell->forward(run, &at);
		clear_ended(run, &block, s, rows);
		give_outputs(run, &block, &at, d);
	}
}

static void forward(const struct npu_step *step, const struct npu_recurrent_cell *cell,
		    const struct npu_f32 *f32, struct npu_pool *pool)
{
	struct npu_recurrent run;

	npu_recurrent_begin(&run, step, cell, f32, pool);
	npu_recurrent_place_forward(&run, step->work);
	npu_recurrent_sort(&run);
	npu_recurrent_pack(&run);
	npu_pool_run(run.pool, run_block, &run, run.directions * npu_recurrent_blocks(&run));
}

void npu_recurrent_forward(const struct npu_step *step, const struct npu_recurrent_cell *cell)
{
	forward(step, cell, step->model->f32, step->pool);
}

void npu_recurrent_plain(const struct npu_step *step, const struct npu_recurrent_cell *cell)
{
	forward(step, cell, &npu_f32_reference, NULL);
}
