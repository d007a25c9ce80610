// SPDX-License-Identifier: MIT
/*
 * Outputs computed by others, from $NPU_DATA/cmsis-nn: convolutions, plain, depthwise and
 * transposed, and pooling, in int8 and int16.
 */
#include "golden_window.h"

static void check_conv(const char *name, uint16_t opcode, uint32_t type, uint32_t bias_type)
{
	struct engine_case *c;
	struct golden g;
	void *in, *out;

	golden_open(&g, name);
	c = conv_case(&g, &g, opcode, type, bias_type, NULL);
	in = golden_array(&g, "input", c->slot[1].bytes);
	out = golden_either(&g, "output_ref", "output", c->slot[0].bytes);
	memcpy(guarded_data(&c->slot[1]), in, c->slot[1].bytes);
	expect_golden(c, &g, out);
	case_free(c);
	free(in);
	free(out);
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
	struct golden g;
	void *in, *out;

	golden_open(&g, name);
	uint32_t batches = golden_value(&g, "BATCH_SIZE"), channels = golden_value(&g, "INPUT_C");
	uint32_t out_dim[4] = { batches, golden_value(&g, "OUTPUT_H"), golden_value(&g, "OUTPUT_W"),
				channels };
	uint32_t in_dim[4] = { batches, golden_value(&g, "INPUT_H"), golden_value(&g, "INPUT_W"),
			       channels };
	uint64_t out_bytes = case_tensor(c, 0, type, out_dim, 0);
	uint64_t in_bytes = case_tensor(c, 1, type, in_dim, 0);

	in = golden_array(&g, "input_tensor", in_bytes);
	out = golden_array(&g, "output", out_bytes);
	case_memory(c, 0, out_bytes, NULL);
	case_memory(c, 1, in_bytes, in);
	pool_window(insn, &g);
	insn->pool.act_min = golden_value(&g, "ACTIVATION_MIN");
	insn->pool.act_max = golden_value(&g, "ACTIVATION_MAX");
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

/* Cases of floating point: each is a skip. */
static const char *const float_cases[] = {
	"avgpooling_f32_1",
	"avgpooling_f32_global",
	"avgpooling_match_2_f32",
	"avgpooling_match_3_f32",
	"conv_1x1_stride2_nhwc_f32",
	"conv_k3_opt_nhwc_tuned_f32",
	"conv_kernel_3x3_pad1_f32",
	"conv_match_1x1_basic_f32",
	"conv_match_1x1_stride_x_y_f32",
	"conv_match_1xn_1_f32",
	"conv_match_1xn_2_f32",
	"conv_match_1xn_4_f32",
	"conv_match_1xn_5_f32",
	"conv_match_1xn_7_f32",
	"conv_match_2x2_dilation_5x5_input_f32",
	"conv_match_2x2_dilation_f32",
	"conv_match_3x3_dilation_5x5_input_f32",
	"conv_match_conv_2_f32",
	"conv_match_conv_4_f32",
	"depthwise_2x5_opt_batch2_f32",
	"depthwise_basic_smallc_nhwc_f32",
	"depthwise_k3_1d_opt_nhwc_f32",
	"depthwise_kernel_3x3_null_bias_f32",
	"depthwise_match_dilation_f32",
	"depthwise_match_sub_block_f32",
	"maxpooling_1d_k2s2_clip_f32",
	"maxpooling_1d_k2s2_noclip_f32",
	"maxpooling_f32",
	"maxpooling_f32_1",
	"maxpooling_f32_3",
	"maxpooling_match_2_f32",
	"maxpooling_match_3_f32",
	"maxpooling_match_4_f32",
	"transpose_conv_basic_f32",
	"transpose_conv_basic_nhwc_f32",
};

static void test_float(void **state)
{
	print_message("# %s: no instruction has floating point\n", (const char *)*state);
	skip();
}

int main(void)
{
	struct CMUnitTest tests[8 + COUNT(float_cases)] = {
		cmocka_unit_test(test_conv_s8),		cmocka_unit_test(test_conv_s16),
		cmocka_unit_test(test_conv_s16_bias32), cmocka_unit_test(test_depthwise_s8),
		cmocka_unit_test(test_depthwise_s16),	cmocka_unit_test(test_transpose_conv_s8),
		cmocka_unit_test(test_average_pool),	cmocka_unit_test(test_max_pool),
	};
	size_t i;

	for (i = 0; i < COUNT(float_cases); i++)
		tests[8 + i] = (struct CMUnitTest){
			.name = float_cases[i],
			.test_func = test_float,
			.initial_state = (void *)(uintptr_t)float_cases[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
