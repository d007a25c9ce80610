// SPDX-License-Identifier: MIT
/* npu compile --report: where each layer runs, how exactly, and how fast. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compile_report.h"
#include "terminal.h"

#define COLUMNS 11
#define REPETITIONS 20

/* 1234567 as "1.23M". */
static void cell_count(struct table *table, uint64_t count)
{
	static const char unit[] = " kMG";
	double value = (double)count;
	int i = 0;

	/* 999.5 would have three digits as 1e+03 */
	for (; value >= 999.5 && i < 3; i++)
		value /= 1000;
	if (i)
		table_cell(table, "%.3g%c", value, unit[i]);
	else
		table_cell(table, "%.0f", value);
}

/* @format is for the number, which may be missing or beyond all bounds. */
static void cell_ratio(struct table *table, bool precise, double ratio)
{
	if (isnan(ratio))
		table_cell(table, "-");
	else if (isinf(ratio))
		table_cell(table, "exact");
	else
		table_cell(table, precise ? "%.5f" : "%.1f", ratio);
}

static void print_layer(struct table *table, const struct npu_layer_report *layer)
{
	table_cell(table, "%s", layer->name);
	table_cell(table, "%s", layer->instructions);
	table_cell(table, "%s", layer->precision);
	cell_ratio(table, false, layer->sqnr_db);
	cell_ratio(table, true, layer->cosine);
	cell_count(table, layer->macs);
	cell_count(table, layer->weight_bytes + layer->activation_bytes);
	table_cell(table, "%.2f", layer->predicted_us);
	table_cell(table, "%.2f", layer->measured_us);
	table_cell(table, "%.1f", 100 * layer->share);
	table_cell(table, "%.0f", 100 * layer->roofline);
}

static void print_total(struct table *table, const struct npu_compile_report *report)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < report->layers; i++)
		bytes += report->layer[i].weight_bytes + report->layer[i].activation_bytes;
	table_cell(table, "in all");
	for (i = 0; i < 4; i++)
		table_cell(table, "%s", "");
	cell_count(table, report->macs);
	cell_count(table, bytes);
	table_cell(table, "%.2f", report->predicted_us);
	table_cell(table, "%.2f", report->measured_us);
	table_cell(table, "100.0");
	table_cell(table, "%s", "");
}

void compile_report_print(const struct npu_compile_report *report)
{
	static const char *const heading[COLUMNS] = { "layer",	"runs as",   "numbers",	 "SQNR dB",
						      "cosine", "MACs",	     "bytes",	 "pred. µs",
						      "µs",	"% of time", "% of roof" };
	struct table *table = table_create(COLUMNS);
	size_t i;

	table_left(table, 1);
	table_left(table, 2);
	for (i = 0; i < COLUMNS; i++)
		table_cell(table, "%s", heading[i]);
	for (i = 0; i < report->layers; i++)
		print_layer(table, &report->layer[i]);
	print_total(table, report);
	table_print(table, true);
	printf("errors: against f32, over %zu samples. times: one thread, kernels %s, which do\n"
	       "%.0f MACs, %.0f outputs and %.0f bytes a ns at best\n"
	       "all layers run in the program, none in f32\n",
	       report->samples, report->variant, report->macs_per_us / 1000,
	       report->outputs_per_us / 1000, report->bytes_per_us / 1000);
}

static struct json_object *json_layer(const struct npu_layer_report *layer)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_text(layer->name));
	json_object_object_add(object, "runs", json_text("program"));
	json_object_object_add(object, "instructions", json_text(layer->instructions));
	json_object_object_add(object, "precision", json_text(layer->precision));
	json_object_object_add(object, "exact", json_truth(isinf(layer->sqnr_db) != 0));
	json_object_object_add(object, "sqnr_db", json_number(layer->sqnr_db));
	json_object_object_add(object, "cosine", json_number(layer->cosine));
	json_object_object_add(object, "macs", json_count(layer->macs));
	json_object_object_add(object, "weight_bytes", json_count(layer->weight_bytes));
	json_object_object_add(object, "activation_bytes", json_count(layer->activation_bytes));
	json_object_object_add(object, "predicted_us", json_number(layer->predicted_us));
	json_object_object_add(object, "measured_us", json_number(layer->measured_us));
	json_object_object_add(object, "share", json_number(layer->share));
	json_object_object_add(object, "roofline", json_number(layer->roofline));
	return object;
}

struct json_object *compile_report_json(const struct npu_compile_report *report)
{
	struct json_object *object = json_object_new_object();
	struct json_object *layers = json_object_new_array();
	size_t i;

	for (i = 0; i < report->layers; i++)
		json_object_array_add(layers, json_layer(&report->layer[i]));
	json_object_object_add(object, "layers", layers);
	json_object_object_add(object, "samples", json_count(report->samples));
	json_object_object_add(object, "variant", json_text(report->variant));
	json_object_object_add(object, "macs_per_us", json_number(report->macs_per_us));
	json_object_object_add(object, "outputs_per_us", json_number(report->outputs_per_us));
	json_object_object_add(object, "bytes_per_us", json_number(report->bytes_per_us));
	json_object_object_add(object, "macs", json_count(report->macs));
	json_object_object_add(object, "predicted_us", json_number(report->predicted_us));
	json_object_object_add(object, "measured_us", json_number(report->measured_us));
	json_object_object_add(object, "peak_bytes", json_count(report->peak_bytes));
	return object;
}

/* ------------------------------------------------------------------ no program */

/* Least microseconds of one sample in f32; NAN without memory. */
static double f32_us(const struct npu_model *model, const float *sample)
{
	float *outputs = calloc(npu_model_outputs(model), sizeof(*outputs));
	double least = NAN;
	int i;

	for (i = 0; outputs && i < REPETITIONS; i++) {
		double began = terminal_clock(), took;

		if (npu_model_predict(model, sample, 1, 1, outputs, NULL) < 0)
			break;
		took = (terminal_clock() - began) * 1e6;
		least = took > least ? least : took;
	}
	free(outputs);
	return least;
}

void compile_report_print_f32(const struct npu_model *model, const struct npu_lowered *lowered,
			      const float *sample)
{
	struct table *table = table_create(2);
	size_t i;

	table_left(table, 1);
	table_cell(table, "layer");
	table_cell(table, "can run");
	for (i = 0; i < npu_model_layers(model); i++) {
		table_cell(table, "%s", npu_model_layer(model, i)->name);
		table_cell(table, "%s",
			   i < lowered->layers ? "in a program" : "in f32, in process");
	}
	table_print(table, true);
	printf("there is no program of the whole model; `npu run MODEL.onnx DATA` takes %.1f µs "
	       "for a\n"
	       "sample, all in f32\n",
	       f32_us(model, sample));
}

struct json_object *compile_report_json_f32(const struct npu_model *model,
					    const struct npu_lowered *lowered, const float *sample)
{
	struct json_object *object = json_object_new_object();
	struct json_object *layers = json_object_new_array(), *layer;
	size_t i;

	for (i = 0; i < npu_model_layers(model); i++) {
		layer = json_object_new_object();
		json_object_object_add(layer, "name", json_text(npu_model_layer(model, i)->name));
		json_object_object_add(layer, "runs",
				       json_text(i < lowered->layers ? "program" : "f32"));
		json_object_array_add(layers, layer);
	}
	json_object_object_add(object, "layers", layers);
	json_object_object_add(object, "reason", json_text(lowered->reason));
	json_object_object_add(object, "f32_us", json_number(f32_us(model, sample)));
	return object;
}
