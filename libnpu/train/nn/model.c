// SPDX-License-Identifier: MIT
/* A network is born and dies. build.c adds its layers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "spare.h"
#include "runtime/error.h"

#define NO_MEMORY(err) npu_error_set(err, -ENOMEM, "out of memory while building the model")

float *npu_floats_alloc(size_t count)
{
	size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
	float *p;

	if (count > SIZE_MAX / sizeof(float) - 16)
		return NULL;
	p = aligned_alloc(64, bytes ? bytes : 64);
	if (p)
		memset(p, 0, bytes);
	return p;
}

int npu_model_create(struct npu_model **out, const uint32_t dim[3], uint64_t seed,
		     struct npu_error *err)
{
	struct npu_model *model;
	int ret;

	if (!npu_volume(dim) || dim[0] > 1u << 20 || dim[1] > 1u << 20 || dim[2] > 1u << 24 ||
	    npu_volume(dim) > 1u << 28)
		return npu_error_set(err, -EINVAL,
				     "input %u x %u x %u: every dimension must be at least 1 and "
				     "their product at most 268435456",
				     dim[0], dim[1], dim[2]);
	model = calloc(1, sizeof(*model));
	if (!model)
		return NO_MEMORY(err);
	model->predicting = calloc(1, sizeof(*model->predicting));
	ret = npu_f32_select(&model->f32, err);
	if (!ret && !model->predicting)
		ret = NO_MEMORY(err);
	if (ret) {
		npu_model_free(model);
		return ret;
	}
	memcpy(model->dim, dim, sizeof(model->dim));
	model->features = npu_volume(dim);
	model->seed = seed;
	npu_rng_seed(&model->rng, seed, 0);
	*out = model;
	return 0;
}

void npu_model_free(struct npu_model *model)
{
	size_t i;

	if (!model)
		return;
	for (i = 0; i < model->nodes; i++) {
		free((char *)model->node[i].layer.name);
		free(model->node[i].input);
	}
	for (i = 0; i < model->parameters; i++)
		free(model->parameter[i].name);
	free(model->node);
	free(model->parameter);
	free(model->value);
	free(model->gradient);
	npu_scaler_free(&model->scaler);
	npu_model_free_class_names(model);
	if (model->predicting) {
		npu_spare_drop(model);
		free(model->predicting->state);
	}
	free(model->predicting);
	free(model);
}

int npu_model_need_state(const struct npu_model *model, size_t samples, struct npu_error *err)
{
	struct npu_model_predicting *p = model->predicting;

	if (!model->states || p->samples == samples)
		return 0;
	free(p->state);
	p->samples = 0;
	p->state = npu_floats_alloc(samples * model->states);
	if (!p->state)
		return npu_error_set(err, -ENOMEM, "out of memory for the state of %zu samples",
				     samples);
	p->samples = samples;
	return 0;
}

void npu_model_reset_state(struct npu_model *model)
{
	struct npu_model_predicting *p = model->predicting;

	if (p->state)
		memset(p->state, 0, p->samples * model->states * sizeof(float));
}
