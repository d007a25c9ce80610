/* SPDX-License-Identifier: MIT */
/*
 * RNN, LSTM and GRU written a second time, from Documentation/recurrent-instructions.rst: whole
 * sequences, one after another, in 128 bits and with tables made when they are needed.
 */
#ifndef RECURRENT_REFERENCE_H
#define RECURRENT_REFERENCE_H

#include "recurrent_case.h"

#include <math.h>

typedef __int128 wide;

static inline int32_t ref_wrap(wide x)
{
	return (int32_t)(uint32_t)(uint64_t)x;
}

static inline wide ref_floor_shift(wide x, uint32_t n)
{
	wide unit = (wide)1 << n, q = x / unit;

	return x % unit < 0 ? q - 1 : q;
}

/* Half away from zero. */
static inline int32_t ref_rshift(int32_t x, uint32_t n)
{
	int64_t magnitude = x < 0 ? -(int64_t)x : x;

	magnitude = n ? (magnitude + (1ll << (n - 1))) / (1ll << n) : magnitude;
	return (int32_t)(x < 0 ? -magnitude : magnitude);
}

static inline int32_t ref_rescale(int32_t x, struct npu_scale s)
{
	if (s.shift > 0)
		x = ref_wrap((wide)x * ((wide)1 << s.shift));
	x = (int32_t)ref_floor_shift((wide)x * s.multiplier + (1 << 30), 31);
	return s.shift < 0 ? ref_rshift(x, -s.shift) : x;
}

static inline int32_t ref_rescale64(int64_t x, struct npu_scale s)
{
	wide r = s.multiplier >= 0x7fff8000 ? 32767 : (s.multiplier + 32768ll) / 65536;
	int64_t product = (int64_t)(uint64_t)((wide)x * r);

	product = (int64_t)(uint64_t)((wide)product + ((wide)1 << (14 - s.shift)));
	return ref_wrap(ref_floor_shift(product, 15 - s.shift));
}

static inline int32_t ref_clamp(int64_t x, int32_t low, int32_t high)
{
	return x < low ? low : x > high ? high : (int32_t)x;
}

static inline int32_t ref_clamp16(int32_t x)
{
	return ref_clamp(x, -32768, 32767);
}

static inline int64_t ref_sample(uint32_t i)
{
	double s = 1 / (1 + exp(-(double)i / 24));

	return i == 255 ? 65535
			: (int64_t)floor(65536 * (s + s * (1 - s) * (2 * s - 1) / 9216) + 0.5);
}

static inline int32_t ref_argument(int32_t x, int32_t multiplier, int32_t shift)
{
	if (!multiplier)
		return x * 3 * (1 << shift);
	return (int32_t)ref_floor_shift((wide)x * multiplier + (shift ? 1 << (shift - 1) : 0),
					shift);
}

static inline int32_t ref_sigmoid(int32_t x)
{
	int64_t a = x < 0 ? -(int64_t)x : x, i = a / 512, y = 32767 * 1024;

	if (i < 255)
		y = ref_sample(i) * 512 + a % 512 * (ref_sample(i + 1) - ref_sample(i));
	if (x < 0)
		return (int32_t)ref_floor_shift((1 << 25) - y + 511, 10);
	return (int32_t)ref_floor_shift(y + 512, 10);
}

static inline int32_t ref_tanh(int32_t x)
{
	int64_t a = x < 0 ? -(int64_t)x : x, i = a / 256, y = 65535 * 256;

	if (i < 255)
		y = ref_sample(i) * 256 + a % 256 * (ref_sample(i + 1) - ref_sample(i));
	if (x < 0)
		return (int32_t)ref_floor_shift((1 << 23) - y + 127, 8);
	return (int32_t)ref_floor_shift(y - (1 << 23) + 128, 8);
}

/**
 * struct ref_state - a sequence under way
 * @h, @c: hidden and cell state
 * @t: place of the step
 */
struct ref_state {
	struct recurrent_case *c;
	const struct sequence *s;
	uint32_t n, t;
	int32_t *h, *cell;
};

static inline int32_t ref_load(const struct recurrent_case *c, uint32_t i, uint32_t n, uint32_t w,
			       uint32_t k)
{
	const struct npu_tensor *t = &c->insn.t[i];
	const uint8_t *row =
		guarded_data(&c->slot[i]) + (size_t)n * t->stride[0] + (size_t)w * t->stride[2];

	return t->type == NPU_TYPE_INT8 ? ((const int8_t *)row)[k] : ((const int16_t *)row)[k];
}

