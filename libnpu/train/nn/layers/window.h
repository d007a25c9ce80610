/* SPDX-License-Identifier: MIT */
/*
 * Windows that slide along an axis, H or W: what convolutions and pooling see of their input.
 * Window o covers the positions o * stride - before + i * dilation, i < kernel; those that are not
 * on the input are padding.
 */
#ifndef NPU_NN_WINDOW_H
#define NPU_NN_WINDOW_H

#include <stddef.h>

#include "train/nn/model.h"

/**
 * struct npu_window - the windows along one axis
 * @in: positions of the input
 * @out: windows
 * @before: padding in front of the input; negative where the first window starts behind that
 */
struct npu_window {
	size_t in, out;
	size_t kernel, stride, dilation;
	ptrdiff_t before;
};

/* Positions from a window's first element to its last. */
static inline size_t npu_window_extent(const struct npu_window *window)
{
	return window->dilation * (window->kernel - 1) + 1;
}

/* Where window @o starts; negative in the padding. */
static inline ptrdiff_t npu_window_start(const struct npu_window *window, size_t o)
{
	return (ptrdiff_t)(o * window->stride) - window->before;
}

/* Elements [*@first, *@end) of window @o are on the input; the two are equal where none is. */
static inline void npu_window_inside(const struct npu_window *window, size_t o, size_t *first,
				     size_t *end)
{
	ptrdiff_t start = npu_window_start(window, o), in = (ptrdiff_t)window->in;
	ptrdiff_t d = (ptrdiff_t)window->dilation, kernel = (ptrdiff_t)window->kernel;
	ptrdiff_t low = start < 0 ? (-start + d - 1) / d : 0;
	ptrdiff_t high = start < in ? (in - start + d - 1) / d : 0;

	if (high > kernel)
		high = kernel;
	*end = (size_t)high;
	*first = (size_t)(low < high ? low : high);
}

/* Padding behind the input that the last window reaches. */
static inline size_t npu_window_after(const struct npu_window *window)
{
	ptrdiff_t end = npu_window_start(window, window->out - 1) +
			(ptrdiff_t)npu_window_extent(window) - (ptrdiff_t)window->in;

	return end > 0 ? (size_t)end : 0;
}

/*
 * The windows of @node, whose layer has its defaults: [0] along H, [1] along W. Those of a
 * transposed convolution are of the convolution that it is the gradient of: @in is what the node
 * makes, @out what it reads.
 */
void npu_windows(const struct npu_node *node, struct npu_window window[2]);

/*
 * For npu_layer_ops.shape: set the defaults of kernel, stride and dilation, @kernel for a kernel
 * of 0, check them, and set H and W of out_dim. out_dim[2] must be set before.
 */
int npu_windows_shape(struct npu_node *node, uint32_t kernel, struct npu_error *err);

#endif /* NPU_NN_WINDOW_H */
