// SPDX-License-Identifier: MIT
/*
 * The validator on instructions whose tensors differ in shape: every field at its limits
 * and one beyond. Fields that all instructions have are in engine_validate.c.
 */
#include "validate_case.h"

/* Tensor @i: dense, of these dimensions, at offset 0. */
static void reshape(struct engine_case *c, uint32_t i, uint32_t n, uint32_t h, uint32_t w,
		    uint32_t channels)
{
	const uint32_t dim[4] = { n, h, w, channels };

	case_tensor(c, i, c->insn.t[i].type, dim, 0);
	c->insn.t[i].offset = 0;
}

static uint8_t other_type(const struct engine_case *c)
{
	return c->insn.t[0].type == NPU_TYPE_INT8 ? NPU_TYPE_INT16 : NPU_TYPE_INT8;
}

/* ------------------------------------------------------------- broadcasts */

static void test_broadcast(void **state)
{
	static const struct {
		const char *name;
		uint32_t scales;
		int32_t max_shift;
	} op[] = {
		{ "add_s8", 3, 0 },   { "add_s16", 3, 0 },  { "sub_s8", 3, 0 },
		{ "sub_s16", 3, 0 },  { "mul_s8", 1, 30 },  { "mul_s16", 1, 30 },
		{ "min_s8", 2, 30 },  { "min_s16", 2, 30 }, { "max_s8", 2, 30 },
		{ "max_s16", 2, 30 },
	};
	uint32_t i, k, d;

	(void)state;
	for (i = 0; i < sizeof(op) / sizeof(op[0]); i++) {
		struct engine_case *c = make(op[i].name, 3, 20, 1);
		struct npu_insn *insn = &c->insn;

		check_scales(c, &insn->binary.scales, op[i].scales, op[i].max_shift,
			     "binary.scales");
		check_limits(c, &insn->binary.act_min, &insn->binary.act_max, "binary.act_min");
		TRY(insn->raw[3], 1, "raw[3]");
		for (k = 0; k < 3; k++)
			reshape(c, k, 2, 4, 3, 20);
		for (k = 1; k < 3; k++)
			for (d = 0; d < 4; d++) {
				uint32_t size = insn->t[k].dim[d];
				char name[16];

				snprintf(name, sizeof(name), "t[%u].dim[%u]", k, d);
				TRY(insn->t[k].dim[d], 1, NULL);
				TRY(insn->t[k].dim[d], size - 1, size == 2 ? NULL : name);
				TRY(insn->t[k].dim[d], size + 1, name);
			}
		TRY(insn->t[0].dim[0], 1, "t[1].dim[0]");
		case_free(c);
	}
}

/* In place only where the shapes are equal; a smaller input must lie elsewhere. */
static void test_broadcast_in_place(void **state)
{
	struct engine_case *c = make("sub_s8", 3, 20, 1);
	struct npu_insn *insn = &c->insn;
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_fault fault;
	uint64_t cost;

	(void)state;
	reshape(c, 0, 2, 4, 3, 20);
	reshape(c, 1, 2, 4, 3, 20);
	reshape(c, 2, 1, 1, 1, 20);
	insn->t[1].slot = 0;
	expect(c, NULL, __LINE__);
	insn->t[2].slot = 0;
	expect(c, "t[2].offset", __LINE__);
	TRY(insn->t[2].offset, 479, "t[2].offset");
	TRY(insn->t[2].offset, 480, NULL);
	insn->t[2].slot = 2;
	assert_true(case_valid(c, needs, &cost, &fault));
	assert_int_equal(needs[2].bytes, 20);
	case_free(c);
}

/* --------------------------------------------------------- matrix product */

