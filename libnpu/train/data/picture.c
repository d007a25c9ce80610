// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "file.h"
#include "picture.h"

#define MAX_FILE ((size_t)1 << 28)

int npu_picture_allocate(struct npu_picture *picture, const char *path, struct npu_error *err)
{
	uint64_t pixels = (uint64_t)picture->height * picture->width;

	if (!pixels || pixels > NPU_MAX_PIXELS)
		return npu_error_set(
			err, -EFBIG,
			"%s: %u x %u pixels; at most %llu can be read: make it smaller "
			"with 'convert in -resize 50%% out'",
			path, picture->width, picture->height, (unsigned long long)NPU_MAX_PIXELS);
	picture->pixel = malloc(pixels * picture->channels * sizeof(*picture->pixel));
	if (picture->pixel)
		return 0;
	return npu_error_set(err, -ENOMEM, "%s: no memory for %u x %u pixels", path, picture->width,
			     picture->height);
}

int npu_picture_read(struct npu_picture *picture, const char *path, struct npu_error *err)
{
	size_t size;
	char *bytes;
	int ret = npu_file_read(path, MAX_FILE, &bytes, &size, err);

	*picture = (struct npu_picture){ 0 };
	if (ret)
		return ret;
	if (size >= 4 && !memcmp(bytes, "\x89PNG", 4))
		ret = npu_png_decode(picture, path, bytes, size, err);
	else if (size >= 2 && !memcmp(bytes, "\xff\xd8", 2))
		ret = npu_jpeg_decode(picture, path, bytes, size, err);
	else
		ret = npu_error_set(
			err, -EINVAL,
			"%s: neither PNG nor JPEG; convert it with 'convert in out.png', "
			"or leave it out",
			path);
	free(bytes);
	return ret;
}

/* One pixel's value of one channel of so many, in [0, 1]. */
static float value_of(const struct npu_picture *p, const uint16_t *pixel, uint32_t channels,
		      uint32_t channel)
{
	if (p->channels == 3 && channels == 1)
		return (0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2]) / 65535;
	return (float)pixel[p->channels == 3 ? channel : 0] / 65535;
}

static void convert_row(const struct npu_picture *p, uint32_t row, uint32_t channels, float *to)
{
	const uint16_t *from = p->pixel + (size_t)row * p->width * p->channels;

	for (uint32_t j = 0; j < p->width; j++, from += p->channels)
		for (uint32_t c = 0; c < channels; c++)
			*to++ = value_of(p, from, channels, c);
}

/* Room for the weights of one axis. */
static size_t most_taps(uint32_t in, uint32_t out)
{
	return in > out ? 2 * ((size_t)in / out + 1) + 2 : 4;
}

/*
 * The pixels that output @i of @out is made of, and their weights, whose sum is 1: a triangle over
 * the centre of the output, as wide as two inputs or, where it gets smaller, two outputs.
 */
static size_t find_taps(uint32_t in, uint32_t out, uint32_t i, uint32_t *first, float *weight)
{
	double scale = (double)in / out, reach = scale > 1 ? scale : 1;
	double centre = (i + 0.5) * scale, sum = 0;
	double low = floor(centre - reach), high = ceil(centre + reach);
	uint32_t begin = low > 0 ? (uint32_t)low : 0, end = high < in ? (uint32_t)high : in;
	size_t taps = 0;

	*first = begin;
	for (uint32_t k = begin; k < end; k++) {
		double height = 1 - fabs(k + 0.5 - centre) / reach;

		if (!(height > 0)) {
			*first += !taps;
			continue;
		}
		weight[taps++] = (float)height;
		sum += height;
	}
	for (size_t t = 0; t < taps; t++)
		weight[t] = (float)(weight[t] / sum);
	return taps;
}

/**
 * struct resizing - memory for it
 * @row: [width][channels] of the picture, converted
 * @line: likewise, the weighted sum of rows
 * @weight: of one output
 */
struct resizing {
	float *row, *line, *weight;
};

/* The rows that make row @i of the output, summed up to resizing->line. */
static void sum_rows(const struct npu_picture *p, const uint32_t dim[3], uint32_t i,
		     struct resizing *r)
{
	size_t values = (size_t)p->width * dim[2];
	uint32_t first;
	size_t taps = find_taps(p->height, dim[0], i, &first, r->weight);

	memset(r->line, 0, values * sizeof(*r->line));
	for (size_t t = 0; t < taps; t++) {
		convert_row(p, first + t, dim[2], r->row);
		for (size_t k = 0; k < values; k++)
			r->line[k] += r->weight[t] * r->row[k];
	}
}

static void sum_columns(const struct npu_picture *p, const uint32_t dim[3], struct resizing *r,
			float *x)
{
	for (uint32_t j = 0; j < dim[1]; j++, x += dim[2]) {
		uint32_t first;
		size_t taps = find_taps(p->width, dim[1], j, &first, r->weight);
		const float *from = r->line + (size_t)first * dim[2];

		for (uint32_t c = 0; c < dim[2]; c++) {
			float sum = 0;

			for (size_t t = 0; t < taps; t++)
				sum += r->weight[t] * from[t * dim[2] + c];
			x[c] = sum;
		}
	}
}

int npu_picture_sample(const struct npu_picture *picture, const uint32_t dim[3], float *x)
{
	size_t row = (size_t)dim[1] * dim[2], values = (size_t)picture->width * dim[2];
	size_t tall = most_taps(picture->height, dim[0]), wide = most_taps(picture->width, dim[1]);
	struct resizing r;
	float *memory;

	if (picture->height == dim[0] && picture->width == dim[1]) {
		for (uint32_t i = 0; i < dim[0]; i++)
			convert_row(picture, i, dim[2], x + i * row);
		return 0;
	}
	memory = malloc((2 * values + (tall > wide ? tall : wide)) * sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	r = (struct resizing){ memory, memory + values, memory + 2 * values };
	for (uint32_t i = 0; i < dim[0]; i++) {
		sum_rows(picture, dim, i, &r);
		sum_columns(picture, dim, &r, x + i * row);
	}
	free(memory);
	return 0;
}
