// SPDX-License-Identifier: MIT
/* The data of npu train: read, parted, weighed, varied. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_reader.h"
#include "metrics_report.h"
#include "train.h"

/* ----------------------------------------------------------------------------- parts */

static size_t share(float fraction, size_t samples)
{
	return (size_t)lround((double)fraction * (double)samples);
}

/* The @count samples of @data from @first on. */
static int take_range(struct npu_dataset *part, const struct npu_dataset *data, size_t first,
		      size_t count, struct npu_error *err)
{
	size_t *index = calloc(count + 1, sizeof(*index));
	int ret;

	if (!index)
		return dataset_file_fail(err, -ENOMEM, "no memory to part %zu samples", count);
	for (size_t i = 0; i < count; i++)
		index[i] = first + i;
	ret = npu_dataset_take(part, data, index, count, err);
	free(index);
	return ret;
}

/*
 * A series is parted by time: what is to be tested on lies behind what was learned from. Between
 * two parts so many windows are left out as have targets in both.
 */
static int part_series(struct training *job, const struct npu_dataset *all, struct npu_error *err)
{
	size_t test = job->test_path ? 0 : share(job->test_fraction, all->samples);
	size_t validation = share(job->fit.validation_fraction, all->samples - test);
	size_t every = job->file.every ? job->file.every : 1;
	size_t gap = job->file.horizon ? (job->file.horizon - 1 + every - 1) / every : 0;
	size_t behind = (test ? test + gap : 0) + (validation ? validation + gap : 0);
	size_t last = all->samples;
	int ret = 0;

	if (behind >= all->samples)
		return dataset_file_fail(err, -EINVAL,
					 "%s: of %zu windows none are left to train on; lower "
					 "--test, or cut shorter ones",
					 job->file.path, all->samples);
	job->fit.validation_fraction = 0;
	if (test) {
		ret = take_range(&job->test, all, last - test, test, err);
		last -= test + gap;
	}
	if (!ret && validation) {
		ret = take_range(&job->validation, all, last - validation, validation, err);
		last -= validation + gap;
		job->fit.validation = &job->validation;
	}
	if (ret < 0)
		return ret;
	return take_range(&job->train, all, 0, last, err);
}

static int part(struct training *job, struct npu_dataset *all, struct npu_error *err)
{
	int ret;

	if (job->file.window) {
		ret = part_series(job, all, err);
	} else if (job->test_fraction > 0 && !job->test_path) {
		ret = npu_dataset_split(all, job->test_fraction, job->seed, &job->train, &job->test,
					err);
	} else {
		job->train = *all;
		memset(all, 0, sizeof(*all));
		return 0;
	}
	npu_dataset_free(all);
	return ret;
}

static const char *class_of_data(const void *data, size_t i)
{
	const struct npu_dataset *known = data;

	return known->class_names && i < known->classes ? known->class_names[i] : NULL;
}

/* The file of its own that is tested on, with samples and classes as those of training. */
static int read_test(struct training *job, struct npu_error *err)
{
	struct dataset_file file = job->file;
	int ret;

	file.path = job->test_path;
	file.labels = job->test_labels;
	if (job->test_match)
		file.match = job->test_match;
	if (job->file.labels && !file.labels)
		return dataset_file_fail(err, -EINVAL,
					 "%s: give the file with its answers, --test-labels FILE",
					 file.path);
	ret = dataset_file_read(&file, job->train.dim, &job->test, err);
	if (ret == 0)
		ret = dataset_file_check_answers(&file, &job->test, err);
	if (ret == 0 && job->test.features != job->train.features)
		ret = dataset_file_fail(
			err, -EINVAL, "%s: its samples have %zu values, those of %s %zu", file.path,
			job->test.features, job->file.path, job->train.features);
	if (ret == 0)
		ret = dataset_file_match_classes(dataset_file_answers(&file), &job->test,
						 class_of_data, &job->train, job->train.classes,
						 err);
	return ret;
}

/* ------------------------------------------------------------------- weights of classes */

