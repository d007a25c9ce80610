// SPDX-License-Identifier: MIT
/* npu eval: how good a model (in f32) or a program (on the NPU) is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dataset_file.h"
#include "inference.h"
#include "metrics_report.h"
#include "terminal.h"

/**
 * struct evaluation - one run of the command
 * @path: model or program
 * @where: in words, where it ran
 * @device: in JSON, where it ran
 * @measure: what to measure
 * @seconds: of the inference
 */
struct evaluation {
	const char *path;
	struct dataset_file file;
	struct inference_options options;
	struct npu_metrics_options measure;
	bool json;
	struct npu_dataset data;
	struct npu_metrics metrics;
	char where[160];
	struct json_object *device;
	double seconds;
};

/* Predictions for the dataset in new memory, or NULL. */
static float *room_for(const struct evaluation *eval, size_t outputs)
{
	return calloc(eval->data.samples ? eval->data.samples : 1, outputs * sizeof(float));
}

/* The data for a model of @features values, H, W and C as in @dim. */
static int read_data(struct evaluation *eval, const uint32_t dim[3], size_t features)
{
	struct npu_error err = { 0 };

	if (dataset_file_read(&eval->file, dim, &eval->data, &err) < 0 ||
	    dataset_file_check_answers(&eval->file, &eval->data, &err) < 0)
		return cli_fail_error(&err);
	if (eval->data.features == features)
		return CLI_OK;
	return cli_fail(CLI_FAILED,
			"%s: its samples have %zu values, the input of %s takes "
			"%zu; are --label and the file right?",
			eval->file.path, eval->data.features, eval->path, features);
}

static int report(struct evaluation *eval, struct metrics_names names)
{
	struct json_object *object;

	if (!eval->json) {
		metrics_print(&eval->metrics, names);
		metrics_print_line(eval->path, &eval->metrics);
		printf("ran %s, %.0f samples/s\n", eval->where,
		       (double)eval->data.samples / eval->seconds);
		return CLI_OK;
	}
	object = metrics_json(&eval->metrics, names);
	json_object_object_add(object, "file", json_text(eval->path));
	json_object_object_add(object, "where", json_text(eval->where));
	json_object_object_add(object, "device", json_object_get(eval->device));
	json_object_object_add(object, "seconds", json_number(eval->seconds));
	json_report_print(object);
	return CLI_OK;
}

static int measure(struct evaluation *eval, const float *y, size_t outputs,
		   struct metrics_names names)
{
	struct npu_error err = { 0 };

	if (dataset_file_match_classes(dataset_file_answers(&eval->file), &eval->data, names.name,
				       names.model, outputs, &err) < 0 ||
	    metrics_measure(&eval->metrics, &eval->data, y, outputs, &eval->measure, &err) < 0)
		return cli_fail_error(&err);
	return report(eval, names);
}

static int eval_model(struct evaluation *eval)
{
	/* To the library 0 stands for all CPUs, and one thread is the calling one. */
	unsigned int asked = eval->options.threads;
	unsigned int threads = asked == INFERENCE_THREADS_AUTO ? 0 : asked ? asked : 1;
	struct npu_error err = { 0 };
	struct npu_model *model = NULL;
	float *y = NULL;
	uint32_t dim[3];
	double began;
	int code;

	if (npu_model_load(&model, eval->path, &err) < 0)
		return cli_fail_error(&err);
	npu_model_dim(model, dim);
	code = read_data(eval, dim, npu_model_features(model));
	if (code != CLI_OK)
		goto out;
	y = room_for(eval, npu_model_outputs(model));
	if (!y) {
		code = cli_fail(CLI_FAILED, "no memory for %zu predictions", eval->data.samples);
		goto out;
	}
	began = terminal_clock();
	if (npu_model_predict_data(model, &eval->data, threads, y, &err) < 0) {
		code = cli_fail_error(&err);
		goto out;
	}
	eval->seconds = terminal_clock() - began;
	snprintf(eval->where, sizeof(eval->where), "in f32 on the CPU");
	code = measure(eval, y, npu_model_outputs(model),
		       (struct metrics_names){ metrics_model_class, model });
out:
	free(y);
	npu_model_free(model);
	return code;
}

