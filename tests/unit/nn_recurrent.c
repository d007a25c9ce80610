// SPDX-License-Identifier: MIT
/*
 * RNN, LSTM and GRU with every option against their formulas in recurrent_definition.h: outputs,
 * states, and by central differences gradients; in every kernel variant and the plain reference.
 * With NPU_EXPORT=folder some layers and what they made go there, for recurrent-torch.py.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "recurrent_definition.h"

#define TOLERANCE 2e-5
#define STEP 1e-5
#define PROBES 12 /* elements of an array that are differenced */

static struct npu_rng rng;

/* ------------------------------------------------------------------------- the layer */

static float *random_floats(size_t count, double scale)
{
	float *p = npu_floats_alloc(count);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < count; i++)
		p[i] = (float)(npu_rng_normal(&rng) * scale);
	return p;
}

static double *doubles(const float *from, size_t count)
{
	double *p = calloc(count + 1, sizeof(*p));
	size_t i;

	assert_non_null(p);
	for (i = 0; from && i < count; i++)
		p[i] = from[i];
	return p;
}

static void make_model(struct trial *t)
{
	struct npu_error err = { 0 };
	size_t i, k;

	assert_int_equal(
		npu_model_create(&t->model,
				 (uint32_t[3]){ 1, (uint32_t)t->steps, (uint32_t)t->inputs },
				 npu_rng_next(&rng), &err),
		0);
	if (npu_model_add(t->model, t->layer, &err) < 0)
		fail_msg("%s", err.message);
	t->node = t->model->node;
	t->layer = t->node->layer;
	t->directions = t->layer.bidirectional ? 2 : 1;
	t->states = t->layer.kind == NPU_LAYER_LSTM ? 2 : 1;
	t->units = t->layer.units;
	for (i = 0; i < t->model->parameters; i++) /* no bias may be zero */
		for (k = 0; k < t->model->parameter[i].count; k++)
			t->model->value[t->model->parameter[i].offset + k] +=
				(float)(npu_rng_normal(&rng) * 0.2);
}

static void make_batch(struct trial *t, bool with_lengths)
{
	size_t i;

	t->x = random_floats(t->n * t->node->in, 1);
	t->dy = random_floats(t->n * t->node->out, 1);
	t->y = npu_floats_alloc(t->n * t->node->out);
	t->dx = npu_floats_alloc(t->n * t->node->in);
	t->gradient = npu_floats_alloc(t->model->values);
	if (t->layer.stateful) {
		t->before = random_floats(t->n * t->node->state, 0.5);
		t->after = npu_floats_alloc(t->n * t->node->state);
	}
	if (!with_lengths)
		return;
	t->lengths = calloc(t->n, sizeof(*t->lengths));
	for (i = 0; i < t->n; i++)
		t->lengths[i] = (uint32_t)npu_rng_below(&rng, t->steps + 2);
}

static void free_trial(struct trial *t)
{
	npu_model_free(t->model);
	free(t->x);
	free(t->dy);
	free(t->before);
	free(t->lengths);
	free(t->y);
	free(t->dx);
	free(t->gradient);
	free(t->after);
}

static void poison(float *p, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		p[i] = NAN;
}

enum way {
	TRAINING,
	PREDICTING,
	REFERENCE
};

