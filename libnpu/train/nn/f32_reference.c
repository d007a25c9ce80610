// SPDX-License-Identifier: MIT
/* The f32 kernels as plain loops: the definition that the vector variants are checked against. */
#include <math.h>

#include "elementary.h"
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

static void activate(enum npu_activation activation, float alpha, const float *x, float *y,
		     size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		switch (activation) {
		case NPU_RELU:
			y[i] = x[i] < 0 ? 0 : x[i]; /* a NaN stays one */
			break;
		case NPU_LEAKY_RELU:
			y[i] = x[i] < 0 ? alpha * x[i] : x[i];
			break;
		case NPU_SIGMOID:
			y[i] = (float)npu_sigmoid(x[i]);
			break;
		case NPU_TANH:
			y[i] = (float)npu_tanh(x[i]);
			break;
		default:
			y[i] = x[i];
			break;
		}
	}
}

static void activate_backward(enum npu_activation activation, float alpha, const float *x,
			      const float *y, float *dy, size_t count)
{
	size_t i;

	(void)x;

	for (i = 0; i < count; i++) {
		switch (activation) {
		case NPU_RELU:
			dy[i] = y[i] > 0 ? dy[i] : 0;
			break;
		case NPU_LEAKY_RELU:
			dy[i] = y[i] < 0 ? alpha * dy[i] : dy[i];
			break;
		case NPU_SIGMOID:
			dy[i] *= y[i] * (1 - y[i]);
			break;
		case NPU_TANH:
			dy[i] *= 1 - y[i] * y[i];
			break;
		default:
			break;
		}
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
};
