/* SPDX-License-Identifier: MIT */
/*
 * Lowering: what each kind of node needs, and the instruction that it becomes. A new kind of
 * layer is a new row in the table of lower.c.
 */
#ifndef NPU_COMPILE_LOWER_H
#define NPU_COMPILE_LOWER_H

#include "graph.h"

/**
 * struct npu_sections - where lowering writes; zeroed before
 * @insns: one for each node
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
 * @NPU_SCALE_INPUT: that of the input, unchanged
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
 * @in_place: the output may lie where the input lies
 * @saturation: int8, int16: inputs further than this from 0 give the same output as if they
 *	were as far; 0 where that isn't so. Wider ranges would waste resolution
 * @least_scale: of the input; finer than that would be lost, and out of the instruction's reach
 * @reserve: add what it needs to the graph's weight and constant bytes; NULL if nothing.
 *	Checks the limits of the instruction set
 * @lower: fill the instruction, weights and constants
 */
struct npu_operation {
	enum npu_scale_rule rule;
	bool in_place;
	float saturation[2];
	float least_scale;
	int (*reserve)(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err);
	int (*lower)(const struct npu_graph *graph, const struct npu_graph_node *node,
		     const struct npu_sections *sections, struct npu_insn *insn,
		     struct npu_error *err);
};

const struct npu_operation *npu_operation(enum npu_graph_kind kind);

/* Reserve weights and constants of all nodes. */
int npu_graph_reserve(struct npu_graph *graph, struct npu_error *err);

/* Write all instructions, weights and constants, and have the engine validate them. */
int npu_graph_lower(const struct npu_graph *graph, const struct npu_sections *sections,
		    struct npu_error *err);

/* Slots of the program, in the order that the file lists them; NPU_NO_INDEX if it has none. */
uint32_t npu_graph_slot(const struct npu_graph *graph, enum npu_file_slot_kind kind);
uint32_t npu_graph_slots(const struct npu_graph *graph);

/* The tensor of an instruction that is @value, dense. */
struct npu_tensor npu_graph_value_tensor(const struct npu_graph *graph, uint32_t value);

/* lower_dense.c */
int npu_dense_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err);
int npu_dense_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		    const struct npu_sections *sections, struct npu_insn *insn,
		    struct npu_error *err);

/* lower_activation.c */
int npu_relu_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		   const struct npu_sections *sections, struct npu_insn *insn,
		   struct npu_error *err);
int npu_leaky_reserve(struct npu_graph *graph, struct npu_graph_node *node, struct npu_error *err);
int npu_leaky_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		    const struct npu_sections *sections, struct npu_insn *insn,
		    struct npu_error *err);
int npu_sigmoid_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		      const struct npu_sections *sections, struct npu_insn *insn,
		      struct npu_error *err);
int npu_softmax_reserve(struct npu_graph *graph, struct npu_graph_node *node,
			struct npu_error *err);
int npu_softmax_lower(const struct npu_graph *graph, const struct npu_graph_node *node,
		      const struct npu_sections *sections, struct npu_insn *insn,
		      struct npu_error *err);

#endif
