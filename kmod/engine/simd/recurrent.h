/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * RNN, LSTM and GRU: the sums of all gates of some blocks of hidden units, then their activations,
 * sixteen hidden units at a time. Sums of int8 go through dot.h, several rows at once; those of
 * int16 are made of lanes, one row at a time.
 */
#ifndef NPU_SIMD_RECURRENT_H
#define NPU_SIMD_RECURRENT_H

#include "../recurrent.h"
#include "activation.h"

/* Blocks of an LSTM whose sums are made at once. */
#define RECURRENT_BLOCKS (DOT_ROW_BLOCKS >= 2 * NPU_LSTM_GATES ? 2 : 1)
/* The same of one gate of a GRU. */
#define RECURRENT_GRU_BLOCKS (DOT_ROW_BLOCKS >= 4 ? 4 : DOT_ROW_BLOCKS)
/* Groups of four products of int16, 2^24 at most, that fit into 32 bits. */
#define RECURRENT_GROUPS 64

/**
 * struct recurrent_scales - in the workspace: what a call prepares
 * @part: of each gate, of the input part and of the recurrent part, where rows share them
 * @part64: the same for int16
 * @more: those behind them; the last one of each instruction has the output's zero point
 * @quick: @part and @more are
 * @rows: scales are of rows: @part is not used
 * @zero: a hidden state of real zero
 */
struct recurrent_scales {
	struct lanes_scale part[2][NPU_LSTM_GATES];
	struct lanes_scale64 part64[2][NPU_LSTM_GATES];
	struct lanes_scale more[NPU_LSTM_SCALES];
	bool quick, rows;
	__s8 zero[2 * NPU_MAX_RECURRENT];
};

static void recurrent_prepare(const struct npu_exec *exec, const struct npu_insn *insn,
			      const __u32 more)
{
	struct recurrent_scales *s = exec->workspace;
	struct npu_recurrent r;
	__u32 part, i;

	npu_recurrent_resolve(exec, insn, &r);
	s->rows = r.row_scales;
	s->quick = !s->rows && !r.wide;
	for (part = 0; part < 2 && !s->rows; part++)
		for (i = 0; i < r.gates; i++) {
			if (r.wide) {
				lanes_scale64_load(&s->part64[part][i], r.part[part].scale + i, 0,
						   0);
				continue;
			}
			lanes_scale_load(&s->part[part][i], r.part[part].scale + i, 0, 0);
			s->quick = s->quick && s->part[part][i].quick;
		}
	for (i = 0; i < more; i++) {
		lanes_scale_load(&s->more[i], r.more + i, 0, i + 1 == more ? r.zero : 0);
		s->quick = s->quick && s->more[i].quick;
	}
	if (!r.initial)
		__builtin_memset(s->zero, r.zero, r.wide ? 2 * r.units : r.units);
}

/* ------------------------------------------------------------------- sums */

/* Sums, bias included, of @count rows of sixteen: @row, @row + @step, ... */
static lanes_inline void recurrent_sums(const struct npu_recurrent_part *p, const void *vector,
					__u32 row, const __u32 step, const __u32 count,
					struct lanes *sums)
{
	const unsigned long bytes = (unsigned long)p->groups * 64, apart = bytes * step;
	const __s8 *w = p->weights + row * bytes;
	__u32 done = 0, i;

	for (; done + DOT_ROW_BLOCKS <= count; done += DOT_ROW_BLOCKS)
		dot_row(sums + done, vector, p->depth, w + done * apart, apart, DOT_ROW_BLOCKS);
	if (DOT_ROW_BLOCKS >= 4 && count - done >= 3) {
		dot_row(sums + done, vector, p->depth, w + done * apart, apart,
			count - done == 3 ? 3 : 4);
		done += count - done == 3 ? 3 : 4;
	}
	for (; done < count; done++)
		dot_row(sums + done, vector, p->depth, w + done * apart, apart, 1);
	for (i = 0; i < count && p->bias; i++)
		sums[i] = lanes_add(sums[i],
				    lanes_load((const __s32 *)p->bias + (row + i * step) * 16));
}

