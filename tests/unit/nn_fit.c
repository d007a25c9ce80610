// SPDX-License-Identifier: MIT
/* Building and training: what is learned, when it stops, what is refused and how it is said. */
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
#include "train/nn/model.h"

static float xor_x[8] = { 0, 0, 0, 1, 1, 0, 1, 1 };
static int32_t xor_labels[4] = { 0, 1, 1, 0 };
static const struct npu_dataset xor_data = {
	.samples = 4,
	.dim = { 1, 1, 2 },
	.features = 2,
	.classes = 2,
	.x = xor_x,
	.labels = xor_labels,
};

static struct npu_model *model_of(uint32_t features, uint32_t hidden, uint32_t outputs,
				  enum npu_activation last, uint64_t seed)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 1, 1, features }, seed, &err), 0);
	if (hidden)
		assert_int_equal(npu_model_add(model,
					       npu_dense(.units = hidden, .activation = NPU_TANH),
					       &err),
				 0);
	assert_true(npu_model_add(model, npu_dense(.units = outputs, .activation = last), &err) >=
		    0);
	return model;
}

static double xor_accuracy(uint32_t hidden)
{
	struct npu_fit_options options = { .optimizer = npu_adam(.rate = 0.05f),
					   .epochs = 400,
					   .batch = 4 };
	struct npu_model *model = model_of(2, hidden, 1, NPU_SIGMOID, 3);
	struct npu_history history;
	struct npu_error err = { 0 };
	double accuracy;

	if (npu_model_fit(model, &xor_data, &options, &history, &err))
		fail_msg("%s", err.message);
	accuracy = history.epoch[history.epochs - 1].accuracy;
	npu_history_free(&history);
	npu_model_free(model);
	return accuracy;
}

/* XOR is learned with a hidden layer, and cannot be without. */
static void test_xor(void **state)
{
	(void)state;
	assert_true(xor_accuracy(8) == 1);
	assert_true(xor_accuracy(0) < 1);
}

/* 64 samples of noise are learned by heart, by both optimisers. */
static void test_overfit(void **state)
{
	const struct npu_optimizer optimizers[] = { npu_adam(.rate = 0.01f),
						    npu_sgd(.rate = 0.1f, .momentum = 0.9f) };
	static float x[64 * 10], y[64 * 2];
	struct npu_dataset data = {
		.samples = 64, .dim = { 1, 1, 10 }, .features = 10, .targets = 2, .x = x, .y = y
	};
	struct npu_rng rng;
	size_t i;

	(void)state;
	npu_rng_seed(&rng, 8, 0);
	for (i = 0; i < 640; i++)
		x[i] = (float)npu_rng_normal(&rng);
	for (i = 0; i < 128; i++)
		y[i] = (float)npu_rng_uniform(&rng);
	for (i = 0; i < 2; i++) {
		struct npu_fit_options options = { .optimizer = optimizers[i],
						   .epochs = 500,
						   .batch = 16 };
		struct npu_model *model = model_of(10, 64, 2, NPU_LINEAR, 1);
		struct npu_history history;
		struct npu_error err = { 0 };

		if (npu_model_fit(model, &data, &options, &history, &err))
			fail_msg("%s", err.message);
		assert_true(history.epoch[499].loss < 0.002f);
		assert_true(history.epoch[499].loss < history.epoch[0].loss / 20);
		npu_history_free(&history);
		npu_model_free(model);
	}
}

static void test_initialisers(void **state)
{
	static const struct {
		enum npu_initializer init;
		double variance;
	} expected[] = {
		{ NPU_INIT_GLOROT_UNIFORM, 2.0 / 600 },
		{ NPU_INIT_GLOROT_NORMAL, 2.0 / 600 },
		{ NPU_INIT_HE_UNIFORM, 2.0 / 400 },
		{ NPU_INIT_HE_NORMAL, 2.0 / 400 },
		{ NPU_INIT_ZEROS, 0 },
		{ NPU_INIT_CONSTANT, 0 },
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < 6; i++) {
		struct npu_error err = { 0 };
		struct npu_parameter p;
		struct npu_model *model;
		double sum = 0, squares = 0, mean;

		npu_model_create(&model, (uint32_t[3]){ 1, 1, 400 }, 5, &err);
		npu_model_add(
			model,
			npu_dense(.units = 200, .init = expected[i].init, .init_value = 0.25f),
			&err);
		assert_int_equal(npu_model_parameter(model, 0, &p), 0);
		assert_int_equal(p.count, 80000);
		for (k = 0; k < p.count; k++) {
			sum += p.value[k];
			squares += (double)p.value[k] * p.value[k];
		}
		mean = sum / 80000;
		assert_true(fabs(mean - (expected[i].init == NPU_INIT_CONSTANT ? 0.25 : 0)) < 1e-3);
		assert_true(fabs(squares / 80000 - mean * mean - expected[i].variance) <
			    0.02 * expected[i].variance + 1e-12);
		npu_model_parameter(model, 1, &p);
		for (k = 0; k < p.count; k++)
			assert_true(p.value[k] == 0);
		npu_model_free(model);
	}
}

