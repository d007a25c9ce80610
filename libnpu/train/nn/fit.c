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
 * @index: of all samples of the data: first those that are trained on, in the order of the epoch,
 *	then those held out
 * @train: to learn from
 * @validation: to watch; count 0 for none
 * @watched: best loss so far, for early stopping
 * @best: parameters at that loss; NULL without patience
 * @waited: epochs since
 */
struct fit {
	struct npu_model *model;
	struct npu_fit_options options;
	struct npu_error *err;
	struct npu_objective objective;
	struct npu_pool *pool;
	struct npu_pass pass;
	struct npu_batch batch, held_out;
	struct npu_optimization optimization;
	size_t *index;
	struct npu_samples train, validation;
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
	/* NaN would never be exceeded: training would stop for no reason. */
	if (!(o->min_delta >= 0) || isinf(o->min_delta))
		return npu_error_set(fit->err, -EINVAL,
				     "min_delta %g: it must be 0 or above, and finite",
				     (double)o->min_delta);
	return npu_optimizer_resolve(&o->optimizer, fit->err);
}

static int ascending(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

/* The last of a random order are held out; the rest are trained on, in the order they had. */
static int hold_out(struct fit *fit, size_t samples)
{
	double fraction = (double)fit->options.validation_fraction;
	size_t held = (size_t)(fraction * (double)samples + 0.5);

	if (!held || held >= samples)
		return npu_error_set(fit->err, -EINVAL,
				     "a validation fraction of %g of %zu samples leaves one side "
				     "empty; use another, or more data",
				     fraction, samples);
	npu_rng_shuffle(&fit->model->rng, fit->index, samples);
	fit->train.count = samples - held;
	fit->validation = (struct npu_samples){
		.data = fit->train.data,
		.index = fit->index + fit->train.count,
		.count = held,
	};
	qsort(fit->index, fit->train.count, sizeof(*fit->index), ascending);
	return 0;
}

static int check_data(struct fit *fit, const struct npu_dataset *data)
{
	int ret = npu_model_check_data(fit->model, data, fit->err);

	return ret ? ret : npu_loss_resolve(fit->model, data, &fit->objective, fit->err);
}

static int prepare_data(struct fit *fit, const struct npu_dataset *data)
{
	const struct npu_dataset *validation = fit->options.validation;
	size_t i;
	int ret = check_data(fit, data);

	if (ret)
		return ret;
	fit->index = malloc(data->samples * sizeof(*fit->index));
	if (!fit->index)
		return npu_error_set(fit->err, -ENOMEM, "out of memory for the order of samples");
	for (i = 0; i < data->samples; i++)
		fit->index[i] = i;
	fit->train = (struct npu_samples){ data, fit->index, data->samples };
	if (!validation)
		return fit->options.validation_fraction > 0 ? hold_out(fit, data->samples) : 0;
	fit->validation = (struct npu_samples){ .data = validation, .count = validation->samples };
	return check_data(fit, validation);
}

static int prepare_memory(struct fit *fit)
{
	struct npu_model *model = fit->model;
	size_t capacity = fit->options.batch;
	int ret = npu_model_need_gradient(model, fit->err);

	if (capacity > fit->train.count)
		capacity = fit->train.count;
	/* No product of a step is shared then, so threads would only be started and stopped. */
	if (!ret && capacity * (model->values + model->features) >= NPU_WORTH_SHARING)
		ret = npu_pool_create(&fit->pool, fit->options.threads, fit->err);
	if (!ret)
		ret = npu_pass_create(&fit->pass, model, capacity, npu_pool_threads(fit->pool), true,
				      fit->err);
	if (!ret)
		ret = npu_batch_create(&fit->batch, fit->train.data, capacity, fit->err);
	if (!ret && fit->validation.count)
		ret = npu_batch_create(&fit->held_out, fit->validation.data, capacity, fit->err);
	if (!ret)
		ret = npu_model_need_state(model, capacity, fit->err);
	if (!ret)
		ret = npu_optimization_create(&fit->optimization, model, &fit->options.optimizer, 0,
					      fit->err);
	if (ret)
		return ret;
	fit->best = fit->options.patience ? npu_floats_alloc(model->values) : NULL;
	fit->history->epoch = calloc(fit->options.epochs, sizeof(*fit->history->epoch));
	if ((fit->options.patience && !fit->best) || !fit->history->epoch)
		return npu_error_set(fit->err, -ENOMEM, "out of memory for %u epochs",
				     fit->options.epochs);
	return 0;
}

/* The first of @x that is not finite; @count if all are. */
static size_t first_not_finite(const float *x, size_t count)
{
	size_t i;

	for (i = 0; i < count && isfinite(x[i]); i++)
		;
	return i;
}

/* The loss is not finite on the batch that is in the pass: say where that began. */
static int report_divergence(const struct fit *fit, const struct npu_samples *samples,
			     const struct npu_batch *batch, size_t first, unsigned int epoch)
{
	const struct npu_model *model = fit->model;
	const struct npu_pass *pass = &fit->pass;
	size_t n = batch->n, width = model->features, i, bad = first_not_finite(batch->x, n * width);

	if (bad < n * width)
		return npu_error_set(
			fit->err, -ERANGE,
			"epoch %u: the loss is not finite because feature %zu of sample "
			"%zu is not, after scaling; clean the data",
			epoch, bad % width, npu_sample(samples, first + bad / width));
	width = npu_model_outputs(model);
	bad = batch->y ? first_not_finite(batch->y, n * width) : n * width;
	if (bad < n * width)
		return npu_error_set(
			fit->err, -ERANGE,
			"epoch %u: the loss is not finite because target %zu of sample "
			"%zu is not; clean the data",
			epoch, bad % width, npu_sample(samples, first + bad / width));
	for (i = 0; pass->training && i + 1 < model->nodes; i++)
		if (first_not_finite(pass->out[i], n * model->node[i].out) < n * model->node[i].out)
			break;
	return npu_error_set(
		fit->err, -ERANGE,
		"epoch %u: the loss is not finite; it began in layer \"%s\": lower the "
		"learning rate, or scale the data",
		epoch, model->node[i].layer.name);
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

/* Does accuracy mean something: are there classes that exclude each other? */
static bool has_classes(const struct fit *fit)
{
	return fit->train.data->labels || fit->objective.loss == NPU_LOSS_CROSS_ENTROPY ||
	       (fit->objective.loss == NPU_LOSS_BINARY_CROSS_ENTROPY &&
		npu_model_outputs(fit->model) == 1);
}

static int run_batches(struct fit *fit, struct npu_epoch *epoch)
{
	struct npu_model *model = fit->model;
	const struct npu_fit_options *o = &fit->options;
	size_t first, n, correct = 0;
	double sum = 0;
	int ret;

	for (first = 0; first < fit->train.count; first += n) {
		const float *p;

		n = fit->train.count - first < o->batch ? fit->train.count - first : o->batch;
		ret = npu_batch_load(&fit->batch, &model->scaler, &fit->train, first, n, fit->err);
		if (ret)
			return ret;
		fit->pass.training = true;
		fit->pass.random = npu_rng_mix(model->seed, fit->optimization.step);
		fit->pass.statistic = model->value;
		p = npu_pass_forward(&fit->pass, fit->pool, model, &fit->batch);
		sum += npu_loss_sum(&fit->objective, p, &fit->batch);
		if (!isfinite(sum))
			return report_divergence(fit, &fit->train, &fit->batch, first,
						 epoch->epoch);
		correct += npu_loss_correct(&fit->objective, p, &fit->batch);
		npu_pass_backward(&fit->pass, fit->pool, model, &fit->batch, &fit->objective, n,
				  model->gradient);
		npu_optimization_step(&fit->optimization, fit->pool, model, model->gradient,
				      o->optimizer.rate);

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

static int validate(struct fit *fit, struct npu_epoch *epoch)
{
	struct npu_evaluation evaluation;
	int ret;

	if (!fit->validation.count)
		return 0;
	ret = npu_evaluate(&fit->pass, fit->pool, fit->model, &fit->validation, &fit->held_out,
			   &fit->objective, &evaluation, fit->err);
	if (ret)
		return ret;
	if (!isfinite(evaluation.loss))
		return report_divergence(fit, &fit->validation, &fit->held_out, evaluation.first,
					 epoch->epoch);
	epoch->val_loss = (float)evaluation.loss;
	if (has_classes(fit))
		epoch->val_accuracy = (float)evaluation.accuracy;
	return 0;
}

/* Note whether the epoch was the best; true if patience has run out. */
static bool watch(struct fit *fit, const struct npu_epoch *epoch)
{
	float loss = fit->validation.count ? epoch->val_loss : epoch->loss;

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
			.batches = (fit->train.count + o->batch - 1) / o->batch,
			.accuracy = NAN,
			.val_loss = NAN,
			.val_accuracy = NAN,
		};

		if (!o->no_shuffle)
			npu_rng_shuffle(&fit->model->rng, fit->index, fit->train.count);
		ret = run_batches(fit, &epoch);
		if (ret)
			return ret;
		ret = validate(fit, &epoch);
		if (ret)
			return ret;
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
	npu_pass_free(&fit->pass);
	npu_batch_free(&fit->batch);
	npu_batch_free(&fit->held_out);
	npu_optimization_free(&fit->optimization);
	free(fit->index);
	free(fit->best);
}

int npu_model_fit(struct npu_model *model, const struct npu_dataset *data,
		  const struct npu_fit_options *options, struct npu_history *history,
		  struct npu_error *err)
{
	struct npu_history own = { 0 };
	struct fit fit = { .model = model, .err = err };
	int ret;

	if (options)
		fit.options = *options;
	fit.objective.loss = fit.options.loss;
	fit.history = history ? history : &own;
	memset(fit.history, 0, sizeof(*fit.history));
	clock_gettime(CLOCK_MONOTONIC, &fit.began);
	fit.reported = fit.began;

	ret = set_defaults(&fit);
	if (!ret)
		ret = prepare_data(&fit, data);
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
	if (!history)
		return;
	free(history->epoch);
	memset(history, 0, sizeof(*history));
}
