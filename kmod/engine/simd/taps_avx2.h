/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Products of a depthwise convolution (depthwise.h) with AVX2: two taps at once, as int16. */
#ifndef NPU_TAPS_AVX2_H
#define NPU_TAPS_AVX2_H

#define TAPS 2
#define TAPS_OFFSET 0

/* Byte @lane of row r becomes the r-th int16 of 32-bit lane @lane. */
static lanes_inline struct lanes taps_join(const void *const row[TAPS], const int count)
{
	__m128i first = _mm_loadu_si128(row[0]);
	__m128i second = count > 1 ? _mm_loadu_si128(row[1]) : _mm_setzero_si128();

	return lanes_of(_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(first, second)),
			_mm256_cvtepi8_epi16(_mm_unpackhi_epi8(first, second)));
}

static lanes_inline struct lanes taps_dot(struct lanes sum, struct lanes in, struct lanes weights)
{
	return lanes_add(sum, lanes_of(_mm256_madd_epi16(in.v[0], weights.v[0]),
				       _mm256_madd_epi16(in.v[1], weights.v[1])));
}

#endif /* NPU_TAPS_AVX2_H */
