/* SPDX-License-Identifier: MIT */
/* A run of npu_model_fit(), which is prepared, goes over epochs, and is written to checkpoints. */
#ifndef NPU_NN_FIT_H
#define NPU_NN_FIT_H

#include <time.h>

#include "train/nn/evaluate.h"
#include "optimizer.h"
#include "schedule.h"

/**
 * struct npu_fit - see above
 * @options: resolved
 * @objective: of training
 * @validated: of validation, without label smoothing
 * @capacity: samples of a batch
 * @random: of this run, for dropout and augmentation
 * @index: [indices], of all samples of the data: first those that are trained on, in the order of
 *	the epoch, then those held out
 * @train: to learn from
 * @validation: to watch; count 0 for none
 * @history: what has been done
 * @watched: best loss so far, for early stopping
 * @waited: epochs since
 * @best: parameters at that loss; NULL without patience
 * @fake: rounding, in training that is aware of quantisation; else zero but for the model
 * @best_tracked: its ranges at that loss, [1 + nodes]; NULL without
 * @seen: the model as batches see it: @model, or that of @fake
 * @rate: the learning rate
 * @began: when this run did
 * @earlier: seconds of those that it resumes
 * @reported: when progress last was
 * @written: epochs that the last checkpoint has
 */
struct npu_fit {
	struct npu_model *model;
	struct npu_fit_options options;
	struct npu_error *err;
	struct npu_objective objective, validated;
	size_t capacity;
	uint64_t random;
	size_t *index, indices;
	struct npu_samples train, validation;
	struct npu_history *history;
	float watched;
	unsigned int waited;
	float *best;
	struct npu_fake fake;
	struct npu_tracked *best_tracked;
	const struct npu_model *seen;
	struct npu_rate rate;
	struct timespec began, reported;
	double earlier;
	unsigned int written;
	struct npu_pool *pool;
	struct npu_pass pass;
	struct npu_loader *loader, *held_out;
	struct npu_optimization optimization;
};

/*
 * Resolve and check @options (NULL for the defaults), set the sizes of @fit->train and
 * @fit->validation, and choose the batch. Nothing is allocated but the list of what is rounded,
 * @fit->fake.place, and the model stays as it is.
 */
int npu_fit_plan(struct npu_fit *fit, const struct npu_dataset *data,
		 const struct npu_fit_options *options, struct npu_fit_quote *quote);

/* Allocate all, and decide what is random. npu_fit_release() also where it fails. */
int npu_fit_prepare(struct npu_fit *fit);
void npu_fit_release(struct npu_fit *fit);

/* Steps of an epoch. */
static inline size_t npu_fit_batches(const struct npu_fit *fit)
{
	return (fit->train.count + fit->capacity - 1) / fit->capacity;
}

/* Seconds since fit began, with those of the runs before. */
double npu_fit_seconds(const struct npu_fit *fit);

/*
 * The loss is not finite on @batch, the samples from @first on, which the pass has just done: say
 * where that began. Returns -ERANGE.
 */
int npu_fit_report_divergence(struct npu_fit *fit, const struct npu_samples *samples,
			      const struct npu_batch *batch, size_t first, unsigned int epoch);

/* After an epoch, whose last step no loss has shown: -ERANGE where a parameter is not finite. */
int npu_fit_check_parameters(const struct npu_fit *fit, unsigned int epoch);

/* After an epoch: the model and the state, to @fit->options.checkpoint. */
int npu_fit_write_checkpoint(struct npu_fit *fit);

/* Put the state of @fit->options.resume in the place of that after npu_fit_prepare(). */
int npu_fit_read_checkpoint(struct npu_fit *fit);

#endif /* NPU_NN_FIT_H */
