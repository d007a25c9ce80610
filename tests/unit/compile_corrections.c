// SPDX-License-Identifier: MIT
/*
 * What is done to weights before they are rounded: bias correction takes the error out of the mean
 * of every channel, equalisation leaves the network as it is and makes channels alike. And values
 * that are int16 in a program of int8.
 */
#include <math.h>
#include <string.h>

#include "compile_model.h"

#include "train/compile/equalise.h"
#include "train/nn/model.h"

#define SAMPLES 60

static struct npu_model *build(const uint32_t dim[3], const struct npu_layer *layers, uint64_t seed)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	check_ok(npu_model_create(&model, dim, seed, &err), &err);
	for (; layers->kind; layers++)
		check_ok(npu_model_add(model, *layers, &err), &err);
	return model;
}

static void run_all(const struct npu_model *model, const float *x,
		    const struct npu_compile_options *options, float *y)
{
	struct npu_device_options embedded = { .backend = NPU_BACKEND_EMBEDDED };
	size_t in = npu_model_features(model), out = npu_model_outputs(model), bytes, i;
	struct npu_error err = { 0 };
	struct npu_program *program;
	struct npu_session *session;
	struct npu_device *device;
	void *image;

	check_ok(npu_model_compile(model, x, SAMPLES, options, &image, &bytes, &err), &err);
	check_ok(npu_program_load_memory(&program, image, bytes, &err), &err);
	check_ok(npu_device_open(&device, &embedded, &err), &err);
	check_ok(npu_session_open(&session, device, program, NULL, &err), &err);
	for (i = 0; i < SAMPLES; i++)
		check_ok(npu_infer_f32(session, x + i * in, y + i * out, &err), &err);
	npu_session_close(session);
	npu_device_close(device);
	npu_program_free(program);
	npu_image_free(image);
}

/* Root of the mean over channels of (mean over all else of got - want)^2. */
static double mean_error(const float *want, const float *got, size_t count, size_t channels)
{
	double sum = 0;
	size_t i, c;

	for (c = 0; c < channels; c++) {
		double mean = 0;

		for (i = c; i < count; i += channels)
			mean += ((double)got[i] - (double)want[i]) * (double)channels /
				(double)count;
		sum += mean * mean;
	}
	return sqrt(sum / (double)channels);
}

static double decibels(const float *want, const float *got, size_t count)
{
	double signal = 0, noise = 1e-30;
	size_t i;

	for (i = 0; i < count; i++) {
		signal += (double)want[i] * (double)want[i];
		noise += pow((double)want[i] - (double)got[i], 2);
	}
	return 10 * log10(signal / noise);
}

/* ------------------------------------------------------------------- bias correction */

/* Inputs are positive, so that an error of a weight is one of the mean. */
static void biases_are_corrected(void **state)
{
	static const struct npu_layer layers[] = {
		npu_dense(.units = 20),
		npu_conv2d(.units = 12, .kernel = { 3, 3 }, .padding = NPU_SAME),
		npu_conv2d(.units = 12, .kernel = { 3, 2 }, .stride = { 2, 1 }, .groups = 2),
		npu_conv2d(.units = 12, .kernel = { 3, 3 }, .groups = 6, .padding = NPU_SAME),
		npu_conv2d(.units = 8, .kernel = { 2, 3 }, .dilation = { 2, 1 }),
		npu_conv_transpose2d(.units = 10, .kernel = { 3, 3 }, .stride = { 2, 2 }),
		npu_conv_transpose2d(.units = 10, .kernel = { 2, 3 }, .groups = 2,
				     .padding = NPU_SAME),
	};
	const uint32_t dim[3] = { 7, 6, 6 };
	struct npu_compile_options options = { 0 };
	float *x = random_floats(SAMPLES * 7 * 6 * 6, 0, 1, 5);
	struct npu_error err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		const struct npu_layer one[2] = { layers[i], { 0 } };
		struct npu_model *model = build(dim, one, 40 + i);
		size_t count = SAMPLES * npu_model_outputs(model);
		float *want = malloc(count * sizeof(float)), *got = malloc(count * sizeof(float));
		double without, with;

		check_ok(npu_model_predict(model, x, SAMPLES, 1, want, &err), &err);
		/* Of activations hardly anything is lost, so that the weights show. */
		options.precision = NPU_PRECISION_INT16;
		options.bias_correction = false;
		run_all(model, x, &options, got);
		without = mean_error(want, got, count, layers[i].units);
		options.bias_correction = true;
		run_all(model, x, &options, got);
		with = mean_error(want, got, count, layers[i].units);
		print_message("# layer %zu: error of the mean %.2e, corrected %.2e\n", i, without,
			      with);
		assert_true(with < without / 10);
		free(want);
		free(got);
		npu_model_free(model);
	}
	free(x);
}

