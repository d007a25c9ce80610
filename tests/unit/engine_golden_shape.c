// SPDX-License-Identifier: MIT
/*
 * Outputs computed by others, from $NPU_DATA/cmsis-nn: minimum, maximum, padding,
 * transposition and batched matrix products, exact in every variant. The folders of these
 * kinds whose name ends in f32 hold floating point and, but for transpositions, are listed
 * as not applicable.
 */
#include "golden_case.h"

static const struct shape smallest = { 1, 1, 1, 1, 1, 0, true, false };

/* Tensor @i of @c anew: dense, of @dim, in memory of its own. */
static void replace(struct engine_case *c, uint32_t i, const uint32_t dim[4])
{
	uint64_t bytes = case_tensor(c, i, c->insn.t[i].type, dim, 0);

	guarded_free(&c->slot[i]);
	guarded_make(&c->slot[i], bytes, true);
	c->insn.t[i].offset = c->slot[i].offset;
	c->exec.slot[i] = c->slot[i].page;
}

static void load(struct engine_case *c, uint32_t i, const struct golden *g, const char *key)
{
	void *data = golden_array(g, key, c->slot[i].bytes);

	memcpy(guarded_data(&c->slot[i]), data, c->slot[i].bytes);
	free(data);
}

static void expect_array(struct engine_case *c, const struct golden *g, const char *key)
{
	void *expected = golden_array(g, key, c->slot[0].bytes);

	expect_golden(c, g, expected);
	free(expected);
}

static void golden_dims(const struct golden *g, const char *const key[4], uint32_t dim[4])
{
	uint32_t d;

	for (d = 0; d < 4; d++)
		dim[d] = golden_value(g, key[d]);
}

/* ------------------------------------------------------ minimum, maximum */

static void check_extremum(const char *name, const char *operation)
{
	static const char *const key[3][4] = {
		{ "OUTPUT_BATCH", "OUTPUT_HEIGHT", "OUTPUT_WIDTH", "OUTPUT_CHANNEL" },
		{ "BATCH_1", "HEIGHT_1", "WIDTH_1", "CHANNEL_1" },
		{ "BATCH_2", "HEIGHT_2", "WIDTH_2", "CHANNEL_2" },
	};
	struct rng rng = { 1 };
	struct engine_case *c = case_make(operation_named(operation), &smallest, &rng);
	struct npu_scale same = { 1 << 30, 1 };
	struct golden g;
	uint32_t dim[4], i;

	golden_open(&g, name);
	for (i = 0; i < 3; i++) {
		golden_dims(&g, key[i], dim);
		replace(c, i, dim);
		/* one scale and zero point for all three: the bytes are compared as they are */
		c->insn.t[i].zero_point = golden_value(&g, "OUTPUT_OFFSET");
	}
	load(c, 1, &g, "input_tensor_1");
	load(c, 2, &g, "input_tensor_2");
	c->insn.binary.scales = 0;
	c->insn.binary.act_min = golden_value(&g, "ACTIVATION_MIN");
	c->insn.binary.act_max = golden_value(&g, "ACTIVATION_MAX");
	for (i = 0; i < 2; i++)
		memcpy(guarded_data(&c->consts) + i * sizeof(same), &same, sizeof(same));
	expect_array(c, &g, "output");
	case_free(c);
}

static void test_extremum(void **state)
{
	(void)state;
	NEED_DATA();
	check_extremum("maximum_broadcast_batch_int8", "max_s8");
	check_extremum("maximum_no_broadcast_int8", "max_s8");
	check_extremum("maximum_scalar_2_int8", "max_s8");
	check_extremum("minimum_broadcast_batch_int8", "min_s8");
	check_extremum("minimum_no_broadcast_int8", "min_s8");
	check_extremum("minimum_scalar_2_int8", "min_s8");
}

/* ---------------------------------------------------------------- moves */

