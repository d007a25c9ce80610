/* SPDX-License-Identifier: MIT */
/* The functions of conv.h for a batch, by vector kernels; likewise their rooms. */
#ifndef NPU_NN_CONV_VECTOR_H
#define NPU_NN_CONV_VECTOR_H

#include "conv.h"

/* The weights as npu_conv_vector_forward() wants them, once for a batch: @weight, or @arranged. */
const float *npu_conv_vector_arrange(const struct npu_conv *conv, const float *weight,
				     float *arranged);
size_t npu_conv_vector_arranged_room(const struct npu_conv *conv);
void npu_conv_vector_forward(const struct npu_conv_run *run, const float *x, const float *weight,
			     const float *bias, float *y);
/* The weights as npu_conv_vector_input() wants them, once for a batch. */
void npu_conv_vector_turn(const struct npu_conv *conv, const float *weight, float *turned);
void npu_conv_vector_input(const struct npu_conv_run *run, const float *dy, const float *turned,
			   const float *bias, float *dx);
/* dweight += the gradient of @n samples; @work: of npu_conv_patch_room() floats */
void npu_conv_vector_weight(const struct npu_conv_run *run, const float *x, const float *dy,
			    size_t n, float *work, float *dweight);

size_t npu_conv_vector_forward_room(const struct npu_conv *conv, size_t threads);
size_t npu_conv_vector_turned_room(const struct npu_conv *conv);
size_t npu_conv_vector_input_room(const struct npu_conv *conv, size_t threads);
/* of npu_conv_forward_pooled() */
size_t npu_conv_pooled_room(const struct npu_conv *conv, size_t threads);
size_t npu_conv_patch_room(const struct npu_conv *conv);

/* Does every channel have weights of its own, and make one output? */
static inline bool npu_conv_is_depthwise(const struct npu_conv *conv)
{
	return conv->groups == conv->channels && conv->units == conv->channels &&
	       conv->channels > 1;
}

#endif /* NPU_NN_CONV_VECTOR_H */
