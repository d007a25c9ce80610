// SPDX-License-Identifier: MIT
/*
 * Gradients against central differences: every layer, activation and loss, from one table, in
 * every kernel variant that this CPU runs.
 *
 * The network that is differenced is written down a second time here, in double and with libm: so
 * the step can be small enough for the kinks of relu not to matter, and the library's own forward
 * pass is checked by the way.
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

#define SAMPLES 7
#define TOLERANCE 2e-5
#define FEATURES 5

enum {
	LABELS = 1,
	ONE_HOT = 2,
	NO_BIAS = 4,
	LAYERS = 8
}; /* LAYERS: activations are layers */

static const struct gradient_case {
	const char *name;
	enum npu_activation hidden, last;
	uint32_t outputs;
	enum npu_loss loss;
	int options;
} cases[] = {
	{ "linear mse", NPU_LINEAR, NPU_LINEAR, 3, NPU_LOSS_MSE, 0 },
	{ "relu mse", NPU_RELU, NPU_LINEAR, 2, NPU_LOSS_MSE, 0 },
	{ "leaky relu mse", NPU_LEAKY_RELU, NPU_LINEAR, 2, NPU_LOSS_MSE, 0 },
	{ "sigmoid mse", NPU_SIGMOID, NPU_SIGMOID, 2, NPU_LOSS_MSE, 0 },
	{ "tanh mse", NPU_TANH, NPU_TANH, 2, NPU_LOSS_MSE, 0 },
	{ "softmax mse", NPU_SOFTMAX, NPU_SOFTMAX, 4, NPU_LOSS_MSE, 0 },
	{ "no bias", NPU_TANH, NPU_LINEAR, 2, NPU_LOSS_MSE, NO_BIAS },
	{ "labels mse", NPU_TANH, NPU_LINEAR, 1, NPU_LOSS_MSE, LABELS },
	{ "cross-entropy labels", NPU_TANH, NPU_SOFTMAX, 4, NPU_LOSS_CROSS_ENTROPY, LABELS },
	{ "cross-entropy one-hot", NPU_RELU, NPU_SOFTMAX, 4, NPU_LOSS_CROSS_ENTROPY, ONE_HOT },
	{ "cross-entropy weights", NPU_TANH, NPU_SOFTMAX, 3, NPU_LOSS_CROSS_ENTROPY, 0 },
	{ "binary labels", NPU_TANH, NPU_SIGMOID, 1, NPU_LOSS_BINARY_CROSS_ENTROPY, LABELS },
	{ "binary targets", NPU_SIGMOID, NPU_SIGMOID, 3, NPU_LOSS_BINARY_CROSS_ENTROPY, 0 },
	{ "layers relu softmax", NPU_RELU, NPU_SOFTMAX, 4, NPU_LOSS_CROSS_ENTROPY,
	  LABELS | LAYERS },
	{ "layers leaky sigmoid", NPU_LEAKY_RELU, NPU_SIGMOID, 2, NPU_LOSS_BINARY_CROSS_ENTROPY,
	  LAYERS },
	{ "layers tanh", NPU_TANH, NPU_TANH, 2, NPU_LOSS_MSE, LAYERS },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void add_dense(struct npu_model *model, const struct gradient_case *c, uint32_t units,
		      enum npu_activation activation)
{
	struct npu_error err = { 0 };
	struct npu_layer dense = npu_dense(.units = units, .no_bias = c->options & NO_BIAS,
					   .init = NPU_INIT_GLOROT_NORMAL, .alpha = 0.2f);

	if (!(c->options & LAYERS))
		dense.activation = activation;
	assert_true(npu_model_add(model, dense, &err) >= 0);
	if (c->options & LAYERS)
		assert_true(npu_model_add(model,
					  npu_activation(.activation = activation, .alpha = 0.2f),
					  &err) >= 0);
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
	size_t i, classes = c->outputs == 1 ? 2 : c->outputs;
	struct npu_error err = { 0 };
	struct npu_rng rng;
	bool labels = c->options & LABELS;

	assert_int_equal(npu_dataset_alloc(data, SAMPLES, (uint32_t[3]){ 1, 1, FEATURES },
					   labels ? 0 : c->outputs, labels ? classes : 0, &err),
			 0);
	npu_rng_seed(&rng, 11, 0);
	for (i = 0; i < SAMPLES * FEATURES; i++)
		data->x[i] = (float)npu_rng_normal(&rng);
	for (i = 0; i < SAMPLES && labels; i++)
		data->labels[i] = (int32_t)npu_rng_below(&rng, classes);
	for (i = 0; i < SAMPLES * c->outputs && !labels; i++)
		data->y[i] = c->options & ONE_HOT ? i % classes == i / classes % classes
						  : (float)npu_rng_uniform(&rng);
}

static void activate(const struct npu_layer *layer, double *y, size_t count)
{
	double sum = 0, max = y[0];
	size_t i;

	for (i = 0; i < count; i++)
		max = fmax(max, y[i]);
	for (i = 0; i < count; i++)
		sum += exp(y[i] - max);
	for (i = 0; i < count; i++) {
		switch (layer->activation) {
		case NPU_LINEAR:
			break;
		case NPU_RELU:
			y[i] = fmax(0, y[i]);
			break;
		case NPU_LEAKY_RELU:
			y[i] *= y[i] < 0 ? (double)layer->alpha : 1;
			break;
		case NPU_SIGMOID:
			y[i] = 1 / (1 + exp(-y[i]));
			break;
		case NPU_TANH:
			y[i] = tanh(y[i]);
			break;
		case NPU_SOFTMAX:
			y[i] = exp(y[i] - max) / sum;
			break;
		}
	}
}

/* One layer in double; parameters lie at @value as in the model's flat array. */
static void forward(const struct npu_model *model, size_t i, const double *value, const double *x,
		    double *y)
{
	const struct npu_node *node = &model->node[i];
	const struct npu_model_parameter *p = &model->parameter[node->parameter];
	size_t o, k;

	for (o = 0; o < node->out; o++) {
		y[o] = node->parameters ? 0 : x[o];
		for (k = 0; node->parameters && k < node->in; k++)
			y[o] += x[k] * value[p[0].offset + o * node->in + k];
		if (node->parameters > 1)
			y[o] += value[p[1].offset + o];
	}
	activate(&node->layer, y, node->out);
}

static double sample_loss(enum npu_loss loss, const double *p, const double *t, size_t outputs)
{
	double sum = 0;
	size_t j;

	for (j = 0; j < outputs; j++) {
		if (loss == NPU_LOSS_MSE)
			sum += (p[j] - t[j]) * (p[j] - t[j]) / (double)outputs;
		else if (loss == NPU_LOSS_CROSS_ENTROPY)
			sum -= t[j] * log(p[j]);
		else
			sum -= (t[j] * log(p[j]) + (1 - t[j]) * log(1 - p[j])) / (double)outputs;
	}
	return sum;
}

static double loss_of(const struct npu_model *model, const double *value,
		      const struct npu_dataset *data, enum npu_loss loss)
{
	size_t outputs = npu_model_outputs(model), s, i;
	double a[32], b[32], t[32], sum = 0;

	for (s = 0; s < data->samples; s++) {
		for (i = 0; i < data->features; i++)
			a[i] = data->x[s * data->features + i];
		for (i = 0; i < model->nodes; i++) {
			forward(model, i, value, a, b);
			memcpy(a, b, sizeof(a));
		}
		for (i = 0; i < outputs; i++) {
			t[i] = data->labels ? (size_t)data->labels[s] == i
					    : (double)data->y[s * outputs + i];
			if (data->labels && outputs == 1)
				t[i] = data->labels[s];
		}
		sum += sample_loss(loss, a, t, outputs);
	}
	return sum / (double)data->samples;
}

static double *values_of(const struct npu_model *model)
{
	double *value = calloc(model->values, sizeof(*value));
	size_t i;

	assert_non_null(value);
	for (i = 0; i < model->values; i++)
		value[i] = model->value[i];
	return value;
}

/* The worst relative difference between the model's gradients and the differences. */
static double disagreement(struct npu_model *model, const struct npu_dataset *data,
			   enum npu_loss loss)
{
	const double step = 1e-6;
	double *value = values_of(model), worst = 0;
	size_t i, k;

	for (i = 0; i < model->parameters; i++) {
		const struct npu_model_parameter *p = &model->parameter[i];

		for (k = p->offset; k < p->offset + p->count; k++) {
			double kept = value[k], got = model->gradient[k], up, down, wanted;

			value[k] = kept + step;
			up = loss_of(model, value, data, loss);
			value[k] = kept - step;
			down = loss_of(model, value, data, loss);
			value[k] = kept;
			wanted = (up - down) / (2 * step);
			worst = fmax(worst, fabs(wanted - got) / (fabs(wanted) + 1e-2));
		}
	}
	free(value);
	return worst;
}

static void check_case(const struct gradient_case *c, const struct npu_f32 *f32)
{
	struct npu_model *model = make_model(c);
	struct npu_error err = { 0 };
	struct npu_dataset data;
	double *value = values_of(model), wanted, error;
	float loss, again;

	make_data(&data, c);
	model->f32 = f32;
	wanted = loss_of(model, value, &data, c->loss);
	if (npu_model_backward(model, &data, c->loss, &loss, &err) ||
	    npu_model_loss(model, &data, c->loss, &again, &err))
		fail_msg("%s: %s", c->name, err.message);
	if (!(fabs(loss - wanted) < 1e-5 * (1 + wanted)) || loss != again)
		fail_msg("%s, %s: loss %g and %g, should be %g", c->name, f32->name, (double)loss,
			 (double)again, wanted);
	error = disagreement(model, &data, c->loss);
	print_message("# %-22s %-10s %.1e\n", c->name, f32->name, error);
	if (!(error < TOLERANCE))
		fail_msg("%s, %s: gradient is off by %g", c->name, f32->name, error);
	free(value);
	npu_dataset_free(&data);
	npu_model_free(model);
}

static void test_gradients(void **state)
{
	const struct npu_f32 *f32;
	size_t i, v;

	(void)state;
	for (i = 0; i < CASES; i++)
		for (v = 0; (f32 = npu_f32_variant(v)); v++)
			check_case(&cases[i], f32);
}

/* The checker notices a gradient that is wrong in one element by a thousandth. */
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
	assert_true(disagreement(model, &data, c->loss) < TOLERANCE);
	npu_model_parameter(model, 2, &p);
	for (k = 0; k < p.count; k++)
		if (fabsf(p.gradient[k]) > fabsf(p.gradient[largest]))
			largest = k;
	model->gradient[model->parameter[2].offset + largest] *= 1.001f;
	assert_true(disagreement(model, &data, c->loss) > TOLERANCE);
	npu_dataset_free(&data);
	npu_model_free(model);
}

