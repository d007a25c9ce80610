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
 * output "output" are [batch, features], [batch, T, C] for sequences, samples {1, T, C} with T
 * above 1, or [batch, H, W, C]. Within, convolutions, pooling and batch normalisation have the
 * channels first, with a Transpose where the order changes. Sequences are whole: a file knows no
 * lengths, and a stateful layer starts from zero. What only training needs (seed, initialisers,
 * frozen layers, statefulness) is metadata, too; optimisers and epochs are in checkpoints.
 * -EOPNOTSUPP: ONNX 13 has no form for a layer: a dilated average pooling, an RNN with an
 * activation such as gelu.
 */
int npu_model_save(const struct npu_model *model, const char *path, struct npu_error *err);

/*
 * Read an ONNX model, opset 6 or later: what npu_model_save() writes, with the same layers and
 * bit-equal parameters; or of others a graph with one input and one output of
 *
 *	Gemm, MatMul and Add; Conv, ConvTranspose, MaxPool, AveragePool, GlobalMaxPool,
 *	GlobalAveragePool, ReduceMean and ReduceMax over all of H and W, Pad with zeros before Conv;
 *	BatchNormalization, LayerNormalization, Dropout (left out); RNN, LSTM, GRU, with all states
 *	or the last one; Gather of vectors by number; Add, Sum, Concat; Relu, LeakyRelu, Clip to
 *	(0, 6), Elu, Selu, Gelu, HardSwish, HardSigmoid, Sigmoid, Tanh, Softmax, Softplus; Flatten,
 *	Reshape, Transpose, Squeeze, Unsqueeze, Identity, Constant; arithmetic of shapes
 *
 * and what several nodes make of these: gelu by Erf, x * Sigmoid(x), layer normalisation by its
 * formula. Add, Sub, Mul and Div of constants become the scaler in front, a bias, or depthwise
 * convolutions of kernel 1. Inputs [batch, C, H, W] become H, W, C, those of a convolution in one
 * dimension [batch, C, T] become {1, T, C}, and weights and outputs are put in that order. The
 * seed is that of a model of ours, else 0. An error names the node, what is not supported, and what
 * would be. -EINVAL: no ONNX file, or a damaged one; -EOPNOTSUPP; -EFBIG.
 */
int npu_model_load(struct npu_model **model, const char *path, struct npu_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_FILES_H */
