// SPDX-License-Identifier: MIT
/* What a run needs: figures that make sense, memory, an order of the samples. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "runtime/error.h"
#include "train/compile/places.h"

static int check_figures(struct npu_fit *fit)
{
	const struct npu_fit_options *o = &fit->options;

	if (!(o->validation_fraction >= 0 && o->validation_fraction < 1))
		return npu_error_set(fit->err, -EINVAL,
				     "validation fraction %g: it must be in [0, 1)",
				     (double)o->validation_fraction);
	/* NaN would never be exceeded: training would stop for no reason. */
	if (!(o->min_delta >= 0) || isinf(o->min_delta))
		return npu_error_set(fit->err, -EINVAL,
				     "min_delta %g: it must be 0 or above, and finite",
				     (double)o->min_delta);
	if (!(o->proximal >= 0) || isinf(o->proximal))
		return npu_error_set(fit->err, -EINVAL,
				     "proximal %g: it must be 0, for none, or above, and finite",
				     (double)o->proximal);
	if (o->quantise_from > o->epochs)
		return npu_error_set(fit->err, -EINVAL,
				     "quantise_from is epoch %u, but there are only %u; begin "
				     "earlier",
				     o->quantise_from, o->epochs);
	return 0;
}

static int set_options(struct npu_fit *fit, const struct npu_fit_options *options)
{
	struct npu_fit_options *o = &fit->options;
	int ret;

	if (options)
		*o = *options;
	if (!o->epochs)
		o->epochs = 10;
	if (!o->batch)
		o->batch = 32;
	if (!o->checkpoint_every)
		o->checkpoint_every = 1;
	ret = check_figures(fit);
	if (!ret)
		ret = npu_optimizer_resolve(&o->optimizer, fit->err);
	if (!ret)
		ret = npu_schedule_resolve(&o->schedule, o->epochs, o->optimizer.rate, fit->err);
	return ret;
}

static int check_class_weights(const struct npu_fit *fit, const struct npu_dataset *data)
{
	const float *weight = fit->options.class_weight;
	size_t i;

	if (!weight)
		return 0;
	if (!data->labels)
		return npu_error_set(fit->err, -EINVAL,
				     "there are class weights, but the data has no labels; give "
				     "weights of samples instead");
	for (i = 0; i < data->classes; i++)
		if (!(weight[i] >= 0) || isinf(weight[i]))
			return npu_error_set(fit->err, -EINVAL,
					     "class %zu has weight %g: weights must be 0 or above, "
					     "and finite",
					     i, (double)weight[i]);
	for (i = 0; i < data->samples; i++)
		if (data->labels[i] < 0 || (size_t)data->labels[i] >= data->classes)
			return npu_error_set(fit->err, -EINVAL,
					     "sample %zu has label %d, but the data has %zu "
					     "classes, each with a weight",
					     i, data->labels[i], data->classes);
	return 0;
}

static int check_data(struct npu_fit *fit, const struct npu_dataset *data,
		      struct npu_objective *objective)
{
	int ret = npu_model_check_data(fit->model, data, fit->err);

	return ret ? ret : npu_loss_resolve(fit->model, data, objective, fit->err);
}

static int plan_hold_out(struct npu_fit *fit, const struct npu_dataset *data)
{
	double fraction = (double)fit->options.validation_fraction;
	size_t held = (size_t)(fraction * (double)data->samples + 0.5);

	if (!held || held >= data->samples)
		return npu_error_set(fit->err, -EINVAL,
				     "a validation fraction of %g of %zu samples leaves one side "
				     "empty; use another, or more data",
				     fraction, data->samples);
	fit->train.count = data->samples - held;
	fit->validation = (struct npu_samples){ .data = data, .count = held };
	return 0;
}

