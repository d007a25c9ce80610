// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Sequences of recurrent instructions. A unit is sixteen hidden units of one step of one sequence,
 * with all their gates; units are numbered step by step, and within one block by block with the
 * sequence running fastest, so that neighbours share weights.
 */
#include "recurrent.h"
#include "fixedpoint.h"

__u32 npu_insn_gates(const struct npu_insn *insn)
{
	switch (insn->opcode) {
	case NPU_OP_LSTM:
		return NPU_LSTM_GATES;
	case NPU_OP_GRU:
		return NPU_GRU_GATES;
	default:
		return 1;
	}
}

static __u32 waves_of_step(const struct npu_insn *insn)
{
	return insn->opcode == NPU_OP_GRU && !(insn->gru.flags & NPU_RECURRENT_RESET_AFTER) ? 2 : 1;
}

__u32 npu_recurrent_wave(const struct npu_insn *insn)
{
	return (insn->t[0].dim[3] + 15) / 16 * insn->t[0].dim[0];
}

__u32 npu_recurrent_units(const struct npu_insn *insn)
{
	__u32 waves = insn->t[0].dim[2] * waves_of_step(insn);

	if (insn->t[5].type != NPU_TYPE_NONE)
		waves++;
	/* at most 3 * NPU_MAX_STEPS */
	return waves * npu_recurrent_wave(insn);
}

static void *address_or_null(const struct npu_exec *exec, const struct npu_tensor *t)
{
	return t->type == NPU_TYPE_NONE ? NULL : npu_tensor_address(exec, t);
}

static void resolve_parts(const struct npu_exec *exec, const struct npu_insn *insn,
			  struct npu_recurrent *r)
{
	const struct npu_scale *scales = npu_scales(exec->consts, insn->rnn.scales);
	const __u8 *bias = address_or_null(exec, &insn->t[4]);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct npu_recurrent_part *part = &r->part[i];

		part->weights = npu_tensor_address(exec, &insn->t[2 + i]);
		part->depth = insn->t[2 + i].dim[3];
		part->groups = (part->depth + 3) / 4;
		part->bias = bias ? bias + (__u64)i * insn->t[4].stride[2] : NULL;
		part->scale = scales + i * insn->rnn.scale_count;
	}
	r->more = scales + 2 * insn->rnn.scale_count;
	r->row_scales = insn->rnn.scale_count != r->gates;
	r->bias_wide = insn->t[4].type == NPU_TYPE_INT64;
}

/* The first words of the parameters are the same in rnn, lstm and gru. */
void npu_recurrent_resolve(const struct npu_exec *exec, const struct npu_insn *insn,
			   struct npu_recurrent *r)
{
	const struct npu_tensor *out = &insn->t[0], *in = &insn->t[1];

	r->steps = out->dim[2];
	r->batch = out->dim[0];
	r->units = out->dim[3];
	r->blocks = (r->units + 15) / 16;
	r->gates = npu_insn_gates(insn);
	r->waves = waves_of_step(insn);
	r->wide = in->type == NPU_TYPE_INT16;
	r->backwards = insn->rnn.flags & NPU_RECURRENT_BACKWARDS;
	r->initial = insn->rnn.flags & NPU_RECURRENT_INITIAL;
	resolve_parts(exec, insn, r);

	r->in = npu_tensor_address(exec, in);
	r->in_batch = in->stride[0];
	r->in_step = in->stride[2];
	r->out = npu_tensor_address(exec, out);
	r->out_batch = out->stride[0];
	r->out_step = out->stride[2];
	r->hidden = address_or_null(exec, &insn->t[5]);
	r->hidden_batch = insn->t[5].stride[0];
	r->extra = address_or_null(exec, &insn->t[6]);
	r->extra_batch = insn->t[6].stride[0];
	r->lengths = address_or_null(exec, &insn->t[7]);
	r->lengths_batch = insn->t[7].stride[0];
	r->zero = out->zero_point;
	r->act_min = insn->rnn.act_min;
	r->act_max = insn->rnn.act_max;
}

__s32 npu_recurrent_hidden(const struct npu_recurrent *r, const void *vector, __u32 unit)
{
	if (!vector)
		return r->zero;
	return r->wide ? ((const __s16 *)vector)[unit] : ((const __s8 *)vector)[unit];
}

void npu_recurrent_store(const struct npu_recurrent *r, void *vector, __u32 unit, __s32 value)
{
	if (r->wide)
		((__s16 *)vector)[unit] = value;
	else
		((__s8 *)vector)[unit] = value;
}

static __s64 bias_of(const struct npu_recurrent *r, const struct npu_recurrent_part *part,
		     __u32 row)
{
	if (!part->bias)
		return 0;
	return r->bias_wide ? ((const __s64 *)part->bias)[row] : ((const __s32 *)part->bias)[row];
}

/* Below 2^12 * 2^22: only a bias can make it wrap. */
static __s64 product_sum(const struct npu_recurrent *r, const struct npu_recurrent_part *part,
			 const void *vector, const __s8 *weights)
{
	const __s16 *words = vector;
	const __s8 *bytes = vector;
	__s64 sum = 0;
	__u32 k;

	if (!vector) {
		for (k = 0; k < part->depth; k++)
			sum += weights[k / 4 * 64 + k % 4];
		return sum * r->zero;
	}
	if (r->wide)
		for (k = 0; k < part->depth; k++)
			sum += words[k] * weights[k / 4 * 64 + k % 4];
	else
		for (k = 0; k < part->depth; k++)
			sum += bytes[k] * weights[k / 4 * 64 + k % 4];
	return sum;
}

