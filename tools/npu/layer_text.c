// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_reader.h"
#include "layer_text.h"
#include "layer_words.h"

#define MAX_LABELS 64
#define MAX_INPUTS 16

/**
 * struct builder - a network on its way from text
 * @reader: where the text has been read to
 * @text: as it was given
 * @label: names of layers
 * @labelled: numbers of those layers
 * @labels: how many
 */
struct builder {
	struct layer_reader reader;
	const struct layer_text *text;
	struct npu_model *model;
	char label[MAX_LABELS][LAYER_WORD_BYTES];
	int labelled[MAX_LABELS];
	size_t labels;
};

/**
 * struct description - a layer that is being read
 * @kind: its first word; NULL for an activation
 * @first: that word, for sentences
 * @layer: what it has come to
 * @name: for @layer.name
 * @input: layers that it reads
 * @inputs: how many; 0 for the one before
 */
struct description {
	const struct layer_kind *kind;
	char first[LAYER_WORD_BYTES];
	struct npu_layer layer;
	char name[LAYER_WORD_BYTES];
	int input[MAX_INPUTS];
	size_t inputs;
};

/* --------------------------------------------------------------------------- labels */

static int last_layer(const struct npu_model *model)
{
	size_t layers = npu_model_layers(model);

	return layers ? (int)layers - 1 : NPU_MODEL_INPUT;
}

/* Index of a label, or builder->labels. */
static size_t find_label(const struct builder *builder, const char *label)
{
	size_t i = 0;

	while (i < builder->labels && strcmp(builder->label[i], label) != 0)
		i++;
	return i;
}

static int unknown_label(const struct builder *builder, const struct description *d,
			 struct npu_error *err)
{
	const char *word = builder->reader.word;
	char near[128];

	layer_suggest_word(word, d->layer.kind, near, sizeof(near));
	return layer_reader_fail(&builder->reader, err,
				 "no layer before has this label; give it one with =%s at its "
				 "end%s%s",
				 word, near[0] ? ", or " : "", near);
}

/* The current word is the label of an input of the layer. */
static int take_input(struct builder *builder, struct description *d, struct npu_error *err)
{
	const char *word = builder->reader.word;
	size_t i = find_label(builder, word);
	int number = NPU_MODEL_INPUT;

	if (i < builder->labels)
		number = builder->labelled[i];
	else if (word[0] == '\0')
		return layer_reader_fail(&builder->reader, err,
					 "the label of an earlier layer is missing");
	else if (strcmp(word, "input") != 0)
		return unknown_label(builder, d, err);
	if (d->inputs == MAX_INPUTS)
		return layer_reader_fail(&builder->reader, err, "a layer reads at most %d others",
					 MAX_INPUTS);
	d->input[d->inputs++] = number;
	layer_reader_next(&builder->reader);
	return 0;
}

/* "add a b": labels up to a word that the kind takes. */
static int take_inputs(struct builder *builder, struct description *d, struct npu_error *err)
{
	const char *word = builder->reader.word;

	do {
		int ret = take_input(builder, d, err);

		if (ret < 0)
			return ret;
	} while (word[0] && word[0] != '=' && !layer_find_word(word));
	if (d->inputs == 1)
		d->input[d->inputs++] = last_layer(builder->model);
	return 0;
}

/* The current word is "=LABEL", which the next layer gets; it ends the layer. */
static int take_label(struct builder *builder, struct npu_error *err)
{
	const char *label = builder->reader.word + 1;

	if (*label == '\0')
		return layer_reader_fail(&builder->reader, err,
					 "a label follows =, without a "
					 "blank");
	if (find_label(builder, label) < builder->labels || strcmp(label, "input") == 0)
		return layer_reader_fail(&builder->reader, err, "this label is taken already");
	if (layer_find_word(label))
		return layer_reader_fail(&builder->reader, err,
					 "'%s' says something about a layer; call it otherwise",
					 label);
	if (builder->labels == MAX_LABELS)
		return layer_reader_fail(&builder->reader, err, "there are at most %d labels",
					 MAX_LABELS);
	strcpy(builder->label[builder->labels], label);
	builder->labelled[builder->labels++] = (int)npu_model_layers(builder->model);
	layer_reader_next(&builder->reader);
	if (builder->reader.word[0])
		return layer_reader_fail(&builder->reader, err,
					 "a label ends a layer; a ; belongs "
					 "before the next");
	return 0;
}

