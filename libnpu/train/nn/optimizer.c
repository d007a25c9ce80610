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

int npu_optimizer_resolve(struct npu_optimizer *o, struct npu_error *err)
{
	if (!o->kind)
		*o = npu_adam();
	if (o->kind != NPU_SGD && o->kind != NPU_ADAM)
		return npu_error_set(err, -EINVAL,
				     "unknown optimiser %d; make it with npu_sgd() or npu_adam()",
				     (int)o->kind);
	if (!(o->rate > 0) || !isfinite(o->rate))
		return npu_error_set(err, -EINVAL,
				     "learning rate %g: it must be above 0; 0.001 suits Adam, 0.01 SGD",
				     (double)o->rate);
	if (o->kind == NPU_SGD && !(o->momentum >= 0 && o->momentum < 1))
		return npu_error_set(err, -EINVAL, "momentum %g: it must be in [0, 1)",
				     (double)o->momentum);
	if (o->kind == NPU_ADAM && !(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 &&
				     o->beta2 < 1 && o->epsilon > 0))
		return npu_error_set(err, -EINVAL,
				     "Adam with beta1 %g, beta2 %g, epsilon %g: the betas must be in "
				     "[0, 1), epsilon above 0", (double)o->beta1, (double)o->beta2,
				     (double)o->epsilon);
	return 0;
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

void npu_optimizer_step(const struct npu_optimizer *o, struct npu_moments *moments,
			struct npu_model *model, const float *gradient)
{
	struct npu_adam_step step;

	moments->step++;
	if (o->kind == NPU_SGD) {
		model->f32->sgd(model->value, gradient, moments->first, o->rate, o->momentum,
				model->values);
		return;
	}
	step = (struct npu_adam_step){
		.beta1 = o->beta1,
		.beta2 = o->beta2,
		.epsilon = o->epsilon,
		.rate = (float)(o->rate / (1 - power(o->beta1, moments->step))),
		.root = (float)(1 / sqrt(1 - power(o->beta2, moments->step))),
	};
	model->f32->adam(model->value, gradient, moments->first, moments->second, model->values,
			 &step);
}
