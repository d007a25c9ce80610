// SPDX-License-Identifier: MIT
/* npu compile: from an ONNX model to a quantised .npu program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "compile_report.h"
#include "compile_wide.h"
#include "dataset_file.h"
#include "json_report.h"
#include "terminal.h"
#include "train/data/file.h"

static const char *const precisions[] = {
	[NPU_PRECISION_INT8] = "int8",
	[NPU_PRECISION_INT16] = "int16",
	NULL,
};

static const char *const calibrations[] = {
	[NPU_CALIBRATE_PERCENTILE] = "percentile",
	[NPU_CALIBRATE_MIN_MAX] = "min-max",
	[NPU_CALIBRATE_ENTROPY] = "entropy",
	[NPU_CALIBRATE_MSE] = "mse",
	NULL,
};

struct compilation {
	const char *model_path;
	const char *output;
	struct dataset_file file;
	unsigned int calibrate;
	unsigned int precision;
	unsigned int calibration;
	float percentile;
	bool bias_correction, equalise;
	struct compile_wide wide;
	unsigned int batch;
	size_t max_bytes;
	bool report;
	bool json;
	struct npu_compile_quote quote;
	struct npu_compile_report found;
	size_t samples;
};

/*
 * Keep at most job->calibrate samples, taken at random; the others to @rest. Neither the first ones
 * nor every n-th would do: files are sorted by class, or go round the classes. Where others are
 * needed to measure on, at least half of them are.
 */
static int thin_out(const struct compilation *job, struct npu_dataset *data,
		    struct npu_dataset *rest, struct npu_error *err)
{
	bool measured = compile_wide_asked(&job->wide) && !job->wide.path;
	size_t most = measured ? (data->samples + 1) / 2 : data->samples;
	struct npu_dataset chosen;
	int ret;

	if (most > job->calibrate)
		most = job->calibrate;
	if (most >= data->samples)
		return 0;
	ret = npu_dataset_split(data, (float)most / (float)data->samples, 0, rest, &chosen, err);
	if (ret < 0)
		return ret;
	npu_dataset_free(data);
	*data = chosen;
	if (measured)
		return dataset_file_load(rest, err);
	npu_dataset_free(rest);
	return 0;
}

static void print_quote(const struct compilation *job)
{
	const struct npu_compile_quote *quote = &job->quote;
	size_t memory = quote->weight_bytes + quote->const_bytes + quote->insn_bytes +
			quote->io_bytes + quote->scratch_bytes + quote->state_bytes;
	const struct {
		const char *what;
		size_t bytes;
	} row[] = {
		{ "weights", quote->weight_bytes },
		{ "constants", quote->const_bytes },
		{ "instructions", quote->insn_bytes },
		{ "input and output, a request", quote->io_bytes },
		{ "scratch, a queue", quote->scratch_bytes },
		{ "states, a session", quote->state_bytes },
		{ "memory in all", memory },
		{ "file", quote->file_bytes },
	};
	struct table *table = table_create(3);

	table_left(table, 2);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		table_cell(table, "%s", row[i].what);
		table_cell(table, "%zu", row[i].bytes);
		table_cell(table, "bytes");
	}
	table_print(table, false);
	if (job->report)
		compile_report_print(&job->found);
	printf("wrote %s: %s activations, batch %u, calibrated on %zu samples\n", job->output,
	       precisions[job->precision], job->batch, job->samples);
}

static struct json_object *json_begin(const struct compilation *job)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "model", json_text(job->model_path));
	return object;
}

static void print_json(const struct compilation *job, const struct npu_model *model)
{
	const struct npu_compile_quote *quote = &job->quote;
	struct json_object *object = json_begin(job);

	json_object_object_add(object, "output", json_text(job->output));
	json_object_object_add(object, "precision", json_text(precisions[job->precision]));
	json_object_object_add(object, "calibration", json_text(calibrations[job->calibration]));
	json_object_object_add(object, "batch", json_count(job->batch));
	json_object_object_add(object, "calibration_samples", json_count(job->samples));
	json_object_object_add(object, "weight_bytes", json_count(quote->weight_bytes));
	json_object_object_add(object, "const_bytes", json_count(quote->const_bytes));
	json_object_object_add(object, "insn_bytes", json_count(quote->insn_bytes));
	json_object_object_add(object, "io_bytes", json_count(quote->io_bytes));
	json_object_object_add(object, "scratch_bytes", json_count(quote->scratch_bytes));
	json_object_object_add(object, "state_bytes", json_count(quote->state_bytes));
	json_object_object_add(object, "file_bytes", json_count(quote->file_bytes));
	if (job->wide.wide)
		json_object_object_add(object, "mixed_precision",
				       compile_wide_json(&job->wide, model));
	if (job->report)
		json_object_object_add(object, "report", compile_report_json(&job->found));
	json_report_print(object);
}

/* With a report the image is here first, and then in the file. */
static int write_program(struct compilation *job, const struct npu_model *model,
			 const struct npu_dataset *data, const struct npu_compile_options *options,
			 struct npu_error *err)
{
	struct npu_file_part part;
	void *image;
	int ret;