/* --------------------------------------------------------------------- equalisation */

static const struct npu_layer network[] = {
	npu_conv2d(.units = 8, .kernel = { 3, 3 }, .padding = NPU_SAME, .activation = NPU_RELU),
	npu_conv2d(.units = 8, .kernel = { 3, 3 }, .padding = NPU_SAME, .groups = 8),
	npu_batch_norm(.activation = NPU_RELU),
	npu_conv2d(.units = 8, .kernel = { 1, 1 }, .groups = 2, .activation = NPU_LEAKY_RELU),
	npu_max_pool(),
	npu_flatten(),
	npu_dense(.units = 10, .activation = NPU_RELU),
	npu_dense(.units = 5),
	{ 0 },
};

/* Multiply channel c of what layer @i makes by 2^@exponent[c]. */
static void scale_made(struct npu_model *model, size_t i, const float *exponent)
{
	const struct npu_node *node = &model->node[i];
	size_t channels = node->out_dim[2], k, p;

	for (p = 0; p < 2; p++) {
		const struct npu_model_parameter *at = &model->parameter[node->parameter + p];
		size_t row = node->layer.kind == NPU_LAYER_DENSE ? at->count / channels : 1;

		for (k = 0; k < at->count; k++)
			model->value[at->offset + k] *= exp2f(exponent[k / row % channels]);
	}
}

/* And divide the weights of layer @i, which reads @channels, so that nothing changes. */
static void scale_read(struct npu_model *model, size_t i, size_t channels, const float *exponent)
{
	const struct npu_node *node = &model->node[i];
	const struct npu_model_parameter *at = &model->parameter[node->parameter];
	size_t k, group, own;

	for (k = 0; k < at->count; k++) {
		size_t c = k % channels;

		if (node->layer.kind == NPU_LAYER_CONV) {
			own = channels / node->layer.groups;
			group = k % at->dim[3] / (at->dim[3] / node->layer.groups);
			c = group * own + k / at->dim[3] % own;
		}
		model->value[at->offset + k] /= exp2f(exponent[c]);
	}
}

/* Channels between @from and @to of many sizes: what training may well come to. */
static void spread_channels(struct npu_model *model, size_t from, size_t to, uint64_t seed)
{
	size_t channels = model->node[from].out_dim[2];
	float *exponent = random_floats(channels, -3, 3, seed);

	scale_made(model, from, exponent);
	scale_read(model, to, channels, exponent);
	free(exponent);
}

static void equalising_changes_nothing_but_the_program(void **state)
{
	const uint32_t dim[3] = { 6, 6, 3 };
	struct npu_model *model = build(dim, network, 6), equal;
	size_t count = SAMPLES * npu_model_outputs(model), i;
	float *x = random_floats(SAMPLES * 6 * 6 * 3, -1, 2, 7);
	float *want = malloc(count * sizeof(float)), *got = malloc(count * sizeof(float));
	struct npu_compile_options options = { 0 };
	struct npu_error err = { 0 };
	double without, with;

	(void)state;
	randomise_biases(model, 8);
	/* Variances can't be negative. */
	for (i = 0; i < 8; i++)
		model->value[model->parameter[model->node[2].parameter + 3].offset + i] = 1;
	check_ok(npu_model_predict(model, x, SAMPLES, 1, want, &err), &err);
	run_all(model, x, &options, got);
	print_message("# channels of alike sizes: %.1f dB\n", decibels(want, got, count));
	spread_channels(model, 0, 1, 1);
	spread_channels(model, 2, 3, 2);
	spread_channels(model, 3, 6, 3);
	spread_channels(model, 6, 7, 4);

	equal = *model;
	equal.value = malloc(model->values * sizeof(float));
	memcpy(equal.value, model->value, model->values * sizeof(float));
	check_ok(npu_model_equalise(model, equal.value, x, NULL, SAMPLES, &err), &err);
	assert_true(memcmp(equal.value, model->value, model->values * sizeof(float)) != 0);
	check_ok(npu_model_predict(&equal, x, SAMPLES, 1, got, &err), &err);
	assert_true(decibels(want, got, count) > 110);

	run_all(model, x, &options, got);
	without = decibels(want, got, count);
	options.equalise = true;
	run_all(model, x, &options, got);
	with = decibels(want, got, count);
	print_message("# channels of many sizes: %.1f dB, equalised %.1f dB\n", without, with);
	assert_true(with > without + 6);
	free(equal.value);
	free(want);
	free(got);
	free(x);
	npu_model_free(model);
}

