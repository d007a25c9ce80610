// SPDX-License-Identifier: MIT
/*
 * Batch norm (Ioffe and Szegedy 2015), rows being all samples, h and w, columns the channels.
 *
 * With x' = (x - mean) / sqrt(variance + epsilon), the way back through a batch of m rows is
 *
 *	dx = scale / sqrt(variance + epsilon) * (dy - dshift / m - x' * dscale / m)
 *
 * Rows are measured in blocks whose size is fixed, and the sums of blocks are added in order: the
 * number of threads does not show.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "train/nn/layer.h"
#include "runtime/error.h"

#define BLOCK 256 /* rows */

enum {
	SCALE,
	SHIFT,
	MEAN,
	VARIANCE
}; /* parameters */

static int check_figures(struct npu_layer *layer, struct npu_error *err)
{
	if (layer->epsilon == 0)
		layer->epsilon = 1e-3f;
	if (layer->momentum == 0)
		layer->momentum = 0.99f;
	if (!(layer->epsilon > 0) || isinf(layer->epsilon))
		return npu_error_set(err, -EINVAL, "layer \"%s\": epsilon %g; it must be above 0",
				     layer->name, (double)layer->epsilon);
	if (!(layer->momentum > 0 && layer->momentum < 1))
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": momentum %g; it must be in (0, 1)", layer->name,
				     (double)layer->momentum);
	return 0;
}

static int batch_norm_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	static const struct {
		const char *suffix;
		enum npu_role role;
	} parameters[] = {
		[SCALE] = { "scale", NPU_ROLE_BIAS },
		[SHIFT] = { "shift", NPU_ROLE_BIAS },
		[MEAN] = { "mean", NPU_ROLE_STATISTIC },
		[VARIANCE] = { "variance", NPU_ROLE_STATISTIC },
	};
	int ret = check_figures(&node->layer, err);
	size_t i;

	memcpy(node->out_dim, node->in_dim, sizeof(node->out_dim));
	for (i = 0; !ret && i < sizeof(parameters) / sizeof(parameters[0]); i++)
		ret = npu_node_declare(model, node, parameters[i].suffix, parameters[i].role,
				       (uint32_t[4]){ node->in_dim[2], 1, 1, 1 }, err);
	return ret;
}

static void batch_norm_init(struct npu_model *model, const struct npu_node *node,
			    struct npu_rng *rng)
{
	const struct npu_model_parameter *parameter = &model->parameter[node->parameter];
	size_t j;

	(void)rng;
	for (j = 0; j < parameter->count; j++) {
		model->value[parameter[SCALE].offset + j] = 1;
		model->value[parameter[VARIANCE].offset + j] = 1;
	}
}

static size_t channels(const struct npu_node *node)
{
	return node->in_dim[2];
}

static size_t rows_of(const struct npu_node *node, size_t n)
{
	return n * (node->in / node->in_dim[2]);
}

static size_t blocks_of(size_t rows)
{
	return (rows + BLOCK - 1) / BLOCK;
}

/*
 * saved: mean and 1 / sqrt(variance + epsilon) of the batch. Work: two sums a block, and three
 * arrays of columns.
 */
static void batch_norm_room(const struct npu_model *model, const struct npu_node *node, size_t n,
			    size_t threads, bool training, struct npu_room *room)
{
	size_t work = (2 * blocks_of(rows_of(node, n)) + 3) * channels(node);

	(void)model;
	(void)threads;
	room->saved = training ? 2 * channels(node) : 0;
	room->forward = work;
	room->backward = work;
}

/**
 * struct job - rows of a batch, in blocks
 * @p, @q: [rows][columns], what a block reads
 * @y: [rows][columns], what it writes
 * @column: up to three arrays of columns that it reads
 * @sum: [blocks][2][columns], what it measures
 */
struct job {
	const struct npu_norm_ops *ops;
	const struct npu_f32 *f32;
	size_t rows, columns;
	const float *p, *q;
	float *y;
	const float *column[3];
	float *sum;
};

struct block {
	size_t first, rows;
	float *sum[2];
};

static struct block block_of(const struct job *job, size_t task)
{
	struct block b = { .first = task * BLOCK * job->columns, .rows = job->rows - task * BLOCK };

	if (b.rows > BLOCK)
		b.rows = BLOCK;
	b.sum[0] = job->sum + 2 * task * job->columns;
	b.sum[1] = b.sum[0] + job->columns;
	return b;
}

