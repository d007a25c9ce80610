/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_POOLING_H
#define NPU_NN_POOLING_H

#include "layer.h"
#include "window.h"

/**
 * struct npu_pooling - maximum or average pooling of a batch
 * @most: maximum
 */
struct npu_pooling {
	const struct npu_step *step;
	struct npu_window window[2];
	size_t channels;
	bool most;
};

/*
 * Does backward of @node, a maximum by vector kernels, also undo the relu of the convolution before
 * it? Only maxima get a gradient, and the relu of one is told from the maximum itself: nobody needs
 * to read the much larger outputs of the convolution again.
 */
bool npu_pooling_derives(const struct npu_model *model, const struct npu_node *node);

/* One sample by the vector kernels: y, and the winners where the step has room; or dx. */
void npu_pooling_vector_forward(const struct npu_pooling *pooling, size_t sample);
void npu_pooling_vector_backward(const struct npu_pooling *pooling, size_t sample);

#endif /* NPU_NN_POOLING_H */
