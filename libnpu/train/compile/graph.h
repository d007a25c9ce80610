/* SPDX-License-Identifier: MIT */
/*
 * The compiler's view of a network: values, and the nodes that make them in order of execution.
 *
 * Two halves. What follows from shapes alone gives the quote:
 *
 *	build (graph.c) -> fuse (fuse.c) -> types of values (widen.c) -> convert (convert.c) ->
 *	views (view.c) -> reserve (lower.c) -> plan memory (plan.c)
 *
 * and what needs weights and samples fills the image that the first half has measured:
 *
 *	[equalise (equalise.c)] -> weigh (weigh.c) -> calibrate (calibrate.c) ->
 *	quantise (quantise.c) -> [correct biases (correct.c)] ->
 *	lower and pack (lower*.c, pack.c)
 *
 * Nothing in the first half may depend on a weight or a sample, or quotes would not be exact.
 *
 * Mixed precision: build gives all values one type. Between fuse and convert the type of any value
 * may be set to int8 or int16; convert then inserts what changes types in between.
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

/* What a recurrent node writes besides its output, npu_graph_node.also. */
enum npu_graph_also {
	NPU_GRAPH_STEPS,  /* the hidden states of all steps, where only the last is its output */
	NPU_GRAPH_HIDDEN, /* the last hidden state, to be remembered, where all are its output */
	NPU_GRAPH_CELL,	  /* cell state of an LSTM, intermediate results of a GRU */
	NPU_GRAPH_ALSO
};

/**
 * struct npu_graph_value - a tensor that flows through the network
 * @layer: number of the model's layer that it comes from, or NPU_NO_LAYER for the input
 * @before: it is what that layer's activation reads, not what it makes
 * @partial: it is made on the way to what that layer makes; the reference does not show it
 * @index: whole numbers, such as the index of an embedding: int16 or int32, scale 1, zero point 0
 * @state: kept from one request to the next
 * @dim: N, H, W, C
 * @type: NPU_TYPE_INT8 or NPU_TYPE_INT16; NPU_TYPE_INT32 for some of @index
 * @low: least real value seen in calibration, or 0 if that is less
 * @high: greatest likewise
 * @scale: real = scale * (q - zero_point)
 * @zero_point: 0 for int16
 * @like: the value whose scale and zero point it has, itself if its own; never a chain
 * @base: the value in whose memory it lies, itself if its own; never a chain
 * @at: elements from the start of that memory to its first
 * @stride: elements from one index of N, H, W to the next
 * @kind: of the slot that it lies in
 * @offset: bytes into that slot
 */
struct npu_graph_value {
	size_t layer;
	bool before, partial, index, state;
	uint32_t dim[4];
	enum npu_type type;
	float low, high;
	float scale;
	int32_t zero_point;
	uint32_t like;
	uint32_t base;
	uint64_t at;
	uint64_t stride[3];
	enum npu_file_slot_kind kind;
	uint64_t offset;
};

/**
 * enum npu_graph_kind - what a node computes
 * @NPU_GRAPH_COPY: the same numbers
 * @NPU_GRAPH_RESHAPE: the same numbers in another shape
 * @NPU_GRAPH_CONCAT: inputs side by side along dimension @axis of the value (1 to 3)
 * @NPU_GRAPH_DENSE: all of a sample, flattened, times a matrix
 * @NPU_GRAPH_CONV: convolution, in groups
 * @NPU_GRAPH_DEPTHWISE: convolution of each channel alone, and whatever scales channels
 * @NPU_GRAPH_CONV_TRANSPOSE: transposed convolution
 * @NPU_GRAPH_MAX_POOL: maximum over windows
 * @NPU_GRAPH_AVERAGE_POOL: mean over windows
 * @NPU_GRAPH_MEAN: mean over H and W
 * @NPU_GRAPH_ADD: sum of two
 * @NPU_GRAPH_BATCH_NORM: by moving averages; none is left after fusing
 * @NPU_GRAPH_LAYER_NORM: over C
 * @NPU_GRAPH_EMBEDDING: rows of a table, by number
 * @NPU_GRAPH_RELU: relu or relu6, see @clamp
 * @NPU_GRAPH_TABLE: an activation, see @activation, as a table of all inputs
 * @NPU_GRAPH_SIGMOID: an instruction of its own, as are
 * @NPU_GRAPH_TANH: this one, and
 * @NPU_GRAPH_SOFTMAX: this, over C
 * @NPU_GRAPH_REQUANTISE: the same real numbers in another type or scale
 * @NPU_GRAPH_RNN: all steps of one direction of a recurrent layer, as are
 * @NPU_GRAPH_LSTM: this one, and
 * @NPU_GRAPH_GRU: this
 */
