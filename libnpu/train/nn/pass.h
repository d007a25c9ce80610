/* SPDX-License-Identifier: MIT */
/*
 * A batch on its way through the network and back: buffers for it, made once.
 */
#ifndef NPU_NN_PASS_H
#define NPU_NN_PASS_H

#include "layer.h"
#include "loss.h"

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
 * struct npu_pass - buffers for batches
 * @capacity: samples
 * @x: [capacity][features], scaled
 * @out: of each node, [capacity][out]
 * @delta: two of [capacity][widest], gradients with respect to outputs, by turns; NULL if the
 *	pass only goes forward
 * @y: [capacity][outputs], targets
 * @labels: [capacity]
 * @target: which of the two the samples in @x have
 */
struct npu_pass {
	size_t capacity;
	float *x;
	float **out;
	float *delta[2];
	float *y;
	int32_t *labels;
	struct npu_targets target;
};

int npu_pass_create(struct npu_pass *pass, const struct npu_model *model, size_t capacity,
		    bool backward, struct npu_error *err);
void npu_pass_free(struct npu_pass *pass, const struct npu_model *model);

/* Fill x, scaled, and target with @n samples from the @first on. */
void npu_pass_load(struct npu_pass *pass, const struct npu_model *model,
		   const struct npu_samples *samples, size_t first, size_t n);

/* Outputs of the last node for the @n samples in x. */
const float *npu_pass_forward(struct npu_pass *pass, struct npu_pool *pool,
			      const struct npu_model *model, size_t n);

/*
 * After a forward: gradients of @loss, divided by @total samples, with respect to the parameters,
 * at @gradient.
 */
void npu_pass_backward(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		       enum npu_loss loss, size_t n, size_t total, float *gradient);

#endif /* NPU_NN_PASS_H */
