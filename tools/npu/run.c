// SPDX-License-Identifier: MIT
/* npu run: predictions of a program, or of a model in f32, for data without answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dataset_file.h"
#include "inference.h"
#include "npu_train.h"
#include "terminal.h"

/**
 * struct execution - one run of the command
 * @path: model or program
 * @model: NULL for a program
 * @run: the program; of a model only the sizes of its input and output
 */
struct execution {
	const char *path;
	const char *output;
	struct dataset_file file;
	struct inference_options options;
	bool json;
	struct npu_model *model;
	struct inference run;
	struct npu_dataset data;
	float *y;
	double seconds;
};

/* Name of class @i, NULL if it has none. */
static const char *class_name(const struct execution *job, size_t i)
{
	if (job->model)
		return npu_model_class_name(job->model, i);
	return npu_program_label(job->run.program, (unsigned int)i);
}

static const char *class_of(const struct execution *job, const float *y)
{
	return class_name(job, npu_metrics_class(y, job->run.outputs));
}

/* Does it say classes? It does if it has names for them. */
static bool has_classes(const struct execution *job)
{
	return class_name(job, 0) != NULL && job->run.outputs > 1;
}

static void where(const struct execution *job, char *text, size_t bytes)
{
	if (job->model)
		snprintf(text, bytes, "in f32 on the CPU");
	else
		inference_where(&job->run, text, bytes);
}

static void print_field(FILE *file, const char *text)
{
	if (!strpbrk(text, ",\"\n")) {
		fputs(text, file);
		return;
	}
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', file);
		fputc(*text, file);
	}
	fputc('"', file);
}

static int write_csv(const struct execution *job, FILE *file)
{
	bool classes = has_classes(job);
	size_t outputs = job->run.outputs;

	if (classes)
		fprintf(file, "class,");
	for (size_t o = 0; o < outputs; o++) {
		const char *name = class_name(job, o);

		if (name && outputs > 1)
			print_field(file, name);
		else
			fprintf(file, "y%zu", o);
		fputc(o + 1 < outputs ? ',' : '\n', file);
	}
	for (size_t i = 0; i < job->data.samples; i++) {
		const float *y = job->y + i * outputs;

		if (classes) {
			print_field(file, class_of(job, y));
			fputc(',', file);
		}
		for (size_t o = 0; o < outputs; o++)
			fprintf(file, "%.6g%c", (double)y[o], o + 1 < outputs ? ',' : '\n');
	}
	return ferror(file) ? -EIO : 0;
}

static int write_csv_file(const struct execution *job)
{
	FILE *file = fopen(job->output, "w");
	int ret;

	if (!file)
		return cli_fail(CLI_FAILED, "%s: %s", job->output, strerror(errno));
	ret = write_csv(job, file);
	if (fclose(file) != 0 || ret < 0)
		return cli_fail(CLI_FAILED, "%s: the file could not be written whole: %s",
				job->output, strerror(errno));
	return CLI_OK;
}

static int write_output(const struct execution *job)
{
	struct npu_error err = { 0 };

	if (!cli_ends_with(job->output, ".npy"))
		return write_csv_file(job);
	if (npu_write_npy(job->output, job->y, job->data.samples, job->run.outputs, &err) < 0)
		return cli_fail_error(&err);
	return CLI_OK;
}

static struct json_object *predictions_json(const struct execution *job)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < job->data.samples; i++) {
		const float *y = job->y + i * job->run.outputs;
		struct json_object *entry = json_object_new_object();
		struct json_object *values = json_object_new_array();

		if (has_classes(job)) {
			json_object_object_add(entry, "class", json_text(class_of(job, y)));
		}
		for (size_t o = 0; o < job->run.outputs; o++)
			json_object_array_add(values, json_number(y[o]));
		json_object_object_add(entry, "outputs", values);
		json_object_array_add(list, entry);
	}
	return list;
}

static void print_json(const struct execution *job)
{
	struct json_object *object = json_object_new_object();
	char text[160];

	where(job, text, sizeof(text));
	json_object_object_add(object, job->model ? "model" : "program", json_text(job->path));
	json_object_object_add(object, "samples", json_count(job->data.samples));
	json_object_object_add(object, "where", json_text(text));
	json_object_object_add(object, "device", job->model ? NULL : inference_json(&job->run));
	json_object_object_add(object, "seconds", json_number(job->seconds));
	if (job->output)
		json_object_object_add(object, "output", json_text(job->output));
	else
		json_object_object_add(object, "predictions", predictions_json(job));
	json_report_print(object);
}

static int report(const struct execution *job)
{
	char text[160];
	int code = CLI_OK;

	if (job->output)
		code = write_output(job);
	else if (!job->json && write_csv(job, stdout) < 0)
		code = cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
	if (code != CLI_OK)
		return code;
	if (job->json) {
		print_json(job);
	} else if (job->output) {
		where(job, text, sizeof(text));
		printf("wrote %s: %zu samples in %.3f s, %s\n", job->output, job->data.samples,
		       job->seconds, text);
	}
	return CLI_OK;
}

