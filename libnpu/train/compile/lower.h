/* SPDX-License-Identifier: MIT */
/*
 * Lowering: what each kind of node needs, and the instructions that it becomes. A new kind of
 * layer is a new row in the table of operations.c.
 */
#ifndef NPU_COMPILE_LOWER_H
#define NPU_COMPILE_LOWER_H

#include "graph.h"

/**
 * struct npu_sections - where lowering writes; zeroed before
 * @insns: graph->insns of them
 * @consts: the constant section
 * @weights: content of the weights slot
 */
struct npu_sections {
	struct npu_insn *insns;
	uint8_t *consts;
	uint8_t *weights;
};

/**
 * enum npu_scale_rule - where the quantisation of a node's output comes from
 * @NPU_SCALE_RANGE: its calibrated range
 * @NPU_SCALE_INPUT: that of the inputs, unchanged
 * @NPU_SCALE_UNIT: fixed by the reference: 1/256 from -128 in int8, 1/32768 in int16
 * @NPU_SCALE_SIGNED_UNIT: fixed by the reference: 1/128 from 0 in int8, 1/32768 in int16
 */
enum npu_scale_rule {
	NPU_SCALE_RANGE,
	NPU_SCALE_INPUT,
	NPU_SCALE_UNIT,
	NPU_SCALE_SIGNED_UNIT,
};

/**
 * struct npu_operation - how a kind of node is lowered
 * @rule: quantisation of the output
 * @clamps: its instruction clamps its output, so that a relu behind it costs nothing
 * @in_place: the output may lie where an input lies
 * @mixes: the output may be of another type than the input
 * @flat: it takes each sample as one row, which must lie dense
 * @saturation: int8, int16: inputs further than this from 0 give the same output as if they
 *	were as far; 0 where that isn't so. Wider ranges would waste resolution
 * @least_scale: of the input; finer than that would be lost, and out of the instruction's reach
 * @finest: of the output; finer than that would overflow. NULL for no limit
 * @reserve: add what it needs to the graph's weight and constant bytes, and the number of its
 *	instructions unless that is 1; NULL if nothing. Checks the limits of the instruction set
 * @lower: fill the instructions, weights and constants
 */
struct npu_operation {
	enum npu_scale_rule rule;
	bool clamps;
	bool in_place;
	bool mixes;
	bool flat;
	float saturation[2];
	float least_scale;
	float (*finest)(const struct npu_graph *graph, const struct npu_graph_node *node);
	int (*reserve)(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err);
	int (*lower)(const struct npu_graph *graph, const struct npu_graph_node *node,
		     const struct npu_sections *sections, struct npu_insn *insn,
		     struct npu_error *err);
};

const struct npu_operation *npu_operation(enum npu_graph_kind kind);

/* Reserve instructions, weights and constants of all nodes. */
int npu_graph_reserve(struct npu_graph *graph, struct npu_error *err);

/* Write all instructions, weights and constants, and have the engine validate them. */
int npu_graph_lower(const struct npu_graph *graph, const struct npu_sections *sections,
		    struct npu_error *err);

/* Slots of the program, in the order that the file lists them; NPU_NO_INDEX if it has none. */
uint32_t npu_graph_slot(const struct npu_graph *graph, enum npu_file_slot_kind kind);
uint32_t npu_graph_slots(const struct npu_graph *graph);
uint64_t npu_graph_slot_bytes(const struct npu_graph *graph, enum npu_file_slot_kind kind);

/* The tensor of an instruction that is @value, where it lies. */
struct npu_tensor npu_graph_value_tensor(const struct npu_graph *graph, uint32_t value);

/* Does each sample of @value lie dense? */
bool npu_graph_value_is_flat(const struct npu_graph_value *value);

/* The integers that @node's output is clamped to: its type's, or those of a fused relu. */
void npu_graph_clamp(const struct npu_graph *graph, const struct npu_graph_node *node, int32_t *low,
		     int32_t *high);

/* Set opcode, output and first input. */
void npu_insn_begin(const struct npu_graph *graph, const struct npu_graph_node *node,
		    struct npu_insn *insn, uint16_t opcode);

#define NPU_LOWER(name)                                                                          \
	int npu_##name##_lower(const struct npu_graph *graph, const struct npu_graph_node *node, \
			       const struct npu_sections *sections, struct npu_insn *insn,       \
			       struct npu_error *err)
#define NPU_RESERVE(name)                                                              \
	int npu_##name##_reserve(struct npu_graph *graph, struct npu_graph_node *node, \
				 struct npu_error *err)

/* lower_dense.c */
NPU_RESERVE(dense);
NPU_LOWER(dense);

/* lower_conv.c */
NPU_RESERVE(conv);
NPU_LOWER(conv);

/* lower_pool.c */
NPU_RESERVE(pool);
NPU_LOWER(pool);
NPU_RESERVE(mean);
NPU_LOWER(mean);
float npu_mean_finest(const struct npu_graph *graph, const struct npu_graph_node *node);

/* lower_move.c */
NPU_LOWER(copy);
NPU_RESERVE(requantise);
NPU_LOWER(requantise);
float npu_requantise_finest(const struct npu_graph *graph, const struct npu_graph_node *node);
NPU_RESERVE(embedding);
NPU_LOWER(embedding);

/* lower_add.c */
NPU_RESERVE(add);
NPU_LOWER(add);
float npu_add_finest(const struct npu_graph *graph, const struct npu_graph_node *node);

/* lower_norm.c */
NPU_RESERVE(layer_norm);
NPU_LOWER(layer_norm);

/* lower_recurrent.c */
NPU_RESERVE(recurrent);
NPU_LOWER(recurrent);

/* lower_activation.c */
NPU_LOWER(relu);
NPU_RESERVE(table);
NPU_LOWER(table);
NPU_LOWER(sigmoid);
NPU_RESERVE(softmax);
NPU_LOWER(softmax);

#endif
