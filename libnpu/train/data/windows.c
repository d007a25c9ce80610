// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "dataset.h"

/**
 * struct series - a view of a dataset as time series
 * @data: theirs; its samples are the steps of one series, or a series each
 * @rows: which of the two: a sample is a step
 * @channels: values of a step
 * @count: series
 */
struct series {
	const struct npu_dataset *data;
	bool rows;
	size_t channels;
	size_t count;
};

/* Steps of one series. */
static size_t steps_of(const struct series *s, size_t i)
{
	const struct npu_dataset *d = s->data;

	if (s->rows)
		return d->samples;
	return d->lengths && d->lengths[i] < d->dim[1] ? d->lengths[i] : d->dim[1];
}

/* Windows of one series of so many steps. */
static size_t windows_of(size_t steps, size_t span, size_t stride)
{
	return steps < span ? 0 : (steps - span) / stride + 1;
}

static int check(const struct npu_dataset *data, uint32_t window, struct npu_error *err)
{
	if (!data->x)
		return npu_error_set(err, -EINVAL,
				     "windows: the series has to be in memory; read it, or map it "
				     "with npu_dataset_open_npy()");
	if (data->dim[0] != 1)
		return npu_error_set(err, -EINVAL,
				     "windows: samples of %u x %u x %u are no time series; they "
				     "are rows {1, 1, C} or sequences {1, T, C}",
				     data->dim[0], data->dim[1], data->dim[2]);
	if (!window)
		return npu_error_set(err, -EINVAL, "windows: of 0 steps; take at least one");
	return 0;
}

/* The windows of one series, to the samples of @out from @sample on. */
static size_t cut(const struct series *s, size_t i, struct npu_dataset *out, size_t sample,
		  size_t stride)
{
	const struct npu_dataset *d = s->data;
	size_t horizon = out->targets / s->channels, window = out->dim[1];
	size_t n = windows_of(steps_of(s, i), window + horizon, stride);
	const float *from = d->x + i * d->features;

	for (size_t w = 0; w < n; w++, sample++) {
		const float *x = from + w * stride * s->channels;

		memcpy(out->x + sample * out->features, x, out->features * sizeof(*x));
		if (horizon)
			memcpy(out->y + sample * out->targets, x + out->features,
			       out->targets * sizeof(*x));
		else if (out->labels)
			out->labels[sample] = d->labels[s->rows ? w * stride + window - 1 : i];
	}
	return sample;
}

int npu_dataset_windows(struct npu_dataset *out, const struct npu_dataset *data, uint32_t window,
			uint32_t horizon, uint32_t stride, struct npu_error *err)
{
	struct series s = { data, data->dim[1] == 1, data->dim[2], data->samples };
	size_t span = (size_t)window + horizon, total = 0, longest = 0, sample = 0;
	int ret = check(data, window, err);

	memset(out, 0, sizeof(*out));
	if (ret)
		return ret;
	if (s.rows)
		s.count = 1;
	if (!stride)
		stride = 1;
	for (size_t i = 0; i < s.count; i++) {
		size_t steps = steps_of(&s, i);

		total += windows_of(steps, span, stride);
		longest = steps > longest ? steps : longest;
	}
	if (!total)
		return npu_error_set(err, -EINVAL,
				     "windows: of %u steps, with %u to foretell, do not fit into "
				     "series of at most %zu steps; take shorter ones",
				     window, horizon, longest);
	ret = npu_dataset_alloc(out, total, (uint32_t[]){ 1, window, s.channels },
				horizon * s.channels, horizon || !data->labels ? 0 : data->classes,
				err);
	if (ret)
		return ret;
	if (out->classes && data->class_names) {
		out->class_names = npu_strings_copy(data->class_names, data->classes);
		if (!out->class_names) {
			npu_dataset_free(out);
			return npu_error_set(err, -ENOMEM, "windows: no memory for %zu classes",
					     data->classes);
		}
	}
	for (size_t i = 0; i < s.count; i++)
		sample = cut(&s, i, out, sample, stride);
	return 0;
}
