/* SPDX-License-Identifier: MIT */
/*
 * The compiler's view of a network: values, and the nodes that make them in order of execution.
 *
 * Two halves. What follows from shapes alone gives the quote:
 *
 *	build (graph.c) -> fuse (fuse.c) -> reserve (lower.c) -> plan memory (plan.c)
 *
 * and what needs weights and samples fills the image that the first half has measured:
 *
 *	calibrate (calibrate.c) -> quantise (quantise.c) -> lower and pack (lower*.c, pack.c)
 *
 * Nothing in the first half may depend on a weight or a sample, or quotes would not be exact.
 */
#ifndef NPU_COMPILE_GRAPH_H
#define NPU_COMPILE_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_accel.h"
#include "npu_train.h"
#include "runtime/format.h"

#define NPU_NO_INDEX UINT32_MAX
#define NPU_NO_LAYER SIZE_MAX
#define NPU_GRAPH_INPUTS 3 /* values that one node reads, at most */

/**
 * struct npu_graph_value - a tensor that flows through the network
 * @layer: number of the model's layer that it comes from, or NPU_NO_LAYER for the input
 * @before: it is what that layer's activation reads, not what it makes
 * @dim: N, H, W, C
 * @type: NPU_TYPE_INT8 or NPU_TYPE_INT16
 * @low: least real value seen in calibration, or 0 if that is less
 * @high: greatest likewise
 * @scale: real = scale * (q - zero_point)
 * @zero_point: 0 for int16
 * @kind: of the slot that it lies in
 * @offset: bytes into that slot
 */
struct npu_graph_value {
	size_t layer;
	bool before;
	uint32_t dim[4];
	enum npu_type type;
	float low, high;
	float scale;
	int32_t zero_point;
	enum npu_file_slot_kind kind;
	uint64_t offset;
};

enum npu_graph_kind {
	NPU_GRAPH_COPY,
	NPU_GRAPH_DENSE,
	NPU_GRAPH_RELU,
	NPU_GRAPH_LEAKY_RELU,
	NPU_GRAPH_SIGMOID,
	NPU_GRAPH_TANH,
	NPU_GRAPH_SOFTMAX,
};

/**
 * struct npu_graph_node - one operation, which becomes one instruction
 * @kind: enum npu_graph_kind
 * @layer: number of the model's layer that it comes from, for messages
 * @inputs: entries of @input
 * @input: values that it reads
 * @output: the value that it makes
 * @relu: fused: the output is clamped at real 0
 * @alpha: leaky relu
 * @weight: dense: [out][in] of the model
 * @bias: dense: [out] of the model, or NULL
 * @weights_at: offset of packed weights in the weights slot
 * @bias_at: likewise of the bias
 * @consts_at: offset of scales or a table in the constant section
 */
struct npu_graph_node {
	enum npu_graph_kind kind;
	size_t layer;
	uint32_t inputs;
	uint32_t input[NPU_GRAPH_INPUTS];
	uint32_t output;
	bool relu;
	float alpha;
	const float *weight;
	const float *bias;
	uint64_t weights_at, bias_at, consts_at;
};

/**
 * struct npu_graph - a network between model and program
 * @model: whose weights it points to; must outlive it
 * @precision: of activations
 * @batch: samples of one request
 * @value: [values]; some may be left without a node after fusing
 * @node: [nodes], in order of execution
 * @input: value that a request brings
 * @output: value that it takes away
 * @weight_bytes: of the weights slot
 * @const_bytes: of the constant section
 * @io_bytes: of the slot of inputs and outputs
 * @scratch_bytes: of the scratch slot
 */
struct npu_graph {
	const struct npu_model *model;
	enum npu_precision precision;
	uint32_t batch;
	struct npu_graph_value *value;
	uint32_t values;
	struct npu_graph_node *node;
	uint32_t nodes;
	uint32_t input, output;
	uint64_t weight_bytes, const_bytes, io_bytes, scratch_bytes;
};

/* Nodes and values of @model. @graph is zeroed on failure. */
int npu_graph_build(struct npu_graph *graph, const struct npu_model *model,
		    const struct npu_compile_options *options, struct npu_error *err);
void npu_graph_free(struct npu_graph *graph);

/* Merge what one instruction can do; drop what does nothing. */
void npu_graph_fuse(struct npu_graph *graph);

/* Give every value its place: inputs and outputs in the IO slot, the rest in scratch. */
int npu_graph_plan(struct npu_graph *graph, struct npu_error *err);

/* Range of every value over @samples [count][features], by the plain f32 reference. */
int npu_graph_calibrate(struct npu_graph *graph, const float *samples, size_t count,
			const struct npu_compile_options *options, struct npu_error *err);

/* Scale and zero point of every value, from its range. */
void npu_graph_quantise(struct npu_graph *graph);

/* Name of the layer that @node comes from. */
const char *npu_graph_node_name(const struct npu_graph *graph, const struct npu_graph_node *node);

uint64_t npu_graph_value_elements(const struct npu_graph_value *value);
uint64_t npu_graph_value_bytes(const struct npu_graph_value *value);

/* The first node at or after @from that reads @value; NULL if none does. */
const struct npu_graph_node *npu_graph_reader(const struct npu_graph *graph, uint32_t value,
					      uint32_t from);

static inline uint64_t npu_align(uint64_t bytes, uint64_t to)
{
	return (bytes + to - 1) / to * to;
}

#endif
