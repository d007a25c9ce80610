/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The first few of sixteen bytes, read or written without touching memory past them, for
 * instruction sets without masked bytes. Pieces may overlap.
 */
#ifndef NPU_BYTES_H
#define NPU_BYTES_H

#include "../kernels.h"

/* Sixteen bytes, the first the lowest of @low. */
struct npu_bytes {
	__u64 low, high;
};

static inline __attribute__((always_inline)) __u64 npu_bytes_read8(const __u8 *p)
{
	__u64 x;

	__builtin_memcpy(&x, p, 8);
	return x;
}

static inline __attribute__((always_inline)) __u64 npu_bytes_read4(const __u8 *p)
{
	__u32 x;

	__builtin_memcpy(&x, p, 4);
	return x;
}

/* @count bytes, 0 to 16, zeros after them. */
static inline struct npu_bytes npu_bytes_load(const void *from, __u32 count)
{
	struct npu_bytes x = { 0, 0 };
	const __u8 *p = from;

	if (count > 8) {
		x.low = npu_bytes_read8(p);
		x.high = npu_bytes_read8(p + count - 8) >> (8 * (16 - count));
	} else if (count == 8) {
		x.low = npu_bytes_read8(p);
	} else if (count >= 4) {
		x.low = npu_bytes_read4(p) | npu_bytes_read4(p + count - 4) << (8 * (count - 4));
	} else if (count) {
		x.low = p[0] | (__u64)p[count / 2] << (8 * (count / 2)) |
			(__u64)p[count - 1] << (8 * (count - 1));
	}
	return x;
}

/* The first @count bytes, 0 to 16, of @x. */
static inline void npu_bytes_store(void *to, struct npu_bytes x, __u32 count)
{
	__u8 *p = to;

	if (count > 8) {
		__u32 rest = 8 * (count - 8);
		__u64 last = rest == 64 ? x.high : x.low >> rest | x.high << (64 - rest);

		__builtin_memcpy(p, &x.low, 8);
		__builtin_memcpy(p + count - 8, &last, 8);
	} else if (count == 8) {
		__builtin_memcpy(p, &x.low, 8);
	} else if (count >= 4) {
		__u32 first = (__u32)x.low, last = (__u32)(x.low >> (8 * (count - 4)));

		__builtin_memcpy(p, &first, 4);
		__builtin_memcpy(p + count - 4, &last, 4);
	} else if (count) {
		p[0] = (__u8)x.low;
		p[count / 2] = (__u8)(x.low >> (8 * (count / 2)));
		p[count - 1] = (__u8)(x.low >> (8 * (count - 1)));
	}
}

#endif /* NPU_BYTES_H */
