// SPDX-License-Identifier: MIT
/*
 * The quote of a training is what it then asks of malloc(), to the byte; and no step asks for any.
 * The linker puts the counters below in the place of malloc() and its like (tests.mk).
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/nn/model.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *p);

/* Allocations that live, and all that have been made. */
static struct {
	pthread_mutex_t lock;
	void *at[4096];
	size_t size[4096];
	size_t live, calls;
} counter = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *count(void *p, size_t size)
{
	size_t i;

	if (!p)
		return p;
	pthread_mutex_lock(&counter.lock);
	for (i = 0; i < 4096 && counter.at[i]; i++)
		;
	if (i == 4096)
		abort();
	counter.at[i] = p;
	counter.size[i] = size;
	counter.live += size;
	counter.calls++;
	pthread_mutex_unlock(&counter.lock);
	return p;
}

/* What the C library made itself is not known, and does not count. */
static void discount(void *p)
{
	size_t i;

	pthread_mutex_lock(&counter.lock);
	for (i = 0; i < 4096 && p; i++) {
		if (counter.at[i] != p)
			continue;
		counter.at[i] = NULL;
		counter.live -= counter.size[i];
		break;
	}
	pthread_mutex_unlock(&counter.lock);
}

void *__wrap_malloc(size_t size)
{
	return count(__real_malloc(size), size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return count(__real_calloc(n, size), n * size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return count(__real_aligned_alloc(alignment, size), size);
}

void *__wrap_realloc(void *p, size_t size)
{
	discount(p);
	return count(__real_realloc(p, size), size);
}

void __wrap_free(void *p)
{
	discount(p);
	__real_free(p);
}

static float x[60 * 48], y[60 * 3], weights[60];
static int32_t labels[60];
static uint32_t lengths[60];

static struct npu_dataset data_of(int kind)
{
	struct npu_dataset data = { .samples = 60,
				    .dim = { 1, 6, 8 },
				    .features = 48,
				    .classes = 3,
				    .x = x,
				    .labels = labels };
	size_t i;

	for (i = 0; i < 60; i++) {
		labels[i] = i % 3;
		lengths[i] = 1 + i % 6;
		weights[i] = 1;
	}
	if (kind & 1)
		data.weights = weights;
	if (kind & 2)
		data.lengths = lengths;
	if (kind & 4) {
		data.labels = NULL;
		data.classes = 0;
		data.targets = 3;
		data.y = y;
	}
	return data;
}

static void add(struct npu_model *model, struct npu_layer layer)
{
	struct npu_error err = { 0 };

	if (npu_model_add(model, layer, &err) < 0)
		fail_msg("%s", err.message);
}

static struct npu_model *build(bool conv, uint32_t units)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	npu_model_create(&model, (uint32_t[3]){ 1, 6, 8 }, 7, &err);
	if (conv) {
		add(model, npu_conv1d(.units = 5, .kernel = { 1, 3 }));
		add(model, npu_batch_norm(.activation = NPU_GELU));
		add(model, npu_dropout(.rate = 0.2f));
		add(model, npu_lstm(.units = 4, .stateful = true));
	}
	add(model, npu_dense(.units = units, .activation = NPU_RELU));
	add(model, npu_dense(.units = 3, .activation = NPU_SOFTMAX));
	return model;
}

/**
 * struct seen - what the counters had
 * @before: fit
 * @during: at the end of its first epoch
 */
struct seen {
	size_t before, during, calls;
};

static int look(const struct npu_epoch *epoch, void *user)
{
	struct seen *seen = user;

	if (epoch->epoch == 1 && epoch->batch == epoch->batches) {
		seen->during = counter.live;
		seen->calls = counter.calls;
	}
	return 0;
}

static void check_quote(struct npu_model *model, const struct npu_dataset *data,
			struct npu_fit_options options, const char *name, size_t number)
{
	size_t own = model->values * sizeof(float), i;
	struct npu_history history;
	struct npu_fit_quote quote;
	struct npu_error err = { 0 };
	struct seen seen = { 0 };

	options.epochs = 3;
	options.progress = look;
	options.user = &seen;
	if (npu_model_fit_quote(model, data, &options, &quote, &err))
		fail_msg("%s %zu: %s", name, number, err.message);
	seen.before = counter.live;
	if (npu_model_fit(model, data, &options, &history, &err))
		fail_msg("%s %zu: %s", name, number, err.message);
	if (seen.during - seen.before + own != quote.total)
		fail_msg("%s %zu: %zu bytes, but %zu were quoted", name, number,
			 seen.during - seen.before + own, quote.total);
	if (counter.calls != seen.calls)
		fail_msg("%s %zu: epochs 2 and 3 allocate", name, number);
	assert_int_equal(quote.total, quote.weights + quote.gradients + quote.optimizer +
					      quote.activations + quote.batches + quote.other);
	for (i = 0; i < history.epochs; i++)
		assert_int_equal(history.epoch[i].batches,
				 (history.epoch[i].batches * quote.batch + quote.batch - 1) /
					 quote.batch);
	npu_history_free(&history);
}

static void test_exact(void **state)
{
	static const float class_weight[3] = { 1, 2, 3 };
	static const struct npu_augmentation augment = { .noise = 0.1f };
	const struct npu_dataset validation = data_of(0);
	const struct npu_fit_options options[] = {
		{ .threads = 1 },
		{ .threads = 3, .patience = 9 },
		{ .optimizer = npu_sgd(), .batch = 7, .threads = 2 },
		{ .optimizer = npu_sgd(.momentum = 0.9f, .l2 = 0.1f), .proximal = 0.1f },
		{ .optimizer = npu_rmsprop(.clip_norm = 1), .validation_fraction = 0.2f },
		{ .optimizer = npu_adagrad(), .validation = &validation },
		{ .class_weight = class_weight, .threads = 1 },
		{ .augment = &augment, .batch = 13, .threads = 4 },
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < 16; i++) {
		for (k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
			struct npu_model *model = build(i & 8, i & 1 ? 2000 : 20);
			const struct npu_dataset data = data_of(i % 8);

			if (!options[k].class_weight || data.labels)
				check_quote(model, &data, options[k], "options", 100 * i + k);
			npu_model_free(model);
		}
	}
}

/* Frozen layers have no moments. */
static void test_frozen(void **state)
{
	struct npu_model *model = build(false, 500);
	const struct npu_dataset data = data_of(0);
	struct npu_fit_options options = { .threads = 1 };
	struct npu_fit_quote all, head;
	struct npu_error err = { 0 };

	(void)state;
	assert_int_equal(npu_model_fit_quote(model, &data, &options, &all, &err), 0);
	assert_int_equal(npu_model_freeze(model, 0, true, &err), 0);
	assert_int_equal(npu_model_fit_quote(model, &data, &options, &head, &err), 0);
	assert_true(head.optimizer < all.optimizer / 4);
	check_quote(model, &data, options, "frozen", 0);
	npu_model_free(model);
}

/* Rounded weights and values, and where there is patience the ranges of the best epoch. */
static void test_quantising(void **state)
{
	const struct npu_fit_options options[] = {
		{ .quantise_from = 1, .threads = 1 },
		{ .quantise_from = 2, .threads = 3, .patience = 9, .validation_fraction = 0.2f },
	};
	const struct npu_dataset data = data_of(0);
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct npu_model *model = build(false, i & 1 ? 2000 : 20);

		check_quote(model, &data, options[i / 2], "quantising", i);
		npu_model_free(model);
	}
}

