// SPDX-License-Identifier: MIT
/* From nodes to instructions: reserving for them, and filling them. */
#include <errno.h>
#include <string.h>

#include "npu_engine.h"
#include "runtime/error.h"
#include "train/compile/lower.h"
#include "train/compile/scale.h"

/* Real 6 ends relu6. */
#define RELU6_LIMIT 6.0

uint64_t npu_graph_slot_bytes(const struct npu_graph *graph, enum npu_file_slot_kind kind)
{
	switch (kind) {
	case NPU_FILE_SLOT_WEIGHTS:
		return graph->weight_bytes;
	case NPU_FILE_SLOT_IO:
		return graph->io_bytes;
	case NPU_FILE_SLOT_SCRATCH:
		return graph->scratch_bytes;
	case NPU_FILE_SLOT_STATE:
		return graph->state_bytes;
	}
	return 0;
}

uint32_t npu_graph_slot(const struct npu_graph *graph, enum npu_file_slot_kind kind)
{
	uint32_t slot = 0, before;

	if (!npu_graph_slot_bytes(graph, kind))
		return NPU_NO_INDEX;
	for (before = 0; before < kind; before++)
		slot += npu_graph_slot_bytes(graph, before) != 0;
	return slot;
}

uint32_t npu_graph_slots(const struct npu_graph *graph)
{
	uint32_t slots = 0, kind;

	for (kind = 0; kind <= NPU_FILE_SLOT_STATE; kind++)
		slots += npu_graph_slot_bytes(graph, kind) != 0;
	return slots;
}

struct npu_tensor npu_graph_value_tensor(const struct npu_graph *graph, uint32_t value)
{
	const struct npu_graph_value *v = &graph->value[value];
	struct npu_tensor tensor = {
		.slot = (uint8_t)npu_graph_slot(graph, v->kind),
		.type = (uint8_t)v->type,
		.offset = (uint32_t)v->offset,
		.zero_point = v->zero_point,
	};
	int d;

	memcpy(tensor.dim, v->dim, sizeof(tensor.dim));
	for (d = 0; d < 3; d++)
		tensor.stride[d] = (uint32_t)(v->stride[d] * npu_type_bytes(v->type));
	return tensor;
}

void npu_insn_begin(const struct npu_graph *graph, const struct npu_graph_node *node,
		    struct npu_insn *insn, uint16_t opcode)
{
	insn->opcode = opcode;
	insn->t[0] = npu_graph_value_tensor(graph, node->output);
	insn->t[1] = npu_graph_value_tensor(graph, node->input[0]);
}

void npu_graph_clamp(const struct npu_graph *graph, const struct npu_graph_node *node, int32_t *low,
		     int32_t *high)
{
	const struct npu_graph_value *out = &graph->value[node->output];
	bool wide = out->type == NPU_TYPE_INT16;

	*low = node->clamp != NPU_LINEAR ? out->zero_point : wide ? INT16_MIN : INT8_MIN;
	*high = wide ? INT16_MAX : INT8_MAX;
	if (node->clamp == NPU_RELU6)
		*high = (int32_t)npu_round_clamp(RELU6_LIMIT / out->scale + out->zero_point, *low,
						 *high);
}

/* What @node adds to weights, constants and instructions. */
static int reserve_node(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err)
{
	const struct npu_operation *operation = npu_operation(node->kind);
	int ret;

	node->insns = 1;
	ret = operation->reserve ? operation->reserve(graph, node, err) : 0;
	if (ret)
		return ret;
	node->first_insn = graph->insns;
	if (node->insns > NPU_MAX_INSNS - graph->insns)
		return npu_error_set(err, -E2BIG,
				     "layer \"%s\" takes the program beyond the %u instructions "
				     "that it can hold; use fewer layers",
				     npu_graph_node_name(graph, node), NPU_MAX_INSNS);
	graph->insns += node->insns;
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
				     (unsigned long long)graph->const_bytes, NPU_MAX_CONSTS);
	return 0;
}

int npu_graph_reserve(struct npu_graph *graph, struct npu_error *err)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i < graph->nodes; i++)
		ret = reserve_node(graph, &graph->node[i], err);
	return ret;
}

/* The instructions of @node, which the engine must accept. */
static int lower_node(const struct npu_graph *graph, const struct npu_graph_node *node,
		      const struct npu_sections *sections, struct npu_slot_need *needs, __u64 *cost,
		      struct npu_error *err)
{
	struct npu_insn *insn = &sections->insns[node->first_insn];
	struct npu_fault fault;
	uint32_t i;
	int ret = npu_operation(node->kind)->lower(graph, node, sections, insn, err);

	for (i = 0; !ret && i < node->insns; i++)
		if (!npu_insn_validate(&insn[i], sections->consts, (uint32_t)graph->const_bytes,
				       npu_graph_slots(graph), needs, cost, &fault))
			ret = npu_error_set(err, -ERANGE,
					    "layer \"%s\" cannot be an NPU "
					    "instruction: %s %s; its numbers are beyond what "
					    "integers can hold, so scale weights or data",
					    npu_graph_node_name(graph, node), fault.field,
					    fault.reason);
	return ret;
}

int npu_graph_lower(const struct npu_graph *graph, const struct npu_sections *sections,
		    struct npu_error *err)
{
	struct npu_slot_need needs[NPU_MAX_SLOTS] = { 0 };
	__u64 cost = 0;
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i < graph->nodes; i++)
		ret = lower_node(graph, &graph->node[i], sections, needs, &cost, err);
	return ret;
}
