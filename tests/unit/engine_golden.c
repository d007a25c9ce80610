// SPDX-License-Identifier: MIT
/*
 * Outputs computed by others, from $NPU_DATA/cmsis-nn: fully connected, multiply and
 * softmax in int8 and int16, exact in every variant that this CPU can run; and, with
 * NPU_TEST_BACKEND=driver, on the device, by ioctl and by io_uring.
 */
#include "golden_case.h"

/* Weights of OC rows of K into the packed layout; returns nothing past them but zeros. */
static void pack(uint8_t *packed, const int8_t *weights, uint32_t channels, uint32_t depth)
{
	uint32_t groups = (depth + 3) / 4, o, k;

	memset(packed, 0, (size_t)(channels + 15) / 16 * groups * 64);
	for (o = 0; o < channels; o++)
		for (k = 0; k < depth; k++)
			packed[(o / 16 * groups + k / 4) * 64 + o % 16 * 4 + k % 4] =
				weights[o * depth + k];
}

/* Bias with the input's zero point folded in, as the compiler does it. */
static void set_bias(struct engine_case *c, const struct golden *g, const int8_t *weights,
		     int32_t offset)
{
	uint32_t channels = c->insn.t[0].dim[3], depth = c->insn.t[1].dim[3], o, k;
	uint8_t *bias = guarded_data(&c->slot[3]);
	bool wide = c->insn.t[3].type == NPU_TYPE_INT64;
	void *data = golden_array(g, "biases", channels * (wide ? 8 : 4));

	memset(bias, 0, c->slot[3].bytes);
	memcpy(bias, data, channels * (wide ? 8 : 4));
	free(data);
	if (!wide)
		for (o = 0; o < channels; o++)
			for (k = 0; k < depth; k++)
				((int32_t *)bias)[o] += offset * weights[o * depth + k];
}

static void check_fully_connected(const char *name, const char *operation)
{
	const struct operation *op = operation_named(operation);
	uint32_t size = type_bytes(op->in), rows, channels, depth;
	struct rng rng = { 1 };
	struct engine_case *c;
	void *in, *out, *w;
	struct golden g;
	struct shape s;

	golden_open(&g, name);
	rows = golden_value(&g, "INPUT_BATCHES");
	channels = golden_value(&g, "OUT_CH");
	depth = golden_value(&g, "ACCUMULATION_DEPTH");
	s = (struct shape){ 1, 1, rows, channels, depth, 0, true, false };
	c = case_make(op, &s, &rng);

	in = golden_array(&g, "input", (size_t)rows * depth * size);
	out = golden_array(&g, "output_ref", (size_t)rows * channels * size);
	w = golden_array(&g, "weights", (size_t)channels * depth);
	memcpy(guarded_data(&c->slot[1]), in, (size_t)rows * depth * size);
	pack(guarded_data(&c->slot[2]), w, channels, depth);
	set_bias(c, &g, w, golden_value(&g, "INPUT_OFFSET"));

	c->insn.t[0].zero_point = golden_value(&g, "OUTPUT_OFFSET");
	c->insn.fc.scales = 0;
	c->insn.fc.scale_count = 1;
	c->insn.fc.act_min = golden_value(&g, "OUT_ACTIVATION_MIN");
	c->insn.fc.act_max = golden_value(&g, "OUT_ACTIVATION_MAX");
	set_scale(c, golden_value(&g, "OUTPUT_MULTIPLIER"), golden_value(&g, "OUTPUT_SHIFT"));
	expect_golden(c, &g, out);
	case_free(c);
	free(in);
	free(out);
	free(w);
}

