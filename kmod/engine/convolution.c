// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * CONV_2D and TRANSPOSE_CONV_2D. They differ in which input element a tap of the kernel
 * meets, and in what it contributes where it meets none.
 */
#include "window.h"

typedef __s32 (*index_of)(const struct npu_insn *insn, __u32 d, __u32 out, __u32 tap);

/* sum += w * (in - subtract) over the channels of one tap; @k is its first index into K. */
static void tap_s8(const struct npu_conv *conv, __u32 sum[16], const __s8 *weights, __u32 k,
		   const __s8 *in)
{
	__u32 end = k + conv->group_in, lane;

	for (; k < end; k++) {
		const __s8 *w = weights + k / 4 * 64 + k % 4;
		__s32 x = in ? *in++ - conv->subtract : conv->outside;

		for (lane = 0; lane < 16; lane++)
			sum[lane] += x * w[lane * 4];
	}
}

static void tap_s16(const struct npu_conv *conv, __u64 sum[16], const __s8 *weights, __u32 k,
		    const __s16 *in)
{
	__u32 end = k + conv->group_in, lane;

	for (; k < end; k++) {
		const __s8 *w = weights + k / 4 * 64 + k % 4;
		__s32 x = *in++;

		for (lane = 0; lane < 16; lane++)
			sum[lane] += (__s64)(x * w[lane * 4]);
	}
}

/* What a pixel of the convolution is: @value of each lane. */
static inline void pixel_s8(const struct npu_conv *conv, __u32 block, const struct npu_pixel *at,
			    index_of index, __s32 value[16])
{
	const struct npu_insn *insn = conv->insn;
	const __s8 *weights = conv->weights + block * conv->block_bytes;
	__u32 first = block / conv->blocks * conv->group_in, ky, kx, k = 0;
	__u32 sum[16];

	npu_conv_start_s8(conv, block, sum);
	for (ky = 0; ky < insn->t[2].dim[1]; ky++) {
		__s32 y = index(insn, 0, at->y, ky);

		for (kx = 0; kx < insn->t[2].dim[2]; kx++, k += conv->group_in) {
			__s32 x = y < 0 ? -1 : index(insn, 1, at->x, kx);

			if (x >= 0)
				tap_s8(conv, sum, weights, k,
				       (const __s8 *)conv->in + first +
					       npu_pixel_offset(&insn->t[1], at->n, y, x));
			else if (conv->outside)
				tap_s8(conv, sum, weights, k, NULL);
		}
	}
	npu_conv_scale_s8(conv, block, sum, value);
}

static inline void pixel_s16(const struct npu_conv *conv, __u32 block, const struct npu_pixel *at,
			     index_of index, __s32 value[16])
{
	const struct npu_insn *insn = conv->insn;
	const __s8 *weights = conv->weights + block * conv->block_bytes;
	__u32 first = block / conv->blocks * conv->group_in, ky, kx;
	__u64 sum[16];

	npu_conv_start_s16(conv, block, sum);
	for (ky = 0; ky < insn->t[2].dim[1]; ky++) {
		__s32 y = index(insn, 0, at->y, ky);

		for (kx = 0; y >= 0 && kx < insn->t[2].dim[2]; kx++) {
			__s32 x = index(insn, 1, at->x, kx);
			const __u8 *in;

			if (x < 0)
				continue;
			in = conv->in + npu_pixel_offset(&insn->t[1], at->n, y, x);
			tap_s16(conv, sum, weights, (ky * insn->t[2].dim[2] + kx) * conv->group_in,
				(const __s16 *)in + first);
		}
	}
	npu_conv_scale_s16(conv, block, sum, value);
}

static void conv_pixel(const struct npu_conv *conv, __u32 block, const struct npu_pixel *at,
		       __s32 value[16])
{
	if (conv->insn->t[1].type == NPU_TYPE_INT8)
		pixel_s8(conv, block, at, npu_conv_index, value);
	else
		pixel_s16(conv, block, at, npu_conv_index, value);
}

/* An output is the greatest of some pixels of the convolution, usually of one. */
static void conv_unit(const void *window, __u32 block, const struct npu_pixel *at)
{
	const struct npu_conv *conv = window;
	__u32 height = npu_conv_pool(conv->insn, 0), width = npu_conv_pool(conv->insn, 1);
	__s32 greatest[16], value[16];
	__u32 i, lane;

	for (i = 0; i < height * width; i++) {
		struct npu_pixel pixel = { at->n, at->y * height + i / width,
					   at->x * width + i % width };

		conv_pixel(conv, block, &pixel, value);
		for (lane = 0; lane < npu_conv_lanes(conv, block).count; lane++)
			if (!i || value[lane] > greatest[lane])
				greatest[lane] = value[lane];
	}
	npu_conv_store(conv, block, at, greatest);
}

static void transpose_conv_unit(const void *window, __u32 block, const struct npu_pixel *at)
{
	const struct npu_conv *conv = window;
	__s32 value[16];

	if (conv->insn->t[1].type == NPU_TYPE_INT8)
		pixel_s8(conv, block, at, npu_transpose_conv_index, value);
	else
		pixel_s16(conv, block, at, npu_transpose_conv_index, value);
	npu_conv_store(conv, block, at, value);
}

static void run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count,
		npu_window_unit unit)
{
	struct npu_conv conv;

	npu_conv_resolve(exec, insn, &conv);
	npu_window_run(&insn->t[0], conv.all_blocks, first, count, unit, &conv);
}

void npu_conv(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	run(exec, insn, first, count, conv_unit);
}

void npu_transpose_conv(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			__u32 count)
{
	run(exec, insn, first, count, transpose_conv_unit);
}
