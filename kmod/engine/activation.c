// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * SIGMOID and TANH. int8 goes through the fixed-point exponential, int16 through
 * one table of the logistic function, as the reference does.
 */
#include "kernels.h"
#include "fixedpoint.h"
#include "sigmoid.h"

/*
 * int8 has only 256 inputs and each costs some fifty multiplications, so a run keeps
 * the answers that it has computed.
 */
#define UNKNOWN 0x7fff

struct memo {
	__s16 value[256];
};

static void memo_clear(struct memo *memo)
{
	int i;

	for (i = 0; i < 256; i++)
		memo->value[i] = UNKNOWN;
}

static __s32 logistic(__s32 q4)
{
	__s32 positive;

	if (q4 == 0)
		return 1 << 30;
	positive = npu_one_over_one_plus(npu_exp_negative(q4 > 0 ? -q4 : q4, 4));
	return q4 > 0 ? positive : npu_sub32(NPU_INT32_MAX, positive);
}

static __s32 hyperbolic_tangent(__s32 q4)
{
	__s32 magnitude;

	if (q4 == 0)
		return 0;
	/* the same bits with one integer bit more are twice the number */
	magnitude = npu_one_minus_over_one_plus(npu_exp_negative(q4 > 0 ? -q4 : q4, 5));
	return q4 > 0 ? magnitude : npu_sub32(0, magnitude);
}

static __s32 sigmoid_s8(const struct npu_insn *insn, __s32 x)
{
	__s32 centred = x - insn->t[1].zero_point;
	__s32 q4, y;

	if (centred <= -insn->sigmoid.radius)
		return -128;
	if (centred >= insn->sigmoid.radius)
		return 127;
	q4 = npu_rescale(centred, insn->sigmoid.multiplier, insn->sigmoid.shift);
	y = npu_rounding_shift(logistic(q4), 23);
	return npu_clamp32(y - 128, -128, 127);
}

static __s32 tanh_s8(const struct npu_insn *insn, __s32 x)
{
	__s32 centred = x - insn->t[1].zero_point;
	__s32 q4, y;

	if (centred <= -insn->sigmoid.radius)
		return -128;
	if (centred >= insn->sigmoid.radius)
		return 127;
	q4 = npu_rescale(centred, insn->sigmoid.multiplier, insn->sigmoid.shift);
	y = npu_rounding_shift(hyperbolic_tangent(q4), 24);
	return npu_clamp32(y, -128, 127);
}

static void sigmoid_s8_row(const struct npu_row_context *context, void *out, const void *in1,
			   const void *in2, __u32 length)
{
	struct memo *memo = context->memo;
	const __s8 *in = in1;
	__s8 *o = out;
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++) {
		__s32 x = npu_read_once_s8(in + i);
		__s16 *known = &memo->value[x + 128];

		if (*known == UNKNOWN)
			*known = sigmoid_s8(context->insn, x);
		o[i] = *known;
	}
}

static void tanh_s8_row(const struct npu_row_context *context, void *out, const void *in1,
			const void *in2, __u32 length)
{
	struct memo *memo = context->memo;
	const __s8 *in = in1;
	__s8 *o = out;
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++) {
		__s32 x = npu_read_once_s8(in + i);
		__s16 *known = &memo->value[x + 128];

		if (*known == UNKNOWN)
			*known = tanh_s8(context->insn, x);
		o[i] = *known;
	}
}

static __s32 argument_s16(const struct npu_insn *insn, const __s16 *in)
{
	return npu_sigmoid_argument(npu_read_once_s16(in), insn->sigmoid.multiplier,
				    insn->sigmoid.shift);
}

static void sigmoid_s16_row(const struct npu_row_context *context, void *out, const void *in1,
			    const void *in2, __u32 length)
{
	const __s16 *in = in1;
	__s16 *o = out;
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++)
		o[i] = npu_sigmoid_s16_value(argument_s16(context->insn, in + i));
}

static void tanh_s16_row(const struct npu_row_context *context, void *out, const void *in1,
			 const void *in2, __u32 length)
{
	const __s16 *in = in1;
	__s16 *o = out;
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++)
		o[i] = npu_tanh_s16_value(argument_s16(context->insn, in + i));
}

void npu_sigmoid_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count)
{
	struct memo memo;

	memo_clear(&memo);
	npu_elementwise_run(exec, insn, first, count, sigmoid_s8_row, &memo);
}

void npu_tanh_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	struct memo memo;

	memo_clear(&memo);
	npu_elementwise_run(exec, insn, first, count, tanh_s8_row, &memo);
}

void npu_sigmoid_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		     __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, sigmoid_s16_row, NULL);
}

void npu_tanh_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		  __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, tanh_s16_row, NULL);
}
