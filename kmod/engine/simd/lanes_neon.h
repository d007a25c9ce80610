/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Sixteen 32-bit lanes (lanes.h says what each function does) with the vector instructions
 * that every AArch64 CPU has: four registers.
 */
#ifndef NPU_LANES_NEON_H
#define NPU_LANES_NEON_H

#ifdef __KERNEL__
#include <asm/neon-intrinsics.h>
#else
#include <arm_neon.h>
#endif

#include "bytes.h"

#define lanes_inline inline __attribute__((always_inline))
#define LANES_REGISTER 16 /* bytes */

/* How lanes_rescale() is to do it. */
enum lanes_way {
	LANES_ANY,
	LANES_QUICK,
	LANES_POSITIVE,
};

struct lanes {
	int32x4_t v[4];
};

struct lanes_mask {
	uint32x4_t v[4];
};

#define LANES_EACH(expression)                                               \
	do {                                                                 \
		int i;                                                       \
												\
		_Pragma("GCC unroll 4")                                        \
		for (i = 0; i < 4; i++)                                        \
			(expression);                                          \
	} while (0)

/* ------------------------------------------------------- loads and stores */

static lanes_inline struct lanes lanes_set(__s32 x)
{
	int32x4_t v = vdupq_n_s32(x);

	return (struct lanes){ { v, v, v, v } };
}

static lanes_inline struct lanes lanes_load(const void *p)
{
	struct lanes x;

	LANES_EACH(x.v[i] = vreinterpretq_s32_u8(vld1q_u8((const __u8 *)p + 16 * i)));
	return x;
}

static lanes_inline struct lanes lanes_load_halves(const void *low, const void *high)
{
	struct lanes x;

	LANES_EACH(x.v[i] = vreinterpretq_s32_u8(
			   vld1q_u8((const __u8 *)(i < 2 ? low : high) + 16 * (i % 2))));
	return x;
}

static lanes_inline struct lanes lanes_widen_s16(int16x8_t low, int16x8_t high)
{
	return (struct lanes){ { vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low),
				 vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high) } };
}

static lanes_inline struct lanes lanes_widen_s8(int8x16_t x)
{
	return lanes_widen_s16(vmovl_s8(vget_low_s8(x)), vmovl_high_s8(x));
}

static lanes_inline struct lanes lanes_load_s16(const void *p)
{
	return lanes_widen_s16(vreinterpretq_s16_u8(vld1q_u8(p)),
			       vreinterpretq_s16_u8(vld1q_u8((const __u8 *)p + 16)));
}

static lanes_inline struct lanes lanes_load_s8(const void *p)
{
	return lanes_widen_s8(vld1q_s8(p));
}

/* The bytes of @p from @from on, of which there are @count in all. */
static lanes_inline uint8x16_t lanes_bytes(const void *p, __u32 from, __u32 count)
{
	__u32 rest = count > from ? count - from : 0;
	struct npu_bytes x =
		npu_bytes_load(rest ? (const __u8 *)p + from : p, rest < 16 ? rest : 16);

	return vcombine_u8(vcreate_u8(x.low), vcreate_u8(x.high));
}

static lanes_inline struct lanes lanes_load_part(const void *p, __u32 count)
{
	struct lanes x;

	LANES_EACH(x.v[i] = vreinterpretq_s32_u8(lanes_bytes(p, 16 * i, count * 4)));
	return x;
}

static lanes_inline struct lanes lanes_load_part_s16(const void *p, __u32 count)
{
	return lanes_widen_s16(vreinterpretq_s16_u8(lanes_bytes(p, 0, count * 2)),
			       vreinterpretq_s16_u8(lanes_bytes(p, 16, count * 2)));
}

static lanes_inline struct lanes lanes_load_part_s8(const void *p, __u32 count)
{
	return lanes_widen_s8(vreinterpretq_s8_u8(lanes_bytes(p, 0, count)));
}