/* Groups behind a flatten are of other channels than those in front of it. */
static void groups_behind_a_flatten(void **state)
{
	static const struct npu_layer layers[] = {
		npu_conv2d(.units = 8, .kernel = { 1, 1 }, .activation = NPU_RELU),
		npu_flatten(),
		npu_conv2d(.units = 4, .kernel = { 1, 1 }, .groups = 2),
		{ 0 },
	};
	const uint32_t dim[3] = { 4, 4, 3 };
	struct npu_model *model = build(dim, layers, 3), equal = *model;
	float *x = random_floats(SAMPLES * 4 * 4 * 3, -2, 2, 5), want[SAMPLES * 4];
	float got[SAMPLES * 4];
	struct npu_error err = { 0 };

	(void)state;
	equal.value = malloc(model->values * sizeof(float));
	memcpy(equal.value, model->value, model->values * sizeof(float));
	check_ok(npu_model_equalise(model, equal.value, x, NULL, SAMPLES, &err), &err);
	check_ok(npu_model_predict(model, x, SAMPLES, 1, want, &err), &err);
	check_ok(npu_model_predict(&equal, x, SAMPLES, 1, got, &err), &err);
	assert_true(decibels(want, got, SAMPLES * 4) > 110);
	free(equal.value);
	free(x);
	npu_model_free(model);
}

/* ----------------------------------------------------------------------------- wide */

static void values_can_be_wide(void **state)
{
	const uint32_t dim[3] = { 6, 6, 3 };
	struct npu_model *model = build(dim, network, 16);
	size_t count = SAMPLES * npu_model_outputs(model), layers = npu_model_layers(model), i;
	float *x = random_floats(SAMPLES * 6 * 6 * 3, -1, 2, 17);
	float *want = malloc(count * sizeof(float)), *got = malloc(count * sizeof(float));
	struct npu_compile_options options = { 0 };
	bool wide[16] = { false };
	struct npu_error err = { 0 };
	double narrow, all, one;

	(void)state;
	randomise_biases(model, 18);
	for (i = 0; i < 8; i++)
		model->value[model->parameter[model->node[2].parameter + 3].offset + i] = 1;
	check_ok(npu_model_predict(model, x, SAMPLES, 1, want, &err), &err);
	options.wide = wide;
	run_all(model, x, &options, got);
	narrow = decibels(want, got, count);
	/* Each alone is a program; all of them together lose as little as int16. */
	for (i = 0; i <= layers; i++) {
		wide[i] = true;
		run_all(model, x, &options, got);
		one = decibels(want, got, count);
		assert_true(one > narrow - 1);
		wide[i] = false;
	}
	for (i = 0; i <= layers; i++)
		wide[i] = true;
	run_all(model, x, &options, got);
	all = decibels(want, got, count);
	options = (struct npu_compile_options){ .precision = NPU_PRECISION_INT16 };
	run_all(model, x, &options, got);
	print_message("# int8 %.1f dB, all values wide %.1f, int16 %.1f\n", narrow, all,
		      decibels(want, got, count));
	assert_true(all > narrow + 3);
	assert_true(fabs(all - decibels(want, got, count)) < 0.1);
	free(want);
	free(got);
	free(x);
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(biases_are_corrected),
		cmocka_unit_test(equalising_changes_nothing_but_the_program),
		cmocka_unit_test(groups_behind_a_flatten),
		cmocka_unit_test(values_can_be_wide),
	};

	return cmocka_run_group_tests_name("compile_corrections", tests, NULL, NULL);
}
