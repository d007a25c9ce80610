// SPDX-License-Identifier: MIT
/*
 * Convolution and pooling against their formulas in double precision: every kernel variant, forward
 * and backward, any number of threads with the same bits; and the plain reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nn_conv_case.h"
#include "npu_train.h"
#include "train/nn/kernels/f32.h"
#include "train/nn/layer.h"

#define TOLERANCE 1e-5
#define RANDOM_CASES 120

/**
 * struct conv_case - a layer and its input
 * @n: samples
 */
struct conv_case {
	uint32_t dim[3];
	size_t n;
	struct npu_layer layer;
};

#define SAME .padding = NPU_SAME
#define RELU .activation = NPU_RELU
static const struct conv_case cases[] = {
	{ { 28, 28, 1 }, 3, npu_conv2d(.units = 16, .kernel = { 3, 3 }, SAME, RELU) },
	{ { 14, 14, 16 }, 9, npu_conv2d(.units = 32, .kernel = { 3, 3 }, SAME, RELU) },
	{ { 32, 32, 3 }, 1, npu_conv2d(.units = 16, .kernel = { 3, 3 }, SAME, RELU) },
	{ { 16, 16, 32 },
	  2,
	  npu_conv2d(.units = 64, .kernel = { 3, 3 }, .stride = { 2, 2 }, SAME) },
	{ { 9, 8, 40 }, 2, npu_conv2d(.units = 70, .kernel = { 3, 3 }, SAME) },
	/* weights in blocks */
	{ { 3, 4, 300 }, 1, npu_conv2d(.units = 105, .kernel = { 3, 3 }, SAME, RELU) },
	{ { 2, 2, 700 }, 1, npu_conv2d(.units = 400) },
	{ { 16, 16, 16 }, 2, npu_conv2d(.units = 32, .stride = { 2, 2 }) },
	{ { 7, 5, 33 }, 3, npu_conv2d(.units = 65, .activation = NPU_RELU6) },
	{ { 1, 50, 16 },
	  4,
	  npu_conv1d(.units = 24, .kernel = { 1, 5 }, .dilation = { 1, 3 }, SAME) },
	{ { 1, 31, 5 }, 1, npu_conv1d(.units = 3, .kernel = { 1, 4 }, .stride = { 1, 6 }) },
	{ { 12, 12, 8 },
	  2,
	  npu_conv2d(.units = 8, .kernel = { 3, 3 }, .groups = 8, .padding = NPU_EXPLICIT,
		     .pad = { 1, 1, 1, 1 }, RELU) },
	{ { 11, 13, 64 },
	  2,
	  npu_conv2d(.units = 64, .kernel = { 3, 3 }, .stride = { 2, 2 }, .groups = 64, SAME) },
	{ { 6, 6, 10 }, 2, npu_conv2d(.units = 30, .kernel = { 3, 3 }, .groups = 10, SAME) },
	{ { 8, 8, 12 },
	  2,
	  npu_conv2d(.units = 36, .kernel = { 2, 5 }, .groups = 3, .no_bias = true) },
	{ { 5, 6, 4 },
	  2,
	  npu_conv2d(.units = 7, .kernel = { 3, 2 }, .padding = NPU_EXPLICIT,
		     .pad = { 4, 0, 1, 3 }) },
	{ { 5, 5, 6 }, 2, npu_conv_transpose2d(.units = 20, .kernel = { 3, 3 }, RELU) },
	{ { 7, 6, 32 },
	  2,
	  npu_conv_transpose2d(.units = 16, .kernel = { 4, 4 }, .stride = { 2, 2 }, SAME) },
	{ { 4, 5, 8 },
	  3,
	  npu_conv_transpose2d(.units = 8, .kernel = { 2, 2 }, .stride = { 3, 3 }, SAME) },
	{ { 6, 4, 12 },
	  2,
	  npu_conv_transpose2d(.units = 6, .kernel = { 3, 5 }, .stride = { 2, 1 }, .groups = 2,
			       .padding = NPU_EXPLICIT, .pad = { 1, 2, 0, 1 }) },
	{ { 6, 6, 4 },
	  2,
	  npu_conv_transpose2d(.units = 4, .kernel = { 3, 3 }, .groups = 4, .dilation = { 2, 2 }) },
	{ { 28, 28, 16 }, 3, npu_max_pool(0) },
	{ { 9, 7, 5 }, 2, npu_max_pool(.kernel = { 3, 2 }, .stride = { 2, 1 }, SAME) },
	{ { 9, 9, 17 }, 2, npu_average_pool(.kernel = { 3, 3 }, .stride = { 2, 2 }, SAME) },
	{ { 8, 8, 40 }, 2, npu_average_pool(0) },
	{ { 7, 9, 3 },
	  2,
	  npu_average_pool(.kernel = { 2, 3 }, .dilation = { 2, 2 }, .padding = NPU_EXPLICIT,
			   .pad = { 1, 0, 0, 2 }) },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/**
 * struct run - a layer, what goes in and what comes out
 * @reference: outputs of the plain reference
 * @given: what backward is given, and may change: dy
 * @derived: dy times the derivative of the activation that the layer applies
 */
struct run {
	struct npu_model *model;
	const struct npu_node *node;
	size_t n;
	float *x, *dy;
	float *y, *dx, *gradient, *reference, *given, *derived;
};

/* To the byte, so that a sanitizer sees the next one. */
static float *floats(size_t count)
{
	void *p = NULL;

	assert_int_equal(posix_memalign(&p, 64, count ? count * sizeof(float) : 1), 0);
	memset(p, 0xff, count * sizeof(float));
	return p;
}

static float *random_floats(struct npu_rng *rng, size_t count)
{
	float *p = floats(count);
	size_t i;

	for (i = 0; i < count; i++)
		p[i] = (float)npu_rng_normal(rng);
	return p;
}

static void begin(struct run *run, const struct conv_case *c, uint64_t seed)
{
	struct npu_error err = { 0 };
	struct npu_rng rng;
	size_t i;

	memset(run, 0, sizeof(*run));
	assert_int_equal(npu_model_create(&run->model, c->dim, 1, &err), 0);
	if (npu_model_add(run->model, c->layer, &err) < 0)
		fail_msg("%s", err.message);
	run->node = &run->model->node[0];
	run->n = c->n;
	npu_rng_seed(&rng, seed, 0);
	for (i = 0; i < run->model->values; i++)
		run->model->value[i] = (float)npu_rng_normal(&rng) / 4;
	run->x = random_floats(&rng, c->n * run->node->in);
	run->dy = random_floats(&rng, c->n * run->node->out);
	run->y = floats(c->n * run->node->out);
	run->dx = floats(c->n * run->node->in);
	run->reference = floats(c->n * run->node->out);
	run->given = floats(c->n * run->node->out);
	run->derived = floats(c->n * run->node->out);
	run->gradient = floats(run->model->values);
}

static void end(struct run *run)
{
	npu_model_free(run->model);
	free(run->x);
	free(run->dy);
	free(run->y);
	free(run->dx);
	free(run->reference);
	free(run->given);
	free(run->derived);
	free(run->gradient);
}

static enum npu_activation applied(const struct run *run)
{
	const struct npu_node *node = run->node;
	bool applies = node->ops->activates && node->ops->activates(node);

	return applies ? node->layer.activation : NPU_LINEAR;
}

static void derive(struct run *run)
{
	size_t i;

	for (i = 0; i < run->n * run->node->out; i++) {
		bool below = applied(run) != NPU_LINEAR && !(run->y[i] > 0);
		bool above = applied(run) == NPU_RELU6 && !(run->y[i] < 6);

		run->given[i] = run->dy[i];
		run->derived[i] = below || above ? 0 : run->dy[i];
	}
}

/* Forward as in training, or as in inference, and backward. */
static void compute(struct run *run, const struct npu_f32 *f32, unsigned int threads, bool training)
{
	const struct npu_node *node = run->node;
	struct npu_room room = { 0 };
	struct npu_step step = {
		.model = run->model,
		.node = node,
		.n = run->n,
		.x = run->x,
		.y = run->y,
		.training = training,
	};

	run->model->f32 = f32;
	assert_int_equal(npu_pool_create(&step.pool, threads, NULL), 0);
	if (node->ops->room)
		node->ops->room(run->model, node, run->n, threads, training, &room);
	if (training)
		step.saved = floats(room.saved);
	step.work = floats(room.forward);
	node->ops->forward(&step);
	free(step.work);
	if (training) {
		derive(run);
		step.work = floats(room.backward);
		step.dy = run->given;
		step.dx = run->dx;
		step.gradient = run->gradient;
		node->ops->backward(&step);
		free(step.work);
	}
	free(step.saved);
	npu_pool_free(step.pool);
}

static void compute_reference(struct run *run)
{
	struct npu_step step = {
		.model = run->model,
		.node = run->node,
		.n = run->n,
		.x = run->x,
		.y = run->reference,
	};

	run->node->ops->reference(&step);
}

static void check(const char *what, const struct run *run, const float *got,
		  const struct exact *want, size_t count, enum npu_activation activation)
{
	const struct npu_layer *l = &run->node->layer;
	size_t i;

	for (i = 0; i < count; i++) {
		double exact = want[i].sum;

		if (activation != NPU_LINEAR)
			exact = exact < 0 ? 0 : exact;
		if (activation == NPU_RELU6)
			exact = exact > 6 ? 6 : exact;
		if (!(fabs(got[i] - exact) <= TOLERANCE * (want[i].size + 1e-3)))
			fail_msg("%s of %s, %s, %zu of %ux%ux%u, kernel %ux%u, stride %ux%u, "
				 "dilation %ux%u, groups %u, units %u, padding %d: [%zu] is %g, "
				 "should be %g",
				 what, l->name, run->model->f32->name, run->n, run->node->in_dim[0],
				 run->node->in_dim[1], run->node->in_dim[2], l->kernel[0],
				 l->kernel[1], l->stride[0], l->stride[1], l->dilation[0],
				 l->dilation[1], l->groups, l->units, l->padding, i, (double)got[i],
				 exact);
	}
}

static bool is_pooling(const struct run *run)
{
	return run->node->layer.kind == NPU_LAYER_MAX_POOL ||
	       run->node->layer.kind == NPU_LAYER_AVERAGE_POOL;
}

/* The exact bias gradient, and the biases as the start of y. */
static void exact_bias(const struct run *run, size_t sample, struct exact *y, struct exact *dbias)
{
	size_t units = run->node->out_dim[2], i;
	const float *bias = npu_node_values(run->model, 0, 1);

	for (i = 0; i < run->node->out; i++) {
		if (bias)
			exact_add(&y[i], bias[i % units]);
		exact_add(&dbias[i % units], run->derived[sample * run->node->out + i]);
	}
}

static struct exact *exacts(size_t count)
{
	struct exact *p = calloc(count + 1, sizeof(*p));

	assert_non_null(p);
	return p;
}

/* What the variant has made against the formulas. */
static void check_all(const struct run *run)
{
	const struct npu_node *node = run->node;
	size_t weights = node->parameters ? run->model->parameter[0].count : 0, s;
	struct exact *y = exacts(run->n * node->out), *dx = exacts(run->n * node->in);
	struct exact *dweight = exacts(weights), *dbias = exacts(node->out_dim[2]);

	for (s = 0; s < run->n; s++) {
		const float *x = run->x + s * node->in, *dy = run->derived + s * node->out;
		struct exact_conv e = { x,
					npu_node_values(run->model, 0, 0),
					dy,
					y + s * node->out,
					dx + s * node->in,
					dweight };

		if (is_pooling(run)) {
			exact_pool(node, x, dy, e.y, e.dx);
			continue;
		}
		each_term(node, exact_term, &e);
		exact_bias(run, s, e.y, dbias);
	}
	check("y", run, run->y, y, run->n * node->out, applied(run));
	check("dx", run, run->dx, dx, run->n * node->in, NPU_LINEAR);
	check("reference", run, run->reference, y, run->n * node->out, NPU_LINEAR);
	if (node->parameters)
		check("dweight", run, run->gradient + run->model->parameter[0].offset, dweight,
		      weights, NPU_LINEAR);
	if (node->parameters > 1)
		check("dbias", run, run->gradient + run->model->parameter[1].offset, dbias,
		      node->out_dim[2], NPU_LINEAR);
	free(y);
	free(dx);
	free(dweight);
	free(dbias);
}

/* Bits of all that came out, but for the gaps between parameters. */
static uint64_t hash_of(const struct run *run)
{
	const float *part[3] = { run->y, run->dx, run->gradient };
	size_t count[3] = { run->n * run->node->out, run->n * run->node->in, 0 }, i, k;
	uint64_t hash = 14695981039346656037u;

	for (k = 0; k < run->model->parameters; k++)
		count[2] = run->model->parameter[k].offset + run->model->parameter[k].count;
	for (k = 0; k < 3; k++) {
		for (i = 0; i < count[k]; i++) {
			uint32_t bits;

			memcpy(&bits, &part[k][i], sizeof(bits));
			hash = (hash ^ bits) * 1099511628211u;
		}
	}
	return hash;
}

static void check_case(const struct conv_case *c, uint64_t seed)
{
	const struct npu_f32 *f32;
	struct run run;
	uint64_t hash;
	size_t v;

	begin(&run, c, seed);
	compute_reference(&run);
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		compute(&run, f32, 1, true);
		check_all(&run);
		hash = hash_of(&run);
		compute(&run, f32, 1, false);
		assert_int_equal(hash_of(&run), hash);
		compute(&run, f32, 3, true);
		assert_int_equal(hash_of(&run), hash);
	}
	end(&run);
}

