// SPDX-License-Identifier: MIT
/*
 * The validator on convolutions and pooling: each parameter and each shape at its limits
 * and one beyond.
 */
#include "validate_case.h"

/* Geometry without surprises: every instance of an operation has it. */
static struct engine_case *make_conv(const char *name)
{
	struct engine_case *c = make(name, 4, 24, 7);
	struct npu_insn *insn = &c->insn;
	bool depthwise = insn->opcode == NPU_OP_DEPTHWISE_CONV_2D;
	struct npu_tensor *t = insn->t;
	uint32_t i;

	for (i = 0; i < c->slots; i++)
		t[i].offset = 0;
	t[1].dim[1] = t[1].dim[2] = 8;
	t[1].dim[3] = depthwise ? 12 : 8;
	t[1].stride[0] = t[1].stride[1] = t[1].stride[2] = 1024;
	t[2].dim[0] = 24;
	t[2].dim[1] = t[2].dim[2] = 3;
	t[2].dim[3] = depthwise ? 1 : 4;
	insn->conv.groups = depthwise ? 0 : 2;
	for (i = 0; i < 2; i++) {
		insn->conv.stride[i] = insn->conv.dilation[i] = 1;
		insn->conv.pad[i] = 0;
	}
	insn->conv.pool[0] = insn->conv.pool[1] = 0;
	insn->conv.scale_count = 1;
	t[3].dim[3] = t[3].type == NPU_TYPE_NONE ? 0 : 32;
	expect(c, NULL, __LINE__);
	return c;
}

static const char *const conv_name[] = {
	"conv_s8_s8",	"conv_s8_s16",	 "conv_s16_s16",      "conv_s16_s8",
	"depthwise_s8", "depthwise_s16", "transpose_conv_s8", "transpose_conv_s16",
};

#define CONVS (sizeof(conv_name) / sizeof(conv_name[0]))

static void check_conv_steps(struct engine_case *c)
{
	static const char *const stride[] = { "conv.stride[0]", "conv.stride[1]" };
	static const char *const dilation[] = { "conv.dilation[0]", "conv.dilation[1]" };
	static const char *const pad[] = { "conv.pad[0]", "conv.pad[1]" };
	struct npu_insn *insn = &c->insn;
	uint32_t positions[2], d;

	for (d = 0; d < 2; d++) {
		positions[d] = insn->t[insn->opcode == NPU_OP_TRANSPOSE_CONV_2D].dim[1 + d];
		TRY(insn->conv.stride[d], 0, stride[d]);
		TRY(insn->conv.stride[d], NPU_MAX_DIM, NULL);
		TRY(insn->conv.stride[d], NPU_MAX_DIM + 1, stride[d]);
		TRY(insn->conv.stride[d], UINT32_MAX, stride[d]);
		TRY(insn->conv.dilation[d], 0, dilation[d]);
		TRY(insn->conv.dilation[d], NPU_MAX_DIM, NULL);
		TRY(insn->conv.dilation[d], NPU_MAX_DIM + 1, dilation[d]);
		TRY(insn->conv.dilation[d], UINT32_MAX, dilation[d]);
		TRY(insn->conv.pad[d], NPU_MAX_DIM, NULL);
		TRY(insn->conv.pad[d], NPU_MAX_DIM + 1, pad[d]);
		TRY(insn->conv.pad[d], UINT32_MAX, pad[d]);
		assert_true(positions[d] <= 64);
	}
}

/* Where a window ends: 2^30 is allowed, one more is not. */
static void check_conv_reach(struct engine_case *c)
{
	bool transpose = c->insn.opcode == NPU_OP_TRANSPOSE_CONV_2D;
	struct npu_insn *insn = &c->insn;
	struct npu_tensor *t = &insn->t[transpose];

	/* 128 steps of 2^23, and two taps of one */
	t->dim[1] = 129;
	t->stride[1] = 1024;
	t->stride[0] = 1024 * 129;
	insn->conv.stride[0] = 1 << 23;
	insn->t[2].dim[1] = 1;
	expect(c, NULL, __LINE__);
	TRY(insn->conv.stride[0], (1 << 23) + 1, "conv.stride[0]");
	insn->t[2].dim[1] = 2;
	expect(c, "conv.stride[0]", __LINE__);
	insn->conv.stride[0]--;
	TRY(insn->conv.dilation[0], 128, NULL);
	TRY(insn->conv.dilation[0], 129, "conv.stride[0]");
	insn->conv.stride[0] = 1;
	insn->t[2].dim[1] = 129;
	TRY(insn->conv.dilation[0], (1 << 23) - 1, NULL);
	TRY(insn->conv.dilation[0], 1 << 23, "conv.stride[0]");
	TRY(insn->conv.dilation[0], (1 << 23) + 1, "conv.dilation[0]");
}

