/* SPDX-License-Identifier: MIT */
/*
 * Instances of RNN, LSTM and GRU: eight tensors, each in memory of its own between two guard
 * pages, and states that a run changes.
 */
#ifndef RECURRENT_CASE_H
#define RECURRENT_CASE_H

#include "engine_case.h"

/**
 * struct sequence - a recurrent instruction to make
 * @name: for messages
 * @opcode: NPU_OP_RNN, NPU_OP_LSTM or NPU_OP_GRU
 * @type: of input and output
 * @bias: its type, or 0
 * @flags: NPU_RECURRENT_*
 * @activation: of an RNN
 * @hidden: it has a hidden state operand
 * @lengths: it has lengths
 * @row_scales: scales are of rows
 * @n, @t, @k, @u: batch, steps, inputs, hidden units
 * @time_major: the sequence is the innermost of N and T
 * @gap: elements behind each row
 * @at_end, @extreme: as in struct shape
 */
struct sequence {
	const char *name;
	uint16_t opcode;
	uint8_t type, bias;
	uint32_t flags, activation;
	bool hidden, lengths, row_scales;
	uint32_t n, t, k, u;
	bool time_major;
	uint32_t gap;
	bool at_end, extreme;
};

#define OUT 0
#define IN 1
#define WEIGHTS 2
#define RECURRENT 3
#define BIAS 4
#define HIDDEN 5
#define EXTRA 6
#define LENGTHS 7

struct recurrent_case {
	struct npu_insn insn;
	struct npu_exec exec;
	struct guarded slot[NPU_INSN_TENSORS], consts, workspace;
	uint8_t *before[NPU_INSN_TENSORS]; /* contents of state operands at the start */
	uint32_t gates, rows, scales, more;
};

static inline uint32_t sequence_gates(uint16_t opcode)
{
	return opcode == NPU_OP_LSTM ? 4 : opcode == NPU_OP_GRU ? 3 : 1;
}

static inline bool sequence_scratch(const struct sequence *s)
{
	return s->opcode == NPU_OP_GRU && !(s->flags & NPU_RECURRENT_RESET_AFTER);
}

static inline void operand(struct recurrent_case *c, const struct sequence *s, uint32_t i,
			   uint32_t type, const uint32_t dim[4])
{
	struct npu_tensor *t = &c->insn.t[i];
	uint32_t size = type_bytes(type), gap = s->gap ? s->gap + i : 0;
	uint32_t row = (dim[3] + gap) * size;
	uint64_t bytes;

	t->slot = i;
	t->type = type;
	memcpy(t->dim, dim, sizeof(t->dim));
	t->stride[2] = s->time_major && dim[2] > 1 && i < 2 ? dim[0] * row : row;
	t->stride[0] = s->time_major && dim[2] > 1 && i < 2 ? row : dim[2] * row;
	t->stride[1] = dim[0] * dim[2] * row;
	bytes = (uint64_t)(dim[0] - 1) * t->stride[0] + (uint64_t)(dim[2] - 1) * t->stride[2] +
		(uint64_t)dim[3] * size;
	guarded_make(&c->slot[i], bytes, s->at_end);
	t->offset = c->slot[i].offset;
	c->exec.slot[i] = c->slot[i].page;
}

static inline void packed(struct recurrent_case *c, const struct sequence *s, uint32_t i,
			  uint32_t depth)
{
	struct npu_tensor *t = &c->insn.t[i];
	uint32_t dim[4] = { c->rows, 1, 1, depth };

	t->slot = i;
	t->type = NPU_TYPE_INT8;
	t->layout = NPU_LAYOUT_BLOCK16X4;
	memcpy(t->dim, dim, sizeof(t->dim));
	guarded_make(&c->slot[i], (size_t)c->rows * ((depth + 3) / 4 * 4), s->at_end);
	t->offset = c->slot[i].offset;
	c->exec.slot[i] = c->slot[i].page;
}

static inline void recurrent_operands(struct recurrent_case *c, const struct sequence *s)
{
	uint32_t out[4] = { s->n, 1, s->t, s->u }, in[4] = { s->n, 1, s->t, s->k };
	uint32_t bias[4] = { 1, 1, 2, c->rows }, state[4] = { s->n, 1, 1, s->u };
	uint32_t lengths[4] = { s->n, 1, 1, 1 };

	operand(c, s, OUT, s->type, out);
	operand(c, s, IN, s->type, in);
	packed(c, s, WEIGHTS, s->k);
	packed(c, s, RECURRENT, s->u);
	if (s->bias)
		operand(c, s, BIAS, s->bias, bias);
	if (s->hidden)
		operand(c, s, HIDDEN, s->type, state);
	if (s->opcode == NPU_OP_LSTM)
		operand(c, s, EXTRA, NPU_TYPE_INT16, state);
	if (sequence_scratch(s))
		operand(c, s, EXTRA, s->type, state);
	if (s->lengths)
		operand(c, s, LENGTHS, NPU_TYPE_INT32, lengths);
}

