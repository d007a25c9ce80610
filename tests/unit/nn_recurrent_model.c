// SPDX-License-Identifier: MIT
/* RNN, LSTM and GRU in a network: parameters, mistakes, learning. */
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
#include "train/nn/rng.h"

static struct npu_rng rng;

static struct npu_parameter parameter(struct npu_model *model, const char *name)
{
	struct npu_parameter p = { 0 };
	size_t i;

	for (i = 0; i < npu_model_parameters(model); i++) {
		npu_model_parameter(model, i, &p);
		if (!strcmp(p.name, name))
			return p;
	}
	fail_msg("no parameter %s", name);
	return p;
}

static struct npu_model *one_layer(struct npu_layer layer)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 1, 6, 5 }, 1, &err), 0);
	if (npu_model_add(model, layer, &err) < 0)
		fail_msg("%s", err.message);
	return model;
}

static void test_parameters(void **state)
{
	struct npu_model *model = one_layer(npu_lstm(.units = 8, .bidirectional = true));
	struct npu_parameter p;
	uint32_t dim[3];
	size_t i, j, k;

	(void)state;
	assert_int_equal(npu_model_parameters(model), 6);
	p = parameter(model, "lstm1.backward.weight");
	assert_int_equal(p.dim[0], 5);
	assert_int_equal(p.dim[1], 32);
	p = parameter(model, "lstm1.forward.bias");
	for (i = 0; i < 32; i++)
		assert_true(p.value[i] == (i / 8 == 2));
	p = parameter(model, "lstm1.forward.recurrent");
	for (i = 0; i < 8; i++)
		for (j = 0; j <= i; j++) {
			double sum = 0;

			for (k = 0; k < 32; k++)
				sum += (double)p.value[i * 32 + k] * p.value[j * 32 + k];
			assert_true(fabs(sum - (i == j)) < 1e-6);
		}
	npu_model_layer_dim(model, 0, dim);
	assert_true(dim[0] == 1 && dim[1] == 1 && dim[2] == 16);
	npu_model_free(model);

	model = one_layer(npu_gru(.units = 4, .reset_after = true, .sequences = true,
				  .init = NPU_INIT_CONSTANT, .init_value = 0.5f));
	assert_int_equal(parameter(model, "gru1.recurrent_bias").count, 4);
	p = parameter(model, "gru1.recurrent");
	assert_true(p.count == 48 && p.value[0] == 0.5f && p.value[47] == 0.5f);
	npu_model_layer_dim(model, 0, dim);
	assert_true(dim[0] == 1 && dim[1] == 6 && dim[2] == 4);
	npu_model_free(model);

	model = one_layer(npu_rnn(.units = 4, .no_bias = true));
	assert_int_equal(npu_model_parameters(model), 2);
	assert_int_equal(npu_model_layer(model, 0)->activation, NPU_TANH);
	npu_model_free(model);
}

static void refused(const uint32_t dim[3], struct npu_layer layer, const char *says)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	assert_int_equal(npu_model_create(&model, dim, 1, &err), 0);
	assert_int_equal(npu_model_add(model, layer, &err), -EINVAL);
	if (!strstr(err.message, says))
		fail_msg("\"%s\" does not say \"%s\"", err.message, says);
	npu_model_free(model);
}

static void test_mistakes(void **state)
{
	const uint32_t image[3] = { 4, 6, 5 }, sequence[3] = { 1, 6, 5 };

	(void)state;
	refused(image, npu_lstm(.units = 4), "reads a sequence");
	refused(sequence, npu_gru(.units = 0), "units is 0");
	refused(sequence, npu_lstm(.units = 1u << 20), "2^30");
	refused(sequence, npu_rnn(.units = 4, .backwards = true, .bidirectional = true),
		"both backwards and bidirectional");
	refused(sequence, npu_lstm(.units = 4, .reset_after = true), "npu_gru() alone");
	refused(sequence, npu_rnn(.units = 4, .activation = NPU_SOFTMAX), "softmax inside");
}

