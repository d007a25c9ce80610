// SPDX-License-Identifier: MIT
/* The test part of npu train, which training has not seen. */
#include <stdlib.h>
#include <string.h>

#include "metrics_report.h"
#include "train.h"

static int predict(struct training *job, float *y)
{
	size_t outputs = npu_model_outputs(job->model);
	struct npu_error err = { 0 };

	if (npu_model_predict_data(job->model, &job->test, job->fit.threads, y, &err) < 0 ||
	    metrics_measure(&job->metrics, &job->test, y, outputs, &job->measure, &err) < 0)
		return cli_fail_error(&err);
	return CLI_OK;
}

/* Every step that is asked for is as the last of the window: what a forecast has to beat. */
static int predict_last(struct training *job, float *y)
{
	size_t channels = job->test.dim[2], targets = job->test.targets;
	const float *last = job->test.x + job->test.features - channels;
	struct npu_error err = { 0 };

	for (size_t i = 0; i < job->test.samples; i++, last += job->test.features)
		for (size_t t = 0; t < targets; t += channels)
			memcpy(y + i * targets + t, last, channels * sizeof(*y));
	if (metrics_measure(&job->naive, &job->test, y, targets, NULL, &err) < 0)
		return cli_fail_error(&err);
	return CLI_OK;
}

int train_test(struct training *job)
{
	bool forecast = job->file.horizon && job->test.x;
	float *y;
	int code;

	if (job->test.samples == 0)
		return CLI_OK;
	y = calloc(job->test.samples, npu_model_outputs(job->model) * sizeof(*y));
	if (!y)
		return cli_fail(CLI_FAILED, "no memory for %zu predictions", job->test.samples);
	code = predict(job, y);
	if (code == CLI_OK && forecast)
		code = predict_last(job, y);
	free(y);
	return code;
}
