// SPDX-License-Identifier: MIT
/* Every optimiser, with penalties and clipping, against the same formulas written in double. */
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
#include "train/nn/evaluate.h"
#include "train/nn/training/optimizer.h"

#define STEPS 7

static struct npu_rng rng;

struct named {
	const char *name;
	struct npu_optimizer how;
	float proximal;
};

static const struct named cases[] = {
	{ "sgd", npu_sgd(.rate = 0.1f), 0 },
	{ "momentum", npu_sgd(.momentum = 0.9f), 0 },
	{ "nesterov", npu_sgd(.momentum = 0.8f, .nesterov = true), 0 },
	{ "rmsprop", npu_rmsprop(), 0 },
	{ "rmsprop with momentum", npu_rmsprop(.momentum = 0.5f, .beta2 = 0.95f), 0 },
	{ "adagrad", npu_adagrad(), 0 },
	{ "adam", npu_adam(), 0 },
	{ "adam, figures", npu_adam(.beta1 = 0.8f, .beta2 = 0.99f, .epsilon = 1e-3f), 0 },
	{ "adamw", npu_adamw(), 0 },
	{ "adamw, decay", npu_adamw(.decay = 0.1f, .rate = 0.01f), 0 },
	{ "sgd, l2", npu_sgd(.rate = 0.1f, .l2 = 0.3f), 0 },
	{ "sgd, l1", npu_sgd(.rate = 0.1f, .l1 = 0.3f), 0 },
	{ "sgd, decay", npu_sgd(.rate = 0.1f, .decay = 0.3f), 0 },
	{ "adam, l1 and l2", npu_adam(.l1 = 0.01f, .l2 = 0.02f), 0 },
	{ "sgd, proximal", npu_sgd(.rate = 0.1f), 0.7f },
	{ "sgd, clipped by value", npu_sgd(.rate = 0.1f, .clip_value = 0.5f), 0 },
	{ "sgd, clipped by norm", npu_sgd(.rate = 0.1f, .clip_norm = 3), 0 },
	{ "momentum, all",
	  npu_sgd(.momentum = 0.9f, .l1 = 0.1f, .l2 = 0.1f, .decay = 0.1f, .clip_value = 1,
		  .clip_norm = 10),
	  0.1f },
	{ "not clipped", npu_sgd(.rate = 0.1f, .clip_norm = 1e6f), 0 },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* A layer of more than one chunk, a frozen one, moving averages, and one of a few values. */
static struct npu_model *build(void)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 1, 1, 300 }, 1, &err), 0);
	assert_true(npu_model_add(model, npu_dense(.units = 70), &err) >= 0);
	assert_true(npu_model_add(model, npu_dense(.units = 9, .frozen = true), &err) >= 0);
	assert_true(npu_model_add(model, npu_batch_norm(), &err) >= 0);
	assert_true(npu_model_add(model, npu_dense(.units = 3), &err) >= 0);
	return model;
}

/* What the optimiser should remember of one parameter, in double. */
struct memory {
	double w, w0, v, s;
};

static double sign(double x)
{
	return (x > 0) - (x < 0);
}

static void follow(const struct named *c, struct memory *p, double g, bool weight, double scale,
		   int t)
{
	const struct npu_optimizer *o = &c->how;
	double eps = o->epsilon, rate = o->rate, before = p->w;

	if (o->clip_value > 0)
		g = fmax(-(double)o->clip_value, fmin((double)o->clip_value, g));
	g = g * scale + (double)c->proximal * (p->w - p->w0);
	if (weight)
		g += (double)o->l1 * sign(p->w) + (double)o->l2 * p->w;
	switch (o->kind) {
	case NPU_SGD:
		p->v = (double)o->momentum * p->v + g;
		p->w -= rate * (o->nesterov ? g + (double)o->momentum * p->v : p->v);
		break;
	case NPU_RMSPROP:
		p->s = (double)o->beta2 * p->s + (1 - (double)o->beta2) * g * g;
		p->v = (double)o->momentum * p->v + g / (sqrt(p->s) + eps);
		p->w -= rate * p->v;
		break;
	case NPU_ADAGRAD:
		p->s += g * g;
		p->w -= rate * g / (sqrt(p->s) + eps);
		break;
	case NPU_ADAM:
	case NPU_ADAMW:
		p->v = (double)o->beta1 * p->v + (1 - (double)o->beta1) * g;
		p->s = (double)o->beta2 * p->s + (1 - (double)o->beta2) * g * g;
		p->w -= rate * (p->v / (1 - pow(o->beta1, t))) /
			(sqrt(p->s / (1 - pow(o->beta2, t))) + eps);
		break;
	}
	if (weight)
		p->w -= rate * (double)o->decay * before;
}

