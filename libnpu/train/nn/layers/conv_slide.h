/* SPDX-License-Identifier: MIT */
/*
 * Sliding weights over images, by the vector kernels: what forward is, and, with the weights turned
 * round, the gradient of the input.
 */
#ifndef NPU_NN_CONV_SLIDE_H
#define NPU_NN_CONV_SLIDE_H

#include "conv.h"
#include "train/nn/kernels/conv_kernels.h"

/**
 * struct npu_slide - weights that slide over the images of a batch
 * @window: along H and W; a kernel of 0 stands for no taps, and gives the bias alone
 * @channels: of the images
 * @groups: group g reads channels [g * depth, (g + 1) * depth) and writes
 *	[g * columns, (g + 1) * columns)
 * @depthwise: each channel has weights of its own; @depth and @columns are then the channels, and
 *	@groups is 1
 * @weight: of tap (0, 0); see struct npu_conv_row for @weight_tap and @weight_step
 * @block: columns of a block of weights, see npu_slide_block(); @weight_block: floats to the next
 * @weight_group: floats from a group's weights to the next one's
 * @bias: [groups * columns], or NULL
 * @y: of output (0, 0) of the first sample
 * @y_sample, @y_row, @y_step: floats to the next sample, row and pixel
 */
struct npu_slide {
	struct npu_window window[2];
	size_t channels, groups, depth, columns;
	bool depthwise;
	const float *x, *weight, *bias;
	size_t weight_tap[2], weight_step, weight_group;
	size_t block, weight_block;
	float *y;
	size_t y_sample, y_row, y_step;
	enum npu_activation activation;
};

/* Whole tiles on every CPU. */
#define NPU_SLIDE_BLOCK 32
/* Weights that may lie as they are. */
#define NPU_SLIDE_WEIGHTS (1u << 18)

/*
 * Columns of a block of weights of @rows rows, which are taps times depth. A tile reads few columns
 * of every row; where rows are long and many, these are so far apart that caches hold only some of
 * them. Then the weights are to be copied into blocks, one after another: [rows][block] each, the
 * last with a gap. Otherwise there is one block, of all columns.
 */
static inline size_t npu_slide_block(size_t groups, size_t rows, size_t columns)
{
	bool split = groups == 1 && columns > NPU_SLIDE_BLOCK && rows * columns > NPU_SLIDE_WEIGHTS;

	return split ? NPU_SLIDE_BLOCK : columns;
}

/* Floats of all blocks of a group. */
static inline size_t npu_slide_blocks(size_t groups, size_t rows, size_t columns)
{
	size_t block = npu_slide_block(groups, rows, columns);

	return (columns + block - 1) / block * block * rows;
}

/* Slide over @n images. @work: as many floats as npu_slide_room() says */
void npu_slide_run(const struct npu_slide *slide, struct npu_pool *pool,
		   const struct npu_conv_kernels *kernels, size_t n, float *work);
/* @weights: how many there are, of all taps, channels and columns */
size_t npu_slide_room(const struct npu_window window[2], size_t channels, size_t weights,
		      size_t threads);

#endif /* NPU_NN_CONV_SLIDE_H */
