// SPDX-License-Identifier: MIT
/* npu train: from a data file to an ONNX model. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "layer_text.h"
#include "train.h"
#include "terminal.h"

static const char *const activations[] = {
	"relu", "leaky-relu", "sigmoid", "tanh", "linear", NULL,
};
static const char *const optimizers[] = { "adam", "sgd", NULL };
static const char *const losses[] = {
	[NPU_LOSS_AUTO] = "auto",
	[NPU_LOSS_MSE] = "mse",
	[NPU_LOSS_CROSS_ENTROPY] = "cross-entropy",
	[NPU_LOSS_BINARY_CROSS_ENTROPY] = "binary-cross-entropy",
	NULL,
};
static const char *const scales[] = { "standard", "minmax", "none", NULL };
enum {
	SCALE_STANDARD,
	SCALE_MIN_MAX,
	SCALE_NONE
};

/* The network as text for layer_text_add(): what --hidden and --activation stand for. */
static int describe_network(const struct training *job, char *text, size_t bytes)
{
	const char *at = job->hidden;
	size_t used = 0;

	while (at && *at && strcmp(job->hidden, "none") != 0) {
		size_t length = strcspn(at, ",");

		used += (size_t)snprintf(text + used, bytes - used, "dense %.*s %s; ", (int)length,
					 at, activations[job->activation]);
		if (used >= bytes)
			return cli_fail(CLI_USAGE, "train: --hidden is too long");
		at += length + (at[length] == ',');
	}
	if (job->train.classes)
		snprintf(text + used, bytes - used, "dense %zu softmax", job->train.classes);
	else
		snprintf(text + used, bytes - used, "dense %zu linear", job->train.targets);
	return CLI_OK;
}

static int set_scaler(struct training *job, struct npu_error *err)
{
	struct npu_scaler scaler = { 0 };
	int ret;

	if (job->scale == SCALE_NONE)
		return 0;
	if (job->scale == SCALE_STANDARD)
		ret = npu_scaler_fit_standard(&scaler, &job->train, err);
	else
		ret = npu_scaler_fit_min_max(&scaler, &job->train, err);
	if (ret == 0)
		ret = npu_model_set_scaler(job->model, &scaler, err);
	npu_scaler_free(&scaler);
	return ret;
}

/* The model as asked for, with its preprocessing and class names. */
static int build_model(struct training *job)
{
	struct npu_error err = { 0 };
	char text[512];
	int code;

	if (job->layers) {
		snprintf(text, sizeof(text), "%s", job->layers);
	} else {
		code = describe_network(job, text, sizeof(text));
		if (code != CLI_OK)
			return code;
	}
	if (npu_model_create(&job->model, job->train.dim, job->seed, &err) < 0 ||
	    layer_text_add(job->model, text, &err) < 0 || set_scaler(job, &err) < 0)
		return cli_fail_error(&err);
	if (job->train.class_names && npu_model_set_class_names(job->model, job->train.class_names,
								job->train.classes, &err) < 0)
		return cli_fail_error(&err);
	return CLI_OK;
}

/* Read the file and set the test part aside. */
static int read_data(struct training *job)
{
	struct npu_dataset all = { 0 };
	struct npu_error err = { 0 };
	int ret;

	ret = dataset_file_read(&job->file, &all, &err);
	if (ret == 0)
		ret = dataset_file_check_answers(&job->file, &all, &err);
	/* Squared errors of a classifier are taken from one-hot targets. */
	if (ret == 0 && job->loss == NPU_LOSS_MSE && all.labels)
		ret = npu_dataset_one_hot(&all, &err);
	if (ret == 0 && job->test_fraction > 0) {
		ret = npu_dataset_split(&all, job->test_fraction, job->seed, &job->train,
					&job->test, &err);
		npu_dataset_free(&all);
	} else {
		job->train = all;
	}
	if (ret < 0)
		return cli_fail_error(&err);
	if (job->train.samples == 0)
		return cli_fail(CLI_FAILED, "%s: no samples are left to train on; lower --test",
				job->file.path);
	return CLI_OK;
}

static struct npu_optimizer optimizer(const struct training *job)
{
	struct npu_optimizer adam = npu_adam();
	struct npu_optimizer sgd = npu_sgd(.momentum = job->momentum);
	struct npu_optimizer chosen = job->optimizer == 0 ? adam : sgd;

	if (job->rate > 0)
		chosen.rate = job->rate;
	return chosen;
}

