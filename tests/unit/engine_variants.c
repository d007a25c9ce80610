// SPDX-License-Identifier: MIT
/*
 * Every variant that this CPU can run gives the bits of the scalar one, however the work
 * is cut, and touches nothing outside its operands.
 */
#include "engine_case.h"

/* Everything in the output's memory: what must be written and what must not. */
static uint8_t *output_copy(const struct engine_case *c)
{
	uint8_t *copy = malloc(c->slot[0].bytes);

	assert_non_null(copy);
	return memcpy(copy, guarded_data(&c->slot[0]), c->slot[0].bytes);
}

static void expect_output(const struct engine_case *c, const uint8_t *expected, const char *name,
			  const char *variant, const struct shape *s)
{
	size_t i;

	if (!memcmp(expected, guarded_data(&c->slot[0]), c->slot[0].bytes))
		return;
	for (i = 0; expected[i] == guarded_data(&c->slot[0])[i]; i++)
		;
	fail_msg("%s %s: n %u h %u w %u c %u depth %u gap %u extreme %d: byte %zu of %zu differs",
		 name, variant, s->n, s->h, s->w, s->c, s->depth, s->gap, s->extreme, i,
		 c->slot[0].bytes);
}

static void check_case(const struct operation *op, const struct shape *s, struct rng *rng)
{
	struct engine_case *c = case_make(op, s, rng);
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	const struct npu_variant *variant;
	struct npu_fault fault;
	uint8_t *expected;
	uint64_t cost;
	unsigned int i;

	if (!case_valid(c, needs, &cost, &fault))
		fail_msg("%s: %s %s", op->name, fault.field, fault.reason);
	for (i = 0; i < c->slots; i++)
		assert_int_equal(needs[i].bytes, c->slot[i].offset + c->slot[i].bytes);

	case_run(c, npu_variant_at(0), UINT32_MAX);
	expected = output_copy(c);
	for (i = 0; (variant = npu_variant_at(i)); i++) {
		static const uint32_t budget[] = { UINT32_MAX, 1, 5000, 100000 };
		unsigned int b;

		if (!variant_runs_here(variant))
			continue;
		for (b = 0; b < sizeof(budget) / sizeof(budget[0]); b++) {
			case_run(c, variant, budget[b]);
			expect_output(c, expected, op->name, npu_variant_name(variant), s);
		}
	}
	free(expected);
	case_free(c);
}

static const uint32_t edges[] = { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65 };

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static uint32_t random_edge(struct rng *rng)
{
	return edges[rng_next(rng) % EDGES];
}

static void test_edge_sizes(void **state)
{
	struct rng rng = { 1 };
	unsigned int o, e;

	(void)state;
	for (o = 0; o < OPERATIONS; o++)
		for (e = 0; e < EDGES; e++) {
			struct shape s = { 1,
					   1,
					   random_edge(&rng),
					   edges[e],
					   random_edge(&rng),
					   0,
					   rng_next(&rng) % 2,
					   false };

			check_case(&operations[o], &s, &rng);
			s.w = edges[e];
			s.c = random_edge(&rng);
			s.gap = 3;
			check_case(&operations[o], &s, &rng);
		}
}

static void test_random_shapes(void **state)
{
	struct rng rng = { 2 };
	unsigned int o, i;

	(void)state;
	for (o = 0; o < OPERATIONS; o++)
		for (i = 0; i < 30; i++) {
			struct shape s = {
				.n = rng_range(&rng, 1, 3),
				.h = rng_range(&rng, 1, 4),
				.w = rng_range(&rng, 1, 20),
				.c = rng_range(&rng, 1, 150),
				.depth = rng_range(&rng, 1, 700),
				.gap = rng_next(&rng) % 3,
				.at_end = rng_next(&rng) % 2,
				.extreme = rng_next(&rng) % 4 == 0,
			};

			check_case(&operations[o], &s, &rng);
		}
}

static void test_extreme_values(void **state)
{
	struct rng rng = { 3 };
	unsigned int o, i;

	(void)state;
	for (o = 0; o < OPERATIONS; o++)
		for (i = 0; i < 6; i++) {
			struct shape s = { 1, 2, 3, 40 + i, 1021 + i * 3, i % 2, true, true };

			check_case(&operations[o], &s, &rng);
		}
}

