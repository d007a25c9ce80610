// SPDX-License-Identifier: MIT
/*
 * Outputs computed by others, from $NPU_DATA/cmsis-nn: convolutions, plain, depthwise and
 * transposed, and pooling, in int8 and int16.
 */
#include "golden_case.h"

static bool golden_has(const struct golden *g, const char *key)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s_%s.bin", g->path, g->name, key);
	file = fopen(path, "rb");
	if (file)
		fclose(file);
	return file != NULL;
}

/* Cases of other ages name the same array differently. */
static void *golden_either(const struct golden *g, const char *key, const char *other, size_t bytes)
{
	return golden_array(g, golden_has(g, key) ? key : other, bytes);
}

static struct engine_case *case_empty(uint16_t opcode, uint32_t slots)
{
	struct engine_case *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->insn.opcode = opcode;
	c->slots = slots;
	c->exec.insns = &c->insn;
	c->exec.insn_count = 1;
	return c;
}

/* Memory of tensor @i, filled with @data if there is any. */
static void *case_memory(struct engine_case *c, uint32_t i, uint64_t bytes, const void *data)
{
	guarded_make(&c->slot[i], bytes, true);
	c->insn.t[i].offset = c->slot[i].offset;
	c->exec.slot[i] = c->slot[i].page;
	if (data)
		memcpy(guarded_data(&c->slot[i]), data, bytes);
	return guarded_data(&c->slot[i]);
}

/* ----------------------------------------------------------- convolutions */

/* From rows of K (or, depthwise, from taps of all channels) into the packed layout. */
static void pack_weights(const struct npu_insn *insn, uint8_t *packed, const int8_t *weights)
{
	const uint32_t *dim = insn->t[2].dim;
	uint32_t taps = dim[1] * dim[2], depth = taps * dim[3], o, k;

	memset(packed, 0, conv_weight_bytes(insn));
	for (o = 0; o < dim[0]; o++)
		for (k = 0; k < depth; k++)
			if (insn->opcode == NPU_OP_DEPTHWISE_CONV_2D)
				packed[(o / 16 * taps + k) * 16 + o % 16] = weights[k * dim[0] + o];
			else
				packed[(o / 16 * ((depth + 3) / 4) + k / 4) * 64 + o % 16 * 4 +
				       k % 4] = weights[o * depth + k];
}

static int32_t weight_sum(const struct npu_insn *insn, const int8_t *weights, uint32_t o)
{
	const uint32_t *dim = insn->t[2].dim;
	uint32_t depth = dim[1] * dim[2] * dim[3], k;
	int32_t sum = 0;

	for (k = 0; k < depth; k++)
		sum += insn->opcode == NPU_OP_DEPTHWISE_CONV_2D ? weights[k * dim[0] + o]
								: weights[o * depth + k];
	return sum;
}

/* The bias, with the input's zero point folded in where the instruction wants that. */
static void conv_bias(struct engine_case *c, const struct golden *g, const int8_t *weights)
{
	static const char *const name[] = { "biases", "bias" };
	uint32_t size = type_bytes(c->insn.t[3].type), channels = c->insn.t[0].dim[3], o;
	uint8_t *bias = case_memory(c, 3, c->insn.t[3].dim[3] * size, NULL);
	uint8_t *data = NULL;
	unsigned int i;

	memset(bias, 0, c->slot[3].bytes);
	for (i = 0; i < 2 && !data; i++)
		if (golden_has(g, name[i]))
			data = golden_array(g, name[i], channels * size);
	if (data)
		memcpy(bias, data, channels * size);
	free(data);
	if (c->insn.opcode != NPU_OP_TRANSPOSE_CONV_2D && c->insn.t[1].zero_point)
		for (o = 0; o < channels; o++)
			((int32_t *)bias)[o] -=
				c->insn.t[1].zero_point * weight_sum(&c->insn, weights, o);
}

static void conv_scales(struct engine_case *c, const struct golden *g)
{
	uint32_t lanes = conv_lanes(&c->insn), channels = c->insn.t[0].dim[3], o;
	struct npu_scale *scale = calloc(lanes, sizeof(*scale));
	int32_t *multiplier, *shift;

	assert_non_null(scale);
	multiplier = golden_either(g, "output_mult", "output_multiplier", channels * 4);
	shift = golden_array(g, "output_shift", channels * 4);
	for (o = 0; o < channels; o++)
		scale[o] = (struct npu_scale){ multiplier[o], shift[o] };
	guarded_make(&c->consts, lanes * sizeof(*scale), true);
	memcpy(guarded_data(&c->consts), scale, c->consts.bytes);
	c->exec.consts = guarded_data(&c->consts);
	c->insn.conv.scale_count = lanes;
	free(scale);
	free(multiplier);
	free(shift);
}

