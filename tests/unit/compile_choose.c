// SPDX-License-Identifier: MIT
/* Mixed precision: as few values become int16 as the accuracy needs, and the figures are true. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compile_model.h"

#include "train/nn/model.h"

#define SAMPLES 200
#define FEATURES 24
#define OUTPUTS 6

/* One layer reads small numbers beside large ones, which int8 can't tell apart. */
static struct npu_model *hard_model(void)
{
	const uint32_t dim[3] = { 1, 1, FEATURES };
	struct npu_error err = { 0 };
	struct npu_model *model;
	float *weight;
	size_t k;

	check_ok(npu_model_create(&model, dim, 2, &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 32, .activation = NPU_RELU), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 32, .activation = NPU_TANH), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 16), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 16, .activation = NPU_RELU), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = OUTPUTS), &err), &err);
	randomise_biases(model, 3);
	/* Output 0 of the third layer is 200 times the others, and hardly read by the fourth. */
	weight = model->value + model->parameter[model->node[2].parameter].offset;
	for (k = 0; k < 32; k++)
		weight[k] *= 200;
	weight = model->value + model->parameter[model->node[3].parameter].offset;
	for (k = 0; k < 16; k++)
		weight[k * 16] /= 200;
	return model;
}

static struct npu_dataset data_of(const struct npu_model *model, float *x, int32_t *labels)
{
	float *y = malloc(SAMPLES * OUTPUTS * sizeof(*y));
	struct npu_error err = { 0 };
	size_t i, k;

	check_ok(npu_model_predict(model, x, SAMPLES, 1, y, &err), &err);
	for (i = 0; i < SAMPLES; i++) {
		labels[i] = 0;
		for (k = 1; k < OUTPUTS; k++)
			if (y[i * OUTPUTS + k] > y[i * OUTPUTS + labels[i]])
				labels[i] = (int32_t)k;
	}
	free(y);
	return (struct npu_dataset){
		.samples = SAMPLES,
		.dim = { 1, 1, FEATURES },
		.features = FEATURES,
		.classes = OUTPUTS,
		.x = x,
		.labels = labels,
	};
}

/* What a program with these values wide has. */
static void measure(const struct npu_model *model, const struct npu_dataset *data,
		    const struct npu_compile_options *options, double *accuracy, double *db)
{
	struct npu_device_options embedded = { .backend = NPU_BACKEND_EMBEDDED };
	float want[OUTPUTS], got[OUTPUTS];
	struct npu_error err = { 0 };
	struct npu_program *program;
	struct npu_session *session;
	struct npu_device *device;
	double signal = 0, noise = 0;
	size_t bytes, i, k, right = 0;
	void *image;

	check_ok(npu_model_compile(model, data->x, SAMPLES, options, &image, &bytes, &err), &err);
	check_ok(npu_program_load_memory(&program, image, bytes, &err), &err);
	check_ok(npu_device_open(&device, &embedded, &err), &err);
	check_ok(npu_session_open(&session, device, program, NULL, &err), &err);
	for (i = 0; i < SAMPLES; i++) {
		size_t best = 0;

		check_ok(npu_infer_f32(session, data->x + i * FEATURES, got, &err), &err);
		check_ok(npu_model_predict(model, data->x + i * FEATURES, 1, 1, want, &err), &err);
		for (k = 0; k < OUTPUTS; k++) {
			signal += (double)want[k] * (double)want[k];
			noise += pow((double)want[k] - (double)got[k], 2);
			best = got[k] > got[best] ? k : best;
		}
		right += data->labels && (int32_t)best == data->labels[i];
	}
	*accuracy = 100.0 * (double)right / SAMPLES;
	*db = 10 * log10(signal / noise);
	npu_session_close(session);
	npu_device_close(device);
	npu_program_free(program);
	npu_image_free(image);
}

static size_t count_wide(const bool *wide, size_t count)
{
	size_t i, found = 0;

	for (i = 0; i < count; i++)
		found += wide[i];
	return found;
}

