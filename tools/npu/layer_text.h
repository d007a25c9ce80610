/* SPDX-License-Identifier: MIT */
/*
 * Networks as text: "conv 16 3x3 same relu; maxpool 2; dense 10 softmax".
 *
 *	network   = layer { separator layer }
 *	separator = ";" or the end of a line; "#" begins a comment, up to the end of the line
 *	layer     = KIND { argument } { word [value] } [ "=" LABEL ] | activation
 *
 * layer_words.c has the kinds, their arguments, and the words. A layer reads the one before it, or
 * "from LABEL"; "add a b" and "concat a b" read those that are labelled so, "add a" that one and
 * the one before. "input" is the label of the network's input. "output" is the last layer as the
 * data asks for it: "dense 10 softmax" for ten classes, "dense 1 linear" for one target.
 */
#ifndef NPU_LAYER_TEXT_H
#define NPU_LAYER_TEXT_H

#include "npu_train.h"

/**
 * struct layer_text - a network as text
 * @text: the text
 * @file: name of the file that it is from, NULL where it was typed
 * @outputs: units of "output"
 * @activation: of "output"
 */
struct layer_text {
	const char *text;
	const char *file;
	uint32_t outputs;
	enum npu_activation activation;
};

/* Append the layers; the sentence names file and line, the layer and the word. */
int layer_text_add(struct npu_model *model, const struct layer_text *text, struct npu_error *err);

/* All of a text file, in new memory; NULL with a sentence. */
char *layer_text_read(const char *path, struct npu_error *err);

/* What a layer is, without its activation: "conv", and "16, 3x3, same, stride 2". */
const char *layer_text_kind(const struct npu_layer *layer);
void layer_text_details(const struct npu_layer *layer, char *text, size_t bytes);

#endif
