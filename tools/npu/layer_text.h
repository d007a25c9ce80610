/* SPDX-License-Identifier: MIT */
/*
 * Networks as a line of text: "dense 64 relu; dense 10 softmax".
 *
 *	network    = layer { ";" layer }
 *	layer      = "dense" UNITS { word } | activation
 *	word       = activation | initialiser | "nobias"
 *	activation = "linear" | "relu" | "leaky-relu" [SLOPE] | "sigmoid" | "tanh" | "softmax"
 *	initialiser = "glorot" | "glorot-normal" | "he" | "he-normal" | "zeros"
 */
#ifndef NPU_LAYER_TEXT_H
#define NPU_LAYER_TEXT_H

#include "npu_train.h"

/* Append the layers that @text describes; the sentence names the layer and the word. */
int layer_text_add(struct npu_model *model, const char *text, struct npu_error *err);

const char *layer_text_activation(enum npu_activation activation);

#endif
