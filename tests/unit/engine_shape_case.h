/* SPDX-License-Identifier: MIT */
/*
 * Instances of the instructions whose output has another shape than an input: broadcasts,
 * products of two activations, reductions and moves. Included by engine_case.h.
 */
#ifndef ENGINE_SHAPE_CASE_H
#define ENGINE_SHAPE_CASE_H

/* Two inputs, element by element; each may repeat along any dimension. */
static inline bool is_binary(uint16_t opcode)
{
	return opcode >= NPU_OP_ADD && opcode <= NPU_OP_MAX;
}

static inline bool is_reduce(uint16_t opcode)
{
	return opcode >= NPU_OP_REDUCE_MEAN && opcode <= NPU_OP_REDUCE_MAX;
}

static inline bool is_shaped(uint16_t opcode)
{
	return opcode == NPU_OP_BATCH_MATMUL || is_reduce(opcode) ||
	       (opcode >= NPU_OP_PAD && opcode <= NPU_OP_EMBEDDING);
}

/* The lowest bits of depth - 1 say which dimensions of in1, then of in2, are 1. */
static inline void binary_tensors(struct engine_case *c, const struct operation *op,
				  const struct shape *s, uint64_t bytes[4])
{
	uint32_t dim[2][4] = { { s->n, s->h, s->w, s->c }, { s->n, s->h, s->w, s->c } }, i;

	for (i = 0; i < 8; i++)
		if ((s->depth - 1) >> i & 1)
			dim[i / 4][i % 4] = 1;
	bytes[1] = case_tensor(c, 1, op->in, dim[0], s->gap);
	bytes[2] = case_tensor(c, 2, op->in, dim[1], s->gap);
	c->slots = 3;
}

static inline void binary_parameters(struct engine_case *c, const struct operation *op,
				     struct rng *rng)
{
	struct npu_insn *insn = &c->insn;
	bool wide = op->in == NPU_TYPE_INT16;

	insn->t[2].zero_point = random_zero_point(rng, op->in);
	switch (op->opcode) {
	case NPU_OP_ADD:
	case NPU_OP_SUB:
		insn->binary.scales = case_scales(c, rng, 2, -4, 0);
		case_scales(c, rng, 1, wide ? -16 : -21, wide ? -13 : -17);
		break;
	case NPU_OP_MUL:
		insn->binary.scales = case_scales(c, rng, 1, wide ? -16 : -8, rng_next(rng) % 4);
		break;
	default:
		insn->binary.scales = case_scales(c, rng, 2, -3, 2);
		break;
	}
	case_limits(rng, op->out, &insn->binary.act_min, &insn->binary.act_max);
}

static inline uint64_t slice_input(struct engine_case *c, const struct operation *op,
				   const struct shape *s, struct rng *rng)
{
	static const int32_t steps[] = { 1, 1, 1, 2, -1, -2, 0 };
	uint32_t out[4] = { s->n, s->h, s->w, s->c }, dim[4], d;

	for (d = 0; d < 4; d++) {
		int32_t step = steps[rng_next(rng) % 7];
		uint32_t span = (out[d] - 1) * abs(step), extra = rng_next(rng) % 3;

		dim[d] = span + 1 + extra;
		c->insn.slice.step[d] = step;
		c->insn.slice.begin[d] = (step < 0 ? span : 0) + rng_range(rng, 0, extra);
	}
	return case_tensor(c, 1, op->in, dim, s->gap);
}

static inline uint64_t pad_input(struct engine_case *c, const struct operation *op,
				 const struct shape *s, struct rng *rng)
{
	uint32_t out[4] = { s->n, s->h, s->w, s->c }, dim[4], d;

	for (d = 0; d < 4; d++) {
		dim[d] = rng_range(rng, 1, out[d]);
		c->insn.pad.before[d] = rng_range(rng, 0, out[d] - dim[d]);
	}
	c->insn.pad.value = op->out == NPU_TYPE_INT8 ? rng_range(rng, -128, 127)
						     : rng_range(rng, -32768, 32767);
	return case_tensor(c, 1, op->in, dim, s->gap);
}