__s32 npu_recurrent_sum(const struct npu_recurrent *r, unsigned int part, const void *vector,
			__u32 row)
{
	const struct npu_recurrent_part *p = &r->part[part];
	const struct npu_scale *scale = p->scale + (r->row_scales ? row : row / 16 % r->gates);
	const __s8 *weights = p->weights + (__u64)(row / 16) * p->groups * 64 + row % 16 * 4;
	__u64 sum = (__u64)product_sum(r, p, vector, weights) + (__u64)bias_of(r, p, row);

	if (r->wide)
		return npu_rescale64((__s64)sum, scale->multiplier, scale->shift);
	return npu_rescale((__s32)sum, scale->multiplier, scale->shift);
}

__s32 npu_recurrent_gate(const struct npu_recurrent *r, const void *in, const void *before,
			 __u32 row)
{
	__s32 x = npu_clamp32(npu_recurrent_sum(r, 0, in, row), -32768, 32767);

	return npu_clamp32(npu_add32(x, npu_recurrent_sum(r, 1, before, row)), -32768, 32767);
}

static __u32 length_of(const struct npu_recurrent *r, __u32 n)
{
	__s32 length;

	if (!r->lengths)
		return r->steps;
	length = npu_read_once_s32((const __s32 *)(r->lengths + (__u64)n * r->lengths_batch));
	return npu_clamp32(length, 0, r->steps);
}

/* Copy the given blocks of a hidden state; @from NULL: real zero. */
static void copy_state(const struct npu_recurrent *r, void *to, const void *from, __u32 block,
		       __u32 blocks)
{
	__u32 end = block + blocks < r->blocks ? (block + blocks) * 16 : r->units, unit;

	for (unit = block * 16; unit < end; unit++)
		npu_recurrent_store(r, to, unit, npu_recurrent_hidden(r, from, unit));
}

static void *out_at(const struct npu_recurrent *r, __u32 n, __u32 t)
{
	return r->out + (__u64)n * r->out_batch + (__u64)t * r->out_step;
}

/* The last wave: what is left of a sequence becomes the state. */
static void finish(const struct npu_recurrent *r, __u32 n, __u32 block, __u32 blocks)
{
	void *state = r->hidden + (__u64)n * r->hidden_batch;
	__u32 length = length_of(r, n);

	if (length)
		copy_state(r, state, out_at(r, n, r->backwards ? 0 : length - 1), block, blocks);
	else if (!r->initial)
		copy_state(r, state, NULL, block, blocks);
}

/* A step behind the end of a sequence: zero, and a cell state that has begun as one. */
static void skip(const struct npu_recurrent *r, const struct npu_recurrent_work *work, bool lstm)
{
	__u32 end = (work->block + work->blocks) * 16, unit;

	if (work->wave + 1 < r->waves)
		return;
	copy_state(r, work->out, NULL, work->block, work->blocks);
	if (!lstm || !work->begin)
		return;
	for (unit = work->block * 16; unit < end && unit < r->units; unit++)
		((__s16 *)work->extra)[unit] = 0;
}

static void run_blocks(const struct npu_exec *exec, const struct npu_insn *insn,
		       const struct npu_recurrent *r, __u32 wave, __u32 n, __u32 block,
		       __u32 blocks, npu_recurrent_step step)
{
	__u32 index = wave / r->waves, length = length_of(r, n);
	__u32 t = r->backwards ? r->steps - 1 - index : index;
	bool first = r->backwards ? t + 1 == length : t == 0;
	struct npu_recurrent_work work = {
		.block = block,
		.blocks = blocks,
		.wave = wave % r->waves,
		.in = r->in + (__u64)n * r->in_batch + (__u64)t * r->in_step,
		.out = out_at(r, n, t),
		.extra = r->extra ? r->extra + (__u64)n * r->extra_batch : NULL,
		.begin = index == 0 && !r->initial,
	};

	if (t >= length) {
		skip(r, &work, insn->opcode == NPU_OP_LSTM);
		return;
	}
	if (!first)
		work.before = out_at(r, n, r->backwards ? t + 1 : t - 1);
	else if (r->initial)
		work.before = r->hidden + (__u64)n * r->hidden_batch;
	step(exec, insn, r, &work);
}

void npu_recurrent_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		       __u32 count, npu_recurrent_step step)
{
	struct npu_recurrent r;
	__u32 wave, block, n;

	npu_recurrent_resolve(exec, insn, &r);
	n = first % r.batch;
	block = first / r.batch % r.blocks;
	wave = first / r.batch / r.blocks;
	while (count) {
		__u32 blocks = 1;

		/* blocks of one sequence are neighbours only where there is one sequence */
		if (r.batch == 1)
			blocks = r.blocks - block < count ? r.blocks - block : count;
		if (wave == r.steps * r.waves)
			finish(&r, n, block, blocks);
		else
			run_blocks(exec, insn, &r, wave, n, block, blocks, step);
		count -= blocks;
		if (++n < r.batch)
			continue;
		n = 0;
		block += blocks;
		if (block == r.blocks) {
			block = 0;
			wave++;
		}
	}
}
