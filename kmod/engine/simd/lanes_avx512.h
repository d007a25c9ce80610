/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Sixteen 32-bit lanes (lanes.h says what each function does) with AVX-512: one register.
 * Needs -mavx512f -mavx512bw -mavx512vl.
 */
#ifndef NPU_LANES_AVX512_H
#define NPU_LANES_AVX512_H

#ifdef __KERNEL__
/* the intrinsics would pull in malloc() */
#define _MM_MALLOC_H_INCLUDED 1
#endif
#include <immintrin.h>

#include "../kernels.h"

#define lanes_inline inline __attribute__((always_inline))
#define LANES_REGISTER 64 /* bytes */

/* How lanes_rescale() is to do it. */
enum lanes_way {
	LANES_ANY,
	LANES_QUICK,
	LANES_POSITIVE,
};

struct lanes {
	__m512i v;
};

struct lanes_mask {
	__mmask16 k;
};

static lanes_inline struct lanes lanes_of(__m512i v)
{
	return (struct lanes){ v };
}

static lanes_inline __mmask16 lanes_first_k(__u32 count)
{
	return (__mmask16)((1u << count) - 1);
}

/* ------------------------------------------------------- loads and stores */

static lanes_inline struct lanes lanes_set(__s32 x)
{
	return lanes_of(_mm512_set1_epi32(x));
}

static lanes_inline struct lanes lanes_load(const void *p)
{
	return lanes_of(_mm512_loadu_si512(p));
}

static lanes_inline struct lanes lanes_load_halves(const void *low, const void *high)
{
	__m512i v = _mm512_castsi256_si512(_mm256_loadu_si256(low));

	return lanes_of(_mm512_inserti64x4(v, _mm256_loadu_si256(high), 1));
}

static lanes_inline struct lanes lanes_load_s16(const void *p)
{
	return lanes_of(_mm512_cvtepi16_epi32(_mm256_loadu_si256(p)));
}

static lanes_inline struct lanes lanes_load_s8(const void *p)
{
	return lanes_of(_mm512_cvtepi8_epi32(_mm_loadu_si128(p)));
}

static lanes_inline struct lanes lanes_load_part(const void *p, __u32 count)
{
	return lanes_of(_mm512_maskz_loadu_epi32(lanes_first_k(count), p));
}

static lanes_inline struct lanes lanes_load_part_s16(const void *p, __u32 count)
{
	__m256i v = _mm256_maskz_loadu_epi16(lanes_first_k(count), p);

	return lanes_of(_mm512_cvtepi16_epi32(v));
}

static lanes_inline struct lanes lanes_load_part_s8(const void *p, __u32 count)
{
	__m128i v = _mm_maskz_loadu_epi8(lanes_first_k(count), p);

	return lanes_of(_mm512_cvtepi8_epi32(v));
}

static lanes_inline void lanes_store(void *p, struct lanes x)
{
	_mm512_storeu_si512(p, x.v);
}

static lanes_inline void lanes_store_s16(void *p, struct lanes x)
{
	_mm256_storeu_si256(p, _mm512_cvtsepi32_epi16(x.v));
}

static lanes_inline void lanes_store_s8(void *p, struct lanes x)
{
	_mm_storeu_si128(p, _mm512_cvtsepi32_epi8(x.v));
}

static lanes_inline void lanes_store_part(void *p, struct lanes x, __u32 count)
{
	_mm512_mask_storeu_epi32(p, lanes_first_k(count), x.v);
}

static lanes_inline void lanes_store_part_s16(void *p, struct lanes x, __u32 count)
{
	_mm256_mask_storeu_epi16(p, lanes_first_k(count), _mm512_cvtsepi32_epi16(x.v));
}

static lanes_inline void lanes_store_part_s8(void *p, struct lanes x, __u32 count)
{
	_mm_mask_storeu_epi8(p, lanes_first_k(count), _mm512_cvtsepi32_epi8(x.v));
}

