// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "layer_words.h"

#define LONGEST 32 /* bytes of a word; longer ones are near to none */
#define SUGGESTIONS 3

const struct layer_kind layer_kinds[] = {
	{ "dense", NPU_LAYER_DENSE, "u", "dense UNITS", "y = W x + b" },
	{ "conv", NPU_LAYER_CONV, "uk", "conv UNITS KxK", "convolution over height and width" },
	{ "conv1d", NPU_LAYER_CONV, "uw", "conv1d UNITS K",
	  "convolution over the steps of a sequence" },
	{ "depthwise", NPU_LAYER_CONV, "k", "depthwise KxK",
	  "convolution of each channel by itself" },
	{ "conv-transpose", NPU_LAYER_CONV_TRANSPOSE, "uk", "conv-transpose UNITS KxK",
	  "transposed convolution" },
	{ "maxpool", NPU_LAYER_MAX_POOL, "K", "maxpool [KxK]",
	  "largest of a window; 2x2 if not said" },
	{ "avgpool", NPU_LAYER_AVERAGE_POOL, "K", "avgpool [KxK]",
	  "average of a window, likewise" },
	{ "globalmaxpool", NPU_LAYER_GLOBAL_MAX_POOL, "", "globalmaxpool",
	  "largest of each channel" },
	{ "globalavgpool", NPU_LAYER_GLOBAL_AVERAGE_POOL, "", "globalavgpool",
	  "average of each channel" },
	{ "flatten", NPU_LAYER_FLATTEN, "", "flatten", "all values in a row" },
	{ "reshape", NPU_LAYER_RESHAPE, "d", "reshape HxWxC",
	  "one of them may be 0, and is worked out" },
	{ "batchnorm", NPU_LAYER_BATCH_NORM, "", "batchnorm", "batch normalisation" },
	{ "layernorm", NPU_LAYER_LAYER_NORM, "", "layernorm", "layer normalisation" },
	{ "dropout", NPU_LAYER_DROPOUT, "r", "dropout RATE",
	  "leave out inputs while learning, at this rate" },
	{ "embedding", NPU_LAYER_EMBEDDING, "vu", "embedding VOCABULARY UNITS",
	  "whole numbers to vectors" },
	{ "rnn", NPU_LAYER_RNN, "u", "rnn UNITS", "simple recurrent layer" },
	{ "lstm", NPU_LAYER_LSTM, "u", "lstm UNITS", "long short-term memory" },
	{ "gru", NPU_LAYER_GRU, "u", "gru UNITS", "gated recurrent unit" },
	{ "add", NPU_LAYER_ADD, "l", "add LABEL...",
	  "sum of layers, of the one before where there is one label" },
	{ "concat", NPU_LAYER_CONCAT, "l", "concat LABEL...", "side by side, likewise" },
	{ "output", 0, "", "output", "the last layer, as the data asks for it" },
	{ NULL, 0, NULL, NULL, NULL },
};

#define KIND(name) (1u << NPU_LAYER_##name)
#define RECURRENT (KIND(RNN) | KIND(LSTM) | KIND(GRU))
#define POOLING (KIND(MAX_POOL) | KIND(AVERAGE_POOL))
#define CONVOLUTION (KIND(CONV) | KIND(CONV_TRANSPOSE))
#define WEIGHTED (KIND(DENSE) | CONVOLUTION | RECURRENT)
#define NORM (KIND(BATCH_NORM) | KIND(LAYER_NORM))
#define JOIN (KIND(ADD) | KIND(CONCAT))
#define ACTIVATED (KIND(DENSE) | CONVOLUTION | KIND(RNN) | NORM | JOIN | KIND(ACTIVATION))
#define ANY 0xffffffffu

#define ACTIVATION(word, name)                                                             \
	{                                                                                  \
		word, LAYER_ACTIVATION, ACTIVATED, offsetof(struct npu_layer, activation), \
			NPU_##name                                                         \
	}
#define INITIALIZER(word, name)                                           \
	{                                                                 \
		word, LAYER_INITIALIZER, WEIGHTED | KIND(EMBEDDING),      \
			offsetof(struct npu_layer, init), NPU_INIT_##name \
	}
#define PADDING(word, name)                                                                      \
	{                                                                                        \
		word, LAYER_PADDING, CONVOLUTION | POOLING, offsetof(struct npu_layer, padding), \
			NPU_##name                                                               \
	}
