// SPDX-License-Identifier: MIT
/* Losses and their gradients; enum npu_loss has the formulas. */
#include <math.h>
#include <string.h>

#include "train/nn/elementary.h"
#include "loss.h"

/*
 * Probabilities below these count as these, so that the logarithm stays finite: one that comes
 * from softmax or sigmoid itself, and one that is the rest to 1, which a float holds no finer.
 */
#define SMALLEST 0x1p-126f
#define SMALLEST_REST 0x1p-25f

/* What output @j of sample @i should be. */
static float wanted(const struct npu_objective *o, const struct npu_batch *batch, size_t i,
		    size_t j)
{
	float t;

	if (batch->y)
		t = batch->y[i * o->outputs + j];
	else if (o->outputs == 1)
		t = (float)batch->labels[i];
	else
		t = (size_t)batch->labels[i] == j;
	if (o->smoothing == 0)
		return t;
	return t + o->smoothing * (1 / (float)(o->columns > 1 ? o->columns : 2) - t);
}

static float weight(const struct npu_batch *batch, size_t i)
{
	return batch->weights ? batch->weights[i] : 1;
}

/* Not of the larger: NaN has to stay NaN. */
static double logarithm(float p, float smallest)
{
	return npu_log(p < smallest ? smallest : p);
}

/* Of one sample, the mean over its places. */
static double cross_entropy(const struct npu_objective *o, const float *p,
			    const struct npu_batch *batch, size_t i)
{
	size_t counted = npu_loss_counted(o, batch, i), j;
	double sum = 0;

	if (!batch->y && o->smoothing == 0)
		return -logarithm(p[batch->labels[i]], SMALLEST);
	for (j = 0; j < counted; j++) {
		float t = wanted(o, batch, i, j);

		if (t != 0)
			sum -= t * logarithm(p[j], SMALLEST);
	}
	return sum / (double)(counted / o->columns);
}

static double binary_cross_entropy(float p, float t)
{
	/* Most targets are 0 or 1, where one of the logarithms does not count. */
	if (t == 0)
		return -logarithm(1 - p, SMALLEST_REST);
	if (t == 1)
		return -logarithm(p, SMALLEST);
	return -(t * logarithm(p, SMALLEST) + (1 - t) * logarithm(1 - p, SMALLEST_REST));
}

/* Of one output. */
static double difference(const struct npu_objective *o, float p, float t)
{
	double e = (double)p - t, size = fabs(e), delta = o->delta;

	switch (o->loss) {
	case NPU_LOSS_MAE:
		return size;
	case NPU_LOSS_HUBER:
		return size <= delta ? e * e / 2 : delta * (size - delta / 2);
	case NPU_LOSS_BINARY_CROSS_ENTROPY:
		return binary_cross_entropy(p, t);
	default:
		return e * e;
	}
}

double npu_loss_sum(const struct npu_objective *o, const float *p, const struct npu_batch *batch)
{
	double sum = 0;
	size_t i, j;

	for (i = 0; i < batch->n; i++, p += o->outputs) {
		size_t counted = npu_loss_counted(o, batch, i);
		double sample = 0;

		if (o->loss == NPU_LOSS_CROSS_ENTROPY) {
			sum += (double)weight(batch, i) * cross_entropy(o, p, batch, i);
			continue;
		}
		for (j = 0; j < counted; j++)
			sample += difference(o, p[j], wanted(o, batch, i, j));
		sum += (double)weight(batch, i) * (sample / (double)counted);
	}
	return sum;
}

void npu_loss_score(const struct npu_objective *o, const float *p, const struct npu_batch *batch,
		    struct npu_score *score)
{
	size_t width = o->loss == NPU_LOSS_CROSS_ENTROPY ? o->columns : o->outputs, i, j;

	for (i = 0; i < batch->n; i++, p += o->outputs) {
		size_t counted = width == o->outputs ? width : npu_loss_counted(o, batch, i);

		for (j = 0; j < counted; j += width) {
			size_t truth =
				batch->labels
					? (size_t)batch->labels[i]
					: npu_metrics_class(batch->y + i * o->outputs + j, width);

			score->right += npu_metrics_class(p + j, width) == truth;
			score->places++;
		}
	}
}

/*
 * p - t where the targets of a place add up to 1; but any numbers are welcome: then p counts by
 * their sum.
 */
static void cross_entropy_gradient(const struct npu_objective *o, const float *p,
				   const struct npu_batch *batch, size_t i, float factor,
				   float *delta)
{
	size_t counted = npu_loss_counted(o, batch, i), first, j;

	factor /= (float)(counted / o->columns);
	for (first = 0; first < counted; first += o->columns) {
		float sum = 0;

		for (j = first; j < first + o->columns; j++) {
			delta[j] = wanted(o, batch, i, j);
			sum += delta[j];
		}
		for (j = first; j < first + o->columns; j++)
			delta[j] = (sum * p[j] - delta[j]) * factor;
	}
}

/* With respect to the output, or to what the sigmoid reads; times what it is divided by. */
static float slope(const struct npu_objective *o, float p, float t)
{
	float e = p - t;

	switch (o->loss) {
	case NPU_LOSS_MAE:
		return e > 0 ? 1 : e < 0 ? -1 : e;
	case NPU_LOSS_HUBER:
		return e > o->delta ? o->delta : e < -o->delta ? -o->delta : e;
	default:
		return e;
	}
}

void npu_loss_gradient(const struct npu_objective *o, const float *p, const struct npu_batch *batch,
		       size_t total, float *delta)
{
	float share = (o->loss == NPU_LOSS_MSE ? 2.0f : 1.0f) / (float)total;
	size_t i, j;

	for (i = 0; i < batch->n; i++, p += o->outputs, delta += o->outputs) {
		size_t counted = npu_loss_counted(o, batch, i);
		float factor = share * weight(batch, i);

		memset(delta + counted, 0, (o->outputs - counted) * sizeof(*delta));
		if (o->loss == NPU_LOSS_CROSS_ENTROPY) {
			cross_entropy_gradient(o, p, batch, i, factor, delta);
			continue;
		}
		factor /= (float)counted;
		for (j = 0; j < counted; j++)
			delta[j] = slope(o, p[j], wanted(o, batch, i, j)) * factor;
	}
}