static void test_cases(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < CASES; i++)
		check_case(&cases[i], i);
}

static uint32_t between(struct npu_rng *rng, uint32_t low, uint32_t high)
{
	return low + (uint32_t)npu_rng_below(rng, high - low + 1);
}

/* Any layer of the six, which may not make sense. */
static struct conv_case random_case(struct npu_rng *rng)
{
	static const enum npu_layer_kind kinds[] = { NPU_LAYER_CONV, NPU_LAYER_CONV,
						     NPU_LAYER_CONV_TRANSPOSE, NPU_LAYER_MAX_POOL,
						     NPU_LAYER_AVERAGE_POOL };
	struct conv_case c = { .n = between(rng, 1, 5) };
	int i;

	c.layer.kind = kinds[npu_rng_below(rng, 5)];
	c.layer.groups = between(rng, 0, 1) ? 1 : between(rng, 2, 4);
	c.dim[2] = between(rng, 1, 40);
	c.layer.units = between(rng, 1, 80);
	if (c.layer.groups > 1) {
		c.dim[2] = between(rng, 1, 10) * c.layer.groups;
		c.layer.units = between(rng, 1, 20) * c.layer.groups;
	}
	if (!between(rng, 0, 5))
		c.layer.groups = c.layer.units = c.dim[2];
	c.layer.padding = (enum npu_padding)between(rng, 0, 2);
	c.layer.activation = between(rng, 0, 1) ? NPU_RELU : NPU_LINEAR;
	for (i = 0; i < 2; i++) {
		c.dim[i] = between(rng, 1, 18);
		c.layer.kernel[i] = between(rng, 1, 4);
		c.layer.stride[i] = between(rng, 1, 3);
		c.layer.dilation[i] = between(rng, 0, 2) ? 1 : between(rng, 2, 3);
		c.layer.pad[i] = between(rng, 0, 3);
		c.layer.pad[i + 2] = between(rng, 0, 3);
	}
	return c;
}

