// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* RNN: one gate and an activation. */
#include "recurrent.h"
#include "fixedpoint.h"
#include "sigmoid.h"

static __s32 activated(const struct npu_exec *exec, const struct npu_insn *insn, __s32 sum)
{
	switch (insn->rnn.activation) {
	case NPU_RNN_TANH:
		return npu_tanh_s16_value(npu_sigmoid_argument(sum, 0, 0));
	case NPU_RNN_SIGMOID:
		return npu_sigmoid_s16_value(npu_sigmoid_argument(sum, 0, 0));
	case NPU_RNN_TABLE:
		return npu_interpolate(
			(const __s16 *)((const __u8 *)exec->consts + insn->rnn.table), sum);
	default:
		return sum;
	}
}

static void rnn_step(const struct npu_exec *exec, const struct npu_insn *insn,
		     const struct npu_recurrent *r, const struct npu_recurrent_work *work)
{
	const struct npu_scale *scale = &r->more[NPU_RNN_SCALE_OUTPUT];
	__u32 end = (work->block + work->blocks) * 16, unit;

	for (unit = work->block * 16; unit < end && unit < r->units; unit++) {
		__s32 y = npu_recurrent_gate(r, work->in, work->before, unit);

		y = npu_rescale(activated(exec, insn, y), scale->multiplier, scale->shift);
		y = npu_clamp32(npu_add32(y, r->zero), r->act_min, r->act_max);
		npu_recurrent_store(r, work->out, unit, y);
	}
}

void npu_rnn(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_recurrent_run(exec, insn, first, count, rnn_step);
}