static int set_class_weight(struct training *job, const char *name, size_t length, float weight)
{
	for (size_t c = 0; c < job->train.classes; c++) {
		const char *known = class_of_data(&job->train, c);
		char number[24];

		snprintf(number, sizeof(number), "%zu", c);
		if (!known)
			known = number;
		if (strlen(known) != length || strncmp(known, name, length) != 0)
			continue;
		job->weight[c] = weight;
		return CLI_OK;
	}
	return cli_fail(CLI_FAILED, "--class-weight: the data has no class '%.*s'", (int)length,
			name);
}

/* "cat=2,dog=0.5"; classes that are not named weigh 1. */
static int weigh_classes(struct training *job)
{
	const char *at = job->class_weight;
	int code = CLI_OK;

	if (!job->train.classes)
		return cli_fail(CLI_FAILED, "--class-weight is for data with classes");
	job->weight = calloc(job->train.classes, sizeof(*job->weight));
	if (!job->weight)
		return cli_fail(CLI_FAILED, "no memory for %zu weights", job->train.classes);
	for (size_t c = 0; c < job->train.classes; c++)
		job->weight[c] = 1;
	while (*at && code == CLI_OK) {
		size_t length = strcspn(at, ","), name = strcspn(at, "=");
		char number[32];
		float weight;

		snprintf(number, sizeof(number), "%.*s",
			 name < length ? (int)(length - name - 1) : 0, at + name + (name < length));
		if (!layer_word_real(number, &weight) || weight < 0)
			return cli_fail(CLI_USAGE,
					"--class-weight '%.*s' is wrong: it takes CLASS=WEIGHT, "
					"a number from 0 on",
					(int)length, at);
		code = set_class_weight(job, at, name, weight);
		at += length + (at[length] == ',');
	}
	job->fit.class_weight = job->weight;
	return code;
}

static int balance(struct training *job, struct npu_error *err)
{
	struct npu_dataset repeated = { 0 };
	int ret;

	if (job->balance == TRAIN_BALANCE_NONE)
		return 0;
	if (job->balance == TRAIN_BALANCE_WEIGHTS)
		return npu_dataset_balance(&job->train, err);
	/* Validation is taken from what is left, so that no sample is on both sides. */
	if (job->fit.validation_fraction > 0) {
		struct npu_dataset whole = job->train;

		memset(&job->train, 0, sizeof(job->train));
		ret = npu_dataset_split(&whole, job->fit.validation_fraction, job->seed + 1,
					&job->train, &job->validation, err);
		npu_dataset_free(&whole);
		if (ret < 0)
			return ret;
		job->fit.validation_fraction = 0;
		job->fit.validation = &job->validation;
	}
	ret = npu_dataset_oversample(&repeated, &job->train, err);
	if (ret < 0)
		return ret;
	npu_dataset_free(&job->train);
	job->train = repeated;
	return 0;
}

/* ---------------------------------------------------------------------- augmentation */

/* One "word" or "word value" of --augment. */
static bool parse_variation(struct npu_augmentation *a, const char *word, const char *value)
{
	unsigned int *pair = strcmp(word, "shift") == 0	 ? a->shift
			     : strcmp(word, "crop") == 0 ? a->crop
							 : NULL;
	uint32_t size[2];
	size_t count;

	if (pair) {
		count = layer_word_sizes(value, size, 2);
		pair[0] = size[0];
		pair[1] = count == 2 ? size[1] : size[0];
		return count > 0;
	}
	if (strcmp(word, "noise") == 0)
		return layer_word_real(value, &a->noise) && a->noise >= 0;
	if (strcmp(word, "fill") == 0)
		return layer_word_real(value, &a->fill);
	if (value[0])
		return false;
	if (strcmp(word, "flip") == 0)
		return a->flip_columns = true;
	if (strcmp(word, "flip-rows") == 0)
		return a->flip_rows = true;
	return false;
}

/* Is it for pictures and sequences? */
static bool moves(const struct npu_augmentation *a)
{
	return a->shift[0] || a->shift[1] || a->crop[0] || a->crop[1] || a->flip_columns ||
	       a->flip_rows;
}

