/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * RNN, LSTM and GRU of int8: the sums of all gates of some blocks of hidden units, then their
 * activations, sixteen hidden units at a time.
 */
#ifndef NPU_SIMD_RECURRENT_H
#define NPU_SIMD_RECURRENT_H

#include "../recurrent.h"
#include "activation.h"

/* Most rows of sixteen whose sums are made at once. */
#define RECURRENT_ROWS 8

/**
 * struct recurrent_scales - in the workspace: what a call prepares
 * @part: of each gate, of the input part and of the recurrent part, where rows share them
 * @more: those behind them; the last one of each instruction has the output's zero point
 * @quick: all of them are
 * @rows: scales are of rows: @part is not used
 * @zero: a hidden state of real zero
 */
struct recurrent_scales {
	struct lanes_scale part[2][NPU_LSTM_GATES];
	struct lanes_scale more[NPU_LSTM_SCALES];
	bool quick, rows;
	__s8 zero[NPU_MAX_RECURRENT];
};

static void recurrent_prepare(const struct npu_exec *exec, const struct npu_insn *insn,
			      const __u32 more)
{
	struct recurrent_scales *s = exec->workspace;
	struct npu_recurrent r;
	__u32 part, i;

	npu_recurrent_resolve(exec, insn, &r);
	s->rows = r.row_scales;
	s->quick = !s->rows;
	for (part = 0; part < 2 && !s->rows; part++)
		for (i = 0; i < r.gates; i++) {
			lanes_scale_load(&s->part[part][i], r.part[part].scale + i, 0, 0);
			s->quick = s->quick && s->part[part][i].quick;
		}
	for (i = 0; i < more; i++) {
		lanes_scale_load(&s->more[i], r.more + i, 0, i + 1 == more ? r.zero : 0);
		s->quick = s->quick && s->more[i].quick;
	}
	if (!r.initial)
		__builtin_memset(s->zero, r.zero, r.units);
}

/* Sums, bias included, of @count rows of sixteen: @row, @row + @step, ... */
static lanes_inline void recurrent_sums(const struct npu_recurrent *r, const unsigned int part,
					const void *vector, __u32 row, const __u32 step,
					const __u32 count, struct lanes *sums)
{
	const struct npu_recurrent_part *p = &r->part[part];
	unsigned long bytes = (unsigned long)p->groups * 64;
	const __s8 *w = p->weights + row * bytes;
	__u32 done = 0, i;

	for (; done + DOT_ROW_BLOCKS <= count; done += DOT_ROW_BLOCKS)
		dot_row(sums + done, vector, p->depth, w + done * step * bytes, step * bytes,
			DOT_ROW_BLOCKS);
	if (DOT_ROW_BLOCKS > 4 && done + 4 <= count) {
		dot_row(sums + done, vector, p->depth, w + done * step * bytes, step * bytes, 4);
		done += 4;
	}
	for (; done < count; done++)
		dot_row(sums + done, vector, p->depth, w + done * step * bytes, step * bytes, 1);
	for (i = 0; i < count && p->bias; i++)
		sums[i] = lanes_add(sums[i],
				    lanes_load((const __s32 *)p->bias + (row + i * step) * 16));
}

static lanes_inline struct lanes recurrent_rescale(const struct npu_recurrent *r,
						   const struct recurrent_scales *s,
						   const unsigned int part, __u32 row,
						   const __u32 gate, struct lanes sum,
						   const bool quick)
{
	struct lanes_scale own;

	if (quick || !s->rows)
		return lanes_rescale(sum, &s->part[part][gate], quick);
	lanes_scale_load(&own, r->part[part].scale + row * 16, 1, 0);
	return lanes_rescale(sum, &own, false);
}

static lanes_inline struct lanes recurrent_clamp16(struct lanes x)
{
	return lanes_clamp(x, lanes_set(-32768), lanes_set(32767));
}

/* The argument of a gate, Q3.12, from its two sums. */
static lanes_inline struct lanes recurrent_argument(const struct npu_recurrent *r,
						    const struct recurrent_scales *s, __u32 row,
						    const __u32 gate, struct lanes x,
						    struct lanes h, const bool quick)
{
	x = recurrent_clamp16(recurrent_rescale(r, s, 0, row, gate, x, quick));
	h = recurrent_rescale(r, s, 1, row, gate, h, quick);
	return recurrent_clamp16(lanes_add(x, h));
}

