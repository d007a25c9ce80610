// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "npu_engine.h"
#include "runtime/error.h"
#include "train/compile/lower.h"

/* Finer input scales than this make no difference to sigmoid, tanh and softmax. */
#define FINE_SCALE 0x1p-20f

static int copy_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		      const struct npu_sections *sections, struct npu_insn *insn,
		      struct npu_error *err)
{
	(void)sections;
	(void)err;
	insn->opcode = NPU_OP_COPY;
	insn->t[0] = npu_graph_value_tensor(graph, node->output);
	insn->t[1] = npu_graph_value_tensor(graph, node->input[0]);
	return 0;
}

/*
 * Where sigmoid and tanh saturate. int8: from there on the result rounds to the last integer:
 * ln(511) and atanh(127.5 / 128). int16: the end of the reference's table, 32 / 3, of which
 * tanh takes half.
 */
static const struct npu_operation operations[] = {
	[NPU_GRAPH_COPY] = {
		.rule = NPU_SCALE_INPUT,
		.lower = copy_lower,
	},
	[NPU_GRAPH_DENSE] = {
		.rule = NPU_SCALE_RANGE,
		.reserve = npu_dense_reserve,
		.lower = npu_dense_lower,
	},
	[NPU_GRAPH_RELU] = {
		.rule = NPU_SCALE_INPUT,
		.in_place = true,
		.lower = npu_relu_lower,
	},
	[NPU_GRAPH_LEAKY_RELU] = {
		.rule = NPU_SCALE_RANGE,
		.in_place = true,
		.reserve = npu_leaky_reserve,
		.lower = npu_leaky_lower,
	},
	[NPU_GRAPH_SIGMOID] = {
		.rule = NPU_SCALE_UNIT,
		.in_place = true,
		.saturation = { 6.2364f, 10.6667f },
		.least_scale = FINE_SCALE,
		.lower = npu_sigmoid_lower,
	},
	[NPU_GRAPH_TANH] = {
		.rule = NPU_SCALE_SIGNED_UNIT,
		.in_place = true,
		.saturation = { 3.1182f, 5.3334f },
		.least_scale = FINE_SCALE,
		.lower = npu_sigmoid_lower,
	},
	[NPU_GRAPH_SOFTMAX] = {
		.rule = NPU_SCALE_UNIT,
		.least_scale = FINE_SCALE,
		.reserve = npu_softmax_reserve,
		.lower = npu_softmax_lower,
	},
};

const struct npu_operation *npu_operation(enum npu_graph_kind kind)
{
	return &operations[kind];
}

uint32_t npu_graph_slot(const struct npu_graph *graph, enum npu_file_slot_kind kind)
{
	uint32_t io = graph->weight_bytes != 0;

	switch (kind) {
	case NPU_FILE_SLOT_WEIGHTS:
		return graph->weight_bytes ? 0 : NPU_NO_INDEX;
	case NPU_FILE_SLOT_IO:
		return io;
	default:
		return graph->scratch_bytes ? io + 1 : NPU_NO_INDEX;
	}
}

uint32_t npu_graph_slots(const struct npu_graph *graph)
{
	return 1 + (graph->weight_bytes != 0) + (graph->scratch_bytes != 0);
}

struct npu_tensor npu_graph_value_tensor(const struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_value *v = &graph->value[value];
	uint32_t stride = v->type == NPU_TYPE_INT16 ? 2 : 1;
	struct npu_tensor tensor = {
		.slot = (uint8_t)npu_graph_slot(graph, v->kind),
		.type = v->type,
		.offset = (uint32_t)v->offset,
		.zero_point = v->zero_point,
	};
	int d;

	memcpy(tensor.dim, v->dim, sizeof(tensor.dim));
	for (d = 3; d > 0; d--) {
		stride *= v->dim[d];
		tensor.stride[d - 1] = stride;
	}
	return tensor;
}

int npu_graph_reserve(struct npu_graph *graph, struct npu_error *err)
{
	uint32_t i;

	for (i = 0; i < graph->nodes; i++) {
		struct npu_graph_node *node = &graph->node[i];
		const struct npu_operation *operation = npu_operation(node->kind);
		int ret = operation->reserve ? operation->reserve(graph, node, err) : 0;

		if (ret)
			return ret;
		if (graph->weight_bytes > NPU_MAX_SLOT_BYTES)
			return npu_error_set(err, -E2BIG,
					     "layer \"%s\" takes the weights to %llu "
					     "bytes, but 4 GiB is what the NPU can address; use "
					     "fewer units",
					     npu_graph_node_name(graph, node),
					     (unsigned long long)graph->weight_bytes);
		if (graph->const_bytes > NPU_MAX_CONSTS)
			return npu_error_set(err, -E2BIG,
					     "layer \"%s\" takes scales and tables "
					     "to %llu bytes, but a program holds %u; use fewer "
					     "units",
					     npu_graph_node_name(graph, node),
					     (unsigned long long)graph->const_bytes,
					     NPU_MAX_CONSTS);
	}
	return 0;
}

int npu_graph_lower(const struct npu_graph *graph, const struct npu_sections *sections,
		    struct npu_error *err)
{
	struct npu_slot_need needs[NPU_MAX_SLOTS] = { 0 };
	__u64 cost = 0;
	uint32_t i;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		struct npu_insn *insn = &sections->insns[i];
		struct npu_fault fault;
		int ret = npu_operation(node->kind)->lower(graph, node, sections, insn, err);

		if (ret)
			return ret;
		if (!npu_insn_validate(insn, sections->consts, (uint32_t)graph->const_bytes,
				       npu_graph_slots(graph), needs, &cost, &fault))
			return npu_error_set(err, -ERANGE,
					     "layer \"%s\" cannot be an NPU "
					     "instruction: %s %s; its numbers are beyond what "
					     "integers can hold, so scale weights or data",
					     npu_graph_node_name(graph, node), fault.field,
					     fault.reason);
	}
	return 0;
}
