// SPDX-License-Identifier: MIT
/* How well classes are told apart. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/nn/elementary.h"
#include "metrics_stream.h"
#include "runtime/error.h"

/*
 * A probability below these counts as these, so that its logarithm stays finite: one that is an
 * output, and one that is the rest to 1, which a float holds no finer.
 */
#define LEAST_PROBABILITY 0x1p-126
#define LEAST_REST 0x1p-25
/* How far from 1 a sum of probabilities may be: integers of 8 bits come to about 0.02. */
#define SUM_TOLERANCE 0.05

/**
 * struct npu_class_counts - the weight of a class
 * @right: of its samples that are taken for it
 * @support: of its samples
 * @claimed: of what is taken for it
 */
struct npu_class_counts {
	struct npu_exact_sum right, support, claimed;
};

/**
 * struct npu_class_sums - classification so far
 * @top: weight of samples whose class is among the first k
 * @log_loss: of the samples, weighted
 * @improbable: an output was no probability
 * @class: [classes]
 * @confusion: [classes][classes]
 */
struct npu_class_sums {
	struct npu_exact_sum top, log_loss;
	bool improbable;
	struct npu_class_counts *class;
	size_t *confusion;
};

struct npu_class_sums *npu_class_sums_create(size_t classes)
{
	struct npu_class_sums *sums = calloc(1, sizeof(*sums));

	if (!sums)
		return NULL;
	sums->class = calloc(classes, sizeof(*sums->class));
	if (classes <= SIZE_MAX / sizeof(*sums->confusion))
		sums->confusion = calloc(classes, classes * sizeof(*sums->confusion));
	if (sums->class && sums->confusion)
		return sums;
	npu_class_sums_free(sums);
	return NULL;
}

void npu_class_sums_free(struct npu_class_sums *sums)
{
	if (!sums)
		return;
	free(sums->class);
	free(sums->confusion);
	free(sums);
}

/* How many classes come before @label: larger outputs, and equal ones of a lower number. */
static size_t rank_of(const float *y, size_t outputs, size_t label)
{
	size_t before = 0;

	if (outputs == 1)
		return npu_metrics_class(y, 1) != label;
	for (size_t o = 0; o < outputs; o++)
		before += y[o] > y[label] || (y[o] == y[label] && o < label);
	return before;
}

static bool are_probabilities(const float *y, size_t outputs)
{
	double sum = 0;

	for (size_t o = 0; o < outputs; o++) {
		if (y[o] < 0 || y[o] > 1)
			return false;
		sum += y[o];
	}
	return outputs == 1 || fabs(sum - 1) <= SUM_TOLERANCE;
}

static double log_loss(const float *y, size_t outputs, size_t label)
{
	bool rest = outputs == 1 && label == 0;
	double p = rest ? 1 - (double)y[0] : (double)y[outputs == 1 ? 0 : label];

	return -npu_log(fmax(p, rest ? LEAST_REST : LEAST_PROBABILITY));
}

void npu_class_sums_add(struct npu_metrics_stream *stream, const struct npu_answers *answers,
			const float *y)
{
	struct npu_class_sums *sums = stream->class_sums;
	size_t outputs = stream->outputs;

	for (size_t i = 0; i < answers->samples; i++, y += outputs) {
		size_t truth = (size_t)answers->labels[i], guess = npu_metrics_class(y, outputs);
		double weight = npu_answer_weight(answers, i);

		sums->confusion[truth * stream->classes + guess]++;
		npu_exact_add(&sums->class[truth].support, weight);
		npu_exact_add(&sums->class[guess].claimed, weight);
		if (truth == guess)
			npu_exact_add(&sums->class[truth].right, weight);
		if (stream->options.top_k && rank_of(y, outputs, truth) < stream->options.top_k)
			npu_exact_add(&sums->top, weight);
		if (are_probabilities(y, outputs))
			npu_exact_add(&sums->log_loss, weight * log_loss(y, outputs, truth));
		else
			sums->improbable = true;
	}
}

static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* Returns whether the class occurs, in truth or in prediction. */
static bool measure_class(const struct npu_class_counts *counts, struct npu_class_metrics *k)
{
	double right = npu_exact_value(&counts->right, NULL);
	double support = npu_exact_value(&counts->support, NULL);
	double claimed = npu_exact_value(&counts->claimed, NULL);

	k->precision = ratio(right, claimed);
	k->recall = ratio(right, support);
	k->f1 = ratio(2 * k->precision * k->recall, k->precision + k->recall);
	k->auc = NAN;
	return support > 0 || claimed > 0;
}

static void measure_classes(const struct npu_class_sums *sums, struct npu_metrics *m)
{
	double right = 0, occurring = 0;

	m->precision = m->recall = m->f1 = 0;
	for (size_t c = 0; c < m->classes; c++) {
		struct npu_class_metrics *k = &m->per_class[c];

		for (size_t guess = 0; guess < m->classes; guess++)
			k->support += m->confusion[c * m->classes + guess];
		right += npu_exact_value(&sums->class[c].right, NULL);
		if (!measure_class(&sums->class[c], k))
			continue;
		occurring++;
		m->precision += k->precision;
		m->recall += k->recall;
		m->f1 += k->f1;
	}
	m->accuracy = right / m->weight;
	m->precision /= occurring;
	m->recall /= occurring;
	m->f1 /= occurring;
}

int npu_class_sums_finish(const struct npu_metrics_stream *stream, struct npu_metrics *metrics,
			  struct npu_error *err)
{
	const struct npu_class_sums *sums = stream->class_sums;
	size_t cells = stream->classes * stream->classes;

	metrics->per_class = calloc(stream->classes, sizeof(*metrics->per_class));
	metrics->confusion = calloc(cells, sizeof(*metrics->confusion));
	if (!metrics->per_class || !metrics->confusion)
		return npu_error_set(err, -ENOMEM, "metrics: no memory for %zu classes",
				     stream->classes);
	memcpy(metrics->confusion, sums->confusion, cells * sizeof(*metrics->confusion));
	measure_classes(sums, metrics);
	metrics->top_k = stream->options.top_k;
	if (metrics->top_k)
		metrics->top_k_accuracy = npu_exact_value(&sums->top, NULL) / metrics->weight;
	if (!sums->improbable)
		metrics->log_loss = npu_exact_value(&sums->log_loss, NULL) / metrics->weight;
	return 0;
}
