// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "f32.h"
#include "optimizer.h"
#include "runtime/error.h"

int npu_moments_create(struct npu_moments *moments, const struct npu_model *model,
		       struct npu_error *err)
{
	moments->step = 0;
	moments->first = npu_floats_alloc(model->values);
	moments->second = npu_floats_alloc(model->values);
	if (moments->first && moments->second)
		return 0;
	npu_moments_free(moments);
	return npu_error_set(err, -ENOMEM, "out of memory for the optimiser's moments");
}

void npu_moments_free(struct npu_moments *moments)
{
	free(moments->first);
	free(moments->second);
	moments->first = NULL;
	moments->second = NULL;
}

static void set_default(float *value, float otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static int check_adam(const struct npu_optimizer *o, struct npu_error *err)
{
	if (o->beta1 > 0 && o->beta1 < 1 && o->beta2 > 0 && o->beta2 < 1 && o->epsilon > 0)
		return 0;
	return npu_error_set(
		err, -EINVAL,
		"Adam with beta1 %g, beta2 %g, epsilon %g: the betas must be between 0 "
		"and 1, epsilon above 0",
		(double)o->beta1, (double)o->beta2, (double)o->epsilon);
}

int npu_optimizer_resolve(struct npu_optimizer *o, struct npu_error *err)
{
	if (!o->kind)
		o->kind = NPU_ADAM;
	if (o->kind != NPU_SGD && o->kind != NPU_ADAM)
		return npu_error_set(err, -EINVAL,
				     "unknown optimiser %d; make it with npu_sgd() or npu_adam()",
				     (int)o->kind);
	set_default(&o->rate, o->kind == NPU_SGD ? 0.01f : 0.001f);
	set_default(&o->beta1, 0.9f);
	set_default(&o->beta2, 0.999f);
	set_default(&o->epsilon, 1e-7f);
	if (!(o->rate > 0) || !isfinite(o->rate))
		return npu_error_set(
			err, -EINVAL,
			"learning rate %g: it must be above 0; 0.001 suits Adam, 0.01 SGD",
			(double)o->rate);
	if (!(o->momentum >= 0 && o->momentum < 1))
		return npu_error_set(err, -EINVAL, "momentum %g: it must be in [0, 1)",
				     (double)o->momentum);
	return o->kind == NPU_ADAM ? check_adam(o, err) : 0;
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

/* Parameters of a task: enough to be worth a thread's while. */
#define TASK_VALUES 16384

struct update {
	const struct npu_optimizer *optimizer;
	const struct npu_f32 *f32;
	float *value, *first, *second;
	const float *gradient;
	size_t values;
	struct npu_adam_step adam;
};

static void update_values(void *context, size_t task)
{
	const struct update *u = context;
	size_t at = task * TASK_VALUES, count = u->values - at;

	if (count > TASK_VALUES)
		count = TASK_VALUES;
	if (u->optimizer->kind == NPU_SGD)
		u->f32->sgd(u->value + at, u->gradient + at, u->first + at, u->optimizer->rate,
			    u->optimizer->momentum, count);
	else
		u->f32->adam(u->value + at, u->gradient + at, u->first + at, u->second + at, count,
			     &u->adam);
}

void npu_optimizer_step(struct npu_pool *pool, const struct npu_optimizer *o,
			struct npu_moments *moments, struct npu_model *model, const float *gradient)
{
	struct update update = {
		.optimizer = o,
		.f32 = model->f32,
		.value = model->value,
		.first = moments->first,
		.second = moments->second,
		.gradient = gradient,
		.values = model->values,
	};

	moments->step++;
	if (o->kind == NPU_ADAM)
		update.adam = (struct npu_adam_step){
			.beta1 = o->beta1,
			.beta2 = o->beta2,
			.epsilon = o->epsilon,
			.rate = (float)(o->rate / (1 - power(o->beta1, moments->step))),
			.root = (float)(1 / sqrt(1 - power(o->beta2, moments->step))),
		};
	npu_pool_run(pool, update_values, &update, (model->values + TASK_VALUES - 1) / TASK_VALUES);
}
