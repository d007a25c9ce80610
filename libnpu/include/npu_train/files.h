/* SPDX-License-Identifier: MIT */
/* Chapter 6: model files. ONNX. */
#ifndef NPU_TRAIN_FILES_H
#define NPU_TRAIN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_train/model.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Write the model as ONNX, opset 13: preprocessing as nodes, class names as metadata. The file
 * appears whole or not at all, and the same model gives the same bytes. Its input "input" and
 * output "output" are [batch, features], or [batch, H, W, C] for samples with height and width.
 */
int npu_model_save(const struct npu_model *model, const char *path, struct npu_error *err);

/*
 * Read an ONNX model, opset 7 or later: what npu_model_save() writes, with the same layers and
 * bit-equal weights, or by others a chain of Gemm, MatMul and Add, Relu, LeakyRelu, Sigmoid,
 * Tanh, Softmax, Flatten, Reshape to (batch, features), Dropout and Identity, behind Add, Sub,
 * Mul and Div of constants, which become the scaler. An input [batch, C, H, W] of theirs becomes
 * H, W, C, and the weights behind it are put in that order. The model's seed is 0. An error
 * names the node, what is not supported, and what would be.
 */
int npu_model_load(struct npu_model **model, const char *path, struct npu_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_FILES_H */
