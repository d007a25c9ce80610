/* SPDX-License-Identifier: MIT */
#ifndef NPU_COMPILE_PREFIX_H
#define NPU_COMPILE_PREFIX_H

#include "npu_train.h"
#include "train/nn/model.h"

/*
 * The first @layers of @model as a model to compile, whose memory it shares: to be read only, and
 * not freed. Class names belong to the outputs of the whole.
 */
struct npu_model npu_model_prefix(const struct npu_model *model, size_t layers);

#endif