static inline int64_t ref_bias(const struct recurrent_case *c, uint32_t part, uint32_t row)
{
	const struct npu_tensor *t = &c->insn.t[BIAS];
	const uint8_t *bias;

	if (t->type == NPU_TYPE_NONE)
		return 0;
	bias = guarded_data(&c->slot[BIAS]) + (size_t)part * t->stride[2];
	return t->type == NPU_TYPE_INT64 ? ((const int64_t *)bias)[row]
					 : ((const int32_t *)bias)[row];
}

/* X or H of a gate; @h replaces the hidden state. */
static inline int32_t ref_part(struct ref_state *q, uint32_t part, const int32_t *h, uint32_t unit,
			       uint32_t gate)
{
	struct recurrent_case *c = q->c;
	uint32_t row = gate_row(c, unit, gate), depth = part ? q->s->u : q->s->k, k;
	struct npu_scale scale =
		*recurrent_scale(c, part * c->scales + (q->s->row_scales ? row : gate));
	wide sum = ref_bias(c, part, row);

	for (k = 0; k < depth; k++)
		sum += (wide)(part ? h[k] : ref_load(c, IN, q->n, q->t, k)) *
		       *gate_weight(c, WEIGHTS + part, row, k);
	if (q->s->type == NPU_TYPE_INT16)
		return ref_rescale64((int64_t)(uint64_t)sum, scale);
	return ref_rescale(ref_wrap(sum), scale);
}

static inline int32_t ref_gate(struct ref_state *q, const int32_t *h, uint32_t unit, uint32_t gate)
{
	int32_t x = ref_clamp16(ref_part(q, 0, h, unit, gate));

	return ref_clamp16(ref_wrap((wide)x + ref_part(q, 1, h, unit, gate)));
}

static inline struct npu_scale ref_more(struct ref_state *q, uint32_t i)
{
	return *recurrent_scale(q->c, 2 * q->c->scales + i);
}

static inline int32_t ref_out(struct ref_state *q, int32_t y)
{
	const struct npu_insn *insn = &q->c->insn;

	return ref_clamp(ref_wrap((wide)y + insn->t[OUT].zero_point), insn->rnn.act_min,
			 insn->rnn.act_max);
}

static inline int32_t ref_rnn(struct ref_state *q, const int32_t *h, uint32_t unit)
{
	const uint8_t *consts = guarded_data(&q->c->consts);
	int32_t a = ref_gate(q, h, unit, 0), i, f;
	const int16_t *table;

	switch (q->s->activation) {
	case NPU_RNN_TANH:
		a = ref_tanh(3 * a);
		break;
	case NPU_RNN_SIGMOID:
		a = ref_sigmoid(3 * a);
		break;
	case NPU_RNN_TABLE:
		table = (const int16_t *)(consts + q->c->insn.rnn.table);
		i = (a + 32768) / 128;
		f = (a + 32768) % 128;
		a = table[i] + (int32_t)ref_floor_shift((table[i + 1] - table[i]) * f + 64, 7);
		break;
	}
	return ref_out(q, ref_rescale(a, ref_more(q, 0)));
}

static inline int32_t ref_lstm(struct ref_state *q, const int32_t *h, uint32_t unit)
{
	const struct npu_insn *insn = &q->c->insn;
	int32_t i = ref_sigmoid(3 * ref_gate(q, h, unit, 0));
	int32_t o = ref_sigmoid(3 * ref_gate(q, h, unit, 1));
	int32_t f = ref_sigmoid(3 * ref_gate(q, h, unit, 2));
	int32_t g = ref_tanh(3 * ref_gate(q, h, unit, 3)), c = q->cell[unit];

	c = ref_clamp16(ref_rescale(f * c, ref_more(q, 0)));
	c = ref_clamp(ref_wrap((wide)c + ref_rescale(i * g, ref_more(q, 1))), -insn->lstm.cell_clip,
		      insn->lstm.cell_clip);
	q->cell[unit] = c;
	c = ref_tanh(ref_argument(c, insn->lstm.cell_multiplier, insn->lstm.cell_shift));
	return ref_out(q, ref_rescale(o * c, ref_more(q, 2)));
}

static inline int32_t ref_reset(struct ref_state *q, const int32_t *h, uint32_t unit)
{
	return ref_sigmoid(3 * ref_gate(q, h, unit, 1));
}

