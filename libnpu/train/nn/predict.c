// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "evaluate.h"
#include "runtime/error.h"
#include "spare.h"

/* Multiply-accumulates below which starting threads, for one prediction, does not pay. */
#define WORTH_THREADS (16 * NPU_WORTH_SHARING)

/* The @n samples from the @first on: where they are, if nothing has to be done to them. */
static int take_samples(struct npu_batch *batch, const struct npu_model *model,
			const struct npu_dataset *data, size_t first, size_t n,
			struct npu_error *err)
{
	const struct npu_samples all = { .data = data, .count = data->samples };

	if (!data->x || model->scaler.count)
		return npu_batch_load(batch, &model->scaler, &all, first, n, err);
	batch->n = n;
	batch->x = data->x + first * data->features;
	batch->lengths = data->lengths ? data->lengths + first : NULL;
	return 0;
}

static int predict_batches(struct npu_spare *spare, struct npu_pool *pool,
			   const struct npu_model *model, const struct npu_dataset *data, float *y,
			   struct npu_error *err)
{
	size_t outputs = npu_model_outputs(model), capacity = spare->pass.capacity, first, n;
	struct npu_batch batch = spare->batch;
	int ret = 0;

	if (!data->lengths)
		batch.lengths = NULL;
	for (first = 0; !ret && first < data->samples; first += n) {
		n = data->samples - first < capacity ? data->samples - first : capacity;
		ret = take_samples(&batch, model, data, first, n, err);
		if (!ret)
			memcpy(y + first * outputs,
			       npu_pass_forward(&spare->pass, pool, model, &batch),
			       n * outputs * sizeof(float));
	}
	return ret;
}

static bool worth_threads(const struct npu_model *model, size_t samples)
{
	return samples >= WORTH_THREADS / npu_model_work(model);
}

static int predict(const struct npu_model *model, const struct npu_dataset *data,
		   unsigned int threads, float *y, struct npu_error *err)
{
	size_t capacity = data->samples < NPU_EVALUATION_BATCH ? data->samples
							       : NPU_EVALUATION_BATCH;
	struct npu_pool *pool = NULL;
	struct npu_spare *spare;
	int ret = npu_model_need_state(model, capacity, err);

	if (!ret && worth_threads(model, data->samples))
		ret = npu_pool_create(&pool, threads, err);
	if (ret)
		return ret;
	spare = npu_spare_take(model, capacity, npu_pool_threads(pool), err);
	if (spare) {
		ret = predict_batches(spare, pool, model, data, y, err);
		npu_spare_put(model, spare);
	}
	npu_pool_free(pool);
	return spare ? ret : -ENOMEM;
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
