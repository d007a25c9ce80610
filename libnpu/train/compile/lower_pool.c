// SPDX-License-Identifier: MIT
/*
 * Pooling. Instructions have no dilation: of windows whose elements are D apart, those that see the
 * same every D-th row are a pooling of these rows alone, without dilation, that writes every so
 * many rows of the output. So a dilated pooling is several instructions, each on views that step.
 */
#include <errno.h>

#include "runtime/error.h"
#include "train/compile/lower.h"
#include "train/compile/scale.h"

/**
 * struct phase - the windows along one axis that see the same rows, or columns
 * @out, @out_step: the first of them, and the distance to the next
 * @outs: how many
 * @in, @in_step: the first row that they see, and the distance to the next
 * @ins: how many
 * @stride, @pad: of the pooling of these rows
 */
struct phase {
	uint32_t out, out_step, outs;
	uint32_t in, in_step, ins;
	uint32_t stride, pad;
};

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Elements of a window of one are not apart from each other. */
static uint32_t dilation_of(const struct npu_graph_window *window, int axis)
{
	return window->kernel[axis] == 1 ? 1 : window->dilation[axis];
}

/* Distance between two windows that see the same rows. */
static uint32_t out_step(const struct npu_graph_window *window, int axis)
{
	uint32_t dilation = dilation_of(window, axis);

	return dilation / greatest_common_divisor(window->stride[axis], dilation);
}

static uint32_t phases(const struct npu_graph *graph, const struct npu_graph_node *node, int axis)
{
	uint32_t out = graph->value[node->output].dim[1 + axis];
	uint32_t step = out_step(&node->window, axis);

	return step < out ? step : out;
}

/*
 * Phase @p: windows p, p + step, ... Window o starts at o * stride - pad; that divided by the
 * dilation is a start in the rows of the phase, and the remainder is the first of these rows.
 */
static struct phase phase_of(const struct npu_graph *graph, const struct npu_graph_node *node,
			     int axis, uint32_t p)
{
	const struct npu_graph_window *window = &node->window;
	uint32_t in = graph->value[node->input[0]].dim[1 + axis];
	uint32_t out = graph->value[node->output].dim[1 + axis];
	uint32_t dilation = dilation_of(window, axis);
	int64_t start = (int64_t)p * window->stride[axis] - window->pad[axis];
	int64_t row = ((start % dilation) + dilation) % dilation;
	int64_t first = (start - row) / dilation;
	struct phase phase = {
		.out = p,
		.out_step = out_step(window, axis),
		.in = (uint32_t)(row + (first > 0 ? first * dilation : 0)),
		.in_step = dilation,
		.pad = (uint32_t)(first < 0 ? -first : 0),
	};

	phase.stride = (uint32_t)((uint64_t)phase.out_step * window->stride[axis] / dilation);
	phase.outs = (out - p + phase.out_step - 1) / phase.out_step;
	phase.ins = (in - phase.in + dilation - 1) / dilation;
	return phase;
}

/* @tensor, of which along @axis only @count elements from @first on are seen, @step apart. */
static void see(struct npu_tensor *tensor, int axis, uint32_t first, uint32_t step, uint32_t count)
{
	tensor->offset += first * tensor->stride[1 + axis];
	tensor->stride[1 + axis] *= step;
	tensor->dim[1 + axis] = count;
}

int npu_pool_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	uint64_t elements = (uint64_t)node->window.kernel[0] * node->window.kernel[1];
	uint64_t insns = (uint64_t)phases(graph, node, 0) * phases(graph, node, 1);

	if (elements > NPU_MAX_DEPTH)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\": a window has %llu elements, on the NPU at most "
				     "%u; pool in two steps",
				     npu_graph_node_name(graph, node), (unsigned long long)elements,
				     NPU_MAX_DEPTH);
	if (insns > NPU_MAX_INSNS)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\": its dilation takes %llu instructions, a "
				     "program holds %u; use a smaller dilation",
				     npu_graph_node_name(graph, node), (unsigned long long)insns,
				     NPU_MAX_INSNS);
	node->insns = (uint32_t)insns;
	return 0;
}

static void lower_phase(const struct npu_graph *graph, const struct npu_graph_node *node,
			struct npu_insn *insn, const uint32_t p[2])
{
	int axis;

	npu_insn_begin(graph, node, insn,
		       node->kind == NPU_GRAPH_MAX_POOL ? NPU_OP_MAX_POOL_2D
							: NPU_OP_AVERAGE_POOL_2D);
	npu_graph_clamp(graph, node, &insn->pool.act_min, &insn->pool.act_max);
	for (axis = 0; axis < 2; axis++) {
		struct phase phase = phase_of(graph, node, axis, p[axis]);

		see(&insn->t[0], axis, phase.out, phase.out_step, phase.outs);
		see(&insn->t[1], axis, phase.in, phase.in_step, phase.ins);
		insn->pool.kernel[axis] = node->window.kernel[axis];
		insn->pool.stride[axis] = phase.stride;
		insn->pool.pad[axis] = phase.pad;
	}
}

int npu_pool_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		   const struct npu_sections *sections, struct npu_insn *insn,
		   struct npu_error *err)
{
	uint32_t p[2];

	(void)sections;
	(void)err;
	for (p[0] = 0; p[0] < phases(graph, node, 0); p[0]++)
		for (p[1] = 0; p[1] < phases(graph, node, 1); p[1]++)
			lower_phase(graph, node, insn++, p);
	return 0;
}

/* ------------------------------------------------------------------ mean over H and W */

static uint64_t mean_elements(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	const uint32_t *dim = graph->value[node->input[0]].dim;

	return (uint64_t)dim[1] * dim[2];
}

/* A mean of n integers comes in steps of 1 / n. */
float npu_mean_finest(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return graph->value[node->input[0]].scale / (float)mean_elements(graph, node);
}

int npu_mean_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	if (mean_elements(graph, node) > NPU_MAX_DEPTH)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\": a mean of %llu elements, on the NPU of at most "
				     "%u; put a pooling in front of it",
				     npu_graph_node_name(graph, node),
				     (unsigned long long)mean_elements(graph, node), NPU_MAX_DEPTH);
	node->consts_at = graph->const_bytes;
	graph->const_bytes += sizeof(struct npu_scale);
	return 0;
}

int npu_mean_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		   const struct npu_sections *sections, struct npu_insn *insn,
		   struct npu_error *err)
{
	struct npu_scale *scale = (struct npu_scale *)(sections->consts + node->consts_at);
	double ratio = (double)graph->value[node->input[0]].scale /
		       (double)graph->value[node->output].scale;

	(void)err;
	*scale = npu_scale_from_real(ratio);
	npu_insn_begin(graph, node, insn, NPU_OP_REDUCE_MEAN);
	insn->reduce.scales = (uint32_t)node->consts_at;
	npu_graph_clamp(graph, node, &insn->reduce.act_min, &insn->reduce.act_max);
	return 0;
}