static void test_random(void **state)
{
	struct npu_model *model;
	struct npu_rng rng;
	size_t done = 0;

	(void)state;
	npu_rng_seed(&rng, 7, 0);
	while (done < RANDOM_CASES) {
		struct conv_case c = random_case(&rng);
		bool fits;

		assert_int_equal(npu_model_create(&model, c.dim, 1, NULL), 0);
		fits = npu_model_add(model, c.layer, NULL) >= 0;
		npu_model_free(model);
		if (!fits)
			continue;
		check_case(&c, ++done);
	}
}

/* A NaN anywhere in a window is its maximum, and has none to do with its neighbours. */
static void check_nan(const struct conv_case *c, const struct npu_f32 *f32, size_t at)
{
	struct run run;
	size_t i, nans = 0;

	begin(&run, c, 5);
	run.x[at] = NAN;
	compute(&run, f32, 1, false);
	for (i = 0; i < run.node->out; i++)
		nans += isnan(run.y[i]) != 0;
	compute(&run, f32, 1, true);
	compute_reference(&run);
	for (i = 0; i < run.node->out; i++) {
		assert_int_equal(isnan(run.reference[i]) != 0, isnan(run.y[i]) != 0);
		nans -= isnan(run.y[i]) != 0;
	}
	assert_true(isnan(run.y[at % 18]) && !nans);
	end(&run);
}

