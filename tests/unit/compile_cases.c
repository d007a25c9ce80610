// SPDX-License-Identifier: MIT
/*
 * Every case of nn_cases.h as a program: each compiles in both precisions, to the memory that was
 * quoted and the same bytes whatever runs the model in f32, gives the same bits with every kernel
 * variant, and is close to f32.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#define NN_CASE_SAMPLES 64

#include "compile_model.h"
#include "nn_cases.h"
#include "npu_engine.h"
#include "runtime/device.h"
#include "train/nn/kernels/f32.h"

/*
 * Least decibels of the outputs over their errors, about 3 below the worst case when this was
 * written. Weights are int8 in both precisions, and their rounding is most of what is left with
 * int16.
 */
#define LEAST_INT8 27
#define LEAST_INT16 35

/* Its outputs are small differences of large numbers. */
#define CANCELS "global max pool"
#define LEAST_CANCELLED 21

static bool is_close(const struct nn_case *c, double int8, double int16)
{
	if (!strcmp(c->name, CANCELS))
		return int8 >= LEAST_CANCELLED && int16 > int8;
	return int8 >= LEAST_INT8 && int16 >= LEAST_INT16 && int16 > int8;
}

static double sqnr(const float *want, const float *got, size_t count)
{
	double signal = 1e-30, noise = 1e-30;
	size_t i;

	for (i = 0; i < count; i++) {
		signal += (double)want[i] * want[i];
		noise += ((double)want[i] - got[i]) * ((double)want[i] - got[i]);
	}
	return 10 * log10(signal / noise);
}

static void infer_all(const struct compiled *c, const struct npu_dataset *data, float *y)
{
	size_t out = npu_program_output(c->program, 0)->elements, i;
	struct npu_error err = { 0 };

	for (i = 0; i < data->samples; i++)
		check_ok(npu_infer_f32(c->session, data->x + i * data->features, y + i * out, &err),
			 &err);
}

/* By the variant that the CPU would choose, then by each other that it has. */
static void run_variants(void *image, size_t bytes, const struct npu_dataset *data, size_t outputs,
			 float *got)
{
	float *other = calloc(data->samples * outputs, sizeof(*other));
	unsigned int i;

	for (i = 0; npu_variant_at(i); i++) {
		struct compiled c = { .image = image, .bytes = bytes };
		float *to = i ? other : got;

		if (npu_variant_features(npu_variant_at(i)) & ~npu_cpu_features())
			continue;
		compiled_open(&c, npu_variant_name(npu_variant_at(i)));
		assert_int_equal(npu_program_output(c.program, 0)->elements, outputs);
		infer_all(&c, data, to);
		if (i && memcmp(other, got, data->samples * outputs * sizeof(*got)))
			fail_msg("variant %s gives other bits",
				 npu_variant_name(npu_variant_at(i)));
		npu_session_close(c.session);
		npu_program_free(c.program);
		npu_device_close(c.device);
	}
	free(other);
}

static void check_quote(const struct npu_model *model, const struct npu_compile_options *options,
			const void *image, size_t bytes)
{
	struct npu_compile_quote quote;
	struct npu_error err = { 0 };

	check_ok(npu_model_compile_quote(model, options, &quote, &err), &err);
	check_quoted(&quote, image, bytes);
}

/* Whichever f32 kernels the model that is compiled would run on. */
static void check_same_bytes(const struct nn_case *c, const struct npu_compile_options *options,
			     const struct npu_dataset *data, const void *image, size_t bytes)
{
	struct npu_error err = { 0 };
	size_t i, other_bytes;
	void *other;

	for (i = 0; npu_f32_variant(i); i++) {
		struct npu_model *model;

		setenv("NPU_F32_VARIANT", npu_f32_variant(i)->name, 1);
		check_ok(nn_case_model(c, &model, &err), &err);
		check_ok(npu_model_compile(model, data->x, data->samples, options, &other,
					   &other_bytes, &err),
			 &err);
		npu_model_free(model);
		if (other_bytes != bytes || memcmp(other, image, bytes))
			fail_msg("%s: other bytes with %s", c->name, npu_f32_variant(i)->name);
		npu_image_free(other);
	}
	unsetenv("NPU_F32_VARIANT");
}

