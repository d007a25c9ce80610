// SPDX-License-Identifier: MIT
/* Learning rates over the steps of a run; struct npu_schedule has the formulas. */
#include <errno.h>
#include <math.h>

#include "train/nn/elementary.h"
#include "runtime/error.h"
#include "schedule.h"

#define PI 3.14159265358979323846

static unsigned int epochs_behind_warmup(const struct npu_schedule *s, unsigned int epochs)
{
	double left = ceil((double)epochs - (double)s->warmup);

	return left > 1 ? (unsigned int)left : 1;
}

static void set_defaults(struct npu_schedule *s, unsigned int epochs)
{
	if (s->factor == 0)
		s->factor = 0.1f;
	if (!s->patience)
		s->patience = 5;
	if (s->every)
		return;
	s->every = 10;
	if (s->kind == NPU_SCHEDULE_EXPONENTIAL)
		s->every = 1;
	else if (s->kind == NPU_SCHEDULE_COSINE)
		s->every = epochs_behind_warmup(s, epochs);
}

int npu_schedule_resolve(struct npu_schedule *s, unsigned int epochs, float rate,
			 struct npu_error *err)
{
	if (s->kind < NPU_SCHEDULE_CONSTANT || s->kind > NPU_SCHEDULE_PLATEAU)
		return npu_error_set(err, -EINVAL,
				     "unknown schedule %d; use one of enum npu_schedule_kind",
				     (int)s->kind);
	if (!(s->warmup >= 0) || isinf(s->warmup))
		return npu_error_set(err, -EINVAL,
				     "a warm-up of %g epochs: it must be 0 or above, and finite",
				     (double)s->warmup);
	set_defaults(s, epochs);
	if (!(s->factor > 0 && s->factor < 1))
		return npu_error_set(err, -EINVAL,
				     "the schedule multiplies the learning rate by %g; the factor "
				     "must be between 0 and 1",
				     (double)s->factor);
	if (!(s->min_rate >= 0 && s->min_rate <= rate))
		return npu_error_set(err, -EINVAL,
				     "min_rate %g: it must be between 0 and the learning rate, %g",
				     (double)s->min_rate, (double)rate);
	return 0;
}

void npu_rate_init(struct npu_rate *rate, const struct npu_schedule *schedule, float base,
		   uint64_t batches)
{
	*rate = (struct npu_rate){
		.schedule = *schedule,
		.base = base,
		.batches = batches,
		.lowered = 1,
	};
}

/* The sum of (-1)^k x^(2k) / (first + 2k)! * first!, for cos and sin of at most pi / 4. */
static double alternating(double x, int first)
{
	double term = 1, sum = 1;
	int k;

	for (k = first + 1; k < 20; k += 2) {
		term *= -x * x / (k * (k + 1));
		sum += term;
	}
	return sum;
}

/* cos(pi x), 0 <= x <= 1, without libm, whose last bit depends on the CPU. */
static double cosine(double x)
{
	if (x > 0.5)
		return -cosine(1 - x);
	if (x > 0.25)
		return PI * (0.5 - x) * alternating(PI * (0.5 - x), 1);
	return alternating(PI * x, 0);
}

/* What the schedule makes of the rate @t epochs after the warm-up. */
static double scheduled(const struct npu_rate *rate, double t)
{
	const struct npu_schedule *s = &rate->schedule;
	double base = rate->base, part = t / s->every;

	switch (s->kind) {
	case NPU_SCHEDULE_STEP:
		return base * npu_exp(floor(part) * npu_log(s->factor));
	case NPU_SCHEDULE_EXPONENTIAL:
		return base * npu_exp(part * npu_log(s->factor));
	case NPU_SCHEDULE_COSINE:
		part = part < 1 ? part : 1;
		return s->min_rate + (base - s->min_rate) * (1 + cosine(part)) / 2;
	case NPU_SCHEDULE_PLATEAU:
		return base * rate->lowered;
	case NPU_SCHEDULE_CONSTANT:
		break;
	}
	return base;
}

float npu_rate_at(const struct npu_rate *rate, uint64_t step)
{
	const struct npu_schedule *s = &rate->schedule;
	double rising = (double)s->warmup * (double)rate->batches, done = (double)step;
	double value;

	/* The first step already moves. */
	if (done + 1 < rising)
		return (float)((double)rate->base * ((done + 1) / rising));
	if (s->kind == NPU_SCHEDULE_CONSTANT)
		return rate->base;
	value = scheduled(rate, done > rising ? (done - rising) / (double)rate->batches : 0);
	return value < (double)s->min_rate ? s->min_rate : (float)value;
}

void npu_rate_watch(struct npu_rate *rate, bool better)
{
	if (rate->schedule.kind != NPU_SCHEDULE_PLATEAU)
		return;
	rate->waited = better ? 0 : rate->waited + 1;
	if (rate->waited < rate->schedule.patience)
		return;
	rate->waited = 0;
	rate->lowered *= (double)rate->schedule.factor;
}
