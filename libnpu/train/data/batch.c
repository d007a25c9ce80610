// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "runtime/error.h"

/* Arrays of one allocation: each @count elements of 4 bytes, or none of it. */
static void *take(char **at, size_t count)
{
	void *array = *at;

	if (!count)
		return NULL;
	*at += (count * 4 + 63) / 64 * 64;
	return array;
}

/* Lay the arrays out from @memory on; returns the bytes that takes. */
static size_t lay_out(struct npu_batch *batch, const struct npu_dataset *data, size_t capacity,
		      char *memory)
{
	char *at = memory;

	batch->capacity = capacity;
	batch->x = take(&at, capacity * data->features);
	batch->y = take(&at, data->y ? capacity * data->targets : 0);
	batch->labels = take(&at, data->labels && !data->y ? capacity : 0);
	batch->lengths = take(&at, data->lengths ? capacity : 0);
	batch->weights = take(&at, data->weights ? capacity : 0);
	return (size_t)(at - memory);
}

size_t npu_batch_bytes(const struct npu_dataset *data, size_t capacity)
{
	struct npu_batch batch;
	static char origin[1];

	return lay_out(&batch, data, capacity, origin);
}

int npu_batch_create(struct npu_batch *batch, const struct npu_dataset *data, size_t capacity,
		     struct npu_error *err)
{
	char *memory = aligned_alloc(64, npu_batch_bytes(data, capacity));

	memset(batch, 0, sizeof(*batch));
	if (!memory)
		return npu_error_set(err, -ENOMEM,
				     "out of memory for batches of %zu samples; use smaller ones",
				     capacity);
	lay_out(batch, data, capacity, memory);
	return 0;
}

void npu_batch_free(struct npu_batch *batch)
{
	free(batch->x); /* the first of the one allocation */
	memset(batch, 0, sizeof(*batch));
}

/* Element by element and rounded twice: the same bits on every CPU. */
void npu_scaler_apply(const struct npu_scaler *scaler, const float *from, float *to)
{
	const float *mean = scaler->mean, *factor = scaler->factor;
	size_t i;

	for (i = 0; i < scaler->count; i++)
		to[i] = (from[i] - mean[i]) * factor[i];
}

static int load_x(const struct npu_dataset *data, size_t i, const struct npu_scaler *scaler,
		  float *x, struct npu_error *err)
{
	const float *from = x;

	if (data->x) {
		from = data->x + i * data->features;
	} else {
		int ret = data->read(data, i, x, err);

		if (ret)
			return ret;
	}
	if (scaler && scaler->count)
		npu_scaler_apply(scaler, from, x);
	else if (from != x)
		memcpy(x, from, data->features * sizeof(float));
	return 0;
}

int npu_batch_load(struct npu_batch *batch, const struct npu_scaler *scaler,
		   const struct npu_samples *samples, size_t first, size_t n, struct npu_error *err)
{
	const struct npu_dataset *data = samples->data;
	size_t row;

	batch->n = n;
	for (row = 0; row < n; row++) {
		size_t i = npu_sample(samples, first + row);
		int ret = load_x(data, i, scaler, batch->x + row * data->features, err);

		if (ret)
			return ret;
		if (batch->y)
			memcpy(batch->y + row * data->targets, data->y + i * data->targets,
			       data->targets * sizeof(float));
		if (batch->labels)
			batch->labels[row] = data->labels[i];
		if (batch->lengths)
			batch->lengths[row] = data->lengths[i];
		if (batch->weights)
			batch->weights[row] = data->weights[i];
	}
	return 0;
}
