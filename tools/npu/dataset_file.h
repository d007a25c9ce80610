/* SPDX-License-Identifier: MIT */
/* Datasets named on the command line: the format follows from the file's name, or the folder. */
#ifndef NPU_DATASET_FILE_H
#define NPU_DATASET_FILE_H

#include "npu_train.h"

/**
 * struct dataset_file - where samples come from, and what is made of them
 * @path: .csv .tsv .txt, .npy, .ts, IDX (.idx, -ubyte, each also .gz), or a folder of PNG and JPEG
 *	images or of WAV recordings
 * @labels: second file with labels or targets, for IDX and NPY; NULL if none
 * @label: CSV: column of the class, name or number; NULL if none
 * @targets: CSV: columns of real targets, separated by commas; NULL if none
 * @features: CSV: columns of the features, likewise; NULL for all others
 * @class_of: folder: enum npu_class_of
 * @match: folder: names of the files; NULL for all
 * @size: images: HxW, or HxWxC with 1 or 3 channels; NULL for that of the first
 * @spectrogram: recordings: samples are pictures of frames and bands, not sequences
 * @mfcc: recordings: MFCC in place of log-mel energies
 * @frames: recordings: length of a sample; 0 for the longest
 * @bands: recordings: mel bands; 0 for the library's default
 * @window_ms: recordings: milliseconds of a frame, likewise
 * @hop_ms: recordings: from one frame to the next, likewise
 * @window: series: cut into samples of so many steps; 0 for not at all
 * @horizon: series: targets are the values of so many steps behind the window
 * @every: series: steps from one window to the next; 0 for 1
 */
struct dataset_file {
	const char *path;
	const char *labels;
	const char *label;
	const char *targets;
	const char *features;
	unsigned int class_of;
	const char *match;
	const char *size;
	bool spectrogram, mfcc;
	unsigned int frames, bands;
	float window_ms, hop_ms;
	unsigned int window, horizon, every;
};

extern const char *const dataset_file_classes_of[]; /* words of enum npu_class_of */

/* The options that every command which reads a dataset has. */
/* clang-format off */
#define DATASET_FILE_OPTIONS(file)                                                              \
	{ 'l', "label", "COLUMN", "CSV: column of the class, by name or number (-1: the last)", \
	  CLI_TEXT, &(file)->label, NULL, 0, 0 },                                               \
	{ 't', "targets", "COLUMNS", "CSV: columns of real targets, separated by commas",       \
	  CLI_TEXT, &(file)->targets, NULL, 0, 0 },                                             \
	{ 0, "features", "COLUMNS", "CSV: columns to learn from; default all others",           \
	  CLI_TEXT, &(file)->features, NULL, 0, 0 },                                            \
	{ 'L', "labels", "FILE", "IDX, NPY: file with the labels or targets",                   \
	  CLI_TEXT, &(file)->labels, NULL, 0, 0 },                                              \
	{ 0, "class-of", "WHERE", "folder: class is the sub-folder's name (folder), or the "    \
	  "file's up to the first _ (prefix), or none; default folder",                         \
	  CLI_CHOICE, &(file)->class_of, dataset_file_classes_of, 0, 0 },                       \
	{ 0, "match", "PATTERN", "folder: only files with such names, as in *_[1-4]?.wav",      \
	  CLI_TEXT, &(file)->match, NULL, 0, 0 },                                               \
	{ 0, "size", "HxW", "images: resize to this, or HxWxC with C 1 (grey) or 3; default "   \
	  "that of the first",                                                                  \
	  CLI_TEXT, &(file)->size, NULL, 0, 0 },                                                \
	{ 0, "spectrogram", NULL, "WAV: samples are pictures for conv, not sequences",          \
	  CLI_FLAG, &(file)->spectrogram, NULL, 0, 0 },                                         \
	{ 0, "mfcc", NULL, "WAV: MFCC in place of log-mel energies",                            \
	  CLI_FLAG, &(file)->mfcc, NULL, 0, 0 },                                                \
	{ 0, "frames", "N", "WAV: length of a sample; default the longest recording's",         \
	  CLI_UINT, &(file)->frames, NULL, 1, 1e6 },                                            \
	{ 0, "bands", "N", "WAV: mel bands; default 40",                                        \
	  CLI_UINT, &(file)->bands, NULL, 1, 1024 },                                            \
	{ 0, "frame-ms", "X", "WAV: milliseconds that a frame looks at; default 25",            \
	  CLI_REAL, &(file)->window_ms, NULL, 1, 1000 },                                        \
	{ 0, "hop-ms", "X", "WAV: from one frame to the next; default 10",                      \
	  CLI_REAL, &(file)->hop_ms, NULL, 1, 1000 },                                           \
	{ 0, "window", "N", "series: cut into samples of N steps; the rows of a CSV file are "  \
	  "one series",                                                                         \
	  CLI_UINT, &(file)->window, NULL, 1, 1e6 },                                            \
	{ 0, "horizon", "N", "with --window: targets are the values of the next N steps",       \
	  CLI_UINT, &(file)->horizon, NULL, 1, 1e6 },                                           \
	{ 0, "every", "N", "with --window: steps from one sample to the next; default 1",       \
	  CLI_UINT, &(file)->every, NULL, 1, 1e6 }
/* clang-format on */

/*
 * @dim: H, W, C of the model that the samples are for, which images are resized to, recordings
 * and series cut to; NULL for none yet.
 */
int dataset_file_read(const struct dataset_file *file, const uint32_t dim[3],
		      struct npu_dataset *data, struct npu_error *err);

/* -EINVAL with a sentence if @data has neither labels nor targets. */
int dataset_file_check_answers(const struct dataset_file *file, const struct npu_dataset *data,
			       struct npu_error *err);

/* A folder of images or recordings, as dataset_file_read() opens it. */
int dataset_folder_read(const struct dataset_file *file, const uint32_t dim[3],
			struct npu_dataset *data, struct npu_error *err);

/* Fetch what data->read would make later; data->x is then all of the samples. */
int dataset_file_load(struct npu_dataset *data, struct npu_error *err);

/* Sets @err, with a sentence; returns @code. */
__attribute__((format(printf, 3, 4))) int dataset_file_fail(struct npu_error *err, int code,
							    const char *format, ...);

/* Where the answers are. */
static inline const char *dataset_file_answers(const struct dataset_file *file)
{
	return file->labels ? file->labels : file->path;
}

/**
 * dataset_file_match_classes - give classes the numbers and names that a model has for them
 * @path: where the answers come from, for the sentence
 * @data: its labels are renumbered
 * @names: the model's class names, NULL past the end or where it has none
 * @outputs: of the model
 *
 * A file numbers the classes that occur in it, and need not hold all that the model learned.
 * Without names on either side the numbers are taken as they are.
 */
int dataset_file_match_classes(const char *path, struct npu_dataset *data,
			       const char *(*names)(const void *model, size_t i), const void *model,
			       size_t outputs, struct npu_error *err);

#endif
