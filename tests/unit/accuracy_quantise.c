// SPDX-License-Identifier: MIT
/*
 * Where int8 visibly loses: a function of two variables by six layers of six tanh. Each layer's few
 * outputs are held in steps of 1/128, as the instruction has it, and the next ones build on them.
 * Classifiers hardly notice int8 (accuracy_digits.c and its like); of many that were tried none
 * lost half a point. Here the best that calibration, bias correction and equalisation can do has
 * about twice the error of f32, and training that is aware of quantisation gets more than half of
 * that back; the same training without does not.
 */
#include <math.h>

#include "accuracy_case.h"
#include "train/nn/rng.h"

#define SEEDS (REDUCED ? 1 : 3)
#define EPOCHS (REDUCED ? 2 : 200)
#define MORE_EPOCHS (REDUCED ? 2 : 300)
#define SAMPLES (REDUCED ? 200 : 2000)

static void make_data(struct npu_dataset *data, uint64_t seed)
{
	struct npu_error err = { 0 };
	struct npu_rng rng;
	size_t i;

	check_ok(npu_dataset_alloc(data, SAMPLES, (uint32_t[3]){ 1, 1, 2 }, 1, 0, &err), &err);
	npu_rng_seed(&rng, seed, 0);
	for (i = 0; i < SAMPLES; i++) {
		float a = 2 * (float)npu_rng_uniform(&rng) - 1;
		float b = 2 * (float)npu_rng_uniform(&rng) - 1;

		data->x[2 * i] = a;
		data->x[2 * i + 1] = b;
		data->y[i] = sinf(3 * a) * cosf(2 * b) + a * b / 2;
	}
}

/* Root of the mean squared error of @y. */
static double error_of(const float *y, const struct npu_dataset *data)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < data->samples; i++)
		sum += pow((double)y[i] - (double)data->y[i], 2);
	return sqrt(sum / (double)data->samples);
}

static double error_in_f32(const struct npu_model *model, const struct npu_dataset *test)
{
	float *y = malloc(test->samples * sizeof(*y));
	struct npu_error err = { 0 };
	double error;

	check_ok(npu_model_predict(model, test->x, test->samples, 1, y, &err), &err);
	error = error_of(y, test);
	free(y);
	return error;
}

static double error_in_int8(const struct npu_model *model, const struct npu_dataset *data,
			    const struct npu_dataset *test,
			    const struct npu_compile_options *options)
{
	const struct npu_device_options embedded = { .backend = NPU_BACKEND_EMBEDDED };
	float *y = malloc(test->samples * sizeof(*y));
	struct npu_error err = { 0 };
	struct npu_program *program;
	struct npu_session *session;
	struct npu_device *device;
	double error;
	size_t bytes, i;
	void *image;

	check_ok(npu_model_compile(model, data->x, data->samples, options, &image, &bytes, &err),
		 &err);
	check_ok(npu_program_load_memory(&program, image, bytes, &err), &err);
	check_ok(npu_device_open(&device, &embedded, &err), &err);
	check_ok(npu_session_open(&session, device, program, NULL, &err), &err);
	for (i = 0; i < test->samples; i++)
		check_ok(npu_infer_f32(session, test->x + 2 * i, y + i, &err), &err);
	error = error_of(y, test);
	npu_session_close(session);
	npu_device_close(device);
	npu_program_free(program);
	npu_image_free(image);
	free(y);
	return error;
}

/* The least error that any way of compiling has, judged by the test data itself. */
static double best_after_training(const struct npu_model *model, const struct npu_dataset *data,
				  const struct npu_dataset *test)
{
	double best = INFINITY;
	int i;

	for (i = 0; i < 16; i++) {
		const struct npu_compile_options options = {
			.calibration = (enum npu_calibration)(i / 4),
			.bias_correction = i & 1,
			.equalise = i & 2,
		};

		best = fmin(best, error_in_int8(model, data, test, &options));
	}
	return best;
}

static struct npu_model *train(const struct npu_dataset *data, uint64_t seed)
{
	const struct npu_fit_options options = {
		.optimizer = npu_adam(.rate = 5e-3f),
		.schedule = { .kind = NPU_SCHEDULE_COSINE },
		.epochs = EPOCHS,
		.threads = 1,
	};
	struct npu_error err = { 0 };
	struct npu_model *model;
	int i;

	check_ok(npu_model_create(&model, data->dim, seed, &err), &err);
	for (i = 0; i < 6; i++)
		check_ok(npu_model_add(model, npu_dense(.units = 6, .activation = NPU_TANH), &err),
			 &err);
	check_ok(npu_model_add(model, npu_dense(.units = 1), &err), &err);
	check_ok(npu_model_fit(model, data, &options, NULL, &err), &err);
	return model;
}

static void train_on(struct npu_model *model, const struct npu_dataset *data, unsigned int from)
{
	const struct npu_fit_options options = {
		.optimizer = npu_adam(.rate = 5e-3f),
		.schedule = { .kind = NPU_SCHEDULE_COSINE },
		.epochs = MORE_EPOCHS,
		.threads = 1,
		.quantise_from = from,
	};
	struct npu_error err = { 0 };

	check_ok(npu_model_fit(model, data, &options, NULL, &err), &err);
}

static void aware_training_recovers(void **state)
{
	const struct npu_compile_options defaults = { 0 };
	double recovered[3], loss[3];
	struct npu_dataset data, test;
	int i;

	(void)state;
	make_data(&data, 1);
	make_data(&test, 2);
	for (i = 0; i < SEEDS; i++) {
		struct npu_model *model = train(&data, (uint64_t)i + 1);
		struct npu_model *same = train(&data, (uint64_t)i + 1);
		double f32 = error_in_f32(model, &test), aware, longer;
		double after = best_after_training(model, &data, &test);

		train_on(model, &data, 1);
		aware = error_in_int8(model, &data, &test, &defaults);
		train_on(same, &data, 0);
		longer = best_after_training(same, &data, &test);
		loss[i] = after / f32;
		recovered[i] = (after - aware) / (after - f32);
		print_message("# seed %d: RMSE f32 %.4f, int8 %.4f, after aware training %.4f; "
			      "after as much that is not aware f32 %.4f, int8 %.4f\n",
			      i + 1, f32, after, aware, error_in_f32(same, &test), longer);
		if (!REDUCED)
			assert_true(aware < longer);
		npu_model_free(model);
		npu_model_free(same);
	}
	npu_dataset_free(&data);
	npu_dataset_free(&test);
	print_message("# median: int8 has %.2f times the error; %.0f %% of the loss recovered\n",
		      median(loss, SEEDS), 100 * median(recovered, SEEDS));
	if (REDUCED)
		return;
	assert_true(median(loss, SEEDS) > 1.5);
	assert_true(median(recovered, SEEDS) >= 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aware_training_recovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
