// SPDX-License-Identifier: MIT
/* The f32 kernels as plain loops: the definition that the vector variants are checked against. */
#include <math.h>

#include "train/nn/elementary.h"
#include "f32.h"

static float a_at(const struct npu_gemm *g, size_t i, size_t k)
{
	return g->form == NPU_GEMM_TN ? g->a[k * g->lda + i] : g->a[i * g->lda + k];
}

static float b_at(const struct npu_gemm *g, size_t k, size_t j)
{
	return g->form == NPU_GEMM_NT ? g->b[j * g->ldb + k] : g->b[k * g->ldb + j];
}

static void gemm(const struct npu_gemm *g, const struct npu_gemm_block *block)
{
	size_t i, j, k;

	for (i = block->row; i < block->row_end; i++) {
		for (j = block->column; j < block->column_end; j++) {
			float sum = g->bias ? g->bias[j] : 0;

			for (k = 0; k < g->k; k++)
				sum += a_at(g, i, k) * b_at(g, k, j);
			g->c[i * g->ldc + j] = sum;
		}
	}
}

static float activated(enum npu_activation activation, float alpha, float x)
{
	double wide = x;

	/* Comparisons such that a NaN stays one. */
	switch (activation) {
	case NPU_RELU:
		return x < 0 ? 0 : x;
	case NPU_LEAKY_RELU:
		return x < 0 ? alpha * x : x;
	case NPU_SIGMOID:
		return (float)npu_sigmoid(wide);
	case NPU_TANH:
		return (float)npu_tanh(wide);
	case NPU_RELU6:
		return x < 0 ? 0 : x > 6 ? 6 : x;
	case NPU_ELU:
		return x < 0 ? (float)(alpha * npu_expm1(wide)) : x;
	case NPU_SELU:
		wide = x < 0 ? NPU_SELU_ALPHA * npu_expm1(wide) : wide;
		return (float)(NPU_SELU_SCALE * wide);
	case NPU_GELU:
		return (float)(0.5 * wide * npu_erfc(-M_SQRT1_2 * wide));
	case NPU_SWISH:
		return (float)(wide * npu_sigmoid(wide));
	case NPU_HARD_SWISH:
		return x < -3 ? 0 : x > 3 ? x : x * (x + 3) / 6;
	case NPU_HARD_SIGMOID:
		return x < -3 ? 0 : x > 3 ? 1 : x / 6 + 0.5f;
	case NPU_SOFTPLUS:
		return (float)(x < 0 ? npu_log1p(npu_exp(wide)) : wide + npu_log1p(npu_exp(-wide)));
	default:
		return x;
	}
}

static void activate(enum npu_activation activation, float alpha, const float *x, float *y,
		     size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		y[i] = activated(activation, alpha, x[i]);
}

/* The derivative where the input is @x. */
static float slope_at_input(enum npu_activation activation, float x)
{
	double wide = x, s;

	if (activation == NPU_GELU)
		return (float)(0.5 * npu_erfc(-M_SQRT1_2 * wide) +
			       NPU_NORMAL_DENSITY_0 * wide * npu_exp(-0.5 * wide * wide));
	if (activation == NPU_SWISH) {
		s = npu_sigmoid(wide);
		return (float)(s + wide * s * (1 - s));
	}
	/* hard swish */
	return x <= -3 ? 0 : x < 3 ? x / 3 + 0.5f : 1;
}

/* The derivative where the output is @y. */
static float slope_at_output(enum npu_activation activation, float alpha, float y)
{
	switch (activation) {
	case NPU_RELU:
		return y > 0;
	case NPU_LEAKY_RELU:
		return y < 0 ? alpha : 1;
	case NPU_SIGMOID:
		return y * (1 - y);
	case NPU_TANH:
		return 1 - y * y;
	case NPU_RELU6:
		return y > 0 && y < 6;
	case NPU_ELU:
		return y < 0 ? y + alpha : 1;
	case NPU_SELU:
		return (float)(y < 0 ? y + NPU_SELU_SCALE * NPU_SELU_ALPHA : NPU_SELU_SCALE);
	case NPU_HARD_SIGMOID:
		return y > 0 && y < 1 ? 1.0f / 6 : 0;
	case NPU_SOFTPLUS:
		return (float)-npu_expm1(-(double)y);
	default:
		return 1;
	}
}

static void activate_backward(enum npu_activation activation, float alpha, const float *x,
			      const float *y, float *dy, size_t count)
{
	bool needs_input = npu_activation_needs_input(activation);
	size_t i;

	for (i = 0; i < count; i++) {
		float slope = needs_input ? slope_at_input(activation, x[i])
					  : slope_at_output(activation, alpha, y[i]);

		/* Not a product where the slope is 0: dy may be infinite. */
		dy[i] = slope == 0 ? 0 : dy[i] * slope;
	}
}

static void softmax(const float *x, float *y, size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, x += columns, y += columns) {
		float max = x[0];
		double sum = 0;

		for (j = 1; j < columns; j++)
			max = x[j] > max ? x[j] : max;
		for (j = 0; j < columns; j++) {
			double e = npu_exp((double)x[j] - max);

			sum += e;
			y[j] = (float)e;
		}
		for (j = 0; j < columns; j++)
			y[j] = (float)(y[j] / sum);
	}
}

static void softmax_backward(const float *y, float *dy, size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, y += columns, dy += columns) {
		float sum = 0;

		for (j = 0; j < columns; j++)
			sum += dy[j] * y[j];
		for (j = 0; j < columns; j++)
			dy[j] = y[j] * (dy[j] - sum);
	}
}

static void column_sum(const float *x, size_t rows, size_t columns, float *sum)
{
	size_t i, j;

	for (j = 0; j < columns; j++)
		sum[j] = 0;
	for (i = 0; i < rows; i++)
		for (j = 0; j < columns; j++)
			sum[j] += x[i * columns + j];
}

static void scale(const float *x, const float *mean, const float *factor, float *y, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		y[i] = (x[i] - mean[i]) * factor[i];
}

static void add(const float *x, float *y, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		y[i] += x[i];
}

const struct npu_f32 npu_f32_reference = {
	.name = "reference",
	.columns = 16,
	.gemm = gemm,
	.activate = activate,
	.activate_backward = activate_backward,
	.softmax = softmax,
	.softmax_backward = softmax_backward,
	.column_sum = column_sum,
	.scale = scale,
	.add = add,
	.update = &npu_update_reference,
	.norm = &npu_norm_reference,
	.recurrent = &npu_recurrent_reference,
};