/* More samples than a pass takes at a time: their gradients add up to the mean. */
static void test_gradient_in_parts(void **state)
{
	const struct gradient_case *c = &cases[4];
	struct npu_model *model = make_model(c);
	struct npu_dataset one, many;
	struct npu_error err = { 0 };
	float *gradient, loss;
	double *value = values_of(model);
	size_t i, copies = 100;

	(void)state;
	make_data(&one, c);
	assert_int_equal(npu_dataset_alloc(&many, SAMPLES * copies, one.dim, one.targets, 0, &err),
			 0);
	for (i = 0; i < copies; i++) {
		memcpy(many.x + i * SAMPLES * FEATURES, one.x, SAMPLES * FEATURES * sizeof(float));
		memcpy(many.y + i * SAMPLES * c->outputs, one.y,
		       SAMPLES * c->outputs * sizeof(float));
	}
	assert_int_equal(npu_model_backward(model, &one, c->loss, NULL, &err), 0);
	gradient = npu_floats_alloc(model->values);
	memcpy(gradient, model->gradient, model->values * sizeof(float));
	assert_int_equal(npu_model_backward(model, &many, c->loss, &loss, &err), 0);
	assert_true(fabs(loss - loss_of(model, value, &one, c->loss)) < 1e-5);
	for (i = 0; i < model->values; i++)
		assert_true(fabsf(model->gradient[i] - gradient[i]) < 1e-5f);
	free(gradient);
	free(value);
	npu_dataset_free(&one);
	npu_dataset_free(&many);
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradients),
		cmocka_unit_test(test_broken_gradient_is_noticed),
		cmocka_unit_test(test_gradient_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
