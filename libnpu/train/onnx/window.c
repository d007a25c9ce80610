// SPDX-License-Identifier: MIT
#include <string.h>

#include "train/nn/layers/window.h"
#include "window.h"

/*
 * ONNX has less padding at an end of pooling than a window is long. More is not reached by the
 * last window, which has an element of the input.
 */
static void limit_pooling(const struct npu_node *node, struct npu_onnx_window *window)
{
	struct npu_window along[2];

	npu_windows(node, along);
	for (size_t d = 0; d < 2; d++)
		if (window->pad[2 + d] >= npu_window_extent(&along[d]))
			window->pad[2 + d] = (uint32_t)npu_window_after(&along[d]);
}

struct npu_onnx_window npu_onnx_window(const struct npu_node *node)
{
	struct npu_onnx_window window = { 0 };
	struct npu_window along[2];

	if (node->layer.padding == NPU_EXPLICIT)
		memcpy(window.pad, node->layer.pad, sizeof(window.pad));
	if (node->layer.kind == NPU_LAYER_MAX_POOL || node->layer.kind == NPU_LAYER_AVERAGE_POOL)
		limit_pooling(node, &window);
	if (node->layer.padding != NPU_SAME)
		return window;
	npu_windows(node, along);
	for (size_t d = 0; d < 2; d++) {
		size_t extent = npu_window_extent(&along[d]);

		window.pad[d] = (uint32_t)along[d].before;
		window.pad[2 + d] = (uint32_t)npu_window_after(&along[d]);
		if (node->layer.kind == NPU_LAYER_CONV_TRANSPOSE && along[d].stride > extent)
			window.extra[d] = (uint32_t)(along[d].stride - extent);
	}
	return window;
}
