// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* One tensor to another, element by element: CLAMP, REQUANTISE, TABLE. */
#include "kernels.h"
#include "fixedpoint.h"

void npu_clamp_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		      const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const __s8 *x = in1;
	__s8 *y = out;
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++)
		y[i] = npu_clamp32(x[i], insn->clamp.min, insn->clamp.max);
}

void npu_clamp_s16_row(const struct npu_row_context *context, void *out, const void *in1,
		       const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const __s16 *x = in1;
	__s16 *y = out;
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++)
		y[i] = npu_clamp32(x[i], insn->clamp.min, insn->clamp.max);
}

static inline __s32 load(const void *p, __u32 type, __u32 i)
{
	switch (type) {
	case NPU_TYPE_INT8:
		return ((const __s8 *)p)[i];
	case NPU_TYPE_INT16:
		return ((const __s16 *)p)[i];
	default:
		return ((const __s32 *)p)[i];
	}
}

void npu_requantise_row(const struct npu_row_context *context, void *out, const void *in1,
			const void *in2, __u32 length)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale *scale = npu_scales(context->consts, insn->requantise.scales);
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++) {
		__s32 x = npu_sub32(load(in1, insn->t[1].type, i), insn->t[1].zero_point);

		x = npu_rescale(x, scale->multiplier, scale->shift);
		x = npu_clamp32(npu_add32(x, insn->t[0].zero_point), insn->requantise.act_min,
				insn->requantise.act_max);
		if (insn->t[0].type == NPU_TYPE_INT8)
			((__s8 *)out)[i] = x;
		else
			((__s16 *)out)[i] = x;
	}
}

static void table_s8_row(const struct npu_row_context *context, void *out, const void *in1,
			 const void *in2, __u32 length)
{
	const __s8 *table = (const __s8 *)context->consts + context->insn->table.offset;
	const __s8 *x = in1;
	__s8 *y = out;
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++)
		y[i] = table[npu_read_once_s8(x + i) + 128];
}

static void table_s16_row(const struct npu_row_context *context, void *out, const void *in1,
			  const void *in2, __u32 length)
{
	const __u8 *consts = context->consts;
	const __s16 *table = (const __s16 *)(consts + context->insn->table.offset);
	const __s16 *x = in1;
	__s16 *y = out;
	__u32 i;

	(void)in2;
	for (i = 0; i < length; i++)
		y[i] = npu_interpolate(table, npu_read_once_s16(x + i));
}

void npu_clamp_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		  __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, npu_clamp_s8_row, NULL);
}

void npu_clamp_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, npu_clamp_s16_row, NULL);
}

void npu_requantise(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, npu_requantise_row, NULL);
}

void npu_table_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		  __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, table_s8_row, NULL);
}

void npu_table_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, table_s16_row, NULL);
}
