// SPDX-License-Identifier: MIT
/*
 * LSTMs with outputs computed by others, from $NPU_DATA/cmsis-nn, exact in every variant that this
 * CPU can run: int8 and int16, batch-major and time-major, whole and step by step; and, with
 * NPU_TEST_BACKEND=driver, on the device, by ioctl and by io_uring.
 */
#include "golden_case.h"
#include "recurrent_case.h"

static const char *const gate_names[] = { "input", "output", "forget", "cell" };

static bool golden_flag(const struct golden *g, const char *key)
{
	char quoted[256];
	size_t i, n = snprintf(quoted, sizeof(quoted), "\"%s_%s\": \"true", g->name, key);

	for (i = 0; i < n - 4; i++)
		quoted[i] = toupper((unsigned char)quoted[i]);
	return strstr(g->json, quoted);
}

static struct npu_scale golden_scale(const struct golden *g, const char *prefix, const char *part)
{
	char multiplier[96], shift[96];

	snprintf(multiplier, sizeof(multiplier), "%s%s_multiplier", prefix, part);
	snprintf(shift, sizeof(shift), "%s%s_shift", prefix, part);
	return (struct npu_scale){ golden_value(g, multiplier), golden_value(g, shift) };
}

/* Adds @value to a bias of either width. */
static void add_bias(struct recurrent_case *c, uint32_t part, uint32_t row, int64_t value)
{
	uint8_t *bias = guarded_data(&c->slot[BIAS]) + part * c->insn.t[BIAS].stride[2];

	if (c->insn.t[BIAS].type == NPU_TYPE_INT64)
		((int64_t *)bias)[row] += value;
	else
		((int32_t *)bias)[row] += value;
}

/* Weights of one gate in the packed layout, their sums times @offset in the bias. */
static void set_weights(struct recurrent_case *c, const struct golden *g, uint32_t gate,
			const char *part, uint32_t index, int32_t offset)
{
	uint32_t units = c->insn.t[OUT].dim[3], depth = c->insn.t[index].dim[3], u, k;
	char key[96];
	int8_t *w;

	snprintf(key, sizeof(key), "%s_gate_%s_weights", gate_names[gate], part);
	w = golden_array(g, key, (size_t)units * depth);
	for (u = 0; u < units; u++)
		for (k = 0; k < depth; k++) {
			*gate_weight(c, index, gate_row(c, u, gate), k) = w[u * depth + k];
			add_bias(c, index - WEIGHTS, gate_row(c, u, gate),
				 (int64_t)offset * w[u * depth + k]);
		}
	free(w);
}

static void set_gate(struct recurrent_case *c, const struct golden *g, uint32_t gate)
{
	uint32_t units = c->insn.t[OUT].dim[3], u;
	bool wide = c->insn.t[BIAS].type == NPU_TYPE_INT64;
	char key[96];
	void *bias;

	set_weights(c, g, gate, "input", WEIGHTS, golden_value(g, "input_zero_point"));
	set_weights(c, g, gate, "hidden", RECURRENT, -golden_value(g, "output_zero_point"));
	snprintf(key, sizeof(key), "%s_gate_bias", gate_names[gate]);
	bias = golden_array(g, key, (size_t)units * (wide ? 8 : 4));
	for (u = 0; u < units; u++)
		add_bias(c, 0, gate_row(c, u, gate),
			 wide ? ((int64_t *)bias)[u] : ((int32_t *)bias)[u]);
	free(bias);
	snprintf(key, sizeof(key), "%s_gate_", gate_names[gate]);
	*recurrent_scale(c, gate) = golden_scale(g, key, "input");
	*recurrent_scale(c, 4 + gate) = golden_scale(g, key, "hidden");
}

static void set_parameters(struct recurrent_case *c, const struct golden *g)
{
	int32_t power = golden_value(g, "cell_scale_power") + 12;
	struct npu_insn *insn = &c->insn;
	uint32_t i;

	insn->t[OUT].zero_point = golden_value(g, "output_zero_point");
	insn->t[HIDDEN].zero_point = insn->t[OUT].zero_point;
	insn->lstm.act_min = insn->t[OUT].type == NPU_TYPE_INT8 ? -128 : -32768;
	insn->lstm.act_max = insn->t[OUT].type == NPU_TYPE_INT8 ? 127 : 32767;
	insn->lstm.cell_clip = golden_value(g, "cell_clip");
	insn->lstm.cell_multiplier = power < 0 ? 3 : 0;
	insn->lstm.cell_shift = power < 0 ? -power : power;
	memset(guarded_data(&c->slot[BIAS]), 0, c->slot[BIAS].bytes);
	for (i = 0; i < 4; i++)
		set_gate(c, g, i);
	*recurrent_scale(c, 8) = golden_scale(g, "forget_to_cell", "");
	*recurrent_scale(c, 9) = golden_scale(g, "input_to_cell", "");
	*recurrent_scale(c, 10) = golden_scale(g, "output", "");
}