static void check_conv_scales(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;
	bool wide = insn->t[1].type == NPU_TYPE_INT16 && insn->t[3].type != NPU_TYPE_INT32;
	uint32_t lanes = conv_lanes(insn);

	check_scales(c, &insn->conv.scales, 1, wide ? 7 : 30, "conv.scales");
	check_limits(c, &insn->conv.act_min, &insn->conv.act_max, "conv.act_min");
	TRY(insn->conv.scale_count, 0, "conv.scale_count");
	TRY(insn->conv.scale_count, 2, "conv.scale_count");
	TRY(insn->conv.scale_count, 24, "conv.scale_count");
	TRY(insn->conv.scale_count, lanes - 1, "conv.scale_count");
	TRY(insn->conv.scale_count, lanes + 1, "conv.scale_count");
	TRY(insn->conv.scale_count, lanes, "conv.scales");
}

/* An output that is the maximum of some. */
static void check_conv_pool(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;

	if (insn->opcode != NPU_OP_CONV_2D) {
		TRY(insn->conv.pool[0], 1, "raw[11]");
		TRY(insn->conv.pool[1], 1, "raw[11]");
		return;
	}
	TRY(insn->conv.pool[0], 1, "conv.pool[1]");
	TRY(insn->conv.pool[1], 1, "conv.pool[1]");
	insn->conv.pool[0] = insn->conv.pool[1] = 1;
	expect(c, NULL, __LINE__);
	/* K = 3 * 3 * 4: 36 * 1820 is the last below 65536 */
	TRY(insn->conv.pool[0], 1820, NULL);
	TRY(insn->conv.pool[0], 1821, "conv.pool[1]");
	TRY(insn->conv.pool[1], 1820, NULL);
	TRY(insn->conv.pool[1], 1821, "conv.pool[1]");
	TRY(insn->conv.pool[0], 65535, "conv.pool[1]");
	TRY(insn->conv.pool[1], 65535, "conv.pool[1]");
	insn->conv.pool[0] = 42;
	TRY(insn->conv.pool[1], 43, NULL);
	TRY(insn->conv.pool[1], 44, "conv.pool[1]");
	insn->conv.pool[0] = insn->conv.pool[1] = 0;
}

/* As many more positions must not reach further than 2^30. */
static void check_conv_pool_reach(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;
	uint32_t rows = insn->t[0].dim[1];

	if (insn->opcode != NPU_OP_CONV_2D)
		return;
	insn->conv.pool[0] = insn->conv.pool[1] = 2;
	insn->t[2].dim[1] = 1;
	insn->conv.stride[0] = (1 << 24) / (rows * 2 - 1) * 64;
	if (insn->conv.stride[0] <= NPU_MAX_DIM) {
		expect(c, NULL, __LINE__);
		TRY(insn->conv.pool[0], 4, "conv.stride[0]");
	}
	insn->conv.stride[0] = 1;
	insn->t[2].dim[1] = 3;
	insn->conv.pool[0] = insn->conv.pool[1] = 0;
}

static void check_conv_shapes(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;

	TRY(insn->t[1].dim[0], 2, "t[1].dim[0]");
	TRY(insn->t[2].dim[0], 26, "t[2].dim[0]");
	TRY(insn->t[0].dim[3], 22, "t[2].dim[0]");
	TRY(insn->t[2].zero_point, 1, "t[2].zero_point");
	TRY(insn->t[2].stride[0], 1, "t[2].stride[0]");
	TRY(insn->t[2].stride[2], 1, "t[2].stride[2]");
	TRY(insn->t[2].type, NPU_TYPE_INT16, "t[2].type");
	TRY(insn->t[0].type, NPU_TYPE_INT32, "t[0].type");
	TRY(insn->t[1].type, NPU_TYPE_INT32, "t[1].type");
	TRY(insn->t[3].dim[3], 24, "t[3].dim[3]");
	TRY(insn->t[3].dim[3], 31, "t[3].dim[3]");
	TRY(insn->t[3].dim[3], 33, "t[3].dim[3]");
	TRY(insn->t[3].dim[0], 2, "t[3].dim[0]");
	TRY(insn->t[3].dim[1], 2, "t[3].dim[1]");
	TRY(insn->t[3].dim[2], 2, "t[3].dim[2]");
	TRY(insn->t[3].type, NPU_TYPE_INT16, "t[3].type");
	if (insn->t[1].type == NPU_TYPE_INT8)
		TRY(insn->t[3].type, NPU_TYPE_INT64, "t[3].type");
	TRY(insn->t[2].dim[2], NPU_MAX_DEPTH / 3 / insn->t[2].dim[3], NULL);
	TRY(insn->t[2].dim[1], NPU_MAX_DIM, "t[2].dim[1]");
	TRY(insn->t[2].dim[2], NPU_MAX_DEPTH / 3 + 1, "t[2].dim[2]");
}

