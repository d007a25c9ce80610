/* SPDX-License-Identifier: MIT */
/*
 * The plain f32 reference: what calibration and the tests compare with. Loops in the order in
 * which the formulas are written, our own elementary functions, no contraction: the same bits
 * on every CPU.
 */
#ifndef NPU_NN_REFERENCE_H
#define NPU_NN_REFERENCE_H

#include <stddef.h>

#include "elementary.h"
#include "model.h"

/* For the input of the network itself, after the scaler. */
#define NPU_REFERENCE_INPUT SIZE_MAX

/**
 * npu_reference_visit_fn - is handed the values of a layer
 * @context: the caller's
 * @layer: number of the layer, in ascending order, or NPU_REFERENCE_INPUT, which comes first
 * @first: number of the first sample
 * @n: samples
 * @pre: [n][out] before the activation (of an activation layer: its input)
 * @post: [n][out] after it; equal to @pre in value where the layer is linear, and for the input
 *
 * Samples come in blocks: each block is taken through all layers before the next. The arrays
 * are valid during the call, @post until the next block begins. Non-zero, a negative errno, ends the pass.
 */
typedef int (*npu_reference_visit_fn)(void *context, size_t layer, size_t first, size_t n,
				      const float *pre, const float *post);

/**
 * npu_reference_forward - take samples through the network by the plain reference
 * @x: raw, [samples][features]; the model's scaler is applied
 * @lengths: [samples], steps of each sequence where W of the input is the time; NULL where all are
 *	whole
 * @visit: called for the input and each layer
 *
 * Stateful layers start from zero, and each sample goes on from the one before.
 *
 * Return: 0, -ENOMEM, or what @visit returned.
 */
int npu_reference_forward(const struct npu_model *model, const float *x, const uint32_t *lengths,
			  size_t samples, npu_reference_visit_fn visit, void *context,
			  struct npu_error *err);

#endif /* NPU_NN_REFERENCE_H */
