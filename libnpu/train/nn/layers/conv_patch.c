// SPDX-License-Identifier: MIT
/*
 * The weights' gradient by the vector kernels: for each tap, a matrix product of the inputs under
 * it and the gradients, over all pixels. Where windows stick out, a sample is copied with zeros
 * around it first.
 */
#include <string.h>

#include "train/nn/kernels/conv_kernels.h"
#include "conv_vector.h"

/**
 * struct frame - zeros around a sample
 * @pitch: floats of a row with them; @rows: with them
 */
struct frame {
	size_t top, left, bottom, right;
	size_t pitch, rows;
};

static struct frame frame_of(const struct npu_conv *conv)
{
	const struct npu_window *high = &conv->window[0], *wide = &conv->window[1];
	struct frame frame = {
		.top = (size_t)high->before,
		.left = (size_t)wide->before,
		.bottom = npu_window_after(high),
		.right = npu_window_after(wide),
	};

	frame.pitch = (frame.left + wide->in + frame.right) * conv->channels;
	frame.rows = frame.top + high->in + frame.bottom;
	return frame;
}

static bool has_zeros(const struct frame *frame)
{
	return frame->top || frame->left || frame->bottom || frame->right;
}

size_t npu_conv_patch_room(const struct npu_conv *conv)
{
	struct frame frame = frame_of(conv);

	return has_zeros(&frame) ? npu_conv_align(frame.rows * frame.pitch) : 0;
}

static void copy_sample(const struct npu_conv *conv, const struct frame *frame, const float *x,
			float *to)
{
	size_t width = conv->window[1].in * conv->channels, left = frame->left * conv->channels;
	size_t right = frame->right * conv->channels, row;

	memset(to, 0, (frame->top * frame->pitch + left) * sizeof(*to));
	to += frame->top * frame->pitch + left;
	for (row = 1; row < conv->window[0].in; row++) {
		memcpy(to, x, width * sizeof(*to));
		/* to the right of this row and to the left of the next */
		memset(to + width, 0, (right + left) * sizeof(*to));
		x += width;
		to += frame->pitch;
	}
	memcpy(to, x, width * sizeof(*to));
	memset(to + width, 0, (right + frame->bottom * frame->pitch) * sizeof(*to));
}

/* All of them share the way from tap to tap. */
static void run_groups(const struct npu_conv_run *run, struct npu_conv_patch patch)
{
	const struct npu_conv *conv = &run->conv;
	size_t g;

	if (npu_conv_is_depthwise(conv)) {
		patch.columns = conv->channels;
		run->f32->conv->depthwise_patch(&patch);
		return;
	}
	for (g = 0; g < conv->groups; g++) {
		run->f32->conv->patch(&patch);
		patch.x += conv->channels / conv->groups;
		patch.dy += patch.columns;
		patch.dweight += patch.columns;
	}
}

/*
 * Taps side by side whose inputs are, too, are one of more depth: those of all rows of the kernel
 * then take the place of the taps of one. Otherwise the rows are taken one after another.
 */
static void run_taps(const struct npu_conv_run *run, struct npu_conv_patch patch, size_t pitch)
{
	const struct npu_conv *conv = &run->conv;
	const struct npu_window *high = &conv->window[0], *wide = &conv->window[1];
	size_t i, row_weights = wide->kernel * patch.depth * conv->units;
	size_t row_floats = high->dilation * pitch;

	if (conv->groups == 1 && wide->dilation == 1) {
		patch.depth *= wide->kernel;
		patch.taps = high->kernel;
		patch.x_tap = row_floats;
		patch.weight_tap = row_weights;
		run_groups(run, patch);
		return;
	}
	for (i = 0; i < high->kernel; i++) {
		run_groups(run, patch);
		patch.x += row_floats;
		patch.dweight += row_weights;
	}
}

/* @x: one sample or, where a sample is one row, many */
static void run_sample(const struct npu_conv_run *run, const float *x, size_t pitch,
		       const float *dy, float *dweight, size_t rows, size_t pixels)
{
	const struct npu_conv *conv = &run->conv;
	const struct npu_window *high = &conv->window[0], *wide = &conv->window[1];
	size_t depth = conv->channels / conv->groups;
	struct npu_conv_patch patch = {
		.x = x,
		.dy = dy,
		.dweight = dweight,
		.rows = rows,
		.pixels = pixels,
		.columns = conv->units / conv->groups,
		.depth = depth,
		.taps = wide->kernel,
		.x_tap = wide->dilation * conv->channels,
		.weight_tap = depth * conv->units,
		.x_row = high->stride * pitch,
		.x_step = wide->stride * conv->channels,
		.dy_row = wide->out * conv->units,
		.dy_step = conv->units,
		.weight_step = conv->units,
	};

	run_taps(run, patch, pitch);
}

/* A kernel of 1 at every pixel: a part of the batch is one long row. */
static bool is_pointwise(const struct npu_conv *conv)
{
	const struct npu_window *window = conv->window;

	return window[0].kernel == 1 && window[1].kernel == 1 && window[0].stride == 1 &&
	       window[1].stride == 1 && window[0].in == window[0].out &&
	       window[1].in == window[1].out;
}

/* Pixels of such a row, so that they are in the cache for every tile. */
#define POINT_PIXELS 256

static void run_points(const struct npu_conv_run *run, const float *x, const float *dy,
		       size_t pixels, float *dweight)
{
	const struct npu_conv *conv = &run->conv;
	size_t done;

	for (; pixels; pixels -= done) {
		done = pixels < POINT_PIXELS ? pixels : POINT_PIXELS;
		run_sample(run, x, 0, dy, dweight, 1, done);
		x += done * conv->channels;
		dy += done * conv->units;
	}
}

void npu_conv_vector_weight(const struct npu_conv_run *run, const float *x, const float *dy,
			    size_t n, float *work, float *dweight)
{
	const struct npu_conv *conv = &run->conv;
	size_t in = npu_conv_in(conv), out = npu_conv_out(conv);
	struct frame frame = frame_of(conv);

	if (is_pointwise(conv)) {
		run_points(run, x, dy, n * (out / conv->units), dweight);
		return;
	}
	for (; n; n--, x += in, dy += out) {
		const float *from = x;

		if (has_zeros(&frame)) {
			copy_sample(conv, &frame, x, work);
			from = work;
		}
		run_sample(run, from, frame.pitch, dy, dweight, conv->window[0].out,
			   conv->window[1].out);
	}
}