static int parse_augmentation(struct training *job)
{
	const char *at = job->augment;

	while (*at) {
		size_t length = strcspn(at, ",");
		char words[64], word[32] = "", value[32] = "", rest[2] = "";

		snprintf(words, sizeof(words), "%.*s", (int)length, at);
		sscanf(words, "%31s %31s %1s", word, value, rest);
		if (rest[0] || !parse_variation(&job->augmentation, word, value))
			return cli_fail(CLI_USAGE,
					"--augment '%s' is wrong: it takes shift N or RxC, crop N "
					"or RxC, flip, flip-rows, noise X, fill X, with commas "
					"between them",
					words);
		at += length + (at[length] == ',');
	}
	if (job->train.dim[0] == 1 && job->train.dim[1] == 1 && moves(&job->augmentation))
		return cli_fail(CLI_FAILED, "--augment: in a row of features there is nothing to "
					    "shift, crop or flip; only noise is for them");
	/* A sequence has one row: nothing there to move. */
	if (job->train.dim[0] == 1)
		job->augmentation.shift[0] = job->augmentation.crop[0] = 0;
	job->fit.augment = &job->augmentation;
	return CLI_OK;
}

/* ------------------------------------------------------------------------------- all */

/* Errors of numbers, of a classifier, are taken from one-hot targets; so are many yes and no. */
static bool wants_one_hot(const struct training *job, const struct npu_dataset *data)
{
	if (!data->labels || data->y)
		return false;
	if (job->loss == NPU_LOSS_BINARY_CROSS_ENTROPY)
		return data->classes > 2;
	return job->loss == NPU_LOSS_MSE || job->loss == NPU_LOSS_MAE ||
	       job->loss == NPU_LOSS_HUBER;
}

/* There is nothing to tell apart in one class, unless a model knows others. */
static int check_classes(const struct training *job, const struct npu_dataset *data,
			 struct npu_error *err)
{
	if (data->classes != 1)
		return 0;
	return dataset_file_fail(err, -EINVAL,
				 "%s: all samples are of one class%s%s; a network learns to tell "
				 "two or more apart: are --label and the file right?",
				 dataset_file_answers(&job->file), data->class_names ? ", " : "",
				 data->class_names ? data->class_names[0] : "");
}

static int read_file(struct training *job, struct npu_dataset *all, struct npu_error *err)
{
	uint32_t dim[3];
	int ret;

	if (job->model)
		npu_model_dim(job->model, dim);
	if (job->test_match && !job->test_path)
		job->test_path = job->file.path;
	ret = dataset_file_read(&job->file, job->model ? dim : NULL, all, err);
	if (ret == 0)
		ret = dataset_file_check_answers(&job->file, all, err);
	/* Another head learns the classes of the data. */
	if (ret == 0 && job->model && !job->head)
		ret = dataset_file_match_classes(dataset_file_answers(&job->file), all,
						 metrics_model_class, job->model,
						 npu_model_outputs(job->model), err);
	if (ret == 0)
		ret = check_classes(job, all, err);
	if (ret == 0 && wants_one_hot(job, all))
		ret = npu_dataset_one_hot(all, err);
	return ret;
}

int train_read_data(struct training *job)
{
	struct npu_dataset all = { 0 };
	struct npu_error err = { 0 };
	int ret, code = CLI_OK;

	ret = read_file(job, &all, &err);
	if (ret == 0)
		ret = part(job, &all, &err);
	npu_dataset_free(&all);
	if (ret == 0 && job->train.samples == 0)
		return cli_fail(CLI_FAILED, "%s: no samples are left to train on; lower --test",
				job->file.path);
	if (ret == 0 && job->test_path)
		ret = read_test(job, &err);
	if (ret == 0)
		ret = balance(job, &err);
	if (ret < 0)
		return cli_fail_error(&err);
	if (job->class_weight)
		code = weigh_classes(job);
	if (code == CLI_OK && job->augment)
		code = parse_augmentation(job);
	return code;
}
