// SPDX-License-Identifier: MIT
/* Training gives the same bits for a seed, at any number of threads; the seed matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/nn/model.h"
#include "train/nn/pool.h"

#define SAMPLES 300
#define FEATURES 100
#define CLASSES 10

static void make_data(struct npu_dataset *data)
{
	struct npu_error err = { 0 };
	struct npu_rng rng;
	size_t i;

	assert_int_equal(
		npu_dataset_alloc(data, SAMPLES, (uint32_t[3]){ 1, 1, FEATURES }, 0, CLASSES, &err),
		0);
	npu_rng_seed(&rng, 5, 0);
	for (i = 0; i < SAMPLES; i++)
		data->labels[i] = (int32_t)npu_rng_below(&rng, CLASSES);
	for (i = 0; i < SAMPLES * FEATURES; i++)
		data->x[i] = (float)npu_rng_normal(&rng) +
			     (i % FEATURES == (size_t)data->labels[i / FEATURES]);
}

static struct npu_model *trained(const struct npu_dataset *data, uint64_t seed,
				 unsigned int threads, unsigned int batch)
{
	struct npu_fit_options options = { .epochs = 2, .batch = batch, .threads = threads };
	struct npu_error err = { 0 };
	struct npu_model *model;

	assert_int_equal(npu_model_create(&model, data->dim, seed, &err), 0);
	npu_model_add(model, npu_dense(.units = 200, .activation = NPU_RELU), &err);
	npu_model_add(model, npu_dense(.units = 130, .activation = NPU_TANH), &err);
	npu_model_add(model, npu_dense(.units = CLASSES, .activation = NPU_SOFTMAX), &err);
	if (npu_model_fit(model, data, &options, NULL, &err))
		fail_msg("%s", err.message);
	return model;
}

static void test_same_bits(void **state)
{
	const unsigned int batches[] = { 1, 7, 64, 300 };
	struct npu_dataset data;
	size_t b;

	(void)state;
	make_data(&data);
	for (b = 0; b < 4; b++) {
		struct npu_model *one = trained(&data, 1, 1, batches[b]);
		unsigned int threads;

		for (threads = 2; threads <= 5; threads++) {
			struct npu_model *many = trained(&data, 1, threads, batches[b]);

			assert_memory_equal(one->value, many->value, one->values * sizeof(float));
			npu_model_free(many);
		}
		npu_model_free(one);
	}
	npu_dataset_free(&data);
}

static struct npu_model *build(const uint32_t dim[3], const struct npu_layer *layers)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	assert_int_equal(npu_model_create(&model, dim, 9, &err), 0);
	for (; layers->kind; layers++)
		if (npu_model_add(model, *layers, &err) < 0)
			fail_msg("%s", err.message);
	return model;
}

/* Numbers below 20, which are pixels to one network and words to another. */
static void make_numbers(struct npu_dataset *data, const uint32_t dim[3], size_t samples)
{
	struct npu_error err = { 0 };
	struct npu_rng rng;
	size_t i;

	assert_int_equal(npu_dataset_alloc(data, samples, dim, 0, 3, &err), 0);
	npu_rng_seed(&rng, 6, 0);
	for (i = 0; i < samples; i++)
		data->labels[i] = (int32_t)npu_rng_below(&rng, 3);
	for (i = 0; i < samples * data->features; i++)
		data->x[i] = (float)npu_rng_below(&rng, 20);
}

/* A step of training with one thread and with several, on as many samples as are worth it. */
static void check_bits(const struct npu_dataset *data, const struct npu_layer *layers)
{
	struct npu_fit_options options = { .epochs = 1, .batch = (unsigned int)data->samples };
	struct npu_model *one = build(data->dim, layers), *many;
	struct npu_error err = { 0 };

	options.threads = 1;
	if (npu_model_fit(one, data, &options, NULL, &err))
		fail_msg("%s", err.message);
	for (options.threads = 2; options.threads <= 4; options.threads++) {
		many = build(data->dim, layers);
		assert_int_equal(npu_model_fit(many, data, &options, NULL, &err), 0);
		assert_memory_equal(one->value, many->value, one->values * sizeof(float));
		npu_model_free(many);
	}
	npu_model_free(one);
}

