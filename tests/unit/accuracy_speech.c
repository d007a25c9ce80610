// SPDX-License-Identifier: MIT
/*
 * Spoken digits, three speakers: recordings 10 to 49 to learn from, 0 to 9 to be tested on. At
 * least 95 % are right, and at most two samples fewer in an int8 program. A speaker who was never
 * heard is reported, too: that is much harder.
 */
#include "accuracy_program.h"

#define SEEDS (REDUCED ? 1 : 3)
#define EPOCHS (REDUCED ? 1 : 40)
#define FRAMES 48 /* 0.97 s; longer recordings lose their end */

static void read_sounds(struct npu_dataset *data, const char *folder, const char *match,
			const struct npu_dataset *like)
{
	const struct npu_wav_options options = {
		.folder = {
			.class_of = NPU_CLASS_OF_PREFIX,
			.match = match,
			.like = like,
		},
		.audio = { .window_ms = 32, .hop_ms = 20 },
		.frames = FRAMES,
		.image = true,
	};
	struct npu_error err = { 0 };

	check_ok(npu_dataset_read_wav(data, folder, &options, &err), &err);
}

static struct npu_model *build(const struct npu_dataset *data, uint64_t seed)
{
	const struct npu_layer layers[] = {
		npu_conv2d(.units = 16, .kernel = { 3, 3 }, .padding = NPU_SAME, .no_bias = true),
		npu_batch_norm(.activation = NPU_RELU, .momentum = 0.9f),
		npu_max_pool(),
		npu_conv2d(.units = 32, .kernel = { 3, 3 }, .padding = NPU_SAME, .no_bias = true),
		npu_batch_norm(.activation = NPU_RELU, .momentum = 0.9f),
		npu_max_pool(),
		npu_conv2d(.units = 48, .kernel = { 3, 3 }, .padding = NPU_SAME, .no_bias = true),
		npu_batch_norm(.activation = NPU_RELU, .momentum = 0.9f),
		npu_max_pool(),
		npu_dropout(.rate = 0.4f),
		npu_dense(.units = 10, .activation = NPU_SOFTMAX),
	};
	struct npu_scaler scaler = { 0 };
	struct npu_error err = { 0 };
	struct npu_model *model;
	size_t i;

	check_ok(npu_model_create(&model, data->dim, seed, &err), &err);
	check_ok(npu_scaler_fit_standard(&scaler, data, &err), &err);
	check_ok(npu_model_set_scaler(model, &scaler, &err), &err);
	npu_scaler_free(&scaler);
	for (i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		check_ok(npu_model_add(model, layers[i], &err), &err);
	return model;
}

/* @lost: samples that an int8 program loses; NULL: it is not asked */
static double train(const struct npu_dataset *data, const struct npu_dataset *test, uint64_t seed,
		    double *lost)
{
	/* what comes in is silence: ln 1e-6 */
	const struct npu_augmentation augment = { .shift = { 3, 1 }, .fill = -13.8f };
	const struct npu_fit_options options = {
		.optimizer = npu_adamw(.rate = 3e-3f),
		.schedule = { .kind = NPU_SCHEDULE_COSINE },
		.augment = &augment,
		.epochs = EPOCHS,
		.threads = 2,
		.batch = 32,
	};
	struct npu_model *model = build(data, seed);
	struct npu_error err = { 0 };
	double accuracy;

	check_ok(npu_model_fit(model, data, &options, NULL, &err), &err);
	accuracy = accuracy_of(model, test);
	if (lost)
		*lost = lost_in_program(model, data, test);
	npu_model_free(model);
	return accuracy;
}

static void test_known_speakers(void **state)
{
	const char *folder = data_path("fsdd");
	struct npu_dataset data, test;
	double accuracy[3], lost[3];
	int i;

	(void)state;
	read_sounds(&data, folder, "*_[1-4][0-9].wav", NULL);
	read_sounds(&test, folder, "*_[0-9].wav", &data);
	assert_int_equal(data.samples, 1200);
	assert_int_equal(test.samples, 300);
	for (i = 0; i < SEEDS; i++) {
		accuracy[i] = train(&data, &test, (uint64_t)i + 1, &lost[i]);
		print_message("# seed %d: %.2f %%\n", i + 1, accuracy[i]);
	}
	npu_dataset_free(&data);
	npu_dataset_free(&test);
	print_message("# median of %d: %.2f %%\n", SEEDS, median(accuracy, SEEDS));
	assert_true(median(accuracy, SEEDS) >= (REDUCED ? 15 : 95));
	print_message("# lost in int8, median: %g samples\n", median(lost, SEEDS));
	assert_true(median(lost, SEEDS) <= (REDUCED ? 15 : 2));
}

static void test_unknown_speaker(void **state)
{
	const char *folder = data_path("fsdd");
	struct npu_dataset data, test;

	(void)state;
	if (REDUCED)
		return;
	read_sounds(&data, folder, "*_[!t]*_*.wav", NULL);
	read_sounds(&test, folder, "*_theo_*.wav", &data);
	assert_int_equal(data.samples, 1000);
	assert_int_equal(test.samples, 500);
	print_message("# trained on two speakers, a third: %.2f %%\n",
		      train(&data, &test, 1, NULL));
	npu_dataset_free(&data);
	npu_dataset_free(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_speakers),
		cmocka_unit_test(test_unknown_speaker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
