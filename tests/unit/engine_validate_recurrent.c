// SPDX-License-Identifier: MIT
/*
 * The validator on RNN, LSTM, GRU and LAYER_NORM: each field at its limits and one beyond. The
 * refusal must name the field.
 */
#include "validate_case.h"
#include "recurrent_case.h"

static void expect_sequence(struct recurrent_case *c, const char *field, int line)
{
	struct npu_slot_need needs[NPU_INSN_TENSORS];
	struct npu_fault fault;
	bool valid = recurrent_valid(c, needs, &fault);

	if (valid && field)
		fail_msg("line %d, opcode 0x%x: %s was accepted", line, c->insn.opcode, field);
	if (!valid && !field)
		fail_msg("line %d, opcode 0x%x: refused: %s %s", line, c->insn.opcode, fault.field,
			 fault.reason);
	if (!valid && strcmp(fault.field, field))
		fail_msg("line %d, opcode 0x%x: %s was blamed instead of %s (%s)", line,
			 c->insn.opcode, fault.field, field, fault.reason);
	if (!valid)
		assert_true(strlen(fault.reason) > 0);
}

#define TRY_SEQUENCE(lvalue, value, field)           \
	do {                                         \
		__typeof__(lvalue) old_ = (lvalue);  \
		(lvalue) = (value);                  \
		expect_sequence(c, field, __LINE__); \
		(lvalue) = old_;                     \
	} while (0)

/* Everything that an instruction may have, each operand alone in its slot. */
static struct recurrent_case *full(uint16_t opcode, uint8_t type, uint32_t flags)
{
	struct sequence s = {
		.name = "validated",
		.opcode = opcode,
		.type = type,
		.bias = NPU_TYPE_INT32,
		.flags = flags | NPU_RECURRENT_INITIAL,
		.hidden = true,
		.lengths = true,
		.n = 3,
		.t = 5,
		.k = 8,
		.u = 20,
	};
	struct rng rng = { 1 };
	struct recurrent_case *c = recurrent_make(&s, &rng);
	static const uint32_t strided[] = { OUT, IN, HIDDEN, EXTRA };
	uint32_t i;

	/* so that a wrong type or dimension is the only mistake */
	for (i = 0; i < 4; i++) {
		struct npu_tensor *t = &c->insn.t[strided[i]];

		t->zero_point = 0;
		t->stride[0] = t->type ? 1 << 16 : 0;
		t->stride[1] = t->type ? 1 << 20 : 0;
		t->stride[2] = t->type ? 1024 : 0;
	}
	expect_sequence(c, NULL, __LINE__);
	return c;
}

static const char *parameter(uint16_t opcode, const char *field)
{
	static char name[4][32];
	static unsigned int turn;
	char *text = name[turn++ % 4];

	snprintf(text, 32, "%s.%s",
		 opcode == NPU_OP_LSTM	? "lstm"
		 : opcode == NPU_OP_GRU ? "gru"
					: "rnn",
		 field);
	return text;
}

static const char *tensor(uint32_t i, const char *field)
{
	static char name[4][32];
	static unsigned int turn;
	char *text = name[turn++ % 4];

	snprintf(text, 32, "t[%u].%s", i, field);
	return text;
}

typedef void (*check)(struct recurrent_case *c);

/* All opcodes, both types, and a GRU of either kind. */
static void with_each(check function)
{
	static const uint16_t opcode[] = { NPU_OP_RNN, NPU_OP_LSTM, NPU_OP_GRU, NPU_OP_GRU };
	uint8_t type;
	uint32_t i;

	for (type = NPU_TYPE_INT8; type <= NPU_TYPE_INT16; type++)
		for (i = 0; i < 4; i++) {
			struct recurrent_case *c =
				full(opcode[i], type, i == 3 ? NPU_RECURRENT_RESET_AFTER : 0);

			function(c);
			recurrent_free(c);
		}
}