/* Validation data that training makes worse: it stops, and the best weights are back. */
static void test_early_stopping(void **state)
{
	int32_t opposite[4] = { 1, 0, 0, 1 };
	struct npu_dataset validation = xor_data;
	struct npu_fit_options options = { .optimizer = npu_adam(.rate = 0.05f),
					   .epochs = 300,
					   .batch = 4,
					   .patience = 5,
					   .validation = &validation };
	struct npu_model *model = model_of(2, 8, 1, NPU_SIGMOID, 3);
	struct npu_history history;
	struct npu_error err = { 0 };
	float loss;

	(void)state;
	validation.labels = opposite;
	if (npu_model_fit(model, &xor_data, &options, &history, &err))
		fail_msg("%s", err.message);
	assert_true(history.stopped_early);
	assert_int_equal(history.epochs, history.best_epoch + 5);
	assert_int_equal(npu_model_loss(model, &validation, NPU_LOSS_AUTO, &loss, &err), 0);
	assert_true(fabsf(loss - history.epoch[history.best_epoch - 1].val_loss) < 1e-6f);
	npu_history_free(&history);
	npu_model_free(model);
}

struct snapshot {
	struct npu_model *model;
	float best, *values;
	unsigned int stop_after;
};

/* Keeps the weights of the epoch with the lowest loss; stops after some epochs. */
static int keep_best(const struct npu_epoch *epoch, void *user)
{
	struct snapshot *s = user;

	if (epoch->batch == epoch->batches && epoch->val_loss < s->best) {
		s->best = epoch->val_loss;
		memcpy(s->values, s->model->value, s->model->values * sizeof(float));
	}
	return epoch->batch == epoch->batches && epoch->epoch == s->stop_after;
}

/* With patience the best weights are left, bit for bit, however the run ends. */
static void test_best_weights(void **state)
{
	static const unsigned int stops[] = { 0, 25 };
	int32_t half[4] = { 0, 1, 1, 1 };
	struct npu_dataset validation = xor_data;
	size_t i;

	(void)state;
	validation.labels = half;
	for (i = 0; i < 2; i++) {
		struct npu_model *model = model_of(2, 8, 1, NPU_SIGMOID, 3);
		struct snapshot s = { model, INFINITY, npu_floats_alloc(model->values), stops[i] };
		struct npu_fit_options options = {
			.optimizer = npu_adam(.rate = 0.3f),
			.epochs = 30,
			.batch = 4,
			.patience = 1000,
			.validation = &validation,
			.progress = keep_best,
			.user = &s,
		};
		struct npu_error err = { 0 };

		assert_int_equal(npu_model_fit(model, &xor_data, &options, NULL, &err),
				 stops[i] ? -ECANCELED : 0);
		assert_memory_equal(model->value, s.values, model->values * sizeof(float));
		free(s.values);
		npu_model_free(model);
	}
}

/* The seed orders the samples, unless they keep their order. */
static void test_options(void **state)
{
	struct npu_fit_options options = { .epochs = 3, .batch = 1 };
	struct npu_error err = { 0 };
	float weights[4][2];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct npu_model *model = model_of(2, 0, 1, NPU_SIGMOID, 1 + i % 2);

		model->value[0] = model->value[1] = 0.5f; /* only the shuffling differs */
		options.no_shuffle = i >= 2;
		assert_int_equal(npu_model_fit(model, &xor_data, &options, NULL, &err), 0);
		memcpy(weights[i], model->value, sizeof(weights[i]));
		npu_model_free(model);
	}
	assert_memory_not_equal(weights[0], weights[1], sizeof(weights[0]));
	assert_memory_equal(weights[2], weights[3], sizeof(weights[2]));
}

