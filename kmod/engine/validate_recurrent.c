// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Validation of RNN, LSTM, GRU and LAYER_NORM. */
#include "recurrent.h"
#include "validate.h"

/* Fields of the three instructions as the header spells them. */
struct fields {
	const char *flags, *scales, *scale_count, *act_min;
};

static const struct fields *fields_of(const struct npu_insn *insn)
{
	static const struct fields rnn = { "rnn.flags", "rnn.scales", "rnn.scale_count",
					   "rnn.act_min" };
	static const struct fields lstm = { "lstm.flags", "lstm.scales", "lstm.scale_count",
					    "lstm.act_min" };
	static const struct fields gru = { "gru.flags", "gru.scales", "gru.scale_count",
					   "gru.act_min" };

	switch (insn->opcode) {
	case NPU_OP_LSTM:
		return &lstm;
	case NPU_OP_GRU:
		return &gru;
	default:
		return &rnn;
	}
}

static bool check_dims(struct npu_check *check, unsigned int index, __u32 n, __u32 h, __u32 w,
		       __u32 c)
{
	const __u32 want[4] = { n, h, w, c };
	unsigned int d;

	for (d = 0; d < 4; d++)
		if (check->insn->t[index].dim[d] != want[d])
			return npu_refuse_dim(check, index, d,
					      "does not fit the other tensors of the opcode");
	return true;
}

/* Output, input and weights. */
static bool check_sequence(struct npu_check *check, __u32 rows)
{
	const struct npu_tensor *t = check->insn->t;
	__u32 batch = t[0].dim[0], steps = t[0].dim[2], units = t[0].dim[3];

	if (t[0].dim[1] != 1)
		return npu_refuse_dim(check, 0, 1, "must be 1 in a sequence");
	if (units > NPU_MAX_RECURRENT)
		return npu_refuse_dim(check, 0, 3, "is over 4096 hidden units");
	if (t[1].dim[3] > NPU_MAX_RECURRENT)
		return npu_refuse_dim(check, 1, 3, "is over 4096 inputs");
	if ((__u64)batch * steps > NPU_MAX_STEPS ||
	    (__u64)batch * steps * ((units + 15) / 16) > NPU_MAX_STEPS)
		return npu_refuse_dim(check, 0, 2, "makes steps * batch * blocks exceed 2^24");
	if (t[1].zero_point)
		return npu_refuse_zero_point(check, 1, "must be 0: it belongs in the bias");
	return npu_check_same_type(check, 1) &&
	       check_dims(check, 1, batch, 1, steps, t[1].dim[3]) &&
	       check_dims(check, 2, rows, 1, 1, t[1].dim[3]) &&
	       check_dims(check, 3, rows, 1, 1, units);
}

static bool check_bias(struct npu_check *check, __u32 rows)
{
	bool wide = check->insn->t[1].type == NPU_TYPE_INT16;

	if (check->insn->t[4].type == NPU_TYPE_NONE)
		return npu_check_none(check, 4);
	return npu_check_input(check, 4,
			       NPU_TYPE_MASK(INT32) | (wide ? NPU_TYPE_MASK(INT64) : 0)) &&
	       check_dims(check, 4, 1, 1, 2, rows);
}

/* An operand like the output of one step. */
static bool check_hidden(struct npu_check *check, unsigned int index, bool read)
{
	const struct npu_tensor *t = check->insn->t;

	if (!npu_check_state(check, index, NPU_ACTIVATION, read) ||
	    !npu_check_same_type(check, index) ||
	    !check_dims(check, index, t[0].dim[0], 1, 1, t[0].dim[3]))
		return false;
	if (t[index].zero_point != t[0].zero_point)
		return npu_refuse_zero_point(check, index, "differs from that of the output");
	return true;
}

static bool check_states(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;
	const __u32 *dim = insn->t[0].dim;
	bool initial = insn->rnn.flags & NPU_RECURRENT_INITIAL;

	if (insn->t[5].type != NPU_TYPE_NONE) {
		if (!check_hidden(check, 5, initial))
			return false;
	} else if (initial) {
		return npu_refuse_type(check, 5, "must be there: the sequence starts from it");
	} else if (!npu_check_none(check, 5)) {
		return false;
	}
	if (insn->opcode == NPU_OP_LSTM)
		return npu_check_state(check, 6, NPU_TYPE_MASK(INT16), true) &&
		       check_dims(check, 6, dim[0], 1, 1, dim[3]);
	if (insn->opcode == NPU_OP_GRU && !(insn->gru.flags & NPU_RECURRENT_RESET_AFTER))
		return check_hidden(check, 6, true);
	return npu_check_none(check, 6);
}

static bool check_lengths(struct npu_check *check)
{
	if (check->insn->t[7].type == NPU_TYPE_NONE)
		return npu_check_none(check, 7);
	return npu_check_input(check, 7, NPU_TYPE_MASK(INT32)) &&
	       check_dims(check, 7, check->insn->t[0].dim[0], 1, 1, 1);
}