static void check_types(struct recurrent_case *c)
{
	struct npu_tensor *t = c->insn.t;
	bool narrow = t[IN].type == NPU_TYPE_INT8;
	uint32_t i;

	TRY_SEQUENCE(t[OUT].type, NPU_TYPE_INT32, "t[0].type");
	TRY_SEQUENCE(t[IN].type, NPU_TYPE_INT32, "t[1].type");
	TRY_SEQUENCE(t[IN].type, narrow ? NPU_TYPE_INT16 : NPU_TYPE_INT8, "t[1].type");
	TRY_SEQUENCE(t[WEIGHTS].type, NPU_TYPE_INT16, "t[2].type");
	TRY_SEQUENCE(t[RECURRENT].type, NPU_TYPE_INT16, "t[3].type");
	TRY_SEQUENCE(t[BIAS].type, NPU_TYPE_INT16, "t[4].type");
	if (narrow)
		TRY_SEQUENCE(t[BIAS].type, NPU_TYPE_INT64, "t[4].type");
	TRY_SEQUENCE(t[HIDDEN].type, narrow ? NPU_TYPE_INT16 : NPU_TYPE_INT8, "t[5].type");
	TRY_SEQUENCE(t[LENGTHS].type, NPU_TYPE_INT16, "t[7].type");
	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		/* without a type every other field is one too many */
		if (i == IN || i == OUT || i == WEIGHTS || i == RECURRENT) {
			TRY_SEQUENCE(t[i].type, NPU_TYPE_NONE, tensor(i, "type"));
			continue;
		}
		if (t[i].type == NPU_TYPE_NONE) {
			TRY_SEQUENCE(t[i].type, NPU_TYPE_INT8, tensor(i, "type"));
			TRY_SEQUENCE(t[i].dim[0], 1, tensor(i, "dim[0]"));
			continue;
		}
		TRY_SEQUENCE(t[i].slot, NPU_INSN_TENSORS, tensor(i, "slot"));
		TRY_SEQUENCE(t[i].layout, NPU_LAYOUT_BLOCK16X4, tensor(i, "layout"));
		TRY_SEQUENCE(t[i].reserved, 1, tensor(i, "reserved"));
	}
}

static void check_shapes(struct recurrent_case *c)
{
	struct npu_tensor *t = c->insn.t;
	uint32_t d, i;

	TRY_SEQUENCE(t[OUT].dim[1], 2, "t[0].dim[1]");
	for (d = 0; d < 3; d++)
		TRY_SEQUENCE(t[IN].dim[d], t[IN].dim[d] + 1,
			     tensor(IN, d == 0	 ? "dim[0]"
					: d == 1 ? "dim[1]"
						 : "dim[2]"));
	TRY_SEQUENCE(t[IN].dim[3], 7, "t[2].dim[3]");
	TRY_SEQUENCE(t[WEIGHTS].dim[0], c->rows + 16, "t[2].dim[0]");
	TRY_SEQUENCE(t[WEIGHTS].dim[0], c->rows - 1, "t[2].dim[0]");
	TRY_SEQUENCE(t[WEIGHTS].dim[1], 2, "t[2].dim[1]");
	TRY_SEQUENCE(t[WEIGHTS].stride[0], 4, "t[2].stride[0]");
	TRY_SEQUENCE(t[RECURRENT].dim[0], c->rows + 1, "t[3].dim[0]");
	TRY_SEQUENCE(t[RECURRENT].dim[3], 21, "t[3].dim[3]");
	TRY_SEQUENCE(t[RECURRENT].zero_point, 1, "t[3].zero_point");
	TRY_SEQUENCE(t[BIAS].dim[2], 1, "t[4].dim[2]");
	TRY_SEQUENCE(t[BIAS].dim[3], c->rows - 1, "t[4].dim[3]");
	for (i = HIDDEN; i <= LENGTHS; i++) {
		if (t[i].type == NPU_TYPE_NONE)
			continue;
		TRY_SEQUENCE(t[i].dim[0], 2, tensor(i, "dim[0]"));
		TRY_SEQUENCE(t[i].dim[3], t[i].dim[3] + 1, tensor(i, "dim[3]"));
		TRY_SEQUENCE(t[i].dim[0], 0, tensor(i, "dim[0]"));
	}
	TRY_SEQUENCE(t[IN].zero_point, 1, "t[1].zero_point");
	if (t[OUT].type == NPU_TYPE_INT8) {
		TRY_SEQUENCE(t[HIDDEN].zero_point, 1, "t[5].zero_point");
		TRY_SEQUENCE(t[OUT].zero_point, 128, "t[0].zero_point");
	}
	TRY_SEQUENCE(t[LENGTHS].zero_point, 1, "t[7].zero_point");
}

