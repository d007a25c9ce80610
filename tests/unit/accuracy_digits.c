// SPDX-License-Identifier: MIT
/*
 * Handwritten digits with a convolutional network: at least 98.3 % within five epochs, and at most
 * half a point less as an int8 program.
 */
#include "accuracy_program.h"

#define SEEDS (REDUCED ? 1 : 5)
#define EPOCHS (REDUCED ? 1 : 5)
#define TRAIN (REDUCED ? 500 : 60000)
#define TEST (REDUCED ? 200 : 5000)

static void read_images(struct npu_dataset *data, const char *images, const char *labels)
{
	struct npu_error err = { 0 };
	char path[2][1024];

	snprintf(path[0], sizeof(path[0]), "%s", data_path(images));
	snprintf(path[1], sizeof(path[1]), "%s", data_path(labels));
	check_ok(npu_dataset_read_idx(data, path[0], path[1], &err), &err);
}

static struct npu_model *build(const uint32_t dim[3], uint64_t seed)
{
	const struct npu_layer layers[] = {
		npu_conv2d(.units = 16, .kernel = { 3, 3 }, .padding = NPU_SAME,
			   .activation = NPU_RELU),
		npu_max_pool(),
		npu_conv2d(.units = 32, .kernel = { 3, 3 }, .padding = NPU_SAME,
			   .activation = NPU_RELU),
		npu_max_pool(),
		npu_dense(.units = 128, .activation = NPU_RELU),
		npu_dropout(.rate = 0.3f),
		npu_dense(.units = 10, .activation = NPU_SOFTMAX),
	};
	struct npu_error err = { 0 };
	struct npu_model *model;
	size_t i;

	check_ok(npu_model_create(&model, dim, seed, &err), &err);
	for (i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		check_ok(npu_model_add(model, layers[i], &err), &err);
	return model;
}

static void test_digits(void **state)
{
	const struct npu_fit_options options = {
		.optimizer = npu_adam(.rate = 2e-3f),
		.schedule = { .kind = NPU_SCHEDULE_COSINE },
		.epochs = EPOCHS,
		.threads = 2,
		.batch = 64,
	};
	struct npu_dataset train_all, test_all, train, test;
	double accuracy[5], lost[5];
	struct npu_error err = { 0 };
	int i;

	(void)state;
	read_images(&train_all, "mnist/train-images-idx3-ubyte.gz",
		    "mnist/train-labels-idx1-ubyte.gz");
	read_images(&test_all, "mnist/t10k_0_5000-images-idx3-ubyte.gz",
		    "mnist/t10k_0_5000-labels-idx1-ubyte.gz");
	train = first_of(&train_all, TRAIN);
	test = first_of(&test_all, TEST);
	for (i = 0; i < SEEDS; i++) {
		struct npu_model *model = build(train.dim, (uint64_t)i + 1);

		check_ok(npu_model_fit(model, &train, &options, NULL, &err), &err);
		accuracy[i] = accuracy_of(model, &test);
		print_message("# seed %d: %.2f %%\n", i + 1, accuracy[i]);
		lost[i] = 100 * lost_in_program(model, &train, &test) / (double)test.samples;
		npu_model_free(model);
	}
	npu_dataset_free(&train_all);
	npu_dataset_free(&test_all);
	print_message("# median of %d: %.2f %%\n", SEEDS, median(accuracy, SEEDS));
	assert_true(median(accuracy, SEEDS) >= (REDUCED ? 50 : 98.3));
	print_message("# lost in int8, median: %.2f points\n", median(lost, SEEDS));
	assert_true(median(lost, SEEDS) <= (REDUCED ? 5 : 0.5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
