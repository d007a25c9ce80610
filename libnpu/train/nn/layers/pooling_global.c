// SPDX-License-Identifier: MIT
/*
 * Maximum and average over all of H and W, each channel alone. Of a sequence that is shorter than
 * W, only its own steps count; one of no steps gives 0. A NaN is a maximum.
 */
#include <math.h>
#include <string.h>

#include "train/nn/layer.h"

/**
 * struct span - the positions of a sample that count
 * @rows: H
 * @width: W, padding of a sequence included
 * @steps: of W, without it
 */
struct span {
	size_t rows, width, steps;
};

static struct span span_of(const struct npu_step *step, size_t sample)
{
	struct span span = {
		.rows = step->node->in_dim[0],
		.width = step->node->in_dim[1],
		.steps = step->node->in_dim[1],
	};

	if (step->lengths && step->lengths[sample] < span.steps)
		span.steps = step->lengths[sample];
	return span;
}

static float share_of(const struct span *span)
{
	return 1 / (float)(span->rows * span->steps);
}

static void average_sample(void *context, size_t sample)
{
	const struct npu_step *step = context;
	const float *x = step->x + sample * step->node->in;
	size_t channels = step->node->out, h, w, c;
	float *y = step->y + sample * channels;
	struct span span = span_of(step, sample);

	memset(y, 0, channels * sizeof(*y));
	for (h = 0; h < span.rows; h++)
		for (w = 0; w < span.steps; w++)
			for (c = 0; c < channels; c++)
				y[c] += x[(h * span.width + w) * channels + c];
	for (c = 0; span.steps && c < channels; c++)
		y[c] *= share_of(&span);
}

static void spread_average(void *context, size_t sample)
{
	const struct npu_step *step = context;
	float *dx = step->dx + sample * step->node->in;
	size_t channels = step->node->out, h, w, c;
	const float *dy = step->dy + sample * channels;
	struct span span = span_of(step, sample);
	float share = span.steps ? share_of(&span) : 0;

	for (h = 0; h < span.rows; h++, dx += span.width * channels) {
		for (w = 0; w < span.steps; w++)
			for (c = 0; c < channels; c++)
				dx[w * channels + c] = dy[c] * share;
		memset(dx + span.steps * channels, 0,
		       (span.width - span.steps) * channels * sizeof(*dx));
	}
}

/* Where each channel's maximum is: [channels] numbers of positions, not of floats. */
static uint32_t *places_of(const struct npu_step *step, size_t sample)
{
	return step->saved ? (uint32_t *)step->saved + sample * step->node->out : NULL;
}

static void most_at(const float *x, size_t channels, uint32_t position, float *y, uint32_t *place)
{
	size_t c;

	for (c = 0; c < channels; c++) {
		if (position && !(x[c] > y[c]) && !isnan(x[c]))
			continue;
		y[c] = x[c];
		if (place)
			place[c] = position;
	}
}

static void most_sample(void *context, size_t sample)
{
	const struct npu_step *step = context;
	const float *x = step->x + sample * step->node->in;
	size_t channels = step->node->out, h, w;
	uint32_t *place = places_of(step, sample);
	float *y = step->y + sample * channels;
	struct span span = span_of(step, sample);

	if (!span.steps)
		memset(y, 0, channels * sizeof(*y));
	for (h = 0; h < span.rows; h++) {
		for (w = 0; w < span.steps; w++) {
			size_t position = h * span.width + w;

			most_at(x + position * channels, channels, (uint32_t)position, y, place);
		}
	}
}

static void give_to_most(void *context, size_t sample)
{
	const struct npu_step *step = context;
	float *dx = step->dx + sample * step->node->in;
	size_t channels = step->node->out, c;
	const float *dy = step->dy + sample * channels;
	const uint32_t *place = places_of(step, sample);

	memset(dx, 0, step->node->in * sizeof(*dx));
	if (!span_of(step, sample).steps)
		return;
	for (c = 0; c < channels; c++)
		dx[place[c] * channels + c] = dy[c];
}

static int global_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	(void)model;
	(void)err;
	node->out_dim[0] = 1;
	node->out_dim[1] = 1;
	node->out_dim[2] = node->in_dim[2];
	return 0;
}

static void global_max_room(const struct npu_model *model, const struct npu_node *node, size_t n,
			    size_t threads, bool training, struct npu_room *room)
{
	(void)model;
	(void)threads;
	if (training)
		room->saved = n * node->out_dim[2];
}

static void global_max_forward(const struct npu_step *step)
{
	npu_pool_run(step->pool, most_sample, (void *)step, step->n);
}

static void global_max_backward(const struct npu_step *step)
{
	if (step->dx)
		npu_pool_run(step->pool, give_to_most, (void *)step, step->n);
}

static void global_max_reference(const struct npu_step *step)
{
	size_t i;

	for (i = 0; i < step->n; i++)
		most_sample((void *)step, i);
}

static void global_average_forward(const struct npu_step *step)
{
	npu_pool_run(step->pool, average_sample, (void *)step, step->n);
}

static void global_average_backward(const struct npu_step *step)
{
	if (step->dx)
		npu_pool_run(step->pool, spread_average, (void *)step, step->n);
}

static void global_average_reference(const struct npu_step *step)
{
	size_t i;

	for (i = 0; i < step->n; i++)
		average_sample((void *)step, i);
}

const struct npu_layer_ops npu_global_max_pool_ops = {
	.name = "global_max_pool",
	.inputs = 1,
	.shape = global_shape,
	.room = global_max_room,
	.forward = global_max_forward,
	.backward = global_max_backward,
	.reference = global_max_reference,
};

const struct npu_layer_ops npu_global_average_pool_ops = {
	.name = "global_average_pool",
	.inputs = 1,
	.shape = global_shape,
	.forward = global_average_forward,
	.backward = global_average_backward,
	.reference = global_average_reference,
};
