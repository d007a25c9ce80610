// SPDX-License-Identifier: MIT
/*
 * A convolution and the maximum that reads it, a sample at a time: what the convolution makes is
 * read while it is in the cache, and then forgotten.
 */
#include <stdatomic.h>

#include "train/nn/kernels/conv_kernels.h"
#include "conv_vector.h"

/**
 * struct pooled_job - a batch
 * @work: behind the weights, if they had to be arranged
 * @next: sample to take
 */
struct pooled_job {
	const struct npu_conv_run *run;
	const float *x, *weight, *bias;
	const struct npu_conv_pooled *pooled;
	float *work;
	atomic_size_t next;
};

size_t npu_conv_pooled_room(const struct npu_conv *conv, size_t threads)
{
	return threads * (npu_conv_align(npu_conv_out(conv)) +
			  npu_conv_vector_forward_room(conv, 1)) +
	       npu_conv_vector_forward_room(conv, threads);
}

/* @work: a sample's outputs, then what the convolution needs */
static void run_sample(const struct pooled_job *job, struct npu_pool *pool, size_t sample,
		       float *work)
{
	const struct npu_conv_pooled *pooled = job->pooled;
	struct npu_conv_run run = *job->run;
	float *winner = pooled->winner;

	run.pool = pool;
	run.n = 1;
	run.work = work + npu_conv_align(npu_conv_out(&run.conv));
	npu_conv_vector_forward(&run, job->x + sample * npu_conv_in(&run.conv), job->weight,
				job->bias, work);
	npu_pooling_vector_forward(&pooled->pooling, run.f32->conv, work,
				   pooled->y + sample * pooled->out,
				   winner ? winner + sample * pooled->out : NULL);
}

/* One of a few tasks, which take samples until there are no more. */
static void run_samples(void *context, size_t task)
{
	struct pooled_job *job = context;
	const struct npu_conv *conv = &job->run->conv;
	float *work = job->work + task * (npu_conv_align(npu_conv_out(conv)) +
					  npu_conv_vector_forward_room(conv, 1));
	size_t sample;

	for (;;) {
		sample = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
		if (sample >= job->run->n)
			return;
		run_sample(job, NULL, sample, work);
	}
}

void npu_conv_forward_pooled(const struct npu_conv_run *run, const float *x, const float *weight,
			     const float *bias, const struct npu_conv_pooled *pooled)
{
	struct pooled_job job = {
		.run = run,
		.x = x,
		.weight = npu_conv_vector_arrange(&run->conv, weight, run->work),
		.bias = bias,
		.pooled = pooled,
		.work = run->work + npu_conv_vector_arranged_room(&run->conv),
	};
	struct npu_pool *pool = npu_conv_is_small(&run->conv, run->n) ? NULL : run->pool;
	size_t threads = npu_pool_threads(pool), sample;

	if (run->n >= threads) {
		npu_pool_run(pool, run_samples, &job, threads);
		return;
	}
	for (sample = 0; sample < run->n; sample++)
		run_sample(&job, pool, sample, job.work);
}
