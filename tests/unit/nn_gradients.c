// SPDX-License-Identifier: MIT
/*
 * Outputs, loss and gradients of every layer with each of its options (nn_case_table.h), in every
 * kernel variant that this CPU runs, against the formulas in double (nn_double.h), whose central
 * differences take steps small enough for kinks not to matter.
 *
 * With --dump FOLDER it writes all of that for torch-compare.py instead.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nn_cases.h"
#include "nn_double.h"
#include "nn_dump.h"
#include "npu_train.h"
#include "train/nn/kernels/f32.h"
#include "train/nn/reference.h"

#define TOLERANCE 2e-5
#define STEP 1e-7

/**
 * struct subject - a case on its way through the checks
 * @value: its parameters in double
 * @d: the network in double
 * @x: the samples in double
 * @gradient: [values], by differences
 * @loss: in training; @inference: as npu_model_loss() tells it
 */
struct subject {
	const struct nn_case *c;
	struct npu_model *model;
	struct npu_dataset data;
	double *value, *x, *gradient;
	struct nn_double d;
	double loss, inference;
};

static double *doubles(const float *from, size_t count)
{
	double *to = calloc(count, sizeof(*to));
	size_t i;

	assert_non_null(to);
	for (i = 0; from && i < count; i++)
		to[i] = from[i];
	return to;
}

/* Outputs of the i-th sample that the loss looks at: those within its length. */
static size_t counted(const struct subject *s, size_t i)
{
	const uint32_t *dim = s->model->node[s->model->nodes - 1].out_dim;
	bool steps = s->data.lengths && dim[1] > 1 && dim[1] == s->model->dim[1];

	return steps ? s->data.lengths[i] * dim[2] : npu_model_outputs(s->model);
}

static double loss_in(struct subject *s, bool training)
{
	size_t columns = s->model->node[s->model->nodes - 1].out_dim[2];
	size_t outputs = npu_model_outputs(s->model), i, j;
	const struct npu_dataset *data = &s->data;
	double t[64], sum = 0;
	const double *p;

	assert_true(outputs <= 64);
	s->d.training = training;
	p = nn_double_forward(&s->d);
	for (i = 0; i < data->samples; i++) {
		for (j = 0; j < outputs; j++) {
			if (!data->labels)
				t[j] = data->y[i * outputs + j];
			else
				t[j] = outputs == 1 ? data->labels[i]
						    : (size_t)data->labels[i] == j;
		}
		sum += nn_double_loss(nn_case_loss(s->c), p + i * outputs, t, counted(s, i),
				      columns);
	}
	return sum / (double)data->samples;
}

static void differentiate(struct subject *s)
{
	size_t i, k;

	for (i = 0; i < s->model->parameters; i++) {
		const struct npu_model_parameter *p = &s->model->parameter[i];

		for (k = p->offset; npu_model_trains(s->model, p) && k < p->offset + p->count;
		     k++) {
			double kept = s->value[k], up;

			s->value[k] = kept + STEP;
			up = loss_in(s, true);
			s->value[k] = kept - STEP;
			s->gradient[k] = (up - loss_in(s, true)) / (2 * STEP);
			s->value[k] = kept;
		}
	}
}

static void begin(struct subject *s, const struct nn_case *c)
{
	struct npu_error err = { 0 };

	memset(s, 0, sizeof(*s));
	s->c = c;
	if (nn_case_model(c, &s->model, &err) || nn_case_data(c, s->model, &s->data, &err))
		fail_msg("%s: %s", c->name, err.message);
	s->value = doubles(s->model->value, s->model->values);
	s->gradient = doubles(NULL, s->model->values);
	s->x = doubles(s->data.x, s->data.samples * s->data.features);
	s->d = (struct nn_double){
		.model = s->model,
		.value = s->value,
		.n = s->data.samples,
		.x = s->x,
		.lengths = s->data.lengths,
	};
	s->inference = loss_in(s, false);
	s->loss = loss_in(s, true);
}

static void end(struct subject *s)
{
	nn_double_free(&s->d);
	free(s->value);
	free(s->gradient);
	free(s->x);
	npu_dataset_free(&s->data);
	npu_model_free(s->model);
}

/*
 * The worst difference between the model's gradients and @s->gradient, for their size: that of the
 * element, and a share of the largest, since small ones can be sums of such (the bias before a
 * batch norm has a gradient of 0, where all cancels).
 */
static double disagreement(const struct subject *s)
{
	double worst = 0, largest = 0;
	size_t i, k;

	for (k = 0; k < s->model->values; k++)
		largest = fmax(largest, fabs(s->gradient[k]));
	for (i = 0; i < s->model->parameters; i++) {
		const struct npu_model_parameter *p = &s->model->parameter[i];

		for (k = p->offset; npu_model_trains(s->model, p) && k < p->offset + p->count;
		     k++) {
			double off = fabs(s->gradient[k] - s->model->gradient[k]);

			if (!(off <= INFINITY))
				return INFINITY;
			worst = fmax(worst, off / (fabs(s->gradient[k]) + largest / 20 + 1e-2));
		}
	}
	return worst;
}

static void check_outputs(struct subject *s, const char *way, const float *y)
{
	size_t count = s->data.samples * npu_model_outputs(s->model), i;
	const double *wanted;

	s->d.training = false;
	wanted = nn_double_forward(&s->d);
	for (i = 0; i < count; i++)
		if (!(fabs(y[i] - wanted[i]) < 1e-5 * (1 + fabs(wanted[i]))))
			fail_msg("%s, %s: output %zu is %g, should be %g", s->c->name, way, i,
				 (double)y[i], wanted[i]);
}

