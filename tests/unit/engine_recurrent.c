// SPDX-License-Identifier: MIT
/*
 * RNN, LSTM and GRU: the scalar kernels against a reference written from the definition, every
 * variant against the scalar ones, however the work is cut, streamed or padded. All operands end at
 * guard pages.
 */
#include "recurrent_reference.h"

/* Every kind of instruction; shapes are filled in. */
static const struct sequence kinds[] = {
	{ .name = "rnn tanh", .opcode = NPU_OP_RNN, .bias = NPU_TYPE_INT32 },
	{ .name = "rnn sigmoid", .opcode = NPU_OP_RNN, .activation = NPU_RNN_SIGMOID },
	{ .name = "rnn linear", .opcode = NPU_OP_RNN, .activation = NPU_RNN_LINEAR },
	{ .name = "rnn table",
	  .opcode = NPU_OP_RNN,
	  .activation = NPU_RNN_TABLE,
	  .bias = NPU_TYPE_INT32 },
	{ .name = "lstm", .opcode = NPU_OP_LSTM, .bias = NPU_TYPE_INT32 },
	{ .name = "lstm without bias", .opcode = NPU_OP_LSTM },
	{ .name = "gru", .opcode = NPU_OP_GRU, .bias = NPU_TYPE_INT32 },
	{ .name = "gru without bias", .opcode = NPU_OP_GRU },
	{ .name = "gru reset after",
	  .opcode = NPU_OP_GRU,
	  .flags = NPU_RECURRENT_RESET_AFTER,
	  .bias = NPU_TYPE_INT32 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Kind @i of 2 * KINDS, the second half int16, and what else may be chosen at random. */
static struct sequence random_kind(uint32_t i, struct rng *rng)
{
	struct sequence s = kinds[i % KINDS];

	s.type = i < KINDS ? NPU_TYPE_INT8 : NPU_TYPE_INT16;
	if (s.bias && s.type == NPU_TYPE_INT16 && rng_next(rng) % 2)
		s.bias = NPU_TYPE_INT64;
	s.hidden = rng_next(rng) % 4;
	if (s.hidden && rng_next(rng) % 2)
		s.flags |= NPU_RECURRENT_INITIAL;
	if (rng_next(rng) % 3 == 0)
		s.flags |= NPU_RECURRENT_BACKWARDS;
	s.lengths = rng_next(rng) % 3 == 0;
	s.row_scales = rng_next(rng) % 2;
	s.time_major = rng_next(rng) % 2;
	s.gap = rng_next(rng) % 3;
	s.at_end = rng_next(rng) % 4;
	s.extreme = rng_next(rng) % 5 == 0;
	return s;
}

static void expect_valid(const struct recurrent_case *c, const struct sequence *s)
{
	struct npu_slot_need needs[NPU_INSN_TENSORS];
	struct npu_fault fault;
	uint32_t i;

	if (!recurrent_valid(c, needs, &fault))
		fail_msg("%s: %s %s", s->name, fault.field, fault.reason);
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		assert_int_equal(needs[i].bytes,
				 c->slot[i].bytes ? c->slot[i].offset + c->slot[i].bytes : 0);
	assert_int_equal(needs[OUT].access, NPU_SLOT_WRITE);
	assert_int_equal(needs[IN].access, NPU_SLOT_READ);
	if (s->hidden)
		assert_int_equal(needs[HIDDEN].access,
				 NPU_SLOT_WRITE |
					 (s->flags & NPU_RECURRENT_INITIAL ? NPU_SLOT_READ : 0));
	if (c->insn.t[EXTRA].type)
		assert_int_equal(needs[EXTRA].access, NPU_SLOT_READ | NPU_SLOT_WRITE);
}

/* Units of a wave from the last to the first, one by one. */
static void run_backwards(struct recurrent_case *c, const struct npu_variant *variant)
{
	uint32_t units = npu_insn_units(&c->insn), wave = npu_insn_wave(&c->insn), first, i;

	assert_true(wave > 0 && units % wave == 0);
	recurrent_restore(c);
	for (first = 0; first < units; first += wave)
		for (i = wave; i-- > 0;)
			npu_insn_run(variant, &c->exec, 0, first + i, 1);
}

static void check_variants(struct recurrent_case *c, const struct sequence *s,
			   const uint8_t *expected)
{
	static const uint32_t budget[] = { UINT32_MAX, 1, 20000, 300000 };
	const struct npu_variant *variant;
	unsigned int v, b;

	for (v = 0; (variant = npu_variant_at(v)); v++) {
		if (!variant_runs_here(variant))
			continue;
		for (b = 0; b < 4; b++) {
			recurrent_run(c, variant, budget[b]);
			expect_recurrent(c, expected, s, npu_variant_name(variant));
		}
		run_backwards(c, variant);
		expect_recurrent(c, expected, s, npu_variant_name(variant));
	}
}

static void check_sequence(const struct sequence *s, struct rng *rng, bool reference)
{
	struct recurrent_case *c = recurrent_make(s, rng);
	uint8_t *expected;

	expect_valid(c, s);
	recurrent_restore(c);
	if (reference)
		recurrent_reference(c, s);
	else
		recurrent_run(c, npu_variant_at(0), UINT32_MAX);
	expected = recurrent_copy(c);
	check_variants(c, s, expected);
	free(expected);
	recurrent_free(c);
}

static void test_reference(void **state)
{
	struct rng rng = { 1 };
	uint32_t i, repeat;

	(void)state;
	for (i = 0; i < 2 * KINDS; i++)
		for (repeat = 0; repeat < 24; repeat++) {
			struct sequence s = random_kind(i, &rng);

			s.n = rng_range(&rng, 1, 3);
			s.t = rng_range(&rng, 1, 4);
			s.k = rng_range(&rng, 1, 23);
			s.u = rng_range(&rng, 1, 37);
			check_sequence(&s, &rng, true);
		}
}

/* Inputs and hidden units around a group of four, a block, and what a vector kernel takes at once.
 */
static void test_edges(void **state)
{
	static const uint32_t edge[] = { 1,  2,	 3,  4,	 5,  7,	 8,   9,   15,	16, 17,
					 31, 32, 33, 63, 64, 65, 127, 128, 129, 144 };
	struct rng rng = { 2 };
	uint32_t i, e;

	(void)state;
	for (i = 0; i < 2 * KINDS; i++)
		for (e = 0; e < sizeof(edge) / sizeof(edge[0]); e++) {
			struct sequence s = random_kind(i, &rng);

			s.n = rng_next(&rng) % 3 ? 1 : 2;
			s.t = rng_range(&rng, 1, 3);
			s.k = edge[rng_next(&rng) % 15];
			s.u = edge[e];
			s.at_end = true;
			check_sequence(&s, &rng, false);
		}
}

/* The most inputs and hidden units that there may be, at the extremes. */
static void test_largest(void **state)
{
	struct rng rng = { 3 };
	uint32_t i;

	(void)state;
	for (i = 0; i < 2 * KINDS; i += 4) {
		struct sequence s = random_kind(i, &rng);
		struct recurrent_case *c;
		const struct npu_variant *variant;
		uint8_t *expected;
		unsigned int v;

		s.n = s.t = 1;
		s.k = NPU_MAX_RECURRENT;
		s.u = s.opcode == NPU_OP_RNN ? NPU_MAX_RECURRENT : 520;
		s.extreme = true;
		s.lengths = false;
		c = recurrent_make(&s, &rng);
		expect_valid(c, &s);
		recurrent_run(c, npu_variant_at(0), UINT32_MAX);
		expected = recurrent_copy(c);
		for (v = 1; (variant = npu_variant_at(v)); v++) {
			if (!variant_runs_here(variant))
				continue;
			recurrent_run(c, variant, UINT32_MAX);
			expect_recurrent(c, expected, &s, npu_variant_name(variant));
		}
		free(expected);
		recurrent_free(c);
	}
}

/* Steps [first, first + count) as an instruction of its own, from the states as they are. */
static void run_piece(struct recurrent_case *c, const struct npu_variant *variant, uint32_t first,
		      uint32_t count, bool initial)
{
	struct npu_insn whole = c->insn;
	uint32_t i;

	for (i = OUT; i <= IN; i++) {
		c->insn.t[i].dim[2] = count;
		c->insn.t[i].offset += first * whole.t[i].stride[2];
	}
	if (initial)
		c->insn.rnn.flags |= NPU_RECURRENT_INITIAL;
	c->exec.insn = c->exec.unit = 0;
	while (!npu_exec_done(&c->exec))
		npu_exec_step(variant, &c->exec, UINT32_MAX);
	c->insn = whole;
}

/* A stream, cut anywhere, is the whole sequence to the bit; so is one of single steps. */
static void test_streamed(void **state)
{
	const struct npu_variant *variant;
	struct rng rng = { 4 };
	uint32_t i, v, repeat;

	(void)state;
	for (i = 0; i < 2 * KINDS; i++)
		for (repeat = 0; repeat < 6; repeat++) {
			struct sequence s = random_kind(i, &rng);
			struct recurrent_case *c;
			uint8_t *expected;

			s.n = 1 + repeat % 2;
			s.t = 7;
			s.k = 9;
			s.u = 21;
			s.hidden = true;
			s.lengths = false;
			s.flags &= ~NPU_RECURRENT_BACKWARDS;
			c = recurrent_make(&s, &rng);
			recurrent_run(c, npu_variant_at(0), UINT32_MAX);
			expected = recurrent_copy(c);
			for (v = 0; (variant = npu_variant_at(v)); v++) {
				uint32_t t = 0, count;

				if (!variant_runs_here(variant))
					continue;
				recurrent_restore(c);
				for (; t < s.t; t += count) {
					count = repeat ? rng_range(&rng, 1, s.t - t) : 1;
					run_piece(c, variant, t, count, t > 0);
				}
				expect_recurrent(c, expected, &s, npu_variant_name(variant));
			}
			free(expected);
			recurrent_free(c);
		}
}

/* A sequence in a longer instruction is the same sequence alone, in both directions. */
static void test_padded(void **state)
{
	struct rng rng = { 5 };
	uint32_t i, length;

	(void)state;
	for (i = 0; i < 2 * KINDS; i++)
		for (length = 1; length <= 5; length++) {
			struct sequence s = random_kind(i, &rng);
			struct recurrent_case *c;
			uint8_t *expected, *got;
			uint32_t bytes;

			s.n = 1;
			s.t = 5;
			s.k = 6;
			s.u = 18;
			s.gap = 0;
			s.hidden = s.lengths = true;
			c = recurrent_make(&s, &rng);
			bytes = length * c->insn.t[OUT].stride[2];
			*(int32_t *)guarded_data(&c->slot[LENGTHS]) = length;
			recurrent_run(c, npu_variant_at(0), UINT32_MAX);
			expected = recurrent_copy(c);
			*(int32_t *)guarded_data(&c->slot[LENGTHS]) = INT32_MAX;
			recurrent_restore(c);
			run_piece(c, npu_variant_at(0), 0, length, false);
			got = recurrent_copy(c);
			assert_memory_equal(got, expected, bytes);
			bytes = 5 * c->insn.t[OUT].stride[2];
			assert_memory_equal(got + bytes, expected + bytes,
					    recurrent_result(c, NULL) - bytes);
			free(got);
			free(expected);
			recurrent_free(c);
		}
}

/* Rows past the hidden units and weights past the depth never reach a result. */
static void test_padding(void **state)
{
	struct rng rng = { 6 };
	uint32_t i, part, row, k, lane;

	(void)state;
	for (i = 0; i < 2 * KINDS; i++) {
		struct sequence s = random_kind(i, &rng);
		struct recurrent_case *c;
		uint8_t *expected;

		s.n = 1;
		s.t = 3;
		s.k = 5;
		s.u = 21;
		c = recurrent_make(&s, &rng);
		recurrent_run(c, npu_variant_at(0), UINT32_MAX);
		expected = recurrent_copy(c);
		for (part = 0; part < 2; part++)
			for (row = 0; row < c->rows; row++) {
				uint32_t depth = part ? s.u : s.k;

				lane = row / 16 / c->gates * 16 + row % 16;
				for (k = lane < s.u ? depth : 0; k < (depth + 3) / 4 * 4; k++)
					*gate_weight(c, WEIGHTS + part, row, k) = rng_next(&rng);
				if (lane >= s.u && s.row_scales)
					*recurrent_scale(c, part * c->scales + row) =
						random_scale(&rng, -31, 7);
			}
		check_variants(c, &s, expected);
		free(expected);
		recurrent_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference), cmocka_unit_test(test_edges),
		cmocka_unit_test(test_largest),	  cmocka_unit_test(test_streamed),
		cmocka_unit_test(test_padded),	  cmocka_unit_test(test_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
