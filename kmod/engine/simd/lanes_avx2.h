/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Sixteen 32-bit lanes (lanes.h says what each function does) with AVX2: two registers.
 * Needs -mavx2.
 */
#ifndef NPU_LANES_AVX2_H
#define NPU_LANES_AVX2_H

#ifdef __KERNEL__
/* the intrinsics would pull in malloc() */
#define _MM_MALLOC_H_INCLUDED 1
#endif
#include <immintrin.h>

#include "bytes.h"

#define lanes_inline inline __attribute__((always_inline))
#define LANES_REGISTER 32 /* bytes */

/* How lanes_rescale() is to do it. */
enum lanes_way {
	LANES_ANY,
	LANES_QUICK,
	LANES_POSITIVE,
};

struct lanes {
	__m256i v[2];
};

struct lanes_mask {
	__m256i v[2];
};

static lanes_inline struct lanes lanes_of(__m256i low, __m256i high)
{
	return (struct lanes){ { low, high } };
}

#define LANES_EACH(a, operation) lanes_of(operation((a).v[0]), operation((a).v[1]))
#define LANES_BOTH(a, b, operation) \
	lanes_of(operation((a).v[0], (b).v[0]), operation((a).v[1], (b).v[1]))

/* ------------------------------------------------------- loads and stores */

static lanes_inline struct lanes lanes_set(__s32 x)
{
	__m256i v = _mm256_set1_epi32(x);

	return lanes_of(v, v);
}

static lanes_inline struct lanes lanes_load(const void *p)
{
	return lanes_of(_mm256_loadu_si256(p),
			_mm256_loadu_si256((const __m256i *)((const __u8 *)p + 32)));
}

static lanes_inline struct lanes lanes_load_halves(const void *low, const void *high)
{
	return lanes_of(_mm256_loadu_si256(low), _mm256_loadu_si256(high));
}

static lanes_inline struct lanes lanes_widen_s16(__m128i low, __m128i high)
{
	return lanes_of(_mm256_cvtepi16_epi32(low), _mm256_cvtepi16_epi32(high));
}

static lanes_inline struct lanes lanes_widen_s8(__m128i bytes)
{
	return lanes_of(_mm256_cvtepi8_epi32(bytes),
			_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes)));
}

static lanes_inline struct lanes lanes_load_s16(const void *p)
{
	return lanes_widen_s16(_mm_loadu_si128(p),
			       _mm_loadu_si128((const __m128i *)((const __u8 *)p + 16)));
}

static lanes_inline struct lanes lanes_load_s8(const void *p)
{
	return lanes_of(
		_mm256_cvtepi8_epi32(_mm_loadl_epi64(p)),
		_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)((const __u8 *)p + 8))));
}

static lanes_inline __m128i lanes_bytes(const void *p, __u32 count)
{
	struct npu_bytes x = npu_bytes_load(p, count);

	return _mm_set_epi64x((long long)x.high, (long long)x.low);
}

static lanes_inline __m128i lanes_bytes_from(const void *p, __u32 from, __u32 count)
{
	__u32 rest = count > from ? count - from : 0;

	return lanes_bytes(rest ? (const __u8 *)p + from : p, rest < 16 ? rest : 16);
}

static lanes_inline struct lanes_mask lanes_first(__u32 count)
{
	const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	__m256i n = _mm256_set1_epi32((int)count);

	return (struct lanes_mask){ { _mm256_cmpgt_epi32(n, index),
				      _mm256_cmpgt_epi32(
					      n, _mm256_add_epi32(index, _mm256_set1_epi32(8))) } };
}

/* No masked load: one that ends at the end of a page is more than QEMU 7.2 can do. */
static lanes_inline struct lanes lanes_load_part(const void *p, __u32 count)
{
	return lanes_of(_mm256_set_m128i(lanes_bytes_from(p, 16, count * 4),
					 lanes_bytes_from(p, 0, count * 4)),
			_mm256_set_m128i(lanes_bytes_from(p, 48, count * 4),
					 lanes_bytes_from(p, 32, count * 4)));
}

