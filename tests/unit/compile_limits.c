// SPDX-License-Identifier: MIT
/* What is beyond an instruction is refused, with the layer's name and the limit in the sentence. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compile_model.h"

#include "npu_accel.h"

/**
 * struct limit - a layer at a limit of the instruction set, and beyond it
 * @dim: of the model's input, [1] beyond
 * @layer: likewise
 * @says: in the sentence
 */
struct limit {
	uint32_t dim[2][3];
	struct npu_layer layer[2];
	const char *says;
};

#define ROW(c)          \
	{               \
		1, 1, c \
	}

static const struct limit limits[] = {
	{ { ROW(NPU_MAX_DEPTH), ROW(NPU_MAX_DEPTH + 1) },
	  { npu_dense(.units = 1), npu_dense(.units = 1) },
	  "65537 inputs reach" },
	{ { { 3, 3, 7281 }, { 3, 3, 7282 } },
	  { npu_conv2d(.units = 1, .kernel = { 3, 3 }),
	    npu_conv2d(.units = 1, .kernel = { 3, 3 }) },
	  "at most 65536" },
	{ { ROW(NPU_MAX_SOFTMAX), ROW(NPU_MAX_SOFTMAX + 1) },
	  { npu_activation(.activation = NPU_SOFTMAX), npu_activation(.activation = NPU_SOFTMAX) },
	  "softmax over 4097" },
	{ { ROW(NPU_MAX_NORM), ROW(NPU_MAX_NORM + 1) },
	  { npu_layer_norm(0), npu_layer_norm(0) },
	  "rows of 4097" },
	{ { { 256, 256, 1 }, { 256, 257, 1 } },
	  { npu_global_average_pool(0), npu_global_average_pool(0) },
	  "65792 elements" },
	{ { { 256, 256, 1 }, { 256, 257, 1 } },
	  { npu_global_max_pool(0), npu_global_max_pool(0) },
	  "65792 elements" },
	{ { ROW(NPU_MAX_RECURRENT), ROW(NPU_MAX_RECURRENT + 1) },
	  { npu_rnn(.units = 1), npu_rnn(.units = 1) },
	  "4097 inputs" },
	{ { { 1, 1 << 20, 1 }, { 1, 1 << 20, 1 } },
	  { npu_gru(.units = 256), npu_gru(.units = 257) },
	  "1048576 steps of 257 units" },
	{ { { 257, 257, 1 }, { 2048, 2048, 1 } },
	  { npu_max_pool(.kernel = { 2, 2 }, .stride = { 1, 1 }, .dilation = { 255, 255 }),
	    npu_max_pool(.kernel = { 2, 2 }, .stride = { 1, 1 }, .dilation = { 1023, 1023 }) },
	  "dilation takes" },
};

static int quote(const struct limit *limit, int beyond, struct npu_error *err)
{
	struct npu_layer layer = limit->layer[beyond];
	struct npu_compile_quote quote;
	struct npu_model *model;
	int ret;

	layer.name = "large";
	check_ok(npu_model_create(&model, limit->dim[beyond], 1, err), err);
	check_ok(npu_model_add(model, layer, err), err);
	ret = npu_model_compile_quote(model, NULL, &quote, err);
	npu_model_free(model);
	return ret;
}

static void limits_are_named(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct npu_error err = { 0 };

		check_ok(quote(&limits[i], 0, &err), &err);
		assert_int_equal(quote(&limits[i], 1, &err), -E2BIG);
		if (!strstr(err.message, limits[i].says) || !strstr(err.message, "\"large\""))
			fail_msg("limit %zu: \"%s\" does not say \"%s\"", i, err.message,
				 limits[i].says);
	}
}

/* An embedding of more entries than 16 bits count takes its numbers from the input only. */
static void large_vocabularies(void **state)
{
	const uint32_t dim[3] = { 1, 4, 1 };
	const float x[8] = { 0, 1, 2, 39999, 39999, 40000, -1, 3 };
	const struct npu_file_tensor *input;
	struct npu_compile_quote quote;
	struct npu_error err = { 0 };
	struct npu_model *model;
	size_t bytes;
	void *image;

	(void)state;
	check_ok(npu_model_create(&model, dim, 1, &err), &err);
	check_ok(npu_model_add(model, npu_embedding(.vocabulary = 40000, .units = 2), &err), &err);
	check_ok(npu_model_compile(model, x, 2, NULL, &image, &bytes, &err), &err);
	input = (const void *)((uint8_t *)image +
			       image_section(image, NPU_SECTION_TENSORS)->offset);
	assert_int_equal(input->type, NPU_TYPE_INT32);
	assert_true(input->scale == 1);
	npu_image_free(image);
	npu_model_free(model);

	check_ok(npu_model_create(&model, dim, 1, &err), &err);
	check_ok(npu_model_add(model, npu_conv1d(.units = 1), &err), &err);
	check_ok(npu_model_add(model,
			       npu_embedding(.name = "large", .vocabulary = 40000, .units = 2),
			       &err),
		 &err);
	assert_int_equal(npu_model_compile_quote(model, NULL, &quote, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.message, "\"large\""));
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_named),
		cmocka_unit_test(large_vocabularies),
	};

	return cmocka_run_group_tests_name("compile_limits", tests, NULL, NULL);
}