static void test_matmul(void **state)
{
	static const char *const name[] = { "matmul_s8_s8", "matmul_s8_s16", "matmul_s16_s16",
					    "matmul_s16_s8" };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct engine_case *c = make(name[i], 3, 20, 9);
		struct npu_insn *insn = &c->insn;
		bool wide = insn->t[1].type == NPU_TYPE_INT16;

		reshape(c, 0, 2, 3, 4, 20);
		reshape(c, 1, 2, 3, 4, 10);
		reshape(c, 2, 2, 3, 20, 10);
		check_scales(c, &insn->matmul.scales, 1, wide ? 7 : 30, "matmul.scales");
		check_limits(c, &insn->matmul.act_min, &insn->matmul.act_max, "matmul.act_min");
		TRY(insn->raw[3], 1, "raw[3]");
		TRY(insn->t[1].dim[0], 1, NULL);
		TRY(insn->t[1].dim[1], 1, NULL);
		TRY(insn->t[2].dim[0], 1, NULL);
		TRY(insn->t[2].dim[1], 1, NULL);
		TRY(insn->t[1].dim[0], 3, "t[1].dim[0]");
		TRY(insn->t[1].dim[1], 2, "t[1].dim[1]");
		TRY(insn->t[2].dim[0], 3, "t[2].dim[0]");
		TRY(insn->t[2].dim[1], 2, "t[2].dim[1]");
		TRY(insn->t[1].dim[2], 3, "t[1].dim[2]");
		TRY(insn->t[1].dim[2], 5, "t[1].dim[2]");
		TRY(insn->t[2].dim[2], 19, "t[2].dim[2]");
		TRY(insn->t[2].dim[2], 21, "t[2].dim[2]");
		TRY(insn->t[2].dim[3], 9, "t[2].dim[3]");
		TRY(insn->t[2].dim[3], 11, "t[2].dim[3]");
		TRY(insn->t[0].type, NPU_TYPE_INT32, "t[0].type");
		TRY(insn->t[1].type, NPU_TYPE_INT32, "t[1].type");
		insn->t[1].zero_point = insn->t[2].zero_point = 0;
		TRY(insn->t[2].type, wide ? NPU_TYPE_INT8 : NPU_TYPE_INT16, "t[2].type");
		insn->t[0].zero_point = 0;
		insn->t[1].slot = 0;
		expect(c, "t[1].offset", __LINE__);
		case_free(c);
	}
}

static void test_depth(void **state)
{
	struct engine_case *c = make("matmul_s8_s8", 3, 20, 9);
	struct npu_insn *insn = &c->insn;

	(void)state;
	reshape(c, 0, 1, 1, 4, 20);
	reshape(c, 1, 1, 1, 4, NPU_MAX_DEPTH);
	reshape(c, 2, 1, 1, 20, NPU_MAX_DEPTH);
	expect(c, NULL, __LINE__);
	/* a unit stays bounded: long sums come one by one */
	assert_int_equal(npu_insn_units(insn), 4 * 20);
	assert_true(npu_insn_unit_cost(insn) >= NPU_MAX_DEPTH);
	reshape(c, 1, 1, 1, 4, 100);
	reshape(c, 2, 1, 1, 20, 100);
	assert_int_equal(npu_insn_units(insn), 4 * 2);
	reshape(c, 1, 1, 1, 4, NPU_MAX_DEPTH + 1);
	reshape(c, 2, 1, 1, 20, NPU_MAX_DEPTH + 1);
	expect(c, "t[1].dim[3]", __LINE__);
	case_free(c);
}

/* ------------------------------------------------------------- reductions */

static void test_reduce(void **state)
{
	static const char *const name[] = { "reduce_mean_s8", "reduce_mean_s16", "reduce_sum_s8",
					    "reduce_sum_s16", "reduce_max_s8",	 "reduce_max_s16" };
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++) {
		struct engine_case *c = make(name[i], 3, 20, 9);
		struct npu_insn *insn = &c->insn;
		bool max = insn->opcode == NPU_OP_REDUCE_MAX;

		/* strides with room for more than is there */
		reshape(c, 0, 2, 3, 4, 21);
		reshape(c, 1, 2, 3, 4, 20);
		insn->t[0].dim[1] = insn->t[0].dim[2] = 1;
		insn->t[0].dim[3] = 20;
		expect(c, NULL, __LINE__);
		if (max) {
			TRY(insn->raw[0], 1, "raw[0]");
			if (insn->t[0].type == NPU_TYPE_INT8)
				TRY(insn->t[1].zero_point, (insn->t[0].zero_point + 1) % 100,
				    "t[1].zero_point");
		} else {
			check_scales(c, &insn->reduce.scales, 1, 30, "reduce.scales");
			check_limits(c, &insn->reduce.act_min, &insn->reduce.act_max,
				     "reduce.act_min");
			TRY(insn->raw[3], 1, "raw[3]");
		}
		TRY(insn->t[0].dim[0], 1, NULL);
		TRY(insn->t[0].dim[3], 1, NULL);
		TRY(insn->t[0].dim[0], 3, "t[0].dim[0]");
		TRY(insn->t[0].dim[1], 2, "t[0].dim[1]");
		TRY(insn->t[0].dim[3], 19, "t[0].dim[3]");
		TRY(insn->t[0].dim[3], 21, "t[0].dim[3]");
		insn->t[0].zero_point = insn->t[1].zero_point = 0;
		TRY(insn->t[1].type, other_type(c), "t[1].type");
		reshape(c, 1, 2, 256, 256, 20);
		expect(c, NULL, __LINE__);
		reshape(c, 1, 2, 256, 257, 20);
		expect(c, "t[1].dim[2]", __LINE__);
		reshape(c, 0, 1, 1, 1, 20);
		reshape(c, 1, 65536, 1, 1, 20);
		expect(c, NULL, __LINE__);
		reshape(c, 1, 65537, 1, 1, 20);
		expect(c, "t[1].dim[0]", __LINE__);
		case_free(c);
	}
}

