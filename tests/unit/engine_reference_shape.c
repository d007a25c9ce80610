// SPDX-License-Identifier: MIT
/*
 * Broadcasts, products of activations, reductions and moves against plain loops over the
 * coordinates of each element, at random shapes, strides and parameters.
 */
#include "coordinates.h"
#include "exact.h"

#include <math.h>

/* A left shift beyond 32 bits wraps: exact numbers say nothing about it. */
static bool scaled(int64_t x, struct npu_scale scale, int64_t *y)
{
	int64_t left = x * ((int64_t)1 << (scale.shift > 0 ? scale.shift : 0));

	*y = rescaled(x, scale);
	return left == (int32_t)left;
}

static int64_t finished(const struct engine_case *c, int64_t y, int32_t min, int32_t max)
{
	return limited(y + c->insn.t[0].zero_point, min, max);
}

/* ------------------------------------------------------ element by element */

static bool derive_binary(const struct engine_case *c, struct at at, int64_t *y)
{
	const struct npu_insn *insn = &c->insn;
	int64_t x1 = repeated(c, 1, at), x2 = repeated(c, 2, at), a, b;
	int64_t one = insn->t[0].type == NPU_TYPE_INT8 ? 1 << 20 : 1 << 15;
	struct npu_scale s1 = scale_at(c, insn->binary.scales, 0);
	bool defined;

	switch (insn->opcode) {
	case NPU_OP_MUL:
		defined = scaled(x1 * x2, s1, y);
		break;
	case NPU_OP_MIN:
	case NPU_OP_MAX:
		defined = scaled(x1, s1, &a);
		defined = scaled(x2, scale_at(c, insn->binary.scales, 1), &b) && defined;
		*y = (insn->opcode == NPU_OP_MAX) == (a > b) ? a : b;
		break;
	default:
		a = rescaled(x1 * one, s1);
		b = rescaled(x2 * one, scale_at(c, insn->binary.scales, 1));
		*y = rescaled(insn->opcode == NPU_OP_ADD ? a + b : a - b,
			      scale_at(c, insn->binary.scales, 2));
		defined = true;
	}
	*y = finished(c, *y, insn->binary.act_min, insn->binary.act_max);
	return defined;
}

static void test_binary(void **state)
{
	(void)state;
	check("add_s8", derive_binary, NULL);
	check("add_s16", derive_binary, NULL);
	check("sub_s8", derive_binary, NULL);
	check("sub_s16", derive_binary, NULL);
	check("mul_s8", derive_binary, NULL);
	check("mul_s16", derive_binary, NULL);
	check("min_s8", derive_binary, NULL);
	check("min_s16", derive_binary, NULL);
	check("max_s8", derive_binary, NULL);
	check("max_s16", derive_binary, NULL);
}

/* ------------------------------------------------------------------- sums */

static bool derive_matmul(const struct engine_case *c, struct at at, int64_t *y)
{
	const struct npu_insn *insn = &c->insn;
	struct npu_scale scale = scale_at(c, insn->matmul.scales, 0);
	bool wide = insn->t[1].type == NPU_TYPE_INT16, defined = true;
	struct at left = at, right = at;
	int64_t sum = 0;
	uint32_t k;

	right.i[2] = at.i[3];
	for (k = 0; k < insn->t[1].dim[3]; k++) {
		struct at l = left, r = right;

		l.i[3] = r.i[3] = k;
		sum += repeated(c, 1, l) * repeated(c, 2, r);
	}
	if (wide)
		*y = rescaled_wide(sum, scale);
	else
		defined = scaled(sum, scale, y);
	defined = defined && *y == (int32_t)*y;
	*y = finished(c, *y, insn->matmul.act_min, insn->matmul.act_max);
	return defined;
}

static void test_matmul(void **state)
{
	(void)state;
	check("matmul_s8_s8", derive_matmul, NULL);
	check("matmul_s8_s16", derive_matmul, NULL);
	check("matmul_s16_s16", derive_matmul, NULL);
	check("matmul_s16_s8", derive_matmul, NULL);
}

/* The mean's own division: floor(multiplier * 2^k / n), 2^k the largest power up to n. */
static struct npu_scale mean_scale(struct npu_scale scale, uint32_t n)
{
	int32_t k = 0;

