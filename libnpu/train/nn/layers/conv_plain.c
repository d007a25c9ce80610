// SPDX-License-Identifier: MIT
/* Convolution as plain loops: the definition that the vector kernels are checked against. */
#include <string.h>

#include "conv.h"

/**
 * struct tap - an element of the kernel that lies on the input, at one output
 * @x: where in x the pixel starts
 * @weight: where in the weights [C / groups][O] of the element start
 */
struct tap {
	size_t x, weight;
};

/* What is done with output channels of group @g at one tap. */
typedef void (*tap_fn)(const struct npu_conv *conv, const struct tap *tap, size_t g, const float *a,
		       const float *b, float *to);

/* Call @run for every tap of output (@h, @w). */
static void each_tap(const struct npu_conv *conv, size_t h, size_t w, tap_fn run, const float *a,
		     const float *b, float *to)
{
	const struct npu_window *high = &conv->window[0], *wide = &conv->window[1];
	size_t depth = conv->channels / conv->groups, i, i_end, j, j_first, j_end, g;

	npu_window_inside(high, h, &i, &i_end);
	npu_window_inside(wide, w, &j_first, &j_end);
	for (; i < i_end; i++) {
		size_t row = (size_t)(npu_window_start(high, h) + (ptrdiff_t)(i * high->dilation));

		for (j = j_first; j < j_end; j++) {
			size_t column = (size_t)(npu_window_start(wide, w) +
						 (ptrdiff_t)(j * wide->dilation));
			struct tap tap = {
				.x = (row * wide->in + column) * conv->channels,
				.weight = (i * wide->kernel + j) * depth * conv->units,
			};

			for (g = 0; g < conv->groups; g++)
				run(conv, &tap, g, a, b, to);
		}
	}
}

/* y[o] += x[c] * weight[c][o]: @a is x, @b the weights, @to y */
static void tap_forward(const struct npu_conv *conv, const struct tap *tap, size_t g,
			const float *a, const float *b, float *to)
{
	size_t depth = conv->channels / conv->groups, width = conv->units / conv->groups, c, o;
	const float *x = a + tap->x + g * depth, *weight = b + tap->weight;

	for (c = 0; c < depth; c++)
		for (o = g * width; o < (g + 1) * width; o++)
			to[o] += x[c] * weight[c * conv->units + o];
}

/* dx[c] += sum over o of dy[o] * weight[c][o]: @a is dy, @b the weights, @to dx */
static void tap_input(const struct npu_conv *conv, const struct tap *tap, size_t g, const float *a,
		      const float *b, float *to)
{
	size_t depth = conv->channels / conv->groups, width = conv->units / conv->groups, c, o;
	const float *weight = b + tap->weight;
	float *x = to + tap->x + g * depth;

	for (c = 0; c < depth; c++)
		for (o = g * width; o < (g + 1) * width; o++)
			x[c] += a[o] * weight[c * conv->units + o];
}

/* dweight[c][o] += x[c] * dy[o]: @a is x, @b dy, @to the weights' gradient */
static void tap_weight(const struct npu_conv *conv, const struct tap *tap, size_t g, const float *a,
		       const float *b, float *to)
{
	size_t depth = conv->channels / conv->groups, width = conv->units / conv->groups, c, o;
	const float *x = a + tap->x + g * depth;
	float *weight = to + tap->weight;

	for (c = 0; c < depth; c++)
		for (o = g * width; o < (g + 1) * width; o++)
			weight[c * conv->units + o] += x[c] * b[o];
}

/* [count][columns], each row the bias, or 0 */
static void start_from(const float *bias, float *to, size_t count, size_t columns)
{
	size_t i;

	if (!bias)
		memset(to, 0, count * columns * sizeof(*to));
	for (i = 0; bias && i < count; i++)
		memcpy(to + i * columns, bias, columns * sizeof(*to));
}

void npu_conv_plain_forward(const struct npu_conv *conv, const float *x, const float *weight,
			    const float *bias, float *y)
{
	size_t h, w, width = conv->window[1].out;

	start_from(bias, y, conv->window[0].out * width, conv->units);
	for (h = 0; h < conv->window[0].out; h++)
		for (w = 0; w < width; w++)
			each_tap(conv, h, w, tap_forward, x, weight,
				 y + (h * width + w) * conv->units);
}

void npu_conv_plain_input(const struct npu_conv *conv, const float *dy, const float *weight,
			  const float *bias, float *dx)
{
	size_t h, w, width = conv->window[1].out;

	start_from(bias, dx, conv->window[0].in * conv->window[1].in, conv->channels);
	for (h = 0; h < conv->window[0].out; h++)
		for (w = 0; w < width; w++)
			each_tap(conv, h, w, tap_input, dy + (h * width + w) * conv->units, weight,
				 dx);
}

void npu_conv_plain_weight(const struct npu_conv *conv, const float *x, const float *dy,
			   float *dweight)
{
	size_t h, w, width = conv->window[1].out;

	for (h = 0; h < conv->window[0].out; h++)
		for (w = 0; w < width; w++)
			each_tap(conv, h, w, tap_weight, x, dy + (h * width + w) * conv->units,
				 dweight);
}
