/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_BATCH_H
#define NPU_DATA_BATCH_H

#include "npu_train/data.h"

/**
 * struct npu_samples - some of a dataset's samples, in some order
 * @data: theirs
 * @index: [count], their numbers; NULL for the first @count
 * @count: how many
 */
struct npu_samples {
	const struct npu_dataset *data;
	const size_t *index;
	size_t count;
};

/* The number in the dataset of the i-th of @samples. */
static inline size_t npu_sample(const struct npu_samples *samples, size_t i)
{
	return samples->index ? samples->index[i] : i;
}

/**
 * struct npu_batch - samples side by side, as the network takes them
 * @n: how many
 * @capacity: how many there can be
 * @x: [n][features], scaled
 * @y: [n][targets], or NULL
 * @labels: [n], or NULL; never beside @y
 * @lengths: [n], or NULL
 * @weights: [n], or NULL
 */
struct npu_batch {
	size_t n, capacity;
	float *x;
	float *y;
	int32_t *labels;
	uint32_t *lengths;
	float *weights;
};

/* Room for @capacity samples of what @data has; free with npu_batch_free(). */
int npu_batch_create(struct npu_batch *batch, const struct npu_dataset *data, size_t capacity,
		     struct npu_error *err);
void npu_batch_free(struct npu_batch *batch);
/* Memory of one, in bytes. */
size_t npu_batch_bytes(const struct npu_dataset *data, size_t capacity);

/*
 * Fill with the @n samples from the @first on, scaled by @scaler unless it has count 0. Fails only
 * where data->read does.
 */
int npu_batch_load(struct npu_batch *batch, const struct npu_scaler *scaler,
		   const struct npu_samples *samples, size_t first, size_t n,
		   struct npu_error *err);

/* One sample, @scaler->count features; @from and @to may be the same. */
void npu_scaler_apply(const struct npu_scaler *scaler, const float *from, float *to);

#endif /* NPU_DATA_BATCH_H */