static void check_channels(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;

	if (insn->opcode == NPU_OP_DEPTHWISE_CONV_2D) {
		TRY(insn->conv.groups, 1, "conv.groups");
		TRY(insn->t[2].dim[3], 2, "t[2].dim[3]");
		TRY(insn->t[1].dim[3], 24, NULL);
		TRY(insn->t[1].dim[3], 8, NULL);
		TRY(insn->t[1].dim[3], 11, "t[1].dim[3]");
		TRY(insn->t[1].dim[3], 48, "t[1].dim[3]");
		return;
	}
	TRY(insn->conv.groups, 0, "conv.groups");
	TRY(insn->conv.groups, 1, "t[2].dim[3]");
	TRY(insn->conv.groups, 4, "t[2].dim[3]");
	TRY(insn->conv.groups, 5, "t[2].dim[0]");
	TRY(insn->conv.groups, 48, "t[2].dim[0]");
	TRY(insn->conv.groups, NPU_MAX_DIM, "t[2].dim[0]");
	TRY(insn->conv.groups, NPU_MAX_DIM + 1, "conv.groups");
	TRY(insn->conv.groups, UINT32_MAX, "conv.groups");
	TRY(insn->t[1].dim[3], 9, "t[2].dim[3]");
	TRY(insn->t[2].dim[3], 5, "t[2].dim[3]");
}

static void test_conv(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < CONVS; i++) {
		struct engine_case *c = make_conv(conv_name[i]);

		check_conv_steps(c);
		check_conv_scales(c);
		check_conv_pool(c);
		check_conv_pool_reach(c);
		check_conv_shapes(c);
		check_channels(c);
		check_conv_reach(c);
		case_free(c);
	}
}

/* What packed weights need: whole blocks, in each group; and the end of the slot. */
static void test_weight_bytes(void **state)
{
	struct engine_case *c = make_conv("conv_s8_s8");
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_insn *insn = &c->insn;
	struct npu_fault fault;
	uint64_t cost;

	(void)state;
	assert_true(case_valid(c, needs, &cost, &fault));
	/* two groups of one block, K = 3 * 3 * 4 */
	assert_int_equal(needs[2].bytes, 2 * 9 * 64);
	assert_int_equal(npu_insn_units(insn), 2 * insn->t[0].dim[1] * insn->t[0].dim[2]);
	TRY(insn->t[2].offset, UINT32_MAX - 2 * 9 * 64, NULL);
	TRY(insn->t[2].offset, UINT32_MAX - 2 * 9 * 64 + 1, "t[2]");
	case_free(c);

	c = make_conv("depthwise_s8");
	assert_true(case_valid(c, needs, &cost, &fault));
	assert_int_equal(needs[2].bytes, 2 * 9 * 16);
	TRY(c->insn.t[2].offset, UINT32_MAX - 2 * 9 * 16, NULL);
	TRY(c->insn.t[2].offset, UINT32_MAX - 2 * 9 * 16 + 1, "t[2]");
	case_free(c);
}

/* The deepest kernel, and a bias that is not there. */
static void test_deepest(void **state)
{
	struct engine_case *c = make_conv("conv_s8_s8");
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_insn *insn = &c->insn;
	struct npu_fault fault;
	uint64_t cost;

	(void)state;
	insn->t[2].dim[1] = insn->t[2].dim[2] = 128;
	assert_true(case_valid(c, needs, &cost, &fault));
	assert_true(npu_insn_unit_cost(insn) >= NPU_MAX_DEPTH);
	TRY(insn->t[2].dim[2], 129, "t[2].dim[3]");
	memset(&insn->t[3], 0, sizeof(insn->t[3]));
	expect(c, NULL, __LINE__);
	case_free(c);
}