/* Run the layer; scratch memory begins as NaN, and is no larger than was asked for. */
static void run(struct trial *t, const struct npu_f32 *f32, unsigned int threads, enum way way)
{
	const struct npu_layer_ops *ops = t->node->ops;
	struct npu_room room = { 0 };
	struct npu_pool *pool;
	struct npu_step step = {
		.model = t->model,
		.node = t->node,
		.n = t->n,
		.x = t->x,
		.y = t->y,
		.lengths = t->lengths,
		.training = way == TRAINING,
	};

	t->model->f32 = f32;
	assert_int_equal(npu_pool_create(&pool, threads, NULL), 0);
	if (t->layer.stateful) {
		memcpy(t->after, t->before, t->n * t->node->state * sizeof(float));
		step.state = t->after;
	}
	step.pool = way == REFERENCE ? NULL : pool;
	ops->room(t->model, t->node, t->n, threads, way == TRAINING, &room);
	step.work = npu_floats_alloc(room.forward);
	poison(step.work, room.forward);
	poison(t->y, t->n * t->node->out);
	if (way == TRAINING) {
		step.saved = npu_floats_alloc(room.saved);
		poison(step.saved, room.saved);
	}
	if (way == REFERENCE)
		ops->reference(&step);
	else
		ops->forward(&step);
	free(step.work);
	if (way == TRAINING) {
		step.work = npu_floats_alloc(room.backward);
		poison(step.work, room.backward);
		poison(t->dx, t->n * t->node->in);
		poison(t->gradient, t->model->values);
		step.dy = t->dy;
		step.dx = t->dx;
		step.gradient = t->gradient;
		ops->backward(&step);
		free(step.work);
		free(step.saved);
	}
	npu_pool_free(pool);
}

/* ------------------------------------------------------------------------ comparing */

static const char *describe(const struct trial *t)
{
	static char text[200];
	const struct npu_layer *l = &t->layer;

	snprintf(text, sizeof(text), "%s n %zu steps %zu inputs %zu units %zu%s%s%s%s%s%s%s",
		 t->node->ops->name, t->n, t->steps, t->inputs, t->units,
		 l->sequences ? " sequences" : "", l->stateful ? " stateful" : "",
		 l->backwards ? " backwards" : "", l->bidirectional ? " bidirectional" : "",
		 l->reset_after ? " reset_after" : "", l->no_bias ? " no_bias" : "",
		 t->lengths ? " lengths" : "");
	return text;
}

static void close_to(const struct trial *t, const char *what, const struct npu_f32 *f32,
		     const float *got, const double *wanted, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!(fabs(got[i] - wanted[i]) < TOLERANCE * (1 + fabs(wanted[i]))))
			fail_msg("%s, %s: %s %zu is %g, should be %g", describe(t), f32->name, what,
				 i, (double)got[i], wanted[i]);
}

/* Some elements of @array, of which the loss depends, against @got. */
static void check_slopes(const struct trial *t, const char *what, const struct npu_f32 *f32,
			 double *array, const double *value, const double *x, const float *got,
			 size_t count)
{
	double *y = doubles(NULL, t->n * t->node->out);
	double *after = doubles(NULL, t->n * t->directions * t->states * t->units);
	size_t probe;

	for (probe = 0; probe < PROBES; probe++) {
		size_t k = count <= PROBES ? probe % count : npu_rng_below(&rng, count);
		double kept = array[k], up, down, wanted;

		array[k] = kept + STEP;
		up = loss_of(t, value, x, y, after);
		array[k] = kept - STEP;
		down = loss_of(t, value, x, y, after);
		array[k] = kept;
		wanted = (up - down) / (2 * STEP);
		if (!(fabs(got[k] - wanted) < TOLERANCE * (5 + fabs(wanted))))
			fail_msg("%s, %s: gradient of %s %zu is %g, should be %g", describe(t),
				 f32->name, what, k, (double)got[k], wanted);
	}
	free(y);
	free(after);
}

static void check_gradients(struct trial *t, const struct npu_f32 *f32, double *value, double *x)
{
	size_t i;

	for (i = 0; i < t->model->parameters; i++) {
		const struct npu_model_parameter *p = &t->model->parameter[i];

		check_slopes(t, p->name, f32, value + p->offset, value, x, t->gradient + p->offset,
			     p->count);
	}
	check_slopes(t, "input", f32, x, value, x, t->dx, t->n * t->node->in);
}

