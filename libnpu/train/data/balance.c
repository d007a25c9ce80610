// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "dataset.h"

/* Samples of each class, [classes], for the caller to free. */
static int count_classes(const struct npu_dataset *data, size_t **counts, struct npu_error *err)
{
	*counts = NULL;
	if (!data->classes || !data->labels)
		return npu_error_set(err, -EINVAL,
				     "dataset: only classes can be balanced, and there are no "
				     "labels; name the label column when reading");
	*counts = calloc(data->classes, sizeof(**counts));
	if (!*counts)
		return npu_error_set(err, -ENOMEM, "dataset: no memory for %zu classes",
				     data->classes);
	for (size_t i = 0; i < data->samples; i++) {
		int32_t label = data->labels[i];

		if (label < 0 || (size_t)label >= data->classes) {
			free(*counts);
			return npu_error_set(err, -ERANGE,
					     "dataset: label %d of sample %zu is not in [0, %zu)",
					     label, i, data->classes);
		}
		(*counts)[label]++;
	}
	return 0;
}

int npu_dataset_balance(struct npu_dataset *data, struct npu_error *err)
{
	size_t *counts, occurring = 0;
	float *weights;
	int ret = count_classes(data, &counts, err);

	if (ret)
		return ret;
	weights = reallocarray(data->weights, data->samples, sizeof(*weights));
	if (weights) {
		for (size_t c = 0; c < data->classes; c++)
			occurring += counts[c] != 0;
		for (size_t i = 0; i < data->samples; i++)
			weights[i] = (float)((double)data->samples /
					     ((double)occurring * counts[data->labels[i]]));
		data->weights = weights;
	} else {
		ret = npu_error_set(err, -ENOMEM, "dataset: no memory for %zu weights",
				    data->samples);
	}
	free(counts);
	return ret;
}

/*
 * All samples, then as many of class after class, over and over, as bring it to @most. @index has
 * room for them.
 */
static size_t repeat_smaller(const struct npu_dataset *data, size_t *counts, size_t most,
			     size_t *index)
{
	size_t n = data->samples;

	for (size_t i = 0; i < n; i++)
		index[i] = i;
	for (size_t c = 0; c < data->classes; c++) {
		size_t missing = counts[c] ? most - counts[c] : 0;

		for (size_t i = 0; missing; i = i + 1 < data->samples ? i + 1 : 0) {
			if ((size_t)data->labels[i] != c)
				continue;
			index[n++] = i;
			missing--;
		}
	}
	return n;
}

int npu_dataset_oversample(struct npu_dataset *out, const struct npu_dataset *data,
			   struct npu_error *err)
{
	size_t *counts, *index, most = 0, occurring = 0, total;
	int ret = count_classes(data, &counts, err);

	if (ret)
		return ret;
	for (size_t c = 0; c < data->classes; c++) {
		most = counts[c] > most ? counts[c] : most;
		occurring += counts[c] != 0;
	}
	index = __builtin_mul_overflow(most, occurring, &total)
			? NULL
			: reallocarray(NULL, total, sizeof(*index));
	if (index)
		ret = npu_dataset_take(out, data, index, repeat_smaller(data, counts, most, index),
				       err);
	else
		ret = npu_error_set(err, -ENOMEM,
				    "dataset: no memory for %zu classes of %zu "
				    "samples",
				    occurring, most);
	free(index);
	free(counts);
	return ret;
}