static lanes_inline struct lanes lanes_load_part_s16(const void *p, __u32 count)
{
	return lanes_widen_s16(lanes_bytes_from(p, 0, count * 2),
			       lanes_bytes_from(p, 16, count * 2));
}

static lanes_inline struct lanes lanes_load_part_s8(const void *p, __u32 count)
{
	return lanes_widen_s8(lanes_bytes(p, count));
}

static lanes_inline __m256i lanes_pack_s16(struct lanes x)
{
	return _mm256_permute4x64_epi64(_mm256_packs_epi32(x.v[0], x.v[1]), 0xd8);
}

static lanes_inline __m128i lanes_pack_s8(struct lanes x)
{
	__m256i words = lanes_pack_s16(x);

	return _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

static lanes_inline void lanes_store(void *p, struct lanes x)
{
	_mm256_storeu_si256(p, x.v[0]);
	_mm256_storeu_si256((__m256i *)((__u8 *)p + 32), x.v[1]);
}

static lanes_inline void lanes_store_s16(void *p, struct lanes x)
{
	_mm256_storeu_si256(p, lanes_pack_s16(x));
}

static lanes_inline void lanes_store_s8(void *p, struct lanes x)
{
	_mm_storeu_si128(p, lanes_pack_s8(x));
}

static lanes_inline void lanes_store_part(void *p, struct lanes x, __u32 count)
{
	struct lanes_mask mask = lanes_first(count);

	_mm256_maskstore_epi32(p, mask.v[0], x.v[0]);
	_mm256_maskstore_epi32((int *)p + 8, mask.v[1], x.v[1]);
}

static lanes_inline void lanes_store_bytes(void *p, __m128i x, __u32 count)
{
	struct npu_bytes bytes = {
		(__u64)_mm_cvtsi128_si64(x),
		(__u64)_mm_cvtsi128_si64(_mm_unpackhi_epi64(x, x)),
	};

	npu_bytes_store(p, bytes, count);
}

static lanes_inline void lanes_store_part_s16(void *p, struct lanes x, __u32 count)
{
	__m256i words = lanes_pack_s16(x);

	lanes_store_bytes(p, _mm256_castsi256_si128(words), count < 8 ? count * 2 : 16);
	if (count > 8)
		lanes_store_bytes((__u8 *)p + 16, _mm256_extracti128_si256(words, 1),
				  count * 2 - 16);
}

static lanes_inline void lanes_store_part_s8(void *p, struct lanes x, __u32 count)
{
	lanes_store_bytes(p, lanes_pack_s8(x), count);
}

/* Sixteen bytes of @a and of @b, one after the other. */
static lanes_inline __m256i lanes_pack2_s8(struct lanes a, struct lanes b)
{
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	__m256i words_a = _mm256_packs_epi32(a.v[0], a.v[1]);
	__m256i words_b = _mm256_packs_epi32(b.v[0], b.v[1]);

	return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(words_a, words_b), order);
}

static lanes_inline void lanes_store4_s8_at(__u8 *const to[4], const struct lanes x[4], __s32 min,
					    __s32 max)
{
	const __m256i low = _mm256_set1_epi8((char)min), high = _mm256_set1_epi8((char)max);
	int i;

#pragma GCC unroll 2
	for (i = 0; i < 4; i += 2) {
		__m256i bytes = lanes_pack2_s8(x[i], x[i + 1]);

		bytes = _mm256_min_epi8(_mm256_max_epi8(bytes, low), high);
		_mm_storeu_si128((__m128i *)to[i], _mm256_castsi256_si128(bytes));
		_mm_storeu_si128((__m128i *)to[i + 1], _mm256_extracti128_si256(bytes, 1));
	}
}

/* ------------------------------------------------------------- arithmetic */

static lanes_inline struct lanes lanes_add(struct lanes a, struct lanes b)
{
	return LANES_BOTH(a, b, _mm256_add_epi32);
}

static lanes_inline struct lanes lanes_sub(struct lanes a, struct lanes b)
{
	return LANES_BOTH(a, b, _mm256_sub_epi32);
}

