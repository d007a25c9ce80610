// SPDX-License-Identifier: MIT
/* Defaults of the optimisers, and which figures make no sense. */
#include <errno.h>
#include <math.h>

#include "optimizer.h"
#include "runtime/error.h"

static void set_default(float *value, float otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void set_defaults(struct npu_optimizer *o)
{
	bool slow = o->kind == NPU_SGD || o->kind == NPU_ADAGRAD;

	set_default(&o->rate, slow ? 0.01f : 0.001f);
	set_default(&o->beta1, 0.9f);
	set_default(&o->beta2, o->kind == NPU_RMSPROP ? 0.9f : 0.999f);
	set_default(&o->epsilon, 1e-7f);
	if (o->kind == NPU_ADAMW)
		set_default(&o->decay, 0.01f);
}

static bool is_share(float x)
{
	return x > 0 && x < 1;
}

static bool is_amount(float x)
{
	return x >= 0 && isfinite(x);
}

static int check_penalties(const struct npu_optimizer *o, struct npu_error *err)
{
	const struct {
		const char *name;
		float value;
	} figures[] = {
		{ "l1", o->l1 },
		{ "l2", o->l2 },
		{ "decay", o->decay },
		{ "clip_value", o->clip_value },
		{ "clip_norm", o->clip_norm },
	};
	size_t i;

	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		if (!is_amount(figures[i].value))
			return npu_error_set(
				err, -EINVAL,
				"optimiser with %s %g: it must be 0, for none, or above, "
				"and finite",
				figures[i].name, (double)figures[i].value);
	if (o->rate * o->decay >= 1)
		return npu_error_set(
			err, -EINVAL,
			"decay %g times learning rate %g is not below 1: weights would "
			"be gone in a step; lower one of them",
			(double)o->decay, (double)o->rate);
	return 0;
}

int npu_optimizer_resolve(struct npu_optimizer *o, struct npu_error *err)
{
	if (!o->kind)
		o->kind = NPU_ADAM;
	if (o->kind < NPU_SGD || o->kind > NPU_ADAMW)
		return npu_error_set(err, -EINVAL,
				     "unknown optimiser %d; make it with npu_sgd(), npu_adam() or "
				     "the like",
				     (int)o->kind);
	set_defaults(o);
	if (!(o->rate > 0) || !isfinite(o->rate))
		return npu_error_set(
			err, -EINVAL,
			"learning rate %g: it must be above 0; 0.001 suits Adam, 0.01 SGD",
			(double)o->rate);
	if (!(o->momentum >= 0 && o->momentum < 1))
		return npu_error_set(err, -EINVAL, "momentum %g: it must be in [0, 1)",
				     (double)o->momentum);
	if (o->nesterov && (o->kind != NPU_SGD || o->momentum == 0))
		return npu_error_set(err, -EINVAL,
				     "nesterov looks ahead along the momentum of SGD; give "
				     "npu_sgd() a momentum, such as 0.9");
	if (!is_share(o->beta1) || !is_share(o->beta2) || !(o->epsilon > 0) || isinf(o->epsilon))
		return npu_error_set(
			err, -EINVAL,
			"optimiser with beta1 %g, beta2 %g, epsilon %g: the betas must be "
			"between 0 and 1, epsilon above 0",
			(double)o->beta1, (double)o->beta2, (double)o->epsilon);
	return check_penalties(o, err);
}
