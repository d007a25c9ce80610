// SPDX-License-Identifier: MIT
/*
 * Pooling by the vector kernels. Those windows of a row that lie wholly on the input go into one
 * call; the ones at the edges, one by one, are cut off.
 */
#include <string.h>

#include "train/nn/kernels/conv_kernels.h"
#include "pooling.h"

typedef void (*row_fn)(const struct npu_pool_row *row);

/**
 * struct sweep - a sample that is gone over
 * @x, @y, @winner: of it; x is written backward, y forward
 * @output: see struct npu_pool_row
 */
struct sweep {
	const struct npu_pooling *pooling;
	row_fn run;
	float *x, *y, *winner;
	const float *output;
	bool overlap;
};

/* Windows [*first, *end) along the axis have all of their elements on the input. */
static void whole_windows(const struct npu_window *window, size_t *first, size_t *end)
{
	ptrdiff_t stride = (ptrdiff_t)window->stride;
	ptrdiff_t last =
		(ptrdiff_t)window->in - (ptrdiff_t)npu_window_extent(window) + window->before;
	size_t past = last < 0 ? 0 : (size_t)(last / stride) + 1;

	*first = (size_t)((window->before + stride - 1) / stride);
	*end = past < window->out ? past : window->out;
	if (*first > *end)
		*first = *end;
}

/* Windows [@w, @w_end) of row @h: all alike. */
static void run_windows(const struct sweep *sweep, size_t h, size_t w, size_t w_end)
{
	const struct npu_pooling *pooling = sweep->pooling;
	const struct npu_window *high = &pooling->window[0], *wide = &pooling->window[1];
	size_t channels = pooling->channels, pitch = wide->in * channels, i, i_end, j, j_end;
	size_t at = (h * wide->out + w) * channels;
	ptrdiff_t top, left;
	struct npu_pool_row row;

	if (w == w_end)
		return;
	npu_window_inside(high, h, &i, &i_end);
	npu_window_inside(wide, w, &j, &j_end);
	top = npu_window_start(high, h) + (ptrdiff_t)(i * high->dilation);
	left = npu_window_start(wide, w) + (ptrdiff_t)(j * wide->dilation);
	row = (struct npu_pool_row){
		.x = sweep->x + (size_t)top * pitch + (size_t)left * channels,
		.y = sweep->y + at,
		.winner = sweep->winner ? sweep->winner + at : NULL,
		.output = sweep->output ? sweep->output + at : NULL,
		.pixels = w_end - w,
		.channels = channels,
		.taps = { i_end - i, j_end - j },
		.x_tap = { high->dilation * pitch, wide->dilation * channels },
		.x_step = wide->stride * channels,
		.number = (float)(i * wide->kernel + j),
		.number_row = (float)wide->kernel,
		.share = 1 / (float)((i_end - i) * (j_end - j)),
		.overlap = sweep->overlap,
	};
	sweep->run(&row);
}

static void run_sweep(const struct sweep *sweep)
{
	const struct npu_window *window = sweep->pooling->window;
	size_t h, w, first, end;

	whole_windows(&window[1], &first, &end);
	for (h = 0; h < window[0].out; h++) {
		for (w = 0; w < first; w++)
			run_windows(sweep, h, w, w + 1);
		run_windows(sweep, h, first, end);
		for (w = end; w < window[1].out; w++)
			run_windows(sweep, h, w, w + 1);
	}
}

void npu_pooling_vector_forward(const struct npu_pooling *pooling,
				const struct npu_conv_kernels *kernels, const float *x, float *y,
				float *winner)
{
	struct sweep sweep = {
		.pooling = pooling,
		.run = pooling->most ? kernels->max_row : kernels->average_row,
		.x = (float *)x,
		.y = y,
		.winner = winner,
	};

	run_sweep(&sweep);
}

/* Does every value of the input belong to one window? */
static bool is_partition(const struct npu_window *window)
{
	return window->stride == window->kernel && window->dilation == 1 && !window->before &&
	       window->in == window->out * window->kernel;
}

void npu_pooling_vector_backward(const struct npu_pooling *pooling,
				 const struct npu_conv_kernels *kernels, const float *dy,
				 const float *winner, const float *output, float *dx)
{
	const struct npu_window *window = pooling->window;
	struct sweep sweep = {
		.pooling = pooling,
		.run = pooling->most ? kernels->max_back_row : kernels->average_back_row,
		.x = dx,
		.y = (float *)dy,
		.winner = (float *)winner,
		.output = output,
		.overlap = !is_partition(&window[0]) || !is_partition(&window[1]),
	};

	if (sweep.overlap)
		memset(dx, 0, window[0].in * window[1].in * pooling->channels * sizeof(*dx));
	run_sweep(&sweep);
}