static void test_nan(void **state)
{
	const struct conv_case window = { { 2, 2, 18 }, 1, npu_max_pool(0) };
	const struct conv_case global = { { 2, 2, 18 }, 1, npu_global_max_pool() };
	const struct conv_case many = { { 2, 6, 18 }, 1, npu_max_pool(0) };
	const struct npu_f32 *f32;
	size_t v, at;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		for (at = 0; at < 4 * 18; at += 17) {
			check_nan(&window, f32, at);
			check_nan(&global, f32, at);
		}
		check_nan(&many, f32, 18 + 3);
		check_nan(&many, f32, 6 * 18);
	}
}

/* Global pooling of sequences of many lengths, none among them. */
static void check_global(enum npu_layer_kind kind, const struct npu_f32 *f32)
{
	const uint32_t lengths[4] = { 5, 0, 7, 1 }, channels = 19;
	const struct conv_case c = { { 2, 7, 19 }, 4, { .kind = kind } };
	struct npu_step step;
	size_t s, k, h, w;
	struct run run;

	begin(&run, &c, 3);
	run.model->f32 = f32;
	step = (struct npu_step){ .model = run.model,
				  .node = run.node,
				  .n = c.n,
				  .x = run.x,
				  .y = run.y,
				  .lengths = lengths,
				  .training = true,
				  .saved = floats(c.n * channels),
				  .dy = run.dy,
				  .dx = run.dx };
	run.node->ops->forward(&step);
	run.node->ops->backward(&step);
	for (s = 0; s < c.n; s++) {
		const float *x = run.x + s * run.node->in, *dx = run.dx + s * run.node->in;

		for (k = 0; k < channels; k++) {
			double sum = 0, best = -1e9, want, moved = 0;
			float dy = run.dy[s * channels + k];

			for (h = 0; h < 2; h++) {
				for (w = 0; w < 7; w++) {
					double v = x[(h * 7 + w) * channels + k];
					double d = dx[(h * 7 + w) * channels + k];

					moved += d;
					if (w >= lengths[s]) {
						assert_true(d == 0);
						continue;
					}
					sum += v / (2.0 * lengths[s]);
					best = fmax(best, v);
				}
			}
			want = kind == NPU_LAYER_GLOBAL_MAX_POOL ? best : sum;
			want = lengths[s] ? want : 0;
			assert_true(fabs(run.y[s * channels + k] - want) < 1e-6);
			assert_true(fabs(moved - (lengths[s] ? (double)dy : 0)) < 1e-6);
		}
	}
	free(step.saved);
	end(&run);
}

