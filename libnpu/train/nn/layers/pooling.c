// SPDX-License-Identifier: MIT
/*
 * Maximum and average over windows. Windows are cut off at the edge of the input, so that padding
 * counts for nothing.
 *
 * The maximum keeps the number of the element that won, as a float, which is exact: that is less
 * to read on the way back than the input. Where a NaN is the maximum, it may be any element's.
 */
#include <math.h>
#include <string.h>

#include "pooling.h"

/**
 * struct cut - the part of a window that is on the input
 * @i, @i_end, @j, @j_end: its elements
 * @at: where in the sample its element (0, 0) is, or would be
 * @row, @column: floats to the next element down, and to the right
 */
struct cut {
	size_t i, i_end, j, j_end;
	ptrdiff_t at, row, column;
};

static struct cut cut_window(const struct npu_pooling *job, size_t h, size_t w)
{
	const struct npu_window *high = &job->window[0], *wide = &job->window[1];
	ptrdiff_t channels = (ptrdiff_t)job->channels, width = (ptrdiff_t)wide->in * channels;
	struct cut cut = {
		.at = npu_window_start(high, h) * width + npu_window_start(wide, w) * channels,
		.row = (ptrdiff_t)high->dilation * width,
		.column = (ptrdiff_t)wide->dilation * channels,
	};

	npu_window_inside(high, h, &cut.i, &cut.i_end);
	npu_window_inside(wide, w, &cut.j, &cut.j_end);
	return cut;
}

static size_t cut_element(const struct cut *cut, size_t i, size_t j)
{
	return (size_t)(cut->at + (ptrdiff_t)i * cut->row + (ptrdiff_t)j * cut->column);
}

/* @winner: [channels], the element's number, or NULL */
static void most_of(const struct npu_pooling *job, const struct cut *cut, const float *x, float *y,
		    float *winner)
{
	size_t i, j, c;

	memcpy(y, x + cut_element(cut, cut->i, cut->j), job->channels * sizeof(*y));
	for (c = 0; winner && c < job->channels; c++)
		winner[c] = (float)(cut->i * job->window[1].kernel + cut->j);
	for (i = cut->i; i < cut->i_end; i++) {
		for (j = cut->j; j < cut->j_end; j++) {
			const float *from = x + cut_element(cut, i, j);

			for (c = 0; c < job->channels; c++) {
				if (!(from[c] > y[c]) && !isnan(from[c]))
					continue;
				y[c] = from[c];
				if (winner)
					winner[c] = (float)(i * job->window[1].kernel + j);
			}
		}
	}
}

static float share_of(const struct cut *cut)
{
	return 1 / (float)((cut->i_end - cut->i) * (cut->j_end - cut->j));
}

static void average_of(const struct npu_pooling *job, const struct cut *cut, const float *x,
		       float *y)
{
	size_t i, j, c;

	memset(y, 0, job->channels * sizeof(*y));
	for (i = cut->i; i < cut->i_end; i++) {
		for (j = cut->j; j < cut->j_end; j++) {
			const float *from = x + cut_element(cut, i, j);

			for (c = 0; c < job->channels; c++)
				y[c] += from[c];
		}
	}
	for (c = 0; c < job->channels; c++)
		y[c] *= share_of(cut);
}

static void plain_forward(const struct npu_pooling *job, const float *x, float *y, float *winner)
{
	size_t h, w;

	for (h = 0; h < job->window[0].out; h++) {
		for (w = 0; w < job->window[1].out; w++) {
			struct cut cut = cut_window(job, h, w);

			if (job->most)
				most_of(job, &cut, x, y, winner);
			else
				average_of(job, &cut, x, y);
			y += job->channels;
			winner = winner ? winner + job->channels : NULL;
		}
	}
}

