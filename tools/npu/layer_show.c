// SPDX-License-Identifier: MIT
/* Layers of a model in the words of their text; and text from files. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_text.h"
#include "layer_words.h"

#define MAX_TEXT (1 << 20) /* bytes; no network is described by more */

char *layer_text_read(const char *path, struct npu_error *err)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t bytes = 0;

	err->code = 0;
	if (file)
		text = malloc(MAX_TEXT);
	if (text)
		bytes = fread(text, 1, MAX_TEXT, file);
	if (!file || !text || ferror(file))
		err->code = file && !text ? -ENOMEM : -errno;
	if (file)
		fclose(file);
	if (err->code || bytes == MAX_TEXT) {
		free(text);
		snprintf(err->message, sizeof(err->message), "%s: %s", path,
			 err->code ? strerror(-err->code) : "too long for layers; is it a text?");
		err->code = err->code ? err->code : -EFBIG;
		return NULL;
	}
	text[bytes] = '\0';
	return text;
}

const char *layer_text_kind(const struct npu_layer *layer)
{
	const struct layer_kind *kind = layer_kinds;

	while (kind->word && kind->kind != layer->kind)
		kind++;
	return kind->word ? kind->word : "activation";
}

__attribute__((format(printf, 3, 4))) static void add(char *text, size_t bytes, const char *format,
						      ...)
{
	size_t used = strlen(text);
	va_list args;

	if (used)
		used += (size_t)snprintf(text + used, bytes - used, ", ");
	if (used >= bytes)
		return;
	va_start(args, format);
	vsnprintf(text + used, bytes - used, format, args);
	va_end(args);
}

static void add_pair(char *text, size_t bytes, const char *what, const uint32_t *pair)
{
	if (pair[0] == pair[1])
		add(text, bytes, "%s %u", what, pair[0]);
	else
		add(text, bytes, "%s %ux%u", what, pair[0], pair[1]);
}

static void add_window(const struct npu_layer *layer, char *text, size_t bytes)
{
	bool pooling = layer->kind == NPU_LAYER_MAX_POOL || layer->kind == NPU_LAYER_AVERAGE_POOL;
	const uint32_t *stride = layer->stride, *usual = layer->kernel, one[2] = { 1, 1 };

	add(text, bytes, "%ux%u", layer->kernel[0], layer->kernel[1]);
	if (!pooling)
		usual = one;
	if (layer->padding == NPU_SAME)
		add(text, bytes, "same");
	if (layer->padding == NPU_EXPLICIT)
		add(text, bytes, "pad %ux%ux%ux%u", layer->pad[0], layer->pad[1], layer->pad[2],
		    layer->pad[3]);
	if (stride[0] && (stride[0] != usual[0] || stride[1] != usual[1]))
		add_pair(text, bytes, "stride", stride);
	if (layer->dilation[0] > 1 || layer->dilation[1] > 1)
		add_pair(text, bytes, "dilation", layer->dilation);
	if (layer->groups > 1 && layer->groups == layer->units)
		add(text, bytes, "depthwise");
	else if (layer->groups > 1)
		add(text, bytes, "groups %u", layer->groups);
}

static void add_flags(const struct npu_layer *layer, char *text, size_t bytes)
{
	for (const struct layer_word *known = layer_words; known->word; known++)
		if (known->value == LAYER_FLAG && (known->kinds >> layer->kind & 1) &&
		    *(const bool *)((const char *)layer + known->at))
			add(text, bytes, "%s", known->word);
}

void layer_text_details(const struct npu_layer *layer, char *text, size_t bytes)
{
	static const char *const axes[] = { "channels", "width", "height" };

	text[0] = '\0';
	if (layer->vocabulary)
		add(text, bytes, "%u words", layer->vocabulary);
	if (layer->units)
		add(text, bytes, "%u", layer->units);
	if (layer->kernel[0])
		add_window(layer, text, bytes);
	if (layer->kind == NPU_LAYER_DROPOUT)
		add(text, bytes, "%g", (double)layer->rate);
	if (layer->kind == NPU_LAYER_CONCAT && layer->axis < 3)
		add(text, bytes, "%s", axes[layer->axis]);
	add_flags(layer, text, bytes);
}
