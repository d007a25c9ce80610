// SPDX-License-Identifier: MIT
/*
 * What an attacker can do: instructions with random damage, parameters at the ends of
 * their ranges, and slot contents that change under a running program. All operands lie
 * between guard pages; a stray access ends the test.
 */
#include "engine_case.h"

#include <pthread.h>
#include <stdatomic.h>

#define MAX_NEED (1u << 20)
#define MAX_COST 20000000u

/* Run @insn on memory that is exactly what the validator asked for. */
static void run_validated(const struct npu_insn *insn, const struct engine_case *from,
			  const struct npu_slot_need *needs, struct rng *rng)
{
	struct guarded slot[NPU_MAX_SLOTS] = { 0 };
	struct npu_exec exec = {
		.insns = insn,
		.insn_count = 1,
		.consts = from->exec.consts,
		.workspace = from->exec.workspace,
	};
	const struct npu_variant *variant;
	uint32_t i, v;
	size_t b;

	for (i = 0; i < from->slots; i++) {
		if (!needs[i].bytes)
			continue;
		/* round up to the element size of any operand: its offset is a multiple of it */
		guarded_make(&slot[i], (needs[i].bytes + 7) / 8 * 8, true);
		for (b = 0; b < slot[i].bytes; b++)
			guarded_data(&slot[i])[b] = rng_next(rng);
		exec.slot[i] = guarded_data(&slot[i]);
	}
	for (v = 0; (variant = npu_variant_at(v)); v++) {
		if (!variant_runs_here(variant))
			continue;
		exec.insn = exec.unit = 0;
		while (!npu_exec_done(&exec))
			npu_exec_step(variant, &exec, 100000);
	}
	for (i = 0; i < from->slots; i++)
		guarded_free(&slot[i]);
}

static void damage(struct npu_insn *insn, struct rng *rng)
{
	static const uint32_t interesting[] = { 0,	    1,		2,	    3,
						15,	    16,		17,	    63,
						64,	    127,	255,	    256,
						0x7fff,	    0x8000,	0xffff,	    1 << 24,
						0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000,
						0xfffffffe, 0xffffffff };
	uint32_t words = sizeof(*insn) / 4, *word = (uint32_t *)insn;
	uint32_t count = 1 + rng_next(rng) % 3;

	while (count--) {
		/* mostly where something is */
		uint32_t at = rng_next(rng) % 4 ? 4 + rng_next(rng) % 40 : rng_next(rng) % words;

		switch (rng_next(rng) % 4) {
		case 0:
			word[at] = interesting[rng_next(rng) % 22];
			break;
		case 1:
			word[at] += rng_range(rng, -4, 4);
			break;
		case 2:
			word[at] ^= 1u << rng_next(rng) % 32;
			break;
		default:
			word[at] = rng_next(rng);
			break;
		}
	}
}

static void test_damaged_instructions(void **state)
{
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	unsigned int accepted = 0, o, i;
	struct rng rng = { 21 };

	(void)state;
	for (o = 0; o < OPERATIONS; o++) {
		struct shape s = { 1, 2, 3, 21, 18, 1, false, false };
		struct engine_case *c = case_make(&operations[o], &s, &rng);

		for (i = 0; i < 4000; i++) {
			struct npu_insn insn = c->insn;
			struct npu_fault fault = { NULL, NULL };
			__u64 cost = 0, bytes = 0;
			unsigned int n;

			damage(&insn, &rng);
			memset(needs, 0, sizeof(needs));
			if (!npu_insn_validate(&insn, c->exec.consts, c->consts.bytes, c->slots,
					       needs, &cost, &fault)) {
				assert_non_null(fault.field);
				assert_non_null(fault.reason);
				continue;
			}
			for (n = 0; n < c->slots; n++)
				bytes += needs[n].bytes;
			if (bytes > MAX_NEED || cost > MAX_COST)
				continue;
			accepted++;
			run_validated(&insn, c, needs, &rng);
		}
		case_free(c);
	}
	/* else the test would only have tested refusals */
	print_message("# %u damaged instructions were valid and ran\n", accepted);
	assert_true(accepted > 1000);
}

