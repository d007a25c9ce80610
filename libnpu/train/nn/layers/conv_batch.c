// SPDX-License-Identifier: MIT
/* Convolutions of batches: how their samples are shared among threads. */
#include "conv_vector.h"

/**
 * struct job - see the functions of conv.h
 * @a, @b, @bias, @to: their arguments
 */
struct job {
	const struct npu_conv_run *run;
	const float *a, *b, *bias;
	float *to;
};

static void finish(const struct npu_conv_run *run, float *y, size_t count)
{
	if (run->activation != NPU_LINEAR)
		run->f32->activate(run->activation, 0, y, y, count);
}

static void forward_sample(void *context, size_t sample)
{
	const struct job *job = context;
	const struct npu_conv *conv = &job->run->conv;
	float *y = job->to + sample * npu_conv_out(conv);

	npu_conv_plain_forward(conv, job->a + sample * npu_conv_in(conv), job->b, job->bias, y);
	finish(job->run, y, npu_conv_out(conv));
}

void npu_conv_forward(const struct npu_conv_run *run, const float *x, const float *weight,
		      const float *bias, float *y)
{
	struct job job = { run, x, weight, bias, y };
	struct npu_conv_run rest = *run;

	if (!run->f32->conv) {
		npu_pool_run(run->pool, forward_sample, &job, run->n);
		return;
	}
	weight = npu_conv_vector_arrange(&run->conv, weight, run->work);
	rest.work += npu_conv_vector_arranged_room(&run->conv);
	npu_conv_vector_forward(&rest, x, weight, bias, y);
}

static void input_sample(void *context, size_t sample)
{
	const struct job *job = context;
	const struct npu_conv *conv = &job->run->conv;
	float *dx = job->to + sample * npu_conv_in(conv);

	npu_conv_plain_input(conv, job->a + sample * npu_conv_out(conv), job->b, job->bias, dx);
	finish(job->run, dx, npu_conv_in(conv));
}

void npu_conv_input(const struct npu_conv_run *run, const float *dy, const float *weight,
		    const float *bias, float *dx)
{
	struct job job = { run, dy, weight, bias, dx };
	struct npu_conv_run rest = *run;

	if (!run->f32->conv) {
		npu_pool_run(run->pool, input_sample, &job, run->n);
		return;
	}
	npu_conv_vector_turn(&run->conv, weight, run->work);
	rest.work += npu_conv_vector_turned_room(&run->conv);
	npu_conv_vector_input(&rest, dy, run->work, bias, dx);
}

size_t npu_conv_forward_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t threads,
			     bool pooled)
{
	if (!f32->conv)
		return 0;
	return npu_conv_vector_arranged_room(conv) +
	       (pooled ? npu_conv_pooled_room(conv, threads)
		       : npu_conv_vector_forward_room(conv, threads));
}

size_t npu_conv_input_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t threads)
{
	if (!f32->conv)
		return 0;
	return npu_conv_vector_turned_room(conv) + npu_conv_vector_input_room(conv, threads);
}
