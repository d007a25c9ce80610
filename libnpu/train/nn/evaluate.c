// SPDX-License-Identifier: MIT
/* The loss over samples, and its gradient. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "runtime/error.h"

/* Steps that the data may say a sequence has are those that the model reads, too. */
static int check_lengths(const struct npu_model *model, const struct npu_dataset *data,
			 struct npu_error *err)
{
	uint32_t most = data->dim[1] < model->dim[1] ? data->dim[1] : model->dim[1];
	size_t i;

	for (i = 0; data->lengths && i < data->samples; i++)
		if (data->lengths[i] < 1 || data->lengths[i] > most)
			return npu_error_set(
				err, -EINVAL,
				"sample %zu has a length of %u steps; data and model allow 1 to %u",
				i, data->lengths[i], most);
	return 0;
}

int npu_model_check_data(const struct npu_model *model, const struct npu_dataset *data,
			 struct npu_error *err)
{
	int ret = npu_model_check_whole(model, err);

	if (ret)
		return ret;
	if (!data->samples || (!data->x && !data->read))
		return npu_error_set(err, -EINVAL, "the data has no samples");
	if (data->features != model->features)
		return npu_error_set(
			err, -EINVAL,
			"the data has %zu features a sample, the model takes %zu; look "
			"at the columns, or build the model for them",
			data->features, model->features);
	return check_lengths(model, data, err);
}

int npu_model_need_gradient(struct npu_model *model, struct npu_error *err)
{
	if (!model->gradient)
		model->gradient = npu_floats_alloc(model->values);
	if (!model->gradient)
		return npu_error_set(err, -ENOMEM, "out of memory for the gradients");
	return 0;
}

int npu_evaluate(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		 const struct npu_samples *samples, struct npu_loader *loader,
		 const struct npu_objective *objective, struct npu_evaluation *evaluation,
		 struct npu_error *err)
{
	struct npu_score score = { 0 };
	size_t first;
	double sum = 0;

	pass->training = false;
	npu_loader_start(loader, 0);
	for (first = 0; first < samples->count && isfinite(sum); first += evaluation->batch->n) {
		const float *p;
		int ret = npu_loader_next(loader, &evaluation->batch, err);

		if (ret)
			return ret;
		p = npu_pass_forward(pass, pool, model, evaluation->batch);
		sum += npu_loss_sum(objective, p, evaluation->batch);
		npu_loss_score(objective, p, evaluation->batch, &score);
		evaluation->first = first;
	}
	evaluation->loss = sum / (double)samples->count;
	evaluation->accuracy = npu_score_accuracy(&score);
	return 0;
}

/* The loss over a dataset, or its gradient. */
struct run {
	struct npu_pass pass;
	struct npu_samples samples;
	struct npu_loader *loader;
	struct npu_objective objective;
};

static void release(struct run *run)
{
	npu_pass_free(&run->pass);
	npu_loader_free(run->loader);
}

/* Checks, and buffers for all of @data. */
static int prepare(struct run *run, struct npu_model *model, const struct npu_dataset *data,
		   enum npu_loss loss, bool backward, struct npu_error *err)
{
	struct npu_loading loading = {
		.scaler = &model->scaler,
		.capacity = data->samples,
		.cpus = 1,
	};
	int ret = npu_model_check_data(model, data, err);

	memset(run, 0, sizeof(*run));
	run->samples = (struct npu_samples){ .data = data, .count = data->samples };
	run->objective = (struct npu_objective){ .loss = loss };
	if (!ret)
		ret = npu_loss_resolve(model, data, &run->objective, err);
	if (ret)
		return ret;
	if (loading.capacity > NPU_EVALUATION_BATCH)
		loading.capacity = NPU_EVALUATION_BATCH;
	ret = npu_loader_create(&run->loader, &run->samples, &loading, err);
	if (!ret)
		ret = npu_pass_create(&run->pass, model, loading.capacity, 1, backward, NULL,
				      err);
	if (!ret)
		ret = npu_model_need_state(model, loading.capacity, err);
	if (ret)
		release(run);
	else
		npu_model_reset_state(model);
	return ret;
}

int npu_model_loss(struct npu_model *model, const struct npu_dataset *data, enum npu_loss loss,
		   float *value, struct npu_error *err)
{
	struct npu_evaluation evaluation;
	struct run run;
	int ret = prepare(&run, model, data, loss, false, err);

	if (ret)
		return ret;
	ret = npu_evaluate(&run.pass, NULL, model, &run.samples, run.loader, &run.objective,
			   &evaluation, err);
	if (!ret)
		*value = (float)evaluation.loss;
	release(&run);
	return ret;
}

/* Gradients of batch after batch into @part, added up in the model's. */
static int backward_batches(struct npu_model *model, struct run *run, float *part, double *mean,
			    struct npu_error *err)
{
	const struct npu_samples *samples = &run->samples;
	const struct npu_batch *batch;
	size_t first;
	double sum = 0;

	run->pass.training = true;
	memset(model->gradient, 0, model->values * sizeof(float));
	npu_loader_start(run->loader, 0);
	for (first = 0; first < samples->count; first += batch->n) {
		const float *p;
		int ret = npu_loader_next(run->loader, &batch, err);

		if (ret)
			return ret;
		run->pass.random = npu_rng_mix(model->seed, first);
		p = npu_pass_forward(&run->pass, NULL, model, batch);
		sum += npu_loss_sum(&run->objective, p, batch);
		npu_pass_backward(&run->pass, NULL, model, batch, &run->objective, samples->count,
				  part);
		model->f32->add(part, model->gradient, model->values);
	}
	*mean = sum / (double)samples->count;
	return 0;
}

int npu_model_backward(struct npu_model *model, const struct npu_dataset *data, enum npu_loss loss,
		       float *value, struct npu_error *err)
{
	struct run run;
	float *part;
	double mean;
	int ret = prepare(&run, model, data, loss, true, err);

	if (ret)
		return ret;
	ret = npu_model_need_gradient(model, err);
	part = npu_floats_alloc(model->values);
	if (!ret && !part)
		ret = npu_error_set(err, -ENOMEM, "out of memory for the gradients");
	if (!ret)
		ret = backward_batches(model, &run, part, &mean, err);
	if (!ret && value)
		*value = (float)mean;
	free(part);
	release(&run);
	return ret;
}
