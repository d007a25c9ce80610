// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Units, their cost, and running a program in bounded steps. */
#include "pieces.h"
#include "recurrent.h"
#include "window.h"

/*
 * Cost units. Products count one each; the rest is measured so that no kernel, on any
 * variant, takes longer than its cost divided by npu_variant_units_per_us(): where a
 * vector variant falls back to a scalar kernel, the cost is that of the scalar kernel in
 * units of the fastest variant.
 */
struct price {
	__u32 element;
	__u32 unit;
};

static const struct price price[NPU_KERNELS] = {
	[NPU_KERNEL_NOP] = { 0, 1 },
	[NPU_KERNEL_COPY] = { 2, 100 },
	[NPU_KERNEL_FULLY_CONNECTED_S8] = { 1, 100 },
	[NPU_KERNEL_FULLY_CONNECTED_S16] = { 4, 400 },
	[NPU_KERNEL_CONV_S8] = { 1, 100 },
	[NPU_KERNEL_CONV_S16] = { 4, 600 },
	[NPU_KERNEL_DEPTHWISE_CONV_S8] = { 10, 250 },
	[NPU_KERNEL_DEPTHWISE_CONV_S16] = { 40, 600 },
	[NPU_KERNEL_TRANSPOSE_CONV_S8] = { 2, 300 },
	[NPU_KERNEL_TRANSPOSE_CONV_S16] = { 4, 600 },
	[NPU_KERNEL_MAX_POOL_S8] = { 20, 400 },
	[NPU_KERNEL_MAX_POOL_S16] = { 20, 400 },
	[NPU_KERNEL_AVERAGE_POOL_S8] = { 20, 400 },
	[NPU_KERNEL_AVERAGE_POOL_S16] = { 20, 400 },
	[NPU_KERNEL_ADD_S8] = { 6, 400 },
	[NPU_KERNEL_ADD_S16] = { 6, 400 },
	[NPU_KERNEL_MUL_S8] = { 4, 300 },
	[NPU_KERNEL_MUL_S16] = { 4, 300 },
	[NPU_KERNEL_SUB_S8] = { 6, 400 },
	[NPU_KERNEL_SUB_S16] = { 6, 400 },
	[NPU_KERNEL_EXTREMUM_S8] = { 5, 400 },
	[NPU_KERNEL_EXTREMUM_S16] = { 5, 400 },
	[NPU_KERNEL_BATCH_MATMUL_S8] = { 24, 400 },
	[NPU_KERNEL_BATCH_MATMUL_S16] = { 40, 400 },
	[NPU_KERNEL_REDUCE] = { 1, 400 },
	[NPU_KERNEL_CLAMP_S8] = { 1, 200 },
	[NPU_KERNEL_CLAMP_S16] = { 1, 200 },
	[NPU_KERNEL_REQUANTISE_S8] = { 3, 300 },
	[NPU_KERNEL_REQUANTISE_S16] = { 3, 300 },
	[NPU_KERNEL_REQUANTISE_S32] = { 3, 300 },
	[NPU_KERNEL_TABLE_S8] = { 2, 200 },
	[NPU_KERNEL_TABLE_S16] = { 3, 200 },
	[NPU_KERNEL_SIGMOID_S8] = { 2, 200 },
	[NPU_KERNEL_SIGMOID_S16] = { 6, 200 },
	[NPU_KERNEL_TANH_S8] = { 2, 200 },
	[NPU_KERNEL_TANH_S16] = { 6, 200 },
	[NPU_KERNEL_SOFTMAX_S8] = { 10, 700 },
	[NPU_KERNEL_SOFTMAX_S16] = { 8, 400 },
	[NPU_KERNEL_PAD] = { 6, 200 },
	[NPU_KERNEL_SLICE] = { 6, 200 },
	[NPU_KERNEL_TRANSPOSE] = { 6, 200 },
	[NPU_KERNEL_RESIZE] = { 6, 200 },
	[NPU_KERNEL_EMBEDDING] = { 6, 200 },
	[NPU_KERNEL_LAYER_NORM_S8] = { 60, 1200 },
	[NPU_KERNEL_LAYER_NORM_S16] = { 60, 1200 },
	[NPU_KERNEL_RNN_S8] = { 16, 1200 },
	[NPU_KERNEL_RNN_S16] = { 16, 1200 },
	[NPU_KERNEL_LSTM_S8] = { 16, 1200 },
	[NPU_KERNEL_LSTM_S16] = { 16, 1200 },
	[NPU_KERNEL_GRU_S8] = { 16, 1200 },
	[NPU_KERNEL_GRU_S16] = { 16, 1200 },
};

