// SPDX-License-Identifier: MIT
/*
 * Networks whose way forks: built by npu_model_add_from(), trained, frozen. The buffers of a pass
 * share memory, so what is right with separate ones must be right here, too.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/nn/arena.h"
#include "train/nn/model.h"
#include "train/nn/rng.h"

#define SAMPLES 9
#define FEATURES 6

static int must(int ret, const struct npu_error *err)
{
	if (ret < 0)
		fail_msg("%s", err->message);
	return ret;
}

/*
 * x - a(8 tanh) -+- b(8 relu) ---+- sum - concat - out(3 softmax)
 *                +---------------+          |
 *                +- c(5 gelu) - flatten ----+
 * where a is read three times, and the sum twice by the concatenation.
 */
static struct npu_model *forked(void)
{
	struct npu_error err = { 0 };
	struct npu_model *model;
	int a, b, c, sum;

	must(npu_model_create(&model, (uint32_t[3]){ 1, 1, FEATURES }, 5, &err), &err);
	a = must(npu_model_add(model, npu_dense(.units = 8, .activation = NPU_TANH), &err), &err);
	b = must(npu_model_add(model, npu_dense(.units = 8, .activation = NPU_RELU), &err), &err);
	sum = must(npu_model_add_from(model, npu_add(), (int[]){ a, b }, 2, &err), &err);
	c = must(npu_model_add_from(model, npu_dense(.units = 5, .activation = NPU_GELU), &a, 1,
				    &err),
		 &err);
	c = must(npu_model_add_from(model, npu_flatten(), &c, 1, &err), &err);
	must(npu_model_add_from(model, npu_concat(), (int[]){ sum, c, sum }, 3, &err), &err);
	must(npu_model_add(model, npu_dense(.units = 3, .activation = NPU_SOFTMAX), &err), &err);
	return model;
}

static void make_data(struct npu_dataset *data)
{
	struct npu_error err = { 0 };
	struct npu_rng rng;
	size_t i;

	must(npu_dataset_alloc(data, SAMPLES, (uint32_t[3]){ 1, 1, FEATURES }, 0, 3, &err), &err);
	npu_rng_seed(&rng, 2, 0);
	for (i = 0; i < SAMPLES * FEATURES; i++)
		data->x[i] = (float)npu_rng_normal(&rng);
	for (i = 0; i < SAMPLES; i++)
		data->labels[i] = (int32_t)(i % 3);
}

/* Central differences of the library's loss: coarse, but each path through the fork shows. */
static void test_gradients_of_a_fork(void **state)
{
	struct npu_model *model = forked();
	struct npu_error err = { 0 };
	struct npu_dataset data;
	size_t i, k;

	(void)state;
	make_data(&data);
	must(npu_model_backward(model, &data, NPU_LOSS_AUTO, NULL, &err), &err);
	for (i = 0; i < npu_model_parameters(model); i++) {
		struct npu_parameter p;

		npu_model_parameter(model, i, &p);
		for (k = 0; k < p.count; k++) {
			float kept = p.value[k], up, down, step = 1e-2f;

			p.value[k] = kept + step;
			must(npu_model_loss(model, &data, NPU_LOSS_AUTO, &up, &err), &err);
			p.value[k] = kept - step;
			must(npu_model_loss(model, &data, NPU_LOSS_AUTO, &down, &err), &err);
			p.value[k] = kept;
			if (!(fabsf((up - down) / (2 * step) - p.gradient[k]) < 2e-3f))
				fail_msg("%s[%zu]: %g, differences give %g", p.name, k,
					 (double)p.gradient[k], (double)((up - down) / (2 * step)));
		}
	}
	npu_dataset_free(&data);
	npu_model_free(model);
}

/* Predicting reuses the memory of outputs, training keeps them: the loss tells whether they agree.
 */
static void test_predict_agrees_with_loss(void **state)
{
	struct npu_model *model = forked();
	struct npu_error err = { 0 };
	struct npu_dataset data;
	float y[SAMPLES * 3], one[3], loss, trained;
	double sum = 0;
	size_t i;

	(void)state;
	make_data(&data);
	must(npu_model_predict(model, data.x, SAMPLES, 1, y, &err), &err);
	for (i = 0; i < SAMPLES; i++) {
		must(npu_model_predict(model, data.x + i * FEATURES, 1, 1, one, &err), &err);
		for (int j = 0; j < 3; j++)
			assert_true(fabsf(one[j] - y[3 * i + j]) < 1e-6f);
		sum -= log((double)y[3 * i + data.labels[i]]);
	}
	must(npu_model_loss(model, &data, NPU_LOSS_AUTO, &loss, &err), &err);
	must(npu_model_backward(model, &data, NPU_LOSS_AUTO, &trained, &err), &err);
	assert_true(fabs(loss - sum / SAMPLES) < 1e-5);
	assert_true(fabsf(loss - trained) < 1e-6f);
	npu_dataset_free(&data);
	npu_model_free(model);
}

