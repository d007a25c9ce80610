// SPDX-License-Identifier: MIT
/* Windows over time series; classes balanced by weights and by repetition. */
#include <errno.h>
#include <math.h>

#include "data_case.h"

/* Rows of two channels: step t is (t, -t). */
static void make_series(struct npu_dataset *d, size_t steps, size_t classes)
{
	assert_int_equal(npu_dataset_alloc(d, steps, (uint32_t[]){ 1, 1, 2 }, 0, classes, NULL), 0);
	for (size_t t = 0; t < steps; t++) {
		d->x[2 * t] = t;
		d->x[2 * t + 1] = -(float)t;
	}
}

static void test_rows(void **state)
{
	struct npu_dataset d, out;
	struct npu_error err;

	(void)state;
	make_series(&d, 10, 0);
	assert_int_equal(npu_dataset_windows(&out, &d, 4, 2, 0, &err), 0);
	assert_int_equal(out.samples, 5);
	assert_int_equal(out.dim[0] * 100 + out.dim[1] * 10 + out.dim[2], 142);
	assert_int_equal(out.targets, 4);
	for (size_t i = 0; i < out.samples; i++) {
		for (size_t t = 0; t < 4; t++)
			assert_true(out.x[i * 8 + 2 * t] == i + t &&
				    out.x[i * 8 + 2 * t + 1] == -(float)(i + t));
		for (size_t t = 0; t < 2; t++)
			assert_true(out.y[i * 4 + 2 * t] == i + 4 + t);
	}
	npu_dataset_free(&out);
	assert_int_equal(npu_dataset_windows(&out, &d, 4, 1, 3, &err), 0);
	assert_int_equal(out.samples, 2);
	assert_true(out.x[8] == 3 && out.y[2] == 7);
	npu_dataset_free(&out);
	/* As long as all: one. */
	assert_int_equal(npu_dataset_windows(&out, &d, 9, 1, 1, &err), 0);
	assert_int_equal(out.samples, 1);
	npu_dataset_free(&out);
	assert_int_equal(npu_dataset_windows(&out, &d, 9, 2, 1, &err), -EINVAL);
	assert_says(&err, -EINVAL,
		    "of 9 steps, with 2 to foretell, do not fit into series of at "
		    "most 10 steps");
	assert_int_equal(npu_dataset_windows(&out, &d, 0, 2, 1, &err), -EINVAL);
	assert_int_equal(npu_dataset_windows(&out, &d, ~0u, ~0u, ~0u, &err), -EINVAL);
	d.dim[0] = 2;
	assert_int_equal(npu_dataset_windows(&out, &d, 1, 1, 1, &err), -EINVAL);
	assert_says(&err, -EINVAL, "2 x 1 x 2 are no time series");
	npu_dataset_free(&d);
}

static void test_labels(void **state)
{
	struct npu_dataset d, out;

	(void)state;
	make_series(&d, 6, 3);
	for (int t = 0; t < 6; t++)
		d.labels[t] = t / 2;
	assert_int_equal(npu_dataset_windows(&out, &d, 3, 0, 1, NULL), 0);
	assert_int_equal(out.classes, 3);
	assert_int_equal(out.targets, 0);
	assert_memory_equal(out.labels, ((int32_t[]){ 1, 1, 2, 2 }), 4 * sizeof(int32_t));
	npu_dataset_free(&out);
	d.classes = 0; /* nobody has said how many there are */
	assert_int_equal(npu_dataset_windows(&out, &d, 3, 0, 1, NULL), 0);
	assert_null(out.labels);
	npu_dataset_free(&out);
	npu_dataset_free(&d);
}

static void test_sequences(void **state)
{
	float x[] = { 0, 1, 2, 3, 10, 11, -1, -1, 20, 21, 22, -1 };
	uint32_t lengths[] = { 4, 2, 3 };
	int32_t labels[] = { 0, 1, 1 };
	struct npu_dataset out, d = { .samples = 3,
				      .features = 4,
				      .dim = { 1, 4, 1 },
				      .x = x,
				      .lengths = lengths,
				      .classes = 2,
				      .labels = labels };

	(void)state;
	/* No window reaches over the end of a series, nor into its padding. */
	assert_int_equal(npu_dataset_windows(&out, &d, 2, 1, 1, NULL), 0);
	assert_int_equal(out.samples, 3);
	assert_memory_equal(out.x, ((float[]){ 0, 1, 1, 2, 20, 21 }), 6 * sizeof(float));
	assert_memory_equal(out.y, ((float[]){ 2, 3, 22 }), 3 * sizeof(float));
	assert_null(out.labels);
	npu_dataset_free(&out);
	assert_int_equal(npu_dataset_windows(&out, &d, 3, 0, 1, NULL), 0);
	assert_memory_equal(out.labels, ((int32_t[]){ 0, 0, 1 }), 3 * sizeof(int32_t));
	npu_dataset_free(&out);
}

static void test_balance(void **state)
{
	struct npu_dataset d, out;
	struct npu_error err;
	int count[4] = { 0 };
	double sum = 0;

	(void)state;
	make_series(&d, 12, 4); /* class 3 does not occur */
	for (int i = 0; i < 12; i++)
		d.labels[i] = i < 8 ? 0 : i < 11 ? 1 : 2;
	assert_int_equal(npu_dataset_balance(&d, &err), 0);
	assert_true(d.weights[0] == .5f && d.weights[8] == (float)(12. / 9) && d.weights[11] == 4);
	for (int i = 0; i < 12; i++)
		sum += d.weights[i];
	assert_true(fabs(sum - 12) < 1e-5);
	assert_int_equal(npu_dataset_oversample(&out, &d, &err), 0);
	assert_int_equal(out.samples, 24);
	for (int i = 0; i < 24; i++) {
		count[out.labels[i]]++;
		assert_int_equal(out.labels[i], d.labels[(int)out.x[2 * i]]);
	}
	assert_memory_equal(count, ((int[]){ 8, 8, 8, 0 }), sizeof(count));
	assert_true(out.x[2 * 12] == 8 && out.x[2 * 13] == 9 && out.x[2 * 15] == 8);
	npu_dataset_free(&out);
	d.labels[2] = 4;
	assert_int_equal(npu_dataset_balance(&d, &err), -ERANGE);
	assert_says(&err, -ERANGE, "label 4 of sample 2 is not in [0, 4)");
	npu_dataset_free(&d);
	make_series(&d, 3, 0);
	assert_int_equal(npu_dataset_balance(&d, &err), -EINVAL);
	assert_int_equal(npu_dataset_oversample(&out, &d, &err), -EINVAL);
	assert_says(&err, -EINVAL, "there are no labels");
	npu_dataset_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_balance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