static int eval_program(struct evaluation *eval)
{
	struct npu_error err = { 0 };
	struct inference run;
	float *y = NULL;
	int code;

	code = inference_open(&run, eval->path, &eval->options);
	if (code != CLI_OK)
		return code;
	code = read_data(eval, run.input->dim + 1, run.features);
	if (code != CLI_OK)
		goto out;
	y = room_for(eval, run.outputs);
	if (!y) {
		code = cli_fail(CLI_FAILED, "no memory for %zu predictions", eval->data.samples);
		goto out;
	}
	if (dataset_file_load(&eval->data, &err) < 0 ||
	    inference_predict(&run, &eval->options, eval->data.x, eval->data.lengths,
			      eval->data.samples, y, &eval->seconds, &err) < 0) {
		code = cli_fail_error(&err);
		goto out;
	}
	inference_where(&run, eval->where, sizeof(eval->where));
	eval->device = inference_json(&run);
	code = measure(eval, y, run.outputs,
		       (struct metrics_names){ metrics_program_class, run.program });
out:
	free(y);
	inference_close(&run);
	return code;
}

static int run_eval(int argc, char **argv)
{
	struct evaluation eval = { .options = { .in_flight = 32,
						.threads = INFERENCE_THREADS_AUTO } };
	const struct cli_option options[] = {
		{ 'k', "top-k", "N", "also count samples whose class is among the first N",
		  CLI_UINT, &eval.measure.top_k, NULL, 1, 1e6 },
		INFERENCE_OPTIONS(&eval.options),
		{ 'n', "in-flight", "N", "program: requests at a time; default 32", CLI_UINT,
		  &eval.options.in_flight, NULL, 1, NPU_MAX_REQUESTS },
		{ 0, "json", NULL, "print JSON", CLI_FLAG, &eval.json, NULL, 0, 0 },
		CLI_HEADING("The data"),
		DATASET_FILE_OPTIONS(&eval.file),
		CLI_OPTIONS_END,
	};
	enum cli_next next;
	int first, code;

	next = cli_parse(&cli_eval, options, argc, argv, &first, 2, 2);
	if (next != CLI_GO_ON)
		return cli_parse_exit(next);
	eval.path = argv[first];
	eval.file.path = argv[first + 1];
	if (cli_ends_with(eval.path, ".npu"))
		code = eval_program(&eval);
	else
		code = eval_model(&eval);
	json_object_put(eval.device);
	npu_metrics_free(&eval.metrics);
	npu_dataset_free(&eval.data);
	return code;
}

const struct cli_command cli_eval = {
	.name = "eval",
	.summary = "measure a model or a program on data with known answers",
	.arguments = "MODEL.onnx|PROGRAM.npu DATA",
	.text = "Compare predictions with the answers in DATA and print accuracy, precision,\n"
		"recall, F1 and the area under the ROC curve (AUC) for each class, and who is\n"
		"taken for whom; or the errors of a regression. A .npu program runs on the\n"
		"NPU, in this process where there is none; the last line says where. Data the\n"
		"model was trained on flatters it: use a file that it has not seen. Images are\n"
		"resized to what the model takes, recordings and series cut to it.\n",
	.examples = "  npu eval model.onnx test.csv --label class\n"
		    "  npu eval model.npu test.csv --label class --device driver\n"
		    "  npu eval digits.npu t10k-images-idx3-ubyte.gz \\\n"
		    "      --labels t10k-labels-idx1-ubyte.gz\n"
		    "  npu eval model.npu test.csv --label class --json | jq .accuracy\n",
	.run = run_eval,
};
