// SPDX-License-Identifier: MIT
/* Activations that are instructions of their own. */
#include <errno.h>

#include "runtime/error.h"
#include "train/compile/lower.h"
#include "train/compile/scale.h"
#include "train/nn/kernels/f32.h"

#define TABLE_INT8 256	/* entries */
#define TABLE_INT16 513 /* at every 128th input, and one past the end */
#define INT16_STEP 128

static bool is_wide(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	return graph->value[node->output].type == NPU_TYPE_INT16;
}

int npu_relu_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		   const struct npu_sections *sections, struct npu_insn *insn,
		   struct npu_error *err)
{
	(void)sections;
	(void)err;
	npu_insn_begin(graph, node, insn, NPU_OP_CLAMP);
	npu_graph_clamp(graph, node, &insn->clamp.min, &insn->clamp.max);
	return 0;
}

int npu_table_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	(void)err;
	node->consts_at = graph->const_bytes;
	graph->const_bytes += is_wide(graph, node) ? npu_align(TABLE_INT16 * sizeof(int16_t), 4)
						   : TABLE_INT8;
	return 0;
}

/*
 * The activation of all inputs that the table has an entry for, by the plain f32 reference. In
 * int16 a bend at 0 is an entry, so interpolation between is exact there but for rounding.
 */
int npu_table_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		    const struct npu_sections *sections, struct npu_insn *insn,
		    struct npu_error *err)
{
	const struct npu_graph_value *in = &graph->value[node->input[0]];
	const struct npu_graph_value *out = &graph->value[node->output];
	int8_t *int8_table = (int8_t *)(sections->consts + node->consts_at);
	int16_t *int16_table = (int16_t *)(sections->consts + node->consts_at);
	bool wide = is_wide(graph, node);
	int i, entries = wide ? TABLE_INT16 : TABLE_INT8;
	float x[TABLE_INT16];

	(void)err;
	for (i = 0; i < entries; i++) {
		int q = wide ? INT16_MIN + i * INT16_STEP : INT8_MIN + i;

		x[i] = (float)(in->scale * (double)(q - in->zero_point));
	}
	npu_f32_reference.activate(node->activation, node->alpha, x, x, (size_t)entries);
	for (i = 0; i < entries; i++) {
		double y = x[i] / (double)out->scale + out->zero_point;

		if (wide)
			int16_table[i] = (int16_t)npu_round_clamp(y, INT16_MIN, INT16_MAX);
		else
			int8_table[i] = (int8_t)npu_round_clamp(y, INT8_MIN, INT8_MAX);
	}
	npu_insn_begin(graph, node, insn, NPU_OP_TABLE);
	insn->table.offset = (uint32_t)node->consts_at;
	return 0;
}

/*
 * int8: the input is rescaled to Q4.27; beyond the radius it would overflow that, and the
 * function has saturated. int16: rescaled to steps of 1 / (3 * 4096), in which the table is
 * read; the multiplier has 15 bits. Both as the reference prepares them.
 */
int npu_sigmoid_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		      const struct npu_sections *sections, struct npu_insn *insn,
		      struct npu_error *err)
{
	double scale = graph->value[node->input[0]].scale;

	(void)sections;
	(void)err;
	npu_insn_begin(graph, node, insn,
		       node->kind == NPU_GRAPH_TANH ? NPU_OP_TANH : NPU_OP_SIGMOID);
	if (is_wide(graph, node)) {
		double multiplier = scale * 4096.0 * 3.0;

		while (multiplier <= 32767.0 / 2.0 && insn->sigmoid.shift < 15) {
			multiplier *= 2;
			insn->sigmoid.shift++;
		}
		insn->sigmoid.multiplier = multiplier < 32767 ? (int32_t)multiplier : 32767;
	} else {
		struct npu_scale q27 = npu_scale_from_real(scale * 0x1p27);
		int64_t radius = (INT64_C(15) << 27) >> q27.shift;

		insn->sigmoid.multiplier = q27.multiplier;
		insn->sigmoid.shift = q27.shift;
		insn->sigmoid.radius = (int32_t)(radius > 255 ? 255 : radius);
	}
	return 0;
}

int npu_softmax_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	uint32_t width = graph->value[node->input[0]].dim[3];

	if (width > NPU_MAX_SOFTMAX)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\": softmax over %u classes, the NPU "
				     "does at most %u; leave the softmax out of the model that "
				     "is compiled, the largest output stays the same",
				     npu_graph_node_name(graph, node), width, NPU_MAX_SOFTMAX);
	return 0;
}

/*
 * int8: differences to the maximum are rescaled to Q5.26; those below diff_min count as 0.
 * int16: rescaled so that 65535 steps are a difference of 10. Both as the reference does.
 */
int npu_softmax_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		      const struct npu_sections *sections, struct npu_insn *insn,
		      struct npu_error *err)
{
	const struct npu_graph_value *in = &graph->value[node->input[0]];
	struct npu_scale scale;

	(void)sections;
	npu_insn_begin(graph, node, insn, NPU_OP_SOFTMAX);
	if (is_wide(graph, node)) {
		scale = npu_scale_from_real(in->scale / (10.0 / 65535.0));
		if (scale.shift > 7)
			return npu_error_set(err, -ERANGE,
					     "layer \"%s\": its inputs to softmax "
					     "reach %g, int16 softmax takes up to 640; compile "
					     "to int8, or train with smaller weights",
					     npu_graph_node_name(graph, node),
					     (double)in->scale * 32767);
	} else {
		int64_t radius;

		scale = npu_scale_from_real(in->scale * 0x1p26);
		radius = (INT64_C(31) << 26) >> scale.shift;
		/* Two int8 are at most 255 apart. */
		insn->softmax.diff_min = (int32_t) - (radius > 255 << 5 ? 255 << 5 : radius);
	}
	insn->softmax.multiplier = scale.multiplier;
	insn->softmax.shift = scale.shift;
	return 0;
}