static void check_trial(struct trial *t)
{
	size_t states = t->n * t->directions * t->states * t->units, v;
	double *value = doubles(t->model->value, t->model->values);
	double *x = doubles(t->x, t->n * t->node->in);
	double *y = doubles(NULL, t->n * t->node->out), *after = doubles(NULL, states);
	const struct npu_f32 *f32;

	loss_of(t, value, x, y, after);
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		enum way way;

		for (way = REFERENCE + 1; way-- > 0;) {
			run(t, f32, 1, way);
			close_to(t, "output", f32, t->y, y, t->n * t->node->out);
			if (t->layer.stateful)
				close_to(t, "state", f32, t->after, after, states);
		}
		check_gradients(t, f32, value, x);
	}
	free(value);
	free(x);
	free(y);
	free(after);
}

#define LARGE 64 /* among the options: so much work that it is shared */

static struct trial random_trial(enum npu_layer_kind kind, unsigned int options)
{
	static const uint32_t units[] = { 1, 3, 8, 16, 17, 23 };
	static const size_t samples[] = { 1, 1, 2, 5, 16, 19, 33 };
	static const enum npu_activation inside[] = { NPU_LINEAR, NPU_RELU, NPU_SWISH,
						      NPU_SIGMOID };
	bool large = options & LARGE;
	struct trial t = {
		.layer = { .kind = kind,
			   .units = large ? 48 : units[npu_rng_below(&rng, 6)],
			   .sequences = options & 1,
			   .stateful = options & 2,
			   .backwards = options & 4 && !(options & 8),
			   .bidirectional = options & 8,
			   .reset_after = options & 16 && kind == NPU_LAYER_GRU,
			   .no_bias = npu_rng_below(&rng, 4) == 0,
			   .activation = kind == NPU_LAYER_RNN ? inside[npu_rng_below(&rng, 4)]
							       : NPU_LINEAR },
		.n = large ? 33 : samples[npu_rng_below(&rng, 7)],
		.steps = large ? 6 : 1 + npu_rng_below(&rng, 6),
		.inputs = large ? 19 : 1 + npu_rng_below(&rng, 19),
	};

	make_model(&t);
	make_batch(&t, options & 32);
	return t;
}

static void check_kind(enum npu_layer_kind kind)
{
	unsigned int options;

	for (options = 0; options < 64; options++) {
		struct trial t = random_trial(kind, options);

		check_trial(&t);
		free_trial(&t);
	}
}

static void test_rnn(void **state)
{
	(void)state;
	check_kind(NPU_LAYER_RNN);
}

static void test_lstm(void **state)
{
	(void)state;
	check_kind(NPU_LAYER_LSTM);
}

static void test_gru(void **state)
{
	(void)state;
	check_kind(NPU_LAYER_GRU);
}

/* The tolerances notice a gradient that is off by a thousandth. */
static void test_broken_gradient_is_noticed(void **state)
{
	struct trial t = random_trial(NPU_LAYER_LSTM, 1);
	double *value = doubles(t.model->value, t.model->values), *y, *after, up, down;
	double *x = doubles(t.x, t.n * t.node->in);
	size_t k = t.model->parameter[1].offset;

	(void)state;
	y = doubles(NULL, t.n * t.node->out);
	after = doubles(NULL, t.n * 2 * t.units);
	run(&t, npu_f32_variant(0), 1, TRAINING);
	value[k] += STEP;
	up = loss_of(&t, value, x, y, after);
	value[k] -= 2 * STEP;
	down = loss_of(&t, value, x, y, after);
	assert_true(fabs(t.gradient[k] - (up - down) / (2 * STEP)) < TOLERANCE * 5);
	assert_true(fabs(t.gradient[k] + 1e-3 - (up - down) / (2 * STEP)) > TOLERANCE * 5);
	free(value);
	free(x);
	free(y);
	free(after);
	free_trial(&t);
}

