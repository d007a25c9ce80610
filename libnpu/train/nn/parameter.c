// SPDX-License-Identifier: MIT
/* Named arrays that are views of one flat array. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "runtime/error.h"

#define NO_MEMORY(err) npu_error_set(err, -ENOMEM, "out of memory for the parameters")

int npu_model_reserve(struct npu_model *model, size_t values, struct npu_error *err)
{
	float *value;

	if (values <= model->room)
		return 0;
	value = npu_floats_alloc(values);
	if (!value)
		return NO_MEMORY(err);
	if (model->values)
		memcpy(value, model->value, model->values * sizeof(float));
	free(model->value);
	model->value = value;
	model->room = values;
	return 0;
}

int npu_node_declare(struct npu_model *model, struct npu_node *node, const char *suffix,
		     enum npu_role role, const uint32_t dim[4], struct npu_error *err)
{
	size_t count = (size_t)dim[0] * dim[1] * dim[2] * dim[3];
	size_t values = model->values + (count + NPU_PARAMETER_ALIGN - 1) / NPU_PARAMETER_ALIGN *
						NPU_PARAMETER_ALIGN;
	struct npu_model_parameter *parameter;
	size_t length = strlen(node->layer.name) + strlen(suffix) + 2;
	int ret;

	parameter = realloc(model->parameter, (model->parameters + 1) * sizeof(*parameter));
	if (!parameter)
		return NO_MEMORY(err);
	model->parameter = parameter;
	ret = npu_model_reserve(model, values, err);
	if (ret)
		return ret;
	parameter += model->parameters;
	parameter->name = malloc(length);
	if (!parameter->name)
		return NO_MEMORY(err);
	snprintf(parameter->name, length, "%s.%s", node->layer.name, suffix);
	memcpy(parameter->dim, dim, sizeof(parameter->dim));
	parameter->role = role;
	parameter->node = model->nodes;
	parameter->count = count;
	parameter->offset = model->values;
	/* A layer that came to nothing may have been there. */
	memset(model->value + model->values, 0, (values - model->values) * sizeof(float));
	free(model->gradient);
	model->gradient = NULL;
	model->values = values;
	model->parameters++;
	node->parameters++;
	return 0;
}

const float *npu_node_values(const struct npu_model *model, size_t i, size_t k)
{
	const struct npu_node *node = &model->node[i];

	if (k >= node->parameters)
		return NULL;
	return model->value + model->parameter[node->parameter + k].offset;
}

bool npu_model_trains(const struct npu_model *model, const struct npu_model_parameter *parameter)
{
	return parameter->role != NPU_ROLE_STATISTIC && !model->node[parameter->node].layer.frozen;
}

size_t npu_model_parameter_count(const struct npu_model *model)
{
	size_t i, count = 0;

	for (i = 0; i < model->parameters; i++)
		count += model->parameter[i].count;
	return count;
}

size_t npu_model_parameters(const struct npu_model *model)
{
	return model->parameters;
}

int npu_model_parameter(struct npu_model *model, size_t i, struct npu_parameter *parameter)
{
	const struct npu_model_parameter *p;

	if (i >= model->parameters)
		return -EINVAL;
	p = &model->parameter[i];
	*parameter = (struct npu_parameter){
		.name = p->name,
		.count = p->count,
		.value = model->value + p->offset,
		.gradient = model->gradient ? model->gradient + p->offset : NULL,
		.trained = npu_model_trains(model, p),
	};
	memcpy(parameter->dim, p->dim, sizeof(p->dim));
	return 0;
}
