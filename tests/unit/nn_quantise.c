// SPDX-License-Identifier: MIT
/*
 * Training that is aware of quantisation: its gradients against the definition of the
 * straight-through estimator, in double and by hand; what is rounded, and where; the ranges.
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
#include <unistd.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/compile/places.h"
#include "train/nn/fake.h"
#include "train/nn/layer.h"
#include "train/nn/model.h"

static void check_ok(int ret, const struct npu_error *err)
{
	if (ret < 0)
		fail_msg("%s", err->message);
}

static struct npu_model *build(const uint32_t dim[3], const struct npu_layer *layers)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	check_ok(npu_model_create(&model, dim, 3, &err), &err);
	for (; layers->kind; layers++)
		check_ok(npu_model_add(model, *layers, &err), &err);
	return model;
}

static void fill(float *values, size_t count, float low, float high, uint64_t seed)
{
	struct npu_rng rng;
	size_t i;

	npu_rng_seed(&rng, seed, 0);
	for (i = 0; i < count; i++)
		values[i] = low + (high - low) * (float)npu_rng_uniform(&rng);
}

/* ----------------------------------------------------------- against the definition */

#define SAMPLES 40
#define IN 6
#define MID 7
#define LAST 5
#define OUT 3
#define ALPHA 0.25f
#define RATE 0.5f

/* dense, leaky relu; dense, tanh; dense. The ranges before the step are narrow: much is cut. */
static const struct npu_layer perceptron[] = {
	npu_dense(.units = MID, .activation = NPU_LEAKY_RELU, .alpha = ALPHA),
	npu_dense(.units = LAST, .activation = NPU_TANH),
	npu_dense(.units = OUT),
	{ 0 },
};

/* A matrix [rows][columns] of doubles. */
struct matrix {
	size_t rows, columns;
	double at[64 * 64];
};

/**
 * struct rounding - int8 numbers of a range
 * @low, @high: the least and greatest of them
 */
struct rounding {
	double scale, low, high;
};

static struct rounding rounding_of(double low, double high)
{
	double scale = (high - low) / 255, zero_point = nearbyint(-128 - low / scale);

	return (struct rounding){ scale, (-128 - zero_point) * scale, (127 - zero_point) * scale };
}

static void round_all(const struct matrix *x, struct rounding r, struct matrix *y)
{
	size_t i;

	*y = *x;
	for (i = 0; i < x->rows * x->columns; i++)
		y->at[i] = nearbyint(fmin(fmax(x->at[i], r.low), r.high) / r.scale) * r.scale;
}

/* What is out of the range is a constant. */
static void cut_gradient(const struct matrix *x, struct rounding r, struct matrix *d, bool cutting)
{
	size_t i;

	for (i = 0; cutting && i < x->rows * x->columns; i++)
		if (x->at[i] < r.low || x->at[i] > r.high)
			d->at[i] = 0;
}

/* A tenth of the way to what the batch has, which is further out. */
static struct rounding tracked(const float range[2], const struct matrix *x)
{
	double low = 0, high = 0;
	size_t i;

	for (i = 0; i < x->rows * x->columns; i++) {
		low = fmin(low, x->at[i]);
		high = fmax(high, x->at[i]);
	}
	return rounding_of(0.9 * (double)range[0] + 0.1 * low,
			   0.9 * (double)range[1] + 0.1 * high);
}

/* Weights [units][depth], each row rounded to 127ths of its greatest. */
static void round_weights(const float *w, size_t units, size_t depth, double *to)
{
	size_t o, k;

	for (o = 0; o < units; o++) {
		double greatest = 0;

		for (k = 0; k < depth; k++)
			greatest = fmax(greatest, fabs((double)w[o * depth + k]));
		for (k = 0; k < depth; k++)
			to[o * depth + k] = nearbyint((double)w[o * depth + k] / (greatest / 127)) *
					    (greatest / 127);
	}
}

/**
 * struct dense - a layer, and what the definition says of its step
 * @w: rounded
 * @x: its input, rounded
 * @z: what the weights make of it, and @zq the same rounded
 * @a: what the activation makes of that
 */
struct dense {
	double w[64];
	struct matrix x, z, zq, a, dw;
	struct rounding before, after;
};

