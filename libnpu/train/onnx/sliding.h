/* SPDX-License-Identifier: MIT */
/* Kernels that slide over H and W, as ONNX's attributes give them. */
#ifndef NPU_ONNX_SLIDING_H
#define NPU_ONNX_SLIDING_H

#include "import.h"

/**
 * struct npu_onnx_sliding - along H and W; in one dimension H is 1 throughout
 * @kernel: of KH, KW
 * @stride: likewise
 * @dilation: likewise
 * @pad: top, left, bottom, right
 * @extra: of a transposed convolution: more output below and to the right
 * @in: H, W of the input
 * @out: H, W of the output; the channels are the caller's
 */
struct npu_onnx_sliding {
	int64_t kernel[2], stride[2], dilation[2], pad[4], extra[2];
	int64_t in[2];
	uint64_t out[3];
};

/*
 * What @node says. @kernel: KH, KW, or KW for a view of three dimensions. The view's own padding is
 * added. -EINVAL or -EOPNOTSUPP where it makes no sense, or an output without elements.
 */
int npu_onnx_read_sliding(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  const struct npu_onnx_view *view, const size_t *kernel, bool transposed,
			  struct npu_onnx_sliding *s);

/*
 * Set kernel, stride, dilation and padding of the layer, whose kind is set: NPU_VALID where there
 * is none, NPU_SAME where it is the same and auto_pad or metadata say so, or it cannot be said
 * otherwise.
 */
void npu_onnx_describe_sliding(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			       const struct npu_onnx_sliding *s, struct npu_layer *layer);

#endif /* NPU_ONNX_SLIDING_H */
