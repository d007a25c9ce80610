// SPDX-License-Identifier: MIT
/*
 * What an attacker can do to sequences: instructions with random damage, parameters at the ends of
 * their ranges, lengths and states that change under a running program. All operands lie between
 * guard pages; a stray access ends the test.
 */
#include "recurrent_case.h"

#include <pthread.h>
#include <stdatomic.h>

#define MAX_NEED (1u << 20)
#define MAX_COST 30000000u

static const struct sequence kinds[] = {
	{ .name = "rnn", .opcode = NPU_OP_RNN, .type = NPU_TYPE_INT8, .bias = NPU_TYPE_INT32 },
	{ .name = "rnn table",
	  .opcode = NPU_OP_RNN,
	  .type = NPU_TYPE_INT16,
	  .bias = NPU_TYPE_INT32,
	  .activation = NPU_RNN_TABLE },
	{ .name = "lstm",
	  .opcode = NPU_OP_LSTM,
	  .type = NPU_TYPE_INT8,
	  .bias = NPU_TYPE_INT32,
	  .flags = NPU_RECURRENT_INITIAL },
	{ .name = "lstm s16",
	  .opcode = NPU_OP_LSTM,
	  .type = NPU_TYPE_INT16,
	  .bias = NPU_TYPE_INT64,
	  .flags = NPU_RECURRENT_BACKWARDS },
	{ .name = "gru",
	  .opcode = NPU_OP_GRU,
	  .type = NPU_TYPE_INT8,
	  .bias = NPU_TYPE_INT32,
	  .flags = NPU_RECURRENT_INITIAL },
	{ .name = "gru after",
	  .opcode = NPU_OP_GRU,
	  .type = NPU_TYPE_INT8,
	  .flags = NPU_RECURRENT_RESET_AFTER | NPU_RECURRENT_BACKWARDS },
	{ .name = "gru s16", .opcode = NPU_OP_GRU, .type = NPU_TYPE_INT16, .bias = NPU_TYPE_INT32 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct recurrent_case *make_kind(uint32_t kind, uint32_t units, bool extreme,
					struct rng *rng)
{
	struct sequence s = kinds[kind];

	s.hidden = s.lengths = true;
	s.n = 2;
	s.t = 3;
	s.k = 10;
	s.u = units;
	s.row_scales = kind % 2;
	s.at_end = true;
	s.extreme = extreme;
	return recurrent_make(&s, rng);
}

/* Run @insn on memory that is exactly what the validator asked for. */
static void run_validated(const struct npu_insn *insn, const struct recurrent_case *from,
			  const struct npu_slot_need *needs, struct rng *rng)
{
	struct guarded slot[NPU_INSN_TENSORS] = { 0 };
	struct npu_exec exec = {
		.insns = insn,
		.insn_count = 1,
		.consts = from->exec.consts,
		.workspace = from->exec.workspace,
	};
	const struct npu_variant *variant;
	uint32_t i, v;
	size_t b;

	for (i = 0; i < NPU_INSN_TENSORS; i++) {
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
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		guarded_free(&slot[i]);
}

static void damage(struct npu_insn *insn, struct rng *rng)
{
	static const uint32_t interesting[] = {
		0,    1,      2,      3,       15,	   16,	       17,	   4095,      4096,
		4097, 0x7fff, 0x8000, 1 << 24, 0x40000000, 0x7fffffff, 0x80000000, 0xffffffff
	};
	uint32_t words = sizeof(*insn) / 4, *word = (uint32_t *)insn;
	uint32_t count = 1 + rng_next(rng) % 3;

	while (count--) {
		/* words 0 to 3 are the header: hardly ever right when changed */
		uint32_t at = 4 + rng_next(rng) % (words - 4);

		switch (rng_next(rng) % 4) {
		case 0:
			word[at] = interesting[rng_next(rng) % 17];
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
	struct npu_slot_need needs[NPU_INSN_TENSORS];
	unsigned int accepted = 0, i;
	struct rng rng = { 21 };
	uint32_t kind;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		struct recurrent_case *c = make_kind(kind, 21, false, &rng);

		for (i = 0; i < 6000; i++) {
			struct npu_insn insn = c->insn;
			struct npu_fault fault = { NULL, NULL };
			__u64 cost = 0, bytes = 0;
			unsigned int n;

			damage(&insn, &rng);
			memset(needs, 0, sizeof(needs));
			if (!npu_insn_validate(&insn, c->exec.consts, c->consts.bytes,
					       NPU_INSN_TENSORS, needs, &cost, &fault)) {
				assert_non_null(fault.field);
				assert_non_null(fault.reason);
				continue;
			}
			for (n = 0; n < NPU_INSN_TENSORS; n++)
				bytes += needs[n].bytes;
			if (bytes > MAX_NEED || cost > MAX_COST)
				continue;
			accepted++;
			run_validated(&insn, c, needs, &rng);
		}
		recurrent_free(c);
	}
	/* else the test would only have tested refusals */
	print_message("# %u damaged instructions were valid and ran\n", accepted);
	assert_true(accepted > 1000);
}

/* Scales and the rest at both ends of what the validator lets pass: all variants agree. */
static void extreme_parameters(struct recurrent_case *c, struct rng *rng)
{
	bool wide = c->insn.t[OUT].type == NPU_TYPE_INT16;
	uint32_t i;

	for (i = 0; i < 2 * c->scales + c->more; i++)
		*recurrent_scale(c, i) = (struct npu_scale){
			.multiplier = rng_next(rng) % 2 ? INT32_MAX : 1 << 30,
			.shift = rng_next(rng) % 2 ? (wide && i < 2 * c->scales ? 7 : 30)
						   : -31 + (int)(rng_next(rng) % 2),
		};
	if (c->insn.opcode != NPU_OP_LSTM)
		return;
	c->insn.lstm.cell_multiplier = rng_next(rng) % 2 ? 32767 : 0;
	c->insn.lstm.cell_shift = rng_next(rng) % 2 ? 13 : 0;
	c->insn.lstm.cell_clip = rng_next(rng) % 2 ? 32767 : 0;
}

static void test_extreme_parameters(void **state)
{
	struct npu_slot_need needs[NPU_INSN_TENSORS];
	const struct npu_variant *variant;
	struct npu_fault fault;
	struct rng rng = { 22 };
	uint32_t kind, i, v;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (i = 0; i < 40; i++) {
			struct recurrent_case *c = make_kind(kind, 41, i % 2, &rng);
			uint8_t *expected;

			extreme_parameters(c, &rng);
			if (!recurrent_valid(c, needs, &fault))
				fail_msg("%s: %s %s", kinds[kind].name, fault.field, fault.reason);
			recurrent_run(c, npu_variant_at(0), UINT32_MAX);
			expected = recurrent_copy(c);
			for (v = 1; (variant = npu_variant_at(v)); v++) {
				if (!variant_runs_here(variant))
					continue;
				recurrent_run(c, variant, UINT32_MAX);
				expect_recurrent(c, expected, &kinds[kind],
						 npu_variant_name(variant));
			}
			free(expected);
			recurrent_free(c);
		}
}

/* ------------------------------------------------ contents that change */

struct writer {
	struct recurrent_case *c;
	atomic_bool stop;
	atomic_uint rounds;
};

static void *rewrite(void *data)
{
	struct writer *writer = data;
	struct recurrent_case *c = writer->c;
	struct rng rng = { 23 };
	uint32_t i;
	size_t b;

	while (!atomic_load(&writer->stop)) {
		uint64_t pattern = rng_next(&rng) * 0x100000001ull;

		if (rng_next(&rng) % 2)
			pattern = rng_next(&rng) % 2 ? 0x8080808080808080ull : 2;
		for (i = 0; i < NPU_INSN_TENSORS; i++)
			for (b = 0; b < c->slot[i].bytes; b++)
				((volatile uint8_t *)guarded_data(&c->slot[i]))[b] = pattern >>
										     b % 4 * 8;
		atomic_fetch_add(&writer->rounds, 1);
	}
	return NULL;
}

static void race(uint32_t kind)
{
	struct rng rng = { 24 };
	struct writer writer = { .c = make_kind(kind, 100, false, &rng) };
	struct recurrent_case *c = writer.c;
	const struct npu_variant *variant;
	unsigned int i, v;
	pthread_t thread;
	uint8_t *first;

	assert_int_equal(pthread_create(&thread, NULL, rewrite, &writer), 0);
	while (!atomic_load(&writer.rounds))
		sched_yield();
	for (v = 0; (variant = npu_variant_at(v)); v++)
		for (i = 0; variant_runs_here(variant) && i < 40; i++) {
			c->exec.insn = c->exec.unit = 0;
			while (!npu_exec_done(&c->exec))
				npu_exec_step(variant, &c->exec, 50000);
		}
	atomic_store(&writer.stop, true);
	pthread_join(thread, NULL);

	/* and the engine has kept nothing of it: quiet memory gives equal answers again */
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		if (c->slot[i].bytes)
			random_bytes(&rng, guarded_data(&c->slot[i]), c->slot[i].bytes,
				     c->insn.t[i].type, false);
	recurrent_run(c, npu_variant_at(0), UINT32_MAX);
	first = recurrent_copy(c);
	for (v = 0; (variant = npu_variant_at(v)); v++) {
		if (!variant_runs_here(variant))
			continue;
		recurrent_run(c, variant, UINT32_MAX);
		expect_recurrent(c, first, &kinds[kind], npu_variant_name(variant));
	}
	free(first);
	recurrent_free(c);
}

/* No crash and no access outside; what comes out is not defined while memory changes. */
static void test_rewritten_slots(void **state)
{
	uint32_t kind;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		race(kind);
}

/* Lengths that are no lengths count as 0 or as all steps. */
static void test_lengths(void **state)
{
	static const int32_t hostile[] = { INT32_MIN, -1, 4, INT32_MAX };
	const struct npu_variant *variant;
	struct rng rng = { 25 };
	uint32_t kind, i, n, v;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (i = 0; i < 4; i++) {
			struct recurrent_case *c = make_kind(kind, 17, false, &rng);
			int32_t *lengths = (int32_t *)guarded_data(&c->slot[LENGTHS]);
			uint8_t *expected;

			for (n = 0; n < 2; n++)
				lengths[n] = hostile[i] < 0 ? 0 : 3;
			recurrent_run(c, npu_variant_at(0), UINT32_MAX);
			expected = recurrent_copy(c);
			for (n = 0; n < 2; n++)
				lengths[n] = hostile[i];
			for (v = 0; (variant = npu_variant_at(v)); v++) {
				if (!variant_runs_here(variant))
					continue;
				recurrent_run(c, variant, 1);
				expect_recurrent(c, expected, &kinds[kind],
						 npu_variant_name(variant));
			}
			free(expected);
			recurrent_free(c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_instructions),
		cmocka_unit_test(test_extreme_parameters),
		cmocka_unit_test(test_rewritten_slots),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