static void forward(struct dense *d, const struct npu_model *model, size_t layer, size_t units)
{
	const struct npu_tracked *t = &model->node[layer].tracked;
	const float *bias = npu_node_values(model, layer, 1);
	size_t i, o, k, depth = d->x.columns;

	round_weights(npu_node_values(model, layer, 0), units, depth, d->w);
	d->z = (struct matrix){ d->x.rows, units, { 0 } };
	for (i = 0; i < d->x.rows; i++)
		for (o = 0; o < units; o++) {
			double sum = (double)bias[o];

			for (k = 0; k < depth; k++)
				sum += d->x.at[i * depth + k] * d->w[o * depth + k];
			d->z.at[i * units + o] = sum;
		}
	d->zq = d->z;
	if (layer < 2) {
		d->before = tracked(t->before, &d->z);
		round_all(&d->z, d->before, &d->zq);
	}
	d->a = d->zq;
	for (i = 0; i < d->a.rows * units; i++) {
		double z = d->zq.at[i];

		d->a.at[i] = layer == 0	  ? (z < 0 ? (double)ALPHA * z : z)
			     : layer == 1 ? tanh(z)
					  : z;
	}
	d->after = layer == 1 ? (struct rounding){ 1.0 / 128, -1, 127.0 / 128 }
			      : tracked(t->after, &d->a);
}

/* From the gradient of its outputs, rounded, to that of its input; @dy becomes the latter. */
static void backward(struct dense *d, size_t layer, struct matrix *dy, bool cutting)
{
	size_t i, o, k, units = d->z.columns, depth = d->x.columns;
	struct matrix dx = { d->x.rows, depth, { 0 } };

	cut_gradient(&d->a, d->after, dy, cutting);
	for (i = 0; i < dy->rows * units; i++) {
		double a = d->a.at[i];

		dy->at[i] *= layer == 0 ? (a < 0 ? (double)ALPHA : 1) : layer == 1 ? 1 - a * a : 1;
	}
	if (layer < 2)
		cut_gradient(&d->z, d->before, dy, cutting);
	d->dw = (struct matrix){ units, depth, { 0 } };
	for (i = 0; i < dy->rows; i++)
		for (o = 0; o < units; o++)
			for (k = 0; k < depth; k++) {
				d->dw.at[o * depth + k] +=
					dy->at[i * units + o] * d->x.at[i * depth + k];
				dx.at[i * depth + k] += dy->at[i * units + o] * d->w[o * depth + k];
			}
	*dy = dx;
}

static struct dense layer[3];

/* Gradients of the mean squared error as the definition has them; returns the loss. */
static double define(const struct npu_model *model, const struct npu_dataset *data, bool cutting)
{
	static const size_t units[3] = { MID, LAST, OUT };
	struct matrix x = { SAMPLES, IN, { 0 } }, y, dy;
	double loss = 0;
	size_t i;

	for (i = 0; i < SAMPLES * IN; i++)
		x.at[i] = (double)data->x[i];
	round_all(&x, tracked(model->tracked.after, &x), &layer[0].x);
	for (i = 0; i < 3; i++) {
		forward(&layer[i], model, i, units[i]);
		round_all(&layer[i].a, layer[i].after, i < 2 ? &layer[i + 1].x : &y);
	}
	dy = y;
	for (i = 0; i < SAMPLES * OUT; i++) {
		double e = y.at[i] - (double)data->y[i];

		loss += e * e / (SAMPLES * OUT);
		dy.at[i] = 2 * e / (SAMPLES * OUT);
	}
	for (i = 3; i-- > 0;)
		backward(&layer[i], i, &dy, cutting);
	return loss;
}

/* Norm of (w0 - w1) / RATE - gradient over that of the gradient, all layers together. */
static double distance(const struct npu_model *before, const struct npu_model *after)
{
	double difference = 0, norm = 0;
	size_t i, k;

	for (i = 0; i < 3; i++) {
		const float *w0 = npu_node_values(before, i, 0), *w1 = npu_node_values(after, i, 0);

		for (k = 0; k < layer[i].dw.rows * layer[i].dw.columns; k++) {
			double got = ((double)w0[k] - (double)w1[k]) / (double)RATE;

			difference += pow(got - layer[i].dw.at[k], 2);
			norm += pow(layer[i].dw.at[k], 2);
		}
	}
	return sqrt(difference / norm);
}

static struct npu_model *narrow_model(void)
{
	static const struct npu_tracked narrow[3] = {
		{ { -0.8f, 0.7f }, { -0.2f, 0.6f } },
		{ { -0.5f, 0.6f }, { 0, 0 } },
		{ { 0, 0 }, { -0.5f, 0.5f } },
	};
	struct npu_model *model = build((uint32_t[3]){ 1, 1, IN }, perceptron);
	size_t i;

