// SPDX-License-Identifier: MIT
/* What is said about a model beside its layers, and what it says of itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "model.h"
#include "runtime/error.h"

#define NO_MEMORY(err) npu_error_set(err, -ENOMEM, "out of memory for the model's description")

int npu_model_set_scaler(struct npu_model *model, const struct npu_scaler *scaler,
			 struct npu_error *err)
{
	struct npu_scaler copy = { .count = scaler ? scaler->count : 0 };

	if (copy.count && copy.count != model->features)
		return npu_error_set(
			err, -EINVAL,
			"the scaler has %zu features, the model %zu; fit it on data like "
			"the model's input",
			copy.count, model->features);
	if (copy.count) {
		copy.mean = malloc(copy.count * sizeof(float));
		copy.factor = malloc(copy.count * sizeof(float));
		if (!copy.mean || !copy.factor) {
			npu_scaler_free(&copy);
			return NO_MEMORY(err);
		}
		memcpy(copy.mean, scaler->mean, copy.count * sizeof(float));
		memcpy(copy.factor, scaler->factor, copy.count * sizeof(float));
	}
	npu_scaler_free(&model->scaler);
	model->scaler = copy;
	npu_model_forget_ranges(model);
	return 0;
}

void npu_model_free_class_names(struct npu_model *model)
{
	size_t i;

	for (i = 0; i < model->classes; i++)
		free(model->class_name[i]);
	free(model->class_name);
	model->class_name = NULL;
	model->classes = 0;
}

int npu_model_set_class_names(struct npu_model *model, char *const *names, size_t count,
			      struct npu_error *err)
{
	char **copy = calloc(count + 1, sizeof(*copy));
	size_t i;

	for (i = 0; copy && i < count; i++) {
		copy[i] = strdup(names[i]);
		if (!copy[i])
			break;
	}
	if (!copy || i < count) {
		while (copy && i--)
			free(copy[i]);
		free(copy);
		return NO_MEMORY(err);
	}
	npu_model_free_class_names(model);
	model->class_name = copy;
	model->classes = count;
	return 0;
}

size_t npu_model_layers(const struct npu_model *model)
{
	return model->nodes;
}

const struct npu_layer *npu_model_layer(const struct npu_model *model, size_t i)
{
	return i < model->nodes ? &model->node[i].layer : NULL;
}

size_t npu_model_features(const struct npu_model *model)
{
	return model->features;
}

size_t npu_model_outputs(const struct npu_model *model)
{
	return model->nodes ? model->node[model->nodes - 1].out : model->features;
}

const struct npu_scaler *npu_model_scaler(const struct npu_model *model)
{
	return model->scaler.count ? &model->scaler : NULL;
}

const char *npu_model_class_name(const struct npu_model *model, size_t i)
{
	return i < model->classes ? model->class_name[i] : NULL;
}

void npu_model_dim(const struct npu_model *model, uint32_t dim[3])
{
	memcpy(dim, model->dim, sizeof(model->dim));
}

int npu_model_layer_dim(const struct npu_model *model, size_t i, uint32_t dim[3])
{
	if (i >= model->nodes)
		return -EINVAL;
	memcpy(dim, model->node[i].out_dim, sizeof(model->node[i].out_dim));
	return 0;
}

size_t npu_model_layer_inputs(const struct npu_model *model, size_t i, const int **input)
{
	if (i >= model->nodes)
		return 0;
	*input = model->node[i].input;
	return model->node[i].inputs;
}
