// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "dataset.h"

char **npu_strings_copy(char *const *strings, size_t count)
{
	char **copy = calloc(count, sizeof(*copy));

	if (!copy)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		copy[i] = strdup(strings[i]);
		if (!copy[i]) {
			npu_strings_free(copy, i);
			return NULL;
		}
	}
	return copy;
}

void npu_strings_free(char **strings, size_t count)
{
	if (!strings)
		return;
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

void npu_dataset_free(struct npu_dataset *data)
{
	if (!data)
		return;
	if (data->release)
		data->release(data);
	else
		free(data->x);
	free(data->y);
	free(data->labels);
	free(data->lengths);
	free(data->weights);
	npu_strings_free(data->feature_names, data->features);
	npu_strings_free(data->class_names, data->classes);
	memset(data, 0, sizeof(*data));
}

/* Zeroed floats [rows][columns], or NULL, also where the size overflows. */
static float *alloc_rows(size_t rows, size_t columns)
{
	size_t count;

	if (__builtin_mul_overflow(rows, columns, &count))
		return NULL;
	return calloc(count, sizeof(float));
}

int npu_dataset_alloc(struct npu_dataset *data, size_t samples, const uint32_t dim[3],
		      size_t targets, size_t classes, struct npu_error *err)
{
	uint64_t shape[4] = { samples, dim[0], dim[1], dim[2] };
	int ret;

	memset(data, 0, sizeof(*data));
	if (!samples)
		return npu_error_set(err, -EINVAL,
				     "dataset: no samples asked for; at least one is needed");
	if (targets && classes)
		return npu_error_set(
			err, -EINVAL,
			"dataset: both %zu targets and %zu classes asked for; make one of them 0 "
			"(npu_dataset_one_hot() adds targets to classes)",
			targets, classes);
	ret = npu_dataset_set_shape(data, "dataset", shape, 4, err);
	if (ret)
		return ret;
	data->samples = samples;
	data->targets = targets;
	data->classes = classes;
	data->x = alloc_rows(samples, data->features);
	if (targets)
		data->y = alloc_rows(samples, targets);
	if (classes)
		data->labels = calloc(samples, sizeof(*data->labels));
	if (data->x && (!targets || data->y) && (!classes || data->labels))
		return 0;
	ret = npu_error_set(err, -ENOMEM, "dataset: no memory for %zu samples of %zu features",
			    samples, data->features);
	npu_dataset_free(data);
	return ret;
}

int npu_dataset_set_shape(struct npu_dataset *data, const char *path, const uint64_t *shape,
			  size_t rank, struct npu_error *err)
{
	size_t features = 1;

	if (rank < 1 || rank > 4)
		return npu_error_set(err, -EINVAL,
				     "%s: %zu dimensions; samples have 1 to 4: (n), (n, features), "
				     "(n, height, width), (n, height, width, channels)",
				     path, rank);
	data->dim[0] = rank > 2 ? shape[1] : 1;
	data->dim[1] = rank > 2 ? shape[2] : 1;
	data->dim[2] = rank == 4 ? shape[3] : rank == 2 ? shape[1] : 1;
	for (size_t i = 1; i < rank; i++) {
		if (!shape[i])
			return npu_error_set(err, -EINVAL,
					     "%s: dimension %zu is 0; samples without a value "
					     "cannot be learnt from",
					     path, i);
		if (shape[i] > UINT32_MAX || __builtin_mul_overflow(features, shape[i], &features))
			return npu_error_set(err, -EOVERFLOW,
					     "%s: dimension %zu is %llu, too large for a sample",
					     path, i, (unsigned long long)shape[i]);
	}
	data->features = features;
	return 0;
}

int npu_dataset_set_labels(struct npu_dataset *data, const char *path, const double *value,
			   struct npu_error *err)
{
	int32_t largest = 0;

	data->labels = calloc(data->samples, sizeof(*data->labels));
	if (!data->labels)
		return npu_error_set(err, -ENOMEM, "%s: no memory for %zu labels", path,
				     data->samples);
	for (size_t i = 0; i < data->samples; i++) {
		if (!(value[i] >= 0 && value[i] < NPU_MAX_CLASSES))
			return npu_error_set(err, -ERANGE,
					     "%s: label %zu is %.0f; labels are 0 to %d: number "
					     "the classes from 0, or give targets as floats",
					     path, i, value[i], NPU_MAX_CLASSES - 1);
		data->labels[i] = (int32_t)value[i];
		if (data->labels[i] > largest)
			largest = data->labels[i];
	}
	data->classes = (size_t)largest + 1;
	return 0;
}

int npu_dataset_check_finite(const char *path, const float *value, size_t rows, size_t columns,
			     struct npu_error *err)
{
	for (size_t i = 0; i < rows * columns; i++)
		if (!isfinite(value[i]))
			return npu_error_set(err, -EDOM,
					     "%s: value %zu of sample %zu is %f; fill it in or "
					     "leave the sample out",
					     path, i % columns, i / columns, (double)value[i]);
	return 0;
}

int npu_dataset_one_hot(struct npu_dataset *data, struct npu_error *err)
{
	float *y;

	if (!data->classes || !data->labels)
		return npu_error_set(err, -EINVAL,
				     "dataset: one-hot needs labels, and there are none; name the "
				     "label column when reading");
	if (data->targets)
		return npu_error_set(err, -EINVAL,
				     "dataset: there are %zu targets a sample already; one-hot "
				     "would replace them",
				     data->targets);
	y = alloc_rows(data->samples, data->classes);
	if (!y)
		return npu_error_set(err, -ENOMEM,
				     "dataset: no memory for %zu samples of %zu classes",
				     data->samples, data->classes);
	for (size_t i = 0; i < data->samples; i++) {
		int32_t label = data->labels[i];

		if (label < 0 || (size_t)label >= data->classes) {
			free(y);
			return npu_error_set(err, -ERANGE,
					     "dataset: label %d of sample %zu is not in [0, %zu)",
					     label, i, data->classes);
		}
		y[i * data->classes + label] = 1;
	}
	data->y = y;
	data->targets = data->classes;
	return 0;
}
