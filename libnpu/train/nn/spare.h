/* SPDX-License-Identifier: MIT */
/*
 * Buffers that outlive a predict, so that the next one, of as many samples at most, allocates
 * nothing. Any number of threads may predict with a model: who finds them taken makes his own.
 */
#ifndef NPU_NN_SPARE_H
#define NPU_NN_SPARE_H

#include "pass.h"

/**
 * struct npu_spare - what a prediction needs
 * @pass: that goes forward
 * @batch: inputs and lengths, nothing else
 * @threads: of the pool that the pass is for
 */
struct npu_spare {
	struct npu_pass pass;
	struct npu_batch batch;
	size_t threads;
};

/* Buffers for batches of @capacity; give them back by npu_spare_put(). NULL with a sentence. */
struct npu_spare *npu_spare_take(const struct npu_model *model, size_t capacity, size_t threads,
				 struct npu_error *err);
void npu_spare_put(const struct npu_model *model, struct npu_spare *spare);

/* Forget the buffers of @model, which has changed or goes. */
void npu_spare_drop(const struct npu_model *model);

#endif /* NPU_NN_SPARE_H */
