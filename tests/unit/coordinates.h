/* SPDX-License-Identifier: MIT */
/*
 * The elements of a case by their coordinates, and a check of each of the output's against
 * what a test derives for it, at random shapes.
 */
#ifndef COORDINATES_H
#define COORDINATES_H

#include "engine_case.h"

#define ROUNDS 40

struct at {
	uint32_t i[4];
};

static inline int64_t value(const struct engine_case *c, uint32_t tensor, struct at at)
{
	const struct npu_tensor *t = &c->insn.t[tensor];
	const uint8_t *p = guarded_data(&c->slot[tensor]);
	uint32_t d;

	for (d = 0; d < 3; d++)
		p += (size_t)at.i[d] * t->stride[d];
	switch (t->type) {
	case NPU_TYPE_INT8:
		return ((const int8_t *)p)[at.i[3]];
	case NPU_TYPE_INT16:
		return ((const int16_t *)p)[at.i[3]];
	case NPU_TYPE_INT32:
		return ((const int32_t *)p)[at.i[3]];
	default:
		return ((const int64_t *)p)[at.i[3]];
	}
}

/* A value without its zero point, in a tensor that repeats where a dimension is 1. */
static inline int64_t repeated(const struct engine_case *c, uint32_t tensor, struct at at)
{
	uint32_t d;

	for (d = 0; d < 4; d++)
		if (c->insn.t[tensor].dim[d] == 1)
			at.i[d] = 0;
	return value(c, tensor, at) - c->insn.t[tensor].zero_point;
}

/* The next coordinates within @dim, C first; false after the last. */
static inline bool next(struct at *at, const uint32_t dim[4])
{
	uint32_t d;

	for (d = 4; d-- > 0;) {
		if (++at->i[d] < dim[d])
			return true;
		at->i[d] = 0;
	}
	return false;
}

/* What the output at @at must be; false where it is only defined to wrap. */
typedef bool (*derivation)(const struct engine_case *c, struct at at, int64_t *y);

static inline void check_elements(const char *name, const struct engine_case *c, derivation derive)
{
	struct at at = { { 0, 0, 0, 0 } };

	do {
		int64_t expected;

		if (!derive(c, at, &expected) || value(c, 0, at) == expected)
			continue;
		fail_msg("%s: (%u, %u, %u, %u) is %lld, derived %lld", name, at.i[0], at.i[1],
			 at.i[2], at.i[3], (long long)value(c, 0, at), (long long)expected);
	} while (next(&at, c->insn.t[0].dim));
}

static inline void check(const char *name, derivation derive,
			 void (*prepare)(struct engine_case *c))
{
	struct rng rng = { 51 };
	size_t o;
	int i;

	for (o = 0; strcmp(operations[o].name, name); o++)
		assert_true(o + 1 < OPERATIONS);
	for (i = 0; i < ROUNDS; i++) {
		struct shape s = {
			.n = rng_range(&rng, 1, 3),
			.h = rng_range(&rng, 1, 4),
			.w = rng_range(&rng, 1, 9),
			.c = rng_range(&rng, 1, 24),
			.depth = rng_range(&rng, 1, 256),
			.gap = rng_next(&rng) % 3,
		};
		struct engine_case *c;

		/* rows of more than one unit */
		if (i % 4 == 0) {
			s.h = s.w = 1;
			s.c = rng_range(&rng, 600, 1600);
		}
		c = case_make(&operations[o], &s, &rng);
		if (prepare)
			prepare(c);
		case_run(c, npu_variant_at(0), i % 8 ? UINT32_MAX : 1);
		check_elements(name, c, derive);
		case_free(c);
	}
}

#endif /* COORDINATES_H */
