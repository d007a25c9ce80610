// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Fixed-point exponential and reciprocals, as the reference's softmax, logistic and
 * tanh use them. Numbers are Qm.n in an int32 with n = 31 - m; a product of Qa and Qb
 * is Q(a + b) by the doubling high multiply.
 */
#include "kernels.h"
#include "fixedpoint.h"

/* e^a for a in [-1/4, 0), Q0.31: a Taylor series of degree 4 around -1/8. */
static __s32 exp_quarter(__s32 a)
{
	const __s32 exp_minus_eighth = 1895147668;
	const __s32 third = 715827883;
	__s32 x = npu_add32(a, 1 << 28);
	__s32 x2 = npu_doubling_high_multiply(x, x);
	__s32 x3 = npu_doubling_high_multiply(x2, x);
	__s32 x4 = npu_doubling_high_multiply(x2, x2);
	__s32 cubic = npu_add32(npu_rounding_shift(x4, 2), x3);
	__s32 tail = npu_add32(npu_doubling_high_multiply(cubic, third), x2);

	x = npu_add32(x, npu_rounding_shift(tail, 1));
	return npu_add32(exp_minus_eighth, npu_doubling_high_multiply(exp_minus_eighth, x));
}

__s32 npu_exp_negative(__s32 a, __u32 integer_bits)
{
	/* e^-(2^i) in Q0.31 for i = -2 ... 4 */
	static const __s32 factor[] = { 1672461947, 1302514674, 790015084, 290630308,
					39332535,   720401,	242 };
	__u32 point = 31 - integer_bits;
	__s32 quarter = 1 << (point - 2);
	__s32 fraction = (a & (quarter - 1)) - quarter;
	__s32 result = exp_quarter(npu_shl32(fraction, integer_bits));
	__s32 rest = npu_sub32(fraction, a);
	__u32 i;

	if (a == 0)
		return NPU_INT32_MAX;
	for (i = 0; i < integer_bits + 2; i++)
		if (rest & npu_shl32(quarter, i))
			result = npu_doubling_high_multiply(result, factor[i]);
	return result;
}

/* 1 / ((1 + a) / 2) in Q2.29 for a in [0, 1] Q0.31: Newton's method from a linear guess. */
static __s32 half_denominator_reciprocal(__s32 a)
{
	const __s32 one = 1 << 29;
	const __s32 guess_constant = 1515870810; /* 48 / 17 in Q2.29 */
	const __s32 guess_slope = -1010580540;	 /* -32 / 17 in Q2.29 */
	__s64 sum = (__s64)a + NPU_INT32_MAX;
	__s32 half = (__s32)((sum + (sum >= 0 ? 1 : -1)) / 2);
	__s32 x = npu_add32(guess_constant, npu_doubling_high_multiply(half, guess_slope));
	int i;

	for (i = 0; i < 3; i++) {
		__s32 error = npu_sub32(one, npu_doubling_high_multiply(half, x));
		__s32 step = npu_doubling_high_multiply(x, error);

		x = npu_add32(x, npu_saturating_shift_left(step, 2));
	}
	return x;
}

__s32 npu_one_over_one_plus(__s32 a)
{
	return npu_saturating_shift_left(half_denominator_reciprocal(a), 1);
}

__s32 npu_one_minus_over_one_plus(__s32 a)
{
	__s32 x = npu_sub32(half_denominator_reciprocal(a), 1 << 29);

	return npu_saturating_shift_left(x, 2);
}