static int open_model(struct execution *job)
{
	struct npu_error err = { 0 };

	if (npu_model_load(&job->model, job->path, &err) < 0)
		return cli_fail_error(&err);
	job->run.features = npu_model_features(job->model);
	job->run.outputs = npu_model_outputs(job->model);
	return CLI_OK;
}

static int predict(struct execution *job, struct npu_error *err)
{
	/* To the library 0 stands for all CPUs, and one thread is the calling one. */
	unsigned int asked = job->options.threads;
	unsigned int threads = asked == INFERENCE_THREADS_AUTO ? 0 : asked ? asked : 1;
	double began = terminal_clock();
	int ret;

	if (!job->model)
		return inference_predict(&job->run, &job->options, job->data.x, job->data.lengths,
					 job->data.samples, job->y, &job->seconds, err);
	ret = npu_model_predict_data(job->model, &job->data, threads, job->y, err);
	job->seconds = terminal_clock() - began;
	return ret;
}

static int execute(struct execution *job)
{
	struct npu_error err = { 0 };
	uint32_t dim[3];

	if (job->model)
		npu_model_dim(job->model, dim);
	else
		memcpy(dim, job->run.input->dim + 1, sizeof(dim));
	if (dataset_file_read(&job->file, dim, &job->data, &err) < 0 ||
	    (!job->model && dataset_file_load(&job->data, &err) < 0))
		return cli_fail_error(&err);
	if (job->data.features != job->run.features)
		return cli_fail(CLI_FAILED,
				"%s: its samples have %zu values, the input of %s "
				"takes %zu; columns with answers are left out with --label or "
				"--targets",
				job->file.path, job->data.features, job->path, job->run.features);
	job->y = calloc(job->data.samples ? job->data.samples : 1,
			job->run.outputs * sizeof(*job->y));
	if (!job->y)
		return cli_fail(CLI_FAILED, "no memory for %zu predictions", job->data.samples);
	if (predict(job, &err) < 0)
		return cli_fail_error(&err);
	return report(job);
}

static int run_run(int argc, char **argv)
{
	struct execution job = { .options = { .in_flight = 32,
					      .threads = INFERENCE_THREADS_AUTO } };
	const struct cli_option options[] = {
		{ 'o', "output", "FILE", ".npy: outputs as f32; else CSV; default: CSV on stdout",
		  CLI_TEXT, &job.output, NULL, 0, 0 },
		INFERENCE_OPTIONS(&job.options),
		{ 'n', "in-flight", "N", "program: requests at a time; default 32", CLI_UINT,
		  &job.options.in_flight, NULL, 1, NPU_MAX_REQUESTS },
		{ 0, "json", NULL, "print JSON", CLI_FLAG, &job.json, NULL, 0, 0 },
		CLI_HEADING("The data"),
		DATASET_FILE_OPTIONS(&job.file),
		CLI_OPTIONS_END,
	};
	enum cli_next next;
	int first, code;

	next = cli_parse(&cli_run, options, argc, argv, &first, 2, 2);
	if (next != CLI_GO_ON)
		return cli_parse_exit(next);
	job.path = argv[first];
	job.file.path = argv[first + 1];
	if (cli_ends_with(job.path, ".onnx"))
		code = open_model(&job);
	else
		code = inference_open(&job.run, job.path, &job.options);
	if (code == CLI_OK)
		code = execute(&job);
	free(job.y);
	npu_dataset_free(&job.data);
	npu_model_free(job.model);
	inference_close(&job.run);
	return code;
}

const struct cli_command cli_run = {
	.name = "run",
	.summary = "run a model or a program on data and write its predictions",
	.arguments = "MODEL.onnx|PROGRAM.npu DATA",
	.text = "Run every sample of DATA through the network and write a row for each: the\n"
		"class, where the network has names for classes, and the outputs as real\n"
		"numbers. Samples are raw, as they were for training: scaling is part of the\n"
		"network, but how files are read is not, so give --features, --mfcc, --window\n"
		"and the like again. Columns that hold answers are left out with --label or\n"
		"--targets. A program runs on the NPU, in this process where there is none,\n"
		"with the same results to the bit; a model in f32 on the CPU.\n",
	.examples = "  npu run model.npu test.csv --label class\n"
		    "  npu run model.npu test.csv --label class -o predictions.csv\n"
		    "  npu run model.npu samples.npy -o outputs.npy --device driver\n"
		    "  npu run model.npu test.csv -l class --device embedded --variant scalar\n"
		    "  npu run words.onnx recordings/ --class-of none\n",
	.run = run_run,
};