/* A loss that wants the gradient before the last sigmoid can't have it inside of a layer. */
static void test_loss_behind_rnn(void **state)
{
	struct npu_model *model = one_layer(npu_rnn(.units = 1, .activation = NPU_SIGMOID));
	struct npu_error err = { 0 };
	struct npu_dataset data;
	float mse, chosen;

	(void)state;
	assert_int_equal(npu_dataset_alloc(&data, 3, (uint32_t[3]){ 1, 6, 5 }, 1, 0, &err), 0);
	data.y[1] = 1;
	assert_int_equal(npu_model_loss(model, &data, NPU_LOSS_BINARY_CROSS_ENTROPY, &chosen, &err),
			 -EINVAL);
	assert_int_equal(npu_model_loss(model, &data, NPU_LOSS_AUTO, &chosen, &err), 0);
	assert_int_equal(npu_model_loss(model, &data, NPU_LOSS_MSE, &mse, &err), 0);
	assert_true(chosen == mse);
	npu_dataset_free(&data);
	npu_model_free(model);
}

/* Which came last, 1 or -1? Only a network that remembers can tell after the zeros. */
static void make_task(struct npu_dataset *data)
{
	const uint32_t dim[3] = { 1, 9, 1 };
	size_t i, t;

	assert_int_equal(npu_dataset_alloc(data, 200, dim, 0, 2, NULL), 0);
	data->lengths = calloc(data->samples, sizeof(*data->lengths));
	assert_non_null(data->lengths);
	for (i = 0; i < data->samples; i++) {
		data->lengths[i] = 4 + (uint32_t)npu_rng_below(&rng, 6);
		for (t = 0; t < 9; t++)
			data->x[i * 9 + t] = npu_rng_below(&rng, 2) ? 1 : -1;
		for (t = 2; t < data->lengths[i]; t++)
			data->x[i * 9 + t] = 0;
		data->labels[i] = data->x[i * 9 + 1] > 0;
	}
}

static void learn(struct npu_layer first, struct npu_layer second)
{
	const struct npu_fit_options options = { .epochs = 40,
						 .optimizer = npu_adam(.rate = 0.02f) };
	struct npu_error err = { 0 };
	struct npu_history history = { 0 };
	struct npu_model *model;
	struct npu_dataset data;

	make_task(&data);
	assert_int_equal(npu_model_create(&model, data.dim, 5, &err), 0);
	assert_true(npu_model_add(model, first, &err) >= 0);
	assert_true(npu_model_add(model, second, &err) >= 0);
	assert_true(npu_model_add(model, npu_dense(.units = 2, .activation = NPU_SOFTMAX), &err) >=
		    0);
	if (npu_model_fit(model, &data, &options, &history, &err))
		fail_msg("%s", err.message);
	print_message("# %s: loss %g\n", npu_model_layer(model, 1)->name,
		      (double)history.epoch[history.epochs - 1].loss);
	assert_true(history.epoch[history.epochs - 1].loss < 0.05f);
	npu_history_free(&history);
	npu_model_free(model);
	npu_dataset_free(&data);
}

static void test_learning(void **state)
{
	(void)state;
	learn(npu_rnn(.units = 8, .sequences = true), npu_rnn(.units = 8));
	learn(npu_lstm(.units = 8, .sequences = true), npu_lstm(.units = 8));
	learn(npu_gru(.units = 8, .sequences = true, .reset_after = true), npu_gru(.units = 8));
	learn(npu_gru(.units = 8, .sequences = true, .bidirectional = true),
	      npu_lstm(.units = 8, .backwards = true));
}

struct watching {
	struct npu_model *model;
	size_t samples;
};

static int predict_meanwhile(const struct npu_epoch *epoch, void *user)
{
	struct watching *watching = user;
	float x[30 * 20] = { 1 }, y[20];
	struct npu_error err = { 0 };

	(void)epoch;
	assert_int_equal(npu_model_predict(watching->model, x, watching->samples, 1, y, &err), 0);
	return 0;
}

