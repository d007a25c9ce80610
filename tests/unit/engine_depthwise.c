// SPDX-License-Identifier: MIT
/*
 * Depthwise convolutions whose rows are longer than a strip, or whose pixels lie side by side in
 * vector registers, or whose kernels do not fit what vector kernels prepare: the bits of the
 * scalar variant, cut anywhere, with operands between guard pages.
 */
#include "golden_window.h"

/* In the order of the fields of struct npu_insn.conv; pad is of both directions. */
struct depthwise_shape {
	uint32_t h, w, channels, kernel[2], stride[2], dilation[2], pad, gap;
};

static const struct depthwise_shape shapes[] = {
	{ 3, 130, 8, { 3, 3 }, { 1, 1 }, { 1, 1 }, 1, 0 },
	{ 5, 31, 8, { 3, 3 }, { 1, 1 }, { 1, 1 }, 1, 0 },
	{ 5, 31, 8, { 3, 3 }, { 1, 1 }, { 1, 1 }, 1, 2 },
	{ 4, 9, 8, { 2, 4 }, { 2, 1 }, { 1, 2 }, 2, 0 },
	{ 7, 7, 8, { 3, 3 }, { 2, 2 }, { 1, 1 }, 1, 0 },
	{ 2, 1, 8, { 1, 1 }, { 1, 1 }, { 1, 1 }, 0, 0 },
	{ 2, 200, 16, { 3, 3 }, { 2, 2 }, { 1, 1 }, 1, 0 },
	{ 1, 65, 16, { 1, 9 }, { 1, 1 }, { 1, 1 }, 4, 0 },
	{ 65, 1, 16, { 9, 1 }, { 1, 1 }, { 1, 1 }, 4, 0 },
	{ 24, 24, 33, { 3, 3 }, { 1, 1 }, { 1, 1 }, 1, 1 },
	{ 6, 6, 64, { 3, 3 }, { 1, 1 }, { 1, 1 }, 1, 0 },
	{ 3, 3, 40, { 3, 3 }, { 1, 1 }, { 1, 1 }, 1, 0 },
	{ 20, 20, 17, { 5, 7 }, { 1, 2 }, { 2, 1 }, 3, 0 },
	{ 40, 40, 5, { 16, 16 }, { 3, 1 }, { 1, 1 }, 8, 0 },
	{ 40, 40, 3, { 17, 17 }, { 3, 3 }, { 1, 1 }, 8, 0 },
	{ 3, 300, 2, { 3, 3 }, { 1, 1 }, { 1, 90 }, 90, 0 },
	{ 3, 900, 2, { 2, 2 }, { 1, 1 }, { 1, 600 }, 300, 0 },
	{ 3, 60, 16, { 2, 2 }, { 1, 50 }, { 1, 1 }, 1, 0 },
};

static uint32_t outputs(const struct depthwise_shape *s, uint32_t d)
{
	uint32_t in = d ? s->w : s->h, reach = (s->kernel[d] - 1) * s->dilation[d] + 1;

	return (in + 2 * s->pad - reach) / s->stride[d] + 1;
}

static struct engine_case *depthwise_make(const struct depthwise_shape *s, struct rng *rng,
					  bool at_end)
{
	struct engine_case *c = case_empty(NPU_OP_DEPTHWISE_CONV_2D, 4);
	uint32_t out[4] = { 1, outputs(s, 0), outputs(s, 1), s->channels }, i;
	uint32_t in[4] = { 1, s->h, s->w, s->channels };
	uint32_t weights[4] = { s->channels, s->kernel[0], s->kernel[1], 1 };
	uint32_t bias[4] = { 1, 1, 1, (s->channels + 15) / 16 * 16 };
	uint64_t bytes[4];

	bytes[0] = case_tensor(c, 0, NPU_TYPE_INT8, out, s->gap);
	bytes[1] = case_tensor(c, 1, NPU_TYPE_INT8, in, s->gap);
	case_tensor(c, 2, NPU_TYPE_INT8, weights, 0);
	c->insn.t[2].layout = NPU_LAYOUT_DEPTHWISE16;
	memset(c->insn.t[2].stride, 0, sizeof(c->insn.t[2].stride));
	bytes[2] = (uint64_t)bias[3] * s->kernel[0] * s->kernel[1];
	bytes[3] = case_tensor(c, 3, NPU_TYPE_INT32, bias, 0);
	for (i = 0; i < 4; i++) {
		guarded_make(&c->slot[i], bytes[i], at_end);
		c->insn.t[i].offset = c->slot[i].offset;
		random_bytes(rng, guarded_data(&c->slot[i]), bytes[i], c->insn.t[i].type, false);
		c->exec.slot[i] = c->slot[i].page;
	}
	c->insn.t[0].zero_point = rng_range(rng, -128, 127);
	c->insn.t[1].zero_point = rng_range(rng, -128, 127);
	for (i = 0; i < 2; i++) {
		c->insn.conv.stride[i] = s->stride[i];
		c->insn.conv.dilation[i] = s->dilation[i];
		c->insn.conv.pad[i] = s->pad;
	}
	c->insn.conv.scale_count = rng_next(rng) % 3 ? bias[3] : 1;
	c->insn.conv.scales =
		case_scales(c, rng, c->insn.conv.scale_count, -20, rng_next(rng) % 4 ? -4 : 6);
	case_limits(rng, NPU_TYPE_INT8, &c->insn.conv.act_min, &c->insn.conv.act_max);
	if (rng_next(rng) % 2)
		c->insn.conv.act_min = c->insn.t[0].zero_point;
	if (c->insn.conv.act_max < c->insn.conv.act_min)
		c->insn.conv.act_max = 127;
	guarded_make(&c->consts, c->const_bytes, true);
	memcpy(guarded_data(&c->consts), c->const_data, c->const_bytes);
	c->exec.consts = guarded_data(&c->consts);
	return c;
}

static void expect_scalar(struct engine_case *c, const uint8_t *expected, unsigned int shape)
{
	static const uint32_t budget[] = { UINT32_MAX, 3000, 20000 };
	const struct npu_variant *variant;
	unsigned int i, b;

	for (i = 1; (variant = npu_variant_at(i)); i++) {
		if (!variant_runs_here(variant))
			continue;
		for (b = 0; b < sizeof(budget) / sizeof(budget[0]); b++) {
			case_run(c, variant, budget[b]);
			if (memcmp(expected, guarded_data(&c->slot[0]), c->slot[0].bytes))
				fail_msg("shape %u, %s, budget %u", shape,
					 npu_variant_name(variant), budget[b]);
		}
	}
}

static void test_shapes(void **state)
{
	struct rng rng = { 31 };
	unsigned int s, repeat;

	(void)state;
	for (s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
		for (repeat = 0; repeat < 2; repeat++) {
			struct engine_case *c = depthwise_make(&shapes[s], &rng, repeat % 2);
			struct npu_slot_need needs[NPU_MAX_SLOTS];
			struct npu_fault fault;
			uint8_t *expected;
			uint64_t cost;

			if (!case_valid(c, needs, &cost, &fault))
				fail_msg("shape %u: %s %s", s, fault.field, fault.reason);
			case_run(c, npu_variant_at(0), UINT32_MAX);
			expected = malloc(c->slot[0].bytes);
			assert_non_null(expected);
			memcpy(expected, guarded_data(&c->slot[0]), c->slot[0].bytes);
			expect_scalar(c, expected, s);
			free(expected);
			case_free(c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