/* Outputs, gradients and states have the same bits at any number of threads. */
static void test_threads(void **state)
{
	unsigned int kind, options, threads;
	const struct npu_f32 *f32;
	size_t v;

	(void)state;
	for (kind = NPU_LAYER_RNN; kind <= NPU_LAYER_GRU; kind++)
		for (options = 0; options < 64; options += 7)
			for (v = 0; (f32 = npu_f32_variant(v)); v++) {
				struct trial t = random_trial(kind, options | LARGE);
				size_t y = t.n * t.node->out, dx = t.n * t.node->in;
				float *kept = npu_floats_alloc(y + dx + t.model->values);

				run(&t, f32, 1, TRAINING);
				memcpy(kept, t.y, y * sizeof(float));
				memcpy(kept + y, t.dx, dx * sizeof(float));
				memcpy(kept + y + dx, t.gradient, t.model->values * sizeof(float));
				for (threads = 2; threads <= 3; threads++) {
					run(&t, f32, threads, TRAINING);
					assert_memory_equal(kept, t.y, y * sizeof(float));
					assert_memory_equal(kept + y, t.dx, dx * sizeof(float));
					assert_memory_equal(kept + y + dx, t.gradient,
							    t.model->values * sizeof(float));
				}
				run(&t, f32, 2, PREDICTING);
				assert_memory_equal(kept, t.y, y * sizeof(float));
				free(kept);
				free_trial(&t);
			}
}

/* Two halves of a stateful sequence give what the whole gives. */
static void check_halves(enum npu_layer_kind kind)
{
	struct trial whole = random_trial(kind, 3), half[2];
	size_t first = 2, out, i, part;

	free_trial(&whole);
	whole = (struct trial){ .layer = whole.layer, .n = 19, .steps = 5, .inputs = 3 };
	whole.layer.name = NULL;
	make_model(&whole);
	make_batch(&whole, false);
	run(&whole, npu_f32_variant(0), 2, TRAINING);
	out = whole.node->out / whole.steps;
	for (part = 0; part < 2; part++) {
		struct trial *t = &half[part];
		size_t from = part ? first : 0;

		*t = (struct trial){ .layer = whole.layer, .n = whole.n, .inputs = 3 };
		t->layer.name = NULL;
		t->steps = part ? whole.steps - first : first;
		make_model(t);
		make_batch(t, false);
		memcpy(t->model->value, whole.model->value, t->model->values * sizeof(float));
		memcpy(t->before, part ? half[0].after : whole.before,
		       t->n * t->node->state * sizeof(float));
		for (i = 0; i < t->n; i++)
			memcpy(t->x + i * t->node->in,
			       whole.x + i * whole.node->in + from * t->inputs,
			       t->node->in * sizeof(float));
		run(t, npu_f32_variant(0), 1, part ? PREDICTING : TRAINING);
		for (i = 0; i < t->n; i++)
			assert_memory_equal(t->y + i * t->node->out,
					    whole.y + i * whole.node->out + from * out,
					    t->node->out * sizeof(float));
	}
	assert_memory_equal(half[1].after, whole.after,
			    whole.n * whole.node->state * sizeof(float));
	free_trial(&half[0]);
	free_trial(&half[1]);
	free_trial(&whole);
}

static void test_state_lasts(void **state)
{
	(void)state;
	check_halves(NPU_LAYER_RNN);
	check_halves(NPU_LAYER_LSTM);
	check_halves(NPU_LAYER_GRU);
}

/* The memory that was made for a batch is enough for one sample, however many its steps. */
static void test_one_behind_many(void **state)
{
	enum {
		STEPS = 500
	};
	float *x = random_floats(3 * STEPS, 1), many[3], one;
	enum npu_layer_kind kind;

	(void)state;
	for (kind = NPU_LAYER_RNN; kind <= NPU_LAYER_GRU; kind++) {
		struct npu_layer layer = { .kind = kind, .units = 1 };
		struct npu_model *model;

		assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 1, STEPS, 1 }, 1, NULL),
				 0);
		assert_true(npu_model_add(model, layer, NULL) >= 0);
		assert_int_equal(npu_model_predict(model, x, 3, 1, many, NULL), 0);
		assert_int_equal(npu_model_predict(model, x, 1, 1, &one, NULL), 0);
		assert_true(fabsf(one - many[0]) < TOLERANCE);
		npu_model_free(model);
	}
	free(x);
}