static inline uint64_t transpose_input(struct engine_case *c, const struct operation *op,
				       const struct shape *s, struct rng *rng)
{
	uint32_t out[4] = { s->n, s->h, s->w, s->c }, dim[4], perm[4] = { 0, 1, 2, 3 }, d;

	for (d = 0; d < 4; d++) {
		uint32_t other = rng_range(rng, d, 3), swap = perm[d];

		perm[d] = perm[other];
		perm[other] = swap;
		dim[perm[d]] = out[d];
		c->insn.transpose.perm[d] = perm[d];
	}
	return case_tensor(c, 1, op->in, dim, s->gap);
}

/* Some dimensions of the output become 1. */
static inline void reduce_tensors(struct engine_case *c, const struct operation *op,
				  const struct shape *s, struct rng *rng, uint64_t bytes[4])
{
	uint32_t in[4] = { s->n, s->h, s->w, s->c }, out[4], d;

	for (d = 0; d < 4; d++)
		out[d] = rng_next(rng) % 2 ? 1 : in[d];
	bytes[0] = case_tensor(c, 0, op->out, out, s->gap);
	bytes[1] = case_tensor(c, 1, op->in, in, s->gap);
}

static inline void matmul_tensors(struct engine_case *c, const struct operation *op,
				  const struct shape *s, struct rng *rng, uint64_t bytes[4])
{
	uint32_t dim[2][4] = { { s->n, s->h, s->w, s->depth }, { s->n, s->h, s->c, s->depth } };
	uint32_t i;

	for (i = 0; i < 4; i++)
		if (rng_next(rng) % 3 == 0)
			dim[i / 2][i % 2] = 1;
	bytes[1] = case_tensor(c, 1, op->in, dim[0], s->gap);
	bytes[2] = case_tensor(c, 2, op->in, dim[1], s->gap);
	c->slots = 3;
}

static inline void shape_tensors(struct engine_case *c, const struct operation *op,
				 const struct shape *s, struct rng *rng, uint64_t bytes[4])
{
	uint32_t resized[4] = { s->n, rng_range(rng, 1, 12), rng_range(rng, 1, 12), s->c };
	uint32_t index[4] = { s->n, s->h, s->w, 1 };
	uint32_t table[4] = { 1, 1, rng_range(rng, 1, 40), s->c };

	c->slots = 2;
	switch (op->opcode) {
	case NPU_OP_BATCH_MATMUL:
		matmul_tensors(c, op, s, rng, bytes);
		break;
	case NPU_OP_PAD:
		bytes[1] = pad_input(c, op, s, rng);
		break;
	case NPU_OP_SLICE:
		bytes[1] = slice_input(c, op, s, rng);
		break;
	case NPU_OP_TRANSPOSE:
		bytes[1] = transpose_input(c, op, s, rng);
		break;
	case NPU_OP_RESIZE_NEAREST:
	case NPU_OP_RESIZE_BILINEAR:
		bytes[1] = case_tensor(c, 1, op->in, resized, s->gap);
		c->insn.resize.flags = rng_next(rng) % 3;
		break;
	case NPU_OP_EMBEDDING:
		bytes[1] = case_tensor(c, 1, op->in, index, s->gap);
		bytes[2] = case_tensor(c, 2, op->out, table, s->gap);
		c->slots = 3;
		break;
	default:
		reduce_tensors(c, op, s, rng, bytes);
		break;
	}
}

static inline void shape_parameters(struct engine_case *c, const struct operation *op,
				    struct rng *rng)
{
	struct npu_insn *insn = &c->insn;

	if (op->opcode == NPU_OP_BATCH_MATMUL) {
		insn->t[2].zero_point = random_zero_point(rng, op->in);
		insn->matmul.scales = case_scales(c, rng, 1, -14, rng_next(rng) % 4 ? -4 : 6);
		case_limits(rng, op->out, &insn->matmul.act_min, &insn->matmul.act_max);
	} else if (op->opcode == NPU_OP_REDUCE_MAX) {
		insn->t[1].zero_point = insn->t[0].zero_point;
	} else if (is_reduce(op->opcode)) {
		insn->reduce.scales = case_scales(c, rng, 1, rng_next(rng) % 4 ? -12 : -31, 2);
		case_limits(rng, op->out, &insn->reduce.act_min, &insn->reduce.act_max);
	}
}

#endif /* ENGINE_SHAPE_CASE_H */