/* In each quarter of 128 bits: four bytes of every vector. */
static lanes_inline __m512i lanes_pack4_s8(const struct lanes x[4], __s32 min, __s32 max)
{
	__m512i low = _mm512_packs_epi32(x[0].v, x[1].v);
	__m512i high = _mm512_packs_epi32(x[2].v, x[3].v);
	__m512i bytes = _mm512_packs_epi16(low, high);

	bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8((char)min));
	return _mm512_min_epi8(bytes, _mm512_set1_epi8((char)max));
}

static lanes_inline void lanes_store4_s8_at(__u8 *const to[4], const struct lanes x[4], __s32 min,
					    __s32 max)
{
	const __m512i order =
		_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	__m512i bytes = _mm512_permutexvar_epi32(order, lanes_pack4_s8(x, min, max));

	_mm_storeu_si128((__m128i *)to[0], _mm512_castsi512_si128(bytes));
	_mm_storeu_si128((__m128i *)to[1], _mm512_extracti32x4_epi32(bytes, 1));
	_mm_storeu_si128((__m128i *)to[2], _mm512_extracti32x4_epi32(bytes, 2));
	_mm_storeu_si128((__m128i *)to[3], _mm512_extracti32x4_epi32(bytes, 3));
}

/* ------------------------------------------------------------- arithmetic */

static lanes_inline struct lanes lanes_add(struct lanes a, struct lanes b)
{
	return lanes_of(_mm512_add_epi32(a.v, b.v));
}

static lanes_inline struct lanes lanes_sub(struct lanes a, struct lanes b)
{
	return lanes_of(_mm512_sub_epi32(a.v, b.v));
}

static lanes_inline struct lanes lanes_mul(struct lanes a, struct lanes b)
{
	return lanes_of(_mm512_mullo_epi32(a.v, b.v));
}

static lanes_inline struct lanes lanes_min(struct lanes a, struct lanes b)
{
	return lanes_of(_mm512_min_epi32(a.v, b.v));
}

static lanes_inline struct lanes lanes_max(struct lanes a, struct lanes b)
{
	return lanes_of(_mm512_max_epi32(a.v, b.v));
}

static lanes_inline struct lanes lanes_and(struct lanes a, struct lanes b)
{
	return lanes_of(_mm512_and_si512(a.v, b.v));
}

static lanes_inline struct lanes lanes_xor(struct lanes a, struct lanes b)
{
	return lanes_of(_mm512_xor_si512(a.v, b.v));
}

static lanes_inline struct lanes lanes_abs(struct lanes a)
{
	return lanes_of(_mm512_abs_epi32(a.v));
}

static lanes_inline struct lanes lanes_shift_left(struct lanes a, __u32 shift)
{
	return lanes_of((__m512i)((__v16su)a.v << shift));
}

static lanes_inline struct lanes lanes_shift_right(struct lanes a, __u32 shift)
{
	return lanes_of((__m512i)((__v16si)a.v >> shift));
}

static lanes_inline struct lanes lanes_shift_right_logical(struct lanes a, __u32 shift)
{
	return lanes_of((__m512i)((__v16su)a.v >> shift));
}

static lanes_inline struct lanes lanes_shift_left_each(struct lanes a, struct lanes shift)
{
	return lanes_of(_mm512_sllv_epi32(a.v, shift.v));
}

static lanes_inline struct lanes lanes_shift_right_each(struct lanes a, struct lanes shift)
{
	return lanes_of(_mm512_srav_epi32(a.v, shift.v));
}

static lanes_inline struct lanes_mask lanes_greater(struct lanes a, struct lanes b)
{
	return (struct lanes_mask){ _mm512_cmpgt_epi32_mask(a.v, b.v) };
}

static lanes_inline struct lanes_mask lanes_equal(struct lanes a, struct lanes b)
{
	return (struct lanes_mask){ _mm512_cmpeq_epi32_mask(a.v, b.v) };
}

