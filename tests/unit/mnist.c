// SPDX-License-Identifier: MIT
/*
 * Handwritten digits: 784 - 128 - 10 trained from five seeds, compiled to int8 and int16, and run
 * on the 5,000 test images, which nothing here was chosen by: epochs and rates were settled on a
 * validation split of the training images, and the weights are those after the last epoch.
 *
 * With NPU_EXPORT=DIR the first seed's int8 program, its inputs and its outputs are written there
 * (mnist.npu, mnist-input.bin, mnist-output.bin: the tensors of all images one after another), so
 * that a device can run them and be compared bit for bit.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compile_model.h"

#include "npu_engine.h"
#include "runtime/device.h"

#define SEEDS 5
#define CALIBRATION 500
#define CLASSES 10
#define HIDDEN 128

/*
 * Training in stages of a falling rate. Of five such schedules this is the cheapest among those
 * that came within sampling error of the best on the last 10,000 training images (98.0 %).
 */
static const struct {
	unsigned int epochs;
	float rate;
} stages[] = {
	{ 8, 2e-3f },
	{ 2, 5e-4f },
	{ 2, 1e-4f },
};

#define BATCH 128

/**
 * struct fixture - data and models that the tests share
 * @train: 60,000 images
 * @test: 5,000 images
 * @model: trained, one a seed; NULL before
 * @accuracy: of each in f32, percent
 */
static struct {
	bool present;
	struct npu_dataset train, test;
	struct npu_model *model[SEEDS];
	double accuracy[SEEDS];
} fixture;

static int read_images(struct npu_dataset *data, const char *folder, const char *images,
		       const char *labels)
{
	char images_path[512], labels_path[512];
	struct npu_error err = { 0 };

	snprintf(images_path, sizeof(images_path), "%s/datasets/mnist/%s", folder, images);
	snprintf(labels_path, sizeof(labels_path), "%s/datasets/mnist/%s", folder, labels);
	if (access(images_path, R_OK))
		return -1;
	if (npu_dataset_read_idx(data, images_path, labels_path, &err) < 0) {
		print_error("# %s\n", err.message);
		return -1;
	}
	return 0;
}

static int setup(void **state)
{
	const char *folder = getenv("NPU_DATA");

	(void)state;
	if (!folder)
		return 0;
	fixture.present = !read_images(&fixture.train, folder, "train-images-idx3-ubyte.gz",
				       "train-labels-idx1-ubyte.gz") &&
			  !read_images(&fixture.test, folder, "t10k_0_5000-images-idx3-ubyte.gz",
				       "t10k_0_5000-labels-idx1-ubyte.gz");
	return 0;
}

static int teardown(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < SEEDS; i++)
		npu_model_free(fixture.model[i]);
	npu_dataset_free(&fixture.train);
	npu_dataset_free(&fixture.test);
	return 0;
}

/* The tests need the data; those after the first, its models too. */
static void require(bool models)
{
	if (!fixture.present) {
		print_message("# NPU_DATA/datasets/mnist is not there\n");
		skip();
	}
	if (models && !fixture.model[SEEDS - 1])
		fail_msg("the models were not trained");
}

static double accuracy_of(const float *scores)
{
	struct npu_metrics metrics;
	struct npu_error err = { 0 };
	double percent;

	check_ok(npu_metrics_compute(&metrics, &fixture.test, scores, CLASSES, &err), &err);
	percent = 100 * metrics.accuracy;
	npu_metrics_free(&metrics);
	return percent;
}

static struct npu_model *train(uint64_t seed)
{
	struct npu_fit_options options = { .batch = BATCH };
	struct npu_error err = { 0 };
	struct npu_model *model;
	size_t i;

	check_ok(npu_model_create(&model, fixture.train.dim, seed, &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = HIDDEN, .activation = NPU_RELU), &err),
		 &err);
	check_ok(npu_model_add(model, npu_dense(.units = CLASSES, .activation = NPU_SOFTMAX), &err),
		 &err);
	for (i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		options.epochs = stages[i].epochs;
		options.optimizer = npu_adam();
		options.optimizer.rate = stages[i].rate;
		check_ok(npu_model_fit(model, &fixture.train, &options, NULL, &err), &err);
	}
	return model;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values)
{
	double sorted[SEEDS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, SEEDS, sizeof(sorted[0]), by_size);
	return sorted[SEEDS / 2];
}

static void f32_reaches_its_accuracy(void **state)
{
	size_t samples = fixture.test.samples;
	float *scores;
	struct npu_error err = { 0 };
	int i;

	(void)state;
	require(false);
	assert_int_equal(samples, 5000);
	scores = malloc(samples * CLASSES * sizeof(*scores));
	for (i = 0; i < SEEDS; i++) {
		fixture.model[i] = train((uint64_t)i + 1);
		check_ok(npu_model_predict(fixture.model[i], fixture.test.x, samples, 0, scores,
					   &err),
			 &err);
		fixture.accuracy[i] = accuracy_of(scores);
		print_message("# seed %d: f32 %.2f %%\n", i + 1, fixture.accuracy[i]);
	}
	free(scores);
	print_message("# median of %d seeds: f32 %.2f %%\n", SEEDS, median(fixture.accuracy));
	assert_true(median(fixture.accuracy) >= 96.8);
}

