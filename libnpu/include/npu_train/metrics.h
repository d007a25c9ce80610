/* SPDX-License-Identifier: MIT */
/* Chapter 5: evaluation. How good predictions are. */
#ifndef NPU_TRAIN_METRICS_H
#define NPU_TRAIN_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_train/data.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct npu_class_metrics - of one class
 * @support: samples that are of it
 * @precision: TP / (TP + FP), 0 where it was never predicted
 * @recall: TP / (TP + FN), 0 where it has no samples
 * @f1: 2 P R / (P + R), 0 where both are 0
 */
struct npu_class_metrics {
	size_t support;
	double precision, recall, f1;
};

/**
 * struct npu_metrics - how good predictions are; free with npu_metrics_free()
 * @samples: how many
 * @classes: 0 for regression
 * @accuracy: share of samples whose class is right
 * @precision: macro average over the classes that occur, in truth or in prediction
 * @recall: likewise
 * @f1: likewise
 * @per_class: [classes]
 * @confusion: [classes][classes], row: truth, column: prediction
 * @mse: mean over samples and targets
 * @rmse: its root
 * @mae: mean absolute error
 * @r2: 1 - sum (y - t)^2 / sum (t - mean t)^2, averaged over the targets that vary; NaN if none
 *
 * Classification sets the first four figures, regression the last four; the others are NaN.
 */
struct npu_metrics {
	size_t samples;
	size_t classes;
	double accuracy, precision, recall, f1;
	struct npu_class_metrics *per_class;
	size_t *confusion;
	double mse, rmse, mae, r2;
};

/*
 * Compare outputs y [samples][outputs] with the labels of @data, or with its targets where it has
 * no labels. One output for two classes is the probability of class 1, which wins above 0.5;
 * otherwise the largest output wins, the first of equals. -EDOM: an output is not finite.
 */
int npu_metrics_compute(struct npu_metrics *metrics, const struct npu_dataset *data,
			const float *y, size_t outputs, struct npu_error *err);
void npu_metrics_free(struct npu_metrics *metrics);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_METRICS_H */
