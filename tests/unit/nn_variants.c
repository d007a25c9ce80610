// SPDX-License-Identifier: MIT
/* The vector kernels against the plain loops; nn_products.c does those of products. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/nn/elementary.h"
#include "train/nn/kernels/f32.h"
#include "train/nn/model.h"

static struct npu_rng rng;

static float *random_floats(size_t count)
{
	float *p = npu_floats_alloc(count);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < count; i++)
		p[i] = (float)npu_rng_normal(&rng);
	return p;
}

static void close_to(const float *got, const float *wanted, size_t count, double tolerance,
		     const char *what, const char *variant)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!(fabs((double)got[i] - wanted[i]) <=
		      tolerance * (1 + fabs((double)wanted[i]))))
			fail_msg("%s, %s, element %zu: %g, should be %g", what, variant, i,
				 (double)got[i], (double)wanted[i]);
}

static void test_softmax(void **state)
{
	const struct npu_f32 *f32;
	size_t v, columns;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		for (columns = 1; columns < 40; columns++) {
			float *x = random_floats(3 * columns), *y = npu_floats_alloc(3 * columns);
			float *z = npu_floats_alloc(3 * columns), *d = random_floats(3 * columns);
			float *e = npu_floats_alloc(3 * columns);

			x[0] += 90;
			memcpy(e, d, 3 * columns * sizeof(float));
			npu_f32_reference.softmax(x, y, 3, columns);
			f32->softmax(x, z, 3, columns);
			close_to(z, y, 3 * columns, 1e-6, "softmax", f32->name);
			npu_f32_reference.softmax_backward(y, d, 3, columns);
			f32->softmax_backward(y, e, 3, columns);
			close_to(e, d, 3 * columns, 2e-6, "softmax derivative", f32->name);
			free(x);
			free(y);
			free(z);
			free(d);
			free(e);
		}
	}
}

/* Of stretches x [5][count] (w, g, first, second, anchor), one by @f32 and one by the reference. */
static void check_update(const struct npu_f32 *f32, size_t count, int kind)
{
	static const char *const names[] = { "sgd",	"momentum", "nesterov",
					     "adam",	"rmsprop",  "rmsprop with momentum",
					     "adagrad", "penalise", "anchor",
					     "shrink" };
	const struct npu_update update = {
		.rate = 0.01f,
		.momentum = 0.9f,
		.nesterov = kind == 2,
		.beta1 = 0.9f,
		.beta2 = 0.999f,
		.epsilon = 1e-7f,
		.root = 3,
		.scale = 0.5f,
		.l1 = 0.1f,
		.l2 = 0.2f,
		.proximal = 0.3f,
		.shrink = 0.9f,
	};
	const struct npu_update_ops *both[] = { &npu_update_reference, f32->update };
	float *x = random_floats(5 * count), *y = npu_floats_alloc(5 * count);
	bool no_first = kind == 0 || kind == 4;
	size_t i;

	f32->activate(NPU_RELU, 0, x + 3 * count, x + 3 * count, count);
	x[0] = 0;
	x[count] = 0;
	x[3 * count] = 1e-38f;
	memcpy(y, x, 5 * count * sizeof(float));
	for (i = 0; i < 2; i++) {
		float *p = i ? y : x;
		const struct npu_stretch s = {
			.w = p,
			.g = p + count,
			.first = no_first ? NULL : p + 2 * count,
			.second = p + 3 * count,
			.anchor = kind == 8 ? p + 4 * count : NULL,
			.count = count,
		};

		if (kind <= 2)
			both[i]->sgd(&update, &s);
		else if (kind == 3)
			both[i]->adam(&update, &s);
		else if (kind <= 5)
			both[i]->rmsprop(&update, &s);
		else if (kind == 6)
			both[i]->adagrad(&update, &s);
		else if (kind <= 8)
			both[i]->penalise(&update, &s);
		else
			both[i]->shrink(&update, &s);
	}
	close_to(y, x, 5 * count, 1e-5, names[kind], f32->name);
	free(x);
	free(y);
}

static void test_optimisers(void **state)
{
	const struct npu_f32 *f32;
	size_t v, count;
	int kind;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++)
		for (count = 1; count < 40; count += 3)
			for (kind = 0; kind < 10; kind++)
				check_update(f32, count, kind);
}

static void test_clipping(void **state)
{
	const struct npu_f32 *f32;
	size_t v, count, i;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		for (count = 1; count < 700; count += 3) {
			float *g = random_floats(count + 1), *kept = npu_floats_alloc(count + 1);
			double wanted = npu_update_reference.square_sum(g, count);

			assert_true(fabs(f32->update->square_sum(g, count) - wanted) <=
				    1e-6 * wanted);
			g[count] = 9;
			g[0] = NAN;
			memcpy(kept, g, (count + 1) * sizeof(float));
			f32->update->clamp(g, 0.5f, count);
			assert_true(isnan(g[0]) && g[count] == 9);
			for (i = 1; i < count; i++)
				assert_true(g[i] == fmaxf(-0.5f, fminf(0.5f, kept[i])));
			free(g);
			free(kept);
		}
	}
}

