/* SPDX-License-Identifier: MIT */
/*
 * Kernels of the norms in vectors; included after a vector_*.h. Each does what norm_reference.c
 * does, to rounding.
 */
#ifndef NPU_NN_NORM_SIMD_H
#define NPU_NN_NORM_SIMD_H

#include <math.h>

#include "norm.h"

static void column_products(const float *a, const float *x, const float *mean, size_t rows,
			    size_t columns, float *sum)
{
	size_t i, j;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);
		vec m = mean ? v_load_part(mean + j, mask) : v_set(0), s = v_set(0);

		for (i = 0; i < rows; i++)
			s = v_fma(v_load_part(a + i * columns + j, mask),
				  v_sub(v_load_part(x + i * columns + j, mask), m), s);
		v_store_part(sum + j, mask, s);
	}
}

static void centre_products(const float *x, const float *mean, size_t rows, size_t columns,
			    float *sum)
{
	size_t i, j;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);
		vec m = v_load_part(mean + j, mask), s = v_set(0);

		for (i = 0; i < rows; i++) {
			vec difference = v_sub(v_load_part(x + i * columns + j, mask), m);

			s = v_fma(difference, difference, s);
		}
		v_store_part(sum + j, mask, s);
	}
}

static void scale_columns(const float *x, const float *factor, const float *offset, float *y,
			  size_t rows, size_t columns)
{
	size_t i, j;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);
		vec f = v_load_part(factor + j, mask), o = v_load_part(offset + j, mask);

		for (i = 0; i < rows; i++)
			v_store_part(y + i * columns + j, mask,
				     v_fma(v_load_part(x + i * columns + j, mask), f, o));
	}
}

static void mix_columns(const float *p, const float *q, const float *a, const float *b,
			const float *c, float *y, size_t rows, size_t columns)
{
	size_t i, j, at;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);
		vec va = v_load_part(a + j, mask), vb = v_load_part(b + j, mask);
		vec vc = v_load_part(c + j, mask);

		for (i = 0; i < rows; i++) {
			at = i * columns + j;
			v_store_part(y + at, mask,
				     v_fma(va, v_load_part(p + at, mask),
					   v_fma(vb, v_load_part(q + at, mask), vc)));
		}
	}
}

static void normalise_rows(const float *x, float epsilon, float *y, float *root, size_t rows,
			   size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, x += columns, y += columns) {
		vec sum = v_set(0), squares = v_set(0), mean;
		float r;

		for (j = 0; j < columns; j += LANES)
			sum = v_add(sum, v_load_part(x + j, v_first(columns - j)));
		mean = v_set(v_sum(sum) / (float)columns);
		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);
			vec d = v_keep(mask, v_sub(v_load_part(x + j, mask), mean));

			squares = v_fma(d, d, squares);
		}
		r = 1 / sqrtf(v_sum(squares) / (float)columns + epsilon);
		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);
			vec d = v_sub(v_load_part(x + j, mask), mean);

			v_store_part(y + j, mask, v_mul(d, v_set(r)));
		}
		if (root)
			root[i] = r;
	}
}

static void mix_rows(const float *dy, const float *scale, const float *y, const float *root,
		     float *dx, size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, dy += columns, y += columns, dx += columns) {
		vec sum = v_set(0), product = v_set(0);

		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);
			vec d = v_mul(v_load_part(dy + j, mask), v_load_part(scale + j, mask));

			sum = v_add(sum, d);
			product = v_fma(d, v_load_part(y + j, mask), product);
		}
		sum = v_set(v_sum(sum) / (float)columns);
		product = v_set(v_sum(product) / (float)columns);
		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);
			vec d = v_mul(v_load_part(dy + j, mask), v_load_part(scale + j, mask));

			d = v_fnma(v_load_part(y + j, mask), product, v_sub(d, sum));
			v_store_part(dx + j, mask, v_mul(v_set(root[i]), d));
		}
	}
}

#define NPU_NORM_VARIANT(variant)                       \
	const struct npu_norm_ops npu_norm_##variant = { \
		.column_products = column_products,     \
		.centre_products = centre_products,     \
		.scale_columns = scale_columns,         \
		.mix_columns = mix_columns,             \
		.normalise_rows = normalise_rows,       \
		.mix_rows = mix_rows,                   \
	}

#endif /* NPU_NN_NORM_SIMD_H */
