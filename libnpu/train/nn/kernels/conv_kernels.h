/* SPDX-License-Identifier: MIT */
/*
 * The kernels of convolution and pooling in vectors, one table a variant. They know no padding: who
 * calls them gives them taps that are all on the input, or a copy of it with its zeros around.
 *
 * An output adds in the order of its taps, a weight's gradient in the order of the pixels; neither
 * depends on how the work is split.
 */
#ifndef NPU_NN_CONV_KERNELS_H
#define NPU_NN_CONV_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "npu_train.h"

/**
 * struct npu_conv_row - outputs side by side
 *
 *	y[p][o] = f(bias[o] + sum over i < taps[0], j < taps[1], k < depth of
 *		    x[p * x_step + i * x_tap[0] + j * x_tap[1] + k] *
 *		    weight[i * weight_tap[0] + j * weight_tap[1] + k * weight_step + o])
 *
 * for p < pixels and o < columns. All steps are in floats.
 *
 * @y_step: from a pixel to the next
 * @bias: [columns], or NULL
 * @activation: f: NPU_LINEAR, NPU_RELU or NPU_RELU6
 */
struct npu_conv_row {
	const float *x, *weight, *bias;
	float *y;
	size_t pixels, columns, depth;
	size_t taps[2], x_tap[2], weight_tap[2];
	size_t x_step, weight_step, y_step;
	enum npu_activation activation;
};

/**
 * struct npu_conv_patch - gradient of some weights
 *
 *	dweight[k * weight_step + o] += sum over h < rows, w < pixels of
 *		x[h * x_row + w * x_step + k] * dy[h * dy_row + w * dy_step + o]
 *
 * for k < depth and o < columns; and likewise for the @taps - 1 further taps, whose x is @x_tap,
 * whose dweight @weight_tap floats further each.
 */
struct npu_conv_patch {
	const float *x, *dy;
	float *dweight;
	size_t rows, pixels, columns, depth;
	size_t taps, x_tap, weight_tap;
	size_t x_row, x_step, dy_row, dy_step, weight_step;
};

/**
 * struct npu_pool_row - windows side by side, all cut off alike at the edges of the input
 *
 * Forward, y[p][c] is the maximum or the average of
 *	x[p * x_step + i * x_tap[0] + j * x_tap[1] + c], i < taps[0], j < taps[1]
 * for p < pixels and c < channels; y and winner lie [pixels][channels]. Backward, the values at x
 * get their part of the gradient y.
 *
 * @winner: number of the element that is the maximum: number + i * number_row + j, of any where
 *	that is a NaN; forward may be NULL. Of an average NULL
 * @share: of an average: 1 over the taps
 * @output: backward: a maximum that is not above 0 gives its gradient to nobody; NULL: all do
 * @overlap: backward: add to what is there, since windows share values; else write it
 */
struct npu_pool_row {
	float *x, *y, *winner;
	const float *output;
	size_t pixels, channels;
	size_t taps[2], x_tap[2], x_step;
	float number, number_row, share;
	bool overlap;
};

/**
 * struct npu_conv_kernels - a variant
 * @row: see struct npu_conv_row
 * @depthwise_row: likewise, but o is also the channel of x: columns is the depth, and k is o, with
 *	one weight for each tap and o
 * @patch: see struct npu_conv_patch
 * @depthwise_patch: likewise: dweight[o] += sum of x[... + o] * dy[... + o]
 * @derive: dy = y > 0 (and y < 6, of NPU_RELU6) ? dy : 0, unless @activation is NPU_LINEAR and @y
 *not read; sum[j] += sum over i of dy[i][j]; y and dy are [rows][columns]
 * @max_row, @average_row: see struct npu_pool_row; y from x
 * @max_back_row, @average_back_row: x from y
 */
struct npu_conv_kernels {
	void (*row)(const struct npu_conv_row *row);
	void (*depthwise_row)(const struct npu_conv_row *row);
	void (*patch)(const struct npu_conv_patch *patch);
	void (*depthwise_patch)(const struct npu_conv_patch *patch);
	void (*derive)(enum npu_activation activation, const float *y, float *dy, size_t rows,
		       size_t columns, float *sum);
	void (*max_row)(const struct npu_pool_row *row);
	void (*average_row)(const struct npu_pool_row *row);
	void (*max_back_row)(const struct npu_pool_row *row);
	void (*average_back_row)(const struct npu_pool_row *row);
};

#if defined(__x86_64__)
extern const struct npu_conv_kernels npu_conv_avx2, npu_conv_avx512;
#elif defined(__aarch64__)
extern const struct npu_conv_kernels npu_conv_neon;
#endif

#endif /* NPU_NN_CONV_KERNELS_H */