static void test_global(void **state)
{
	const struct npu_f32 *f32;
	size_t v;

	(void)state;
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		check_global(NPU_LAYER_GLOBAL_MAX_POOL, f32);
		check_global(NPU_LAYER_GLOBAL_AVERAGE_POOL, f32);
	}
}

static void check_shape(uint32_t in, struct npu_layer layer, uint32_t want)
{
	struct npu_model *model;
	uint32_t dim[3];

	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ in, in, 4 }, 1, NULL), 0);
	assert_true(npu_model_add(model, layer, NULL) >= 0);
	assert_int_equal(npu_model_layer_dim(model, 0, dim), 0);
	assert_int_equal(dim[0], want);
	assert_int_equal(dim[1], want);
	npu_model_free(model);
}

#define SQUARE(k, s, d) .kernel = { k, k }, .stride = { s, s }, .dilation = { d, d }

static void test_shapes(void **state)
{
	(void)state;
	check_shape(28, npu_conv2d(.units = 1, SQUARE(3, 0, 0)), 26);
	check_shape(28, npu_conv2d(.units = 1, SQUARE(3, 2, 0)), 13);
	check_shape(29, npu_conv2d(.units = 1, SQUARE(3, 2, 0), SAME), 15);
	check_shape(10, npu_conv2d(.units = 1, SQUARE(3, 1, 2)), 6);
	check_shape(10, npu_conv2d(.units = 1, SQUARE(1, 4, 1)), 3);
	check_shape(5,
		    npu_conv2d(.units = 1, SQUARE(3, 2, 0), .padding = NPU_EXPLICIT,
			       .pad = { 1, 1, 2, 2 }),
		    3);
	check_shape(7, npu_conv_transpose2d(.units = 1, SQUARE(3, 2, 1)), 15);
	check_shape(7, npu_conv_transpose2d(.units = 1, SQUARE(3, 2, 1), SAME), 14);
	check_shape(28, npu_max_pool(0), 14);
	check_shape(9, npu_max_pool(0), 4);
	check_shape(9, npu_average_pool(SQUARE(3, 2, 1), SAME), 5);
}

