// SPDX-License-Identifier: MIT
/* Errors of a regression. */
#include <math.h>
#include <stdlib.h>

#include "metrics_stream.h"

/**
 * struct npu_target_sums - of one target t and its output y, over samples of weight w
 * @square: w (y - t)^2
 * @absolute: w |y - t|
 * @target: w t
 * @target_square: w t^2
 * @least: smallest t of a sample that counts
 * @most: largest
 */
struct npu_target_sums {
	struct npu_exact_sum square, absolute, target, target_square;
	float least, most;
};

struct npu_target_sums *npu_target_sums_create(size_t targets)
{
	struct npu_target_sums *sums = calloc(targets, sizeof(*sums));

	for (size_t t = 0; sums && t < targets; t++) {
		sums[t].least = INFINITY;
		sums[t].most = -INFINITY;
	}
	return sums;
}

void npu_target_sums_free(struct npu_target_sums *sums)
{
	free(sums);
}

static void add_value(struct npu_target_sums *sums, double weight, float t, float y)
{
	double error = (double)y - (double)t, square = (double)t * (double)t;

	npu_exact_add(&sums->square, weight * (error * error));
	npu_exact_add(&sums->absolute, weight * fabs(error));
	npu_exact_add(&sums->target, weight * (double)t);
	npu_exact_add_product(&sums->target_square, weight, square);
	if (weight > 0 && t < sums->least)
		sums->least = t;
	if (weight > 0 && t > sums->most)
		sums->most = t;
}

void npu_target_sums_add(struct npu_metrics_stream *stream, const struct npu_answers *answers,
			 const float *y)
{
	size_t targets = stream->targets;

	for (size_t i = 0; i < answers->samples; i++)
		for (size_t t = 0; t < targets; t++)
			add_value(&stream->target_sums[t], npu_answer_weight(answers, i),
				  answers->targets[i * targets + t], y[i * targets + t]);
}

/*
 * Sum of w (t - m)^2 = sum w t^2 - 2 m sum w t + m^2 sum w, m the rounded mean. The terms cancel
 * where t varies little beside its mean; so they are added exactly, and the sums with their rests.
 * An error of m counts by its square only.
 */
static double spread(const struct npu_target_sums *sums, const struct npu_exact_sum *weight)
{
	double weight_rest, target_rest, w = npu_exact_value(weight, &weight_rest);
	double t = npu_exact_value(&sums->target, &target_rest);
	double m = t / w, square = m * m, square_rest = fma(m, m, -square);
	struct npu_exact_sum all = sums->target_square;

	npu_exact_add_product(&all, -2 * m, t);
	npu_exact_add_product(&all, -2 * m, target_rest);
	npu_exact_add_product(&all, square, w);
	npu_exact_add_product(&all, square, weight_rest);
	npu_exact_add_product(&all, square_rest, w);
	return npu_exact_value(&all, NULL);
}

void npu_target_sums_finish(const struct npu_metrics_stream *stream, struct npu_metrics *metrics)
{
	double values = metrics->weight * (double)stream->targets, r2 = 0;
	size_t varying = 0;

	metrics->mse = metrics->mae = 0;
	for (size_t t = 0; t < stream->targets; t++) {
		const struct npu_target_sums *sums = &stream->target_sums[t];
		double square = npu_exact_value(&sums->square, NULL);

		metrics->mse += square / values;
		metrics->mae += npu_exact_value(&sums->absolute, NULL) / values;
		if (sums->least == sums->most)
			continue;
		varying++;
		r2 += 1 - square / spread(sums, &stream->weight);
	}
	metrics->rmse = sqrt(metrics->mse);
	metrics->r2 = varying ? r2 / (double)varying : NAN;
}
