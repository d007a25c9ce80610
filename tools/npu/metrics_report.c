// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>

#include "metrics_report.h"
#include "terminal.h"

#define WIDEST_CONFUSION 16 /* classes; a wider matrix does not fit a screen */

const char *metrics_model_class(const void *model, size_t i)
{
	return npu_model_class_name(model, i);
}

const char *metrics_program_class(const void *program, size_t i)
{
	return npu_program_label(program, (unsigned int)i);
}

int metrics_measure(struct npu_metrics *metrics, const struct npu_dataset *data, const float *y,
		    size_t outputs, const struct npu_metrics_options *options,
		    struct npu_error *err)
{
	struct npu_answers answers = { .samples = data->samples,
				       .labels = data->labels,
				       .targets = data->y,
				       .weights = data->weights };
	struct npu_metrics_stream *stream;
	int ret;

	ret = npu_metrics_stream_create(&stream, data->labels ? data->classes : 0, data->targets,
					outputs, options, err);
	if (ret < 0)
		return ret;
	ret = npu_metrics_stream_add(stream, &answers, y, err);
	if (ret == 0)
		ret = npu_metrics_stream_finish(stream, metrics, err);
	npu_metrics_stream_free(stream);
	return ret;
}

/* Name of class @i, its number in @text where it has none. */
static const char *class_text(struct metrics_names names, size_t i, char *text, size_t bytes)
{
	const char *name = names.name ? names.name(names.model, i) : NULL;

	if (name)
		return name;
	snprintf(text, bytes, "%zu", i);
	return text;
}

void metrics_print_line(const char *what, const struct npu_metrics *metrics)
{
	if (metrics->classes) {
		printf("%s: accuracy %s%.2f %%%s, ", what, terminal_style(stdout, STYLE_BOLD),
		       metrics->accuracy * 100, terminal_style(stdout, STYLE_NONE));
		if (metrics->top_k)
			printf("top %u %.2f %%, ", metrics->top_k, metrics->top_k_accuracy * 100);
		printf("F1 %.4f (macro), %zu samples\n", metrics->f1, metrics->samples);
	} else {
		printf("%s: RMSE %s%.6g%s, MAE %.6g, R2 %.4f, %zu samples\n", what,
		       terminal_style(stdout, STYLE_BOLD), metrics->rmse,
		       terminal_style(stdout, STYLE_NONE), metrics->mae, metrics->r2,
		       metrics->samples);
	}
}

/* A figure, or "-" where there is none. */
static void figure(struct table *table, double value)
{
	if (isfinite(value))
		table_cell(table, "%.4f", value);
	else
		table_cell(table, "-");
}

static void print_classes(const struct npu_metrics *metrics, struct metrics_names names)
{
	struct table *table = table_create(6);
	char number[24];

	table_cell(table, "class");
	table_cell(table, "precision");
	table_cell(table, "recall");
	table_cell(table, "F1");
	table_cell(table, "AUC");
	table_cell(table, "samples");
	for (size_t c = 0; c < metrics->classes; c++) {
		const struct npu_class_metrics *class = &metrics->per_class[c];

		table_cell(table, "%s", class_text(names, c, number, sizeof(number)));
		table_cell(table, "%.4f", class->precision);
		table_cell(table, "%.4f", class->recall);
		table_cell(table, "%.4f", class->f1);
		figure(table, class->auc);
		table_cell(table, "%zu", class->support);
	}
	table_cell(table, "macro");
	table_cell(table, "%.4f", metrics->precision);
	table_cell(table, "%.4f", metrics->recall);
	table_cell(table, "%.4f", metrics->f1);
	figure(table, metrics->auc);
	table_cell(table, "%zu", metrics->samples);
	table_print(table, true);
}

static void print_confusion(const struct npu_metrics *metrics, struct metrics_names names)
{
	struct table *table = table_create(metrics->classes + 1);
	char number[24];

	table_cell(table, "truth \\ prediction");
	for (size_t c = 0; c < metrics->classes; c++)
		table_cell(table, "%s", class_text(names, c, number, sizeof(number)));
	for (size_t row = 0; row < metrics->classes; row++) {
		table_cell(table, "%s", class_text(names, row, number, sizeof(number)));
		for (size_t c = 0; c < metrics->classes; c++)
			table_cell(table, "%zu", metrics->confusion[row * metrics->classes + c]);
	}
	table_print(table, true);
}

