// SPDX-License-Identifier: MIT
/* Min-max calibration: samples go through the plain reference, each value's range is noted. */
#include <errno.h>
#include <math.h>

#include "runtime/error.h"
#include "train/compile/graph.h"
#include "train/nn/reference.h"

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

struct calibration {
	struct npu_graph *graph;
	struct npu_error *err;
};

static int visit(void *context, size_t layer, size_t first, size_t n, const float *pre,
		 const float *post)
{
	struct calibration *calibration = context;
	struct npu_graph *graph = calibration->graph;
	uint32_t i;

	(void)first;
	if (layer == NPU_REFERENCE_INPUT)
		layer = NPU_NO_LAYER;
	for (i = 0; i < graph->values; i++) {
		struct npu_graph_value *value = &graph->value[i];
		size_t elements = npu_graph_value_elements(value) / graph->batch;

		if (value->layer != layer || widen(value, value->before ? pre : post, n * elements))
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

int npu_graph_calibrate(struct npu_graph *graph, const float *samples, size_t count,
			struct npu_error *err)
{
	struct calibration calibration = { graph, err };
	uint32_t i;
	int ret = check_samples(graph, samples, count, err);

	if (ret)
		return ret;
	/* Ranges hold 0, so that it has an exact integer. */
	for (i = 0; i < graph->values; i++)
		graph->value[i].low = graph->value[i].high = 0;
	return npu_reference_forward(graph->model, samples, count, visit, &calibration, err);
}