static inline int32_t ref_gru(struct ref_state *q, const int32_t *h, const int32_t *reset_h,
			      uint32_t unit)
{
	int32_t zero = q->c->insn.t[OUT].zero_point, z = ref_sigmoid(3 * ref_gate(q, h, unit, 0));
	int32_t g, own;

	if (reset_h) {
		g = ref_gate(q, reset_h, unit, 2);
	} else {
		g = ref_reset(q, h, unit) * ref_clamp16(ref_part(q, 1, h, unit, 2));
		g = ref_clamp16(ref_rshift(g, 15) + ref_clamp16(ref_part(q, 0, h, unit, 2)));
	}
	g = ref_tanh(3 * g);
	own = ref_clamp16(ref_rescale(h[unit] - zero, ref_more(q, 0)));
	return ref_out(q, ref_rescale((32768 - z) * g + z * own, ref_more(q, 1)));
}

static inline void ref_step(struct ref_state *q)
{
	int32_t zero = q->c->insn.t[OUT].zero_point,
		low = q->s->type == NPU_TYPE_INT8 ? -128 : -32768;
	uint32_t units = q->s->u, u;
	int32_t *h = malloc(units * sizeof(*h)), *reset_h = malloc(units * sizeof(*h));

	assert_true(h && reset_h);
	memcpy(h, q->h, units * sizeof(*h));
	for (u = 0; u < units && sequence_scratch(q->s); u++)
		reset_h[u] = ref_clamp(ref_rshift(ref_reset(q, h, u) * (h[u] - zero), 15) + zero,
				       low, -low - 1);
	for (u = 0; u < units; u++)
		q->h[u] = q->s->opcode == NPU_OP_LSTM ? ref_lstm(q, h, u)
			  : q->s->opcode == NPU_OP_RNN
				  ? ref_rnn(q, h, u)
				  : ref_gru(q, h, sequence_scratch(q->s) ? reset_h : NULL, u);
	free(h);
	free(reset_h);
}

static inline void ref_store(struct recurrent_case *c, uint32_t i, uint32_t n, uint32_t w,
			     const int32_t *values)
{
	const struct npu_tensor *t = &c->insn.t[i];
	uint8_t *row =
		guarded_data(&c->slot[i]) + (size_t)n * t->stride[0] + (size_t)w * t->stride[2];
	uint32_t k;

	for (k = 0; k < t->dim[3]; k++)
		if (t->type == NPU_TYPE_INT8)
			((int8_t *)row)[k] = values[k];
		else
			((int16_t *)row)[k] = values[k];
}

/* Compute the instruction into its own operands. */
static inline void recurrent_reference(struct recurrent_case *c, const struct sequence *s)
{
	bool initial = s->flags & NPU_RECURRENT_INITIAL, lstm = s->opcode == NPU_OP_LSTM;
	int32_t zero = c->insn.t[OUT].zero_point, *zeros = malloc(s->u * sizeof(*zeros));
	struct ref_state q = { .c = c, .s = s };
	uint32_t i, u;

	q.h = malloc(s->u * sizeof(*q.h));
	q.cell = malloc(s->u * sizeof(*q.cell));
	assert_true(zeros && q.h && q.cell);
	for (u = 0; u < s->u; u++)
		zeros[u] = zero;
	for (q.n = 0; q.n < s->n; q.n++) {
		int32_t length = s->t;

		if (s->lengths)
			memcpy(&length,
			       guarded_data(&c->slot[LENGTHS]) +
				       (size_t)q.n * c->insn.t[LENGTHS].stride[0],
			       4);
		length = ref_clamp(length, 0, s->t);
		for (u = 0; u < s->u; u++) {
			q.h[u] = initial ? ref_load(c, HIDDEN, q.n, 0, u) : zero;
			q.cell[u] = initial && lstm ? ref_load(c, EXTRA, q.n, 0, u) : 0;
		}
		for (i = 0; i < s->t; i++) {
			q.t = s->flags & NPU_RECURRENT_BACKWARDS ? s->t - 1 - i : i;
			if ((int32_t)q.t < length)
				ref_step(&q);
			ref_store(c, OUT, q.n, q.t, (int32_t)q.t < length ? q.h : zeros);
		}
		if (s->hidden)
			ref_store(c, HIDDEN, q.n, 0, q.h);
		if (lstm)
			ref_store(c, EXTRA, q.n, 0, q.cell);
	}
	free(zeros);
	free(q.h);
	free(q.cell);
}

#endif /* RECURRENT_REFERENCE_H */