/* The scaler is applied wherever data goes in. */
static void test_scaler(void **state)
{
	float mean[2] = { 3, -1 }, factor[2] = { 0.5f, 2 }, raw[8], got[4], wanted[4];
	struct npu_scaler scaler = { 2, mean, factor };
	struct npu_dataset data = xor_data;
	struct npu_error err = { 0 };
	float plain_loss, scaled_loss;
	struct npu_model *model = model_of(2, 4, 1, NPU_SIGMOID, 1);
	size_t i;

	(void)state;
	for (i = 0; i < 8; i++)
		raw[i] = xor_x[i] / factor[i % 2] + mean[i % 2];
	data.x = raw;
	assert_int_equal(npu_model_predict(model, xor_x, 4, 1, wanted, &err), 0);
	assert_int_equal(npu_model_loss(model, &xor_data, NPU_LOSS_AUTO, &plain_loss, &err), 0);
	assert_int_equal(npu_model_set_scaler(model, &scaler, &err), 0);
	assert_int_equal(npu_model_predict(model, raw, 4, 1, got, &err), 0);
	assert_memory_equal(got, wanted, sizeof(got));
	for (i = 0; i < 4; i++) {
		assert_int_equal(npu_model_predict(model, raw + 2 * i, 1, 1, got, &err), 0);
		assert_true(fabsf(got[0] - wanted[i]) < 1e-6f);
	}
	assert_int_equal(npu_model_loss(model, &data, NPU_LOSS_AUTO, &scaled_loss, &err), 0);
	assert_true(plain_loss == scaled_loss);
	assert_int_equal(npu_model_set_scaler(model, NULL, &err), 0);
	assert_null(npu_model_scaler(model));
	scaler.count = 1;
	assert_int_equal(npu_model_set_scaler(model, &scaler, &err), -EINVAL);
	npu_model_free(model);
}

static void test_validation_fraction(void **state)
{
	static float x[100];
	static int32_t labels[100];
	struct npu_dataset data = { .samples = 100,
				    .dim = { 1, 1, 1 },
				    .features = 1,
				    .classes = 2,
				    .x = x,
				    .labels = labels };
	struct npu_fit_options options = { .epochs = 1, .batch = 8, .validation_fraction = 0.25f };
	struct npu_model *model = model_of(1, 0, 1, NPU_SIGMOID, 1);
	struct npu_history history;
	struct npu_error err = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		x[i] = (float)i / 100;
		labels[i] = i > 50;
	}
	assert_int_equal(npu_model_fit(model, &data, &options, &history, &err), 0);
	assert_int_equal(history.epoch[0].batches, 10); /* 75 samples */
	assert_false(isnan(history.epoch[0].val_loss));
	npu_history_free(&history);
	options.validation_fraction = 0.001f;
	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), -EINVAL);
	options.validation_fraction = 1;
	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), -EINVAL);
	npu_model_free(model);
}

struct calls {
	unsigned int ends, stop_after;
};

static int count_calls(const struct npu_epoch *epoch, void *user)
{
	struct calls *calls = user;

	calls->ends += epoch->batch == epoch->batches;
	return calls->stop_after && calls->ends >= calls->stop_after;
}

static void test_progress(void **state)
{
	struct calls calls = { 0 };
	struct npu_fit_options options = { .epochs = 20, .progress = count_calls, .user = &calls };
	struct npu_model *model = model_of(2, 4, 1, NPU_SIGMOID, 1);
	struct npu_history history;
	struct npu_error err = { 0 };

	(void)state;
	assert_int_equal(npu_model_fit(model, &xor_data, &options, NULL, &err), 0);
	assert_int_equal(calls.ends, 20);
	calls = (struct calls){ .stop_after = 3 };
	assert_int_equal(npu_model_fit(model, &xor_data, &options, &history, &err), -ECANCELED);
	assert_int_equal(history.epochs, 3);
	npu_history_free(&history);
	npu_model_free(model);
}

/* A call that fails with @code and a sentence that has @word in it. */
static void refused(int got, int code, const struct npu_error *err, const char *word)
{
	assert_int_equal(got, code);
	assert_int_equal(err->code, code);
	if (!strstr(err->message, word))
		fail_msg("\"%s\" does not say \"%s\"", err->message, word);
}

