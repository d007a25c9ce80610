// SPDX-License-Identifier: MIT
/* Training: epochs of shuffled mini-batches, validation, early stopping, checkpoints. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "runtime/error.h"

/* Batches are reported at most this often, in seconds; ends of epochs always. */
#define REPORT_EVERY 0.1

static double since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + 1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

double npu_fit_seconds(const struct npu_fit *fit)
{
	return fit->earlier + since(&fit->began);
}

/* The caller may predict meanwhile: what stateful layers remember of training is put aside. */
static int call_progress(struct npu_fit *fit, const struct npu_epoch *epoch)
{
	struct npu_model_predicting *predicting = fit->model->predicting;
	float *state = predicting->state;
	size_t samples = predicting->samples;
	int ret;

	predicting->state = NULL;
	predicting->samples = 0;
	ret = fit->options.progress(epoch, fit->options.user);
	free(predicting->state);
	predicting->state = state;
	predicting->samples = samples;
	return ret;
}

static int report(struct npu_fit *fit, struct npu_epoch *epoch)
{
	const struct npu_fit_options *o = &fit->options;
	bool end = epoch->batch == epoch->batches;

	if (!o->progress || (!end && since(&fit->reported) < REPORT_EVERY))
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &fit->reported);
	epoch->seconds = npu_fit_seconds(fit);
	if (!call_progress(fit, epoch))
		return 0;
	return npu_error_set(fit->err, -ECANCELED, "training was stopped in epoch %u",
			     epoch->epoch);
}

/* Does accuracy mean something: are there classes that exclude each other? */
static bool has_classes(const struct npu_fit *fit)
{
	return fit->train.data->labels || fit->objective.loss == NPU_LOSS_CROSS_ENTROPY ||
	       (fit->objective.loss == NPU_LOSS_BINARY_CROSS_ENTROPY &&
		npu_model_outputs(fit->model) == 1);
}

/* Forward, backward, and a step of the optimiser. Returns the sum of the losses before it. */
static double run_step(struct npu_fit *fit, const struct npu_batch *batch, float rate,
		       struct npu_score *score)
{
	struct npu_model *model = fit->model;
	struct npu_pass *pass = &fit->pass;
	const float *p;
	double sum;

	pass->training = true;
	pass->random = npu_rng_mix(fit->random, fit->optimization.step);
	pass->statistic = model->value;
	if (pass->fake)
		npu_fake_round_weights(&fit->fake, model, fit->pool);
	p = npu_pass_forward(pass, fit->pool, fit->seen, batch);
	sum = npu_loss_sum(&fit->objective, p, batch);
	if (!isfinite(sum))
		return sum;
	if (has_classes(fit))
		npu_loss_score(&fit->objective, p, batch, score);
	npu_pass_backward(pass, fit->pool, fit->seen, batch, &fit->objective, batch->n,
			  model->gradient);
	npu_optimization_step(&fit->optimization, fit->pool, model, model->gradient, rate);
	return sum;
}

static int run_batches(struct npu_fit *fit, struct npu_epoch *epoch)
{
	const struct npu_batch *batch;
	struct npu_score score = { 0 };
	size_t done = 0;
	double sum = 0;
	int ret = 0;

	npu_model_reset_state(fit->model);
	npu_loader_start(fit->loader, epoch->epoch);
	while (done < fit->train.count && !ret) {
		ret = npu_loader_next(fit->loader, &batch, fit->err);
		if (ret)
			return ret;
		epoch->rate = npu_rate_at(&fit->rate, fit->optimization.step);
		sum += run_step(fit, batch, epoch->rate, &score);
		if (!isfinite(sum))
			return npu_fit_report_divergence(fit, &fit->train, batch, done,
							 epoch->epoch);
		done += batch->n;
		epoch->batch++;
		epoch->loss = (float)(sum / (double)done);
		if (has_classes(fit))
			epoch->accuracy = (float)npu_score_accuracy(&score);
		if (epoch->batch < epoch->batches)
			ret = report(fit, epoch);
	}
	return ret;
}

static int validate(struct npu_fit *fit, struct npu_epoch *epoch)
{
	struct npu_evaluation evaluation;
	int ret;

	if (!fit->validation.count)
		return 0;
	npu_model_reset_state(fit->model);
	if (fit->pass.fake)
		npu_fake_round_weights(&fit->fake, fit->model, fit->pool);
	ret = npu_evaluate(&fit->pass, fit->pool, fit->seen, &fit->validation, fit->held_out,
			   &fit->validated, &evaluation, fit->err);
	if (ret)
		return ret;
	if (!isfinite(evaluation.loss))
		return npu_fit_report_divergence(fit, &fit->validation, evaluation.batch,
						 evaluation.first, epoch->epoch);
	epoch->val_loss = (float)evaluation.loss;
	if (has_classes(fit))
		epoch->val_accuracy = (float)evaluation.accuracy;
	return 0;
}

