/* SPDX-License-Identifier: MIT */
/*
 * Convolution and pooling in double precision, straight from the formulas of npu_train/layers.h and
 * apart from the library's own notion of a window.
 */
#ifndef NPU_TEST_NN_CONV_CASE_H
#define NPU_TEST_NN_CONV_CASE_H

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/nn/model.h"

/* A sum and the sum of the magnitudes in it, which says how far rounding may take it. */
struct exact {
	double sum, size;
};

static inline void exact_add(struct exact *to, double term)
{
	to->sum += term;
	to->size += fabs(term);
}

/**
 * struct axis - one axis of a layer
 * @in, @out: of the layer
 * @top: padding in front
 */
struct axis {
	long in, out, kernel, stride, dilation, top;
};

static inline struct axis axis_of(const struct npu_node *node, int a)
{
	const struct npu_layer *l = &node->layer;
	struct axis x = {
		.in = node->in_dim[a],
		.out = node->out_dim[a],
		.kernel = l->kernel[a],
		.stride = l->stride[a],
		.dilation = l->dilation[a],
		.top = l->padding == NPU_EXPLICIT ? (long)l->pad[a] : 0,
	};
	long pads = (x.out - 1) * x.stride + x.dilation * (x.kernel - 1) + 1 - x.in;

	if (l->kind == NPU_LAYER_CONV_TRANSPOSE)
		pads = (x.in - 1) * x.stride + x.dilation * (x.kernel - 1) + 1 - x.out;
	if (l->padding == NPU_SAME && pads > 0)
		x.top = pads / 2;
	return x;
}

/**
 * struct term - one product of the sum: x[x] * weight[weight] goes into y[y]
 */
struct term {
	long x, weight, y;
};

typedef void (*term_fn)(void *context, const struct term *term);

/* Channels of the terms at one tap: input position @x, output position @y, element @tap. */
static inline void each_channel(const struct npu_node *node, long x, long y, long tap, term_fn run,
				void *context)
{
	long c_in = node->in_dim[2], c_out = node->out_dim[2], groups = node->layer.groups;
	long ci, co, deep = c_in / groups, wide = c_out / groups;
	bool transposed = node->layer.kind == NPU_LAYER_CONV_TRANSPOSE;

	for (ci = 0; ci < c_in; ci++) {
		for (co = ci / deep * wide; co < (ci / deep + 1) * wide; co++) {
			struct term t = { x * c_in + ci, (tap * deep + ci % deep) * c_out + co,
					  y * c_out + co };

			if (transposed)
				t.weight = (tap * wide + co % wide) * c_in + ci;
			run(context, &t);
		}
	}
}

/* Position of tap @i of the convolution's window at @o, -1 in the padding. */
static inline long tap_position(const struct axis *a, long o, long i, long length)
{
	long at = o * a->stride - a->top + i * a->dilation;

	return at < 0 || at >= length ? -1 : at;
}

/* Every product in a sample's outputs. */
static inline void each_term(const struct npu_node *node, term_fn run, void *context)
{
	struct axis v = axis_of(node, 0), h = axis_of(node, 1);
	bool transposed = node->layer.kind == NPU_LAYER_CONV_TRANSPOSE;
	long rows = transposed ? v.in : v.out, columns = transposed ? h.in : h.out;
	long high = transposed ? v.out : v.in, wide = transposed ? h.out : h.in;
	long r, q, i, j;

	for (r = 0; r < rows; r++) {
		for (q = 0; q < columns; q++) {
			for (i = 0; i < v.kernel; i++) {
				for (j = 0; j < h.kernel; j++) {
					long row = tap_position(&v, r, i, high);
					long column = tap_position(&h, q, j, wide);
					long here = r * columns + q, there = row * wide + column;

					if (row < 0 || column < 0)
						continue;
					each_channel(node, transposed ? here : there,
						     transposed ? there : here, i * h.kernel + j,
						     run, context);
				}
			}
		}
	}
}

/**
 * struct exact_conv - what a convolution should give
 * @x, @weight, @dy: inputs, of the sample at hand
 * @y, @dx: of the sample at hand
 * @dweight: of all samples
 */
struct exact_conv {
	const float *x, *weight, *dy;
	struct exact *y, *dx, *dweight;
};

static inline void exact_term(void *context, const struct term *t)
{
	struct exact_conv *e = context;

	exact_add(&e->y[t->y], (double)e->x[t->x] * e->weight[t->weight]);
	exact_add(&e->dx[t->x], (double)e->dy[t->y] * e->weight[t->weight]);
	exact_add(&e->dweight[t->weight], (double)e->dy[t->y] * e->x[t->x]);
}

/* Average and maximum pooling of a sample; the maximum's gradient goes to its first place. */
static inline void exact_pool(const struct npu_node *node, const float *x, const float *dy,
			      struct exact *y, struct exact *dx)
{
	struct axis v = axis_of(node, 0), h = axis_of(node, 1);
	bool most = node->layer.kind == NPU_LAYER_MAX_POOL;
	long channels = node->in_dim[2], r, q, i, j, c, o = 0;

	for (r = 0; r < v.out; r++) {
		for (q = 0; q < h.out; q++) {
			for (c = 0; c < channels; c++, o++) {
				long place[64], places = 0, best = -1, k;

				for (i = 0; i < v.kernel; i++) {
					for (j = 0; j < h.kernel; j++) {
						long row = tap_position(&v, r, i, v.in);
						long column = tap_position(&h, q, j, h.in);
						long at = (row * h.in + column) * channels + c;

						if (row < 0 || column < 0)
							continue;
						if (best < 0 || x[at] > x[best])
							best = at;
						place[places++] = at;
					}
				}
				for (k = 0; k < places; k++) {
					if (most && place[k] != best)
						continue;
					exact_add(&y[o], (double)x[place[k]] /
								 (double)(most ? 1 : places));
					exact_add(&dx[place[k]],
						  (double)dy[o] / (double)(most ? 1 : places));
				}
			}
		}
	}
}

#endif /* NPU_TEST_NN_CONV_CASE_H */
