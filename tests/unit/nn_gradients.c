// SPDX-License-Identifier: MIT
/*
 * Gradients against central differences: every layer, activation and loss, from one table, in
 * every kernel variant that this CPU runs.
 *
 * Differences are taken in f32, so with a step that balances rounding against curvature; relu and
 * leaky relu have kinks, which the inputs keep away from by construction of the tolerance: a
 * parameter may miss if the loss bends within its step, and few do.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/nn/f32.h"
#include "train/nn/model.h"
#include "train/nn/reference.h"
#include "train/nn/loss.h"

#define SAMPLES 7
#define FEATURES 5

struct gradient_case {
	const char *name;
	enum npu_activation hidden, last;
	uint32_t outputs;
	enum npu_loss loss;
	bool labels, no_bias, separate;	/* separate: activations as layers of their own */
};

static const struct gradient_case cases[] = {
	{ "linear mse", NPU_LINEAR, NPU_LINEAR, 3, NPU_LOSS_MSE, false, false, false },
	{ "relu mse", NPU_RELU, NPU_LINEAR, 2, NPU_LOSS_MSE, false, false, false },
	{ "leaky relu mse", NPU_LEAKY_RELU, NPU_LINEAR, 2, NPU_LOSS_MSE, false, false, false },
	{ "sigmoid mse", NPU_SIGMOID, NPU_SIGMOID, 2, NPU_LOSS_MSE, false, false, false },
	{ "tanh mse", NPU_TANH, NPU_TANH, 2, NPU_LOSS_MSE, false, false, false },
	{ "softmax mse", NPU_SOFTMAX, NPU_SOFTMAX, 4, NPU_LOSS_MSE, false, false, false },
	{ "no bias", NPU_TANH, NPU_LINEAR, 2, NPU_LOSS_MSE, false, true, false },
	{ "labels mse", NPU_TANH, NPU_LINEAR, 1, NPU_LOSS_MSE, true, false, false },
	{ "cross-entropy labels", NPU_TANH, NPU_SOFTMAX, 4, NPU_LOSS_CROSS_ENTROPY, true, false,
	  false },
	{ "cross-entropy one-hot", NPU_RELU, NPU_SOFTMAX, 4, NPU_LOSS_CROSS_ENTROPY, false, false,
	  false },
	{ "binary labels", NPU_TANH, NPU_SIGMOID, 1, NPU_LOSS_BINARY_CROSS_ENTROPY, true, false,
	  false },
	{ "binary targets", NPU_SIGMOID, NPU_SIGMOID, 3, NPU_LOSS_BINARY_CROSS_ENTROPY, false,
	  false, false },
	{ "layers relu softmax", NPU_RELU, NPU_SOFTMAX, 4, NPU_LOSS_CROSS_ENTROPY, true, false,
	  true },
	{ "layers leaky sigmoid", NPU_LEAKY_RELU, NPU_SIGMOID, 2, NPU_LOSS_BINARY_CROSS_ENTROPY,
	  false, false, true },
	{ "layers tanh", NPU_TANH, NPU_TANH, 2, NPU_LOSS_MSE, false, false, true },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void add_dense(struct npu_model *model, const struct gradient_case *c, uint32_t units,
		      enum npu_activation activation)
{
	struct npu_error err = { 0 };
	struct npu_layer dense = npu_dense(.units = units, .no_bias = c->no_bias,
					   .init = NPU_INIT_GLOROT_NORMAL, .alpha = 0.2f);

	if (!c->separate)
		dense.activation = activation;
	assert_true(npu_model_add(model, dense, &err) >= 0);
	if (c->separate)
		assert_true(npu_model_add(model, npu_activation(.activation = activation,
								.alpha = 0.2f), &err) >= 0);
}

static struct npu_model *make_model(const struct gradient_case *c)
{
	struct npu_error err = { 0 };
	struct npu_model *model;
	size_t i, k;

	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 1, 1, FEATURES }, 3, &err), 0);
	add_dense(model, c, 6, c->hidden);
	add_dense(model, c, 17, c->hidden);
	add_dense(model, c, c->outputs, c->last);
	/* biases that are not zero */
	for (i = 0; i < npu_model_parameters(model); i++) {
		struct npu_parameter p;

		npu_model_parameter(model, i, &p);
		for (k = 0; k < p.count; k++)
			p.value[k] += 0.1f * (float)((int)(k * 7 + i) % 5 - 2);
	}
	return model;
}

