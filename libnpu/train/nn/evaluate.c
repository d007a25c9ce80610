// SPDX-License-Identifier: MIT
/* The loss over samples, and its gradient. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "runtime/error.h"

int npu_model_check_data(const struct npu_model *model, const struct npu_dataset *data,
			 struct npu_error *err)
{
	if (!model->nodes)
		return npu_error_set(err, -EINVAL, "the model has no layers; add some");
	if (!data->samples || !data->x)
		return npu_error_set(err, -EINVAL, "the data has no samples");
	if (data->features != model->features)
		return npu_error_set(
			err, -EINVAL,
			"the data has %zu features a sample, the model takes %zu; look "
			"at the columns, or build the model for them",
			data->features, model->features);
	return 0;
}

int npu_model_need_gradient(struct npu_model *model, struct npu_error *err)
{
	if (!model->gradient)
		model->gradient = npu_floats_alloc(model->values);
	if (!model->gradient)
		return npu_error_set(err, -ENOMEM, "out of memory for the gradients");
	return 0;
}

static size_t batch_at(const struct npu_pass *pass, const struct npu_samples *samples, size_t first)
{
	size_t left = samples->count - first;

	return left < pass->capacity ? left : pass->capacity;
}

void npu_evaluate(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		  const struct npu_samples *samples, enum npu_loss loss,
		  struct npu_evaluation *evaluation)
{
	size_t outputs = npu_model_outputs(model), first, n, correct = 0;
	double sum = 0;

	for (first = 0; first < samples->count && isfinite(sum); first += n) {
		const float *p;

		n = batch_at(pass, samples, first);
		npu_pass_load(pass, model, samples, first, n);
		p = npu_pass_forward(pass, pool, model, n);
		sum += npu_loss_sum(loss, p, &pass->target, n, outputs);
		correct += npu_loss_correct(p, &pass->target, n, outputs);
		evaluation->first = first;
		evaluation->n = n;
	}
	evaluation->loss = sum / (double)samples->count;
	evaluation->accuracy = (double)correct / (double)samples->count;
}

/* What the loss and its gradient have in common: checks, and a pass for all of @data. */
static int prepare(const struct npu_model *model, const struct npu_dataset *data,
		   enum npu_loss *loss, bool backward, struct npu_pass *pass, struct npu_error *err)
{
	size_t capacity = data->samples;
	int ret = npu_model_check_data(model, data, err);

	if (!ret)
		ret = npu_loss_resolve(model, data, loss, err);
	if (ret)
		return ret;
	if (capacity > NPU_EVALUATION_BATCH)
		capacity = NPU_EVALUATION_BATCH;
	return npu_pass_create(pass, model, capacity, backward, err);
}

int npu_model_loss(struct npu_model *model, const struct npu_dataset *data, enum npu_loss loss,
		   float *value, struct npu_error *err)
{
	struct npu_samples samples = { .data = data, .count = data->samples };
	struct npu_evaluation evaluation;
	struct npu_pass pass;
	int ret = prepare(model, data, &loss, false, &pass, err);

	if (ret)
		return ret;
	npu_evaluate(&pass, NULL, model, &samples, loss, &evaluation);
	*value = (float)evaluation.loss;
	npu_pass_free(&pass, model);
	return 0;
}

/* Gradients of batch after batch into @part, added up in the model's. */
static double backward_batches(struct npu_model *model, struct npu_pass *pass,
			       const struct npu_samples *samples, enum npu_loss loss, float *part)
{
	size_t first, n;
	double sum = 0;

	memset(model->gradient, 0, model->values * sizeof(float));
	for (first = 0; first < samples->count; first += n) {
		const float *p;

		n = batch_at(pass, samples, first);
		npu_pass_load(pass, model, samples, first, n);
		p = npu_pass_forward(pass, NULL, model, n);
		sum += npu_loss_sum(loss, p, &pass->target, n, npu_model_outputs(model));
		npu_pass_backward(pass, NULL, model, loss, n, samples->count, part);
		model->f32->add(part, model->gradient, model->values);
	}
	return sum / (double)samples->count;
}

int npu_model_backward(struct npu_model *model, const struct npu_dataset *data, enum npu_loss loss,
		       float *value, struct npu_error *err)
{
	struct npu_samples samples = { .data = data, .count = data->samples };
	struct npu_pass pass;
	float *part;
	double mean;
	int ret = prepare(model, data, &loss, true, &pass, err);

	if (ret)
		return ret;
	ret = npu_model_need_gradient(model, err);
	part = npu_floats_alloc(model->values);
	if (!ret && !part)
		ret = npu_error_set(err, -ENOMEM, "out of memory for the gradients");
	if (!ret) {
		mean = backward_batches(model, &pass, &samples, loss, part);
		if (value)
			*value = (float)mean;
	}
	free(part);
	npu_pass_free(&pass, model);
	return ret;
}