static void test_refused_fits(void **state)
{
	struct npu_model *model = model_of(2, 4, 3, NPU_SOFTMAX, 1), *other;
	struct npu_fit_options options = { 0 };
	struct npu_dataset data = xor_data;
	struct npu_error err = { 0 };
	int32_t labels[4] = { 0, 1, 2, 3 };

	(void)state;
	data.labels = labels;
	refused(npu_model_fit(model, &data, &options, NULL, &err), -EINVAL, &err, "label 3");
	data = xor_data;
	data.features = 3;
	refused(npu_model_fit(model, &data, &options, NULL, &err), -EINVAL, &err, "3 features");
	data = xor_data;
	data.labels = NULL;
	refused(npu_model_fit(model, &data, &options, NULL, &err), -EINVAL, &err, "neither labels");
	data.samples = 0;
	refused(npu_model_fit(model, &data, &options, NULL, &err), -EINVAL, &err, "no samples");
	other = model_of(2, 4, 1, NPU_SOFTMAX, 1);
	refused(npu_model_fit(other, &xor_data, &options, NULL, &err), -EINVAL, &err, "always 1");
	npu_model_free(other);
	options.loss = NPU_LOSS_BINARY_CROSS_ENTROPY;
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -EINVAL, &err, "sigmoid");
	options.loss = NPU_LOSS_MSE;
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -EINVAL, &err, "dense2");
	options = (struct npu_fit_options){ .optimizer = npu_adam(.rate = -1) };
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -EINVAL, &err, "rate");
	options = (struct npu_fit_options){ .min_delta = NAN };
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -EINVAL, &err, "min_delta");
	options = (struct npu_fit_options){ .min_delta = -1 };
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -EINVAL, &err, "min_delta");
	other = model_of(2, 4, 3, NPU_LINEAR, 1);
	options = (struct npu_fit_options){ .loss = NPU_LOSS_CROSS_ENTROPY };
	refused(npu_model_fit(other, &xor_data, &options, NULL, &err), -EINVAL, &err, "softmax");
	npu_model_free(other);
	npu_model_free(model);
	npu_model_create(&model, (uint32_t[3]){ 1, 1, 2 }, 1, &err);
	refused(npu_model_fit(model, &xor_data, NULL, NULL, &err), -EINVAL, &err, "no layers");
	npu_model_free(model);
	npu_model_free(NULL);
	npu_history_free(NULL);
}

/* The loss becomes NaN: the sentence names the layer in which it began, or the data. */
static void test_divergence(void **state)
{
	struct npu_model *model = model_of(2, 4, 1, NPU_LINEAR, 1);
	struct npu_fit_options options = { .loss = NPU_LOSS_MSE, .epochs = 5 };
	float bad[8] = { 0, 0, NAN, 1, 1, 0, 1, 1 };
	struct npu_dataset data = xor_data;
	struct npu_error err = { 0 };
	struct npu_parameter p;

	(void)state;
	npu_model_parameter(model, 2, &p);
	p.value[0] = INFINITY;
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -ERANGE, &err, "dense2");
	p.value[0] = 0;
	data.x = bad;
	refused(npu_model_fit(model, &data, &options, NULL, &err), -ERANGE, &err,
		"feature 0 of sample 1");
	options.validation = &data;
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -ERANGE, &err,
		"feature 0 of sample 1");
	options.validation = NULL;
	data = (struct npu_dataset){ .samples = 4,
				     .dim = { 1, 1, 2 },
				     .features = 2,
				     .targets = 1,
				     .x = xor_x,
				     .y = (float[]){ 0, 1, INFINITY, 0 } };
	refused(npu_model_fit(model, &data, &options, NULL, &err), -ERANGE, &err,
		"target 0 of sample 2");
	npu_model_free(model);
}

/* Only the validation data is too large: it is told, too, where that began. */
static void test_divergence_in_validation(void **state)
{
	float large[8] = { 0, 0, 3e38f, 3e38f, 1, 0, 1, 1 };
	struct npu_dataset validation = xor_data;
	struct npu_fit_options options = { .loss = NPU_LOSS_MSE, .validation = &validation };
	struct npu_error err = { 0 };
	struct npu_parameter p;
	struct npu_model *model;

	(void)state;
	validation.x = large;
	npu_model_create(&model, (uint32_t[3]){ 1, 1, 2 }, 1, &err);
	npu_model_add(model, npu_activation(.activation = NPU_RELU), &err);
	npu_model_add(model, npu_dense(.units = 3), &err);
	npu_model_add(model, npu_dense(.units = 1), &err);
	npu_model_parameter(model, 0, &p);
	p.value[0] = 10;
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -ERANGE, &err, "\"dense1\"");
	npu_model_free(model);
}

/* What goes wrong with the moving averages alone is looked for without those of the batch. */
static void test_divergence_in_watching(void **state)
{
	struct npu_fit_options options = { .loss = NPU_LOSS_MSE, .validation = &xor_data };
	struct npu_error err = { 0 };
	struct npu_parameter variance;
	struct npu_model *model;

	(void)state;
	npu_model_create(&model, (uint32_t[3]){ 1, 1, 2 }, 1, &err);
	npu_model_add(model, npu_batch_norm(), &err);
	npu_model_add(model, npu_dense(.units = 1), &err);
	npu_model_parameter(model, 3, &variance);
	assert_string_equal(variance.name, "batchnorm1.variance");
	variance.value[0] = -100;
	refused(npu_model_fit(model, &xor_data, &options, NULL, &err), -ERANGE, &err,
		"\"batchnorm1\"");
	npu_model_free(model);
}

