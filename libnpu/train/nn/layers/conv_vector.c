// SPDX-License-Identifier: MIT
/*
 * Forward and the input's gradient, as weights that slide.
 *
 * Backward, dx[w] = sum over the taps j with ow = (w + before - j * dilation) / stride a whole
 * number, of dy[ow] * weight[j]. Which taps those are depends on w modulo the stride alone: for
 * each such phase they are weights, in reverse, that slide over dy by one. The weights are copied
 * into that order, with in and out channels swapped, once for a batch.
 */
#include <string.h>

#include "conv_slide.h"
#include "conv_vector.h"

/**
 * struct phase - one axis of every stride-th position of dx
 * @window: over dy
 * @first: the first tap of the convolution that reaches it
 * @step: from such a tap to the next
 */
struct phase {
	struct npu_window window;
	size_t first, step;
};

/* Rows of the weights of a group, and columns. */
static size_t weight_rows(const struct npu_conv *conv)
{
	return conv->window[0].kernel * conv->window[1].kernel * (conv->channels / conv->groups);
}

static bool needs_blocks(const struct npu_conv *conv)
{
	return npu_slide_block(conv->groups, weight_rows(conv), conv->units / conv->groups) <
	       conv->units / conv->groups;
}

const float *npu_conv_vector_arrange(const struct npu_conv *conv, const float *weight,
				     float *arranged)
{
	size_t rows = weight_rows(conv), column, row, width;

	if (!needs_blocks(conv))
		return weight;
	for (column = 0; column < conv->units; column += NPU_SLIDE_BLOCK) {
		width = conv->units - column;
		width = width < NPU_SLIDE_BLOCK ? width : NPU_SLIDE_BLOCK;
		for (row = 0; row < rows; row++)
			memcpy(arranged + (column * rows + row * NPU_SLIDE_BLOCK),
			       weight + row * conv->units + column, width * sizeof(*weight));
	}
	return arranged;
}

size_t npu_conv_vector_arranged_room(const struct npu_conv *conv)
{
	return needs_blocks(conv) ? npu_slide_blocks(1, weight_rows(conv), conv->units) : 0;
}

void npu_conv_vector_forward(const struct npu_conv_run *run, const float *x, const float *weight,
			     const float *bias, float *y)
{
	const struct npu_conv *conv = &run->conv;
	size_t depth = conv->channels / conv->groups, columns = conv->units / conv->groups;
	size_t block = npu_slide_block(conv->groups, weight_rows(conv), columns);
	size_t step = needs_blocks(conv) ? block : conv->units;
	struct npu_slide slide = {
		.window = { conv->window[0], conv->window[1] },
		.channels = conv->channels,
		.groups = conv->groups,
		.depth = depth,
		.columns = columns,
		.depthwise = npu_conv_is_depthwise(conv),
		.x = x,
		.weight = weight,
		.bias = bias,
		.weight_tap = { conv->window[1].kernel * depth * step, depth * step },
		.weight_step = step,
		.weight_group = columns,
		.block = block,
		.weight_block = weight_rows(conv) * block,
		.y = y,
		.y_sample = npu_conv_out(conv),
		.y_row = conv->window[1].out * conv->units,
		.y_step = conv->units,
		.activation = run->activation,
	};

	if (slide.depthwise) {
		slide.groups = 1;
		slide.depth = slide.columns = slide.block = conv->channels;
	}
	npu_slide_run(&slide, run->pool, run->f32->conv, run->n, run->work);
}

size_t npu_conv_vector_forward_room(const struct npu_conv *conv, size_t threads)
{
	return npu_slide_room(conv->window, conv->channels, npu_conv_weights(conv), threads);
}