static lanes_inline struct lanes_mask lanes_first(__u32 count)
{
	return (struct lanes_mask){ lanes_first_k(count) };
}

static lanes_inline struct lanes lanes_select(struct lanes_mask mask, struct lanes yes,
					      struct lanes no)
{
	return lanes_of(_mm512_mask_mov_epi32(no.v, mask.k, yes.v));
}

static lanes_inline __s32 lanes_total(struct lanes x)
{
	__m256i v =
		_mm256_add_epi32(_mm512_castsi512_si256(x.v), _mm512_extracti64x4_epi64(x.v, 1));
	__m128i q = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	q = _mm_add_epi32(q, _mm_shuffle_epi32(q, 0x4e));
	return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xb1)));
}

static lanes_inline __s32 lanes_greatest(struct lanes x)
{
	return _mm512_reduce_max_epi32(x.v);
}

static lanes_inline struct lanes lanes_lookup(const __s32 *table, struct lanes index)
{
	return lanes_of(_mm512_i32gather_epi32(index.v, table, 4));
}

static lanes_inline struct lanes lanes_lookup_pair_16(const void *table, struct lanes index)
{
	return lanes_of(_mm512_i32gather_epi32(index.v, table, 2));
}

#define LANES_BYTES 64

/* One after another each sixteen entries: the shuffle gives 0 where an index is not theirs. */
static lanes_inline void lanes_lookup_bytes(void *out, const void *in, const __u8 *table)
{
	const __m512i past = _mm512_set1_epi8(0x70), sixteen = _mm512_set1_epi8(16);
	__m512i x = _mm512_loadu_si512(in), y = _mm512_setzero_si512();
	int r;

#pragma GCC unroll 16
	for (r = 0; r < 16; r++) {
		__m512i row =
			_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(table + 16 * r)));

		y = _mm512_or_si512(y, _mm512_shuffle_epi8(row, _mm512_adds_epu8(x, past)));
		x = _mm512_sub_epi8(x, sixteen);
	}
	_mm512_storeu_si512(out, y);
}

static lanes_inline struct lanes lanes_doubling_high_multiply(struct lanes a, struct lanes b)
{
	const __m512i half = _mm512_set1_epi64(1 << 30);
	__m512i even = _mm512_mul_epi32(a.v, b.v);
	__m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(a.v, 32), _mm512_srli_epi64(b.v, 32));

	even = _mm512_srli_epi64(_mm512_add_epi64(even, half), 31);
	odd = _mm512_slli_epi64(_mm512_add_epi64(odd, half), 1);
	return lanes_of(_mm512_mask_mov_epi32(even, 0xaaaa, odd));
}

/* The 64-bit products of lanes and @multiplier, both unsigned, without their low @shift bits. */
static lanes_inline struct lanes lanes_multiply_shift(struct lanes x, __u32 multiplier, __u32 shift)
{
	const __m512i m = _mm512_set1_epi64(multiplier);
	const __m128i n = _mm_cvtsi32_si128((int)shift);
	__m512i even = _mm512_srl_epi64(_mm512_mul_epu32(x.v, m), n);
	__m512i odd = _mm512_srl_epi64(_mm512_mul_epu32(_mm512_srli_epi64(x.v, 32), m), n);

	return lanes_of(_mm512_mask_shuffle_epi32(even, 0xaaaa, odd, 0xa0));
}

/* --------------------------------------------------------- requantisation */

/*
 * With p = x * multiplier and n = -shift >= 0 the two roundings of npu_rescale() are one:
 *	floor((p + 2^30 + (n ? 2^(30 + n) - (p < 0) * 2^31 : 0)) / 2^(31 + n))
 * (the second one rounds ties away from zero). [0] is of the even lanes, [1] of the odd
 * ones, in 64-bit elements; the sign bit of an x that has become the low half of such an
 * element is the 2^31 that a negative p needs.
 */