/* Windows as far from the image, and their taps as far from each other, as may be. */
static void extreme_geometry(struct npu_insn *insn, struct rng *rng)
{
	bool transpose = insn->opcode == NPU_OP_TRANSPOSE_CONV_2D;
	uint32_t d;

	for (d = 0; d < 2; d++) {
		uint32_t positions = insn->t[transpose ? 1 : 0].dim[1 + d];
		uint32_t stride = NPU_MAX_REACH / 2 / positions;
		uint32_t dilation = NPU_MAX_REACH / 2 / insn->t[2].dim[1 + d];

		if (rng_next(rng) % 2)
			insn->conv.pad[d] = NPU_MAX_DIM;
		if (rng_next(rng) % 2)
			insn->conv.stride[d] = stride < NPU_MAX_DIM ? stride : NPU_MAX_DIM;
		if (rng_next(rng) % 2)
			insn->conv.dilation[d] = dilation < NPU_MAX_DIM ? dilation : NPU_MAX_DIM;
	}
}

/* Parameters at both ends of what the validator lets pass: all variants agree. */
static void extreme_parameters(struct engine_case *c, struct rng *rng)
{
	struct npu_insn *insn = &c->insn;
	bool wide = insn->t[1].type == NPU_TYPE_INT16;
	struct npu_scale *scale = (struct npu_scale *)guarded_data(&c->consts);
	int32_t max_shift = 30;
	uint32_t i;

	switch (insn->opcode) {
	case NPU_OP_SIGMOID:
	case NPU_OP_TANH:
		insn->sigmoid.multiplier = wide ? 32767 : INT32_MAX;
		insn->sigmoid.shift = rng_next(rng) % 2 ? (wide ? 15 : 30) : 0;
		insn->sigmoid.radius = wide ? 0 : 255;
		return;
	case NPU_OP_SOFTMAX:
		insn->softmax.multiplier = INT32_MAX;
		insn->softmax.shift = rng_next(rng) % 2 ? (wide ? 7 : 30) : (wide ? -31 : 0);
		return;
	case NPU_OP_COPY:
	case NPU_OP_CLAMP:
	case NPU_OP_TABLE:
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		return;
	case NPU_OP_ADD:
	case NPU_OP_SUB:
		max_shift = 0;
		break;
	case NPU_OP_FULLY_CONNECTED:
	case NPU_OP_BATCH_MATMUL:
	case NPU_OP_CONV_2D:
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_TRANSPOSE_CONV_2D:
		max_shift = wide && !(is_conv(insn->opcode) && insn->t[3].type == NPU_TYPE_INT32)
				    ? 7
				    : 30;
		break;
	}
	if (is_conv(insn->opcode) && rng_next(rng) % 2)
		extreme_geometry(insn, rng);
	for (i = 0; i < c->consts.bytes / sizeof(*scale); i++)
		scale[i] = (struct npu_scale){
			.multiplier = rng_next(rng) % 2 ? INT32_MAX : 1 << 30,
			.shift = rng_next(rng) % 2 ? max_shift : -31 + (int)(rng_next(rng) % 2),
		};
}

