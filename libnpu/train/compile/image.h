/* SPDX-License-Identifier: MIT */
/* The .npu file that a graph becomes; see runtime/format.h. */
#ifndef NPU_COMPILE_IMAGE_H
#define NPU_COMPILE_IMAGE_H

#include "lower.h"

/* Names of input and output, also in ONNX files. */
#define NPU_INPUT_NAME "input"
#define NPU_OUTPUT_NAME "output"
#define NPU_LENGTHS_NAME "lengths"

/**
 * struct npu_image_layout - where everything in the file is
 * @section: empty ones have offset 0
 * @names: names of instructions
 * @file_bytes: of the whole file
 */
struct npu_image_layout {
	struct npu_file_span section[NPU_SECTIONS];
	struct npu_file_span names;
	uint64_t file_bytes;
};

/* Measure the file of a graph whose memory is planned. */
void npu_image_measure(const struct npu_graph *graph, struct npu_image_layout *layout);

/* Write the file of a quantised graph into @image, zeroed and layout->file_bytes long. */
int npu_image_write(const struct npu_graph *graph, const struct npu_image_layout *layout,
		    uint8_t *image, struct npu_error *err);

#endif
