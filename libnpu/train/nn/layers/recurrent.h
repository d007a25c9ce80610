/* SPDX-License-Identifier: MIT */
/*
 * What RNN, LSTM and GRU have in common: going through time.
 *
 * Samples are cut into blocks of a few rows, and a thread takes a block through all of its steps,
 * so that gates and states stay near it and threads meet once a call. Within a block memory goes
 * step by step, in the order in which the steps are run: of a sample that runs backwards step 0 is
 * its last. Samples are sorted by length, the longest first, so that those that still run are the
 * first rows of their block.
 *
 * The gradients of the weights are one product over all steps afterwards.
 */
#ifndef NPU_NN_RECURRENT_H
#define NPU_NN_RECURRENT_H

#include "train/nn/layer.h"
#include "train/nn/kernels/recurrent_kernels.h"

struct npu_recurrent;
struct npu_recurrent_moment;

/**
 * struct npu_recurrent_cell - a kind of cell
 * @gates: G, the columns of the weights in units
 * @states: arrays of units that go from step to step, h the first; 1 or 2
 * @extras: arrays of units that a step leaves for itself and the way back; 0 or 1
 * @parts: 1 where all gates are computed at once, 2 where the last is of its own
 * @forward: gates, states and extras of a step from the states before
 * @backward: the gates become their gradients; dh and dc, the gradients with respect to the states
 *	of the step, those with respect to the states before
 */
struct npu_recurrent_cell {
	size_t gates, states, extras, parts;
	void (*forward)(const struct npu_recurrent *run, const struct npu_recurrent_moment *at);
	void (*backward)(const struct npu_recurrent *run, const struct npu_recurrent_moment *at);
};

/**
 * struct npu_recurrent_direction - its parameters
 * @weight: [inputs][columns], @recurrent: [units][columns], @bias: [columns] or NULL,
 *	@recurrent_bias: [units] or NULL
 * @backwards: from the last step to the first
 * @input, @state: of each part, weight and recurrent in panels; forward
 * @back, @back_input: likewise transposed: recurrent by part, weight whole; backward
 * @trace: [n] samples' gates, states, extras and inputs, block by block
 */
struct npu_recurrent_direction {
	const float *weight, *recurrent, *bias, *recurrent_bias;
	bool backwards;
	float *input[2], *state[2];
	float *back[2], *back_input;
	float *trace;
};

/* A sample in its row. */
struct npu_recurrent_row {
	uint32_t sample, length;
};

/**
 * struct npu_recurrent_panels - a matrix to be packed
 * @b: [k][columns], or [columns][k] where it is @transposed
 */
struct npu_recurrent_panels {
	const float *b;
	size_t ldb;
	bool transposed;
	size_t k, columns;
	float *to;
};

/**
 * struct npu_recurrent - a call for a batch
 * @columns: of the weights, gates times units
 * @stride: of a row of gates: one more where reset_after keeps h R apart
 * @single: one sample: its recurrent weights are used as they lie, and the inputs of all its
 *	steps come first
 * @training: a backward follows
 * @kept: steps whose states are kept: all, or one where no backward follows
 * @slots: steps whose gates and inputs are
 * @row: [n]
 * @delta: backward, [directions][n][states + 1][units]: dh, dc, dextra
 * @dx: backward, [n][inputs]
 */
struct npu_recurrent {
	const struct npu_step *step;
	const struct npu_node *node;
	const struct npu_recurrent_cell *cell;
	const struct npu_f32 *f32;
	const struct npu_recurrent_kernels *kernels;
	struct npu_pool *pool;
	size_t n, steps, inputs, units, columns, stride;
	bool single, training;
	size_t kept, slots;
	size_t directions;
	struct npu_recurrent_direction direction[2];
	struct npu_recurrent_panels panels[8];
	size_t matrices;
	struct npu_recurrent_row *row;
	uint32_t *place;
	float *delta, *dx;
};

/**
 * struct npu_recurrent_block - some rows' share of a direction's trace
 * @first: number of the first row; @rows: how many
 * @steps: until the longest of them ends
 * @gates, @state, @extra, @x: [steps][rows][...], where each begins; states from before the first
 *	step on
 * @gates_step and so on: floats from a step to the next, 0 where but one is kept
 */
struct npu_recurrent_block {
	size_t first, rows, steps;
	float *gates, *state[2], *extra, *x;
	size_t gates_step, state_step, extra_step, x_step;
};