/* ------------------------------------------------------------------------ arguments */

static int take_kernel(struct builder *builder, struct description *d, char letter,
		       struct npu_error *err)
{
	const char *word = builder->reader.word;
	uint32_t *kernel = d->layer.kernel;
	size_t count;

	if (letter == 'K' && (word[0] < '0' || word[0] > '9'))
		return 0;
	count = layer_word_sizes(word, kernel, letter == 'w' ? 1 : 2);
	if (!count || !kernel[0] || (count == 2 && !kernel[1]))
		return layer_reader_fail(&builder->reader, err,
					 "here belongs a size, such as 3%s: %s",
					 letter == 'w' ? "" : " or 3x5", d->kind->form);
	if (count == 1)
		kernel[1] = kernel[0];
	if (letter == 'w')
		kernel[0] = 1;
	layer_reader_next(&builder->reader);
	return 0;
}

static int take_argument(struct builder *builder, struct description *d, char letter,
			 struct npu_error *err)
{
	const char *word = builder->reader.word;
	struct npu_layer *layer = &d->layer;
	const char *range = "";
	bool right = false;

	switch (letter) {
	case 'u':
		range = ", UNITS from 1 to 16777216";
		right = layer_word_sizes(word, &layer->units, 1) && layer->units;
		break;
	case 'v':
		range = ", VOCABULARY from 1 to 16777216";
		right = layer_word_sizes(word, &layer->vocabulary, 1) && layer->vocabulary;
		break;
	case 'd':
		right = layer_word_sizes(word, layer->dim, 3) == 3;
		break;
	case 'r':
		range = ", RATE from 0 on and below 1";
		right = layer_word_real(word, &layer->rate) && layer->rate >= 0 && layer->rate < 1;
		break;
	case 'l':
		return take_inputs(builder, d, err);
	default:
		return take_kernel(builder, d, letter, err);
	}
	if (!right)
		return layer_reader_fail(&builder->reader, err, "%s is written %s%s", d->first,
					 d->kind->form, range);
	layer_reader_next(&builder->reader);
	return 0;
}

/* ---------------------------------------------------------------------------- words */

static void *field(struct npu_layer *layer, const struct layer_word *known)
{
	return (char *)layer + known->at;
}

/* An activation or initialiser was read; a number may follow. */
static int take_number(struct builder *builder, struct description *d,
		       const struct layer_word *known, struct npu_error *err)
{
	struct npu_layer *layer = &d->layer;
	float number;
	bool is_number = layer_word_real(builder->reader.word, &number);

	if (known->value == LAYER_INITIALIZER) {
		if (known->number != NPU_INIT_CONSTANT)
			return 0;
		if (!is_number)
			return layer_reader_fail(&builder->reader, err,
						 "constant wants the number that weights start "
						 "with");
		layer->init_value = number;
	} else {
		if (!is_number)
			return 0;
		if (known->number != NPU_LEAKY_RELU && known->number != NPU_ELU)
			return layer_reader_fail(&builder->reader, err, "%s takes no number",
						 known->word);
		if (number <= 0)
			return layer_reader_fail(&builder->reader, err,
						 "the slope of %s is a number above 0",
						 known->word);
		layer->alpha = number;
	}
	layer_reader_next(&builder->reader);
	return 0;
}