/* A description that makes no sense is refused in a sentence that holds @word. */
static void check_refused(struct npu_layer layer, const char *word)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 6, 6, 4 }, 1, NULL), 0);
	assert_int_equal(npu_model_add(model, layer, &err), -EINVAL);
	if (!strstr(err.message, word))
		fail_msg("\"%s\" does not say \"%s\"", err.message, word);
	npu_model_free(model);
}

static void test_refused(void **state)
{
	(void)state;
	check_refused(npu_conv2d(.units = 0, SQUARE(3, 1, 1)), "units is 0");
	check_refused(npu_conv2d(.units = 4, SQUARE(7, 1, 1)), "kernel 7");
	check_refused(npu_conv2d(.units = 4, SQUARE(3, 1, 3)), "dilation 3");
	check_refused(npu_conv2d(.units = 6, SQUARE(3, 1, 1), .groups = 4), "4 groups");
	check_refused(npu_conv2d(.units = 4, SQUARE(5000, 1, 1)), "none may be above 4096");
	check_refused(npu_conv2d(.units = 1u << 22, SQUARE(4096, 1, 1), SAME), "2^30 weights");
	check_refused(npu_conv2d(.units = 1u << 24, SAME), "at most 268435456");
	check_refused(npu_conv2d(.units = 1, .padding = (enum npu_padding)3), "unknown padding 3");
	check_refused(
		npu_conv_transpose2d(.units = 4, .padding = NPU_EXPLICIT, .pad = { 3, 3, 3, 3 }),
		"does not fit");
	check_refused(npu_max_pool(SQUARE(2, 2, 1), .padding = NPU_EXPLICIT, .pad = { 2, 0, 0, 0 }),
		      "all padding");
	check_refused(npu_average_pool(SQUARE(8, 1, 1)), "kernel 8");
}

/* Convolutions that take the work of a maximum, which shares values or leaves some out. */
static struct npu_model *pooled_model(const struct npu_f32 *f32)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 19, 20, 3 }, 4, &err), 0);
	npu_model_add(model, npu_conv2d(.units = 20, .kernel = { 3, 3 }, SAME, RELU), &err);
	npu_model_add(model, npu_max_pool(0), &err);
	npu_model_add(model, npu_conv2d(.units = 12, .kernel = { 2, 2 }, .stride = { 2, 1 }), &err);
	npu_model_add(model, npu_max_pool(.kernel = { 2, 2 }, .stride = { 1, 1 }, SAME), &err);
	npu_model_add(model, npu_conv2d(.units = 6, .activation = NPU_RELU6), &err);
	npu_model_add(model, npu_max_pool(0), &err);
	assert_true(npu_model_add(model, npu_dense(.units = 2), &err) >= 0);
	model->f32 = f32;
	return model;
}

