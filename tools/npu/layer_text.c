// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_text.h"

#define WORD_BYTES 32
#define MAX_UNITS (1u << 20)

struct word_value {
	const char *word;
	int value;
};

static const struct word_value activations[] = {
	{ "linear", NPU_LINEAR },
	{ "relu", NPU_RELU },
	{ "leaky-relu", NPU_LEAKY_RELU },
	{ "sigmoid", NPU_SIGMOID },
	{ "tanh", NPU_TANH },
	{ "softmax", NPU_SOFTMAX },
	{ NULL, 0 },
};

static const struct word_value initializers[] = {
	{ "glorot", NPU_INIT_GLOROT_UNIFORM }, { "glorot-normal", NPU_INIT_GLOROT_NORMAL },
	{ "he", NPU_INIT_HE_UNIFORM },	       { "he-normal", NPU_INIT_HE_NORMAL },
	{ "zeros", NPU_INIT_ZEROS },	       { NULL, 0 },
};

/**
 * struct reader - where the text has been read to
 * @at: the next character
 * @layer: number of the layer, from 1
 * @word: the current word, "" at the end of the layer
 */
struct reader {
	const char *at;
	unsigned int layer;
	char word[WORD_BYTES];
};

static const struct word_value *find_word(const struct word_value *list, const char *word)
{
	for (; list->word; list++)
		if (strcmp(list->word, word) == 0)
			return list;
	return NULL;
}

const char *layer_text_activation(enum npu_activation activation)
{
	for (const struct word_value *known = activations; known->word; known++)
		if (known->value == (int)activation)
			return known->word;
	return "unknown";
}

static int wrong(const struct reader *reader, struct npu_error *err, const char *why)
{
	if (reader->word[0])
		snprintf(err->message, sizeof(err->message), "layer %u, '%s': %s", reader->layer,
			 reader->word, why);
	else
		snprintf(err->message, sizeof(err->message), "layer %u, at its end: %s",
			 reader->layer, why);
	err->code = -EINVAL;
	return -EINVAL;
}

/* Read a word; a ';' or the end of the text gives "". What is too long is cut: it is unknown. */
static void next_word(struct reader *reader)
{
	size_t length;

	reader->at += strspn(reader->at, " \t\n");
	length = strcspn(reader->at, " \t\n;");
	snprintf(reader->word, sizeof(reader->word), "%.*s", (int)length, reader->at);
	reader->at += length;
}

/* An activation is the current word; takes the slope that may follow "leaky-relu". */
static int take_activation(struct reader *reader, const struct word_value *known,
			   struct npu_layer *layer, struct npu_error *err)
{
	char *end;
	float slope;

	layer->activation = (enum npu_activation)known->value;
	next_word(reader);
	if (layer->activation != NPU_LEAKY_RELU || reader->word[0] == '\0')
		return 0;
	slope = strtof(reader->word, &end);
	if (end == reader->word)
		return 0;
	if (*end != '\0' || !isfinite(slope) || slope <= 0)
		return wrong(reader, err, "the slope of leaky-relu is a number above 0");
	layer->alpha = slope;
	next_word(reader);
	return 0;
}

static int take_dense(struct reader *reader, struct npu_layer *layer, struct npu_error *err)
{
	unsigned long units;
	char *end;

	next_word(reader);
	units = strtoul(reader->word, &end, 10);
	if (end == reader->word || *end != '\0' || reader->word[0] == '-' || units < 1 ||
	    units > MAX_UNITS)
		return wrong(reader, err, "after dense comes the number of its units");
	layer->units = (uint32_t)units;
	next_word(reader);
	while (reader->word[0]) {
		const struct word_value *known = find_word(activations, reader->word);
		int ret = 0;

		if (known) {
			ret = take_activation(reader, known, layer, err);
		} else if ((known = find_word(initializers, reader->word))) {
			layer->init = (enum npu_initializer)known->value;
			next_word(reader);
		} else if (strcmp(reader->word, "nobias") == 0) {
			layer->no_bias = true;
			next_word(reader);
		} else {
			ret = wrong(reader, err,
				    "after dense come an activation (linear, relu, leaky-relu, "
				    "sigmoid, tanh, softmax), an initialiser (glorot, "
				    "glorot-normal, he, he-normal, zeros) or nobias");
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int take_layer(struct reader *reader, struct npu_layer *layer, struct npu_error *err)
{
	const struct word_value *known;

	next_word(reader);
	if (strcmp(reader->word, "dense") == 0) {
		layer->kind = NPU_LAYER_DENSE;
		return take_dense(reader, layer, err);
	}
	known = find_word(activations, reader->word);
	if (!known)
		return wrong(reader, err,
			     "a layer is dense UNITS, or one of linear, relu, "
			     "leaky-relu, sigmoid, tanh, softmax");
	layer->kind = NPU_LAYER_ACTIVATION;
	return take_activation(reader, known, layer, err);
}

int layer_text_add(struct npu_model *model, const char *text, struct npu_error *err)
{
	struct reader reader = { .at = text, .layer = 1 };
	int ret;

	for (;;) {
		struct npu_layer layer = { 0 };

		ret = take_layer(&reader, &layer, err);
		if (ret == 0 && reader.word[0])
			ret = wrong(&reader, err, "a ; belongs between two layers");
		if (ret == 0)
			ret = npu_model_add(model, layer, err);
		if (ret < 0)
			return ret;
		if (*reader.at != ';')
			return 0;
		reader.at++;
		if (reader.at[strspn(reader.at, " \t\n")] == '\0')
			return 0;
		reader.layer++;
	}
}
