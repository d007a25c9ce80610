/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Products of a depthwise convolution (depthwise.h) with the dot product of NEON: four taps. */
#ifndef NPU_TAPS_DOTPROD_H
#define NPU_TAPS_DOTPROD_H

#define TAPS 4
#define TAPS_OFFSET 0

/* Byte @lane of row r becomes byte r of 32-bit lane @lane. */
static lanes_inline struct lanes taps_join(const void *const row[TAPS], const int count)
{
	int8x16_t r[TAPS];
	int16x8_t low[2], high[2];
	int i;

#pragma GCC unroll 4
	for (i = 0; i < TAPS; i++)
		r[i] = i < count ? vld1q_s8(row[i]) : vdupq_n_s8(0);
#pragma GCC unroll 2
	for (i = 0; i < 2; i++) {
		low[i] = vreinterpretq_s16_s8(vzip1q_s8(r[2 * i], r[2 * i + 1]));
		high[i] = vreinterpretq_s16_s8(vzip2q_s8(r[2 * i], r[2 * i + 1]));
	}
	return (struct lanes){ { vreinterpretq_s32_s16(vzip1q_s16(low[0], low[1])),
				 vreinterpretq_s32_s16(vzip2q_s16(low[0], low[1])),
				 vreinterpretq_s32_s16(vzip1q_s16(high[0], high[1])),
				 vreinterpretq_s32_s16(vzip2q_s16(high[0], high[1])) } };
}

static lanes_inline struct lanes taps_dot(struct lanes sum, struct lanes in, struct lanes weights)
{
	int i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++)
		sum.v[i] = vdotq_s32(sum.v[i], vreinterpretq_s8_s32(in.v[i]),
				     vreinterpretq_s8_s32(weights.v[i]));
	return sum;
}

#endif /* NPU_TAPS_DOTPROD_H */