/* A NaN comes out of every kernel it goes into, so that a run that diverges is noticed. */
static void test_nan(void **state)
{
	const struct npu_f32 *f32;
	size_t v, at;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		for (at = 0; at < 19; at++) {
			float x[19] = { 0 }, w[19] = { 0 }, c[19] = { 0 };
			struct npu_gemm g = {
				.form = NPU_GEMM_NT,
				.m = 1,
				.n = 1,
				.k = 19,
				.a = x,
				.lda = 19,
				.b = w,
				.ldb = 19,
				.c = c,
				.ldc = 1,
			};

			x[at] = NAN;
			f32->gemm(&g, &(struct npu_gemm_block){ 0, 1, 0, 1 });
			assert_true(isnan(c[0]));
			f32->softmax(x, c, 1, 19);
			assert_true(isnan(c[0]) && isnan(c[18]));
		}
	}
}

static void test_rows(void **state)
{
	const struct npu_f32 *f32;
	size_t v, count, i;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		for (count = 1; count < 40; count++) {
			float *x = random_floats(3 * count), *mean = random_floats(count);
			float *factor = random_floats(count), *got = random_floats(count);
			float *wanted = npu_floats_alloc(count);

			memcpy(wanted, got, count * sizeof(float));
			f32->add(x, got, count);
			npu_f32_reference.add(x, wanted, count);
			assert_memory_equal(got, wanted, count * sizeof(float));
			f32->scale(x, mean, factor, got, count);
			for (i = 0; i < count; i++)
				assert_true(got[i] == (x[i] - mean[i]) * factor[i]);
			f32->column_sum(x, 3, count, got);
			npu_f32_reference.column_sum(x, 3, count, wanted);
			assert_memory_equal(got, wanted, count * sizeof(float));
			free(x);
			free(mean);
			free(factor);
			free(got);
			free(wanted);
		}
	}
}

/* Our own functions against libm's. */
static void test_elementary(void **state)
{
	double x;

	(void)state;
	for (x = -30; x < 30; x += 0.0137) {
		assert_true(fabs(npu_exp(x) / exp(x) - 1) < 1e-15);
		assert_true(fabs(npu_tanh(x) - tanh(x)) <= 2e-15 * fabs(tanh(x)));
		assert_true(fabs(npu_sigmoid(x) * (1 + exp(-x)) - 1) < 2e-15);
	}
	for (x = 1e-12; x < 1e12; x *= 1.37)
		assert_true(fabs(npu_log(x) - log(x)) <= 1e-15 * fabs(log(x)) + 1e-16);
	for (x = -0.9; x < 3; x += 0.00137) {
		assert_true(fabs(npu_expm1(x) - expm1(x)) <= 1e-15 * fabs(expm1(x)));
		assert_true(fabs(npu_log1p(x) - log1p(x)) <= 1e-15 * fabs(log1p(x)));
	}
	assert_true(npu_expm1(1e-300) == 1e-300 && npu_log1p(1e-300) == 1e-300);
	assert_true(npu_exp(0) == 1 && npu_log(1) == 0 && npu_tanh(0) == 0);
	assert_true(fabs(npu_exp(-720) / exp(-720) - 1) < 1e-9);
	assert_true(fabs(npu_log(0x1p-1070) / log(0x1p-1070) - 1) < 1e-15);
	assert_true(npu_exp(-800) == 0 && isinf(npu_exp(800)) && isnan(npu_exp(NAN)));
	assert_true(isnan(npu_log(-1)) && isinf(npu_log(0)));
}

static void test_variant_by_name(void **state)
{
	const struct npu_f32 *f32;
	struct npu_error err = { 0 };

	(void)state;
	setenv("NPU_F32_VARIANT", "reference", 1);
	assert_int_equal(npu_f32_select(&f32, &err), 0);
	assert_ptr_equal(f32, &npu_f32_reference);
	setenv("NPU_F32_VARIANT", "abacus", 1);
	assert_true(npu_f32_select(&f32, &err) < 0);
	assert_non_null(strstr(err.message, "abacus"));
	assert_non_null(strstr(err.message, "reference"));
	unsetenv("NPU_F32_VARIANT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_softmax),
		cmocka_unit_test(test_optimisers),
		cmocka_unit_test(test_clipping),
		cmocka_unit_test(test_nan),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_elementary),
		cmocka_unit_test(test_variant_by_name),
	};

	npu_rng_seed(&rng, 1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