/* One group of four: the bytes of each lane times four inputs, the last ones 0 if missing. */
static lanes_inline struct lanes recurrent_group(const __s16 *x, __u32 count, const __s8 *w)
{
	struct lanes weights = lanes_load(w), sum;

	sum = lanes_mul(lanes_shift_right(lanes_shift_left(weights, 24), 24), lanes_set(x[0]));
	if (count > 1)
		sum = lanes_add(sum, lanes_mul(lanes_shift_right(lanes_shift_left(weights, 16), 24),
					       lanes_set(x[1])));
	if (count > 2)
		sum = lanes_add(sum, lanes_mul(lanes_shift_right(lanes_shift_left(weights, 8), 24),
					       lanes_set(x[2])));
	if (count > 3)
		sum = lanes_add(sum, lanes_mul(lanes_shift_right(weights, 24), lanes_set(x[3])));
	return sum;
}

/* The sum of one row of sixteen over int16, bias included. */
static lanes_inline struct lanes64 recurrent_sum16(const struct npu_recurrent *r,
						   const struct npu_recurrent_part *p,
						   const void *vector, __u32 row)
{
	const __s8 *w = p->weights + (unsigned long)row * p->groups * 64;
	struct lanes64 total = lanes64_set(0);
	struct lanes sum = lanes_set(0);
	const __s16 *x = vector;
	__u32 g;

	if (p->bias && r->bias_wide)
		total = lanes64_load((const __s64 *)p->bias + row * 16);
	else if (p->bias)
		total = lanes64_widen(lanes_load((const __s32 *)p->bias + row * 16));
	for (g = 0; g + 1 < p->groups; g++) {
		sum = lanes_add(sum, recurrent_group(x + g * 4, 4, w + g * 64));
		if (g % RECURRENT_GROUPS == RECURRENT_GROUPS - 1) {
			total = lanes64_add(total, lanes64_widen(sum));
			sum = lanes_set(0);
		}
	}
	sum = lanes_add(sum, recurrent_group(x + g * 4, p->depth - g * 4, w + g * 64));
	return lanes64_add(total, lanes64_widen(sum));
}

/* This and the next are not inline: the frames of kernels would have them many times. */
static __attribute__((__noinline__)) void recurrent_rescale_row(const struct npu_scale *scale,
								struct lanes *sum)
{
	struct lanes_scale own;

	lanes_scale_load(&own, scale, 1, 0);
	*sum = lanes_rescale(*sum, &own, false);
}

static __attribute__((__noinline__)) void recurrent_part16(const struct npu_recurrent *r,
							   const struct recurrent_scales *s,
							   unsigned int part, const void *vector,
							   __u32 row, __u32 gate, struct lanes *out)
{
	struct lanes64 sum = recurrent_sum16(r, &r->part[part], vector, row);
	struct lanes_scale64 own;

	if (!s->rows) {
		*out = lanes64_rescale(sum, &s->part64[part][gate]);
		return;
	}
	lanes_scale64_load(&own, r->part[part].scale + row * 16, 1, 0);
	*out = lanes64_rescale(sum, &own);
}

/* One part of @count rows, @row, @row + @step, ..., the first of gate @gate, rescaled. */
static lanes_inline void recurrent_parts(const struct npu_recurrent *r,
					 const struct recurrent_scales *s, const unsigned int part,
					 const void *vector, __u32 row, const __u32 gate,
					 const __u32 step, const __u32 count, struct lanes *out,
					 const bool quick)
{
	__u32 i;

	if (!quick && r->wide) {
		for (i = 0; i < count; i++)
			recurrent_part16(r, s, part, vector, row + i * step,
					 (gate + i * step) % r->gates, out + i);
		return;
	}
	recurrent_sums(&r->part[part], vector, row, step, count, out);
	for (i = 0; i < count; i++) {
		if (quick || !s->rows)
			out[i] = lanes_rescale(out[i], &s->part[part][(gate + i * step) % r->gates],
					       quick);
		else
			recurrent_rescale_row(r->part[part].scale + (row + i * step) * 16, out + i);
	}
}

