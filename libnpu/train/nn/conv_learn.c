// SPDX-License-Identifier: MIT
/*
 * What the parameters of a convolution learn from a batch. A part of the batch is gone through
 * sample by sample, so that the gradients of one are in the cache for all that is done with them:
 * the derivative of the activation, the sum for the bias, the products for the weights.
 */
#include <string.h>

#include "conv_kernels.h"
#include "conv_vector.h"

/*
 * Parts of the batch whose sums are made apart, then added up in order: as many as the batch alone
 * says, so that the number of threads does not show.
 */
#define PARTS 8
/* Floats that the sums may take together, before there are fewer parts. */
#define PARTS_ROOM (1u << 22)
/* Outputs of small samples that are taken together. */
#define TOGETHER 4096

/**
 * struct learn_job - a batch
 * @parts: of it
 * @count: floats of the weights; @aligned: likewise, and to the next sum
 */
struct learn_job {
	const struct npu_conv_run *run;
	const struct npu_conv_gradients *g;
	size_t parts, count, aligned;
};

static size_t align(size_t count)
{
	return (count + 15) / 16 * 16;
}

static size_t parts_of(const struct npu_conv *conv, size_t n)
{
	size_t most = PARTS_ROOM / npu_conv_weights(conv), parts = PARTS;

	parts = parts < most ? parts : most;
	parts = parts < n ? parts : n;
	return parts ? parts : 1;
}

/* First sample of part @part. */
static size_t part_start(const struct learn_job *job, size_t part)
{
	size_t n = job->run->n, rest = n % job->parts;

	return n / job->parts * part + (part < rest ? part : rest);
}

static size_t part_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t units)
{
	return align(npu_conv_weights(conv)) + align(units) +
	       (f32->conv ? npu_conv_patch_room(conv) : 0);
}

size_t npu_conv_learn_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t n,
			   size_t units)
{
	return parts_of(conv, n) * part_room(conv, f32, units);
}

/* Memory of a part: the sum of the weights, that of the bias, and scratch memory. */
static float *part_memory(const struct learn_job *job, size_t part)
{
	const struct npu_conv_run *run = job->run;

	return run->work + part * part_room(&run->conv, run->f32, job->g->units);
}

/* The derivative of the activation, and the bias's sum, of @n samples. */
static void derive(const struct learn_job *job, size_t sample, size_t n, float *sum)
{
	const struct npu_conv_run *run = job->run;
	const struct npu_conv_gradients *g = job->g;
	bool transposed = g->delta == g->x;
	size_t count = transposed ? npu_conv_in(&run->conv) : npu_conv_out(&run->conv), i;
	const float *y = g->y + sample * count;
	float *dy = g->delta + sample * count;

	count *= n;
	if (run->f32->conv) {
		run->f32->conv->derive(run->activation, y, dy, count / g->units, g->units, sum);
		return;
	}
	if (run->activation != NPU_LINEAR)
		run->f32->activate_backward(run->activation, 0, NULL, y, dy, count);
	for (i = 0; i < count; i++)
		sum[i % g->units] += dy[i];
}

static void learn_weights(const struct npu_conv_run *run, const float *x, const float *dy, size_t n,
			  float *scratch, float *weight)
{
	const struct npu_conv *conv = &run->conv;
	size_t i;

	if (run->f32->conv)
		npu_conv_vector_weight(run, x, dy, n, scratch, weight);
	for (i = 0; !run->f32->conv && i < n; i++)
		npu_conv_plain_weight(conv, x + i * npu_conv_in(conv), dy + i * npu_conv_out(conv),
				      weight);
}

static void learn_part(void *context, size_t part)
{
	const struct learn_job *job = context;
	const struct npu_conv_run *run = job->run;
	const struct npu_conv_gradients *g = job->g;
	size_t in = npu_conv_in(&run->conv), out = npu_conv_out(&run->conv);
	size_t sample = part_start(job, part), end = part_start(job, part + 1);
	float *weight = part_memory(job, part), *bias = weight + job->aligned;
	float *scratch = bias + align(g->units);
	size_t n;

	memset(weight, 0, (job->aligned + align(g->units)) * sizeof(*weight));
	for (; sample < end; sample += n) {
		const float *x = g->x + sample * in, *dy = g->dy + sample * out;

		n = 1 + TOGETHER / (in + out);
		n = n < end - sample ? n : end - sample;
		derive(job, sample, n, bias);
		if (g->dweight)
			learn_weights(run, x, dy, n, scratch, weight);
	}
}

/* A range of weights, or of biases: the parts' sums, in order. */
static void add_parts(const struct learn_job *job, size_t from, size_t count, float *to)
{
	size_t part;

	memcpy(to, part_memory(job, 0) + from, count * sizeof(*to));
	for (part = 1; part < job->parts; part++)
		job->run->f32->add(part_memory(job, part) + from, to, count);
}

void npu_conv_learn(const struct npu_conv_run *run, const struct npu_conv_gradients *gradients)
{
	struct learn_job job = {
		.run = run,
		.g = gradients,
		.parts = parts_of(&run->conv, run->n),
		.count = npu_conv_weights(&run->conv),
		.aligned = align(npu_conv_weights(&run->conv)),
	};

	if (run->activation == NPU_LINEAR && !gradients->dweight)
		return;
	npu_pool_run(run->pool, learn_part, &job, job.parts);
	if (gradients->dweight)
		add_parts(&job, 0, job.count, gradients->dweight);
	if (gradients->dbias)
		add_parts(&job, job.aligned, gradients->units, gradients->dbias);
}
