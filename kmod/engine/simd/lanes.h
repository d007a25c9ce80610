/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Sixteen 32-bit lanes: the machine that vector kernels are written for.
 *
 * A variant includes lanes_avx2.h, lanes_avx512.h or lanes_neon.h, which define the types and
 * functions below for one instruction set; then this file, which adds what can be made of
 * them; then the kernels. All functions are inline; arguments that choose a type or a way
 * are constants where speed matters. Arithmetic wraps, as in fixedpoint.h.
 *
 * Types
 *	struct lanes		sixteen int32
 *	struct lanes_mask	sixteen truth values
 *	struct lanes_scale	sixteen scales and a zero point, prepared
 *	struct lanes64		sixteen int64
 *	struct lanes_scale64	sixteen scales of such sums and a zero point, prepared
 *
 * Memory. Any alignment. "part" is the first count lanes, 0 to 16; nothing past them is
 * touched, and lanes past them are loaded as 0. Stores of int8 and int16 saturate.
 *	lanes_load(p)				lanes_load_part(p, count)
 *	lanes_load_halves(p, q)			eight from p, eight from q
 *	lanes_load_s16(p)			lanes_load_part_s16(p, count)
 *	lanes_load_s8(p)			lanes_load_part_s8(p, count)
 *	lanes_store(p, x)			lanes_store_part(p, x, count)
 *	lanes_store_s16(p, x)			lanes_store_part_s16(p, x, count)
 *	lanes_store_s8(p, x)			lanes_store_part_s8(p, x, count)
 *	lanes_store4_s8_at(to, x, min, max)	x[0] to x[3] as int8 at to[0] to to[3], clamped to
 *						[min, max], which lies within int8; cheaper than
 *						four clamps and stores
 *	lanes_store4_s8(p, stride, x, min, max)	the same at p, p + stride, ...
 *	lanes_lookup(table, index)		table[index] of each lane
 *	lanes_lookup_pair_16(table, index)	of a table of 16-bit entries: entry index in the
 *						low half, entry index + 1 in the high half
 *	lanes_lookup_bytes(out, in, table)	table[in[i]] of LANES_BYTES bytes, unsigned; table
 *						has 256 of them
 *
 * Arithmetic
 *	lanes_set(x)				x in every lane
 *	lanes_add, sub, mul, min, max, and, xor (a, b); lanes_abs(a)
 *	lanes_shift_left, shift_right, shift_right_logical (a, shift)	shift in [0, 31]
 *	lanes_shift_left_each, shift_right_each (a, shifts)		likewise
 *	lanes_greater(a, b), lanes_equal(a, b), lanes_first(count): masks
 *	lanes_select(mask, yes, no)
 *	lanes_total(x), lanes_greatest(x)	the sum, the maximum of all lanes
 *	lanes_doubling_high_multiply(a, b)	fixedpoint.h; a and b never both INT32_MIN
 *	lanes_multiply_shift(x, m, shift)	x * m >> shift, unsigned 64-bit; shift in [0, 63]
 *
 * Requantisation
 *	lanes_scale_load(&s, scale, step, zero_point)
 *		scale[0], scale[step], ..., step 0 or 1. The multipliers are not negative, the
 *		zero point is one of int8.
 *		s.quick: all shifts of common networks: lanes_rescale() has a faster way.
 *	lanes_rescale(x, &s, way)
 *		npu_rescale() plus the zero point. way is a constant, for a loop that was chosen
 *		by it: LANES_ANY; where s.quick is true, LANES_QUICK; and there, if the result
 *		is clamped to a minimum that is at least the zero point, as after a rectifier,
 *		LANES_POSITIVE: ties below the zero point are not rounded away from it, which
 *		costs a third, but remain at or below it. lanes_way() chooses.
 *	lanes_scale64_load(&s, scale, step, zero_point)
 *	lanes64_rescale(x, &s)			npu_rescale64() plus the zero point
 *	lanes64_set(x), lanes64_load(p), lanes64_store(p, x), lanes64_add(a, b)
 *	lanes64_widen(x), lanes64_low(x)	from, to (modulo 2^32) struct lanes
 */
#ifndef NPU_LANES_H
#define NPU_LANES_H

static lanes_inline enum lanes_way lanes_way(const struct lanes_scale *s, __s32 zero_point,
					     __s32 min)
{
	if (!s->quick)
		return LANES_ANY;
	return min >= zero_point ? LANES_POSITIVE : LANES_QUICK;
}

