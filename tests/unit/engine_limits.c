// SPDX-License-Identifier: MIT
/*
 * Each number of each instruction, by the table of their words, at every limit that there is and
 * one beside it. What is refused is refused by a name that the uAPI header knows; what is accepted
 * runs within the operands, which are as long as the validator says, and gives the scalar bits in
 * every variant. engine_validate*.c say which of the two it has to be.
 */
#include "recurrent_case.h"
#include "runtime/device.h"
#include "train/compile/instruction.h"

#define MOST_BYTES (1u << 18)
#define MOST_COST 300000

/**
 * struct subject - an instruction whose numbers are changed
 * @consts: the constant section
 * @runs: how often it was accepted and run
 * @refusals: how often it was not accepted
 */
struct subject {
	const char *name;
	struct npu_insn insn;
	const struct guarded *consts;
	unsigned int runs, refusals;
};

static const int64_t values[] = {
	0,
	1,
	2,
	3,
	4,
	7,
	8,
	15,
	16,
	17,
	30,
	31,
	32,
	127,
	128,
	255,
	256,
	4095,
	4096,
	4097,
	32767,
	32768,
	65535,
	65536,
	65537,
	(1 << 24) - 1,
	1 << 24,
	(1 << 24) + 1,
	(1 << 30) - 1,
	1 << 30,
	(1 << 30) + 1,
	INT32_MAX,
	-1,
	-2,
	-31,
	-32,
	-128,
	-129,
	-8160,
	-8161,
	-32768,
	-32769,
	INT32_MIN,
};

/* "t[2].dim[1]", "conv.pad[0]", "raw[3]" and the like. */
static bool is_known_field(const struct npu_insn *insn, const char *field)
{
	const struct npu_instruction *words = npu_instruction_of(insn->opcode);
	const char *dot = strchr(field, '.');
	unsigned int i;

	if (field[0] == 't' && field[1] == '[')
		return true;
	if (!strncmp(field, "raw[", 4))
		return true;
	for (i = 0; dot && i < words->parameters; i++) {
		size_t length = strlen(words->parameter[i].name);

		if (!strncmp(dot + 1, words->parameter[i].name, length) &&
		    (dot[1 + length] == '\0' || dot[1 + length] == '['))
			return true;
	}
	return false;
}

static void fill(uint8_t *memory, size_t bytes, struct rng *rng)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		memory[i] = (uint8_t)rng_next(rng);
}

/* Run in steps and compare all slots; @expected: NULL: the first run, whose result they become. */
static void run_once(const struct subject *s, struct npu_exec *exec,
		     const struct npu_slot_need *needs, const struct npu_variant *variant,
		     uint8_t *expected[NPU_INSN_TENSORS], bool first)
{
	struct rng rng = { 7 };
	uint32_t i;

	for (i = 0; i < NPU_INSN_TENSORS; i++)
		fill(exec->slot[i], needs[i].bytes, &rng);
	exec->insn = exec->unit = 0;
	while (!npu_exec_done(exec))
		npu_exec_step(variant, exec, first ? UINT32_MAX : 3000);
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		if (first)
			memcpy(expected[i], exec->slot[i], needs[i].bytes);
		else if (memcmp(expected[i], exec->slot[i], needs[i].bytes))
			fail_msg("%s: %s differs from scalar in slot %u", s->name,
				 npu_variant_name(variant), i);
}

static void run_all(struct subject *s, const struct npu_insn *insn,
		    const struct npu_slot_need *needs)
{
	static uint8_t workspace[NPU_WORKSPACE_BYTES] __attribute__((aligned(NPU_WORKSPACE_ALIGN)));
	struct npu_exec exec = {
		.insns = insn,
		.insn_count = 1,
		.consts = guarded_data(s->consts),
		.workspace = workspace,
	};
	uint8_t *expected[NPU_INSN_TENSORS];
	const struct npu_variant *variant;
	uint32_t i;

	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		void *memory = NULL;

		assert_int_equal(posix_memalign(&memory, 64, needs[i].bytes + !needs[i].bytes), 0);
		exec.slot[i] = memory;
		expected[i] = malloc(needs[i].bytes + 1);
		assert_non_null(expected[i]);
	}
	for (i = 0; (variant = npu_variant_at(i)); i++)
		if (!(npu_variant_features(variant) & ~npu_cpu_features()))
			run_once(s, &exec, needs, variant, expected, i == 0);
	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		free(exec.slot[i]);
		free(expected[i]);
	}
	s->runs++;
}

