// SPDX-License-Identifier: MIT
/*
 * Dropout. Which values go is told by a hash of the step and the value's number, so that it does
 * not depend on who computes it, and need not be kept for the way back.
 */
#include <errno.h>
#include <string.h>

#include "train/nn/layer.h"
#include "runtime/error.h"

/* Values of a task: enough to be worth a thread's while. */
#define TASK_VALUES 16384

static int dropout_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	(void)model;
	memcpy(node->out_dim, node->in_dim, sizeof(node->out_dim));
	if (node->layer.rate >= 0 && node->layer.rate < 1)
		return 0;
	return npu_error_set(err, -EINVAL, "layer \"%s\": dropout rate %g; it must be in [0, 1)",
			     node->layer.name, (double)node->layer.rate);
}

/**
 * struct job - values that are kept and scaled, or dropped
 * @from, @to: [count]
 * @keep: the share of 2^32 that is kept: values whose random number is below it
 * @factor: of what is kept
 */
struct job {
	uint64_t random;
	const float *from;
	float *to;
	size_t count;
	uint64_t keep;
	float factor;
};

/* 64 random bits for pair @i of a task's values: the i-th number of splitmix64 (Steele et al. 2014)
 */
static inline uint64_t hash(uint64_t seed, uint64_t i)
{
	uint64_t x = seed + i * 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Without a branch, which nobody could predict; what is dropped becomes 0 even if it is no number.
 */
static inline void keep_or_drop(const struct job *job, uint32_t random, const float *from,
				float *to)
{
	float scaled = *from * job->factor;
	uint32_t bits;

	memcpy(&bits, &scaled, sizeof(bits));
	bits &= -(uint32_t)(random < job->keep);
	memcpy(to, &bits, sizeof(bits));
}

static void run_values(void *context, size_t task)
{
	const struct job *job = context;
	size_t first = task * TASK_VALUES, count = job->count - first, i;
	uint64_t seed = npu_rng_mix(job->random, task), random;
	const float *from = job->from + first;
	float *to = job->to + first;

	if (count > TASK_VALUES)
		count = TASK_VALUES;
	for (i = 0; i + 2 <= count; i += 2) {
		random = hash(seed, i);
		keep_or_drop(job, (uint32_t)random, from + i, to + i);
		keep_or_drop(job, (uint32_t)(random >> 32), from + i + 1, to + i + 1);
	}
	if (i < count)
		keep_or_drop(job, (uint32_t)hash(seed, i), from + i, to + i);
}

static void drop(const struct npu_step *step, const float *from, float *to)
{
	double keep = 1 - (double)step->node->layer.rate;
	struct job job = {
		.random = step->random,
		.from = from,
		.to = to,
		.count = step->n * step->node->out,
		.keep = (uint64_t)(keep * 0x1p32),
		.factor = (float)(1 / keep),
	};

	npu_pool_run(step->pool, run_values, &job, (job.count + TASK_VALUES - 1) / TASK_VALUES);
}

static void dropout_forward(const struct npu_step *step)
{
	if (step->training && step->node->layer.rate > 0)
		drop(step, step->x, step->y);
	else
		memcpy(step->y, step->x, step->n * step->node->out * sizeof(float));
}

static void dropout_backward(const struct npu_step *step)
{
	if (!step->dx)
		return;
	if (step->node->layer.rate > 0)
		drop(step, step->dy, step->dx);
	else
		memcpy(step->dx, step->dy, step->n * step->node->out * sizeof(float));
}

static void dropout_reference(const struct npu_step *step)
{
	memcpy(step->y, step->x, step->n * step->node->out * sizeof(float));
}

const struct npu_layer_ops npu_dropout_ops = {
	.name = "dropout",
	.inputs = 1,
	.shape = dropout_shape,
	.forward = dropout_forward,
	.backward = dropout_backward,
	.reference = dropout_reference,
};
