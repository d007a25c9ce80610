// SPDX-License-Identifier: MIT
/*
 * Broadcasts, products of activations, reductions and moves against plain loops over the
 * coordinates of each element, at random shapes, strides and parameters.
 */
#include "exact.h"

#include <math.h>

#define ROUNDS 40

struct at {
	uint32_t i[4];
};

static int64_t value(const struct engine_case *c, uint32_t tensor, struct at at)
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
static int64_t repeated(const struct engine_case *c, uint32_t tensor, struct at at)
{
	uint32_t d;

	for (d = 0; d < 4; d++)
		if (c->insn.t[tensor].dim[d] == 1)
			at.i[d] = 0;
	return value(c, tensor, at) - c->insn.t[tensor].zero_point;
}

/* The next coordinates within @dim, C first; false after the last. */
static bool next(struct at *at, const uint32_t dim[4])
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

static void check_elements(const char *name, const struct engine_case *c, derivation derive)
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

static void check(const char *name, derivation derive, void (*prepare)(struct engine_case *c))
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
		defined = scaled(x1, s1, &a) && scaled(x2, scale_at(c, insn->binary.scales, 1), &b);
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

/* ---------------------------------------------------------------- resizes */

/* The centre of input element k lies at k; the real position of output @i. */
static long double position(const struct engine_case *c, uint32_t d, uint32_t i)
{
	long double in = c->insn.t[1].dim[d], out = c->insn.t[0].dim[d];

	if (c->insn.resize.flags & NPU_RESIZE_ALIGN_CORNERS && out > 1)
		return i * (in - 1) / (out - 1);
	if (c->insn.resize.flags & NPU_RESIZE_HALF_PIXEL)
		return (i + 0.5L) * in / out - 0.5L;
	return i * in / out;
}

static bool derive_nearest(const struct engine_case *c, struct at at, int64_t *y)
{
	uint32_t d;

	for (d = 1; d < 3; d++) {
		long double p = position(c, d, at.i[d]);

		/* the extended format is wide enough: a quotient of small integers */
		if (c->insn.resize.flags)
			p += 0.5L;
		at.i[d] = limited((int64_t)floorl(p + 1e-12L), 0, (int64_t)c->insn.t[1].dim[d] - 1);
	}
	*y = value(c, 1, at);
	return true;
}

static void test_nearest(void **state)
{
	(void)state;
	check("nearest_s8", derive_nearest, NULL);
	check("nearest_s32", derive_nearest, NULL);
}

/* Real interpolation: positions have 10 bits, a step of which moves a value so far. */
static void bilinear_bounds(const struct engine_case *c, struct at at, double *y, double *error)
{
	double part[2], value4[4];
	uint32_t first[2], second[2], i;

	*error = 0;
	for (i = 0; i < 2; i++) {
		double last = c->insn.t[1].dim[i + 1] - 1;
		double p = fmin(fmax((double)position(c, i + 1, at.i[i + 1]), 0), last);

		first[i] = (uint32_t)p;
		second[i] = fmin(first[i] + 1, last);
		part[i] = p - first[i];
		/* half a step of the scale for each position, half a step of the position */
		*error += (at.i[i + 1] + 1) / 1024.0;
	}
	for (i = 0; i < 4; i++) {
		struct at from = at;

		from.i[1] = i / 2 ? second[0] : first[0];
		from.i[2] = i % 2 ? second[1] : first[1];
		value4[i] = value(c, 1, from);
	}
	*y = (value4[0] * (1 - part[1]) + value4[1] * part[1]) * (1 - part[0]) +
	     (value4[2] * (1 - part[1]) + value4[3] * part[1]) * part[0];
	*error = *error * (c->insn.t[1].type == NPU_TYPE_INT8 ? 255 : 65535) + 0.501;
}

static bool derive_bilinear_real(const struct engine_case *c, struct at at, int64_t *expected)
{
	double y, error;

	bilinear_bounds(c, at, &y, &error);
	*expected = llround(y);
	return fabs(value(c, 0, at) - y) > error;
}

/* To the bit, with divisions where the engine shifts. */
static bool derive_bilinear(const struct engine_case *c, struct at at, int64_t *y)
{
	int64_t weight[2][2], sum = 0;
	uint32_t from[2][2], d, i;

	for (d = 0; d < 2; d++) {
		int64_t in = c->insn.t[1].dim[d + 1], out = c->insn.t[0].dim[d + 1];
		int64_t scale, p;

		if (c->insn.resize.flags & NPU_RESIZE_ALIGN_CORNERS && out > 1)
			scale = (1024 * (in - 1) + (out - 1) / 2) / (out - 1);
		else
			scale = (1024 * in + out / 2) / out;
		p = at.i[d + 1] * scale;
		if (c->insn.resize.flags & NPU_RESIZE_HALF_PIXEL)
			p += scale / 2 - 512;
		from[d][0] = limited(p / 1024, 0, in - 1);
		from[d][1] = limited((p + 1023) / 1024, 0, in - 1);
		weight[d][1] = p - 1024 * (int64_t)from[d][0];
		weight[d][0] = 1024 - weight[d][1];
	}
	for (i = 0; i < 4; i++) {
		struct at corner = at;

		corner.i[1] = from[0][i / 2];
		corner.i[2] = from[1][i % 2];
		sum += value(c, 1, corner) * weight[0][i / 2] * weight[1][i % 2];
	}
	*y = (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20);
	return true;
}

static void test_bilinear(void **state)
{
	(void)state;
	check("bilinear_s8", derive_bilinear, NULL);
	check("bilinear_s16", derive_bilinear, NULL);
	check("bilinear_s8", derive_bilinear_real, NULL);
	check("bilinear_s16", derive_bilinear_real, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binary),	 cmocka_unit_test(test_matmul),
		cmocka_unit_test(test_reduce),	 cmocka_unit_test(test_mean_meaning),
		cmocka_unit_test(test_moves),	 cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_bilinear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
