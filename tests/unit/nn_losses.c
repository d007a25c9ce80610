// SPDX-License-Identifier: MIT
/* Every loss against its formula in double, and its gradient against finite differences of that. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/nn/training/loss.h"

#define N 5
#define MOST 6

static struct npu_rng rng;

/**
 * struct named - a loss and what it is used with
 * @height: places with a softmax each, steps of a sequence; else 1
 */
struct named {
	const char *name;
	struct npu_objective objective;
	enum npu_activation last;
	uint32_t height, units;
	bool labels;
};

static const struct named cases[] = {
	{ "mse", { .loss = NPU_LOSS_MSE }, NPU_LINEAR, 1, 3, false },
	{ "mae", { .loss = NPU_LOSS_MAE }, NPU_LINEAR, 1, 3, false },
	{ "huber", { .loss = NPU_LOSS_HUBER }, NPU_LINEAR, 1, 3, false },
	{ "huber, delta", { .loss = NPU_LOSS_HUBER, .delta = 0.4f }, NPU_LINEAR, 1, 3, false },
	{ "mse of labels", { .loss = NPU_LOSS_MSE }, NPU_LINEAR, 1, 1, true },
	{ "sparse", { .loss = NPU_LOSS_CROSS_ENTROPY }, NPU_SOFTMAX, 1, 4, true },
	{ "categorical", { .loss = NPU_LOSS_CROSS_ENTROPY }, NPU_SOFTMAX, 1, 4, false },
	{ "places", { .loss = NPU_LOSS_CROSS_ENTROPY }, NPU_SOFTMAX, 2, 3, false },
	{ "mse of steps", { .loss = NPU_LOSS_MSE }, NPU_LINEAR, 2, 3, false },
	{ "binary of steps", { .loss = NPU_LOSS_BINARY_CROSS_ENTROPY }, NPU_SIGMOID, 2, 2, false },
	{ "binary", { .loss = NPU_LOSS_BINARY_CROSS_ENTROPY }, NPU_SIGMOID, 1, 1, true },
	{ "binary, many", { .loss = NPU_LOSS_BINARY_CROSS_ENTROPY }, NPU_SIGMOID, 1, 3, false },
	{ "sparse, smooth",
	  { .loss = NPU_LOSS_CROSS_ENTROPY, .smoothing = 0.2f },
	  NPU_SOFTMAX,
	  1,
	  4,
	  true },
	{ "categorical, smooth",
	  { .loss = NPU_LOSS_CROSS_ENTROPY, .smoothing = 0.2f },
	  NPU_SOFTMAX,
	  1,
	  4,
	  false },
	{ "binary, smooth",
	  { .loss = NPU_LOSS_BINARY_CROSS_ENTROPY, .smoothing = 0.1f },
	  NPU_SIGMOID,
	  1,
	  2,
	  false },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* What the data says output @j of sample @i should be, smoothed. */
static double target(const struct named *c, const struct npu_batch *b, size_t i, size_t j)
{
	size_t outputs = c->height * c->units, classes = c->last == NPU_SIGMOID ? 2 : c->units;
	double t = b->y ? (double)b->y[i * outputs + j] : b->labels[i], s = c->objective.smoothing;

	if (b->labels && outputs > 1)
		t = (size_t)b->labels[i] == j;
	return (1 - s) * t + s / (double)classes;
}

/* Of one sample, from what the last activation reads. */
static double sample_loss(const struct named *c, const struct npu_batch *b, size_t i,
			  const double *z)
{
	size_t outputs = (b->lengths ? b->lengths[i] : c->height) * c->units, j, k;
	double delta = c->objective.delta > 0 ? (double)c->objective.delta : 1, sum = 0;

	for (j = 0; j < outputs; j++) {
		double t = target(c, b, i, j), e = fabs(z[j] - t), p, whole = 0;

		switch (c->objective.loss) {
		case NPU_LOSS_CROSS_ENTROPY:
			for (k = j - j % c->units; k < j - j % c->units + c->units; k++)
				whole += exp(z[k]);
			sum += -t * log(exp(z[j]) / whole) * c->units;
			break;
		case NPU_LOSS_BINARY_CROSS_ENTROPY:
			p = 1 / (1 + exp(-z[j]));
			sum += -t * log(p) - (1 - t) * log(1 - p);
			break;
		case NPU_LOSS_MAE:
			sum += e;
			break;
		case NPU_LOSS_HUBER:
			sum += e <= delta ? e * e / 2 : delta * (e - delta / 2);
			break;
		default:
			sum += e * e;
		}
	}
	return sum / (double)outputs;
}

static struct npu_model *build(const struct named *c)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	npu_model_create(&model, (uint32_t[3]){ 1, c->height, c->units }, 1, &err);
	assert_true(npu_model_add(model, npu_activation(.activation = c->last), &err) >= 0);
	return model;
}