static void test_pad(void **state)
{
	static const char *const in_key[4] = { "INPUT_N", "INPUT_H", "INPUT_W", "INPUT_C" };
	static const char *const pre[4] = { "PRE_PAD_N", "PRE_PAD_H", "PRE_PAD_W", "PRE_PAD_C" };
	static const char *const post[4] = { "POST_PAD_N", "POST_PAD_H", "POST_PAD_W",
					     "POST_PAD_C" };
	struct rng rng = { 1 };
	uint32_t in[4], before[4], after[4], out[4], d;
	struct engine_case *c;
	struct golden g;

	(void)state;
	NEED_DATA();
	golden_open(&g, "pad_int8_1");
	golden_dims(&g, in_key, in);
	golden_dims(&g, pre, before);
	golden_dims(&g, post, after);
	c = case_make(operation_named("pad_s8"), &smallest, &rng);
	for (d = 0; d < 4; d++) {
		out[d] = before[d] + in[d] + after[d];
		c->insn.pad.before[d] = before[d];
	}
	replace(c, 0, out);
	replace(c, 1, in);
	c->insn.pad.value = golden_value(&g, "PAD_VALUE");
	load(c, 1, &g, "input_tensor");
	assert_int_equal(c->slot[0].bytes, golden_value(&g, "OUTPUT_SIZE"));
	expect_array(c, &g, "output");
	case_free(c);
}

/*
 * The cases do not name their dimensions (their text has only the first character of each
 * array). The permutation is in the name; the dimensions are those, of all that have as
 * many elements, for which input and output hold the same numbers; where two neighbours
 * stay neighbours, only their product can be known.
 */
static const struct {
	const char *name;
	uint32_t dim[4], perm[4];
} transposed[] = {
	{ "transpose_default", { 4, 3, 3, 22 }, { 3, 2, 1, 0 } },
	{ "transpose_3dim", { 1, 5, 4, 20 }, { 0, 1, 3, 2 } },
	{ "transpose_nhcw", { 1, 1, 128, 128 }, { 0, 1, 3, 2 } },
	{ "transpose_nwhc", { 1, 19, 3, 64 }, { 0, 2, 1, 3 } },
	{ "transpose_wchn", { 4, 3, 7, 9 }, { 2, 3, 1, 0 } },
	{ "transpose_chwn", { 5, 3, 16, 17 }, { 3, 1, 2, 0 } },
};

static void test_transpose(void **state)
{
	struct rng rng = { 1 };
	size_t i;

	(void)state;
	NEED_DATA();
	for (i = 0; i < sizeof(transposed) / sizeof(transposed[0]); i++) {
		struct engine_case *c = case_make(operation_named("transpose_s8"), &smallest, &rng);
		uint32_t out[4], d;
		struct golden g;

		golden_open(&g, transposed[i].name);
		for (d = 0; d < 4; d++) {
			out[d] = transposed[i].dim[transposed[i].perm[d]];
			c->insn.transpose.perm[d] = transposed[i].perm[d];
		}
		replace(c, 0, out);
		replace(c, 1, transposed[i].dim);
		assert_int_equal(c->slot[0].bytes, golden_value(&g, "SIZE"));
		load(c, 1, &g, "input_tensor");
		expect_array(c, &g, "output");
		case_free(c);
	}
}

/* Numbers of four bytes are moved whatever they mean; these cases name their dimensions. */
static void test_transpose_words(void **state)
{
	static const char *const name[] = { "transpose_3dim_f32", "transpose_3dim2_f32",
					    "transpose_matrix_f32", "transpose_nwhc_f32" };
	static const char *const key[2][4] = {
		{ "OUTPUT_N", "OUTPUT_H", "OUTPUT_W", "OUTPUT_C" },
		{ "INPUT_N", "INPUT_H", "INPUT_W", "INPUT_C" },
	};
	static const char *const perm[4] = { "PERM_0", "PERM_1", "PERM_2", "PERM_3" };
	struct rng rng = { 1 };
	uint32_t dim[4], i, k;

	(void)state;
	NEED_DATA();
	for (i = 0; i < 4; i++) {
		struct engine_case *c =
			case_make(operation_named("transpose_s32"), &smallest, &rng);
		struct golden g;

		golden_open(&g, name[i]);
		for (k = 0; k < 2; k++) {
			golden_dims(&g, key[k], dim);
			replace(c, k, dim);
		}
		golden_dims(&g, perm, c->insn.transpose.perm);
		load(c, 1, &g, "input_tensor");
		expect_array(c, &g, "output_ref");
		case_free(c);
	}
}