struct lanes_scale {
	__m512i left;
	__m512i multiplier[2], round[2], negative[2], shift[2];
	__m512i zero_point; /* 0 if quick: then it is part of @round */
	bool quick;
};

/* The largest right shift with which a zero point of int8 still fits above the product. */
#define LANES_QUICK_SHIFT 23

static lanes_inline void lanes_scale_load(struct lanes_scale *s, const struct npu_scale *scale,
					  __u32 step, __s32 zero_point)
{
	const __m512i pick =
		_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	const __m512i zero = _mm512_setzero_si512(), bit31 = _mm512_set1_epi64(1ll << 31);
	__m512i multiplier, shift, right, n;
	int i;

	if (step) {
		__m512i low = _mm512_loadu_si512(scale), high = _mm512_loadu_si512(scale + 8);

		multiplier = _mm512_permutex2var_epi32(low, pick, high);
		shift = _mm512_permutex2var_epi32(low, _mm512_add_epi32(pick, _mm512_set1_epi32(1)),
						  high);
	} else {
		multiplier = _mm512_set1_epi32(scale->multiplier);
		shift = _mm512_set1_epi32(scale->shift);
	}
	s->left = _mm512_max_epi32(shift, zero);
	right = _mm512_max_epi32(_mm512_sub_epi32(zero, shift), zero);
	s->quick = !_mm512_cmpgt_epu32_mask(_mm512_sub_epi32(zero, shift),
					    _mm512_set1_epi32(LANES_QUICK_SHIFT));
	s->zero_point = _mm512_set1_epi32(s->quick ? 0 : zero_point);
	for (i = 0; i < 2; i++) {
		s->multiplier[i] = i ? _mm512_srli_epi64(multiplier, 32) : multiplier;
		n = i ? _mm512_srli_epi64(right, 32)
		      : _mm512_and_si512(right, _mm512_set1_epi64(0xffffffff));
		s->shift[i] = _mm512_add_epi64(n, _mm512_set1_epi64(31));
		s->negative[i] = _mm512_maskz_mov_epi64(_mm512_test_epi64_mask(n, n), bit31);
		/* a shift by -1 leaves nothing */
		s->round[i] = _mm512_add_epi64(
			_mm512_set1_epi64(1 << 30),
			_mm512_sllv_epi64(bit31, _mm512_sub_epi64(n, _mm512_set1_epi64(1))));
		if (s->quick)
			s->round[i] = _mm512_add_epi64(
				s->round[i],
				_mm512_sllv_epi64(_mm512_set1_epi64(zero_point), s->shift[i]));
	}
}

static lanes_inline struct lanes lanes_rescale(struct lanes x, const struct lanes_scale *s,
					       const int way)
{
	__m512i in[2], p[2];
	int i;

	if (way == LANES_ANY)
		x.v = _mm512_sllv_epi32(x.v, s->left);
	in[0] = x.v;
	in[1] = _mm512_srli_epi64(x.v, 32);
#pragma GCC unroll 2
	for (i = 0; i < 2; i++) {
		p[i] = _mm512_mul_epi32(in[i], s->multiplier[i]);
		p[i] = _mm512_add_epi64(p[i], s->round[i]);
		if (way != LANES_POSITIVE)
			p[i] = _mm512_sub_epi64(p[i], _mm512_and_si512(in[i], s->negative[i]));
		p[i] = _mm512_srav_epi64(p[i], s->shift[i]);
	}
	x.v = _mm512_mask_shuffle_epi32(p[0], 0xaaaa, p[1], 0xa0);
	return way != LANES_ANY ? x : lanes_of(_mm512_add_epi32(x.v, s->zero_point));
}

/* ----------------------------------------------------- sixteen 64-bit sums */

struct lanes64 {
	__m512i v[2];
};

struct lanes_scale64 {
	__m512i factor[2], round[2], shift[2], zero_point;
};

