// SPDX-License-Identifier: MIT
/*
 * Backward of a convolution. A part of the batch is gone through sample by sample, so that the
 * gradients of one are in the cache for all that is done with them: the derivative of the
 * activation, the sum for the bias, the products for the weights, and those for the inputs.
 */
#include <string.h>

#include "train/nn/kernels/conv_kernels.h"
#include "conv_vector.h"

/*
 * Parts of the batch whose sums are made apart, then added up in order: as many as the batch alone
 * says, so that the number of threads does not show.
 */
#define PARTS 8
/* Floats that the sums may take together, before there are fewer parts, and the fewest. */
#define PARTS_ROOM (1u << 22)
#define PARTS_LEAST 4
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

static size_t parts_of(const struct npu_conv *conv, size_t n)
{
	size_t most = PARTS_ROOM / npu_conv_weights(conv), parts = PARTS;

	if (most < parts)
		parts = most < PARTS_LEAST ? PARTS_LEAST : most;
	return parts < n ? parts : n;
}

/* First sample of part @part. */
static size_t part_start(const struct learn_job *job, size_t part)
{
	size_t n = job->run->n, rest = n % job->parts;

	return n / job->parts * part + (part < rest ? part : rest);
}

/**
 * struct part_memory - memory of a part
 * @weight, @bias: sums, which lie side by side
 * @dy: the gradient of a sample's outputs, where a maximum gives it
 * @scratch: of the function that is running
 */
struct part_memory {
	float *weight, *bias, *dy, *scratch;
};

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t scratch_room(const struct npu_conv *conv, const struct npu_f32 *f32)
{
	if (!f32->conv)
		return 0;
	return larger(npu_conv_patch_room(conv), npu_conv_vector_input_room(conv, 1));
}

static size_t part_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t units,
			bool pooled)
{
	return npu_conv_align(npu_conv_weights(conv)) + npu_conv_align(units) +
	       (pooled ? npu_conv_align(npu_conv_out(conv)) : 0) +
	       npu_conv_align(scratch_room(conv, f32));
}

size_t npu_conv_learn_room(const struct npu_conv *conv, const struct npu_f32 *f32, size_t n,
			   size_t units, bool pooled)
{
	return parts_of(conv, n) * part_room(conv, f32, units, pooled) +
	       (f32->conv ? npu_conv_vector_turned_room(conv) : 0);
}

/* In front of all parts lie the turned weights. */
static struct part_memory part_memory(const struct learn_job *job, size_t part)
{
	const struct npu_conv_run *run = job->run;
	const struct npu_conv *conv = &run->conv;
	struct part_memory memory;

	memory.weight = run->work + (run->f32->conv ? npu_conv_vector_turned_room(conv) : 0) +
			part * part_room(conv, run->f32, job->g->units, job->g->pooled);
	memory.bias = memory.weight + job->aligned;
	memory.dy = memory.bias + npu_conv_align(job->g->units);
	memory.scratch = memory.dy + (job->g->pooled ? npu_conv_align(npu_conv_out(conv)) : 0);
	return memory;
}

/* The derivative of the activation, and the bias's sum, of @count values. */
static void derive(const struct learn_job *job, const float *y, float *delta, size_t count,
		   float *sum)
{
	const struct npu_conv_run *run = job->run;
	enum npu_activation activation = y ? run->activation : NPU_LINEAR;
	size_t units = job->g->units, i;

	if (run->f32->conv) {
		run->f32->conv->derive(activation, y, delta, count / units, units, sum);
		return;
	}
	if (activation != NPU_LINEAR)
		run->f32->activate_backward(activation, 0, NULL, y, delta, count);
	for (i = 0; i < count; i++)
		sum[i % units] += delta[i];
}

