// SPDX-License-Identifier: MIT
/* The calls of chapter 7: a model becomes a program. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/equalise.h"
#include "train/compile/image.h"
#include "train/compile/ranges.h"
#include "train/compile/report.h"
#include "train/nn/model.h"

static int check_options(const struct npu_model *model, const struct npu_compile_options *options,
			 struct npu_error *err)
{
	const struct npu_scaler *scaler = npu_model_scaler(model);

	if (options->precision != NPU_PRECISION_INT8 && options->precision != NPU_PRECISION_INT16)
		return npu_error_set(err, -EINVAL,
				     "precision %d is not known; use "
				     "NPU_PRECISION_INT8 or NPU_PRECISION_INT16",
				     (int)options->precision);
	if (scaler && scaler->count != npu_model_features(model))
		return npu_error_set(err, -EINVAL,
				     "the scaler has %zu features, the model %zu; "
				     "fit it on data of the model's shape",
				     scaler->count, npu_model_features(model));
	return 0;
}

static struct npu_compile_quote quote_of(const struct npu_graph *graph,
					 const struct npu_image_layout *layout)
{
	return (struct npu_compile_quote){
		.weight_bytes = graph->weight_bytes,
		.const_bytes = graph->const_bytes,
		.insn_bytes = (size_t)graph->insns * NPU_INSN_SIZE,
		.io_bytes = graph->io_bytes,
		.scratch_bytes = graph->scratch_bytes,
		.state_bytes = graph->state_bytes,
		.file_bytes = layout->file_bytes,
	};
}

/* Weights and constants that a node has reserved. */
static uint64_t node_bytes(const struct npu_graph *graph, uint32_t i)
{
	const struct npu_graph_node *node = &graph->node[i];
	uint64_t bytes = 0;

	if (node->units)
		bytes = node->bias_at - node->weights_at;
	return bytes + npu_graph_value_bytes(&graph->value[node->output]);
}

static int check_limit(const struct npu_graph *graph, const struct npu_compile_quote *quote,
		       size_t max_bytes, struct npu_error *err)
{
	size_t needed = quote->weight_bytes + quote->const_bytes + quote->insn_bytes +
			quote->io_bytes + quote->scratch_bytes + quote->state_bytes;
	uint32_t largest = 0, i;

	if (!max_bytes || needed <= max_bytes)
		return 0;
	for (i = 1; i < graph->nodes; i++)
		if (node_bytes(graph, i) > node_bytes(graph, largest))
			largest = i;
	return npu_error_set(err, -E2BIG,
			     "the program needs %zu bytes, the limit is %zu; layer "
			     "\"%s\" is the largest with %llu: give it fewer units, use a smaller "
			     "batch, or raise the limit",
			     needed, max_bytes, npu_graph_node_name(graph, &graph->node[largest]),
			     (unsigned long long)node_bytes(graph, largest));
}

/* All that follows from shapes: the graph with its memory planned, and the layout of the file. */
static int prepare(struct npu_graph *graph, struct npu_image_layout *layout,
		   const struct npu_model *model, const struct npu_compile_options *options,
		   struct npu_error *err)
{
	struct npu_compile_quote quote;
	int ret = check_options(model, options, err);

	if (!ret)
		ret = npu_graph_build(graph, model, options, err);
	if (ret)
		return ret;
	npu_graph_fuse(graph);
	npu_graph_widen(graph, options);
	ret = npu_graph_convert(graph, err);
	if (!ret)
		ret = npu_graph_view(graph, err);
	if (!ret)
		ret = npu_graph_reserve(graph, err);
	if (!ret)
		ret = npu_graph_plan(graph, err);
	if (!ret) {
		npu_image_measure(graph, layout);
		quote = quote_of(graph, layout);
		ret = check_limit(graph, &quote, options->max_bytes, err);
	}
	if (ret)
		npu_graph_free(graph);
	return ret;
}

int npu_model_compile_quote(const struct npu_model *model,
			    const struct npu_compile_options *options,
			    struct npu_compile_quote *quote, struct npu_error *err)
{
	const struct npu_compile_options defaults = { 0 };
	struct npu_image_layout layout;
	struct npu_graph graph;
	int ret = prepare(&graph, &layout, model, options ? options : &defaults, err);