static void make_data(struct npu_dataset *data, const struct gradient_case *c)
{
	struct npu_error err = { 0 };
	struct npu_rng rng;
	size_t i, classes = c->outputs == 1 ? 2 : c->outputs;

	assert_int_equal(npu_dataset_alloc(data, SAMPLES, (uint32_t[3]){ 1, 1, FEATURES },
					   c->labels ? 0 : c->outputs, c->labels ? classes : 0,
					   &err), 0);
	npu_rng_seed(&rng, 11, 0);
	for (i = 0; i < SAMPLES * FEATURES; i++)
		data->x[i] = (float)npu_rng_normal(&rng);
	for (i = 0; i < SAMPLES && c->labels; i++)
		data->labels[i] = (int32_t)npu_rng_below(&rng, classes);
	for (i = 0; i < SAMPLES * c->outputs && !c->labels; i++)
		data->y[i] = c->loss == NPU_LOSS_CROSS_ENTROPY ? i % c->outputs == i / c->outputs % 4 :
								(float)npu_rng_uniform(&rng);
}

/* The loss in double, through the plain reference. */
struct total {
	const struct npu_model *model;
	const struct npu_dataset *data;
	enum npu_loss loss;
	double sum;
};

static int last_layer(void *context, size_t layer, size_t first, size_t n, const float *pre,
		      const float *post)
{
	struct total *t = context;
	struct npu_targets targets = { t->data->y, t->data->labels };

	(void)first;
	(void)pre;
	if (layer == npu_model_layers(t->model) - 1)
		t->sum += npu_loss_sum(t->loss, post, &targets, n, npu_model_outputs(t->model));
	return 0;
}

static double loss_of(const struct npu_model *model, const struct npu_dataset *data,
		      enum npu_loss loss)
{
	struct total t = { model, data, loss, 0 };

	assert_int_equal(npu_reference_forward(model, data->x, data->samples, last_layer, &t, NULL),
			 0);
	return t.sum / (double)data->samples;
}

/* Worst relative disagreement over all parameters, but for the @spare worst. */
static double disagreement(struct npu_model *model, const struct npu_dataset *data,
			   enum npu_loss loss, size_t spare)
{
	const float step = 4e-3f;
	double worst[8] = { 0 };
	size_t i, k, w;

	for (i = 0; i < npu_model_parameters(model); i++) {
		struct npu_parameter p;

		npu_model_parameter(model, i, &p);
		for (k = 0; k < p.count; k++) {
			float kept = p.value[k];
			double up, down, numeric, error;

			p.value[k] = kept + step;
			up = loss_of(model, data, loss);
			p.value[k] = kept - step;
			down = loss_of(model, data, loss);
			numeric = (up - down) /
				  ((double)(kept + step) - (double)(kept - step));
			p.value[k] = kept;
			error = fabs(numeric - p.gradient[k]) /
				(fabs(numeric) + fabs((double)p.gradient[k]) + 1e-2);
			for (w = 0; w <= spare; w++) {
				if (error > worst[w]) {
					memmove(worst + w + 1, worst + w,
						(spare - w) * sizeof(worst[0]));
					worst[w] = error;
					break;
				}
			}
		}
	}
	return worst[spare];
}

static bool has_kinks(const struct gradient_case *c)
{
	return c->hidden == NPU_RELU || c->hidden == NPU_LEAKY_RELU;
}

static void test_gradients(void **state)
{
	const struct npu_f32 *f32;
	size_t i, v;

	(void)state;
	for (i = 0; i < CASES; i++) {
		const struct gradient_case *c = &cases[i];
		struct npu_model *model = make_model(c);
		struct npu_dataset data;
		struct npu_error err = { 0 };
		double error;
		float value;

		make_data(&data, c);
		for (v = 0; (f32 = npu_f32_variant(v)); v++) {
			model->f32 = f32;
			if (npu_model_backward(model, &data, c->loss, &value, &err))
				fail_msg("%s: %s", c->name, err.message);
			assert_true(fabs(value - loss_of(model, &data, c->loss)) < 1e-4);
			error = disagreement(model, &data, c->loss, has_kinks(c) ? 4 : 0);
			print_message("# %-22s %-10s %.1e\n", c->name, f32->name, error);
			if (!(error < 2e-3))
				fail_msg("%s, %s: gradient is off by %g", c->name, f32->name, error);
		}
		npu_dataset_free(&data);
		npu_model_free(model);
	}
}

/* The checker notices a gradient that is wrong in one element by two percent. */
static void test_broken_gradient_is_noticed(void **state)
{
	const struct gradient_case *c = &cases[4];
	struct npu_model *model = make_model(c);
	struct npu_dataset data;
	struct npu_parameter p;
	size_t k, largest = 0;

	(void)state;
	make_data(&data, c);
	assert_int_equal(npu_model_backward(model, &data, c->loss, NULL, NULL), 0);
	npu_model_parameter(model, 2, &p);
	for (k = 0; k < p.count; k++)
		if (fabsf(p.gradient[k]) > fabsf(p.gradient[largest]))
			largest = k;
	((float *)p.gradient)[largest] *= 1.02f;
	assert_true(disagreement(model, &data, c->loss, 0) > 2e-3);
	npu_dataset_free(&data);
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradients),
		cmocka_unit_test(test_broken_gradient_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
