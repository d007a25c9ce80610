/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What dot.h needs for inputs that are bytes with a sign, as they are in memory. */
#ifndef NPU_DOT_NEON_BYTES_H
#define NPU_DOT_NEON_BYTES_H

#include "dot_words_neon.h"

typedef __s8 dot_input;

#define DOT_QUADS 1
#define DOT_BLOCKS 1
#define DOT_QUADS_ALONE 1
#define DOT_SLACK 16

static lanes_inline void dot_prepare(dot_input *to, const __s8 *from, __u32 count)
{
	__u32 i;

	for (i = 0; i + 16 <= count; i += 16)
		vst1q_s8(to + i, vld1q_s8(from + i));
	if (i < count) {
		struct npu_bytes x = npu_bytes_load(from + i, count - i);

		vst1q_u8((__u8 *)to + i, vcombine_u8(vcreate_u8(x.low), vcreate_u8(x.high)));
	}
	__builtin_memset(to + count, 0, 3 * sizeof(*to));
}

static lanes_inline void dot_fill(dot_input *to, __s32 value, __u32 count)
{
	int8x16_t x = vdupq_n_s8((__s8)value);
	__u32 i;

	for (i = 0; i < count; i += 16)
		vst1q_s8(to + i, x);
	__builtin_memset(to + count, 0, 3 * sizeof(*to));
}

static lanes_inline struct lanes dot_start(const __s8 *w, __u32 groups, __u32 tail)
{
	(void)w;
	(void)groups;
	(void)tail;
	return lanes_set(0);
}

/* Up to four inputs, zeros after them. */
static lanes_inline __s32 dot_four(const __s8 *x, __u32 count)
{
	__u32 four = 0, i;

	if (count >= 4) {
		__builtin_memcpy(&four, x, 4);
		return (__s32)four;
	}
	for (i = 0; i < count; i++)
		four |= (__u32)(__u8)x[i] << 8 * i;
	return (__s32)four;
}

#endif /* NPU_DOT_NEON_BYTES_H */