/* No loss shows what the very last step has done. */
static void test_divergence_in_last_step(void **state)
{
	float x[4] = { 1e18f, 2e18f, 3e18f, 4e18f }, y[4] = { 1, 1, 1, 1 };
	struct npu_dataset data = {
		.samples = 4, .dim = { 1, 1, 1 }, .features = 1, .targets = 1, .x = x, .y = y
	};
	struct npu_fit_options options = { .epochs = 1, .optimizer = npu_sgd(.rate = 100) };
	struct npu_model *model = model_of(1, 0, 1, NPU_LINEAR, 1);
	struct npu_error err = { 0 };

	(void)state;
	refused(npu_model_fit(model, &data, &options, NULL, &err), -ERANGE, &err,
		"\"dense1.weight\"");
	npu_model_free(model);
}

/* Lengths that the data's shape allows, but not the model's, which has as many values. */
static void test_lengths_of_another_shape(void **state)
{
	float x[24] = { 0 }, y[2 * 3] = { 0 };
	uint32_t lengths[2] = { 3, 4 };
	struct npu_dataset data = {
		.samples = 2,
		.dim = { 1, 4, 3 },
		.features = 12,
		.targets = 3,
		.x = x,
		.y = y,
		.lengths = lengths,
	};
	struct npu_error err = { 0 };
	struct npu_model *model;

	(void)state;
	npu_model_create(&model, (uint32_t[3]){ 1, 3, 4 }, 1, &err);
	npu_model_add(model, npu_conv1d(.units = 1), &err);
	refused(npu_model_fit(model, &data, NULL, NULL, &err), -EINVAL, &err,
		"sample 1 has a length of 4 steps; data and model allow 1 to 3");
	refused(npu_model_predict_data(model, &data, 1, y, &err), -EINVAL, &err, "sample 1");
	npu_model_free(model);
}

static void test_refused_layers(void **state)
{
	struct npu_model *model;
	struct npu_error err = { 0 };
	struct npu_parameter p;

	(void)state;
	refused(npu_model_create(&model, (uint32_t[3]){ 1, 0, 2 }, 1, &err), -EINVAL, &err,
		"at least 1");
	npu_model_create(&model, (uint32_t[3]){ 1, 1, 2 }, 1, &err);
	refused(npu_model_add(model, npu_dense(.units = 0), &err), -EINVAL, &err, "units is 0");
	refused(npu_model_add(model, npu_dense(.units = 3, .activation = 99), &err), -EINVAL, &err,
		"activation");
	refused(npu_model_add(model, npu_activation(.activation = NPU_LEAKY_RELU, .alpha = -1),
			      &err),
		-EINVAL, &err, "alpha");
	refused(npu_model_add(model, (struct npu_layer){ .kind = 77 }, &err), -EINVAL, &err,
		"kind");
	assert_int_equal(npu_model_add(model, npu_dense(.units = 3, .name = "a"), &err), 0);
	refused(npu_model_add(model, npu_dense(.units = 3, .name = "a"), &err), -EEXIST, &err,
		"\"a\"");
	assert_int_equal(npu_model_layers(model), 1);
	assert_int_equal(npu_model_parameters(model), 2);
	assert_int_equal(npu_model_parameter(model, 2, &p), -EINVAL);
	assert_int_equal(npu_model_parameter_count(model), 9);
	/* a given name that looks like a default is stepped over */
	assert_int_equal(npu_model_add(model, npu_dense(.units = 2, .name = "dense3"), &err), 1);
	assert_int_equal(npu_model_add(model, npu_dense(.units = 2), &err), 2);
	assert_string_equal(npu_model_layer(model, 2)->name, "dense4");
	assert_null(npu_model_layer(model, 3));
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xor),
		cmocka_unit_test(test_overfit),
		cmocka_unit_test(test_initialisers),
		cmocka_unit_test(test_early_stopping),
		cmocka_unit_test(test_best_weights),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_scaler),
		cmocka_unit_test(test_validation_fraction),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_refused_fits),
		cmocka_unit_test(test_divergence),
		cmocka_unit_test(test_divergence_in_validation),
		cmocka_unit_test(test_divergence_in_watching),
		cmocka_unit_test(test_divergence_in_last_step),
		cmocka_unit_test(test_lengths_of_another_shape),
		cmocka_unit_test(test_refused_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