/* ------------------------------------------------------------------------ for PyTorch */

static void write_array(const char *folder, size_t number, const char *name, const float *values,
			size_t rows, size_t columns)
{
	struct npu_error err = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%s/%zu.%s.npy", folder, number, name);
	if (npu_write_npy(path, values, rows, columns, &err))
		fail_msg("%s", err.message);
}

/* A trial whose kind and options PyTorch has, too. */
static struct trial shared_trial(enum npu_layer_kind kind, unsigned int options)
{
	struct trial t;
	size_t i;

	do {
		t = random_trial(kind, options | 16);
		if (!t.layer.no_bias && (t.layer.activation == NPU_TANH ||
					 t.layer.activation == NPU_RELU || kind != NPU_LAYER_RNN))
			break;
		free_trial(&t);
	} while (true);
	for (i = 0; t.lengths && i < t.n; i++)
		t.lengths[i] = t.lengths[i] < 1		? 1
			       : t.lengths[i] > t.steps ? t.steps
							: t.lengths[i];
	return t;
}

static void export_trial(const char *folder, FILE *list, struct trial *t, size_t number)
{
	size_t count = t->node->parameters / t->directions, i;

	run(t, npu_f32_variant(0), 2, TRAINING);
	fprintf(list, "%s %zu %zu %zu %zu %d %d %d %d\n", t->node->ops->name, t->n, t->steps,
		t->inputs, t->units, t->layer.sequences, t->layer.bidirectional, t->layer.stateful,
		t->layer.activation == NPU_RELU);
	write_array(folder, number, "x", t->x, t->n, t->node->in);
	write_array(folder, number, "dy", t->dy, t->n, t->node->out);
	write_array(folder, number, "y", t->y, t->n, t->node->out);
	write_array(folder, number, "dx", t->dx, t->n, t->node->in);
	for (i = 0; i < t->node->parameters; i++) {
		const struct npu_model_parameter *p = &t->model->parameter[i];
		char name[64];

		snprintf(name, sizeof(name), "value%zu.%zu", i / count, i % count);
		write_array(folder, number, name, t->model->value + p->offset, p->dim[0],
			    p->dim[1]);
		snprintf(name, sizeof(name), "gradient%zu.%zu", i / count, i % count);
		write_array(folder, number, name, t->gradient + p->offset, p->dim[0], p->dim[1]);
	}
	if (t->layer.stateful) {
		write_array(folder, number, "before", t->before, t->n, t->node->state);
		write_array(folder, number, "after", t->after, t->n, t->node->state);
	}
	for (i = 0; i < t->n; i++)
		fprintf(list, "%u ", t->lengths ? t->lengths[i] : (unsigned int)t->steps);
	fprintf(list, "\n");
}

static int export(const char *folder)
{
	unsigned int kind, options;
	size_t number = 0;
	char path[512];
	FILE *list;

	snprintf(path, sizeof(path), "%s/list", folder);
	list = fopen(path, "w");
	if (!list)
		return 1;
	for (kind = NPU_LAYER_RNN; kind <= NPU_LAYER_GRU; kind++)
		for (options = 0; options < 64; options++) {
			struct trial t;

			if (options & (4 | 16)) /* backwards alone, and reset_after always */
				continue;
			t = shared_trial(kind, options);
			export_trial(folder, list, &t, number++);
			free_trial(&t);
		}
	return fclose(list) ? 1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rnn),
		cmocka_unit_test(test_lstm),
		cmocka_unit_test(test_gru),
		cmocka_unit_test(test_broken_gradient_is_noticed),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_state_lasts),
		cmocka_unit_test(test_one_behind_many),
	};

	npu_rng_seed(&rng, 23, 0);
	if (getenv("NPU_EXPORT"))
		return export(getenv("NPU_EXPORT"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
