// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dataset_file.h"

enum file_format {
	FORMAT_UNKNOWN,
	FORMAT_CSV,
	FORMAT_NPY,
	FORMAT_IDX
};

static enum file_format format_of(const char *path)
{
	static const struct {
		const char *ending;
		enum file_format format;
	} known[] = {
		{ ".csv", FORMAT_CSV },	 { ".tsv", FORMAT_CSV },     { ".txt", FORMAT_CSV },
		{ ".npy", FORMAT_NPY },	 { ".idx", FORMAT_IDX },     { ".idx.gz", FORMAT_IDX },
		{ "ubyte", FORMAT_IDX }, { "ubyte.gz", FORMAT_IDX },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (cli_ends_with(path, known[i].ending))
			return known[i].format;
	return FORMAT_UNKNOWN;
}

__attribute__((format(printf, 3, 4))) static int set_error(struct npu_error *err, int code,
							   const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	err->code = code;
	return code;
}

int dataset_file_read(const struct dataset_file *file, struct npu_dataset *data,
		      struct npu_error *err)
{
	struct npu_csv_options csv = { .label = file->label, .targets = file->targets };
	enum file_format format = format_of(file->path);

	if (format != FORMAT_CSV && format != FORMAT_UNKNOWN && (file->label || file->targets))
		return set_error(err, -EINVAL,
				 "%s: --label and --targets name columns of a CSV file; give "
				 "--labels FILE here",
				 file->path);
	if (format == FORMAT_CSV && file->labels)
		return set_error(err, -EINVAL,
				 "%s: --labels is for IDX and NPY files; name a column of the "
				 "CSV file with --label or --targets",
				 file->path);
	switch (format) {
	case FORMAT_CSV:
		return npu_dataset_read_csv(data, file->path, &csv, err);
	case FORMAT_NPY:
		return npu_dataset_read_npy(data, file->path, file->labels, err);
	case FORMAT_IDX:
		return npu_dataset_read_idx(data, file->path, file->labels, err);
	default:
		return set_error(err, -EINVAL,
				 "%s: its name does not tell the format; data files end in .csv, "
				 ".tsv, .txt, .npy, .idx or -ubyte, the last two also with .gz",
				 file->path);
	}
}

int dataset_file_check_answers(const struct dataset_file *file, const struct npu_dataset *data,
			       struct npu_error *err)
{
	if (data->classes || data->targets)
		return 0;
	if (format_of(file->path) == FORMAT_CSV)
		return set_error(err, -EINVAL,
				 "%s: which column is the answer? Give --label COLUMN for a "
				 "class or --targets COLUMNS for numbers",
				 file->path);
	return set_error(err, -EINVAL, "%s: give the file with the answers, --labels FILE",
			 file->path);
}

/* Number of the model's class @name, or -1. */
static int class_number(const char *(*names)(const void *model, size_t i), const void *model,
			size_t outputs, const char *name)
{
	for (size_t i = 0; i < outputs; i++) {
		const char *known = names(model, i);

		if (known && strcmp(known, name) == 0)
			return (int)i;
	}
	return -1;
}

/* Renumber the labels by the names of their classes. */
static int renumber(struct npu_dataset *data, const char *(*names)(const void *model, size_t i),
		    const void *model, size_t classes, struct npu_error *err)
{
	int32_t *number = malloc(data->classes * sizeof(*number));

	if (!number)
		return set_error(err, -ENOMEM, "no memory for %zu class names", data->classes);
	for (size_t c = 0; c < data->classes; c++) {
		number[c] = class_number(names, model, classes, data->class_names[c]);
		if (number[c] < 0) {
			free(number);
			return set_error(err, -EINVAL,
					 "the data has a class '%s' that the model was not "
					 "trained on; is it the right file and --label?",
					 data->class_names[c]);
		}
	}
	for (size_t i = 0; i < data->samples; i++)
		data->labels[i] = number[data->labels[i]];
	free(number);
	return 0;
}

int dataset_file_match_classes(struct npu_dataset *data,
			       const char *(*names)(const void *model, size_t i), const void *model,
			       size_t outputs, struct npu_dataset *answers, struct npu_error *err)
{
	/* One output for two classes is the probability of the second. */
	size_t classes = outputs == 1 ? 2 : outputs;
	int ret = 0;

	*answers = *data;
	if (!data->classes)
		return 0;
	answers->classes = classes;
	answers->class_names = NULL;
	if (data->class_names && names(model, 0))
		ret = renumber(data, names, model, classes, err);
	else if (data->classes > classes)
		ret = set_error(err, -EINVAL,
				"the data has %zu classes, the model %zu; is it the right file?",
				data->classes, classes);
	return ret;
}
