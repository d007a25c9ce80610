/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What RNN, LSTM and GRU have in common: sequences, states, the sums of gates.
 * Documentation/recurrent-instructions.rst defines them.
 */
#ifndef NPU_RECURRENT_H
#define NPU_RECURRENT_H

#include "kernels.h"

/* Gates of each, as they lie in the rows of weights. */
enum {
	NPU_LSTM_INPUT,
	NPU_LSTM_OUTPUT,
	NPU_LSTM_FORGET,
	NPU_LSTM_CELL,
	NPU_LSTM_GATES
};

enum {
	NPU_GRU_UPDATE,
	NPU_GRU_RESET,
	NPU_GRU_HIDDEN,
	NPU_GRU_GATES
};

/* Scales behind those of the gates. */
enum {
	NPU_LSTM_SCALE_FORGET,
	NPU_LSTM_SCALE_INPUT,
	NPU_LSTM_SCALE_OUTPUT,
	NPU_LSTM_SCALES
};

enum {
	NPU_GRU_SCALE_STATE,
	NPU_GRU_SCALE_OUTPUT,
	NPU_GRU_SCALES
};

enum {
	NPU_RNN_SCALE_OUTPUT,
	NPU_RNN_SCALES
};

/**
 * struct npu_recurrent_part - the sums over the input, or those over the hidden state
 * @weights: packed; sixteen rows are @groups * 64 bytes
 * @depth: K or U
 * @groups: ceil(@depth / 4)
 * @bias: of row 0, int32 or int64, or NULL
 * @scale: of row 0 or gate 0
 */
struct npu_recurrent_part {
	const __s8 *weights;
	__u32 depth, groups;
	const void *bias;
	const struct npu_scale *scale;
};

/**
 * struct npu_recurrent - a recurrent instruction, addresses resolved
 * @steps: T
 * @batch: N
 * @units: U
 * @blocks: of sixteen units
 * @gates: G
 * @waves: of a step: 2 for a GRU whose reset gate comes first, else 1
 * @wide: int16 in and out, else int8
 * @bias_wide: bias is int64
 * @row_scales: scales are of rows, else of gates
 * @backwards: from the last step to the first
 * @initial: start from the state operands, else from zero
 * @part: of the input, of the hidden state
 * @more: the scales behind those of the parts
 * @in: first step of the first sequence
 * @in_batch: bytes from a sequence to the next
 * @in_step: bytes from a step to the next
 * @out: likewise
 * @out_batch: likewise
 * @out_step: likewise
 * @hidden: hidden state operand, or NULL
 * @hidden_batch: likewise
 * @extra: cell state or scratch operand, or NULL
 * @extra_batch: likewise
 * @lengths: of the sequences, or NULL
 * @lengths_batch: likewise
 * @zero: zero point of the output
 * @act_min: least output
 * @act_max: largest output
 */
struct npu_recurrent {
	__u32 steps, batch, units, blocks, gates, waves;
	bool wide, bias_wide, row_scales, backwards, initial;
	struct npu_recurrent_part part[2];
	const struct npu_scale *more;
	const __u8 *in;
	__u32 in_batch, in_step;
	__u8 *out;
	__u32 out_batch, out_step;
	__u8 *hidden;
	__u32 hidden_batch;
	__u8 *extra;
	__u32 extra_batch;
	const __u8 *lengths;
	__u32 lengths_batch;
	__s32 zero, act_min, act_max;
};

/**
 * struct npu_recurrent_work - what a call computes: blocks of one step of one sequence
 * @block: the first
 * @blocks: how many
 * @wave: of the step
 * @in: inputs of the step
 * @before: hidden state before it; NULL: real zero
 * @out: hidden state after it
 * @extra: cell state or scratch of the sequence
 * @begin: the extra operand holds nothing yet: the cell state is 0
 */
struct npu_recurrent_work {
	__u32 block, blocks, wave;
	const void *in, *before;
	void *out, *extra;
	bool begin;
};

/* A step within its sequence. @insn and @consts are for what struct npu_recurrent leaves out. */
typedef void (*npu_recurrent_step)(const struct npu_exec *exec, const struct npu_insn *insn,
				   const struct npu_recurrent *r,
				   const struct npu_recurrent_work *work);

__u32 npu_insn_gates(const struct npu_insn *insn);
__u32 npu_recurrent_units(const struct npu_insn *insn);
__u32 npu_recurrent_wave(const struct npu_insn *insn);

void npu_recurrent_resolve(const struct npu_exec *exec, const struct npu_insn *insn,
			   struct npu_recurrent *r);

/* Cut units [first, first + count) into steps; those behind a sequence's end are done here. */
void npu_recurrent_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		       __u32 count, npu_recurrent_step step);

/* One part of one row's gate: the sum over @vector (NULL: real zero), rescaled, not clamped. */
__s32 npu_recurrent_sum(const struct npu_recurrent *r, unsigned int part, const void *vector,
			__u32 row);

/* A gate's argument: both parts. */
__s32 npu_recurrent_gate(const struct npu_recurrent *r, const void *in, const void *before,
			 __u32 row);

/* Row of a gate of a hidden unit. */
static inline __u32 npu_recurrent_row(const struct npu_recurrent *r, __u32 unit, __u32 gate)
{
	return (unit / 16 * r->gates + gate) * 16 + unit % 16;
}

/* Hidden units of the given block that exist. */
static inline __u32 npu_recurrent_lanes(const struct npu_recurrent *r, __u32 block)
{
	__u32 left = r->units - block * 16;

	return left < 16 ? left : 16;
}

/* Value of one hidden unit, zero point and all. */
__s32 npu_recurrent_hidden(const struct npu_recurrent *r, const void *vector, __u32 unit);
void npu_recurrent_store(const struct npu_recurrent *r, void *vector, __u32 unit, __s32 value);

#endif /* NPU_RECURRENT_H */