static void sum_block(void *context, size_t task)
{
	const struct job *job = context;
	struct block b = block_of(job, task);

	job->f32->column_sum(job->p + b.first, b.rows, job->columns, b.sum[0]);
}

static void square_block(void *context, size_t task)
{
	const struct job *job = context;
	struct block b = block_of(job, task);

	job->ops->centre_products(job->p + b.first, job->column[0], b.rows, job->columns, b.sum[0]);
}

/* The sums of dy and of dy (x - mean). */
static void gradient_block(void *context, size_t task)
{
	const struct job *job = context;
	struct block b = block_of(job, task);

	job->f32->column_sum(job->p + b.first, b.rows, job->columns, b.sum[0]);
	job->ops->column_products(job->p + b.first, job->q + b.first, job->column[0], b.rows,
				  job->columns, b.sum[1]);
}

static void scale_block(void *context, size_t task)
{
	const struct job *job = context;
	struct block b = block_of(job, task);

	job->ops->scale_columns(job->p + b.first, job->column[0], job->column[1], job->y + b.first,
				b.rows, job->columns);
}

static void mix_block(void *context, size_t task)
{
	const struct job *job = context;
	struct block b = block_of(job, task);

	job->ops->mix_columns(job->p + b.first, job->q + b.first, job->column[0], job->column[1],
			      job->column[2], job->y + b.first, b.rows, job->columns);
}

static struct job begin(const struct npu_step *step, const struct npu_f32 *f32)
{
	return (struct job){
		.ops = f32->norm,
		.f32 = f32,
		.rows = rows_of(step->node, step->n),
		.columns = channels(step->node),
		.p = step->x,
		.sum = step->work,
	};
}

static void run(const struct npu_step *step, struct job *job, void (*block)(void *, size_t))
{
	npu_pool_run(step->pool, block, job, blocks_of(job->rows));
}

/* total[j] = factor * the sums of all blocks, in order; @which of the two */
static void add_blocks(const struct job *job, size_t which, double factor, float *total)
{
	size_t blocks = blocks_of(job->rows), i, j;

	for (j = 0; j < job->columns; j++) {
		double sum = 0;

		for (i = 0; i < blocks; i++)
			sum += job->sum[(2 * i + which) * job->columns + j];
		total[j] = (float)(sum * factor);
	}
}

/* Arrays of columns behind the sums in the scratch memory. */
static float *columns_at(const struct npu_step *step, const struct job *job, size_t i)
{
	return step->work + (2 * blocks_of(job->rows) + i) * job->columns;
}

/* y = x * factor + offset, which is what mean, root, scale and shift come to. */
static void move(const struct npu_step *step, struct job *job, const float *mean, const float *root)
{
	const float *scale = npu_step_values(step, SCALE), *shift = npu_step_values(step, SHIFT);
	float *factor = columns_at(step, job, 0), *offset = columns_at(step, job, 1);
	size_t j;

	for (j = 0; j < job->columns; j++) {
		factor[j] = scale[j] * root[j];
		offset[j] = shift[j] - mean[j] * factor[j];
	}
	job->p = step->x;
	job->y = step->y;
	job->column[0] = factor;
	job->column[1] = offset;
	run(step, job, scale_block);
}

static void follow(const struct npu_step *step, const struct job *job, const float *mean,
		   const float *variance)
{
	const struct npu_model_parameter *parameter =
		&step->model->parameter[step->node->parameter];
	float *moving_mean = step->statistic + parameter[MEAN].offset;
	float *moving_variance = step->statistic + parameter[VARIANCE].offset;
	float keep = step->node->layer.momentum;
	/* what is expected of the whole from this part of it */
	float unbiased = job->rows > 1 ? (float)job->rows / (float)(job->rows - 1) : 1;
	size_t j;

	for (j = 0; j < job->columns; j++) {
		moving_mean[j] = keep * moving_mean[j] + (1 - keep) * mean[j];
		moving_variance[j] =
			keep * moving_variance[j] + (1 - keep) * variance[j] * unbiased;
	}
}

