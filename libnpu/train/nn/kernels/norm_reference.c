// SPDX-License-Identifier: MIT
/* The kernels of the norms in plain loops. sqrt() is correctly rounded everywhere. */
#include <math.h>

#include "norm.h"

static void column_products(const float *a, const float *x, const float *mean, size_t rows,
			    size_t columns, float *sum)
{
	size_t i, j;

	for (j = 0; j < columns; j++)
		sum[j] = 0;
	for (i = 0; i < rows; i++)
		for (j = 0; j < columns; j++)
			sum[j] += a[i * columns + j] *
				  (x[i * columns + j] - (mean ? mean[j] : 0));
}

static void centre_products(const float *x, const float *mean, size_t rows, size_t columns,
			    float *sum)
{
	size_t i, j;

	for (j = 0; j < columns; j++)
		sum[j] = 0;
	for (i = 0; i < rows; i++)
		for (j = 0; j < columns; j++) {
			float difference = x[i * columns + j] - mean[j];

			sum[j] += difference * difference;
		}
}

static void scale_columns(const float *x, const float *factor, const float *offset, float *y,
			  size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++)
		for (j = 0; j < columns; j++)
			y[i * columns + j] = x[i * columns + j] * factor[j] + offset[j];
}

static void mix_columns(const float *p, const float *q, const float *a, const float *b,
			const float *c, float *y, size_t rows, size_t columns)
{
	size_t i, j, at;

	for (i = 0; i < rows; i++)
		for (j = 0; j < columns; j++) {
			at = i * columns + j;
			y[at] = a[j] * p[at] + b[j] * q[at] + c[j];
		}
}

static void normalise_rows(const float *x, float epsilon, float *y, float *root, size_t rows,
			   size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, x += columns, y += columns) {
		float mean = 0, variance = 0, r;

		for (j = 0; j < columns; j++)
			mean += x[j];
		mean /= (float)columns;
		for (j = 0; j < columns; j++)
			variance += (x[j] - mean) * (x[j] - mean);
		r = 1 / sqrtf(variance / (float)columns + epsilon);
		for (j = 0; j < columns; j++)
			y[j] = (x[j] - mean) * r;
		if (root)
			root[i] = r;
	}
}

static void mix_rows(const float *dy, const float *scale, const float *y, const float *root,
		     float *dx, size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, dy += columns, y += columns, dx += columns) {
		float sum = 0, product = 0;

		for (j = 0; j < columns; j++) {
			sum += dy[j] * scale[j];
			product += dy[j] * scale[j] * y[j];
		}
		sum /= (float)columns;
		product /= (float)columns;
		for (j = 0; j < columns; j++)
			dx[j] = root[i] * (dy[j] * scale[j] - sum - y[j] * product);
	}
}

const struct npu_norm_ops npu_norm_reference = {
	.column_products = column_products,
	.centre_products = centre_products,
	.scale_columns = scale_columns,
	.mix_columns = mix_columns,
	.normalise_rows = normalise_rows,
	.mix_rows = mix_rows,
};