	fill(model->value, model->values, -0.7f, 0.7f, 12);
	for (i = 0; i < 3; i++)
		model->node[i].tracked = narrow[i];
	model->tracked.after[0] = -0.9f;
	model->tracked.after[1] = 0.9f;
	return model;
}

static void test_gradients(void **state)
{
	const struct npu_fit_options options = {
		.optimizer = npu_sgd(.rate = RATE),
		.loss = NPU_LOSS_MSE,
		.epochs = 1,
		.batch = SAMPLES,
		.no_shuffle = true,
		.quantise_from = 1,
	};
	struct npu_model *model = narrow_model(), *still = narrow_model();
	struct npu_dataset data;
	struct npu_history history;
	struct npu_error err = { 0 };
	double loss, apart, without;

	(void)state;
	check_ok(npu_dataset_alloc(&data, SAMPLES, (uint32_t[3]){ 1, 1, IN }, OUT, 0, &err), &err);
	fill(data.x, SAMPLES * IN, -1, 1, 21);
	fill(data.y, SAMPLES * OUT, -1, 1, 22);
	check_ok(npu_model_fit(model, &data, &options, &history, &err), &err);

	loss = define(still, &data, true);
	apart = distance(still, model);
	assert_true(fabs(loss - (double)history.epoch[0].loss) < 1e-4 * loss);
	define(still, &data, false);
	without = distance(still, model);
	print_message("# gradients differ by %.1e of themselves; if nothing were cut, by %.2f\n",
		      apart, without);
	/* One value that rounds the other way in f32 moves them by a thousandth. */
	assert_true(apart < 3e-3);
	assert_true(without > 0.1);
	npu_history_free(&history);
	npu_dataset_free(&data);
	npu_model_free(model);
	npu_model_free(still);
}

/* ---------------------------------------------------------------------- weights */

/* Weight @k of output channel @o, in the order of the layer's formula. */
static size_t weight_at(const struct npu_model *model, size_t i, size_t o, size_t k)
{
	const struct npu_layer *l = &model->node[i].layer;
	const struct npu_model_parameter *p = &model->parameter[model->node[i].parameter];
	size_t own, rows;

	if (l->kind == NPU_LAYER_DENSE)
		return o * model->node[i].in + k;
	if (l->kind == NPU_LAYER_CONV)
		return k * l->units + o;
	own = model->node[i].in_dim[2] / l->groups;
	rows = l->units / l->groups;
	return (k / own * rows + o % rows) * p->dim[3] + o / rows * own + k % own;
}

static void check_weights(const struct npu_model *model, const struct npu_fake *fake, size_t i)
{
	const struct npu_model_parameter *p = &model->parameter[model->node[i].parameter];
	size_t units = model->node[i].layer.units, depth = p->count / units, o, k, distinct = 0;

	for (o = 0; o < units; o++) {
		double greatest = 0, off = 0;

		for (k = 0; k < depth; k++)
			greatest = fmax(
				greatest,
				fabs((double)model->value[p->offset + weight_at(model, i, o, k)]));
		for (k = 0; k < depth; k++) {
			size_t at = p->offset + weight_at(model, i, o, k);
			double q = (double)fake->value[at] / (greatest / 127);

			off = fmax(off, fabs(q - nearbyint(q)));
			off = fmax(off, fabs((double)(fake->value[at] - model->value[at])) /
							(greatest / 127) -
						0.5);
			distinct += fake->value[at] != model->value[at];
		}
		if (off > 1e-4)
			fail_msg("layer %zu, channel %zu is %g off its grid", i, o, off);
	}
	assert_true(distinct > units * depth / 2);
}

