// SPDX-License-Identifier: MIT
/*
 * The layers without weights, the norms and embedding: their shapes and what they refuse, dropout's
 * randomness, batch norm's moving averages; and how weights start. Their values and gradients are
 * nn_gradients.c's.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/nn/layer.h"

/**
 * struct shape_case - a layer and what it makes of an input
 * @out: its output; or 0
 * @refused: words of the sentence that refuses it; NULL where it is right
 */
struct shape_case {
	uint32_t dim[3];
	struct npu_layer layer;
	uint32_t out[3];
	const char *refused;
};

#define FITS(...) .out = __VA_ARGS__
#define REFUSED(words) .refused = words

static const struct shape_case shapes[] = {
	{ { 2, 3, 4 }, npu_flatten(), FITS({ 1, 1, 24 }) },
	{ { 2, 3, 4 }, npu_reshape(.dim = { 1, 6, 4 }), FITS({ 1, 6, 4 }) },
	{ { 2, 3, 4 }, npu_reshape(.dim = { 0, 6, 2 }), FITS({ 2, 6, 2 }) },
	{ { 2, 3, 4 }, npu_reshape(.dim = { 24, 1, 0 }), FITS({ 24, 1, 1 }) },
	{ { 2, 3, 4 }, npu_reshape(.dim = { 2, 2, 2 }), REFUSED("the 24 values of its input") },
	{ { 2, 3, 4 }, npu_reshape(.dim = { 5, 0, 1 }), REFUSED("the 24 values of its input") },
	{ { 2, 3, 4 }, npu_reshape(.dim = { 48, 0, 1 }), REFUSED("the 24 values of its input") },
	{ { 2, 3, 4 }, npu_reshape(.dim = { 0, 0, 4 }), REFUSED("only one dimension") },
	{ { 2, 3, 4 }, npu_reshape(.dim = { 1u << 31, 1u << 31, 4 }), REFUSED("the 24 values") },
	{ { 2, 3, 4 }, npu_dropout(.rate = 0.5f), FITS({ 2, 3, 4 }) },
	{ { 2, 3, 4 }, npu_dropout(.rate = 1), REFUSED("dropout rate 1; it must be in [0, 1)") },
	{ { 2, 3, 4 }, npu_dropout(.rate = -0.1f), REFUSED("it must be in [0, 1)") },
	{ { 2, 3, 4 }, npu_dropout(.rate = NAN), REFUSED("it must be in [0, 1)") },
	{ { 2, 3, 4 }, npu_batch_norm(), FITS({ 2, 3, 4 }) },
	{ { 2, 3, 4 }, npu_batch_norm(.epsilon = -1), REFUSED("epsilon -1; it must be above 0") },
	{ { 2, 3, 4 }, npu_batch_norm(.momentum = 1), REFUSED("momentum 1") },
	{ { 2, 3, 4 }, npu_layer_norm(), FITS({ 2, 3, 4 }) },
	{ { 2, 3, 4 }, npu_layer_norm(.epsilon = INFINITY), REFUSED("epsilon inf") },
	{ { 1, 9, 1 }, npu_embedding(.vocabulary = 7, .units = 5), FITS({ 1, 9, 5 }) },
	{ { 1, 1, 9 }, npu_embedding(.vocabulary = 7, .units = 5), REFUSED("not 1 x 1 x 9") },
	{ { 1, 9, 1 }, npu_embedding(.units = 5), REFUSED("a vocabulary of 0") },
	{ { 1, 9, 1 },
	  npu_embedding(.vocabulary = (1u << 24) + 1, .units = 1),
	  REFUSED("the vectors at most 2^24") },
	{ { 1, 9, 1 }, npu_embedding(.vocabulary = 7), REFUSED("of 0 units") },
	{ { 1, 9, 1 },
	  npu_embedding(.vocabulary = 1u << 31, .units = 1u << 16),
	  REFUSED("their product 2^28") },
	{ { 1, 1, 4 }, npu_activation(.activation = NPU_ACTIVATIONS), REFUSED("activation 14") },
	{ { 1, 1, 4 }, npu_activation(.activation = NPU_ELU, .alpha = -1), REFUSED("alpha -1") },
	{ { 2, 3, 4 }, npu_concat(), FITS({ 2, 3, 4 }) },
	{ { 2, 3, 4 }, npu_concat(.axis = 3), REFUSED("axis 3") },
};