/* Going from one dense piece of a strided tensor to the next. */
#define PRICE_PIECE 224
/* The same where the place is computed for each piece. */
#define PRICE_MOVED_PIECE 160
/* An element between four of int16, one after another, and the place of such a piece. */
#define PRICE_BETWEEN 80
/* Going from one term of sums to the next. */
#define PRICE_TERM 24
/* Taking apart scales, limits and the shape; a call serves all its units. */
#define PRICE_CALL 1600
/* The same for a function of each int8, or of each distance from the maximum. */
#define PRICE_FUNCTION 9000
/* The exponential of an element, where there are too few of them for that. */
#define PRICE_EXPONENTIAL 40
/* Sixteen gates beside their sums: rescaling, the activation, and a share of the states. */
#define PRICE_GATE 1200
/* Finding where a tap of a kernel meets the input. */
#define PRICE_TAP 64
/* Four inputs' weights of sixteen channels, which the rows of a strip share, from memory. */
#define PRICE_WEIGHTS 56
/* A pixel, and sixteen channels of it, of the part of an image that a strip reaches. */
#define PRICE_PIXEL 16
#define PRICE_CHANNELS 2
/* A unit of a depthwise convolution by the scalar kernel, and each of its taps. */
#define PRICE_SCALAR_UNIT 900
#define PRICE_SCALAR_TAP 150
/* Making a word of a column of the input. */
#define PRICE_WORD 32

static enum npu_kernel_id kernel_of_recurrent(const struct npu_insn *insn)
{
	bool wide = insn->t[1].type == NPU_TYPE_INT16;

	switch (insn->opcode) {
	case NPU_OP_LAYER_NORM:
		return wide ? NPU_KERNEL_LAYER_NORM_S16 : NPU_KERNEL_LAYER_NORM_S8;
	case NPU_OP_RNN:
		return wide ? NPU_KERNEL_RNN_S16 : NPU_KERNEL_RNN_S8;
	case NPU_OP_LSTM:
		return wide ? NPU_KERNEL_LSTM_S16 : NPU_KERNEL_LSTM_S8;
	case NPU_OP_GRU:
		return wide ? NPU_KERNEL_GRU_S16 : NPU_KERNEL_GRU_S8;
	default:
		return NPU_KERNEL_NOP;
	}
}

/* Instructions whose output has another shape than their inputs. */
static enum npu_kernel_id kernel_of_shape(const struct npu_insn *insn)
{
	switch (insn->opcode) {
	case NPU_OP_BATCH_MATMUL:
		return insn->t[1].type == NPU_TYPE_INT16 ? NPU_KERNEL_BATCH_MATMUL_S16
							 : NPU_KERNEL_BATCH_MATMUL_S8;
	case NPU_OP_REDUCE_MEAN:
	case NPU_OP_REDUCE_SUM:
	case NPU_OP_REDUCE_MAX:
		return NPU_KERNEL_REDUCE;
	case NPU_OP_PAD:
		return NPU_KERNEL_PAD;
	case NPU_OP_SLICE:
		return NPU_KERNEL_SLICE;
	case NPU_OP_TRANSPOSE:
		return NPU_KERNEL_TRANSPOSE;
	case NPU_OP_RESIZE_NEAREST:
	case NPU_OP_RESIZE_BILINEAR:
		return NPU_KERNEL_RESIZE;
	case NPU_OP_EMBEDDING:
		return NPU_KERNEL_EMBEDDING;
	default:
		return kernel_of_recurrent(insn);
	}
}

enum npu_kernel_id npu_kernel_of(const struct npu_insn *insn)
{
	bool wide = insn->t[1].type == NPU_TYPE_INT16;