	if (!job->report)
		return npu_model_compile_file(model, data->x, data->samples, options, job->output,
					      err);
	ret = npu_model_compile_report(model, data->x, data->samples, options, &image, &part.size,
				       &job->found, err);
	if (ret < 0)
		return ret;
	part.bytes = image;
	ret = npu_file_write(job->output, &part, 1, err);
	npu_image_free(image);
	return ret;
}

/* There is no program, and @err says why. Where a report is asked for it says what runs instead. */
static int fail(const struct compilation *job, const struct npu_model *model,
		const struct npu_compile_options *options, const float *sample,
		const struct npu_error *err)
{
	struct npu_lowered lowered = { 0 };
	struct json_object *object;

	if (!job->report)
		return cli_fail_error(err);
	/* a model that can be lowered may still fail, by its numbers or the limit of memory */
	if (npu_model_lowered(model, options, &lowered, NULL) < 0 || !lowered.reason[0]) {
		lowered.layers = 0;
		memcpy(lowered.reason, err->message, sizeof(lowered.reason));
	}
	if (job->json) {
		object = json_begin(job);
		json_object_object_add(object, "output", NULL);
		json_object_object_add(object, "report",
				       compile_report_json_f32(model, &lowered, sample));
		json_report_print(object);
	} else {
		compile_report_print_f32(model, &lowered, sample);
	}
	return cli_fail_error(err);
}

static int compile_model(struct compilation *job, const struct npu_model *model,
			 struct npu_dataset *data)
{
	struct npu_compile_options options = {
		.precision = (enum npu_precision)job->precision,
		.calibration = (enum npu_calibration)job->calibration,
		.percentile = (double)job->percentile,
		.bias_correction = job->bias_correction,
		.equalise = job->equalise,
		.batch = job->batch,
		.max_bytes = job->max_bytes,
	};
	struct npu_dataset rest = { 0 };
	struct npu_error err = { 0 };
	int ret;

	if (data->features != npu_model_features(model))
		return cli_fail(CLI_FAILED,
				"%s: its samples have %zu values, the input of %s "
				"takes %zu; name the answers with --label or --targets, so that "
				"they are left out",
				job->file.path, data->features, job->model_path,
				npu_model_features(model));
	if (thin_out(job, data, &rest, &err) < 0 || dataset_file_load(data, &err) < 0)
		return cli_fail_error(&err);
	job->samples = data->samples;
	options.lengths = data->lengths;
	options.length_input = data->lengths != NULL;
	ret = compile_wide_asked(&job->wide) ? compile_wide_choose(&job->wide, model, &job->file,
								   data, &rest, &options, &err)
					     : 0;
	npu_dataset_free(&rest);
	if (ret < 0)
		return fail(job, model, &options, data->x, &err);
	if (npu_model_compile_quote(model, &options, &job->quote, &err) < 0 ||
	    write_program(job, model, data, &options, &err) < 0)
		return fail(job, model, &options, data->x, &err);
	if (job->json)
		print_json(job, model);
	else
		print_quote(job);
	if (!job->json && job->wide.wide)
		compile_wide_print(&job->wide, model);
	npu_compile_report_free(&job->found);
	return CLI_OK;
}

/* Options that say nothing without another, or contradict it. */
static int check_options(const struct compilation *job)
{
	const struct compile_wide *wide = &job->wide;

	if (compile_wide_asked(wide) && job->precision == NPU_PRECISION_INT16)
		return cli_fail(CLI_USAGE,
				"compile: --max-drop and --min-sqnr raise values of int8; "
				"leave --precision out");
	if (wide->max_drop >= 0 && wide->min_sqnr >= 0)
		return cli_fail(CLI_USAGE, "compile: --max-drop and --min-sqnr are two limits for "
					   "one choice; give one of them");
	if ((wide->path || wide->labels) && !compile_wide_asked(wide))
		return cli_fail(CLI_USAGE,
				"compile: --measure is for --max-drop or --min-sqnr; give one");
	if (wide->labels && !wide->path)
		return cli_fail(CLI_USAGE, "compile: --measure-labels has the answers of --measure "
					   "DATA; give that, too");
	if (job->percentile > 0 && job->calibration != NPU_CALIBRATE_PERCENTILE)
		return cli_fail(CLI_USAGE,
				"compile: --percentile is for --calibration percentile, not %s; "
				"leave one of them out",
				calibrations[job->calibration]);
	return CLI_OK;
}