static struct npu_model *model_of(const uint32_t dim[3])
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	if (npu_model_create(&model, dim, 7, &err))
		fail_msg("%s", err.message);
	return model;
}

static void expect_refusal(int ret, const struct npu_error *err, const char *words)
{
	if (ret != -EINVAL || !strstr(err->message, words))
		fail_msg("%d, \"%s\", should be -EINVAL and say \"%s\"", ret, err->message, words);
}

static void test_shapes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape_case *c = &shapes[i];
		struct npu_model *model = model_of(c->dim);
		struct npu_error err = { 0 };
		int ret = npu_model_add(model, c->layer, &err);
		uint32_t out[3];

		if (c->refused) {
			expect_refusal(ret, &err, c->refused);
			assert_int_equal(npu_model_layers(model), 0);
		} else {
			if (ret < 0)
				fail_msg("%s", err.message);
			assert_int_equal(npu_model_layer_dim(model, 0, out), 0);
			assert_memory_equal(out, c->out, sizeof(out));
		}
		npu_model_free(model);
	}
}

/* Layers of several inputs say which of their shapes do not go together. */
static void test_joining(void **state)
{
	struct npu_model *model = model_of((uint32_t[3]){ 2, 4, 3 });
	const int both[2] = { NPU_MODEL_INPUT, 0 };
	struct npu_error err = { 0 };
	uint32_t out[3];
	int ret;

	(void)state;
	assert_int_equal(npu_model_add(model, npu_average_pool(.kernel = { 1, 2 }), &err), 0);
	ret = npu_model_add_from(model, npu_add(), both, 2, &err);
	expect_refusal(ret, &err, "it adds 2 x 2 x 3 to 2 x 4 x 3");
	ret = npu_model_add_from(model, npu_concat(), both, 2, &err);
	expect_refusal(ret, &err, "it joins 2 x 2 x 3 to 2 x 4 x 3 along C");
	ret = npu_model_add_from(model, npu_concat(.axis = NPU_AXIS_W), both, 2, &err);
	assert_int_equal(ret, 1);
	assert_int_equal(npu_model_layer_dim(model, 1, out), 0);
	assert_memory_equal(out, ((uint32_t[3]){ 2, 6, 3 }), sizeof(out));
	expect_refusal(npu_model_add_from(model, npu_flatten(), both, 2, &err), &err, "reads 1");
	npu_model_free(model);
}

#define DROPPED 40001

/* One way through a dropout layer of the values @from. */
static void drop(const struct npu_model *model, uint64_t random, unsigned int threads, bool back,
		 const float *from, float *to)
{
	struct npu_step step = {
		.model = model,
		.node = &model->node[0],
		.n = 1,
		.x = from,
		.dy = from,
		.y = to,
		.dx = to,
		.training = true,
		.random = random,
	};

	assert_int_equal(npu_pool_create(&step.pool, threads, NULL), 0);
	if (back)
		step.node->ops->backward(&step);
	else
		step.node->ops->forward(&step);
	npu_pool_free(step.pool);
}

static size_t count_zeros(const float *x, size_t first, size_t count)
{
	size_t i, zeros = 0;

	for (i = first; i < first + count; i++)
		zeros += x[i] == 0;
	return zeros;
}

/* As many go as should, all over; the others grow, so that the mean stays. */
static void test_dropout_share(void **state)
{
	static const float rates[] = { 0.01f, 0.1f, 0.5f, 0.9f };
	static float ones[DROPPED], y[DROPPED];
	size_t r, part, i;

	(void)state;
	for (i = 0; i < DROPPED; i++)
		ones[i] = 1;
	for (r = 0; r < 4; r++) {
		struct npu_model *model = model_of((uint32_t[3]){ 1, 1, DROPPED });
		double rate = rates[r], deviation = sqrt(rate * (1 - rate) / 10000);

		assert_int_equal(npu_model_add(model, npu_dropout(.rate = rates[r]), NULL), 0);
		drop(model, 3, 1, false, ones, y);
		for (part = 0; part < 4; part++) {
			double share = (double)count_zeros(y, part * 10000, 10000) / 10000;

			assert_true(fabs(share - rate) < 4 * deviation);
		}
		for (i = 0; i < DROPPED; i++)
			assert_true(y[i] == 0 || fabs(y[i] * (1 - rate) - 1) < 1e-6);
		npu_model_free(model);
	}
}