	switch (insn->opcode) {
	case NPU_OP_COPY:
		return NPU_KERNEL_COPY;
	case NPU_OP_FULLY_CONNECTED:
		return wide ? NPU_KERNEL_FULLY_CONNECTED_S16 : NPU_KERNEL_FULLY_CONNECTED_S8;
	case NPU_OP_CONV_2D:
		return wide ? NPU_KERNEL_CONV_S16 : NPU_KERNEL_CONV_S8;
	case NPU_OP_DEPTHWISE_CONV_2D:
		return wide ? NPU_KERNEL_DEPTHWISE_CONV_S16 : NPU_KERNEL_DEPTHWISE_CONV_S8;
	case NPU_OP_TRANSPOSE_CONV_2D:
		return wide ? NPU_KERNEL_TRANSPOSE_CONV_S16 : NPU_KERNEL_TRANSPOSE_CONV_S8;
	case NPU_OP_MAX_POOL_2D:
		return wide ? NPU_KERNEL_MAX_POOL_S16 : NPU_KERNEL_MAX_POOL_S8;
	case NPU_OP_AVERAGE_POOL_2D:
		return wide ? NPU_KERNEL_AVERAGE_POOL_S16 : NPU_KERNEL_AVERAGE_POOL_S8;
	case NPU_OP_ADD:
		return wide ? NPU_KERNEL_ADD_S16 : NPU_KERNEL_ADD_S8;
	case NPU_OP_MUL:
		return wide ? NPU_KERNEL_MUL_S16 : NPU_KERNEL_MUL_S8;
	case NPU_OP_SUB:
		return wide ? NPU_KERNEL_SUB_S16 : NPU_KERNEL_SUB_S8;
	case NPU_OP_MIN:
	case NPU_OP_MAX:
		return wide ? NPU_KERNEL_EXTREMUM_S16 : NPU_KERNEL_EXTREMUM_S8;
	case NPU_OP_CLAMP:
		return wide ? NPU_KERNEL_CLAMP_S16 : NPU_KERNEL_CLAMP_S8;
	case NPU_OP_REQUANTISE:
		if (insn->t[1].type == NPU_TYPE_INT32)
			return NPU_KERNEL_REQUANTISE_S32;
		return wide ? NPU_KERNEL_REQUANTISE_S16 : NPU_KERNEL_REQUANTISE_S8;
	case NPU_OP_TABLE:
		return wide ? NPU_KERNEL_TABLE_S16 : NPU_KERNEL_TABLE_S8;
	case NPU_OP_SIGMOID:
		return wide ? NPU_KERNEL_SIGMOID_S16 : NPU_KERNEL_SIGMOID_S8;
	case NPU_OP_TANH:
		return wide ? NPU_KERNEL_TANH_S16 : NPU_KERNEL_TANH_S8;
	case NPU_OP_SOFTMAX:
		return wide ? NPU_KERNEL_SOFTMAX_S16 : NPU_KERNEL_SOFTMAX_S8;
	default:
		return kernel_of_shape(insn);
	}
}

/* Blocks of sixteen channels; with groups each group has its own. */
static __u32 window_units(const struct npu_insn *insn, __u32 groups)
{
	const __u32 *dim = insn->t[0].dim;

	return groups * ((dim[3] / groups + 15) / 16) * (dim[0] * dim[1] * dim[2]);
}

__u32 npu_insn_units(const struct npu_insn *insn)
{
	const __u32 *dim = insn->t[0].dim;

	switch (insn->opcode) {
	case NPU_OP_NOP:
		return 1;
	case NPU_OP_FULLY_CONNECTED:
		return (dim[3] + 15) / 16 * dim[2];
	case NPU_OP_CONV_2D:
	case NPU_OP_TRANSPOSE_CONV_2D:
		return window_units(insn, insn->conv.groups);
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		return window_units(insn, 1);
	case NPU_OP_SOFTMAX:
	case NPU_OP_LAYER_NORM:
		return dim[0] * dim[1] * dim[2];
	case NPU_OP_RNN:
	case NPU_OP_LSTM:
	case NPU_OP_GRU:
		return npu_recurrent_units(insn);
	case NPU_OP_BATCH_MATMUL:
	case NPU_OP_REDUCE_MEAN:
	case NPU_OP_REDUCE_SUM:
	case NPU_OP_REDUCE_MAX:
		return npu_lanes_units(insn);
	default:
		return (npu_elementwise_total(insn) - 1) / NPU_ELEMENTWISE_UNIT + 1;
	}
}