static void test_frozen_layers_stay(void **state)
{
	struct npu_model *model = forked();
	const struct npu_fit_options options = { .epochs = 3, .batch = 4 };
	struct npu_error err = { 0 };
	struct npu_parameter p;
	struct npu_dataset data;
	float first, second, third;

	(void)state;
	make_data(&data);
	must(npu_model_freeze(model, 0, true, &err), &err);
	must(npu_model_freeze(model, 3, true, &err), &err);
	npu_model_parameter(model, 0, &p);
	assert_false(p.trained);
	first = p.value[0];
	npu_model_parameter(model, 2, &p);
	assert_true(p.trained);
	second = p.value[0];
	npu_model_parameter(model, 4, &p);
	third = p.value[0];
	must(npu_model_fit(model, &data, &options, NULL, &err), &err);
	npu_model_parameter(model, 0, &p);
	assert_true(p.value[0] == first);
	npu_model_parameter(model, 2, &p);
	assert_true(p.value[0] != second);
	npu_model_parameter(model, 4, &p);
	assert_true(p.value[0] == third);
	assert_int_equal(npu_model_freeze(model, 99, true, &err), -EINVAL);
	npu_dataset_free(&data);
	npu_model_free(model);
}

static void test_bad_graphs(void **state)
{
	struct npu_error err = { 0 };
	struct npu_model *model;
	struct npu_dataset data;
	int a;

	(void)state;
	make_data(&data);
	must(npu_model_create(&model, (uint32_t[3]){ 1, 1, FEATURES }, 1, &err), &err);
	assert_int_equal(npu_model_fit(model, &data, NULL, NULL, &err), -EINVAL);
	a = must(npu_model_add(model, npu_dense(.units = 4, .name = "alone"), &err), &err);
	assert_int_equal(npu_model_add_from(model, npu_add(), (int[]){ a, 7 }, 2, &err), -EINVAL);
	assert_non_null(strstr(err.message, "layer 7"));
	assert_int_equal(npu_model_add_from(model, npu_dense(.units = 3), (int[]){ a, a }, 2, &err),
			 -EINVAL);
	assert_int_equal(npu_model_add_from(model, npu_add(), NULL, 0, &err), -EINVAL);
	/* of different shapes */
	assert_int_equal(
		npu_model_add_from(model, npu_add(), (int[]){ a, NPU_MODEL_INPUT }, 2, &err),
		-EINVAL);
	must(npu_model_add_from(model, npu_dense(.units = 3, .activation = NPU_SOFTMAX),
				(int[]){ NPU_MODEL_INPUT }, 1, &err),
	     &err);
	assert_int_equal(npu_model_fit(model, &data, NULL, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.message, "alone"));
	assert_int_equal(npu_model_layers(model), 2);
	npu_dataset_free(&data);
	npu_model_free(model);
}

/* Another end: the rest stays as it is, and the model works as if built so from the start. */
static void test_last_layer_is_replaced(void **state)
{
	struct npu_model *model = forked();
	struct npu_error err = { 0 };
	struct npu_parameter before, after;
	struct npu_dataset data;
	size_t layers = npu_model_layers(model), parameters = npu_model_parameter_count(model);
	float y[2], kept;

	(void)state;
	make_data(&data);
	must(npu_model_backward(model, &data, NPU_LOSS_AUTO, NULL, &err), &err);
	npu_model_parameter(model, 0, &before);
	kept = before.value[3];
	must(npu_model_remove_last(model, &err), &err);
	assert_int_equal(npu_model_layers(model), layers - 1);
	must(npu_model_add(model, npu_dense(.units = 2, .activation = NPU_SOFTMAX), &err), &err);
	assert_int_equal(npu_model_parameter_count(model), parameters - 21 - 1);
	npu_model_parameter(model, 0, &after);
	assert_true(after.value[3] == kept);
	must(npu_model_predict(model, data.x, 1, 1, y, &err), &err);
	assert_true(fabsf(y[0] + y[1] - 1) < 1e-6f);
	while (npu_model_layers(model))
		must(npu_model_remove_last(model, &err), &err);
	assert_int_equal(npu_model_remove_last(model, &err), -EINVAL);
	npu_dataset_free(&data);
	npu_model_free(model);
}

/* Random intervals: those that meet never overlap, and time that has passed is used again. */
static void test_arena(void **state)
{
	enum {
		BUFFERS = 60
	};
	struct npu_arena arena;
	float *at[BUFFERS] = { NULL }, *memory, *none = NULL;
	size_t floats[BUFFERS], from[BUFFERS], until[BUFFERS], total = 0, i, j;
	struct npu_rng rng;

	(void)state;
	npu_rng_seed(&rng, 8, 0);
	assert_int_equal(npu_arena_init(&arena, BUFFERS + 1), 0);
	npu_arena_place(&arena, &none, 0, 0, 9);
	for (i = 0; i < BUFFERS; i++) {
		floats[i] = 1 + npu_rng_below(&rng, 100);
		from[i] = npu_rng_below(&rng, 20);
		until[i] = from[i] + npu_rng_below(&rng, 4);
		total += (floats[i] + 15) / 16 * 16;
		npu_arena_place(&arena, &at[i], floats[i], from[i], until[i]);
	}
	assert_true(arena.floats < total / 2);
	memory = npu_floats_alloc(arena.floats);
	npu_arena_settle(&arena, memory);
	assert_null(none);
	for (i = 0; i < BUFFERS; i++) {
		assert_true(at[i] >= memory && at[i] + floats[i] <= memory + arena.floats);
		assert_int_equal((uintptr_t)at[i] % 64, 0);
		for (j = 0; j < i; j++)
			assert_true(from[i] > until[j] || from[j] > until[i] ||
				    at[i] >= at[j] + floats[j] || at[j] >= at[i] + floats[i]);
	}
	free(memory);
	npu_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradients_of_a_fork),
		cmocka_unit_test(test_predict_agrees_with_loss),
		cmocka_unit_test(test_frozen_layers_stay),
		cmocka_unit_test(test_bad_graphs),
		cmocka_unit_test(test_last_layer_is_replaced),
		cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
