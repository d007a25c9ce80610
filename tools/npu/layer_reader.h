/* SPDX-License-Identifier: MIT */
/* Words of a text about layers, where they stand, and sentences about what is wrong with them. */
#ifndef NPU_LAYER_READER_H
#define NPU_LAYER_READER_H

#include "npu_train.h"

#define LAYER_WORD_BYTES 48

/**
 * struct layer_reader - where the text has been read to
 * @at: the next character
 * @file: the text is of this file, NULL where it was typed
 * @line: number of the line, from 1
 * @layer: number of the layer, from 1
 * @word: the current word, "" at the end of the layer
 */
struct layer_reader {
	const char *at;
	const char *file;
	unsigned int line;
	unsigned int layer;
	char word[LAYER_WORD_BYTES];
};

/*
 * To the first word of the next layer. Layers end with ';' or the line, empty ones do not count; #
 * begins a comment. False at the end of the text.
 */
bool layer_reader_next_layer(struct layer_reader *reader);
/* To the next word of the layer. One that is too long is cut: no word is that long. */
void layer_reader_next(struct layer_reader *reader);

/* "net.txt:3: layer 2, 'dance': ..."; returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int layer_reader_fail(const struct layer_reader *reader,
							    struct npu_error *err,
							    const char *format, ...);

/* The word as a number without a rest; false if it is none. */
bool layer_word_real(const char *word, float *number);
/* The word as up to @most whole numbers, "3" or "3x5"; how many, 0 if it is something else. */
size_t layer_word_sizes(const char *word, uint32_t *size, size_t most);

#endif