__u32 npu_insn_wave(const struct npu_insn *insn)
{
	switch (insn->opcode) {
	case NPU_OP_RNN:
	case NPU_OP_LSTM:
	case NPU_OP_GRU:
		return npu_recurrent_wave(insn);
	default:
		return npu_insn_units(insn);
	}
}

/* A share of what a call does once, for its units: for up to sixteen of them. */
static __u32 shared_cost(const struct npu_insn *insn, __u32 cost)
{
	__u32 units = npu_insn_units(insn);

	return cost / (units < 16 ? units : 16);
}

static __u32 elementwise_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 elements = npu_elementwise_total(insn);
	__u32 dense = npu_elementwise_dense(insn), pieces;

	if (elements > NPU_ELEMENTWISE_UNIT)
		elements = NPU_ELEMENTWISE_UNIT;
	pieces = elements / dense + 1;
	return p->unit + elements * p->element + pieces * PRICE_PIECE +
	       shared_cost(insn, PRICE_CALL);
}

static __u32 softmax_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 length = insn->t[1].dim[3], cost = p->unit + length * p->element;

	if (insn->t[1].type == NPU_TYPE_INT8)
		cost += length < 32 ? length * PRICE_EXPONENTIAL
				    : shared_cost(insn, PRICE_FUNCTION);
	return cost;
}

/* Rows over C are the pieces; a unit begins and ends within one. */
static __u32 move_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 elements = npu_elementwise_total(insn), element, pieces;

	if (elements > NPU_ELEMENTWISE_UNIT)
		elements = NPU_ELEMENTWISE_UNIT;
	element = p->element;
	pieces = elements / insn->t[0].dim[3] + 2;
	if (insn->opcode == NPU_OP_RESIZE_BILINEAR) {
		pieces *= 2; /* two directions to be between */
		if (insn->t[1].type == NPU_TYPE_INT16)
			element = PRICE_BETWEEN;
	}
	return p->unit + elements * element + pieces * PRICE_MOVED_PIECE;
}

static __u32 sum_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 lanes = npu_lanes(insn), channels = insn->t[0].dim[3];

	if (lanes > channels)
		lanes = channels;
	/* at most 2^11 terms of sixteen sums, or 2^16 of one */
	return p->unit + npu_sum_length(insn) * (lanes * p->element + PRICE_TERM);
}

/* Sums of @depth products in @rows rows, where a variant makes @rate times as many. */
static __u32 product_cost(const struct npu_insn *insn, __u32 depth, __u32 rows, __u32 rate)
{
	const struct price *p = &price[npu_kernel_of(insn)];
	__u32 share = rows < NPU_STRIP ? rows : NPU_STRIP;

	return p->unit + depth * p->element / rate + (depth + 3) / 4 * PRICE_WEIGHTS / share +
	       shared_cost(insn, PRICE_CALL);
}

/* Pixels of the image that @outputs neighbours along direction @d reach; below 2^54. */
static __u64 conv_reach(const struct npu_insn *insn, __u32 d, __u32 outputs)
{
	return ((__u64)npu_conv_pool(insn, d) * outputs - 1) * insn->conv.stride[d] +
	       (__u64)(insn->t[2].dim[1 + d] - 1) * insn->conv.dilation[d] + 1;
}

/*
 * Vector kernels lay out what the windows of a strip share; where that has no room or no form
 * for them, they copy each window.
 */
static __u32 conv_inputs_cost(const struct npu_insn *insn)
{
	const __u32 *kernel = insn->t[2].dim, *out = insn->t[0].dim;
	__u32 taps = kernel[1] * kernel[2], depth = taps * kernel[3], columns, rows;
	__u32 run = insn->conv.dilation[1] == 1 ? kernel[2] * kernel[3] : kernel[3];
	__u64 lines = conv_reach(insn, 0, 1), width = conv_reach(insn, 1, 8);

	if (taps == 1)
		return insn->conv.pad[0] || insn->conv.pad[1] ? PRICE_TAP : PRICE_PIXEL;
	if ((run % 4 && depth > 256) || lines > 8192 || width > 8192 ||
	    lines * width * kernel[3] > 8192)
		return taps * PRICE_TAP;
	/* what is below 2^13 for eight outputs is below 2^17 for 64 */
	columns = out[2] < NPU_STRIP ? out[2] : NPU_STRIP;
	rows = NPU_STRIP / columns < out[1] ? NPU_STRIP / columns : out[1];
	return (__u32)(conv_reach(insn, 0, rows) * conv_reach(insn, 1, columns) /
		       (rows * columns)) *
	       (PRICE_PIXEL + kernel[3] / 16 * PRICE_CHANNELS);
}

