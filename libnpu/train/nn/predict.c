// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "evaluate.h"
#include "runtime/error.h"

/* Floats of a layer's values that fit the stack. */
#define SMALL 4096

/* Multiply-accumulates below which starting threads, for one prediction, does not pay. */
#define WORTH_THREADS (16 * NPU_WORTH_SHARING)

/* One sample through layers that fit the stack: nothing is allocated. */
static void predict_one(const struct npu_model *model, const float *x, float *y)
{
	float a[SMALL] __attribute__((aligned(64))), b[SMALL] __attribute__((aligned(64)));
	struct npu_step step = { .model = model, .n = 1, .x = x, .y = a };
	size_t i;

	if (model->scaler.count) {
		model->f32->scale(x, model->scaler.mean, model->scaler.factor, b, model->features);
		step.x = b;
	}
	for (i = 0; i < model->nodes; i++) {
		step.node = &model->node[i];
		if (i == model->nodes - 1)
			step.y = y;
		step.node->ops->forward(&step);
		npu_activate(NULL, model->f32, step.node, step.y, 1);
		step.x = step.y;
		step.y = step.y == a ? b : a;
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
	struct npu_dataset data = {
		.samples = samples,
		.features = model->features,
		.x = (float *)x,
	};
	struct npu_samples all = { .data = &data, .count = samples };
	size_t outputs = npu_model_outputs(model), first, n;
	struct npu_pass pass;
	int ret = npu_pass_create(&pass, model,
				  samples < NPU_EVALUATION_BATCH ? samples : NPU_EVALUATION_BATCH,
				  false, err);

	if (ret)
		return ret;
	for (first = 0; first < samples; first += n) {
		n = samples - first < pass.capacity ? samples - first : pass.capacity;
		npu_pass_load(&pass, model, &all, first, n);
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
	if (samples < WORTH_THREADS / (model->values + 1))
		threads = 1;
	ret = npu_pool_create(&pool, threads, err);
	if (ret)
		return ret;
	ret = predict_batches(model, x, samples, pool, y, err);
	npu_pool_free(pool);
	return ret;
}
