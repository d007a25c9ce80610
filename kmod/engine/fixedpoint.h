/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Integer arithmetic of the instruction set, one function per definition in
 * Documentation/instruction-set.rst.
 *
 * Slot contents are hostile, so every operation is defined for every value: sums,
 * products and left shifts are done unsigned and wrap. Right shifts of negative
 * numbers are arithmetic on every compiler that can build this.
 */
#ifndef NPU_FIXEDPOINT_H
#define NPU_FIXEDPOINT_H

#include "npu_engine.h"

#define NPU_INT32_MIN ((__s32)-2147483647 - 1)
#define NPU_INT32_MAX ((__s32)2147483647)

static inline __s32 npu_add32(__s32 a, __s32 b)
{
	return (__s32)((__u32)a + (__u32)b);
}

static inline __s32 npu_sub32(__s32 a, __s32 b)
{
	return (__s32)((__u32)a - (__u32)b);
}

static inline __s32 npu_mul32(__s32 a, __s32 b)
{
	return (__s32)((__u32)a * (__u32)b);
}

static inline __s32 npu_shl32(__s32 a, __u32 shift)
{
	return (__s32)((__u32)a << shift);
}

static inline __s32 npu_clamp32(__s32 x, __s32 min, __s32 max)
{
	if (x < min)
		return min;
	return x > max ? max : x;
}

/* a * b * 2^-31, rounded to nearest, ties upwards; the one overflow saturates. */
static inline __s32 npu_doubling_high_multiply(__s32 a, __s32 b)
{
	if (a == NPU_INT32_MIN && b == NPU_INT32_MIN)
		return NPU_INT32_MAX;
	return (__s32)(((__s64)a * b + (1 << 30)) >> 31);
}

/* x * 2^-shift, rounded to nearest, ties away from zero; shift in [0, 31]. */
static inline __s32 npu_rounding_shift(__s32 x, __u32 shift)
{
	__s32 mask = (__s32)((1u << shift) - 1);
	__s32 remainder = x & mask;
	__s32 threshold = (mask >> 1) + (x < 0);

	return (x >> shift) + (remainder > threshold);
}

/* x * 2^shift, saturating; shift in [0, 30]. */
static inline __s32 npu_saturating_shift_left(__s32 x, __u32 shift)
{
	__s32 limit = NPU_INT32_MAX >> shift;

	if (x > limit)
		return NPU_INT32_MAX;
	if (x < -limit - 1)
		return NPU_INT32_MIN;
	return npu_shl32(x, shift);
}

/* x * multiplier * 2^(shift - 31) with double rounding; shift in [-31, 30]. */
static inline __s32 npu_rescale(__s32 x, __s32 multiplier, __s32 shift)
{
	__u32 left = shift > 0 ? shift : 0;
	__u32 right = shift > 0 ? 0 : -shift;

	x = npu_doubling_high_multiply(npu_shl32(x, left), multiplier);
	return npu_rounding_shift(x, right);
}

/* The 16 most significant bits of a Q0.31 multiplier, rounded: Q0.15. */
static inline __s32 npu_reduced_multiplier(__s32 multiplier)
{
	return multiplier < 0x7fff0000 ? (multiplier + (1 << 15)) >> 16 : 0x7fff;
}

/*
 * The same for the 64-bit accumulators of int16 activations: one rounding, ties
 * upwards, of a product that wraps modulo 2^64; shift in [-31, 7].
 */
static inline __s32 npu_rescale64(__s64 x, __s32 multiplier, __s32 shift)
{
	__u32 total = 15 - shift;
	__u64 product = (__u64)x * (__u64)npu_reduced_multiplier(multiplier);
	__s64 rounded = (__s64)(product + (1ull << (total - 1)));

	return (__s32)(rounded >> total);
}

/* A table of 513 samples over the int16 range, interpolated linearly. */
static inline __s32 npu_interpolate(const __s16 *table, __s32 x)
{
	__s32 index = 256 + (x >> 7);
	__s32 slope = table[index + 1] - table[index];

	return table[index] + ((slope * (x & 127) + 64) >> 7);
}

#endif /* NPU_FIXEDPOINT_H */
