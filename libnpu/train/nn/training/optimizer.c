// SPDX-License-Identifier: MIT
/*
 * Parameters that lie side by side and are treated alike are one run, the gaps between them with
 * it, since zeros stay zeros. Runs are cut into chunks, always at the same places, so that sums
 * over them are the same at any number of threads.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/nn/kernels/f32.h"
#include "optimizer.h"
#include "runtime/error.h"

/* Parameters of a chunk: enough to be worth a thread's while. */
#define CHUNK_VALUES 16384

/* Does it matter to @o whether a parameter is a weight? */
static bool has_penalties(const struct npu_optimizer *o)
{
	return o->l1 > 0 || o->l2 > 0 || o->decay > 0;
}

static size_t rounded_up(size_t count)
{
	return (count + NPU_PARAMETER_ALIGN - 1) / NPU_PARAMETER_ALIGN * NPU_PARAMETER_ALIGN;
}

/* Add a run; @chunk is NULL to count only. */
static void cut(struct npu_chunk *chunk, size_t *chunks, struct npu_chunk run)
{
	while (run.count) {
		struct npu_chunk part = run;

		if (part.count > CHUNK_VALUES)
			part.count = CHUNK_VALUES;
		if (chunk)
			chunk[*chunks] = part;
		++*chunks;
		run.at += part.count;
		run.moment += part.count;
		run.count -= part.count;
	}
}

/* Find the runs and cut them; returns the number of moments. @chunk may be NULL. */
static size_t plan(const struct npu_model *model, const struct npu_optimizer *o,
		   struct npu_chunk *chunk, size_t *chunks)
{
	struct npu_chunk run = { 0 };
	size_t i, moments = 0;

	*chunks = 0;
	for (i = 0; i < model->parameters; i++) {
		const struct npu_model_parameter *p = &model->parameter[i];
		bool penalised = has_penalties(o) && p->role == NPU_ROLE_WEIGHT;
		size_t count = rounded_up(p->count);

		if (!npu_model_trains(model, p))
			continue;
		if (run.at + run.count != p->offset || run.penalised != penalised) {
			cut(chunk, chunks, run);
			run = (struct npu_chunk){ p->offset, moments, 0, penalised };
		}
		run.count += count;
		moments += count;
	}
	cut(chunk, chunks, run);
	return moments;
}

static bool has_first(const struct npu_optimizer *o)
{
	switch (o->kind) {
	case NPU_ADAM:
	case NPU_ADAMW:
		return true;
	case NPU_SGD:
	case NPU_RMSPROP:
		return o->momentum > 0;
	case NPU_ADAGRAD:
		break;
	}
	return false;
}

static bool has_second(const struct npu_optimizer *o)
{
	return o->kind != NPU_SGD;
}

size_t npu_optimization_bytes(const struct npu_model *model, const struct npu_optimizer *o)
{
	size_t chunks, moments = plan(model, o, NULL, &chunks);

	/* The memory of floats comes in multiples of 16, and so do moments. */
	return chunks * (sizeof(struct npu_chunk) + sizeof(double)) +
	       moments * sizeof(float) * ((size_t)has_first(o) + has_second(o));
}

int npu_optimization_create(struct npu_optimization *opt, const struct npu_model *model,
			    const struct npu_optimizer *o, float proximal, struct npu_error *err)
{
	memset(opt, 0, sizeof(*opt));
	opt->how = *o;
	opt->proximal = proximal;
	opt->moments = plan(model, o, NULL, &opt->chunks);
	if (!opt->moments)
		return npu_error_set(err, -EINVAL,
				     "no layer has anything to learn: all that have parameters are "
				     "frozen");
	opt->chunk = malloc(opt->chunks * sizeof(*opt->chunk));
	opt->square = malloc(opt->chunks * sizeof(*opt->square));
	if (has_first(o))
		opt->first = npu_floats_alloc(opt->moments);
	if (has_second(o))
		opt->second = npu_floats_alloc(opt->moments);
	if (proximal > 0)
		opt->anchor = npu_floats_alloc(model->values);
	if (!opt->chunk || !opt->square || (has_first(o) && !opt->first) ||
	    (has_second(o) && !opt->second) || (proximal > 0 && !opt->anchor)) {
		npu_optimization_free(opt);
		return npu_error_set(err, -ENOMEM,
				     "out of memory for the optimiser's moments; SGD "
				     "without momentum needs none");
	}
	plan(model, o, opt->chunk, &opt->chunks);
	if (opt->anchor)
		memcpy(opt->anchor, model->value, model->values * sizeof(float));
	return 0;
}