/* The same go for a step's number, at any number of threads and on the way back; else others. */
static void test_dropout_randomness(void **state)
{
	struct npu_model *model = model_of((uint32_t[3]){ 1, 1, DROPPED });
	static float x[DROPPED], y[DROPPED], again[DROPPED];
	size_t i, same = 0;
	unsigned int threads;

	(void)state;
	for (i = 0; i < DROPPED; i++)
		x[i] = (float)i + 1;
	assert_int_equal(npu_model_add(model, npu_dropout(.rate = 0.5f), NULL), 0);
	drop(model, 3, 1, false, x, y);
	for (threads = 1; threads <= 4; threads++) {
		drop(model, 3, threads, threads % 2, x, again);
		assert_memory_equal(y, again, sizeof(y));
	}
	drop(model, 4, 1, false, x, again);
	for (i = 0; i < DROPPED; i++)
		same += (y[i] == 0) == (again[i] == 0);
	assert_true(fabs((double)same / DROPPED - 0.5) < 0.02);
	/* neighbours are independent, too */
	for (same = 0, i = 1; i < DROPPED; i++)
		same += (y[i] == 0) == (y[i - 1] == 0);
	assert_true(fabs((double)same / DROPPED - 0.5) < 0.02);
	npu_model_free(model);
}

/* A network in which a batch norm sees the samples as they are, and samples for it. */
static struct npu_model *norm_model(struct npu_dataset *data, bool frozen)
{
	struct npu_model *model = model_of((uint32_t[3]){ 1, 1, 2 });
	struct npu_error err = { 0 };
	size_t i;

	assert_int_equal(npu_dataset_alloc(data, 8, (uint32_t[3]){ 1, 1, 2 }, 1, 0, &err), 0);
	for (i = 0; i < 8; i++) {
		data->x[2 * i] = (float)i;	/* mean 3.5, unbiased variance 6 */
		data->x[2 * i + 1] = i % 2 * 2; /* 1, 8 / 7 */
		data->y[i] = (float)i;
	}
	npu_model_add(model, npu_batch_norm(.momentum = 0.5f, .frozen = frozen), &err);
	assert_int_equal(npu_model_add(model, npu_dense(.units = 1), &err), 1);
	return model;
}

static const float *values_of(struct npu_model *model, size_t i, const char *name)
{
	struct npu_parameter p;

	assert_int_equal(npu_model_parameter(model, i, &p), 0);
	assert_string_equal(p.name, name);
	return p.value;
}

/* They follow the batches of fit, and nothing else; frozen, not even those. */
static void test_moving_averages(void **state)
{
	struct npu_fit_options options = { .epochs = 2, .batch = 8, .threads = 1 };
	struct npu_error err = { 0 };
	struct npu_dataset data;
	const float *mean, *variance;
	int frozen;

	(void)state;
	for (frozen = 0; frozen < 2; frozen++) {
		struct npu_model *model = norm_model(&data, frozen);

		mean = values_of(model, 2, "batchnorm1.mean");
		variance = values_of(model, 3, "batchnorm1.variance");
		assert_int_equal(npu_model_backward(model, &data, NPU_LOSS_MSE, NULL, &err), 0);
		assert_true(mean[0] == 0 && variance[0] == 1);
		if (npu_model_fit(model, &data, &options, NULL, &err))
			fail_msg("%s", err.message);
		/* from 0 and 1 half of the way to those of the batch, twice */
		assert_true(fabs(mean[0] - (frozen ? 0 : 3.5 * 0.75)) < 1e-5);
		assert_true(fabs(mean[1] - (frozen ? 0 : 0.75)) < 1e-5);
		assert_true(fabs(variance[0] - (frozen ? 1 : 6 * 0.75 + 0.25)) < 1e-5);
		assert_true(fabs(variance[1] - (frozen ? 1 : 8.0 / 7 * 0.75 + 0.25)) < 1e-5);
		npu_model_free(model);
		npu_dataset_free(&data);
	}
}