/* "pad 1": all around; "pad 1x2": above and below, left and right. */
static int take_pads(struct builder *builder, struct npu_layer *layer, struct npu_error *err)
{
	uint32_t *pad = layer->pad;
	size_t count = layer_word_sizes(builder->reader.word, pad, 4);

	if (count != 1 && count != 2 && count != 4)
		return layer_reader_fail(&builder->reader, err,
					 "pad takes 1, 2 or 4 sizes, the last as "
					 "TOPxLEFTxBOTTOMxRIGHT");
	if (count == 1)
		pad[1] = pad[0];
	if (count < 4) {
		pad[2] = pad[0];
		pad[3] = pad[1];
	}
	layer->padding = NPU_EXPLICIT;
	return 0;
}

static int take_axis(struct builder *builder, struct npu_layer *layer, struct npu_error *err)
{
	static const char *const axes[] = { "channels", "width", "height" };

	for (layer->axis = 0; layer->axis < 3; layer->axis++)
		if (strcmp(builder->reader.word, axes[layer->axis]) == 0)
			return 0;
	return layer_reader_fail(&builder->reader, err, "an axis is height, width or channels");
}

/* The value behind @known, which is the current word. */
static int take_value(struct builder *builder, struct description *d,
		      const struct layer_word *known, struct npu_error *err)
{
	const char *word = builder->reader.word;
	uint32_t *size = field(&d->layer, known);
	size_t count;

	switch (known->value) {
	case LAYER_PADS:
		return take_pads(builder, &d->layer, err);
	case LAYER_AXIS:
		return take_axis(builder, &d->layer, err);
	case LAYER_COUNT:
	case LAYER_PAIR:
		count = layer_word_sizes(word, size, known->value == LAYER_PAIR ? 2 : 1);
		if (!count || !size[0])
			return layer_reader_fail(&builder->reader, err,
						 "%s takes whole numbers above 0", known->word);
		if (known->value == LAYER_PAIR && count == 1)
			size[1] = size[0];
		return 0;
	case LAYER_REAL:
		if (!layer_word_real(word, field(&d->layer, known)))
			return layer_reader_fail(&builder->reader, err, "%s takes a number",
						 known->word);
		return 0;
	default:
		if (word[0] == '\0')
			return layer_reader_fail(&builder->reader, err, "the name is missing");
		strcpy(d->name, word);
		d->layer.name = d->name;
		return 0;
	}
}

static int take_word(struct builder *builder, struct description *d, const struct layer_word *known,
		     struct npu_error *err)
{
	int ret;

	layer_reader_next(&builder->reader);
	switch (known->value) {
	case LAYER_ACTIVATION:
		d->layer.activation = (enum npu_activation)known->number;
		return take_number(builder, d, known, err);
	case LAYER_INITIALIZER:
		d->layer.init = (enum npu_initializer)known->number;
		return take_number(builder, d, known, err);
	case LAYER_PADDING:
		d->layer.padding = (enum npu_padding)known->number;
		return 0;
	case LAYER_FLAG:
		*(bool *)field(&d->layer, known) = true;
		return 0;
	case LAYER_FROM:
		return take_input(builder, d, err);
	default:
		ret = take_value(builder, d, known, err);
		if (ret == 0)
			layer_reader_next(&builder->reader);
		return ret;
	}
}

static int unknown_word(const struct builder *builder, const struct description *d,
			struct npu_error *err)
{
	char near[128], all[300];

	layer_suggest_word(builder->reader.word, d->layer.kind, near, sizeof(near));
	if (near[0])
		strcat(near, " It");
	layer_list_words(d->layer.kind, all, sizeof(all));
	return layer_reader_fail(&builder->reader, err, "%s takes no such word; %s takes %s",
				 d->first, near[0] ? near : "it", all);
}

