// SPDX-License-Identifier: MIT
/* Losses; enum npu_loss has the formulas. */
#include <errno.h>

#include "elementary.h"
#include "loss.h"
#include "runtime/error.h"

/*
 * Probabilities below these count as these, so that the logarithm stays finite: one that comes
 * from softmax or sigmoid itself, and one that is the rest to 1, which a float holds no finer.
 */
#define SMALLEST 0x1p-126f
#define SMALLEST_REST 0x1p-25f

static enum npu_activation last_activation(const struct npu_model *model)
{
	return model->node[model->nodes - 1].layer.activation;
}

static enum npu_loss natural_loss(const struct npu_model *model, const struct npu_dataset *data)
{
	enum npu_activation last = last_activation(model);
	size_t outputs = npu_model_outputs(model);

	if (last == NPU_SIGMOID && (outputs == 1 || data->y))
		return NPU_LOSS_BINARY_CROSS_ENTROPY;
	if (data->labels || last == NPU_SOFTMAX)
		return NPU_LOSS_CROSS_ENTROPY;
	return NPU_LOSS_MSE;
}

static int check_labels(const struct npu_dataset *data, size_t limit, struct npu_error *err)
{
	size_t i;

	for (i = 0; i < data->samples; i++)
		if (data->labels[i] < 0 || (size_t)data->labels[i] >= limit)
			return npu_error_set(
				err, -EINVAL,
				"sample %zu has label %d, but the model has %zu class%s: "
				"labels must be 0 to %zu",
				i, data->labels[i], limit, limit == 1 ? "" : "es", limit - 1);
	return 0;
}

int npu_loss_resolve(const struct npu_model *model, const struct npu_dataset *data,
		     enum npu_loss *loss, struct npu_error *err)
{
	size_t outputs = npu_model_outputs(model);
	const char *name = model->node[model->nodes - 1].layer.name;

	if (*loss == NPU_LOSS_AUTO)
		*loss = natural_loss(model, data);
	if (*loss > NPU_LOSS_BINARY_CROSS_ENTROPY)
		return npu_error_set(err, -EINVAL, "unknown loss %d; use one of enum npu_loss",
				     (int)*loss);
	if (*loss == NPU_LOSS_CROSS_ENTROPY && last_activation(model) != NPU_SOFTMAX)
		return npu_error_set(
			err, -EINVAL,
			"cross-entropy needs a softmax at the end, but layer \"%s\" has "
			"none; give it the softmax activation, or use another loss",
			name);
	if (*loss == NPU_LOSS_CROSS_ENTROPY && outputs == 1)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\" is a softmax of one output, which is always 1; "
				     "give it an output a class, or one output and the sigmoid "
				     "activation", name);
	if (*loss == NPU_LOSS_BINARY_CROSS_ENTROPY && last_activation(model) != NPU_SIGMOID)
		return npu_error_set(
			err, -EINVAL,
			"binary cross-entropy needs a sigmoid at the end, but layer "
			"\"%s\" has none; give it the sigmoid activation, or use another "
			"loss",
			name);
	if (data->y) {
		if (data->targets == outputs)
			return 0;
		return npu_error_set(err, -EINVAL,
				     "the data has %zu target%s a sample, layer \"%s\" has %zu "
				     "outputs; they must be as many",
				     data->targets, data->targets == 1 ? "" : "s", name, outputs);
	}
	if (!data->labels)
		return npu_error_set(
			err, -EINVAL,
			"the data has neither labels nor targets; say which column they are "
			"in");
	if (*loss == NPU_LOSS_MSE && outputs != 1)
		return npu_error_set(
			err, -EINVAL,
			"mean squared error of labels needs one output, layer \"%s\" has "
			"%zu; use cross-entropy, or npu_dataset_one_hot()",
			name, outputs);
	return check_labels(data, outputs == 1 ? 2 : outputs, err);
}

/* What output @j of sample @i should be. */
static float wanted(const struct npu_batch *targets, size_t i, size_t j, size_t outputs)
{
	if (targets->y)
		return targets->y[i * outputs + j];
	if (outputs == 1)
		return (float)targets->labels[i];
	return (size_t)targets->labels[i] == j;
}

/* Not of the larger: NaN has to stay NaN. */
static double logarithm(float p, float smallest)
{
	return npu_log(p < smallest ? smallest : p);
}

static double cross_entropy(const float *p, const struct npu_batch *targets, size_t i,
			    size_t outputs)
{
	double sum = 0;
	size_t j;

	if (!targets->y)
		return -logarithm(p[targets->labels[i]], SMALLEST);
	for (j = 0; j < outputs; j++)
		if (targets->y[i * outputs + j] != 0)
			sum -= targets->y[i * outputs + j] * logarithm(p[j], SMALLEST);
	return sum;
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

double npu_loss_sum(enum npu_loss loss, const float *p, const struct npu_batch *targets, size_t n,
		    size_t outputs)
{
	double sum = 0;
	size_t i, j;

	for (i = 0; i < n; i++, p += outputs) {
		double sample = 0;

		if (loss == NPU_LOSS_CROSS_ENTROPY) {
			sum += cross_entropy(p, targets, i, outputs);
			continue;
		}
		for (j = 0; j < outputs; j++) {
			float t = wanted(targets, i, j, outputs);
			double difference = (double)p[j] - t;

			sample += loss == NPU_LOSS_MSE ? difference * difference
						       : binary_cross_entropy(p[j], t);
		}
		sum += sample / (double)outputs;
	}
	return sum;
}

static size_t largest(const float *p, size_t outputs)
{
	size_t j, best = 0;

	for (j = 1; j < outputs; j++)
		if (p[j] > p[best])
			best = j;
	return best;
}

size_t npu_loss_correct(const float *p, const struct npu_batch *targets, size_t n, size_t outputs)
{
	size_t i, correct = 0, truth, guess;

	for (i = 0; i < n; i++, p += outputs) {
		guess = outputs == 1 ? p[0] > 0.5f : largest(p, outputs);
		if (targets->labels)
			truth = (size_t)targets->labels[i];
		else if (outputs == 1)
			truth = targets->y[i] > 0.5f;
		else
			truth = largest(targets->y + i * outputs, outputs);
		correct += guess == truth;
	}
	return correct;
}

/* The sum of a sample's targets: 1 for a distribution, but any weights are welcome. */
static float target_sum(const struct npu_batch *targets, size_t i, size_t outputs)
{
	float sum = 0;
	size_t j;

	if (!targets->y)
		return 1;
	for (j = 0; j < outputs; j++)
		sum += targets->y[i * outputs + j];
	return sum;
}

void npu_loss_gradient(enum npu_loss loss, const float *p, const struct npu_batch *targets,
		       size_t n, size_t outputs, size_t total, float *delta)
{
	float factor = 1.0f / (float)total;
	size_t i, j;

	if (loss == NPU_LOSS_MSE)
		factor *= 2.0f / (float)outputs;
	else if (loss == NPU_LOSS_BINARY_CROSS_ENTROPY)
		factor /= (float)outputs;
	for (i = 0; i < n; i++, p += outputs, delta += outputs) {
		float weight = loss == NPU_LOSS_CROSS_ENTROPY ? target_sum(targets, i, outputs) : 1;

		for (j = 0; j < outputs; j++)
			delta[j] = (weight * p[j] - wanted(targets, i, j, outputs)) * factor;
	}
}