static void conv_parameters(struct engine_case *c, const struct golden *g)
{
	struct npu_insn *insn = &c->insn;

	insn->t[0].zero_point = golden_value(g, "OUTPUT_OFFSET");
	insn->t[1].zero_point = -golden_value(g, "INPUT_OFFSET");
	insn->conv.act_min = golden_value(g, "OUT_ACTIVATION_MIN");
	insn->conv.act_max = golden_value(g, "OUT_ACTIVATION_MAX");
	insn->conv.stride[0] = golden_value(g, "STRIDE_Y");
	insn->conv.stride[1] = golden_value(g, "STRIDE_X");
	insn->conv.pad[0] = golden_value(g, "PAD_Y");
	insn->conv.pad[1] = golden_value(g, "PAD_X");
	insn->conv.dilation[0] = golden_value(g, "DILATION_Y");
	insn->conv.dilation[1] = golden_value(g, "DILATION_X");
	insn->conv.groups = insn->opcode == NPU_OP_DEPTHWISE_CONV_2D ? 0 : 1;
}

static void check_conv(const char *name, uint16_t opcode, uint32_t type, uint32_t bias_type)
{
	struct engine_case *c = case_empty(opcode, 4);
	struct npu_insn *insn = &c->insn;
	uint32_t size = type_bytes(type);
	void *in, *out, *weights;
	struct golden g;

	golden_open(&g, name);
	uint32_t batches = golden_value(&g, "INPUT_BATCHES"), oc = golden_value(&g, "OUT_CH"),
		 ic = golden_value(&g, "IN_CH"), kh = golden_value(&g, "FILTER_Y"),
		 kw = golden_value(&g, "FILTER_X");
	uint32_t out_dim[4] = { batches, golden_value(&g, "OUTPUT_H"), golden_value(&g, "OUTPUT_W"),
				oc };
	uint32_t in_dim[4] = { batches, golden_value(&g, "INPUT_H"), golden_value(&g, "INPUT_W"),
			       ic };
	uint32_t weight_dim[4] = { oc, kh, kw, opcode == NPU_OP_DEPTHWISE_CONV_2D ? 1 : ic };
	uint64_t out_bytes = case_tensor(c, 0, type, out_dim, 0);
	uint64_t in_bytes = case_tensor(c, 1, type, in_dim, 0);

	case_tensor(c, 2, NPU_TYPE_INT8, weight_dim, 0);
	memset(insn->t[2].stride, 0, sizeof(insn->t[2].stride));
	insn->t[2].layout = opcode == NPU_OP_DEPTHWISE_CONV_2D ? NPU_LAYOUT_DEPTHWISE16
							       : NPU_LAYOUT_BLOCK16X4;
	conv_parameters(c, &g);
	uint32_t bias_dim[4] = { 1, 1, 1, conv_lanes(insn) };

	case_tensor(c, 3, bias_type, bias_dim, 0);
	in = golden_array(&g, "input", in_bytes);
	out = golden_either(&g, "output_ref", "output", out_bytes);
	weights = golden_array(&g, "weights", (size_t)oc * kh * kw * weight_dim[3]);
	case_memory(c, 0, out_bytes, NULL);
	case_memory(c, 1, in_bytes, in);
	pack_weights(insn, case_memory(c, 2, conv_weight_bytes(insn), NULL), weights);
	conv_bias(c, &g, weights);
	conv_scales(c, &g);
	assert_int_equal(size, type_bytes(insn->t[0].type));
	expect_golden(c, &g, out);
	case_free(c);
	free(in);
	free(out);
	free(weights);
}

