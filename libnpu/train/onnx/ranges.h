/* SPDX-License-Identifier: MIT */
/*
 * Ranges that quantisation-aware training has tracked: metadata under NPU_ONNX_RANGE, that of the
 * input, and NPU_ONNX_RANGE, a point and the layer's name. Four floats as the hexadecimal words of
 * their bits: least and greatest of what the activation reads, and of what the layer makes.
 */
#ifndef NPU_ONNX_RANGES_H
#define NPU_ONNX_RANGES_H

#include "import.h"
#include "write.h"

void npu_onnx_write_ranges(struct npu_onnx_writer *w);
/* To @model, whose layers have the names of the file; what makes no sense is left out. */
void npu_onnx_read_ranges(const struct npu_onnx_import *im, struct npu_model *model);

#endif /* NPU_ONNX_RANGES_H */
