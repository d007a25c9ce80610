// SPDX-License-Identifier: MIT
/*
 * Random networks of branches, sums, concatenations and reshapes, whose values are of random types:
 * what lies where must never show in the results.
 */
#include <math.h>
#include <string.h>

#include "compile_model.h"

#include "train/compile/image.h"
#include "train/nn/model.h"

#define SAMPLES 24
#define NETWORKS 150
#define MOST_LAYERS 14
/*
 * Least decibels over the error of f32 with all int8, some of each, all int16. Layer norm of nearly
 * equal numbers makes much of the rounding before it.
 */
static const double least[3] = { 12, 12, 22 };

static struct npu_rng rng;

static uint32_t below(uint32_t bound)
{
	return (uint32_t)npu_rng_below(&rng, bound);
}

static const uint32_t *dim_of(const struct npu_model *model, int layer)
{
	return npu_model_value_dim(model, layer);
}

/* ------------------------------------------------------------------ random networks */

static int add(struct npu_model *model, struct npu_layer layer, const int *from, size_t count)
{
	struct npu_error err = { 0 };
	int ret = npu_model_add_from(model, layer, from, count, &err);

	check_ok(ret, &err);
	return ret;
}

static bool same_dim(const uint32_t *a, const uint32_t *b, unsigned int but)
{
	unsigned int d;

	for (d = 0; d < 3; d++)
		if (d != but && a[d] != b[d])
			return false;
	return true;
}

/* Another layer, or the input, that @from can be joined with; @from itself if there is none. */
static int find_partner(const struct npu_model *model, int from, unsigned int but)
{
	int count = (int)npu_model_layers(model), start = (int)below((uint32_t)count + 1), i;

	for (i = 0; i <= count; i++) {
		int other = (start + i) % (count + 1) - 1;

		if (same_dim(dim_of(model, from), dim_of(model, other), but))
			return other;
	}
	return from;
}

static enum npu_activation any_activation(void)
{
	static const enum npu_activation some[] = { NPU_LINEAR, NPU_LINEAR, NPU_RELU,	NPU_RELU6,
						    NPU_TANH,	NPU_GELU,   NPU_SIGMOID };

	return some[below(sizeof(some) / sizeof(some[0]))];
}

/* Of {h, w, c} a shape with as many values. */
static struct npu_layer any_reshape(const uint32_t *dim)
{
	switch (below(3)) {
	case 0:
		return npu_reshape(.dim = { dim[1], dim[0], dim[2] });
	case 1:
		return npu_reshape(.dim = { dim[0], dim[2], dim[1] });
	default:
		return npu_reshape(.dim = { dim[0], dim[1], dim[2] });
	}
}

static void add_random(struct npu_model *model, int from)
{
	const uint32_t *dim = dim_of(model, from);
	uint32_t axis = below(3);
	int pair[3] = { from, 0, 0 };

	switch (below(13)) {
	case 0:
	case 1:
		add(model,
		    npu_conv2d(.units = 2 + below(5), .kernel = { 3, 3 }, .padding = NPU_SAME,
			       .activation = any_activation()),
		    &from, 1);
		break;
	case 2:
		add(model,
		    npu_conv2d(.units = dim[2], .groups = dim[2], .kernel = { 1 + below(3), 2 },
			       .padding = NPU_SAME),
		    &from, 1);
		break;
	case 3:
		add(model,
		    npu_max_pool(.kernel = { 2, 2 }, .stride = { 1, 1 }, .padding = NPU_SAME),
		    &from, 1);
		break;
	case 4:
		add(model, npu_batch_norm(.activation = any_activation()), &from, 1);
		break;
	case 5:
		add(model, any_reshape(dim), &from, 1);
		break;
	case 6:
		pair[1] = find_partner(model, from, 3);
		pair[2] = find_partner(model, from, 3);
		add(model, npu_add(.activation = any_activation()), pair, 2 + below(2));
		break;
	case 9:
		/* Behind a convolution it becomes a part of it, if its windows are whole. */
		add(model,
		    npu_max_pool(.kernel = { 1 + below(2), 2 }, .activation = any_activation(),
				 .padding = dim[0] < 2 || dim[1] < 2 || below(2) ? NPU_SAME
										 : NPU_VALID),
		    &from, 1);
		break;
	case 10:
		add(model, npu_layer_norm(.activation = any_activation()), &from, 1);
		break;
	case 11:
		add(model,
		    npu_average_pool(.kernel = { 2, 2 }, .stride = { 1, 1 }, .padding = NPU_SAME,
				     .activation = any_activation()),
		    &from, 1);
		break;
	case 12:
		if (dim[0] < 9 && dim[1] < 9)
			add(model,
			    npu_conv_transpose2d(.units = 3, .kernel = { 2, 3 }, .stride = { 1, 2 },
						 .activation = any_activation()),
			    &from, 1);
		break;
	case 7:
	case 8:
		pair[1] = find_partner(model, from, 2 - axis);
		pair[2] = find_partner(model, from, 2 - axis);
		if (dim_of(model, from)[2 - axis] < 24)
			add(model, npu_concat(.axis = axis), pair, 2 + below(2));
		break;
	}
}

static struct npu_model *random_model(uint64_t seed)
{
	const uint32_t dim[3] = { 3 + below(3), 4, 3 };
	uint32_t layers = 3 + below(MOST_LAYERS - 3), i;
	struct npu_error err = { 0 };
	struct npu_parameter p;
	struct npu_model *model;
	size_t k, j;
	int last;

