/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_NPY_H
#define NPU_DATA_NPY_H

#include "npu_train/data.h"
#include "values.h"

#define NPU_NPY_MAX_RANK 4

/**
 * struct npu_npy_header - what a .npy file says of its array
 * @type: of the elements
 * @rank: dimensions, 1 or more
 * @shape: [rank]
 * @count: elements, 1 or more
 */
struct npu_npy_header {
	struct npu_values_type type;
	size_t rank;
	uint64_t shape[NPU_NPY_MAX_RANK];
	uint64_t count;
};

/* Read up to where the values begin. */
int npu_npy_read_header(struct npu_source *source, struct npu_npy_header *header,
			struct npu_error *err);

/* Labels or targets of the samples that @data has; @x_path is for the error. */
int npu_npy_read_y(struct npu_dataset *data, const char *x_path, const char *y_path,
		   struct npu_error *err);

#endif /* NPU_DATA_NPY_H */