static void test_extreme_parameters(void **state)
{
	const struct npu_variant *variant;
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct rng rng = { 22 };
	unsigned int o, i, v;

	(void)state;
	for (o = 0; o < OPERATIONS; o++)
		for (i = 0; i < 20; i++) {
			struct shape s = { 1, 2, 3, 41, 99, 0, true, i % 2 };
			struct engine_case *c = case_make(&operations[o], &s, &rng);
			struct npu_fault fault;
			uint8_t *expected;
			uint64_t cost;

			extreme_parameters(c, &rng);
			if (!case_valid(c, needs, &cost, &fault))
				fail_msg("%s: %s %s", operations[o].name, fault.field,
					 fault.reason);
			case_run(c, npu_variant_at(0), UINT32_MAX);
			expected = malloc(c->slot[0].bytes);
			assert_non_null(expected);
			memcpy(expected, guarded_data(&c->slot[0]), c->slot[0].bytes);
			for (v = 1; (variant = npu_variant_at(v)); v++) {
				if (!variant_runs_here(variant))
					continue;
				case_run(c, variant, UINT32_MAX);
				if (memcmp(expected, guarded_data(&c->slot[0]), c->slot[0].bytes))
					fail_msg("%s %s differs", operations[o].name,
						 npu_variant_name(variant));
			}
			free(expected);
			case_free(c);
		}
}

/* ------------------------------------------------ contents that change */

struct writer {
	struct engine_case *c;
	atomic_bool stop;
	atomic_uint rounds;
};

static void *rewrite(void *data)
{
	struct writer *writer = data;
	struct engine_case *c = writer->c;
	struct rng rng = { 23 };
	uint32_t i;
	size_t b;

	while (!atomic_load(&writer->stop)) {
		uint64_t pattern = rng_next(&rng) * 0x100000001ull;

		if (rng_next(&rng) % 2)
			pattern = rng_next(&rng) % 2 ? 0x8080808080808080ull
						     : 0x7f7f7f7f7f7f7f7full;
		for (i = 0; i < c->slots; i++)
			for (b = 0; b < c->slot[i].bytes; b++)
				((volatile uint8_t *)guarded_data(&c->slot[i]))[b] = pattern >>
										     b % 8 * 8;
		atomic_fetch_add(&writer->rounds, 1);
	}
	return NULL;
}

static void race(const struct operation *op)
{
	struct shape s = { 1, 4, 8, 300, 300, 0, true, false };
	const struct npu_variant *variant;
	struct rng rng = { 24 };
	struct writer writer = { .c = case_make(op, &s, &rng) };
	struct engine_case *c = writer.c;
	unsigned int i, v;
	pthread_t thread;
	uint8_t *first;

	assert_int_equal(pthread_create(&thread, NULL, rewrite, &writer), 0);
	while (!atomic_load(&writer.rounds))
		sched_yield();
	for (v = 0; (variant = npu_variant_at(v)); v++)
		for (i = 0; variant_runs_here(variant) && i < 12; i++) {
			c->exec.insn = c->exec.unit = 0;
			while (!npu_exec_done(&c->exec))
				npu_exec_step(variant, &c->exec, 50000);
		}
	atomic_store(&writer.stop, true);
	pthread_join(thread, NULL);

	/* and the engine has kept nothing of it: quiet memory gives equal answers again */
	for (i = 1; i < c->slots; i++)
		random_bytes(&rng, guarded_data(&c->slot[i]), c->slot[i].bytes, c->insn.t[i].type,
			     false);
	first = malloc(c->slot[0].bytes);
	assert_non_null(first);
	case_run(c, npu_variant_at(0), UINT32_MAX);
	memcpy(first, guarded_data(&c->slot[0]), c->slot[0].bytes);
	for (v = 0; (variant = npu_variant_at(v)); v++) {
		if (!variant_runs_here(variant))
			continue;
		case_run(c, variant, UINT32_MAX);
		assert_memory_equal(first, guarded_data(&c->slot[0]), c->slot[0].bytes);
	}
	free(first);
	case_free(c);
}

/* No crash and no access outside; what comes out is not defined while memory changes. */
static void test_rewritten_slots(void **state)
{
	unsigned int o;

	(void)state;
	for (o = 0; o < OPERATIONS; o++)
		race(&operations[o]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_instructions),
		cmocka_unit_test(test_extreme_parameters),
		cmocka_unit_test(test_rewritten_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
