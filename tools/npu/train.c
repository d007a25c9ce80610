// SPDX-License-Identifier: MIT
/* npu train: from a data file to an ONNX model. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics_report.h"
#include "plot.h"
#include "terminal.h"
#include "train.h"

/* What training will take, before it takes it. */
static int quote(struct training *job)
{
	struct npu_error err = { 0 };

	if (job->checkpoint_path) {
		job->fit.checkpoint = job->checkpoint_path;
		if (job->resume && access(job->checkpoint_path, F_OK) == 0)
			job->fit.resume = job->checkpoint_path;
	}
	if (npu_model_fit_quote(job->model, &job->train, &job->fit, &job->quote, &err) < 0)
		return cli_fail_error(&err);
	return CLI_OK;
}

static int fit(struct training *job)
{
	struct npu_error err = { 0 };
	double began = terminal_clock();
	int ret;

	job->fit.progress = train_progress;
	job->fit.user = job;
	terminal_progress_begin("training");
	ret = npu_model_fit(job->model, &job->train, &job->fit, &job->history, &err);
	terminal_progress_end();
	job->seconds = terminal_clock() - began;
	return ret < 0 ? cli_fail_error(&err) : CLI_OK;
}

/* Predict the test part, which training has not seen. */
static int test(struct training *job)
{
	size_t outputs = npu_model_outputs(job->model);
	struct npu_error err = { 0 };
	float *y;
	int code = CLI_OK;

	if (job->test.samples == 0)
		return CLI_OK;
	y = calloc(job->test.samples, outputs * sizeof(*y));
	if (!y)
		return cli_fail(CLI_FAILED, "no memory for %zu predictions", job->test.samples);
	if (npu_model_predict_data(job->model, &job->test, job->fit.threads, y, &err) < 0 ||
	    metrics_measure(&job->metrics, &job->test, y, outputs, &job->measure, &err) < 0)
		code = cli_fail_error(&err);
	free(y);
	return code;
}

static int write_results(struct training *job)
{
	struct npu_error err = { 0 };

	if (npu_model_save(job->model, job->output, &err) < 0 ||
	    (job->history_path && npu_history_write(&job->history, job->history_path, &err) < 0) ||
	    (job->plot_path && plot_write(&job->history, job->plot_path, &err) < 0))
		return cli_fail_error(&err);
	return CLI_OK;
}

static int train(struct training *job)
{
	int code = train_load_model(job);

	if (code == CLI_OK)
		code = train_read_data(job);
	if (code == CLI_OK)
		code = train_build_model(job);
	if (code == CLI_OK)
		code = train_scale_targets(job);
	if (code == CLI_OK)
		code = quote(job);
	if (code != CLI_OK)
		return code;
	if (!job->json)
		train_print_plan(job);
	if (!job->dry_run) {
		code = fit(job);
		if (code == CLI_OK) {
			train_unscale_model(job);
			code = test(job);
		}
		if (code == CLI_OK)
			code = write_results(job);
		if (code != CLI_OK)
			return code;
	}
	if (job->json)
		train_print_json(job);
	else if (!job->dry_run)
		train_print_result(job);
	return CLI_OK;
}

void train_free(struct training *job)
{
	npu_metrics_free(&job->metrics);
	npu_history_free(&job->history);
	npu_model_free(job->model);
	npu_dataset_free(&job->train);
	npu_dataset_free(&job->validation);
	npu_dataset_free(&job->test);
	free(job->weight);
	free(job->checkpoint_path);
	free(job->target_mean);
	free(job->target_factor);
}

static int run_train(int argc, char **argv)
{
	struct training job = {
		.hidden = "64",
		.preset = TRAIN_NO_PRESET,
		.momentum = TRAIN_USUAL_MOMENTUM,
		.seed = 1,
		.test_fraction = 0.2f,
		.fit = { .epochs = 50, .batch = 32, .validation_fraction = 0.1f },
	};
	enum cli_next next = train_parse(&job, argc, argv);
	int code = next == CLI_GO_ON ? train(&job) : cli_parse_exit(next);

	train_free(&job);
	return code;
}

const struct cli_command cli_train = {
	.name = "train",
	.summary = "train a network on a data file and write it as ONNX",
	.arguments = "DATA",
	.text = "DATA is a CSV file (name the answers with --label or --targets), or an IDX\n"
		"or NumPy file (with the answers in a second file, --labels). A class column\n"
		"makes a classifier: its last layer is a softmax over the classes. Number\n"
		"columns make a regression: its last layer is linear. Scaling of the inputs\n"
		"becomes part of the model, so that every later command takes raw data. A\n"
		"part of the data is set aside before training; the figures at the end are\n"
		"measured on that part.\n"
		"\n"
		"If the loss does not fall, lower --rate; if training is good and test is\n"
		"bad, use a smaller --hidden or --patience 10; if both are bad, a larger\n"
		"--hidden or more --epochs.\n",
	.examples = "  npu train iris.csv --label species --hidden 16 -o iris.onnx\n"
		    "  npu train house.csv --targets price --hidden 64,32 --patience 10 \\\n"
		    "      -o house.onnx\n"
		    "  npu train train-images-idx3-ubyte.gz \\\n"
		    "      --labels train-labels-idx1-ubyte.gz \\\n"
		    "      --hidden 128 --epochs 10 --scale none -o digits.onnx\n"
		    "  npu train x.npy --labels y.npy \\\n"
		    "      --layers \"dense 32 tanh; dense 1 linear\" -o m.onnx\n",
	.run = run_train,
};
