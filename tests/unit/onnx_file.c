// SPDX-License-Identifier: MIT
/*
 * Model files written and read back: the same layers, the same bits. Then damaged in every way.
 *
 * With NPU_EXPORT=DIR every model is also left there as NAME.onnx, with inputs as NAME.in.npy and
 * what npu_model_predict() makes of them as NAME.out.npy, for other tools to be compared with; and
 * a file "names" with a line each, the name and what it is.
 */
#include <errno.h>
#include <math.h>
#include <sys/stat.h>

#include "onnx_compare.h"

#define SAMPLES 7

/**
 * struct model_case - a model to write
 * @name: of its files
 * @dim: H, W, C of a sample
 * @scaler: with preprocessing
 * @classes: class names to give it
 * @layers: how many
 * @layer: [layers]
 */
struct model_case {
	const char *name;
	uint32_t dim[3];
	bool scaler;
	size_t classes;
	size_t layers;
	struct npu_layer layer[6];
};

static const struct model_case cases[] = {
	{ "seed",
	  { 1, 1, 10 },
	  false,
	  0,
	  2,
	  { npu_dense(.units = 64, .activation = NPU_RELU), npu_dense(.units = 1) } },
	{ "classifier",
	  { 1, 1, 4 },
	  true,
	  3,
	  2,
	  { npu_dense(.units = 8, .activation = NPU_TANH, .name = "hidden.one"),
	    npu_dense(.units = 3, .activation = NPU_SOFTMAX) } },
	{ "binary",
	  { 1, 1, 6 },
	  true,
	  2,
	  2,
	  { npu_dense(.units = 5, .activation = NPU_LEAKY_RELU, .alpha = .2f, .no_bias = true),
	    npu_dense(.units = 1, .activation = NPU_SIGMOID) } },
	{ "image",
	  { 4, 3, 2 },
	  true,
	  0,
	  3,
	  { npu_activation(.activation = NPU_LEAKY_RELU), npu_dense(.units = 9, .no_bias = true),
	    npu_dense(.units = 4, .activation = NPU_RELU) } },
	{ "separate",
	  { 1, 1, 3 },
	  false,
	  0,
	  6,
	  { npu_dense(.units = 6), npu_activation(.activation = NPU_RELU, .name = "rectify"),
	    npu_activation(.activation = NPU_LINEAR), npu_activation(.activation = NPU_SIGMOID),
	    npu_dense(.units = 2, .activation = NPU_RELU),
	    npu_activation(.activation = NPU_SOFTMAX) } },
	{ "pixels",
	  { 2, 3, 4 },
	  true,
	  0,
	  2,
	  { npu_activation(.activation = NPU_TANH), npu_activation(.activation = NPU_SOFTMAX) } },
};

static const size_t case_count = sizeof(cases) / sizeof(cases[0]);

static void set_scaler(struct npu_model *model, uint32_t *random)
{
	size_t n = npu_model_features(model);
	float mean[64], factor[64];
	struct npu_scaler scaler = { n, mean, factor };

	for (size_t i = 0; i < n; i++) {
		mean[i] = next_value(random);
		factor[i] = 1 + next_value(random) / 2;
	}
	assert_int_equal(npu_model_set_scaler(model, &scaler, NULL), 0);
}

static struct npu_model *make_model(const struct model_case *c)
{
	static char *const names[] = { "z\xc3\xa9ro", "one, with \"marks\"\nand lines", "two" };
	uint32_t random = 5;
	struct npu_model *model;
	struct npu_error err;

