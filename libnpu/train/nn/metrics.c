// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "npu_train.h"

void npu_metrics_free(struct npu_metrics *metrics)
{
	if (!metrics)
		return;
	free(metrics->per_class);
	free(metrics->confusion);
	memset(metrics, 0, sizeof(*metrics));
}

/* The class that outputs @y speak for. */
static size_t predicted_class(const float *y, size_t outputs)
{
	size_t best = 0;

	if (outputs == 1)
		return y[0] > 0.5f;
	for (size_t o = 1; o < outputs; o++)
		if (y[o] > y[best])
			best = o;
	return best;
}

static int count_confusion(struct npu_metrics *m, const struct npu_dataset *data, const float *y,
			   size_t outputs, struct npu_error *err)
{
	for (size_t i = 0; i < data->samples; i++) {
		int32_t label = data->labels[i];

		if (label < 0 || (size_t)label >= m->classes)
			return npu_error_set(err, -ERANGE,
					     "metrics: label %d of sample %zu is not in [0, %zu)",
					     label, i, m->classes);
		m->confusion[label * m->classes + predicted_class(y + i * outputs, outputs)]++;
	}
	return 0;
}

static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* From the confusion matrix. Returns whether the class occurs, in truth or in prediction. */
static bool measure_class(struct npu_metrics *m, size_t c)
{
	struct npu_class_metrics *k = &m->per_class[c];
	double hits = m->confusion[c * m->classes + c];
	size_t claimed = 0;

	for (size_t i = 0; i < m->classes; i++) {
		k->support += m->confusion[c * m->classes + i];
		claimed += m->confusion[i * m->classes + c];
	}
	k->precision = ratio(hits, claimed);
	k->recall = ratio(hits, k->support);
	k->f1 = ratio(2 * k->precision * k->recall, k->precision + k->recall);
	return k->support || claimed;
}

static void measure_classes(struct npu_metrics *m)
{
	size_t hits = 0, occurring = 0;

	m->precision = m->recall = m->f1 = 0;
	for (size_t c = 0; c < m->classes; c++) {
		hits += m->confusion[c * m->classes + c];
		if (!measure_class(m, c))
			continue;
		occurring++;
		m->precision += m->per_class[c].precision;
		m->recall += m->per_class[c].recall;
		m->f1 += m->per_class[c].f1;
	}
	m->accuracy = (double)hits / m->samples;
	m->precision /= occurring;
	m->recall /= occurring;
	m->f1 /= occurring;
}

static int classification(struct npu_metrics *m, const struct npu_dataset *data, const float *y,
			  size_t outputs, struct npu_error *err)
{
	int ret;

	if (outputs != data->classes && !(outputs == 1 && data->classes == 2))
		return npu_error_set(err, -EINVAL,
				     "metrics: %zu outputs for %zu classes; a model has one output "
				     "a class, or one for two classes",
				     outputs, data->classes);
	m->classes = data->classes;
	m->per_class = calloc(m->classes, sizeof(*m->per_class));
	m->confusion = calloc(m->classes, m->classes * sizeof(*m->confusion));
	if (!m->per_class || !m->confusion)
		return npu_error_set(err, -ENOMEM, "metrics: no memory for %zu classes",
				     m->classes);
	ret = count_confusion(m, data, y, outputs, err);
	if (!ret)
		measure_classes(m);
	return ret;
}

/* Errors of target @t. Returns its R2, NaN if it is constant. */
static double measure_target(struct npu_metrics *m, const struct npu_dataset *data, const float *y,
			     size_t t)
{
	double mean = 0, squares = 0, absolutes = 0, spread = 0;
	size_t n = data->targets;
	bool constant = true;

	for (size_t i = 0; i < data->samples; i++) {
		mean += data->y[i * n + t];
		constant = constant && data->y[i * n + t] == data->y[t];
	}
	mean /= data->samples;
	for (size_t i = 0; i < data->samples; i++) {
		double truth = data->y[i * n + t], error = y[i * n + t] - truth;

		squares += error * error;
		absolutes += fabs(error);
		spread += (truth - mean) * (truth - mean);
	}
	m->mse += squares;
	m->mae += absolutes;
	return constant ? NAN : 1 - squares / spread;
}

static int regression(struct npu_metrics *m, const struct npu_dataset *data, const float *y,
		      size_t outputs, struct npu_error *err)
{
	double values = (double)data->samples * data->targets, sum = 0;
	size_t varying = 0;

	if (outputs != data->targets)
		return npu_error_set(
			err, -EINVAL,
			"metrics: %zu outputs for %zu targets; a model has one output a target",
			outputs, data->targets);
	m->mse = m->mae = 0;
	for (size_t t = 0; t < data->targets; t++) {
		double r2 = measure_target(m, data, y, t);

		if (isnan(r2))
			continue;
		varying++;
		sum += r2;
	}
	m->mse /= values;
	m->mae /= values;
	m->rmse = sqrt(m->mse);
	m->r2 = varying ? sum / varying : NAN;
	return 0;
}

int npu_metrics_compute(struct npu_metrics *metrics, const struct npu_dataset *data, const float *y,
			size_t outputs, struct npu_error *err)
{
	int ret;

	*metrics = (struct npu_metrics){
		.samples = data->samples,
		.accuracy = NAN,
		.precision = NAN,
		.recall = NAN,
		.f1 = NAN,
		.mse = NAN,
		.rmse = NAN,
		.mae = NAN,
		.r2 = NAN,
	};
	if (!data->samples || !outputs)
		return npu_error_set(
			err, -EINVAL,
			"metrics: %zu samples of %zu outputs; there is nothing to compare",
			data->samples, outputs);
	for (size_t i = 0; i < data->samples * outputs; i++)
		if (!isfinite(y[i]))
			return npu_error_set(err, -EDOM,
					     "metrics: output %zu of sample %zu is %f; the model "
					     "has diverged: train it at a lower rate",
					     i % outputs, i / outputs, (double)y[i]);
	if (data->classes && data->labels)
		ret = classification(metrics, data, y, outputs, err);
	else if (data->targets && data->y)
		ret = regression(metrics, data, y, outputs, err);
	else
		ret = npu_error_set(
			err, -EINVAL,
			"metrics: the dataset has neither labels nor targets to compare with");
	if (ret)
		npu_metrics_free(metrics);
	return ret;
}