static lanes_inline struct lanes64 lanes64_set(__s64 x)
{
	__m512i v = _mm512_set1_epi64(x);

	return (struct lanes64){ { v, v } };
}

static lanes_inline struct lanes64 lanes64_load(const __s64 *p)
{
	return (struct lanes64){ { _mm512_loadu_si512(p), _mm512_loadu_si512(p + 8) } };
}

static lanes_inline void lanes64_store(__s64 *p, struct lanes64 x)
{
	_mm512_storeu_si512(p, x.v[0]);
	_mm512_storeu_si512(p + 8, x.v[1]);
}

static lanes_inline struct lanes64 lanes64_widen(struct lanes x)
{
	return (struct lanes64){ { _mm512_cvtepi32_epi64(_mm512_castsi512_si256(x.v)),
				   _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(x.v, 1)) } };
}

static lanes_inline struct lanes lanes64_low(struct lanes64 x)
{
	__m512i low = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(x.v[0]));

	return lanes_of(_mm512_inserti64x4(low, _mm512_cvtepi64_epi32(x.v[1]), 1));
}

static lanes_inline struct lanes64 lanes64_add(struct lanes64 a, struct lanes64 b)
{
	return (struct lanes64){ { _mm512_add_epi64(a.v[0], b.v[0]),
				   _mm512_add_epi64(a.v[1], b.v[1]) } };
}

static lanes_inline void lanes_scale64_load(struct lanes_scale64 *s, const struct npu_scale *scale,
					    __u32 step, __s32 zero_point)
{
	const __m512i pick =
		_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	__m512i multiplier, shift;
	struct lanes64 wide;
	int i;

	if (step) {
		__m512i low = _mm512_loadu_si512(scale), high = _mm512_loadu_si512(scale + 8);

		multiplier = _mm512_permutex2var_epi32(low, pick, high);
		shift = _mm512_permutex2var_epi32(low, _mm512_add_epi32(pick, _mm512_set1_epi32(1)),
						  high);
	} else {
		multiplier = _mm512_set1_epi32(scale->multiplier);
		shift = _mm512_set1_epi32(scale->shift);
	}
	/* the sum of a multiplier and 2^15 is below 2^32 */
	multiplier =
		_mm512_srli_epi32(_mm512_add_epi32(multiplier, _mm512_set1_epi32(1 << 15)), 16);
	multiplier = _mm512_min_epi32(multiplier, _mm512_set1_epi32(0x7fff));
	shift = _mm512_sub_epi32(_mm512_set1_epi32(15), shift);
	wide = lanes64_widen(lanes_of(multiplier));
	s->factor[0] = wide.v[0];
	s->factor[1] = wide.v[1];
	wide = lanes64_widen(lanes_of(shift));
	for (i = 0; i < 2; i++) {
		s->shift[i] = wide.v[i];
		s->round[i] = _mm512_sllv_epi64(_mm512_set1_epi64(1),
						_mm512_sub_epi64(wide.v[i], _mm512_set1_epi64(1)));
	}
	s->zero_point = _mm512_set1_epi32(zero_point);
}

static lanes_inline struct lanes lanes64_rescale(struct lanes64 x, const struct lanes_scale64 *s)
{
	int i;

#pragma GCC unroll 2
	for (i = 0; i < 2; i++) {
		/* modulo 2^64, from 32-bit halves */
		__m512i high = _mm512_mul_epu32(_mm512_srli_epi64(x.v[i], 32), s->factor[i]);
		__m512i low = _mm512_mul_epu32(x.v[i], s->factor[i]);

		x.v[i] = _mm512_add_epi64(low, _mm512_slli_epi64(high, 32));
		x.v[i] = _mm512_srav_epi64(_mm512_add_epi64(x.v[i], s->round[i]), s->shift[i]);
	}
	return lanes_of(_mm512_add_epi32(lanes64_low(x).v, s->zero_point));
}

#endif /* NPU_LANES_AVX512_H */
