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
 * struct npu_class_metrics - of one class c, against all others
 * @support: samples that are of it
 * @precision: TP / (TP + FP), 0 where it was never predicted
 * @recall: TP / (TP + FN), 0 where it has no samples
 * @f1: 2 P R / (P + R), 0 where both are 0
 * @auc: area under the ROC curve, that is, the probability that a sample of the class has a higher
 *	output c than one of another class, and half of that of equal ones (Hanley and McNeil 1982);
 *	NaN where either kind is missing
 *
 * TP, FP and FN are sums of the samples' weights.
 */
struct npu_class_metrics {
	size_t support;
	double precision, recall, f1;
	double auc;
};

/**
 * struct npu_metrics - how good predictions are; free with npu_metrics_free()
 * @samples: how many
 * @weight: sum of their weights
 * @classes: 0 for regression
 * @accuracy: share of the weight whose class is right
 * @precision: macro average over the classes that occur, in truth or in prediction
 * @recall: likewise
 * @f1: likewise
 * @top_k: as asked for; 0 if not
 * @top_k_accuracy: share of the weight where fewer than @top_k classes come before the right one
 * @auc: average over the classes that have one; with one output, that of class 1
 * @auc_error: @auc is exact to this much: 0, unless the scores took more memory than allowed
 * @log_loss: mean of -log p[label], p at least 2^-126; of one output -log p or -log(1 - p), 1 - p
 *	at least 2^-25. NaN where outputs are no probabilities: below 0, above 1, or with a sum that
 *	is off 1 by more than 0.05
 * @per_class: [classes]
 * @confusion: [classes][classes], samples, row: truth, column: prediction
 * @mse: mean over samples and targets of (y - t)^2
 * @rmse: its root
 * @mae: mean absolute error
 * @r2: 1 - sum (y - t)^2 / sum (t - mean t)^2, averaged over the targets that vary; NaN if none
 *
 * Classification sets the figures from @accuracy to @confusion, regression the last four; the
 * others are NaN, and so is what the options leave out. Means are weighted.
 */
struct npu_metrics {
	size_t samples;
	double weight;
	size_t classes;
	double accuracy, precision, recall, f1;
	unsigned int top_k;
	double top_k_accuracy;
	double auc, auc_error;
	double log_loss;
	struct npu_class_metrics *per_class;
	size_t *confusion;
	double mse, rmse, mae, r2;
};

void npu_metrics_free(struct npu_metrics *metrics);

/*
 * The class that the outputs y [@outputs] of a sample speak for: of one output, which is the
 * probability of class 1, that class above 0.5; otherwise the largest output wins, the first of
 * equals.
 */
size_t npu_metrics_class(const float *y, size_t outputs);

/**
 * struct npu_metrics_options - all zero is the default
 * @top_k: classes that may come first for a sample to count in top_k_accuracy; 0 leaves it out
 * @no_auc: leave the AUC out, which needs the outputs of all samples at the end
 * @score_bytes: memory for those; 0 for 64 MiB. Where it is not enough, they are counted in a
 *	histogram of at most that size, with cells from 0.4 % of an output or of its distance to 1
 *	on; pairs of samples in one cell count as equal, and auc_error is half of their share
 */
struct npu_metrics_options {
	unsigned int top_k;
	bool no_auc;
	size_t score_bytes;
};

/**
 * struct npu_answers - what outputs should have been
 * @samples: how many
 * @labels: [samples], for classes; else NULL
 * @targets: [samples][targets], for regression; else NULL
 * @weights: [samples], what each counts, 0 or more; NULL for 1
 */
struct npu_answers {
	size_t samples;
	const int32_t *labels;
	const float *targets;
	const float *weights;
};

/*
 * Metrics of a stream: outputs come batch by batch and need not be kept. All sums are exact, so
 * that neither the order of the samples nor the size of the batches changes a bit of the result;
 * only weights in the histogram of the AUC are added as they come.
 */
struct npu_metrics_stream;

/**
 * npu_metrics_stream_create - metrics of no samples yet
 * @stream: out; free with npu_metrics_stream_free()
 * @classes: of the labels; 0 for regression
 * @targets: of a sample; used where @classes is 0
 * @outputs: of the model: one a class, or one for two classes; or one a target
 * @options: NULL for the defaults
 *
 * -EINVAL: @outputs do not go with @classes or @targets, there are none, or top_k is not below the
 * number of classes. -ENOMEM.
 */
int npu_metrics_stream_create(struct npu_metrics_stream **stream, size_t classes, size_t targets,
			      size_t outputs, const struct npu_metrics_options *options,
			      struct npu_error *err);

/**
 * npu_metrics_stream_add - compare outputs with answers
 * @y: [samples][outputs]
 *
 * -EDOM: an output is not finite. -ERANGE: a label is not in [0, classes). -EINVAL: a target is not
 * finite, a weight is negative or not finite, or the answers are not of the stream's kind. -ENOMEM.
 * The sentence names the sample, by its number in the stream; the batch then has not counted.
 */
int npu_metrics_stream_add(struct npu_metrics_stream *stream, const struct npu_answers *answers,
			   const float *y, struct npu_error *err);

/*
 * The figures of all that was added, which may go on. -EINVAL: no samples, or none with a weight.
 * -ENOMEM. Where it fails @metrics is empty.
 */
int npu_metrics_stream_finish(const struct npu_metrics_stream *stream, struct npu_metrics *metrics,
			      struct npu_error *err);
void npu_metrics_stream_free(struct npu_metrics_stream *stream);

/*
 * All of it at once: outputs y [samples][outputs] against the labels of @data, or its targets where
 * it has no labels, with its weights and the default options. -EINVAL: it has neither; else the
 * errors are those of the three functions above, and @metrics is then empty.
 */
int npu_metrics_compute(struct npu_metrics *metrics, const struct npu_dataset *data, const float *y,
			size_t outputs, struct npu_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_METRICS_H */
