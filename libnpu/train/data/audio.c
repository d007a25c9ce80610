// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/nn/elementary.h"
#include "audio.h"

/* Beyond all hearing, and sizes that no feature needs. */
#define MAX_RATE 1000000
#define MAX_WINDOW 65536
#define MAX_BANDS 1024
/* Added to energies: what lies below counts as silence. */
#define FLOOR 1e-6

static double mel(double frequency)
{
	return 1127 * npu_log(1 + frequency / 700);
}

static double frequency_of(double mels)
{
	return 700 * npu_expm1(mels / 1127);
}

/* A time in samples, or 0 where it makes no sense. */
static size_t to_samples(float ms, float otherwise, unsigned int rate)
{
	double samples = floor((ms != 0 ? (double)ms : (double)otherwise) * rate / 1000 + 0.5);

	return samples >= 1 && samples <= MAX_WINDOW ? (size_t)samples : 0;
}

/* The sizes. */
static int resolve(struct npu_audio *a, const struct npu_audio_options *o, unsigned int rate,
		   struct npu_error *err)
{
	a->rate = o->rate ? o->rate : rate;
	if (!a->rate || a->rate > MAX_RATE)
		return npu_error_set(err, -EINVAL,
				     "audio: a rate of %u samples a second; it is 1 to %d", a->rate,
				     MAX_RATE);
	a->window = to_samples(o->window_ms, 25, a->rate);
	a->hop = to_samples(o->hop_ms, 10, a->rate);
	if (a->window < 2 || !a->hop)
		return npu_error_set(err, -EINVAL,
				     "audio: a window of %g ms and a hop of %g ms at %u samples a "
				     "second; take 2 to %d samples, and 1 or more",
				     (double)o->window_ms, (double)o->hop_ms, a->rate, MAX_WINDOW);
	a->bands = o->bands ? o->bands : 40;
	if (o->features == NPU_AUDIO_MFCC)
		a->coefficients = o->coefficients ? o->coefficients : 13;
	if (a->bands > MAX_BANDS || a->coefficients > a->bands)
		return npu_error_set(err, -EINVAL,
				     "audio: %zu mel bands and %zu coefficients; take at most %d "
				     "bands, and no more coefficients than bands",
				     a->bands, a->coefficients, MAX_BANDS);
	a->width = a->coefficients ? a->coefficients : a->bands;
	return 0;
}

static int allocate(struct npu_audio *a, struct npu_error *err)
{
	size_t n = 4;

	while (n < a->window)
		n *= 2;
	a->hann = malloc(a->window * sizeof(*a->hann));
	a->band = calloc(a->bands, sizeof(*a->band));
	/* A bin is under two triangles at most. */
	a->weights = calloc(n + 2, sizeof(*a->weights));
	a->dct = calloc(a->coefficients * a->bands + 1, sizeof(*a->dct));
	a->frame = calloc(n, sizeof(*a->frame));
	a->power = calloc(n / 2 + 1, sizeof(*a->power));
	a->log_mel = calloc(a->bands, sizeof(*a->log_mel));
	if (a->hann && a->band && a->weights && a->dct && a->frame && a->power && a->log_mel &&
	    !npu_fft_create(&a->fft, n))
		return 0;
	return npu_error_set(err, -ENOMEM, "audio: no memory for windows of %zu samples",
			     a->window);
}

static int set_bands(struct npu_audio *a, double f_min, double f_max, struct npu_error *err)
{
	double low = mel(f_min), step = (mel(f_max) - low) / (a->bands + 1);
	double bin = (double)a->rate / a->fft.n;
	double *weight = a->weights;

	for (size_t b = 0; b < a->bands; b++) {
		double left = frequency_of(low + b * step),
		       peak = frequency_of(low + (b + 1) * step);
		double right = frequency_of(low + (b + 2) * step);
		struct npu_band *band = &a->band[b];

		band->weight = weight;
		for (size_t k = 0; k <= a->fft.n / 2; k++) {
			double f = k * bin;
			double rise = (f - left) / (peak - left);
			double fall = (right - f) / (right - peak);
			double height = rise < fall ? rise : fall;

			if (!(height > 0))
				continue;
			if (!band->count++)
				band->first = k;
			*weight++ = height;
		}
		if (!band->count)
			return npu_error_set(err, -EINVAL,
					     "audio: mel band %zu, %.0f to %.0f Hz, is narrower "
					     "than the %.0f Hz that a window of %zu samples tells "
					     "apart; take fewer bands or a longer window",
					     b, left, right, bin, a->window);
	}
	return 0;
}

