// SPDX-License-Identifier: MIT
/* npu train: from a data file to an ONNX model. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layer_words.h"
#include "plot.h"
#include "preset.h"
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

/* Nobody wants to learn after an hour that the result has nowhere to go. */
static int check_path(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	char folder[4096];

	if (!path)
		return CLI_OK;
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1,
		 slash ? path : ".");
	if (!folder[0] || access(folder, W_OK) == 0)
		return CLI_OK;
	return cli_fail(CLI_FAILED, "%s: can't be written there: %s", path, strerror(errno));
}

/* Can the outputs of the network be compared with the classes of the data? */
static int check_outputs(const struct training *job)
{
	size_t classes = job->train.classes, outputs = npu_model_outputs(job->model);

	if (!classes || outputs == classes || (outputs == 1 && classes == 2))
		return CLI_OK;
	/* A network may learn with some to spare; only measuring it at the end would fail. */
	if (outputs > classes && (job->dry_run || !job->test.samples))
		return CLI_OK;
	return cli_fail(CLI_FAILED,
			"%s: it has %zu classes, the network %zu outputs; end it with the word "
			"output, which gives it one a class",
			dataset_file_answers(&job->file), classes, outputs);
}

/* What would otherwise be found at the end. */
static int check_end(const struct training *job)
{
	size_t classes = job->train.classes;

	if (job->measure.top_k && !classes)
		return cli_fail(CLI_FAILED, "--top-k is for data with classes");
	if (job->measure.top_k && job->measure.top_k >= classes)
		return cli_fail(CLI_FAILED,
				"--top-k %u: of %zu classes that says nothing; ask for "
				"fewer",
				job->measure.top_k, classes);
	if (check_outputs(job) != CLI_OK)
		return CLI_FAILED;
	if (check_path(job->output) != CLI_OK || check_path(job->history_path) != CLI_OK ||
	    check_path(job->plot_path) != CLI_OK)
		return CLI_FAILED;
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
		code = check_end(job);
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
			code = train_test(job);
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
	npu_metrics_free(&job->naive);
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

/* Kinds of layers, their words, and the presets: from the tables that read them. */
static void print_words(void)
{
	static const char *const values[] = {
		[LAYER_COUNT] = " N",	 [LAYER_PAIR] = " N|NxM", [LAYER_PADS] = " N|NxM",
		[LAYER_REAL] = " X",	 [LAYER_AXIS] = " NAME",  [LAYER_NAME] = " NAME",
		[LAYER_FROM] = " LABEL",
	};
	char text[400];

	cli_print_heading("Layers, with a ; or a new line between them");
	for (const struct layer_kind *kind = layer_kinds; kind->word; kind++)
		cli_print_entry(kind->form, kind->help);
	cli_print_heading("Words that may follow, and in which layers");
	layer_list_values(LAYER_ACTIVATION, text, sizeof(text));
	cli_print_entry("an activation", text);
	layer_list_values(LAYER_INITIALIZER, text, sizeof(text));
	cli_print_entry("an initialiser", text);
	for (const struct layer_word *known = layer_words; known->word; known++) {
		char word[40];

		if (known->value == LAYER_ACTIVATION || known->value == LAYER_INITIALIZER)
			continue;
		snprintf(word, sizeof(word), "%s%s", known->word,
			 values[known->value] ? values[known->value] : "");
		layer_list_takers(known, text, sizeof(text));
		cli_print_entry(word, text);
	}
	cli_print_entry("=LABEL", "at the end: a name for the layer, for add, concat and from");
	cli_print_heading("Presets");
	for (size_t i = 0; preset_names[i]; i++)
		cli_print_entry(presets[i].name, presets[i].summary);
}

const struct cli_command cli_train = {
	.name = "train",
	.summary = "train a network on data and write it as ONNX",
	.arguments = "DATA",
	.text = "DATA is a CSV file (name the answers with --label or --targets), an IDX or\n"
		"NumPy file (with the answers in a second file, --labels), a .ts file of time\n"
		"series, or a folder of images or WAV recordings. Classes make a classifier:\n"
		"its last layer is a softmax over them. Numbers make a regression: its last\n"
		"layer is linear. Scaling of the inputs becomes part of the model, so that\n"
		"every later command takes raw data. A part of the data is set aside before\n"
		"training; the figures at the end are measured on that part.\n"
		"\n"
		"If the loss does not fall, lower --rate; if training is good and test is\n"
		"bad, use a smaller network, dropout, --augment or --patience 10; if both are\n"
		"bad, a larger network or more --epochs. --plot shows which of them it is.\n",
	.more = print_words,
	.examples = "  npu train iris.csv --label species --hidden 16 -o iris.onnx\n"
		    "  npu train house.csv --targets price --scale-targets --patience 10 \\\n"
		    "      -o house.onnx\n"
		    "  npu train train-images-idx3-ubyte.gz \\\n"
		    "      --labels train-labels-idx1-ubyte.gz --epochs 5 -o digits.onnx \\\n"
		    "      --layers \"conv 16 3x3 same relu; maxpool 2; dense 64 relu; output\"\n"
		    "  npu train recordings/ --preset kws-cnn --augment \"shift "
		    "5x2\" \\\n"
		    "      --checkpoint run --resume --plot run.svg -o words.onnx\n"
		    "  npu train series.csv --features load --window 24 --horizon 1 \\\n"
		    "      --layers \"gru 16; output\" --scale-targets -o forecast.onnx\n"
		    "  npu train new.csv -l class --from old.onnx --freeze 2 -o new.onnx\n",
	.run = run_train,
};
