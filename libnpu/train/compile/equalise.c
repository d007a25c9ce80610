// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "train/compile/equalise.h"
#include "train/nn/layer.h"
#include "train/nn/reference.h"

/* A channel that hardly ever moves is not blown up beyond this. */
#define MOST 1024.0

/**
 * struct pair - two layers between which channels can be scaled
 * @from: makes them
 * @to: the only one that reads them, past what passes them on
 * @channels: how many
 * @reach: [channels], greatest absolute value of each over the samples
 */
struct pair {
	size_t from, to;
	size_t channels;
	double *reach;
};

struct pairs {
	const struct npu_model *model;
	struct pair *pair; /* [count] */
	size_t count;
};

/* f(s x) = s f(x) for s > 0 */
static bool scales_through(const struct npu_node *node)
{
	enum npu_activation activation = node->layer.activation;

	return activation == NPU_LINEAR || activation == NPU_RELU || activation == NPU_LEAKY_RELU;
}

static bool passes_on(const struct npu_node *node)
{
	switch (node->layer.kind) {
	case NPU_LAYER_ACTIVATION:
	case NPU_LAYER_MAX_POOL:
	case NPU_LAYER_AVERAGE_POOL:
	case NPU_LAYER_GLOBAL_MAX_POOL:
	case NPU_LAYER_GLOBAL_AVERAGE_POOL:
	case NPU_LAYER_FLATTEN:
	case NPU_LAYER_DROPOUT:
		return scales_through(node);
	default:
		return false;
	}
}

static bool makes_channels(const struct npu_node *node)
{
	return scales_through(node) &&
	       (node->layer.kind == NPU_LAYER_DENSE || node->layer.kind == NPU_LAYER_CONV ||
		node->layer.kind == NPU_LAYER_BATCH_NORM);
}

static bool reads_channels(const struct npu_node *node)
{
	return node->layer.kind == NPU_LAYER_DENSE || node->layer.kind == NPU_LAYER_CONV;
}

/* The only node that reads node @i; the number of nodes if there is none or more than one. */
static size_t only_reader(const struct npu_model *model, size_t i)
{
	size_t k;

	if (model->node[i].readers != 1)
		return model->nodes;
	for (k = i + 1; k < model->nodes; k++)
		if (model->node[k].inputs == 1 && model->node[k].input[0] == (int)i)
			return k;
	return model->nodes;
}

static bool find_pair(const struct npu_model *model, size_t from, struct pair *pair)
{
	size_t to = from;

	if (!makes_channels(&model->node[from]))
		return false;
	do
		to = only_reader(model, to);
	while (to < model->nodes && passes_on(&model->node[to]));
	if (to == model->nodes || !reads_channels(&model->node[to]))
		return false;
	*pair = (struct pair){
		.from = from,
		.to = to,
		.channels = model->node[from].out_dim[2],
	};
	/* Behind a flatten the groups of a convolution are not groups of these channels. */
	if (model->node[to].layer.kind == NPU_LAYER_CONV && model->node[to].layer.groups > 1 &&
	    model->node[to].in_dim[2] != pair->channels)
		return false;
	/* A dense layer makes one row of channels, whatever it is reshaped to. */
	return model->node[to].in % pair->channels == 0;
}

static int visit(void *context, size_t layer, size_t first, size_t n, const float *pre,
		 const float *post)
{
	struct pairs *pairs = context;
	size_t i, k;

	(void)first;
	(void)pre;
	for (i = 0; i < pairs->count; i++) {
		struct pair *pair = &pairs->pair[i];

		if (pair->from != layer)
			continue;
		for (k = 0; k < n * pairs->model->node[layer].out; k++)
			pair->reach[k % pair->channels] =
				fmax(pair->reach[k % pair->channels], fabs((double)post[k]));
	}
	return 0;
}

/* ----------------------------------------------------------------------- weights */

/* Parameter @k of node @i in @value; NULL where it has no such. */
static float *parameter(const struct npu_model *model, float *value, size_t i, size_t k)
{
	const struct npu_node *node = &model->node[i];

	return k < node->parameters ? value + model->parameter[node->parameter + k].offset : NULL;
}

/*
 * Over all weights of @to by the input channel c that they read: the greatest of each to @reach, or
 * where that is NULL times @factor[c].
 */
