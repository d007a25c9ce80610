// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/nn/rng.h"
#include "dataset.h"

/* A stream apart from those of training and initial weights, which may have the same seed. */
#define SPLIT_STREAM UINT64_MAX

int npu_dataset_split(const struct npu_dataset *data, float fraction, uint64_t seed,
		      struct npu_dataset *train, struct npu_dataset *test, struct npu_error *err)
{
	struct npu_rng rng;
	size_t *index, tests;
	int ret;

	memset(train, 0, sizeof(*train));
	memset(test, 0, sizeof(*test));
	if (!(fraction > 0 && fraction < 1))
		return npu_error_set(err, -EINVAL,
				     "split: a test fraction of %g; it lies between 0 and 1",
				     (double)fraction);
	tests = (size_t)round((double)fraction * (double)data->samples);
	if (!tests || tests >= data->samples)
		return npu_error_set(err, -EINVAL,
				     "split: %zu samples at a test fraction of %g leave one part "
				     "empty; use more samples or another fraction",
				     data->samples, (double)fraction);
	index = malloc(data->samples * sizeof(*index));
	if (!index)
		return npu_error_set(err, -ENOMEM, "split: no memory for %zu samples",
				     data->samples);
	for (size_t i = 0; i < data->samples; i++)
		index[i] = i;
	npu_rng_seed(&rng, seed, SPLIT_STREAM);
	npu_rng_shuffle(&rng, index, data->samples);
	ret = npu_dataset_take(test, data, index, tests, err);
	if (!ret)
		ret = npu_dataset_take(train, data, index + tests, data->samples - tests, err);
	if (ret)
		npu_dataset_free(test);
	free(index);
	return ret;
}
