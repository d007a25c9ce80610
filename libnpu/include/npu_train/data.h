/* SPDX-License-Identifier: MIT */
/* Chapter 1: data. Read it, prepare it, split it. */
#ifndef NPU_TRAIN_DATA_H
#define NPU_TRAIN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct npu_dataset - samples and what should be said of them
 * @samples: how many
 * @dim: H, W, C of a sample; a row of n features is {1, 1, n}, a sequence of T steps {1, T, n}
 * @features: H * W * C
 * @targets: values of @y a sample; 0 where there are labels instead
 * @classes: number of classes; 0 where there are targets instead
 * @x: f32 [samples][features]; NULL where @read makes them
 * @y: f32 [samples][targets], or NULL
 * @labels: [samples], each in [0, classes), or NULL
 * @lengths: [samples], steps of each sequence, 1 to W; what comes behind them is padding. NULL
 *	where all are W long
 * @weights: [samples], what a sample counts in loss and metrics, 0 or more; NULL for 1
 * @feature_names: [features], or NULL
 * @class_names: [classes], or NULL
 * @read: fill x [features] with a sample: data that is larger than memory, or made when it is
 *	needed. NULL where @x is set. Called by one thread at a time, not always the same; an error
 *	ends training
 * @context: for @read
 * @release: called by npu_dataset_free() in place of freeing @x, for what @x or @context is; or
 *	NULL
 *
 * What the functions below fill belongs to the dataset and goes with npu_dataset_free(), which
 * leaves the structure zeroed. A caller who points it at arrays of his own simply does not free it.
 */
struct npu_dataset {
	size_t samples;
	uint32_t dim[3];
	size_t features;
	size_t targets;
	size_t classes;
	float *x;
	float *y;
	int32_t *labels;
	uint32_t *lengths;
	float *weights;
	char **feature_names;
	char **class_names;
	int (*read)(const struct npu_dataset *data, size_t sample, float *x, struct npu_error *err);
	void *context;
	void (*release)(struct npu_dataset *data);
};

void npu_dataset_free(struct npu_dataset *data);

/* A dataset with zeroed arrays, of at least one sample; @targets or @classes, or both, are 0. */
int npu_dataset_alloc(struct npu_dataset *data, size_t samples, const uint32_t dim[3],
		      size_t targets, size_t classes, struct npu_error *err);

/* One sample to @x [features], from memory or read; fails only where @read does. */
int npu_dataset_sample(const struct npu_dataset *data, size_t sample, float *x,
		       struct npu_error *err);

/**
 * struct npu_csv_options - how to read a CSV file; all zero is the default
 * @separator: 0 to find out among comma, semicolon and tab
 * @header: 0 to find out (a first line with a field, the label aside, that is not a number),
 *	1 yes, -1 no
 * @label: name of the column with the class, or its number ("0" is the first, "-1" the last);
 *	NULL if none
 * @targets: names or numbers of the columns with real targets, separated by commas; NULL if none
 * @features: likewise the columns that are features; all others are left unread. NULL for all
 *	columns that are neither label nor target. They keep the order of the file
 *
 * @label and @targets exclude each other. Class names are sorted, numbers as numbers.
 */
struct npu_csv_options {
	char separator;
	int header;
	const char *label;
	const char *targets;
	const char *features;
};

/**
 * npu_dataset_read_csv - read a table, a sample a line
 * @options: NULL for the defaults
 *
 * UTF-8, lines ending in LF, CRLF or CR, fields plain or "quoted" (RFC 4180), blank lines left
 * out. Numbers are decimal with a point, whatever the locale, and correctly rounded. An error
 * begins with file:line:column, the column in bytes.
 */
int npu_dataset_read_csv(struct npu_dataset *data, const char *path,
			 const struct npu_csv_options *options, struct npu_error *err);

/*
 * IDX vectors (n, f), images (n, h, w) or (n, h, w, c), plain or gzip; unsigned bytes are scaled
 * to [0, 1]. @labels_path, whole numbers from 0, may be NULL.
 */
int npu_dataset_read_idx(struct npu_dataset *data, const char *samples_path,
			 const char *labels_path, struct npu_error *err);

/*
 * NumPy .npy, versions 1 to 3, C order, little endian, f4 f8 i1 u1 i2 u2 i4 i8, shaped as above.
 * @y_path may be NULL; integers in it of rank 1 are labels, all else is targets.
 */
