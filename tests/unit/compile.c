// SPDX-License-Identifier: MIT
/* Chapter 7 of npu_train.h: quotes, bytes, files, and what is refused. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compile_model.h"

#include "npu_accel.h"
#include "train/nn/kernels/f32.h"

#define FEATURES 20
#define OUTPUTS 7
#define SAMPLES 64

/* ---------------------------------------------------------------------- quotes */

static void check_quote(const struct npu_model *model, const float *x, enum npu_precision precision,
			uint32_t batch)
{
	struct npu_compile_options options = { .precision = precision, .batch = batch };
	struct npu_compile_quote quote;
	struct npu_error err = { 0 };
	size_t bytes, needed;
	void *image;

	check_ok(npu_model_compile_quote(model, &options, &quote, &err), &err);
	check_ok(npu_model_compile(model, x, SAMPLES, &options, &image, &bytes, &err), &err);
	check_quoted(&quote, image, bytes);
	npu_image_free(image);

	/* The limit is what is quoted, to the byte. */
	needed = quote.weight_bytes + quote.const_bytes + quote.insn_bytes + quote.io_bytes +
		 quote.scratch_bytes;
	options.max_bytes = needed;
	check_ok(npu_model_compile_quote(model, &options, &quote, &err), &err);
	options.max_bytes = needed - 1;
	assert_int_equal(npu_model_compile_quote(model, &options, &quote, &err), -E2BIG);
	assert_non_null(strstr(err.message, "\"dense2\" is the largest"));
}

static void quote_is_exact(void **state)
{
	float *x = random_floats(SAMPLES * FEATURES, -1, 1, 1);
	enum npu_activation hidden, last;

	(void)state;
	for (hidden = NPU_LINEAR; hidden <= NPU_TANH; hidden++) {
		for (last = NPU_LINEAR; last <= NPU_SOFTMAX; last++) {
			struct npu_model *model = make_mlp(FEATURES, OUTPUTS, hidden, last, 7);

			check_quote(model, x, NPU_PRECISION_INT8, 0);
			check_quote(model, x, NPU_PRECISION_INT16, 3);
			npu_model_free(model);
		}
	}
	free(x);
}

/* ----------------------------------------------------------------------- bytes */

static void same_bytes_on_every_cpu(void **state)
{
	float *x = random_floats(SAMPLES * FEATURES, -3, 5, 2);
	enum npu_precision precision;
	struct npu_error err = { 0 };

	(void)state;
	for (precision = NPU_PRECISION_INT8; precision <= NPU_PRECISION_INT16; precision++) {
		const struct npu_compile_options options = { .precision = precision };
		void *first = NULL;
		size_t first_bytes = 0, i;

		for (i = 0; npu_f32_variant(i); i++) {
			struct npu_model *model;
			void *image;
			size_t bytes;

			setenv("NPU_F32_VARIANT", npu_f32_variant(i)->name, 1);
			model = make_mlp(FEATURES, OUTPUTS, NPU_SIGMOID, NPU_SOFTMAX, 5);
			check_ok(npu_model_compile(model, x, SAMPLES, &options, &image, &bytes,
						   &err),
				 &err);
			npu_model_free(model);
			if (!first) {
				first = image;
				first_bytes = bytes;
				continue;
			}
			assert_int_equal(bytes, first_bytes);
			assert_memory_equal(image, first, bytes);
			npu_image_free(image);
		}
		npu_image_free(first);
	}
	unsetenv("NPU_F32_VARIANT");
	free(x);
}

