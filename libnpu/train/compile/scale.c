// SPDX-License-Identifier: MIT
#include <string.h>

#include "train/compile/scale.h"

int64_t npu_significand(double real, int *exponent)
{
	uint64_t bits;
	int64_t fraction;

	memcpy(&bits, &real, sizeof(bits));
	/* 53 bits with the hidden one, as a number in [1/2, 1). */
	*exponent = (int)((bits >> 52) & 0x7ff) - 1022;
	fraction = (int64_t)((bits & ((1ull << 52) - 1)) | (1ull << 52));
	return (fraction + (1 << 21)) >> 22;
}

struct npu_scale npu_scale_from_real(double real)
{
	struct npu_scale scale = { 0, 0 };
	int exponent;
	int64_t significand;

	/* Also NaN, and what is too small to be a normal number. */
	if (!(real >= 0x1p-1000))
		return scale;
	significand = npu_significand(real, &exponent);
	if (significand == 1ll << 31) {
		significand >>= 1;
		exponent++;
	}
	if (exponent < -31)
		return scale;
	if (exponent > 30) {
		scale.multiplier = INT32_MAX;
		scale.shift = 30;
		return scale;
	}
	scale.multiplier = (int32_t)significand;
	scale.shift = exponent;
	return scale;
}

int64_t npu_round_clamp(double real, int64_t low, int64_t high)
{
	/* Comparisons first: a conversion out of range is undefined. */
	if (real >= (double)high)
		return high;
	if (real <= (double)low)
		return low;
	if (real != real)
		return 0;
	return (int64_t)(real < 0 ? real - 0.5 : real + 0.5);
}