static void check_case(const struct named *c, bool weighted, bool timed)
{
	size_t outputs = c->height * c->units, i, j;
	float x[N * MOST], y[N * MOST], weights[N] = { 1, 0, 2.5f, 0.5f, 1 };
	float p[N * MOST], got[N * MOST];
	uint32_t lengths[N] = { 1, 2, 2, 1, 1 };
	int32_t labels[N];
	struct npu_batch batch = {
		.n = N,
		.y = c->labels ? NULL : y,
		.labels = c->labels ? labels : NULL,
		.weights = weighted ? weights : NULL,
		.lengths = timed && c->height > 1 ? lengths : NULL,
	};
	struct npu_dataset data = {
		.samples = N,
		.dim = { 1, c->height, c->units },
		.features = outputs,
		.targets = c->labels ? 0 : outputs,
		.x = x,
		.y = batch.y,
		.labels = batch.labels,
	};
	struct npu_objective objective = c->objective;
	struct npu_model *model = build(c);
	struct npu_error err = { 0 };
	double wanted = 0, z[MOST], sum;

	for (i = 0; i < N * outputs; i++) {
		x[i] = (float)npu_rng_normal(&rng);
		y[i] = (float)npu_rng_uniform(&rng);
	}
	for (i = 0; i < N; i++)
		labels[i] = (int32_t)npu_rng_below(&rng, outputs > 1 ? outputs : 2);
	if (npu_loss_resolve(model, &data, &objective, &err))
		fail_msg("%s: %s", c->name, err.message);
	assert_int_equal(npu_model_predict(model, x, N, 1, p, &err), 0);
	sum = npu_loss_sum(&objective, p, &batch);
	npu_loss_gradient(&objective, p, &batch, 3, got);
	for (i = 0; i < N; i++) {
		double weight = weighted ? (double)weights[i] : 1;

		for (j = 0; j < outputs; j++)
			z[j] = x[i * outputs + j];
		wanted += weight * sample_loss(c, &batch, i, z);
		for (j = 0; j < outputs; j++) {
			double slope, kept = z[j];

			z[j] = kept + 1e-6;
			slope = sample_loss(c, &batch, i, z);
			z[j] = kept - 1e-6;
			slope = weight * (slope - sample_loss(c, &batch, i, z)) / 2e-6 / 3;
			z[j] = kept;
			if (fabs(slope - (double)got[i * outputs + j]) > 2e-6)
				fail_msg("%s: gradient %zu of sample %zu is %g, should be %g",
					 c->name, j, i, (double)got[i * outputs + j], slope);
		}
	}
	if (fabs(sum - wanted) > 1e-5 * (1 + fabs(wanted)))
		fail_msg("%s is %.9g, should be %.9g", c->name, sum, wanted);
	npu_model_free(model);
}

static void test_formulas(void **state)
{
	size_t i, round;

	(void)state;
	for (i = 0; i < CASES; i++)
		for (round = 0; round < 20; round++)
			check_case(&cases[i], round % 2, round % 4 > 1);
}

/* A probability of 0 or 1 costs much, but not infinitely much; NaN is not hidden. */
static void test_extremes(void **state)
{
	struct npu_objective binary = { NPU_LOSS_BINARY_CROSS_ENTROPY, 1, 0, 1, 1, 0 };
	struct npu_objective sparse = { NPU_LOSS_CROSS_ENTROPY, 1, 0, 2, 2, 0 };
	struct npu_objective mae = { NPU_LOSS_MAE, 1, 0, 1, 1, 0 };
	int32_t label = 0;
	struct npu_batch batch = { .n = 1, .labels = &label };
	float p[2] = { 1, 0 }, delta[2];

	(void)state;
	assert_true(isfinite(npu_loss_sum(&binary, p, &batch)));
	assert_true(npu_loss_sum(&binary, p, &batch) > 15);
	p[0] = 0;
	assert_true(isfinite(npu_loss_sum(&sparse, p, &batch)));
	assert_true(npu_loss_sum(&sparse, p, &batch) > 80);
	npu_loss_gradient(&mae, p, &batch, 1, delta);
	assert_true(delta[0] == 0);
	p[0] = NAN;
	assert_true(isnan(npu_loss_sum(&binary, p, &batch)));
	assert_true(isnan(npu_loss_sum(&sparse, p, &batch)));
	assert_true(isnan(npu_loss_sum(&mae, p, &batch)));
}