int npu_dataset_read_npy(struct npu_dataset *data, const char *x_path, const char *y_path,
			 struct npu_error *err);

/*
 * Likewise, without reading: x is the file in place, mapped into memory read-only, however large
 * it is; only of '<f4', and the values are not checked. The file must not shrink meanwhile.
 */
int npu_dataset_open_npy(struct npu_dataset *data, const char *x_path, const char *y_path,
			 struct npu_error *err);

/* Values as .npy, f4, shape (rows, columns). */
int npu_write_npy(const char *path, const float *values, size_t rows, size_t columns,
		  struct npu_error *err);

/**
 * struct npu_ts_options - how to read a .ts file; all zero is the default
 * @steps: length of the sequences: shorter ones are padded with 0, of longer ones the end is left
 *	out; 0 for the longest of the file
 * @like: sequences as long as there, and its classes; NULL for those of the file
 */
struct npu_ts_options {
	uint32_t steps;
	const struct npu_dataset *like;
};

/**
 * npu_dataset_read_ts - read the .ts files of the UCR/UEA archive, of aeon and sktime
 * @options: NULL for the defaults
 *
 * A header of lines such as "@classLabel true 1 2", then a series a line: its channels separated
 * by colons, their values by commas; last the class, or the target after "@targetLabel true".
 * Gives {1, T, channels}, with lengths where series are not all T long. An error begins with
 * file:line. Missing values ("?") and time stamps are refused.
 */
int npu_dataset_read_ts(struct npu_dataset *data, const char *path,
			const struct npu_ts_options *options, struct npu_error *err);

/* Where a folder of samples has their classes. */
enum npu_class_of {
	NPU_CLASS_OF_FOLDER = 0,	/* in the name of the sub-folder: cat/7.png */
	NPU_CLASS_OF_PREFIX,		/* in what comes before the first '_': 7_theo_12.wav */
	NPU_CLASS_OF_NONE,		/* nowhere: samples without labels */
};

/**
 * struct npu_folder_options - which files of a folder, and their classes; all zero is the default
 * @class_of: where the classes are. Of sub-folders, files in the folder itself have no class and
 *	are left out; else sub-folders are left out
 * @match: names of the files, such as "*_[1-4][0-9].wav" (fnmatch(3)); NULL for all that end as
 *	such files do
 * @like: number the classes as there, and have samples of that shape; another class is an error.
 *	So for test data, which may lack a class. NULL to number them by name
 *
 * The samples are in the order of their paths, by byte, so that they are the same on any machine.
 * Names that begin with a point are left out.
 */
struct npu_folder_options {
	enum npu_class_of class_of;
	const char *match;
	const struct npu_dataset *like;
};

/**
 * struct npu_image_options - how to read images; all zero is the default
 * @folder: which files
 * @height: of a sample; 0 for that of the first image
 * @width: likewise
 * @channels: 1 is grey, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); 3 is RGB; 0 for those of the
 *	first image
 * @resize: images of another size are brought to it, each axis by linear interpolation, or, where
 *	it gets smaller by s, by a triangle filter s times as wide; without it they are an error
 * @memory: as many bytes of samples are decoded at once and kept; of more, each image is decoded
 *	whenever it is needed. 0 for 256 MiB
 */
struct npu_image_options {
	struct npu_folder_options folder;
	uint32_t height, width, channels;
	bool resize;
	size_t memory;
};

/**
 * npu_dataset_open_images - a folder of PNG and JPEG files
 * @options: NULL for the defaults
 *
 * Values are in [0, 1]; 16 bits a channel are read with all of them; what is transparent counts as
 * black. An error names the file. Where images are decoded later, that is when a damaged one is
 * found.
 */
int npu_dataset_open_images(struct npu_dataset *data, const char *folder,
			    const struct npu_image_options *options, struct npu_error *err);

/*
 * One image, to a sample of the shape @dim (height, width, 1 or 3), as above: what a model trained
 * on such a folder takes. @resize as there. @x: out, [H * W * C]
 */
int npu_read_image(const char *path, const uint32_t dim[3], bool resize, float *x,
		   struct npu_error *err);

enum npu_audio_features {
	NPU_AUDIO_LOG_MEL = 0,
	NPU_AUDIO_MFCC,
};

