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
	[NPU_KERNEL_COPY] = { 2, 200 },
	[NPU_KERNEL_FULLY_CONNECTED_S8] = { 16, 600 },
	[NPU_KERNEL_FULLY_CONNECTED_S16] = { 16, 800 },
	[NPU_KERNEL_CONV_S8] = { 120, 1200 },
	[NPU_KERNEL_CONV_S16] = { 160, 1200 },
	[NPU_KERNEL_DEPTHWISE_CONV_S8] = { 160, 1600 },
	[NPU_KERNEL_DEPTHWISE_CONV_S16] = { 160, 1600 },
	[NPU_KERNEL_TRANSPOSE_CONV_S8] = { 120, 1200 },
	[NPU_KERNEL_TRANSPOSE_CONV_S16] = { 160, 1200 },
	[NPU_KERNEL_MAX_POOL_S8] = { 160, 1600 },
	[NPU_KERNEL_MAX_POOL_S16] = { 160, 1600 },
	[NPU_KERNEL_AVERAGE_POOL_S8] = { 160, 1600 },
	[NPU_KERNEL_AVERAGE_POOL_S16] = { 160, 1600 },
	[NPU_KERNEL_ADD_S8] = { 10, 200 },
	[NPU_KERNEL_ADD_S16] = { 10, 200 },
	[NPU_KERNEL_MUL_S8] = { 8, 200 },
	[NPU_KERNEL_MUL_S16] = { 8, 200 },
	[NPU_KERNEL_SUB_S8] = { 40, 200 },
	[NPU_KERNEL_SUB_S16] = { 40, 200 },
	[NPU_KERNEL_EXTREMUM_S8] = { 34, 200 },
	[NPU_KERNEL_EXTREMUM_S16] = { 34, 200 },
	[NPU_KERNEL_BATCH_MATMUL_S8] = { 8, 600 },
	[NPU_KERNEL_BATCH_MATMUL_S16] = { 8, 600 },
	[NPU_KERNEL_REDUCE] = { 8, 800 },
	[NPU_KERNEL_CLAMP_S8] = { 2, 200 },
	[NPU_KERNEL_CLAMP_S16] = { 2, 200 },
	[NPU_KERNEL_REQUANTISE_S8] = { 8, 200 },
	[NPU_KERNEL_REQUANTISE_S16] = { 8, 200 },
	[NPU_KERNEL_REQUANTISE_S32] = { 8, 200 },
	[NPU_KERNEL_TABLE_S8] = { 8, 200 },
	[NPU_KERNEL_TABLE_S16] = { 16, 200 },
	[NPU_KERNEL_SIGMOID_S8] = { 160, 200 },
	[NPU_KERNEL_SIGMOID_S16] = { 24, 200 },
	[NPU_KERNEL_TANH_S8] = { 160, 200 },
	[NPU_KERNEL_TANH_S16] = { 24, 200 },
	[NPU_KERNEL_SOFTMAX_S8] = { 32, 400 },
	[NPU_KERNEL_SOFTMAX_S16] = { 60, 400 },
	[NPU_KERNEL_PAD] = { 8, 200 },
	[NPU_KERNEL_SLICE] = { 8, 200 },
	[NPU_KERNEL_TRANSPOSE] = { 8, 200 },
	[NPU_KERNEL_RESIZE] = { 60, 200 },
	[NPU_KERNEL_EMBEDDING] = { 8, 200 },
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
#define PRICE_PIECE 128
/* The same where the place is computed for each piece. */
#define PRICE_MOVED_PIECE 320
/* An element at the end of a piece, which vector kernels leave to the scalar row. */
#define PRICE_TAIL 32
/* Going from one term of sums to the next. */
#define PRICE_TERM 24
/* The exponential of one distance from the maximum, at most 256 of them. */
#define PRICE_EXPONENTIAL 160
/* Sixteen gates beside their sums: rescaling, the activation, and a share of the states. */
#define PRICE_GATE 1200
/* Finding where a tap of a kernel meets the input. */
#define PRICE_TAP 64

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