static void batch_gives_the_same_as_one_by_one(void **state)
{
	float *x = random_floats(SAMPLES * FEATURES, -1, 1, 3);
	struct npu_model *model = make_mlp(FEATURES, OUTPUTS, NPU_TANH, NPU_SOFTMAX, 6);
	struct compiled one = compile_model(model, x, SAMPLES, NPU_PRECISION_INT8, 1);
	struct compiled five = compile_model(model, x, SAMPLES, NPU_PRECISION_INT8, 5);
	float together[5 * OUTPUTS], alone[OUTPUTS];
	struct npu_error err = { 0 };
	int i;

	(void)state;
	assert_int_equal(npu_program_input(five.program, 0)->dim[0], 5);
	check_ok(npu_infer_f32(five.session, x, together, &err), &err);
	for (i = 0; i < 5; i++) {
		check_ok(npu_infer_f32(one.session, x + i * FEATURES, alone, &err), &err);
		assert_memory_equal(alone, together + i * OUTPUTS, sizeof(alone));
	}
	compiled_close(&one);
	compiled_close(&five);
	npu_model_free(model);
	free(x);
}

/* ------------------------------------------------------------ what travels along */

static void raw_data_and_labels(void **state)
{
	static char *const names[] = { "ant", "bee", "cow", "dog", "eel", "fox", "gnu" };
	float *x = random_floats(SAMPLES * FEATURES, 1000, 1040, 4);
	struct npu_model *model = make_mlp(FEATURES, OUTPUTS, NPU_RELU, NPU_SOFTMAX, 8);
	struct npu_dataset data = {
		.samples = SAMPLES,
		.dim = { 1, 1, FEATURES },
		.features = FEATURES,
		.x = x,
	};
	float want[SAMPLES * OUTPUTS], got[OUTPUTS];
	struct npu_error err = { 0 };
	struct npu_scaler scaler;
	struct compiled c;
	size_t i, k;

	(void)state;
	check_ok(npu_scaler_fit_standard(&scaler, &data, &err), &err);
	check_ok(npu_model_set_scaler(model, &scaler, &err), &err);
	check_ok(npu_model_set_class_names(model, names, OUTPUTS, &err), &err);
	npu_scaler_free(&scaler);
	check_ok(npu_model_predict(model, x, SAMPLES, 1, want, &err), &err);
	c = compile_model(model, x, SAMPLES, NPU_PRECISION_INT8, 1);
	for (i = 0; i < SAMPLES; i++) {
		check_ok(npu_infer_f32(c.session, x + i * FEATURES, got, &err), &err);
		for (k = 0; k < OUTPUTS; k++)
			assert_true(fabsf(got[k] - want[i * OUTPUTS + k]) < 0.1f);
	}
	for (i = 0; i < OUTPUTS; i++)
		assert_string_equal(npu_program_label(c.program, (unsigned int)i), names[i]);
	assert_null(npu_program_label(c.program, OUTPUTS));
	compiled_close(&c);
	npu_model_free(model);
	free(x);
}

/* Networks of a single activation: no weights, no scratch, nothing to do. */
static void activation_alone(void **state)
{
	const uint32_t dim[3] = { 1, 1, FEATURES };
	float *x = random_floats(SAMPLES * FEATURES, -4, 4, 5), want[FEATURES], got[FEATURES];
	enum npu_activation activation;
	enum npu_precision precision;
	struct npu_error err = { 0 };
	int k;

	(void)state;
	for (activation = NPU_LINEAR; activation <= NPU_SOFTMAX; activation++) {
		for (precision = NPU_PRECISION_INT8; precision <= NPU_PRECISION_INT16;
		     precision++) {
			float most = precision == NPU_PRECISION_INT8 ? 0.035f : 0.0005f;
			struct npu_model *model;
			struct compiled c;

			check_ok(npu_model_create(&model, dim, 1, &err), &err);
			check_ok(npu_model_add(model, npu_activation(.activation = activation),
					       &err),
				 &err);
			c = compile_model(model, x, SAMPLES, precision, 1);
			check_ok(npu_model_predict(model, x, 1, 1, want, &err), &err);
			check_ok(npu_infer_f32(c.session, x, got, &err), &err);
			for (k = 0; k < FEATURES; k++)
				if (fabsf(got[k] - want[k]) > most)
					fail_msg("activation %d, precision %d: %g instead of %g",
						 activation, precision, got[k], want[k]);
			compiled_close(&c);
			npu_model_free(model);
		}
	}
	free(x);
}