/* The limit halves the batch until it fits; below one sample there is no way. */
static void test_limit(void **state)
{
	struct npu_model *model = build(true, 300);
	const struct npu_dataset data = data_of(0);
	struct npu_fit_options options = { .batch = 48, .epochs = 3, .threads = 1 };
	struct npu_fit_quote quote, less;
	struct npu_history history;
	struct npu_error err = { 0 };

	(void)state;
	assert_int_equal(npu_model_fit_quote(model, &data, &options, &quote, &err), 0);
	assert_int_equal(quote.batch, 48);
	options.memory_limit = quote.total;
	assert_int_equal(npu_model_fit_quote(model, &data, &options, &less, &err), 0);
	assert_int_equal(less.batch, 48);
	options.memory_limit = quote.total - 1;
	assert_int_equal(npu_model_fit_quote(model, &data, &options, &less, &err), 0);
	assert_int_equal(less.batch, 24);
	assert_true(less.total < quote.total);
	check_quote(model, &data, options, "limit", 0);
	assert_int_equal(npu_model_fit(model, &data, &options, &history, &err), 0);
	assert_int_equal(history.epoch[0].batches, 3);
	npu_history_free(&history);
	options.memory_limit = quote.weights;
	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), -E2BIG);
	assert_non_null(strstr(err.message, "one sample"));
	npu_model_free(model);
}

/* All is given back. */
static void test_nothing_is_left(void **state)
{
	size_t before = counter.live;
	struct npu_model *model = build(true, 20);
	const struct npu_dataset data = data_of(0);
	struct npu_error err = { 0 };

	(void)state;
	assert_int_equal(npu_model_fit(model, &data, NULL, NULL, &err), 0);
	npu_model_free(model);
	assert_int_equal(counter.live, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_quantising),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