static __u32 elementwise_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 elements = npu_elementwise_total(insn);
	__u32 dense = npu_elementwise_dense(insn), pieces;

	if (elements > NPU_ELEMENTWISE_UNIT)
		elements = NPU_ELEMENTWISE_UNIT;
	pieces = elements / dense + 1;
	return p->unit + elements * p->element +
	       pieces * (PRICE_PIECE + (dense < 16 ? dense : 16) * PRICE_TAIL);
}

/* Rows over C are the pieces; a unit begins and ends within one. */
static __u32 move_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 elements = npu_elementwise_total(insn);

	if (elements > NPU_ELEMENTWISE_UNIT)
		elements = NPU_ELEMENTWISE_UNIT;
	return p->unit + elements * p->element +
	       (elements / insn->t[0].dim[3] + 2) * PRICE_MOVED_PIECE;
}

static __u32 sum_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 lanes = npu_lanes(insn), channels = insn->t[0].dim[3];

	if (lanes > channels)
		lanes = channels;
	/* at most 2^11 terms of sixteen sums, or 2^16 of one */
	return p->unit + npu_sum_length(insn) * (lanes * p->element + PRICE_TERM);
}

static __u32 conv_cost(const struct npu_insn *insn, const struct price *p)
{
	const __u32 *kernel = insn->t[2].dim;
	__u32 met = npu_conv_taps(insn, 0) * npu_conv_taps(insn, 1);
	__u32 pixels = npu_conv_pool(insn, 0) * npu_conv_pool(insn, 1);

	/* at most 2^16 taps of all pixels and, of what they meet, 2^16 channels */
	return p->unit + (kernel[1] * kernel[2] * PRICE_TAP + met * kernel[3] * p->element) * pixels;
}

/* The dearest unit: of a GRU in two waves the second, which has two of three gates. */
static __u32 recurrent_cost(const struct npu_insn *insn, const struct price *p)
{
	__u32 depth = insn->t[2].dim[3] + insn->t[3].dim[3];

	/* at most 4 * 2^13 sums */
	return p->unit + npu_insn_gates(insn) * (depth * p->element + PRICE_GATE);
}

__u32 npu_insn_unit_cost(const struct npu_insn *insn)
{
	const struct price *p = &price[npu_kernel_of(insn)];
	__u32 length = insn->t[1].dim[3];

	switch (insn->opcode) {
	case NPU_OP_NOP:
		return p->unit;
	case NPU_OP_FULLY_CONNECTED:
		return p->unit + length * p->element;
	case NPU_OP_CONV_2D:
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_TRANSPOSE_CONV_2D:
		return conv_cost(insn, p);
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		return p->unit + insn->pool.kernel[0] * insn->pool.kernel[1] * p->element;
	case NPU_OP_SOFTMAX:
		if (insn->t[1].type == NPU_TYPE_INT8)
			return p->unit + length * p->element +
			       (length < 256 ? length : 256) * PRICE_EXPONENTIAL;
		return p->unit + length * p->element;
	case NPU_OP_LAYER_NORM:
		return p->unit + length * p->element;
	case NPU_OP_RNN:
	case NPU_OP_LSTM:
	case NPU_OP_GRU:
		return recurrent_cost(insn, p);
	case NPU_OP_BATCH_MATMUL:
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
	default:
		return elementwise_cost(insn, p);
	}
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

void npu_exec_step(const struct npu_variant *variant, struct npu_exec *exec, __u32 budget)
{
	bool vector = npu_exec_vector(variant, exec);
	__u32 left = budget ? budget : 1;

	while (!npu_exec_done(exec) && left) {
		const struct npu_insn *insn = &exec->insns[exec->insn];
		__u32 cost = npu_insn_unit_cost(insn);
		__u32 units = npu_insn_units(insn) - exec->unit;
		__u32 affordable = (left - 1) / cost + 1;

		if (!vector && vector_kernel(variant, insn))
			return;
		if (units > affordable)
			units = affordable;
		npu_insn_run(variant, exec, exec->insn, exec->unit, units);

		left = units < affordable ? left - units * cost : 0;
		exec->unit += units;
		if (exec->unit == npu_insn_units(insn)) {
			exec->insn++;
			exec->unit = 0;
		}
	}
}
