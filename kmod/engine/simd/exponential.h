/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ../exponential.c for sixteen lanes, step by step the same. */
#ifndef NPU_SIMD_EXPONENTIAL_H
#define NPU_SIMD_EXPONENTIAL_H

/* e^a for a in [-1/4, 0), Q0.31. */
static lanes_inline struct lanes exponential_quarter(struct lanes a)
{
	const struct lanes exp_minus_eighth = lanes_set(1895147668), third = lanes_set(715827883);
	struct lanes x = lanes_add(a, lanes_set(1 << 28));
	struct lanes x2 = lanes_doubling_high_multiply(x, x);
	struct lanes x3 = lanes_doubling_high_multiply(x2, x);
	struct lanes x4 = lanes_doubling_high_multiply(x2, x2);
	struct lanes cubic = lanes_add(lanes_rounding_shift(x4, 2), x3);
	struct lanes tail = lanes_add(lanes_doubling_high_multiply(cubic, third), x2);

	x = lanes_add(x, lanes_rounding_shift(tail, 1));
	return lanes_add(exp_minus_eighth, lanes_doubling_high_multiply(exp_minus_eighth, x));
}

/* npu_exp_negative(). */
static inline struct lanes exponential_negative(struct lanes a, const __u32 integer_bits)
{
	static const __s32 factor[] = { 1672461947, 1302514674, 790015084, 290630308,
					39332535,   720401,	242 };
	const __u32 point = 31 - integer_bits;
	const struct lanes quarter = lanes_set(1 << (point - 2)), zero = lanes_set(0);
	struct lanes fraction = lanes_and(a, lanes_set((1 << (point - 2)) - 1));
	struct lanes result, rest;
	__u32 i;

	fraction = lanes_sub(fraction, quarter);
	result = exponential_quarter(lanes_shift_left(fraction, integer_bits));
	rest = lanes_sub(fraction, a);
	for (i = 0; i < integer_bits + 2; i++) {
		struct lanes bit = lanes_and(rest, lanes_shift_left(quarter, i));
		struct lanes less = lanes_doubling_high_multiply(result, lanes_set(factor[i]));

		result = lanes_select(lanes_equal(bit, zero), result, less);
	}
	return lanes_select(lanes_equal(a, zero), lanes_set(2147483647), result);
}

/* 1 / ((1 + a) / 2) in Q2.29 for a in [0, 1] Q0.31. */
static inline struct lanes exponential_reciprocal(struct lanes a)
{
	const struct lanes one = lanes_set(1 << 29);
	struct lanes half = lanes_add(lanes_shift_right_logical(a, 1), lanes_set(1 << 30));
	struct lanes x = lanes_doubling_high_multiply(half, lanes_set(-1010580540));
	int i;

	x = lanes_add(lanes_set(1515870810), x);
	for (i = 0; i < 3; i++) {
		struct lanes error = lanes_sub(one, lanes_doubling_high_multiply(half, x));
		struct lanes step = lanes_doubling_high_multiply(x, error);

		x = lanes_add(x, lanes_saturating_shift_left(step, 2));
	}
	return x;
}

#endif /* NPU_SIMD_EXPONENTIAL_H */