/* Scale @i of the constant section, for reading and changing. */
static inline struct npu_scale *recurrent_scale(struct recurrent_case *c, uint32_t i)
{
	return (struct npu_scale *)guarded_data(&c->consts) + i;
}

static inline uint32_t gate_row(const struct recurrent_case *c, uint32_t unit, uint32_t gate)
{
	return (unit / 16 * c->gates + gate) * 16 + unit % 16;
}

/* The packed weight of row and k in t[i]. */
static inline int8_t *gate_weight(struct recurrent_case *c, uint32_t i, uint32_t row, uint32_t k)
{
	uint32_t groups = (c->insn.t[i].dim[3] + 3) / 4;

	return (int8_t *)guarded_data(&c->slot[i]) + ((size_t)row / 16 * groups + k / 4) * 64 +
	       row % 16 * 4 + k % 4;
}

static inline struct npu_scale random_scale(struct rng *rng, int32_t low, int32_t high)
{
	return (struct npu_scale){ rng_range(rng, 1 << 30, INT32_MAX), rng_range(rng, low, high) };
}

/* Scales that a compiler might make: gates are neither always saturated nor always zero. */
static inline void recurrent_scales(struct recurrent_case *c, const struct sequence *s,
				    struct rng *rng)
{
	bool wide = s->type == NPU_TYPE_INT16;
	uint32_t count = c->scales, i;

	for (i = 0; i < 2 * count; i++)
		*recurrent_scale(c, i) = wide ? random_scale(rng, -12, -6)
					      : random_scale(rng, -4, 1);
	for (i = 0; i < c->more; i++) {
		struct npu_scale *scale = recurrent_scale(c, 2 * count + i);

		if (s->opcode == NPU_OP_LSTM)
			*scale = random_scale(rng, i < 2 || wide ? -16 : -23,
					      i < 2 || wide ? -13 : -20);
		else if (s->opcode == NPU_OP_GRU && i == 0)
			*scale = wide ? random_scale(rng, -1, 1) : random_scale(rng, 6, 9);
		else if (s->opcode == NPU_OP_GRU)
			*scale = random_scale(rng, wide ? -15 : -23, wide ? -13 : -21);
		else
			*scale = random_scale(rng, wide ? -2 : -9, wide ? 1 : -6);
	}
}

static inline void recurrent_parameters(struct recurrent_case *c, const struct sequence *s,
					struct rng *rng)
{
	struct npu_insn *insn = &c->insn;
	uint32_t table = (2 * c->scales + c->more) * sizeof(struct npu_scale);
	uint32_t i;

	insn->rnn.flags = s->flags;
	insn->rnn.scale_count = c->scales;
	case_limits(rng, s->type, &insn->rnn.act_min, &insn->rnn.act_max);
	recurrent_scales(c, s, rng);
	if (s->opcode == NPU_OP_RNN) {
		insn->rnn.activation = s->activation;
		insn->rnn.table = s->activation == NPU_RNN_TABLE ? table : 0;
		for (i = 0; i < 513; i++)
			((int16_t *)(guarded_data(&c->consts) + table))[i] = rng_next(rng);
	}
	if (s->opcode == NPU_OP_LSTM) {
		insn->lstm.cell_multiplier = rng_next(rng) % 2 ? 0 : rng_range(rng, 1, 32767);
		insn->lstm.cell_shift = rng_range(rng, 0, insn->lstm.cell_multiplier ? 15 : 5);
		insn->lstm.cell_clip = rng_next(rng) % 2 ? 32767 : rng_range(rng, 0, 32767);
	}
	insn->t[OUT].zero_point = random_zero_point(rng, s->type);
	if (s->hidden)
		insn->t[HIDDEN].zero_point = insn->t[OUT].zero_point;
	if (sequence_scratch(s))
		insn->t[EXTRA].zero_point = insn->t[OUT].zero_point;
}

