/* SPDX-License-Identifier: MIT */
/*
 * The f32 kernels but for the matrix product, in vectors; included after vector_avx2.h or
 * vector_avx512.h. Each does what f32_reference.c does, to rounding.
 */
#ifndef NPU_NN_F32_SIMD_H
#define NPU_NN_F32_SIMD_H

#include "conv_kernels.h"
#include "f32.h"
#include "f32_simd_activation.h"

/* A loop of its own for each activation, which is a constant within it. */
#define FOR_EACH_ACTIVATION(DO)                                                                \
	DO(NPU_LINEAR)                                                                         \
	DO(NPU_RELU)                                                                           \
	DO(NPU_LEAKY_RELU) DO(NPU_SIGMOID) DO(NPU_TANH) DO(NPU_RELU6) DO(NPU_ELU) DO(NPU_SELU) \
		DO(NPU_GELU) DO(NPU_SWISH) DO(NPU_HARD_SWISH) DO(NPU_HARD_SIGMOID)             \
			DO(NPU_SOFTPLUS)

static inline __attribute__((always_inline)) void
activate_by(enum npu_activation activation, float alpha, const float *x, float *y, size_t count)
{
	size_t i;

	for (i = 0; i + LANES <= count; i += LANES)
		v_store(y + i, activated(activation, alpha, v_load(x + i)));
	if (i < count) {
		vec_mask mask = v_first(count - i);

		v_store_part(y + i, mask, activated(activation, alpha, v_load_part(x + i, mask)));
	}
}

static void activate(enum npu_activation activation, float alpha, const float *x, float *y,
		     size_t count)
{
#define CASE(name)                                     \
	case name:                                     \
		activate_by(name, alpha, x, y, count); \
		break;
	switch (activation) {
		FOR_EACH_ACTIVATION(CASE)
	default:
		break;
	}
#undef CASE
}

static inline __attribute__((always_inline)) void derive_by(enum npu_activation activation,
							    float alpha, const float *x,
							    const float *y, float *dy, size_t count)
{
	bool reads_x = npu_activation_needs_input(activation);
	vec y_part, x_part;
	size_t i;

	for (i = 0; i + LANES <= count; i += LANES) {
		y_part = v_load(y + i);
		x_part = reads_x ? v_load(x + i) : y_part;
		v_store(dy + i, derived(activation, alpha, x_part, y_part, v_load(dy + i)));
	}
	if (i < count) {
		vec_mask mask = v_first(count - i);

		y_part = v_load_part(y + i, mask);
		x_part = reads_x ? v_load_part(x + i, mask) : y_part;
		v_store_part(dy + i, mask,
			     derived(activation, alpha, x_part, y_part, v_load_part(dy + i, mask)));
	}
}

static void activate_backward(enum npu_activation activation, float alpha, const float *x,
			      const float *y, float *dy, size_t count)
{
#define CASE(name)                                       \
	case name:                                       \
		derive_by(name, alpha, x, y, dy, count); \
		break;
	switch (activation) {
		FOR_EACH_ACTIVATION(CASE)
	default:
		break;
	}
#undef CASE
}

static float row_largest(const float *x, size_t columns)
{
	vec largest = v_set(x[0]);
	size_t j;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);

		largest = v_max(v_keep_or(mask, v_load_part(x + j, mask), largest), largest);
	}
	return v_largest(largest);
}

static void softmax(const float *x, float *y, size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, x += columns, y += columns) {
		vec largest = v_set(row_largest(x, columns)), sum = v_set(0), factor;

		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);
			vec e = exponential(v_sub(v_load_part(x + j, mask), largest));

			sum = v_add(sum, v_keep(mask, e));
			v_store_part(y + j, mask, e);
		}
		factor = v_set(1 / v_sum(sum));
		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);

			v_store_part(y + j, mask, v_mul(v_load_part(y + j, mask), factor));
		}
	}
}

static void softmax_backward(const float *y, float *dy, size_t rows, size_t columns)
{
	size_t i, j;

	for (i = 0; i < rows; i++, y += columns, dy += columns) {
		vec sum = v_set(0);

		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);

			sum = v_fma(v_load_part(y + j, mask), v_load_part(dy + j, mask), sum);
		}
		sum = v_set(v_sum(sum));
		for (j = 0; j < columns; j += LANES) {
			vec_mask mask = v_first(columns - j);
			vec d = v_sub(v_load_part(dy + j, mask), sum);

			v_store_part(dy + j, mask, v_mul(v_load_part(y + j, mask), d));
		}
	}
}

static void column_sum(const float *x, size_t rows, size_t columns, float *sum)
{
	size_t i, j;

	for (j = 0; j < columns; j += LANES) {
		vec_mask mask = v_first(columns - j);
		vec s = v_set(0);

		for (i = 0; i < rows; i++)
			s = v_add(s, v_load_part(x + i * columns + j, mask));
		v_store_part(sum + j, mask, s);
	}
}

static void scale(const float *x, const float *mean, const float *factor, float *y, size_t count)
{
	size_t i;

	for (i = 0; i < count; i += LANES) {
		vec_mask mask = v_first(count - i);
		vec centred = v_sub(v_load_part(x + i, mask), v_load_part(mean + i, mask));

		v_store_part(y + i, mask, v_mul(centred, v_load_part(factor + i, mask)));
	}
}

static void add(const float *x, float *y, size_t count)
{
	size_t i;

	for (i = 0; i < count; i += LANES) {
		vec_mask mask = v_first(count - i);

		v_store_part(y + i, mask,
			     v_add(v_load_part(y + i, mask), v_load_part(x + i, mask)));
	}
}

#define NPU_F32_VARIANT(variant)                        \
	const struct npu_f32 npu_f32_##variant = {      \
		.name = #variant,                       \
		.columns = LANES,                       \
		.gemm = gemm,                           \
		.activate = activate,                   \
		.activate_backward = activate_backward, \
		.softmax = softmax,                     \
		.softmax_backward = softmax_backward,   \
		.column_sum = column_sum,               \
		.scale = scale,                         \
		.add = add,                             \
		.update = &npu_update_##variant,        \
		.norm = &npu_norm_##variant,            \
		.recurrent = &npu_recurrent_##variant,  \
		.conv = &npu_conv_##variant,            \
	}

#endif /* NPU_NN_F32_SIMD_H */
