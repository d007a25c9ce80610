// SPDX-License-Identifier: MIT
/* Metrics against figures worked out by hand. */
#include <errno.h>
#include <math.h>

#include "data_case.h"

#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-12)

/* Classes 0 to 3; 3 is absent. Confusion: 0: 2 right, 1 as 1; 1: 1 right; 2: 1 right, 1 as 0. */
static void test_classes(void **state)
{
	int32_t labels[] = { 0, 0, 0, 1, 2, 2 };
	const float y[] = {
		.7f, .1f, .1f, .1f, .4f, .3f, .2f, .1f, .1f, .6f, .2f, .1f,
		.1f, .6f, .2f, .1f, .1f, .2f, .6f, .1f, .3f, .2f, .3f, .2f,
	};
	const size_t confusion[] = { 2, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0 };
	struct npu_dataset d = { .samples = 6, .classes = 4, .labels = labels };
	struct npu_metrics m;

	(void)state;
	assert_int_equal(npu_metrics_compute(&m, &d, y, 4, NULL), 0);
	assert_int_equal(m.samples, 6);
	assert_int_equal(m.classes, 4);
	assert_memory_equal(m.confusion, confusion, sizeof(confusion));
	assert_near(m.accuracy, 4. / 6);
	assert_int_equal(m.per_class[0].support, 3);
	assert_near(m.per_class[0].precision, 2. / 3);
	assert_near(m.per_class[0].recall, 2. / 3);
	assert_near(m.per_class[0].f1, 2. / 3);
	assert_near(m.per_class[1].precision, .5);
	assert_near(m.per_class[1].recall, 1);
	assert_near(m.per_class[1].f1, 2. / 3);
	assert_near(m.per_class[2].precision, 1);
	assert_near(m.per_class[2].recall, .5);
	assert_near(m.per_class[2].f1, 2. / 3);
	assert_int_equal(m.per_class[3].support, 0);
	assert_near(m.per_class[3].precision, 0);
	assert_near(m.per_class[3].recall, 0);
	assert_near(m.per_class[3].f1, 0);
	/* Over the three that occur. */
	assert_near(m.precision, (2. / 3 + .5 + 1) / 3);
	assert_near(m.recall, (2. / 3 + 1 + .5) / 3);
	assert_near(m.f1, 2. / 3);
	assert_true(isnan(m.mse) && isnan(m.rmse) && isnan(m.mae) && isnan(m.r2));
	/* The probabilities of the labels; floats hold them to 6e-8. */
	assert_true(fabs(m.log_loss + log(.7 * .4 * .1 * .6 * .6 * .3) / 6) < 1e-6);
	assert_true(m.top_k == 0 && isnan(m.top_k_accuracy));
	/* Class 0: .7 .4 .1 against .1 .1 .3: 3 + 3 + 2 * 1/2 of 9 pairs; no pairs for class 3. */
	assert_near(m.per_class[0].auc, 7. / 9);
	/* Class 1: .6 against .1 .3 .6 .2 .2; class 2: .6 .3 against .1 .2 .2 .2. */
	assert_near(m.per_class[1].auc, 4.5 / 5);
	assert_near(m.per_class[2].auc, 1);
	assert_true(isnan(m.per_class[3].auc));
	assert_near(m.auc, (7. / 9 + .9 + 1) / 3);
	assert_true(m.auc_error == 0);
	npu_metrics_free(&m);
	assert_null(m.confusion);
	npu_metrics_free(&m);
	npu_metrics_free(NULL);
}

/* A class that is only ever predicted counts, with precision and recall 0. */
static void test_predicted_only(void **state)
{
	int32_t labels[] = { 0, 0 };
	const float y[] = { 1, 0, 0, 1 };
	struct npu_dataset d = { .samples = 2, .classes = 2, .labels = labels };
	struct npu_metrics m;

	(void)state;
	assert_int_equal(npu_metrics_compute(&m, &d, y, 2, NULL), 0);
	assert_near(m.accuracy, .5);
	assert_near(m.precision, .5);
	assert_near(m.recall, .25);
	assert_near(m.f1, (2. / 3) / 2);
	npu_metrics_free(&m);
}