static void check_parameters(struct recurrent_case *c)
{
	struct npu_insn *insn = &c->insn;
	uint16_t op = insn->opcode;
	uint32_t words = op == NPU_OP_LSTM ? 8 : op == NPU_OP_GRU ? 5 : 7, i;
	uint32_t total = 2 * c->scales + c->more;
	bool narrow = insn->t[OUT].type == NPU_TYPE_INT8;
	int32_t low = narrow ? -128 : -32768;

	TRY_SEQUENCE(insn->rnn.flags, insn->rnn.flags | 8, parameter(op, "flags"));
	TRY_SEQUENCE(insn->rnn.flags, insn->rnn.flags | 1u << 31, parameter(op, "flags"));
	if (op != NPU_OP_GRU)
		TRY_SEQUENCE(insn->rnn.flags, insn->rnn.flags | NPU_RECURRENT_RESET_AFTER,
			     parameter(op, "flags"));
	TRY_SEQUENCE(insn->rnn.scale_count, 0, parameter(op, "scale_count"));
	TRY_SEQUENCE(insn->rnn.scale_count, c->gates + 1, parameter(op, "scale_count"));
	TRY_SEQUENCE(insn->rnn.scale_count, c->rows - 1, parameter(op, "scale_count"));
	TRY_SEQUENCE(insn->rnn.scale_count, UINT32_MAX, parameter(op, "scale_count"));
	TRY_SEQUENCE(insn->rnn.scales, 2, parameter(op, "scales"));
	TRY_SEQUENCE(insn->rnn.scales, c->consts.bytes - (total - 1) * 8 / 4 * 4,
		     parameter(op, "scales"));
	TRY_SEQUENCE(insn->rnn.scales, 0xfffffffcu, parameter(op, "scales"));
	for (i = 0; i < total; i += i == 0 ? c->scales : 1) {
		struct npu_scale *scale = recurrent_scale(c, i);
		int32_t most = i < 2 * c->scales && !narrow ? 7 : 30;

		TRY_SEQUENCE(scale->multiplier, -1, parameter(op, "scales"));
		TRY_SEQUENCE(scale->multiplier, (1 << 30) - 1, parameter(op, "scales"));
		TRY_SEQUENCE(scale->multiplier, 0, NULL);
		TRY_SEQUENCE(scale->shift, -31, NULL);
		TRY_SEQUENCE(scale->shift, -32, parameter(op, "scales"));
		TRY_SEQUENCE(scale->shift, most, NULL);
		TRY_SEQUENCE(scale->shift, most + 1, parameter(op, "scales"));
	}
	insn->rnn.act_min = low;
	insn->rnn.act_max = -low - 1;
	expect_sequence(c, NULL, __LINE__);
	TRY_SEQUENCE(insn->rnn.act_min, low - 1, parameter(op, "act_min"));
	TRY_SEQUENCE(insn->rnn.act_max, -low, parameter(op, "act_min"));
	TRY_SEQUENCE(insn->rnn.act_max, low, NULL);
	insn->rnn.act_min = 3;
	TRY_SEQUENCE(insn->rnn.act_max, 2, parameter(op, "act_min"));
	for (i = words; i < 12; i++) {
		char name[16];

		snprintf(name, sizeof(name), "raw[%u]", i);
		TRY_SEQUENCE(insn->raw[i], 1, name);
	}
}

/* What starts from a state needs one; what writes one lets it be apart from all else. */
static void check_states(struct recurrent_case *c)
{
	struct npu_tensor *t = c->insn.t, hidden = t[HIDDEN];
	uint32_t i, j;

	memset(&t[HIDDEN], 0, sizeof(t[HIDDEN]));
	expect_sequence(c, "t[5].type", __LINE__);
	c->insn.rnn.flags &= ~NPU_RECURRENT_INITIAL;
	expect_sequence(c, NULL, __LINE__);
	t[HIDDEN] = hidden;
	expect_sequence(c, NULL, __LINE__);
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		for (j = 0; j < i; j++) {
			bool written = i == HIDDEN || i == EXTRA || j == OUT || j == HIDDEN ||
				       j == EXTRA;

			if (t[i].type == NPU_TYPE_NONE || t[j].type == NPU_TYPE_NONE)
				continue;
			/* all operands begin at offset 0 */
			TRY_SEQUENCE(t[i].slot, t[j].slot, written ? tensor(i, "offset") : NULL);
		}
}

