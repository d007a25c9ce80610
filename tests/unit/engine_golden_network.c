// SPDX-License-Identifier: MIT
/* A whole network with an output computed by others: ds_cnn_l of $NPU_DATA/cmsis-nn. */
#include "golden_window.h"

/* Another name inside the same case, of its parameters or of its arrays. */
static struct golden golden_part(const struct golden *g, const char *name, uint32_t layer)
{
	struct golden part = *g;

	snprintf(part.name, sizeof(part.name), name, layer);
	return part;
}

/* Run a layer on what the last one left, and the same on the device; frees the last. */
static struct engine_case *layer_run(const struct golden *g, struct engine_case *last,
				     struct engine_case *c, const struct npu_variant *variant)
{
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_fault fault;
	uint64_t cost;
	void *out;

	if (last) {
		assert_int_equal(last->slot[0].bytes, c->slot[1].bytes);
		memcpy(guarded_data(&c->slot[1]), guarded_data(&last->slot[0]), c->slot[1].bytes);
		case_free(last);
	}
	if (!case_valid(c, needs, &cost, &fault))
		fail_msg("opcode 0x%x: %s %s", c->insn.opcode, fault.field, fault.reason);
	case_run(c, variant, UINT32_MAX);
	out = malloc(c->slot[0].bytes);
	assert_non_null(out);
	memcpy(out, guarded_data(&c->slot[0]), c->slot[0].bytes);
	expect_golden_on_device(c, g, needs, out);
	free(out);
	return c;
}

static struct engine_case *network_conv(const struct golden *g, uint32_t layer, const void *in)
{
	bool depthwise = layer % 2 == 0;
	struct golden values =
		golden_part(g, depthwise ? "depthwise_conv_2d_%u" : "conv_2d_%u", layer);
	struct golden arrays = golden_part(
		g, depthwise ? "ds_cnn_l_layer_%u_depthwise_conv_2d" : "ds_cnn_l_layer_%u_conv_2d",
		layer);

	return conv_case(&values, &arrays, depthwise ? NPU_OP_DEPTHWISE_CONV_2D : NPU_OP_CONV_2D,
			 NPU_TYPE_INT8, NPU_TYPE_INT32, in);
}

static struct engine_case *network_pool(const struct golden *g)
{
	struct golden values = golden_part(g, "average_pool_2d_%u", 12);
	struct engine_case *c = case_empty(NPU_OP_AVERAGE_POOL_2D, 2);
	uint32_t out_dim[4] = { 1, 1, 1, golden_value(&values, "OUT_CH") };
	uint32_t in_dim[4] = { 1, golden_value(&values, "INPUT_H"),
			       golden_value(&values, "INPUT_W"), out_dim[3] };

	case_memory(c, 0, case_tensor(c, 0, NPU_TYPE_INT8, out_dim, 0), NULL);
	case_memory(c, 1, case_tensor(c, 1, NPU_TYPE_INT8, in_dim, 0), NULL);
	pool_window(&c->insn, &values);
	c->insn.pool.act_min = golden_value(&values, "OUT_ACTIVATION_MIN");
	c->insn.pool.act_max = golden_value(&values, "OUT_ACTIVATION_MAX");
	return c;
}

/* A fully connected layer is a convolution of one pixel: the case calls its depth OUT_CH. */
static struct engine_case *network_dense(const struct golden *g)
{
	struct golden values = golden_part(g, "fully_connected_%u", 14);
	struct golden arrays = golden_part(g, "ds_cnn_l_layer_%u_fully_connected", 14);
	uint32_t channels = golden_value(&values, "IN_CH"), depth = golden_value(&values, "OUT_CH");
	struct shape s = { 1, 1, 1, channels, depth, 0, true, false };
	int8_t *weights = golden_array(&arrays, "weights", (size_t)channels * depth);
	int32_t *bias = golden_array(&arrays, "bias", channels * 4);
	struct rng rng = { 1 };
	struct engine_case *c = case_make(operation_named("fc_s8_s8"), &s, &rng);
	uint32_t o;

	pack_weights(&c->insn, guarded_data(&c->slot[2]), weights);
	memset(guarded_data(&c->slot[3]), 0, c->slot[3].bytes);
	for (o = 0; o < channels; o++)
		((int32_t *)guarded_data(&c->slot[3]))[o] =
			bias[o] +
			golden_value(&values, "INPUT_OFFSET") * weight_sum(&c->insn, weights, o);
	c->insn.t[0].zero_point = golden_value(&values, "OUTPUT_OFFSET");
	c->insn.fc.scales = 0;
	c->insn.fc.scale_count = 1;
	c->insn.fc.act_min = golden_value(&values, "OUT_ACTIVATION_MIN");
	c->insn.fc.act_max = golden_value(&values, "OUT_ACTIVATION_MAX");
	set_scale(c, golden_value(&values, "OUTPUT_MULTIPLIER"),
		  golden_value(&values, "OUTPUT_SHIFT"));
	free(weights);
	free(bias);
	return c;
}

static struct engine_case *network_softmax(const struct golden *g)
{
	struct golden values = golden_part(g, "softmax_%u", 15);
	struct shape s = { 1, 1, 1, golden_value(&values, "ROW_SIZE"), 1, 0, true, false };
	struct rng rng = { 1 };
	struct engine_case *c = case_make(operation_named("softmax_s8_s8"), &s, &rng);

	c->insn.softmax.multiplier = golden_value(&values, "MULT");
	c->insn.softmax.shift = golden_value(&values, "SHIFT");
	c->insn.softmax.diff_min = golden_value(&values, "DIFF_MIN");
	return c;
}

/* Keyword spotting, layer after layer: only the last output is known. */
static void test_network(void **state)
{
	const struct npu_variant *variant;
	struct golden g;
	uint32_t v, layer;
	void *in, *out;

	(void)state;
	NEED_DATA();
	golden_open(&g, "ds_cnn_l");
	in = golden_array(&g, "input", 490);
	out = golden_array(&g, "output_ref", 12);
	for (v = 0; (variant = npu_variant_at(v)); v++) {
		struct engine_case *c = NULL;

		if (!variant_runs_here(variant))
			continue;
		for (layer = 1; layer <= 11; layer++)
			c = layer_run(&g, c, network_conv(&g, layer, layer == 1 ? in : NULL),
				      variant);
		c = layer_run(&g, c, network_pool(&g), variant);
		c = layer_run(&g, c, network_dense(&g), variant);
		c = layer_run(&g, c, network_softmax(&g), variant);
		assert_int_equal(c->slot[0].bytes, 12);
		assert_memory_equal(guarded_data(&c->slot[0]), out, 12);
		case_free(c);
	}
	free(in);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