static void for_readers(const struct npu_model *model, size_t to, size_t channels, float *weight,
			double *reach, const double *factor)
{
	const struct npu_node *node = &model->node[to];
	size_t units = node->layer.units, groups = 1, own = channels, rows = 1, i, c;
	size_t count = model->parameter[node->parameter].count;

	if (node->layer.kind == NPU_LAYER_CONV) {
		groups = node->layer.groups;
		own = channels / groups;
		rows = units / groups;
	}
	for (i = 0; i < count; i++) {
		if (node->layer.kind == NPU_LAYER_CONV)
			c = i % units / rows * own + i / units % own;
		else
			c = i % channels;
		if (reach)
			reach[c] = fmax(reach[c], fabs((double)weight[i]));
		else
			weight[i] = (float)(weight[i] * factor[c]);
	}
}

/* Divide what @from makes by @factor. */
static void scale_maker(const struct npu_model *model, size_t from, size_t channels, float *value,
			const double *factor)
{
	const struct npu_node *node = &model->node[from];
	float *weight = parameter(model, value, from, 0), *bias = parameter(model, value, from, 1);
	size_t count = model->parameter[node->parameter].count, i;

	for (i = 0; i < count; i++) {
		size_t c = node->layer.kind == NPU_LAYER_DENSE ? i / (count / channels)
							       : i % channels;

		weight[i] = (float)(weight[i] / factor[c]);
	}
	for (i = 0; bias && i < channels; i++)
		bias[i] = (float)(bias[i] / factor[i]);
}

static bool is_depthwise(const struct npu_node *node)
{
	return node->layer.kind == NPU_LAYER_CONV && node->layer.groups == node->in_dim[2];
}

static int equalise_pair(const struct pairs *pairs, const struct pair *pair, float *value,
			 struct npu_error *err)
{
	const struct npu_model *model = pairs->model;
	double *reads = calloc(2 * pair->channels, sizeof(*reads)), *factor = reads;
	double most = 0;
	size_t c;

	if (!reads)
		return npu_error_set(err, -ENOMEM, "no memory for %zu channels", pair->channels);
	factor += pair->channels;
	for_readers(model, pair->to, pair->channels, parameter(model, value, pair->to, 0), reads,
		    NULL);
	for (c = 0; c < pair->channels; c++) {
		if (is_depthwise(&model->node[pair->to]))
			factor[c] = pair->reach[c];
		else if (reads[c] > 0)
			factor[c] = sqrt(pair->reach[c] / reads[c]);
		most = fmax(most, factor[c]);
	}
	for (c = 0; c < pair->channels; c++)
		factor[c] = most > 0 ? fmax(factor[c] / most, 1 / MOST) : 1;
	scale_maker(model, pair->from, pair->channels, value, factor);
	for_readers(model, pair->to, pair->channels, parameter(model, value, pair->to, 0), NULL,
		    factor);
	free(reads);
	return 0;
}

static bool is_tracked(const struct npu_model *model)
{
	size_t i;

	for (i = 0; i < model->nodes; i++)
		if (model->node[i].tracked.after[1] > model->node[i].tracked.after[0])
			return true;
	return false;
}

int npu_model_equalise(const struct npu_model *model, float *value, const float *samples,
		       const uint32_t *lengths, size_t count, struct npu_error *err)
{
	struct pairs pairs = { model, calloc(model->nodes, sizeof(struct pair)), 0 };
	size_t i;
	int ret = 0;

	if (!pairs.pair)
		return npu_error_set(err, -ENOMEM, "no memory for %zu layers", model->nodes);
	for (i = 0; !ret && !is_tracked(model) && i < model->nodes; i++) {
		struct pair *pair = &pairs.pair[pairs.count];

		if (!find_pair(model, i, pair))
			continue;
		pairs.count++;
		pair->reach = calloc(pair->channels, sizeof(*pair->reach));
		if (!pair->reach)
			ret = npu_error_set(err, -ENOMEM, "no memory for %zu channels",
					    pair->channels);
	}
	if (!ret && pairs.count)
		ret = npu_reference_forward(model, samples, lengths, count, visit, &pairs, err);
	for (i = 0; !ret && i < pairs.count; i++)
		ret = equalise_pair(&pairs, &pairs.pair[i], value, err);
	for (i = 0; i < pairs.count; i++)
		free(pairs.pair[i].reach);
	free(pairs.pair);
	return ret;
}
