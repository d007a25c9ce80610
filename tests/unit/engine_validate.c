// SPDX-License-Identifier: MIT
/*
 * The validator: every field of every instruction at its limits and one beyond, with the
 * name that the refusal gives.
 */
#include "validate_case.h"

static const char *tensor_field(unsigned int i, const char *field)
{
	static char name[8][32];
	static unsigned int turn;
	char *text = name[turn++ % 8];

	snprintf(text, 32, "t[%u].%s", i, field);
	return text;
}

static bool known_opcode(uint32_t opcode)
{
	size_t i;

	for (i = 0; i < OPERATIONS; i++)
		if (operations[i].opcode == opcode)
			return true;
	/* sequences have tests of their own */
	return opcode == NPU_OP_NOP || (opcode >= NPU_OP_RNN && opcode <= NPU_OP_GRU);
}

/* Fields that every instruction has beside its tensors. */
static void check_header(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;
	uint32_t opcode;

	TRY(insn->reserved, 1, "reserved");
	TRY(insn->reserved, 0x8000, "reserved");
	TRY(insn->flags, 1, "flags");
	TRY(insn->flags, 1u << 31, "flags");
	TRY(insn->reserved2, 1, "reserved2");
	TRY(insn->reserved2, 1ull << 63, "reserved2");
	if (insn->opcode != NPU_OP_CONV_2D)
		TRY(insn->raw[11], 1, "raw[11]");

	for (opcode = 0; opcode < 65536; opcode++)
		if (!known_opcode(opcode))
			TRY(insn->opcode, opcode, "opcode");
}

static void check_unused_tensors(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;
	uint32_t i;

	for (i = c->slots; i < NPU_INSN_TENSORS; i++) {
		struct npu_tensor *t = &insn->t[i];

		/* a bias may be there: then it is another mistake */
		if ((insn->opcode != NPU_OP_FULLY_CONNECTED && !is_conv(insn->opcode)) || i != 3)
			TRY(t->type, NPU_TYPE_INT8, tensor_field(i, "type"));
		TRY(t->slot, 1, tensor_field(i, "slot"));
		TRY(t->layout, 1, tensor_field(i, "layout"));
		TRY(t->reserved, 1, tensor_field(i, "reserved"));
		TRY(t->offset, 1, tensor_field(i, "offset"));
		TRY(t->zero_point, 1, tensor_field(i, "zero_point"));
		TRY(t->dim[0], 1, tensor_field(i, "dim[0]"));
		TRY(t->dim[3], 1, tensor_field(i, "dim[3]"));
		TRY(t->stride[0], 1, tensor_field(i, "stride[0]"));
		TRY(t->stride[2], 1, tensor_field(i, "stride[2]"));
	}
}

static void check_used_tensors(struct engine_case *c)
{
	struct npu_insn *insn = &c->insn;
	uint32_t i, d;

	for (i = 0; i < c->slots; i++) {
		struct npu_tensor *t = &insn->t[i];
		uint32_t size = type_bytes(t->type);

		TRY(t->slot, c->slots, tensor_field(i, "slot"));
		TRY(t->slot, 255, tensor_field(i, "slot"));
		TRY(t->type, NPU_TYPE_INT64 + 1, tensor_field(i, "type"));
		TRY(t->type, 255, tensor_field(i, "type"));
		TRY(t->layout, 3, tensor_field(i, "layout"));
		TRY(t->layout, !t->layout, tensor_field(i, "layout"));
		TRY(t->reserved, 1, tensor_field(i, "reserved"));
		TRY(t->zero_point, -129, tensor_field(i, "zero_point"));
		TRY(t->zero_point, 128, tensor_field(i, "zero_point"));
		TRY(t->zero_point, INT32_MIN, tensor_field(i, "zero_point"));
		for (d = 0; d < 4; d++) {
			char name[16];

			snprintf(name, sizeof(name), "dim[%u]", d);
			TRY(t->dim[d], 0, tensor_field(i, name));
			TRY(t->dim[d], NPU_MAX_DIM + 1, tensor_field(i, name));
			TRY(t->dim[d], UINT32_MAX, tensor_field(i, name));
		}
		if (size > 1) {
			TRY(t->offset, t->offset + 1, tensor_field(i, "offset"));
			TRY(t->stride[0], t->stride[0] + 1, tensor_field(i, "stride[0]"));
			TRY(t->stride[1], t->stride[1] + 1, tensor_field(i, "stride[1]"));
			TRY(t->stride[2], t->stride[2] + size - 1, tensor_field(i, "stride[2]"));
		}
	}
	if (insn->t[0].dim[2] > 1) {
		struct npu_tensor *t = &insn->t[0];

		TRY(t->stride[2], 0, "t[0].stride[2]");
		TRY(t->stride[2], t->stride[2] - type_bytes(t->type), "t[0].stride[2]");
	}
}