/**
 * struct npu_audio_options - what is made of sound; all zero is the default
 * @features: log-mel energies, or MFCC
 * @rate: samples a second that recordings must have; 0 for that of the first
 * @window_ms: milliseconds that a frame looks at; 0 for 25
 * @hop_ms: from one frame to the next; 0 for 10
 * @bands: mel bands; 0 for 40
 * @coefficients: of MFCC, at most @bands; 0 for 13
 * @f_min: Hz, where the lowest band begins; 0 for 20
 * @f_max: Hz, where the highest ends; 0 for half the rate
 *
 * Frame t is of the samples s[t * hop ...], each in [-1, 1), times a Hann window
 * 0.5 - 0.5 cos(2 pi n / window), filled up with zeros to a power of two N.
 *	power:	 P[k] = |sum_n s[n] e^(-2 pi i k n / N)|^2, k = 0 ... N / 2
 *	mel:	 m(f) = 1127 ln(1 + f / 700) (O'Shaughnessy 1987; HTK). @bands triangles with peak 1
 *		 stand with their feet on the peaks of their neighbours, evenly from m(@f_min) to
 *		 m(@f_max); E[b] = sum_k triangle_b(k rate / N) P[k]
 *	log-mel: ln(E[b] + 1e-6)
 *	MFCC:	 c[j] = sqrt(2 / bands) sum_b logmel[b] cos(pi j (b + 0.5) / bands), c[0] times
 *		 sqrt(0.5): the orthonormal DCT-II (Davis and Mermelstein 1980)
 * In double and without libm: the same bits on every machine.
 */
struct npu_audio_options {
	enum npu_audio_features features;
	unsigned int rate;
	float window_ms, hop_ms;
	unsigned int bands;
	unsigned int coefficients;
	float f_min, f_max;
};

/**
 * npu_read_wav - samples of a WAV file
 * @samples: out, [count], in [-1, 1); release with free()
 * @count: out, 1 or more
 * @rate: out, samples a second
 *
 * PCM of 8 or 16 bits; several channels become one, their mean. -EINVAL for a file that is
 * truncated, damaged or of another kind.
 */
int npu_read_wav(const char *path, float **samples, size_t *count, unsigned int *rate,
		 struct npu_error *err);

/* Frames that so many samples have: 1 + (count - window) / hop, and 1 of less than a window. */
int npu_audio_frames(const struct npu_audio_options *options, size_t count, size_t *frames,
		     struct npu_error *err);

/**
 * npu_audio_features - what a model hears
 * @options: with the rate set
 * @samples: [@count]
 * @frames: how many to make; past the end of the samples there is silence
 * @features: out, [frames][bands, or coefficients]
 */
int npu_audio_features(const struct npu_audio_options *options, const float *samples, size_t count,
		       size_t frames, float *features, struct npu_error *err);

/**
 * struct npu_wav_options - how to read recordings; all zero is the default
 * @folder: which files
 * @audio: what is made of them
 * @frames: length of the samples: shorter recordings are filled up with silence, of longer ones
 *	the end is left out; 0 for the longest
 * @image: {frames, bands, 1}, for networks that take pictures, without lengths; else
 *	{1, frames, bands}, with lengths where they differ
 */
struct npu_wav_options {
	struct npu_folder_options folder;
	struct npu_audio_options audio;
	uint32_t frames;
	bool image;
};

/*
 * A folder of WAV files. @options: NULL for the defaults. With options->folder.like, the number of
 * frames is that of its samples, and @image as they are. An error names the file.
 */
int npu_dataset_read_wav(struct npu_dataset *data, const char *folder,
			 const struct npu_wav_options *options, struct npu_error *err);

/**
 * struct npu_scaler - x' = (x - mean) * factor, a feature at a time
 * @count: features
 * @mean: [count]
 * @factor: [count]; 1 for a feature that does not vary
 *
 * Fitted on training data, then part of the model (npu_model_set_scaler()), so that raw data
 * goes in wherever the model does. Free with npu_scaler_free().
 *
 * A sequence ({1, T, C} with T > 1) is measured by channel, over the steps that data->lengths
 * says, and each step is scaled alike: what step it is depends on where a recording began. All
 * else is measured by feature. Where data->read makes the samples, they are read twice.
 */
struct npu_scaler {
	size_t count;
	float *mean;
	float *factor;
};

int npu_scaler_fit_standard(struct npu_scaler *scaler, const struct npu_dataset *data,
			    struct npu_error *err);	/* mean 0, variance 1 */