/* Mean, and root of the mean square, of a layer's first parameter. */
static void check_start(struct npu_layer layer, const uint32_t dim[3], double deviation,
			double largest)
{
	struct npu_model *model = model_of(dim);
	struct npu_error err = { 0 };
	double sum = 0, square = 0, most = 0;
	struct npu_parameter p;
	size_t i;

	if (npu_model_add(model, layer, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(npu_model_parameter(model, 0, &p), 0);
	for (i = 0; i < p.count; i++) {
		sum += p.value[i];
		square += (double)p.value[i] * p.value[i];
		most = fmax(most, fabs(p.value[i]));
	}
	assert_true(p.count > 5000);
	assert_true(fabs(sum / (double)p.count) < 0.05 * deviation);
	if (fabs(sqrt(square / (double)p.count) - deviation) > 0.04 * deviation || most > largest ||
	    (largest < 10 && most < 0.99 * largest))
		fail_msg("init %d, activation %d: deviation %g and at most %g, should be %g and %g",
			 layer.init, layer.activation, sqrt(square / (double)p.count), most,
			 deviation, largest);
	npu_model_free(model);
}

static void test_initial_weights(void **state)
{
	const uint32_t row[3] = { 1, 1, 100 }, image[3] = { 6, 6, 24 }, words[3] = { 1, 5, 1 };
	const double glorot = sqrt(6.0 / 180), he = sqrt(6.0 / 100), root3 = sqrt(3);
	const struct npu_layer dense = npu_dense(.units = 80);
	struct npu_layer layer = dense;
	int a;

	(void)state;
	check_start(dense, row, glorot / root3, glorot);
	for (a = 0; a < NPU_ACTIVATIONS; a++) {
		bool kin = a == NPU_RELU || a == NPU_LEAKY_RELU || a == NPU_RELU6 || a == NPU_ELU ||
			   a == NPU_GELU || a == NPU_SWISH || a == NPU_HARD_SWISH;

		layer.activation = a;
		check_start(layer, row, (kin ? he : glorot) / root3, kin ? he : glorot);
	}
	layer.init = NPU_INIT_GLOROT_UNIFORM;
	layer.activation = NPU_RELU;
	check_start(layer, row, glorot / root3, glorot);
	layer.init = NPU_INIT_HE_UNIFORM;
	layer.activation = NPU_TANH;
	check_start(layer, row, he / root3, he);
	layer.init = NPU_INIT_GLOROT_NORMAL;
	check_start(layer, row, glorot / root3, INFINITY);
	layer.init = NPU_INIT_HE_NORMAL;
	check_start(layer, row, he / root3, INFINITY);
	/* 3 * 3 * 24 reach an output, 3 * 3 * 48 are reached from an input; by groups a third */
	check_start(npu_conv2d(.units = 48, .kernel = { 3, 3 }), image, sqrt(2.0 / 648),
		    sqrt(6.0 / 648));
	check_start(npu_conv2d(.units = 96, .kernel = { 3, 3 }, .groups = 3), image,
		    sqrt(2.0 / (72 + 288)), sqrt(6.0 / (72 + 288)));
	check_start(npu_embedding(.vocabulary = 1000, .units = 30), words, 0.05, INFINITY);
}

static void test_constant_weights(void **state)
{
	struct npu_model *model = model_of((uint32_t[3]){ 1, 1, 4 });
	struct npu_error err = { 0 };
	struct npu_parameter p;
	size_t i;

	(void)state;
	npu_model_add(model, npu_dense(.units = 3, .init = NPU_INIT_CONSTANT, .init_value = 0.25f),
		      &err);
	assert_int_equal(npu_model_add(model, npu_dense(.units = 3, .init = NPU_INIT_ZEROS), &err),
			 1);
	npu_model_parameter(model, 0, &p);
	for (i = 0; i < p.count; i++)
		assert_true(p.value[i] == 0.25f);
	npu_model_parameter(model, 2, &p);
	for (i = 0; i < p.count; i++)
		assert_true(p.value[i] == 0);
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),		 cmocka_unit_test(test_joining),
		cmocka_unit_test(test_dropout_share),	 cmocka_unit_test(test_dropout_randomness),
		cmocka_unit_test(test_moving_averages),	 cmocka_unit_test(test_initial_weights),
		cmocka_unit_test(test_constant_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
