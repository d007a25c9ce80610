// SPDX-License-Identifier: MIT
/* Training: epochs of shuffled mini-batches, validation, early stopping. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evaluate.h"
#include "optimizer.h"
#include "runtime/error.h"

/* Batches are reported at most this often, in seconds; ends of epochs always. */
#define REPORT_EVERY 0.1

/**
 * struct fit - a run of npu_model_fit()
 * @train: samples, of which @index says which are trained on, in the order of the epoch
 * @count: of @index
 * @validation: or NULL; @held_out owns it where it was split off
 * @watched: best loss so far, for early stopping
 * @best: parameters at that loss; NULL without patience
 * @waited: epochs since
 */
struct fit {
	struct npu_model *model;
	struct npu_fit_options options;
	struct npu_error *err;
	struct npu_pool *pool;
	struct npu_pass pass;
	struct npu_moments moments;
	const struct npu_dataset *train;
	size_t *index;
	size_t count;
	const struct npu_dataset *validation;
	struct npu_dataset held_out;
	struct npu_history *history;
	float *best;
	float watched;
	unsigned int waited;
	struct timespec began, reported;
};

static double since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + 1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

static int set_defaults(struct fit *fit)
{
	struct npu_fit_options *o = &fit->options;

	if (!o->epochs)
		o->epochs = 10;
	if (!o->batch)
		o->batch = 32;
	if (!(o->validation_fraction >= 0 && o->validation_fraction < 1))
		return npu_error_set(fit->err, -EINVAL,
				     "validation fraction %g: it must be in [0, 1)",
				     (double)o->validation_fraction);
	return npu_optimizer_resolve(&o->optimizer, fit->err);
}

/* The last of a random order are held out; the rest are trained on. */
static int hold_out(struct fit *fit)
{
	const struct npu_dataset *data = fit->train;
	struct npu_dataset *held = &fit->held_out;
	size_t n = (size_t)lround((double)fit->options.validation_fraction * (double)data->samples);
	size_t width = npu_model_outputs(fit->model), i;
	int ret;

	if (!n || n >= data->samples)
		return npu_error_set(fit->err, -EINVAL,
				     "a validation fraction of %g of %zu samples leaves one side "
				     "empty; use another, or more data",
				     (double)fit->options.validation_fraction, data->samples);
	ret = npu_dataset_alloc(held, n, data->dim, data->y ? width : 0,
				data->y ? 0 : data->classes, fit->err);
	if (ret)
		return ret;
	npu_rng_shuffle(&fit->model->rng, fit->index, data->samples);
	fit->count = data->samples - n;
	for (i = 0; i < n; i++) {
		size_t from = fit->index[fit->count + i];

		memcpy(held->x + i * data->features, data->x + from * data->features,
		       data->features * sizeof(float));
		if (data->y)
			memcpy(held->y + i * width, data->y + from * width, width * sizeof(float));
		else
			held->labels[i] = data->labels[from];
	}
	fit->validation = held;
	return 0;
}

static int prepare_data(struct fit *fit)
{
	size_t i;
	int ret = npu_model_check_data(fit->model, fit->train, fit->err);

	if (!ret)
		ret = npu_loss_resolve(fit->model, fit->train, &fit->options.loss, fit->err);
	if (ret)
		return ret;
	fit->count = fit->train->samples;
	fit->index = malloc(fit->count * sizeof(*fit->index));
	if (!fit->index)
		return npu_error_set(fit->err, -ENOMEM, "out of memory for the order of samples");
	for (i = 0; i < fit->count; i++)
		fit->index[i] = i;
	if (fit->options.validation) {
		fit->validation = fit->options.validation;
		ret = npu_model_check_data(fit->model, fit->validation, fit->err);
		return ret ? ret : npu_loss_resolve(fit->model, fit->validation,
						    &fit->options.loss, fit->err);
	}
	return fit->options.validation_fraction > 0 ? hold_out(fit) : 0;
}

static int prepare_memory(struct fit *fit)
{
	struct npu_model *model = fit->model;
	size_t capacity = fit->options.batch < fit->count ? fit->options.batch : fit->count;
	int ret = npu_model_need_gradient(model, fit->err);

	if (!ret)
		ret = npu_pass_create(&fit->pass, model, capacity, true, fit->err);
	if (!ret)
		ret = npu_moments_create(&fit->moments, model, fit->err);
	if (ret)
		return ret;
	fit->best = fit->options.patience ? npu_floats_alloc(model->values) : NULL;
	fit->history->epoch = calloc(fit->options.epochs, sizeof(*fit->history->epoch));
	if ((fit->options.patience && !fit->best) || !fit->history->epoch)
		return npu_error_set(fit->err, -ENOMEM, "out of memory for %u epochs",
				     fit->options.epochs);
	return npu_pool_create(&fit->pool, fit->options.threads, fit->err);
}

static bool all_finite(const float *x, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

/* The loss is not a number: say where that began. */
static int report_divergence(const struct fit *fit, size_t n, unsigned int epoch)
{
	const struct npu_model *model = fit->model;
	const char *name = model->node[model->nodes - 1].layer.name;
	size_t i;

	if (!all_finite(fit->pass.x, n * model->features))
		return npu_error_set(fit->err, -ERANGE,
				     "epoch %u: the loss is not finite, because the data is not: NaN "
				     "or infinity among the features; clean it", epoch);
	for (i = model->nodes; i--;)
		if (!all_finite(fit->pass.out[i], n * model->node[i].out))
			name = model->node[i].layer.name;
	return npu_error_set(fit->err, -ERANGE,
			     "epoch %u: the loss is not finite; it began in layer \"%s\": lower the "
			     "learning rate, or scale the data", epoch, name);
}

static int report(struct fit *fit, struct npu_epoch *epoch)
{
	const struct npu_fit_options *o = &fit->options;
	bool end = epoch->batch == epoch->batches;

	if (!o->progress || (!end && since(&fit->reported) < REPORT_EVERY))
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &fit->reported);
	epoch->seconds = since(&fit->began);
	if (!o->progress(epoch, o->user))
		return 0;
	return npu_error_set(fit->err, -ECANCELED, "training was stopped in epoch %u",
			     epoch->epoch);
}

