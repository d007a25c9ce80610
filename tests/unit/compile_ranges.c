// SPDX-License-Identifier: MIT
/* Ranges that do not come from samples alone: of what saturates, and of what training tracked. */
#include <math.h>
#include <string.h>

#include "compile_model.h"

#include "train/nn/model.h"

#define SAMPLES 50

static const uint32_t dim[3] = { 4, 4, 3 };

/* Decibels of the outputs of a program over their difference from f32. */
static double run(const struct npu_model *model, const float *x,
		  const struct npu_compile_options *options)
{
	size_t in = npu_model_features(model), out = npu_model_outputs(model), i;
	float *want = malloc(SAMPLES * out * sizeof(*want));
	float *got = malloc(SAMPLES * out * sizeof(*got));
	double signal = 0, noise = 1e-30;
	struct npu_error err = { 0 };
	struct compiled c = { 0 };

	check_ok(npu_model_predict(model, x, SAMPLES, 1, want, &err), &err);
	check_ok(npu_model_compile(model, x, SAMPLES, options, &c.image, &c.bytes, &err), &err);
	compiled_open(&c, NULL);
	for (i = 0; i < SAMPLES; i++)
		check_ok(npu_infer_f32(c.session, x + i * in, got + i * out, &err), &err);
	for (i = 0; i < SAMPLES * out; i++) {
		signal += (double)want[i] * (double)want[i];
		noise += pow((double)want[i] - (double)got[i], 2);
	}
	compiled_close(&c);
	free(want);
	free(got);
	return 10 * log10(signal / noise);
}

/* A mean in front of a sigmoid: what is averaged may be far out where the mean is not. */
static void means_count_what_is_far_out(void **state)
{
	static const enum npu_activation activations[] = { NPU_SIGMOID, NPU_TANH };
	float *x = random_floats(SAMPLES * 4 * 4 * 3, -20, 20, 5);
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct npu_compile_options options = { 0 };
		struct npu_error err = { 0 };
		struct npu_model *model;

		check_ok(npu_model_create(&model, dim, 3, &err), &err);
		check_ok(npu_model_add(model, npu_conv2d(.units = 4, .kernel = { 1, 1 }), &err),
			 &err);
		check_ok(npu_model_add(model, npu_average_pool(), &err), &err);
		check_ok(npu_model_add(model, npu_activation(.activation = activations[i]), &err),
			 &err);
		assert_true(run(model, x, &options) > 25);
		options.precision = NPU_PRECISION_INT16;
		assert_true(run(model, x, &options) > 45);
		npu_model_free(model);
	}
	free(x);
}

static void add(struct npu_model *model, struct npu_layer layer, const int *from, size_t count)
{
	struct npu_error err = { 0 };

	check_ok(npu_model_add_from(model, layer, from, count, &err), &err);
}

/* A maximum has the scale of what it is of, and is converted and added to others. */
static void shared_scales_of_tracked_values(void **state)
{
	static const int from[3] = { 1, 2, 1 };
	static const float range[4][2] = { { -8, 8 }, { -30, 30 }, { -40, 40 }, { -90, 90 } };
	static bool wide[5] = { [4] = true };
	float *x = random_floats(SAMPLES * 4 * 4 * 3, -8, 8, 5);
	struct npu_compile_options options = { 0 };
	struct npu_error err = { 0 };
	struct npu_model *model;

	(void)state;
	check_ok(npu_model_create(&model, dim, 3, &err), &err);
	check_ok(npu_model_add(model,
			       npu_conv2d(.units = 4, .kernel = { 3, 3 }, .padding = NPU_SAME,
					  .activation = NPU_LEAKY_RELU),
			       &err),
		 &err);
	check_ok(npu_model_add(model, npu_max_pool(.kernel = { 2, 2 }, .stride = { 1, 1 }), &err),
		 &err);
	add(model, npu_conv2d(.units = 4, .kernel = { 1, 1 }), from, 1);
	add(model, npu_add(), from, 3);
	memcpy(model->tracked.after, range[0], sizeof(range[0]));
	memcpy(model->node[0].tracked.before, range[1], sizeof(range[1]));
	memcpy(model->node[0].tracked.after, range[1], sizeof(range[1]));
	memcpy(model->node[2].tracked.after, range[2], sizeof(range[2]));
	memcpy(model->node[3].tracked.after, range[3], sizeof(range[3]));
	print_message("# tracked ranges: %.1f dB\n", run(model, x, &options));
	assert_true(run(model, x, &options) > 30);
	options.wide = wide;
	print_message("# with a sum of int16: %.1f dB\n", run(model, x, &options));
	assert_true(run(model, x, &options) > 30);
	npu_model_free(model);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means_count_what_is_far_out),
		cmocka_unit_test(shared_scales_of_tracked_values),
	};

	return cmocka_run_group_tests_name("compile_ranges", tests, NULL, NULL);
}
