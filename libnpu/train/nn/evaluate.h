/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_EVALUATE_H
#define NPU_NN_EVALUATE_H

#include "pass.h"
#include "train/data/loader.h"

/* Samples that predictions and evaluations take at a time. */
#define NPU_EVALUATION_BATCH 256

/**
 * struct npu_evaluation - how good a network is on some samples
 * @loss: mean over them
 * @accuracy: share of them whose class is right
 * @batch: where the loss is not finite: the batch where it first was not, until the loader's next
 * @first: the first of its samples
 */
struct npu_evaluation {
	double loss, accuracy;
	const struct npu_batch *batch;
	size_t first;
};

/* Over all of the loader's @samples. Fails only where they can't be read. */
int npu_evaluate(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		 const struct npu_samples *samples, struct npu_loader *loader,
		 const struct npu_objective *objective, struct npu_evaluation *evaluation,
		 struct npu_error *err);

/* There are layers and samples, and the features are as many as the model takes. */
int npu_model_check_data(const struct npu_model *model, const struct npu_dataset *data,
			 struct npu_error *err);

/* Allocate model->gradient where it is NULL. */
int npu_model_need_gradient(struct npu_model *model, struct npu_error *err);

#endif /* NPU_NN_EVALUATE_H */