static void test_shared_fields(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < OPERATIONS; i++) {
		struct engine_case *c = make(operations[i].name, 3, 20, 9);

		check_header(c);
		check_unused_tensors(c);
		check_used_tensors(c);
		case_free(c);
	}
}

static void test_nop(void **state)
{
	struct engine_case *c = make("copy_s8", 1, 1, 1);
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_fault fault;
	uint64_t cost;

	(void)state;
	memset(&c->insn, 0, sizeof(c->insn));
	expect(c, "opcode", __LINE__);
	c->insn.opcode = NPU_OP_NOP;
	expect(c, NULL, __LINE__);
	assert_true(case_valid(c, needs, &cost, &fault));
	assert_true(cost > 0);
	assert_int_equal(npu_insn_units(&c->insn), 1);
	TRY(c->insn.raw[0], 1, "raw[0]");
	TRY(c->insn.t[0].type, NPU_TYPE_INT8, "t[0].type");
	TRY(c->insn.t[0].dim[0], 1, "t[0].dim[0]");
	case_free(c);
}

/* Extents: the exact byte count, 4 GiB, and products that overflow 32 bits. */
static void test_extents(void **state)
{
	struct engine_case *c = make("copy_s16", 5, 7, 1);
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_insn *insn = &c->insn;
	struct npu_fault fault;
	uint64_t cost;

	(void)state;
	insn->t[1].offset = 6;
	insn->t[1].stride[2] = 100;
	assert_true(case_valid(c, needs, &cost, &fault));
	assert_int_equal(needs[0].bytes, insn->t[0].offset + 4 * 14 + 14);
	assert_int_equal(needs[1].bytes, 6 + 4 * 100 + 14);
	assert_int_equal(needs[0].access, NPU_SLOT_WRITE);
	assert_int_equal(needs[1].access, NPU_SLOT_READ);

	/* a slot ends at 0xffffffff; elements of two bytes at 0xfffffffe */
	TRY(insn->t[1].offset, 0xfffffffeu - 414, NULL);
	TRY(insn->t[1].offset, 0xfffffffeu - 412, "t[1]");
	TRY(insn->t[0].offset, 0xfffffffeu - 70, NULL);
	TRY(insn->t[0].offset, 0xfffffffeu - 68, "t[0]");
	TRY(insn->t[1].offset, 0xfffffffeu, "t[1]");
	TRY(insn->t[1].stride[2], 0xfffffffeu, "t[1]");
	/* 4 * 0x40000000 wraps to 0 */
	TRY(insn->t[1].stride[2], 0x40000000u, "t[1]");
	insn->t[0].dim[0] = insn->t[1].dim[0] = NPU_MAX_DIM;
	insn->t[1].stride[0] = 0;
	TRY(insn->t[0].stride[0], 0xfffffffeu, "t[0]");
	TRY(insn->t[0].stride[0], 256, NULL);
	TRY(insn->t[0].stride[0], 258, "t[0]");
	TRY(insn->t[0].stride[0], 68, "t[0].stride[0]");
	insn->t[0].stride[0] = 70;
	TRY(insn->t[1].stride[0], 256, "t[1]");
	TRY(insn->t[1].stride[0], 254, NULL);
	case_free(c);
}

/* The largest written tensor: its units and cost stay within their types. */
static void test_largest(void **state)
{
	struct engine_case *c = make("copy_s8", 1, 1, 1);
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_insn *insn = &c->insn;
	struct npu_fault fault;
	uint64_t cost = 0;
	__u64 total;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct npu_tensor *t = &insn->t[i];

		t->offset = 0;
		t->dim[0] = 255;
		t->dim[1] = NPU_MAX_DIM;
		t->dim[2] = t->dim[3] = 1;
		t->stride[0] = NPU_MAX_DIM;
		t->stride[1] = 1;
	}
	assert_true(case_valid(c, needs, &cost, &fault));
	assert_int_equal(npu_insn_units(insn), 255u * (NPU_MAX_DIM / 512));
	assert_true(cost >= 255ull * NPU_MAX_DIM);
	TRY(insn->t[0].dim[0], 256, "t[0]");

	total = UINT64_MAX - 5;
	memset(needs, 0, sizeof(needs));
	assert_true(npu_insn_validate(insn, NULL, 0, 2, needs, &total, &fault));
	assert_true(total == UINT64_MAX);
	case_free(c);
}

