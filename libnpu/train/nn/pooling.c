// SPDX-License-Identifier: MIT
/*
 * Maximum and average over windows. Windows are cut off at the edge of the input, so that padding
 * counts for nothing.
 *
 * The maximum keeps the number of the element that won, as a float, which is exact: that is less
 * to read on the way back than the input.
 */
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
				if (!(from[c] > y[c]))
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

static void pool_sample(void *context, size_t sample)
{
	const struct npu_pooling *job = context;
	const struct npu_step *step = job->step;
	const float *x = step->x + sample * step->node->in;
	float *y = step->y + sample * step->node->out, *winner = NULL;
	size_t h, w;

	if (job->most && step->saved)
		winner = step->saved + sample * step->node->out;
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

static void unpool_sample(void *context, size_t sample)
{
	const struct npu_pooling *job = context;
	const struct npu_step *step = job->step;
	const float *dy = step->dy + sample * step->node->out;
	const float *winner = job->most ? step->saved + sample * step->node->out : NULL;
	float *dx = step->dx + sample * step->node->in;
	size_t h, w, i, j, c;

	memset(dx, 0, step->node->in * sizeof(*dx));
	for (h = 0; h < job->window[0].out; h++) {
		for (w = 0; w < job->window[1].out; w++, dy += job->channels) {
			struct cut cut = cut_window(job, h, w);
			float share = share_of(&cut);

			for (c = 0; winner && c < job->channels; c++) {
				size_t element = (size_t)*winner++, kernel = job->window[1].kernel;

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

static void vector_sample(void *context, size_t sample)
{
	npu_pooling_vector_forward(context, sample);
}

static void vector_unsample(void *context, size_t sample)
{
	npu_pooling_vector_backward(context, sample);
}

static struct npu_pooling job_of(const struct npu_step *step, bool most)
{
	struct npu_pooling job = { .step = step, .channels = step->node->in_dim[2], .most = most };

	npu_windows(step->node, job.window);
	return job;
}

static bool is_max(const struct npu_step *step)
{
	return step->node->layer.kind == NPU_LAYER_MAX_POOL;
}

bool npu_pooling_derives(const struct npu_model *model, const struct npu_node *node)
{
	const struct npu_node *before;

	if (node->layer.kind != NPU_LAYER_MAX_POOL || node->layer.activation != NPU_LINEAR ||
	    node->input[0] == NPU_MODEL_INPUT || !model->f32->conv)
		return false;
	before = &model->node[node->input[0]];
	return before->ops->undoes && before->layer.activation == NPU_RELU && before->readers == 1;
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
	struct npu_pooling job = job_of(step, is_max(step));
	bool vector = step->model->f32->conv;

	npu_pool_run(step->pool, vector ? vector_sample : pool_sample, &job, step->n);
}

static void pool_backward(const struct npu_step *step)
{
	struct npu_pooling job = job_of(step, is_max(step));
	bool vector = step->model->f32->conv;

	if (step->dx)
		npu_pool_run(step->pool, vector ? vector_unsample : unpool_sample, &job, step->n);
}

static void pool_reference(const struct npu_step *step)
{
	struct npu_pooling job = job_of(step, is_max(step));
	size_t i;

	for (i = 0; i < step->n; i++)
		pool_sample(&job, i);
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