	while (n >> (k + 1) && k < 31 + scale.shift)
		k++;
	scale.multiplier = (int32_t)((double)scale.multiplier * ldexp(1, k) / n);
	scale.shift -= k;
	return scale;
}

static bool derive_reduce(const struct engine_case *c, struct at at, int64_t *y)
{
	const struct npu_insn *insn = &c->insn;
	int64_t sum = 0, max = INT64_MIN;
	struct npu_scale scale;
	struct at in = { { 0, 0, 0, 0 } };
	uint32_t n = 0, d;
	bool defined;

	do {
		bool part = true;

		for (d = 0; d < 4; d++)
			if (insn->t[0].dim[d] == insn->t[1].dim[d] && in.i[d] != at.i[d])
				part = false;
		if (!part)
			continue;
		sum += value(c, 1, in) - insn->t[1].zero_point;
		if (value(c, 1, in) > max)
			max = value(c, 1, in);
		n++;
	} while (next(&in, insn->t[1].dim));
	if (insn->opcode == NPU_OP_REDUCE_MAX) {
		*y = max;
		return true;
	}
	scale = scale_at(c, insn->reduce.scales, 0);
	if (insn->opcode == NPU_OP_REDUCE_MEAN)
		scale = mean_scale(scale, n);
	defined = scaled(sum, scale, y);
	*y = finished(c, *y, insn->reduce.act_min, insn->reduce.act_max);
	return defined;
}

static void test_reduce(void **state)
{
	(void)state;
	check("reduce_mean_s8", derive_reduce, NULL);
	check("reduce_mean_s16", derive_reduce, NULL);
	check("reduce_sum_s8", derive_reduce, NULL);
	check("reduce_sum_s16", derive_reduce, NULL);
	check("reduce_max_s8", derive_reduce, NULL);
	check("reduce_max_s16", derive_reduce, NULL);
}

/* A mean with scale 1 is the real mean, within half a step and what the multiplier lost. */
static void test_mean_meaning(void **state)
{
	static const uint32_t length[] = { 1, 2, 3, 7, 49, 64, 1000, 4097, 65536 };
	struct rng rng = { 52 };
	size_t o, i;

	(void)state;
	for (o = 0; strcmp(operations[o].name, "reduce_mean_s8"); o++)
		;
	for (i = 0; i < sizeof(length) / sizeof(length[0]); i++) {
		struct shape s = { 1, 1, 1, length[i], 1, 0, false, false };
		struct engine_case *c = case_make(&operations[o], &s, &rng);
		struct npu_scale *scale = (struct npu_scale *)guarded_data(&c->consts);
		double mean = 0;
		uint32_t k;

		c->insn.t[0].dim[3] = 1;
		*scale = (struct npu_scale){ 1 << 30, 1 };
		c->insn.reduce.act_min = -128;
		c->insn.reduce.act_max = 127;
		c->insn.t[0].zero_point = c->insn.t[1].zero_point;
		for (k = 0; k < length[i]; k++)
			mean += (int8_t)guarded_data(&c->slot[1])[k];
		mean /= length[i];
		case_run(c, npu_variant_at(0), UINT32_MAX);
		if (fabs((int8_t)guarded_data(&c->slot[0])[0] - mean) > 0.501)
			fail_msg("mean of %u is %d, real %f", length[i],
				 (int8_t)guarded_data(&c->slot[0])[0], mean);
		case_free(c);
	}
}

/* ------------------------------------------------------------------ moves */

static bool derive_pad(const struct engine_case *c, struct at at, int64_t *y)
{
	uint32_t d;

	*y = c->insn.pad.value;
	for (d = 0; d < 4; d++) {
		/* an index before the input wraps to one far beyond it */
		at.i[d] -= c->insn.pad.before[d];
		if (at.i[d] >= c->insn.t[1].dim[d])
			return true;
	}
	*y = value(c, 1, at);
	return true;
}

static bool derive_slice(const struct engine_case *c, struct at at, int64_t *y)
{
	uint32_t d;

	for (d = 0; d < 4; d++)
		at.i[d] =
			(int64_t)c->insn.slice.begin[d] + (int64_t)at.i[d] * c->insn.slice.step[d];
	*y = value(c, 1, at);
	return true;
}

