// SPDX-License-Identifier: MIT
/*
 * Whole models of others with answers that are known: the digits of cONNXr in NPU_DATA, which
 * CNTK exported; and with NPU_MODELS=DIR what onnx-torch.py left there: a file "names" with a line
 * each, NAME, a blank, what it is; NAME.onnx, NAME.in.npy and NAME.out.npy in the model's order.
 */
#include <math.h>

#include "data_case.h"
#include "onnx.pb-c.h"

#define MAX_MODELS 128

struct named_model {
	char name[64], what[120];
};

static struct npu_model *load(const char *path)
{
	struct npu_model *model;
	struct npu_error err;

	if (npu_model_load(&model, path, &err))
		fail_msg("%s", err.message);
	return model;
}

static void compare(struct npu_model *model, const float *x, const float *y, size_t samples)
{
	size_t count = samples * npu_model_outputs(model);
	float *got = malloc(count * sizeof(*got));
	struct npu_error err;

	assert_non_null(got);
	if (npu_model_predict(model, x, samples, 1, got, &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; i < count; i++)
		if (!(fabsf(got[i] - y[i]) <= 1e-5f + 1e-5f * fabsf(y[i])))
			fail_msg("output %zu is %.9g instead of %.9g", i, (double)got[i],
				 (double)y[i]);
	free(got);
}

/* The floats of a tensor in a file of its own; the caller frees them. */
static float *read_floats(const char *path, size_t count)
{
	size_t size;
	uint8_t *bytes = read_bytes(path, &size);
	NpuOnnx__Tensor *t = npu_onnx__tensor__unpack(NULL, size, bytes);
	float *value = malloc(count * sizeof(*value));

	free(bytes);
	assert_non_null(t);
	assert_non_null(value);
	assert_int_equal(t->raw_data.len, count * sizeof(*value));
	memcpy(value, t->raw_data.data, t->raw_data.len);
	npu_onnx__tensor__free_unpacked(t, NULL);
	return value;
}

static void test_digits(void **state)
{
	const char *data = getenv("NPU_DATA");
	struct npu_model *model;
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/cONNXr/mnist/model.onnx", data ? data : "");
	if (!data || access(path, R_OK)) {
		print_message("NPU_DATA has no cONNXr/mnist\n");
		skip();
	}
	model = load(path);
	/* conv with bias and relu, max pool, twice; a dense layer. */
	assert_int_equal(npu_model_layers(model), 5);
	for (int i = 0; i < 3; i++) {
		float *x, *y;

		snprintf(path, sizeof(path), "%s/cONNXr/mnist/test_data_set_%d/input_0.pb", data,
			 i);
		x = read_floats(path, 784);
		snprintf(path, sizeof(path), "%s/cONNXr/mnist/test_data_set_%d/output_0.pb", data,
			 i);
		y = read_floats(path, 10);
		compare(model, x, y, 1);
		free(x);
		free(y);
	}
	npu_model_free(model);
}

static void test_model(void **state)
{
	const struct named_model *m = *state;
	char path[512], answers[512];
	struct npu_dataset data;
	struct npu_model *model;
	struct npu_error err;

	snprintf(path, sizeof(path), "%s/%s.onnx", getenv("NPU_MODELS"), m->name);
	model = load(path);
	snprintf(path, sizeof(path), "%s/%s.in.npy", getenv("NPU_MODELS"), m->name);
	snprintf(answers, sizeof(answers), "%s/%s.out.npy", getenv("NPU_MODELS"), m->name);
	if (npu_dataset_read_npy(&data, path, answers, &err))
		fail_msg("%s", err.message);
	assert_int_equal(data.features, npu_model_features(model));
	assert_int_equal(data.targets, npu_model_outputs(model));
	compare(model, data.x, data.y, data.samples);
	npu_dataset_free(&data);
	npu_model_free(model);
}

static size_t list_models(const char *folder, struct named_model *model)
{
	char path[512];
	size_t count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/names", folder);
	f = fopen(path, "r");
	while (f && count < MAX_MODELS &&
	       fscanf(f, "%63s %119[^\n]", model[count].name, model[count].what) == 2)
		count++;
	if (f)
		fclose(f);
	return count;
}

int main(void)
{
	static struct named_model model[MAX_MODELS];
	static struct CMUnitTest tests[MAX_MODELS + 1];
	size_t count = 0;

	if (!getenv("NPU_MODELS")) {
		const struct CMUnitTest digits[] = { cmocka_unit_test(test_digits) };

		return cmocka_run_group_tests(digits, NULL, NULL);
	}
	count = list_models(getenv("NPU_MODELS"), model);
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ .name = model[i].what,
						.test_func = test_model,
						.initial_state = &model[i] };
	return _cmocka_run_group_tests("models", tests, count, NULL, NULL);
}
