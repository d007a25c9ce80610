/* SPDX-License-Identifier: MIT */
/*
 * Buffers that outlive a predict, so that the next one, of as many samples at most, allocates
 * nothing. Any number of threads may predict with a model: who finds them taken makes his own.
 */
#ifndef NPU_NN_SPARE_H
#define NPU_NN_SPARE_H

#include "pass.h"

struct npu_spare_pass;

struct npu_spare_pass *npu_spare_pass_create(void);
void npu_spare_pass_free(struct npu_spare_pass *spare);
/* Forget the buffers: the model has changed. */
void npu_spare_pass_drop(struct npu_spare_pass *spare);

/* A pass that goes forward, for batches of @capacity; give it back by npu_spare_pass_put(). */
struct npu_pass *npu_spare_pass_take(const struct npu_model *model, size_t capacity,
				     size_t threads, struct npu_error *err);
void npu_spare_pass_put(const struct npu_model *model, struct npu_pass *pass);

#endif /* NPU_NN_SPARE_H */
