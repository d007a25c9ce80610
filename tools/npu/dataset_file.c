// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "dataset_file.h"

/* A NumPy file of so much stays where it is: it may not fit into memory. */
#define MAPPED_BYTES (256ll << 20)

enum file_format {
	FORMAT_UNKNOWN,
	FORMAT_CSV,
	FORMAT_NPY,
	FORMAT_IDX,
	FORMAT_TS,
	FORMAT_FOLDER
};

const char *const dataset_file_classes_of[] = { "folder", "prefix", "none", NULL };

static enum file_format format_of(const char *path)
{
	static const struct {
		const char *ending;
		enum file_format format;
	} known[] = {
		{ ".csv", FORMAT_CSV },	 { ".tsv", FORMAT_CSV },     { ".txt", FORMAT_CSV },
		{ ".npy", FORMAT_NPY },	 { ".idx", FORMAT_IDX },     { ".idx.gz", FORMAT_IDX },
		{ "ubyte", FORMAT_IDX }, { "ubyte.gz", FORMAT_IDX }, { ".ts", FORMAT_TS },
	};
	struct stat about;

	if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
		return FORMAT_FOLDER;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (cli_ends_with(path, known[i].ending))
			return known[i].format;
	return FORMAT_UNKNOWN;
}

int dataset_file_fail(struct npu_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	err->code = code;
	return code;
}

/* Options of one format mean nothing to another; rather than silence, a sentence. */
static int check_options(const struct dataset_file *file, enum file_format format,
			 struct npu_error *err)
{
	if (format != FORMAT_CSV && format != FORMAT_UNKNOWN &&
	    (file->label || file->targets || file->features))
		return dataset_file_fail(err, -EINVAL,
					 "%s: --label, --targets and --features name columns of a "
					 "CSV file%s",
					 file->path,
					 format == FORMAT_IDX || format == FORMAT_NPY
						 ? "; give --labels FILE here"
						 : "; leave them out here");
	if (format != FORMAT_IDX && format != FORMAT_NPY && format != FORMAT_UNKNOWN &&
	    file->labels)
		return dataset_file_fail(
			err, -EINVAL, "%s: --labels is for IDX and NPY files; %s", file->path,
			format == FORMAT_CSV ? "name a column of the CSV file with --label or "
					       "--targets"
					     : "the classes are known here");
	if (format != FORMAT_FOLDER && format != FORMAT_UNKNOWN &&
	    (file->class_of || file->match || file->size || file->mfcc || file->frames ||
	     file->bands || file->window_ms > 0 || file->hop_ms > 0))
		return dataset_file_fail(err, -EINVAL,
					 "%s: --class-of, --match and what is said of images and "
					 "recordings is for folders; leave it out here",
					 file->path);
	if ((file->horizon || file->every) && !file->window)
		return dataset_file_fail(
			err, -EINVAL,
			"--horizon and --every are of the windows of a series; give "
			"their length, --window N");
	return 0;
}

/* Rows that a model of sequences is to see are the steps of a series. */
static uint32_t window_of(const struct dataset_file *file, const uint32_t dim[3],
			  const struct npu_dataset *data)
{
	if (dim && dim[0] == 1 && dim[1] > 1 && data->dim[1] == 1 && data->features == dim[2])
		return dim[1];
	return file->window;
}

static int cut(const struct dataset_file *file, const uint32_t dim[3], struct npu_dataset *data,
	       struct npu_error *err)
{
	uint32_t window = window_of(file, dim, data);
	struct npu_dataset whole = *data;
	int ret;

	if (!window)
		return 0;
	memset(data, 0, sizeof(*data));
	ret = npu_dataset_windows(data, &whole, window, file->horizon, file->every, err);
	npu_dataset_free(&whole);
	return ret;
}

/* Only '<f4' can be used in place; all else is read, and converted. */
static int read_npy(const struct dataset_file *file, struct npu_dataset *data,
		    struct npu_error *err)
{
	struct stat info;

