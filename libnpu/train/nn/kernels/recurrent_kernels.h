/* SPDX-License-Identifier: MIT */
/*
 * Kernels of the recurrent layers: products with matrices that have been packed into panels, and
 * what a cell does with its gates, a step at a time. All arrays are rows of samples. Every element
 * adds in the order of k, whatever the tile, so how rows are cut does not show.
 */
#ifndef NPU_NN_RECURRENT_KERNELS_H
#define NPU_NN_RECURRENT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* No variant has wider panels; all widths divide it. */
#define NPU_RECURRENT_WIDTH_MAX 32

/*
 * The most rows of k that outer() takes at once: with them a panel stays in the nearest cache.
 */
#define NPU_RECURRENT_DEPTH 192

/**
 * struct npu_recurrent_term - A B
 * @a: [rows][k], @lda floats from a row to the next
 * @b: [k][columns] in panels: [panel][k][width], zeros behind the last column
 * @k: 0 where there is no such term
 */
struct npu_recurrent_term {
	const float *a;
	size_t lda;
	const float *b;
	size_t k;
};

/**
 * struct npu_recurrent_product - C = start + the terms, one after the other
 * @c: [rows][columns], @ldc floats from a row to the next
 * @bias: [columns], what C starts from; NULL for zeros
 * @accumulate: start from C itself
 */
struct npu_recurrent_product {
	size_t rows, columns;
	struct npu_recurrent_term term[2];
	float *c;
	size_t ldc;
	const float *bias;
	bool accumulate;
};

/**
 * struct npu_recurrent_factor - A of A^T B
 * @a: [k][m], @lda floats from a row to the next
 * @skip: its first rows do not count: they are not read
 * @c: [m][columns], @ldc floats from a row to the next
 */
struct npu_recurrent_factor {
	const float *a;
	size_t lda, m, skip;
	float *c;
	size_t ldc;
};

/**
 * struct npu_recurrent_outer - C = A^T B, or C += A^T B, for two A
 * @k: up to NPU_RECURRENT_DEPTH
 * @b: [k][columns], @ldb floats from a row to the next
 * @columns: up to a panel's width
 * @sum: [columns], of the rows of B; NULL for none
 * @fresh: C and the sum start at zero
 */
struct npu_recurrent_outer {
	size_t k, columns;
	const float *b;
	size_t ldb;
	struct npu_recurrent_factor factor[2];
	float *sum;
	bool fresh;
};

/**
 * struct npu_recurrent_cells - rows of cells and what they hold, [rows][units] but for the gates
 * @gates: [rows][stride], one gate after another, @units each
 * @h_before, @h: states before and after the step; they may be the same memory
 * @c_before, @c: likewise, of an LSTM
 * @extra: LSTM: tanh(c), or NULL where no backward follows; GRU without reset_after: s(r) h_before
 * @dh: backward: gradient with respect to h; GRU: on return the part of that with respect to
 *	h_before that does not come by the gates
 * @dc: backward: gradient with respect to c, on return with respect to c_before
 * @dextra: backward: gradient with respect to extra, of a GRU
 */
struct npu_recurrent_cells {
	size_t rows, units;
	float *gates;
	size_t stride;
	const float *h_before;
	float *h;
	const float *c_before;
	float *c;
	float *extra;
	float *dh, *dc, *dextra;
};

/**
 * struct npu_recurrent_kernels - of a variant
 * @width: of a panel
 * @product: see struct npu_recurrent_product
 * @row: c[n] += a[k] b[k][n], b as it lies; @reversed: the last columns first, so that what a call
 *	leaves in the nearest cache is what the next one begins with
 * @outer: see struct npu_recurrent_outer
 * @lstm: gates i, o, f, c before the activations become those after them; c, h, extra
 * @lstm_backward: gates after the activations become the gradients before them; dc
 * @gru_reset: gates z, r, n: z and r become s(z) and s(r); extra
 * @gru_mix: n becomes tanh(n); h
 * @gru_mix_backward: z and n become gradients; dh
 * @gru_reset_backward: r becomes a gradient, by dextra; dh
 * @gru_after: gates z, r, n, q = h_before R + recurrent_bias: z, r and n after their activations; h
 * @gru_after_backward: all four become gradients; dh
 */
struct npu_recurrent_kernels {
	size_t width;
	void (*product)(const struct npu_recurrent_product *product);
	void (*row)(const float *a, size_t k, const float *b, size_t ldb, float *c, size_t n,
		    bool reversed);
	void (*outer)(const struct npu_recurrent_outer *outer);
	void (*lstm)(const struct npu_recurrent_cells *cells);
	void (*lstm_backward)(const struct npu_recurrent_cells *cells);
	void (*gru_reset)(const struct npu_recurrent_cells *cells);
	void (*gru_mix)(const struct npu_recurrent_cells *cells);
	void (*gru_mix_backward)(const struct npu_recurrent_cells *cells);
	void (*gru_reset_backward)(const struct npu_recurrent_cells *cells);
	void (*gru_after)(const struct npu_recurrent_cells *cells);
	void (*gru_after_backward)(const struct npu_recurrent_cells *cells);
};

extern const struct npu_recurrent_kernels npu_recurrent_reference;
#if defined(__x86_64__)
extern const struct npu_recurrent_kernels npu_recurrent_avx2, npu_recurrent_avx512;
#elif defined(__aarch64__)
extern const struct npu_recurrent_kernels npu_recurrent_neon;
#endif

#endif /* NPU_NN_RECURRENT_KERNELS_H */
