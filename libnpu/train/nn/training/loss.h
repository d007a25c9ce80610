/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_LOSS_H
#define NPU_NN_LOSS_H

#include "train/nn/layer.h"
#include "train/data/batch.h"

/**
 * struct npu_objective - a loss, ready to be worked out
 * @loss: resolved
 * @delta: of Huber's
 * @smoothing: of labels
 * @outputs: of the model, of a sample
 * @columns: those that a softmax makes add up to 1, C of the last layer
 * @step: outputs of a step, where they are those of a sequence: what is behind its length does not
 *	count; else 0
 */
struct npu_objective {
	enum npu_loss loss;
	float delta, smoothing;
	size_t outputs, columns, step;
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

/* Outputs of the i-th sample that count. */
static inline size_t npu_loss_counted(const struct npu_objective *objective,
				      const struct npu_batch *batch, size_t i)
{
	return objective->step && batch->lengths ? batch->lengths[i] * objective->step
						 : objective->outputs;
}

/**
 * struct npu_score - how many answers were right
 * @places: that have a class: one of a sample, or all of H and W of a softmax at each of them
 * @right: those of them where it was right, whatever the weights of the samples
 */
struct npu_score {
	size_t places, right;
};

/* Add the batch to @score. */
void npu_loss_score(const struct npu_objective *objective, const float *p,
		    const struct npu_batch *batch, struct npu_score *score);

static inline double npu_score_accuracy(const struct npu_score *score)
{
	return (double)score->right / (double)score->places;
}

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