/* ------------------------------------------------------- matrix products */

/*
 * The instruction's right matrix has its depth innermost, its left one, too. An operand
 * that lies the other way is brought there by a TRANSPOSE, which the case also gives.
 */
static void load_matrix(struct engine_case *c, uint32_t i, const struct golden *g, const char *side,
			bool turned)
{
	char key[4][32], array[40];
	const char *const keys[4] = { key[0], key[1], key[2], key[3] };
	uint32_t dim[4], swap;

	snprintf(key[0], sizeof(key[0]), "%s_BATCH", side);
	snprintf(key[1], sizeof(key[1]), "%s_HEIGHT", side);
	snprintf(key[2], sizeof(key[2]), "%s_ROWS", side);
	snprintf(key[3], sizeof(key[3]), "%s_COLS", side);
	golden_dims(g, keys, dim);
	if (turned) {
		swap = dim[2];
		dim[2] = dim[3];
		dim[3] = swap;
	}
	replace(c, i, dim);
	snprintf(array, sizeof(array), "%s_%s_tensor", i == 1 ? "lhs" : "rhs",
		 turned ? "transposed" : "input");
	load(c, i, g, array);
}

static void check_matmul(const char *name, const char *operation)
{
	static const char *const out_key[4] = { "OUTPUT_BATCH", "OUTPUT_HEIGHT", "OUTPUT_ROWS",
						"OUTPUT_COLS" };
	struct rng rng = { 1 };
	struct engine_case *c = case_make(operation_named(operation), &smallest, &rng);
	struct golden g;
	uint32_t dim[4];

	golden_open(&g, name);
	golden_dims(&g, out_key, dim);
	replace(c, 0, dim);
	load_matrix(c, 1, &g, "LHS", golden_value(&g, "ADJ_X"));
	load_matrix(c, 2, &g, "RHS", !golden_value(&g, "ADJ_Y"));
	c->insn.t[0].zero_point = golden_value(&g, "OUTPUT_OFFSET");
	/* the cases name what is added to an input: minus its zero point */
	c->insn.t[1].zero_point = -golden_value(&g, "LHS_OFFSET");
	c->insn.t[2].zero_point = -golden_value(&g, "RHS_OFFSET");
	c->insn.matmul.act_min = golden_value(&g, "ACTIVATION_MIN");
	c->insn.matmul.act_max = golden_value(&g, "ACTIVATION_MAX");
	set_scale(c, golden_value(&g, "OUTPUT_MULTIPLIER"), golden_value(&g, "OUTPUT_SHIFT"));
	expect_array(c, &g, "output");
	case_free(c);
}

static void test_matmul(void **state)
{
	(void)state;
	NEED_DATA();
	check_matmul("batch_matmul_1_s8", "matmul_s8_s8");
	check_matmul("batch_matmul_2_s8", "matmul_s8_s8");
	check_matmul("batch_matmul_4_s8", "matmul_s8_s8");
	check_matmul("batch_matmul_1_s16", "matmul_s16_s16");
	check_matmul("batch_matmul_2_s16", "matmul_s16_s16");
	check_matmul("batch_matmul_4_s16", "matmul_s16_s16");
}

static void test_not_applicable(void **state)
{
	static const char *const name[] = {
		"batch_matmul_1_f32",
		"batch_matmul_2_f32",
		"batch_matmul_4_f32",
		"batch_matmul_5_f32",
		"maximum_broadcast_batch_f32",
		"maximum_broadcast_width_f32",
		"maximum_no_broadcast_f32",
		"minimum_broadcast_batch_f32",
		"minimum_broadcast_ch_f32",
		"minimum_broadcast_height_f32",
		"minimum_no_broadcast_f32",
		"minimum_scalar_1_f32",
		"pad_int8_2_f32",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		print_message("# SKIP %s: floating point, the engine has integers only\n", name[i]);
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extremum),  cmocka_unit_test(test_pad),
		cmocka_unit_test(test_transpose), cmocka_unit_test(test_transpose_words),
		cmocka_unit_test(test_matmul),	  cmocka_unit_test(test_not_applicable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
