// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ADD, SUB and MUL: two tensors, element by element. */
#include "kernels.h"
#include "fixedpoint.h"

static inline __s32 sum_finish(const struct npu_insn *insn, const struct npu_scale *scale,
			       __s32 sum)
{
	sum = npu_rescale(sum, scale[2].multiplier, scale[2].shift);
	return npu_clamp32(npu_add32(sum, insn->t[0].zero_point), insn->binary.act_min,
			   insn->binary.act_max);
}

static inline __s32 add_element(const struct npu_insn *insn, const struct npu_scale *scale,
				__s32 x1, __s32 x2, __u32 bits)
{
	x1 = npu_shl32(x1 - insn->t[1].zero_point, bits);
	x2 = npu_shl32(x2 - insn->t[2].zero_point, bits);
	return sum_finish(insn, scale,
			  npu_add32(npu_rescale(x1, scale[0].multiplier, scale[0].shift),
				    npu_rescale(x2, scale[1].multiplier, scale[1].shift)));
}

static inline __s32 sub_element(const struct npu_insn *insn, const struct npu_scale *scale,
				__s32 x1, __s32 x2, __u32 bits)
{
	x1 = npu_shl32(x1 - insn->t[1].zero_point, bits);
	x2 = npu_shl32(x2 - insn->t[2].zero_point, bits);
	return sum_finish(insn, scale,
			  npu_sub32(npu_rescale(x1, scale[0].multiplier, scale[0].shift),
				    npu_rescale(x2, scale[1].multiplier, scale[1].shift)));
}

static inline __s32 mul_element(const struct npu_insn *insn, const struct npu_scale *scale,
				__s32 x1, __s32 x2)
{
	__s32 product = npu_mul32(x1 - insn->t[1].zero_point, x2 - insn->t[2].zero_point);

	product = npu_rescale(product, scale->multiplier, scale->shift);
	return npu_clamp32(npu_add32(product, insn->t[0].zero_point), insn->binary.act_min,
			   insn->binary.act_max);
}

void npu_add_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		    const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale *scale = npu_scales(context->consts, insn->binary.scales);
	const __s8 *x1 = in1, *x2 = in2;
	__s8 *y = out;
	__u32 i;

	for (i = 0; i < length; i++)
		y[i] = add_element(insn, scale, x1[i], x2[i], NPU_ADD_BITS_S8);
}

void npu_add_s16_row(const struct npu_row_context *context, void *out, const void *in1,
		     const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale *scale = npu_scales(context->consts, insn->binary.scales);
	const __s16 *x1 = in1, *x2 = in2;
	__s16 *y = out;
	__u32 i;

	for (i = 0; i < length; i++)
		y[i] = add_element(insn, scale, x1[i], x2[i], NPU_ADD_BITS_S16);
}

static void sub_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		       const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale *scale = npu_scales(context->consts, insn->binary.scales);
	const __s8 *x1 = in1, *x2 = in2;
	__s8 *y = out;
	__u32 i;

	for (i = 0; i < length; i++)
		y[i] = sub_element(insn, scale, x1[i], x2[i], NPU_ADD_BITS_S8);
}

static void sub_s16_row(const struct npu_row_context *context, void *out, const void *in1,
			const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale *scale = npu_scales(context->consts, insn->binary.scales);
	const __s16 *x1 = in1, *x2 = in2;
	__s16 *y = out;
	__u32 i;

	for (i = 0; i < length; i++)
		y[i] = sub_element(insn, scale, x1[i], x2[i], NPU_ADD_BITS_S16);
}

void npu_mul_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		    const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale *scale = npu_scales(context->consts, insn->binary.scales);
	const __s8 *x1 = in1, *x2 = in2;
	__s8 *y = out;
	__u32 i;

	for (i = 0; i < length; i++)
		y[i] = mul_element(insn, scale, x1[i], x2[i]);
}

void npu_mul_s16_row(const struct npu_row_context *context, void *out, const void *in1,
		     const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale *scale = npu_scales(context->consts, insn->binary.scales);
	const __s16 *x1 = in1, *x2 = in2;
	__s16 *y = out;
	__u32 i;

	for (i = 0; i < length; i++)
		y[i] = mul_element(insn, scale, x1[i], x2[i]);
}

void npu_add_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, npu_add_s8_row, NULL);
}

void npu_add_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, npu_add_s16_row, NULL);
}

void npu_mul_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, npu_mul_s8_row, NULL);
}

void npu_mul_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, npu_mul_s16_row, NULL);
}

void npu_sub_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, sub_s8_row, NULL);
}

void npu_sub_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, sub_s16_row, NULL);
}
