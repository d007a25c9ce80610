// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "audio.h"
#include "dataset.h"
#include "folder.h"

/**
 * struct recordings - a folder of them on its way into a dataset
 * @data: out
 * @folder: the files
 * @audio: made by the rate of the first
 * @feature: [folder.count], the features of each, [frames][width]
 * @frames: [folder.count]
 * @longest: frames of the longest
 */
struct recordings {
	struct npu_dataset *data;
	struct npu_folder folder;
	struct npu_audio audio;
	float **feature;
	size_t *frames;
	size_t longest;
};

static int check_rate(struct recordings *r, const struct npu_wav_options *o, const char *path,
		      unsigned int rate, struct npu_error *err)
{
	struct npu_error why;
	int ret;

	if (!r->audio.rate) {
		ret = npu_audio_create(&r->audio, &o->audio, rate, &why);
		return ret ? npu_error_set(err, ret, "%s: %s", path, why.message) : 0;
	}
	if (rate != r->audio.rate)
		return npu_error_set(err, -EINVAL,
				     "%s: %u samples a second instead of %u; convert it with 'sox "
				     "in.wav -r %u out.wav'",
				     path, rate, r->audio.rate, r->audio.rate);
	return 0;
}

static int read_recording(struct recordings *r, const struct npu_wav_options *o, size_t i,
			  struct npu_error *err)
{
	const char *path = r->folder.path[i];
	unsigned int rate;
	float *samples;
	size_t count;
	int ret = npu_read_wav(path, &samples, &count, &rate, err);

	if (ret)
		return ret;
	ret = check_rate(r, o, path, rate, err);
	if (!ret) {
		r->frames[i] = npu_audio_count(&r->audio, count);
		r->longest = r->frames[i] > r->longest ? r->frames[i] : r->longest;
		r->feature[i] = reallocarray(NULL, r->frames[i] * r->audio.width, sizeof(float));
		if (r->feature[i])
			npu_audio_run(&r->audio, samples, count, r->frames[i], r->feature[i]);
		else
			ret = npu_error_set(err, -ENOMEM, "%s: no memory for %zu frames", path,
					    r->frames[i]);
	}
	free(samples);
	return ret;
}

/* The shape of the samples, from that of others, or of the longest recording. */
static int set_shape(struct recordings *r, const struct npu_wav_options *o, const char *path,
		     bool *image, size_t *frames, struct npu_error *err)
{
	const struct npu_dataset *like = o->folder.like;
	size_t width = r->audio.width;

	*image = o->image;
	*frames = o->frames ? o->frames : r->longest;
	if (*frames > UINT32_MAX)
		return npu_error_set(err, -EOVERFLOW, "%s: a recording of %zu frames; cut it", path,
				     *frames);
	if (!like)
		return 0;
	*image = like->dim[0] > 1;
	*frames = *image ? like->dim[0] : like->dim[1];
	if (like->dim[*image ? 1 : 2] == width && like->dim[*image ? 2 : 0] == 1)
		return 0;
	return npu_error_set(err, -EINVAL,
			     "%s: frames of %zu features where the samples that they shall be like "
			     "are %u x %u x %u; make the same features of both",
			     path, width, like->dim[0], like->dim[1], like->dim[2]);
}

/* Features to the rows of the dataset, all of one length. */
static int fill(struct recordings *r, size_t frames, struct npu_error *err)
{
	struct npu_dataset *d = r->data;
	size_t width = r->audio.width, row = width * sizeof(float);
	const float nothing = 0;
	float *silence = malloc(row);

	d->lengths = calloc(d->samples, sizeof(*d->lengths));
	if (!d->lengths || !silence) {
		free(silence);
		return npu_error_set(err, -ENOMEM, "audio: no memory for %zu recordings",
				     d->samples);
	}
	npu_audio_run(&r->audio, &nothing, 1, 1, silence);
	for (size_t i = 0; i < d->samples; i++) {
		size_t n = r->frames[i] < frames ? r->frames[i] : frames;
		float *x = d->x + i * d->features;

		memcpy(x, r->feature[i], n * row);
		for (size_t t = n; t < frames; t++)
			memcpy(x + t * width, silence, row);
		d->lengths[i] = n;
	}
	free(silence);
	return 0;
}

/* A picture has none, and neither have sequences that all are as long as they can be. */
static void drop_lengths(struct npu_dataset *d, bool image)
{
	bool differ = false;

	for (size_t i = 0; i < d->samples; i++)
		differ |= d->lengths[i] < d->dim[1];
	if (differ && !image)
		return;
	free(d->lengths);
	d->lengths = NULL;
}

static int read_all(struct recordings *r, const char *path, const struct npu_wav_options *o,
		    struct npu_error *err)
{
	static const char *const suffixes[] = { ".wav", NULL };
	uint32_t dim[3] = { 1, 1, 1 };
	size_t frames;
	bool image;
	int ret = npu_folder_list(&r->folder, path, &o->folder, suffixes, err);

	if (ret)
		return ret;
	r->feature = calloc(r->folder.count, sizeof(*r->feature));
	r->frames = calloc(r->folder.count, sizeof(*r->frames));
	if (!r->feature || !r->frames)
		return npu_error_set(err, -ENOMEM, "%s: no memory for %zu recordings", path,
				     r->folder.count);
	if (o->audio.rate)
		ret = npu_audio_create(&r->audio, &o->audio, 0, err);
	for (size_t i = 0; !ret && i < r->folder.count; i++)
		ret = read_recording(r, o, i, err);
	if (!ret)
		ret = set_shape(r, o, path, &image, &frames, err);
	if (ret)
		return ret;
	dim[image ? 0 : 1] = frames;
	dim[image ? 1 : 2] = r->audio.width;
	ret = npu_dataset_alloc(r->data, r->folder.count, dim, 0, 0, err);
	if (!ret)
		ret = fill(r, frames, err);
	if (ret)
		return ret;
	drop_lengths(r->data, image);
	return npu_folder_give_labels(&r->folder, path, &o->folder, r->data, err);
}

int npu_dataset_read_wav(struct npu_dataset *data, const char *folder,
			 const struct npu_wav_options *options, struct npu_error *err)
{
	static const struct npu_wav_options defaults;
	struct recordings r = { .data = data };
	int ret;

	memset(data, 0, sizeof(*data));
	ret = read_all(&r, folder, options ? options : &defaults, err);
	for (size_t i = 0; r.feature && i < r.folder.count; i++)
		free(r.feature[i]);
	free(r.feature);
	free(r.frames);
	npu_audio_free(&r.audio);
	npu_folder_free(&r.folder);
	if (ret)
		npu_dataset_free(data);
	return ret;
}
