// SPDX-License-Identifier: MIT
/* The network of npu train: from text, from a preset, or from a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_reader.h"
#include "layer_text.h"
#include "metrics_report.h"
#include "preset.h"
#include "train.h"

/* What --hidden and --activation stand for. */
static int describe_hidden(const struct training *job, char *text, size_t bytes)
{
	const char *hidden = job->hidden ? job->hidden : "64";
	const char *at = strcmp(hidden, "none") == 0 ? "" : hidden;
	size_t used = 0;

	while (*at) {
		size_t length = strcspn(at, ",");
		char units[16];
		uint32_t size;

		snprintf(units, sizeof(units), "%.*s", (int)length, at);
		if (!layer_word_sizes(units, &size, 1) || !size)
			return cli_fail(CLI_USAGE,
					"train: --hidden '%s' is wrong: it takes the units of "
					"each hidden layer, such as 64,32, or none",
					hidden);
		used += (size_t)snprintf(text + used, bytes - used, "dense %.*s %s; ", (int)length,
					 at, train_activations[job->activation]);
		if (used >= bytes)
			return cli_fail(CLI_USAGE, "train: --hidden is too long");
		at += length + (at[length] == ',');
	}
	snprintf(text + used, bytes - used, "output");
	return CLI_OK;
}

/* The word "output" for this data and loss. */
static void choose_output(const struct training *job, struct layer_text *text)
{
	bool binary = job->loss == NPU_LOSS_BINARY_CROSS_ENTROPY;

	text->outputs = (uint32_t)job->train.targets;
	text->activation = binary ? NPU_SIGMOID : NPU_LINEAR;
	if (!job->train.classes)
		return;
	text->outputs = binary && job->train.classes == 2 ? 1 : (uint32_t)job->train.classes;
	text->activation = binary ? NPU_SIGMOID : NPU_SOFTMAX;
}

static int add_layers(struct training *job)
{
	struct layer_text text = { .text = job->layers };
	struct npu_error err = { 0 };
	char *read = NULL, hidden[512];
	int ret = 0;

	choose_output(job, &text);
	if (job->layers && job->layers[0] == '@') {
		text.file = job->layers + 1;
		text.text = read = layer_text_read(text.file, &err);
		ret = read ? 0 : err.code;
	} else if (job->preset != TRAIN_NO_PRESET) {
		text.text = presets[job->preset].text;
		ret = preset_check(&presets[job->preset], job->train.dim, &err);
	} else if (!job->layers) {
		if (describe_hidden(job, hidden, sizeof(hidden)) != CLI_OK)
			return CLI_USAGE;
		text.text = hidden;
	}
	if (ret == 0)
		ret = layer_text_add(job->model, &text, &err);
	free(read);
	return ret < 0 ? cli_fail_error(&err) : CLI_OK;
}

static int set_scaler(struct training *job, struct npu_error *err)
{
	const struct npu_layer *first = npu_model_layer(job->model, 0);
	bool words = first && first->kind == NPU_LAYER_EMBEDDING;
	struct npu_scaler scaler = { 0 };
	int ret;

	if (job->scale == TRAIN_SCALE_NONE || (job->scale == TRAIN_SCALE_AUTO && words))
		return 0;
	if (job->scale == TRAIN_SCALE_MIN_MAX)
		ret = npu_scaler_fit_min_max(&scaler, &job->train, err);
	else
		ret = npu_scaler_fit_standard(&scaler, &job->train, err);
	if (ret == 0)
		ret = npu_model_set_scaler(job->model, &scaler, err);
	npu_scaler_free(&scaler);
	return ret;
}

/* Those of the data, or none: the classes are then known by their numbers. */
static int set_class_names(struct training *job, struct npu_error *err)
{
	size_t count = job->train.class_names ? job->train.classes : 0;

	return npu_model_set_class_names(job->model, job->train.class_names, count, err);
}

/* ----------------------------------------------------------------------- fine-tuning */

int train_load_model(struct training *job)
{
	struct npu_error err = { 0 };

	if (job->from && npu_model_load(&job->model, job->from, &err) < 0)
		return cli_fail_error(&err);
	return CLI_OK;
}

static int freeze_named(struct training *job, const char *name, size_t length)
{
	struct npu_error err = { 0 };

	for (size_t i = 0; i < npu_model_layers(job->model); i++) {
		const char *known = npu_model_layer(job->model, i)->name;

		if (strlen(known) != length || strncmp(known, name, length) != 0)
			continue;
		return npu_model_freeze(job->model, i, true, &err) < 0 ? cli_fail_error(&err)
								       : CLI_OK;
	}
	return cli_fail(CLI_FAILED,
			"%s: it has no layer \"%.*s\" to freeze; --dry-run lists its layers",
			job->from, (int)length, name);
}

static int freeze(struct training *job)
{
	size_t layers = npu_model_layers(job->model);
	struct npu_error err = { 0 };
	uint32_t count;

	if (layer_word_sizes(job->freeze, &count, 1)) {
		if (count >= layers)
			return cli_fail(CLI_FAILED,
					"%s: of its %zu layers %u are to be frozen; leave some to "
					"learn",
					job->from, layers, count);
		for (size_t i = 0; i < count; i++)
			if (npu_model_freeze(job->model, i, true, &err) < 0)
				return cli_fail_error(&err);
		return CLI_OK;
	}
	for (const char *at = job->freeze; *at;) {
		size_t length = strcspn(at, ",");
		int code = freeze_named(job, at, length);

		if (code != CLI_OK)
			return code;
		at += length + (at[length] == ',');
	}
	return CLI_OK;
}

static int check_loaded(const struct training *job)
{
	size_t outputs = npu_model_outputs(job->model);
	size_t wanted = job->train.targets ? job->train.targets : job->train.classes;

	if (job->train.features != npu_model_features(job->model))
		return cli_fail(CLI_FAILED,
				"%s: its samples have %zu values, the input of %s takes %zu; are "
				"--label and the file right?",
				job->file.path, job->train.features, job->from,
				npu_model_features(job->model));
	if (!job->head && wanted != outputs && !(outputs == 1 && job->train.classes == 2))
		return cli_fail(CLI_FAILED,
				"%s: the data has %zu %s, %s has %zu outputs; --head output gives "
				"it a last layer for them",
				job->file.path, wanted, job->train.targets ? "targets" : "classes",
				job->from, outputs);
	return CLI_OK;
}

/* Other layers in place of the last one, and the data's classes with them. */
static int replace_head(struct training *job)
{
	struct layer_text text = { .text = job->head };
	struct npu_error err = { 0 };

	choose_output(job, &text);
	if (npu_model_remove_last(job->model, &err) < 0 ||
	    layer_text_add(job->model, &text, &err) < 0 || set_class_names(job, &err) < 0)
		return cli_fail_error(&err);
	return CLI_OK;
}

static int adapt_loaded(struct training *job)
{
	int code = check_loaded(job);

	if (code == CLI_OK && job->head)
		code = replace_head(job);
	return code == CLI_OK && job->freeze ? freeze(job) : code;
}

int train_build_model(struct training *job)
{
	struct npu_error err = { 0 };
	int code;

	if (job->from)
		return adapt_loaded(job);
	if (npu_model_create(&job->model, job->train.dim, job->seed, &err) < 0)
		return cli_fail_error(&err);
	code = add_layers(job);
	if (code != CLI_OK)
		return code;
	if (set_scaler(job, &err) < 0 || set_class_names(job, &err) < 0)
		return cli_fail_error(&err);
	return CLI_OK;
}
