/* SPDX-License-Identifier: MIT */
/*
 * What a model knows of itself beyond what it computes: metadata under NPU_ONNX_LAYER and the
 * layer's name, words with blanks between:
 *
 *	conv padding=same init=he_normal frozen
 *
 * The graph alone says what is computed. These words only say which of two equal ways a layer is
 * described in, and what training needs: a file whose graph others changed stays true.
 */
#ifndef NPU_ONNX_FACTS_H
#define NPU_ONNX_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "npu_train.h"

/* Longest text. */
#define NPU_ONNX_FACTS_BYTES 160

/**
 * struct npu_onnx_facts - of a layer
 * @kind: enum npu_layer_kind; 0 in a file without
 * @padding: how it was described
 * @axis: of a concat
 * @init: of the weights
 * @init_value: with NPU_INIT_CONSTANT
 * @frozen: in training
 * @stateful: over batches
 */
struct npu_onnx_facts {
	enum npu_layer_kind kind;
	enum npu_padding padding;
	unsigned int axis;
	enum npu_initializer init;
	float init_value;
	bool frozen, stateful;
};

/* Those of @layer in words. */
void npu_onnx_say_facts(const struct npu_layer *layer, char text[NPU_ONNX_FACTS_BYTES]);
/* The other way; what is not understood is left out. */
struct npu_onnx_facts npu_onnx_read_facts(const char *text);

#endif /* NPU_ONNX_FACTS_H */
