/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_LOSS_H
#define NPU_NN_LOSS_H

#include "layer.h"
#include "train/data/batch.h"

/**
 * npu_loss_resolve - settle NPU_LOSS_AUTO and check that loss, model and data go together
 * @loss: in and out
 *
 * -EINVAL with a sentence that says what does not fit.
 */
int npu_loss_resolve(const struct npu_model *model, const struct npu_dataset *data,
		     enum npu_loss *loss, struct npu_error *err);

/* Sum over the @n samples of the loss of outputs p [n][outputs]. */
double npu_loss_sum(enum npu_loss loss, const float *p, const struct npu_batch *targets, size_t n,
		    size_t outputs);

/* How many of the samples have their class right. */
size_t npu_loss_correct(const float *p, const struct npu_batch *targets, size_t n,
			size_t outputs);

/*
 * delta [n][outputs] = d loss / d output / total. For the cross-entropies, which know the
 * activation before them, it is the gradient before that activation: (p - t) / total where the
 * targets t of a sample add up to 1.
 */
void npu_loss_gradient(enum npu_loss loss, const float *p, const struct npu_batch *targets,
		       size_t n, size_t outputs, size_t total, float *delta);

/* Is the gradient of @loss already that before the last activation? */
static inline bool npu_loss_is_fused(enum npu_loss loss)
{
	return loss == NPU_LOSS_CROSS_ENTROPY || loss == NPU_LOSS_BINARY_CROSS_ENTROPY;
}

#endif /* NPU_NN_LOSS_H */