/* @p + @i elements of @type, an NPU_TYPE_*. */
static lanes_inline void *lanes_at(const void *p, unsigned long i, const __u32 type)
{
	return (__u8 *)p + i * (type == NPU_TYPE_INT8 ? 1 : type == NPU_TYPE_INT16 ? 2 : 4);
}

static lanes_inline struct lanes lanes_load_type(const void *p, const __u32 type)
{
	if (type == NPU_TYPE_INT8)
		return lanes_load_s8(p);
	return type == NPU_TYPE_INT16 ? lanes_load_s16(p) : lanes_load(p);
}

static lanes_inline struct lanes lanes_load_part_type(const void *p, const __u32 type, __u32 count)
{
	if (type == NPU_TYPE_INT8)
		return lanes_load_part_s8(p, count);
	return type == NPU_TYPE_INT16 ? lanes_load_part_s16(p, count) : lanes_load_part(p, count);
}

static lanes_inline void lanes_store_type(void *p, const __u32 type, struct lanes x)
{
	if (type == NPU_TYPE_INT8)
		lanes_store_s8(p, x);
	else if (type == NPU_TYPE_INT16)
		lanes_store_s16(p, x);
	else
		lanes_store(p, x);
}

static lanes_inline void lanes_store_part_type(void *p, const __u32 type, struct lanes x,
					       __u32 count)
{
	if (type == NPU_TYPE_INT8)
		lanes_store_part_s8(p, x, count);
	else if (type == NPU_TYPE_INT16)
		lanes_store_part_s16(p, x, count);
	else
		lanes_store_part(p, x, count);
}

static lanes_inline void lanes_store4_s8(void *p, unsigned long stride, const struct lanes x[4],
					 __s32 min, __s32 max)
{
	__u8 *const first = p;
	__u8 *const to[4] = { first, first + stride, first + 2 * stride, first + 3 * stride };

	lanes_store4_s8_at(to, x, min, max);
}

static lanes_inline struct lanes lanes_clamp(struct lanes x, struct lanes min, struct lanes max)
{
	return lanes_min(lanes_max(x, min), max);
}

/* 0 to 15. */
static lanes_inline struct lanes lanes_index(void)
{
	static const __s8 index[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	return lanes_load_s8(index);
}

/* As npu_saturating_shift_left(). */
static lanes_inline struct lanes lanes_saturating_shift_left(struct lanes x, __u32 shift)
{
	const __s32 limit = 2147483647 >> shift;
	struct lanes y = lanes_shift_left(x, shift);

	y = lanes_select(lanes_greater(x, lanes_set(limit)), lanes_set(2147483647), y);
	return lanes_select(lanes_greater(lanes_set(-limit - 1), x), lanes_set(-2147483647 - 1), y);
}

/* x * 2^-shift, rounded to nearest, ties away from zero; shift in [0, 31]. */
static lanes_inline struct lanes lanes_rounding_shift(struct lanes x, __u32 shift)
{
	struct lanes negative = lanes_shift_right(x, 31), rounded;

	if (!shift)
		return x;
	/* half of the divisor, less one for a negative x; a logical shift of what cannot wrap */
	rounded = lanes_add(x, lanes_add(lanes_set((__s32)(1u << (shift - 1))), negative));
	/* the sum of a positive x and the half may reach 2^31 */
	rounded = lanes_select(lanes_greater(lanes_set(0), lanes_xor(negative, rounded)),
			       lanes_shift_right_logical(rounded, shift),
			       lanes_shift_right(rounded, shift));
	return rounded;
}

/**
 * struct lanes_divisor - what x is multiplied by to divide it
 * @divisor: 1 to 2^16
 * @multiplier: ceil(2^shift / divisor), below 2^32
 * @shift: 31 + ceil(log2(divisor))
 */
struct lanes_divisor {
	__u32 divisor, multiplier, shift;
};

static inline struct lanes_divisor lanes_divisor_make(__u32 divisor)
{
	__u32 shift = 31 + (divisor > 1 ? 32 - __builtin_clz(divisor - 1) : 0);

	return (struct lanes_divisor){
		.divisor = divisor,
		.multiplier = (__u32)(((1ull << shift) + divisor - 1) / divisor),
		.shift = shift,
	};
}

/*
 * x / divisor of unsigned lanes, exact for x < 2^31: the multiplier is too large by less than
 * divisor / 2^shift of it, so the product by less than x * divisor / 2^shift <= 1 / divisor.
 * A power of two is exact for all x.
 */
static lanes_inline struct lanes lanes_divide(struct lanes x, const struct lanes_divisor *d)
{
	return lanes_multiply_shift(x, d->multiplier, d->shift);
}

#endif /* NPU_LANES_H */