/* Each K around a group, and around the chunk in which vector kernels sum int16 products. */
static void test_depths(void **state)
{
	static const uint32_t depth[] = { 1,   2,   3,	 4,   5,   6,	 7,    8,    9,	  127,
					  128, 129, 130, 131, 255, 256,	 257,  258,  259, 511,
					  512, 513, 515, 516, 784, 1023, 1024, 1025, 4099 };
	struct rng rng = { 4 };
	unsigned int o, i;

	(void)state;
	for (o = 0; o < OPERATIONS; o++) {
		if (operations[o].opcode != NPU_OP_FULLY_CONNECTED)
			continue;
		for (i = 0; i < sizeof(depth) / sizeof(depth[0]); i++) {
			struct shape s = { 1, 1, 1, 130, depth[i], 0, true, i % 2 };

			check_case(&operations[o], &s, &rng);
			s.w = 9;
			s.c = 35;
			s.gap = 1;
			check_case(&operations[o], &s, &rng);
		}
	}
}

/* The largest depth, all values at their minimum: 2^16 * 2^14 and 2^16 * 2^22 in one sum. */
static void test_deepest(void **state)
{
	struct rng rng = { 5 };
	unsigned int o;

	(void)state;
	for (o = 0; o < OPERATIONS; o++) {
		struct shape s = { 1, 1, 1, 70, NPU_MAX_DEPTH, 0, true, true };

		if (operations[o].opcode == NPU_OP_FULLY_CONNECTED)
			check_case(&operations[o], &s, &rng);
	}
}

/* Padding of packed weights, past K and past the channels, is never part of a result. */
static void test_weight_padding(void **state)
{
	struct shape s = { 1, 1, 5, 21, 37, 0, false, false };
	const struct npu_variant *variant;
	struct rng rng = { 6 };
	unsigned int o, i, k, lane;

	(void)state;
	for (o = 0; o < OPERATIONS; o++) {
		struct engine_case *c;
		uint8_t *expected, *w;

		if (operations[o].opcode != NPU_OP_FULLY_CONNECTED)
			continue;
		c = case_make(&operations[o], &s, &rng);
		w = guarded_data(&c->slot[2]);
		case_run(c, npu_variant_at(0), UINT32_MAX);
		expected = output_copy(c);
		for (lane = 0; lane < 32; lane++)
			for (k = 0; k < 40; k++)
				if (lane >= s.c || k >= s.depth)
					w[(lane / 16 * 10 + k / 4) * 64 + lane % 16 * 4 + k % 4] =
						rng_next(&rng);
		for (i = 0; (variant = npu_variant_at(i)); i++) {
			if (!variant_runs_here(variant))
				continue;
			case_run(c, variant, UINT32_MAX);
			expect_output(c, expected, operations[o].name, npu_variant_name(variant),
				      &s);
		}
		free(expected);
		case_free(c);
	}
}

/* Random bytes where packed weights of a convolution hold no weight. */
static void scribble_padding(struct engine_case *c, struct rng *rng)
{
	const uint32_t *dim = c->insn.t[2].dim;
	bool depthwise = c->insn.opcode == NPU_OP_DEPTHWISE_CONV_2D;
	uint32_t groups = depthwise ? 1 : c->insn.conv.groups, rows = dim[0] / groups;
	uint32_t depth = dim[1] * dim[2] * dim[3], quad = depthwise ? 1 : 4;
	uint32_t padded = (depth + quad - 1) / quad * quad, lane, k;
	uint8_t *w = guarded_data(&c->slot[2]);

	for (lane = 0; lane < conv_lanes(&c->insn); lane++)
		for (k = 0; k < padded; k++)
			if (lane % ((rows + 15) / 16 * 16) >= rows || k >= depth)
				w[(lane / 16 * padded + k / quad * quad) * 16 + lane % 16 * quad +
				  k % quad] = rng_next(rng);
}

static void test_conv_weight_padding(void **state)
{
	struct shape s = { 1, 2, 5, 42, 37, 0, false, false };
	const struct npu_variant *variant;
	struct rng rng = { 9 };
	unsigned int o, i, repeat;

	(void)state;
	for (o = 0; o < OPERATIONS; o++)
		for (repeat = 0; is_conv(operations[o].opcode) && repeat < 6; repeat++) {
			struct engine_case *c = case_make(&operations[o], &s, &rng);
			uint8_t *expected;

			case_run(c, npu_variant_at(0), UINT32_MAX);
			expected = output_copy(c);
			scribble_padding(c, &rng);
			for (i = 0; (variant = npu_variant_at(i)); i++) {
				if (!variant_runs_here(variant))
					continue;
				case_run(c, variant, UINT32_MAX);
				expect_output(c, expected, operations[o].name,
					      npu_variant_name(variant), &s);
			}
			free(expected);
			case_free(c);
		}
}

