// SPDX-License-Identifier: MIT
/*
 * Targets far from 0, or far from 1 in size, are learned slowly: weights begin small and move by
 * little. --scale-targets trains on t' = (t - mean) * factor; a last dense layer without an
 * activation then takes it back, y = y' / factor + mean, in its own weights.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

static int check(const struct training *job)
{
	const struct npu_layer *last =
		npu_model_layer(job->model, npu_model_layers(job->model) - 1);

	if (!job->train.targets || job->train.classes)
		return cli_fail(CLI_FAILED, "--scale-targets is for regression, and the answers "
					    "here are classes");
	if (last->kind != NPU_LAYER_DENSE || last->activation != NPU_LINEAR || last->no_bias ||
	    last->units != job->train.targets)
		return cli_fail(CLI_FAILED, "--scale-targets needs a dense layer with a bias and "
					    "no activation at the end, to take it back");
	return CLI_OK;
}

/* Mean and 1 / deviation of target @t; 1 where it does not vary. */
static void measure(const struct npu_dataset *data, size_t t, float *mean, float *factor)
{
	double sum = 0, squares = 0, n = (double)data->samples, center;

	for (size_t i = 0; i < data->samples; i++)
		sum += (double)data->y[i * data->targets + t];
	center = sum / n;
	for (size_t i = 0; i < data->samples; i++) {
		double off = (double)data->y[i * data->targets + t] - center;

		squares += off * off;
	}
	*mean = (float)center;
	*factor = squares > 0 ? (float)(1 / sqrt(squares / n)) : 1;
}

static void scale(const struct training *job, struct npu_dataset *data)
{
	for (size_t i = 0; i < data->samples * data->targets; i++)
		data->y[i] = (data->y[i] - job->target_mean[i % data->targets]) *
			     job->target_factor[i % data->targets];
}

int train_scale_targets(struct training *job)
{
	size_t targets = job->train.targets;
	int code;

	if (!job->scale_targets)
		return CLI_OK;
	code = check(job);
	if (code != CLI_OK)
		return code;
	job->target_mean = calloc(targets, sizeof(float));
	job->target_factor = calloc(targets, sizeof(float));
	if (!job->target_mean || !job->target_factor)
		return cli_fail(CLI_FAILED, "no memory for the scale of %zu targets", targets);
	for (size_t t = 0; t < targets; t++)
		measure(&job->train, t, &job->target_mean[t], &job->target_factor[t]);
	scale(job, &job->train);
	scale(job, &job->validation);
	return CLI_OK;
}

void train_unscale_model(struct training *job)
{
	size_t count = npu_model_parameters(job->model), inputs;
	struct npu_parameter weight, bias;

	if (!job->target_mean)
		return;
	npu_model_parameter(job->model, count - 2, &weight);
	npu_model_parameter(job->model, count - 1, &bias);
	inputs = weight.count / bias.count;
	for (size_t t = 0; t < bias.count; t++) {
		for (size_t i = 0; i < inputs; i++)
			weight.value[t * inputs + i] /= job->target_factor[t];
		bias.value[t] = bias.value[t] / job->target_factor[t] + job->target_mean[t];
	}
}
