// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "npu_train.h"
#include "runtime/error.h"

void npu_metrics_free(struct npu_metrics *metrics)
{
	if (!metrics)
		return;
	free(metrics->per_class);
	free(metrics->confusion);
	memset(metrics, 0, sizeof(*metrics));
}

size_t npu_metrics_class(const float *y, size_t outputs)
{
	size_t best = 0;

	if (outputs == 1)
		return y[0] > 0.5f;
	for (size_t o = 1; o < outputs; o++)
		if (y[o] > y[best])
			best = o;
	return best;
}

int npu_metrics_compute(struct npu_metrics *metrics, const struct npu_dataset *data, const float *y,
			size_t outputs, struct npu_error *err)
{
	bool labels = data->classes && data->labels, targets = data->targets && data->y;
	struct npu_answers answers = { .samples = data->samples,
				       .labels = data->labels,
				       .targets = data->y,
				       .weights = data->weights };
	struct npu_metrics_stream *stream;
	int ret;

	memset(metrics, 0, sizeof(*metrics));
	if (!labels && !targets)
		return npu_error_set(
			err, -EINVAL,
			"metrics: the dataset has neither labels nor targets to compare with");
	ret = npu_metrics_stream_create(&stream, labels ? data->classes : 0, data->targets, outputs,
					NULL, err);
	if (ret)
		return ret;
	ret = npu_metrics_stream_add(stream, &answers, y, err);
	if (!ret)
		ret = npu_metrics_stream_finish(stream, metrics, err);
	npu_metrics_stream_free(stream);
	return ret;
}