/* Units in any order, one by one, from the last to the first. */
static void test_any_order(void **state)
{
	const struct npu_variant *variant;
	struct rng rng = { 7 };
	unsigned int o, i;

	(void)state;
	for (o = 0; o < OPERATIONS; o++) {
		struct shape s = { 2, 3, 11, 67, 30, 0, false, false };
		struct engine_case *c = case_make(&operations[o], &s, &rng);
		uint8_t *expected;

		case_run(c, npu_variant_at(0), UINT32_MAX);
		expected = output_copy(c);
		for (i = 0; (variant = npu_variant_at(i)); i++) {
			uint32_t unit = npu_insn_units(&c->insn);

			if (!variant_runs_here(variant))
				continue;
			memset(guarded_data(&c->slot[0]), OUT_PATTERN, c->slot[0].bytes);
			while (unit--)
				npu_insn_run(variant, &c->exec, 0, unit, 1);
			expect_output(c, expected, operations[o].name, npu_variant_name(variant),
				      &s);
		}
		free(expected);
		case_free(c);
	}
}

/* Elementwise instructions may write where they read. */
static void test_in_place(void **state)
{
	const struct npu_variant *variant;
	struct rng rng = { 8 };
	unsigned int o, i;

	(void)state;
	for (o = 0; o < OPERATIONS; o++) {
		const struct operation *op = &operations[o];
		struct shape s = { 1, 2, 9, 77, 1, 0, false, false };
		struct engine_case *c;
		uint8_t *expected, *input;

		if (op->out != op->in || op->opcode == NPU_OP_FULLY_CONNECTED ||
		    is_shaped(op->opcode) || is_conv(op->opcode) || is_pool(op->opcode))
			continue;
		c = case_make(op, &s, &rng);
		case_run(c, npu_variant_at(0), UINT32_MAX);
		expected = output_copy(c);
		input = malloc(c->slot[1].bytes);
		assert_non_null(input);
		memcpy(input, guarded_data(&c->slot[1]), c->slot[1].bytes);
		c->exec.slot[0] = c->exec.slot[1];
		for (i = 0; (variant = npu_variant_at(i)); i++) {
			if (!variant_runs_here(variant))
				continue;
			memcpy(guarded_data(&c->slot[1]), input, c->slot[1].bytes);
			c->exec.insn = 0;
			c->exec.unit = 0;
			while (!npu_exec_done(&c->exec))
				npu_exec_step(variant, &c->exec, 2000);
			assert_memory_equal(guarded_data(&c->slot[1]), expected, c->slot[0].bytes);
		}
		free(input);
		free(expected);
		case_free(c);
	}
}

/* The choice: by name, by features, and never one that the CPU cannot run. */
static void test_choice(void **state)
{
	const struct npu_variant *variant;
	unsigned int i;

	(void)state;
	assert_string_equal(npu_variant_name(npu_variant_at(0)), "scalar");
	assert_int_equal(npu_variant_features(npu_variant_at(0)), 0);
	assert_ptr_equal(npu_variant_find(NULL, 0), npu_variant_at(0));
	assert_null(npu_variant_find("no such variant", ~0u));
	assert_null(npu_variant_find("", ~0u));
	assert_null(npu_variant_find("scalar2", ~0u));
	for (i = 0; (variant = npu_variant_at(i)); i++) {
		uint32_t features = npu_variant_features(variant);

		assert_ptr_equal(npu_variant_find(npu_variant_name(variant), features), variant);
		assert_ptr_equal(npu_variant_find(NULL, features), variant);
		if (features)
			assert_null(npu_variant_find(npu_variant_name(variant), 0));
		assert_true(npu_variant_units_per_us(variant) > 0);
		if (!variant_runs_here(variant))
			print_message("# SKIP variant %s: not on this CPU\n",
				      npu_variant_name(variant));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),	       cmocka_unit_test(test_edge_sizes),
		cmocka_unit_test(test_random_shapes),  cmocka_unit_test(test_extreme_values),
		cmocka_unit_test(test_depths),	       cmocka_unit_test(test_deepest),
		cmocka_unit_test(test_weight_padding), cmocka_unit_test(test_conv_weight_padding),
		cmocka_unit_test(test_any_order),      cmocka_unit_test(test_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