#define FIELD(word, value, kinds, field)                                 \
	{                                                                \
		word, value, kinds, offsetof(struct npu_layer, field), 0 \
	}

const struct layer_word layer_words[] = {
	ACTIVATION("linear", LINEAR),
	ACTIVATION("relu", RELU),
	ACTIVATION("leaky-relu", LEAKY_RELU),
	ACTIVATION("sigmoid", SIGMOID),
	ACTIVATION("tanh", TANH),
	ACTIVATION("softmax", SOFTMAX),
	ACTIVATION("relu6", RELU6),
	ACTIVATION("elu", ELU),
	ACTIVATION("selu", SELU),
	ACTIVATION("gelu", GELU),
	ACTIVATION("swish", SWISH),
	ACTIVATION("hard-swish", HARD_SWISH),
	ACTIVATION("hard-sigmoid", HARD_SIGMOID),
	ACTIVATION("softplus", SOFTPLUS),
	INITIALIZER("glorot", GLOROT_UNIFORM),
	INITIALIZER("glorot-normal", GLOROT_NORMAL),
	INITIALIZER("he", HE_UNIFORM),
	INITIALIZER("he-normal", HE_NORMAL),
	INITIALIZER("zeros", ZEROS),
	INITIALIZER("constant", CONSTANT),
	PADDING("valid", VALID),
	PADDING("same", SAME),
	FIELD("pad", LAYER_PADS, CONVOLUTION | POOLING, pad),
	FIELD("stride", LAYER_PAIR, CONVOLUTION | POOLING, stride),
	FIELD("dilation", LAYER_PAIR, CONVOLUTION, dilation),
	FIELD("groups", LAYER_COUNT, CONVOLUTION, groups),
	FIELD("nobias", LAYER_FLAG, WEIGHTED, no_bias),
	FIELD("sequences", LAYER_FLAG, RECURRENT, sequences),
	FIELD("stateful", LAYER_FLAG, RECURRENT, stateful),
	FIELD("backwards", LAYER_FLAG, RECURRENT, backwards),
	FIELD("bidirectional", LAYER_FLAG, RECURRENT, bidirectional),
	FIELD("reset-after", LAYER_FLAG, KIND(GRU), reset_after),
	FIELD("momentum", LAYER_REAL, KIND(BATCH_NORM), momentum),
	FIELD("epsilon", LAYER_REAL, NORM, epsilon),
	FIELD("axis", LAYER_AXIS, KIND(CONCAT), axis),
	FIELD("frozen", LAYER_FLAG, WEIGHTED | NORM | KIND(EMBEDDING), frozen),
	FIELD("name", LAYER_NAME, ANY, name),
	FIELD("from", LAYER_FROM, ~JOIN, kind),
	{ NULL, 0, 0, 0, 0 },
};

const struct layer_kind *layer_find_kind(const char *word)
{
	for (const struct layer_kind *kind = layer_kinds; kind->word; kind++)
		if (strcmp(kind->word, word) == 0)
			return kind;
	return NULL;
}

const struct layer_word *layer_find_word(const char *word)
{
	for (const struct layer_word *known = layer_words; known->word; known++)
		if (strcmp(known->word, word) == 0)
			return known;
	return NULL;
}

const char *layer_activation_word(enum npu_activation activation)
{
	for (const struct layer_word *known = layer_words; known->word; known++)
		if (known->value == LAYER_ACTIVATION && known->number == (int)activation)
			return known->word;
	return "unknown";
}

/* --------------------------------------------------------------------- suggestions */

/* Letters to insert, remove or replace on the way from one word to the other (Levenshtein 1966). */
static size_t distance(const char *a, const char *b)
{
	size_t row[LONGEST + 1], n = strlen(b), diagonal, above;

	if (n > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t best = diagonal + (a[i] != b[j]);

			above = row[j + 1];
			best = above + 1 < best ? above + 1 : best;
			row[j + 1] = row[j] + 1 < best ? row[j] + 1 : best;
			diagonal = above;
		}
	}
	return row[n];
}

/**
 * struct nearest - the words that are nearest to one
 * @to: the one
 * @word: nearest first
 * @distance: of each
 * @count: how many
 */