/* Decibels of case @c in @precision; negative infinity where it does not compile, which is said. */
static double measure(const struct nn_case *c, enum npu_precision precision)
{
	struct npu_compile_options options = { .precision = precision };
	struct npu_error err = { 0 };
	struct npu_dataset data;
	struct npu_model *model;
	size_t bytes, outputs;
	float *want, *got;
	double ratio;
	void *image;

	check_ok(nn_case_model(c, &model, &err), &err);
	check_ok(nn_case_data(c, model, &data, &err), &err);
	if (npu_model_compile(model, data.x, data.samples, &options, &image, &bytes, &err)) {
		print_message("# %s: %s\n", c->name, err.message);
		npu_dataset_free(&data);
		npu_model_free(model);
		return -INFINITY;
	}
	check_quote(model, &options, image, bytes);
	check_same_bytes(c, &options, &data, image, bytes);
	outputs = npu_model_outputs(model);
	want = calloc(data.samples * outputs, sizeof(*want));
	got = calloc(data.samples * outputs, sizeof(*got));
	check_ok(npu_model_predict(model, data.x, data.samples, 1, want, &err), &err);
	run_variants(image, bytes, &data, outputs, got);
	ratio = sqnr(want, got, data.samples * outputs);
	free(want);
	free(got);
	npu_image_free(image);
	npu_dataset_free(&data);
	npu_model_free(model);
	return ratio;
}

static void every_case_is_close_to_f32(void **state)
{
	size_t i, failed = 0;

	(void)state;
	for (i = 0; i < NN_CASES; i++) {
		double int8 = measure(&nn_cases[i], NPU_PRECISION_INT8);
		double int16 = measure(&nn_cases[i], NPU_PRECISION_INT16);
		bool ok = is_close(&nn_cases[i], int8, int16);

		print_message("# %s: int8 %.1f dB, int16 %.1f dB%s\n", nn_cases[i].name, int8,
			      int16, ok ? "" : " - too far from f32");
		failed += !ok;
	}
	assert_int_equal(failed, 0);
}

/* Weights and inputs of any size compile and give numbers, or are refused with a layer's name. */
static void check_extreme(const struct nn_case *c, enum npu_precision precision, float weights,
			  float inputs)
{
	const struct npu_compile_options options = { .precision = precision };
	struct npu_parameter p;
	struct npu_dataset data;
	struct npu_model *model;
	struct npu_error err = { 0 };
	struct compiled program = { 0 };
	size_t i, k, outputs;
	float *got;
	int ret;

	check_ok(nn_case_model(c, &model, &err), &err);
	check_ok(nn_case_data(c, model, &data, &err), &err);
	outputs = npu_model_outputs(model);
	for (i = 0; i < npu_model_parameters(model); i++) {
		npu_model_parameter(model, i, &p);
		/* A variance that is negative is no batch norm. */
		for (k = 0; k < p.count; k++)
			p.value[k] = strstr(p.name, "variance") ? p.value[k] : weights * p.value[k];
	}
	for (i = 0; i < data.samples * data.features; i++)
		data.x[i] *= inputs;
	ret = npu_model_compile(model, data.x, data.samples, &options, &program.image,
				&program.bytes, &err);
	if (ret && ((ret != -ERANGE && ret != -EINVAL) || !strstr(err.message, "layer \"")))
		fail_msg("%s, %g, %g: %s", c->name, (double)weights, (double)inputs, err.message);
	if (!ret) {
		got = calloc(data.samples * outputs, sizeof(*got));
		compiled_open(&program, NULL);
		infer_all(&program, &data, got);
		for (i = 0; i < data.samples * outputs; i++)
			if (!isfinite(got[i]))
				fail_msg("%s, %g, %g: output %zu is %g", c->name, (double)weights,
					 (double)inputs, i, (double)got[i]);
		free(got);
		compiled_close(&program);
	}
	npu_dataset_free(&data);
	npu_model_free(model);
}

static void extreme_numbers(void **state)
{
	static const float factor[] = { 0, 1e-30f, 1e-6f, 1e6f, 1e15f };
	size_t i, j;

	(void)state;
	for (i = 0; i < NN_CASES; i++) {
		for (j = 0; j < sizeof(factor) / sizeof(factor[0]); j++) {
			check_extreme(&nn_cases[i], NPU_PRECISION_INT8, factor[j], 1);
			check_extreme(&nn_cases[i], NPU_PRECISION_INT16, 1, factor[j]);
			check_extreme(&nn_cases[i], NPU_PRECISION_INT8, factor[j],
				      factor[(i + j) % 5]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_close_to_f32),
		cmocka_unit_test(extreme_numbers),
	};

	return cmocka_run_group_tests_name("compile_cases", tests, NULL, NULL);
}