static void check_sizes(struct recurrent_case *c)
{
	struct npu_tensor *t = c->insn.t;
	struct npu_insn old = c->insn;

	/* inputs may repeat; the output is what grows, by its strides */
	t[IN].stride[0] = t[IN].stride[2] = 0;
	t[OUT].dim[2] = t[IN].dim[2] = NPU_MAX_STEPS / 3 / 2;
	t[OUT].stride[2] = t[OUT].dim[3] * (t[OUT].type == NPU_TYPE_INT8 ? 1 : 2);
	t[OUT].stride[0] = t[OUT].stride[2] * t[OUT].dim[2];
	expect_sequence(c, NULL, __LINE__);
	t[OUT].dim[2]++;
	t[IN].dim[2]++;
	t[OUT].stride[0] = t[OUT].stride[2] * t[OUT].dim[2];
	expect_sequence(c, "t[0].dim[2]", __LINE__);
	c->insn = old;
	TRY_SEQUENCE(t[OUT].dim[3], NPU_MAX_DIM + 1, "t[0].dim[3]");
}

static void test_types(void **state)
{
	(void)state;
	with_each(check_types);
}

static void test_shapes(void **state)
{
	(void)state;
	with_each(check_shapes);
}

static void test_parameters(void **state)
{
	(void)state;
	with_each(check_parameters);
}

static void test_states(void **state)
{
	(void)state;
	with_each(check_states);
}

static void test_sizes(void **state)
{
	(void)state;
	with_each(check_sizes);
}

/* As many inputs and hidden units as there may be, and one more of each. */
static void test_largest(void **state)
{
	struct sequence s = { .name = "largest",
			      .opcode = NPU_OP_RNN,
			      .type = NPU_TYPE_INT8,
			      .n = 1,
			      .t = 1,
			      .k = NPU_MAX_RECURRENT,
			      .u = NPU_MAX_RECURRENT };
	struct rng rng = { 2 };
	struct recurrent_case *c = recurrent_make(&s, &rng);

	(void)state;
	expect_sequence(c, NULL, __LINE__);
	assert_true(npu_insn_unit_cost(&c->insn) > 2 * 4096 * 16);
	recurrent_free(c);
	s.k++;
	c = recurrent_make(&s, &rng);
	expect_sequence(c, "t[1].dim[3]", __LINE__);
	recurrent_free(c);
	s.k = 1;
	s.u++;
	c = recurrent_make(&s, &rng);
	expect_sequence(c, "t[0].dim[3]", __LINE__);
	recurrent_free(c);
}

static void test_lstm(void **state)
{
	struct recurrent_case *c = full(NPU_OP_LSTM, NPU_TYPE_INT8, 0);
	struct npu_insn *insn = &c->insn;
	struct npu_tensor none = { 0 };

	(void)state;
	TRY_SEQUENCE(insn->lstm.cell_clip, 0, NULL);
	TRY_SEQUENCE(insn->lstm.cell_clip, 32767, NULL);
	TRY_SEQUENCE(insn->lstm.cell_clip, -1, "lstm.cell_clip");
	TRY_SEQUENCE(insn->lstm.cell_clip, 32768, "lstm.cell_clip");
	insn->lstm.cell_multiplier = 32767;
	insn->lstm.cell_shift = 15;
	expect_sequence(c, NULL, __LINE__);
	TRY_SEQUENCE(insn->lstm.cell_multiplier, 32768, "lstm.cell_multiplier");
	TRY_SEQUENCE(insn->lstm.cell_multiplier, -1, "lstm.cell_multiplier");
	TRY_SEQUENCE(insn->lstm.cell_shift, 16, "lstm.cell_shift");
	TRY_SEQUENCE(insn->lstm.cell_shift, -1, "lstm.cell_shift");
	TRY_SEQUENCE(insn->lstm.cell_multiplier, 0, "lstm.cell_shift");
	insn->lstm.cell_shift = 13;
	TRY_SEQUENCE(insn->lstm.cell_multiplier, 0, NULL);
	TRY_SEQUENCE(insn->t[EXTRA], none, "t[6].type");
	TRY_SEQUENCE(insn->t[EXTRA].type, NPU_TYPE_INT8, "t[6].type");
	recurrent_free(c);
}

