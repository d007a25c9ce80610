// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * GRU: an update gate, a reset gate and the fresh state. Where the reset gate acts on the hidden
 * state itself, the fresh state needs all of its results: then a step is two waves.
 */
#include "recurrent.h"
#include "fixedpoint.h"
#include "sigmoid.h"

static __s32 logistic_gate(const struct npu_recurrent *r, const struct npu_recurrent_work *work,
			   __u32 unit, __u32 gate)
{
	__u32 row = npu_recurrent_row(r, unit, gate);

	return npu_sigmoid_s16_value(
		npu_sigmoid_argument(npu_recurrent_gate(r, work->in, work->before, row), 0, 0));
}

/* First of two waves: r * h. */
static void reset_unit(const struct npu_recurrent *r, const struct npu_recurrent_work *work,
		       __u32 unit)
{
	__s32 reset = logistic_gate(r, work, unit, NPU_GRU_RESET);
	__s32 h = npu_recurrent_hidden(r, work->before, unit) - r->zero;
	__s32 y = npu_rounding_shift(reset * h, 15) + r->zero;

	npu_recurrent_store(r, work->extra, unit,
			    r->wide ? npu_clamp32(y, -32768, 32767) : npu_clamp32(y, -128, 127));
}

static __s32 fresh_state(const struct npu_recurrent *r, const struct npu_recurrent_work *work,
			 __u32 unit)
{
	__u32 row = npu_recurrent_row(r, unit, NPU_GRU_HIDDEN);
	__s32 x, h;

	if (r->waves == 2) {
		x = npu_recurrent_gate(r, work->in, work->extra, row);
	} else {
		x = npu_clamp32(npu_recurrent_sum(r, 0, work->in, row), -32768, 32767);
		h = npu_clamp32(npu_recurrent_sum(r, 1, work->before, row), -32768, 32767);
		h = npu_rounding_shift(logistic_gate(r, work, unit, NPU_GRU_RESET) * h, 15);
		x = npu_clamp32(x + h, -32768, 32767);
	}
	return npu_tanh_s16_value(npu_sigmoid_argument(x, 0, 0));
}

static void state_unit(const struct npu_recurrent *r, const struct npu_recurrent_work *work,
		       __u32 unit)
{
	const struct npu_scale *state = &r->more[NPU_GRU_SCALE_STATE];
	const struct npu_scale *output = &r->more[NPU_GRU_SCALE_OUTPUT];
	__s32 update = logistic_gate(r, work, unit, NPU_GRU_UPDATE);
	__s32 fresh = fresh_state(r, work, unit);
	__s32 h = npu_recurrent_hidden(r, work->before, unit) - r->zero, y;

	h = npu_clamp32(npu_rescale(h, state->multiplier, state->shift), -32768, 32767);
	y = (32768 - update) * fresh + update * h;
	y = npu_add32(npu_rescale(y, output->multiplier, output->shift), r->zero);
	npu_recurrent_store(r, work->out, unit, npu_clamp32(y, r->act_min, r->act_max));
}

static void gru_step(const struct npu_exec *exec, const struct npu_insn *insn,
		     const struct npu_recurrent *r, const struct npu_recurrent_work *work)
{
	__u32 end = (work->block + work->blocks) * 16, unit;

	(void)exec;
	(void)insn;
	for (unit = work->block * 16; unit < end && unit < r->units; unit++) {
		if (work->wave + 1 < r->waves)
			reset_unit(r, work, unit);
		else
			state_unit(r, work, unit);
	}
}

void npu_gru(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_recurrent_run(exec, insn, first, count, gru_step);
}
