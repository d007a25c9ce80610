/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_EVALUATE_H
#define NPU_NN_EVALUATE_H

#include "pass.h"

struct npu_evaluation {
	double loss, accuracy;
};

/* Loss and accuracy over @data, which was checked, a pass at a time. */
void npu_evaluate(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		  const struct npu_dataset *data, enum npu_loss loss,
		  struct npu_evaluation *evaluation);

/* There are layers and samples, and the features are as many as the model takes. */
int npu_model_check_data(const struct npu_model *model, const struct npu_dataset *data,
			 struct npu_error *err);

/* Allocate model->gradient where it is NULL. */
int npu_model_need_gradient(struct npu_model *model, struct npu_error *err);

#endif /* NPU_NN_EVALUATE_H */
