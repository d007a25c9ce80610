/* SPDX-License-Identifier: MIT */
/*
 * npu_train.h - build, train, quantise and compile neural networks on the CPU
 *
 * This is libnpu-train.so, which a developer or a learning board adds to the runtime of npu.h.
 * Its chapters follow the way of the data.
 *
 * Tensors are f32, sample first, then N, H, W, C order: a sample of an MLP is one row of
 * `features` values. Errors are as in npu.h. Everything random comes from a seed, and training
 * repeats bit for bit for a seed and a kernel variant, whatever the number of threads.
 */
#ifndef NPU_TRAIN_H
#define NPU_TRAIN_H

#include "npu.h"
#include "npu_train/data.h"	/* 1. read it, prepare it, split it */
#include "npu_train/layers.h"	/* 2. what a network is made of */
#include "npu_train/model.h"	/* 3. layers in their places, their parameters */
#include "npu_train/training.h"	/* 4. losses, optimisers, fit, predict */
#include "npu_train/metrics.h"	/* 5. how good it is */
#include "npu_train/files.h"	/* 6. ONNX */
#include "npu_train/compile.h"	/* 7. to a .npu program */
#include "npu_train/hybrid.h"	/* 8. the NPU as far as it goes, then f32 */

#endif /* NPU_TRAIN_H */