static lanes_inline struct lanes recurrent_sigmoid(struct lanes x)
{
	return activation_sigmoid16(lanes_mul(x, lanes_set(3)));
}

static lanes_inline struct lanes recurrent_tanh(struct lanes x)
{
	return activation_tanh16(lanes_mul(x, lanes_set(3)));
}

static lanes_inline void recurrent_store(const struct npu_recurrent *r, void *out, __u32 block,
					 struct lanes y)
{
	y = lanes_clamp(y, lanes_set(r->act_min), lanes_set(r->act_max));
	lanes_store_part_s8((__s8 *)out + block * 16, y, npu_recurrent_lanes(r, block));
}

/* ------------------------------------------------------------------- LSTM */

static lanes_inline void
recurrent_lstm_block(const struct npu_insn *insn, const struct npu_recurrent *r,
		     const struct recurrent_scales *s, const struct npu_recurrent_work *work,
		     __u32 block, const struct lanes *x, const struct lanes *h, const bool quick)
{
	__u32 lanes = npu_recurrent_lanes(r, block), row = block * NPU_LSTM_GATES;
	const struct lanes clip = lanes_set(insn->lstm.cell_clip);
	__s16 *memory = (__s16 *)work->extra + block * 16;
	struct lanes a[NPU_LSTM_GATES], cell = lanes_set(0), y;
	__u32 g;

#pragma GCC unroll 4
	for (g = 0; g < NPU_LSTM_GATES; g++) {
		a[g] = recurrent_argument(r, s, row + g, g, x[g], h[g], quick);
		a[g] = g == NPU_LSTM_CELL ? recurrent_tanh(a[g]) : recurrent_sigmoid(a[g]);
	}
	if (!work->begin)
		cell = lanes_load_part_s16(memory, lanes);
	cell = recurrent_clamp16(lanes_rescale(lanes_mul(a[NPU_LSTM_FORGET], cell),
					       &s->more[NPU_LSTM_SCALE_FORGET], quick));
	y = lanes_rescale(lanes_mul(a[NPU_LSTM_INPUT], a[NPU_LSTM_CELL]),
			  &s->more[NPU_LSTM_SCALE_INPUT], quick);
	cell = lanes_clamp(lanes_add(cell, y), lanes_sub(lanes_set(0), clip), clip);
	lanes_store_part_s16(memory, cell, lanes);

	y = activation_tanh16(
		activation_scale16(cell, insn->lstm.cell_multiplier, insn->lstm.cell_shift));
	y = lanes_rescale(lanes_mul(a[NPU_LSTM_OUTPUT], y), &s->more[NPU_LSTM_SCALE_OUTPUT], quick);
	recurrent_store(r, work->out, block, y);
}

static lanes_inline void recurrent_lstm(const struct npu_insn *insn, const struct npu_recurrent *r,
					const struct recurrent_scales *s,
					const struct npu_recurrent_work *work, const bool quick)
{
	const void *before = work->before ? work->before : s->zero;
	__u32 end = work->block + work->blocks, block = work->block, i;
	struct lanes x[RECURRENT_ROWS], h[RECURRENT_ROWS];

	for (; block + 2 <= end; block += 2) {
		recurrent_sums(r, 0, work->in, block * NPU_LSTM_GATES, 1, 8, x);
		recurrent_sums(r, 1, before, block * NPU_LSTM_GATES, 1, 8, h);
		for (i = 0; i < 2; i++)
			recurrent_lstm_block(insn, r, s, work, block + i, x + i * NPU_LSTM_GATES,
					     h + i * NPU_LSTM_GATES, quick);
	}
	if (block < end) {
		recurrent_sums(r, 0, work->in, block * NPU_LSTM_GATES, 1, 4, x);
		recurrent_sums(r, 1, before, block * NPU_LSTM_GATES, 1, 4, h);
		recurrent_lstm_block(insn, r, s, work, block, x, h, quick);
	}
}