/**
 * struct npu_recurrent_moment - a step of a block
 * @step: its number; @first: the state before it is zero; @last: nothing asks for the gradient
 *	with respect to that
 * @x: [rows][inputs], or NULL where they are in the gates already
 * @cells: of the rows that still run
 */
struct npu_recurrent_moment {
	const struct npu_recurrent_direction *direction;
	size_t step;
	bool first, last;
	const float *x;
	struct npu_recurrent_cells cells;
};

/* Description, parameters: for npu_layer_ops.shape. */
int npu_recurrent_shape(struct npu_model *model, struct npu_node *node,
			const struct npu_recurrent_cell *cell, struct npu_error *err);
/* Weights by the layer's initialiser, recurrent ones orthogonal by default (Saxe et al. 2014). */
void npu_recurrent_init(struct npu_model *model, const struct npu_node *node, struct npu_rng *rng);
void npu_recurrent_room(const struct npu_node *node, const struct npu_recurrent_cell *cell,
			size_t n, bool training, struct npu_room *room);
void npu_recurrent_forward(const struct npu_step *step, const struct npu_recurrent_cell *cell);
void npu_recurrent_backward(const struct npu_step *step, const struct npu_recurrent_cell *cell);
/* Forward by the plain kernels and the caller alone. */
void npu_recurrent_plain(const struct npu_step *step, const struct npu_recurrent_cell *cell);

/* Values of direction @d's k-th parameter lie behind those of the direction before. */
size_t npu_recurrent_parameters(const struct npu_layer *layer);

/* First gate column of @part, and how many it has, in floats. */
static inline size_t npu_recurrent_part(const struct npu_recurrent *run, size_t part)
{
	return part * (run->columns - run->units);
}

static inline size_t npu_recurrent_part_columns(const struct npu_recurrent *run, size_t part)
{
	if (run->cell->parts == 1)
		return run->columns;
	return part ? run->units : run->columns - run->units;
}

/* For cells: gates of @part = x W + h R + bias; @h NULL is zero. */
void npu_recurrent_gates(const struct npu_recurrent *run, const struct npu_recurrent_moment *at,
			 size_t part, const float *h);
/* For cells: the columns behind the gates = h R + recurrent_bias, R that of the last part. */
void npu_recurrent_gates_apart(const struct npu_recurrent *run,
			       const struct npu_recurrent_moment *at, const float *h);
/*
 * For cells: to[rows][units] = the product of gradients of the gates of @part, at @column, and R^T,
 * or that added to it.
 */
void npu_recurrent_back(const struct npu_recurrent *run, const struct npu_recurrent_moment *at,
			size_t part, size_t column, float *to, bool accumulate);

/*
 * For the ways forward and back. Placing returns the floats that @work needs, which may be NULL;
 * @input: its gradient is wanted.
 */
void npu_recurrent_begin(struct npu_recurrent *run, const struct npu_step *step,
			 const struct npu_recurrent_cell *cell, const struct npu_f32 *f32,
			 struct npu_pool *pool);
size_t npu_recurrent_place_forward(struct npu_recurrent *run, float *work);
size_t npu_recurrent_place_backward(struct npu_recurrent *run, bool input, float *work);
void npu_recurrent_sort(struct npu_recurrent *run);
void npu_recurrent_pack(struct npu_recurrent *run);
size_t npu_recurrent_blocks(const struct npu_recurrent *run);
struct npu_recurrent_block npu_recurrent_block(const struct npu_recurrent *run, size_t d, size_t b);
/* Step @s of @block, whose first @rows rows still run. */
struct npu_recurrent_moment npu_recurrent_at(const struct npu_recurrent *run,
					     const struct npu_recurrent_block *block, size_t d,
					     size_t s, size_t rows);
/* Gradients of the parameters, once the gates are gradients. */
void npu_recurrent_gradients(const struct npu_recurrent *run);

/* The time at which a sample of @length steps runs its step @s. */
static inline size_t npu_recurrent_time(const struct npu_recurrent_direction *direction,
					size_t length, size_t s)
{
	return direction->backwards ? length - 1 - s : s;
}

/* How many of @block's rows still run at step @s; @rows ran at the one before it. */
static inline size_t npu_recurrent_running(const struct npu_recurrent *run,
					   const struct npu_recurrent_block *block, size_t s,
					   size_t rows)
{
	while (rows && run->row[block->first + rows - 1].length <= s)
		rows--;
	return rows;
}

#endif /* NPU_NN_RECURRENT_H */
