// SPDX-License-Identifier: MIT
/*
 * Time series. JapaneseVowels: nine speakers told by recordings of 7 to 29 steps, whose padding has
 * to be masked: at least 95 %, and at most two samples fewer in an int8 program. Airline:
 * passengers of the next month from those of the twelve before, better than that nothing changes.
 */
#include <math.h>

#include "accuracy_program.h"

#define SEEDS (REDUCED ? 1 : 5)

static void read_vowels(struct npu_dataset *data, const char *name, const struct npu_dataset *like)
{
	const struct npu_ts_options options = { .like = like };
	struct npu_error err = { 0 };

	check_ok(npu_dataset_read_ts(data, data_path(name), &options, &err), &err);
}

static void fit_scaler(struct npu_model *model, const struct npu_dataset *data)
{
	struct npu_scaler scaler = { 0 };
	struct npu_error err = { 0 };

	check_ok(npu_scaler_fit_standard(&scaler, data, &err), &err);
	check_ok(npu_model_set_scaler(model, &scaler, &err), &err);
	npu_scaler_free(&scaler);
}

static double train_vowels(const struct npu_dataset *data, const struct npu_dataset *test,
			   uint64_t seed, double *lost)
{
	const struct npu_fit_options options = {
		.optimizer = npu_adam(.rate = 5e-3f),
		.schedule = { .kind = NPU_SCHEDULE_COSINE },
		.epochs = REDUCED ? 3 : 60,
		.threads = 2,
		.batch = 16,
	};
	struct npu_error err = { 0 };
	struct npu_model *model;
	double accuracy;

	check_ok(npu_model_create(&model, data->dim, seed, &err), &err);
	fit_scaler(model, data);
	check_ok(npu_model_add(model, npu_dropout(.rate = 0.1f), &err), &err);
	check_ok(npu_model_add(model, npu_gru(.units = 48, .bidirectional = true), &err), &err);
	check_ok(npu_model_add(model, npu_dropout(.rate = 0.4f), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 9, .activation = NPU_SOFTMAX), &err),
		 &err);
	check_ok(npu_model_fit(model, data, &options, NULL, &err), &err);
	accuracy = accuracy_of(model, test);
	*lost = lost_in_program(model, data, test);
	npu_model_free(model);
	return accuracy;
}

static void test_vowels(void **state)
{
	struct npu_dataset data, test;
	double accuracy[5], lost[5];
	int i;

	(void)state;
	read_vowels(&data, "timeseries/JapaneseVowels/JapaneseVowels_TRAIN.ts", NULL);
	read_vowels(&test, "timeseries/JapaneseVowels/JapaneseVowels_TEST.ts", &data);
	assert_int_equal(data.samples, 270);
	assert_int_equal(test.samples, 370);
	assert_non_null(data.lengths);
	for (i = 0; i < SEEDS; i++) {
		accuracy[i] = train_vowels(&data, &test, (uint64_t)i + 1, &lost[i]);
		print_message("# seed %d: %.2f %%\n", i + 1, accuracy[i]);
	}
	npu_dataset_free(&data);
	npu_dataset_free(&test);
	print_message("# median of %d: %.2f %%\n", SEEDS, median(accuracy, SEEDS));
	assert_true(median(accuracy, SEEDS) >= (REDUCED ? 30 : 95));
	print_message("# lost in int8, median: %g samples\n", median(lost, SEEDS));
	assert_true(median(lost, SEEDS) <= (REDUCED ? 20 : 2));
}

#define YEAR 12

/* Steps as changes of the logarithm: what grows by shares becomes a series that stays. */
static void to_changes(struct npu_dataset *series)
{
	size_t i;

	for (i = series->samples; i-- > 1;)
		series->x[i] = logf(series->x[i] / series->x[i - 1]);
	series->samples--;
	memmove(series->x, series->x + 1, series->samples * sizeof(float));
}

/*
 * RMSE over the last three years, in passengers, of forecasts by @model or, without one, of the
 * value before. Month i of @changes leads from @months[i] to the next.
 */
static double forecast_error(const struct npu_model *model, const struct npu_dataset *changes,
			     const float *months)
{
	struct npu_error err = { 0 };
	double sum = 0;
	size_t first = changes->samples - 36, i;

	for (i = first; i < changes->samples; i++) {
		float change = 0, difference;

		if (model)
			check_ok(npu_model_predict(model, changes->x + i - YEAR, 1, 1, &change,
						   &err),
				 &err);
		difference = months[i] * expf(change) - months[i + 1];
		sum += difference * difference;
	}
	return sqrt(sum / 36);
}

static struct npu_model *train_airline(const struct npu_dataset *changes, uint64_t seed)
{
	const struct npu_fit_options options = { .epochs = REDUCED ? 20 : 300, .batch = 16 };
	struct npu_dataset past = first_of(changes, changes->samples - 36), windows;
	struct npu_error err = { 0 };
	struct npu_model *model;

	check_ok(npu_dataset_windows(&windows, &past, YEAR, 1, 1, &err), &err);
	check_ok(npu_model_create(&model, windows.dim, seed, &err), &err);
	fit_scaler(model, &windows);
	check_ok(npu_model_add(model, npu_gru(.units = 16), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 1), &err), &err);
	check_ok(npu_model_fit(model, &windows, &options, NULL, &err), &err);
	npu_dataset_free(&windows);
	return model;
}

static void test_airline(void **state)
{
	const struct npu_csv_options options = { .features = "Passengers" };
	struct npu_dataset series;
	struct npu_error err = { 0 };
	double naive, rmse[5];
	float *months;
	size_t count;
	int i;

	(void)state;
	check_ok(npu_dataset_read_csv(&series, data_path("timeseries/Airline/Airline.csv"),
				      &options, &err),
		 &err);
	count = series.samples;
	months = malloc(count * sizeof(*months));
	memcpy(months, series.x, count * sizeof(*months));
	to_changes(&series);
	naive = forecast_error(NULL, &series, months);
	for (i = 0; i < SEEDS; i++) {
		struct npu_model *model = train_airline(&series, (uint64_t)i + 1);

		rmse[i] = forecast_error(model, &series, months);
		print_message("# seed %d: RMSE %.1f passengers, naive %.1f\n", i + 1, rmse[i],
			      naive);
		npu_model_free(model);
	}
	free(months);
	npu_dataset_free(&series);
	assert_true(median(rmse, SEEDS) < naive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vowels),
		cmocka_unit_test(test_airline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