static float loss_of_stateful(size_t samples)
{
	struct npu_fit_options options = { .epochs = 3, .batch = 20 };
	struct npu_model *model = one_layer(npu_gru(.units = 4, .stateful = true));
	struct watching watching = { model, samples };
	struct npu_history history;
	struct npu_error err = { 0 };
	struct npu_dataset data;
	float loss, first, again;
	size_t i;

	npu_rng_seed(&rng, 9, 0);
	assert_int_equal(npu_dataset_alloc(&data, 60, (uint32_t[3]){ 1, 6, 5 }, 1, 0, &err), 0);
	for (i = 0; i < data.samples * data.features; i++)
		data.x[i] = (float)npu_rng_normal(&rng);
	assert_int_equal(npu_model_add(model, npu_dense(.units = 1), &err), 1);
	if (samples)
		options.progress = predict_meanwhile;
	options.user = &watching;
	if (npu_model_fit(model, &data, &options, &history, &err))
		fail_msg("%s", err.message);
	loss = history.epoch[2].loss;
	/* The loss of the same data is the same, whatever came before. */
	assert_int_equal(npu_model_loss(model, &data, NPU_LOSS_MSE, &first, &err), 0);
	assert_int_equal(npu_model_loss(model, &data, NPU_LOSS_MSE, &again, &err), 0);
	assert_true(first == again);
	npu_history_free(&history);
	npu_model_free(model);
	npu_dataset_free(&data);
	return loss;
}

/* Outputs are there in training, too, where the way back needs what was before the activation. */
static void test_activation_inside(void **state)
{
	struct npu_dataset data;
	enum npu_activation a;
	size_t i;

	(void)state;
	assert_int_equal(npu_dataset_alloc(&data, 3, (uint32_t[3]){ 1, 6, 5 }, 2, 0, NULL), 0);
	for (i = 0; i < 90; i++)
		data.x[i] = 0.1f * (float)(i % 11) - 0.4f;
	for (a = NPU_LINEAR; a < NPU_ACTIVATIONS; a++) {
		float training, predicting;
		struct npu_model *model;

		if (a == NPU_SOFTMAX)
			continue;
		model = one_layer(npu_rnn(.units = 2, .activation = a));
		assert_int_equal(npu_model_loss(model, &data, NPU_LOSS_MSE, &predicting, NULL), 0);
		assert_int_equal(npu_model_backward(model, &data, NPU_LOSS_MSE, &training, NULL),
				 0);
		assert_true(training == predicting && training > 0);
		npu_model_free(model);
	}
	npu_dataset_free(&data);
}

/* A callback that predicts neither breaks nor changes the training of stateful layers. */
static void test_predicting_meanwhile(void **state)
{
	float loss = loss_of_stateful(0);

	(void)state;
	assert_true(loss_of_stateful(1) == loss);
	assert_true(loss_of_stateful(20) == loss);
}

/* Outputs for a sample of @length steps of 6. */
static float predict_length(struct npu_model *model, uint32_t length)
{
	float x[30], y;
	struct npu_dataset data = {
		.samples = 1,
		.dim = { 1, 6, 5 },
		.features = 30,
		.x = x,
		.lengths = &length,
	};
	struct npu_error err = { 0 };
	size_t i;

	for (i = 0; i < 30; i++)
		x[i] = 0.1f * (float)(i % 7) - 0.2f;
	if (npu_model_predict_data(model, &data, 1, &y, &err))
		fail_msg("%s", err.message);
	return y;
}

/* Lengths are of the model's own steps: they say nothing of others, as many as these may be. */
static void test_lengths_of_other_steps(void **state)
{
	struct npu_model *model = one_layer(npu_dense(.units = 18));
	struct npu_error err = { 0 };

	(void)state;
	npu_model_add(model, npu_reshape(.dim = { 1, 6, 3 }), &err);
	npu_model_add(model, npu_gru(.units = 1), &err);
	assert_true(predict_length(model, 2) == predict_length(model, 6));
	npu_model_free(model);

	model = one_layer(npu_conv1d(.units = 3, .kernel = { 1, 3 }, .padding = NPU_SAME));
	npu_model_add(model, npu_batch_norm(), &err);
	npu_model_add(model, npu_gru(.units = 1), &err);
	assert_true(predict_length(model, 2) != predict_length(model, 6));
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_loss_behind_rnn),
		cmocka_unit_test(test_learning),
		cmocka_unit_test(test_predicting_meanwhile),
		cmocka_unit_test(test_activation_inside),
		cmocka_unit_test(test_lengths_of_other_steps),
	};

	npu_rng_seed(&rng, 5, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
