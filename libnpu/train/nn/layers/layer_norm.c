// SPDX-License-Identifier: MIT
/*
 * Layer norm (Ba et al. 2016): each sample, h and w is a row, normalised over its channels.
 * Forward keeps the normalised rows and their 1 / sqrt(variance + epsilon).
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "train/nn/layer.h"
#include "runtime/error.h"

#define BLOCK 256 /* rows; fixed, so that sums over them do not depend on the threads */

static int layer_norm_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	const uint32_t dim[4] = { node->in_dim[2], 1, 1, 1 };
	int ret;

	memcpy(node->out_dim, node->in_dim, sizeof(node->out_dim));
	if (node->layer.epsilon == 0)
		node->layer.epsilon = 1e-5f;
	if (!(node->layer.epsilon > 0) || isinf(node->layer.epsilon))
		return npu_error_set(err, -EINVAL, "layer \"%s\": epsilon %g; it must be above 0",
				     node->layer.name, (double)node->layer.epsilon);
	ret = npu_node_declare(model, node, "scale", NPU_ROLE_BIAS, dim, err);
	return ret ? ret : npu_node_declare(model, node, "shift", NPU_ROLE_BIAS, dim, err);
}

static void layer_norm_init(struct npu_model *model, const struct npu_node *node,
			    struct npu_rng *rng)
{
	const struct npu_model_parameter *scale = &model->parameter[node->parameter];
	size_t j;

	(void)rng;
	for (j = 0; j < scale->count; j++)
		model->value[scale->offset + j] = 1;
}

static size_t rows_of(const struct npu_node *node, size_t n)
{
	return n * (node->in / node->in_dim[2]);
}

static size_t blocks_of(size_t rows)
{
	return (rows + BLOCK - 1) / BLOCK;
}

static void layer_norm_room(const struct npu_model *model, const struct npu_node *node, size_t n,
			    size_t threads, bool training, struct npu_room *room)
{
	size_t rows = rows_of(node, n);

	(void)model;
	(void)threads;
	room->saved = training ? rows * (node->in_dim[2] + 1) : 0;
	room->backward = training ? 2 * blocks_of(rows) * node->in_dim[2] : 0;
}

static void forward_block(void *context, size_t task)
{
	const struct npu_step *step = context;
	const struct npu_norm_ops *ops = step->model->f32->norm;
	size_t rows = rows_of(step->node, step->n), columns = step->node->in_dim[2];
	size_t first = task * BLOCK, count = rows - first < BLOCK ? rows - first : BLOCK;
	float *y = step->y + first * columns, *kept = y, *root = NULL;

	if (step->saved) {
		kept = step->saved + first * columns;
		root = step->saved + rows * columns + first;
	}
	ops->normalise_rows(step->x + first * columns, step->node->layer.epsilon, kept, root, count,
			    columns);
	ops->scale_columns(kept, npu_step_values(step, 0), npu_step_values(step, 1), y, count,
			   columns);
}

static void layer_norm_forward(const struct npu_step *step)
{
	npu_pool_run(step->pool, forward_block, (void *)step,
		     blocks_of(rows_of(step->node, step->n)));
}

static void backward_block(void *context, size_t task)
{
	const struct npu_step *step = context;
	const struct npu_f32 *f32 = step->model->f32;
	size_t rows = rows_of(step->node, step->n), columns = step->node->in_dim[2];
	size_t first = task * BLOCK, count = rows - first < BLOCK ? rows - first : BLOCK;
	const float *dy = step->dy + first * columns, *kept = step->saved + first * columns;
	float *sum = step->work + 2 * task * columns;

	f32->norm->column_products(dy, kept, NULL, count, columns, sum);
	f32->column_sum(dy, count, columns, sum + columns);
	if (step->dx)
		f32->norm->mix_rows(dy, npu_step_values(step, 0), kept,
				    step->saved + rows * columns + first,
				    step->dx + first * columns, count, columns);
}

static void layer_norm_backward(const struct npu_step *step)
{
	size_t blocks = blocks_of(rows_of(step->node, step->n)), columns = step->node->in_dim[2];
	float *gradient[2] = { npu_step_gradient(step, 0), npu_step_gradient(step, 1) };
	size_t i, j, k;

	npu_pool_run(step->pool, backward_block, (void *)step, blocks);
	for (k = 0; k < 2 && gradient[k]; k++)
		for (j = 0; j < columns; j++) {
			double sum = 0;

			for (i = 0; i < blocks; i++)
				sum += step->work[(2 * i + k) * columns + j];
			gradient[k][j] = (float)sum;
		}
}

static void layer_norm_reference(const struct npu_step *step)
{
	const float *scale = npu_step_values(step, 0), *shift = npu_step_values(step, 1);
	size_t rows = rows_of(step->node, step->n), columns = step->node->in_dim[2];

	npu_norm_reference.normalise_rows(step->x, step->node->layer.epsilon, step->y, NULL, rows,
					  columns);
	npu_norm_reference.scale_columns(step->y, scale, shift, step->y, rows, columns);
}

const struct npu_layer_ops npu_layer_norm_ops = {
	.name = "layernorm",
	.inputs = 1,
	.shape = layer_norm_shape,
	.init = layer_norm_init,
	.room = layer_norm_room,
	.forward = layer_norm_forward,
	.backward = layer_norm_backward,
	.reference = layer_norm_reference,
};
