// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "compile_wide.h"

static int fail(struct npu_error *err, const char *message)
{
	err->code = -EINVAL;
	snprintf(err->message, sizeof(err->message), "%s", message);
	return -EINVAL;
}

static int choose_on(struct compile_wide *wide, const struct npu_model *model,
		     const struct npu_dataset *samples, const struct npu_dataset *measured,
		     struct npu_compile_options *options, struct npu_error *err)
{
	struct npu_dataset data = *measured;
	bool labelled = wide->max_drop >= 0;

	if (!data.samples)
		return fail(err, "no samples are left to measure on; use fewer to calibrate on, or "
				 "name others by --measure");
	if (labelled && !data.labels)
		return fail(err, "--max-drop counts classes, but the samples have none; name them "
				 "by --label, or use --min-sqnr");
	if (!labelled)
		data.labels = NULL;
	wide->samples = data.samples;
	wide->wide = calloc(1 + npu_model_layers(model), sizeof(*wide->wide));
	if (!wide->wide)
		return fail(err, "no memory for the choice of values");
	options->wide = wide->wide;
	return npu_model_choose_wide(model, samples->x, samples->samples, &data, options,
				     (double)(labelled ? wide->max_drop : wide->min_sqnr),
				     wide->wide, &wide->report, err);
}

int compile_wide_choose(struct compile_wide *wide, const struct npu_model *model,
			const struct dataset_file *file, const struct npu_dataset *data,
			const struct npu_dataset *rest, struct npu_compile_options *options,
			struct npu_error *err)
{
	struct dataset_file other = *file;
	struct npu_dataset measured = { 0 };
	uint32_t dim[3];
	int ret;

	if (!wide->path)
		return choose_on(wide, model, data, rest, options, err);
	other.path = wide->path;
	other.labels = wide->labels;
	npu_model_dim(model, dim);
	ret = dataset_file_read(&other, dim, &measured, err);
	if (ret >= 0)
		ret = dataset_file_load(&measured, err);
	if (ret >= 0)
		ret = choose_on(wide, model, data, &measured, options, err);
	npu_dataset_free(&measured);
	return ret;
}

static const char *value_name(const struct npu_model *model, size_t place)
{
	return place ? npu_model_layer(model, place - 1)->name : "input";
}

void compile_wide_print(const struct compile_wide *wide, const struct npu_model *model)
{
	const struct npu_wide_report *report = &wide->report;
	size_t i;

	if (!isnan(report->accuracy))
		printf("of %zu samples right: %.2f %% in f32, %.2f %% in int8, %.2f %% in this "
		       "program\n",
		       wide->samples, report->model_accuracy, report->int8_accuracy,
		       report->accuracy);
	printf("signal to noise of the outputs: %.1f dB in int8, %.1f dB in this program\n",
	       report->int8_sqnr_db, report->sqnr_db);
	printf("int16:");
	for (i = 0; i <= npu_model_layers(model); i++)
		if (wide->wide[i])
			printf(" %s", value_name(model, i));
	printf(report->raised ? "\n" : " nothing had to be\n");
}

struct json_object *compile_wide_json(const struct compile_wide *wide,
				      const struct npu_model *model)
{
	const struct npu_wide_report *report = &wide->report;
	struct json_object *object = json_object_new_object();
	struct json_object *names = json_object_new_array();
	size_t i;

	for (i = 0; i <= npu_model_layers(model); i++)
		if (wide->wide[i])
			json_object_array_add(names, json_text(value_name(model, i)));
	json_object_object_add(object, "samples", json_count(wide->samples));
	json_object_object_add(object, "model_accuracy", json_number(report->model_accuracy));
	json_object_object_add(object, "int8_accuracy", json_number(report->int8_accuracy));
	json_object_object_add(object, "accuracy", json_number(report->accuracy));
	json_object_object_add(object, "int8_sqnr_db", json_number(report->int8_sqnr_db));
	json_object_object_add(object, "sqnr_db", json_number(report->sqnr_db));
	json_object_object_add(object, "int16", names);
	return object;
}