/* Note whether the epoch was the best, and whether patience has run out. */
static void watch(struct npu_fit *fit, const struct npu_epoch *epoch)
{
	float loss = fit->validation.count ? epoch->val_loss : epoch->loss;
	/* What comes before rounding can't be compared with what comes after. */
	bool first = epoch->epoch == 1 || epoch->epoch == fit->options.quantise_from;
	bool better = first || loss < fit->watched - fit->options.min_delta;

	npu_rate_watch(&fit->rate, better);
	if (better) {
		fit->watched = loss;
		fit->waited = 0;
		fit->history->best_epoch = epoch->epoch;
		if (fit->best)
			memcpy(fit->best, fit->model->value, fit->model->values * sizeof(float));
		if (fit->best_tracked)
			memcpy(fit->best_tracked, fit->fake.tracked,
			       (1 + fit->model->nodes) * sizeof(*fit->best_tracked));
		return;
	}
	fit->waited++;
	/* Before rounding begins nothing that is waited for can have come. */
	fit->history->stopped_early = fit->options.patience &&
				      fit->waited >= fit->options.patience &&
				      epoch->epoch >= fit->options.quantise_from;
}

/* Where it is @due: at the end of the run, or now and then. */
static int checkpoint(struct npu_fit *fit, bool due)
{
	const struct npu_history *history = fit->history;
	const struct npu_fit_options *o = &fit->options;

	if (!o->checkpoint || fit->written == history->epochs)
		return 0;
	if (!due && history->epochs % o->checkpoint_every)
		return 0;
	fit->written = history->epochs;
	return npu_fit_write_checkpoint(fit);
}

/* From some epoch on batches see a model that is rounded. */
static void choose_model(struct npu_fit *fit, unsigned int epoch)
{
	bool rounding = fit->options.quantise_from && epoch >= fit->options.quantise_from;

	fit->seen = rounding ? &fit->fake.model : fit->model;
	fit->pass.fake = rounding ? &fit->fake : NULL;
}

static int run_epoch(struct npu_fit *fit, struct npu_epoch *epoch)
{
	struct npu_history *history = fit->history;
	int ret, stop;

	choose_model(fit, epoch->epoch);
	if (!fit->options.no_shuffle)
		npu_rng_shuffle(&fit->model->rng, fit->index, fit->train.count);
	ret = run_batches(fit, epoch);
	if (!ret)
		ret = npu_fit_check_parameters(fit, epoch->epoch);
	if (!ret)
		ret = validate(fit, epoch);
	if (fit->fake.place)
		npu_fake_give_ranges(&fit->fake, fit->model);
	if (ret)
		return ret;
	epoch->seconds = npu_fit_seconds(fit);
	history->epoch[history->epochs++] = *epoch;
	watch(fit, epoch);
	ret = checkpoint(fit, history->stopped_early || history->epochs == epoch->epochs);
	if (ret)
		return ret;
	stop = report(fit, epoch);
	/* Whoever stops it may want to go on later. */
	if (stop)
		ret = checkpoint(fit, true);
	return ret ? ret : stop;
}

static int run_epochs(struct npu_fit *fit)
{
	struct npu_history *history = fit->history;
	int ret = 0;

	while (history->epochs < fit->options.epochs && !history->stopped_early && !ret) {
		struct npu_epoch epoch = {
			.epoch = history->epochs + 1,
			.epochs = fit->options.epochs,
			.batches = npu_fit_batches(fit),
			.accuracy = NAN,
			.val_loss = NAN,
			.val_accuracy = NAN,
		};

		ret = run_epoch(fit, &epoch);
	}
	return ret;
}

int npu_model_fit(struct npu_model *model, const struct npu_dataset *data,
		  const struct npu_fit_options *options, struct npu_history *history,
		  struct npu_error *err)
{
	struct npu_history own = { 0 };
	struct npu_fit fit = { .model = model, .err = err };
	struct npu_rng before = model->rng;
	struct npu_fit_quote quote;
	int ret;

	fit.history = history ? history : &own;
	memset(fit.history, 0, sizeof(*fit.history));
	clock_gettime(CLOCK_MONOTONIC, &fit.began);
	fit.reported = fit.began;

	ret = npu_fit_plan(&fit, data, options, &quote);
	if (!ret) {
		ret = npu_fit_prepare(&fit);
		/* What has not begun leaves no trace in what comes next. */
		if (ret)
			model->rng = before;
	}
	if (!ret && !fit.fake.place)
		npu_model_forget_ranges(model);
	if (!ret)
		ret = run_epochs(&fit);
	/* The best weights, even when the run was stopped by the callback or by divergence. */
	if (fit.best && fit.history->best_epoch)
		memcpy(model->value, fit.best, model->values * sizeof(float));
	if (fit.best_tracked && fit.history->best_epoch) {
		memcpy(fit.fake.tracked, fit.best_tracked,
		       (1 + model->nodes) * sizeof(*fit.best_tracked));
		npu_fake_give_ranges(&fit.fake, model);
	}
	npu_fit_release(&fit);
	if (!history)
		npu_history_free(&own);
	return ret;
}
