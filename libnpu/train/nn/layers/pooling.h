/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_POOLING_H
#define NPU_NN_POOLING_H

#include "train/nn/layer.h"
#include "window.h"

/**
 * struct npu_pooling - maximum or average pooling
 * @channels: of each position
 * @most: maximum
 */
struct npu_pooling {
	struct npu_window window[2];
	size_t channels;
	bool most;
};

struct npu_pooling npu_pooling_of(const struct npu_node *node);

struct npu_conv_kernels;

/* One sample by vector kernels. @winner: as y, what backward of a maximum needs; NULL: nothing */
void npu_pooling_vector_forward(const struct npu_pooling *pooling,
				const struct npu_conv_kernels *kernels, const float *x, float *y,
				float *winner);
/* @output: y, where a maximum that is not above 0 gives its gradient to nobody; else NULL */
void npu_pooling_vector_backward(const struct npu_pooling *pooling,
				 const struct npu_conv_kernels *kernels, const float *dy,
				 const float *winner, const float *output, float *dx);

#endif /* NPU_NN_POOLING_H */