static lanes_inline struct lanes recurrent_clamp16(struct lanes x)
{
	return lanes_clamp(x, lanes_set(-32768), lanes_set(32767));
}

/* The arguments of @count gates, Q3.12. */
static lanes_inline void recurrent_arguments(const struct npu_recurrent *r,
					     const struct recurrent_scales *s, const void *in,
					     const void *before, __u32 row, const __u32 gate,
					     const __u32 step, const __u32 count, struct lanes *a,
					     const bool quick)
{
	struct lanes h[2 * NPU_LSTM_GATES];
	__u32 i;

	recurrent_parts(r, s, 0, in, row, gate, step, count, a, quick);
	recurrent_parts(r, s, 1, before, row, gate, step, count, h, quick);
	for (i = 0; i < count; i++)
		a[i] = recurrent_clamp16(lanes_add(recurrent_clamp16(a[i]), h[i]));
}

static lanes_inline struct lanes recurrent_sigmoid(struct lanes x)
{
	return activation_sigmoid16(lanes_mul(x, lanes_set(3)));
}

static lanes_inline struct lanes recurrent_tanh(struct lanes x)
{
	return activation_tanh16(lanes_mul(x, lanes_set(3)));
}

static lanes_inline __u32 recurrent_type(const struct npu_recurrent *r)
{
	return r->wide ? NPU_TYPE_INT16 : NPU_TYPE_INT8;
}

static lanes_inline void recurrent_store(const struct npu_recurrent *r, void *out, __u32 block,
					 struct lanes y)
{
	lanes_store_part_type(lanes_at(out, block * 16, recurrent_type(r)), recurrent_type(r), y,
			      npu_recurrent_lanes(r, block));
}

static lanes_inline void recurrent_output(const struct npu_recurrent *r, void *out, __u32 block,
					  struct lanes y)
{
	y = lanes_clamp(y, lanes_set(r->act_min), lanes_set(r->act_max));
	recurrent_store(r, out, block, y);
}

/* ------------------------------------------------------------------- LSTM */

static lanes_inline void recurrent_lstm_block(const struct npu_insn *insn,
					      const struct npu_recurrent *r,
					      const struct recurrent_scales *s,
					      const struct npu_recurrent_work *work, __u32 block,
					      struct lanes *a, const bool quick)
{
	const struct lanes clip = lanes_set(insn->lstm.cell_clip);
	__s16 *memory = (__s16 *)work->extra + block * 16;
	__u32 lanes = npu_recurrent_lanes(r, block), g;
	struct lanes cell = lanes_set(0), y;

#pragma GCC unroll 4
	for (g = 0; g < NPU_LSTM_GATES; g++)
		a[g] = g == NPU_LSTM_CELL ? recurrent_tanh(a[g]) : recurrent_sigmoid(a[g]);
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
	recurrent_output(r, work->out, block, y);
}

static lanes_inline void recurrent_lstm(const struct npu_insn *insn, const struct npu_recurrent *r,
					const struct recurrent_scales *s,
					const struct npu_recurrent_work *work, const bool quick)
{
	const void *before = work->before ? work->before : s->zero;
	__u32 end = work->block + work->blocks, block = work->block, i;
	struct lanes a[2 * NPU_LSTM_GATES];

	for (; RECURRENT_BLOCKS == 2 && block + 2 <= end; block += 2) {
		recurrent_arguments(r, s, work->in, before, block * NPU_LSTM_GATES, 0, 1,
				    2 * NPU_LSTM_GATES, a, quick);
		for (i = 0; i < 2; i++)
			recurrent_lstm_block(insn, r, s, work, block + i, a + i * NPU_LSTM_GATES,
					     quick);
	}
	for (; block < end; block++) {
		recurrent_arguments(r, s, work->in, before, block * NPU_LSTM_GATES, 0, 1,
				    NPU_LSTM_GATES, a, quick);
		recurrent_lstm_block(insn, r, s, work, block, a, quick);
	}
}

