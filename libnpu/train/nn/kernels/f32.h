/* SPDX-License-Identifier: MIT */
/*
 * The f32 kernels of training: one table a variant. The reference is the definition, in plain
 * loops; the others match it to rounding, and are chosen at run time. A variant gives the same
 * bits whatever the number of threads, since no kernel's order of additions depends on how its
 * caller splits the work.
 */
#ifndef NPU_NN_F32_H
#define NPU_NN_F32_H

#include <stdbool.h>
#include <stddef.h>

#include "npu_train.h"
#include "norm.h"
#include "recurrent_kernels.h"
#include "update.h"

/* Klambauer et al. 2017, appendix 1.1 */
#define NPU_SELU_SCALE 1.0507009873554805f
#define NPU_SELU_ALPHA 1.6732632423543772f
/* 1 / sqrt(2 pi) */
#define NPU_NORMAL_DENSITY_0 0.3989422804014327f

/* Is the derivative of @activation told from what it reads, not from what it makes? */
static inline bool npu_activation_needs_input(enum npu_activation activation)
{
	return activation == NPU_GELU || activation == NPU_SWISH || activation == NPU_HARD_SWISH;
}

/**
 * enum npu_gemm_form - which operand of C[m][n] = A B lies transposed in memory
 * @NPU_GEMM_NN: a [m][k], b [k][n]: gradient of a layer's input
 * @NPU_GEMM_NT: a [m][k], b [n][k]: outputs of a layer
 * @NPU_GEMM_TN: a [k][m], b [k][n]: gradient of a layer's weights
 */
enum npu_gemm_form {
	NPU_GEMM_NN,
	NPU_GEMM_NT,
	NPU_GEMM_TN,
};

/**
 * struct npu_gemm - C[m][n] = A B + bias
 * @form: layout of a and b
 * @lda: floats from a row of @a to the next; likewise @ldb, @ldc
 * @bias: [n], added to every row; NULL for none
 */
struct npu_gemm {
	enum npu_gemm_form form;
	size_t m, n, k;
	const float *a;
	size_t lda;
	const float *b;
	size_t ldb;
	float *c;
	size_t ldc;
	const float *bias;
};

/* Rows [row, row_end) and columns [column, column_end) of C. */
struct npu_gemm_block {
	size_t row, row_end;
	size_t column, column_end;
};

struct npu_conv_kernels;

/**
 * struct npu_f32 - a variant
 * @name: for NPU_F32_VARIANT
 * @columns: the widths of blocks of C that gemm likes are multiples of this
 * @gemm: compute a block of C
 * @activate: y = f(x); not softmax, which softmax does; @x and @y may be the same
 * @activate_backward: dy *= f'(x), from y = f(x), or from x where npu_activation_needs_input(), else
 *	@x is not read; likewise
 * @softmax: y = softmax(x), [rows][columns]; @x and @y may be the same
 * @softmax_backward: dy = y * (dy - sum(dy * y)), a row at a time
 * @column_sum: sum[j] = sum over i of x[i][j], in the order of i
 * @scale: y[i] = (x[i] - mean[i]) * factor[i]
 * @add: y += x
 * @update: kernels of the optimisers
 * @norm: of the norms
 * @recurrent: of the recurrent layers
 * @conv: of convolutions; NULL for the plain loops of conv.h
 */
struct npu_f32 {
	const char *name;
	size_t columns;
	void (*gemm)(const struct npu_gemm *gemm, const struct npu_gemm_block *block);
	void (*activate)(enum npu_activation activation, float alpha, const float *x, float *y,
			 size_t count);
	void (*activate_backward)(enum npu_activation activation, float alpha, const float *x,
				  const float *y, float *dy, size_t count);
	void (*softmax)(const float *x, float *y, size_t rows, size_t columns);
	void (*softmax_backward)(const float *y, float *dy, size_t rows, size_t columns);
	void (*column_sum)(const float *x, size_t rows, size_t columns, float *sum);
	void (*scale)(const float *x, const float *mean, const float *factor, float *y,
		      size_t count);
	void (*add)(const float *x, float *y, size_t count);
	const struct npu_update_ops *update;
	const struct npu_norm_ops *norm;
	const struct npu_recurrent_kernels *recurrent;
	const struct npu_conv_kernels *conv;
};

extern const struct npu_f32 npu_f32_reference;
#if defined(__x86_64__)
extern const struct npu_f32 npu_f32_avx2, npu_f32_avx512;
#elif defined(__aarch64__)
extern const struct npu_f32 npu_f32_neon;
#endif

/* The i-th variant that this CPU can run, the fastest first; NULL past the last. */
const struct npu_f32 *npu_f32_variant(size_t i);

/*
 * The fastest, or what the environment variable NPU_F32_VARIANT names: -EINVAL with a sentence
 * where it names none that runs here.
 */
int npu_f32_select(const struct npu_f32 **f32, struct npu_error *err);

#endif /* NPU_NN_F32_H */
