/* SPDX-License-Identifier: MIT */
/* Datasets named on the command line: the format follows from the file's name. */
#ifndef NPU_DATASET_FILE_H
#define NPU_DATASET_FILE_H

#include "npu_train.h"

/**
 * struct dataset_file - where samples come from
 * @path: .csv .tsv .txt, .npy, or IDX (.idx, -ubyte, each also .gz)
 * @labels: second file with labels or targets, for IDX and NPY; NULL if none
 * @label: CSV: column of the class, name or number; NULL if none
 * @targets: CSV: columns of real targets, separated by commas; NULL if none
 */
struct dataset_file {
	const char *path;
	const char *labels;
	const char *label;
	const char *targets;
};

/* The options that every command which reads a dataset has. */
/* clang-format off */
#define DATASET_FILE_OPTIONS(file)                                                              \
	{ 'l', "label", "COLUMN", "CSV: column of the class, by name or number (-1: the last)", \
	  CLI_TEXT, &(file)->label, NULL, 0, 0 },                                               \
	{ 't', "targets", "COLUMNS", "CSV: columns of real targets, separated by commas",       \
	  CLI_TEXT, &(file)->targets, NULL, 0, 0 },                                             \
	{ 'L', "labels", "FILE", "IDX, NPY: file with the labels or targets",                   \
	  CLI_TEXT, &(file)->labels, NULL, 0, 0 }
/* clang-format on */

int dataset_file_read(const struct dataset_file *file, struct npu_dataset *data,
		      struct npu_error *err);

/* -EINVAL with a sentence if @data has neither labels nor targets. */
int dataset_file_check_answers(const struct dataset_file *file, const struct npu_dataset *data,
			       struct npu_error *err);

/**
 * dataset_file_match_classes - give the labels the numbers that a model has for them
 * @data: its labels are renumbered
 * @names: the model's class names, NULL past the end or where it has none
 * @outputs: of the model
 * @answers: out: @data as the model sees it, for npu_metrics_compute(); not to be freed
 *
 * A file numbers the classes that occur in it, and need not hold all that the model learned.
 * Without names on either side the numbers are taken as they are.
 */
int dataset_file_match_classes(struct npu_dataset *data,
			       const char *(*names)(const void *model, size_t i), const void *model,
			       size_t outputs, struct npu_dataset *answers, struct npu_error *err);

#endif
