/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_METRICS_STREAM_H
#define NPU_NN_METRICS_STREAM_H

#include "exact_sum.h"
#include "npu_train.h"

struct npu_class_sums;
struct npu_target_sums;
struct npu_scores;

/**
 * struct npu_metrics_stream - what has been compared so far
 * @options: as asked for, defaults filled in
 * @classes: of the labels, 0 for regression
 * @targets: of a sample, where there are no classes
 * @outputs: of the model
 * @samples: how many there were
 * @weight: sum of their weights
 * @class_sums: of classification, else NULL
 * @target_sums: [targets], of regression, else NULL
 * @scores: for the AUC, NULL where nobody wants it
 */
struct npu_metrics_stream {
	struct npu_metrics_options options;
	size_t classes, targets, outputs;
	size_t samples;
	struct npu_exact_sum weight;
	struct npu_class_sums *class_sums;
	struct npu_target_sums *target_sums;
	struct npu_scores *scores;
};

/* The weight of sample @i of @answers. */
static inline double npu_answer_weight(const struct npu_answers *answers, size_t i)
{
	return answers->weights ? (double)answers->weights[i] : 1;
}

/* Classification, in metrics_classes.c. */
struct npu_class_sums *npu_class_sums_create(size_t classes);
void npu_class_sums_free(struct npu_class_sums *sums);
void npu_class_sums_add(struct npu_metrics_stream *stream, const struct npu_answers *answers,
			const float *y);
int npu_class_sums_finish(const struct npu_metrics_stream *stream, struct npu_metrics *metrics,
			  struct npu_error *err);

/* Regression, in metrics_targets.c. */
struct npu_target_sums *npu_target_sums_create(size_t targets);
void npu_target_sums_free(struct npu_target_sums *sums);
void npu_target_sums_add(struct npu_metrics_stream *stream, const struct npu_answers *answers,
			 const float *y);
void npu_target_sums_finish(const struct npu_metrics_stream *stream, struct npu_metrics *metrics);

/* Area under the ROC curve, in metrics_auc.c; of as many classes as @outputs, or of class 1. */
struct npu_scores *npu_scores_create(size_t outputs, size_t bytes);
void npu_scores_free(struct npu_scores *scores);
/* -ENOMEM, and then nothing was added. */
int npu_scores_add(struct npu_scores *scores, const struct npu_answers *answers, const float *y,
		   struct npu_error *err);
/* Fills the AUC of the classes, their average and its error. */
int npu_scores_finish(const struct npu_scores *scores, struct npu_metrics *metrics,
		      struct npu_error *err);

#endif /* NPU_NN_METRICS_STREAM_H */