static void test_gru(void **state)
{
	struct recurrent_case *c = full(NPU_OP_GRU, NPU_TYPE_INT8, 0);
	struct npu_insn *insn = &c->insn;
	struct npu_tensor none = { 0 };

	(void)state;
	TRY_SEQUENCE(insn->t[EXTRA], none, "t[6].type");
	TRY_SEQUENCE(insn->t[EXTRA].type, NPU_TYPE_INT16, "t[6].type");
	TRY_SEQUENCE(insn->t[EXTRA].zero_point, 1, "t[6].zero_point");
	TRY_SEQUENCE(insn->gru.flags, insn->gru.flags | NPU_RECURRENT_RESET_AFTER, "t[6].type");
	recurrent_free(c);
}

static void test_rnn(void **state)
{
	struct recurrent_case *c = full(NPU_OP_RNN, NPU_TYPE_INT16, 0);
	struct npu_insn *insn = &c->insn;
	uint32_t i;

	(void)state;
	for (i = NPU_RNN_TANH; i <= NPU_RNN_LINEAR; i++) {
		insn->rnn.activation = i;
		expect_sequence(c, NULL, __LINE__);
		TRY_SEQUENCE(insn->rnn.table, 2, "rnn.table");
	}
	insn->rnn.activation = NPU_RNN_TABLE;
	insn->rnn.table = c->consts.bytes - 513 * 2;
	expect_sequence(c, NULL, __LINE__);
	TRY_SEQUENCE(insn->rnn.table, insn->rnn.table + 2, "rnn.table");
	TRY_SEQUENCE(insn->rnn.table, insn->rnn.table - 1, "rnn.table");
	TRY_SEQUENCE(insn->rnn.table, 0xfffffffeu, "rnn.table");
	TRY_SEQUENCE(insn->rnn.activation, NPU_RNN_TABLE + 1, "rnn.activation");
	TRY_SEQUENCE(insn->rnn.activation, UINT32_MAX, "rnn.activation");
	recurrent_free(c);
}

static void test_layer_norm(void **state)
{
	struct engine_case *c = make("layer_norm_s8_s16", 3, 40, 1);
	struct npu_insn *insn = &c->insn;
	struct npu_tensor none = { 0 };

	(void)state;
	check_scales(c, &insn->norm.scales, 1, 30, "norm.scales");
	check_limits(c, &insn->norm.act_min, &insn->norm.act_max, "norm.act_min");
	TRY(insn->norm.epsilon[0], UINT32_MAX, NULL);
	TRY(insn->norm.epsilon[1], (1u << 29) - 1, NULL);
	TRY(insn->norm.epsilon[1], 1u << 29, "norm.epsilon[1]");
	TRY(insn->norm.epsilon[1], UINT32_MAX, "norm.epsilon[1]");
	TRY(insn->raw[5], 1, "raw[5]");
	TRY(insn->t[1].dim[3], 41, "t[1].dim[3]");
	TRY(insn->t[2].dim[3], 39, "t[2].dim[3]");
	TRY(insn->t[2].type, NPU_TYPE_INT16, "t[2].type");
	TRY(insn->t[3].type, NPU_TYPE_INT16, "t[3].type");
	TRY(insn->t[3], none, "t[3].type");
	TRY(insn->t[2], none, "t[3].type");
	TRY(insn->t[3].dim[3], 41, "t[3].dim[3]");
	TRY(insn->t[1].type, NPU_TYPE_INT32, "t[1].type");
	TRY(insn->t[1].slot, 0, "t[1].offset");
	TRY(insn->t[2].slot, 0, "t[2].offset");
	case_free(c);
	c = make("layer_norm_s8_plain", 1, NPU_MAX_NORM, 1);
	insn = &c->insn;
	insn->t[0].dim[3] = insn->t[1].dim[3] = NPU_MAX_NORM + 1;
	expect(c, "t[0].dim[3]", __LINE__);
	case_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),	   cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_parameters), cmocka_unit_test(test_states),
		cmocka_unit_test(test_sizes),	   cmocka_unit_test(test_largest),
		cmocka_unit_test(test_lstm),	   cmocka_unit_test(test_gru),
		cmocka_unit_test(test_rnn),	   cmocka_unit_test(test_layer_norm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