static int run_compile(int argc, char **argv)
{
	struct compilation job = {
		.calibrate = 1000,
		.batch = 1,
		.wide = { .max_drop = COMPILE_ANY, .min_sqnr = COMPILE_ANY },
	};
	const struct cli_option options[] = {
		{ 's', "samples", "DATA", "samples to calibrate on; required", CLI_TEXT,
		  &job.file.path, NULL, 0, 0 },
		{ 'o', "output", "FILE", "the program to write; required", CLI_TEXT, &job.output,
		  NULL, 0, 0 },
		{ 'p', "precision", "TYPE", "of activations: int8 or int16; default int8",
		  CLI_CHOICE, &job.precision, precisions, 0, 0 },
		{ 'b', "batch", "N", "samples of one request; default 1", CLI_UINT, &job.batch,
		  NULL, 1, 65536 },
		{ 0, "calibration", "HOW",
		  "ranges: percentile, min-max, entropy or mse; default percentile", CLI_CHOICE,
		  &job.calibration, calibrations, 0, 0 },
		{ 0, "percentile", "X", "of numbers within a range; default 99.99", CLI_REAL,
		  &job.percentile, NULL, 50, 100 },
		{ 0, "bias-correction", NULL, "give biases what rounding takes from the weights",
		  CLI_FLAG, &job.bias_correction, NULL, 0, 0 },
		{ 0, "equalise", NULL, "first make the channels between layers alike", CLI_FLAG,
		  &job.equalise, NULL, 0, 0 },
		{ 0, "max-drop", "X",
		  "int16 for as many values as it takes to lose at most X points of accuracy",
		  CLI_REAL, &job.wide.max_drop, NULL, 0, 100 },
		{ 0, "min-sqnr", "X", "likewise, until outputs have X dB; needs no classes",
		  CLI_REAL, &job.wide.min_sqnr, NULL, 0, 200 },
		{ 0, "measure", "DATA", "of these two, on what; default samples set aside",
		  CLI_TEXT, &job.wide.path, NULL, 0, 0 },
		{ 0, "measure-labels", "FILE", "IDX, NPY: the answers of --measure", CLI_TEXT,
		  &job.wide.labels, NULL, 0, 0 },
		{ 0, "calibrate", "N", "use at most N samples, taken at random; default 1000",
		  CLI_UINT, &job.calibrate, NULL, 1, 1e9 },
		{ 0, "max-bytes", "N", "refuse a program that needs more memory; 64K, 2M",
		  CLI_BYTES, &job.max_bytes, NULL, 0, 0 },
		{ 0, "report", NULL, "say of each layer how exact and how fast it is", CLI_FLAG,
		  &job.report, NULL, 0, 0 },
		{ 0, "json", NULL, "print JSON", CLI_FLAG, &job.json, NULL, 0, 0 },
		CLI_HEADING("The samples"),
		DATASET_FILE_OPTIONS(&job.file),
		CLI_OPTIONS_END,
	};
	struct npu_dataset data = { 0 };
	struct npu_model *model = NULL;
	struct npu_error err = { 0 };
	uint32_t dim[3];
	enum cli_next next;
	int first, code;

	next = cli_parse(&cli_compile, options, argc, argv, &first, 1, 1);
	if (next != CLI_GO_ON)
		return cli_parse_exit(next);
	job.model_path = argv[first];
	if (!job.file.path || !job.output)
		return cli_fail(CLI_USAGE, "compile: give --samples DATA, to find the range of "
					   "every layer, and -o FILE; see `npu compile --help`");
	code = check_options(&job);
	if (code != CLI_OK)
		return code;
	if (npu_model_load(&model, job.model_path, &err) < 0)
		return cli_fail_error(&err);
	npu_model_dim(model, dim);
	if (dataset_file_read(&job.file, dim, &data, &err) < 0)
		code = cli_fail_error(&err);
	else
		code = compile_model(&job, model, &data);
	npu_dataset_free(&data);
	npu_model_free(model);
	free(job.wide.wide);
	return code;
}

const struct cli_command cli_compile = {
	.name = "compile",
	.summary = "quantise a model to integers and write a .npu program",
	.arguments = "MODEL.onnx",
	.text = "The NPU computes in integers. This command runs samples through the model to\n"
		"see which range every layer uses, quantises weights and activations\n"
		"accordingly, and writes a program that runs on every NPU and CPU with the\n"
		"same results to the bit. A few hundred typical samples are enough; the\n"
		"training data will do. int16 activations cost time and memory and help where\n"
		"int8 loses too much: compare with `npu eval`. The memory that is printed is\n"
		"what will be used, to the byte.\n"
		"\n"
		"--max-drop 0.5 makes as many values int16 as it takes: it measures what each of\n"
		"them costs, and raises the costliest until no more than half a percent of the\n"
		"samples fewer are right than in f32. A model trained with --qat brings its\n"
		"ranges along.\n"
		"\n"
		"With --report there is a line for each layer: the instructions that it became,\n"
		"how far its numbers are from f32, its multiplications and bytes, the time to be\n"
		"expected and the time that it took here, in one thread. npu-compile(1) explains\n"
		"the columns.\n",
	.examples = "  npu compile model.onnx --samples train.csv --label class -o model.npu\n"
		    "  npu compile model.onnx -s train.csv -l class -p int16 -o model16.npu\n"
		    "  npu compile model.onnx -s train.csv -l class --max-bytes 64K -o model.npu\n"
		    "  npu compile model.onnx -s train.csv -l class -o model.npu --report\n",
	.run = run_compile,
};
