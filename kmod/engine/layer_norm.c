// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * LAYER_NORM. The mean and the variance are kept as whole numbers, C and C^2 times as large, so
 * that nothing is rounded before 1 / sqrt(variance) is.
 */
#include "layer_norm.h"
#include "fixedpoint.h"

static __s32 element(const void *in, bool wide, __u32 i)
{
	return wide ? ((const __s16 *)in)[i] : ((const __s8 *)in)[i];
}

/* floor(sqrt(x)) for x in [2^60, 2^62), bit by bit. */
static __u32 square_root(__u64 x)
{
	__u64 root = 0, bit = 1ull << 60;

	while (bit) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
		bit >>= 2;
	}
	return (__u32)root;
}

/* min(floor(2^61 / divisor), 2^31 - 1) for a divisor in [2^30, 2^31), bit by bit; 2^30 gives ones.
 */
static __s32 reciprocal(__u32 divisor)
{
	__u64 remainder = 1u << 30;
	__u32 quotient = 0;
	int i;

	for (i = 0; i < 31; i++) {
		quotient <<= 1;
		remainder <<= 1;
		if (remainder >= divisor) {
			remainder -= divisor;
			quotient |= 1;
		}
	}
	return (__s32)quotient;
}

void npu_layer_norm_prepare(const struct npu_insn *insn, __s64 sum, __u64 squares,
			    struct npu_layer_norm *norm)
{
	__u32 length = insn->t[0].dim[3];
	__u64 variance = length * squares - (__u64)(sum * sum);
	__u32 shift = 37;

	variance += insn->norm.epsilon[0] | (__u64)insn->norm.epsilon[1] << 32;
	/* memory that changes may give any sums: at least this is not zero and not too large */
	if (variance < 1 || variance >= 1ull << 62)
		variance = 1;
	while (variance < 1ull << 60) {
		variance <<= 2;
		shift--;
	}
	norm->length = length;
	norm->sum = (__s32)sum;
	norm->inverse = reciprocal(square_root(variance));
	norm->shift = shift;
}

static __s32 normalised(const struct npu_layer_norm *norm, __s32 x)
{
	__s64 deviation = (__s64)norm->length * x - norm->sum;

	return (__s32)((deviation * norm->inverse + (1ll << (norm->shift - 1))) >> norm->shift);
}

static void row(const struct npu_exec *exec, const struct npu_insn *insn, const void *in, void *out)
{
	const struct npu_scale *scale = npu_scales(exec->consts, insn->norm.scales);
	bool wide = insn->t[1].type == NPU_TYPE_INT16, affine = insn->t[2].type != NPU_TYPE_NONE;
	const __s32 *gamma = npu_tensor_address(exec, &insn->t[2]);
	const __s32 *beta = npu_tensor_address(exec, &insn->t[3]);
	__u32 length = insn->t[0].dim[3], i;
	struct npu_layer_norm norm;
	__u64 squares = 0;
	__s64 sum = 0;

	for (i = 0; i < length; i++) {
		__s32 x = element(in, wide, i);

		sum += x;
		squares += (__u64)((__s64)x * x);
	}
	npu_layer_norm_prepare(insn, sum, squares, &norm);
	for (i = 0; i < length; i++) {
		__s32 y = normalised(&norm, element(in, wide, i));

		if (affine)
			y = npu_add32(npu_doubling_high_multiply(y, gamma[i]), beta[i]);
		y = npu_rescale(y, scale->multiplier, scale->shift);
		y = npu_add32(y, insn->t[0].zero_point);
		y = npu_clamp32(y, insn->norm.act_min, insn->norm.act_max);
		if (insn->t[0].type == NPU_TYPE_INT16)
			((__s16 *)out)[i] = y;
		else
			((__s8 *)out)[i] = y;
	}
}

void npu_layer_norm_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			__u32 count, npu_layer_norm_row function)
{
	const struct npu_tensor *to = &insn->t[0], *from = &insn->t[1];
	__u32 unit;

	for (unit = first; unit - first < count; unit++) {
		__u32 w = unit % to->dim[2], h = unit / to->dim[2] % to->dim[1];
		__u32 n = unit / to->dim[2] / to->dim[1];
		__u8 *out = npu_tensor_address(exec, to);
		const __u8 *in = npu_tensor_address(exec, from);

		out += (__u64)n * to->stride[0] + (__u64)h * to->stride[1] +
		       (__u64)w * to->stride[2];
		in += (__u64)n * from->stride[0] + (__u64)h * from->stride[1] +
		      (__u64)w * from->stride[2];
		function(exec, insn, in, out);
	}
}

void npu_layer_norm(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count)
{
	npu_layer_norm_run(exec, insn, first, count, row);
}