static lanes_inline struct lanes lanes_mul(struct lanes a, struct lanes b)
{
	return LANES_BOTH(a, b, _mm256_mullo_epi32);
}

static lanes_inline struct lanes lanes_min(struct lanes a, struct lanes b)
{
	return LANES_BOTH(a, b, _mm256_min_epi32);
}

static lanes_inline struct lanes lanes_max(struct lanes a, struct lanes b)
{
	return LANES_BOTH(a, b, _mm256_max_epi32);
}

static lanes_inline struct lanes lanes_and(struct lanes a, struct lanes b)
{
	return LANES_BOTH(a, b, _mm256_and_si256);
}

static lanes_inline struct lanes lanes_xor(struct lanes a, struct lanes b)
{
	return LANES_BOTH(a, b, _mm256_xor_si256);
}

static lanes_inline struct lanes lanes_abs(struct lanes a)
{
	return LANES_EACH(a, _mm256_abs_epi32);
}

static lanes_inline struct lanes lanes_shift_left(struct lanes a, __u32 shift)
{
	return lanes_of((__m256i)((__v8su)a.v[0] << shift), (__m256i)((__v8su)a.v[1] << shift));
}

static lanes_inline struct lanes lanes_shift_right(struct lanes a, __u32 shift)
{
	return lanes_of((__m256i)((__v8si)a.v[0] >> shift), (__m256i)((__v8si)a.v[1] >> shift));
}

static lanes_inline struct lanes lanes_shift_right_logical(struct lanes a, __u32 shift)
{
	return lanes_of((__m256i)((__v8su)a.v[0] >> shift), (__m256i)((__v8su)a.v[1] >> shift));
}

static lanes_inline struct lanes lanes_shift_left_each(struct lanes a, struct lanes shift)
{
	return LANES_BOTH(a, shift, _mm256_sllv_epi32);
}

static lanes_inline struct lanes lanes_shift_right_each(struct lanes a, struct lanes shift)
{
	return LANES_BOTH(a, shift, _mm256_srav_epi32);
}

static lanes_inline struct lanes_mask lanes_greater(struct lanes a, struct lanes b)
{
	return (struct lanes_mask){ { _mm256_cmpgt_epi32(a.v[0], b.v[0]),
				      _mm256_cmpgt_epi32(a.v[1], b.v[1]) } };
}

static lanes_inline struct lanes_mask lanes_equal(struct lanes a, struct lanes b)
{
	return (struct lanes_mask){ { _mm256_cmpeq_epi32(a.v[0], b.v[0]),
				      _mm256_cmpeq_epi32(a.v[1], b.v[1]) } };
}

static lanes_inline struct lanes lanes_select(struct lanes_mask mask, struct lanes yes,
					      struct lanes no)
{
	return lanes_of(_mm256_blendv_epi8(no.v[0], yes.v[0], mask.v[0]),
			_mm256_blendv_epi8(no.v[1], yes.v[1], mask.v[1]));
}

static lanes_inline __s32 lanes_total(struct lanes x)
{
	__m256i v = _mm256_add_epi32(x.v[0], x.v[1]);
	__m128i q = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	q = _mm_add_epi32(q, _mm_shuffle_epi32(q, 0x4e));
	return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xb1)));
}

static lanes_inline __s32 lanes_greatest(struct lanes x)
{
	__m256i v = _mm256_max_epi32(x.v[0], x.v[1]);
	__m128i q = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	q = _mm_max_epi32(q, _mm_shuffle_epi32(q, 0x4e));
	return _mm_cvtsi128_si32(_mm_max_epi32(q, _mm_shuffle_epi32(q, 0xb1)));
}

/*
 * Four bytes from each of eight addresses, one by one. vpgatherdd is no faster on many CPUs, many
 * times slower on those whose gathers are kept from leaking data, and wrong in QEMU 7.2.
 */
