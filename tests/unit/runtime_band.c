// SPDX-License-Identifier: MIT
/* Rows of an instruction as instructions of their own: valid, within its bounds, and its bits. */
#include "engine_case.h"
#include "runtime/band.h"

/* Rows [first, first + count) by @variant, as a crew runs them. */
static void run_band(const struct engine_case *c, const struct npu_variant *variant, uint32_t first,
		     uint32_t count)
{
	struct npu_slot_need whole[NPU_MAX_SLOTS] = { 0 }, part[NPU_MAX_SLOTS] = { 0 };
	struct npu_exec exec = c->exec;
	struct npu_fault fault = { 0 };
	struct npu_insn band;
	__u64 cost = 0;

	npu_band(&c->insn, first, count, &band);
	assert_true(npu_insn_validate(&c->insn, guarded_data(&c->consts), c->const_bytes, c->slots,
				      whole, &cost, &fault));
	if (!npu_insn_validate(&band, guarded_data(&c->consts), c->const_bytes, c->slots, part,
			       &cost, &fault))
		fail_msg("a band's %s %s", fault.field, fault.reason);
	for (uint32_t i = 0; i < c->slots; i++)
		assert_true(part[i].bytes <= whole[i].bytes);
	exec.insns = &band;
	npu_insn_run(variant, &exec, 0, 0, npu_insn_units(&band));
}

static bool check_case(const struct operation *op, const struct shape *s, struct rng *rng)
{
	struct engine_case *c = case_make(op, s, rng);
	uint32_t bands = npu_bands(&c->insn);
	size_t bytes = c->slot[0].bytes;
	const struct npu_variant *variant;
	uint8_t *expected = malloc(bytes);

	case_run(c, npu_variant_at(0), UINT32_MAX);
	memcpy(expected, guarded_data(&c->slot[0]), bytes);
	for (unsigned int v = 0; bands > 1 && (variant = npu_variant_at(v)); v++) {
		if (!variant_runs_here(variant))
			continue;
		memset(guarded_data(&c->slot[0]), OUT_PATTERN, bytes);
		for (uint32_t first = 0; first < bands;) {
			uint32_t count = 1 + rng_next(rng) % (bands - first);

			run_band(c, variant, first, count);
			first += count;
		}
		if (memcmp(expected, guarded_data(&c->slot[0]), bytes))
			fail_msg("%s %s: h %u w %u c %u depth %u: bands differ from the whole",
				 op->name, npu_variant_name(variant), s->h, s->w, s->c, s->depth);
	}
	free(expected);
	case_free(c);
	return bands > 1;
}

static void test_every_operation(void **state)
{
	struct rng rng = { 11 };

	(void)state;
	for (unsigned int o = 0; o < OPERATIONS; o++) {
		unsigned int banded = 0;

		for (unsigned int i = 0; i < 60; i++) {
			struct shape s = {
				.n = i % 8 ? 1 : 2,
				.h = rng_range(&rng, 1, 9),
				.w = rng_range(&rng, 1, 14),
				.c = rng_range(&rng, 1, 70),
				.depth = rng_range(&rng, 1, 70),
				.gap = rng_next(&rng) % 3,
				.at_end = rng_next(&rng) % 2,
			};

			banded += check_case(&operations[o], &s, &rng);
		}
		/* Those that a network spends its time with must be among them. */
		if (operations[o].opcode == NPU_OP_CONV_2D ||
		    operations[o].opcode == NPU_OP_DEPTHWISE_CONV_2D ||
		    operations[o].opcode == NPU_OP_FULLY_CONNECTED)
			assert_true(banded > 10);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_operation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
