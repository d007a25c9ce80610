// SPDX-License-Identifier: MIT
/*
 * Every case of nn_case_table.h, and networks beyond single layers, written as ONNX and read back.
 * With NPU_EXPORT=DIR they are left there for onnx-runtime.sh, with a file "names": a line each,
 * the file's name and the case's.
 */
#include "onnx_networks.h"
#include "nn_cases.h"

#define SAMPLES 3

#define ALL (NN_CASES + NETWORKS)

static const char *name_of(size_t i)
{
	return i < NN_CASES ? nn_cases[i].name : networks[i - NN_CASES].name;
}

static unsigned int numbers_of(size_t i)
{
	if (i >= NN_CASES)
		return networks[i - NN_CASES].numbers;
	return nn_cases[i].options & NN_NUMBERS ? nn_cases[i].layer[0].vocabulary : 0;
}

static struct npu_model *make_model(size_t i)
{
	struct npu_model *model = NULL;
	struct npu_error err;

	if (i >= NN_CASES)
		return make_network(&networks[i - NN_CASES]);
	if (nn_case_model(&nn_cases[i], &model, &err))
		fail_msg("%s: %s", name_of(i), err.message);
	return model;
}

static void test_round_trip(void **state)
{
	size_t i = (size_t)*state;
	struct npu_model *model = make_model(i), *back;
	float *x = make_inputs(model, SAMPLES, numbers_of(i));

	back = round_trip(name_of(i), model, x, SAMPLES);
	npu_model_free(back);
	npu_model_free(model);
	free(x);
}

static int export(const char *folder)
{
	char path[512], name[32];
	FILE *names;

	snprintf(path, sizeof(path), "%s/names", folder);
	names = fopen(path, "w");
	if (!names)
		return 1;
	for (size_t i = 0; i < ALL; i++) {
		struct npu_model *model = make_model(i);
		float *x = make_inputs(model, SAMPLES, numbers_of(i));

		snprintf(name, sizeof(name), "layers%03zu", i);
		fprintf(names, "%s %s\n", name, name_of(i));
		if (export_model(folder, name, model, x, SAMPLES))
			return 1;
		npu_model_free(model);
		free(x);
	}
	return fclose(names);
}

int main(void)
{
	static struct CMUnitTest tests[ALL];

	if (getenv("NPU_EXPORT"))
		return export(getenv("NPU_EXPORT"));
	for (size_t i = 0; i < ALL; i++)
		tests[i] = (struct CMUnitTest){
			.name = name_of(i),
			.test_func = test_round_trip,
			.initial_state = (void *)i,
		};
	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
