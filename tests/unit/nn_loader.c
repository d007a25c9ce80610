// SPDX-License-Identifier: MIT
/* Batches by a thread are those without; what can't be read ends training, and where it is. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/data/loader.h"
#include "train/nn/rng.h"

#define SAMPLES 50
#define WIDTH 6

static float x[SAMPLES * WIDTH];
static int32_t labels[SAMPLES];
static float weights[SAMPLES];

static const struct npu_dataset in_memory = {
	.samples = SAMPLES,
	.dim = { 1, WIDTH, 1 },
	.features = WIDTH,
	.classes = 3,
	.x = x,
	.labels = labels,
	.weights = weights,
};

/**
 * struct source - data that is made when it is asked for
 * @fails_at: the sample that can't be read
 * @reads: how many have been
 * @reader: thread of the last
 * @inside: threads in read just now
 */
struct source {
	size_t fails_at;
	size_t reads;
	pthread_t reader;
	int inside;
};

static int read_sample(const struct npu_dataset *data, size_t sample, float *to,
		       struct npu_error *err)
{
	struct source *source = data->context;
	const struct timespec moment = { .tv_nsec = 20000 };

	assert_int_equal(__atomic_fetch_add(&source->inside, 1, __ATOMIC_SEQ_CST), 0);
	source->reads++;
	source->reader = pthread_self();
	if (sample % 7 == 0)
		nanosleep(&moment, NULL);
	memcpy(to, x + sample * WIDTH, WIDTH * sizeof(float));
	__atomic_fetch_sub(&source->inside, 1, __ATOMIC_SEQ_CST);
	if (sample != source->fails_at)
		return 0;
	if (err) {
		err->code = -EIO;
		strcpy(err->message, "sample.wav: cut off");
	}
	return -EIO;
}

static struct npu_dataset reading(struct source *source)
{
	struct npu_dataset data = in_memory;

	source->fails_at = SIZE_MAX;
	data.x = NULL;
	data.read = read_sample;
	data.context = source;
	return data;
}

/* The weight of a sample, times that of its class. */
static void check_weights(const struct npu_samples *samples, const struct npu_loading *how,
			  const struct npu_batch *batch, size_t first)
{
	size_t row;

	for (row = 0; row < batch->n; row++) {
		size_t i = npu_sample(samples, first + row);
		float factor = how->class_weight ? how->class_weight[labels[i]] : 1;

		assert_true(batch->weights[row] == factor * weights[i]);
	}
}

static void same_batches(const struct npu_samples *a, const struct npu_samples *b,
			 struct npu_loading how)
{
	struct npu_loader *one, *other;
	struct npu_error err = { 0 };
	size_t epoch, done;

	assert_int_equal(npu_loader_create(&one, a, &how, &err), 0);
	assert_int_equal(npu_loader_create(&other, b, &how, &err), 0);
	for (epoch = 1; epoch < 5; epoch++) {
		npu_loader_start(one, epoch);
		npu_loader_start(other, epoch);
		for (done = 0; done < a->count;) {
			const struct npu_batch *p, *q;

			assert_int_equal(npu_loader_next(one, &p, &err), 0);
			assert_int_equal(npu_loader_next(other, &q, &err), 0);
			assert_int_equal(p->n, q->n);
			assert_true(p->n == how.capacity || done + p->n == a->count);
			assert_memory_equal(p->x, q->x, p->n * WIDTH * sizeof(float));
			assert_memory_equal(p->labels, q->labels, p->n * sizeof(int32_t));
			assert_memory_equal(p->weights, q->weights, p->n * sizeof(float));
			check_weights(a, &how, p, done);
			done += p->n;
		}
	}
	npu_loader_free(one);
	npu_loader_free(other);
}

/* Read by a thread or copied here: the same, with all that can happen on the way. */
static void test_same_bits(void **state)
{
	static size_t index[] = { 3, 49, 0, 17, 17, 8, 40, 21, 22, 23, 5, 1, 2 };
	static float mean[WIDTH] = { 1, 2, 3 }, factor[WIDTH] = { 1, 2, 3, 4, 5, 6 };
	static const float class_weight[3] = { 0.5f, 2, 3 };
	const struct npu_augmentation augment = { .shift = { 0, 2 }, .noise = 0.1f };
	const struct npu_scaler scaler = { WIDTH, mean, factor };
	size_t capacity, round;

	(void)state;
	for (capacity = 1; capacity < 15; capacity++) {
		for (round = 0; round < 16; round++) {
			struct source source = { 0 };
			struct npu_dataset data = reading(&source);
			struct npu_samples a = { &in_memory, round & 1 ? index : NULL, 13 };
			struct npu_samples b = { &data, a.index, 13 };
			struct npu_loading how = {
				.scaler = round & 2 ? &scaler : NULL,
				.augment = round & 4 ? &augment : NULL,
				.class_weight = round & 8 ? class_weight : NULL,
				.random = 99,
				.capacity = capacity,
				.cpus = 1,
			};

			same_batches(&a, &b, how);
			assert_int_equal(source.reads, 4 * 13);
			assert_false(pthread_equal(source.reader, pthread_self()));
		}
	}
}