static int take_words(struct builder *builder, struct description *d, struct npu_error *err)
{
	while (builder->reader.word[0]) {
		const struct layer_word *known = layer_find_word(builder->reader.word);
		int ret;

		if (builder->reader.word[0] == '=')
			return take_label(builder, err);
		if (!known || !(known->kinds >> d->layer.kind & 1))
			return unknown_word(builder, d, err);
		ret = take_word(builder, d, known, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* --------------------------------------------------------------------------- layers */

/* The current word begins a layer. */
static int take_first_word(struct builder *builder, struct description *d, struct npu_error *err)
{
	const char *word = builder->reader.word;
	const struct layer_word *known = layer_find_word(word);
	char near[128], all[300];

	strcpy(d->first, word);
	d->kind = layer_find_kind(word);
	if (d->kind) {
		d->layer.kind = d->kind->kind;
		layer_reader_next(&builder->reader);
		return 0;
	}
	if (known && known->value == LAYER_ACTIVATION) {
		d->layer.kind = NPU_LAYER_ACTIVATION;
		return 0;
	}
	layer_suggest_kind(word, near, sizeof(near));
	if (near[0])
		strcat(near, " A");
	layer_list_kinds(all, sizeof(all));
	return layer_reader_fail(&builder->reader, err, "there is no such layer; %s layer is %s",
				 near[0] ? near : "a", all);
}

/* What the words leave to be known from the data, or from the layer before. */
static void complete(const struct builder *builder, struct description *d)
{
	uint32_t dim[3];

	if (!d->inputs)
		d->input[d->inputs++] = last_layer(builder->model);
	if (!d->kind || strcmp(d->kind->word, "depthwise") != 0)
		return;
	npu_model_dim(builder->model, dim);
	if (d->input[0] != NPU_MODEL_INPUT)
		npu_model_layer_dim(builder->model, (size_t)d->input[0], dim);
	d->layer.units = dim[2];
	d->layer.groups = dim[2];
}

/* The library counts layers from 0 and does not know the text: say where, then what it says. */
static int refused(const struct builder *builder, const struct description *d,
		   struct npu_error *err)
{
	struct layer_reader at = builder->reader;
	char why[sizeof(err->message)];
	const char *sentence = why;
	int code = err->code;

	strcpy(why, err->message);
	if (strncmp(why, "layer ", 6) == 0 && strstr(why, ": "))
		sentence = strstr(why, ": ") + 2;
	strcpy(at.word, d->first);
	layer_reader_fail(&at, err, "%s", sentence);
	return err->code = code;
}

static int add_layer(struct builder *builder, struct npu_error *err)
{
	struct description d = { 0 };
	int ret = take_first_word(builder, &d, err);

	if (ret < 0)
		return ret;
	if (d.kind && !d.layer.kind) {
		d.layer.kind = NPU_LAYER_DENSE;
		d.layer.units = builder->text->outputs;
		d.layer.activation = builder->text->activation;
	}
	for (const char *letter = d.kind ? d.kind->arguments : ""; *letter; letter++) {
		ret = take_argument(builder, &d, *letter, err);
		if (ret < 0)
			return ret;
	}
	ret = take_words(builder, &d, err);
	if (ret < 0)
		return ret;
	complete(builder, &d);
	ret = npu_model_add_from(builder->model, d.layer, d.input, d.inputs, err);
	return ret < 0 ? refused(builder, &d, err) : 0;
}

int layer_text_add(struct npu_model *model, const struct layer_text *text, struct npu_error *err)
{
	struct builder builder = {
		.reader = { .at = text->text, .file = text->file, .line = 1 },
		.text = text,
		.model = model,
	};

	while (layer_reader_next_layer(&builder.reader)) {
		int ret = add_layer(&builder, err);

		if (ret < 0)
			return ret;
	}
	if (builder.reader.layer)
		return 0;
	snprintf(err->message, sizeof(err->message), "%s: there is no layer in it",
		 text->file ? text->file : "--layers");
	return err->code = -EINVAL;
}