static void test_written_elements(void **state)
{
	struct engine_case *c = make("clamp_s8", 4, 8, 1);
	struct npu_insn *insn = &c->insn;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		insn->t[i].dim[0] = 2;
		insn->t[i].dim[1] = 3;
		insn->t[i].stride[0] = 96;
		insn->t[i].stride[1] = 32;
		insn->t[i].stride[2] = 8;
	}
	expect(c, NULL, __LINE__);
	TRY(insn->t[0].stride[0], 95, "t[0].stride[0]");
	TRY(insn->t[0].stride[1], 31, "t[0].stride[1]");
	TRY(insn->t[0].stride[2], 7, "t[0].stride[2]");
	TRY(insn->t[0].stride[0], 0, "t[0].stride[0]");
	/* inputs may repeat elements */
	TRY(insn->t[1].stride[0], 0, NULL);
	TRY(insn->t[1].stride[2], 1, NULL);
	/* dimensions in any order of strides: here W is the outermost */
	insn->t[0].stride[2] = 48;
	insn->t[0].stride[0] = 8;
	insn->t[0].stride[1] = 16;
	expect(c, NULL, __LINE__);
	TRY(insn->t[0].stride[2], 47, "t[0].stride[2]");
	case_free(c);
}

static void test_overlap(void **state)
{
	struct engine_case *c = make("add_s8", 4, 16, 1);
	struct npu_insn *insn = &c->insn;

	(void)state;
	insn->t[1].slot = 0;
	insn->t[0].offset = 256;
	TRY(insn->t[1].offset, 256, NULL);
	TRY(insn->t[1].offset, 257, "t[1].offset");
	TRY(insn->t[1].offset, 256 - 63, "t[1].offset");
	TRY(insn->t[1].offset, 256 - 64, NULL);
	TRY(insn->t[1].offset, 256 + 63, "t[1].offset");
	TRY(insn->t[1].offset, 256 + 64, NULL);
	insn->t[1].offset = 256;
	TRY(insn->t[1].stride[2], 17, "t[1].offset");
	TRY(insn->t[1].stride[0], 640, NULL);
	insn->t[2].slot = 0;
	TRY(insn->t[2].offset, 256, NULL);
	TRY(insn->t[2].offset, 300, "t[2].offset");
	case_free(c);

	c = make("fc_s8_s8", 1, 16, 16);
	c->insn.t[1].slot = 0;
	c->insn.t[1].offset = c->insn.t[0].offset;
	expect(c, "t[1].offset", __LINE__);
	c->insn.t[1].offset += 16;
	expect(c, NULL, __LINE__);
	c->insn.t[2].slot = 0;
	TRY(c->insn.t[2].offset, c->insn.t[0].offset + 15, "t[2].offset");
	TRY(c->insn.t[2].offset, c->insn.t[0].offset + 16, NULL);
	case_free(c);
}

