// SPDX-License-Identifier: MIT
#include "train/nn/rng.h"
#include "npu_train/data.h"

/* A stream apart from those of training and initial weights. */
#define AUGMENT_STREAM (UINT64_MAX - 1)

/* Rows or columns: where in the sample each of the result comes from. */
struct axis {
	uint32_t size;
	uint32_t start;	 /* of the part that is stretched to the whole */
	uint32_t window; /* its size */
	int64_t shift;
	bool flip;
};

/* What lies between two rows or columns: @weight of @second, the rest of @first. */
struct place {
	uint32_t first, second;
	float weight;
};

static struct axis draw(struct npu_rng *rng, uint32_t size, unsigned int shift, unsigned int crop,
			bool flip)
{
	struct axis axis = { .size = size, .window = size };

	if (size < 2)
		return axis;
	if (crop) {
		uint32_t most = crop < size - 1 ? crop : size - 1;
		uint32_t cut = npu_rng_below(rng, (uint64_t)most + 1);

		axis.window = size - cut;
		axis.start = npu_rng_below(rng, (uint64_t)cut + 1);
	}
	if (shift)
		axis.shift = (int64_t)npu_rng_below(rng, 2 * (uint64_t)shift + 1) - shift;
	if (flip)
		axis.flip = npu_rng_below(rng, 2);
	return axis;
}

/* Returns false where @i comes from outside of the sample. */
static bool locate(const struct axis *axis, uint32_t i, struct place *place)
{
	int64_t at = axis->flip ? axis->size - 1 - (int64_t)i : (int64_t)i;
	uint64_t scaled, step;

	at -= axis->shift;
	if (at < 0 || at >= axis->size)
		return false;
	if (axis->window == axis->size) {
		*place = (struct place){ at, at, 0 };
		return true;
	}
	/* The ends of the window go to the ends of the result. In whole numbers: no rounding. */
	step = axis->size - 1;
	scaled = (uint64_t)at * (axis->window - 1);
	place->first = axis->start + scaled / step;
	place->weight = (float)(scaled % step) / (float)step;
	place->second = place->first + (scaled % step != 0);
	return true;
}

static float between(float first, float second, float weight)
{
	return first + weight * (second - first);
}

/* One row of the result, from the two rows @above and @below of the sample. */
static void gather(const struct axis *columns, uint32_t channels, const float *above,
		   const float *below, float weight, float fill, float *y)
{
	struct place c;

	for (uint32_t j = 0; j < columns->size; j++, y += channels) {
		size_t first, second;

		if (!locate(columns, j, &c)) {
			for (uint32_t k = 0; k < channels; k++)
				y[k] = fill;
			continue;
		}
		first = (size_t)c.first * channels;
		second = (size_t)c.second * channels;
		for (uint32_t k = 0; k < channels; k++)
			y[k] = between(between(above[first + k], above[second + k], c.weight),
				       between(below[first + k], below[second + k], c.weight),
				       weight);
	}
}

void npu_augment(const struct npu_augmentation *options, const uint32_t dim[3], uint32_t length,
		 const float *x, uint64_t random, float *y)
{
	size_t row = (size_t)dim[1] * dim[2], valid = (size_t)length * dim[2];
	struct axis rows, columns;
	struct place r;
	struct npu_rng rng;

	npu_rng_seed(&rng, random, AUGMENT_STREAM);
	rows = draw(&rng, dim[0], options->shift[0], options->crop[0], options->flip_rows);
	columns = draw(&rng, length, options->shift[1], options->crop[1], options->flip_columns);
	for (uint32_t i = 0; i < dim[0]; i++) {
		float *to = y + i * row;

		if (locate(&rows, i, &r))
			gather(&columns, dim[2], x + r.first * row, x + r.second * row, r.weight,
			       options->fill, to);
		else
			for (size_t k = 0; k < valid; k++)
				to[k] = options->fill;
		if (options->noise > 0)
			for (size_t k = 0; k < valid; k++)
				to[k] += options->noise * (float)npu_rng_normal(&rng);
		for (size_t k = valid; k < row; k++)
			to[k] = x[i * row + k];
	}
}