static void check_variant(struct subject *s, const struct npu_f32 *f32)
{
	float loss, again, *y = npu_floats_alloc(s->data.samples * npu_model_outputs(s->model));
	enum npu_loss kind = nn_case_loss(s->c);
	struct npu_error err = { 0 };
	double off;

	s->model->f32 = f32;
	if (npu_model_backward(s->model, &s->data, kind, &loss, &err) ||
	    npu_model_loss(s->model, &s->data, kind, &again, &err) ||
	    npu_model_predict_data(s->model, &s->data, 1, y, &err))
		fail_msg("%s, %s: %s", s->c->name, f32->name, err.message);
	check_outputs(s, f32->name, y);
	free(y);
	if (!(fabs(loss - s->loss) < 1e-5 * (1 + s->loss)) ||
	    !(fabs(again - s->inference) < 1e-5 * (1 + s->inference)))
		fail_msg("%s, %s: loss %g and %g, should be %g and %g", s->c->name, f32->name,
			 (double)loss, (double)again, s->loss, s->inference);
	off = disagreement(s);
	print_message("# %-44s %-10s %.1e\n", s->c->name, f32->name, off);
	if (!(off < TOLERANCE))
		fail_msg("%s, %s: gradient is off by %g", s->c->name, f32->name, off);
}

static int keep_last(void *context, size_t layer, size_t first, size_t n, const float *pre,
		     const float *post)
{
	struct subject *s = context;

	(void)pre;
	(void)first;
	(void)n;
	if (layer + 1 == s->model->nodes)
		check_outputs(s, "plain reference", post);
	return 0;
}

static void test_case(void **state)
{
	struct npu_error err = { 0 };
	const struct npu_f32 *f32;
	struct subject s;
	size_t v;

	begin(&s, *state);
	differentiate(&s);
	for (v = 0; (f32 = npu_f32_variant(v)); v++)
		check_variant(&s, f32);
	assert_int_equal(npu_reference_forward(s.model, s.data.x, s.data.lengths, s.data.samples,
					       keep_last, &s, &err),
			 0);
	end(&s);
}

static const struct nn_case *case_called(const char *name)
{
	size_t i;

	for (i = 0; i < NN_CASES; i++)
		if (!strcmp(nn_cases[i].name, name))
			return &nn_cases[i];
	fail_msg("no case is called %s", name);
	return NULL;
}

/* The check notices a gradient that is wrong in one element by a thousandth. */
static void test_broken_gradient_is_noticed(void **state)
{
	struct npu_parameter p;
	size_t k, largest = 0;
	struct subject s;

	(void)state;
	begin(&s, case_called("dense, tanh"));
	differentiate(&s);
	assert_int_equal(npu_model_backward(s.model, &s.data, NPU_LOSS_MSE, NULL, NULL), 0);
	assert_true(disagreement(&s) < TOLERANCE);
	npu_model_parameter(s.model, 2, &p);
	for (k = 0; k < p.count; k++)
		if (fabsf(p.gradient[k]) > fabsf(p.gradient[largest]))
			largest = k;
	s.model->gradient[s.model->parameter[2].offset + largest] *= 1.001f;
	assert_true(disagreement(&s) > TOLERANCE);
	end(&s);
}

/* More samples than a pass takes at a time: their gradients add up to the mean. */
static void test_gradient_in_parts(void **state)
{
	struct npu_dataset many;
	struct npu_error err = { 0 };
	size_t i, copies = 140, x, y;
	float *gradient, loss;
	struct subject s;

	(void)state;
	begin(&s, case_called("dense, tanh"));
	x = s.data.samples * s.data.features;
	y = s.data.samples * s.data.targets;
	assert_int_equal(npu_dataset_alloc(&many, s.data.samples * copies, s.data.dim,
					   s.data.targets, 0, &err),
			 0);
	for (i = 0; i < copies; i++) {
		memcpy(many.x + i * x, s.data.x, x * sizeof(float));
		memcpy(many.y + i * y, s.data.y, y * sizeof(float));
	}
	assert_int_equal(npu_model_backward(s.model, &s.data, NPU_LOSS_MSE, NULL, &err), 0);
	gradient = npu_floats_alloc(s.model->values);
	memcpy(gradient, s.model->gradient, s.model->values * sizeof(float));
	assert_int_equal(npu_model_backward(s.model, &many, NPU_LOSS_MSE, &loss, &err), 0);
	assert_true(fabs(loss - s.loss) < 1e-5);
	for (i = 0; i < s.model->values; i++)
		assert_true(fabsf(s.model->gradient[i] - gradient[i]) < 1e-5f);
	free(gradient);
	npu_dataset_free(&many);
	end(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_broken_gradient_is_noticed),
		cmocka_unit_test(test_gradient_in_parts),
	};
	struct CMUnitTest tests[NN_CASES + 2] = { 0 };
	size_t i;

	if (argc == 3 && !strcmp(argv[1], "--dump"))
		return nn_dump_all(argv[2]);
	for (i = 0; i < NN_CASES; i++)
		tests[i] = (struct CMUnitTest){
			.name = nn_cases[i].name,
			.test_func = test_case,
			.initial_state = (void *)&nn_cases[i],
		};
	memcpy(tests + NN_CASES, others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