static void test_fully_connected(void **state)
{
	static const char *const name[] = { "fc_s8_s8", "fc_s8_s16", "fc_s16_s16", "fc_s16_s8" };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct engine_case *c = make(name[i], 3, 20, 9);
		struct npu_insn *insn = &c->insn;
		bool wide = insn->t[1].type == NPU_TYPE_INT16;

		insn->fc.scale_count = 1;
		check_scales(c, &insn->fc.scales, 1, wide ? 7 : 30, "fc.scales");
		check_limits(c, &insn->fc.act_min, &insn->fc.act_max, "fc.act_min");
		TRY(insn->raw[4], 1, "raw[4]");
		TRY(insn->fc.scale_count, 0, "fc.scale_count");
		TRY(insn->fc.scale_count, 2, "fc.scale_count");
		TRY(insn->fc.scale_count, 20, "fc.scale_count");
		TRY(insn->fc.scale_count, 31, "fc.scale_count");
		TRY(insn->fc.scale_count, 33, "fc.scale_count");
		TRY(insn->fc.scale_count, 32, "fc.scales");

		if (!wide)
			TRY(insn->t[1].zero_point, 1, "t[1].zero_point");
		TRY(insn->t[2].zero_point, 1, "t[2].zero_point");
		TRY(insn->t[0].dim[0], 2, "t[0].dim[0]");
		TRY(insn->t[0].dim[1], 2, "t[0].dim[1]");
		TRY(insn->t[1].dim[0], 2, "t[1].dim[0]");
		TRY(insn->t[1].dim[1], 2, "t[1].dim[1]");
		TRY(insn->t[1].dim[2], 2, "t[1].dim[2]");
		TRY(insn->t[1].dim[3], 10, "t[2].dim[3]");
		TRY(insn->t[2].dim[0], 21, "t[2].dim[0]");
		TRY(insn->t[2].dim[1], 2, "t[2].dim[1]");
		TRY(insn->t[2].dim[2], 2, "t[2].dim[2]");
		TRY(insn->t[2].dim[3], 8, "t[2].dim[3]");
		TRY(insn->t[2].stride[0], 1, "t[2].stride[0]");
		TRY(insn->t[2].stride[2], 1, "t[2].stride[2]");
		TRY(insn->t[3].dim[3], 20, "t[3].dim[3]");
		TRY(insn->t[3].dim[3], 48, "t[3].dim[3]");
		TRY(insn->t[3].dim[0], 2, "t[3].dim[0]");
		TRY(insn->t[3].type, NPU_TYPE_INT16, "t[3].type");
		TRY(insn->t[3].type, NPU_TYPE_NONE, "t[3].slot");
		TRY(insn->t[0].type, NPU_TYPE_INT64, "t[0].type");
		TRY(insn->t[1].type, NPU_TYPE_INT32, "t[1].type");
		TRY(insn->t[2].type, NPU_TYPE_INT16, "t[2].type");
		case_free(c);
	}
}

/* Sums as they are: only of int8, and nothing is said about scales. */
static void test_fully_connected_sums(void **state)
{
	struct engine_case *c = make("fc_s8_s32", 3, 20, 9);
	struct npu_insn *insn = &c->insn;
	uint32_t d;

	(void)state;
	expect(c, NULL, __LINE__);
	TRY(insn->fc.scales, 4, "raw[0]");
	TRY(insn->fc.scale_count, 1, "raw[1]");
	TRY(insn->fc.act_min, -1, "raw[2]");
	TRY(insn->fc.act_max, 1, "raw[3]");
	TRY(insn->t[0].zero_point, 1, "t[0].zero_point");
	for (d = 0; d < 3; d++)
		insn->t[1].stride[d] = 1024;
	insn->t[1].offset = 0;
	TRY(insn->t[1].type, NPU_TYPE_INT16, "t[0].type");
	case_free(c);
}

static void test_bias_types(void **state)
{
	struct engine_case *c = make("fc_s8_s8", 1, 16, 4);

	(void)state;
	TRY(c->insn.t[3].type, NPU_TYPE_INT64, "t[3].type");
	case_free(c);
	c = make("fc_s16_s16", 1, 16, 4);
	TRY(c->insn.t[3].type, NPU_TYPE_INT32, NULL);
	memset(&c->insn.t[3], 0, sizeof(c->insn.t[3]));
	expect(c, NULL, __LINE__);
	case_free(c);
}

static void test_depth(void **state)
{
	struct engine_case *c = make("fc_s8_s8", 1, 16, NPU_MAX_DEPTH);
	struct npu_insn *insn = &c->insn;
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_fault fault;
	uint64_t cost;

	(void)state;
	assert_true(case_valid(c, needs, &cost, &fault));
	assert_int_equal(needs[2].bytes, 16 * NPU_MAX_DEPTH);
	assert_true(cost >= NPU_MAX_DEPTH);
	insn->t[2].dim[3] = NPU_MAX_DEPTH + 1;
	expect(c, "t[2].dim[3]", __LINE__);
	/* three factors whose product overflows 64 bits */
	insn->t[2].dim[1] = insn->t[2].dim[2] = insn->t[2].dim[3] = NPU_MAX_DIM;
	expect(c, "t[2].dim[1]", __LINE__);
	case_free(c);
}

