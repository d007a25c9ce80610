/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Products of a depthwise convolution (depthwise.h) with AVX-512 VNNI: four taps at once. */
#ifndef NPU_TAPS_AVX512VNNI_H
#define NPU_TAPS_AVX512VNNI_H

#define TAPS 4
#define TAPS_OFFSET 0x80808080u

/* Byte @lane of row r becomes byte r of 32-bit lane @lane. */
static lanes_inline struct lanes taps_join(const void *const row[TAPS], const int count)
{
	const __m512i words =
		_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	const __m512i bytes = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
	__m512i x = _mm512_broadcast_i32x4(_mm_loadu_si128(row[0]));

	if (count > 1)
		x = _mm512_mask_broadcast_i32x4(x, 0x00f0, _mm_loadu_si128(row[1]));
	if (count > 2)
		x = _mm512_mask_broadcast_i32x4(x, 0x0f00, _mm_loadu_si128(row[2]));
	if (count > 3)
		x = _mm512_mask_broadcast_i32x4(x, 0xf000, _mm_loadu_si128(row[3]));
	return lanes_of(_mm512_shuffle_epi8(_mm512_permutexvar_epi32(words, x), bytes));
}

static lanes_inline struct lanes taps_dot(struct lanes sum, struct lanes in, struct lanes weights)
{
	return lanes_of(_mm512_dpbusd_epi32(sum.v, in.v, weights.v));
}

#endif /* NPU_TAPS_AVX512VNNI_H */
