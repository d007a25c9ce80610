/* SPDX-License-Identifier: MIT */
/*
 * Kernels of the norms: arrays of rows and columns, measured and moved by column (batch norm) or by
 * row (layer norm). No sum depends on who else computes: callers cut rows as they like, and add
 * the parts in order.
 */
#ifndef NPU_NN_NORM_H
#define NPU_NN_NORM_H

#include <stddef.h>

/**
 * struct npu_norm_ops - the kernels of a variant; arrays are [rows][columns]
 * @column_products: sum[j] = sum over i of a[i][j] * (x[i][j] - mean[j]); @mean NULL is 0
 * @centre_products: sum[j] = sum over i of (x[i][j] - mean[j])^2
 * @scale_columns: y[i][j] = x[i][j] * factor[j] + offset[j]; @x and @y may be the same
 * @mix_columns: y[i][j] = a[j] * p[i][j] + b[j] * q[i][j] + c[j]
 * @normalise_rows: y[i][j] = (x[i][j] - m) * r, m the mean of row i, r = 1 / sqrt(its variance +
 *	epsilon), which goes to @root[i] unless that is NULL
 * @mix_rows: dx[i][j] = root[i] * (d[j] - mean of d - y[i][j] * mean of d y), where d[j] = dy[i][j] *
 *	scale[j]: the way back through normalise_rows and a scale
 */
struct npu_norm_ops {
	void (*column_products)(const float *a, const float *x, const float *mean, size_t rows,
				size_t columns, float *sum);
	void (*centre_products)(const float *x, const float *mean, size_t rows, size_t columns,
				float *sum);
	void (*scale_columns)(const float *x, const float *factor, const float *offset, float *y,
			      size_t rows, size_t columns);
	void (*mix_columns)(const float *p, const float *q, const float *a, const float *b,
			    const float *c, float *y, size_t rows, size_t columns);
	void (*normalise_rows)(const float *x, float epsilon, float *y, float *root, size_t rows,
			       size_t columns);
	void (*mix_rows)(const float *dy, const float *scale, const float *y, const float *root,
			 float *dx, size_t rows, size_t columns);
};

extern const struct npu_norm_ops npu_norm_reference;
#if defined(__x86_64__)
extern const struct npu_norm_ops npu_norm_avx2, npu_norm_avx512;
#elif defined(__aarch64__)
extern const struct npu_norm_ops npu_norm_neon;
#endif

#endif /* NPU_NN_NORM_H */