/* Classes rather than quantities: does accuracy mean something? */
static bool has_classes(const struct fit *fit)
{
	return fit->train->labels || fit->options.loss != NPU_LOSS_MSE;
}

static int run_batches(struct fit *fit, struct npu_epoch *epoch)
{
	struct npu_model *model = fit->model;
	const struct npu_fit_options *o = &fit->options;
	size_t outputs = npu_model_outputs(model), first, n, correct = 0;
	double sum = 0;
	int ret;

	for (first = 0; first < fit->count; first += n) {
		const float *p;

		n = fit->count - first < o->batch ? fit->count - first : o->batch;
		npu_pass_load(&fit->pass, model, fit->train, fit->index + first, 0, n);
		p = npu_pass_forward(&fit->pass, fit->pool, model, n);
		sum += npu_loss_sum(o->loss, p, &fit->pass.target, n, outputs);
		if (!isfinite(sum))
			return report_divergence(fit, n, epoch->epoch);
		correct += npu_loss_correct(p, &fit->pass.target, n, outputs);
		npu_pass_backward(&fit->pass, fit->pool, model, o->loss, n, n, model->gradient);
		npu_optimizer_step(&o->optimizer, &fit->moments, model, model->gradient);

		epoch->batch++;
		epoch->loss = (float)(sum / (double)(first + n));
		if (has_classes(fit))
			epoch->accuracy = (float)((double)correct / (double)(first + n));
		if (epoch->batch < epoch->batches) {
			ret = report(fit, epoch);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static void validate(struct fit *fit, struct npu_epoch *epoch)
{
	struct npu_evaluation evaluation;

	if (!fit->validation)
		return;
	npu_evaluate(&fit->pass, fit->pool, fit->model, fit->validation, fit->options.loss,
		     &evaluation);
	epoch->val_loss = (float)evaluation.loss;
	if (has_classes(fit))
		epoch->val_accuracy = (float)evaluation.accuracy;
}

/* Note whether the epoch was the best; true if patience has run out. */
static bool watch(struct fit *fit, const struct npu_epoch *epoch)
{
	float loss = fit->validation ? epoch->val_loss : epoch->loss;

	if (loss < fit->watched - fit->options.min_delta || epoch->epoch == 1) {
		fit->watched = loss;
		fit->waited = 0;
		fit->history->best_epoch = epoch->epoch;
		if (fit->best)
			memcpy(fit->best, fit->model->value, fit->model->values * sizeof(float));
		return false;
	}
	fit->waited++;
	return fit->options.patience && fit->waited >= fit->options.patience;
}

static int run_epochs(struct fit *fit)
{
	const struct npu_fit_options *o = &fit->options;
	struct npu_history *history = fit->history;
	int ret;

	while (history->epochs < o->epochs && !history->stopped_early) {
		struct npu_epoch epoch = {
			.epoch = history->epochs + 1,
			.epochs = o->epochs,
			.batches = (fit->count + o->batch - 1) / o->batch,
			.accuracy = NAN,
			.val_loss = NAN,
			.val_accuracy = NAN,
		};

		if (!o->no_shuffle)
			npu_rng_shuffle(&fit->model->rng, fit->index, fit->count);
		ret = run_batches(fit, &epoch);
		if (ret)
			return ret;
		validate(fit, &epoch);
		epoch.seconds = since(&fit->began);
		history->epoch[history->epochs++] = epoch;
		history->stopped_early = watch(fit, &epoch);
		ret = report(fit, &epoch);
		if (ret)
			return ret;
	}
	return 0;
}

static void finish(struct fit *fit)
{
	struct npu_model *model = fit->model;

	/* The best weights, even when the run was stopped by the callback or by divergence. */
	if (fit->best && fit->history->best_epoch)
		memcpy(model->value, fit->best, model->values * sizeof(float));
	npu_pool_free(fit->pool);
	npu_pass_free(&fit->pass, model);
	npu_moments_free(&fit->moments);
	npu_dataset_free(&fit->held_out);
	free(fit->index);
	free(fit->best);
}

int npu_model_fit(struct npu_model *model, const struct npu_dataset *data,
		  const struct npu_fit_options *options, struct npu_history *history,
		  struct npu_error *err)
{
	struct npu_history own = { 0 };
	struct fit fit = { .model = model, .err = err, .train = data };
	int ret;

	if (options)
		fit.options = *options;
	fit.history = history ? history : &own;
	memset(fit.history, 0, sizeof(*fit.history));
	clock_gettime(CLOCK_MONOTONIC, &fit.began);
	fit.reported = fit.began;

	ret = set_defaults(&fit);
	if (!ret)
		ret = prepare_data(&fit);
	if (!ret)
		ret = prepare_memory(&fit);
	if (!ret)
		ret = run_epochs(&fit);
	finish(&fit);
	if (!history)
		npu_history_free(&own);
	return ret;
}

void npu_history_free(struct npu_history *history)
{
	free(history->epoch);
	memset(history, 0, sizeof(*history));
}
