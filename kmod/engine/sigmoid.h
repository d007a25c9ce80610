/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The int16 sigmoid and tanh: of SIGMOID and TANH, and of the gates of recurrent instructions. */
#ifndef NPU_SIGMOID_H
#define NPU_SIGMOID_H

#include "kernels.h"

/*
 * The input in units of 1/24 * 2^-9 of the logistic function's argument, which are 1/24 * 2^-8 of
 * that of tanh. Multiplier 0 stands for a power of two.
 */
static inline __s32 npu_sigmoid_argument(__s32 x, __s32 multiplier, __s32 shift)
{
	if (multiplier == 0)
		return x * (3 << shift);
	return (x * multiplier + (shift > 0 ? 1 << (shift - 1) : 0)) >> shift;
}

static inline __s32 npu_sigmoid_s16_value(__s32 argument)
{
	__u32 magnitude = argument < 0 ? -argument : argument;
	__u32 index = magnitude >> 9;
	__u32 y;

	if (index >= 255) {
		y = 0x7fff << 10;
	} else {
		__u32 low = npu_sigmoid_samples[index];
		__u32 high = npu_sigmoid_samples[index + 1];

		y = (low << 9) + (magnitude & 511) * (high - low);
	}
	y = argument >= 0 ? y + (1 << 9) : (1 << 25) - y + (1 << 9) - 1;
	return (__s32)(y >> 10);
}

static inline __s32 npu_tanh_s16_value(__s32 argument)
{
	__u32 magnitude = argument < 0 ? -argument : argument;
	__u32 index = magnitude >> 8;
	__s32 y;

	if (index >= 255) {
		y = 0xffff << 8;
	} else {
		__u32 low = npu_sigmoid_samples[index];
		__u32 high = npu_sigmoid_samples[index + 1];

		y = (__s32)((low << 8) + (magnitude & 255) * (high - low));
	}
	y -= 1 << 23;
	y = argument >= 0 ? y + (1 << 7) : -y + (1 << 7) - 1;
	return y >> 8;
}

#endif /* NPU_SIGMOID_H */
