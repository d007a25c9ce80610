// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "train/compile/ranges.h"

static void take(const struct npu_graph *graph, struct npu_tracked *to)
{
	uint32_t i;

	for (i = 0; i < graph->values; i++) {
		const struct npu_graph_value *value = &graph->value[i];
		struct npu_tracked *place =
			&to[value->layer == NPU_NO_LAYER ? 0 : 1 + value->layer];
		float *range = value->before ? place->before : place->after;

		if (value->partial || value->index || value->state)
			continue;
		range[0] = value->low;
		range[1] = value->high;
	}
}

int npu_ranges_find(struct npu_ranges *ranges, const struct npu_model *model, const float *samples,
		    size_t count, const struct npu_compile_options *options, struct npu_error *err)
{
	struct npu_compile_options full = *options;
	struct npu_graph graph;
	int ret;

	ranges->full = calloc(1 + model->nodes, sizeof(*ranges->full));
	ranges->cut = calloc(1 + model->nodes, sizeof(*ranges->cut));
	if (!ranges->full || !ranges->cut)
		return npu_error_set(err, -ENOMEM, "no memory for the ranges of %zu layers",
				     model->nodes);
	ret = npu_graph_build(&graph, model, options, err);
	if (ret)
		return ret;
	npu_graph_fuse(&graph);
	full.calibration = NPU_CALIBRATE_MIN_MAX;
	ret = npu_graph_calibrate(&graph, samples, count, &full, err);
	if (!ret)
		take(&graph, ranges->full);
	if (!ret && options->calibration != NPU_CALIBRATE_MIN_MAX)
		ret = npu_graph_calibrate(&graph, samples, count, options, err);
	if (!ret)
		take(&graph, ranges->cut);
	npu_graph_free(&graph);
	return ret;
}

void npu_ranges_free(struct npu_ranges *ranges)
{
	free(ranges->full);
	free(ranges->cut);
}
