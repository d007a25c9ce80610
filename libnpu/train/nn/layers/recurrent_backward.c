// SPDX-License-Identifier: MIT
/* Recurrent layers: back through time. */
#include <string.h>

#include "recurrent.h"

void npu_recurrent_back(const struct npu_recurrent *run, const struct npu_recurrent_moment *at,
			size_t part, size_t column, float *to, bool accumulate)
{
	const struct npu_recurrent_product product = {
		.rows = at->cells.rows,
		.columns = run->units,
		.term = { { at->cells.gates + column, run->stride, at->direction->back[part],
			    npu_recurrent_part_columns(run, part) } },
		.c = to,
		.ldc = run->units,
		.accumulate = accumulate,
	};

	run->kernels->product(&product);
}

/* dh += dy where the state of this step is an output. */
static void take_output_gradients(const struct npu_recurrent *run,
				  const struct npu_recurrent_block *block,
				  const struct npu_recurrent_moment *at, size_t d)
{
	size_t width = run->directions * run->units, r, u;

	for (r = 0; r < at->cells.rows; r++) {
		const struct npu_recurrent_row *row = &run->row[block->first + r];
		const float *dy = run->step->dy + row->sample * run->node->out + d * run->units;
		float *dh = at->cells.dh + r * run->units;

		if (run->node->layer.sequences)
			dy += npu_recurrent_time(at->direction, row->length, at->step) * width;
		else if (at->step + 1 != row->length)
			continue;
		for (u = 0; u < run->units; u++)
			dh[u] += dy[u];
	}
}

static void run_block(void *context, size_t task)
{
	const struct npu_recurrent *run = context;
	size_t d = task % run->directions, states = run->cell->states, s;
	struct npu_recurrent_block block = npu_recurrent_block(run, d, task / run->directions);
	size_t state = block.rows * run->units;
	float *delta = run->delta + (d * run->n + block.first) * (states + 1) * run->units;

	memset(delta, 0, (states + 1) * state * sizeof(float));
	for (s = block.steps; s--;) {
		size_t rows = npu_recurrent_running(run, &block, s, block.rows);
		struct npu_recurrent_moment at = npu_recurrent_at(run, &block, d, s, rows);

		at.last = !s;
		at.cells.dh = delta;
		at.cells.dc = states > 1 ? delta + state : NULL;
		at.cells.dextra = delta + states * state;
		take_output_gradients(run, &block, &at, d);
		run->cell->backward(run, &at);
		memset(at.cells.gates + rows * run->stride, 0,
		       (block.rows - rows) * run->stride * sizeof(float));
	}
}

/* dx of a step's rows, to where its samples are at that time. */
static void scatter(const struct npu_recurrent *run, const struct npu_recurrent_block *block,
		    const struct npu_recurrent_moment *at, const float *from)
{
	size_t inputs = run->inputs, r, c;

	for (r = 0; r < at->cells.rows; r++, from += inputs) {
		const struct npu_recurrent_row *row = &run->row[block->first + r];
		size_t time = npu_recurrent_time(at->direction, row->length, at->step);
		float *dx = run->step->dx + row->sample * run->node->in + time * inputs;

		for (c = 0; c < inputs; c++)
			dx[c] += from[c];
	}
}

/* dx of a block's samples: of both directions, one after the other. */
static void input_gradient(void *context, size_t b)
{
	const struct npu_recurrent *run = context;
	size_t d, s, r, first = npu_recurrent_block(run, 0, b).first;

	for (r = 0; r < npu_recurrent_block(run, 0, b).rows; r++)
		memset(run->step->dx + run->row[first + r].sample * run->node->in, 0,
		       run->node->in * sizeof(float));
	for (d = 0; d < run->directions; d++) {
		struct npu_recurrent_block block = npu_recurrent_block(run, d, b);
		size_t rows = block.rows;

		for (s = 0; s < block.steps; s++) {
			struct npu_recurrent_moment at;
			struct npu_recurrent_product product;

			rows = npu_recurrent_running(run, &block, s, rows);
			at = npu_recurrent_at(run, &block, d, s, rows);
			product = (struct npu_recurrent_product){
				.rows = rows,
				.columns = run->inputs,
				.term = { { at.cells.gates, run->stride, at.direction->back_input,
					    run->columns } },
				.c = run->dx + first * run->inputs,
				.ldc = run->inputs,
			};
			run->kernels->product(&product);
			scatter(run, &block, &at, product.c);
		}
	}
}

void npu_recurrent_backward(const struct npu_step *step, const struct npu_recurrent_cell *cell)
{
	struct npu_recurrent run;

	npu_recurrent_begin(&run, step, cell, step->model->f32, step->pool);
	npu_recurrent_place_backward(&run, step->dx, step->work);
	npu_recurrent_sort(&run);
	npu_recurrent_pack(&run);
	npu_pool_run(run.pool, run_block, &run, run.directions * npu_recurrent_blocks(&run));
	if (step->dx)
		npu_pool_run(run.pool, input_gradient, &run, npu_recurrent_blocks(&run));
	if (step->gradient)
		npu_recurrent_gradients(&run);
}