static lanes_inline __m256i lanes_lookup8(const __u8 *table, __m256i index, const int bytes)
{
	__s32 i[8], x[8];
	int k;

	_mm256_storeu_si256((__m256i *)i, index);
#pragma GCC unroll 8
	for (k = 0; k < 8; k++)
		__builtin_memcpy(&x[k], table + (long)i[k] * bytes, sizeof(x[k]));
	return _mm256_setr_epi32(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]);
}

static lanes_inline struct lanes lanes_lookup(const __s32 *table, struct lanes index)
{
	return lanes_of(lanes_lookup8((const __u8 *)table, index.v[0], 4),
			lanes_lookup8((const __u8 *)table, index.v[1], 4));
}

static lanes_inline struct lanes lanes_lookup_pair_16(const void *table, struct lanes index)
{
	return lanes_of(lanes_lookup8(table, index.v[0], 2), lanes_lookup8(table, index.v[1], 2));
}

#define LANES_BYTES 32

/* One after another each sixteen entries: the shuffle gives 0 where an index is not theirs. */
static lanes_inline void lanes_lookup_bytes(void *out, const void *in, const __u8 *table)
{
	const __m256i past = _mm256_set1_epi8(0x70), sixteen = _mm256_set1_epi8(16);
	__m256i x = _mm256_loadu_si256(in), y = _mm256_setzero_si256();
	int r;

#pragma GCC unroll 16
	for (r = 0; r < 16; r++) {
		__m256i row = _mm256_broadcastsi128_si256(
			_mm_loadu_si128((const __m128i *)(table + 16 * r)));

		y = _mm256_or_si256(y, _mm256_shuffle_epi8(row, _mm256_adds_epu8(x, past)));
		x = _mm256_sub_epi8(x, sixteen);
	}
	_mm256_storeu_si256(out, y);
}

static lanes_inline __m256i lanes_high_multiply8(__m256i a, __m256i b)
{
	const __m256i half = _mm256_set1_epi64x(1 << 30);
	__m256i even = _mm256_mul_epi32(a, b);
	__m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));

	even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
	odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
	return _mm256_blend_epi32(even, odd, 0xaa);
}

static lanes_inline struct lanes lanes_doubling_high_multiply(struct lanes a, struct lanes b)
{
	return LANES_BOTH(a, b, lanes_high_multiply8);
}

/* The 64-bit products of lanes and @multiplier, both unsigned, without their low @shift bits. */
static lanes_inline struct lanes lanes_multiply_shift(struct lanes x, __u32 multiplier, __u32 shift)
{
	const __m256i m = _mm256_set1_epi64x(multiplier);
	const __m128i n = _mm_cvtsi32_si128((int)shift);
	int i;

#pragma GCC unroll 2
	for (i = 0; i < 2; i++) {
		__m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x.v[i], 32), m);

		x.v[i] = _mm256_srl_epi64(_mm256_mul_epu32(x.v[i], m), n);
		odd = _mm256_shuffle_epi32(_mm256_srl_epi64(odd, n), 0xa0);
		x.v[i] = _mm256_blend_epi32(x.v[i], odd, 0xaa);
	}
	return x;
}

/* --------------------------------------------------------- requantisation */

/*
 * With p = x * multiplier and n = -shift >= 0 the two roundings of npu_rescale() are one:
 *	floor((p + 2^30 + (n ? 2^(30 + n) - (p < 0) * 2^31 : 0)) / 2^(31 + n))
 * (the second one rounds ties away from zero). 2^62 more makes it positive, so that a
 * logical shift will do, and the result 2^(31 - n) too large; @offset takes that off and
 * adds the zero point. Of each half, [0] is of the even lanes, [1] of the odd ones, in
 * 64-bit elements; the sign bit of an x that has become the low half of such an element is
 * the 2^31 that a negative p needs.
 */
struct lanes_scale {
	struct lanes left, offset;
	__m256i multiplier[2][2], round[2][2], negative[2][2], shift[2][2];
	bool quick;
};

/* Sixteen neighbouring scales, or the same one sixteen times, taken apart. */
static lanes_inline void lanes_scale_split(const struct npu_scale *scale, __u32 step,
					   struct lanes *multiplier, struct lanes *shift)
{
	int i;