/* What the whole gradient is scaled by. */
static double expected_scale(const struct npu_optimizer *o, struct npu_model *model)
{
	struct npu_parameter p;
	double sum = 0;
	size_t i, k;

	for (i = 0; !npu_model_parameter(model, i, &p); i++) {
		for (k = 0; p.trained && k < p.count; k++) {
			double g = p.gradient[k];

			if (o->clip_value > 0)
				g = fmax(-(double)o->clip_value, fmin((double)o->clip_value, g));
			sum += g * g;
		}
	}
	return o->clip_norm > 0 && sqrt(sum) > (double)o->clip_norm
		       ? (double)o->clip_norm / sqrt(sum)
		       : 1;
}

static bool is_weight(const char *name)
{
	return strstr(name, ".weight") != NULL;
}

static void random_gradient(struct npu_model *model)
{
	size_t i, k;

	/* The gaps stay zero, as backward leaves them. */
	for (i = 0; i < model->parameters; i++)
		for (k = 0; k < model->parameter[i].count; k++)
			model->gradient[model->parameter[i].offset + k] =
				(float)npu_rng_normal(&rng);
}

static void check_case(const struct named *given)
{
	struct named c = *given;
	struct npu_model *model = build();
	struct memory *memory = calloc(model->values, sizeof(*memory));
	float *start = npu_floats_alloc(model->values);
	struct npu_optimization opt;
	struct npu_error err = { 0 };
	struct npu_parameter p;
	size_t i, k;
	int t;

	assert_int_equal(npu_optimizer_resolve(&c.how, &err), 0);
	assert_int_equal(npu_model_need_gradient(model, &err), 0);
	memcpy(start, model->value, model->values * sizeof(float));
	for (i = 0; i < model->values; i++)
		memory[i].w = memory[i].w0 = model->value[i];
	assert_int_equal(npu_optimization_create(&opt, model, &c.how, c.proximal, &err), 0);
	for (t = 1; t <= STEPS; t++) {
		double scale;

		random_gradient(model);
		scale = expected_scale(&c.how, model);
		for (i = 0; !npu_model_parameter(model, i, &p); i++)
			for (k = 0; p.trained && k < p.count; k++)
				follow(&c, &memory[p.value + k - model->value],
				       (double)p.gradient[k], is_weight(p.name), scale, t);
		npu_optimization_step(&opt, NULL, model, model->gradient, c.how.rate);
	}
	for (i = 0; !npu_model_parameter(model, i, &p); i++) {
		for (k = 0; k < p.count; k++) {
			double wanted = memory[p.value + k - model->value].w, got = p.value[k];

			if (!p.trained)
				assert_true(p.value[k] == start[p.value + k - model->value]);
			/* Against the way it went: a wrong formula goes another. */
			if (fabs(got - wanted) >
			    2e-6 + 2e-4 * fabs(wanted - (double)start[p.value + k - model->value]))
				fail_msg("%s: %s[%zu] is %.9g, should be %.9g", c.name, p.name, k,
					 got, wanted);
		}
	}
	npu_optimization_free(&opt);
	npu_model_free(model);
	free(memory);
	free(start);
}

static void test_formulas(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < CASES; i++)
		check_case(&cases[i]);
}

/* The same bits at any number of threads. */
static void test_threads(void **state)
{
	size_t i;
	int t;

	(void)state;
	for (i = 0; i < CASES; i++) {
		struct npu_model *model[2] = { build(), build() };
		struct npu_optimizer how = cases[i].how;
		struct npu_error err = { 0 };
		size_t k, bytes = model[0]->values * sizeof(float);

		assert_int_equal(npu_optimizer_resolve(&how, &err), 0);
		npu_rng_seed(&rng, 3, 0);
		npu_model_need_gradient(model[0], &err);
		npu_model_need_gradient(model[1], &err);
		random_gradient(model[0]);
		for (k = 0; k < 2; k++) {
			struct npu_optimization opt;
			struct npu_pool *pool;

			assert_int_equal(npu_pool_create(&pool, k ? 3 : 1, &err), 0);
			assert_int_equal(npu_optimization_create(&opt, model[k], &how,
								 cases[i].proximal, &err),
					 0);
			for (t = 0; t < 3; t++) {
				float *g = model[k]->gradient;

				if (k)
					memcpy(g, model[0]->gradient, bytes);
				npu_optimization_step(&opt, pool, model[k], g, how.rate);
				if (!k) {
					npu_rng_seed(&rng, 3, 0);
					random_gradient(model[0]);
				}
			}
			npu_optimization_free(&opt);
			npu_pool_free(pool);
		}
		assert_memory_equal(model[0]->value, model[1]->value, bytes);
		npu_model_free(model[0]);
		npu_model_free(model[1]);
	}
}

