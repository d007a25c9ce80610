/* SPDX-License-Identifier: MIT */
/* Ranges of a calibration, kept: the same samples need not go through the reference again. */
#ifndef NPU_COMPILE_RANGES_H
#define NPU_COMPILE_RANGES_H

#include "graph.h"
#include "train/nn/model.h"

/**
 * struct npu_ranges - of all values, whatever their types
 * @full: [1 + layers], the input first: all that was seen
 * @cut: likewise, what the calibration leaves of it for int8
 */
struct npu_ranges {
	struct npu_tracked *full, *cut;
};

/* Calibrate @model of int8; npu_ranges_free() also after a failure. */
int npu_ranges_find(struct npu_ranges *ranges, const struct npu_model *model, const float *samples,
		    size_t count, const struct npu_compile_options *options, struct npu_error *err);
void npu_ranges_free(struct npu_ranges *ranges);

/* npu_model_compile() with @ranges in the place of a calibration. */
int npu_compile_with_ranges(const struct npu_model *model, const float *samples, size_t count,
			    const struct npu_compile_options *options,
			    const struct npu_ranges *ranges, void **image, size_t *bytes,
			    struct npu_error *err);

#endif
