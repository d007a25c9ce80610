// SPDX-License-Identifier: MIT
/*
 * Recurrent layers: gradients of the parameters, from those of the gates of all steps. Tasks are
 * some columns of a weight matrix; each goes through blocks and steps in order, so that its sums
 * do not depend on who else computes.
 */
#include <string.h>

#include "recurrent.h"

#define GROUP 4 /* panels of a task: they share what is read of states and inputs */

/**
 * struct share - columns of the parameters' gradients whose sums have a common factor
 * @run: the call
 * @d: direction
 * @part: of the gates; @apart: that which reset_after keeps apart from it
 * @column: the first of the part's columns; @columns: how many
 */
struct share {
	const struct npu_recurrent *run;
	size_t d, part;
	bool apart;
	size_t column, columns;
};

static float *gradient(const struct share *share, size_t k)
{
	size_t count = npu_recurrent_parameters(&share->run->node->layer);

	return k < count ? npu_step_gradient(share->run->step, share->d * count + k) : NULL;
}

static bool keeps_apart(const struct npu_recurrent *run)
{
	return run->stride > run->columns;
}

/*
 * The factors and sums of a share for @k rows of a block from its row @row on, at a panel that
 * begins at @column of the part. The first row of all rows is that of step 0.
 */
static struct npu_recurrent_outer outer_of(const struct share *share,
					   const struct npu_recurrent_block *block, size_t row,
					   size_t k, size_t column)
{
	const struct npu_recurrent *run = share->run;
	size_t part = npu_recurrent_part(run, share->part) + column;
	size_t at = share->apart ? run->columns + column : part;
	/* States before step 0 are zero, unless they last: then they have no part in it. */
	size_t skip = run->step->state || row >= block->rows ? 0 : block->rows - row;
	bool reset = run->cell->extras && share->part && run->cell->parts > 1;
	const float *h = reset ? block->extra : block->state[0];
	float *bias = gradient(share, share->apart ? 3 : 2);
	struct npu_recurrent_outer outer = {
		.k = k,
		.b = block->gates + row * run->stride + at,
		.ldb = run->stride,
		.sum = bias ? bias + (share->apart ? column : part) : NULL,
	};

	if (!share->apart)
		outer.factor[0] = (struct npu_recurrent_factor){
			.a = block->x + row * run->inputs,
			.lda = run->inputs,
			.m = run->inputs,
			.c = gradient(share, 0) + part,
			.ldc = run->columns,
		};
	if (share->apart || !keeps_apart(run) || !share->part)
		outer.factor[1] = (struct npu_recurrent_factor){
			.a = h + row * run->units,
			.lda = run->units,
			.m = run->units,
			.skip = skip < k ? skip : k,
			.c = gradient(share, 1) + part,
			.ldc = run->columns,
		};
	return outer;
}

static void add_rows(const struct share *share, const struct npu_recurrent_block *block, size_t row,
		     size_t k, bool fresh)
{
	const struct npu_recurrent_kernels *kernels = share->run->kernels;
	size_t column = share->column, end = share->column + share->columns;

	for (; column < end; column += kernels->width) {
		struct npu_recurrent_outer outer = outer_of(share, block, row, k, column);

		outer.columns = end - column < kernels->width ? end - column : kernels->width;
		outer.fresh = fresh;
		kernels->outer(&outer);
	}
}

static void add_all(const struct share *share)
{
	const struct npu_recurrent *run = share->run;
	size_t b, row, k;
	bool fresh = true;

	for (b = 0; b < npu_recurrent_blocks(run); b++) {
		struct npu_recurrent_block block = npu_recurrent_block(run, share->d, b);
		size_t rows = block.steps * block.rows;

		for (row = 0; row < rows || fresh; row += k, fresh = false) {
			k = rows - row < NPU_RECURRENT_DEPTH ? rows - row : NPU_RECURRENT_DEPTH;
			add_rows(share, &block, row, k, fresh);
		}
	}
}

static size_t groups(const struct npu_recurrent *run, size_t columns)
{
	size_t group = GROUP * run->kernels->width;

	return (columns + group - 1) / group;
}

/* Tasks of a direction: those of its parts, then those of what lies apart. */
static size_t tasks_of(const struct npu_recurrent *run)
{
	size_t part, tasks = keeps_apart(run) ? groups(run, run->units) : 0;

	for (part = 0; part < run->cell->parts; part++)
		tasks += groups(run, npu_recurrent_part_columns(run, part));
	return tasks;
}

static void run_task(void *context, size_t task)
{
	const struct npu_recurrent *run = context;
	size_t of_direction = tasks_of(run), group = GROUP * run->kernels->width, columns;
	struct share share = { .run = run, .d = task / of_direction };

	task %= of_direction;
	columns = npu_recurrent_part_columns(run, 0);
	for (; task >= groups(run, columns); columns = run->units) {
		task -= groups(run, columns);
		share.apart = share.part + 1 == run->cell->parts;
		share.part += !share.apart;
	}
	share.column = task * group;
	share.columns = columns - share.column < group ? columns - share.column : group;
	add_all(&share);
}

void npu_recurrent_gradients(const struct npu_recurrent *run)
{
	npu_pool_run(run->pool, run_task, (void *)run, run->directions * tasks_of(run));
}