static void plain_backward(const struct npu_pooling *job, const float *dy, const float *winner,
			   float *dx)
{
	size_t h, w, i, j, c, kernel = job->window[1].kernel;

	memset(dx, 0, job->window[0].in * job->window[1].in * job->channels * sizeof(*dx));
	for (h = 0; h < job->window[0].out; h++) {
		for (w = 0; w < job->window[1].out; w++, dy += job->channels) {
			struct cut cut = cut_window(job, h, w);
			float share = share_of(&cut);

			for (c = 0; winner && c < job->channels; c++) {
				size_t element = (size_t)*winner++;

				dx[cut_element(&cut, element / kernel, element % kernel) + c] +=
					dy[c];
			}
			for (i = cut.i; !winner && i < cut.i_end; i++)
				for (j = cut.j; j < cut.j_end; j++)
					for (c = 0; c < job->channels; c++)
						dx[cut_element(&cut, i, j) + c] += dy[c] * share;
		}
	}
}

struct npu_pooling npu_pooling_of(const struct npu_node *node)
{
	struct npu_pooling pooling = {
		.channels = node->in_dim[2],
		.most = node->layer.kind == NPU_LAYER_MAX_POOL,
	};

	npu_windows(node, pooling.window);
	return pooling;
}

/**
 * struct pool_job - a batch
 * @kernels: NULL for the plain loops
 */
struct pool_job {
	const struct npu_step *step;
	const struct npu_conv_kernels *kernels;
	struct npu_pooling pooling;
};

static struct pool_job job_of(const struct npu_step *step, const struct npu_conv_kernels *kernels)
{
	return (struct pool_job){ step, kernels, npu_pooling_of(step->node) };
}

static float *winners_of(const struct pool_job *job, size_t sample)
{
	const struct npu_step *step = job->step;

	return job->pooling.most && step->saved ? step->saved + sample * step->node->out : NULL;
}

static void forward_sample(void *context, size_t sample)
{
	const struct pool_job *job = context;
	const struct npu_step *step = job->step;
	const float *x = step->x + sample * step->node->in;
	float *y = step->y + sample * step->node->out, *winner = winners_of(job, sample);

	if (job->kernels)
		npu_pooling_vector_forward(&job->pooling, job->kernels, x, y, winner);
	else
		plain_forward(&job->pooling, x, y, winner);
}

static void backward_sample(void *context, size_t sample)
{
	const struct pool_job *job = context;
	const struct npu_step *step = job->step;
	const float *dy = step->dy + sample * step->node->out, *winner = winners_of(job, sample);
	float *dx = step->dx + sample * step->node->in;

	if (job->kernels)
		npu_pooling_vector_backward(&job->pooling, job->kernels, dy, winner, NULL, dx);
	else
		plain_backward(&job->pooling, dy, winner, dx);
}

static int pool_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	(void)model;
	node->out_dim[2] = node->in_dim[2];
	return npu_windows_shape(node, 2, err);
}

static void max_pool_room(const struct npu_model *model, const struct npu_node *node, size_t n,
			  size_t threads, bool training, struct npu_room *room)
{
	(void)model;
	(void)threads;
	if (training)
		room->saved = n * npu_volume(node->out_dim);
}

static void pool_forward(const struct npu_step *step)
{
	struct pool_job job = job_of(step, step->model->f32->conv);

	npu_pool_run(step->pool, forward_sample, &job, step->n);
}

static void pool_backward(const struct npu_step *step)
{
	struct pool_job job = job_of(step, step->model->f32->conv);

	if (step->dx)
		npu_pool_run(step->pool, backward_sample, &job, step->n);
}

static void pool_reference(const struct npu_step *step)
{
	struct pool_job job = job_of(step, NULL);
	size_t i;

	for (i = 0; i < step->n; i++)
		forward_sample(&job, i);
}

const struct npu_layer_ops npu_max_pool_ops = {
	.name = "max_pool",
	.inputs = 1,
	.shape = pool_shape,
	.room = max_pool_room,
	.forward = pool_forward,
	.backward = pool_backward,
	.reference = pool_reference,
};

const struct npu_layer_ops npu_average_pool_ops = {
	.name = "average_pool",
	.inputs = 1,
	.shape = pool_shape,
	.forward = pool_forward,
	.backward = pool_backward,
	.reference = pool_reference,
};
