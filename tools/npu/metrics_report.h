/* SPDX-License-Identifier: MIT */
/* Metrics as tables for a person and as JSON. */
#ifndef NPU_METRICS_REPORT_H
#define NPU_METRICS_REPORT_H

#include "json_report.h"
#include "npu_train.h"

/**
 * struct metrics_names - names of the classes, numbers where there are none
 * @name: the model's, NULL past the end or where it has none
 * @model: passed to it
 */
struct metrics_names {
	const char *(*name)(const void *model, size_t i);
	const void *model;
};

/* For struct metrics_names and dataset_file_match_classes(). */
const char *metrics_model_class(const void *model, size_t i);	  /* struct npu_model */
const char *metrics_program_class(const void *program, size_t i); /* struct npu_program */

/* Outputs y [samples][outputs] against the answers in @data, as the options say. */
int metrics_measure(struct npu_metrics *metrics, const struct npu_dataset *data, const float *y,
		    size_t outputs, const struct npu_metrics_options *options,
		    struct npu_error *err);

/* One line: "accuracy 97.40 %  F1 0.9739" or the errors of a regression. */
void metrics_print_line(const char *what, const struct npu_metrics *metrics);

/* Tables per class and of confusion, or the errors of a regression. */
void metrics_print(const struct npu_metrics *metrics, struct metrics_names names);

struct json_object *metrics_json(const struct npu_metrics *metrics, struct metrics_names names);

#endif