	if (!step) {
		*multiplier = lanes_set(scale->multiplier);
		*shift = lanes_set(scale->shift);
		return;
	}
	for (i = 0; i < 2; i++) {
		__m256 low = _mm256_loadu_ps((const float *)(scale + 8 * i));
		__m256 high = _mm256_loadu_ps((const float *)(scale + 8 * i + 4));
		__m256i even = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
		__m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0xdd));

		multiplier->v[i] = _mm256_permute4x64_epi64(even, 0xd8);
		shift->v[i] = _mm256_permute4x64_epi64(odd, 0xd8);
	}
}

static lanes_inline void lanes_scale_load(struct lanes_scale *s, const struct npu_scale *scale,
					  __u32 step, __s32 zero_point)
{
	const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi64x(1);
	const __m256i bit31 = _mm256_set1_epi64x(1ll << 31);
	const __m256i bias = _mm256_set1_epi64x((1ll << 62) + (1ll << 30));
	struct lanes multiplier, shift, right;
	__m256i n;
	int half, i;

	lanes_scale_split(scale, step, &multiplier, &shift);
	s->left = lanes_max(shift, lanes_set(0));
	right = lanes_max(lanes_sub(lanes_set(0), shift), lanes_set(0));
	s->quick = lanes_greatest(shift) <= 0;
	s->offset = lanes_sub(lanes_set(zero_point),
			      lanes_shift_left_each(lanes_set(1), lanes_sub(lanes_set(31), right)));
	for (half = 0; half < 2; half++)
		for (i = 0; i < 2; i++) {
			s->multiplier[half][i] = i ? _mm256_srli_epi64(multiplier.v[half], 32)
						   : multiplier.v[half];
			n = i ? _mm256_srli_epi64(right.v[half], 32)
			      : _mm256_blend_epi32(right.v[half], zero, 0xaa);
			s->shift[half][i] = _mm256_add_epi64(n, _mm256_set1_epi64x(31));
			s->negative[half][i] =
				_mm256_andnot_si256(_mm256_cmpeq_epi64(n, zero), bit31);
			/* a shift by -1 leaves nothing */
			s->round[half][i] = _mm256_add_epi64(
				bias, _mm256_sllv_epi64(bit31, _mm256_sub_epi64(n, one)));
		}
}

static lanes_inline struct lanes lanes_rescale(struct lanes x, const struct lanes_scale *s,
					       const int way)
{
	__m256i in[2], p[2];
	int half, i;

	if (way == LANES_ANY)
		x = lanes_shift_left_each(x, s->left);
#pragma GCC unroll 2
	for (half = 0; half < 2; half++) {
		in[0] = x.v[half];
		in[1] = _mm256_srli_epi64(x.v[half], 32);
#pragma GCC unroll 2
		for (i = 0; i < 2; i++) {
			p[i] = _mm256_mul_epi32(in[i], s->multiplier[half][i]);
			p[i] = _mm256_add_epi64(p[i], s->round[half][i]);
			if (way != LANES_POSITIVE)
				p[i] = _mm256_sub_epi64(
					p[i], _mm256_and_si256(in[i], s->negative[half][i]));
			p[i] = _mm256_srlv_epi64(p[i], s->shift[half][i]);
		}
		p[1] = _mm256_shuffle_epi32(p[1], 0xa0);
		x.v[half] = _mm256_blend_epi32(p[0], p[1], 0xaa);
	}
	return lanes_add(x, s->offset);
}

/* ----------------------------------------------------- sixteen 64-bit sums */

struct lanes64 {
	__m256i v[4];
};

struct lanes_scale64 {
	__m256i factor[4], round[4], shift[4];
	struct lanes offset;
};

static lanes_inline struct lanes64 lanes64_set(__s64 x)
{
	__m256i v = _mm256_set1_epi64x(x);

	return (struct lanes64){ { v, v, v, v } };
}

