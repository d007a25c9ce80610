// SPDX-License-Identifier: MIT
/* Random numbers: distributions, streams, and that they never change. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "train/nn/rng.h"

#define DRAWS 200000

static void check_moments(double (*draw)(struct npu_rng *), double mean, double variance,
			  double fourth)
{
	double sum = 0, squares = 0, fourths = 0;
	struct npu_rng rng;
	int i;

	npu_rng_seed(&rng, 1, 2);
	for (i = 0; i < DRAWS; i++) {
		double d = draw(&rng) - mean;

		sum += d;
		squares += d * d;
		fourths += d * d * d * d;
	}
	assert_true(fabs(sum / DRAWS) < 5 * sqrt(variance / DRAWS));
	assert_true(fabs(squares / DRAWS / variance - 1) < 0.02);
	assert_true(fabs(fourths / DRAWS / fourth - 1) < 0.05);
}

static void test_moments(void **state)
{
	(void)state;
	check_moments(npu_rng_uniform, 0.5, 1.0 / 12, 1.0 / 80);
	check_moments(npu_rng_normal, 0, 1, 3);
}

static void test_below(void **state)
{
	size_t counts[7] = { 0 }, i;
	struct npu_rng rng;

	(void)state;
	npu_rng_seed(&rng, 3, 0);
	for (i = 0; i < 70000; i++)
		counts[npu_rng_below(&rng, 7)]++;
	for (i = 0; i < 7; i++)
		assert_in_range(counts[i], 9500, 10500);
	assert_int_equal(npu_rng_below(&rng, 1), 0);
}

/* Every order of four comes about equally often. */
static void test_shuffle(void **state)
{
	size_t counts[256] = { 0 }, orders = 0, i;
	struct npu_rng rng;

	(void)state;
	npu_rng_seed(&rng, 4, 0);
	for (i = 0; i < 24000; i++) {
		size_t index[4] = { 0, 1, 2, 3 };

		npu_rng_shuffle(&rng, index, 4);
		counts[index[0] << 6 | index[1] << 4 | index[2] << 2 | index[3]]++;
	}
	for (i = 0; i < 256; i++) {
		if (!counts[i])
			continue;
		orders++;
		assert_in_range(counts[i], 850, 1150);
	}
	assert_int_equal(orders, 24);
}

/* Neighbouring seeds and streams share no numbers. */
static void test_streams(void **state)
{
	uint64_t first[64];
	struct npu_rng rng;
	size_t i, k;

	(void)state;
	for (i = 0; i < 64; i++) {
		npu_rng_seed(&rng, i / 8, i % 8);
		first[i] = npu_rng_next(&rng);
		for (k = 0; k < i; k++)
			assert_int_not_equal(first[i], first[k]);
	}
}

/* Models, splits and test data are made of these: they stay what they are. */
static void test_same_for_ever(void **state)
{
	/* by Blackman and Vigna's definition, from the state 1, 2, 3, 4 */
	static const uint64_t defined[] = { 11520, 0, 1509978240, 1215971899390074240 };
	struct npu_rng rng = { { 1, 2, 3, 4 } };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(npu_rng_next(&rng), defined[i]);
	npu_rng_seed(&rng, 42, 0);
	assert_int_equal(npu_rng_next(&rng), 0x1ff785474f113b15);
	assert_true(npu_rng_normal(&rng) == -0x1.bf82c0e24a6ffp+0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments),	      cmocka_unit_test(test_below),
		cmocka_unit_test(test_shuffle),	      cmocka_unit_test(test_streams),
		cmocka_unit_test(test_same_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