	check_ok(npu_model_create(&model, dim, seed, &err), &err);
	for (i = 0; i < layers; i++) {
		int count = (int)npu_model_layers(model);

		/* Mostly go on from the last, at times from an earlier one. */
		add_random(model, below(3) ? count - 1 : (int)below((uint32_t)count + 1) - 1);
	}
	/* Layers that nobody reads are read by a dense layer each; their sum is the output. */
	for (i = 0, last = -2; i < npu_model_layers(model); i++) {
		int at = (int)i, sum[2];

		if (model->node[i].readers || (int)i == last)
			continue;
		at = add(model, npu_dense(.units = 5), &at, 1);
		sum[0] = last;
		sum[1] = at;
		last = last == -2 ? at : add(model, npu_add(0), sum, 2);
	}
	for (k = 0; k < npu_model_parameters(model); k++) {
		npu_model_parameter(model, k, &p);
		for (j = 0; p.dim[1] == 1 && j < p.count; j++)
			p.value[j] += 0.1f * (float)((int)(j * 7 + k) % 5 - 2);
	}
	return model;
}

/* ------------------------------------------------------------------------- compiling */

/* Types at random: of no value, of all, or of each as it comes. */
static void mix_types(struct npu_graph *graph, uint32_t of_ten)
{
	uint32_t i;

	for (i = 0; i < graph->values; i++)
		graph->value[i].type = below(10) < of_ten ? NPU_TYPE_INT16 : NPU_TYPE_INT8;
}

static void *compile_mixed(const struct npu_model *model, const float *x, uint32_t batch,
			   uint32_t of_ten, size_t *bytes)
{
	const struct npu_compile_options options = { .batch = batch };
	struct npu_image_layout layout;
	struct npu_error err = { 0 };
	struct npu_graph graph;
	void *image;

	check_ok(npu_graph_build(&graph, model, &options, &err), &err);
	npu_graph_fuse(&graph);
	mix_types(&graph, of_ten);
	check_ok(npu_graph_convert(&graph, &err), &err);
	check_ok(npu_graph_view(&graph, &err), &err);
	check_ok(npu_graph_reserve(&graph, &err), &err);
	check_ok(npu_graph_plan(&graph, &err), &err);
	npu_image_measure(&graph, &layout);
	check_ok(npu_graph_weigh(&graph, &err), &err);
	check_ok(npu_graph_calibrate(&graph, x, SAMPLES, &options, &err), &err);
	npu_graph_quantise(&graph);
	*bytes = layout.file_bytes;
	image = aligned_alloc(64, *bytes);
	memset(image, 0, *bytes);
	check_ok(npu_image_write(&graph, &layout, image, &err), &err);
	npu_graph_free(&graph);
	return image;
}

static double sqnr(const float *want, const float *got, size_t count)
{
	double signal = 1e-12, noise = 1e-12;
	size_t i;

	for (i = 0; i < count; i++) {
		signal += (double)want[i] * want[i];
		noise += ((double)want[i] - got[i]) * ((double)want[i] - got[i]);
	}
	return 10 * log10(signal / noise);
}

/* Outputs of @image; those of a batch in one request. */
static void run(void *image, size_t bytes, const float *x, size_t features, uint32_t batch,
		size_t outputs, float *y)
{
	struct compiled c = { .image = image, .bytes = bytes };
	struct npu_error err = { 0 };
	size_t i;

	compiled_open(&c, NULL);
	for (i = 0; i < SAMPLES; i += batch)
		check_ok(npu_infer_f32(c.session, x + i * features, y + i * outputs, &err), &err);
	compiled_close(&c);
}

static double measure(const struct npu_model *model, const float *x, const float *want,
		      uint32_t batch, uint32_t of_ten)
{
	size_t features = npu_model_features(model), outputs = npu_model_outputs(model), bytes;
	float *got = calloc(SAMPLES * outputs, sizeof(*got));
	void *image = compile_mixed(model, x, batch, of_ten, &bytes);
	double ratio;

	run(image, bytes, x, features, batch, outputs, got);
	ratio = sqnr(want, got, SAMPLES * outputs);
	free(got);
	return ratio;
}

static void random_networks_are_close_to_f32(void **state)
{
	double worst[3] = { 1e9, 1e9, 1e9 };
	uint32_t i, k;

	(void)state;
	for (i = 0; i < NETWORKS; i++) {
		struct npu_model *model = random_model(i);
		size_t features = npu_model_features(model), outputs = npu_model_outputs(model);
		float *x = random_floats(SAMPLES * features, -1, 2, i);
		float *want = calloc(SAMPLES * outputs, sizeof(*want));
		struct npu_error err = { 0 };

		check_ok(npu_model_predict(model, x, SAMPLES, 1, want, &err), &err);
		for (k = 0; k < 3; k++) {
			/* All int8, some of each, all int16; one by one or three at a time. */
			double ratio = measure(model, x, want, i % 2 ? 3 : 1, k * 5);

			if (ratio < least[k])
				fail_msg("network %u, types %u of 10: %.1f dB", i, k * 5, ratio);
			worst[k] = fmin(worst[k], ratio);
		}
		free(want);
		free(x);
		npu_model_free(model);
	}
	print_message("# worst of %d networks: int8 %.1f dB, mixed %.1f dB, int16 %.1f dB\n",
		      NETWORKS, worst[0], worst[1], worst[2]);
	assert_true(worst[2] > worst[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_networks_are_close_to_f32),
	};

	npu_rng_seed(&rng, 31, 0);
	return cmocka_run_group_tests_name("compile_graphs", tests, NULL, NULL);
}
