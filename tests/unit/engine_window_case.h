/* SPDX-License-Identifier: MIT */
/*
 * Random convolutions and poolings: the part of engine_case.h, which includes it, that
 * knows windows over an image.
 */
#ifndef ENGINE_WINDOW_CASE_H
#define ENGINE_WINDOW_CASE_H

static inline bool is_conv(uint16_t opcode)
{
	return opcode == NPU_OP_CONV_2D || opcode == NPU_OP_DEPTHWISE_CONV_2D ||
	       opcode == NPU_OP_TRANSPOSE_CONV_2D;
}

static inline bool is_pool(uint16_t opcode)
{
	return opcode == NPU_OP_MAX_POOL_2D || opcode == NPU_OP_AVERAGE_POOL_2D;
}

/* Smaller than what elementwise instructions can afford: each output is a sum. */
static inline struct shape window_shape(const struct shape *s)
{
	struct shape small = *s;

	small.h = s->h < 6 ? s->h : 6;
	small.w = s->w < 9 ? s->w : 9;
	small.c = s->c < 70 ? s->c : 70;
	small.depth = s->depth % 19 + 1;
	return small;
}

/* Rows of all blocks: how many entries a bias has. */
static inline uint32_t conv_lanes(const struct npu_insn *insn)
{
	/* none in a depthwise one */
	uint32_t groups = insn->conv.groups ? insn->conv.groups : 1;

	return groups * ((insn->t[2].dim[0] / groups + 15) / 16 * 16);
}

static inline uint64_t conv_weight_bytes(const struct npu_insn *insn)
{
	const uint32_t *dim = insn->t[2].dim;

	if (insn->opcode == NPU_OP_DEPTHWISE_CONV_2D)
		return (uint64_t)conv_lanes(insn) * dim[1] * dim[2];
	return (uint64_t)conv_lanes(insn) * ((dim[1] * dim[2] * dim[3] + 3) / 4 * 4);
}

/* Input positions along one direction that a random convolution leaves room for. */
static inline uint32_t conv_input(const struct npu_insn *insn, uint32_t d, uint32_t out,
				  struct rng *rng)
{
	int32_t stride = insn->conv.stride[d], pad = insn->conv.pad[d];
	int32_t reach = (insn->t[2].dim[1 + d] - 1) * insn->conv.dilation[d], in;
	uint32_t pool = insn->conv.pool[d] ? insn->conv.pool[d] : 1;

	if (insn->opcode == NPU_OP_TRANSPOSE_CONV_2D)
		in = ((int32_t)out + pad - reach - 1) / stride + rng_range(rng, 0, 2);
	else
		in = ((int32_t)(out * pool) - 1) * stride + reach + 1 - pad - rng_range(rng, -2, reach + 1);
	return in < 1 ? 1 : in;
}

static inline uint32_t random_divisor(struct rng *rng, uint32_t of)
{
	uint32_t divisor = rng_next(rng) % 8 == 0 ? of : 1 + rng_next(rng) % 4;

	return of % divisor ? 1 : divisor;
}

static inline void conv_geometry(struct npu_insn *insn, const struct shape *s, struct rng *rng,
				 uint32_t in_dim[4])
{
	bool depthwise = insn->opcode == NPU_OP_DEPTHWISE_CONV_2D;
	uint32_t divisor = random_divisor(rng, s->c), d;
	uint32_t *weight_dim = insn->t[2].dim;

	insn->conv.groups = depthwise ? 0 : divisor;
	if (insn->opcode == NPU_OP_CONV_2D && rng_next(rng) % 2) {
		bool square = rng_next(rng) % 2;

		insn->conv.pool[0] = square ? 2 : rng_range(rng, 1, 3);
		insn->conv.pool[1] = square ? 2 : rng_range(rng, 1, 3);
	}
	weight_dim[0] = s->c;
	weight_dim[3] = depthwise ? 1 : s->depth / divisor + 1;
	in_dim[0] = s->n;
	in_dim[3] = depthwise ? s->c / divisor : divisor * weight_dim[3];
	for (d = 0; d < 2; d++) {
		weight_dim[1 + d] = rng_next(rng) % 5 ? 1 + rng_next(rng) % 3 : 5;
		insn->conv.stride[d] = rng_range(rng, 1, 3);
		insn->conv.dilation[d] = rng_next(rng) % 3 ? 1 : rng_range(rng, 2, 3);
		insn->conv.pad[d] = rng_range(rng, 0, weight_dim[1 + d]);
		in_dim[1 + d] = conv_input(insn, d, d ? s->w : s->h, rng);
	}
}

