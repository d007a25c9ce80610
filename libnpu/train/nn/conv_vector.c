// SPDX-License-Identifier: MIT
/*
 * Forward and the input's gradient, as weights that slide.
 *
 * Backward, dx[w] = sum over the taps j with ow = (w + before - j * dilation) / stride a whole
 * number, of dy[ow] * weight[j]. Which taps those are depends on w modulo the stride alone: for
 * each such phase they are weights, in reverse, that slide over dy by one. The weights are copied
 * into that order, with in and out channels swapped, once for a batch.
 */
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

void npu_conv_vector_forward(const struct npu_conv_run *run, const float *x, const float *weight,
			     const float *bias, float *y)
{
	const struct npu_conv *conv = &run->conv;
	size_t depth = conv->channels / conv->groups;
	struct npu_slide slide = {
		.window = { conv->window[0], conv->window[1] },
		.channels = conv->channels,
		.groups = conv->groups,
		.depth = depth,
		.columns = conv->units / conv->groups,
		.depthwise = npu_conv_is_depthwise(conv),
		.x = x,
		.weight = weight,
		.bias = bias,
		.weight_tap = { conv->window[1].kernel * depth * conv->units, depth * conv->units },
		.weight_step = conv->units,
		.weight_group = conv->units / conv->groups,
		.y = y,
		.y_sample = npu_conv_out(conv),
		.y_row = conv->window[1].out * conv->units,
		.y_step = conv->units,
		.activation = run->activation,
	};

	if (slide.depthwise) {
		slide.groups = 1;
		slide.depth = slide.columns = conv->channels;
	}
	npu_slide_run(&slide, run->pool, run->f32->conv, run->n, run->work);
}

size_t npu_conv_vector_forward_room(const struct npu_conv *conv, size_t threads)
{
	return npu_slide_room(conv->window, conv->channels, threads);
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

/* to[o][c] = from[c][o], of @rows rows o */
static void transpose(const float *from, size_t from_step, size_t rows, size_t columns, float *to)
{
	size_t o, c, c_first;

	/* A few columns at a time: their rows of @from stay in the cache. */
	for (c_first = 0; c_first < columns; c_first += 16) {
		size_t c_end = c_first + 16 < columns ? c_first + 16 : columns;

		for (o = 0; o < rows; o++)
			for (c = c_first; c < c_end; c++)
				to[o * columns + c] = from[c * from_step + o];
	}
}

/* The weights of a phase: [taps][taps][O][C / groups]; returns their end. */
static float *turn_weights(const struct npu_conv *conv, const struct phase phase[2],
			   const float *weight, float *to)
{
	size_t depth = conv->channels / conv->groups, wide = phase[1].window.kernel, i, j;

	for (i = phase[0].window.kernel; i--;) {
		for (j = wide; j--;) {
			size_t row = phase[0].first + i * phase[0].step;
			size_t column = phase[1].first + j * phase[1].step;
			size_t tap = row * conv->window[1].kernel + column;

			transpose(weight + tap * depth * conv->units, conv->units, conv->units,
				  depth, to);
			to += depth * conv->units;
		}
	}
	return to;
}

static void run_phase(const struct npu_conv_run *run, const struct phase phase[2], size_t row,
		      size_t column, const float *dy, const float *weight, const float *bias,
		      float *dx, float *work)
{
	const struct npu_conv *conv = &run->conv;
	size_t depth = conv->channels / conv->groups, width = conv->window[1].in * conv->channels;
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
		.weight_tap = { phase[1].window.kernel * depth * conv->units, depth * conv->units },
		.weight_step = depth,
		.weight_group = conv->units / conv->groups * depth,
		.y = dx + row * width + column * conv->channels,
		.y_sample = npu_conv_in(conv),
		.y_row = conv->window[0].stride * width,
		.y_step = conv->window[1].stride * conv->channels,
		.activation = run->activation,
	};

	if (slide.depthwise) {
		slide.groups = 1;
		slide.depth = slide.columns = conv->channels;
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
	s->turned += phase[0].window.kernel * phase[1].window.kernel *
		     (conv->channels / conv->groups) * conv->units;
}

void npu_conv_vector_input(const struct npu_conv_run *run, const float *dy, const float *turned,
			   const float *bias, float *dx)
{
	struct spreading spreading = { run, dy, turned, bias, dx };

	each_phase(&run->conv, spread_phase, &spreading);
}

size_t npu_conv_vector_turned_room(const struct npu_conv *conv)
{
	return npu_conv_align(npu_conv_weights(conv));
}

/**
 * struct measuring - npu_conv_vector_input_room() on its way
 * @most: of the phases so far
 */
struct measuring {
	const struct npu_conv *conv;
	size_t threads, most;
};

static void measure_phase(void *context, const struct phase phase[2], size_t row, size_t column)
{
	struct npu_window window[2] = { phase[0].window, phase[1].window };
	struct measuring *m = context;
	size_t room = npu_slide_room(window, m->conv->units, m->threads);

	(void)row;
	(void)column;
	m->most = room > m->most ? room : m->most;
}

size_t npu_conv_vector_input_room(const struct npu_conv *conv, size_t threads)
{
	struct measuring measuring = { conv, threads, 0 };

	each_phase(conv, measure_phase, &measuring);
	return measuring.most;
}