/* Each tap is multiplied, by zero where it meets no input. */
static __u32 transpose_conv_cost(const struct npu_insn *insn, __u32 rate)
{
	const __u32 *kernel = insn->t[2].dim, *out = insn->t[0].dim;
	__u32 taps = kernel[1] * kernel[2];

	/* at most 2^16 products */
	return product_cost(insn, taps * kernel[3], out[0] * out[1] * out[2], rate) +
	       taps * PRICE_TAP;
}

/* One row times up to sixteen, sixteen products of each at once. */
static __u32 matmul_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 lanes = npu_lanes(insn), channels = insn->t[0].dim[3];

	if (lanes > channels)
		lanes = channels;
	return p->unit + lanes * (p->element + (insn->t[1].dim[3] + 15) / 16 * p->element);
}

static __u32 conv_cost(const struct npu_insn *insn, __u32 rate)
{
	const __u32 *kernel = insn->t[2].dim, *out = insn->t[0].dim;
	__u32 pixels = npu_conv_pool(insn, 0) * npu_conv_pool(insn, 1);

	/* at most 2^16 products, and 2^32 outputs, as these are units */
	return product_cost(insn, kernel[1] * kernel[2] * kernel[3] * pixels,
			    out[0] * out[1] * out[2], rate) +
	       conv_inputs_cost(insn) * pixels;
}

/*
 * Vector kernels make words of the columns that pixels side by side share. They leave kernels
 * that do not fit their memory, and output channels that share an input channel, to the
 * scalar kernel.
 */
static __u32 depthwise_cost(const struct npu_insn *insn, const struct price *p)
{
	const __u32 *kernel = insn->t[2].dim, *out = insn->t[0].dim;
	__u64 span = (__u64)(kernel[2] - 1) * insn->conv.dilation[1] + 1;
	__u64 words = span * ((kernel[1] + 1) / 2);
	__u32 taps = kernel[1] * kernel[2], pixels = out[2] < NPU_STRIP ? out[2] : NPU_STRIP;

	/* at most 2^16 taps */
	if (insn->t[1].type == NPU_TYPE_INT16)
		return p->unit + taps * (PRICE_TAP + p->element);
	if (words > 512 || insn->t[1].dim[3] != out[3])
		return PRICE_SCALAR_UNIT + taps * PRICE_SCALAR_TAP;
	return p->unit + taps * p->element + (__u32)words * PRICE_WORD / pixels;
}

/* The dearest unit: of a GRU in two waves the second, which has two of three gates. */
static __u32 recurrent_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 depth = insn->t[2].dim[3] + insn->t[3].dim[3];

	/* at most 4 * 2^13 sums */
	return p->unit + npu_insn_gates(insn) * (depth * p->element + PRICE_GATE);
}