	if (stat(file->path, &info) == 0 && info.st_size >= MAPPED_BYTES &&
	    npu_dataset_open_npy(data, file->path, file->labels, err) == 0)
		return 0;
	return npu_dataset_read_npy(data, file->path, file->labels, err);
}

int dataset_file_read(const struct dataset_file *file, const uint32_t dim[3],
		      struct npu_dataset *data, struct npu_error *err)
{
	struct npu_csv_options csv = { .label = file->label,
				       .targets = file->targets,
				       .features = file->features };
	struct npu_ts_options ts = { 0 };
	enum file_format format = format_of(file->path);
	int ret = check_options(file, format, err);

	if (ret < 0)
		return ret;
	/* A row of values may have been anything before. */
	if (dim && dim[0] == 1 && dim[1] == 1)
		dim = NULL;
	ts.steps = dim ? dim[1] : 0;
	switch (format) {
	case FORMAT_CSV:
		ret = npu_dataset_read_csv(data, file->path, &csv, err);
		break;
	case FORMAT_NPY:
		ret = read_npy(file, data, err);
		break;
	case FORMAT_IDX:
		ret = npu_dataset_read_idx(data, file->path, file->labels, err);
		break;
	case FORMAT_TS:
		ret = npu_dataset_read_ts(data, file->path, &ts, err);
		break;
	case FORMAT_FOLDER:
		ret = dataset_folder_read(file, dim, data, err);
		break;
	default:
		return dataset_file_fail(err, -EINVAL,
					 "%s: its name does not tell the format; data files end in "
					 ".csv, .tsv, .txt, .ts, .npy, .idx or -ubyte, the last "
					 "two also with .gz; or name a folder of images or "
					 "recordings",
					 file->path);
	}
	return ret < 0 ? ret : cut(file, dim, data, err);
}

int dataset_file_check_answers(const struct dataset_file *file, const struct npu_dataset *data,
			       struct npu_error *err)
{
	enum file_format format = format_of(file->path);

	if (data->classes || data->targets)
		return 0;
	if (file->window)
		return dataset_file_fail(
			err, -EINVAL,
			"%s: what is to be learned of the windows? Give --horizon N "
			"for the values that follow, or --label COLUMN for a class",
			file->path);
	if (format == FORMAT_CSV)
		return dataset_file_fail(
			err, -EINVAL,
			"%s: which column is the answer? Give --label COLUMN for a "
			"class or --targets COLUMNS for numbers",
			file->path);
	if (format == FORMAT_FOLDER)
		return dataset_file_fail(
			err, -EINVAL, "%s: say where the classes are, --class-of folder or prefix",
			file->path);
	return dataset_file_fail(err, -EINVAL, "%s: give the file with the answers, --labels FILE",
				 file->path);
}

int dataset_file_load(struct npu_dataset *data, struct npu_error *err)
{
	struct npu_dataset loaded;
	size_t i;
	int ret;

	if (data->x)
		return 0;
	ret = npu_dataset_alloc(&loaded, data->samples, data->dim, data->targets, data->classes,
				err);
	for (i = 0; !ret && i < data->samples; i++)
		ret = npu_dataset_sample(data, i, loaded.x + i * data->features, err);
	if (ret < 0) {
		npu_dataset_free(&loaded);
		return ret;
	}
	if (data->labels)
		memcpy(loaded.labels, data->labels, data->samples * sizeof(*data->labels));
	if (data->y)
		memcpy(loaded.y, data->y, data->samples * data->targets * sizeof(*data->y));
	/* What belongs to the samples moves; the rest goes with what made them. */
	loaded.lengths = data->lengths;
	loaded.weights = data->weights;
	loaded.class_names = data->class_names;
	data->lengths = NULL;
	data->weights = NULL;
	data->class_names = NULL;
	npu_dataset_free(data);
	*data = loaded;
	return 0;
}