static int plan_data(struct npu_fit *fit, const struct npu_dataset *data)
{
	const struct npu_fit_options *o = &fit->options;
	const struct npu_dataset *validation = o->validation;
	int ret;

	fit->objective = (struct npu_objective){
		.loss = o->loss,
		.delta = o->delta,
		.smoothing = o->label_smoothing,
	};
	ret = check_data(fit, data, &fit->objective);
	if (!ret)
		ret = check_class_weights(fit, data);
	if (ret)
		return ret;
	fit->validated = fit->objective;
	fit->validated.smoothing = 0;
	fit->indices = data->samples;
	fit->train = (struct npu_samples){ .data = data, .count = data->samples };
	if (!validation)
		return o->validation_fraction > 0 ? plan_hold_out(fit, data) : 0;
	fit->validation = (struct npu_samples){ .data = validation, .count = validation->samples };
	return check_data(fit, validation, &fit->validated);
}

/* Threads that training uses: where there is little to a step, they would only be started. */
static unsigned int threads_for(const struct npu_fit *fit)
{
	unsigned int threads = fit->options.threads ? fit->options.threads : npu_pool_cpus();

	return npu_model_work(fit->model) < NPU_WORTH_SHARING / fit->capacity ? 1 : threads;
}

static struct npu_loading loading_for(const struct npu_fit *fit, bool training)
{
	const struct npu_fit_options *o = &fit->options;

	return (struct npu_loading){
		.scaler = &fit->model->scaler,
		.augment = training ? o->augment : NULL,
		.class_weight = training ? o->class_weight : NULL,
		.random = fit->random,
		.capacity = fit->capacity,
		.cpus = o->threads == 1 ? 1 : npu_pool_cpus(),
	};
}

/* What npu_floats_alloc() takes. */
static size_t floats_bytes(size_t count)
{
	return (count * sizeof(float) + 63) / 64 * 64;
}

static void count_memory(const struct npu_fit *fit, struct npu_fit_quote *q)
{
	const struct npu_fit_options *o = &fit->options;
	const struct npu_model *model = fit->model;
	size_t flat = model->values * sizeof(float);
	struct npu_loading training = loading_for(fit, true), validating = loading_for(fit, false);
	unsigned int threads = threads_for(fit);

	memset(q, 0, sizeof(*q));
	q->batch = (unsigned int)fit->capacity;
	q->weights = flat * (1 + (o->patience > 0) + (o->proximal > 0));
	if (o->quantise_from)
		q->weights += npu_fake_bytes(model);
	q->gradients = flat;
	q->optimizer = npu_optimization_bytes(model, &o->optimizer);
	q->activations = npu_pass_bytes(model, fit->capacity, threads, true, fit->fake.place);
	q->batches = npu_loader_bytes(fit->train.data, &training);
	if (fit->validation.count)
		q->batches += npu_loader_bytes(fit->validation.data, &validating);
	q->other = fit->indices * sizeof(*fit->index) + o->epochs * sizeof(*fit->history->epoch) +
		   npu_pool_bytes(threads) + floats_bytes(fit->capacity * model->states);
	if (o->quantise_from)
		q->other +=
			(1 + model->nodes) * (sizeof(*fit->fake.place) +
					      (o->patience > 0 ? sizeof(*fit->best_tracked) : 0));
	q->total =
		q->weights + q->gradients + q->optimizer + q->activations + q->batches + q->other;
}

/* The largest batch, of those that halving gives, that is within the limit. */
static int choose_batch(struct npu_fit *fit, struct npu_fit_quote *q)
{
	size_t limit = fit->options.memory_limit;

	fit->capacity = fit->options.batch;
	if (fit->capacity > fit->train.count)
		fit->capacity = fit->train.count;
	count_memory(fit, q);
	while (limit && q->total > limit && fit->capacity > 1) {
		fit->capacity /= 2;
		count_memory(fit, q);
	}
	if (!limit || q->total <= limit)
		return 0;
	return npu_error_set(
		fit->err, -E2BIG,
		"training needs %zu bytes even with batches of one sample (weights %zu, "
		"gradients %zu, optimiser %zu, activations %zu, batches %zu, other %zu), "
		"the limit is %zu; raise it, freeze layers, or use SGD without momentum",
		q->total, q->weights, q->gradients, q->optimizer, q->activations, q->batches,
		q->other, limit);
}

int npu_fit_plan(struct npu_fit *fit, const struct npu_dataset *data,
		 const struct npu_fit_options *options, struct npu_fit_quote *quote)
{
	int ret = set_options(fit, options);

	if (!ret)
		ret = plan_data(fit, data);
	if (!ret && fit->options.quantise_from)
		ret = npu_graph_places(fit->model, &fit->fake.place, fit->err);
	return ret ? ret : choose_batch(fit, quote);
}

