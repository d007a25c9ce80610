// SPDX-License-Identifier: MIT
/* Activations, as the end of a layer and as a layer of their own, which passes its input on. */
#include <string.h>

#include "train/nn/layer.h"

/* Values of a task: enough to be worth a thread's while. */
#define TASK_VALUES 16384

/**
 * struct job - activation of a batch, or the way back through it
 * @x: inputs; backward NULL where they are not needed
 * @y: outputs
 * @dy: gradients; NULL forward
 * @rows: of @columns values; softmax is over a row
 * @task_rows: rows of a task
 */
struct job {
	const struct npu_f32 *f32;
	enum npu_activation activation;
	float alpha;
	const float *x;
	float *y, *dy;
	size_t rows, columns;
	size_t task_rows;
};

static void run_rows(void *context, size_t task)
{
	const struct job *job = context;
	const struct npu_f32 *f32 = job->f32;
	size_t first = task * job->task_rows, rows = job->rows - first;
	const float *x = job->x ? job->x + first * job->columns : NULL;
	float *y = job->y + first * job->columns, *dy = NULL;

	if (rows > job->task_rows)
		rows = job->task_rows;
	if (job->dy)
		dy = job->dy + first * job->columns;
	if (job->activation == NPU_SOFTMAX && !dy)
		f32->softmax(x, y, rows, job->columns);
	else if (job->activation == NPU_SOFTMAX)
		f32->softmax_backward(y, dy, rows, job->columns);
	else if (!dy)
		f32->activate(job->activation, job->alpha, x, y, rows * job->columns);
	else
		f32->activate_backward(job->activation, job->alpha, x, y, dy,
				       rows * job->columns);
}

static void run_job(struct npu_pool *pool, const struct npu_f32 *f32, const struct npu_node *node,
		    const float *x, float *y, float *dy, size_t n)
{
	struct job job = {
		.f32 = f32,
		.activation = node->layer.activation,
		.alpha = node->layer.alpha,
		.x = x,
		.y = y,
		.dy = dy,
		.columns = node->out_dim[2],
	};

	job.rows = n * (node->out / job.columns);
	job.task_rows = 1 + TASK_VALUES / job.columns;
	npu_pool_run(pool, run_rows, &job, (job.rows + job.task_rows - 1) / job.task_rows);
}

void npu_activate(struct npu_pool *pool, const struct npu_f32 *f32, const struct npu_node *node,
		  const float *x, float *y, size_t n)
{
	if (node->layer.activation != NPU_LINEAR)
		run_job(pool, f32, node, x, y, NULL, n);
	else if (x != y)
		memcpy(y, x, n * node->out * sizeof(float));
}

void npu_activate_backward(struct npu_pool *pool, const struct npu_f32 *f32,
			   const struct npu_node *node, const float *x, const float *y, float *dy,
			   size_t n)
{
	/* y is only read where there is a dy. */
	if (node->layer.activation != NPU_LINEAR)
		run_job(pool, f32, node, x, (float *)y, dy, n);
}

static int activation_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	(void)model;
	(void)err;
	memcpy(node->out_dim, node->in_dim, sizeof(node->out_dim));
	return 0;
}

const struct npu_layer_ops npu_activation_ops = {
	.name = "activation",
	.inputs = 1,
	.identity = true,
	.shape = activation_shape,
};