static void check_convs(const char *const *name, size_t count, uint16_t opcode, uint32_t type,
			uint32_t bias_type)
{
	size_t i;

	for (i = 0; i < count; i++)
		check_conv(name[i], opcode, type, bias_type);
	print_message("# %zu golden cases, exact\n", count);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_conv_s8(void **state)
{
	static const char *const name[] = {
		"conv_1_x_n_1",
		"conv_1_x_n_3",
		"conv_1_x_n_5",
		"conv_1_x_n_7",
		"conv_2x2_dilation_5x5_input",
		"conv_2x3_dilation",
		"conv_3x2_dilation",
		"conv_3x3_dilation_5x5_input",
		"conv_4",
		"conv_5",
		"conv_dilation_golden",
		"conv_out_activation",
		"kernel1x1",
		"kernel1x1_stride_x",
		"kernel1x1_stride_x_y_1",
		"kernel1x1_stride_x_y_2",
		"stride2pad1",
	};

	(void)state;
	NEED_DATA();
	check_convs(name, COUNT(name), NPU_OP_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT32);
}

static void test_conv_s16(void **state)
{
	static const char *const name[] = {
		"int16xint8",
		"int16xint8_dilation_3",
		"int16xint8_spill",
	};

	(void)state;
	NEED_DATA();
	check_convs(name, COUNT(name), NPU_OP_CONV_2D, NPU_TYPE_INT16, NPU_TYPE_INT64);
}

static void test_conv_s16_bias32(void **state)
{
	static const char *const name[] = {
		"int16xint8xint32_1",
		"int16xint8xint32_2",
		"int16xint8xint32_4",
		"int16xint8xint32_5",
	};

	(void)state;
	NEED_DATA();
	check_convs(name, COUNT(name), NPU_OP_CONV_2D, NPU_TYPE_INT16, NPU_TYPE_INT32);
}

static void test_depthwise_s8(void **state)
{
	static const char *const name[] = {
		"depthwise_2",
		"depthwise_kernel_3x3_null_bias",
		"depthwise_mult_batches",
		"depthwise_null_bias_1",
		"depthwise_x_stride",
		"in_ch_one_out_ch_larger_one",
	};

	(void)state;
	NEED_DATA();
	check_convs(name, COUNT(name), NPU_OP_DEPTHWISE_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT32);
}

static void test_depthwise_s16(void **state)
{
	static const char *const name[] = {
		"dw_int16xint8",
		"dw_int16xint8_fast_multiple_batches_uneven_buffers",
		"dw_int16xint8_fast_multiple_batches_uneven_buffers_null_bias",
		"dw_int16xint8_fast_test_bias",
	};

	(void)state;
	NEED_DATA();
	check_convs(name, COUNT(name), NPU_OP_DEPTHWISE_CONV_2D, NPU_TYPE_INT16, NPU_TYPE_INT64);
}

static void test_transpose_conv_s8(void **state)
{
	static const char *const name[] = {
		"transpose_conv_2",	    "transpose_conv_3",		"transpose_conv_4",
		"reverse_transpose_conv_2", "reverse_transpose_conv_3",
	};

	(void)state;
	NEED_DATA();
	check_convs(name, COUNT(name), NPU_OP_TRANSPOSE_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT32);
}

/* ---------------------------------------------------------------- pooling */

static void check_pool(const char *name, uint16_t opcode, uint32_t type)
{
	struct engine_case *c = case_empty(opcode, 2);
	struct npu_insn *insn = &c->insn;
	uint64_t out_bytes, in_bytes;
	struct golden g;
	void *in, *out;

	golden_open(&g, name);
	uint32_t batches = golden_value(&g, "BATCH_SIZE"), channels = golden_value(&g, "INPUT_C");
	uint32_t out_dim[4] = { batches, golden_value(&g, "OUTPUT_H"), golden_value(&g, "OUTPUT_W"),
				channels };
	uint32_t in_dim[4] = { batches, golden_value(&g, "INPUT_H"), golden_value(&g, "INPUT_W"),
			       channels };

	out_bytes = case_tensor(c, 0, type, out_dim, 0);
	in_bytes = case_tensor(c, 1, type, in_dim, 0);
	in = golden_array(&g, "input_tensor", in_bytes);
	out = golden_array(&g, "output", out_bytes);
	case_memory(c, 0, out_bytes, NULL);
	case_memory(c, 1, in_bytes, in);
	insn->pool.act_min = golden_value(&g, "ACTIVATION_MIN");
	insn->pool.act_max = golden_value(&g, "ACTIVATION_MAX");
	insn->pool.kernel[0] = golden_value(&g, "FILTER_H");
	insn->pool.kernel[1] = golden_value(&g, "FILTER_W");
	insn->pool.stride[0] = golden_value(&g, "STRIDE_H");
	insn->pool.stride[1] = golden_value(&g, "STRIDE_W");
	insn->pool.pad[0] = golden_value(&g, "PADDING_H");
	insn->pool.pad[1] = golden_value(&g, "PADDING_W");
	expect_golden(c, &g, out);
	case_free(c);
	free(in);
	free(out);
}

static void test_average_pool(void **state)
{
	(void)state;
	NEED_DATA();
	check_pool("avgpooling", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT8);
	check_pool("avgpooling_1", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT8);
	check_pool("avgpooling_2", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT8);
	check_pool("avgpooling_3", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT8);
	check_pool("avgpooling_4", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT8);
	check_pool("avgpooling_int16_1", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT16);
	check_pool("avgpooling_int16_3", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT16);
}

static void test_max_pool(void **state)
{
	(void)state;
	NEED_DATA();
	check_pool("maxpooling_1", NPU_OP_MAX_POOL_2D, NPU_TYPE_INT8);
	check_pool("maxpooling_3", NPU_OP_MAX_POOL_2D, NPU_TYPE_INT8);
	check_pool("maxpooling_5", NPU_OP_MAX_POOL_2D, NPU_TYPE_INT8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conv_s8),		cmocka_unit_test(test_conv_s16),
		cmocka_unit_test(test_conv_s16_bias32), cmocka_unit_test(test_depthwise_s8),
		cmocka_unit_test(test_depthwise_s16),	cmocka_unit_test(test_transpose_conv_s8),
		cmocka_unit_test(test_average_pool),	cmocka_unit_test(test_max_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
