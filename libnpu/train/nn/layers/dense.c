// SPDX-License-Identifier: MIT
/* The dense layer: y[n][out] = x[n][in] w^T + b, w [out][in]. */
#include <errno.h>
#include <string.h>

#include "train/nn/layer.h"
#include "train/nn/kernels/matmul.h"
#include "runtime/error.h"

static int dense_shape(struct npu_model *model, struct npu_node *node, struct npu_error *err)
{
	const uint32_t units = node->layer.units;
	int ret;

	if (!units || units > 1u << 24)
		return npu_error_set(
			err, -EINVAL,
			"layer \"%s\": units is %u; a dense layer needs 1 to 16777216 of "
			"them",
			node->layer.name, units);
	if (node->in > (1u << 30) / units)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\": %zu inputs times %u units is more than 2^30 "
				     "weights; use fewer",
				     node->layer.name, node->in, units);
	node->out_dim[0] = 1;
	node->out_dim[1] = 1;
	node->out_dim[2] = units;
	ret = npu_node_declare(model, node, "weight", NPU_ROLE_WEIGHT,
			       (uint32_t[4]){ units, (uint32_t)node->in, 1, 1 }, err);
	if (!ret && !node->layer.no_bias)
		ret = npu_node_declare(model, node, "bias", NPU_ROLE_BIAS, (uint32_t[4]){ units, 1, 1, 1 }, err);
	return ret;
}

static void dense_init(struct npu_model *model, const struct npu_node *node, struct npu_rng *rng)
{
	const struct npu_model_parameter *weights = &model->parameter[node->parameter];

	npu_init_weights(&node->layer, node->in, node->out, rng, model->value + weights->offset,
			 weights->count);
}

static void dense_forward(const struct npu_step *step)
{
	size_t in = step->node->in, out = step->node->out;
	struct npu_gemm product = {
		.form = NPU_GEMM_NT,
		.m = step->n,
		.n = out,
		.k = in,
		.a = step->x,
		.lda = in,
		.b = npu_step_values(step, 0),
		.ldb = in,
		.c = step->y,
		.ldc = out,
		.bias = npu_step_values(step, 1),
	};

	npu_matmul(step->pool, step->model->f32, &product);
}

/* dw[out][in] = dy^T x, db[out] = sum over n of dy */
static void parameter_gradients(const struct npu_step *step)
{
	size_t in = step->node->in, out = step->node->out;
	struct npu_gemm product = {
		.form = NPU_GEMM_TN,
		.m = out,
		.n = in,
		.k = step->n,
		.a = step->dy,
		.lda = out,
		.b = step->x,
		.ldb = in,
		.c = npu_step_gradient(step, 0),
		.ldc = in,
	};

	npu_matmul(step->pool, step->model->f32, &product);
	if (step->node->parameters > 1)
		step->model->f32->column_sum(step->dy, step->n, out,
					     npu_step_gradient(step, 1));
}

/* dx[n][in] = dy w */
static void input_gradient(const struct npu_step *step)
{
	size_t in = step->node->in, out = step->node->out;
	struct npu_gemm product = {
		.form = NPU_GEMM_NN,
		.m = step->n,
		.n = in,
		.k = out,
		.a = step->dy,
		.lda = out,
		.b = npu_step_values(step, 0),
		.ldb = in,
		.c = step->dx,
		.ldc = in,
	};

	npu_matmul(step->pool, step->model->f32, &product);
}

static void dense_backward(const struct npu_step *step)
{
	if (step->gradient)
		parameter_gradients(step);
	if (step->dx)
		input_gradient(step);
}

static void dense_reference(const struct npu_step *step)
{
	const float *w = npu_step_values(step, 0), *b = npu_step_values(step, 1);
	size_t in = step->node->in, out = step->node->out, i, o, k;

	for (i = 0; i < step->n; i++) {
		for (o = 0; o < out; o++) {
			float sum = b ? b[o] : 0;

			for (k = 0; k < in; k++)
				sum += step->x[i * in + k] * w[o * in + k];
			step->y[i * out + o] = sum;
		}
	}
}

const struct npu_layer_ops npu_dense_ops = {
	.name = "dense",
	.inputs = 1,
	.shape = dense_shape,
	.init = dense_init,
	.forward = dense_forward,
	.backward = dense_backward,
	.reference = dense_reference,
};