struct nearest {
	const char *to;
	const char *word[SUGGESTIONS];
	size_t distance[SUGGESTIONS];
	size_t count;
};

static void consider(struct nearest *nearest, const char *word)
{
	size_t d = distance(nearest->to, word), at = nearest->count;
	size_t limit = 1 + strlen(nearest->to) / 3;
	bool begins = strlen(nearest->to) >= 3 &&
		      strncmp(word, nearest->to, strlen(nearest->to)) == 0;

	if (d > limit && !begins)
		return;
	while (at && d < nearest->distance[at - 1])
		at--;
	if (at == SUGGESTIONS)
		return;
	if (nearest->count < SUGGESTIONS)
		nearest->count++;
	for (size_t i = nearest->count - 1; i > at; i--) {
		nearest->word[i] = nearest->word[i - 1];
		nearest->distance[i] = nearest->distance[i - 1];
	}
	nearest->word[at] = word;
	nearest->distance[at] = d;
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t bytes,
							 const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, bytes - used, format, args);
	va_end(args);
}

static void print_nearest(const struct nearest *nearest, char *text, size_t bytes)
{
	text[0] = '\0';
	for (size_t i = 0; i < nearest->count; i++)
		append(text, bytes, "%s%s",
		       i == 0			 ? "did you mean "
		       : i + 1 == nearest->count ? " or "
						 : ", ",
		       nearest->word[i]);
	if (nearest->count)
		append(text, bytes, "?");
}

void layer_suggest_kind(const char *word, char *text, size_t bytes)
{
	struct nearest nearest = { .to = word };

	for (const struct layer_kind *kind = layer_kinds; kind->word; kind++)
		consider(&nearest, kind->word);
	for (const struct layer_word *known = layer_words; known->word; known++)
		if (known->value == LAYER_ACTIVATION)
			consider(&nearest, known->word);
	print_nearest(&nearest, text, bytes);
}

static bool takes(enum npu_layer_kind kind, const struct layer_word *word)
{
	return word->kinds >> kind & 1;
}

void layer_suggest_word(const char *word, enum npu_layer_kind kind, char *text, size_t bytes)
{
	struct nearest nearest = { .to = word };

	for (const struct layer_word *known = layer_words; known->word; known++)
		if (takes(kind, known))
			consider(&nearest, known->word);
	print_nearest(&nearest, text, bytes);
}

void layer_list_words(enum npu_layer_kind kind, char *text, size_t bytes)
{
	bool activations = false, initializers = false;

	text[0] = '\0';
	for (const struct layer_word *known = layer_words; known->word; known++) {
		if (!takes(kind, known))
			continue;
		if (known->value == LAYER_ACTIVATION && !activations)
			append(text, bytes, "an activation, ");
		else if (known->value == LAYER_INITIALIZER && !initializers)
			append(text, bytes, "an initialiser, ");
		activations = activations || known->value == LAYER_ACTIVATION;
		initializers = initializers || known->value == LAYER_INITIALIZER;
		if (known->value != LAYER_ACTIVATION && known->value != LAYER_INITIALIZER)
			append(text, bytes, "%s, ", known->word);
	}
	append(text, bytes, "or =LABEL at its end");
}

void layer_list_kinds(char *text, size_t bytes)
{
	text[0] = '\0';
	for (const struct layer_kind *kind = layer_kinds; kind->word; kind++)
		append(text, bytes, "%s, ", kind->word);
	append(text, bytes, "or an activation such as relu");
}

void layer_list_values(enum layer_value value, char *text, size_t bytes)
{
	text[0] = '\0';
	for (const struct layer_word *known = layer_words; known->word; known++)
		if (known->value == value)
			append(text, bytes, "%s%s", text[0] ? ", " : "", known->word);
}

void layer_list_takers(const struct layer_word *word, char *text, size_t bytes)
{
	char others[400] = "";
	size_t missing = 0;

	text[0] = '\0';
	for (const struct layer_kind *kind = layer_kinds; kind->kind; kind++) {
		bool taken = takes(kind->kind, word);
		char *list = taken ? text : others;

		missing += !taken;
		append(list, taken ? bytes : sizeof(others), "%s%s", list[0] ? ", " : "",
		       kind->word);
	}
	if (missing <= 2)
		snprintf(text, bytes, "all%s%s", missing ? " but " : "", others);
}
