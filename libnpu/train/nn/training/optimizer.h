/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_OPTIMIZER_H
#define NPU_NN_OPTIMIZER_H

#include "train/nn/model.h"
#include "train/nn/pool.h"
#include "train/nn/kernels/update.h"

/**
 * struct npu_chunk - neighbours among the parameters that are treated alike, a thread's portion
 * @at: of the first of them in the flat arrays of the model
 * @moment: in those of the moments, which frozen layers have no part in
 * @count: how many
 * @penalised: weights, which penalties act on
 */
struct npu_chunk {
	size_t at, moment, count;
	bool penalised;
};

/**
 * struct npu_optimization - an optimiser at work on a model
 * @how: resolved
 * @proximal: pull to @anchor; 0 for none
 * @step: steps done
 * @chunk: [chunks], what is learned
 * @square: [chunks], of the gradients, for their norm
 * @first: [moments], velocity or mean of the gradients; NULL where there is none
 * @second: [moments], mean or sum of their squares; likewise
 * @moments: how many
 * @anchor: [values], the parameters when training began; NULL without @proximal
 */
struct npu_optimization {
	struct npu_optimizer how;
	float proximal;
	uint64_t step;
	struct npu_chunk *chunk;
	double *square;
	size_t chunks;
	float *first, *second;
	size_t moments;
	float *anchor;
};

/* Fill in the defaults and check the figures. */
int npu_optimizer_resolve(struct npu_optimizer *optimizer, struct npu_error *err);

/* @optimizer is resolved. */
int npu_optimization_create(struct npu_optimization *optimization, const struct npu_model *model,
			    const struct npu_optimizer *optimizer, float proximal,
			    struct npu_error *err);
void npu_optimization_free(struct npu_optimization *optimization);

/* What one takes, exactly: the anchor, which is a copy of the weights, apart. */
size_t npu_optimization_bytes(const struct npu_model *model, const struct npu_optimizer *optimizer);

/*
 * One step of all that is learned, along @gradient, at learning rate @rate. Clipping and penalties
 * change @gradient.
 */
void npu_optimization_step(struct npu_optimization *optimization, struct npu_pool *pool,
			   struct npu_model *model, float *gradient, float rate);

#endif /* NPU_NN_OPTIMIZER_H */