static void measure(const struct npu_step *step, struct job *job)
{
	float *mean = step->saved, *root = step->saved + job->columns;
	size_t j;

	run(step, job, sum_block);
	add_blocks(job, 0, 1 / (double)job->rows, mean);
	job->column[0] = mean;
	run(step, job, square_block);
	add_blocks(job, 0, 1 / (double)job->rows, root);
	if (step->statistic)
		follow(step, job, mean, root);
	for (j = 0; j < job->columns; j++)
		root[j] = 1 / sqrtf(root[j] + step->node->layer.epsilon);
}

/* The root for the moving averages, into the third array of columns. */
static const float *moving_root(const struct npu_step *step, const struct job *job)
{
	const float *variance = npu_step_values(step, VARIANCE);
	float *root = columns_at(step, job, 2);
	size_t j;

	for (j = 0; j < job->columns; j++)
		root[j] = 1 / sqrtf(variance[j] + step->node->layer.epsilon);
	return root;
}

/* Does the batch itself give mean and variance? */
static bool uses_batch(const struct npu_step *step)
{
	return step->training && !step->node->layer.frozen;
}

static void batch_norm_forward(const struct npu_step *step)
{
	struct job job = begin(step, step->model->f32);

	if (!uses_batch(step)) {
		move(step, &job, npu_step_values(step, MEAN), moving_root(step, &job));
		return;
	}
	measure(step, &job);
	move(step, &job, step->saved, step->saved + job.columns);
}

/*
 * dscale = root * sum dy (x - mean), and dx = a dy + b x + c with
 * a = scale root, b = -a root dscale / m, c = -a dshift / m - b mean.
 */
static void backward_batch(const struct npu_step *step, struct job *job)
{
	const float *mean = step->saved, *root = step->saved + job->columns;
	const float *scale = npu_step_values(step, SCALE);
	float *dshift = npu_step_gradient(step, SHIFT), *dscale = npu_step_gradient(step, SCALE);
	float *a = columns_at(step, job, 0), *b = columns_at(step, job, 1);
	float *c = columns_at(step, job, 2), m = (float)job->rows;
	size_t j;

	job->p = step->dy;
	job->q = step->x;
	job->column[0] = mean;
	run(step, job, gradient_block);
	add_blocks(job, 0, 1, dshift);
	add_blocks(job, 1, 1, dscale);
	for (j = 0; j < job->columns; j++) {
		dscale[j] *= root[j];
		a[j] = scale[j] * root[j];
		b[j] = -a[j] * root[j] * dscale[j] / m;
		c[j] = -a[j] * dshift[j] / m - b[j] * mean[j];
	}
	if (!step->dx)
		return;
	job->y = step->dx;
	job->column[0] = a;
	job->column[1] = b;
	job->column[2] = c;
	run(step, job, mix_block);
}

/* Of a frozen layer: dx = scale * root * dy. */
static void backward_frozen(const struct npu_step *step, struct job *job)
{
	const float *scale = npu_step_values(step, SCALE), *root = moving_root(step, job);
	float *factor = columns_at(step, job, 0), *zero = columns_at(step, job, 1);
	size_t j;

	if (!step->dx)
		return;
	for (j = 0; j < job->columns; j++) {
		factor[j] = scale[j] * root[j];
		zero[j] = 0;
	}
	job->p = step->dy;
	job->y = step->dx;
	job->column[0] = factor;
	job->column[1] = zero;
	run(step, job, scale_block);
}

static void batch_norm_backward(const struct npu_step *step)
{
	struct job job = begin(step, step->model->f32);

	if (uses_batch(step))
		backward_batch(step, &job);
	else
		backward_frozen(step, &job);
}

static void batch_norm_reference(const struct npu_step *step)
{
	const float *scale = npu_step_values(step, SCALE), *shift = npu_step_values(step, SHIFT);
	const float *mean = npu_step_values(step, MEAN),
		    *variance = npu_step_values(step, VARIANCE);
	size_t columns = channels(step->node), i;

	for (i = 0; i < step->n * step->node->in; i++) {
		size_t j = i % columns;
		float root = 1 / sqrtf(variance[j] + step->node->layer.epsilon);

		step->y[i] = (step->x[i] - mean[j]) * root * scale[j] + shift[j];
	}
}

const struct npu_layer_ops npu_batch_norm_ops = {
	.name = "batchnorm",
	.inputs = 1,
	.shape = batch_norm_shape,
	.init = batch_norm_init,
	.room = batch_norm_room,
	.forward = batch_norm_forward,
	.backward = batch_norm_backward,
	.reference = batch_norm_reference,
};