static void check_pool_direction(struct engine_case *c, uint32_t d)
{
	static const char *const stride[] = { "pool.stride[0]", "pool.stride[1]" };
	static const char *const kernel[] = { "pool.kernel[0]", "pool.kernel[1]" };
	static const char *const pad[] = { "pool.pad[0]", "pool.pad[1]" };
	struct npu_insn *insn = &c->insn;

	/* outputs 3: windows start at 0, 2, 4 of 5, less the padding */
	insn->t[0].dim[1 + d] = 3;
	insn->t[1].dim[1 + d] = 5;
	insn->pool.kernel[d] = 3;
	insn->pool.stride[d] = 2;
	insn->pool.pad[d] = 0;
	insn->pool.kernel[!d] = 1;
	insn->pool.pad[!d] = 0;
	expect(c, NULL, __LINE__);
	TRY(insn->pool.stride[d], 0, stride[d]);
	TRY(insn->pool.stride[d], 3, stride[d]);
	TRY(insn->pool.stride[d], NPU_MAX_DIM + 1, stride[d]);
	TRY(insn->pool.kernel[d], 0, kernel[d]);
	TRY(insn->pool.kernel[d], NPU_MAX_DIM + 1, kernel[d]);
	TRY(insn->pool.kernel[d], UINT32_MAX, kernel[d]);
	TRY(insn->pool.kernel[d], NPU_MAX_DEPTH, NULL);
	TRY(insn->pool.kernel[d], NPU_MAX_DEPTH + 1, "pool.kernel[1]");
	TRY(insn->pool.pad[d], 2, NULL);
	TRY(insn->pool.pad[d], 3, pad[d]);
	TRY(insn->pool.pad[d], UINT32_MAX, pad[d]);
	TRY(insn->t[1].dim[1 + d], 4, stride[d]);
	insn->pool.pad[d] = 1;
	TRY(insn->t[1].dim[1 + d], 4, NULL);
	TRY(insn->t[1].dim[1 + d], 3, stride[d]);
	insn->pool.stride[d] = 1;
	insn->pool.pad[d] = 0;
	insn->t[0].dim[1 + d] = insn->t[1].dim[1 + d] = 1;
	TRY(insn->pool.stride[d], NPU_MAX_DIM, NULL);
}

static void test_pool(void **state)
{
	static const char *const name[] = { "max_pool_s8", "max_pool_s16", "average_pool_s8",
					    "average_pool_s16" };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct engine_case *c = make(name[i], 3, 20, 1);
		struct npu_insn *insn = &c->insn;
		uint32_t d;

		check_limits(c, &insn->pool.act_min, &insn->pool.act_max, "pool.act_min");
		TRY(insn->raw[8], 1, "raw[8]");
		TRY(insn->t[1].dim[0], 2, "t[1].dim[0]");
		TRY(insn->t[1].dim[3], 19, "t[1].dim[3]");
		TRY(insn->t[0].type, NPU_TYPE_INT32, "t[0].type");
		TRY(insn->t[1].type, NPU_TYPE_INT32, "t[1].type");
		if (insn->t[0].type == NPU_TYPE_INT8)
			TRY(insn->t[1].zero_point, insn->t[0].zero_point / 2 + 1,
			    "t[1].zero_point");
		for (d = 0; d < 2; d++) {
			insn->t[0].stride[0] = insn->t[0].stride[1] = 1 << 16;
			insn->t[0].stride[2] = 1 << 10;
			check_pool_direction(c, d);
		}
		case_free(c);
	}
}

/* The output may not lie on the input, not even on the same view of it. */
static void test_no_overlap(void **state)
{
	struct engine_case *c = make("max_pool_s8", 3, 20, 1);
	struct npu_insn *insn = &c->insn;
	uint32_t d;

	(void)state;
	for (d = 0; d < 2; d++) {
		insn->pool.kernel[d] = insn->pool.stride[d] = 1;
		insn->pool.pad[d] = 0;
	}
	insn->t[1] = insn->t[0];
	insn->t[0].offset = 100;
	TRY(insn->t[1].offset, 100, "t[1].offset");
	TRY(insn->t[1].offset, 41, "t[1].offset");
	TRY(insn->t[1].offset, 40, NULL);
	TRY(insn->t[1].offset, 159, "t[1].offset");
	TRY(insn->t[1].offset, 160, NULL);
	case_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conv),	   cmocka_unit_test(test_weight_bytes),
		cmocka_unit_test(test_deepest),	   cmocka_unit_test(test_pool),
		cmocka_unit_test(test_no_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
