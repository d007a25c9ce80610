/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_DATASET_H
#define NPU_DATA_DATASET_H

#include "npu_train.h"

/* More classes than this are taken for a mistake: a column or file that holds no classes. */
#define NPU_MAX_CLASSES 65536

/* Copy of an array of @count strings, or NULL; released by npu_strings_free(). */
char **npu_strings_copy(char *const *strings, size_t count);
void npu_strings_free(char **strings, size_t count);

/*
 * Set dim and features from the shape of an array, samples first: (n) has one feature a sample,
 * (n, f) is {1, 1, f}, (n, h, w) is {h, w, 1}, (n, h, w, c) is {h, w, c}. @path is for the error.
 */
int npu_dataset_set_shape(struct npu_dataset *data, const char *path, const uint64_t *shape,
			  size_t rank, struct npu_error *err);

/*
 * Turn whole numbers @value [samples] into labels and the number of classes, which is the largest
 * and one. @path is for the error.
 */
int npu_dataset_set_labels(struct npu_dataset *data, const char *path, const double *value,
			   struct npu_error *err);

/* NaN and infinity teach nothing and spoil all: refuse them. */
int npu_dataset_check_finite(const char *path, const float *value, size_t rows, size_t columns,
			     struct npu_error *err);

#endif /* NPU_DATA_DATASET_H */