/* Weights and data of any size, or all zero, compile and give numbers. */
static void extreme_ranges(void **state)
{
	static const float factor[] = { 0, 1e-30f, 1e-6f, 1e6f, 1e12f };
	struct npu_error err = { 0 };
	size_t i, j, k, p;

	(void)state;
	for (i = 0; i < sizeof(factor) / sizeof(factor[0]); i++) {
		for (j = 0; j < sizeof(factor) / sizeof(factor[0]); j++) {
			struct npu_model *model =
				make_mlp(FEATURES, OUTPUTS, NPU_RELU, NPU_LINEAR, 9);
			float *x = random_floats(SAMPLES * FEATURES, -factor[i], factor[i], 6);
			struct npu_parameter parameter;
			float got[OUTPUTS];
			struct compiled c;

			for (p = 0; p < npu_model_parameters(model); p++) {
				npu_model_parameter(model, p, &parameter);
				for (k = 0; k < parameter.count; k++)
					parameter.value[k] *= p == 2 ? factor[j] : 1;
			}
			c = compile_model(model, x, SAMPLES, NPU_PRECISION_INT8, 1);
			check_ok(npu_infer_f32(c.session, x, got, &err), &err);
			for (k = 0; k < OUTPUTS; k++)
				assert_true(isfinite(got[k]));
			compiled_close(&c);
			free(x);
			npu_model_free(model);
		}
	}
}

/* ----------------------------------------------------------------------- files */

static void file_appears_whole_or_not_at_all(void **state)
{
	char folder[] = "/tmp/npu-compile-XXXXXX", path[64], missing[64];
	float *x = random_floats(SAMPLES * FEATURES, -1, 1, 7);
	struct npu_model *model = make_mlp(FEATURES, OUTPUTS, NPU_RELU, NPU_LINEAR, 10);
	struct npu_program *program;
	struct npu_error err = { 0 };
	struct dirent *entry;
	int round, files = 0;
	DIR *dir;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/model.npu", folder);
	snprintf(missing, sizeof(missing), "%s/none/model.npu", folder);
	for (round = 0; round < 2; round++)
		check_ok(npu_model_compile_file(model, x, SAMPLES, NULL, path, &err), &err);
	check_ok(npu_program_load(&program, path, &err), &err);
	npu_program_free(program);
	assert_int_equal(npu_model_compile_file(model, x, SAMPLES, NULL, missing, &err), -ENOENT);
	assert_non_null(strstr(err.message, missing));
	dir = opendir(folder);
	while ((entry = readdir(dir)))
		files += entry->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(files, 1);
	unlink(path);
	rmdir(folder);
	npu_model_free(model);
	free(x);
}

/* --------------------------------------------------------------------- refusals */

static void refuse_compile(const struct npu_model *model, const float *x, size_t count, int code,
			   const char *words)
{
	struct npu_error err = { 0 };
	size_t bytes = 0;
	void *image = NULL;

	assert_int_equal(npu_model_compile(model, x, count, NULL, &image, &bytes, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.message, words))
		fail_msg("\"%s\" does not say \"%s\"", err.message, words);
	assert_null(image);
}

