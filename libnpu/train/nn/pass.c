// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pass.h"
#include "runtime/error.h"

static size_t widest(const struct npu_model *model)
{
	size_t i, most = model->features;

	for (i = 0; i < model->nodes; i++)
		most = model->node[i].out > most ? model->node[i].out : most;
	return most;
}

static bool allocate(struct npu_pass *pass, const struct npu_model *model, bool backward)
{
	size_t n = pass->capacity, i;

	pass->x = npu_floats_alloc(n * model->features);
	pass->y = npu_floats_alloc(n * npu_model_outputs(model));
	pass->labels = malloc(n * sizeof(*pass->labels));
	pass->out = calloc(model->nodes, sizeof(*pass->out));
	if (!pass->x || !pass->y || !pass->labels || !pass->out)
		return false;
	for (i = 0; i < model->nodes; i++) {
		pass->out[i] = npu_floats_alloc(n * model->node[i].out);
		if (!pass->out[i])
			return false;
	}
	for (i = 0; backward && i < 2; i++) {
		pass->delta[i] = npu_floats_alloc(n * widest(model));
		if (!pass->delta[i])
			return false;
	}
	return true;
}

int npu_pass_create(struct npu_pass *pass, const struct npu_model *model, size_t capacity,
		    bool backward, struct npu_error *err)
{
	memset(pass, 0, sizeof(*pass));
	pass->capacity = capacity;
	if (allocate(pass, model, backward))
		return 0;
	npu_pass_free(pass, model);
	return npu_error_set(err, -ENOMEM,
			     "out of memory for batches of %zu samples; use smaller "
			     "ones",
			     capacity);
}

void npu_pass_free(struct npu_pass *pass, const struct npu_model *model)
{
	size_t i;

	for (i = 0; pass->out && i < model->nodes; i++)
		free(pass->out[i]);
	free(pass->out);
	free(pass->x);
	free(pass->y);
	free(pass->labels);
	free(pass->delta[0]);
	free(pass->delta[1]);
	memset(pass, 0, sizeof(*pass));
}

static void load_x(struct npu_pass *pass, const struct npu_model *model, const float *from,
		   size_t row)
{
	float *to = pass->x + row * model->features;

	if (model->scaler.count)
		model->f32->scale(from, model->scaler.mean, model->scaler.factor, to,
				  model->features);
	else
		memcpy(to, from, model->features * sizeof(float));
}

void npu_pass_load(struct npu_pass *pass, const struct npu_model *model,
		   const struct npu_samples *samples, size_t first, size_t n)
{
	const struct npu_dataset *data = samples->data;
	size_t outputs = npu_model_outputs(model), row;

	pass->target.y = data->y ? pass->y : NULL;
	pass->target.labels = data->labels && !data->y ? pass->labels : NULL;
	for (row = 0; row < n; row++) {
		size_t i = npu_sample(samples, first + row);

		load_x(pass, model, data->x + i * data->features, row);
		if (data->y)
			memcpy(pass->y + row * outputs, data->y + i * outputs,
			       outputs * sizeof(float));
		else if (data->labels)
			pass->labels[row] = data->labels[i];
	}
}

static const float *input_of(const struct npu_pass *pass, const struct npu_node *node)
{
	return node->input == NPU_NODE_INPUT ? pass->x : pass->out[node->input];
}

const float *npu_pass_forward(struct npu_pass *pass, struct npu_pool *pool,
			      const struct npu_model *model, size_t n)
{
	size_t i;

	for (i = 0; i < model->nodes; i++) {
		const struct npu_node *node = &model->node[i];
		struct npu_step step = {
			.pool = pool,
			.model = model,
			.node = node,
			.n = n,
			.x = input_of(pass, node),
			.y = pass->out[i],
		};

		node->ops->forward(&step);
		npu_activate(pool, model->f32, node, pass->out[i], n);
	}
	return pass->out[model->nodes - 1];
}

void npu_pass_backward(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		       enum npu_loss loss, size_t n, size_t total, float *gradient)
{
	float *delta = pass->delta[0], *next = pass->delta[1], *swap;
	size_t i = model->nodes;

	npu_loss_gradient(loss, pass->out[i - 1], &pass->target, n, npu_model_outputs(model), total,
			  delta);
	while (i--) {
		const struct npu_node *node = &model->node[i];
		struct npu_step step = {
			.pool = pool,
			.model = model,
			.node = node,
			.n = n,
			.x = input_of(pass, node),
			.dy = delta,
			.dx = node->input == NPU_NODE_INPUT ? NULL : next,
			.gradient = gradient,
		};

		if (i != model->nodes - 1 || !npu_loss_is_fused(loss))
			npu_activate_backward(pool, model->f32, node, pass->out[i], delta, n);
		node->ops->backward(&step);
		swap = delta;
		delta = next;
		next = swap;
	}
}