/* Of a variant that makes @rate times as many products. */
static __u32 unit_cost(const struct npu_insn *insn, __u32 rate)
{
	const struct price *p = &price[npu_kernel_of(insn)];
	__u32 length = insn->t[1].dim[3];

	switch (insn->opcode) {
	case NPU_OP_NOP:
		return p->unit;
	case NPU_OP_FULLY_CONNECTED:
		return product_cost(insn, length, insn->t[0].dim[2], rate);
	case NPU_OP_CONV_2D:
		return conv_cost(insn, rate);
	case NPU_OP_TRANSPOSE_CONV_2D:
		return transpose_conv_cost(insn, rate);
	case NPU_OP_DEPTHWISE_CONV_2D:
		return depthwise_cost(insn, p);
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		return p->unit + insn->pool.kernel[0] * insn->pool.kernel[1] * p->element;
	case NPU_OP_SOFTMAX:
		return softmax_cost(insn, p);
	case NPU_OP_LAYER_NORM:
		return p->unit + length * p->element;
	case NPU_OP_RNN:
	case NPU_OP_LSTM:
	case NPU_OP_GRU:
		return recurrent_cost(insn, p);
	case NPU_OP_BATCH_MATMUL:
		return matmul_cost(insn, p);
	case NPU_OP_REDUCE_MEAN:
	case NPU_OP_REDUCE_SUM:
	case NPU_OP_REDUCE_MAX:
		return sum_cost(insn, p);
	case NPU_OP_PAD:
	case NPU_OP_SLICE:
	case NPU_OP_TRANSPOSE:
	case NPU_OP_RESIZE_NEAREST:
	case NPU_OP_RESIZE_BILINEAR:
	case NPU_OP_EMBEDDING:
		return move_cost(insn, p);
	case NPU_OP_SIGMOID:
	case NPU_OP_TANH:
		if (insn->t[1].type == NPU_TYPE_INT8)
			return elementwise_cost(insn, p) + shared_cost(insn, PRICE_FUNCTION);
		return elementwise_cost(insn, p);
	default:
		return elementwise_cost(insn, p);
	}
}

__u32 npu_insn_unit_cost(const struct npu_insn *insn)
{
	return unit_cost(insn, 1);
}

static npu_kernel vector_kernel(const struct npu_variant *variant, const struct npu_insn *insn)
{
	if (variant->kernel == npu_scalar_kernels)
		return NULL;
	return variant->kernel[npu_kernel_of(insn)];
}

void npu_insn_run(const struct npu_variant *variant, const struct npu_exec *exec, __u32 insn,
		  __u32 first, __u32 count)
{
	const struct npu_insn *i = &exec->insns[insn];
	npu_kernel kernel = vector_kernel(variant, i);

	if (!kernel)
		kernel = npu_scalar_kernels[npu_kernel_of(i)];
	if (kernel && count)
		kernel(exec, i, first, count);
}

bool npu_exec_vector(const struct npu_variant *variant, const struct npu_exec *exec)
{
	return !npu_exec_done(exec) && vector_kernel(variant, &exec->insns[exec->insn]);
}

/* Rows of the output where units are in strips, else 1. */
static __u32 strip_rows(const struct npu_insn *insn)
{
	const __u32 *dim = insn->t[0].dim;

	switch (insn->opcode) {
	case NPU_OP_FULLY_CONNECTED:
	case NPU_OP_CONV_2D:
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_TRANSPOSE_CONV_2D:
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		return dim[0] * dim[1] * dim[2];
	default:
		return 1;
	}
}

/*
 * Of @count units from @first on, so many that whole strips are done, or whole pairs of blocks
 * of one strip: what kernels prepare for these they prepare once.
 */
static __u32 whole_strips(const struct npu_insn *insn, __u32 first, __u32 count)
{
	__u32 rows = strip_rows(insn), blocks = npu_insn_units(insn) / rows, strip, at, left;

	if (rows < NPU_STRIP)
		return count;
	/* below 2^32: units of a strip that is there */
	strip = NPU_STRIP * blocks;
	at = first % strip;
	left = strip - at;
	if (count >= left)
		return left + (count - left) / strip * strip;
	left = NPU_STRIP * 2 - at % (NPU_STRIP * 2);
	return count >= left ? left + (count - left) / (NPU_STRIP * 2) * (NPU_STRIP * 2) : count;
}

void npu_exec_step(const struct npu_variant *variant, struct npu_exec *exec, __u32 budget)
{
	bool vector = npu_exec_vector(variant, exec);
	__u32 left = budget ? budget : 1;

	while (!npu_exec_done(exec) && left) {
		const struct npu_insn *insn = &exec->insns[exec->insn];
		__u32 cost = unit_cost(insn, variant->products);
		__u32 units = npu_insn_units(insn) - exec->unit;
		__u32 affordable = (left - 1) / cost + 1;

		if (!vector && vector_kernel(variant, insn))
			return;
		if (units > affordable)
			units = whole_strips(insn, exec->unit, affordable);
		npu_insn_run(variant, exec, exec->insn, exec->unit, units);

		left = units < affordable ? left - units * cost : 0;
		exec->unit += units;
		if (exec->unit == npu_insn_units(insn)) {
			exec->insn++;
			exec->unit = 0;
		}
	}
}
