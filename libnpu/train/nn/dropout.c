// SPDX-License-Identifier: MIT
/*
 * Dropout. Which values go is told by a hash of the step and the value's number, so that it does
 * not depend on who computes it, and need not be kept for the way back.
 */
#include <errno.h>
#include <string.h>

#include "layer.h"
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
 * @keep: a hash below it keeps: the share of 2^32
 * @factor: of what is kept
 */
struct job {
	uint64_t random;
	const float *from;
	float *to;
	size_t count;
	uint32_t keep;
	float factor;
};

/* 32 random bits for value @i. A finaliser of murmur's kind (Appleby), over a number of its own. */
static inline uint32_t hash(uint32_t seed, uint32_t i)
{
	uint32_t x = seed ^ (i * 0x9e3779b9u);

	x ^= x >> 16;
	x *= 0x85ebca6bu;
	x ^= x >> 13;
	x *= 0xc2b2ae35u;
	return x ^ x >> 16;
}

static void run_values(void *context, size_t task)
{
	const struct job *job = context;
	size_t first = task * TASK_VALUES, count = job->count - first, i;
	uint32_t seed = (uint32_t)npu_rng_mix(job->random, task);
	const float *from = job->from + first;
	float *to = job->to + first;

	if (count > TASK_VALUES)
		count = TASK_VALUES;
	for (i = 0; i < count; i++)
		to[i] = hash(seed, (uint32_t)i) <= job->keep ? from[i] * job->factor : 0;
}

static void drop(const struct npu_step *step, const float *from, float *to)
{
	double keep = 1 - (double)step->node->layer.rate;
	struct job job = {
		.random = step->random,
		.from = from,
		.to = to,
		.count = step->n * step->node->out,
		.keep = (uint32_t)(keep * UINT32_MAX),
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