int npu_model_fit_quote(const struct npu_model *model, const struct npu_dataset *data,
			const struct npu_fit_options *options, struct npu_fit_quote *quote,
			struct npu_error *err)
{
	/* A plan leaves the model as it is. */
	struct npu_fit fit = { .model = (struct npu_model *)model, .err = err };
	int ret = npu_fit_plan(&fit, data, options, quote);

	free(fit.fake.place);
	return ret;
}

static int ascending(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

/* The last of a random order are held out; the rest are trained on, in the order they had. */
static int order_samples(struct npu_fit *fit)
{
	size_t i;

	fit->index = malloc(fit->indices * sizeof(*fit->index));
	if (!fit->index)
		return npu_error_set(fit->err, -ENOMEM, "out of memory for the order of samples");
	for (i = 0; i < fit->indices; i++)
		fit->index[i] = i;
	fit->train.index = fit->index;
	if (fit->train.count == fit->indices)
		return 0;
	npu_rng_shuffle(&fit->model->rng, fit->index, fit->indices);
	qsort(fit->index, fit->train.count, sizeof(*fit->index), ascending);
	fit->validation.index = fit->index + fit->train.count;
	return 0;
}

static int prepare_loaders(struct npu_fit *fit)
{
	struct npu_loading training = loading_for(fit, true), validating = loading_for(fit, false);
	int ret = npu_loader_create(&fit->loader, &fit->train, &training, fit->err);

	if (!ret && fit->validation.count)
		ret = npu_loader_create(&fit->held_out, &fit->validation, &validating, fit->err);
	return ret;
}

static int prepare_network(struct npu_fit *fit)
{
	struct npu_model *model = fit->model;
	unsigned int threads = threads_for(fit);
	int ret = npu_model_need_gradient(model, fit->err);

	if (!ret)
		ret = npu_pool_create(&fit->pool, threads, fit->err);
	if (!ret)
		ret = npu_pass_create(&fit->pass, model, fit->capacity, threads, true,
				      fit->fake.place, fit->err);
	if (!ret && fit->fake.place)
		ret = npu_fake_create(&fit->fake, model, fit->err);
	if (!ret)
		ret = npu_model_need_state(model, fit->capacity, fit->err);
	if (!ret)
		ret = npu_optimization_create(&fit->optimization, model, &fit->options.optimizer,
					      fit->options.proximal, fit->err);
	return ret;
}

int npu_fit_prepare(struct npu_fit *fit)
{
	const struct npu_fit_options *o = &fit->options;
	int ret;

	fit->random = npu_rng_next(&fit->model->rng);
	npu_rate_init(&fit->rate, &o->schedule, o->optimizer.rate, npu_fit_batches(fit));
	ret = order_samples(fit);
	if (!ret)
		ret = prepare_network(fit);
	if (ret)
		return ret;
	if (o->patience)
		fit->best = npu_floats_alloc(fit->model->values);
	if (o->patience && fit->fake.place)
		fit->best_tracked = calloc(1 + fit->model->nodes, sizeof(*fit->best_tracked));
	fit->history->epoch = calloc(o->epochs, sizeof(*fit->history->epoch));
	if ((o->patience && !fit->best) || (o->patience && fit->fake.place && !fit->best_tracked) ||
	    !fit->history->epoch)
		return npu_error_set(fit->err, -ENOMEM, "out of memory for %u epochs", o->epochs);
	if (o->resume)
		ret = npu_fit_read_checkpoint(fit);
	return ret ? ret : prepare_loaders(fit);
}

void npu_fit_release(struct npu_fit *fit)
{
	npu_loader_free(fit->loader);
	npu_loader_free(fit->held_out);
	npu_optimization_free(&fit->optimization);
	npu_pass_free(&fit->pass);
	npu_pool_free(fit->pool);
	npu_fake_free(&fit->fake);
	free(fit->fake.place);
	free(fit->best_tracked);
	free(fit->best);
	free(fit->index);
}
