// SPDX-License-Identifier: MIT
/* The parts of the compiler one by one: integer multipliers, packing, memory planning. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/compile/lower.h"
#include "train/compile/pack.h"
#include "train/compile/scale.h"
#include "train/nn/rng.h"

static struct npu_rng rng;

static uint32_t below(uint32_t bound)
{
	return (uint32_t)npu_rng_below(&rng, bound);
}

/* --------------------------------------------------------------- multipliers */

/* The definition, by libm: frexp, round to 31 bits, renormalise. */
static struct npu_scale expected_scale(double real)
{
	struct npu_scale scale = { 0, 0 };
	int64_t significand;
	int exponent;

	significand = llround(ldexp(frexp(real, &exponent), 31));
	if (significand == 1ll << 31) {
		significand /= 2;
		exponent++;
	}
	if (exponent > 30)
		return (struct npu_scale){ INT32_MAX, 30 };
	if (exponent >= -31)
		scale = (struct npu_scale){ (int32_t)significand, exponent };
	return scale;
}

static void check_scale(double real)
{
	struct npu_scale got = npu_scale_from_real(real), want = expected_scale(real);

	if (got.multiplier != want.multiplier || got.shift != want.shift)
		fail_msg("%a: %d, %d instead of %d, %d", real, got.multiplier, got.shift,
			 want.multiplier, want.shift);
}

static void scale_matches_definition(void **state)
{
	static const double special[] = {
		1,
		0.5,
		0.25,
		2,
		3,
		0x1.fffffffffffffp-1,
		0x1.fffffffep-1,
		0x1.fffffffcp-1,
		0x1p-32,
		0x1.fffffffffffffp-33,
		0x1p-33,
		0x1p29,
		0x1p30,
		0x1.fffffffffp29,
		1e300,
		1e-300,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		check_scale(special[i]);
	for (i = 0; i < 200000; i++)
		check_scale(ldexp(0.5 + npu_rng_uniform(&rng) / 2, (int)below(80) - 40));
	assert_int_equal(npu_scale_from_real(0).multiplier, 0);
	assert_int_equal(npu_scale_from_real(NAN).multiplier, 0);
	assert_int_equal(npu_scale_from_real(INFINITY).multiplier, INT32_MAX);
}

static void rounds_half_away_and_clamps(void **state)
{
	(void)state;
	assert_int_equal(npu_round_clamp(0.5, -128, 127), 1);
	assert_int_equal(npu_round_clamp(-0.5, -128, 127), -1);
	assert_int_equal(npu_round_clamp(2.499, -128, 127), 2);
	assert_int_equal(npu_round_clamp(126.5, -128, 127), 127);
	assert_int_equal(npu_round_clamp(1e30, -128, 127), 127);
	assert_int_equal(npu_round_clamp(-INFINITY, -128, 127), -128);
	assert_int_equal(npu_round_clamp(NAN, -128, 127), 0);
}

/* ------------------------------------------------------------------- packing */

static void packs_as_the_uapi_says(void **state)
{
	int round;

	(void)state;
	for (round = 0; round < 50; round++) {
		uint64_t channels = 1 + below(40), depth = 1 + below(40), o, k, nonzero = 0;
		uint64_t bytes = npu_packed_bytes(channels, depth);
		int8_t *packed = calloc(1, bytes), *row = malloc(depth);

		assert_int_equal(bytes, (channels + 15) / 16 * ((depth + 3) / 4) * 64);
		for (o = 0; o < channels; o++) {
			for (k = 0; k < depth; k++)
				row[k] = (int8_t)(1 + (o * 31 + k * 7) % 127);
			npu_pack_channel(packed, o, row, depth);
		}
		for (o = 0; o < channels; o++)
			for (k = 0; k < depth; k++)
				assert_int_equal(
					packed[((o / 16) * ((depth + 3) / 4) + k / 4) * 64 +
					       (o % 16) * 4 + k % 4],
					1 + (o * 31 + k * 7) % 127);
		for (k = 0; k < bytes; k++)
			nonzero += packed[k] != 0;
		assert_int_equal(nonzero, channels * depth);
		free(packed);
		free(row);
	}
}

/* ------------------------------------------------------------------ planning */

#define MAX_NODES 24

/**
 * struct network - a graph made by hand
 * @graph: points at the arrays
 * @node: each makes value i + 1
 * @value: value 0 is the input
 */
struct network {
	struct npu_graph graph;
	struct npu_graph_node node[MAX_NODES];
	struct npu_graph_value value[MAX_NODES + 1];
	uint32_t input[MAX_NODES][3];
};

/* Every node reads one to three earlier values; the last makes the output. */
static void random_network(struct network *net, uint32_t nodes)
{
	static const enum npu_graph_kind kinds[] = {
		NPU_GRAPH_DENSE, NPU_GRAPH_DENSE,   NPU_GRAPH_TANH,
		NPU_GRAPH_TABLE, NPU_GRAPH_SOFTMAX,
	};
	uint32_t i, k;

	memset(net, 0, sizeof(*net));
	net->graph.node = net->node;
	net->graph.nodes = nodes;
	net->graph.value = net->value;
	net->graph.values = nodes + 1;
	net->graph.batch = 1;
	net->graph.lengths = NPU_NO_INDEX;
	net->graph.output = nodes;
	for (i = 0; i <= nodes; i++) {
		struct npu_graph_value *value = &net->value[i];

		value->type = below(2) ? NPU_TYPE_INT8 : NPU_TYPE_INT16;
		value->dim[0] = value->dim[1] = value->dim[2] = 1;
		value->dim[3] = below(3) ? 1 + below(1000) : 64;
		value->stride[0] = value->stride[1] = value->stride[2] = value->dim[3];
		value->base = i;
	}
	for (i = 0; i < nodes; i++) {
		struct npu_graph_node *node = &net->node[i];

		node->kind = kinds[below(5)];
		node->input = net->input[i];
		node->output = i + 1;
		node->inputs = 1 + below(i ? 3 : 1);
		/* The value before, so that none is dead, and others from further back. */
		node->input[0] = i;
		for (k = 1; k < node->inputs; k++)
			node->input[k] = below(i + 1);
	}
}

/* Does node @i or a later one read @value? */
static bool read_from(const struct network *net, uint32_t value, uint32_t i)
{
	return value == net->graph.output || npu_graph_reader(&net->graph, value, i);
}

static bool overlap(const struct npu_graph_value *a, const struct npu_graph_value *b)
{
	return a->kind == b->kind && a->offset < b->offset + npu_graph_value_bytes(b) &&
	       b->offset < a->offset + npu_graph_value_bytes(a);
}

/*
 * Brute force: what is written at node i must overlap nothing that a later node reads, nor what
 * node i itself reads, except for its first input where the instruction works in place.
 */
static void check_plan(const struct network *net)
{
	uint32_t i, v, k;

	for (i = 0; i < net->graph.nodes; i++) {
		const struct npu_graph_node *node = &net->node[i];
		const struct npu_graph_value *out = &net->value[node->output];

		assert_int_equal(out->offset % NPU_SLOT_ALIGN, 0);
		assert_true(out->offset + npu_graph_value_bytes(out) <=
			    (out->kind == NPU_FILE_SLOT_IO ? net->graph.io_bytes
							   : net->graph.scratch_bytes));
		assert_false(overlap(out, &net->value[net->graph.input]));
		for (v = 0; v < node->output; v++)
			if (read_from(net, v, i + 1) && overlap(out, &net->value[v]))
				fail_msg("node %u overwrites value %u, which is still needed", i,
					 v);
		for (k = 0; k < node->inputs; k++) {
			const struct npu_graph_value *in = &net->value[node->input[k]];
			bool in_place = npu_operation(node->kind)->in_place &&
					in->offset == out->offset && in->type == out->type &&
					!memcmp(in->dim, out->dim, sizeof(in->dim));

			if (overlap(out, in) && !in_place)
				fail_msg("node %u overwrites its input %u", i, k);
		}
	}
}

static void live_values_do_not_overlap(void **state)
{
	static struct network net;
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		random_network(&net, 1 + below(MAX_NODES));
		assert_int_equal(npu_graph_plan(&net.graph, NULL), 0);
		check_plan(&net);
	}
}