static void print_errors(const struct npu_metrics *metrics)
{
	struct table *table = table_create(2);

	table_cell(table, "mean squared error");
	table_cell(table, "%.6g", metrics->mse);
	table_cell(table, "root of it");
	table_cell(table, "%.6g", metrics->rmse);
	table_cell(table, "mean absolute error");
	table_cell(table, "%.6g", metrics->mae);
	table_cell(table, "R2");
	table_cell(table, "%.4f", metrics->r2);
	table_cell(table, "samples");
	table_cell(table, "%zu", metrics->samples);
	table_print(table, false);
}

void metrics_print(const struct npu_metrics *metrics, struct metrics_names names)
{
	if (!metrics->classes) {
		print_errors(metrics);
		return;
	}
	print_classes(metrics, names);
	if (isfinite(metrics->log_loss))
		printf("  log loss %.4f\n", metrics->log_loss);
	if (metrics->auc_error > 0)
		printf("  AUC within %.2g: the outputs of all samples do not fit into memory\n",
		       metrics->auc_error);
	if (metrics->classes <= WIDEST_CONFUSION) {
		putchar('\n');
		print_confusion(metrics, names);
	}
	putchar('\n');
}

static struct json_object *classes_json(const struct npu_metrics *metrics,
					struct metrics_names names)
{
	struct json_object *list = json_object_new_array();
	char number[24];

	for (size_t c = 0; c < metrics->classes; c++) {
		const struct npu_class_metrics *class = &metrics->per_class[c];
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "class",
				       json_text(class_text(names, c, number, sizeof(number))));
		json_object_object_add(entry, "precision", json_number(class->precision));
		json_object_object_add(entry, "recall", json_number(class->recall));
		json_object_object_add(entry, "f1", json_number(class->f1));
		json_object_object_add(entry, "auc", json_number(class->auc));
		json_object_object_add(entry, "samples", json_count(class->support));
		json_object_array_add(list, entry);
	}
	return list;
}

static struct json_object *confusion_json(const struct npu_metrics *metrics)
{
	struct json_object *rows = json_object_new_array();

	for (size_t row = 0; row < metrics->classes; row++) {
		struct json_object *cells = json_object_new_array();

		for (size_t c = 0; c < metrics->classes; c++)
			json_object_array_add(
				cells, json_count(metrics->confusion[row * metrics->classes + c]));
		json_object_array_add(rows, cells);
	}
	return rows;
}

struct json_object *metrics_json(const struct npu_metrics *metrics, struct metrics_names names)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "samples", json_count(metrics->samples));
	json_object_object_add(object, "weight", json_number(metrics->weight));
	if (metrics->classes) {
		json_object_object_add(object, "accuracy", json_number(metrics->accuracy));
		json_object_object_add(object, "precision", json_number(metrics->precision));
		json_object_object_add(object, "recall", json_number(metrics->recall));
		json_object_object_add(object, "f1", json_number(metrics->f1));
		json_object_object_add(object, "auc", json_number(metrics->auc));
		json_object_object_add(object, "auc_error", json_number(metrics->auc_error));
		json_object_object_add(object, "log_loss", json_number(metrics->log_loss));
		if (metrics->top_k) {
			json_object_object_add(object, "top_k", json_count(metrics->top_k));
			json_object_object_add(object, "top_k_accuracy",
					       json_number(metrics->top_k_accuracy));
		}
		json_object_object_add(object, "classes", classes_json(metrics, names));
		json_object_object_add(object, "confusion", confusion_json(metrics));
	} else {
		json_object_object_add(object, "mse", json_number(metrics->mse));
		json_object_object_add(object, "rmse", json_number(metrics->rmse));
		json_object_object_add(object, "mae", json_number(metrics->mae));
		json_object_object_add(object, "r2", json_number(metrics->r2));
	}
	return object;
}