static void recurrent_lstm_step(const struct npu_exec *exec, const struct npu_insn *insn,
				const struct npu_recurrent *r,
				const struct npu_recurrent_work *work)
{
	const struct recurrent_scales *s = exec->workspace;

	if (s->quick)
		recurrent_lstm(insn, r, s, work, true);
	else
		recurrent_lstm(insn, r, s, work, false);
}

static void recurrent_lstm_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			      __u32 count)
{
	recurrent_prepare(exec, insn, NPU_LSTM_SCALES);
	npu_recurrent_run(exec, insn, first, count, recurrent_lstm_step);
}

/* -------------------------------------------------------------------- RNN */

static lanes_inline struct lanes recurrent_activated(const struct npu_exec *exec,
						     const struct npu_insn *insn, struct lanes x)
{
	switch (insn->rnn.activation) {
	case NPU_RNN_TANH:
		return recurrent_tanh(x);
	case NPU_RNN_SIGMOID:
		return recurrent_sigmoid(x);
	case NPU_RNN_TABLE:
		return activation_interpolate(
			(const __s16 *)((const __u8 *)exec->consts + insn->rnn.table), x);
	default:
		return x;
	}
}

static void recurrent_rnn_step(const struct npu_exec *exec, const struct npu_insn *insn,
			       const struct npu_recurrent *r, const struct npu_recurrent_work *work)
{
	const struct recurrent_scales *s = exec->workspace;
	const void *before = work->before ? work->before : s->zero;
	__u32 block, end = work->block + work->blocks, count, i;
	struct lanes x[4], h[4];

	for (block = work->block; block < end; block += count) {
		count = block + 4 <= end ? 4 : 1;
		if (count == 4) {
			recurrent_sums(r, 0, work->in, block, 1, 4, x);
			recurrent_sums(r, 1, before, block, 1, 4, h);
		} else {
			recurrent_sums(r, 0, work->in, block, 1, 1, x);
			recurrent_sums(r, 1, before, block, 1, 1, h);
		}
		for (i = 0; i < count; i++) {
			struct lanes y = recurrent_argument(r, s, block + i, 0, x[i], h[i], false);

			y = recurrent_activated(exec, insn, y);
			y = lanes_rescale(y, &s->more[NPU_RNN_SCALE_OUTPUT], false);
			recurrent_store(r, work->out, block + i, y);
		}
	}
}

static void recurrent_rnn_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			     __u32 count)
{
	recurrent_prepare(exec, insn, NPU_RNN_SCALES);
	npu_recurrent_run(exec, insn, first, count, recurrent_rnn_step);
}

/* -------------------------------------------------------------------- GRU */

/* The unit's own hidden state, without its zero point. */
static lanes_inline struct lanes recurrent_own(const struct npu_recurrent *r,
					       const struct npu_recurrent_work *work, __u32 block)
{
	struct lanes h;

	if (!work->before)
		return lanes_set(0);
	h = lanes_load_part_s8((const __s8 *)work->before + block * 16,
			       npu_recurrent_lanes(r, block));
	return lanes_sub(h, lanes_set(r->zero));
}

/* One gate of one block. */
static lanes_inline struct lanes recurrent_gate(const struct npu_recurrent *r,
						const struct recurrent_scales *s, const void *in,
						const void *before, __u32 row, const __u32 gate)
{
	struct lanes x, h;

	recurrent_sums(r, 0, in, row, 1, 1, &x);
	recurrent_sums(r, 1, before, row, 1, 1, &h);
	return recurrent_argument(r, s, row, gate, x, h, false);
}

/* The new state from the update gate and the fresh state. */
static lanes_inline void recurrent_gru_state(const struct npu_recurrent *r,
					     const struct recurrent_scales *s,
					     const struct npu_recurrent_work *work, __u32 block,
					     struct lanes update, struct lanes fresh)
{
	struct lanes h =
		lanes_rescale(recurrent_own(r, work, block), &s->more[NPU_GRU_SCALE_STATE], false);
	struct lanes y;

