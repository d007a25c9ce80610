// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* MIN and MAX: the lesser or greater of two tensors' elements, each rescaled to the output. */
#include "kernels.h"
#include "fixedpoint.h"

/* Elements of both inputs, in the output's scale, before its zero point. */
struct pair {
	__s32 a, b;
};

static inline struct pair rescale_pair(const struct npu_insn *insn, const struct npu_scale *scale,
				       __s32 x1, __s32 x2)
{
	struct pair pair = {
		npu_rescale(x1 - insn->t[1].zero_point, scale[0].multiplier, scale[0].shift),
		npu_rescale(x2 - insn->t[2].zero_point, scale[1].multiplier, scale[1].shift),
	};

	return pair;
}

static inline __s32 finish(const struct npu_insn *insn, __s32 x)
{
	return npu_clamp32(npu_add32(x, insn->t[0].zero_point), insn->binary.act_min,
			   insn->binary.act_max);
}

static inline __s32 extremum(const struct npu_row_context *context, __s32 x1, __s32 x2, bool max)
{
	const struct npu_insn *insn = context->insn;
	struct pair p =
		rescale_pair(insn, npu_scales(context->consts, insn->binary.scales), x1, x2);

	return finish(insn, (p.a < p.b) == max ? p.b : p.a);
}

static void extremum_s8_row(const struct npu_row_context *context, void *out, const void *in1,
			    const void *in2, __u32 length)
{
	bool max = context->insn->opcode == NPU_OP_MAX;
	const __s8 *x1 = in1, *x2 = in2;
	__s8 *y = out;
	__u32 i;

	for (i = 0; i < length; i++)
		y[i] = extremum(context, x1[i], x2[i], max);
}

static void extremum_s16_row(const struct npu_row_context *context, void *out, const void *in1,
			     const void *in2, __u32 length)
{
	bool max = context->insn->opcode == NPU_OP_MAX;
	const __s16 *x1 = in1, *x2 = in2;
	__s16 *y = out;
	__u32 i;

	for (i = 0; i < length; i++)
		y[i] = extremum(context, x1[i], x2[i], max);
}

void npu_extremum_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		     __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, extremum_s8_row, NULL);
}

void npu_extremum_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		      __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, extremum_s16_row, NULL);
}
