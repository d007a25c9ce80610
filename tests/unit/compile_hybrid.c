// SPDX-License-Identifier: MIT
/* Models that the NPU can run only a part of. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compile_model.h"

#include "npu_accel.h"

#define SAMPLES 32
#define WIDE (NPU_MAX_SOFTMAX + 8)

static struct npu_device *open_device(void)
{
	const struct npu_device_options options = { .backend = NPU_BACKEND_EMBEDDED };
	struct npu_device *device;
	struct npu_error err = { 0 };

	check_ok(npu_device_open(&device, &options, &err), &err);
	return device;
}

static void add_one(struct npu_model *model, struct npu_layer layer)
{
	struct npu_error err = { 0 };

	check_ok(npu_model_add(model, layer, &err), &err);
}

static struct npu_model *create(uint32_t features)
{
	const uint32_t dim[3] = { 1, 1, features };
	struct npu_error err = { 0 };
	struct npu_model *model;

	check_ok(npu_model_create(&model, dim, 5, &err), &err);
	return model;
}

/* Two layers, a softmax over more classes than an instruction takes, and a branch behind that. */
static struct npu_model *half_model(void)
{
	struct npu_model *model = create(12);
	struct npu_error err = { 0 };

	add_one(model, npu_dense(.units = 16, .activation = NPU_TANH));
	add_one(model, npu_dense(.units = 8));
	add_one(model, npu_dense(.name = "wide", .units = WIDE, .activation = NPU_SOFTMAX));
	add_one(model, npu_dense(.units = 6));
	check_ok(npu_model_add_from(model, npu_add(0), (int[]){ 3, 3 }, 2, &err), &err);
	randomise_biases(model, 3);
	return model;
}

static void the_rest_runs_in_f32(void **state)
{
	const struct npu_compile_options options = { .batch = 2 };
	struct npu_model *model = half_model();
	float *x = random_floats(SAMPLES * 12, -1, 1, 9);
	float want[SAMPLES * 6], got[SAMPLES * 6];
	struct npu_device *device = open_device();
	struct npu_hybrid *hybrid;
	struct npu_error err = { 0 };
	size_t i;

	(void)state;
	check_ok(npu_model_predict(model, x, SAMPLES, 1, want, &err), &err);
	check_ok(npu_hybrid_open(&hybrid, model, x, SAMPLES, &options, device, &err), &err);
	assert_int_equal(npu_hybrid_lowered(hybrid)->layers, 2);
	assert_non_null(strstr(npu_hybrid_lowered(hybrid)->reason, "\"wide\""));
	assert_non_null(strstr(npu_hybrid_lowered(hybrid)->reason, "4096"));
	npu_model_free(model);
	for (i = 0; i < SAMPLES; i += 2)
		check_ok(npu_hybrid_infer(hybrid, x + i * 12, got + i * 6, &err), &err);
	for (i = 0; i < SAMPLES * 6; i++)
		if (fabsf(got[i] - want[i]) > 0.02f)
			fail_msg("output %zu is %g instead of %g", i, (double)got[i],
				 (double)want[i]);
	npu_hybrid_close(hybrid);
	npu_device_close(device);
	free(x);
}

static void all_of_it_where_that_can_be(void **state)
{
	struct npu_model *model = make_mlp(20, 4, NPU_RELU, NPU_SOFTMAX, 4);
	float *x = random_floats(SAMPLES * 20, -1, 1, 2), whole[4], got[4];
	struct compiled c = compile_model(model, x, SAMPLES, NPU_PRECISION_INT8, 1);
	struct npu_device *device = open_device();
	struct npu_hybrid *hybrid;
	struct npu_error err = { 0 };
	size_t i;

	(void)state;
	check_ok(npu_hybrid_open(&hybrid, model, x, SAMPLES, NULL, device, &err), &err);
	assert_int_equal(npu_hybrid_lowered(hybrid)->layers, npu_model_layers(model));
	assert_string_equal(npu_hybrid_lowered(hybrid)->reason, "");
	for (i = 0; i < SAMPLES; i++) {
		check_ok(npu_infer_f32(c.session, x + i * 20, whole, &err), &err);
		check_ok(npu_hybrid_infer(hybrid, x + i * 20, got, &err), &err);
		assert_memory_equal(got, whole, sizeof(got));
	}
	npu_hybrid_close(hybrid);
	compiled_close(&c);
	npu_device_close(device);
	npu_model_free(model);
	free(x);
}

/* A value that goes around the layer in question keeps the model from being cut behind it. */
static void is_cut_where_one_value_passes(void **state)
{
	struct npu_model *model = create(6);
	struct npu_lowered lowered;
	struct npu_error err = { 0 };

	(void)state;
	add_one(model, npu_dense(.units = 5));
	add_one(model, npu_dense(.units = WIDE));
	add_one(model, npu_dense(.units = WIDE, .activation = NPU_SOFTMAX));
	check_ok(npu_model_add_from(model, npu_add(0), (int[]){ 1, 2 }, 2, &err), &err);
	check_ok(npu_model_lowered(model, NULL, &lowered, &err), &err);
	assert_int_equal(lowered.layers, 2);
	npu_model_free(model);

	model = create(6);
	add_one(model, npu_dense(.units = WIDE));
	add_one(model, npu_dense(.units = WIDE));
	check_ok(npu_model_add_from(model, npu_activation(.activation = NPU_SOFTMAX), (int[]){ 1 },
				    1, &err),
		 &err);
	check_ok(npu_model_add_from(model, npu_add(0), (int[]){ 0, 2 }, 2, &err), &err);
	check_ok(npu_model_lowered(model, NULL, &lowered, &err), &err);
	assert_int_equal(lowered.layers, 1);
	npu_model_free(model);
}

static void nothing_of_it(void **state)
{
	struct npu_model *model = create(WIDE);
	struct npu_device *device = open_device();
	struct npu_hybrid *hybrid;
	struct npu_error err = { 0 };
	float *x = random_floats(WIDE, -1, 1, 2);

	(void)state;
	add_one(model, npu_activation(.name = "first", .activation = NPU_SOFTMAX));
	assert_int_equal(npu_hybrid_open(&hybrid, model, x, 1, NULL, device, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.message, "\"first\""));
	npu_device_close(device);
	npu_model_free(model);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rest_runs_in_f32),
		cmocka_unit_test(all_of_it_where_that_can_be),
		cmocka_unit_test(is_cut_where_one_value_passes),
		cmocka_unit_test(nothing_of_it),
	};

	return cmocka_run_group_tests_name("compile_hybrid", tests, NULL, NULL);
}
