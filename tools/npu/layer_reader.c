// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_reader.h"

#define MAX_SIZE (1u << 24)

static void skip_blanks(struct layer_reader *reader)
{
	reader->at += strspn(reader->at, " \t\r");
	if (*reader->at == '#')
		reader->at += strcspn(reader->at, "\n");
}

void layer_reader_next(struct layer_reader *reader)
{
	size_t length;

	skip_blanks(reader);
	length = strcspn(reader->at, " \t\r\n;#");
	snprintf(reader->word, sizeof(reader->word), "%.*s", (int)length, reader->at);
	reader->at += length;
}

bool layer_reader_next_layer(struct layer_reader *reader)
{
	for (;;) {
		skip_blanks(reader);
		if (*reader->at != ';' && *reader->at != '\n')
			break;
		reader->line += *reader->at == '\n';
		reader->at++;
	}
	if (*reader->at == '\0')
		return false;
	reader->layer++;
	layer_reader_next(reader);
	return true;
}

int layer_reader_fail(const struct layer_reader *reader, struct npu_error *err, const char *format,
		      ...)
{
	size_t bytes = sizeof(err->message), at = 0;
	va_list args;

	if (reader->file)
		at = (size_t)snprintf(err->message, bytes, "%.200s:%u: ", reader->file,
				      reader->line);
	if (reader->word[0])
		at += (size_t)snprintf(err->message + at, bytes - at,
				       "layer %u, '%s': ", reader->layer, reader->word);
	else
		at += (size_t)snprintf(err->message + at, bytes - at,
				       "layer %u, at its end: ", reader->layer);
	va_start(args, format);
	vsnprintf(err->message + at, bytes - at, format, args);
	va_end(args);
	err->code = -EINVAL;
	return -EINVAL;
}

bool layer_word_real(const char *word, float *number)
{
	char *end;

	*number = strtof(word, &end);
	return end != word && *end == '\0' && isfinite(*number);
}

size_t layer_word_sizes(const char *word, uint32_t *size, size_t most)
{
	size_t count = 0;

	for (;;) {
		unsigned long number;
		char *end;

		if (*word < '0' || *word > '9' || count == most)
			return 0;
		number = strtoul(word, &end, 10);
		if (number > MAX_SIZE)
			return 0;
		size[count++] = (uint32_t)number;
		if (*end == '\0')
			return count;
		if (*end != 'x')
			return 0;
		word = end + 1;
	}
}