static void test_same_bits_of_images(void **state)
{
	static const struct npu_layer layers[] = {
		npu_batch_norm(),
		npu_conv2d(.units = 16, .kernel = { 3, 3 }, .padding = NPU_SAME, .no_bias = true),
		npu_batch_norm(.activation = NPU_RELU),
		npu_max_pool(),
		npu_conv2d(.units = 16, .kernel = { 3, 3 }, .groups = 16, .activation = NPU_SWISH),
		npu_dropout(.rate = 0.3f),
		npu_conv_transpose2d(.units = 8, .kernel = { 2, 2 }, .stride = { 2, 2 }),
		npu_layer_norm(.activation = NPU_GELU),
		npu_average_pool(),
		npu_dense(.units = 3, .activation = NPU_SOFTMAX),
		{ 0 },
	};
	struct npu_dataset data;

	(void)state;
	make_numbers(&data, (uint32_t[3]){ 16, 16, 8 }, 260);
	check_bits(&data, layers);
	npu_dataset_free(&data);
}

static void test_same_bits_of_sequences(void **state)
{
	static const struct npu_layer layers[] = {
		npu_embedding(.vocabulary = 20, .units = 32),
		npu_layer_norm(),
		npu_lstm(.units = 16, .bidirectional = true, .sequences = true),
		npu_dropout(.rate = 0.2f),
		npu_gru(.units = 16, .sequences = true),
		npu_rnn(.units = 16, .sequences = true),
		npu_conv1d(.units = 24, .kernel = { 1, 3 }, .padding = NPU_SAME),
		npu_global_average_pool(),
		npu_dense(.units = 3, .activation = NPU_SOFTMAX),
		{ 0 },
	};
	uint32_t lengths[260], i;
	struct npu_dataset data;

	(void)state;
	make_numbers(&data, (uint32_t[3]){ 1, 20, 1 }, 260);
	check_bits(&data, layers);
	for (i = 0; i < 260; i++)
		lengths[i] = 1 + i % 20;
	data.lengths = lengths;
	check_bits(&data, layers);
	data.lengths = NULL;
	npu_dataset_free(&data);
}

static void test_seed_matters(void **state)
{
	struct npu_model *a, *b;
	struct npu_dataset data;

	(void)state;
	make_data(&data);
	a = trained(&data, 1, 2, 64);
	b = trained(&data, 2, 2, 64);
	assert_memory_not_equal(a->value, b->value, a->values * sizeof(float));
	npu_model_free(a);
	npu_model_free(b);
	npu_dataset_free(&data);
}

static void test_prediction(void **state)
{
	static float one[SAMPLES * CLASSES], many[SAMPLES * CLASSES];
	struct npu_error err = { 0 };
	struct npu_dataset data;
	struct npu_model *model;

	(void)state;
	make_data(&data);
	model = trained(&data, 1, 1, 64);
	assert_int_equal(npu_model_predict(model, data.x, SAMPLES, 1, one, &err), 0);
	assert_int_equal(npu_model_predict(model, data.x, SAMPLES, 3, many, &err), 0);
	assert_memory_equal(one, many, sizeof(one));
	npu_model_free(model);
	npu_dataset_free(&data);
}

static void count_task(void *context, size_t task)
{
	__atomic_fetch_add((size_t *)context + task, 1, __ATOMIC_RELAXED);
}

/* Every task runs once, in many rounds with pauses in which threads fall asleep. */
static void test_pool(void **state)
{
	struct npu_pool *pool;
	size_t counts[17] = { 0 }, i;
	int round;

	(void)state;
	assert_int_equal(npu_pool_create(&pool, 4, NULL), 0);
	assert_int_equal(npu_pool_threads(pool), 4);
	for (round = 0; round < 2000; round++) {
		npu_pool_run(pool, count_task, counts, 17);
		if (round % 500 == 499) {
			struct timespec pause = { 0, 20000000 };

			nanosleep(&pause, NULL);
		}
	}
	for (i = 0; i < 17; i++)
		assert_int_equal(counts[i], 2000);
	npu_pool_free(pool);
	npu_pool_free(NULL);
	assert_int_equal(npu_pool_create(&pool, 1, NULL), 0);
	assert_null(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bits),
		cmocka_unit_test(test_same_bits_of_images),
		cmocka_unit_test(test_same_bits_of_sequences),
		cmocka_unit_test(test_seed_matters),
		cmocka_unit_test(test_prediction),
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
