/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Products of a depthwise convolution (depthwise.h) with NEON: two taps, one after the other. */
#ifndef NPU_TAPS_NEON_H
#define NPU_TAPS_NEON_H

#define TAPS 2
#define TAPS_OFFSET 0

/* Both rows as int16. */
static lanes_inline struct lanes taps_join(const void *const row[TAPS], const int count)
{
	int8x16_t first = vld1q_s8(row[0]);
	int8x16_t second = count > 1 ? vld1q_s8(row[1]) : vdupq_n_s8(0);

	return (struct lanes){ { vreinterpretq_s32_s16(vmovl_s8(vget_low_s8(first))),
				 vreinterpretq_s32_s16(vmovl_high_s8(first)),
				 vreinterpretq_s32_s16(vmovl_s8(vget_low_s8(second))),
				 vreinterpretq_s32_s16(vmovl_high_s8(second)) } };
}

static lanes_inline struct lanes taps_dot(struct lanes sum, struct lanes in, struct lanes weights)
{
	int i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
		int16x8_t x = vreinterpretq_s16_s32(in.v[i]);
		int16x8_t w = vreinterpretq_s16_s32(weights.v[i]);
		int half = i % 2 * 2;

		sum.v[half] = vmlal_s16(sum.v[half], vget_low_s16(x), vget_low_s16(w));
		sum.v[half + 1] = vmlal_high_s16(sum.v[half + 1], x, w);
	}
	return sum;
}

#endif /* NPU_TAPS_NEON_H */
