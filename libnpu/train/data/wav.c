// SPDX-License-Identifier: MIT
/*
 * DOC: WAV
 *
 * "RIFF", a size, "WAVE", then chunks: four letters, a size, as many bytes, and one more if those
 * are odd (Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0, 1991).
 * "fmt " says what the samples in "data" are; what else there is, is passed over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "file.h"
#include "npu_train/data.h"

/* A day of sound at 8 kHz, 8 bits. */
#define MAX_FILE ((size_t)1 << 30)
#define MAX_CHANNELS 64

#define PCM 1
#define EXTENSIBLE 0xfffe

/* What the chunks of a file say; data is in the file's bytes. */
struct wav {
	const char *path;
	unsigned int channels, rate, bits;
	const uint8_t *data;
	size_t size;
};

static unsigned int get16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static int truncated(const struct wav *wav, const char *what, struct npu_error *err)
{
	return npu_error_set(err, -EINVAL,
			     "%s: ends in the middle of %s; the file is truncated: record or fetch "
			     "it again",
			     wav->path, what);
}

static int parse_format(struct wav *wav, const uint8_t *p, uint32_t size, struct npu_error *err)
{
	unsigned int format = size < 16 ? 0 : get16(p);

	/* Then the kind is in the first bytes of a GUID. */
	if (format == EXTENSIBLE && size >= 40)
		format = get16(p + 24);
	if (format != PCM)
		return npu_error_set(err, -EINVAL,
				     "%s: sound of format %u; PCM can be read: convert it with "
				     "'sox in.wav -e signed -b 16 out.wav'",
				     wav->path, format);
	wav->channels = get16(p + 2);
	wav->rate = get32(p + 4);
	wav->bits = get16(p + 14);
	if (wav->bits != 8 && wav->bits != 16)
		return npu_error_set(err, -EINVAL,
				     "%s: samples of %u bits; 8 and 16 can be read: convert it "
				     "with 'sox in.wav -b 16 out.wav'",
				     wav->path, wav->bits);
	if (!wav->channels || wav->channels > MAX_CHANNELS || !wav->rate ||
	    get16(p + 12) != wav->channels * wav->bits / 8)
		return npu_error_set(err, -EINVAL,
				     "%s: its header says %u channels, %u samples a second and "
				     "%u bytes for all channels, which do not go together; it is "
				     "damaged",
				     wav->path, wav->channels, wav->rate, get16(p + 12));
	return 0;
}

/* Walk over the chunks up to "data". */
static int parse_chunks(struct wav *wav, const uint8_t *p, size_t left, struct npu_error *err)
{
	while (left) {
		uint32_t size;
		int ret;

		if (left < 8)
			return truncated(wav, "its header", err);
		size = get32(p + 4);
		left -= 8;
		if (size > left)
			return truncated(wav, memcmp(p, "data", 4) ? "its header" : "its sound",
					 err);
		if (!memcmp(p, "data", 4)) {
			wav->data = p + 8;
			wav->size = size;
			return 0;
		}
		ret = memcmp(p, "fmt ", 4) ? 0 : parse_format(wav, p + 8, size, err);
		if (ret)
			return ret;
		size += size & 1 && size < left;
		p += 8 + (size_t)size;
		left -= size;
	}
	return 0;
}

static int parse(struct wav *wav, const uint8_t *bytes, size_t size, struct npu_error *err)
{
	int ret;

	if (size >= 4 && memcmp(bytes, "RIFF", 4))
		return npu_error_set(err, -EINVAL,
				     "%s: not a WAV file; convert it with 'sox in out.wav'",
				     wav->path);
	if (size < 12)
		return truncated(wav, "its header", err);
	if (memcmp(bytes + 8, "WAVE", 4))
		return npu_error_set(err, -EINVAL, "%s: a RIFF file without sound", wav->path);
	ret = parse_chunks(wav, bytes + 12, size - 12, err);
	if (ret)
		return ret;
	if (!wav->data && get32(bytes + 4) > size - 8)
		return truncated(wav, "its header", err);
	if (!wav->data)
		return npu_error_set(err, -EINVAL,
				     "%s: no chunk 'data' with sound; record it again", wav->path);
	if (!wav->channels)
		return npu_error_set(err, -EINVAL,
				     "%s: no chunk 'fmt ' before the sound; it is damaged",
				     wav->path);
	if (!wav->size)
		return npu_error_set(err, -ENODATA, "%s: no sound in it; leave the file out",
				     wav->path);
	if (wav->size % (wav->channels * wav->bits / 8))
		return truncated(wav, "a sample", err);
	return 0;
}

/* Channels are summed as integers: the mean is rounded once. */
static void convert(const struct wav *wav, float *samples, size_t count)
{
	float full = (float)wav->channels * (wav->bits == 8 ? 128 : 32768);
	const uint8_t *p = wav->data;

	for (size_t i = 0; i < count; i++) {
		int32_t sum = 0;

		for (unsigned int c = 0; c < wav->channels; c++, p += wav->bits / 8)
			sum += wav->bits == 8 ? *p - 128 : (int16_t)get16(p);
		samples[i] = (float)sum / full;
	}
}

int npu_read_wav(const char *path, float **samples, size_t *count, unsigned int *rate,
		 struct npu_error *err)
{
	struct wav wav = { .path = path };
	size_t size;
	char *bytes;
	int ret;

	*samples = NULL;
	*count = 0;
	*rate = 0;
	ret = npu_file_read(path, MAX_FILE, &bytes, &size, err);
	if (ret)
		return ret;
	ret = parse(&wav, (const uint8_t *)bytes, size, err);
	if (!ret) {
		*rate = wav.rate;
		*count = wav.size / (wav.channels * wav.bits / 8);
		*samples = malloc(*count * sizeof(**samples));
		if (*samples)
			convert(&wav, *samples, *count);
		else
			ret = npu_error_set(err, -ENOMEM, "%s: no memory for %zu samples", path,
					    *count);
	}
	free(bytes);
	return ret;
}