static void try_insn(struct subject *s, const struct npu_insn *insn)
{
	struct npu_slot_need needs[NPU_MAX_SLOTS] = { 0 };
	struct npu_fault fault = { 0 };
	uint64_t bytes = 0;
	__u64 cost = 0;
	uint32_t i;

	if (!npu_insn_validate(insn, guarded_data(s->consts), s->consts->bytes, NPU_INSN_TENSORS,
			       needs, &cost, &fault)) {
		assert_non_null(fault.field);
		assert_non_null(fault.reason);
		if (!is_known_field(insn, fault.field))
			fail_msg("%s: a refusal by %s", s->name, fault.field);
		s->refusals++;
		return;
	}
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		bytes += needs[i].bytes;
	if (bytes <= MOST_BYTES && cost <= MOST_COST)
		run_all(s, insn, needs);
}

/* All of values[], and the neighbours of what is there. */
static void try_numbers(struct subject *s, size_t at, unsigned int bytes)
{
	struct npu_insn insn;
	int64_t old = 0, number;
	size_t i;

	memcpy(&old, (uint8_t *)&s->insn + at, bytes);
	for (i = 0; i < sizeof(values) / sizeof(values[0]) + 3; i++) {
		insn = s->insn;
		number = i < 2 ? old + (i ? 1 : -1) : i == 2 ? 2 * old : values[i - 3];
		memcpy((uint8_t *)&insn + at, &number, bytes);
		try_insn(s, &insn);
	}
}

static void try_tensor(struct subject *s, unsigned int i)
{
	size_t at = offsetof(struct npu_insn, t) + i * sizeof(struct npu_tensor);
	unsigned int d;

	try_numbers(s, at + offsetof(struct npu_tensor, slot), 1);
	try_numbers(s, at + offsetof(struct npu_tensor, type), 1);
	try_numbers(s, at + offsetof(struct npu_tensor, layout), 1);
	try_numbers(s, at + offsetof(struct npu_tensor, offset), 4);
	try_numbers(s, at + offsetof(struct npu_tensor, zero_point), 4);
	for (d = 0; d < 4; d++)
		try_numbers(s, at + offsetof(struct npu_tensor, dim[d]), 4);
	for (d = 0; d < 3; d++)
		try_numbers(s, at + offsetof(struct npu_tensor, stride[d]), 4);
}

static void check_subject(struct subject *s)
{
	const struct npu_instruction *words = npu_instruction_of(s->insn.opcode);
	unsigned int i, j;

	/* operands begin where their slots do */
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		s->insn.t[i].offset = 0;
	try_insn(s, &s->insn);
	assert_int_equal(s->runs, 1);
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		try_tensor(s, i);
	for (i = 0; i < words->parameters; i++)
		for (j = 0; j < words->parameter[i].count; j++)
			try_numbers(s, words->parameter[i].at + j * words->parameter[i].bytes,
				    words->parameter[i].bytes);
	/* some of each, or nothing was tested */
	assert_true(s->runs > 10);
	assert_true(s->refusals > 100);
}

static void test_operations(void **state)
{
	struct rng rng = { 51 };
	unsigned int o;

	(void)state;
	for (o = 0; o < OPERATIONS; o++) {
		const struct shape shape = { .n = 1, .h = 2, .w = 3, .c = 18, .depth = 5 };
		struct engine_case *c = case_make(&operations[o], &shape, &rng);
		struct subject s = { operations[o].name, c->insn, &c->consts, 0, 0 };

		check_subject(&s);
		case_free(c);
	}
}

static void test_recurrent(void **state)
{
	struct rng rng = { 52 };
	unsigned int o;

	(void)state;
	for (o = 0; o < RECURRENT_OPERATIONS; o++) {
		const struct operation *op = &recurrent_operations[o];
		const struct sequence sequence = {
			.name = op->name,
			.opcode = op->opcode,
			.type = op->in,
			.bias = op->bias,
			.hidden = true,
			.lengths = true,
			.n = 2,
			.t = 2,
			.k = 5,
			.u = 18,
		};
		struct recurrent_case *c = recurrent_make(&sequence, &rng);
		struct subject s = { op->name, c->insn, &c->consts, 0, 0 };

		check_subject(&s);
		recurrent_free(c);
	}
}

/* Every instruction that there are words for is in one of the two tables. */
static void test_every_instruction(void **state)
{
	const struct npu_instruction *words;
	unsigned int o;
	size_t i;

	(void)state;
	for (i = 0; (words = npu_instruction_at(i)); i++) {
		bool found = words->opcode == NPU_OP_NOP;

		for (o = 0; o < OPERATIONS; o++)
			found |= operations[o].opcode == words->opcode;
		for (o = 0; o < RECURRENT_OPERATIONS; o++)
			found |= recurrent_operations[o].opcode == words->opcode;
		if (!found)
			fail_msg("%s is in no table of operations", words->mnemonic);
	}
	for (o = 0; o < OPERATIONS; o++)
		assert_true(operations[o].typical.h && operations[o].typical.w &&
			    operations[o].typical.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_instruction),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_recurrent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