static void make_images(struct npu_dataset *data, size_t samples)
{
	size_t i;

	assert_int_equal(npu_dataset_alloc(data, samples, (uint32_t[3]){ 19, 20, 3 }, 2, 0, NULL),
			 0);
	for (i = 0; i < samples * data->features; i++)
		data->x[i] = (float)((i * 7919) % 1000) / 500 - 1;
	for (i = 0; i < samples * 2; i++)
		data->y[i] = (float)(i % 3);
}

static void test_convolution_before_maximum(void **state)
{
	struct npu_model *plain = pooled_model(&npu_f32_reference), *model;
	const struct npu_f32 *f32;
	struct npu_dataset data;
	float want[14], got[14];
	size_t i, v;

	(void)state;
	make_images(&data, 7);
	assert_int_equal(npu_model_backward(plain, &data, NPU_LOSS_MSE, NULL, NULL), 0);
	assert_int_equal(npu_model_predict(plain, data.x, 7, 1, want, NULL), 0);
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		model = pooled_model(f32);
		assert_int_equal(npu_model_backward(model, &data, NPU_LOSS_MSE, NULL, NULL), 0);
		for (i = 0; i < model->values; i++)
			assert_true(fabsf(model->gradient[i] - plain->gradient[i]) <
				    1e-5f * (1 + fabsf(plain->gradient[i])));
		assert_int_equal(npu_model_predict(model, data.x, 7, 1, got, NULL), 0);
		for (i = 0; i < 14; i++)
			assert_true(fabsf(got[i] - want[i]) < 1e-5f * (1 + fabsf(want[i])));
		npu_model_free(model);
	}
	npu_dataset_free(&data);
	npu_model_free(plain);
}

/* Weights that are copied into blocks first, beside the memory of the threads. */
static void test_blocks_before_maximum(void **state)
{
	const struct npu_f32 *const f32[] = { &npu_f32_reference, NULL };
	float x[2 * 8 * 300], y[2][2 * 4 * 105];
	size_t i, v;

	(void)state;
	for (i = 0; i < sizeof(x) / sizeof(x[0]); i++)
		x[i] = (float)((i * 7919) % 1000) / 500 - 1;
	for (v = 0; v < 2; v++) {
		struct npu_model *model;

		assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 2, 4, 300 }, 4, NULL), 0);
		npu_model_add(model, npu_conv2d(.units = 105, .kernel = { 3, 3 }, SAME), NULL);
		assert_true(npu_model_add(model, npu_max_pool(.kernel = { 1, 2 }), NULL) >= 0);
		model->f32 = f32[v] ? f32[v] : model->f32;
		assert_int_equal(npu_model_predict(model, x, 2, 1, y[v], NULL), 0);
		npu_model_free(model);
	}
	for (i = 0; i < sizeof(y[0]) / sizeof(y[0][0]); i++)
		assert_true(fabsf(y[1][i] - y[0][i]) < 1e-5f * (1 + fabsf(y[0][i])));
}

/* Training gives the same bits at any number of threads. */
static void test_threads(void **state)
{
	struct npu_model *one, *three;
	const struct npu_f32 *f32;
	struct npu_dataset data;
	size_t v;

	(void)state;
	make_images(&data, 50);
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		struct npu_fit_options options = { .loss = NPU_LOSS_MSE, .epochs = 1, .batch = 20 };

		one = pooled_model(f32);
		three = pooled_model(f32);
		options.threads = 1;
		assert_int_equal(npu_model_fit(one, &data, &options, NULL, NULL), 0);
		options.threads = 3;
		assert_int_equal(npu_model_fit(three, &data, &options, NULL, NULL), 0);
		assert_memory_equal(one->value, three->value, one->values * sizeof(float));
		npu_model_free(one);
		npu_model_free(three);
	}
	npu_dataset_free(&data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_global),
		cmocka_unit_test(test_convolution_before_maximum),
		cmocka_unit_test(test_blocks_before_maximum),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_nan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
