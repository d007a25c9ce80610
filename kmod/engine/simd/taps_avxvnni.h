/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Products of a depthwise convolution (depthwise.h) with AVX-VNNI: four taps at once. */
#ifndef NPU_TAPS_AVXVNNI_H
#define NPU_TAPS_AVXVNNI_H

#define TAPS 4
#define TAPS_OFFSET 0x80808080u

/* Byte @lane of row r becomes byte r of 32-bit lane @lane. */
static lanes_inline struct lanes taps_join(const void *const row[TAPS], const int count)
{
	__m128i r[TAPS], low[2], high[2];
	int i;

#pragma GCC unroll 4
	for (i = 0; i < TAPS; i++)
		r[i] = i < count ? _mm_loadu_si128(row[i]) : _mm_setzero_si128();
#pragma GCC unroll 2
	for (i = 0; i < 2; i++) {
		low[i] = _mm_unpacklo_epi8(r[2 * i], r[2 * i + 1]);
		high[i] = _mm_unpackhi_epi8(r[2 * i], r[2 * i + 1]);
	}
	return lanes_of(_mm256_set_m128i(_mm_unpackhi_epi16(low[0], low[1]),
					 _mm_unpacklo_epi16(low[0], low[1])),
			_mm256_set_m128i(_mm_unpackhi_epi16(high[0], high[1]),
					 _mm_unpacklo_epi16(high[0], high[1])));
}

static lanes_inline struct lanes taps_dot(struct lanes sum, struct lanes in, struct lanes weights)
{
	return lanes_of(_mm256_dpbusd_avx_epi32(sum.v[0], in.v[0], weights.v[0]),
			_mm256_dpbusd_avx_epi32(sum.v[1], in.v[1], weights.v[1]));
}

#endif /* NPU_TAPS_AVXVNNI_H */