void npu_optimization_free(struct npu_optimization *opt)
{
	free(opt->chunk);
	free(opt->square);
	free(opt->first);
	free(opt->second);
	free(opt->anchor);
	memset(opt, 0, sizeof(*opt));
}

/**
 * struct step - one step, for the threads
 * @update: constants of chunks with penalties
 */
struct step {
	const struct npu_optimization *opt;
	const struct npu_update_ops *ops;
	float *value, *gradient;
	struct npu_update update;
};

static void measure_chunk(void *context, size_t i)
{
	const struct step *step = context;
	const struct npu_optimization *opt = step->opt;
	const struct npu_chunk *chunk = &opt->chunk[i];
	float *g = step->gradient + chunk->at;

	if (opt->how.clip_value > 0)
		step->ops->clamp(g, opt->how.clip_value, chunk->count);
	if (!(opt->how.clip_norm > 0))
		return;
	opt->square[i] = step->ops->square_sum(g, chunk->count);
	/* Where gradients explode, which clipping is for, f32 may not hold their squares. */
	if (isinf(opt->square[i]))
		opt->square[i] = npu_update_reference.square_sum(g, chunk->count);
}

/* Clip the gradient's elements, and find what it has to be scaled by. */
static float measure(struct npu_pool *pool, struct step *step)
{
	const struct npu_optimization *opt = step->opt;
	double sum = 0, norm;
	size_t i;

	if (!(opt->how.clip_value > 0) && !(opt->how.clip_norm > 0))
		return 1;
	npu_pool_run(pool, measure_chunk, step, opt->chunks);
	if (!(opt->how.clip_norm > 0))
		return 1;
	for (i = 0; i < opt->chunks; i++)
		sum += opt->square[i];
	norm = sqrt(sum);
	return norm > (double)opt->how.clip_norm ? (float)((double)opt->how.clip_norm / norm) : 1;
}

static void update_chunk(void *context, size_t i)
{
	const struct step *step = context;
	const struct npu_optimization *opt = step->opt;
	const struct npu_chunk *chunk = &opt->chunk[i];
	struct npu_update update = step->update;
	struct npu_stretch stretch = {
		.w = step->value + chunk->at,
		.g = step->gradient + chunk->at,
		.first = opt->first ? opt->first + chunk->moment : NULL,
		.second = opt->second ? opt->second + chunk->moment : NULL,
		.anchor = opt->anchor ? opt->anchor + chunk->at : NULL,
		.count = chunk->count,
	};

	if (!chunk->penalised) {
		update.l1 = 0;
		update.l2 = 0;
		update.shrink = 1;
	}
	if (update.scale != 1 || update.l1 > 0 || update.l2 > 0 || stretch.anchor)
		step->ops->penalise(&update, &stretch);
	if (update.shrink != 1)
		step->ops->shrink(&update, &stretch);
	switch (opt->how.kind) {
	case NPU_SGD:
		step->ops->sgd(&update, &stretch);
		break;
	case NPU_RMSPROP:
		step->ops->rmsprop(&update, &stretch);
		break;
	case NPU_ADAGRAD:
		step->ops->adagrad(&update, &stretch);
		break;
	case NPU_ADAM:
	case NPU_ADAMW:
		step->ops->adam(&update, &stretch);
		break;
	}
}

/* x^n by squaring: the same on every CPU. */
static double power(double x, uint64_t n)
{
	double result = 1;

	for (; n; n >>= 1, x *= x)
		if (n & 1)
			result *= x;
	return result;
}

void npu_optimization_step(struct npu_optimization *opt, struct npu_pool *pool,
			   struct npu_model *model, float *gradient, float rate)
{
	const struct npu_optimizer *o = &opt->how;
	struct step step = {
		.opt = opt,
		.ops = model->f32->update,
		.value = model->value,
		.gradient = gradient,
		.update = {
			.rate = rate,
			.momentum = o->momentum,
			.nesterov = o->nesterov,
			.beta1 = o->beta1,
			.beta2 = o->beta2,
			.epsilon = o->epsilon,
			.l1 = o->l1,
			.l2 = o->l2,
			.proximal = opt->proximal,
			.shrink = 1 - rate * o->decay,
		},
	};

	opt->step++;
	if (o->kind == NPU_ADAM || o->kind == NPU_ADAMW) {
		step.update.rate = (float)(rate / (1 - power(o->beta1, opt->step)));
		step.update.root = (float)(1 / sqrt(1 - power(o->beta2, opt->step)));
	}
	step.update.scale = measure(pool, &step);
	npu_pool_run(pool, update_chunk, &step, opt->chunks);
}