/* Whole, then the same sequence as many instructions of one step, its states kept. */
static void expect_lstm(struct recurrent_case *c, const struct golden *g,
			const struct npu_variant *variant, const void *expected)
{
	uint32_t steps = c->insn.t[OUT].dim[2], t;
	struct npu_insn whole = c->insn;

	recurrent_run(c, variant, UINT32_MAX);
	if (memcmp(guarded_data(&c->slot[OUT]), expected, c->slot[OUT].bytes))
		fail_msg("%s: %s differs from the golden output", g->name,
			 npu_variant_name(variant));
	recurrent_restore(c);
	for (t = 0; t < steps; t++) {
		c->insn.t[OUT].dim[2] = c->insn.t[IN].dim[2] = 1;
		c->insn.t[OUT].offset = whole.t[OUT].offset + t * whole.t[OUT].stride[2];
		c->insn.t[IN].offset = whole.t[IN].offset + t * whole.t[IN].stride[2];
		c->insn.lstm.flags = t ? NPU_RECURRENT_INITIAL : 0;
		c->exec.insn = 0;
		while (!npu_exec_done(&c->exec))
			npu_exec_step(variant, &c->exec, UINT32_MAX);
	}
	c->insn = whole;
	if (memcmp(guarded_data(&c->slot[OUT]), expected, c->slot[OUT].bytes))
		fail_msg("%s: %s step by step differs from the golden output", g->name,
			 npu_variant_name(variant));
}

static void expect_lstm_on_device(struct recurrent_case *c, const struct golden *g,
				  const struct npu_slot_need *needs, const void *expected)
{
	const device_submit submit[] = { device_submit_ioctl, device_submit_uring };
	const char *backend = getenv("NPU_TEST_BACKEND");
	uint32_t i;

	if (!backend || strcmp(backend, "driver"))
		return;
	for (i = 0; i < 2; i++) {
		recurrent_restore(c);
		device_run_slots(&c->insn, &c->consts, c->slot, LENGTHS, needs, submit[i]);
		if (memcmp(guarded_data(&c->slot[OUT]), expected, c->slot[OUT].bytes))
			fail_msg("%s: the device differs", g->name);
	}
}

static void check_lstm(const char *name, uint8_t type)
{
	struct sequence s = { .name = name, .opcode = NPU_OP_LSTM, .type = type, .hidden = true };
	struct npu_slot_need needs[NPU_INSN_TENSORS];
	const struct npu_variant *variant;
	struct rng rng = { 1 };
	struct recurrent_case *c;
	struct npu_fault fault;
	void *in, *expected;
	struct golden g;
	unsigned int i;

	golden_open(&g, name);
	s.bias = type == NPU_TYPE_INT16 ? NPU_TYPE_INT64 : NPU_TYPE_INT32;
	s.n = golden_value(&g, "batch_size");
	s.t = golden_value(&g, "time_steps");
	s.k = golden_value(&g, "input_size");
	s.u = golden_value(&g, "hidden_size");
	s.time_major = golden_flag(&g, "time_major");
	c = recurrent_make(&s, &rng);
	set_parameters(c, &g);
	in = golden_array(&g, "input_tensor", c->slot[IN].bytes);
	expected = golden_array(&g, "output", c->slot[OUT].bytes);
	memcpy(guarded_data(&c->slot[IN]), in, c->slot[IN].bytes);
	if (!recurrent_valid(c, needs, &fault))
		fail_msg("%s: %s %s", name, fault.field, fault.reason);
	for (i = 0; (variant = npu_variant_at(i)); i++)
		if (variant_runs_here(variant))
			expect_lstm(c, &g, variant, expected);
	expect_lstm_on_device(c, &g, needs, expected);
	recurrent_free(c);
	free(in);
	free(expected);
}

static void test_s8(void **state)
{
	(void)state;
	NEED_DATA();
	check_lstm("lstm_1", NPU_TYPE_INT8);
	check_lstm("lstm_stateful_batch_major_multibatch", NPU_TYPE_INT8);
}

static void test_s16(void **state)
{
	(void)state;
	NEED_DATA();
	check_lstm("lstm_1_s16", NPU_TYPE_INT16);
	check_lstm("lstm_2_s16", NPU_TYPE_INT16);
	check_lstm("lstm_one_time_step_s16", NPU_TYPE_INT16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_s8),
		cmocka_unit_test(test_s16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