static void the_costly_value_is_raised(void **state)
{
	struct npu_model *model = hard_model();
	float *x = random_floats(SAMPLES * FEATURES, -1, 1, 9);
	int32_t labels[SAMPLES];
	struct npu_dataset data = data_of(model, x, labels);
	struct npu_compile_options options = { 0 };
	struct npu_wide_report report;
	struct npu_error err = { 0 };
	double accuracy, db;
	bool wide[6];
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		options = (struct npu_compile_options){
			.calibration = (enum npu_calibration)i,
			.bias_correction = i == 1,
			.equalise = i == 2,
		};
		check_ok(npu_model_choose_wide(model, x, SAMPLES, &data, &options, 4, wide, &report,
					       &err),
			 &err);
		options.wide = wide;
		measure(model, &data, &options, &accuracy, &db);
		print_message("# right: int8 %.1f %%, %zu values raised %.1f %%; outputs %.1f and "
			      "%.1f dB\n",
			      report.int8_accuracy, report.raised, report.accuracy,
			      report.int8_sqnr_db, report.sqnr_db);
		assert_true(report.model_accuracy == 100);
		assert_true(report.accuracy >= 96);
		assert_int_equal(count_wide(wide, 6), report.raised);
		assert_true(report.raised <= 2);
		assert_true(accuracy == report.accuracy);
		assert_true(fabs(db - report.sqnr_db) < 0.01);
		/* Equalised, the channels are of one size, and int8 may do. */
		if (i != 2)
			assert_true(report.int8_accuracy < 96 && wide[3]);
	}
	free(x);
	npu_model_free(model);
}

static void outputs_without_labels_get_their_decibels(void **state)
{
	struct npu_model *model = hard_model();
	float *x = random_floats(SAMPLES * FEATURES, -1, 1, 10);
	int32_t labels[SAMPLES];
	struct npu_dataset data = data_of(model, x, labels);
	struct npu_compile_options options = { 0 };
	struct npu_wide_report report;
	struct npu_error err = { 0 };
	double limit, accuracy, db;
	size_t before = 0;
	bool wide[6];

	(void)state;
	data.labels = NULL;
	for (limit = 0; limit <= 20; limit += 5) {
		check_ok(npu_model_choose_wide(model, x, SAMPLES, &data, NULL, limit, wide, &report,
					       &err),
			 &err);
		options.wide = wide;
		measure(model, &data, &options, &accuracy, &db);
		print_message("# %2.0f dB asked for: %zu raised, %.1f dB\n", limit, report.raised,
			      report.sqnr_db);
		assert_true(isnan(report.accuracy));
		assert_true(report.sqnr_db >= limit && fabs(db - report.sqnr_db) < 0.01);
		assert_true(report.raised >= before);
		before = report.raised;
	}
	assert_true(before > 0);
	assert_int_equal(
		npu_model_choose_wide(model, x, SAMPLES, &data, NULL, 90, wide, &report, &err),
		-ERANGE);
	assert_non_null(strstr(err.message, "int8 weights"));
	assert_int_equal(
		npu_model_choose_wide(model, x, SAMPLES, &data, NULL, NAN, wide, &report, &err),
		-EINVAL);
	options = (struct npu_compile_options){ .precision = NPU_PRECISION_INT16 };
	assert_int_equal(
		npu_model_choose_wide(model, x, SAMPLES, &data, &options, 1, wide, &report, &err),
		-EINVAL);
	free(x);
	npu_model_free(model);
}

/* Calls of aligned_alloc() until one finds no memory; 0: all find some. */
static unsigned int until_failure;

void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
	return until_failure && !--until_failure ? NULL : __real_aligned_alloc(align, bytes);
}

/* Whatever there is no memory for, the model stays as it was, and nothing is freed twice. */
static void without_memory_the_model_stays(void **state)
{
	struct npu_model *model = hard_model();
	float *x = random_floats(SAMPLES * FEATURES, -1, 1, 8);
	int32_t labels[SAMPLES];
	struct npu_dataset data = data_of(model, x, labels);
	float before = model->value[0];
	struct npu_wide_report report;
	bool wide[6];
	unsigned int i;

	(void)state;
	for (i = 1; i < 12; i++) {
		struct npu_error err = { 0 };

		until_failure = i;
		assert_int_equal(npu_model_choose_wide(model, x, SAMPLES, &data, NULL, 100, wide,
						       &report, &err),
				 -ENOMEM);
		assert_true(!until_failure && err.message[0]);
		assert_true(model->value[0] == before);
	}
	until_failure = 0;
	free(x);
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_costly_value_is_raised),
		cmocka_unit_test(outputs_without_labels_get_their_decibels),
		cmocka_unit_test(without_memory_the_model_stays),
	};

	return cmocka_run_group_tests_name("compile_choose", tests, NULL, NULL);
}