static __attribute__((__noinline__)) void
recurrent_lstm_quick(const struct npu_insn *insn, const struct npu_recurrent *r,
		     const struct recurrent_scales *s, const struct npu_recurrent_work *work)
{
	recurrent_lstm(insn, r, s, work, true);
}

static __attribute__((__noinline__)) void recurrent_lstm_any(const struct npu_insn *insn,
							     const struct npu_recurrent *r,
							     const struct recurrent_scales *s,
							     const struct npu_recurrent_work *work)
{
	recurrent_lstm(insn, r, s, work, false);
}

static void recurrent_lstm_step(const struct npu_exec *exec, const struct npu_insn *insn,
				const struct npu_recurrent *r,
				const struct npu_recurrent_work *work)
{
	const struct recurrent_scales *s = exec->workspace;

	if (s->quick)
		recurrent_lstm_quick(insn, r, s, work);
	else
		recurrent_lstm_any(insn, r, s, work);
}

static void recurrent_lstm_run(const struct npu_exec *exec, const struct npu_insn *insn,
			       __u32 first, __u32 count)
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
	struct lanes a[4];

	for (block = work->block; block < end; block += count) {
		count = block + 4 <= end ? 4 : 1;
		if (count == 4)
			recurrent_arguments(r, s, work->in, before, block, 0, 1, 4, a, false);
		else
			recurrent_arguments(r, s, work->in, before, block, 0, 1, 1, a, false);
		for (i = 0; i < count; i++) {
			struct lanes y = recurrent_activated(exec, insn, a[i]);

			y = lanes_rescale(y, &s->more[NPU_RNN_SCALE_OUTPUT], false);
			recurrent_output(r, work->out, block + i, y);
		}
	}
}

static void recurrent_rnn_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
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
	h = lanes_load_part_type(lanes_at(work->before, block * 16, recurrent_type(r)),
				 recurrent_type(r), npu_recurrent_lanes(r, block));
	return lanes_sub(h, lanes_set(r->zero));
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

	update = recurrent_sigmoid(update);
	y = lanes_mul(lanes_sub(lanes_set(32768), update), recurrent_tanh(fresh));
	y = lanes_add(y, lanes_mul(update, recurrent_clamp16(h)));
	y = lanes_rescale(y, &s->more[NPU_GRU_SCALE_OUTPUT], false);
	recurrent_output(r, work->out, block, y);
}

/* Reset gates act on sums: all three gates from one reading of the hidden state. */
static __attribute__((__noinline__)) void recurrent_gru_after(const struct npu_recurrent *r,
							      const struct recurrent_scales *s,
							      const struct npu_recurrent_work *work,
							      const void *before, __u32 block)
{
	struct lanes x[NPU_GRU_GATES], h[NPU_GRU_GATES], reset;
	__u32 row = block * NPU_GRU_GATES, g;

	recurrent_parts(r, s, 0, work->in, row, 0, 1, NPU_GRU_GATES, x, false);
	recurrent_parts(r, s, 1, before, row, 0, 1, NPU_GRU_GATES, h, false);
	for (g = 0; g < NPU_GRU_GATES; g++)
		x[g] = recurrent_clamp16(x[g]);
	reset = recurrent_clamp16(lanes_add(x[NPU_GRU_RESET], h[NPU_GRU_RESET]));
	reset = lanes_mul(recurrent_sigmoid(reset), recurrent_clamp16(h[NPU_GRU_HIDDEN]));
	h[NPU_GRU_HIDDEN] = lanes_rounding_shift(reset, 15);
	for (g = 0; g < NPU_GRU_GATES; g++)
		x[g] = recurrent_clamp16(lanes_add(x[g], h[g]));
	recurrent_gru_state(r, s, work, block, x[NPU_GRU_UPDATE], x[NPU_GRU_HIDDEN]);
}

