// SPDX-License-Identifier: MIT
/*
 * Calibration: samples go through the plain reference, once to see each value's range, and where
 * the method asks for more than that once again to count how often it had which size.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "train/compile/graph.h"
#include "train/compile/histogram.h"
#include "train/compile/ranges.h"
#include "train/nn/model.h"
#include "train/nn/reference.h"

#define INT8_LEVELS 256
#define USUAL_PERCENTILE 99.99

/**
 * struct calibration - one pass of samples
 * @lengths: of the sequences, or NULL
 * @histogram: [values], of those that have one; NULL in the first pass
 */
struct calibration {
	struct npu_graph *graph;
	const uint32_t *lengths;
	struct npu_histogram **histogram;
	struct npu_error *err;
};

static int check_samples(const struct npu_graph *graph, const float *samples, size_t count,
			 struct npu_error *err)
{
	size_t features = graph->model->features, i;

	if (!count || !samples)
		return npu_error_set(err, -EINVAL,
				     "there are no samples to calibrate on; pass a "
				     "few hundred typical inputs, training data will do");
	for (i = 0; i < count * features; i++)
		if (!isfinite(samples[i]))
			return npu_error_set(err, -EINVAL,
					     "calibration sample %zu, feature %zu "
					     "is %s; leave such samples out",
					     i / features, i % features,
					     isnan(samples[i]) ? "NaN" : "infinite");
	return 0;
}

static int check_options(const struct npu_graph *graph, size_t count,
			 const struct npu_compile_options *options, struct npu_error *err)
{
	size_t i;

	if ((unsigned int)options->calibration > NPU_CALIBRATE_MSE)
		return npu_error_set(err, -EINVAL,
				     "calibration %d is not known; use NPU_CALIBRATE_MIN_MAX, "
				     "_PERCENTILE, _ENTROPY or _MSE",
				     (int)options->calibration);
	if (!(options->percentile >= 0 && options->percentile <= 100))
		return npu_error_set(err, -EINVAL,
				     "percentile %g: it must be above 0 and at most 100",
				     options->percentile);
	for (i = 0; options->lengths && i < count; i++)
		if (!options->lengths[i] || options->lengths[i] > graph->model->dim[1])
			return npu_error_set(err, -EINVAL,
					     "calibration sample %zu has a length of %u steps; the "
					     "model allows 1 to %u",
					     i, options->lengths[i], graph->model->dim[1]);
	return 0;
}

int npu_graph_check_samples(const struct npu_graph *graph, const float *samples, size_t count,
			    const struct npu_compile_options *options, struct npu_error *err)
{
	int ret = check_samples(graph, samples, count, err);

	return ret ? ret : check_options(graph, count, options, err);
}

/* Widen the range of @value by @count numbers; false if one is not finite. */
static bool widen(struct npu_graph_value *value, const float *numbers, size_t count)
{
	float low = value->low, high = value->high;
	bool finite = true;
	size_t i;

	for (i = 0; i < count; i++) {
		low = numbers[i] < low ? numbers[i] : low;
		high = numbers[i] > high ? numbers[i] : high;
		finite &= isfinite(numbers[i]) != 0;
	}
	value->low = low;
	value->high = high;
	return finite;
}

static bool take(const struct calibration *calibration, uint32_t i, const float *numbers,
		 size_t count)
{
	struct npu_histogram *histogram = calibration->histogram ? calibration->histogram[i] : NULL;

	if (!calibration->histogram)
		return widen(&calibration->graph->value[i], numbers, count);
	if (histogram)
		npu_histogram_add(histogram, numbers, count);
	return true;
}

/* Are the steps of value @i those of the input, so that what is behind a length means nothing? */
static bool is_timed(const struct calibration *calibration, uint32_t i)
{
	size_t layer = calibration->graph->value[i].layer;

	return calibration->lengths &&
	       npu_model_value_is_timed(calibration->graph->model,
					layer == NPU_NO_LAYER ? NPU_MODEL_INPUT : (int)layer);
}

