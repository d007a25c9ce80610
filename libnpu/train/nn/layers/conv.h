/* SPDX-License-Identifier: MIT */
/*
 * Convolution as three functions that convolutions and transposed ones share: a transposed
 * convolution's forward is the input gradient of the convolution from its output to its input.
 *
 *	x [H][W][C] of a sample, weight [KH][KW][C / groups][O], y [OH][OW][O]
 */
#ifndef NPU_NN_CONV_H
#define NPU_NN_CONV_H

#include "train/nn/layer.h"
#include "pooling.h"
#include "window.h"

/**
 * struct npu_conv - a convolution
 * @window: along H and W
 * @channels: C
 * @units: O
 * @groups: out channel o reads the C / groups channels of group o / (O / groups)
 */
struct npu_conv {
	struct npu_window window[2];
	size_t channels, units, groups;
};

/* That of a convolution, or the one that a transposed convolution is the gradient of. */
struct npu_conv npu_conv_of(const struct npu_node *node);

/* Floats of a sample of x, of a sample of y, and of the weights. */
static inline size_t npu_conv_in(const struct npu_conv *conv)
{
	return conv->window[0].in * conv->window[1].in * conv->channels;
}

static inline size_t npu_conv_out(const struct npu_conv *conv)
{
	return conv->window[0].out * conv->window[1].out * conv->units;
}

static inline size_t npu_conv_weights(const struct npu_conv *conv)
{
	return conv->window[0].kernel * conv->window[1].kernel * (conv->channels / conv->groups) *
	       conv->units;
}

/* So that what follows starts on a cache line, too. */
static inline size_t npu_conv_align(size_t floats)
{
	return (floats + 15) / 16 * 16;
}

/* Is a batch of @n too little work to share? */
static inline bool npu_conv_is_small(const struct npu_conv *conv, size_t n)
{
	return (uint64_t)n * conv->window[0].out * conv->window[1].out * npu_conv_weights(conv) <
	       NPU_WORTH_SHARING;
}

/*
 * The definition: plain loops, one sample. The order of additions is that of the formula in
 * npu_train/layers.h.
 */
/* y = x * weight + bias; @bias: [O], or NULL */
void npu_conv_plain_forward(const struct npu_conv *conv, const float *x, const float *weight,
			    const float *bias, float *y);
/* dx from dy; @bias: [C], where dx starts instead of 0, or NULL */
void npu_conv_plain_input(const struct npu_conv *conv, const float *dy, const float *weight,
			  const float *bias, float *dx);
/* dweight += this sample's */
void npu_conv_plain_weight(const struct npu_conv *conv, const float *x, const float *dy,
			   float *dweight);

/**
 * struct npu_conv_run - a convolution of a batch
 * @n: samples
 * @activation: what the outputs go through: NPU_LINEAR, NPU_RELU or NPU_RELU6
 * @work: of as many floats as the function's room says
 */
struct npu_conv_run {
	struct npu_pool *pool;
	const struct npu_f32 *f32;
	struct npu_conv conv;
	size_t n;
	enum npu_activation activation;
	float *work;
};

/* y from x; as npu_conv_plain_forward() by the kernels of f32, and its activation */
void npu_conv_forward(const struct npu_conv_run *run, const float *x, const float *weight,
		      const float *bias, float *y);
/* dx from dy, as npu_conv_plain_input(), and its activation */
void npu_conv_input(const struct npu_conv_run *run, const float *dy, const float *weight,
		    const float *bias, float *dx);

/**
 * struct npu_conv_pooled - a maximum that reads a convolution's outputs, which are not kept
 * @y, @winner: its outputs, and where they are from; @winner is NULL where no backward follows
 * @dy: gradient of its outputs; backward
 */
struct npu_conv_pooled {
	struct npu_pooling pooling;
	size_t out;
	float *y, *winner;
	const float *dy;
};

/* Forward and maximum, a sample at a time; only by vector kernels */
void npu_conv_forward_pooled(const struct npu_conv_run *run, const float *x, const float *weight,
			     const float *bias, const struct npu_conv_pooled *pooled);

/**
 * struct npu_conv_gradients - backward of a convolution
 * @x, @dy: input and gradient of the output, of the convolution
 * @delta: the one of the two that is the gradient of the layer's outputs; the derivative of the
 *run's activation is applied to it
 * @y: the layer's outputs, as delta
 * @pooled: where the gradient comes from instead; @dy, @delta and @y are NULL then. Else NULL
 * @units: channels of the layer's outputs
 * @dweight, @dbias: overwritten; NULL where they are not wanted
 * @weight: for dx
 * @dx: gradient of the convolution's input, overwritten; NULL where it is not wanted
 */
struct npu_conv_gradients {
	const float *x, *dy;
	float *delta;
	const float *y;
	const struct npu_conv_pooled *pooled;
	size_t units;
	float *dweight, *dbias;
	const float *weight;
	float *dx;
};

void npu_conv_learn(const struct npu_conv_run *run, const struct npu_conv_gradients *gradients);

/*
 * Floats of work for each of them. @pooled: for a convolution with a maximum. That of learning is
 * for a batch of @n and a layer of @units.
 */
size_t npu_conv_forward_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t threads,
			     bool pooled);
size_t npu_conv_input_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t threads);
size_t npu_conv_learn_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t n,
			   size_t units, bool pooled);

#endif /* NPU_NN_CONV_H */
