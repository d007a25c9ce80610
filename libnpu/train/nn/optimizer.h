/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_OPTIMIZER_H
#define NPU_NN_OPTIMIZER_H

#include "model.h"
#include "pool.h"

/**
 * struct npu_moments - what an optimiser remembers of each parameter
 * @first: velocity (SGD), first moment (Adam), [values]
 * @second: second moment (Adam), [values]
 * @step: steps done
 */
struct npu_moments {
	float *first, *second;
	uint64_t step;
};

int npu_moments_create(struct npu_moments *moments, const struct npu_model *model,
		       struct npu_error *err);
void npu_moments_free(struct npu_moments *moments);

/* Fill in the defaults and check the figures. */
int npu_optimizer_resolve(struct npu_optimizer *optimizer, struct npu_error *err);

/* One step of all parameters along @gradient. */
void npu_optimizer_step(struct npu_pool *pool, const struct npu_optimizer *optimizer,
			struct npu_moments *moments, struct npu_model *model,
			const float *gradient);

#endif /* NPU_NN_OPTIMIZER_H */