/* A valid random instance; free with recurrent_free(). */
static inline struct recurrent_case *recurrent_make(const struct sequence *s, struct rng *rng)
{
	struct recurrent_case *c = calloc(1, sizeof(*c));
	uint32_t i;

	assert_non_null(c);
	c->insn.opcode = s->opcode;
	c->gates = sequence_gates(s->opcode);
	c->rows = c->gates * ((s->u + 15) / 16 * 16);
	c->scales = s->row_scales ? c->rows : c->gates;
	c->more = s->opcode == NPU_OP_LSTM ? 3 : s->opcode == NPU_OP_GRU ? 2 : 1;
	guarded_make(&c->consts, (2 * c->scales + c->more) * sizeof(struct npu_scale) + 513 * 2 + 2,
		     true);
	recurrent_operands(c, s);
	recurrent_parameters(c, s, rng);
	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		if (c->insn.t[i].type == NPU_TYPE_NONE)
			continue;
		random_bytes(rng, guarded_data(&c->slot[i]), c->slot[i].bytes, c->insn.t[i].type,
			     s->extreme);
		/* a bias of about the size of the sums */
		if (i == BIAS && !s->extreme)
			for (uint32_t b = 0; b < c->slot[i].bytes / 4; b++)
				((int32_t *)guarded_data(&c->slot[i]))[b] =
					s->bias == NPU_TYPE_INT64 && b % 2
						? 0
						: rng_range(rng, -9999, 9999);
	}
	for (i = 0; s->lengths && i < s->n; i++)
		*(int32_t *)(guarded_data(&c->slot[LENGTHS]) +
			     (size_t)i * c->insn.t[LENGTHS].stride[0]) =
			rng_range(rng, -1, s->t + 1);
	for (i = HIDDEN; i <= EXTRA; i++) {
		c->before[i] = malloc(c->slot[i].bytes + 1);
		assert_non_null(c->before[i]);
		if (c->slot[i].bytes)
			memcpy(c->before[i], guarded_data(&c->slot[i]), c->slot[i].bytes);
	}
	guarded_make(&c->workspace, NPU_WORKSPACE_BYTES, true);
	c->exec.insns = &c->insn;
	c->exec.insn_count = 1;
	c->exec.consts = guarded_data(&c->consts);
	c->exec.workspace = guarded_data(&c->workspace);
	return c;
}

static inline void recurrent_free(struct recurrent_case *c)
{
	uint32_t i;

	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		guarded_free(&c->slot[i]);
		free(c->before[i]);
	}
	guarded_free(&c->consts);
	guarded_free(&c->workspace);
	free(c);
}

static inline bool recurrent_valid(const struct recurrent_case *c,
				   struct npu_slot_need needs[NPU_INSN_TENSORS],
				   struct npu_fault *fault)
{
	__u64 cost = 0;

	memset(needs, 0, NPU_INSN_TENSORS * sizeof(*needs));
	memset(fault, 0, sizeof(*fault));
	return npu_insn_validate(&c->insn, c->exec.consts, c->consts.bytes, NPU_INSN_TENSORS, needs,
				 &cost, fault);
}

/* Output as if never written, states as they were made. */
static inline void recurrent_restore(struct recurrent_case *c)
{
	uint32_t i;

	memset(c->slot[OUT].page, OUT_PATTERN, c->slot[OUT].offset + c->slot[OUT].bytes);
	memset(c->exec.workspace, OUT_PATTERN, NPU_WORKSPACE_BYTES);
	for (i = HIDDEN; i <= EXTRA; i++)
		if (c->slot[i].bytes)
			memcpy(guarded_data(&c->slot[i]), c->before[i], c->slot[i].bytes);
	c->exec.insn = c->exec.unit = 0;
}

static inline void recurrent_run(struct recurrent_case *c, const struct npu_variant *variant,
				 uint32_t budget)
{
	recurrent_restore(c);
	while (!npu_exec_done(&c->exec))
		npu_exec_step(variant, &c->exec, budget);
}

/* Output and states in one piece of memory; scratch of a GRU is no result. */
static inline size_t recurrent_result(const struct recurrent_case *c, uint8_t *to)
{
	bool cell = c->insn.opcode == NPU_OP_LSTM;
	size_t bytes = 0;
	uint32_t i;

	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		if (i != OUT && i != HIDDEN && (i != EXTRA || !cell))
			continue;
		if (!c->slot[i].bytes)
			continue;
		if (to)
			memcpy(to + bytes, guarded_data(&c->slot[i]), c->slot[i].bytes);
		bytes += c->slot[i].bytes;
	}
	return bytes;
}

static inline uint8_t *recurrent_copy(const struct recurrent_case *c)
{
	uint8_t *copy = malloc(recurrent_result(c, NULL) + 1);

	assert_non_null(copy);
	recurrent_result(c, copy);
	return copy;
}

static inline void expect_recurrent(const struct recurrent_case *c, const uint8_t *expected,
				    const struct sequence *s, const char *what)
{
	size_t bytes = recurrent_result(c, NULL), i;
	uint8_t *got = recurrent_copy(c);

	for (i = 0; i < bytes && got[i] == expected[i]; i++)
		;
	free(got);
	if (i < bytes)
		fail_msg("%s, %s: n %u t %u k %u u %u type %u flags %x activation %u lengths %d "
			 "rows %d gap %u extreme %d: byte %zu of %zu differs",
			 s->name, what, s->n, s->t, s->k, s->u, s->type, s->flags, s->activation,
			 s->lengths, s->row_scales, s->gap, s->extreme, i, bytes);
}

#endif /* RECURRENT_CASE_H */
