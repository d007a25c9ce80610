/* SPDX-License-Identifier: MIT */
/*
 * Batches of samples, one after another: read, varied, scaled, weighted. Where that takes long it
 * is done by a thread beside, so that training never waits; the batches are the same.
 */
#ifndef NPU_DATA_LOADER_H
#define NPU_DATA_LOADER_H

#include "batch.h"

/**
 * struct npu_loading - what happens to samples on their way
 * @scaler: applied to all; NULL or count 0 for none
 * @augment: how they vary; NULL if they do not
 * @class_weight: [classes], what the weight of a sample with that label is multiplied by; or NULL
 * @random: which variations, together with the epoch and the sample
 * @capacity: samples of a batch; the last one of an epoch may have fewer
 * @cpus: that may be used; a thread pays in fewer cases where there is one
 */
struct npu_loading {
	const struct npu_scaler *scaler;
	const struct npu_augmentation *augment;
	const float *class_weight;
	uint64_t random;
	size_t capacity;
	unsigned int cpus;
};

struct npu_loader;

/*
 * @samples is read until npu_loader_free(); its index may change between the last batch of an epoch
 * and npu_loader_start(). What @loading points to stays the caller's, too.
 */
int npu_loader_create(struct npu_loader **loader, const struct npu_samples *samples,
		      const struct npu_loading *loading, struct npu_error *err);
void npu_loader_free(struct npu_loader *loader);

/* What one takes of memory, exactly; the thread's stack apart. */
size_t npu_loader_bytes(const struct npu_dataset *data, const struct npu_loading *loading);

/* Samples, from the first on, in the order that they have now. */
void npu_loader_start(struct npu_loader *loader, uint64_t epoch);

/*
 * The next batch, until the next call; as many as an epoch has. Fails only where a sample can't be
 * read: then with the error of the first that could not.
 */
int npu_loader_next(struct npu_loader *loader, const struct npu_batch **batch,
		    struct npu_error *err);

#endif /* NPU_DATA_LOADER_H */