/* Augmentation varies by the epoch, the sample and the number of the run, and by nothing else. */
static void test_variations(void **state)
{
	const struct npu_augmentation augment = { .noise = 1 };
	const struct npu_samples samples = { &in_memory, NULL, 10 };
	float got[5][10 * WIDTH];
	struct npu_error err = { 0 };
	size_t k;

	(void)state;
	for (k = 0; k < 5; k++) {
		struct npu_loading how = {
			.augment = &augment,
			.random = k == 3,
			.capacity = k == 4 ? 5 : 10,
			.cpus = 1 + k % 2,
		};
		const struct npu_batch *batch;
		struct npu_loader *loader;

		assert_int_equal(npu_loader_create(&loader, &samples, &how, &err), 0);
		npu_loader_start(loader, k == 1 ? 2 : 1);
		assert_int_equal(npu_loader_next(loader, &batch, &err), 0);
		memcpy(got[k], batch->x, batch->n * WIDTH * sizeof(float));
		if (k == 4) {
			assert_int_equal(npu_loader_next(loader, &batch, &err), 0);
			memcpy(got[k] + 5 * WIDTH, batch->x, 5 * WIDTH * sizeof(float));
		}
		npu_loader_free(loader);
	}
	assert_memory_not_equal(got[0], got[1], sizeof(got[0]));
	assert_memory_equal(got[0], got[2], sizeof(got[0]));
	assert_memory_not_equal(got[0], got[3], sizeof(got[0]));
	assert_memory_equal(got[0], got[4], sizeof(got[0]));
}

/* Neither an epoch that nobody finishes nor one that nobody begins is in the way of the end. */
static void test_abandoned(void **state)
{
	struct source source = { 0 };
	struct npu_dataset data = reading(&source);
	const struct npu_samples samples = { &data, NULL, SAMPLES };
	struct npu_loading how = { .capacity = 3, .cpus = 1 };
	const struct npu_batch *batch;
	struct npu_loader *loader;
	struct npu_error err = { 0 };
	size_t k;

	(void)state;
	for (k = 0; k < 40; k++) {
		assert_int_equal(npu_loader_create(&loader, &samples, &how, &err), 0);
		if (k % 4 == 0)
			npu_loader_start(loader, 1);
		if (k % 4 == 1) {
			npu_loader_start(loader, 1);
			assert_int_equal(npu_loader_next(loader, &batch, &err), 0);
			npu_loader_start(loader, 2);
			assert_int_equal(npu_loader_next(loader, &batch, &err), 0);
			assert_memory_equal(batch->x, x, 3 * WIDTH * sizeof(float));
		}
		npu_loader_free(loader);
	}
	npu_loader_free(NULL);
}

static struct npu_model *classifier(void)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	npu_model_create(&model, (uint32_t[3]){ 1, WIDTH, 1 }, 7, &err);
	npu_model_add(model, npu_flatten(), &err);
	npu_model_add(model, npu_dense(.units = 3, .activation = NPU_SOFTMAX), &err);
	return model;
}

/* The batches before the one that fails are trained on; its sentence is handed on. */
static void test_failed_reads(void **state)
{
	struct source source = { 0 };
	struct npu_dataset data = reading(&source);
	struct npu_fit_options options = { .batch = 5, .epochs = 2, .no_shuffle = true };
	struct npu_model *model = classifier();
	struct npu_error err = { 0 };
	float loss;

	(void)state;
	source.fails_at = 23;
	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), -EIO);
	assert_string_equal(err.message, "sample.wav: cut off");
	assert_int_equal(source.reads, 24);
	assert_int_equal(npu_model_loss(model, &data, NPU_LOSS_AUTO, &loss, &err), -EIO);
	assert_int_equal(npu_model_backward(model, &data, NPU_LOSS_AUTO, NULL, &err), -EIO);
	options.validation = &data;
	assert_int_equal(npu_model_fit(model, &in_memory, &options, NULL, &err), -EIO);
	assert_string_equal(err.message, "sample.wav: cut off");
	npu_model_free(model);
}

/* A fit that reads gives the weights of one that has it all. */
static void test_fit(void **state)
{
	const struct npu_augmentation augment = { .shift = { 0, 1 }, .noise = 0.1f };
	struct source source = { 0 };
	struct npu_dataset data = reading(&source);
	float values[3][3 * WIDTH];
	struct npu_error err = { 0 };
	size_t k;

	(void)state;
	for (k = 0; k < 3; k++) {
		struct npu_fit_options options = {
			.batch = 8,
			.epochs = 3,
			.augment = &augment,
			.threads = k,
			.validation_fraction = 0.2f,
		};
		struct npu_model *model = classifier();
		struct npu_parameter p;

		if (npu_model_fit(model, k ? &data : &in_memory, &options, NULL, &err))
			fail_msg("%s", err.message);
		npu_model_parameter(model, 0, &p);
		memcpy(values[k], p.value, sizeof(values[k]));
		npu_model_free(model);
	}
	assert_memory_equal(values[0], values[1], sizeof(values[0]));
	assert_memory_equal(values[0], values[2], sizeof(values[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bits), cmocka_unit_test(test_variations),
		cmocka_unit_test(test_abandoned), cmocka_unit_test(test_failed_reads),
		cmocka_unit_test(test_fit),
	};
	struct npu_rng rng;
	size_t i;

	npu_rng_seed(&rng, 1, 0);
	for (i = 0; i < SAMPLES * WIDTH; i++)
		x[i] = (float)npu_rng_normal(&rng);
	for (i = 0; i < SAMPLES; i++) {
		labels[i] = (int32_t)npu_rng_below(&rng, 3);
		weights[i] = (float)npu_rng_uniform(&rng);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