/* First of two waves: r * h of some blocks. */
static lanes_inline void recurrent_gru_reset(const struct npu_recurrent *r,
					     const struct recurrent_scales *s,
					     const struct npu_recurrent_work *work,
					     const void *before, __u32 block, const __u32 count)
{
	__u32 row = block * NPU_GRU_GATES + NPU_GRU_RESET, i;
	struct lanes a[RECURRENT_GRU_BLOCKS];

	recurrent_arguments(r, s, work->in, before, row, NPU_GRU_RESET, NPU_GRU_GATES, count, a,
			    false);
	for (i = 0; i < count; i++) {
		struct lanes y =
			lanes_mul(recurrent_sigmoid(a[i]), recurrent_own(r, work, block + i));

		y = lanes_add(lanes_rounding_shift(y, 15), lanes_set(r->zero));
		recurrent_store(r, work->extra, block + i, y);
	}
}

/* Second: the other gates, one of them over r * h. */
static lanes_inline void recurrent_gru_rest(const struct npu_recurrent *r,
					    const struct recurrent_scales *s,
					    const struct npu_recurrent_work *work,
					    const void *before, __u32 block, const __u32 count)
{
	struct lanes update[RECURRENT_GRU_BLOCKS], fresh[RECURRENT_GRU_BLOCKS];
	__u32 row = block * NPU_GRU_GATES, i;

	recurrent_arguments(r, s, work->in, before, row, NPU_GRU_UPDATE, NPU_GRU_GATES, count,
			    update, false);
	recurrent_arguments(r, s, work->in, work->extra, row + NPU_GRU_HIDDEN, NPU_GRU_HIDDEN,
			    NPU_GRU_GATES, count, fresh, false);
	for (i = 0; i < count; i++)
		recurrent_gru_state(r, s, work, block + i, update[i], fresh[i]);
}

static lanes_inline void recurrent_gru_blocks(const struct npu_recurrent *r,
					      const struct recurrent_scales *s,
					      const struct npu_recurrent_work *work,
					      const void *before, __u32 block, const __u32 count)
{
	if (work->wave == 0)
		recurrent_gru_reset(r, s, work, before, block, count);
	else
		recurrent_gru_rest(r, s, work, before, block, count);
}

static __attribute__((__noinline__)) void recurrent_gru_some(const struct npu_recurrent *r,
							     const struct recurrent_scales *s,
							     const struct npu_recurrent_work *work,
							     const void *before, __u32 block)
{
	recurrent_gru_blocks(r, s, work, before, block, RECURRENT_GRU_BLOCKS);
}

static __attribute__((__noinline__)) void recurrent_gru_one(const struct npu_recurrent *r,
							    const struct recurrent_scales *s,
							    const struct npu_recurrent_work *work,
							    const void *before, __u32 block)
{
	recurrent_gru_blocks(r, s, work, before, block, 1);
}

static void recurrent_gru_step(const struct npu_exec *exec, const struct npu_insn *insn,
			       const struct npu_recurrent *r, const struct npu_recurrent_work *work)
{
	const struct recurrent_scales *s = exec->workspace;
	const void *before = work->before ? work->before : s->zero;
	__u32 block = work->block, end = work->block + work->blocks;

	(void)insn;
	for (; r->waves == 1 && block < end; block++)
		recurrent_gru_after(r, s, work, before, block);
	for (; block + RECURRENT_GRU_BLOCKS <= end; block += RECURRENT_GRU_BLOCKS)
		recurrent_gru_some(r, s, work, before, block);
	for (; block < end; block++)
		recurrent_gru_one(r, s, work, before, block);
}

static void recurrent_gru_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			      __u32 count)
{
	recurrent_prepare(exec, insn, NPU_GRU_SCALES);
	npu_recurrent_run(exec, insn, first, count, recurrent_gru_step);
}

/* clang-format off */
#define RECURRENT_KERNELS                          \
	[NPU_KERNEL_RNN_S8] = recurrent_rnn_run,   \
	[NPU_KERNEL_RNN_S16] = recurrent_rnn_run,  \
	[NPU_KERNEL_LSTM_S8] = recurrent_lstm_run, \
	[NPU_KERNEL_LSTM_S16] = recurrent_lstm_run, \
	[NPU_KERNEL_GRU_S8] = recurrent_gru_run,   \
	[NPU_KERNEL_GRU_S16] = recurrent_gru_run
/* clang-format on */

#endif /* NPU_SIMD_RECURRENT_H */
