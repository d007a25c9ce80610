// SPDX-License-Identifier: MIT
/*
 * Activations and their derivatives: the plain loops against their formulas in double and libm's
 * functions, the vectors against the plain loops, and what goes in where it is no number.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nn_double.h"
#include "npu_train.h"
#include "train/nn/elementary.h"
#include "train/nn/kernels/f32.h"

#define ALPHA 0.3f
#define POINTS 4801

static const char *const names[NPU_ACTIVATIONS] = {
	"linear", "relu", "leaky relu", "sigmoid", "tanh",	 "softmax",	 "relu6",
	"elu",	  "selu", "gelu",	"swish",   "hard swish", "hard sigmoid", "softplus",
};

/* -12 to 12 in steps of 0.005, but none at the kinks, where there is no derivative. */
static float point(size_t i)
{
	return -12.0f + 0.005f * (float)i + 1e-3f;
}

static double formula(enum npu_activation activation, double x)
{
	const struct npu_layer layer = { .activation = activation, .alpha = ALPHA };

	nn_double_activate(&layer, &x, 1);
	return x;
}

static void check_close(enum npu_activation a, const char *variant, float x, double got,
			double wanted)
{
	if (!(fabs(got - wanted) <= 4e-7 * (1 + fabs(wanted))))
		fail_msg("%s, %s, at %g: %.9g, should be %.9g", names[a], variant, (double)x, got,
			 wanted);
}

static void check_activation(const struct npu_f32 *f32, enum npu_activation a)
{
	static float x[POINTS], y[POINTS], dy[POINTS];
	const double step = 1e-6;
	size_t i;

	for (i = 0; i < POINTS; i++) {
		x[i] = point(i);
		dy[i] = 1;
	}
	f32->activate(a, ALPHA, x, y, POINTS);
	f32->activate_backward(a, ALPHA, npu_activation_needs_input(a) ? x : NULL, y, dy, POINTS);
	for (i = 0; i < POINTS; i++) {
		double up = formula(a, x[i] + step), down = formula(a, x[i] - step);

		check_close(a, f32->name, x[i], y[i], formula(a, x[i]));
		check_close(a, f32->name, x[i], dy[i], (up - down) / (2 * step));
	}
}

static void test_formulas(void **state)
{
	const struct npu_f32 *f32;
	size_t v;
	int a;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++)
		for (a = 0; a < NPU_ACTIVATIONS; a++)
			if (a != NPU_SOFTMAX)
				check_activation(f32, a);
}

/* Small outputs of the smooth ones are right to their own size, not only to that of 1. */
static void test_tails(void **state)
{
	static const enum npu_activation smooth[] = { NPU_SIGMOID, NPU_GELU, NPU_SWISH,
						      NPU_SOFTPLUS };
	const struct npu_f32 *f32;
	size_t v, i;
	float x, y;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		for (i = 0; i < sizeof(smooth) / sizeof(smooth[0]); i++) {
			for (x = -1; x > -9; x -= 0.01f) {
				double wanted = formula(smooth[i], x);

				f32->activate(smooth[i], 0, &x, &y, 1);
				if (!(fabs(y / wanted - 1) < 1e-5))
					fail_msg("%s, %s, at %g: %.9g, should be %.9g",
						 names[smooth[i]], f32->name, (double)x, (double)y,
						 wanted);
			}
		}
	}
}

/* Any number of values, in place or not, gives the same, and nothing behind them is touched. */
static void test_counts(void **state)
{
	const struct npu_f32 *f32;
	float x[72], y[72], dy[72], wanted[72], slope[72];
	size_t v, count, i;
	int a;

	(void)state;
	for (i = 0; i < 72; i++)
		x[i] = (float)i / 9 - 4.1f;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		for (a = 0; a < NPU_ACTIVATIONS; a++) {
			if (a == NPU_SOFTMAX)
				continue;
			for (i = 0; i < 72; i++)
				slope[i] = 0.5f;
			f32->activate(a, ALPHA, x, wanted, 72);
			f32->activate_backward(a, ALPHA, x, wanted, slope, 72);
			for (count = 0; count <= 70; count++) {
				memcpy(y, x, sizeof(y));
				for (i = 0; i < 72; i++)
					dy[i] = 0.5f;
				f32->activate(a, ALPHA, y, y, count);
				f32->activate_backward(a, ALPHA, x, y, dy, count);
				assert_memory_equal(y, wanted, count * sizeof(float));
				assert_memory_equal(dy, slope, count * sizeof(float));
				assert_memory_equal(y + count, x + count,
						    (72 - count) * sizeof(float));
				assert_true(dy[count] == 0.5f && dy[71] == 0.5f);
			}
		}
	}
}

/* A NaN stays one; the largest numbers give what the formula's limit is, and slopes of 0 or 1. */
static void test_extremes(void **state)
{
	const struct npu_f32 *f32;
	float x[3] = { NAN, 1e30f, -1e30f }, y[3], dy[3];
	size_t v;
	int a;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		for (a = 0; a < NPU_ACTIVATIONS; a++) {
			if (a == NPU_SOFTMAX)
				continue;
			dy[0] = dy[1] = dy[2] = 1;
			f32->activate(a, ALPHA, x, y, 3);
			f32->activate_backward(a, ALPHA, x, y, dy, 3);
			assert_true(isnan(y[0]));
			check_close(a, f32->name, x[1], y[1] / 1e30, formula(a, x[1]) / 1e30);
			if (a != NPU_LINEAR && a != NPU_LEAKY_RELU)
				check_close(a, f32->name, x[2], y[2], formula(a, -300));
			assert_true(isfinite(dy[1]) && isfinite(dy[2]));
		}
	}
}

static void test_erfc(void **state)
{
	double x;

	(void)state;
	for (x = -7; x < 26; x += 0.00317)
		if (!(fabs(npu_erfc(x) / erfc(x) - 1) < 2e-13))
			fail_msg("erfc(%g): %.17g, should be %.17g", x, npu_erfc(x), erfc(x));
	assert_true(npu_erfc(0) == 1 && npu_erfc(40) == 0 && npu_erfc(-40) == 2);
	assert_true(npu_erfc(INFINITY) == 0 && npu_erfc(-INFINITY) == 2 && isnan(npu_erfc(NAN)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formulas), cmocka_unit_test(test_tails),
		cmocka_unit_test(test_counts),	 cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_erfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