static inline void conv_tensors(struct engine_case *c, const struct operation *op,
				const struct shape *s, struct rng *rng, uint64_t bytes[4])
{
	bool depthwise = op->opcode == NPU_OP_DEPTHWISE_CONV_2D;
	struct npu_insn *insn = &c->insn;
	uint32_t in_dim[4], weight_dim[4], bias_dim[4] = { 1, 1, 1, 0 };

	conv_geometry(insn, s, rng, in_dim);
	bytes[1] = case_tensor(c, 1, op->in, in_dim, s->gap);
	memcpy(weight_dim, insn->t[2].dim, sizeof(weight_dim));
	case_tensor(c, 2, NPU_TYPE_INT8, weight_dim, 0);
	insn->t[2].layout = depthwise ? NPU_LAYOUT_DEPTHWISE16 : NPU_LAYOUT_BLOCK16X4;
	memset(insn->t[2].stride, 0, sizeof(insn->t[2].stride));
	bytes[2] = conv_weight_bytes(insn);
	c->slots = 3;
	if (op->bias) {
		bias_dim[3] = conv_lanes(insn);
		bytes[3] = case_tensor(c, 3, op->bias, bias_dim, 0);
		c->slots = 4;
	}
}

static inline void pool_tensors(struct engine_case *c, const struct operation *op,
				const struct shape *s, struct rng *rng, uint64_t bytes[4])
{
	struct npu_insn *insn = &c->insn;
	uint32_t in_dim[4] = { s->n, 0, 0, s->c }, d;

	for (d = 0; d < 2; d++) {
		uint32_t out = d ? s->w : s->h, first;

		insn->pool.kernel[d] = rng_range(rng, 1, 4);
		insn->pool.stride[d] = rng_range(rng, 1, 3);
		insn->pool.pad[d] = rng_range(rng, 0, insn->pool.kernel[d] - 1);
		/* where the last window starts must be inside */
		first = (out - 1) * insn->pool.stride[d];
		in_dim[1 + d] = first > insn->pool.pad[d] ? first - insn->pool.pad[d] + 1 : 1;
		in_dim[1 + d] += rng_range(rng, 0, insn->pool.kernel[d]);
	}
	bytes[1] = case_tensor(c, 1, op->in, in_dim, s->gap);
	c->slots = 2;
}

/* Input, weights and bias of a random instance, and what the geometry has of parameters. */
static inline void window_tensors(struct engine_case *c, const struct operation *op,
				  const struct shape *s, struct rng *rng, uint64_t bytes[4])
{
	if (is_pool(op->opcode))
		pool_tensors(c, op, s, rng, bytes);
	else
		conv_tensors(c, op, s, rng, bytes);
}

static inline void window_parameters(struct engine_case *c, const struct operation *op,
				     struct rng *rng)
{
	bool narrowing = op->in == NPU_TYPE_INT16 && op->out == NPU_TYPE_INT8;
	struct npu_insn *insn = &c->insn;

	if (is_pool(op->opcode)) {
		insn->t[1].zero_point = insn->t[0].zero_point;
		case_limits(rng, op->out, &insn->pool.act_min, &insn->pool.act_max);
		return;
	}
	insn->conv.scale_count = rng_next(rng) % 3 ? conv_lanes(insn) : 1;
	insn->conv.scales = case_scales(c, rng, insn->conv.scale_count, narrowing ? -20 : -12,
					rng_next(rng) % 4 ? -4 : 6);
	case_limits(rng, op->out, &insn->conv.act_min, &insn->conv.act_max);
}

#endif /* ENGINE_WINDOW_CASE_H */