enum npu_graph_kind {
	NPU_GRAPH_COPY,
	NPU_GRAPH_RESHAPE,
	NPU_GRAPH_CONCAT,
	NPU_GRAPH_DENSE,
	NPU_GRAPH_CONV,
	NPU_GRAPH_DEPTHWISE,
	NPU_GRAPH_CONV_TRANSPOSE,
	NPU_GRAPH_MAX_POOL,
	NPU_GRAPH_AVERAGE_POOL,
	NPU_GRAPH_MEAN,
	NPU_GRAPH_ADD,
	NPU_GRAPH_BATCH_NORM,
	NPU_GRAPH_LAYER_NORM,
	NPU_GRAPH_EMBEDDING,
	NPU_GRAPH_RELU,
	NPU_GRAPH_TABLE,
	NPU_GRAPH_SIGMOID,
	NPU_GRAPH_TANH,
	NPU_GRAPH_SOFTMAX,
	NPU_GRAPH_REQUANTISE,
	NPU_GRAPH_RNN,
	NPU_GRAPH_LSTM,
	NPU_GRAPH_GRU,
	NPU_GRAPH_KINDS
};

/**
 * struct npu_graph_window - of a convolution or pooling; [0] along H, [1] along W
 * @pad: what precedes the input, or for a transposed convolution is cut off the output
 */
struct npu_graph_window {
	uint32_t kernel[2], stride[2], dilation[2], pad[2];
};

/**
 * struct npu_graph_node - one operation, which becomes one instruction, or a few
 * @kind: enum npu_graph_kind
 * @layer: number of the model's layer that it comes from, for messages
 * @input: [inputs], values that it reads; owned
 * @inputs: entries of @input
 * @output: the value that it makes
 * @clamp: fused: NPU_LINEAR for none, NPU_RELU or NPU_RELU6
 * @activation: of a table; fused into an embedding's table
 * @alpha: of @activation
 * @axis: concat
 * @window: convolution and pooling
 * @groups: convolution
 * @pool: fused: the maximum over so many outputs of a convolution, without overlap; 0 for none
 * @weights_from: layer whose weights it has, or NPU_NO_LAYER: all are 1
 * @norm: fused: batch norm whose factors and shifts weights and bias get, or NPU_NO_LAYER
 * @gates: recurrent: G
 * @hidden: recurrent: hidden units
 * @direction: recurrent: which of the layer's parameters it has: 1 for the second
 * @backwards: recurrent: from the last step to the first
 * @also: recurrent: values that it writes besides, or NPU_NO_INDEX
 * @units: rows of @weight: output channels; recurrent: @gates * @hidden
 * @depth: columns of @weight
 * @weight: [units][depth], real: dense over H, W, C of the input, convolutions over KH, KW,
 *	C / groups; embedding [vocabulary][units]; layer norm: the scales. NULL until
 *	npu_graph_weigh(). Owned: from then on it may be changed, and is what the program gets
 * @bias: [units], real, likewise; never NULL where @weight isn't. Layer norm: the shifts
 * @recurrent: recurrent: [units][hidden], likewise
 * @recurrent_bias: recurrent: [units], likewise; 0 but for gate h of a GRU that resets after
 * @reach: recurrent: greatest absolute value that calibration saw: of the cell state of an LSTM,
 *	of the sums of an RNN
 * @weights_at: offset of packed weights in the weights slot
 * @bias_at: likewise of the bias
 * @consts_at: offset of scales or a table in the constant section
 * @first_insn: number of its first instruction
 * @insns: how many it becomes
 */
struct npu_graph_node {
	enum npu_graph_kind kind;
	size_t layer;
	uint32_t *input;
	uint32_t inputs;
	uint32_t output;
	enum npu_activation clamp;
	enum npu_activation activation;
	float alpha;
	uint32_t axis;
	struct npu_graph_window window;
	uint32_t groups;
	uint32_t pool[2];
	size_t weights_from, norm;
	uint32_t gates, hidden, direction;
	bool backwards;
	uint32_t also[NPU_GRAPH_ALSO];
	uint64_t units, depth;
	float *weight;
	float *bias;
	float *recurrent;
	float *recurrent_bias;
	float reach;
	uint64_t weights_at, bias_at, consts_at;
	uint32_t first_insn, insns;
};

struct npu_ranges;

/**
 * struct npu_graph - a network between model and program
 * @model: whose weights it points to; must outlive it
 * @precision: of activations
 * @batch: samples of one request
 * @value: [values]; some may be left without a node after fusing
 * @value_room: that there is memory for
 * @node: [nodes], in order of execution
 * @node_room: that there is memory for
 * @ranges: of an earlier calibration, which is not repeated; NULL for none
 * @input: value that a request brings
 * @lengths: value that says how long its sequences are, or NPU_NO_INDEX
 * @output: value that it takes away
 * @insns: instructions, once reserved
 * @weight_bytes: of the weights slot
 * @const_bytes: of the constant section
 * @io_bytes: of the slot of inputs and outputs
 * @scratch_bytes: of the scratch slot
 * @state_bytes: of the slot of states
 */
