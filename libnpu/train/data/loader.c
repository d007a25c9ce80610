// SPDX-License-Identifier: MIT
/*
 * With a thread there are three buffers: one that is trained on, and two that are full or being
 * filled. Batch k of an epoch is in buffer k mod 3; the caller has taken the first @taken of them
 * and still uses the last of those.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "runtime/error.h"
#include "train/nn/rng.h"

#define BUFFERS 3

/* Copying a batch of so many bytes takes as long as some small layers do. */
#define LARGE_BATCH (1u << 20)

/**
 * struct npu_loader - see the file's comment
 * @batches: of an epoch
 * @buffers: 1 without a thread
 * @weight: [buffers][capacity], with class weights; else NULL
 * @raw: [features], a sample before it is varied; NULL without augmentation
 * @lock: of what follows, with a thread
 * @changed: one of these has
 * @ready: batches of the epoch that have been filled
 * @ret, @err: of the one behind those, if it could not
 * @busy: a buffer is being filled
 */
struct npu_loader {
	const struct npu_samples *samples;
	struct npu_loading how;
	size_t batches, buffers;
	struct npu_batch buffer[BUFFERS];
	float *weight;
	float *raw;
	uint64_t epoch;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t ready, taken;
	int ret;
	struct npu_error err;
	bool busy, ending;
};

/* Reading may wait for a disk; the rest is work, which pays beside training alone. */
static size_t buffers_for(const struct npu_dataset *data, const struct npu_loading *how)
{
	bool work = how->augment || how->capacity * data->features * sizeof(float) >= LARGE_BATCH;

	return data->read || (work && how->cpus > 1) ? BUFFERS : 1;
}

/* Weights of the samples times those of their classes, in place of the former. */
static void weigh(struct npu_loader *loader, struct npu_batch *batch, size_t buffer, size_t first)
{
	const struct npu_dataset *data = loader->samples->data;
	float *weight = loader->weight + buffer * loader->how.capacity;
	size_t row;

	for (row = 0; row < batch->n; row++) {
		size_t i = npu_sample(loader->samples, first + row);

		weight[row] = loader->how.class_weight[data->labels[i]];
		if (data->weights)
			weight[row] *= data->weights[i];
	}
	batch->weights = weight;
}

static void vary(const struct npu_loader *loader, struct npu_batch *batch, size_t first)
{
	const struct npu_dataset *data = loader->samples->data;
	const struct npu_scaler *scaler = loader->how.scaler;
	uint64_t random = npu_rng_mix(loader->how.random, loader->epoch);
	size_t row;

	for (row = 0; row < batch->n; row++) {
		size_t i = npu_sample(loader->samples, first + row);
		float *x = batch->x + row * data->features;

		memcpy(loader->raw, x, data->features * sizeof(float));
		npu_augment(loader->how.augment, data->dim,
			    data->lengths ? data->lengths[i] : data->dim[1], loader->raw,
			    npu_rng_mix(random, i), x);
		if (scaler && scaler->count)
			npu_scaler_apply(scaler, x, x);
	}
}

static int fill(struct npu_loader *loader, size_t k, struct npu_error *err)
{
	size_t buffer = k % loader->buffers, first = k * loader->how.capacity;
	size_t left = loader->samples->count - first;
	struct npu_batch *batch = &loader->buffer[buffer];
	int ret;

	if (loader->weight)
		batch->weights = NULL; /* weigh() reads them itself */
	ret = npu_batch_load(batch, loader->how.augment ? NULL : loader->how.scaler,
			     loader->samples, first,
			     left < loader->how.capacity ? left : loader->how.capacity, err);
	if (ret)
		return ret;
	if (loader->how.augment)
		vary(loader, batch, first);
	if (loader->weight)
		weigh(loader, batch, buffer, first);
	return 0;
}

static bool may_fill(const struct npu_loader *loader)
{
	size_t released = loader->taken ? loader->taken - 1 : 0;

	return !loader->ret && loader->ready < loader->batches &&
	       loader->ready < released + loader->buffers;
}

static void *run_thread(void *arg)
{
	struct npu_loader *loader = arg;

	pthread_mutex_lock(&loader->lock);
	while (!loader->ending) {
		int ret;

		if (!may_fill(loader)) {
			pthread_cond_wait(&loader->changed, &loader->lock);
			continue;
		}
		loader->busy = true;
		pthread_mutex_unlock(&loader->lock);
		ret = fill(loader, loader->ready, &loader->err);
		pthread_mutex_lock(&loader->lock);
		loader->busy = false;
		loader->ret = ret;
		loader->ready += !ret;
		pthread_cond_broadcast(&loader->changed);
	}
	pthread_mutex_unlock(&loader->lock);
	return NULL;
}