static bool derive_transpose(const struct engine_case *c, struct at at, int64_t *y)
{
	struct at in;
	uint32_t d;

	for (d = 0; d < 4; d++)
		in.i[c->insn.transpose.perm[d]] = at.i[d];
	*y = value(c, 1, in);
	return true;
}

/* Every possible index and some beyond. */
static void prepare_embedding(struct engine_case *c)
{
	struct npu_tensor *t = &c->insn.t[1];
	uint32_t count = c->slot[1].bytes / type_bytes(t->type), i;
	struct rng rng = { 53 };

	for (i = 0; i < count; i++) {
		int32_t index = rng_range(&rng, -3, c->insn.t[2].dim[2] + 2);

		if (t->type == NPU_TYPE_INT16)
			((int16_t *)guarded_data(&c->slot[1]))[i] = index;
		else
			((int32_t *)guarded_data(&c->slot[1]))[i] =
				i % 7 ? index : (i % 2 ? INT32_MIN : INT32_MAX);
	}
}

static bool derive_embedding(const struct engine_case *c, struct at at, int64_t *y)
{
	struct at index = at, row = { { 0, 0, 0, at.i[3] } };

	index.i[3] = 0;
	row.i[2] = limited(value(c, 1, index), 0, (int64_t)c->insn.t[2].dim[2] - 1);
	*y = value(c, 2, row);
	return true;
}

static void test_moves(void **state)
{
	(void)state;
	check("pad_s8", derive_pad, NULL);
	check("pad_s16", derive_pad, NULL);
	check("slice_s8", derive_slice, NULL);
	check("slice_s16", derive_slice, NULL);
	check("slice_s32", derive_slice, NULL);
	check("slice_s64", derive_slice, NULL);
	check("transpose_s8", derive_transpose, NULL);
	check("transpose_s16", derive_transpose, NULL);
	check("transpose_s32", derive_transpose, NULL);
	check("transpose_s64", derive_transpose, NULL);
	check("embedding_s16_s8", derive_embedding, prepare_embedding);
	check("embedding_s32_s16", derive_embedding, prepare_embedding);
}

/* Concatenation: each part of a tensor, along any dimension, is the output of its COPY. */
static void test_concatenation(void **state)
{
	struct shape s = { 1, 2, 3, 5, 1, 0, false, false };
	struct rng rng = { 54 };
	uint32_t d, i, o;

	(void)state;
	for (o = 0; strcmp(operations[o].name, "copy_s16"); o++)
		;
	for (d = 0; d < 4; d++) {
		uint32_t whole[4] = { s.n, s.h, s.w, s.c };
		struct engine_case *c = case_make(&operations[o], &s, &rng);
		struct npu_tensor part = c->insn.t[0], *out = &c->insn.t[0];
		struct npu_slot_need needs[NPU_MAX_SLOTS];
		struct at at = { { 0, 0, 0, 0 } };
		struct npu_fault fault;
		uint64_t cost;

		/* twice the input, one after the other */
		whole[d] *= 2;
		guarded_free(&c->slot[0]);
		guarded_make(&c->slot[0], case_tensor(c, 0, part.type, whole, 0), false);
		c->exec.slot[0] = c->slot[0].page;
		for (i = 0; i < 2; i++) {
			memcpy(out->dim, part.dim, sizeof(out->dim));
			out->offset = i * part.dim[d] * (d < 3 ? out->stride[d] : 2);
			assert_true(case_valid(c, needs, &cost, &fault));
			c->exec.insn = 0;
			npu_exec_step(npu_variant_at(0), &c->exec, UINT32_MAX);
		}
		out->offset = 0;
		memcpy(out->dim, whole, sizeof(out->dim));
		do {
			struct at from = at;

			from.i[d] %= part.dim[d];
			assert_true(value(c, 0, at) == value(c, 1, from));
		} while (next(&at, whole));
		case_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binary), cmocka_unit_test(test_matmul),
		cmocka_unit_test(test_reduce), cmocka_unit_test(test_mean_meaning),
		cmocka_unit_test(test_moves),  cmocka_unit_test(test_concatenation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