static void test_binary(void **state)
{
	static const char *const name[] = { "add_s8", "add_s16", "mul_s8", "mul_s16" };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct engine_case *c = make(name[i], 3, 20, 1);
		struct npu_insn *insn = &c->insn;
		bool add = insn->opcode == NPU_OP_ADD;
		uint8_t other = insn->t[0].type == NPU_TYPE_INT8 ? NPU_TYPE_INT16 : NPU_TYPE_INT8;

		check_scales(c, &insn->binary.scales, add ? 3 : 1, add ? 0 : 30, "binary.scales");
		check_limits(c, &insn->binary.act_min, &insn->binary.act_max, "binary.act_min");
		TRY(insn->t[1].dim[3], 19, "t[1].dim[3]");
		TRY(insn->t[2].dim[2], 2, "t[2].dim[2]");
		TRY(insn->t[2].type, NPU_TYPE_INT32, "t[2].type");
		TRY(insn->raw[3], 1, "raw[3]");
		insn->t[1].zero_point = insn->t[2].zero_point = 0;
		insn->t[1].stride[0] = insn->t[1].stride[1] = insn->t[1].stride[2] = 40;
		TRY(insn->t[1].type, other, "t[1].type");
		case_free(c);
	}
}

static void test_clamp(void **state)
{
	static const char *const name[] = { "clamp_s8", "clamp_s16" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct engine_case *c = make(name[i], 3, 20, 1);
		struct npu_insn *insn = &c->insn;

		check_limits(c, &insn->clamp.min, &insn->clamp.max, "clamp.min");
		TRY(insn->raw[2], 1, "raw[2]");
		if (i == 0)
			TRY(insn->t[1].zero_point, (insn->t[0].zero_point + 1) % 100,
			    "t[1].zero_point");
		TRY(insn->t[0].type, NPU_TYPE_INT32, "t[0].type");
		case_free(c);
	}
}

static void test_requantise(void **state)
{
	static const char *const name[] = { "requantise_s8_s8",	 "requantise_s8_s16",
					    "requantise_s16_s8", "requantise_s16_s16",
					    "requantise_s32_s8", "requantise_s32_s16" };
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++) {
		struct engine_case *c = make(name[i], 3, 20, 1);
		struct npu_insn *insn = &c->insn;

		check_scales(c, &insn->requantise.scales, 1, 30, "requantise.scales");
		check_limits(c, &insn->requantise.act_min, &insn->requantise.act_max,
			     "requantise.act_min");
		TRY(insn->raw[3], 1, "raw[3]");
		TRY(insn->t[1].type, NPU_TYPE_INT64, "t[1].type");
		TRY(insn->t[0].type, NPU_TYPE_INT32, "t[0].type");
		TRY(insn->t[1].dim[3], 19, "t[1].dim[3]");
		case_free(c);
	}
}

static void test_table(void **state)
{
	static const char *const name[] = { "table_s8", "table_s16" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct engine_case *c = make(name[i], 3, 20, 1);
		struct npu_insn *insn = &c->insn;
		uint32_t last = i == 0 ? 0 : 2;

		/* the section is rounded up to 4 bytes: an int16 table has one position more */
		TRY(insn->table.offset, last, NULL);
		TRY(insn->table.offset, last + 2, "table.offset");
		TRY(insn->table.offset, 1, "table.offset");
		TRY(insn->table.offset, 0xfffffffeu, "table.offset");
		TRY(insn->raw[1], 1, "raw[1]");
		case_free(c);
	}
}

static void check_sigmoid_s8(const char *name, int32_t zero_point)
{
	struct engine_case *c = make(name, 3, 20, 1);
	struct npu_insn *insn = &c->insn;

	TRY(insn->t[0].zero_point, zero_point + 1, "t[0].zero_point");
	TRY(insn->sigmoid.multiplier, 1 << 30, NULL);
	TRY(insn->sigmoid.multiplier, INT32_MAX, NULL);
	TRY(insn->sigmoid.multiplier, (1 << 30) - 1, "sigmoid.multiplier");
	TRY(insn->sigmoid.multiplier, 0, "sigmoid.multiplier");
	TRY(insn->sigmoid.multiplier, INT32_MIN, "sigmoid.multiplier");
	TRY(insn->sigmoid.shift, 0, NULL);
	TRY(insn->sigmoid.shift, -1, "sigmoid.shift");
	TRY(insn->sigmoid.shift, 30, NULL);
	TRY(insn->sigmoid.shift, 31, "sigmoid.shift");
	TRY(insn->sigmoid.radius, 0, NULL);
	TRY(insn->sigmoid.radius, -1, "sigmoid.radius");
	TRY(insn->sigmoid.radius, 255, NULL);
	TRY(insn->sigmoid.radius, 256, "sigmoid.radius");
	TRY(insn->raw[3], 1, "raw[3]");
	case_free(c);
}

