// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "evaluate.h"
#include "runtime/error.h"
#include "spare.h"

/* Multiply-accumulates below which starting threads, for one prediction, does not pay. */
#define WORTH_THREADS (16 * NPU_WORTH_SHARING)

/* One sample that no scaler changes: the network reads it where it is. */
static void predict_in_place(struct npu_pass *pass, const struct npu_model *model, const float *x,
			     float *y)
{
	const struct npu_batch batch = { .n = 1, .capacity = 1, .x = (float *)x };

	memcpy(y, npu_pass_forward(pass, NULL, model, &batch),
	       npu_model_outputs(model) * sizeof(float));
}

static int predict_batches(struct npu_pass *pass, struct npu_pool *pool,
			   const struct npu_model *model, const struct npu_dataset *data, float *y,
			   struct npu_error *err)
{
	struct npu_samples all = { .data = data, .count = data->samples };
	size_t outputs = npu_model_outputs(model), first, n;
	struct npu_batch batch;
	int ret = npu_batch_create(&batch, data, pass->capacity, err);

	for (first = 0; !ret && first < data->samples; first += n) {
		n = data->samples - first < pass->capacity ? data->samples - first : pass->capacity;
		ret = npu_batch_load(&batch, &model->scaler, &all, first, n, err);
		if (!ret)
			memcpy(y + first * outputs, npu_pass_forward(pass, pool, model, &batch),
			       n * outputs * sizeof(float));
	}
	npu_batch_free(&batch);
	return ret;
}

/* Work of a sample, as far as parameters tell: the least that there is. */
static bool worth_threads(const struct npu_model *model, size_t samples)
{
	return samples >= WORTH_THREADS / (model->values + model->features + 1);
}

static int predict(const struct npu_model *model, const struct npu_dataset *data,
		   unsigned int threads, float *y, struct npu_error *err)
{
	size_t capacity = data->samples < NPU_EVALUATION_BATCH ? data->samples
							       : NPU_EVALUATION_BATCH;
	struct npu_pool *pool = NULL;
	struct npu_pass *pass;
	int ret = npu_model_need_state(model, capacity, err);

	if (!ret && worth_threads(model, data->samples))
		ret = npu_pool_create(&pool, threads, err);
	if (ret)
		return ret;
	pass = npu_spare_pass_take(model, capacity, npu_pool_threads(pool), err);
	if (!pass) {
		npu_pool_free(pool);
		return -ENOMEM;
	}
	if (data->samples == 1 && data->x && !data->lengths && !model->scaler.count)
		predict_in_place(pass, model, data->x, y);
	else
		ret = predict_batches(pass, pool, model, data, y, err);
	npu_spare_pass_put(model, pass);
	npu_pool_free(pool);
	return ret;
}

int npu_model_predict_data(const struct npu_model *model, const struct npu_dataset *data,
			   unsigned int threads, float *y, struct npu_error *err)
{
	struct npu_dataset inputs = *data; /* the answers are not asked for */
	int ret = npu_model_check_data(model, data, err);

	if (ret)
		return ret;
	inputs.y = NULL;
	inputs.labels = NULL;
	inputs.weights = NULL;
	return predict(model, &inputs, threads, y, err);
}

int npu_model_predict(const struct npu_model *model, const float *x, size_t samples,
		      unsigned int threads, float *y, struct npu_error *err)
{
	const struct npu_dataset data = {
		.samples = samples,
		.dim = { model->dim[0], model->dim[1], model->dim[2] },
		.features = model->features,
		.x = (float *)x,
	};
	int ret = npu_model_check_whole(model, err);

	return ret || !samples ? ret : predict(model, &data, threads, y, err);
}
