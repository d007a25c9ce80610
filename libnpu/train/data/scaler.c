// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "npu_train.h"

/**
 * struct statistics - of each feature, or of each channel of a sequence
 * @groups: features or channels
 * @steps: rows of groups in a sample
 * @count: rows measured
 *
 * Sums in double, in the order of the samples: the same on every machine.
 */
struct statistics {
	size_t groups, steps, count;
	double *mean;
	double *variance;
	double *min;
	double *max;
};

static void measure_range(struct statistics *s, const float *x, size_t steps)
{
	for (size_t t = 0; t < steps; t++, x += s->groups, s->count++)
		for (size_t g = 0; g < s->groups; g++) {
			double value = x[g];

			s->mean[g] += value;
			s->min[g] = s->count && s->min[g] < value ? s->min[g] : value;
			s->max[g] = s->count && s->max[g] > value ? s->max[g] : value;
		}
}

static void measure_spread(struct statistics *s, const float *x, size_t steps)
{
	for (size_t t = 0; t < steps; t++, x += s->groups)
		for (size_t g = 0; g < s->groups; g++) {
			double d = x[g] - s->mean[g];

			s->variance[g] += d * d;
		}
}

/* @row [features] is for samples that have to be read. */
static int measure(struct statistics *s, const struct npu_dataset *data, float *row,
		   struct npu_error *err)
{
	for (int spread = 0; spread < 2; spread++) {
		for (size_t i = 0; i < data->samples; i++) {
			const float *x = data->x ? data->x + i * data->features : row;
			bool shorter = data->lengths && data->lengths[i] < s->steps;
			size_t steps = shorter ? data->lengths[i] : s->steps;
			int ret = data->x ? 0 : data->read(data, i, row, err);

			if (ret)
				return ret;
			if (spread)
				measure_spread(s, x, steps);
			else
				measure_range(s, x, steps);
		}
		for (size_t g = 0; g < s->groups; g++)
			(spread ? s->variance : s->mean)[g] /= s->count;
	}
	return 0;
}

/* One feature; the reciprocal of a spread too small for f32 is no use either. */
static void set_feature(struct npu_scaler *scaler, size_t f, double mean, double spread)
{
	float factor = (float)(1 / spread);

	scaler->mean[f] = (float)mean;
	scaler->factor[f] = spread > 0 && isfinite(factor) ? factor : 1;
}

static void set_all(struct npu_scaler *scaler, const struct statistics *s, bool standard)
{
	for (size_t f = 0; f < scaler->count; f++) {
		size_t g = f % s->groups;

		/* By the range: rounding can give equal values a variance. */
		if (s->min[g] == s->max[g])
			set_feature(scaler, f, s->min[g], 0);
		else if (standard)
			set_feature(scaler, f, s->mean[g], sqrt(s->variance[g]));
		else
			set_feature(scaler, f, s->min[g], s->max[g] - s->min[g]);
	}
}

static int fit(struct npu_scaler *scaler, const struct npu_dataset *data, bool standard,
	       struct npu_error *err)
{
	bool sequence = data->dim[0] == 1 && data->dim[1] > 1;
	size_t n = data->features;
	struct statistics s = { .groups = sequence ? data->dim[2] : n };
	double *memory;
	float *row = NULL;
	int ret;

	memset(scaler, 0, sizeof(*scaler));
	if (!data->samples || !n || (!data->x && !data->read))
		return npu_error_set(err, -EINVAL,
				     "scaler: the dataset is empty; fit it to the training data");
	s.steps = n / s.groups;
	memory = calloc(s.groups, 4 * sizeof(*memory));
	if (data->read)
		row = calloc(n, sizeof(*row));
	scaler->mean = calloc(n, sizeof(*scaler->mean));
	scaler->factor = calloc(n, sizeof(*scaler->factor));
	if (memory && (row || !data->read) && scaler->mean && scaler->factor) {
		scaler->count = n;
		s.mean = memory;
		s.variance = memory + s.groups;
		s.min = memory + 2 * s.groups;
		s.max = memory + 3 * s.groups;
		ret = measure(&s, data, row, err);
	} else {
		ret = npu_error_set(err, -ENOMEM, "scaler: no memory for %zu features", n);
	}
	if (ret)
		npu_scaler_free(scaler);
	else
		set_all(scaler, &s, standard);
	free(memory);
	free(row);
	return ret;
}

int npu_scaler_fit_standard(struct npu_scaler *scaler, const struct npu_dataset *data,
			    struct npu_error *err)
{
	return fit(scaler, data, true, err);
}

int npu_scaler_fit_min_max(struct npu_scaler *scaler, const struct npu_dataset *data,
			   struct npu_error *err)
{
	return fit(scaler, data, false, err);
}

void npu_scaler_free(struct npu_scaler *scaler)
{
	if (!scaler)
		return;
	free(scaler->mean);
	free(scaler->factor);
	memset(scaler, 0, sizeof(*scaler));
}
