// SPDX-License-Identifier: MIT
/* Weights: int8, symmetric, a scale for each output channel. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "runtime/error.h"

#define INTERLEAVED 64	   /* channels of a task whose weights are interleaved */
#define TASK_WEIGHTS 16384 /* about as many as are worth a thread's while */

/* Does a program have int8 weights of it, a scale for each of @channels? */
static bool has_channels(const struct npu_model *model, const struct npu_model_parameter *parameter)
{
	enum npu_layer_kind kind = model->node[parameter->node].layer.kind;

	return parameter->role == NPU_ROLE_WEIGHT &&
	       (kind == NPU_LAYER_DENSE || kind == NPU_LAYER_CONV ||
		kind == NPU_LAYER_CONV_TRANSPOSE || kind == NPU_LAYER_RNN ||
		kind == NPU_LAYER_LSTM || kind == NPU_LAYER_GRU);
}

/**
 * struct cutting - of parameters into tasks
 * @chunk: where to write them, or NULL to count alone
 */
struct cutting {
	struct npu_fake_chunk *chunk;
	size_t chunks;
};

static void add_chunk(struct cutting *cutting, struct npu_fake_chunk chunk)
{
	if (cutting->chunk)
		cutting->chunk[cutting->chunks] = chunk;
	cutting->chunks++;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* [channels][weights] */
static void cut_rows(struct cutting *cutting, const struct npu_model_parameter *p)
{
	size_t channels = p->dim[0], weights = p->count / channels, first;
	size_t together = 1 + TASK_WEIGHTS / weights;

	for (first = 0; first < channels; first += together)
		add_chunk(cutting, (struct npu_fake_chunk){
					   .at = p->offset + first * weights,
					   .channels = smaller(channels - first, together),
					   .next = weights,
					   .runs = 1,
					   .run = weights,
				   });
}

/* [weights][channels] */
static void cut_columns(struct cutting *cutting, const struct npu_model_parameter *p,
			size_t channels)
{
	size_t first;

	for (first = 0; first < channels; first += INTERLEAVED)
		add_chunk(cutting, (struct npu_fake_chunk){
					   .at = p->offset + first,
					   .channels = smaller(channels - first, INTERLEAVED),
					   .next = 1,
					   .runs = p->count / channels,
					   .step = channels,
					   .run = 1,
					   .interleaved = true,
				   });
}

/* Transposed convolution, [taps][rows][C]: channel @row of a group has the C of its group. */
static void cut_transposed(struct cutting *cutting, const struct npu_model_parameter *p,
			   size_t groups)
{
	size_t rows = p->dim[2], c = p->dim[3], group, row;

	for (group = 0; group < groups; group++)
		for (row = 0; row < rows; row++)
			add_chunk(cutting, (struct npu_fake_chunk){
						   .at = p->offset + row * c + group * (c / groups),
						   .channels = 1,
						   .runs = (size_t)p->dim[0] * p->dim[1],
						   .step = rows * c,
						   .run = c / groups,
					   });
}

/* All that has channels, into @chunk unless it is NULL. Returns how many tasks that makes. */
static size_t cut(const struct npu_model *model, struct npu_fake_chunk *chunk)
{
	struct cutting cutting = { chunk, 0 };
	size_t i;

	for (i = 0; i < model->parameters; i++) {
		const struct npu_model_parameter *p = &model->parameter[i];
		const struct npu_layer *layer = &model->node[p->node].layer;

		if (!has_channels(model, p))
			continue;
		if (layer->kind == NPU_LAYER_DENSE)
			cut_rows(&cutting, p);
		else if (layer->kind == NPU_LAYER_CONV_TRANSPOSE)
			cut_transposed(&cutting, p, layer->groups);
		else
			cut_columns(&cutting, p, p->dim[layer->kind == NPU_LAYER_CONV ? 3 : 1]);
	}
	return cutting.chunks;
}

static size_t floats_bytes(size_t count)
{
	return (count * sizeof(float) + 63) / 64 * 64;
}

size_t npu_fake_bytes(const struct npu_model *model)
{
	return floats_bytes(model->values) + (1 + model->nodes) * sizeof(struct npu_tracked) +
	       cut(model, NULL) * sizeof(struct npu_fake_chunk);
}

int npu_fake_create(struct npu_fake *fake, const struct npu_model *model, struct npu_error *err)
{
	size_t i;

	fake->chunks = cut(model, NULL);
	fake->value = npu_floats_alloc(model->values);
	fake->tracked = malloc((1 + model->nodes) * sizeof(*fake->tracked));
	fake->chunk = malloc(fake->chunks * sizeof(*fake->chunk));
	if (!fake->value || !fake->tracked || (fake->chunks && !fake->chunk))
		return npu_error_set(err, -ENOMEM, "out of memory for rounded weights");
	cut(model, fake->chunk);
	fake->tracked[0] = model->tracked;
	for (i = 0; i < model->nodes; i++)
		fake->tracked[1 + i] = model->node[i].tracked;
	fake->model = *model;
	fake->model.value = fake->value;
	return 0;
}

void npu_fake_free(struct npu_fake *fake)
{
	free(fake->value);
	free(fake->tracked);
	free(fake->chunk);
	fake->value = NULL;
	fake->tracked = NULL;
	fake->chunk = NULL;
}

void npu_fake_give_ranges(const struct npu_fake *fake, struct npu_model *model)
{
	size_t i;

	model->tracked = fake->tracked[0];
	for (i = 0; i < model->nodes; i++)
		model->node[i].tracked = fake->tracked[1 + i];
}

void npu_model_forget_ranges(struct npu_model *model)
{
	size_t i;

	memset(&model->tracked, 0, sizeof(model->tracked));
	for (i = 0; i < model->nodes; i++)
		memset(&model->node[i].tracked, 0, sizeof(model->node[i].tracked));
}

/* Rounding as in fake.c; a channel of zeros stays so. */
static float round_weight(float weight, float scale, float inverse)
{
	const float magic = 0x1.8p23f;

	return (weight * inverse + magic - magic) * scale;
}

static void round_channel(const struct npu_fake_chunk *chunk, const float *weight, float *to)
{
	float greatest = 0, scale, inverse;
	size_t i, k, at;

	for (i = 0, at = 0; i < chunk->runs; i++, at += chunk->step)
		for (k = 0; k < chunk->run; k++) {
			float size = fabsf(weight[at + k]);

			greatest = size > greatest ? size : greatest;
		}
	scale = greatest / 127;
	inverse = greatest > 0 ? 127 / greatest : 0;
	for (i = 0, at = 0; i < chunk->runs; i++, at += chunk->step)
		for (k = 0; k < chunk->run; k++)
			to[at + k] = round_weight(weight[at + k], scale, inverse);
}

static void round_interleaved(const struct npu_fake_chunk *chunk, const float *weight, float *to)
{
	float scale[INTERLEAVED] = { 0 }, inverse[INTERLEAVED];
	size_t k, c, at;

	for (k = 0, at = 0; k < chunk->runs; k++, at += chunk->step)
		for (c = 0; c < chunk->channels; c++) {
			float size = fabsf(weight[at + c]);

			scale[c] = size > scale[c] ? size : scale[c];
		}
	for (c = 0; c < chunk->channels; c++) {
		inverse[c] = scale[c] > 0 ? 127 / scale[c] : 0;
		scale[c] /= 127;
	}
	for (k = 0, at = 0; k < chunk->runs; k++, at += chunk->step)
		for (c = 0; c < chunk->channels; c++)
			to[at + c] = round_weight(weight[at + c], scale[c], inverse[c]);
}

struct job {
	const struct npu_fake *fake;
	const float *value;
};

static void round_chunk(void *context, size_t i)
{
	const struct job *job = context;
	const struct npu_fake_chunk *chunk = &job->fake->chunk[i];
	const float *weight = job->value + chunk->at;
	float *to = job->fake->value + chunk->at;
	size_t c;

	if (chunk->interleaved) {
		round_interleaved(chunk, weight, to);
		return;
	}
	for (c = 0; c < chunk->channels; c++)
		round_channel(chunk, weight + c * chunk->next, to + c * chunk->next);
}

void npu_fake_round_weights(struct npu_fake *fake, const struct npu_model *model,
			    struct npu_pool *pool)
{
	struct job job = { fake, model->value };

	/* Biases and what norms have are as they are: integers of 32 bits hold them. */
	memcpy(fake->value, model->value, model->values * sizeof(float));
	npu_pool_run(pool, round_chunk, &job, fake->chunks);
}