/* ------------------------------------------------------------------ moves */

/* The output may not meet the input, and the types are equal. */
static void check_move(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;

	TRY(insn->t[1].slot, 0, "t[1].offset");
	insn->t[0].zero_point = insn->t[1].zero_point = 0;
	insn->t[1].offset = 0;
	insn->t[1].stride[0] = insn->t[1].stride[1] = insn->t[1].stride[2] = 1024;
	TRY(insn->t[1].type, other_type(c), "t[1].type");
}

static void test_pad(void **state)
{
	struct engine_case *c = make("pad_s8", 3, 20, 9);
	struct npu_insn *insn = &c->insn;
	uint32_t d;

	(void)state;
	reshape(c, 0, 2, 4, 6, 20);
	reshape(c, 1, 1, 3, 4, 15);
	for (d = 0; d < 4; d++) {
		uint32_t room = insn->t[0].dim[d] - insn->t[1].dim[d];
		char name[16];

		snprintf(name, sizeof(name), "pad.before[%u]", d);
		insn->pad.before[d] = 0;
		TRY(insn->pad.before[d], room, NULL);
		TRY(insn->pad.before[d], room + 1, name);
		/* a sum that wraps in 32 bits */
		TRY(insn->pad.before[d], UINT32_MAX, name);
	}
	TRY(insn->t[1].dim[2], 7, "pad.before[2]");
	TRY(insn->pad.value, -128, NULL);
	TRY(insn->pad.value, -129, "pad.value");
	TRY(insn->pad.value, 127, NULL);
	TRY(insn->pad.value, 128, "pad.value");
	TRY(insn->raw[5], 1, "raw[5]");
	TRY(insn->t[0].type, NPU_TYPE_INT32, "t[0].type");
	check_move(c);
	case_free(c);

	c = make("pad_s16", 3, 20, 9);
	TRY(c->insn.pad.value, -32768, NULL);
	TRY(c->insn.pad.value, -32769, "pad.value");
	TRY(c->insn.pad.value, 32767, NULL);
	TRY(c->insn.pad.value, 32768, "pad.value");
	case_free(c);
}

static void test_slice(void **state)
{
	struct engine_case *c = make("slice_s8", 3, 20, 9);
	struct npu_insn *insn = &c->insn;
	uint32_t d;

	(void)state;
	reshape(c, 0, 3, 3, 3, 3);
	reshape(c, 1, 9, 9, 9, 9);
	for (d = 0; d < 4; d++) {
		insn->slice.begin[d] = 0;
		insn->slice.step[d] = 1;
	}
	expect(c, NULL, __LINE__);
	for (d = 0; d < 4; d++) {
		char begin[20], step[20];

		snprintf(begin, sizeof(begin), "slice.begin[%u]", d);
		snprintf(step, sizeof(step), "slice.step[%u]", d);
		TRY(insn->slice.begin[d], 6, NULL);
		TRY(insn->slice.begin[d], 7, step);
		TRY(insn->slice.begin[d], 9, begin);
		TRY(insn->slice.begin[d], UINT32_MAX, begin);
		TRY(insn->slice.step[d], 4, NULL);
		TRY(insn->slice.step[d], 5, step);
		TRY(insn->slice.step[d], 0, NULL);
		TRY(insn->slice.step[d], -1, step);
		/* twice this is 0 in 32 bits */
		TRY(insn->slice.step[d], INT32_MIN, step);
		insn->slice.begin[d] = 8;
		TRY(insn->slice.step[d], -4, NULL);
		TRY(insn->slice.step[d], -5, step);
		TRY(insn->slice.step[d], 0, NULL);
		TRY(insn->slice.step[d], 1, step);
		insn->slice.begin[d] = 0;
	}
	TRY(insn->raw[8], 1, "raw[8]");
	check_move(c);
	case_free(c);
}