static void test_weights(void **state)
{
	static const struct npu_layer layers[] = {
		npu_conv2d(.units = 6, .kernel = { 3, 3 }, .padding = NPU_SAME),
		npu_conv2d(.units = 70, .kernel = { 3, 1 }, .groups = 2, .padding = NPU_SAME),
		npu_conv2d(.units = 70, .kernel = { 3, 3 }, .groups = 70, .padding = NPU_SAME),
		npu_conv_transpose2d(.units = 6, .kernel = { 2, 3 }, .groups = 2),
		npu_conv_transpose2d(.units = 4, .kernel = { 2, 2 }, .stride = { 2, 2 }),
		npu_dense(.units = 9),
		npu_dense(.units = 1),
		npu_dense(.units = 200),
		{ 0 },
	};
	struct npu_model *model = build((uint32_t[3]){ 6, 5, 3 }, layers);
	struct npu_fake fake = { 0 };
	struct npu_error err = { 0 };
	size_t i;

	(void)state;
	fill(model->value, model->values, -1, 1, 31);
	check_ok(npu_graph_places(model, &fake.place, &err), &err);
	check_ok(npu_fake_create(&fake, model, &err), &err);
	npu_fake_round_weights(&fake, model, NULL);
	/* The one with a weight a channel is exact. */
	for (i = 0; i < model->nodes - 1; i++)
		check_weights(model, &fake, i);
	for (i = 0; i < model->parameters; i++) {
		const struct npu_model_parameter *p = &model->parameter[i];

		if (p->role != NPU_ROLE_WEIGHT)
			assert_memory_equal(fake.value + p->offset, model->value + p->offset,
					    p->count * sizeof(float));
	}
	npu_fake_free(&fake);
	free(fake.place);
	npu_model_free(model);
}

/* ----------------------------------------------------------------------- places */

static const struct npu_layer network[] = {
	npu_conv2d(.units = 8, .kernel = { 3, 3 }, .padding = NPU_SAME, .no_bias = true),
	npu_batch_norm(.activation = NPU_RELU),
	npu_conv2d(.units = 8, .kernel = { 3, 3 }, .padding = NPU_SAME, .activation = NPU_RELU),
	npu_max_pool(),
	npu_conv2d(.units = 8, .kernel = { 1, 1 }, .activation = NPU_SWISH),
	npu_average_pool(),
	npu_flatten(),
	npu_dense(.units = 3, .activation = NPU_SOFTMAX),
	{ 0 },
};

/* Only what a program has: no sums of a convolution whose norm and relu are fused. */
static void test_places(void **state)
{
	struct npu_model *model = build((uint32_t[3]){ 8, 8, 2 }, network);
	bool taken = npu_taken_reader(model, &model->node[2]) != NULL;
	struct npu_fake_place *place;
	struct npu_error err = { 0 };
	size_t i;

	(void)state;
	check_ok(npu_graph_places(model, &place, &err), &err);
	for (i = 0; i <= model->nodes; i++)
		assert_int_equal(place[i].before,
				 i == 5 || i == 8 ? NPU_FAKE_TRACKED : NPU_FAKE_NONE);
	assert_int_equal(place[0].after, NPU_FAKE_TRACKED);
	assert_int_equal(place[1].after, NPU_FAKE_NONE);
	assert_int_equal(place[2].after, NPU_FAKE_TRACKED);
	assert_int_equal(place[taken ? 4 : 3].after, NPU_FAKE_TRACKED);
	assert_int_equal(place[taken ? 3 : 4].after, NPU_FAKE_NONE);
	assert_int_equal(place[5].after, NPU_FAKE_TRACKED);
	assert_int_equal(place[6].after, NPU_FAKE_LIKE);
	assert_int_equal(place[6].like, 5);
	assert_int_equal(place[7].after, NPU_FAKE_NONE);
	assert_int_equal(place[8].after, NPU_FAKE_NONE);
	free(place);
	npu_model_free(model);
}

/* -------------------------------------------------------------- runs, ranges, files */

static void make_images(struct npu_dataset *data, size_t samples)
{
	struct npu_error err = { 0 };
	size_t i;

	check_ok(npu_dataset_alloc(data, samples, (uint32_t[3]){ 8, 8, 2 }, 0, 3, &err), &err);
	fill(data->x, samples * data->features, -1, 1, 41);
	for (i = 0; i < samples; i++) {
		data->labels[i] = (int32_t)(i % 3);
		data->x[i * data->features + i % 3] += 2;
	}
}

static struct npu_model *trained(const struct npu_dataset *data, unsigned int threads,
				 unsigned int from, float *loss)
{
	const struct npu_fit_options options = {
		.epochs = 4,
		.batch = 32,
		.threads = threads,
		.quantise_from = from,
		.validation_fraction = 0.25f,
	};
	struct npu_model *model = build(data->dim, network);
	struct npu_history history;
	struct npu_error err = { 0 };

	check_ok(npu_model_fit(model, data, &options, &history, &err), &err);
	*loss = history.epoch[3].val_loss;
	npu_history_free(&history);
	return model;
}

