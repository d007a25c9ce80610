// SPDX-License-Identifier: MIT
/* The dense layer: y[n][out] = x[n][in] w^T + b, w [out][in]. */
#include <errno.h>
#include <string.h>

#include "layer.h"
#include "matmul.h"
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
	ret = npu_node_declare(model, node, "weight",
			       (uint32_t[4]){ units, (uint32_t)node->in, 1, 1 }, err);
	if (!ret && !node->layer.no_bias)
		ret = npu_node_declare(model, node, "bias", (uint32_t[4]){ units, 1, 1, 1 }, err);
	return ret;
}

static void dense_init(struct npu_model *model, const struct npu_node *node, struct npu_rng *rng)
{
	const struct npu_model_parameter *weights = &model->parameter[node->parameter];

	npu_init_weights(&node->layer, node->in, node->out, rng, model->value + weights->offset,
			 weights->count);
}

static const float *weight(const struct npu_model *model, const struct npu_node *node)
{
	return model->value + model->parameter[node->parameter].offset;
}

static const float *bias(const struct npu_model *model, const struct npu_node *node)
{
	if (node->parameters < 2)
		return NULL;
	return model->value + model->parameter[node->parameter + 1].offset;
}

static void dense_forward(struct npu_pool *pool, const struct npu_model *model,
			  const struct npu_node *node, const float *x, float *y, size_t n)
{
	npu_matmul(pool, model->f32,
		   &(struct npu_gemm){
			   .form = NPU_GEMM_NT,
			   .m = n,
			   .n = node->out,
			   .k = node->in,
			   .a = x,
			   .lda = node->in,
			   .b = weight(model, node),
			   .ldb = node->in,
			   .c = y,
			   .ldc = node->out,
			   .bias = bias(model, node),
		   });
}

/* dw[out][in] = dy^T x, db[out] = sum over n of dy, dx[n][in] = dy w */
static void dense_backward(struct npu_pool *pool, const struct npu_model *model,
			   const struct npu_node *node, const float *x, const float *dy, float *dx,
			   float *gradient, size_t n)
{
	npu_matmul(pool, model->f32,
		   &(struct npu_gemm){
			   .form = NPU_GEMM_TN,
			   .m = node->out,
			   .n = node->in,
			   .k = n,
			   .a = dy,
			   .lda = node->out,
			   .b = x,
			   .ldb = node->in,
			   .c = gradient + model->parameter[node->parameter].offset,
			   .ldc = node->in,
		   });
	if (node->parameters > 1)
		model->f32->column_sum(dy, n, node->out,
				       gradient + model->parameter[node->parameter + 1].offset);
	if (!dx)
		return;
	npu_matmul(pool, model->f32,
		   &(struct npu_gemm){
			   .form = NPU_GEMM_NN,
			   .m = n,
			   .n = node->in,
			   .k = node->out,
			   .a = dy,
			   .lda = node->out,
			   .b = weight(model, node),
			   .ldb = node->in,
			   .c = dx,
			   .ldc = node->in,
		   });
}

static void dense_reference(const struct npu_model *model, const struct npu_node *node,
			    const float *x, float *y, size_t n)
{
	const float *w = weight(model, node), *b = bias(model, node);
	size_t i, o, k;

	for (i = 0; i < n; i++) {
		for (o = 0; o < node->out; o++) {
			float sum = b ? b[o] : 0;

			for (k = 0; k < node->in; k++)
				sum += x[i * node->in + k] * w[o * node->in + k];
			y[i * node->out + o] = sum;
		}
	}
}

const struct npu_layer_ops npu_dense_ops = {
	.name = "dense",
	.shape = dense_shape,
	.init = dense_init,
	.forward = dense_forward,
	.backward = dense_backward,
	.reference = dense_reference,
};
