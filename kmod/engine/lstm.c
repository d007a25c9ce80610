// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* LSTM: four gates, a cell state of int16; the arithmetic of TensorFlow Lite's integer LSTM. */
#include "recurrent.h"
#include "fixedpoint.h"
#include "sigmoid.h"

static __s32 gate(const struct npu_recurrent *r, const struct npu_recurrent_work *work, __u32 unit,
		  __u32 which)
{
	__s32 sum =
		npu_recurrent_gate(r, work->in, work->before, npu_recurrent_row(r, unit, which));
	__s32 argument = npu_sigmoid_argument(sum, 0, 0);

	return which == NPU_LSTM_CELL ? npu_tanh_s16_value(argument)
				      : npu_sigmoid_s16_value(argument);
}

static __s32 scaled(const struct npu_recurrent *r, unsigned int scale, __s32 value)
{
	return npu_rescale(value, r->more[scale].multiplier, r->more[scale].shift);
}

static void lstm_unit(const struct npu_insn *insn, const struct npu_recurrent *r,
		      const struct npu_recurrent_work *work, __u32 unit)
{
	__s32 input = gate(r, work, unit, NPU_LSTM_INPUT);
	__s32 output = gate(r, work, unit, NPU_LSTM_OUTPUT);
	__s32 forget = gate(r, work, unit, NPU_LSTM_FORGET);
	__s32 fresh = gate(r, work, unit, NPU_LSTM_CELL);
	__s32 cell = work->begin ? 0 : npu_read_once_s16((const __s16 *)work->extra + unit);
	__s32 clip = insn->lstm.cell_clip, y;

	cell = npu_clamp32(scaled(r, NPU_LSTM_SCALE_FORGET, forget * cell), -32768, 32767);
	cell = npu_add32(cell, scaled(r, NPU_LSTM_SCALE_INPUT, input * fresh));
	cell = npu_clamp32(cell, -clip, clip);
	((__s16 *)work->extra)[unit] = cell;

	y = npu_tanh_s16_value(
		npu_sigmoid_argument(cell, insn->lstm.cell_multiplier, insn->lstm.cell_shift));
	y = npu_add32(scaled(r, NPU_LSTM_SCALE_OUTPUT, output * y), r->zero);
	npu_recurrent_store(r, work->out, unit, npu_clamp32(y, r->act_min, r->act_max));
}

static void lstm_step(const struct npu_exec *exec, const struct npu_insn *insn,
		      const struct npu_recurrent *r, const struct npu_recurrent_work *work)
{
	__u32 end = (work->block + work->blocks) * 16, unit;

	(void)exec;
	for (unit = work->block * 16; unit < end && unit < r->units; unit++)
		lstm_unit(insn, r, work, unit);
}

void npu_lstm(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_recurrent_run(exec, insn, first, count, lstm_step);
}
