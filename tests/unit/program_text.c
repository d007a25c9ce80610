// SPDX-License-Identifier: MIT
/*
 * Programs as text: read back they are the same bytes. Every operation of the tests' table in
 * random shapes, a network made by hand, and what the compiler makes.
 */
#include "case_image.h"
#include "compile_model.h"
#include "nn_cases.h"
#include "program_assembler.h"

/* Dump, assemble, compare. */
static void check_round_trip(const void *file, size_t bytes, const char *name)
{
	struct npu_error err = { 0 };
	struct npu_program *program;
	static struct assembler a;
	char *text = NULL;
	size_t length, i;
	FILE *stream;

	if (npu_program_load_memory(&program, file, bytes, &err) < 0)
		fail_msg("%s: %s", name, err.message);
	stream = open_memstream(&text, &length);
	assert_non_null(stream);
	check_ok(npu_program_write_text(program, true, stream, &err), &err);
	assert_int_equal(fclose(stream), 0);
	npu_program_free(program);

	if (!assemble(&a, text))
		fail_msg("%s: %s", name, a.error);
	assert_int_equal(a.image.bytes, bytes);
	for (i = 0; i < bytes && a.image.data[i] == ((const uint8_t *)file)[i]; i++)
		;
	if (i < bytes)
		fail_msg("%s: byte %zu of %zu differs after a round trip through:\n%s", name, i,
			 bytes, text);
	free(a.image.data);
	free(text);
}

static void test_operations(void **state)
{
	struct rng rng = { 21 };
	unsigned int o, i;

	(void)state;
	for (o = 0; o < OPERATIONS; o++)
		for (i = 0; i < 5; i++) {
			const struct shape s = {
				.n = rng_range(&rng, 1, 3),
				.h = rng_range(&rng, 1, 4),
				.w = rng_range(&rng, 1, 9),
				.c = rng_range(&rng, 1, 70),
				.depth = rng_range(&rng, 1, 90),
				.gap = i % 3,
				.at_end = i % 2,
			};
			struct engine_case *c = case_make(&operations[o], &s, &rng);
			struct npu_image image = image_of_case(c);

			check_round_trip(image.data, image.bytes, operations[o].name);
			free(image.data);
			case_free(c);
		}
}

/* Everything in the uAPI has its words, once. */
static void test_words(void **state)
{
	const struct npu_instruction *words, *other;
	size_t i, j;
	unsigned int o;

	(void)state;
	for (i = 0; (words = npu_instruction_at(i)); i++) {
		assert_ptr_equal(npu_instruction_of(words->opcode), words);
		assert_ptr_equal(npu_instruction_named(words->mnemonic), words);
		for (j = 0; j < i; j++) {
			other = npu_instruction_at(j);
			assert_true(other->opcode < words->opcode);
		}
		for (j = 0; j < words->parameters; j++)
			assert_true(words->parameter[j].at +
					    words->parameter[j].bytes * words->parameter[j].count <=
				    NPU_INSN_SIZE);
	}
	for (o = 0; o < OPERATIONS; o++)
		assert_non_null(npu_instruction_of(operations[o].opcode));
	assert_null(npu_instruction_of(0));
	assert_null(npu_instruction_named("add_"));
}

static void test_network_by_hand(void **state)
{
	static const unsigned int width[] = { 100, 40, 30, 5 };
	struct npu_mlp mlp;
	struct npu_image image;
	int extras;

	(void)state;
	npu_mlp_init(&mlp, 3, width, 2);
	for (extras = 0; extras < 2; extras++) {
		image = npu_mlp_image(&mlp, extras);
		check_round_trip(image.data, image.bytes, "a network by hand");
		free(image.data);
	}
	npu_mlp_free(&mlp);
}

static void test_compiled(void **state)
{
	static const enum npu_activation last[] = { NPU_SOFTMAX, NPU_SIGMOID, NPU_LINEAR };
	struct npu_error err = { 0 };
	unsigned int i, precision;

	(void)state;
	for (i = 0; i < 3; i++)
		for (precision = 0; precision < 2; precision++) {
			struct npu_compile_options options = { .precision = precision,
							       .batch = 1 + i };
			struct npu_model *model = make_mlp(20, 7, NPU_LEAKY_RELU, last[i], i);
			float *x = random_floats(20 * 16, -1, 1, i);
			size_t bytes;
			void *image;

			check_ok(npu_model_compile(model, x, 16, &options, &image, &bytes, &err),
				 &err);
			check_round_trip(image, bytes, "a compiled network");
			npu_image_free(image);
			npu_model_free(model);
			free(x);
		}
}

/* Every kind of layer. */
static void test_layers(void **state)
{
	struct npu_error err = { 0 };
	size_t i, bytes;

	(void)state;
	for (i = 0; i < NN_CASES; i++) {
		struct npu_dataset data;
		struct npu_model *model;
		void *image;

		check_ok(nn_case_model(&nn_cases[i], &model, &err), &err);
		check_ok(nn_case_data(&nn_cases[i], model, &data, &err), &err);
		check_ok(npu_model_compile(model, data.x, data.samples, NULL, &image, &bytes, &err),
			 &err);
		check_round_trip(image, bytes, nn_cases[i].name);
		npu_image_free(image);
		npu_dataset_free(&data);
		npu_model_free(model);
	}
}

/* What the assembler refuses, so that the round trips mean something. */
static void test_refused(void **state)
{
	static const char *const text[] = {
		"",
		"# nothing\n",
		"fly\n",
		"section insns at=192 bytes=384\n",
		"program version=1\n",
		"program version=1 isa=1 bytes=10\n",
		"program version=1 isa=1 bytes=1000\nsection insns at=0 bytes=1001\n",
		"program version=1 isa=1 bytes=1000 more=1\n",
		"program version=1 isa=1 bytes=1000\ninsn 0 - nop\n",
		"program version=1 isa=1 bytes=1000\nsection insns at=192 bytes=384\ninsn 0 - "
		"fly\n",
		"program version=1 isa=1 bytes=1000\nsection insns at=192 bytes=384\n"
		"insn 0 - copy in2=s0+0:int8[1x1x1x1]\n",
		"program version=1 isa=1 bytes=1000\nsection insns at=192 bytes=384\n"
		"insn 0 - copy in=s0+0:int8[1x1x1]\n",
		"program version=1 isa=1 bytes=1000\nsection insns at=192 bytes=384\n"
		"insn 0 - copy in=s0+0:int9[1x1x1x1]\n",
		"program version=1 isa=1 bytes=1000\nsection consts at=192 bytes=4\n"
		"consts 0 0102030405\n",
	};
	static struct assembler a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		if (assemble(&a, text[i]))
			fail_msg("assembled: %s", text[i]);
		assert_true(a.error[0]);
		free(a.image.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_network_by_hand), cmocka_unit_test(test_compiled),
		cmocka_unit_test(test_layers),		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