static void test_transpose(void **state)
{
	struct engine_case *c = make("transpose_s8", 3, 20, 9);
	struct npu_insn *insn = &c->insn;
	uint32_t d;

	(void)state;
	reshape(c, 0, 2, 2, 2, 2);
	reshape(c, 1, 2, 2, 2, 2);
	for (d = 0; d < 4; d++)
		insn->transpose.perm[d] = 3 - d;
	expect(c, NULL, __LINE__);
	TRY(insn->transpose.perm[0], 4, "transpose.perm[0]");
	TRY(insn->transpose.perm[3], UINT32_MAX, "transpose.perm[3]");
	TRY(insn->transpose.perm[1], 3, "transpose.perm[1]");
	TRY(insn->transpose.perm[3], 1, "transpose.perm[3]");
	TRY(insn->t[1].dim[3], 3, "t[0].dim[0]");
	TRY(insn->t[1].dim[0], 1, "t[0].dim[3]");
	TRY(insn->raw[4], 1, "raw[4]");
	check_move(c);
	case_free(c);
}

static void test_resize(void **state)
{
	static const char *const name[] = { "nearest_s8", "bilinear_s8" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct engine_case *c = make(name[i], 3, 20, 9);
		struct npu_insn *insn = &c->insn;

		TRY(insn->resize.flags, 0, NULL);
		TRY(insn->resize.flags, NPU_RESIZE_ALIGN_CORNERS, NULL);
		TRY(insn->resize.flags, NPU_RESIZE_HALF_PIXEL, NULL);
		TRY(insn->resize.flags, 3, "resize.flags");
		TRY(insn->resize.flags, 4, "resize.flags");
		TRY(insn->resize.flags, 1u << 31, "resize.flags");
		TRY(insn->raw[1], 1, "raw[1]");
		TRY(insn->t[1].dim[0], 2, "t[1].dim[0]");
		TRY(insn->t[1].dim[3], 19, "t[1].dim[3]");
		TRY(insn->t[1].dim[3], 21, "t[1].dim[3]");
		check_move(c);
		insn->t[1].stride[0] = insn->t[1].stride[1] = insn->t[1].stride[2] = 256;
		insn->t[0].stride[0] = insn->t[0].stride[1] = insn->t[0].stride[2] = 256;
		insn->t[1].type = NPU_TYPE_INT32;
		TRY(insn->t[0].type, NPU_TYPE_INT32, i ? "t[0].type" : NULL);
		case_free(c);
	}
}

static void test_embedding(void **state)
{
	struct engine_case *c = make("embedding_s32_s16", 3, 20, 9);
	struct npu_insn *insn = &c->insn;

	(void)state;
	TRY(insn->raw[0], 1, "raw[0]");
	TRY(insn->t[1].dim[0], 2, "t[1].dim[0]");
	TRY(insn->t[1].dim[2], 2, "t[1].dim[2]");
	TRY(insn->t[1].dim[2], 4, "t[1].dim[2]");
	TRY(insn->t[1].dim[3], 2, "t[1].dim[3]");
	TRY(insn->t[1].type, NPU_TYPE_INT8, "t[1].type");
	TRY(insn->t[1].type, NPU_TYPE_INT16, NULL);
	TRY(insn->t[1].type, NPU_TYPE_INT64, "t[1].type");
	TRY(insn->t[2].dim[0], 2, "t[2].dim[0]");
	TRY(insn->t[2].dim[1], 2, "t[2].dim[1]");
	TRY(insn->t[2].dim[2], 1, NULL);
	TRY(insn->t[2].dim[2], NPU_MAX_DIM, NULL);
	TRY(insn->t[2].dim[2], NPU_MAX_DIM + 1, "t[2].dim[2]");
	TRY(insn->t[2].dim[3], 19, "t[2].dim[3]");
	TRY(insn->t[2].type, NPU_TYPE_INT8, "t[2].type");
	TRY(insn->t[2].slot, 0, "t[2].offset");
	case_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broadcast), cmocka_unit_test(test_broadcast_in_place),
		cmocka_unit_test(test_matmul),	  cmocka_unit_test(test_depth),
		cmocka_unit_test(test_reduce),	  cmocka_unit_test(test_pad),
		cmocka_unit_test(test_slice),	  cmocka_unit_test(test_transpose),
		cmocka_unit_test(test_resize),	  cmocka_unit_test(test_embedding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