static lanes_inline struct lanes64 lanes64_load(const __s64 *p)
{
	return (struct lanes64){ { _mm256_loadu_si256((const __m256i *)p),
				   _mm256_loadu_si256((const __m256i *)(p + 4)),
				   _mm256_loadu_si256((const __m256i *)(p + 8)),
				   _mm256_loadu_si256((const __m256i *)(p + 12)) } };
}

static lanes_inline void lanes64_store(__s64 *p, struct lanes64 x)
{
	int i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++)
		_mm256_storeu_si256((__m256i *)(p + i * 4), x.v[i]);
}

static lanes_inline struct lanes64 lanes64_widen(struct lanes x)
{
	return (struct lanes64){ { _mm256_cvtepi32_epi64(_mm256_castsi256_si128(x.v[0])),
				   _mm256_cvtepi32_epi64(_mm256_extracti128_si256(x.v[0], 1)),
				   _mm256_cvtepi32_epi64(_mm256_castsi256_si128(x.v[1])),
				   _mm256_cvtepi32_epi64(_mm256_extracti128_si256(x.v[1], 1)) } };
}

/* The low halves of eight elements. */
static lanes_inline __m256i lanes64_low8(__m256i a, __m256i b)
{
	__m256 words = _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88);

	return _mm256_permute4x64_epi64(_mm256_castps_si256(words), 0xd8);
}

static lanes_inline struct lanes lanes64_low(struct lanes64 x)
{
	return lanes_of(lanes64_low8(x.v[0], x.v[1]), lanes64_low8(x.v[2], x.v[3]));
}

static lanes_inline struct lanes64 lanes64_add(struct lanes64 a, struct lanes64 b)
{
	return (struct lanes64){
		{ _mm256_add_epi64(a.v[0], b.v[0]), _mm256_add_epi64(a.v[1], b.v[1]),
		  _mm256_add_epi64(a.v[2], b.v[2]), _mm256_add_epi64(a.v[3], b.v[3]) }
	};
}

/* 2^63 more makes a sum positive for a logical shift: @offset takes 2^(63 - shift) off. */
static lanes_inline void lanes_scale64_load(struct lanes_scale64 *s, const struct npu_scale *scale,
					    __u32 step, __s32 zero_point)
{
	const __m256i bias = _mm256_set1_epi64x((long long)(1ull << 63));
	const __m256i one = _mm256_set1_epi64x(1);
	struct lanes multiplier, shift;
	struct lanes64 factor, total;
	int i;

	lanes_scale_split(scale, step, &multiplier, &shift);
	/* the sum of a multiplier and 2^15 is below 2^32 */
	multiplier = lanes_shift_right_logical(lanes_add(multiplier, lanes_set(1 << 15)), 16);
	factor = lanes64_widen(lanes_min(multiplier, lanes_set(0x7fff)));
	shift = lanes_sub(lanes_set(15), shift);
	total = lanes64_widen(shift);
	for (i = 0; i < 4; i++) {
		s->factor[i] = factor.v[i];
		s->shift[i] = total.v[i];
		s->round[i] = _mm256_add_epi64(
			bias, _mm256_sllv_epi64(one, _mm256_sub_epi64(total.v[i], one)));
	}
	/* a shift by 32 or more leaves nothing */
	s->offset = lanes_sub(lanes_set(zero_point),
			      lanes_shift_left_each(lanes_set(1), lanes_sub(lanes_set(63), shift)));
}

static lanes_inline struct lanes lanes64_rescale(struct lanes64 x, const struct lanes_scale64 *s)
{
	int i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
		/* modulo 2^64, from 32-bit halves */
		__m256i high = _mm256_mul_epu32(_mm256_srli_epi64(x.v[i], 32), s->factor[i]);
		__m256i low = _mm256_mul_epu32(x.v[i], s->factor[i]);

		x.v[i] = _mm256_add_epi64(low, _mm256_slli_epi64(high, 32));
		x.v[i] = _mm256_srlv_epi64(_mm256_add_epi64(x.v[i], s->round[i]), s->shift[i]);
	}
	return lanes_add(lanes64_low(x), s->offset);
}

#endif /* NPU_LANES_AVX2_H */
