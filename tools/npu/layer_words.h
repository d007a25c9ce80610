/* SPDX-License-Identifier: MIT */
/* The words that describe layers, as tables: reading, showing and suggesting all come from them. */
#ifndef NPU_LAYER_WORDS_H
#define NPU_LAYER_WORDS_H

#include "npu_train.h"

/**
 * struct layer_kind - a word that begins a layer
 * @word: what is typed
 * @kind: enum npu_layer_kind; 0 for "output", which stands for the layer that the data asks for
 * @arguments: what follows it, a letter each, an upper case one may be left out: u units, k size of
 *	a kernel, w width of one, v vocabulary, d dimensions, r rate, l labels of layers
 * @form: the same in words
 * @help: what it does
 */
struct layer_kind {
	const char *word;
	enum npu_layer_kind kind;
	const char *arguments;
	const char *form;
	const char *help;
};

/* What comes after a word, and how it is kept at struct layer_word.at in struct npu_layer. */
enum layer_value {
	LAYER_ACTIVATION,  /* nothing, or a slope: the value, and alpha */
	LAYER_INITIALIZER, /* nothing, of "constant" a number */
	LAYER_PADDING,	   /* nothing */
	LAYER_FLAG,	   /* nothing */
	LAYER_COUNT,	   /* N */
	LAYER_PAIR,	   /* N, or NxM */
	LAYER_PADS,	   /* N, NxM, or top x left x bottom x right */
	LAYER_REAL,	   /* a number */
	LAYER_AXIS,	   /* height, width or channels */
	LAYER_NAME,	   /* a word */
	LAYER_FROM,	   /* a label */
};

/**
 * struct layer_word - a word that may follow in a layer
 * @word: what is typed
 * @value: enum layer_value
 * @kinds: bit set of the kinds that take it
 * @at: offset in struct npu_layer
 * @number: of an activation, initialiser or padding
 */
struct layer_word {
	const char *word;
	enum layer_value value;
	uint32_t kinds;
	size_t at;
	int number;
};

extern const struct layer_kind layer_kinds[]; /* the last has no word */
extern const struct layer_word layer_words[]; /* likewise */

/* NULL where there is none. */
const struct layer_kind *layer_find_kind(const char *word);
const struct layer_word *layer_find_word(const char *word);
/* The word for an activation. */
const char *layer_activation_word(enum npu_activation activation);

/*
 * "did you mean conv or conv1d?", of the words that begin a layer, or of those that @kind takes; ""
 * where none is near.
 */
void layer_suggest_kind(const char *word, char *text, size_t bytes);
void layer_suggest_word(const char *word, enum npu_layer_kind kind, char *text, size_t bytes);
/* What may be said of a layer of @kind; and what a layer may begin with. */
void layer_list_words(enum npu_layer_kind kind, char *text, size_t bytes);
void layer_list_kinds(char *text, size_t bytes);
void layer_list_values(enum layer_value value, char *text, size_t bytes);
/* Kinds that take @word; "all", or "all but" those that do not, where they are few. */
void layer_list_takers(const struct layer_word *word, char *text, size_t bytes);

#endif