/* In a chain only two neighbours live at a time: the largest such pair is the least it takes. */
static void chain_takes_little_more_than_a_pair(void **state)
{
	static struct network net;
	int round;

	(void)state;
	for (round = 0; round < 300; round++) {
		uint32_t nodes = 2 + below(MAX_NODES - 2), i;
		uint64_t largest = 0;

		random_network(&net, nodes);
		for (i = 0; i < nodes; i++) {
			net.node[i].kind = NPU_GRAPH_DENSE;
			net.node[i].inputs = 1;
		}
		assert_int_equal(npu_graph_plan(&net.graph, NULL), 0);
		for (i = 1; i < nodes; i++) {
			uint64_t pair = npu_align(npu_graph_value_bytes(&net.value[i]), 64);

			if (i + 1 < nodes)
				pair += npu_align(npu_graph_value_bytes(&net.value[i + 1]), 64);
			largest = pair > largest ? pair : largest;
		}
		/* Best fit by size is not optimal for every chain, but close. */
		assert_true(net.graph.scratch_bytes >= largest);
		assert_true(net.graph.scratch_bytes <= largest + largest / 2);
		check_plan(&net);
	}
}

static void in_place_chain_takes_nothing_more(void **state)
{
	static struct network net;
	uint32_t i;

	(void)state;
	random_network(&net, 3);
	for (i = 0; i < 3; i++) {
		net.node[i].inputs = 1;
		net.node[i].kind = i ? NPU_GRAPH_TANH : NPU_GRAPH_DENSE;
		net.value[i + 1].dim[3] = net.value[i + 1].stride[0] = 100;
		net.value[i + 1].type = NPU_TYPE_INT8;
	}
	assert_int_equal(npu_graph_plan(&net.graph, NULL), 0);
	assert_int_equal(net.graph.scratch_bytes, 0);
	assert_int_equal(net.value[1].kind, NPU_FILE_SLOT_IO);
	assert_int_equal(net.value[1].offset, net.value[3].offset);
	check_plan(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scale_matches_definition),
		cmocka_unit_test(rounds_half_away_and_clamps),
		cmocka_unit_test(packs_as_the_uapi_says),
		cmocka_unit_test(live_values_do_not_overlap),
		cmocka_unit_test(chain_takes_little_more_than_a_pair),
		cmocka_unit_test(in_place_chain_takes_nothing_more),
	};

	npu_rng_seed(&rng, 2024, 0);
	return cmocka_run_group_tests_name("compile_parts", tests, NULL, NULL);
}