static void check_mul(const char *name, const char *operation)
{
	const struct operation *op = operation_named(operation);
	uint32_t size = type_bytes(op->in), count;
	struct rng rng = { 1 };
	struct engine_case *c;
	void *in1, *in2, *out;
	struct golden g;
	struct shape s;

	golden_open(&g, name);
	count = golden_value(&g, "DST_SIZE");
	s = (struct shape){ 1, 1, 1, count, 1, 0, true, false };
	c = case_make(op, &s, &rng);
	in1 = golden_array(&g, "input1", (size_t)count * size);
	in2 = golden_array(&g, "input2", (size_t)count * size);
	out = golden_array(&g, "output_ref", (size_t)count * size);
	memcpy(guarded_data(&c->slot[1]), in1, (size_t)count * size);
	memcpy(guarded_data(&c->slot[2]), in2, (size_t)count * size);

	/* the cases name what is added to an input: minus its zero point */
	c->insn.t[0].zero_point = golden_value(&g, "OUTPUT_OFFSET");
	c->insn.t[1].zero_point = -golden_value(&g, "INPUT1_OFFSET");
	c->insn.t[2].zero_point = -golden_value(&g, "INPUT2_OFFSET");
	c->insn.binary.act_min = golden_value(&g, "OUT_ACTIVATION_MIN");
	c->insn.binary.act_max = golden_value(&g, "OUT_ACTIVATION_MAX");
	set_scale(c, golden_value(&g, "OUTPUT_MULT"), golden_value(&g, "OUTPUT_SHIFT"));
	expect_golden(c, &g, out);
	case_free(c);
	free(in1);
	free(in2);
	free(out);
}

static void check_softmax(const char *name, const char *operation)
{
	const struct operation *op = operation_named(operation);
	uint32_t size = type_bytes(op->in), rows, length;
	struct rng rng = { 1 };
	struct engine_case *c;
	struct golden g;
	struct shape s;
	void *in, *out;

	golden_open(&g, name);
	rows = golden_value(&g, "NUM_ROWS");
	length = golden_value(&g, "ROW_SIZE");
	s = (struct shape){ 1, 1, rows, length, 1, 0, true, false };
	c = case_make(op, &s, &rng);
	in = golden_array(&g, "input", (size_t)rows * length * size);
	out = golden_array(&g, "output_ref", (size_t)rows * length * size);
	memcpy(guarded_data(&c->slot[1]), in, (size_t)rows * length * size);
	c->insn.softmax.multiplier = golden_value(&g, "INPUT_MULT");
	c->insn.softmax.shift = golden_value(&g, "INPUT_LEFT_SHIFT");
	c->insn.softmax.diff_min = op->in == NPU_TYPE_INT8 ? golden_value(&g, "DIFF_MIN") : 0;
	expect_golden(c, &g, out);
	case_free(c);
	free(in);
	free(out);
}

static void test_fully_connected_s8(void **state)
{
	(void)state;
	NEED_DATA();
	check_fully_connected("fully_connected_null_bias_0", "fc_s8_s8");
	check_fully_connected("fully_connected_out_activation", "fc_s8_s8");
}

static void test_fully_connected_s16(void **state)
{
	(void)state;
	NEED_DATA();
	check_fully_connected("fully_connected_int16", "fc_s16_s16");
	check_fully_connected("fully_connected_int16_big", "fc_s16_s16");
	check_fully_connected("fc_int16_slow", "fc_s16_s16");
}

static void test_mul_s8(void **state)
{
	(void)state;
	NEED_DATA();
	check_mul("mul", "mul_s8");
}

static void test_mul_s16(void **state)
{
	(void)state;
	NEED_DATA();
	check_mul("mul_s16", "mul_s16");
	check_mul("mul_s16_spill", "mul_s16");
}

static void test_softmax_s8(void **state)
{
	(void)state;
	NEED_DATA();
	check_softmax("softmax", "softmax_s8_s8");
}

static void test_softmax_s16(void **state)
{
	(void)state;
	NEED_DATA();
	check_softmax("softmax_s16", "softmax_s16_s16");
}

/* The folder has no integer ADD; engine_reference.c derives its results another way. */
static void test_add(void **state)
{
	(void)state;
	print_message("# cmsis-nn has no golden output of an integer addition\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fully_connected_s8),
		cmocka_unit_test(test_fully_connected_s16),
		cmocka_unit_test(test_mul_s8),
		cmocka_unit_test(test_mul_s16),
		cmocka_unit_test(test_softmax_s8),
		cmocka_unit_test(test_softmax_s16),
		cmocka_unit_test(test_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