	if (npu_model_create(&model, c->dim, 42, &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; i < c->layers; i++)
		if (npu_model_add(model, c->layer[i], &err) < 0)
			fail_msg("%s", err.message);
	/* Biases that are not zero, so that they are compared. */
	for (size_t i = 0; i < npu_model_parameters(model); i++) {
		struct npu_parameter p;

		assert_int_equal(npu_model_parameter(model, i, &p), 0);
		for (size_t k = 0; strstr(p.name, ".bias") && k < p.count; k++)
			p.value[k] = next_value(&random);
	}
	if (c->scaler)
		set_scaler(model, &random);
	if (c->classes && npu_model_set_class_names(model, names, c->classes, &err))
		fail_msg("%s", err.message);
	return model;
}

static void compare_rest(const struct npu_model *a, const struct npu_model *b)
{
	const struct npu_scaler *x = npu_model_scaler(a), *y = npu_model_scaler(b);
	uint32_t dim_a[3], dim_b[3];

	npu_model_dim(a, dim_a);
	npu_model_dim(b, dim_b);
	assert_memory_equal(dim_a, dim_b, sizeof(dim_a));
	assert_true(!x == !y);
	if (x) {
		assert_int_equal(x->count, y->count);
		assert_memory_equal(x->mean, y->mean, x->count * sizeof(float));
		assert_memory_equal(x->factor, y->factor, x->count * sizeof(float));
	}
	for (size_t i = 0;; i++) {
		const char *p = npu_model_class_name(a, i), *q = npu_model_class_name(b, i);

		assert_true(!p == !q);
		if (!p)
			break;
		assert_string_equal(p, q);
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < case_count; i++) {
		struct npu_model *model = make_model(&cases[i]), *back;
		float *x = make_inputs(model, SAMPLES, 0);

		back = round_trip(cases[i].name, model, x, SAMPLES);
		compare_rest(model, back);
		free(x);
		npu_model_free(model);
		npu_model_free(back);
	}
}

/* A weight is a weight, whatever its bits. */
static void test_odd_values(void **state)
{
	static const uint32_t bits[] = {
		0x80000000, 1,		0x7f7fffff, 0x7f800000,
		0xff800000, 0x7fc00001, 0x7f800001, 0xffffffff,
	};
	const uint32_t dim[3] = { 1, 1, 8 };
	struct npu_model *model, *back;
	struct npu_parameter p;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_model_create(&model, dim, 1, &err), 0);
	assert_true(npu_model_add(model, npu_dense(.units = 1), &err) >= 0);
	assert_int_equal(npu_model_parameter(model, 0, &p), 0);
	memcpy(p.value, bits, sizeof(bits));
	assert_int_equal(npu_model_save(model, "m.onnx", &err), 0);
	assert_int_equal(npu_model_load(&back, "m.onnx", &err), 0);
	assert_int_equal(npu_model_parameter(back, 0, &p), 0);
	assert_memory_equal(p.value, bits, sizeof(bits));
	npu_model_free(model);
	npu_model_free(back);
}

static void test_bad_saves(void **state)
{
	char *const names[] = { "good", "caf\xe9", "\xed\xa0\x80" };
	struct npu_model *model = make_model(&cases[1]);
	const uint32_t dim[3] = { 1, 1, 2 };
	struct npu_model *empty;
	struct npu_error err;
	struct stat st;

	(void)state;
	assert_int_equal(npu_model_create(&empty, dim, 1, &err), 0);
	assert_int_equal(npu_model_save(empty, "e.onnx", &err), -EINVAL);
	assert_says(&err, -EINVAL, "e.onnx: the model has no layers to write; add one first");
	npu_model_free(empty);
	assert_int_equal(npu_model_save(model, "none/m.onnx", &err), -ENOENT);
	assert_says(&err, -ENOENT, "none/m.onnx: cannot create it: No such file");
	assert_int_equal(npu_model_save(model, ".", &err), -EISDIR);
	assert_int_equal(npu_model_set_class_names(model, names, 3, &err), 0);
	assert_int_equal(npu_model_save(model, "u.onnx", &err), -EILSEQ);
	assert_says(&err, -EILSEQ, "u.onnx: the name of class 1 is not UTF-8");
	assert_int_not_equal(stat("u.onnx", &st), 0);
	npu_model_free(model);
}

