// SPDX-License-Identifier: MIT
/* Ranges out of histograms: against sorted numbers, and against errors that are computed in full.
 */
#include <math.h>
#include <string.h>

#include "compile_model.h"

#include "train/compile/histogram.h"

#define COUNT 20000

static int ascending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* Sums of twelve uniform numbers, nearly normal; one in 100 three times as large. */
static float *heavy_tails(uint64_t seed)
{
	float *numbers = random_floats(COUNT, 0, 0, seed);
	struct npu_rng rng;
	int i, k;

	npu_rng_seed(&rng, seed, 1);
	for (i = 0; i < COUNT; i++) {
		for (k = 0; k < 12; k++)
			numbers[i] += (float)npu_rng_uniform(&rng) - 0.5f;
		if (i % 100 == 0)
			numbers[i] *= 3;
	}
	return numbers;
}

static struct npu_histogram *histogram_of(const float *numbers, size_t count)
{
	struct npu_histogram *histogram = calloc(1, sizeof(*histogram));
	size_t i;

	assert_non_null(histogram);
	for (i = 0; i < count; i++) {
		histogram->range.low = fminf(histogram->range.low, numbers[i]);
		histogram->range.high = fmaxf(histogram->range.high, numbers[i]);
	}
	npu_histogram_add(histogram, numbers, count);
	return histogram;
}

static void every_number_is_counted(void **state)
{
	float *numbers = heavy_tails(1);
	struct npu_histogram *whole, *parts;
	uint64_t sum;
	size_t i;

	(void)state;
	for (i = 0; i < 500; i++)
		numbers[i * 7] = 0;
	whole = histogram_of(numbers, COUNT);
	for (sum = 0, i = 0; i < NPU_HISTOGRAM_BINS; i++)
		sum += whole->count[i];
	assert_int_equal(whole->zeros, 500);
	assert_int_equal(sum, COUNT - 500);
	/* In other pieces and another order the same. */
	parts = calloc(1, sizeof(*parts));
	parts->range = whole->range;
	npu_histogram_add(parts, numbers + 777, COUNT - 777);
	npu_histogram_add(parts, numbers, 777);
	assert_memory_equal(whole, parts, sizeof(*whole));
	free(parts);
	free(whole);
	free(numbers);
}

static void percentile_is_that_of_sorted_numbers(void **state)
{
	static const double percents[] = { 90, 98, 99, 99.9 };
	float *numbers = heavy_tails(2);
	struct npu_histogram *histogram = histogram_of(numbers, COUNT);
	double bin = ((double)histogram->range.high - histogram->range.low) / NPU_HISTOGRAM_BINS;
	struct npu_range range;
	size_t i;

	(void)state;
	qsort(numbers, COUNT, sizeof(*numbers), ascending);
	for (i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		size_t tail = (size_t)(COUNT * (100 - percents[i]) / 200);

		range = npu_histogram_percentile(histogram, percents[i]);
		assert_true(range.low >= numbers[tail - 1] - bin);
		assert_true(range.low <= numbers[tail] + bin);
		assert_true(range.high <= numbers[COUNT - tail] + bin);
		assert_true(range.high >= numbers[COUNT - 1 - tail] - bin);
	}
	range = npu_histogram_percentile(histogram, 100);
	assert_true(range.low == histogram->range.low && range.high == histogram->range.high);
	free(histogram);
	free(numbers);
}

/* Sum of squares of what rounding to @levels of the range does to each number. */
static double squared_error(const float *numbers, double low, double high, int levels)
{
	double step = (high - low) / (levels - 1), sum = 0;
	size_t i;

	for (i = 0; i < COUNT; i++) {
		double inside = fmin(fmax(numbers[i], low), high);
		double error = low + step * round((inside - low) / step) - numbers[i];

		sum += error * error;
	}
	return sum;
}

static void mse_is_the_least_there_is(void **state)
{
	float *numbers = heavy_tails(3);
	struct npu_histogram *histogram = histogram_of(numbers, COUNT);
	struct npu_range all = histogram->range;
	static const int levels[] = { 16, 256 };
	size_t l;
	int i, k;

	(void)state;
	for (l = 0; l < 2; l++) {
		struct npu_range range = npu_histogram_mse(histogram, (unsigned int)levels[l]);
		double whole = squared_error(numbers, all.low, all.high, levels[l]);
		double got = squared_error(numbers, range.low, range.high, levels[l]);
		double least = INFINITY;

		for (i = 1; i <= 40; i++)
			for (k = 1; k <= 40; k++)
				least = fmin(least, squared_error(numbers, all.low * i / 40,
								  all.high * k / 40, levels[l]));
		print_message("# %d levels, squared error: whole range %.2f, chosen %.2f, best "
			      "of 1600 %.2f\n",
			      levels[l], whole, got, least);
		assert_true(got <= 1.02 * least);
		assert_true(l == 1 || got < 0.7 * whole);
	}
	free(histogram);
	free(numbers);
}

/* Of evenly spread numbers nothing is cut; few that lie far outside are. */
static void entropy_cuts_what_is_rare(void **state)
{
	float *numbers = random_floats(COUNT, -1, 1, 4);
	struct npu_histogram *even = histogram_of(numbers, COUNT), *rare;
	struct npu_range range = npu_histogram_entropy(even, 256);

	(void)state;
	assert_true(range.high > 0.95f && range.low < -0.95f);
	numbers[5] = 4;
	numbers[6] = -3.5f;
	rare = histogram_of(numbers, COUNT);
	range = npu_histogram_entropy(rare, 256);
	print_message("# entropy: [%g, %g] of [%g, %g]\n", (double)range.low, (double)range.high,
		      (double)rare->range.low, (double)rare->range.high);
	assert_true(range.high < 1.5f && range.low > -1.5f);
	assert_true(range.high > 0.9f && range.low < -0.9f);
	free(rare);
	free(even);
	free(numbers);
}

static void zero_stays_inside(void **state)
{
	float *numbers = random_floats(COUNT, 2, 3, 5);
	struct npu_histogram *histogram = histogram_of(numbers, COUNT);

	(void)state;
	assert_true(histogram->range.low == 0);
	assert_true(npu_histogram_percentile(histogram, 99).low == 0);
	assert_true(npu_histogram_mse(histogram, 256).low == 0);
	assert_true(npu_histogram_entropy(histogram, 256).low == 0);
	free(histogram);
	/* Nothing but zeros: the range is empty. */
	memset(numbers, 0, COUNT * sizeof(*numbers));
	histogram = histogram_of(numbers, COUNT);
	assert_true(npu_histogram_percentile(histogram, 99).high == 0);
	assert_true(npu_histogram_mse(histogram, 256).high == 0);
	assert_true(npu_histogram_entropy(histogram, 256).high == 0);
	free(histogram);
	free(numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_is_counted),
		cmocka_unit_test(percentile_is_that_of_sorted_numbers),
		cmocka_unit_test(mse_is_the_least_there_is),
		cmocka_unit_test(entropy_cuts_what_is_rare),
		cmocka_unit_test(zero_stays_inside),
	};

	return cmocka_run_group_tests_name("compile_histogram", tests, NULL, NULL);
}
