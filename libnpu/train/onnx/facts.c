// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "train/nn/model.h"

static const char *const kinds[NPU_LAYER_KINDS] = {
	[NPU_LAYER_DENSE] = "dense",
	[NPU_LAYER_ACTIVATION] = "activation",
	[NPU_LAYER_CONV] = "conv",
	[NPU_LAYER_CONV_TRANSPOSE] = "conv_transpose",
	[NPU_LAYER_MAX_POOL] = "max_pool",
	[NPU_LAYER_AVERAGE_POOL] = "average_pool",
	[NPU_LAYER_GLOBAL_MAX_POOL] = "global_max_pool",
	[NPU_LAYER_GLOBAL_AVERAGE_POOL] = "global_average_pool",
	[NPU_LAYER_FLATTEN] = "flatten",
	[NPU_LAYER_RESHAPE] = "reshape",
	[NPU_LAYER_BATCH_NORM] = "batch_norm",
	[NPU_LAYER_LAYER_NORM] = "layer_norm",
	[NPU_LAYER_DROPOUT] = "dropout",
	[NPU_LAYER_EMBEDDING] = "embedding",
	[NPU_LAYER_RNN] = "rnn",
	[NPU_LAYER_LSTM] = "lstm",
	[NPU_LAYER_GRU] = "gru",
	[NPU_LAYER_ADD] = "add",
	[NPU_LAYER_CONCAT] = "concat",
};

static const char *const paddings[] = {
	[NPU_VALID] = "valid",
	[NPU_SAME] = "same",
	[NPU_EXPLICIT] = "explicit",
};

static const char *const inits[] = {
	[NPU_INIT_DEFAULT] = "default",
	[NPU_INIT_GLOROT_UNIFORM] = "glorot_uniform",
	[NPU_INIT_GLOROT_NORMAL] = "glorot_normal",
	[NPU_INIT_HE_UNIFORM] = "he_uniform",
	[NPU_INIT_HE_NORMAL] = "he_normal",
	[NPU_INIT_ZEROS] = "zeros",
	[NPU_INIT_CONSTANT] = "constant",
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

void npu_onnx_say_facts(const struct npu_layer *layer, char text[NPU_ONNX_FACTS_BYTES])
{
	bool padding = layer->padding != NPU_VALID, init = layer->init != NPU_INIT_DEFAULT;
	char value[24] = "", axis[16] = "";
	uint32_t bits;

	/* Its bits: a number would depend on the locale, and round. */
	memcpy(&bits, &layer->init_value, sizeof(bits));
	if (bits)
		snprintf(value, sizeof(value), " init_value=%08x", bits);
	if (layer->kind == NPU_LAYER_CONCAT)
		snprintf(axis, sizeof(axis), " axis=%u", npu_concat_dimension(layer));
	snprintf(text, NPU_ONNX_FACTS_BYTES, "%s%s%s%s%s%s%s%s%s", kinds[layer->kind], axis,
		 padding ? " padding=" : "", padding ? paddings[layer->padding] : "",
		 init ? " init=" : "", init ? inits[layer->init] : "", value,
		 layer->frozen ? " frozen" : "", layer->stateful ? " stateful" : "");
}

/* Number of the word of @length characters in the list; @otherwise if it is not there. */
static int find_word(const char *word, size_t length, const char *const *list, size_t count,
		     int otherwise)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] && strlen(list[i]) == length && !strncmp(word, list[i], length))
			return (int)i;
	return otherwise;
}

static float read_bits(const char *text)
{
	uint32_t bits = (uint32_t)strtoul(text, NULL, 16);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return isfinite(value) ? value : 0;
}

static void read_word(struct npu_onnx_facts *facts, const char *word, size_t length)
{
	const char *equals = memchr(word, '=', length);
	size_t key = equals ? (size_t)(equals - word) : length;
	const char *value = word + key + 1;
	size_t rest = equals ? length - key - 1 : 0;

	if (key == 6 && !memcmp(word, "frozen", 6))
		facts->frozen = true;
	else if (key == 8 && !memcmp(word, "stateful", 8))
		facts->stateful = true;
	else if (key == 7 && rest && !memcmp(word, "padding", 7))
		facts->padding = find_word(value, rest, paddings, COUNT(paddings), NPU_VALID);
	else if (key == 4 && rest == 1 && !memcmp(word, "axis", 4))
		facts->axis = NPU_AXIS_H - (unsigned int)(*value - '0') % 3;
	else if (key == 4 && rest && !memcmp(word, "init", 4))
		facts->init = find_word(value, rest, inits, COUNT(inits), NPU_INIT_DEFAULT);
	else if (key == 10 && rest == 8 && !memcmp(word, "init_value", 10))
		facts->init_value = read_bits(value);
}

struct npu_onnx_facts npu_onnx_read_facts(const char *text)
{
	struct npu_onnx_facts facts = { 0 };
	size_t length = strcspn(text, " ");

	facts.kind = find_word(text, length, kinds, COUNT(kinds), 0);
	while (text[length]) {
		text += length + 1;
		length = strcspn(text, " ");
		read_word(&facts, text, length);
	}
	return facts;
}