/* Scores of all test images, f32 in and out. */
static void run_images(const struct compiled *c, float *scores)
{
	struct npu_error err = { 0 };
	size_t i;

	for (i = 0; i < fixture.test.samples; i++)
		check_ok(npu_infer_f32(c->session, fixture.test.x + i * fixture.test.features,
				       scores + i * CLASSES, &err),
			 &err);
}

static void check_precision(enum npu_precision precision, const char *name)
{
	float *scores = malloc(fixture.test.samples * CLASSES * sizeof(*scores));
	double accuracy[SEEDS];
	int i;

	for (i = 0; i < SEEDS; i++) {
		struct compiled c =
			compile_model(fixture.model[i], fixture.train.x, CALIBRATION, precision, 1);

		run_images(&c, scores);
		accuracy[i] = accuracy_of(scores);
		print_message("# seed %d: %s %.2f %%, %+.2f points\n", i + 1, name, accuracy[i],
			      accuracy[i] - fixture.accuracy[i]);
		assert_true(accuracy[i] >= fixture.accuracy[i] - 0.5);
		compiled_close(&c);
	}
	print_message("# median of %d seeds: %s %.2f %%\n", SEEDS, name, median(accuracy));
	free(scores);
}

static void int8_stays_within_half_a_point(void **state)
{
	(void)state;
	require(true);
	check_precision(NPU_PRECISION_INT8, "int8");
}

static void int16_stays_within_half_a_point(void **state)
{
	(void)state;
	require(true);
	check_precision(NPU_PRECISION_INT16, "int16");
}

/**
 * struct tensors - all images as a program sees them
 * @input: [5000] inputs
 * @output: [5000] outputs
 */
struct tensors {
	size_t input_bytes, output_bytes;
	uint8_t *input, *output;
};

static struct tensors run_tensors(const struct compiled *c)
{
	struct npu_request *request = npu_session_request(c->session, 0);
	size_t samples = fixture.test.samples, i;
	struct tensors t = {
		.input_bytes = npu_program_input(c->program, 0)->bytes,
		.output_bytes = npu_program_output(c->program, 0)->bytes,
	};
	struct npu_error err = { 0 };

	t.input = malloc(samples * t.input_bytes);
	t.output = malloc(samples * t.output_bytes);
	for (i = 0; i < samples; i++) {
		assert_int_equal(npu_request_write_f32(request, 0,
						       fixture.test.x + i * fixture.test.features),
				 0);
		memcpy(t.input + i * t.input_bytes, npu_request_input(request, 0), t.input_bytes);
		check_ok(npu_infer(request, &err), &err);
		memcpy(t.output + i * t.output_bytes, npu_request_output(request, 0),
		       t.output_bytes);
	}
	return t;
}

static void free_tensors(struct tensors *t)
{
	free(t->input);
	free(t->output);
}

static void write_file(const char *folder, const char *name, const void *data, size_t bytes)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file))
		fail_msg("%s cannot be written", path);
}

static void export(const struct compiled *c, const struct tensors *t)
{
	const char *folder = getenv("NPU_EXPORT");

	if (!folder)
		return;
	write_file(folder, "mnist.npu", c->image, c->bytes);
	write_file(folder, "mnist-input.bin", t->input, fixture.test.samples * t->input_bytes);
	write_file(folder, "mnist-output.bin", t->output, fixture.test.samples * t->output_bytes);
}

static void variants_give_the_same_outputs(void **state)
{
	struct compiled c;
	struct tensors first;
	unsigned int i, compared = 0;

	(void)state;
	require(true);
	c = compile_model(fixture.model[0], fixture.train.x, CALIBRATION, NPU_PRECISION_INT8, 1);
	npu_session_close(c.session);
	npu_program_free(c.program);
	npu_device_close(c.device);
	compiled_open(&c, "scalar");
	first = run_tensors(&c);
	export(&c, &first);
	for (i = 0; npu_variant_at(i); i++) {
		const char *name = npu_variant_name(npu_variant_at(i));
		struct compiled other = { .image = c.image, .bytes = c.bytes };
		struct tensors t;

		if (!npu_variant_find(name, npu_cpu_features())) {
			print_message("# %s does not run on this CPU\n", name);
			continue;
		}
		compiled_open(&other, name);
		t = run_tensors(&other);
		assert_memory_equal(t.output, first.output, fixture.test.samples * t.output_bytes);
		print_message("# %s: %zu outputs identical\n", name, fixture.test.samples);
		compared++;
		free_tensors(&t);
		npu_session_close(other.session);
		npu_program_free(other.program);
		npu_device_close(other.device);
	}
	assert_true(compared >= 1);
	free_tensors(&first);
	compiled_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f32_reaches_its_accuracy),
		cmocka_unit_test(int8_stays_within_half_a_point),
		cmocka_unit_test(int16_stays_within_half_a_point),
		cmocka_unit_test(variants_give_the_same_outputs),
	};

	return cmocka_run_group_tests_name("mnist", tests, setup, teardown);
}