static void set_window(struct npu_audio *a)
{
	for (size_t i = 0; i < a->window; i++)
		a->hann[i] = 0.5 - 0.5 * npu_cos_turn((double)i / a->window);
}

static void set_dct(struct npu_audio *a)
{
	double scale = sqrt(2. / a->bands);

	for (size_t j = 0; j < a->coefficients; j++)
		for (size_t b = 0; b < a->bands; b++)
			a->dct[j * a->bands + b] =
				scale * (j ? 1 : sqrt(0.5)) *
				npu_cos_turn((double)(j * (2 * b + 1)) / (4 * a->bands));
}

int npu_audio_create(struct npu_audio *audio, const struct npu_audio_options *options,
		     unsigned int rate, struct npu_error *err)
{
	double f_min = options->f_min != 0 ? options->f_min : 20, f_max = options->f_max;
	int ret;

	memset(audio, 0, sizeof(*audio));
	ret = resolve(audio, options, rate, err);
	if (ret)
		return ret;
	if (f_max == 0)
		f_max = audio->rate / 2.;
	if (!(f_min >= 0 && f_min < f_max && f_max <= audio->rate / 2.))
		return npu_error_set(err, -EINVAL,
				     "audio: bands from %g to %g Hz at %u samples a second; they "
				     "end at half the rate at most",
				     f_min, f_max, audio->rate);
	ret = allocate(audio, err);
	if (!ret)
		ret = set_bands(audio, f_min, f_max, err);
	if (ret)
		return ret;
	set_window(audio);
	set_dct(audio);
	return 0;
}

void npu_audio_free(struct npu_audio *audio)
{
	npu_fft_free(&audio->fft);
	free(audio->hann);
	free(audio->band);
	free(audio->weights);
	free(audio->dct);
	free(audio->frame);
	free(audio->power);
	free(audio->log_mel);
	memset(audio, 0, sizeof(*audio));
}

size_t npu_audio_count(const struct npu_audio *audio, size_t samples)
{
	return samples < audio->window ? 1 : 1 + (samples - audio->window) / audio->hop;
}

static void run_frame(struct npu_audio *a, const float *samples, size_t count, float *features)
{
	size_t n = count < a->window ? count : a->window;

	for (size_t i = 0; i < n; i++)
		a->frame[i] = samples[i] * a->hann[i];
	for (size_t i = n; i < a->window; i++)
		a->frame[i] = 0;
	npu_fft_power(&a->fft, a->frame, a->power);
	for (size_t b = 0; b < a->bands; b++) {
		const struct npu_band *band = &a->band[b];
		double energy = 0;

		for (size_t k = 0; k < band->count; k++)
			energy += band->weight[k] * a->power[band->first + k];
		a->log_mel[b] = npu_log(energy + FLOOR);
	}
	for (size_t b = 0; !a->coefficients && b < a->bands; b++)
		features[b] = (float)a->log_mel[b];
	for (size_t j = 0; j < a->coefficients; j++) {
		double sum = 0;

		for (size_t b = 0; b < a->bands; b++)
			sum += a->dct[j * a->bands + b] * a->log_mel[b];
		features[j] = (float)sum;
	}
}

void npu_audio_run(struct npu_audio *audio, const float *samples, size_t count, size_t frames,
		   float *features)
{
	for (size_t t = 0; t < frames; t++, features += audio->width) {
		size_t start = t * audio->hop < count ? t * audio->hop : count;

		run_frame(audio, samples + start, count - start, features);
	}
}

int npu_audio_frames(const struct npu_audio_options *options, size_t count, size_t *frames,
		     struct npu_error *err)
{
	struct npu_audio audio = { 0 };
	int ret = resolve(&audio, options, 0, err);

	if (!ret)
		*frames = npu_audio_count(&audio, count);
	return ret;
}

int npu_audio_features(const struct npu_audio_options *options, const float *samples, size_t count,
		       size_t frames, float *features, struct npu_error *err)
{
	struct npu_audio audio;
	int ret = npu_audio_create(&audio, options, 0, err);

	if (!ret)
		npu_audio_run(&audio, samples, count, frames, features);
	npu_audio_free(&audio);
	return ret;
}