struct npu_graph {
	const struct npu_model *model;
	enum npu_precision precision;
	uint32_t batch;
	struct npu_graph_value *value;
	uint32_t values, value_room;
	struct npu_graph_node *node;
	uint32_t nodes, node_room;
	const struct npu_ranges *ranges;
	uint32_t input, lengths, output;
	uint32_t insns;
	uint64_t weight_bytes, const_bytes, io_bytes, scratch_bytes, state_bytes;
};

/* Nodes and values of @model. @graph is zeroed on failure. */
int npu_graph_build(struct npu_graph *graph, const struct npu_model *model,
		    const struct npu_compile_options *options, struct npu_error *err);
void npu_graph_free(struct npu_graph *graph);

/* Merge what one instruction can do; drop what does nothing. */
void npu_graph_fuse(struct npu_graph *graph);

/* Values of layers that @options name become int16; see npu_compile_options. */
void npu_graph_widen(struct npu_graph *graph, const struct npu_compile_options *options);

/* Insert REQUANTISE where a node reads what it can't as it is. */
int npu_graph_convert(struct npu_graph *graph, struct npu_error *err);

/* Reshapes and concatenations become views of one memory; what can't be a view is copied. */
int npu_graph_view(struct npu_graph *graph, struct npu_error *err);

/* Give every value its place: inputs and outputs in the IO slot, the rest in scratch. */
int npu_graph_plan(struct npu_graph *graph, struct npu_error *err);

/* Weights and biases of all nodes out of the model, batch norms folded in. */
int npu_graph_weigh(struct npu_graph *graph, struct npu_error *err);

/* Are there @samples, all finite, and do @options say how to calibrate on them? */
int npu_graph_check_samples(const struct npu_graph *graph, const float *samples, size_t count,
			    const struct npu_compile_options *options, struct npu_error *err);

/* Range of every value over @samples [count][features], by the plain f32 reference. */
int npu_graph_calibrate(struct npu_graph *graph, const float *samples, size_t count,
			const struct npu_compile_options *options, struct npu_error *err);

/*
 * What the reference does not show of recurrent layers: the range of the hidden states of all
 * steps, and of what lies inside; over the same samples. After npu_graph_calibrate().
 */
int npu_graph_measure_sequences(struct npu_graph *graph, const float *samples, size_t count,
				const uint32_t *lengths, struct npu_error *err);

/* Scale and zero point of every value, from its range. */
void npu_graph_quantise(struct npu_graph *graph);

/*
 * Add to biases what the rounding of weights takes from the mean of each output channel over the
 * samples (Nagel et al. 2019, section 4.2). After npu_graph_quantise().
 */
int npu_graph_correct_biases(struct npu_graph *graph, const float *samples, size_t count,
			     const struct npu_compile_options *options, struct npu_error *err);

/* Name of the layer that @node comes from. */
const char *npu_graph_node_name(const struct npu_graph *graph, const struct npu_graph_node *node);

uint64_t npu_graph_value_elements(const struct npu_graph_value *value);
uint64_t npu_graph_value_bytes(const struct npu_graph_value *value);
uint32_t npu_type_bytes(enum npu_type type);

/* The first node at or after @from that reads @value; NULL if none does. */
const struct npu_graph_node *npu_graph_reader(const struct npu_graph *graph, uint32_t value,
					      uint32_t from);

/* The node that makes @value; NULL for the input. */
struct npu_graph_node *npu_graph_maker(const struct npu_graph *graph, uint32_t value);

/*
 * A new value with memory of its own, otherwise as @like; its number, or UINT32_MAX without memory.
 * Pointers to values become invalid.
 */
uint32_t npu_graph_add_value(struct npu_graph *graph, const struct npu_graph_value *like);

/*
 * A new node in front of node @at, all zero but for @kind, @layer and room for @inputs; NULL
 * without memory. Pointers to nodes become invalid.
 */
struct npu_graph_node *npu_graph_insert_node(struct npu_graph *graph, uint32_t at,
					     enum npu_graph_kind kind, size_t layer,
					     uint32_t inputs);
void npu_graph_remove_node(struct npu_graph *graph, uint32_t at);

static inline bool npu_graph_is_recurrent(const struct npu_graph_node *node)
{
	return node->kind == NPU_GRAPH_RNN || node->kind == NPU_GRAPH_LSTM ||
	       node->kind == NPU_GRAPH_GRU;
}

static inline uint64_t npu_align(uint64_t bytes, uint64_t to)
{
	return (bytes + to - 1) / to * to;
}

#endif