static void refuses_bad_numbers(void **state)
{
	float *x = random_floats(SAMPLES * FEATURES, -1, 1, 8);
	struct npu_model *model = make_mlp(FEATURES, OUTPUTS, NPU_RELU, NPU_LINEAR, 11);
	struct npu_parameter parameter;
	const uint32_t dim[3] = { 1, 1, FEATURES };
	struct npu_error err = { 0 };
	struct npu_model *empty;

	(void)state;
	refuse_compile(model, NULL, 0, -EINVAL, "no samples");
	refuse_compile(model, x, 0, -EINVAL, "no samples");
	x[3 * FEATURES + 4] = NAN;
	refuse_compile(model, x, SAMPLES, -EINVAL, "sample 3, feature 4 is NaN");
	x[3 * FEATURES + 4] = -INFINITY;
	refuse_compile(model, x, SAMPLES, -EINVAL, "sample 3, feature 4 is infinite");
	x[3 * FEATURES + 4] = 0;
	npu_model_parameter(model, 2, &parameter);
	parameter.value[2 * 48 + 5] = NAN;
	refuse_compile(model, x, SAMPLES, -EINVAL, "\"dense2\"");
	parameter.value[2 * 48 + 5] = 0;
	npu_model_parameter(model, 1, &parameter);
	parameter.value[5] = INFINITY;
	refuse_compile(model, x, SAMPLES, -EINVAL, "\"dense1\"");
	npu_model_free(model);

	check_ok(npu_model_create(&empty, dim, 1, &err), &err);
	refuse_compile(empty, x, SAMPLES, -EINVAL, "no layers");
	npu_model_free(empty);
	free(x);
}

static struct npu_model *wide_model(uint32_t features, uint32_t units,
				    enum npu_activation activation)
{
	const uint32_t dim[3] = { 1, 1, features };
	struct npu_error err = { 0 };
	struct npu_model *model;

	check_ok(npu_model_create(&model, dim, 1, &err), &err);
	check_ok(npu_model_add(model,
			       npu_dense(.name = "wide", .units = units, .activation = activation),
			       &err),
		 &err);
	return model;
}

static void refuse_quote(struct npu_model *model, const struct npu_compile_options *options,
			 const char *words)
{
	struct npu_compile_quote quote;
	struct npu_error err = { 0 };

	assert_int_equal(npu_model_compile_quote(model, options, &quote, &err), -E2BIG);
	if (!strstr(err.message, words) || !strstr(err.message, "\"wide\""))
		fail_msg("\"%s\" does not name \"%s\"", err.message, words);
	npu_model_free(model);
}

static void refuses_what_is_beyond_limits(void **state)
{
	const struct npu_compile_options small = { .max_bytes = 10000 };
	const struct npu_compile_options batch = { .batch = 1 << 23 };
	struct npu_compile_options unknown = { .precision = 7 };
	struct npu_model *model = wide_model(NPU_MAX_DEPTH, 1, NPU_LINEAR);
	struct npu_compile_quote quote;
	struct npu_error err = { 0 };

	(void)state;
	check_ok(npu_model_compile_quote(model, NULL, &quote, &err), &err);
	assert_int_equal(npu_model_compile_quote(model, &unknown, &quote, &err), -EINVAL);
	npu_model_free(model);
	refuse_quote(wide_model(NPU_MAX_DEPTH + 1, 1, NPU_LINEAR), NULL, "65536");
	refuse_quote(wide_model(4, NPU_MAX_SOFTMAX + 1, NPU_SOFTMAX), NULL, "4096");
	refuse_quote(wide_model(1, NPU_MAX_CONSTS / 8 + 1, NPU_LINEAR), NULL, "scales");
	refuse_quote(wide_model(100, 100, NPU_LINEAR), &small, "10000");
	refuse_quote(wide_model(4, 1024, NPU_LINEAR), &batch, "batch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quote_is_exact),
		cmocka_unit_test(same_bytes_on_every_cpu),
		cmocka_unit_test(batch_gives_the_same_as_one_by_one),
		cmocka_unit_test(raw_data_and_labels),
		cmocka_unit_test(activation_alone),
		cmocka_unit_test(extreme_ranges),
		cmocka_unit_test(file_appears_whole_or_not_at_all),
		cmocka_unit_test(refuses_bad_numbers),
		cmocka_unit_test(refuses_what_is_beyond_limits),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