/* The gradient of the outputs of @n samples; that of a maximum, of one. */
static const float *derived(const struct learn_job *job, size_t sample, size_t n,
			    const struct part_memory *memory)
{
	const struct npu_conv_run *run = job->run;
	const struct npu_conv_gradients *g = job->g;
	const struct npu_conv_pooled *pooled = g->pooled;
	size_t in = npu_conv_in(&run->conv), out = npu_conv_out(&run->conv), at;
	size_t count = g->delta && g->delta == g->x ? in : out;

	if (pooled) {
		at = sample * pooled->out;
		npu_pooling_vector_backward(
			&pooled->pooling, run->f32->conv, pooled->dy + at, pooled->winner + at,
			run->activation == NPU_RELU ? pooled->y + at : NULL, memory->dy);
		derive(job, NULL, memory->dy, out, memory->bias);
		return memory->dy;
	}
	derive(job, g->y + sample * count, g->delta + sample * count, n * count, memory->bias);
	return g->dy + sample * out;
}

static void learn_weights(const struct npu_conv_run *run, const float *x, const float *dy, size_t n,
			  const struct part_memory *memory)
{
	const struct npu_conv *conv = &run->conv;
	size_t i;

	if (run->f32->conv)
		npu_conv_vector_weight(run, x, dy, n, memory->scratch, memory->weight);
	for (i = 0; !run->f32->conv && i < n; i++)
		npu_conv_plain_weight(conv, x + i * npu_conv_in(conv), dy + i * npu_conv_out(conv),
				      memory->weight);
}

static void give_back(const struct learn_job *job, const float *dy, size_t n, float *dx,
		      float *scratch)
{
	struct npu_conv_run run = *job->run;
	const struct npu_conv *conv = &run.conv;
	size_t i;

	if (run.f32->conv) {
		run.pool = NULL;
		run.n = n;
		run.activation = NPU_LINEAR;
		run.work = scratch;
		npu_conv_vector_input(&run, dy, job->run->work, NULL, dx);
	}
	for (i = 0; !run.f32->conv && i < n; i++)
		npu_conv_plain_input(conv, dy + i * npu_conv_out(conv), job->g->weight, NULL,
				     dx + i * npu_conv_in(conv));
}

static void learn_part(void *context, size_t part)
{
	const struct learn_job *job = context;
	const struct npu_conv_run *run = job->run;
	const struct npu_conv_gradients *g = job->g;
	size_t in = npu_conv_in(&run->conv), out = npu_conv_out(&run->conv);
	size_t sample = part_start(job, part), end = part_start(job, part + 1), n;
	struct part_memory memory = part_memory(job, part);

	memset(memory.weight, 0, (job->aligned + npu_conv_align(g->units)) * sizeof(float));
	for (; sample < end; sample += n) {
		const float *dy;

		n = g->pooled ? 1 : 1 + TOGETHER / (in + out);
		n = n < end - sample ? n : end - sample;
		dy = derived(job, sample, n, &memory);
		if (g->dweight)
			learn_weights(run, g->x + sample * in, dy, n, &memory);
		if (g->dx)
			give_back(job, dy, n, g->dx + sample * in, memory.scratch);
	}
}

/* The parts' sums, in order; @at: where in the parts' memory they begin. */
static void add_parts(const struct learn_job *job, size_t at, size_t count, float *to)
{
	size_t part;

	memcpy(to, part_memory(job, 0).weight + at, count * sizeof(*to));
	for (part = 1; part < job->parts; part++)
		job->run->f32->add(part_memory(job, part).weight + at, to, count);
}

void npu_conv_learn(const struct npu_conv_run *run, const struct npu_conv_gradients *gradients)
{
	struct learn_job job = {
		.run = run,
		.g = gradients,
		.parts = parts_of(&run->conv, run->n),
		.count = npu_conv_weights(&run->conv),
		.aligned = npu_conv_align(npu_conv_weights(&run->conv)),
	};

	if (!gradients->dweight && !gradients->dx && run->activation == NPU_LINEAR)
		return;
	if (gradients->dx && run->f32->conv)
		npu_conv_vector_turn(&run->conv, gradients->weight, run->work);
	npu_pool_run(npu_conv_is_small(&run->conv, run->n) ? NULL : run->pool, learn_part, &job,
		     job.parts);
	if (gradients->dweight)
		add_parts(&job, 0, job.count, gradients->dweight);
	if (gradients->dbias)
		add_parts(&job, job.aligned, gradients->units, gradients->dbias);
}
