/* SPDX-License-Identifier: MIT */
/* What padding means in numbers, for convolution and pooling, reader and writer alike. */
#ifndef NPU_ONNX_WINDOW_H
#define NPU_ONNX_WINDOW_H

#include <stdint.h>

#include "train/nn/model.h"

/**
 * struct npu_onnx_window - padding as ONNX states it
 * @pad: top, left, bottom, right
 * @extra: of a transposed convolution: what its output has more below and to the right
 */
struct npu_onnx_window {
	uint32_t pad[4];
	uint32_t extra[2];
};

/* Of a node whose layer has its defaults, and whose in_dim and out_dim are set. */
struct npu_onnx_window npu_onnx_window(const struct npu_node *node);

#endif /* NPU_ONNX_WINDOW_H */