static lanes_inline int16x8_t lanes_pack_s16(int32x4_t low, int32x4_t high)
{
	return vqmovn_high_s32(vqmovn_s32(low), high);
}

static lanes_inline int8x16_t lanes_pack_s8(struct lanes x)
{
	return vqmovn_high_s16(vqmovn_s16(lanes_pack_s16(x.v[0], x.v[1])),
			       lanes_pack_s16(x.v[2], x.v[3]));
}

static lanes_inline void lanes_store(void *p, struct lanes x)
{
	LANES_EACH(vst1q_u8((__u8 *)p + 16 * i, vreinterpretq_u8_s32(x.v[i])));
}

static lanes_inline void lanes_store_s16(void *p, struct lanes x)
{
	vst1q_u8(p, vreinterpretq_u8_s16(lanes_pack_s16(x.v[0], x.v[1])));
	vst1q_u8((__u8 *)p + 16, vreinterpretq_u8_s16(lanes_pack_s16(x.v[2], x.v[3])));
}

static lanes_inline void lanes_store_s8(void *p, struct lanes x)
{
	vst1q_s8(p, lanes_pack_s8(x));
}

/* @x to the bytes of @p from @from on, of which there are @count in all. */
static lanes_inline void lanes_store_bytes(void *p, uint8x16_t x, __u32 from, __u32 count)
{
	struct npu_bytes bytes = { vgetq_lane_u64(vreinterpretq_u64_u8(x), 0),
				   vgetq_lane_u64(vreinterpretq_u64_u8(x), 1) };
	__u32 rest = count > from ? count - from : 0;

	if (rest)
		npu_bytes_store((__u8 *)p + from, bytes, rest < 16 ? rest : 16);
}

static lanes_inline void lanes_store_part(void *p, struct lanes x, __u32 count)
{
	LANES_EACH(lanes_store_bytes(p, vreinterpretq_u8_s32(x.v[i]), 16 * i, count * 4));
}

static lanes_inline void lanes_store_part_s16(void *p, struct lanes x, __u32 count)
{
	lanes_store_bytes(p, vreinterpretq_u8_s16(lanes_pack_s16(x.v[0], x.v[1])), 0, count * 2);
	lanes_store_bytes(p, vreinterpretq_u8_s16(lanes_pack_s16(x.v[2], x.v[3])), 16, count * 2);
}

static lanes_inline void lanes_store_part_s8(void *p, struct lanes x, __u32 count)
{
	lanes_store_bytes(p, vreinterpretq_u8_s8(lanes_pack_s8(x)), 0, count);
}

static lanes_inline void lanes_store4_s8_at(__u8 *const to[4], const struct lanes x[4], __s32 min,
					    __s32 max)
{
	const int8x16_t low = vdupq_n_s8((__s8)min), high = vdupq_n_s8((__s8)max);

	LANES_EACH(vst1q_s8((__s8 *)to[i], vminq_s8(vmaxq_s8(lanes_pack_s8(x[i]), low), high)));
}

/* ------------------------------------------------------------- arithmetic */

