// SPDX-License-Identifier: MIT
/* Training, from nothing to a trained model: that is what a user waits for. */
#include <stdlib.h>

#include "bench.h"
#include "npu_train.h"

/**
 * struct training - a network, data, and how it is trained
 * @build: adds the layers
 * @data: random
 * @options: with threads
 * @model: where building it does not count
 * @err: of the first call that failed
 */
struct training {
	int (*build)(struct npu_model *model, struct npu_error *err);
	struct npu_dataset data;
	struct npu_fit_options options;
	struct npu_model *model;
	struct npu_error err;
};

static void train(void *context)
{
	struct training *training = context;
	struct npu_error *err = &training->err;
	struct npu_model *model;

	if (npu_model_create(&model, training->data.dim, 1, err) < 0)
		return;
	if (training->build(model, err) >= 0)
		npu_model_fit(model, &training->data, &training->options, NULL, err);
	npu_model_free(model);
}

/* The model that there is goes on. */
static void train_on(void *context)
{
	struct training *training = context;

	npu_model_fit(training->model, &training->data, &training->options, NULL, &training->err);
}

/* Uniform values in [0, 1), and answers likewise. */
static int make_data(struct training *training, size_t samples, const uint32_t dim[3],
		     size_t targets, size_t classes)
{
	struct npu_dataset *data = &training->data;
	float *random;
	size_t i;
	int ret = npu_dataset_alloc(data, samples, dim, targets, classes, &training->err);

	if (ret)
		return ret;
	random = bench_floats(samples * (data->features + targets + 1));
	for (i = 0; i < samples * data->features; i++)
		data->x[i] = (random[i] + 1) / 2;
	for (i = 0; i < samples * targets; i++)
		data->y[i] = (random[samples * data->features + i] + 1) / 2;
	for (i = 0; classes && i < samples; i++)
		data->labels[i] = (int32_t)((random[i] + 1) / 2 * (float)classes);
	free(random);
	return 0;
}

/* Seconds of @run, negative after bench_fail(); the data are released. */
static double measure(struct bench *bench, struct training *training, void (*run)(void *context))
{
	double seconds = -1;

	training->options.threads = bench->threads;
	if (!training->err.code)
		seconds = bench_time(bench, bench->threads == 1 ? BENCH_CPU : BENCH_WALL, run,
				     training);
	npu_dataset_free(&training->data);
	return training->err.code ? bench_fail(bench, training->err.message) : seconds;
}

static int build_mlp_seed(struct npu_model *model, struct npu_error *err)
{
	int ret = npu_model_add(model, npu_dense(.units = 64, .activation = NPU_RELU), err);

	return ret < 0 ? ret : npu_model_add(model, npu_dense(.units = 1), err);
}

/* 10 - 64 relu - 1, MSE, Adam, 100 epochs of batches of 32, shuffled: ms. */
static double mlp_seed(struct bench *bench)
{
	struct training training = {
		.build = build_mlp_seed,
		.options = { .loss = NPU_LOSS_MSE,
			     .optimizer = npu_adam(),
			     .epochs = 100,
			     .batch = 32 },
	};
	double seconds;

	make_data(&training, 100, (const uint32_t[3]){ 1, 1, 10 }, 1, 0);
	seconds = measure(bench, &training, train);
	return seconds < 0 ? seconds : seconds * 1e3;
}

/* One epoch of 10,000 images in batches of 64, Adam: images a second. */
static double cnn(struct bench *bench)
{
	const size_t images = 10000;
	struct training training = {
		.build = bench_cnn,
		.options = { .loss = NPU_LOSS_CROSS_ENTROPY,
			     .optimizer = npu_adam(),
			     .epochs = 1,
			     .batch = 64 },
	};
	double seconds;

	make_data(&training, images, (const uint32_t[3]){ 28, 28, 1 }, 0, 10);
	seconds = measure(bench, &training, train);
	return seconds < 0 ? seconds : (double)images / seconds;
}

/* 60 batches of 32 sequences of 50 x 16, MSE, Adam: sequences a second. */
static double lstm(struct bench *bench)
{
	const size_t sequences = 640, epochs = 3;
	struct training training = {
		.build = bench_lstm,
		.options = { .loss = NPU_LOSS_MSE,
			     .optimizer = npu_adam(),
			     .epochs = epochs,
			     .batch = 32 },
	};
	double seconds;

	make_data(&training, sequences, (const uint32_t[3]){ 1, 50, 16 }, 1, 0);
	if (npu_model_create(&training.model, training.data.dim, 1, &training.err) == 0)
		training.build(training.model, &training.err);
	seconds = measure(bench, &training, train_on);
	npu_model_free(training.model);
	return seconds < 0 ? seconds : (double)(epochs * sequences) / seconds;
}

const struct bench_row bench_train_rows[] = {
	{ "train/mlp-seed", "ms", "W1 MLP train 100 epochs", NULL, true, mlp_seed, NULL },
	{ "train/cnn", "img/s", "W2 CNN train", "torch", true, cnn, NULL },
	{ "train/lstm", "seq/s", "W3 LSTM train", "torch", true, lstm, NULL },
	{ 0 },
};