/* Two parts of gates, then @more scales. */
static bool check_scales(struct npu_check *check, const struct fields *fields, __u32 rows,
			 __u32 more)
{
	const struct npu_insn *insn = check->insn;
	bool wide = insn->t[1].type == NPU_TYPE_INT16;
	__u32 count = insn->rnn.scale_count, offset = insn->rnn.scales;

	if (count != npu_insn_gates(insn) && count != rows)
		return npu_refuse(check, fields->scale_count,
				  "is neither the number of gates nor that of rows");
	return npu_check_scales(check, fields->scales, offset, 2 * count,
				wide ? NPU_MAX_SHIFT_64 : 30) &&
	       npu_check_scales(check, fields->scales,
				offset + 2 * count * (__u32)sizeof(struct npu_scale), more, 30);
}

static bool check_rnn(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (insn->rnn.activation > NPU_RNN_TABLE)
		return npu_refuse(check, "rnn.activation", "is not an activation");
	if (insn->rnn.activation == NPU_RNN_TABLE) {
		if (!npu_check_constant(check, "rnn.table", insn->rnn.table, 513 * 2, 2))
			return false;
	} else if (insn->rnn.table) {
		return npu_refuse(check, "rnn.table", "must be 0 without a table");
	}
	return npu_check_raw(check, 7);
}

static bool check_lstm(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (insn->lstm.cell_clip < 0 || insn->lstm.cell_clip > 32767)
		return npu_refuse(check, "lstm.cell_clip", "is outside [0, 32767]");
	return npu_check_sigmoid_s16(check, "lstm.cell_multiplier", "lstm.cell_shift",
				     insn->lstm.cell_multiplier, insn->lstm.cell_shift) &&
	       npu_check_raw(check, 8);
}

static bool check_parameters(struct npu_check *check, __u32 *more)
{
	switch (check->insn->opcode) {
	case NPU_OP_LSTM:
		*more = NPU_LSTM_SCALES;
		return check_lstm(check);
	case NPU_OP_GRU:
		*more = NPU_GRU_SCALES;
		return npu_check_raw(check, 5);
	default:
		*more = NPU_RNN_SCALES;
		return check_rnn(check);
	}
}

bool npu_check_recurrent(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;
	const struct fields *fields = fields_of(insn);
	__u32 flags = NPU_RECURRENT_BACKWARDS | NPU_RECURRENT_INITIAL, rows, more;

	if (insn->opcode == NPU_OP_GRU)
		flags |= NPU_RECURRENT_RESET_AFTER;
	if (insn->rnn.flags & ~flags)
		return npu_refuse(check, fields->flags, "has a bit that the opcode does not know");
	if (!npu_check_output(check, NPU_ACTIVATION) ||
	    !npu_check_input(check, 1, NPU_ACTIVATION) ||
	    !npu_check_weights(check, 2, NPU_LAYOUT_BLOCK16X4, 1) ||
	    !npu_check_weights(check, 3, NPU_LAYOUT_BLOCK16X4, 1))
		return false;
	/* at most 4 * (2^24 + 15) */
	rows = npu_insn_gates(insn) * npu_round_up(insn->t[0].dim[3], 16);
	return check_sequence(check, rows) && check_bias(check, rows) && check_states(check) &&
	       check_lengths(check) && npu_check_apart(check, 1u << 0 | 1u << 5 | 1u << 6) &&
	       check_parameters(check, &more) && check_scales(check, fields, rows, more) &&
	       npu_check_range(check, fields->act_min, insn->rnn.act_min, insn->rnn.act_max);
}

static bool check_affine(struct npu_check *check)
{
	const struct npu_tensor *t = check->insn->t;
	unsigned int i;

	if (t[2].type == NPU_TYPE_NONE)
		return npu_check_unused(check, 2);
	for (i = 2; i < 4; i++)
		if (!npu_check_input(check, i, NPU_TYPE_MASK(INT32)) ||
		    !check_dims(check, i, 1, 1, 1, t[0].dim[3]))
			return false;
	return npu_check_unused(check, 4);
}

bool npu_check_layer_norm(struct npu_check *check)
{
	const struct npu_insn *insn = check->insn;

	if (!npu_check_output(check, NPU_ACTIVATION) ||
	    !npu_check_input(check, 1, NPU_ACTIVATION) || !npu_check_same_dims(check, 1) ||
	    !check_affine(check) || !npu_check_overlap(check, 4, true) || !npu_check_raw(check, 5))
		return false;
	if (insn->t[0].dim[3] > NPU_MAX_NORM)
		return npu_refuse_dim(check, 0, 3, "is a row over 4096");
	if (insn->norm.epsilon[1] >= 1u << 29)
		return npu_refuse(check, "norm.epsilon[1]", "makes it 2^61 or more");
	return npu_check_scales(check, "norm.scales", insn->norm.scales, 1, 30) &&
	       npu_check_range(check, "norm.act_min", insn->norm.act_min, insn->norm.act_max);
}
