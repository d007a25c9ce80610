// SPDX-License-Identifier: MIT
/* Training, from nothing to a trained model: that is what a user waits for. */
#include <stdlib.h>

#include "bench.h"
#include "npu_train.h"

#define SAMPLES 100
#define FEATURES 10

/**
 * struct training - the classic example
 * @data: uniform, 100 x 10 and 100 x 1
 * @threads: to train with
 * @err: of the first call that failed
 */
struct training {
	struct npu_dataset data;
	unsigned int threads;
	struct npu_error err;
};

/* 10 - 64 relu - 1, MSE, Adam, 100 epochs of batches of 32, shuffled. */
static void train(void *context)
{
	struct training *training = context;
	const struct npu_fit_options options = {
		.loss = NPU_LOSS_MSE,
		.optimizer = npu_adam(),
		.epochs = 100,
		.batch = 32,
		.threads = training->threads,
	};
	const uint32_t dim[3] = { 1, 1, FEATURES };
	struct npu_error *err = &training->err;
	struct npu_model *model;

	if (npu_model_create(&model, dim, 1, err) < 0)
		return;
	if (npu_model_add(model, npu_dense(.units = 64, .activation = NPU_RELU), err) >= 0 &&
	    npu_model_add(model, npu_dense(.units = 1), err) >= 0)
		npu_model_fit(model, &training->data, &options, NULL, err);
	npu_model_free(model);
}

static double mlp_seed(struct bench *bench)
{
	const uint32_t dim[3] = { 1, 1, FEATURES };
	struct training training = { .threads = bench->threads };
	float *random = bench_floats(SAMPLES * (FEATURES + 1));
	double seconds;
	size_t i;

	if (npu_dataset_alloc(&training.data, SAMPLES, dim, 1, 0, &training.err) < 0)
		return bench_fail(bench, training.err.message);
	for (i = 0; i < SAMPLES * FEATURES; i++)
		training.data.x[i] = (random[i] + 1) / 2;
	for (i = 0; i < SAMPLES; i++)
		training.data.y[i] = (random[SAMPLES * FEATURES + i] + 1) / 2;
	seconds = bench_time(bench, bench->threads == 1 ? BENCH_CPU : BENCH_WALL, train, &training);
	npu_dataset_free(&training.data);
	free(random);
	return training.err.code ? bench_fail(bench, training.err.message) : seconds * 1e3;
}

const struct bench_row bench_train_rows[] = {
	{ "train/mlp-seed", "ms", "W1 MLP train 100 epochs", NULL, true, mlp_seed },
	{ 0 },
};