static lanes_inline struct lanes lanes_add(struct lanes a, struct lanes b)
{
	LANES_EACH(a.v[i] = vaddq_s32(a.v[i], b.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_sub(struct lanes a, struct lanes b)
{
	LANES_EACH(a.v[i] = vsubq_s32(a.v[i], b.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_mul(struct lanes a, struct lanes b)
{
	LANES_EACH(a.v[i] = vmulq_s32(a.v[i], b.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_min(struct lanes a, struct lanes b)
{
	LANES_EACH(a.v[i] = vminq_s32(a.v[i], b.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_max(struct lanes a, struct lanes b)
{
	LANES_EACH(a.v[i] = vmaxq_s32(a.v[i], b.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_and(struct lanes a, struct lanes b)
{
	LANES_EACH(a.v[i] = vandq_s32(a.v[i], b.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_xor(struct lanes a, struct lanes b)
{
	LANES_EACH(a.v[i] = veorq_s32(a.v[i], b.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_abs(struct lanes a)
{
	LANES_EACH(a.v[i] = vabsq_s32(a.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_shift_left(struct lanes a, __u32 shift)
{
	const int32x4_t n = vdupq_n_s32((__s32)shift);

	LANES_EACH(a.v[i] = vshlq_s32(a.v[i], n));
	return a;
}

static lanes_inline struct lanes lanes_shift_right(struct lanes a, __u32 shift)
{
	const int32x4_t n = vdupq_n_s32(-(__s32)shift);

	LANES_EACH(a.v[i] = vshlq_s32(a.v[i], n));
	return a;
}

static lanes_inline struct lanes lanes_shift_right_logical(struct lanes a, __u32 shift)
{
	const int32x4_t n = vdupq_n_s32(-(__s32)shift);

	LANES_EACH(a.v[i] = vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a.v[i]), n)));
	return a;
}

static lanes_inline struct lanes lanes_shift_left_each(struct lanes a, struct lanes shift)
{
	LANES_EACH(a.v[i] = vshlq_s32(a.v[i], shift.v[i]));
	return a;
}

static lanes_inline struct lanes lanes_shift_right_each(struct lanes a, struct lanes shift)
{
	LANES_EACH(a.v[i] = vshlq_s32(a.v[i], vnegq_s32(shift.v[i])));
	return a;
}

static lanes_inline struct lanes_mask lanes_greater(struct lanes a, struct lanes b)
{
	struct lanes_mask mask;

	LANES_EACH(mask.v[i] = vcgtq_s32(a.v[i], b.v[i]));
	return mask;
}

static lanes_inline struct lanes_mask lanes_equal(struct lanes a, struct lanes b)
{
	struct lanes_mask mask;

	LANES_EACH(mask.v[i] = vceqq_s32(a.v[i], b.v[i]));
	return mask;
}

static lanes_inline struct lanes_mask lanes_first(__u32 count)
{
	static const __s32 first[4] = { 0, 1, 2, 3 };
	const int32x4_t index = vld1q_s32(first), n = vdupq_n_s32((__s32)count);
	struct lanes_mask mask;

	LANES_EACH(mask.v[i] = vcgtq_s32(n, vaddq_s32(index, vdupq_n_s32(4 * i))));
	return mask;
}

static lanes_inline struct lanes lanes_select(struct lanes_mask mask, struct lanes yes,
					      struct lanes no)
{
	LANES_EACH(no.v[i] = vbslq_s32(mask.v[i], yes.v[i], no.v[i]));
	return no;
}

static lanes_inline __s32 lanes_total(struct lanes x)
{
	return vaddvq_s32(vaddq_s32(vaddq_s32(x.v[0], x.v[1]), vaddq_s32(x.v[2], x.v[3])));
}

static lanes_inline __s32 lanes_greatest(struct lanes x)
{
	return vmaxvq_s32(vmaxq_s32(vmaxq_s32(x.v[0], x.v[1]), vmaxq_s32(x.v[2], x.v[3])));
}

/* There is no gather: lane by lane. */
static lanes_inline struct lanes lanes_lookup(const __s32 *table, struct lanes index)
{
	__s32 x[16];
	int k;

	lanes_store(x, index);
	for (k = 0; k < 16; k++)
		x[k] = table[x[k]];
	return lanes_load(x);
}

static lanes_inline struct lanes lanes_lookup_pair_16(const void *table, struct lanes index)
{
	__s32 x[16];
	int k;

	lanes_store(x, index);
	for (k = 0; k < 16; k++)
		__builtin_memcpy(&x[k], (const __u8 *)table + 2l * x[k], 4);
	return lanes_load(x);
}

#define LANES_BYTES 16

/* One after another each 64 entries: an index that is not theirs gives 0. */
static lanes_inline void lanes_lookup_bytes(void *out, const void *in, const __u8 *table)
{
	uint8x16_t x = vld1q_u8(in), y = vdupq_n_u8(0);
	int r;

#pragma GCC unroll 4
	for (r = 0; r < 4; r++) {
		uint8x16x4_t rows = { { vld1q_u8(table + 64 * r), vld1q_u8(table + 64 * r + 16),
					vld1q_u8(table + 64 * r + 32),
					vld1q_u8(table + 64 * r + 48) } };

		y = vorrq_u8(y, vqtbl4q_u8(rows, x));
		x = vsubq_u8(x, vdupq_n_u8(64));
	}
	vst1q_u8(out, y);
}

static lanes_inline struct lanes lanes_doubling_high_multiply(struct lanes a, struct lanes b)
{
	LANES_EACH(a.v[i] = vqrdmulhq_s32(a.v[i], b.v[i]));
	return a;
}

/* The 64-bit products of lanes and @multiplier, both unsigned, without their low @shift bits. */
static lanes_inline struct lanes lanes_multiply_shift(struct lanes x, __u32 multiplier, __u32 shift)
{
	const int64x2_t n = vdupq_n_s64(-(__s64)shift);
	int i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
		uint32x4_t u = vreinterpretq_u32_s32(x.v[i]);
		uint64x2_t low = vshlq_u64(vmull_n_u32(vget_low_u32(u), multiplier), n);
		uint64x2_t high = vshlq_u64(vmull_high_n_u32(u, multiplier), n);

		x.v[i] = vreinterpretq_s32_u32(vmovn_high_u64(vmovn_u64(low), high));
	}
	return x;
}

/* --------------------------------------------------------- requantisation */

/*
 * A rounding shift is upwards in a tie; one less before it makes that away from zero for
 * negative numbers, and changes nothing else.
 */
struct lanes_scale {
	struct lanes multiplier, left, right; /* @right: minus the shift */
	struct lanes zero_point;
	bool quick;
};

static lanes_inline void lanes_scale_split(const struct npu_scale *scale, __u32 step,
					   struct lanes *multiplier, struct lanes *shift)
{
	if (!step) {
		*multiplier = lanes_set(scale->multiplier);
		*shift = lanes_set(scale->shift);
		return;
	}
	LANES_EACH(({
		int32x4x2_t pairs = vld2q_s32(&scale[4 * i].multiplier);

		multiplier->v[i] = pairs.val[0];
		shift->v[i] = pairs.val[1];
	}));
}

static lanes_inline void lanes_scale_load(struct lanes_scale *s, const struct npu_scale *scale,
					  __u32 step, __s32 zero_point)
{
	struct lanes shift;

	lanes_scale_split(scale, step, &s->multiplier, &shift);
	s->left = lanes_max(shift, lanes_set(0));
	s->right = lanes_min(shift, lanes_set(0));
	s->zero_point = lanes_set(zero_point);
	s->quick = lanes_greatest(shift) <= 0;
}

static lanes_inline struct lanes lanes_rescale(struct lanes x, const struct lanes_scale *s,
					       const int way)
{
	int i;

	if (way == LANES_ANY)
		x = lanes_shift_left_each(x, s->left);
#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
		int32x4_t y = vqrdmulhq_s32(x.v[i], s->multiplier.v[i]);

		/* -1 where y and the shift are negative */
		if (way != LANES_POSITIVE)
			y = vqaddq_s32(y, vshrq_n_s32(vandq_s32(y, s->right.v[i]), 31));
		x.v[i] = vaddq_s32(vrshlq_s32(y, s->right.v[i]), s->zero_point.v[i]);
	}
	return x;
}

/* ----------------------------------------------------- sixteen 64-bit sums */

struct lanes64 {
	int64x2_t v[8];
};

struct lanes_scale64 {
	struct lanes factor;
	struct lanes64 right; /* minus the shift */
	struct lanes zero_point;
};

static lanes_inline struct lanes64 lanes64_set(__s64 x)
{
	int64x2_t v = vdupq_n_s64(x);

	return (struct lanes64){ { v, v, v, v, v, v, v, v } };
}

static lanes_inline struct lanes64 lanes64_load(const __s64 *p)
{
	struct lanes64 x;
	int i;

#pragma GCC unroll 8
	for (i = 0; i < 8; i++)
		x.v[i] = vreinterpretq_s64_u8(vld1q_u8((const __u8 *)(p + 2 * i)));
	return x;
}

static lanes_inline void lanes64_store(__s64 *p, struct lanes64 x)
{
	int i;

#pragma GCC unroll 8
	for (i = 0; i < 8; i++)
		vst1q_u8((__u8 *)(p + i * 2), vreinterpretq_u8_s64(x.v[i]));
}

static lanes_inline struct lanes64 lanes64_widen(struct lanes x)
{
	struct lanes64 wide;

	LANES_EACH(({
		wide.v[2 * i] = vmovl_s32(vget_low_s32(x.v[i]));
		wide.v[2 * i + 1] = vmovl_high_s32(x.v[i]);
	}));
	return wide;
}

static lanes_inline struct lanes lanes64_low(struct lanes64 x)
{
	struct lanes low;

	LANES_EACH(low.v[i] = vmovn_high_s64(vmovn_s64(x.v[2 * i]), x.v[2 * i + 1]));
	return low;
}

static lanes_inline struct lanes64 lanes64_add(struct lanes64 a, struct lanes64 b)
{
	int i;

#pragma GCC unroll 8
	for (i = 0; i < 8; i++)
		a.v[i] = vaddq_s64(a.v[i], b.v[i]);
	return a;
}

static lanes_inline void lanes_scale64_load(struct lanes_scale64 *s, const struct npu_scale *scale,
					    __u32 step, __s32 zero_point)
{
	struct lanes multiplier, shift;

	lanes_scale_split(scale, step, &multiplier, &shift);
	/* the sum of a multiplier and 2^15 is below 2^32 */
	multiplier = lanes_shift_right_logical(lanes_add(multiplier, lanes_set(1 << 15)), 16);
	s->factor = lanes_min(multiplier, lanes_set(0x7fff));
	s->right = lanes64_widen(lanes_sub(shift, lanes_set(15)));
	s->zero_point = lanes_set(zero_point);
}

/* Two sums: modulo 2^64, from 32-bit halves. */
static lanes_inline int64x2_t lanes64_product(int64x2_t x, uint32x2_t factor)
{
	uint64x2_t u = vreinterpretq_u64_s64(x);
	uint64x2_t high = vmull_u32(vshrn_n_u64(u, 32), factor);

	return vreinterpretq_s64_u64(
		vaddq_u64(vmull_u32(vmovn_u64(u), factor), vshlq_n_u64(high, 32)));
}

static lanes_inline struct lanes lanes64_rescale(struct lanes64 x, const struct lanes_scale64 *s)
{
	const int64x2_t one = vdupq_n_s64(1);
	int i;

#pragma GCC unroll 8
	for (i = 0; i < 8; i++) {
		uint32x4_t factor = vreinterpretq_u32_s32(s->factor.v[i / 2]);
		int64x2_t shift = s->right.v[i], half;

		/* the half is added here, for the sum wraps */
		half = vshlq_s64(one, vsubq_s64(vnegq_s64(shift), one));
		x.v[i] = lanes64_product(x.v[i],
					 i % 2 ? vget_high_u32(factor) : vget_low_u32(factor));
		x.v[i] = vshlq_s64(vaddq_s64(x.v[i], half), shift);
	}
	return lanes_add(lanes64_low(x), s->zero_point);
}

#endif /* NPU_LANES_NEON_H */
