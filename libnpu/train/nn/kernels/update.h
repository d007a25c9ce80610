/* SPDX-License-Identifier: MIT */
/*
 * Kernels of the optimisers: a stretch of parameters follows its gradients. struct npu_optimizer
 * has the formulas. No element depends on another, so that a stretch may be cut anywhere.
 */
#ifndef NPU_NN_UPDATE_H
#define NPU_NN_UPDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "npu_train.h"

/* Moments smaller than this become 0: they move nothing, and subnormals are slow. */
#define NPU_MOMENT_MIN 0x1p-100f

/**
 * struct npu_update - the constants of one step
 * @rate: learning rate; Adam: divided by 1 - beta1^t
 * @momentum, @nesterov, @beta1, @beta2, @epsilon: as in struct npu_optimizer
 * @root: Adam: 1 / sqrt(1 - beta2^t)
 * @scale: gradients are multiplied by it first
 * @l1, @l2: then these penalties are added
 * @proximal: and this, times the way from the anchor
 * @shrink: parameters are multiplied by it: 1 - rate * decay
 */
struct npu_update {
	float rate, momentum;
	bool nesterov;
	float beta1, beta2, epsilon, root;
	float scale, l1, l2, proximal, shrink;
};

/**
 * struct npu_stretch - neighbours among the parameters
 * @w: [count], their values
 * @g: [count], gradients
 * @first: [count], velocity or mean of g; NULL where the optimiser keeps none
 * @second: [count], mean or sum of g^2; likewise
 * @anchor: [count], what @proximal holds them to; NULL where that is 0
 */
struct npu_stretch {
	float *w, *g, *first, *second;
	const float *anchor;
	size_t count;
};

/**
 * struct npu_update_ops - the kernels of a variant
 * @sgd, @adam, @rmsprop, @adagrad: one step from @g; nothing else of struct npu_update than they
 *	need is read. SGD and RMSprop without momentum have no @first
 * @penalise: g = scale * g + l1 * sign(w) + l2 * w + proximal * (w - anchor)
 * @shrink: w *= shrink
 * @clamp: g to [-limit, limit]; a NaN stays one
 * @square_sum: sum of g^2; infinite where f32 does not hold a square
 */
struct npu_update_ops {
	void (*sgd)(const struct npu_update *update, const struct npu_stretch *stretch);
	void (*adam)(const struct npu_update *update, const struct npu_stretch *stretch);
	void (*rmsprop)(const struct npu_update *update, const struct npu_stretch *stretch);
	void (*adagrad)(const struct npu_update *update, const struct npu_stretch *stretch);
	void (*penalise)(const struct npu_update *update, const struct npu_stretch *stretch);
	void (*shrink)(const struct npu_update *update, const struct npu_stretch *stretch);
	void (*clamp)(float *g, float limit, size_t count);
	double (*square_sum)(const float *g, size_t count);
};

extern const struct npu_update_ops npu_update_reference;
#if defined(__x86_64__)
extern const struct npu_update_ops npu_update_avx2, npu_update_avx512;
#elif defined(__aarch64__)
extern const struct npu_update_ops npu_update_neon;
#endif

#endif /* NPU_NN_UPDATE_H */