/* The name is taken by the whole file at once; a link is followed; no rubbish is left. */
static void test_replace(void **state)
{
	struct npu_model *small = make_model(&cases[0]), *large = make_model(&cases[3]), *back;
	struct npu_error err;
	struct stat st;

	(void)state;
	assert_int_equal(mkdir("r", 0700), 0);
	assert_int_equal(npu_model_save(large, "r/a.onnx", &err), 0);
	assert_int_equal(symlink("a.onnx", "r/link.onnx"), 0);
	assert_int_equal(npu_model_save(small, "r/link.onnx", &err), 0);
	assert_int_equal(lstat("r/link.onnx", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(npu_model_load(&back, "r/a.onnx", &err), 0);
	assert_int_equal(npu_model_features(back), 10);
	npu_model_free(back);
	npu_model_free(small);
	npu_model_free(large);
	assert_int_equal(unlink("r/link.onnx") | unlink("r/a.onnx") | rmdir("r"), 0);
}

static void test_bad_loads(void **state)
{
	struct npu_model *model = (void *)1;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_model_load(&model, "absent.onnx", &err), -ENOENT);
	assert_says(&err, -ENOENT, "absent.onnx: cannot open it: No such file");
	assert_null(model);
	write_bytes("e.onnx", "", 0);
	assert_int_equal(npu_model_load(&model, "e.onnx", &err), -EINVAL);
	assert_says(&err, -EINVAL, "e.onnx: the file is empty");
	write_bytes("t.onnx", "This is text.", 13);
	assert_int_equal(npu_model_load(&model, "t.onnx", &err), -EINVAL);
	assert_says(&err, -EINVAL,
		    "t.onnx: not an ONNX file, or a truncated one; fetch or export it again");
	write_bytes("g.onnx", "\x08\x07", 2);
	assert_int_equal(npu_model_load(&model, "g.onnx", &err), -EINVAL);
	assert_says(&err, -EINVAL, "g.onnx: not an ONNX model: it has no graph");
}

static void load_damaged(const uint8_t *bytes, size_t size)
{
	struct npu_error err = { .message = "" };
	struct npu_model *model;

	write_bytes("d.onnx", bytes, size);
	if (!npu_model_load(&model, "d.onnx", &err))
		npu_model_free(model);
	else if (!strchr(err.message, ':') || strchr(err.message, '\n'))
		fail_msg("no sentence: \"%s\"", err.message);
}

static void test_truncated(void **state)
{
	(void)state;
	for (size_t i = 1; i < 4; i++) {
		struct npu_model *model = make_model(&cases[i]);
		uint8_t *bytes;
		size_t size;

		assert_int_equal(npu_model_save(model, "m.onnx", NULL), 0);
		bytes = read_bytes("m.onnx", &size);
		for (size_t n = 0; n < size; n++)
			load_damaged(bytes, n);
		free(bytes);
		npu_model_free(model);
	}
}

static void test_flipped(void **state)
{
	uint32_t random = 2026;

	(void)state;
	for (size_t i = 1; i < case_count; i++) {
		struct npu_model *model = make_model(&cases[i]);
		uint8_t *bytes, *copy;
		size_t size;

		assert_int_equal(npu_model_save(model, "m.onnx", NULL), 0);
		bytes = read_bytes("m.onnx", &size);
		copy = malloc(size);
		for (int k = 0; k < 600; k++) {
			memcpy(copy, bytes, size);
			for (uint32_t flips = 1 + next_random(&random) % 3; flips; flips--)
				copy[next_random(&random) % size] ^= 1 << next_random(&random) % 8;
			load_damaged(copy, size);
		}
		/* Lengths and tags are where the small numbers are. */
		for (int k = 0; k < 600; k++) {
			size_t at;

			memcpy(copy, bytes, size);
			do
				at = next_random(&random) % size;
			while (copy[at] >= 0x30);
			copy[at] = (uint8_t)next_random(&random);
			load_damaged(copy, size);
		}
		free(bytes);
		free(copy);
		npu_model_free(model);
	}
}

/* Two bytes in the file, a hundred in memory: millions of empty nodes are refused. */
static void test_amplification(void **state)
{
	const size_t nodes = 8 << 20, graph = 2 * nodes;
	uint8_t *bytes = malloc(graph + 6);
	struct npu_model *model;
	struct npu_error err;

	(void)state;
	assert_non_null(bytes);
	bytes[0] = 0x3a; /* field 7, a message of 2^24 bytes */
	memcpy(bytes + 1, "\x80\x80\x80\x08", 4);
	for (size_t i = 0; i < nodes; i++)
		memcpy(bytes + 5 + 2 * i, "\x0a", 2);
	write_bytes("big.onnx", bytes, graph + 5);
	assert_int_equal(npu_model_load(&model, "big.onnx", &err), -EINVAL);
	free(bytes);
}

static int export(const char *folder)
{
	char path[512];
	FILE *names;

	snprintf(path, sizeof(path), "%s/names", folder);
	names = fopen(path, "w");
	if (!names)
		return 1;
	for (size_t i = 0; i < case_count; i++) {
		struct npu_model *model = make_model(&cases[i]);
		float *x = make_inputs(model, SAMPLES, 0);

		fprintf(names, "%s %s\n", cases[i].name, cases[i].name);
		if (export_model(folder, cases[i].name, model, x, SAMPLES))
			return 1;
		free(x);
		npu_model_free(model);
	}
	return fclose(names);
}

/* ONNX allows less padding than a window is long; what no window reaches is left out. */
static void test_wide_padding(void **state)
{
	static const float x[5] = { 1, 2, 3, 4, 5 };
	struct npu_model *model, *back;
	struct npu_error err;
	float y[2];

	(void)state;
	assert_int_equal(npu_model_create(&model, (uint32_t[3]){ 1, 5, 1 }, 1, &err), 0);
	if (npu_model_add(model,
			  npu_average_pool(.kernel = { 1, 2 }, .stride = { 3, 4 },
					   .padding = NPU_EXPLICIT, .pad = { 0, 1, 2, 2 }),
			  &err) < 0)
		fail_msg("%s", err.message);
	if (npu_model_save(model, "wide.onnx", &err) || npu_model_load(&back, "wide.onnx", &err))
		fail_msg("%s", err.message);
	assert_int_equal(npu_model_predict(back, x, 1, 1, y, &err), 0);
	assert_true(y[0] == 1 && y[1] == 4.5f);
	npu_model_free(back);
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_bad_saves),    cmocka_unit_test(test_replace),
		cmocka_unit_test(test_bad_loads),    cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),	     cmocka_unit_test(test_amplification),
		cmocka_unit_test(test_wide_padding),
	};

	if (getenv("NPU_EXPORT"))
		return export(getenv("NPU_EXPORT"));
	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
