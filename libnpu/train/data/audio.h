/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_AUDIO_H
#define NPU_DATA_AUDIO_H

#include "fft.h"
#include "npu_train/data.h"

/**
 * struct npu_band - the triangle of a mel band
 * @first: bin of the transform, the first under it
 * @count: bins under it, 1 or more
 * @weight: [count], its height there
 */
struct npu_band {
	size_t first, count;
	double *weight;
};

/**
 * struct npu_audio - options made ready to compute features with
 * @rate: samples a second
 * @window: samples that a frame looks at
 * @hop: from one frame to the next
 * @width: values of a frame
 * @bands: mel bands
 * @coefficients: of MFCC, or 0
 * @hann: [window]
 * @band: [bands]
 * @weights: of all bands
 * @dct: [coefficients][bands]
 * @frame: [fft.n]
 * @power: [fft.n / 2 + 1]
 * @log_mel: [bands]
 */
struct npu_audio {
	unsigned int rate;
	size_t window, hop, width, bands, coefficients;
	struct npu_fft fft;
	struct npu_band *band;
	double *hann, *weights, *dct, *frame, *power, *log_mel;
};

/* @rate stands in where the options have none. Free with npu_audio_free(), also where it failed. */
int npu_audio_create(struct npu_audio *audio, const struct npu_audio_options *options,
		     unsigned int rate, struct npu_error *err);
void npu_audio_free(struct npu_audio *audio);

/* Frames of so many samples. */
size_t npu_audio_count(const struct npu_audio *audio, size_t samples);

/* See npu_audio_features(). */
void npu_audio_run(struct npu_audio *audio, const float *samples, size_t count, size_t frames,
		   float *features);

#endif /* NPU_DATA_AUDIO_H */