static size_t greatest_common_divisor(size_t a, size_t b)
{
	while (b) {
		size_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Positions r, r + stride, r + 2 stride, ... of dx. */
static struct phase phase_of(const struct npu_window *w, size_t r)
{
	size_t divisor = greatest_common_divisor(w->dilation, w->stride), last;
	ptrdiff_t at = (ptrdiff_t)r + w->before, stride = (ptrdiff_t)w->stride;
	struct phase phase = {
		.window = { .in = w->out,
			    .out = r < w->in ? (w->in - r + w->stride - 1) / w->stride : 0,
			    .stride = 1,
			    .dilation = w->dilation / divisor },
		.step = w->stride / divisor,
	};

	while (phase.first < w->kernel && (at - (ptrdiff_t)(phase.first * w->dilation)) % stride)
		phase.first++;
	if (phase.first >= w->kernel)
		return phase;
	phase.window.kernel = (w->kernel - 1 - phase.first) / phase.step + 1;
	last = phase.first + (phase.window.kernel - 1) * phase.step;
	/* The window's first tap is the convolution's last. */
	phase.window.before = -((at - (ptrdiff_t)(last * w->dilation)) / stride);
	return phase;
}

/* Rows of the turned weights of a phase, of a group: taps times outputs. */
static size_t phase_rows(const struct npu_conv *conv, const struct phase phase[2])
{
	return phase[0].window.kernel * phase[1].window.kernel * (conv->units / conv->groups);
}

static size_t phase_block(const struct npu_conv *conv, const struct phase phase[2])
{
	return npu_slide_block(conv->groups, phase_rows(conv, phase),
			       conv->channels / conv->groups);
}

/* Floats of the turned weights of a phase, of all groups. */
static size_t phase_weights(const struct npu_conv *conv, const struct phase phase[2])
{
	return conv->groups * npu_slide_blocks(conv->groups, phase_rows(conv, phase),
					       conv->channels / conv->groups);
}

/* to[o][c] = from[c][o], of @rows rows o and fewer columns than @to_step */
static void transpose(const float *from, size_t from_step, size_t rows, size_t columns, float *to,
		      size_t to_step)
{
	size_t o, c;

	for (o = 0; o < rows; o++)
		for (c = 0; c < columns; c++)
			to[o * to_step + c] = from[c * from_step + o];
}

/* The weights of one tap, [C / groups][O], to row @row of the blocks [rows][block] at @to. */
static void turn_tap(const struct npu_conv *conv, const float *weight, size_t row, size_t rows,
		     size_t block, float *to)
{
	size_t depth = conv->channels / conv->groups, column, part, width;

	for (column = 0; column < depth; column += part) {
		float *block_at = to + column / block * block * rows + column % block;

		/* A few columns at a time: their rows stay in the cache. */
		width = depth - column < 16 ? depth - column : 16;
		part = block - column % block < width ? block - column % block : width;
		transpose(weight + column * conv->units, conv->units, conv->units, part,
			  block_at + row * block, block);
	}
}

/* The weights of a phase: [taps][taps][O][C / groups], in blocks; returns their end. */
static float *turn_weights(const struct npu_conv *conv, const struct phase phase[2],
			   const float *weight, float *to)
{
	size_t depth = conv->channels / conv->groups, i, j, at = 0;
	size_t rows = phase_rows(conv, phase) * conv->groups, block = phase_block(conv, phase);

	for (i = phase[0].window.kernel; i--;) {
		for (j = phase[1].window.kernel; j--;) {
			size_t row = phase[0].first + i * phase[0].step;
			size_t column = phase[1].first + j * phase[1].step;
			size_t tap = row * conv->window[1].kernel + column;

			turn_tap(conv, weight + tap * depth * conv->units, at, rows, block, to);
			at += conv->units;
		}
	}
	return to + phase_weights(conv, phase);
}

static void run_phase(const struct npu_conv_run *run, const struct phase phase[2], size_t row,
		      size_t column, const float *dy, const float *weight, const float *bias,
		      float *dx, float *work)
{
	const struct npu_conv *conv = &run->conv;
	size_t depth = conv->channels / conv->groups, width = conv->window[1].in * conv->channels;
	size_t block = phase_block(conv, phase);
	struct npu_slide slide = {
		.window = { phase[0].window, phase[1].window },
		.channels = conv->units,
		.groups = conv->groups,
		.depth = conv->units / conv->groups,
		.columns = depth,
		.depthwise = npu_conv_is_depthwise(conv),
		.x = dy,
		.weight = weight,
		.bias = bias,
		.weight_tap = { phase[1].window.kernel * conv->units * block, conv->units * block },
		.weight_step = block,
		.block = block,
		.weight_block = phase_rows(conv, phase) * block,
		.weight_group = conv->units / conv->groups * depth,
		.y = dx + row * width + column * conv->channels,
		.y_sample = npu_conv_in(conv),
		.y_row = conv->window[0].stride * width,
		.y_step = conv->window[1].stride * conv->channels,
		.activation = run->activation,
	};

	if (slide.depthwise) {
		slide.groups = 1;
		slide.depth = slide.columns = slide.block = conv->channels;
	}
	npu_slide_run(&slide, run->pool, run->f32->conv, run->n, work);
}

/* Call @visit for every phase, in the order in which their weights lie. */
typedef void (*phase_fn)(void *context, const struct phase phase[2], size_t row, size_t column);

static void each_phase(const struct npu_conv *conv, phase_fn visit, void *context)
{
	struct phase phase[2];
	size_t row, column;

	for (row = 0; row < conv->window[0].stride; row++) {
		phase[0] = phase_of(&conv->window[0], row);
		for (column = 0; column < conv->window[1].stride; column++) {
			phase[1] = phase_of(&conv->window[1], column);
			visit(context, phase, row, column);
		}
	}
}

/**
 * struct turning - npu_conv_vector_turn() on its way
 * @to: where the next phase's weights go
 */
struct turning {
	const struct npu_conv *conv;
	const float *weight;
	float *to;
};

static void turn_phase(void *context, const struct phase phase[2], size_t row, size_t column)
{
	struct turning *turning = context;

	(void)row;
	(void)column;
	turning->to = turn_weights(turning->conv, phase, turning->weight, turning->to);
}

void npu_conv_vector_turn(const struct npu_conv *conv, const float *weight, float *turned)
{
	struct turning turning = { conv, weight, turned };

	each_phase(conv, turn_phase, &turning);
}

/**
 * struct spreading - npu_conv_vector_input() on its way
 * @turned: the next phase's weights
 */
struct spreading {
	const struct npu_conv_run *run;
	const float *dy, *turned, *bias;
	float *dx;
};

static void spread_phase(void *context, const struct phase phase[2], size_t row, size_t column)
{
	struct spreading *s = context;
	const struct npu_conv *conv = &s->run->conv;

	run_phase(s->run, phase, row, column, s->dy, s->turned, s->bias, s->dx, s->run->work);
	s->turned += phase_weights(conv, phase);
}

void npu_conv_vector_input(const struct npu_conv_run *run, const float *dy, const float *turned,
			   const float *bias, float *dx)
{
	struct spreading spreading = { run, dy, turned, bias, dx };

	each_phase(&run->conv, spread_phase, &spreading);
}

/**
 * struct measuring - rooms on their way
 * @most: scratch memory of the phases so far
 * @weights: of all of them
 */
struct measuring {
	const struct npu_conv *conv;
	size_t threads, most, weights;
};

static void measure_phase(void *context, const struct phase phase[2], size_t row, size_t column)
{
	struct npu_window window[2] = { phase[0].window, phase[1].window };
	struct measuring *m = context;
	size_t rows = phase_rows(m->conv, phase);
	size_t room = npu_slide_room(window, m->conv->units, rows * m->conv->channels, m->threads);

	(void)row;
	(void)column;
	m->weights += phase_weights(m->conv, phase);
	m->most = room > m->most ? room : m->most;
}

size_t npu_conv_vector_input_room(const struct npu_conv *conv, size_t threads)
{
	struct measuring measuring = { conv, threads, 0, 0 };

	each_phase(conv, measure_phase, &measuring);
	return measuring.most;
}

size_t npu_conv_vector_turned_room(const struct npu_conv *conv)
{
	struct measuring measuring = { conv, 0, 0, 0 };

	each_phase(conv, measure_phase, &measuring);
	return npu_conv_align(measuring.weights);
}
