/* SPDX-License-Identifier: MIT */
/*
 * How to make a valid random instance of an operation of engine_operations.h, with each operand in
 * memory of its own between two guard pages.
 */
#ifndef ENGINE_CASE_H
#define ENGINE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "engine_operations.h"
#include "npu_engine.h"
#include "runtime/device.h"

#define PAGE 4096u
#define OUT_PATTERN 0xa5

/* ---------------------------------------------------------------- random */

struct rng {
	uint64_t state;
};

static inline uint32_t rng_next(struct rng *rng)
{
	uint64_t x;

	rng->state += 0x9e3779b97f4a7c15ull;
	x = rng->state;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((x ^ (x >> 31)) >> 16);
}

/* In [low, high]. */
static inline int32_t rng_range(struct rng *rng, int32_t low, int32_t high)
{
	return (int32_t)(low + rng_next(rng) % ((int64_t)high - low + 1));
}

/* -------------------------------------------------------- guarded memory */

/* @bytes of memory that begin or end at an inaccessible page. */
struct guarded {
	uint8_t *map;
	size_t map_bytes;
	uint8_t *page;	 /* the first accessible one */
	uint32_t offset; /* of the operand in it */
	size_t bytes;
};

static inline void guarded_make(struct guarded *g, size_t bytes, bool at_end)
{
	size_t inside = (bytes + PAGE - 1) / PAGE * PAGE;

	g->map_bytes = inside + 2 * PAGE;
	g->map = mmap(NULL, g->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(g->map, MAP_FAILED);
	assert_int_equal(mprotect(g->map, PAGE, PROT_NONE), 0);
	assert_int_equal(mprotect(g->map + PAGE + inside, PAGE, PROT_NONE), 0);
	g->page = g->map + PAGE;
	g->offset = at_end ? inside - bytes : 0;
	g->bytes = bytes;
}

static inline uint8_t *guarded_data(const struct guarded *g)
{
	return g->page + g->offset;
}

static inline void guarded_free(struct guarded *g)
{
	if (g->map)
		munmap(g->map, g->map_bytes);
	g->map = NULL;
}

/* ----------------------------------------------------------------- a case */

/**
 * struct shape - size of a case
 * @n, @h, @w, @c: of the output; a matrix product has @w rows of @c channels
 * @depth: K of a matrix product
 * @gap: elements between rows of every tensor, a different number for each
 * @at_end: operands end, instead of begin, at a guard page
 * @extreme: values are drawn from the ends of their types only
 */
struct shape {
	uint32_t n, h, w, c, depth, gap;
	bool at_end, extreme;
};

struct engine_case {
	struct npu_insn insn;
	struct npu_exec exec;
	struct guarded slot[4];
	struct guarded consts, workspace;
	uint32_t slots, const_bytes;
	uint8_t const_data[65536 * 8 + 64];
};

static inline void case_workspace(struct engine_case *c)
{
	guarded_make(&c->workspace, NPU_WORKSPACE_BYTES, true);
	c->exec.workspace = guarded_data(&c->workspace);
}

static inline void random_bytes(struct rng *rng, uint8_t *p, size_t bytes, uint32_t type,
				bool extreme)
{
	size_t i;

	for (i = 0; i < bytes; i++) {
		/* little endian: the last byte of an element has the sign */
		bool top = (i + 1) % type_bytes(type) == 0;

		p[i] = rng_next(rng);
		if (extreme)
			p[i] = p[i] & 1 ? (top ? 0x80 : 0x00) : (top ? 0x7f : 0xff);
	}
	/* all minima in the first quarter: products that never cancel */
	if (extreme)
		for (i = 0; i < bytes / 4; i++)
			p[i] = (i + 1) % type_bytes(type) == 0 ? 0x80 : 0x00;
}

/* Dimensions and strides of tensor @i; the memory it needs. */
static inline uint64_t case_tensor(struct engine_case *c, uint32_t i, uint32_t type,
				   const uint32_t dim[4], uint32_t gap)
{
	struct npu_tensor *t = &c->insn.t[i];
	uint32_t size = type_bytes(type);

	t->slot = i;
	t->type = type;
	memcpy(t->dim, dim, sizeof(t->dim));
	t->stride[2] = (dim[3] + (gap ? gap + i : 0)) * size;
	t->stride[1] = (dim[2] * t->stride[2] / size + (gap ? i : 0)) * size;
	t->stride[0] = (dim[1] * t->stride[1] / size + (gap ? 3 - i : 0)) * size;
	return (uint64_t)(dim[0] - 1) * t->stride[0] + (uint64_t)(dim[1] - 1) * t->stride[1] +
	       (uint64_t)(dim[2] - 1) * t->stride[2] + dim[3] * size;
}

static inline uint32_t case_scales(struct engine_case *c, struct rng *rng, uint32_t count,
				   int32_t low, int32_t high)
{
	uint32_t offset = c->const_bytes, i;

	for (i = 0; i < count; i++) {
		struct npu_scale scale = {
			.multiplier = rng_range(rng, 1 << 30, INT32_MAX),
			.shift = rng_range(rng, low, high),
		};

		if (rng_next(rng) % 16 == 0)
			scale.multiplier = rng_next(rng) % 2 ? 0 : INT32_MAX;
		memcpy(c->const_data + c->const_bytes, &scale, sizeof(scale));
		c->const_bytes += sizeof(scale);
	}
	return offset;
}

static inline void case_limits(struct rng *rng, uint32_t type, int32_t *min, int32_t *max)
{
	int32_t low = type == NPU_TYPE_INT8 ? -128 : -32768;
	int32_t high = type == NPU_TYPE_INT8 ? 127 : 32767;

	*min = low;
	*max = high;
	if (rng_next(rng) % 2) {
		*min = rng_range(rng, low, high);
		*max = rng_range(rng, *min, high);
	}
}

static inline int32_t random_zero_point(struct rng *rng, uint32_t type)
{
	return type == NPU_TYPE_INT8 ? rng_range(rng, -128, 127) : 0;
}

static inline void case_activation(struct engine_case *c, const struct operation *op,
				   struct rng *rng)
{
	struct npu_insn *insn = &c->insn;

	insn->t[0].zero_point = 0;
	if (op->opcode == NPU_OP_SIGMOID && op->out == NPU_TYPE_INT8)
		insn->t[0].zero_point = -128;
	if (op->in == NPU_TYPE_INT8) {
		insn->sigmoid.multiplier = rng_range(rng, 1 << 30, INT32_MAX);
		insn->sigmoid.shift = rng_range(rng, 15, 24);
		insn->sigmoid.radius = rng_range(rng, 0, 255);
	} else {
		insn->sigmoid.multiplier = rng_range(rng, 0, 3) ? rng_range(rng, 0, 32767) : 0;
		insn->sigmoid.shift = rng_range(rng, 0, 13);
	}
}

static inline void case_softmax(struct engine_case *c, const struct operation *op, struct rng *rng)
{
	struct npu_insn *insn = &c->insn;

	insn->t[0].zero_point = op->out == NPU_TYPE_INT8 ? -128 : 0;
	insn->softmax.multiplier = rng_range(rng, 1 << 30, INT32_MAX);
	if (op->in == NPU_TYPE_INT8) {
		insn->softmax.shift = rng_range(rng, 15, 24);
		insn->softmax.diff_min = -rng_range(rng, 0, 300);
	} else {
		insn->softmax.shift = rng_range(rng, -6, 3);
	}
}

static inline void case_table(struct engine_case *c, const struct operation *op, struct rng *rng)
{
	uint32_t bytes = op->in == NPU_TYPE_INT8 ? 256 : 513 * 2;

	random_bytes(rng, c->const_data + c->const_bytes, bytes, op->in, false);
	c->insn.table.offset = c->const_bytes;
	c->const_bytes += bytes;
}

#include "engine_shape_case.h"
#include "engine_window_case.h"

/* gamma and beta in Q7.24, as a compiler makes them, or any 32 bits. */
static inline void norm_parameters(struct engine_case *c, const struct operation *op,
				   struct rng *rng)
{
	struct npu_insn *insn = &c->insn;

	insn->norm.scales = case_scales(c, rng, 1, op->out == NPU_TYPE_INT8 ? -22 : -14,
					rng_next(rng) % 4 ? -10 : 2);
	case_limits(rng, op->out, &insn->norm.act_min, &insn->norm.act_max);
	insn->norm.epsilon[0] = rng_next(rng) % 3 ? rng_next(rng) % 1000 : rng_next(rng);
	insn->norm.epsilon[1] = rng_next(rng) % 8 ? 0 : rng_next(rng) >> 3;
}

static inline void case_parameters(struct engine_case *c, const struct operation *op,
				   const struct shape *s, struct rng *rng)
{
	struct npu_insn *insn = &c->insn;
	bool wide = op->in == NPU_TYPE_INT16;
	uint32_t channels = (s->c + 15) / 16 * 16;

	insn->t[0].zero_point = random_zero_point(rng, op->out);
	if (op->opcode != NPU_OP_FULLY_CONNECTED && !is_pool(op->opcode))
		insn->t[1].zero_point = random_zero_point(rng, op->in);
	if (is_binary(op->opcode))
		binary_parameters(c, op, rng);
	if (is_shaped(op->opcode))
		shape_parameters(c, op, rng);
	switch (op->opcode) {
	case NPU_OP_FULLY_CONNECTED:
		if (op->out == NPU_TYPE_INT32)
			break;
		insn->fc.scale_count = rng_next(rng) % 3 ? channels : 1;
		insn->fc.scales = case_scales(c, rng, insn->fc.scale_count,
					      wide && op->out == NPU_TYPE_INT8 ? -22 : -14,
					      rng_next(rng) % 4 ? -4 : 6);
		case_limits(rng, op->out, &insn->fc.act_min, &insn->fc.act_max);
		break;
	case NPU_OP_CONV_2D:
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_TRANSPOSE_CONV_2D:
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		window_parameters(c, op, rng);
		break;
	case NPU_OP_CLAMP:
		insn->t[1].zero_point = insn->t[0].zero_point;
		case_limits(rng, op->out, &insn->clamp.min, &insn->clamp.max);
		break;
	case NPU_OP_REQUANTISE:
		insn->requantise.scales = case_scales(c, rng, 1, -31, 8);
		case_limits(rng, op->out, &insn->requantise.act_min, &insn->requantise.act_max);
		break;
	case NPU_OP_TABLE:
		case_table(c, op, rng);
		break;
	case NPU_OP_SIGMOID:
	case NPU_OP_TANH:
		case_activation(c, op, rng);
		break;
	case NPU_OP_SOFTMAX:
		case_softmax(c, op, rng);
		break;
	case NPU_OP_LAYER_NORM:
		norm_parameters(c, op, rng);
		break;
	}
}

/* Tensors with their memory. */
static inline void case_tensors(struct engine_case *c, const struct operation *op,
				const struct shape *s, struct rng *rng)
{
	uint32_t out_dim[4] = { s->n, s->h, s->w, s->c }, channels = (s->c + 15) / 16 * 16;
	uint64_t bytes[4] = { case_tensor(c, 0, op->out, out_dim, s->gap) };
	uint32_t i;

	c->slots = 2;
	if (op->opcode == NPU_OP_FULLY_CONNECTED) {
		uint32_t in_dim[4] = { 1, 1, s->w, s->depth };
		uint32_t weight_dim[4] = { s->c, 1, 1, s->depth };
		uint32_t bias_dim[4] = { 1, 1, 1, channels };

		bytes[1] = case_tensor(c, 1, op->in, in_dim, s->gap);
		case_tensor(c, 2, NPU_TYPE_INT8, weight_dim, 0);
		c->insn.t[2].layout = NPU_LAYOUT_BLOCK16X4;
		memset(c->insn.t[2].stride, 0, sizeof(c->insn.t[2].stride));
		bytes[2] = (uint64_t)channels * ((s->depth + 3) / 4 * 4);
		c->slots = 3;
		if (op->bias) {
			bytes[3] = case_tensor(c, 3, op->bias, bias_dim, 0);
			c->slots = 4;
		}
	} else if (is_conv(op->opcode) || is_pool(op->opcode)) {
		window_tensors(c, op, s, rng, bytes);
	} else if (is_binary(op->opcode)) {
		binary_tensors(c, op, s, bytes);
	} else if (is_shaped(op->opcode)) {
		shape_tensors(c, op, s, rng, bytes);
	} else {
		bytes[1] = case_tensor(c, 1, op->in, out_dim, s->gap);
	}
	if (op->opcode == NPU_OP_LAYER_NORM && op->bias) {
		uint32_t vector[4] = { 1, 1, 1, s->c };

		bytes[2] = case_tensor(c, 2, op->bias, vector, 0);
		bytes[3] = case_tensor(c, 3, op->bias, vector, 0);
		c->slots = 4;
	}
	for (i = 0; i < c->slots; i++) {
		guarded_make(&c->slot[i], bytes[i], s->at_end);
		c->insn.t[i].offset = c->slot[i].offset;
	}
}

/* A valid instance of @op, its inputs filled; free with case_free(). */
static inline struct engine_case *case_make(const struct operation *op, const struct shape *s,
					    struct rng *rng)
{
	struct engine_case *c = calloc(1, sizeof(*c));
	struct shape shape = *s;
	uint32_t i;

	assert_non_null(c);
	if (op->opcode == NPU_OP_FULLY_CONNECTED)
		shape.n = shape.h = 1;
	if (is_conv(op->opcode) || is_pool(op->opcode))
		shape = window_shape(s);
	c->insn.opcode = op->opcode;
	case_tensors(c, op, &shape, rng);
	case_parameters(c, op, &shape, rng);
	for (i = 1; i < c->slots; i++)
		random_bytes(rng, guarded_data(&c->slot[i]), c->slot[i].bytes, c->insn.t[i].type,
			     shape.extreme);
	guarded_make(&c->consts, (c->const_bytes + 3) / 4 * 4, true);
	memcpy(guarded_data(&c->consts), c->const_data, c->const_bytes);

	c->exec.insns = &c->insn;
	c->exec.insn_count = 1;
	c->exec.consts = guarded_data(&c->consts);
	case_workspace(c);
	for (i = 0; i < c->slots; i++)
		c->exec.slot[i] = c->slot[i].page;
	return c;
}

static inline void case_free(struct engine_case *c)
{
	uint32_t i;

	for (i = 0; i < c->slots; i++)
		guarded_free(&c->slot[i]);
	guarded_free(&c->consts);
	guarded_free(&c->workspace);
	free(c);
}

static inline bool case_valid(struct engine_case *c, struct npu_slot_need needs[NPU_MAX_SLOTS],
			      uint64_t *cost, struct npu_fault *fault)
{
	__u64 total = 0;
	bool valid;

	memset(needs, 0, NPU_MAX_SLOTS * sizeof(*needs));
	memset(fault, 0, sizeof(*fault));
	valid = npu_insn_validate(&c->insn, c->exec.consts, c->consts.bytes, c->slots, needs,
				  &total, fault);
	*cost = total;
	return valid;
}

/* Run in steps of @budget, into a fresh output; returns the number of steps. */
static inline unsigned int case_run(struct engine_case *c, const struct npu_variant *variant,
				    uint32_t budget)
{
	unsigned int steps = 0;

	memset(c->slot[0].page, OUT_PATTERN, c->slot[0].offset + c->slot[0].bytes);
	memset(c->exec.workspace, OUT_PATTERN, NPU_WORKSPACE_BYTES);
	c->exec.insn = 0;
	c->exec.unit = 0;
	while (!npu_exec_done(&c->exec)) {
		npu_exec_step(variant, &c->exec, budget);
		steps++;
	}
	return steps;
}

/* ------------------------------------------------------------ CPU features */

/* Every variant that this CPU can run is tested. */
static inline bool variant_runs_here(const struct npu_variant *variant)
{
	return !(npu_variant_features(variant) & ~npu_cpu_features());
}

#endif /* ENGINE_CASE_H */