static void check_sigmoid_s16(const char *name)
{
	struct engine_case *c = make(name, 3, 20, 1);
	struct npu_insn *insn = &c->insn;

	insn->sigmoid.multiplier = 1;
	TRY(insn->sigmoid.shift, 15, NULL);
	TRY(insn->sigmoid.shift, 16, "sigmoid.shift");
	TRY(insn->sigmoid.shift, -1, "sigmoid.shift");
	TRY(insn->sigmoid.multiplier, -1, "sigmoid.multiplier");
	TRY(insn->sigmoid.multiplier, 32767, NULL);
	TRY(insn->sigmoid.multiplier, 32768, "sigmoid.multiplier");
	TRY(insn->sigmoid.radius, 1, "sigmoid.radius");
	insn->sigmoid.multiplier = 0;
	TRY(insn->sigmoid.shift, 13, NULL);
	TRY(insn->sigmoid.shift, 14, "sigmoid.shift");
	case_free(c);
}

static void test_sigmoid(void **state)
{
	(void)state;
	check_sigmoid_s8("sigmoid_s8", -128);
	check_sigmoid_s8("tanh_s8", 0);
	check_sigmoid_s16("sigmoid_s16");
	check_sigmoid_s16("tanh_s16");
}

static void test_softmax_s8(void **state)
{
	struct engine_case *c = make("softmax_s8_s8", 1, NPU_MAX_SOFTMAX, 1);
	struct npu_insn *insn = &c->insn;

	(void)state;
	TRY(insn->t[0].zero_point, -127, "t[0].zero_point");
	TRY(insn->softmax.multiplier, (1 << 30) - 1, "softmax.multiplier");
	TRY(insn->softmax.multiplier, INT32_MAX, NULL);
	TRY(insn->softmax.shift, -1, "softmax.shift");
	TRY(insn->softmax.shift, 0, NULL);
	TRY(insn->softmax.shift, 30, NULL);
	TRY(insn->softmax.shift, 31, "softmax.shift");
	TRY(insn->softmax.diff_min, 1, "softmax.diff_min");
	TRY(insn->softmax.diff_min, 0, NULL);
	TRY(insn->softmax.diff_min, -8160, NULL);
	TRY(insn->softmax.diff_min, -8161, "softmax.diff_min");
	TRY(insn->softmax.diff_min, INT32_MIN, "softmax.diff_min");
	TRY(insn->raw[3], 1, "raw[3]");
	insn->t[0].dim[3] = insn->t[1].dim[3] = NPU_MAX_SOFTMAX + 1;
	expect(c, "t[0].dim[3]", __LINE__);
	case_free(c);
}

static void test_softmax_s16(void **state)
{
	struct engine_case *c = make("softmax_s16_s16", 1, 40, 1);
	struct npu_insn *insn = &c->insn;

	(void)state;
	TRY(insn->softmax.multiplier, 0, NULL);
	TRY(insn->softmax.multiplier, (1 << 30) - 1, "softmax.multiplier");
	TRY(insn->softmax.multiplier, -1, "softmax.multiplier");
	TRY(insn->softmax.shift, -31, NULL);
	TRY(insn->softmax.shift, -32, "softmax.shift");
	TRY(insn->softmax.shift, 7, NULL);
	TRY(insn->softmax.shift, 8, "softmax.shift");
	TRY(insn->softmax.diff_min, -1, "softmax.diff_min");
	TRY(insn->t[0].type, NPU_TYPE_INT8, "t[0].type");
	case_free(c);
}

/* A program without slots or constants. */
static void test_nothing_there(void **state)
{
	struct engine_case *c = make("mul_s8", 1, 4, 1);
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_fault fault;
	__u64 cost = 0;

	(void)state;
	assert_false(npu_insn_validate(&c->insn, c->exec.consts, 8, 0, needs, &cost, &fault));
	assert_string_equal(fault.field, "t[0].slot");
	memset(needs, 0, sizeof(needs));
	assert_false(npu_insn_validate(&c->insn, NULL, 0, 3, needs, &cost, &fault));
	assert_string_equal(fault.field, "binary.scales");
	case_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared_fields),
		cmocka_unit_test(test_nop),
		cmocka_unit_test(test_extents),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_written_elements),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_fully_connected),
		cmocka_unit_test(test_fully_connected_sums),
		cmocka_unit_test(test_bias_types),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_requantise),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_sigmoid),
		cmocka_unit_test(test_softmax_s8),
		cmocka_unit_test(test_softmax_s16),
		cmocka_unit_test(test_nothing_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