/* Class weights are what weights of the samples would be, bit for bit; validation has none. */
static void test_class_weights(void **state)
{
	static float x[40 * 3], weights[40];
	static int32_t labels[40];
	const float class_weight[3] = { 0.5f, 2, 1 };
	struct npu_dataset data = { .samples = 40,
				    .dim = { 1, 1, 3 },
				    .features = 3,
				    .classes = 3,
				    .x = x,
				    .labels = labels };
	struct npu_dataset weighted = data, validation = data;
	struct npu_fit_options options = { .epochs = 3, .batch = 7, .validation = &validation };
	float values[2][64] = { { 0 } };
	struct npu_error err = { 0 };
	struct npu_history history;
	size_t i, k;

	(void)state;
	for (i = 0; i < 120; i++)
		x[i] = (float)npu_rng_normal(&rng);
	for (i = 0; i < 40; i++) {
		labels[i] = (int32_t)npu_rng_below(&rng, 3);
		weights[i] = class_weight[labels[i]];
	}
	weighted.weights = weights;
	for (k = 0; k < 2; k++) {
		struct npu_model *model;
		struct npu_parameter p;
		float loss;

		options.class_weight = k ? NULL : class_weight;
		npu_model_create(&model, (uint32_t[3]){ 1, 1, 3 }, 1, &err);
		npu_model_add(model, npu_dense(.units = 3, .activation = NPU_SOFTMAX), &err);
		assert_int_equal(
			npu_model_fit(model, k ? &weighted : &data, &options, &history, &err), 0);
		npu_model_parameter(model, 0, &p);
		memcpy(values[k], p.value, p.count * sizeof(float));
		npu_model_loss(model, &validation, NPU_LOSS_AUTO, &loss, &err);
		assert_true(fabsf(loss - history.epoch[2].val_loss) < 1e-6f);
		npu_history_free(&history);
		npu_model_free(model);
	}
	assert_memory_equal(values[0], values[1], sizeof(values[0]));
}

static void refused(const struct named *c, struct npu_dataset data, struct npu_fit_options options,
		    const char *word)
{
	struct npu_model *model = build(c);
	struct npu_error err = { 0 };

	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), -EINVAL);
	if (!strstr(err.message, word))
		fail_msg("\"%s\" does not say \"%s\"", err.message, word);
	npu_model_free(model);
}

static void test_refusals(void **state)
{
	const struct named classes = { .last = NPU_SOFTMAX, .height = 1, .units = 2 };
	const struct named places = { .last = NPU_SOFTMAX, .height = 2, .units = 2 };
	const struct named linear = { .last = NPU_LINEAR, .height = 1, .units = 2 };
	float x[8] = { 0 }, y[8] = { 0 }, weights[2] = { 1, -1 }, class_weight[2] = { 1, NAN };
	int32_t labels[2] = { 0, 1 }, wrong[2] = { 0, 7 };
	struct npu_dataset data = { .samples = 2,
				    .dim = { 1, 1, 2 },
				    .features = 2,
				    .classes = 2,
				    .x = x,
				    .labels = labels };
	struct npu_dataset other = data;

	(void)state;
	refused(&classes, data, (struct npu_fit_options){ .label_smoothing = 1 }, "smoothing");
	refused(&classes, data, (struct npu_fit_options){ .class_weight = class_weight },
		"class 1 has weight");
	refused(&linear, data, (struct npu_fit_options){ .loss = NPU_LOSS_MAE }, "one output");
	refused(&linear, data, (struct npu_fit_options){ .loss = 99 }, "99");
	other.labels = wrong;
	refused(&classes, other, (struct npu_fit_options){ 0 }, "sample 1 has label 7");
	other = data;
	other.weights = weights;
	refused(&classes, other, (struct npu_fit_options){ 0 }, "sample 1 has weight -1");
	other = data;
	other.dim[1] = 2;
	other.features = 4;
	refused(&places, other, (struct npu_fit_options){ 0 }, "2 places");
	other = data;
	other.labels = NULL;
	other.y = y;
	other.targets = 2;
	refused(&linear, other, (struct npu_fit_options){ .class_weight = class_weight },
		"no labels");
	refused(&linear, other, (struct npu_fit_options){ .loss = NPU_LOSS_HUBER, .delta = -1 },
		"delta");
	refused(&linear, other, (struct npu_fit_options){ .label_smoothing = 0.1f },
		"cross-entropy");
	refused(&linear, other, (struct npu_fit_options){ .proximal = -1 }, "proximal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formulas),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_class_weights),
		cmocka_unit_test(test_refusals),
	};

	npu_rng_seed(&rng, 1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
