// SPDX-License-Identifier: MIT
/* Convolutions of batches: how their samples are shared among threads. */
#include <string.h>

#include "conv_vector.h"

/*
 * Parts of the batch whose weight gradients are summed apart, then together in order: as many as
 * the batch alone says, so that the number of threads does not show.
 */
#define WEIGHT_PARTS 8
/* Floats that the parts may take together, before there are fewer. */
#define WEIGHT_ROOM (1u << 22)

/**
 * struct job - see the functions of conv.h
 * @a, @b, @bias, @to: their arguments
 * @parts: of the batch
 */
struct job {
	const struct npu_conv_run *run;
	const float *a, *b, *bias;
	float *to;
	size_t parts;
};

/* First sample of part @part. */
static size_t part_start(size_t n, size_t parts, size_t part)
{
	return n / parts * part + (part < n % parts ? part : n % parts);
}

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
	struct job job = { run, x, weight, bias, y, 0 };

	if (run->f32->conv)
		npu_conv_vector_forward(run, x, weight, bias, y);
	else
		npu_pool_run(run->pool, forward_sample, &job, run->n);
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
	struct job job = { run, dy, weight, bias, dx, 0 };

	if (run->f32->conv)
		npu_conv_vector_input(run, dy, weight, bias, dx);
	else
		npu_pool_run(run->pool, input_sample, &job, run->n);
}

static size_t weight_parts(const struct npu_conv *conv, size_t n)
{
	size_t most = WEIGHT_ROOM / npu_conv_weights(conv), parts = WEIGHT_PARTS;

	parts = parts < most ? parts : most;
	parts = parts < n ? parts : n;
	return parts ? parts : 1;
}

static size_t aligned_weights(const struct npu_conv *conv)
{
	return (npu_conv_weights(conv) + 15) / 16 * 16;
}

/* The first part's sum is made in place, those of the others in work. */
static float *part_sum(const struct job *job, size_t part)
{
	return part ? job->run->work + (part - 1) * aligned_weights(&job->run->conv) : job->to;
}

/* Behind the sums, scratch memory for each part. */
static float *part_work(const struct job *job, size_t part)
{
	const struct npu_conv *conv = &job->run->conv;

	return job->run->work + (job->parts - 1) * aligned_weights(conv) +
	       part * npu_conv_patch_room(conv);
}

static void weight_part(void *context, size_t part)
{
	const struct job *job = context;
	const struct npu_conv *conv = &job->run->conv;
	size_t sample = part_start(job->run->n, job->parts, part);
	size_t end = part_start(job->run->n, job->parts, part + 1);
	float *sum = part_sum(job, part);

	memset(sum, 0, npu_conv_weights(conv) * sizeof(*sum));
	if (job->run->f32->conv)
		npu_conv_vector_weight(job->run, job->a, job->b, sample, end, part_work(job, part),
				       sum);
	for (; !job->run->f32->conv && sample < end; sample++)
		npu_conv_plain_weight(conv, job->a + sample * npu_conv_in(conv),
				      job->b + sample * npu_conv_out(conv), sum);
}

void npu_conv_weight(const struct npu_conv_run *run, const float *x, const float *dy,
		     float *dweight)
{
	struct job job = { run, x, dy, NULL, dweight, weight_parts(&run->conv, run->n) };
	size_t part;

	npu_pool_run(run->pool, weight_part, &job, job.parts);
	for (part = 1; part < job.parts; part++)
		run->f32->add(part_sum(&job, part), dweight, npu_conv_weights(&run->conv));
}

void npu_conv_bias(const struct npu_conv_run *run, const float *x, size_t rows, size_t columns,
		   float *sum)
{
	run->f32->column_sum(x, rows, columns, sum);
}

size_t npu_conv_forward_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t threads)
{
	return f32->conv ? npu_conv_vector_forward_room(conv, threads) : 0;
}

size_t npu_conv_input_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t threads)
{
	return f32->conv ? npu_conv_vector_input_room(conv, threads) : 0;
}

size_t npu_conv_weight_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t n)
{
	size_t parts = weight_parts(conv, n);

	return (parts - 1) * aligned_weights(conv) +
	       (f32->conv ? parts * npu_conv_patch_room(conv) : 0);
}