/* Value @i of samples [@first, @first + @n), but for steps behind the ends of sequences. */
static bool take_samples(const struct calibration *calibration, uint32_t i, size_t first, size_t n,
			 const float *numbers)
{
	const struct npu_graph_value *value = &calibration->graph->value[i];
	size_t row = (size_t)value->dim[2] * value->dim[3], rows = value->dim[1], s, h;
	bool finite = true;

	if (!is_timed(calibration, i))
		return take(calibration, i, numbers, n * rows * row);
	for (s = 0; s < n; s++)
		for (h = 0; h < rows; h++)
			finite &= take(calibration, i, numbers + (s * rows + h) * row,
				       (size_t)calibration->lengths[first + s] * value->dim[3]);
	return finite;
}

static int visit(void *context, size_t layer, size_t first, size_t n, const float *pre,
		 const float *post)
{
	struct calibration *calibration = context;
	struct npu_graph *graph = calibration->graph;
	uint32_t i;

	if (layer == NPU_REFERENCE_INPUT)
		layer = NPU_NO_LAYER;
	for (i = 0; i < graph->values; i++) {
		const struct npu_graph_value *value = &graph->value[i];

		if (value->layer != layer || value->partial ||
		    take_samples(calibration, i, first, n, value->before ? pre : post))
			continue;
		if (layer == NPU_NO_LAYER)
			return npu_error_set(calibration->err, -EINVAL,
					     "preprocessing makes NaN "
					     "or infinity of the calibration samples; look at "
					     "the scaler's factors");
		return npu_error_set(calibration->err, -EINVAL,
				     "layer \"%s\" computes NaN or "
				     "infinity from the calibration samples; train with a lower "
				     "rate, or scale the data",
				     npu_model_layer(graph->model, layer)->name);
	}
	return 0;
}

/*
 * Which values are worth a histogram: int16 has resolution to spare, and what goes in and comes out
 * is not ours to cut.
 */
static bool is_cut(const struct npu_graph *graph, uint32_t i)
{
	const struct npu_graph_value *value = &graph->value[i];

	return value->type == NPU_TYPE_INT8 && !value->partial && !value->index &&
	       i != graph->input && i != graph->output && value->high > value->low;
}

static struct npu_range choose(const struct npu_histogram *histogram,
			       const struct npu_compile_options *options)
{
	switch (options->calibration) {
	case NPU_CALIBRATE_PERCENTILE:
		return npu_histogram_percentile(histogram, options->percentile ? options->percentile
									       : USUAL_PERCENTILE);
	case NPU_CALIBRATE_ENTROPY:
		return npu_histogram_entropy(histogram, INT8_LEVELS);
	case NPU_CALIBRATE_MSE:
		return npu_histogram_mse(histogram, INT8_LEVELS);
	default:
		return histogram->range;
	}
}

static int make_histograms(struct calibration *calibration)
{
	const struct npu_graph *graph = calibration->graph;
	uint32_t i;

	calibration->histogram = calloc(graph->values, sizeof(*calibration->histogram));
	for (i = 0; calibration->histogram && i < graph->values; i++) {
		if (!is_cut(graph, i))
			continue;
		calibration->histogram[i] = calloc(1, sizeof(struct npu_histogram));
		if (!calibration->histogram[i])
			break;
		calibration->histogram[i]->range.low = graph->value[i].low;
		calibration->histogram[i]->range.high = graph->value[i].high;
	}
	if (calibration->histogram && i == graph->values)
		return 0;
	return npu_error_set(calibration->err, -ENOMEM, "no memory for the histograms of %u values",
			     graph->values);
}

static void free_histograms(struct calibration *calibration)
{
	uint32_t i;

	for (i = 0; calibration->histogram && i < calibration->graph->values; i++)
		free(calibration->histogram[i]);
	free(calibration->histogram);
}

