/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_CONVERT_H
#define NPU_RUNTIME_CONVERT_H

#include "npu.h"

/**
 * struct npu_quantisation - from real numbers to the integers of an input
 * @mean: subtracted first, @factor: then multiplied by; one each, or one an element of a sample
 *	if @per_element; NULL for none
 */
struct npu_quantisation {
	float scale;
	int32_t zero_point;
	enum npu_element element;
	bool per_element;
	const float *mean;
	const float *factor;
};

/* One sample of @count values. All variants give the same bits. */
void npu_quantise_plain(const struct npu_quantisation *how, const float *values, size_t count,
			uint8_t *out);
#if defined(__x86_64__)
void npu_quantise_avx2(const struct npu_quantisation *how, const float *values, size_t count,
		       uint8_t *out);
void npu_quantise_avx512(const struct npu_quantisation *how, const float *values, size_t count,
			 uint8_t *out);
#endif

#endif