static float x_of[12] = { 0.1f, -2, 0.4f, 1, 0.7f, -0.3f, 0.2f, 0.9f, -1, 0.5f, 0.6f, 1.5f };
static float y_of[4] = { 1, 0, -1, 0.5f };

/* fit takes the step that a user would take by hand with the gradient of npu_model_backward(). */
static void test_fit_is_a_step(void **state)
{
	struct npu_dataset data = {
		.samples = 4, .dim = { 1, 1, 3 }, .features = 3, .targets = 1, .x = x_of, .y = y_of
	};
	struct npu_fit_options options = {
		.optimizer = npu_sgd(.rate = 0.25f), .epochs = 1, .batch = 4, .no_shuffle = true
	};
	struct npu_model *model[2];
	struct npu_error err = { 0 };
	struct npu_parameter p, q;
	size_t i, k;

	(void)state;
	for (i = 0; i < 2; i++) {
		npu_model_create(&model[i], (uint32_t[3]){ 1, 1, 3 }, 5, &err);
		npu_model_add(model[i], npu_dense(.units = 4, .activation = NPU_TANH), &err);
		npu_model_add(model[i], npu_dense(.units = 1), &err);
	}
	assert_int_equal(npu_model_backward(model[0], &data, NPU_LOSS_MSE, NULL, &err), 0);
	assert_int_equal(npu_model_fit(model[1], &data, &options, NULL, &err), 0);
	for (i = 0; !npu_model_parameter(model[0], i, &p); i++) {
		npu_model_parameter(model[1], i, &q);
		for (k = 0; k < p.count; k++)
			assert_true(fabsf(p.value[k] - 0.25f * p.gradient[k] - q.value[k]) < 1e-6f);
	}
	npu_model_free(model[0]);
	npu_model_free(model[1]);
}

static void refused(struct npu_optimizer how, const char *word)
{
	struct npu_error err = { 0 };

	assert_int_equal(npu_optimizer_resolve(&how, &err), -EINVAL);
	if (!strstr(err.message, word))
		fail_msg("\"%s\" does not say \"%s\"", err.message, word);
}

/* Squares of the gradient are more than f32 holds: the step is as long as clipping allows. */
static void test_clipped_explosion(void **state)
{
	float x = 1e10f, y = -1e10f;
	struct npu_dataset data = {
		.samples = 1, .dim = { 1, 1, 1 }, .features = 1, .targets = 1, .x = &x, .y = &y
	};
	struct npu_fit_options options = { .epochs = 1,
					   .optimizer = npu_sgd(.rate = 1, .clip_norm = 1) };
	struct npu_error err = { 0 };
	struct npu_parameter weight;
	struct npu_model *model;

	(void)state;
	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 1, 1, 1 }, 1, &err), 0);
	assert_int_equal(npu_model_add(model, npu_dense(.units = 1), &err), 0);
	npu_model_parameter(model, 0, &weight);
	weight.value[0] = 1;
	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), 0);
	assert_true(fabsf(weight.value[0]) < 1e-5f);
	npu_model_free(model);
}

static void test_refusals(void **state)
{
	struct npu_model *model = build();
	struct npu_optimizer how = npu_adam();
	struct npu_optimization opt;
	struct npu_error err = { 0 };
	size_t i;

	(void)state;
	refused(npu_sgd(.momentum = 1), "momentum");
	refused(npu_sgd(.nesterov = true), "nesterov");
	refused(npu_adam(.nesterov = true, .momentum = 0.9f), "nesterov");
	refused(npu_adam(.beta1 = 1), "beta1");
	refused(npu_rmsprop(.beta2 = -1), "beta2");
	refused(npu_adagrad(.epsilon = -1), "epsilon");
	refused(npu_sgd(.l1 = -1), "l1");
	refused(npu_sgd(.l2 = NAN), "l2");
	refused(npu_sgd(.rate = 1, .decay = 1), "decay");
	refused(npu_sgd(.clip_norm = -1), "clip_norm");
	refused(npu_sgd(.clip_value = INFINITY), "clip_value");
	refused(npu_sgd(.rate = INFINITY), "rate");
	refused((struct npu_optimizer){ .kind = 77 }, "77");
	for (i = 0; i < npu_model_layers(model); i++)
		npu_model_freeze(model, i, true, &err);
	npu_optimizer_resolve(&how, &err);
	assert_int_equal(npu_optimization_create(&opt, model, &how, 0, &err), -EINVAL);
	assert_non_null(strstr(err.message, "frozen"));
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formulas),      cmocka_unit_test(test_threads),
		cmocka_unit_test(test_fit_is_a_step), cmocka_unit_test(test_clipped_explosion),
		cmocka_unit_test(test_refusals),
	};

	npu_rng_seed(&rng, 1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
