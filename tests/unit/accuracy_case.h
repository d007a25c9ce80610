/* SPDX-License-Identifier: MIT */
/*
 * What tests of accuracy on real data have in common. Their bars hold for the median over seeds;
 * nothing is chosen by the test data: schedules were settled on a part of the training data, and
 * the weights are those after the last epoch.
 *
 * Under a sanitizer, which is slow, the same runs on little data, for a moment, and only asks that
 * something is learned.
 */
#ifndef ACCURACY_CASE_H
#define ACCURACY_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "npu_train.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REDUCED 1
#else
#define REDUCED 0
#endif

static inline void check_ok(int ret, const struct npu_error *err)
{
	if (ret < 0)
		fail_msg("%s", err ? err->message : strerror(-ret));
}

/* The path of a file or folder of the test data; skips the test where it is not there. */
static inline const char *data_path(const char *name)
{
	static char path[1024];
	const char *folder = getenv("NPU_DATA");

	snprintf(path, sizeof(path), "%s/datasets/%s", folder ? folder : "", name);
	if (!folder || access(path, R_OK)) {
		print_message("# NPU_DATA/datasets/%s is not there\n", name);
		skip();
	}
	return path;
}

/* The first @count samples of @data, as a view that need not be freed. */
static inline struct npu_dataset first_of(const struct npu_dataset *data, size_t count)
{
	struct npu_dataset view = *data;

	if (count < view.samples)
		view.samples = count;
	return view;
}

static inline double accuracy_of(const struct npu_model *model, const struct npu_dataset *data)
{
	struct npu_metrics metrics;
	struct npu_error err = { 0 };
	float *y = malloc(data->samples * npu_model_outputs(model) * sizeof(*y));
	double percent;

	check_ok(npu_model_predict_data(model, data, 0, y, &err), &err);
	check_ok(npu_metrics_compute(&metrics, data, y, npu_model_outputs(model), &err), &err);
	percent = 100 * metrics.accuracy;
	npu_metrics_free(&metrics);
	free(y);
	return percent;
}

static inline int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @values. */
static inline double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_size);
	return values[count / 2];
}

#endif