	y = lanes_mul(lanes_sub(lanes_set(32768), update), fresh);
	y = lanes_add(y, lanes_mul(update, recurrent_clamp16(h)));
	y = lanes_rescale(y, &s->more[NPU_GRU_SCALE_OUTPUT], false);
	recurrent_store(r, work->out, block, y);
}

/* Reset gates act on sums: all three gates from one reading of the hidden state. */
static void recurrent_gru_after(const struct npu_recurrent *r, const struct recurrent_scales *s,
				const struct npu_recurrent_work *work, const void *before,
				__u32 block)
{
	struct lanes x[NPU_GRU_GATES], h[NPU_GRU_GATES], update, reset, fresh;
	__u32 row = block * NPU_GRU_GATES;

	recurrent_sums(r, 0, work->in, row, 1, NPU_GRU_GATES, x);
	recurrent_sums(r, 1, before, row, 1, NPU_GRU_GATES, h);
	update = recurrent_sigmoid(recurrent_argument(r, s, row, 0, x[0], h[0], false));
	reset = recurrent_sigmoid(recurrent_argument(r, s, row + 1, 1, x[1], h[1], false));
	fresh = recurrent_rescale(r, s, 1, row + 2, 2, h[2], false);
	fresh = lanes_rounding_shift(lanes_mul(reset, recurrent_clamp16(fresh)), 15);
	x[2] = recurrent_clamp16(recurrent_rescale(r, s, 0, row + 2, 2, x[2], false));
	fresh = recurrent_tanh(recurrent_clamp16(lanes_add(x[2], fresh)));
	recurrent_gru_state(r, s, work, block, update, fresh);
}

/* First of two waves: r * h. */
static void recurrent_gru_reset(const struct npu_recurrent *r, const struct recurrent_scales *s,
				const struct npu_recurrent_work *work, const void *before,
				__u32 block)
{
	__u32 row = block * NPU_GRU_GATES + NPU_GRU_RESET;
	struct lanes y = recurrent_gate(r, s, work->in, before, row, NPU_GRU_RESET);

	y = lanes_mul(recurrent_sigmoid(y), recurrent_own(r, work, block));
	y = lanes_add(lanes_rounding_shift(y, 15), lanes_set(r->zero));
	lanes_store_part_s8((__s8 *)work->extra + block * 16, y, npu_recurrent_lanes(r, block));
}

/* Second: the other gates, one of them over r * h. */
static void recurrent_gru_rest(const struct npu_recurrent *r, const struct recurrent_scales *s,
			       const struct npu_recurrent_work *work, const void *before,
			       __u32 block)
{
	__u32 row = block * NPU_GRU_GATES;
	struct lanes update, fresh;

	update = recurrent_gate(r, s, work->in, before, row, NPU_GRU_UPDATE);
	fresh = recurrent_gate(r, s, work->in, work->extra, row + NPU_GRU_HIDDEN, NPU_GRU_HIDDEN);
	recurrent_gru_state(r, s, work, block, recurrent_sigmoid(update), recurrent_tanh(fresh));
}

static void recurrent_gru_step(const struct npu_exec *exec, const struct npu_insn *insn,
			       const struct npu_recurrent *r, const struct npu_recurrent_work *work)
{
	const struct recurrent_scales *s = exec->workspace;
	const void *before = work->before ? work->before : s->zero;
	__u32 block;

	(void)insn;
	for (block = work->block; block < work->block + work->blocks; block++) {
		if (r->waves == 1)
			recurrent_gru_after(r, s, work, before, block);
		else if (work->wave == 0)
			recurrent_gru_reset(r, s, work, before, block);
		else
			recurrent_gru_rest(r, s, work, before, block);
	}
}

static void recurrent_gru_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			     __u32 count)
{
	recurrent_prepare(exec, insn, NPU_GRU_SCALES);
	npu_recurrent_run(exec, insn, first, count, recurrent_gru_step);
}

#define RECURRENT_KERNELS                                                                 \
	[NPU_KERNEL_RNN_S8] = recurrent_rnn_s8, [NPU_KERNEL_LSTM_S8] = recurrent_lstm_s8, \
	[NPU_KERNEL_GRU_S8] = recurrent_gru_s8

#endif /* NPU_SIMD_RECURRENT_H */