static void test_binary(void **state)
{
	int32_t labels[] = { 0, 1, 1, 0 };
	const float y[] = { .5f, .51f, .2f, .9f };
	struct npu_dataset d = { .samples = 4, .classes = 2, .labels = labels };
	struct npu_metrics m;

	(void)state;
	assert_int_equal(npu_metrics_compute(&m, &d, y, 1, NULL), 0);
	assert_memory_equal(m.confusion, ((size_t[]){ 1, 1, 1, 1 }), 4 * sizeof(size_t));
	assert_near(m.accuracy, .5);
	/* .51 .2 against .5 .9 */
	assert_near(m.auc, .25);
	assert_near(m.per_class[0].auc, .25);
	assert_near(m.per_class[1].auc, .25);
	assert_true(fabs(m.log_loss + log(.5 * .51 * .2 * .1) / 4) < 1e-6);
	npu_metrics_free(&m);
}

static void test_regression(void **state)
{
	/* Target 0: 1 2 3 4; target 1 is constant. */
	float t[] = { 1, 5, 2, 5, 3, 5, 4, 5 };
	const float y[] = { 2, 5, 2, 5, 3, 5, 2, 6 };
	struct npu_dataset d = { .samples = 4, .targets = 2, .y = t };
	struct npu_metrics m;

	(void)state;
	assert_int_equal(npu_metrics_compute(&m, &d, y, 2, NULL), 0);
	assert_int_equal(m.classes, 0);
	assert_near(m.mse, 6. / 8);
	assert_near(m.rmse, sqrt(6. / 8));
	assert_near(m.mae, 4. / 8);
	assert_near(m.r2, 1 - 5. / 5);
	assert_true(isnan(m.accuracy) && isnan(m.precision) && isnan(m.recall) && isnan(m.f1));
	assert_true(isnan(m.auc) && isnan(m.log_loss) && isnan(m.top_k_accuracy));
	assert_null(m.per_class);
	npu_metrics_free(&m);
	d.targets = 1;
	d.y = (float[]){ 3, 3, 3, 3 };
	assert_int_equal(npu_metrics_compute(&m, &d, y, 1, NULL), 0);
	assert_true(isnan(m.r2));
	d.y = (float[]){ 2, 5, 2, 5 };
	assert_int_equal(npu_metrics_compute(&m, &d, y, 1, NULL), 0);
	assert_near(m.r2, 1);
	npu_metrics_free(&m);
}

/* After one-hot there are targets too; labels are what counts. */
static void test_one_hot(void **state)
{
	int32_t labels[] = { 1 };
	float t[] = { 0, 1 };
	struct npu_dataset d = {
		.samples = 1, .classes = 2, .targets = 2, .labels = labels, .y = t
	};
	struct npu_metrics m;

	(void)state;
	assert_int_equal(npu_metrics_compute(&m, &d, (float[]){ .2f, .8f }, 2, NULL), 0);
	assert_int_equal(m.classes, 2);
	assert_near(m.accuracy, 1);
	npu_metrics_free(&m);
}

static void test_bad(void **state)
{
	int32_t labels[] = { 1, 3 };
	struct npu_dataset d = { .samples = 2, .classes = 3, .labels = labels };
	const float y[6] = { 0 }, diverged[6] = { 0, 0, 0, 0, NAN, 0 };
	struct npu_metrics m;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_metrics_compute(&m, &d, y, 3, &err), -ERANGE);
	assert_says(&err, -ERANGE, "metrics: label 3 of sample 1 is not in [0, 3)");
	assert_null(m.confusion);
	assert_int_equal(npu_metrics_compute(&m, &d, y, 2, &err), -EINVAL);
	assert_says(&err, -EINVAL, "2 outputs for 3 classes; a model has one output a class");
	assert_int_equal(npu_metrics_compute(&m, &d, y, 1, &err), -EINVAL);
	assert_int_equal(npu_metrics_compute(&m, &d, diverged, 3, &err), -EDOM);
	assert_says(&err, -EDOM, "output 1 of sample 1 is nan; the model has diverged");
	d = (struct npu_dataset){ .samples = 2, .targets = 2, .y = (float[4]){ 0 } };
	assert_int_equal(npu_metrics_compute(&m, &d, y, 3, &err), -EINVAL);
	assert_says(&err, -EINVAL, "3 outputs for 2 targets");
	d.targets = 0;
	assert_int_equal(npu_metrics_compute(&m, &d, y, 3, &err), -EINVAL);
	assert_says(&err, -EINVAL, "neither labels nor targets");
	d.targets = 3;
	d.samples = 0;
	assert_int_equal(npu_metrics_compute(&m, &d, y, 3, &err), -EINVAL);
	assert_says(&err, -EINVAL, "no samples; there is nothing to compare");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes), cmocka_unit_test(test_predicted_only),
		cmocka_unit_test(test_binary),	cmocka_unit_test(test_regression),
		cmocka_unit_test(test_one_hot), cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