/* Narrow the ranges that the first pass has found. */
static int narrow(struct calibration *calibration, const float *samples, size_t count,
		  const struct npu_compile_options *options)
{
	struct npu_graph *graph = calibration->graph;
	int ret = make_histograms(calibration);
	uint32_t i;

	if (!ret)
		ret = npu_reference_forward(graph->model, samples, calibration->lengths, count,
					    visit, calibration, calibration->err);
	for (i = 0; !ret && i < graph->values; i++) {
		struct npu_range range;

		if (!calibration->histogram[i])
			continue;
		range = choose(calibration->histogram[i], options);
		graph->value[i].low = range.low;
		graph->value[i].high = range.high;
	}
	free_histograms(calibration);
	return ret;
}

static const float *tracked_range(const struct npu_graph *graph,
				  const struct npu_graph_value *value)
{
	const struct npu_tracked *tracked = npu_model_tracked(
		graph->model, value->layer == NPU_NO_LAYER ? NPU_MODEL_INPUT : (int)value->layer);
	const float *range = value->before ? tracked->before : tracked->after;

	return !value->partial && !value->index && range[1] > range[0] ? range : NULL;
}

/* All that was tracked of the values like @like; { 0, 0 } for nothing. */
static void find_tracked(const struct npu_graph *graph, uint32_t like, float all[2])
{
	uint32_t i;

	all[0] = all[1] = 0;
	for (i = 0; i < graph->values; i++) {
		const float *range = graph->value[i].like == like
					     ? tracked_range(graph, &graph->value[i])
					     : NULL;

		all[0] = range ? fminf(all[0], range[0]) : all[0];
		all[1] = range ? fmaxf(all[1], range[1]) : all[1];
	}
}

/*
 * What training has tracked goes before what samples show: the weights have settled on it. Values
 * that share a scale with ones that were tracked have nothing to add, and reach as far.
 */
static void take_tracked(struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->values; i++) {
		struct npu_graph_value *value = &graph->value[i];
		const float *range = tracked_range(graph, value);
		float all[2];

		find_tracked(graph, value->like, all);
		if (all[0] == all[1])
			continue;
		value->low = range ? range[0] : all[0];
		value->high = range ? range[1] : all[1];
	}
}

/* A sum that the reference doesn't show reaches at most as far as what is added together. */
static void bound_partial_sums(struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		struct npu_graph_value *sum = &graph->value[node->output];

		if (node->kind != NPU_GRAPH_ADD || !sum->partial)
			continue;
		sum->low = graph->value[node->input[0]].low + graph->value[node->input[1]].low;
		sum->high = graph->value[node->input[0]].high + graph->value[node->input[1]].high;
	}
}

static void take_ranges(struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->values; i++) {
		struct npu_graph_value *value = &graph->value[i];
		size_t place = value->layer == NPU_NO_LAYER ? 0 : 1 + value->layer;
		bool cut = value->type == NPU_TYPE_INT8;
		const struct npu_tracked *from = cut ? &graph->ranges->cut[place]
						     : &graph->ranges->full[place];
		const float *range = value->before ? from->before : from->after;

		if (value->partial || value->index || value->state)
			continue;
		value->low = range[0];
		value->high = range[1];
	}
}

/* Ranges of what the reference shows. */
static int find_ranges(struct npu_graph *graph, const float *samples, size_t count,
		       const struct npu_compile_options *options, struct npu_error *err)
{
	struct calibration calibration = { graph, options->lengths, NULL, err };
	int ret = npu_reference_forward(graph->model, samples, options->lengths, count, visit,
					&calibration, err);

	if (!ret && options->calibration != NPU_CALIBRATE_MIN_MAX)
		ret = narrow(&calibration, samples, count, options);
	return ret;
}

int npu_graph_calibrate(struct npu_graph *graph, const float *samples, size_t count,
			const struct npu_compile_options *options, struct npu_error *err)
{
	uint32_t i;
	int ret = npu_graph_check_samples(graph, samples, count, options, err);

	if (ret)
		return ret;
	/* Ranges hold 0, so that it has an exact integer. */
	for (i = 0; i < graph->values; i++)
		graph->value[i].low = graph->value[i].high = 0;
	if (graph->ranges)
		take_ranges(graph);
	else
		ret = find_ranges(graph, samples, count, options, err);
	if (ret)
		return ret;
	take_tracked(graph);
	bound_partial_sums(graph);
	return 0;
}