size_t npu_loader_bytes(const struct npu_dataset *data, const struct npu_loading *how)
{
	size_t buffers = buffers_for(data, how), each = npu_batch_bytes(data, how->capacity);

	if (how->class_weight)
		each += how->capacity * sizeof(float);
	return sizeof(struct npu_loader) + buffers * each +
	       (how->augment ? data->features * sizeof(float) : 0);
}

static int allocate(struct npu_loader *loader, struct npu_error *err)
{
	const struct npu_dataset *data = loader->samples->data;
	const struct npu_loading *how = &loader->how;
	size_t i;

	for (i = 0; i < loader->buffers; i++) {
		int ret = npu_batch_create(&loader->buffer[i], data, how->capacity, err);

		if (ret)
			return ret;
	}
	if (how->class_weight)
		loader->weight = malloc(loader->buffers * how->capacity * sizeof(float));
	if (how->augment)
		loader->raw = malloc(data->features * sizeof(float));
	if ((how->class_weight && !loader->weight) || (how->augment && !loader->raw))
		return npu_error_set(err, -ENOMEM, "out of memory for batches of %zu samples",
				     how->capacity);
	return 0;
}

static void release(struct npu_loader *loader)
{
	size_t i;

	for (i = 0; i < BUFFERS; i++)
		npu_batch_free(&loader->buffer[i]);
	free(loader->weight);
	free(loader->raw);
	free(loader);
}

static int start_thread(struct npu_loader *loader, struct npu_error *err)
{
	int ret;

	pthread_mutex_init(&loader->lock, NULL);
	pthread_cond_init(&loader->changed, NULL);
	ret = pthread_create(&loader->thread, NULL, run_thread, loader);
	if (!ret)
		return 0;
	pthread_cond_destroy(&loader->changed);
	pthread_mutex_destroy(&loader->lock);
	return npu_error_set(err, -ret, "cannot start a thread that reads samples: %s",
			     strerror(ret));
}

int npu_loader_create(struct npu_loader **out, const struct npu_samples *samples,
		      const struct npu_loading *how, struct npu_error *err)
{
	struct npu_loader *loader = calloc(1, sizeof(*loader));
	int ret;

	if (!loader)
		return npu_error_set(err, -ENOMEM, "out of memory for reading samples");
	loader->samples = samples;
	loader->how = *how;
	loader->batches = (samples->count + how->capacity - 1) / how->capacity;
	loader->ready = loader->batches; /* nothing to do before npu_loader_start() */
	loader->taken = loader->batches;
	loader->buffers = buffers_for(samples->data, how);
	ret = allocate(loader, err);
	if (!ret && loader->buffers > 1)
		ret = start_thread(loader, err);
	if (ret)
		release(loader);
	else
		*out = loader;
	return ret;
}

void npu_loader_free(struct npu_loader *loader)
{
	if (!loader)
		return;
	if (loader->buffers > 1) {
		pthread_mutex_lock(&loader->lock);
		loader->ending = true;
		pthread_cond_broadcast(&loader->changed);
		pthread_mutex_unlock(&loader->lock);
		pthread_join(loader->thread, NULL);
		pthread_cond_destroy(&loader->changed);
		pthread_mutex_destroy(&loader->lock);
	}
	release(loader);
}

void npu_loader_start(struct npu_loader *loader, uint64_t epoch)
{
	if (loader->buffers == 1) {
		loader->epoch = epoch;
		loader->taken = 0;
		return;
	}
	pthread_mutex_lock(&loader->lock);
	while (loader->busy)
		pthread_cond_wait(&loader->changed, &loader->lock);
	loader->epoch = epoch;
	loader->ready = 0;
	loader->taken = 0;
	loader->ret = 0;
	pthread_cond_broadcast(&loader->changed);
	pthread_mutex_unlock(&loader->lock);
}

int npu_loader_next(struct npu_loader *loader, const struct npu_batch **batch,
		    struct npu_error *err)
{
	int ret = 0;

	if (loader->buffers == 1) {
		*batch = &loader->buffer[0];
		return fill(loader, loader->taken++, err);
	}
	pthread_mutex_lock(&loader->lock);
	loader->taken++;
	pthread_cond_broadcast(&loader->changed);
	while (loader->ready < loader->taken && !loader->ret)
		pthread_cond_wait(&loader->changed, &loader->lock);
	if (loader->ready < loader->taken) {
		ret = loader->ret;
		if (err)
			*err = loader->err;
	}
	*batch = &loader->buffer[(loader->taken - 1) % loader->buffers];
	pthread_mutex_unlock(&loader->lock);
	return ret;
}