static void same_ranges(const struct npu_model *a, const struct npu_model *b)
{
	size_t i;

	assert_memory_equal(&a->tracked, &b->tracked, sizeof(a->tracked));
	for (i = 0; i < a->nodes; i++)
		assert_memory_equal(&a->node[i].tracked, &b->node[i].tracked,
				    sizeof(a->node[i].tracked));
}

static void test_threads(void **state)
{
	struct npu_dataset data;
	struct npu_model *one, *many;
	unsigned int threads;
	float loss, other;

	(void)state;
	make_images(&data, 400);
	one = trained(&data, 1, 2, &loss);
	for (threads = 2; threads <= 4; threads++) {
		many = trained(&data, threads, 2, &other);
		assert_true(loss == other);
		assert_memory_equal(one->value, many->value, one->values * sizeof(float));
		same_ranges(one, many);
		npu_model_free(many);
	}
	npu_model_free(one);
	npu_dataset_free(&data);
}

/* Also where the kernels merge a convolution with the maximum behind it, and where they don't. */
static void test_variants(void **state)
{
	struct npu_dataset data;
	const struct npu_f32 *f32;
	float loss, first = 0;
	size_t v;

	(void)state;
	make_images(&data, 120);
	for (v = 0; (f32 = npu_f32_variant(v)); v++) {
		setenv("NPU_F32_VARIANT", f32->name, 1);
		npu_model_free(trained(&data, 1, 1, &loss));
		print_message("# %s: validation loss %.5f\n", f32->name, (double)loss);
		first = v ? first : loss;
		assert_true(fabsf(loss - first) < 0.03f * first);
	}
	unsetenv("NPU_F32_VARIANT");
	npu_dataset_free(&data);
}

static void test_file(void **state)
{
	char path[] = "/tmp/npu-quantise-XXXXXX.onnx";
	struct npu_fit_options options = { .epochs = 1 };
	struct npu_dataset data;
	struct npu_model *model, *loaded;
	struct npu_error err = { 0 };
	float loss;

	(void)state;
	assert_true(mkstemps(path, 5) >= 0);
	make_images(&data, 100);
	model = trained(&data, 1, 3, &loss);
	assert_true(model->tracked.after[1] > 0.9f && model->tracked.after[0] < -0.9f);
	assert_true(model->node[1].tracked.after[1] > 0);
	assert_true(model->node[4].tracked.before[1] > model->node[4].tracked.before[0]);
	check_ok(npu_model_save(model, path, &err), &err);
	check_ok(npu_model_load(&loaded, path, &err), &err);
	same_ranges(model, loaded);
	/* Who trains on without has other values. */
	check_ok(npu_model_fit(loaded, &data, &options, NULL, &err), &err);
	assert_true(loaded->tracked.after[1] == 0 && loaded->node[1].tracked.after[1] == 0);
	npu_model_free(loaded);
	npu_model_free(model);
	npu_dataset_free(&data);
	unlink(path);
}

/* Patience that runs out before ends nothing: what it waits for has not begun. */
static void test_patience(void **state)
{
	const struct npu_fit_options options = {
		.epochs = 5,
		.batch = 32,
		.patience = 1,
		.min_delta = 1e6f,
		.quantise_from = 4,
	};
	struct npu_model *model = build((uint32_t[3]){ 8, 8, 2 }, network);
	struct npu_history history;
	struct npu_dataset data;
	struct npu_error err = { 0 };

	(void)state;
	make_images(&data, 64);
	check_ok(npu_model_fit(model, &data, &options, &history, &err), &err);
	assert_int_equal(history.epochs, 5);
	assert_int_equal(history.best_epoch, 4);
	assert_true(history.stopped_early);
	assert_true(model->tracked.after[1] > 0);
	npu_history_free(&history);
	npu_dataset_free(&data);
	npu_model_free(model);
}

static void test_refused(void **state)
{
	struct npu_fit_options options = { .epochs = 3, .quantise_from = 4 };
	struct npu_model *model = build((uint32_t[3]){ 8, 8, 2 }, network);
	struct npu_dataset data;
	struct npu_error err = { 0 };

	(void)state;
	make_images(&data, 20);
	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.message, "quantise_from"));
	npu_dataset_free(&data);
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradients), cmocka_unit_test(test_weights),
		cmocka_unit_test(test_places),	  cmocka_unit_test(test_threads),
		cmocka_unit_test(test_variants),  cmocka_unit_test(test_file),
		cmocka_unit_test(test_patience),  cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
