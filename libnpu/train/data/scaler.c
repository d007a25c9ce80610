// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "npu_train.h"

/* Of each feature; sums in double, in the order of the samples: the same on every machine. */
struct statistics {
	double *mean;
	double *variance;
	double *min;
	double *max;
};

static void measure(struct statistics *s, const struct npu_dataset *data)
{
	size_t n = data->features;

	for (size_t f = 0; f < n; f++)
		s->min[f] = s->max[f] = data->x[f];
	for (size_t i = 0; i < data->samples; i++)
		for (size_t f = 0; f < n; f++) {
			double x = data->x[i * n + f];

			s->mean[f] += x;
			s->min[f] = x < s->min[f] ? x : s->min[f];
			s->max[f] = x > s->max[f] ? x : s->max[f];
		}
	for (size_t f = 0; f < n; f++)
		s->mean[f] /= data->samples;
	for (size_t i = 0; i < data->samples; i++)
		for (size_t f = 0; f < n; f++) {
			double d = data->x[i * n + f] - s->mean[f];

			s->variance[f] += d * d;
		}
	for (size_t f = 0; f < n; f++)
		s->variance[f] /= data->samples;
}

/* One feature; the reciprocal of a spread too small for f32 is no use either. */
static void set_feature(struct npu_scaler *scaler, size_t f, double mean, double spread)
{
	float factor = (float)(1 / spread);

	scaler->mean[f] = (float)mean;
	scaler->factor[f] = spread > 0 && isfinite(factor) ? factor : 1;
}

static int fit(struct npu_scaler *scaler, const struct npu_dataset *data, bool standard,
	       struct npu_error *err)
{
	size_t n = data->features;
	struct statistics s;
	double *memory;

	memset(scaler, 0, sizeof(*scaler));
	if (!data->samples || !n || !data->x)
		return npu_error_set(err, -EINVAL,
				     "scaler: the dataset is empty; fit it to the training data");
	memory = calloc(n, 4 * sizeof(*memory));
	scaler->mean = calloc(n, sizeof(*scaler->mean));
	scaler->factor = calloc(n, sizeof(*scaler->factor));
	if (!memory || !scaler->mean || !scaler->factor) {
		free(memory);
		npu_scaler_free(scaler);
		return npu_error_set(err, -ENOMEM, "scaler: no memory for %zu features", n);
	}
	scaler->count = n;
	s = (struct statistics){ memory, memory + n, memory + 2 * n, memory + 3 * n };
	measure(&s, data);
	for (size_t f = 0; f < n; f++) {
		/* By the range: rounding can give equal values a variance. */
		if (s.min[f] == s.max[f])
			set_feature(scaler, f, s.min[f], 0);
		else if (standard)
			set_feature(scaler, f, s.mean[f], sqrt(s.variance[f]));
		else
			set_feature(scaler, f, s.min[f], s.max[f] - s.min[f]);
	}
	free(memory);
	return 0;
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
