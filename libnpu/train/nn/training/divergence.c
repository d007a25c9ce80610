// SPDX-License-Identifier: MIT
/* Where a loss that is not finite began. */
#include <errno.h>
#include <math.h>

#include "fit.h"
#include "runtime/error.h"

/* The first of @x that is not finite; @count if all are. */
static size_t first_not_finite(const float *x, size_t count)
{
	size_t i;

	for (i = 0; i < count && isfinite(x[i]); i++)
		;
	return i;
}

static bool all_finite(const float *x, size_t count)
{
	return first_not_finite(x, count) == count;
}

/*
 * The first layer whose outputs are not finite; the last if there is none. A pass that can go back
 * has all of them, also after a forward that only watched.
 */
static size_t guilty_layer(const struct npu_fit *fit, const struct npu_batch *batch)
{
	const struct npu_model *model = fit->model;
	const struct npu_pass *pass = &fit->pass;
	const struct npu_node *taker;
	size_t i;

	for (i = 0; i + 1 < model->nodes; i++)
		if (pass->out[i] && !all_finite(pass->out[i], batch->n * model->node[i].out))
			break;
	/* The outputs of one that takes its reader's work are not there; the reader made no
	 * mistake. */
	taker = npu_taker(model, &model->node[i]);
	return taker ? (size_t)(taker - model->node) : i;
}

int npu_fit_report_divergence(struct npu_fit *fit, const struct npu_samples *samples,
			      const struct npu_batch *batch, size_t first, unsigned int epoch)
{
	const struct npu_model *model = fit->model;
	size_t n = batch->n, width = model->features, bad;

	bad = first_not_finite(batch->x, n * width);
	if (bad < n * width)
		return npu_error_set(
			fit->err, -ERANGE,
			"epoch %u: the loss is not finite because feature %zu of sample "
			"%zu is not, after scaling; clean the data",
			epoch, bad % width, npu_sample(samples, first + bad / width));
	width = npu_model_outputs(model);
	bad = batch->y ? first_not_finite(batch->y, n * width) : n * width;
	if (bad < n * width)
		return npu_error_set(
			fit->err, -ERANGE,
			"epoch %u: the loss is not finite because target %zu of sample "
			"%zu is not; clean the data",
			epoch, bad % width, npu_sample(samples, first + bad / width));
	return npu_error_set(
		fit->err, -ERANGE,
		"epoch %u: the loss is not finite; it began in layer \"%s\": lower the "
		"learning rate, clip gradients, or scale the data",
		epoch, model->node[guilty_layer(fit, batch)].layer.name);
}

int npu_fit_check_parameters(const struct npu_fit *fit, unsigned int epoch)
{
	const struct npu_model *model = fit->model;
	size_t i;

	for (i = 0; i < model->parameters; i++) {
		const struct npu_model_parameter *parameter = &model->parameter[i];

		if (!all_finite(model->value + parameter->offset, parameter->count))
			return npu_error_set(
				fit->err, -ERANGE,
				"epoch %u: its last step left \"%s\" not finite: lower the "
				"learning rate, clip gradients, or scale the data",
				epoch, parameter->name);
	}
	return 0;
}
