/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_LOSS_H
#define NPU_NN_LOSS_H

#include "layer.h"
#include "train/data/batch.h"

/**
 * struct npu_objective - a loss, ready to be worked out
 * @loss: resolved
 * @delta: of Huber's
 * @smoothing: of labels
 * @outputs: of the model, of a sample
 * @columns: those that a softmax makes add up to 1, C of the last layer
 */
struct npu_objective {
	enum npu_loss loss;
	float delta, smoothing;
	size_t outputs, columns;
};

/**
 * npu_loss_resolve - settle NPU_LOSS_AUTO and check that loss, model and data go together
 * @objective: loss, delta and smoothing are in, as in struct npu_fit_options; out: complete
 *
 * -EINVAL with a sentence that says what does not fit.
 */
int npu_loss_resolve(const struct npu_model *model, const struct npu_dataset *data,
		     struct npu_objective *objective, struct npu_error *err);

/* Sum over the samples of the batch of the loss of outputs p [n][outputs], each by its weight. */
double npu_loss_sum(const struct npu_objective *objective, const float *p,
		    const struct npu_batch *batch);

/* Places of a sample that have a class: one, or all of H and W of a softmax at each of them. */
static inline size_t npu_loss_places(const struct npu_objective *objective)
{
	return objective->loss == NPU_LOSS_CROSS_ENTROPY ? objective->outputs / objective->columns
							 : 1;
}

/* At how many places of the batch's samples the class is right, whatever their weights. */
size_t npu_loss_correct(const struct npu_objective *objective, const float *p,
			const struct npu_batch *batch);

/*
 * delta [n][outputs] = d loss / d output / total. For the cross-entropies, which know the
 * activation before them, it is the gradient before that activation: (p - t) / total where the
 * targets t of a sample add up to 1.
 */
void npu_loss_gradient(const struct npu_objective *objective, const float *p,
		       const struct npu_batch *batch, size_t total, float *delta);

/* Is the gradient of @loss already that before the last activation? */
static inline bool npu_loss_is_fused(enum npu_loss loss)
{
	return loss == NPU_LOSS_CROSS_ENTROPY || loss == NPU_LOSS_BINARY_CROSS_ENTROPY;
}

#endif /* NPU_NN_LOSS_H */
