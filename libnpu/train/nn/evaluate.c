// SPDX-License-Identifier: MIT
/* Predictions, the loss over a dataset, and its gradient. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "runtime/error.h"

#define BATCH 256	/* samples a pass takes at a time */
#define SMALL 4096	/* floats of a layer that fit the stack */

int npu_model_check_data(const struct npu_model *model, const struct npu_dataset *data,
			 struct npu_error *err)
{
	if (!model->nodes)
		return npu_error_set(err, -EINVAL, "the model has no layers; add some");
	if (!data->samples || !data->x)
		return npu_error_set(err, -EINVAL, "the data has no samples");
	if (data->features != model->features)
		return npu_error_set(err, -EINVAL,
				     "the data has %zu features a sample, the model takes %zu; look "
				     "at the columns, or build the model for them", data->features,
				     model->features);
	return 0;
}

/* One sample through layers that fit the stack: nothing is allocated. */
static void predict_one(const struct npu_model *model, const float *x, float *y)
{
	float a[SMALL] __attribute__((aligned(64))), b[SMALL] __attribute__((aligned(64)));
	float *out = a, *other = b, *swap;
	const float *in = x;
	size_t i;

	if (model->scaler.count) {
		model->f32->scale(x, model->scaler.mean, model->scaler.factor, b, model->features);
		in = b;
	}
	for (i = 0; i < model->nodes; i++) {
		const struct npu_node *node = &model->node[i];

		if (i == model->nodes - 1)
			out = y;
		node->ops->forward(NULL, model, node, in, out, 1);
		npu_activate(model->f32, node, out, 1);
		in = out;
		swap = out;
		out = other;
		other = swap;
	}
}

static bool fits_the_stack(const struct npu_model *model)
{
	size_t i;

	if (model->features > SMALL)
		return false;
	for (i = 0; i < model->nodes; i++)
		if (model->node[i].out > SMALL)
			return false;
	return true;
}

static int predict_batches(const struct npu_model *model, const float *x, size_t samples,
			   struct npu_pool *pool, float *y, struct npu_error *err)
{
	struct npu_dataset data = { .samples = samples, .features = model->features,
				    .x = (float *)x };
	size_t outputs = npu_model_outputs(model), first, n;
	struct npu_pass pass;
	int ret = npu_pass_create(&pass, model, samples < BATCH ? samples : BATCH, false, err);

	if (ret)
		return ret;
	for (first = 0; first < samples; first += n) {
		n = samples - first < BATCH ? samples - first : BATCH;
		npu_pass_load(&pass, model, &data, NULL, first, n);
		memcpy(y + first * outputs, npu_pass_forward(&pass, pool, model, n),
		       n * outputs * sizeof(float));
	}
	npu_pass_free(&pass, model);
	return 0;
}

int npu_model_predict(const struct npu_model *model, const float *x, size_t samples,
		      unsigned int threads, float *y, struct npu_error *err)
{
	struct npu_pool *pool;
	int ret;

	if (!model->nodes)
		return npu_error_set(err, -EINVAL, "the model has no layers; add some");
	if (!samples)
		return 0;
	if (samples == 1 && fits_the_stack(model)) {
		predict_one(model, x, y);
		return 0;
	}
	ret = npu_pool_create(&pool, samples < 8 ? 1 : threads, err);
	if (ret)
		return ret;
	ret = predict_batches(model, x, samples, pool, y, err);
	npu_pool_free(pool);
	return ret;
}

void npu_evaluate(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		  const struct npu_dataset *data, enum npu_loss loss,
		  struct npu_evaluation *evaluation)
{
	size_t outputs = npu_model_outputs(model), first, n, correct = 0;
	double sum = 0;

	for (first = 0; first < data->samples; first += n) {
		const float *p;

		n = data->samples - first < pass->capacity ? data->samples - first :
							     pass->capacity;
		npu_pass_load(pass, model, data, NULL, first, n);
		p = npu_pass_forward(pass, pool, model, n);
		sum += npu_loss_sum(loss, p, &pass->target, n, outputs);
		correct += npu_loss_correct(p, &pass->target, n, outputs);
	}
	evaluation->loss = sum / (double)data->samples;
	evaluation->accuracy = (double)correct / (double)data->samples;
}

int npu_model_loss(struct npu_model *model, const struct npu_dataset *data, enum npu_loss loss,
		   float *value, struct npu_error *err)
{
	struct npu_evaluation evaluation;
	struct npu_pass pass;
	int ret = npu_model_check_data(model, data, err);

	if (!ret)
		ret = npu_loss_resolve(model, data, &loss, err);
	if (!ret)
		ret = npu_pass_create(&pass, model, data->samples < BATCH ? data->samples : BATCH,
				      false, err);
	if (ret)
		return ret;
	npu_evaluate(&pass, NULL, model, data, loss, &evaluation);
	*value = (float)evaluation.loss;
	npu_pass_free(&pass, model);
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

/* Gradients of batch after batch into @part, added up in the model's. */
static double backward_batches(struct npu_model *model, struct npu_pass *pass,
			       const struct npu_dataset *data, enum npu_loss loss, float *part)
{
	size_t first, n;
	double sum = 0;

	memset(model->gradient, 0, model->values * sizeof(float));
	for (first = 0; first < data->samples; first += n) {
		const float *p;

		n = data->samples - first < pass->capacity ? data->samples - first :
							     pass->capacity;
		npu_pass_load(pass, model, data, NULL, first, n);
		p = npu_pass_forward(pass, NULL, model, n);
		sum += npu_loss_sum(loss, p, &pass->target, n, npu_model_outputs(model));
		npu_pass_backward(pass, NULL, model, loss, n, data->samples, part);
		model->f32->add(part, model->gradient, model->values);
	}
	return sum / (double)data->samples;
}

int npu_model_backward(struct npu_model *model, const struct npu_dataset *data,
		       enum npu_loss loss, float *value, struct npu_error *err)
{
	struct npu_pass pass;
	float *part;
	double mean;
	int ret = npu_model_check_data(model, data, err);

	if (!ret)
		ret = npu_loss_resolve(model, data, &loss, err);
	if (!ret)
		ret = npu_model_need_gradient(model, err);
	if (!ret)
		ret = npu_pass_create(&pass, model, data->samples < BATCH ? data->samples : BATCH,
				      true, err);
	if (ret)
		return ret;
	part = npu_floats_alloc(model->values);
	if (!part) {
		npu_pass_free(&pass, model);
		return npu_error_set(err, -ENOMEM, "out of memory for the gradients");
	}
	mean = backward_batches(model, &pass, data, loss, part);
	if (value)
		*value = (float)mean;
	free(part);
	npu_pass_free(&pass, model);
	return 0;
}