int npu_scaler_fit_min_max(struct npu_scaler *scaler, const struct npu_dataset *data,
			   struct npu_error *err);	/* to [0, 1] */
void npu_scaler_free(struct npu_scaler *scaler);

/* Labels to targets: y[i][labels[i]] = 1. Labels stay. -EINVAL where there are targets already. */
int npu_dataset_one_hot(struct npu_dataset *data, struct npu_error *err);

/**
 * npu_dataset_take - some samples, in some order
 * @part: out
 * @index: [@count] numbers of samples of @data; repeats are fine
 *
 * A copy where @data lies in memory. Where @data->read makes the samples or @data->release holds
 * them, @part reads them from there when they are needed: what the functions here opened stays
 * open until its last part is freed; a dataset of the caller's own has to outlive its parts, and
 * its read has to bear two threads at a time, where one trains on a part and one reads another.
 * -ERANGE for a number past the last sample.
 */
int npu_dataset_take(struct npu_dataset *part, const struct npu_dataset *data,
		     const size_t *index, size_t count, struct npu_error *err);

/*
 * Shuffle by @seed and split; @test gets round(@fraction * samples) of them. @data is unchanged;
 * the parts are as npu_dataset_take() makes them.
 */
int npu_dataset_split(const struct npu_dataset *data, float fraction, uint64_t seed,
		      struct npu_dataset *train, struct npu_dataset *test, struct npu_error *err);

/*
 * Classes of different size count alike: weights = samples / (classes that occur * samples of the
 * class), so that their mean is 1 (King and Zeng 2001). Weights there are, are replaced.
 */
int npu_dataset_balance(struct npu_dataset *data, struct npu_error *err);

/*
 * The same by repetition: all samples of @data, then those of smaller classes over again, in
 * order, until each class that occurs has as many as the largest. See npu_dataset_take().
 */
int npu_dataset_oversample(struct npu_dataset *out, const struct npu_dataset *data,
			   struct npu_error *err);

/**
 * npu_dataset_windows - cut time series into overlapping pieces
 * @out: sequences {1, @window, C}
 * @data: rows {1, 1, C}, which are the steps of one series; or sequences {1, T, C}, each of them
 *	a series of its own, or as much of it as @data->lengths says
 * @window: steps, 1 or more
 * @horizon: targets are the values of the next so many steps, [horizon][C]; 0 for none, then a
 *	window has the label of the row or sequence that it ends in, if @data has labels
 * @stride: steps from one window to the next; 0 for 1
 *
 * Windows follow in the order of time. -EINVAL where no series is as long as window and horizon.
 */
int npu_dataset_windows(struct npu_dataset *out, const struct npu_dataset *data, uint32_t window,
			uint32_t horizon, uint32_t stride, struct npu_error *err);

/**
 * struct npu_augmentation - how training samples vary; all zero is not at all
 * @shift: rows, columns: move by up to so many pixels or steps either way; @fill comes in. The
 *	same as padding each side by so many and cutting the old size out at random
 * @crop: rows, columns: take up to so many less, from a random place, and stretch that to the
 *	old size, by linear interpolation
 * @flip_columns: mirror left to right in half of the samples
 * @flip_rows: mirror top to bottom in half of the samples
 * @noise: standard deviation of what is added to each value, normal, in units of the data
 * @fill: value that comes in when shifting
 *
 * A sequence has one row, and its steps are the columns. Augmentation comes before the scaler.
 */
struct npu_augmentation {
	unsigned int shift[2];
	unsigned int crop[2];
	bool flip_columns;
	bool flip_rows;
	float noise;
	float fill;
};

/**
 * npu_augment - one variation of a sample
 * @options: what may happen to it
 * @dim: H, W, C of the sample
 * @length: steps of a sequence, the rest is copied; @dim[1] for all
 * @x: [H * W * C], the sample
 * @random: which variation: the same number gives the same one, on every machine. A hash of
 *	(seed, epoch, sample)
 * @y: out, [H * W * C]; not @x
 *
 * Allocates nothing and cannot fail. Crop, shift and flips act together: each value of @y comes
 * from one place of @x.
 */
void npu_augment(const struct npu_augmentation *options, const uint32_t dim[3], uint32_t length,
		 const float *x, uint64_t random, float *y);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_DATA_H */