static int fit(struct training *job)
{
	struct npu_fit_options options = {
		.loss = (enum npu_loss)job->loss,
		.optimizer = optimizer(job),
		.epochs = job->epochs,
		.batch = job->batch,
		.validation_fraction = job->validation,
		.patience = job->patience,
		.threads = job->threads,
		.progress = train_progress,
		.user = job,
	};
	struct npu_error err = { 0 };
	double began = terminal_clock();
	int ret;

	terminal_progress_begin("training");
	ret = npu_model_fit(job->model, &job->train, &options, &job->history, &err);
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
	if (npu_model_predict(job->model, job->test.x, job->test.samples, job->threads, y, &err) <
		    0 ||
	    npu_metrics_compute(&job->metrics, &job->test, y, outputs, &err) < 0)
		code = cli_fail_error(&err);
	free(y);
	return code;
}

static int train(struct training *job)
{
	struct npu_error err = { 0 };
	int code;

	code = read_data(job);
	if (code == CLI_OK)
		code = build_model(job);
	if (code != CLI_OK)
		return code;
	if (!job->json)
		train_print_plan(job);
	code = fit(job);
	if (code == CLI_OK)
		code = test(job);
	if (code != CLI_OK)
		return code;
	if (npu_model_save(job->model, job->output, &err) < 0)
		return cli_fail_error(&err);
	if (job->json)
		train_print_json(job);
	else
		train_print_result(job);
	return CLI_OK;
}

static int run_train(int argc, char **argv)
{
	struct training job = {
		.hidden = "64",
		.epochs = 50,
		.batch = 32,
		.seed = 1,
		.validation = 0.1f,
		.test_fraction = 0.2f,
		.momentum = 0.9f,
	};
	const struct cli_option options[] = {
		{ 'o', "output", "FILE", "the ONNX model to write; required", CLI_TEXT, &job.output,
		  NULL, 0, 0 },
		DATASET_FILE_OPTIONS(&job.file),
		{ 'H', "hidden", "N,N,...", "units of the hidden layers, or none; default 64",
		  CLI_TEXT, &job.hidden, NULL, 0, 0 },
		{ 'a', "activation", "NAME", "relu, leaky-relu, sigmoid, tanh, linear", CLI_CHOICE,
		  &job.activation, activations, 0, 0 },
		{ 0, "layers", "TEXT", "all layers, such as \"dense 64 relu; dense 3 softmax\"",
		  CLI_TEXT, &job.layers, NULL, 0, 0 },
		{ 'e', "epochs", "N", "passes over the data; default 50", CLI_UINT, &job.epochs,
		  NULL, 1, 1e6 },
		{ 'b', "batch", "N", "samples of a step; default 32", CLI_UINT, &job.batch, NULL, 1,
		  1e6 },
		{ 'r', "rate", "X", "learning rate; default 0.001 for adam, 0.01 for sgd", CLI_REAL,
		  &job.rate, NULL, 1e-9, 100 },
		{ 0, "optimizer", "NAME", "adam or sgd; default adam", CLI_CHOICE, &job.optimizer,
		  optimizers, 0, 0 },
		{ 0, "momentum", "X", "of sgd; default 0.9", CLI_REAL, &job.momentum, NULL, 0, 1 },
		{ 0, "loss", "NAME", "auto, mse, cross-entropy, binary-cross-entropy; default auto",
		  CLI_CHOICE, &job.loss, losses, 0, 0 },
		{ 0, "scale", "NAME", "of the inputs: standard, minmax or none; default standard",
		  CLI_CHOICE, &job.scale, scales, 0, 0 },
		{ 0, "test", "X", "share set aside for the final figures; default 0.2", CLI_REAL,
		  &job.test_fraction, NULL, 0, 0.9 },
		{ 0, "validation", "X", "share of the rest to watch while learning; default 0.1",
		  CLI_REAL, &job.validation, NULL, 0, 0.9 },
		{ 0, "patience", "N", "stop N epochs after the best and restore it; default never",
		  CLI_UINT, &job.patience, NULL, 0, 1e6 },
		{ 0, "seed", "N", "of everything random; default 1", CLI_SEED, &job.seed, NULL, 0,
		  0 },
		{ 0, "threads", "N", "default one a CPU; the result does not depend on it",
		  CLI_UINT, &job.threads, NULL, 1, NPU_MAX_THREADS },
		{ 'q', "quiet", NULL, "print the final figures only", CLI_FLAG, &job.quiet, NULL, 0,
		  0 },
		{ 0, "json", NULL, "print JSON, with every epoch", CLI_FLAG, &job.json, NULL, 0,
		  0 },
		CLI_OPTIONS_END,
	};
	enum cli_next next;
	int first, code;

	next = cli_parse(&cli_train, options, argc, argv, &first, 1, 1);
	if (next != CLI_GO_ON)
		return cli_parse_exit(next);
	if (!job.output)
		return cli_fail(CLI_USAGE, "train: give -o FILE, where the model goes; see `npu "
					   "train --help`");
	job.file.path = argv[first];
	code = train(&job);
	npu_metrics_free(&job.metrics);
	npu_history_free(&job.history);
	npu_model_free(job.model);
	npu_dataset_free(&job.train);
	npu_dataset_free(&job.test);
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