	if (ret)
		return ret;
	*quote = quote_of(&graph, &layout);
	npu_graph_free(&graph);
	return 0;
}

/* Scales, weights and biases of a graph that is planned. */
static int quantise(struct npu_graph *graph, const float *samples, size_t count,
		    const struct npu_compile_options *options, struct npu_error *err)
{
	int ret = npu_graph_weigh(graph, err);

	if (!ret)
		ret = npu_graph_calibrate(graph, samples, count, options, err);
	if (!ret)
		ret = npu_graph_measure_sequences(graph, samples, count, options->lengths, err);
	if (ret)
		return ret;
	npu_graph_quantise(graph);
	if (options->bias_correction)
		ret = npu_graph_correct_biases(graph, samples, count, options, err);
	return ret;
}

/* The model with parameters of its own, equalised; free @equal->value. */
static int equalise(struct npu_model *equal, const struct npu_model *model, const float *samples,
		    size_t count, const struct npu_compile_options *options, struct npu_error *err)
{
	*equal = *model;
	equal->value = npu_floats_alloc(model->values);
	if (!equal->value)
		return npu_error_set(err, -ENOMEM, "no memory for %zu weights", model->values);
	memcpy(equal->value, model->value, model->values * sizeof(float));
	return npu_model_equalise(model, equal->value, samples, options->lengths, count, err);
}

/* The bytes of the file, and where @report isn't NULL what they do. */
static int write_image(const struct npu_graph *graph, const struct npu_image_layout *layout,
		       const float *samples, size_t count,
		       const struct npu_compile_options *options, void **image,
		       struct npu_compile_report *report, struct npu_error *err)
{
	uint8_t *memory = aligned_alloc(64, layout->file_bytes);
	int ret;

	if (!memory)
		return npu_error_set(err, -ENOMEM, "no memory for a program of %llu bytes",
				     (unsigned long long)layout->file_bytes);
	memset(memory, 0, layout->file_bytes);
	ret = npu_image_write(graph, layout, memory, err);
	if (!ret && report)
		ret = npu_graph_report(graph, memory, layout->file_bytes, samples, count, options,
				       report, err);
	if (ret) {
		free(memory);
		return ret;
	}
	*image = memory;
	return 0;
}

/* @ranges: NULL to calibrate; @report: NULL: none is asked for. */
static int compile(const struct npu_model *model, const float *samples, size_t count,
		   const struct npu_compile_options *options, const struct npu_ranges *ranges,
		   void **image, size_t *bytes, struct npu_compile_report *report,
		   struct npu_error *err)
{
	const struct npu_compile_options defaults = { 0 };
	struct npu_image_layout layout;
	struct npu_model equal = { 0 };
	struct npu_graph graph;
	int ret;

	options = options ? options : &defaults;
	ret = prepare(&graph, &layout, model, options, err);
	if (ret)
		return ret;
	graph.ranges = ranges;
	if (options->equalise) {
		ret = npu_graph_check_samples(&graph, samples, count, options, err);
		if (!ret)
			ret = equalise(&equal, model, samples, count, options, err);
		graph.model = &equal;
	}
	if (!ret)
		ret = quantise(&graph, samples, count, options, err);
	if (!ret)
		ret = write_image(&graph, &layout, samples, count, options, image, report, err);
	if (!ret)
		*bytes = layout.file_bytes;
	npu_graph_free(&graph);
	free(equal.value);
	return ret;
}

int npu_model_compile(const struct npu_model *model, const float *samples, size_t count,
		      const struct npu_compile_options *options, void **image, size_t *bytes,
		      struct npu_error *err)
{
	return compile(model, samples, count, options, NULL, image, bytes, NULL, err);
}

int npu_model_compile_report(const struct npu_model *model, const float *samples, size_t count,
			     const struct npu_compile_options *options, void **image, size_t *bytes,
			     struct npu_compile_report *report, struct npu_error *err)
{
	return compile(model, samples, count, options, NULL, image, bytes, report, err);
}

int npu_compile_with_ranges(const struct npu_model *model, const float *samples, size_t count,
			    const struct npu_compile_options *options,
			    const struct npu_ranges *ranges, void **image, size_t *bytes,
			    struct npu_error *err)
{
	return compile(model, samples, count, options, ranges, image, bytes, NULL, err);
}

void npu_image_free(void *image)
{
	free(image);
}
